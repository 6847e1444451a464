#pragma once

#include "esp_err.h"

typedef struct esp_transport_item_t* esp_transport_handle_t;

esp_err_t esp_transport_set_default_port(esp_transport_handle_t transport, int port);
