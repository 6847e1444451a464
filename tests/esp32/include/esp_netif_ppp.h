#pragma once

#include "esp_netif.h"
