// Improv (improv-wifi.com): how a meter that knows no network yet is given one, by a browser over
// the cable or by a phone over Bluetooth. Commands of our own give it its hub, and say how it is
// built.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "firmware/board_map.h"
#include "measurement/units.h"

namespace firmware::improv {

enum class State : std::uint8_t {
  authorization_required = 1,  // Over Bluetooth: the button was not pressed.
  ready = 2,
  provisioning = 3,
  provisioned = 4,
};

enum class Error : std::uint8_t {
  none = 0,
  invalid_rpc = 1,
  unknown_rpc = 2,
  unable_to_connect = 3,
  not_authorized = 4,
  bad_hostname = 5,
  unknown = 0xff,
};

enum class Command : std::uint8_t {
  join = 1,   // Network and password.
  state = 2,  // Over Bluetooth the same number is `identify`.
  device_info = 3,
  scan = 4,
  hostname = 5,
  device_name = 6,
  network_state = 7,
  // Ours.
  hub = 0x80,          // Address, home, device and credential of the meter.
  certificate = 0x81,  // A part of the certificate that the hub's must be signed with.
  board = 0x82,        // Its name, add-ons, line frequency, and the pins of LED and button.
  bluetooth = 0x83,    // Of each radio its settings; nothing: it is off.
  lorawan = 0x84,
  cellular = 0x85,
  settings = 0x86,  // Which of these it has, without keys.
};

enum class Radio : std::uint8_t { bluetooth, lorawan, cellular };
inline constexpr std::size_t max_radio_settings = 80;

// Capabilities, as the characteristic of that name has them.
inline constexpr std::uint8_t can_identify = 1, can_tell_device = 2, can_scan = 4;

// Must outlive its Improv.
struct Identity {
  std::string_view firmware, version, chip, name;
};

struct Network {
  std::array<char, 32> name{};
  std::uint8_t name_size = 0;
  std::int8_t strength_dbm = 0;
  bool is_protected = true;
};

struct Links {
  bool online = false, wifi = false, ethernet = false, modem = false;
};

// How the hub is reached, and as whom. Views of what was received.
struct HubAddress {
  std::string_view uri;  // mqtts://host:port
  std::string_view home, device, credential;
};

// What Improv asks of the meter. Each takes what it is given or says no.
class Host {
 public:
  virtual const Identity& identity() const = 0;
  virtual Links links() const = 0;
  // Where a person goes on; empty: nowhere.
  virtual std::string_view url() const = 0;
  virtual std::string_view hostname() const = 0;

  // Begins to join; Improv::joined() says how that went. An empty password: an open network.
  virtual bool join(std::string_view network, std::string_view password) = 0;
  // Returns how many it heard and put into `networks`.
  virtual std::size_t scan(std::span<Network> networks) = 0;
  virtual bool take_hostname(std::string_view) = 0;
  virtual bool take_device_name(std::string_view) = 0;
  virtual bool take_hub(const HubAddress&) = 0;
  // PEM of `total` bytes, in order; the last part completes it.
  virtual bool take_certificate(std::size_t offset, std::size_t total,
                                std::span<const std::uint8_t> part) = 0;
  // An assembly without conflicts; it counts from the next start.
  virtual bool take_assembly(const Assembly&, int line_frequency) = 0;
  // It counts from the next start. Null: taken; else why not, in a sentence.
  virtual const char* take_radio(Radio, std::span<const std::uint8_t> settings) = 0;
  // What it was set to, as take_radio() takes it, with zeros for keys: how many bytes; 0: it is
  // off. Nothing: this image was built without it. There is room for max_radio_settings.
  virtual std::optional<std::size_t> radio(Radio, std::span<std::uint8_t> into) const = 0;
  virtual const Assembly& assembly() const = 0;
  virtual int line_frequency() const = 0;
  virtual void identify() = 0;

 protected:
  ~Host() = default;
};

// What is said back.
class Carrier {
 public:
  virtual void tell(State) = 0;
  virtual void tell(Error) = 0;
  // Command, length and strings, without a checksum.
  virtual void tell_result(std::span<const std::uint8_t> result) = 0;

