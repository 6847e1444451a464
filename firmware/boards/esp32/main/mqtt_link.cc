#include "mqtt_link.h"

#if CONFIG_LENZ_CELLULAR
#include <esp_system.h>
#include <esp_transport_ssl.h>
#endif

#include "firmware/text.h"

namespace firmware::esp32_board {

void MqttLink::Topic::set(const Settings& settings, std::string_view last) {
  text = {};
  const auto room = std::span(text).first<most_topic>();
  Text made(room);
  made << "lenz/" << settings.home.view() << "/" << settings.device.view() << "/" << last;
}

bool MqttLink::begin(const Settings& settings, bool costs) {
  lock_ = xSemaphoreCreateMutexStatic(&lock_memory_);
  report_.set(settings, "report");
  reply_.set(settings, "reply");
  stored_.set(settings, "stored");
  request_.set(settings, "request");
  esp_mqtt_client_config_t config{};
  config.broker.address.uri = settings.hub.c_str();
  config.broker.verification.certificate = settings.certificate.c_str();
  config.credentials.username = settings.device.c_str();
  config.credentials.client_id = settings.device.c_str();
  config.credentials.authentication.password = settings.credential.c_str();
  config.session.protocol_ver = MQTT_PROTOCOL_V_5;
  config.session.keepalive = costs ? 120 : 15;
  config.network.reconnect_timeout_ms = 2000;
  config.buffer.size = 2048;
  config.outbox.limit = most_unconfirmed_bytes;
#if CONFIG_LENZ_CELLULAR
  // The client keeps no session of a transport of its own making.
  if (costs) {
    tls_ = esp_transport_ssl_init();
    if (tls_ == nullptr) return false;
    esp_transport_set_default_port(tls_, 8883);
    esp_transport_ssl_set_cert_data(tls_, settings.certificate.c_str(),
                                    static_cast<int>(settings.certificate.view().size()));
    config.network.transport = tls_;
  }
#endif
  client_ = esp_mqtt_client_init(&config);
  return client_ != nullptr &&
         esp_mqtt_client_register_event(client_, MQTT_EVENT_ANY, on_event, this) == ESP_OK;
}

bool MqttLink::start() { return client_ != nullptr && esp_mqtt_client_start(client_) == ESP_OK; }

void MqttLink::stop() {
  if (client_ != nullptr) esp_mqtt_client_stop(client_);
  up_ = false;
}

#if CONFIG_LENZ_CELLULAR

void MqttLink::keep_session() {
  if (tls_ == nullptr) return;
  esp_transport_ssl_session_ticket_operation(tls_, ESP_TRANSPORT_SESSION_TICKET_SAVE);
  // Where there was no memory to save it the one before is gone as well, and would be used.
  const auto used =
      esp_transport_ssl_session_ticket_operation(tls_, ESP_TRANSPORT_SESSION_TICKET_USE);
  if (used != ESP_OK) esp_restart();
}

#else

void MqttLink::keep_session() {}

#endif

bool MqttLink::send(Post post, std::span<const std::uint8_t> bytes) {
  if (!up_) return false;
  const auto& topic = post == Post::report ? report_ : reply_;
  return esp_mqtt_client_enqueue(client_, topic.text.data(),
                                 reinterpret_cast<const char*>(bytes.data()),
                                 static_cast<int>(bytes.size()), 1, 0, true) >= 0;
}

std::optional<Transport::Received> MqttLink::receive(std::span<std::uint8_t> buffer) {
  if (lock_ == nullptr) return std::nullopt;
  xSemaphoreTake(lock_, portMAX_DELAY);
  const auto received = mail_.take(buffer);
  xSemaphoreGive(lock_);
  return received;
}

void MqttLink::on_event(void* self, esp_event_base_t, std::int32_t event, void* what) {
  auto& link = *static_cast<MqttLink*>(self);
  switch (static_cast<esp_mqtt_event_id_t>(event)) {
    case MQTT_EVENT_CONNECTED:
      for (const auto* topic : {&link.stored_, &link.request_}) {
        esp_mqtt_client_subscribe_single(link.client_, topic->text.data(), 1);
      }
      link.keep_session();
      ++link.connections_;
      link.up_ = true;
      return;
    case MQTT_EVENT_DISCONNECTED:
      link.up_ = false;
      return;
    case MQTT_EVENT_DATA:
      link.hear(*static_cast<const esp_mqtt_event_t*>(what));
      return;
    default:
      return;
  }
}

// What is longer than the client's buffer is no message of the hub's.
void MqttLink::hear(const esp_mqtt_event_t& event) {
  if (event.data_len != event.total_data_len || event.data_len < 0) return;
  const std::string_view topic(event.topic, static_cast<std::size_t>(event.topic_len));
  const auto size = static_cast<std::size_t>(event.data_len);
  if (size > most_bytes) return;
  xSemaphoreTake(lock_, portMAX_DELAY);
  if (stored_.is(topic) || request_.is(topic)) {
    mail_.put(stored_.is(topic) ? Mail::stored : Mail::request,
              {reinterpret_cast<const std::uint8_t*>(event.data), size});
  }
  xSemaphoreGive(lock_);
}

}  // namespace firmware::esp32_board
