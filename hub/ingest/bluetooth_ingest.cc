#include "hub/ingest/bluetooth_ingest.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "hub/ingest/bthome_meter.h"
#include "hub/ingest/visited_meter.h"
#include "hub/net/beat.h"
#include "hub/net/bluez.h"
#include "measurement/bthome.h"

namespace hub {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr auto beat = 250ms;
constexpr std::size_t most_complaints = 1000;

std::uint64_t draw() {
  std::uint64_t bits = 0;
  randombytes_buf(&bits, sizeof bits);
  return bits;
}

}  // namespace

struct BluetoothIngest::Desk {
  Desk(asio::io_context& context, std::function<Timestamp()> clock,
       std::function<void(const std::string&)> speaker, std::set<std::string> addresses,
       std::string bus)
      : now(std::move(clock)),
        say(std::move(speaker)),
        timer(context),
        bluez(context,
              {.bus = std::move(bus),
               .devices = std::move(addresses),
               .service_data =
                   fmt::format("0000{:04x}-0000-1000-8000-00805f9b34fb", measurement::bthome_uuid)},
              {.scanning = [] {},
               .heard =
                   [this](const std::string& address, std::span<const std::uint8_t> data) {
                     const auto found = mains.find(address);
                     if (found == mains.end()) return;
                     complain(found->second.hear(data, now()));
                   },
               .notified =
                   [this](const std::string& address, const std::string& characteristic,
                          std::span<const std::uint8_t> value) {
                     const auto found = visited.find(address);
                     if (found != visited.end()) found->second.notified(characteristic, value);
                   },
               .hung_up =
                   [this](const std::string& address) {
                     const auto found = visited.find(address);
                     if (found != visited.end()) found->second.hung_up();
                   },
               .trouble =
                   [this](const std::string& why) {
                     complain(fmt::format("Nothing is heard over Bluetooth: {}.", why));
                   }}) {}

  void complain(const std::optional<std::string>& text) {
    if (!text) return;
    if (complained.size() > most_complaints) complained.clear();
    const auto [last, is_new] = complained.try_emplace(*text, now());
    const auto passed = now() - last->second;
    if (!is_new && passed < 10min && passed >= 0ms) return;
    last->second = now();
    say(*text);
  }

  void wait() {
    timer.expires_at(next_beat(beat));
    timer.async_wait([this](boost::system::error_code error) {
      if (error) return;
      work();
      wait();
    });
  }

  // One visit at a time: an adapter talks to one device after the other anyway.
  void work() {
    for (auto& [address, meter] : mains) complain(meter.tick(now()));
    for (auto& [address, meter] : visited) meter.tick();
    if (std::ranges::any_of(visited, [](const auto& one) { return one.second.is_here(); })) return;
    const auto due = std::ranges::find_if(visited, [](auto& one) { return one.second.is_due(); });
    if (due != visited.end()) due->second.visit();
  }

  std::function<Timestamp()> now;
  std::function<void(const std::string&)> say;
  asio::steady_timer timer;
  std::map<std::string, Timestamp> complained;
  std::map<std::string, BthomeMeter> mains;  // Both by address.
  std::map<std::string, VisitedMeter> visited;
  Bluez bluez;  // Its events use all the above, so it goes first.
};

BluetoothIngest::BluetoothIngest(asio::io_context& context, Hub& hub, Store& store,
                                 const std::vector<BluetoothMeter>& meters, fs::path folder,
                                 std::function<Timestamp()> now,
                                 std::function<void(const std::string&)> say, std::string bus) {
  if (sodium_init() < 0) {
    throw std::runtime_error(
        "libsodium finds no source of random numbers: start the hub again when the machine has "
        "fully started.");
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw std::runtime_error(fmt::format(
        "The folder {} cannot be made ({}): make room, or give the hub the right to write there.",
        folder.string(), error.message()));
  }
  std::set<std::string> addresses;
  for (const auto& meter : meters) addresses.insert(meter.address);
  desk_ = std::make_unique<Desk>(context, std::move(now), std::move(say), std::move(addresses),
                                 std::move(bus));
  for (const auto& meter : meters) {
    if (meter.is_visited) {
      desk_->visited.try_emplace(
          meter.address, meter, hub, store, desk_->bluez, desk_->now,
          [desk = desk_.get()](const std::string& text) { desk->complain(text); });
    } else {
      desk_->mains.try_emplace(meter.address, meter, hub, store, folder, draw);
    }
  }
  desk_->wait();
}

BluetoothIngest::~BluetoothIngest() = default;

}  // namespace hub