 protected:
  ~Carrier() = default;
};

inline constexpr std::size_t max_networks = 16;
inline constexpr std::size_t max_certificate = 2048;
inline constexpr measurement::Uptime patience_to_join{30'000};
inline constexpr measurement::Uptime authorized_for{60'000};  // After the button was pressed.

// The part that both carriers share. Host and carrier must outlive it. Allocates nothing.
class Improv {
 public:
  Improv(Host& host, Carrier& carrier, State first)
      : host_(host), carrier_(carrier), state_(first) {}

  // Carries out a command: its number, the size of what follows, and that.
  void obey(std::span<const std::uint8_t> rpc, measurement::Uptime now);
  // What join() came to.
  void joined(bool connected);
  // Gives up after `patience_to_join`.
  void step(measurement::Uptime now);

  void go(State);
  State state() const { return state_; }

 private:
  void join(std::span<const std::uint8_t> payload, measurement::Uptime now);
  void tell_device();
  void tell_networks();
  void tell_links();
  void name(Command, std::span<const std::uint8_t> payload);
  void take_hub(std::span<const std::uint8_t> payload);
  void take_certificate(std::span<const std::uint8_t> payload);
  void take_board(std::span<const std::uint8_t> payload);
  void take_radio(Command, std::span<const std::uint8_t> payload);
  void tell_settings();
  void tell_taken(Command, bool taken);

  Host& host_;
  Carrier& carrier_;
  State state_;
  measurement::Uptime give_up_at_{};
};

// Over a serial line that carries a log as well: "IMPROV", version, type, size, data, checksum and
// a new line.
class Serial final : private Carrier {
 public:
  class Line {
   public:
    virtual void write(std::span<const std::uint8_t>) = 0;

   protected:
    ~Line() = default;
  };

  Serial(Host& host, Line& line, bool provisioned)
      : line_(line), improv_(host, *this, provisioned ? State::provisioned : State::ready) {}

  void hear(std::uint8_t byte, measurement::Uptime now);
  void joined(bool connected) { improv_.joined(connected); }
  void step(measurement::Uptime now) { improv_.step(now); }
  State state() const { return improv_.state(); }

 private:
  void tell(State) override;
  void tell(Error) override;
  void tell_result(std::span<const std::uint8_t>) override;
  void send(std::uint8_t type, std::span<const std::uint8_t> data);

  Line& line_;
  Improv improv_;
  std::array<std::uint8_t, 9 + 255 + 1> heard_{};
  std::size_t size_ = 0;
};

// Over Bluetooth: the values of the service's characteristics. A command may come in several
// writes and ends in a checksum, as results do.
class Bluetooth final : private Carrier {
 public:
  class Characteristics {
   public:
    virtual void show(State) = 0;
    virtual void show(Error) = 0;
    virtual void show_result(std::span<const std::uint8_t>) = 0;

   protected:
    ~Characteristics() = default;
  };

  Bluetooth(Host& host, Characteristics& shown, bool provisioned)
      : host_(host),
        shown_(shown),
        improv_(host, *this, provisioned ? State::provisioned : State::authorization_required) {}

  void write(std::span<const std::uint8_t> bytes, measurement::Uptime now);
  // The button was pressed.
  void authorize(measurement::Uptime now);
  void joined(bool connected) { improv_.joined(connected); }
  void step(measurement::Uptime now);
  // The other side went: what it had begun to write is dropped.
  void forget() { size_ = 0; }
  State state() const { return improv_.state(); }

  static constexpr std::uint8_t capabilities = can_identify | can_tell_device | can_scan;

 private:
  void tell(State) override;
  void tell(Error) override;
  void tell_result(std::span<const std::uint8_t>) override;
  void obey(measurement::Uptime now);

  Host& host_;
  Characteristics& shown_;
  Improv improv_;
  std::optional<measurement::Uptime> authorized_until_;
  std::array<std::uint8_t, 2 + 255 + 1> heard_{};
  std::size_t size_ = 0;
};

// RFC 1123: letters, digits and inner hyphens, at most 63.
bool is_hostname(std::string_view);

// The low byte of a sum, which both carriers end in.
std::uint8_t checksum(std::span<const std::uint8_t>);

}  // namespace firmware::improv
