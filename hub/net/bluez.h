// Bluetooth LE through BlueZ (org.bluez on the system's D-Bus): adverts that are near, and values
// of devices that are visited.

#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace hub {

// The context outlives it, and its events do not end it. It scans, and tries again every half a
// minute where there is no adapter, no BlueZ or no bus. Nothing of BlueZ is waited for; only the
// bus itself, on this machine, is when a connection to it is made.
//
// Addresses are as BlueZ writes them: "AA:BB:CC:DD:EE:FF". UUIDs have small letters.
class Bluez {
 public:
  using Bytes = std::vector<std::uint8_t>;
  using Result = std::expected<Bytes, std::string>;  // Or why there is none.
  using Done = std::function<void(Result)>;

  struct Options {
    std::string bus;  // "unix:path=..."; empty: the system's.
    std::set<std::string> devices;
    std::string service_data;  // UUID of that which is told of.
  };
  struct Events {
    std::function<void()> scanning;
    // Service data, each time that one of the devices sends it.
    std::function<void(const std::string& address, std::span<const std::uint8_t>)> heard;
    std::function<void(const std::string& address, const std::string& characteristic,
                       std::span<const std::uint8_t>)>
        notified;
    std::function<void(const std::string& address)> hung_up;  // A visit ended, whoever ended it.
    std::function<void(const std::string& why)> trouble;
  };

  Bluez(boost::asio::io_context&, Options, Events);
  ~Bluez();

  // Whether it was heard lately, or is paired: else it cannot be connected to.
  bool knows(const std::string& address) const;

  // Each calls `done` once, never from within the call itself, unless this has gone. What takes
  // longer than 30 s has failed.
  void connect(const std::string& address, Done);  // Its services are known then; no bytes.
  void read(const std::string& address, const std::string& characteristic, Done);
  void write(const std::string& address, const std::string& characteristic, Bytes, Done);
  void listen(const std::string& address, const std::string& characteristic, Done);
  void hang_up(const std::string& address);

 private:
  struct Desk;
  std::shared_ptr<Desk> desk_;  // Also held by what is under way on the context.
};

}  // namespace hub
