// The largest meter, 42 clamps on 14 chips, on an eventful few minutes: chips that lose their
// supply, a cable that garbles, requests of the hub, a link that is away for a while, a restart.
// Everything that it sends is kept, so that what two machines made of the same scene can be
// compared byte by byte.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "firmware/device.h"
#include "firmware/ram_storage.h"
#include "measurement/request_codec.h"
#include "simulator/atm90e32_chip.h"
#include "simulator/faulty_bus.h"
#include "tests/riscv/machine.h"

namespace {

using measurement::channels_per_chip;
using measurement::max_chips;
using measurement::Uptime;

constexpr std::chrono::milliseconds tick{80};  // A quarter of a sweep's period.
constexpr std::chrono::seconds length{240};
constexpr std::chrono::seconds restart_at{180};
constexpr measurement::Timestamp begin{std::chrono::seconds(1'800'000'000)};

constexpr bool is_within(Uptime now, std::chrono::seconds from, std::chrono::seconds to) {
  return now >= from && now < to;
}

// Whether this tick is the first one from then on.
constexpr bool is_at(Uptime now, std::chrono::seconds then) {
  return now >= then && now - tick < then;
}

// A number that looks like chance, 0 to 999.
constexpr std::uint32_t hashed(std::uint32_t a, std::uint32_t b) {
  std::uint32_t word = a * 0x9E37'79B1u ^ (b + 1) * 0x85EB'CA77u;
  word ^= word >> 15;
  word *= 0x2C1B'3C6Du;
  word ^= word >> 13;
  return word % 1000;
}

simulator::ChipInput input(std::uint32_t chip, std::uint32_t second) {
  simulator::ChipInput input;
  input.frequency = {49.95f + static_cast<float>(hashed(99, second)) / 10'000};
  for (std::uint32_t phase = 0; phase < channels_per_chip; ++phase) {
    const auto channel = static_cast<std::uint32_t>(chip * channels_per_chip + phase);
    const auto volts = 225 + static_cast<float>(hashed(channel, second)) / 100;
    const auto on = hashed(channel, second / (4 + channel % 23));
    const auto watts = channel % 11 == 3 ? -3.0f * static_cast<float>(on)
                       : on < 500        ? 0.0f
                                         : 4 * static_cast<float>(on - 500);
    const auto vars = watts * static_cast<float>(hashed(channel, 7)) / 1500;
    const auto harmonic = watts * 0.03f;
    input.voltage[phase] = {volts};
    input.channels[phase] = {
        .fundamental_power = {watts},
        .harmonic_power = {harmonic},
        .reactive_power = {vars},
        .current = {std::sqrt((watts + harmonic) * (watts + harmonic) + vars * vars) / volts},
    };
  }
  return input;
}

firmware::ChipConfig config() {
  firmware::ChipConfig config;
  for (auto& channel : config.channels) {
    channel = {.voltage_gain = 0x4800,
               .current_gain = 0x6B80,
               .voltage_offset = 40,
               .current_offset = -25,
               .active_offset = 12,
               .reactive_offset = -9,
               .power_gain = 131,
               .phase_delay = 27};
  }
  return config;
}

// Chip and cable, beside the meter: they have a stack of their own.
class Place final : public firmware::SpiBus {
 public:
  explicit Place(std::uint32_t number)
      : number_(number),
        chip_({}, {.clock_error_ppm = static_cast<double>(number) - 7,
                   .window_offset = number / 14.0,
                   .voltage_noise = 2e-6,
                   .current_noise = 2e-6,
                   .seed = number}),
        cable_(chip_, {.answer = 0.001, .written = 0.001}, number) {}

  void exchange(std::span<std::uint8_t> bytes) override {
    auto call = [this, bytes] { cable_.exchange(bytes); };
    machine::apart([](void* it) { (*static_cast<decltype(call)*>(it))(); }, &call);
  }

  void advance(Uptime now) {
    auto call = [this, now] {
      if (now.count() % 1000 < tick.count()) {
        chip_.apply(input(number_, static_cast<std::uint32_t>(now.count() / 1000)));
      }
      if (number_ == 3 && is_at(now, std::chrono::seconds(40))) chip_.brown_out();
      if (number_ == 5) {
        chip_.set_missing(is_within(now, std::chrono::seconds(60), std::chrono::seconds(70)));
      }
      chip_.advance(tick);
    };
    machine::apart([](void* it) { (*static_cast<decltype(call)*>(it))(); }, &call);
  }

  std::uint64_t frames() const { return cable_.frames(); }
  std::uint64_t flips() const { return cable_.flips(); }

 private:
  std::uint32_t number_;
  simulator::Atm90e32Chip chip_;
  simulator::FaultyBus cable_;
};

// A partition of flash: programming only clears bits.
class Flash final : public firmware::Flash {
 public:
  Flash() { bytes_.fill(0xFF); }
  std::size_t size() const override { return bytes_.size(); }
  bool read(std::size_t offset, std::span<std::uint8_t> into) override {
    std::copy_n(bytes_.begin() + offset, into.size(), into.begin());
    return true;
  }
  bool program(std::size_t offset, std::span<const std::uint8_t> from) override {
    for (std::size_t i = 0; i < from.size(); ++i) bytes_[offset + i] &= from[i];
    return true;
  }
  bool erase(std::size_t offset) override {
    std::fill_n(bytes_.begin() + offset, sector, std::uint8_t{0xFF});
    return true;
  }

 private:
  std::array<std::uint8_t, 24 * sector> bytes_;
};

class Board final : public firmware::BoardControl {
 public:
  bool keep(std::size_t, const firmware::ChannelConfig&) override { return true; }
  bool identify() override { return false; }
  bool restart() override { return false; }
  void tell(measurement::Diagnostics& diagnostics) const override {
    diagnostics.firmware = "scene";
  }
};

// A link that is away for a while, and a hub that stores what comes and has requests.
class Hub final : public firmware::Transport {
 public:
  bool is_up() const override { return up; }
  unsigned connections() const override { return connected; }
  bool send(firmware::Post post, std::span<const std::uint8_t> bytes) override {
    auto call = [this, post, bytes] { take(post, bytes); };
    machine::apart([](void* it) { (*static_cast<decltype(call)*>(it))(); }, &call);
    return true;
  }
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override {
    if (!up || (!news_ && !wish)) return std::nullopt;
    Received received{};
    auto call = [&] { received = give(buffer); };
    machine::apart([](void* it) { (*static_cast<decltype(call)*>(it))(); }, &call);
    return received;
  }

  bool up = true;
  unsigned connected = 1;
  std::optional<measurement::Request> wish;
  unsigned reports = 0, replies = 0;
  std::size_t samples = 0;

 private:
  void take(firmware::Post post, std::span<const std::uint8_t> bytes) {
    machine::keep(bytes);
    ++(post == firmware::Post::report ? reports : replies);
    if (post == firmware::Post::reply) return;
    const auto decoded = measurement::decode(bytes, room_);
    if (!decoded) return;
    samples += decoded->count;
    for (std::size_t i = 0; i < decoded->count; ++i) {
      store(decoded->header.boot, decoded->header.stream, room_[i].number);
    }
    news_ = true;
  }

  // The ranges that it names are few: what comes out of order only widens one.
  void store(std::uint64_t boot, measurement::Stream stream, std::uint64_t number) {
    for (auto& range : std::span(stored_).first(ranges_)) {
      if (range.boot != boot || range.stream != stream) continue;
      if (number + 1 < range.begin || number > range.end) continue;
      range.begin = std::min(range.begin, number);
      range.end = std::max(range.end, number + 1);
      return;
    }
    if (ranges_ < stored_.size()) stored_[ranges_++] = {boot, stream, number, number + 1};
  }

  Received give(std::span<std::uint8_t> buffer) {
    if (wish) {
      const auto size = measurement::encode(*std::exchange(wish, std::nullopt), buffer);
      return {firmware::Mail::request, size.value_or(0)};
    }
    news_ = false;
    const measurement::Answer answer{std::span(stored_).first(ranges_)};
    return {firmware::Mail::stored, measurement::encode(answer, buffer).value_or(0)};
  }

  std::array<measurement::Sample, measurement::max_samples_per_report> room_;
  std::array<measurement::StoredRange, measurement::max_stored_ranges> stored_{};
  std::size_t ranges_ = 0;
  bool news_ = false;
};

template <std::size_t... i>
std::array<Place, sizeof...(i)> make_places(std::index_sequence<i...>) {
  return {Place(i)...};
}

template <std::size_t... i>
std::array<firmware::Atm90e32, sizeof...(i)> chips_at(std::array<Place, sizeof...(i)>& places,
                                                      std::index_sequence<i...>) {
  return {firmware::Atm90e32(places[i], config())...};
}

constexpr std::make_index_sequence<max_chips> all_chips;

auto places = make_places(all_chips);
Flash flash;
Board board;
Hub hub;
std::array<measurement::Sample, 4> window;
std::array<std::uint8_t, 24 * 1024> ring;
// Those that a restart makes anew.
std::optional<std::array<firmware::Atm90e32, max_chips>> chips;
std::optional<firmware::RamStorage> storage;
std::optional<firmware::FlashLog> flash_log;
std::optional<firmware::MeterService> service;
std::optional<firmware::Device> device;
std::uint64_t most_frames = 0;  // In one call of step().
std::size_t stack = 0;

std::uint64_t frames() {
  std::uint64_t sum = 0;
  for (const auto& place : places) sum += place.frames();
  return sum;
}

Uptime uptime;

void start(Uptime now) {
  chips.emplace(chips_at(places, all_chips));
  storage.emplace(ring);
  flash_log.emplace(flash, window, firmware::FlashLogOptions::of(flash.size()));
  service.emplace(*chips, board);
  device.emplace(
      firmware::DeviceOptions{.name = "meter-1",
                              .boot = 0xC0FFEEu + static_cast<std::uint64_t>(now.count()),
                              .edges = {.sweep_period = std::chrono::milliseconds(320)}},
      *chips, *storage, window, hub);
  device->keep_in(*flash_log);
  device->serve(*service);
}

std::optional<measurement::Request> wish_at(Uptime now) {
  using enum measurement::Request::Kind;
  using std::chrono::seconds;
  auto wanted = config().channels[0];
  wanted.current_gain = 0x6C00;
  if (is_at(now, seconds(45))) return {{.id = 1, .kind = read_raw, .channel = 4, .windows = 20}};
  if (is_at(now, seconds(60))) {
    return {{.id = 2,
             .kind = write_words,
             .channel = 7,
             .expected = config().channels[0],
             .wanted = wanted}};
  }
  if (is_at(now, seconds(70))) return {{.id = 3, .kind = diagnostics}};
  return std::nullopt;
}

void run() {
  Uptime booted{};
  start(booted);
  for (Uptime now{}; now < length; now += tick) {
    if (is_at(now, restart_at)) start(booted = now);
    for (auto& place : places) place.advance(now);
    const bool was_up =
        std::exchange(hub.up, !is_within(now, std::chrono::seconds(80), std::chrono::seconds(140)));
    if (hub.up && !was_up) ++hub.connected;
    if (const auto wish = wish_at(now)) hub.wish = wish;
    if (is_at(now, std::chrono::seconds(30))) device->know_time(begin);
    if (is_at(now, std::chrono::seconds(190))) device->know_time(begin + booted);
    uptime = now - booted;
    const auto before = frames();
    stack = std::max(stack, machine::stack_of([] { device->step(uptime); }));
    most_frames = std::max(most_frames, frames() - before);
  }
}

}  // namespace

int main() {
  run();
  std::uint64_t flips = 0;
  for (const auto& place : places) flips += place.flips();
  std::array<char, 200> line{};
  std::snprintf(line.data(), line.size(),
                "%u reports of %u samples, %u replies, %u flipped bits\n"
                "%u frames a second, %u at most in a step\n%u bytes of stack",
                hub.reports, static_cast<unsigned>(hub.samples), hub.replies,
                static_cast<unsigned>(flips), static_cast<unsigned>(frames() / length.count()),
                static_cast<unsigned>(most_frames), static_cast<unsigned>(stack));
  machine::say(line.data());
  return 0;
}
