// Reports over MQTT, with libmosquitto.

#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "firmware/transport.h"

struct mosquitto;
struct mosquitto_message;

namespace firmware::linux_board {

struct MqttOptions {
  std::string host = "127.0.0.1";
  int port = 1883;
  std::string home;
  std::string device;
  std::string user;  // Empty: the device.
  std::string password;
  std::string client;  // Where one meter keeps several connections; empty: the user.
};

// Publishes to lenz/{home}/{device}/report and /reply and hears /stored and /request, QoS 1.
//
// poll() does all the work and reconnects by itself, at most every `retry`; nothing blocks longer
// than the connect call of the system. One thread.
class MqttTransport final : public Transport {
 public:
  explicit MqttTransport(MqttOptions);
  ~MqttTransport();

  // Waits up to `wait_ms` for the network, then reads and writes what is possible.
  void poll(int wait_ms);
  // Ends the connection; the next poll() begins a new one.
  void drop();

  bool is_up() const override { return up_; }
  unsigned connections() const override { return connections_; }
  bool send(Post, std::span<const std::uint8_t> bytes) override;
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override;

  // One sentence while the link is down, else empty.
  const std::string& trouble() const { return trouble_; }

 private:
  void connect();
  void fail(const std::string& why);
  static void on_connect(mosquitto*, void* self, int code);
  static void on_disconnect(mosquitto*, void* self, int code);
  static void on_message(mosquitto*, void* self, const mosquitto_message*);

  struct Destroy {
    void operator()(mosquitto*) const;
  };
  MqttOptions options_;
  std::string report_topic_, reply_topic_, stored_topic_, request_topic_;
  std::unique_ptr<mosquitto, Destroy> client_;
  bool started_ = false;  // A socket exists, or is being made.
  bool up_ = false;
  unsigned connections_ = 0;
  int unconfirmed_ = 0;  // Publishes that the broker has not taken yet.
  std::int64_t next_try_ms_ = 0;
  std::string trouble_;
  struct Letter {
    Mail mail;
    std::vector<std::uint8_t> bytes;
  };
  std::deque<Letter> letters_;
};

}  // namespace firmware::linux_board
