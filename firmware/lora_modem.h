// A LoRaWAN modem that speaks RAKwireless's RUI3 AT commands (RAK3172 and its relatives, 115,200
// baud): it holds keys and the certified stack, and chooses the data rate with the network.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "firmware/lora_air.h"
#include "firmware/serial_port.h"
#include "measurement/units.h"

namespace firmware {

struct LoraOptions {
  LoraRegion region = LoraRegion::eu868;
  bool dwell_limited = true;  // Only AU915 and AS923 know a difference.
  std::array<std::uint8_t, 8> dev_eui{}, join_eui{};
  std::array<std::uint8_t, 16> app_key{};
  // Of US915 and AU915: bit b stands for the eight channels of sub-band b + 1. 2: the second, that
  // of most gateways; 0: all.
  std::uint16_t sub_bands = 2;
  std::uint8_t port = 10;
  // Fair use: what the network grants a device of time on the air in a day. 30 s on The Things
  // Network's community edition; a day: an own network.
  std::chrono::milliseconds air_time_a_day = std::chrono::seconds(30);
};

// Joins by itself and joins again when the modem was reset or the network forgot it. One command is
// under way at a time; each wait is limited, and what stays without an answer ends in a reset of
// the modem. Refused joins are tried again after 1 minute, then 2, up to an hour. Uplinks are
// unconfirmed. Never waits and allocates nothing. The port outlives it; one task owns it.
class LoraModem {
 public:
  LoraModem(SerialPort&, const LoraOptions&);

  // To be called at least ten times a second, so that the UART's buffer does not run over.
  void step(measurement::Uptime now);

  bool is_joined() const { return joined_; }

  // Bytes that an uplink may have now; 0: none may be sent. Asked anew for each uplink, since the
  // network changes the data rate.
  std::size_t room(measurement::Uptime now);
  // At most room() bytes, not none. False: nothing was sent.
  bool send(std::span<const std::uint8_t>, measurement::Uptime now);
  // Uplinks of so many bytes may follow each other so closely.
  std::chrono::milliseconds pace(std::size_t bytes) const;

  // The next thing that the network sent, copied into `into`; what is longer is not kept.
  struct Downlink {
    std::uint8_t port = 0;
    std::size_t size = 0;
  };
  std::optional<Downlink> receive(std::span<std::uint8_t> into);

  // UTC at uptime 0, once the network has told the time.
  std::optional<measurement::Timestamp> booted_at() const { return booted_at_; }

  struct Counts {
    std::uint32_t joins = 0;          // That succeeded.
    std::uint32_t refused_joins = 0;  // That did not.
    std::uint32_t sent = 0;           // Uplinks that the modem says were on the air.
    std::uint32_t failed = 0;         // That it refused, or of which it never said so.
    std::uint32_t resets = 0;         // That we made.
    std::uint32_t unread_lines = 0;   // Longer than any line that there is.
  };
  const Counts& counts() const { return counts_; }
  unsigned data_rate() const { return data_rate_; }

  static constexpr std::size_t most_bytes = 242;

 private:
  enum class State : std::uint8_t {
    starting,     // The modem has been reset, and boots.
    configuring,  // Command `next_setting_` of the settings is under way.
    asking_join,  // AT+NJS=?
    joining,      // AT+JOIN, or its event is awaited.
    resting,      // Until the next try to join.
    requesting,   // AT+TIMEREQ=1
    asking_rate,  // AT+DR=?
    ready,
    sending,      // AT+SEND, or its event is awaited.
    asking_time,  // AT+LTIME=?
  };

  void reset(measurement::Uptime now);
  void enter(State, measurement::Uptime now);
  void write_command();
  void hear(std::string_view line, measurement::Uptime now);
  void hear_event(std::string_view event, measurement::Uptime now);
  void hear_value(std::string_view line, measurement::Uptime now);
  void hear_ok(measurement::Uptime now);
  void hear_refusal(std::string_view status, measurement::Uptime now);
  void hear_downlink(std::string_view fields);
  void on_the_air(measurement::Uptime now);
  void go_on(measurement::Uptime now);
  void rest(measurement::Uptime now);
  void fail_uplink(State next, measurement::Uptime now);
  void time_out(measurement::Uptime now);

  SerialPort& port_;
  LoraOptions options_;
  AirBudget hour_, day_;
  State state_ = State::starting;
  measurement::Uptime until_{};  // When the state's patience ends.
  bool is_begun_ = false;
  std::size_t next_setting_ = 0;
  unsigned tries_ = 0;              // Of the command that is under way.
  bool has_tried_to_join_ = false;  // Since the last rest.
  bool joined_ = false;
  std::chrono::minutes rest_{1};
  unsigned data_rate_ = 0;
  std::size_t options_room_ = 0;  // Bytes kept free for MAC options, once they did not fit.
  unsigned unheard_ = 0;          // Uplinks since the network was last heard.
  measurement::Uptime time_asked_at_{};
  bool wants_time_ = true, has_time_ = false;
  std::optional<measurement::Timestamp> booted_at_;
  std::span<const std::uint8_t> uplink_;  // While its command is written.
  Counts counts_;

  static constexpr std::size_t max_line = 2 * most_bytes + 64;
  std::array<char, max_line> line_;
  std::size_t line_size_ = 0;
  bool is_too_long_ = false;
  std::array<char, max_line> command_;
  std::size_t command_size_ = 0, command_written_ = 0;
  std::array<std::uint8_t, most_bytes> downlink_;
  std::optional<Downlink> waiting_;
};

}  // namespace firmware
