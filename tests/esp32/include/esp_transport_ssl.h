#pragma once

#include "esp_transport.h"

// With CONFIG_ESP_TLS_CLIENT_SESSION_TICKETS.
typedef enum {
  ESP_TRANSPORT_SESSION_TICKET_INIT,
  ESP_TRANSPORT_SESSION_TICKET_SAVE,
  ESP_TRANSPORT_SESSION_TICKET_USE,
  ESP_TRANSPORT_SESSION_TICKET_FREE,
} esp_transport_session_ticket_operation_t;

esp_transport_handle_t esp_transport_ssl_init(void);
void esp_transport_ssl_set_cert_data(esp_transport_handle_t transport, const char* data, int len);
esp_err_t esp_transport_ssl_session_ticket_operation(
    esp_transport_handle_t transport, esp_transport_session_ticket_operation_t operation);
