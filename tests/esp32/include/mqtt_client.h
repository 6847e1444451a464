#pragma once

#include <stddef.h>

#include "esp_event.h"
#include "esp_transport.h"

typedef struct esp_mqtt_client* esp_mqtt_client_handle_t;
typedef enum {
  MQTT_EVENT_ANY = -1,
  MQTT_EVENT_ERROR,
  MQTT_EVENT_CONNECTED,
  MQTT_EVENT_DISCONNECTED,
  MQTT_EVENT_DATA = 6,
} esp_mqtt_event_id_t;
typedef enum { MQTT_PROTOCOL_V_5 = 3 } esp_mqtt_protocol_ver_t;
typedef struct {
  char* data;
  int data_len, total_data_len;
  char* topic;
  int topic_len;
} esp_mqtt_event_t;
typedef struct {
  struct {
    struct {
      const char* uri;
    } address;
    struct {
      const char* certificate;
    } verification;
  } broker;
  struct {
    const char *username, *client_id;
    struct {
      const char* password;
    } authentication;
  } credentials;
  struct {
    int keepalive;
    esp_mqtt_protocol_ver_t protocol_ver;
  } session;
  struct {
    int reconnect_timeout_ms;
    esp_transport_handle_t transport;
  } network;
  struct {
    int size;
  } buffer;
  struct {
    uint64_t limit;
  } outbox;
} esp_mqtt_client_config_t;

esp_mqtt_client_handle_t esp_mqtt_client_init(const esp_mqtt_client_config_t* config);
esp_err_t esp_mqtt_client_start(esp_mqtt_client_handle_t client);
esp_err_t esp_mqtt_client_stop(esp_mqtt_client_handle_t client);
esp_err_t esp_mqtt_client_register_event(esp_mqtt_client_handle_t client, esp_mqtt_event_id_t event,
                                         esp_event_handler_t handler, void* arg);
int esp_mqtt_client_subscribe_single(esp_mqtt_client_handle_t client, const char* topic, int qos);
int esp_mqtt_client_enqueue(esp_mqtt_client_handle_t client, const char* topic, const char* data,
                            int len, int qos, int retain, bool store);
