// A RAK3172 as its UART shows it: RUI3 AT commands, a LoRaWAN network behind it, and what goes
// wrong with both.

#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "firmware/serial_port.h"
#include "measurement/units.h"
#include "simulator/chance.h"

namespace simulator {

struct LoraFaults {
  double lost_line = 0;                     // Chance of each line of the modem not to arrive.
  double garbled_line = 0;                  // Chance of each line to arrive with a wrong byte.
  double lost_event = 0;                    // Chance of each +EVT line not to be said at all.
  double lost_uplink = 0;                   // Chance of each uplink not to be heard by the network.
  std::chrono::milliseconds late_event{0};  // That events come later than they should.
  double refused_join = 0;                  // Chance of each try to join to fail.
  double reset = 0;                         // Chance of each uplink to reset the modem instead.
};

// Time is that of advance(). Replies take 20 ms, an uplink with its windows 5 s, a join 10 s.
class LoraModem final : public firmware::SerialPort {
 public:
  explicit LoraModem(std::uint64_t seed) : chance_(seed) {}

  void advance(measurement::Uptime now);

  std::size_t read(std::span<std::uint8_t> into) override;
  std::size_t write(std::span<const std::uint8_t>) override;

  struct Uplink {
    measurement::Uptime time;
    unsigned data_rate = 0;
    unsigned port = 0;
    std::vector<std::uint8_t> bytes;
  };

  // What the network heard, in order.
  const std::vector<Uplink>& heard() const { return heard_; }
  std::size_t on_the_air() const { return on_the_air_; }  // Uplinks, heard or not.
  unsigned joins() const { return joins_; }
  unsigned tries_to_join() const { return tries_; }
  unsigned restarts() const { return restarts_; }
  const std::vector<std::string>& settings() const { return settings_; }  // As they were written.

  // Said behind the next uplink, in its first window.
  void send_down(unsigned port, std::vector<std::uint8_t> bytes);
  void restart();  // As a dip of its supply does.
  void forget_session() { joined_ = false; }
  // The network hears nothing and answers nothing, and the modem does not know.
  bool is_out_of_reach = false;
  bool is_dead = false;                                         // It says nothing at all.
  unsigned data_rate = 0;                                       // As the network has set it.
  std::vector<std::size_t> room = {51, 51, 51, 115, 242, 242};  // By data rate.
  std::size_t options = 0;  // Bytes of MAC options in the next uplink, which take room.
  std::optional<measurement::Timestamp> booted_at;  // Of the meter: what the network's clock tells.
  LoraFaults faults;

 private:
  struct Line {
    measurement::Uptime due;
    std::string text;
  };

  void say(const std::string& text, std::chrono::milliseconds after);
  void event(const std::string& text, std::chrono::milliseconds after);
  void obey(const std::string& command);
  void join();
  void uplink(const std::string& argument);
  std::string local_time() const;

  Chance chance_;
  measurement::Uptime now_{};
  std::string command_;
  std::deque<Line> lines_;
  std::string out_;
  bool joined_ = false;
  bool time_is_wanted_ = false;
  measurement::Uptime busy_until_{};
  std::optional<Uplink> down_;
  std::vector<Uplink> heard_;
  std::vector<std::string> settings_;
  std::size_t on_the_air_ = 0;
  unsigned joins_ = 0, tries_ = 0, restarts_ = 0;
};

}  // namespace simulator
