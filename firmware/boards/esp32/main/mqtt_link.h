// Reports over MQTT 5, TLS and the meter's own credential.

#pragma once

#include <freertos/FreeRTOS.h>
#include <freertos/semphr.h>
#include <mqtt_client.h>
#include <sdkconfig.h>
#if CONFIG_LENZ_CELLULAR
#include <esp_transport.h>
#endif

#include <array>
#include <atomic>

#include "firmware/mail_box.h"
#include "firmware/settings.h"
#include "firmware/transport.h"

namespace firmware::esp32_board {

// Publishes to lenz/{home}/{device}/{report,reply} and hears .../{stored,request}, QoS 1. The
// client's own task calls on_event(); all else belongs to one task. The settings must outlive it.
class MqttLink final : public Transport {
 public:
  // False: the client cannot be made. It runs from start() on and reconnects by itself. Where a
  // connection `costs` it asks seldom whether all is well, and goes on with the TLS session of the
  // one before.
  bool begin(const Settings&, bool costs);
  // Both may be called by another task than the rest; stop() waits for the client.
  bool start();
  void stop();

  bool is_up() const override { return up_; }
  unsigned connections() const override { return connections_; }
  bool send(Post, std::span<const std::uint8_t> bytes) override;
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override;

 private:
  static constexpr std::size_t most_bytes = 1024;  // Of an answer or a request.
  // The client holds what the broker has not taken: no more than this.
  static constexpr int most_unconfirmed_bytes = 16 * 1024;

  struct Topic {
    static constexpr std::size_t most_topic = 95;
    std::array<char, most_topic + 1> text{};
    void set(const Settings&, std::string_view last);
    bool is(std::string_view other) const { return other == text.data(); }
  };

  static void on_event(void* self, esp_event_base_t, std::int32_t event, void* what);
  void keep_session();
  void hear(const esp_mqtt_event_t&);

  esp_mqtt_client_handle_t client_ = nullptr;
#if CONFIG_LENZ_CELLULAR
  esp_transport_handle_t tls_ = nullptr;  // That keeps its session.
#endif
  Topic report_, reply_, stored_, request_;
  std::atomic<bool> up_{false};
  std::atomic<unsigned> connections_{0};
  // Under the lock.
  StaticSemaphore_t lock_memory_{};
  SemaphoreHandle_t lock_ = nullptr;
  MailBox<4, most_bytes> mail_;
};

}  // namespace firmware::esp32_board
