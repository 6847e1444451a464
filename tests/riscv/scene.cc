// The largest meter, 42 clamps on 14 chips, on an eventful few minutes: chips that lose their
// supply, a cable that garbles, a link that is away for a while, a restart. Every report that it
// sends is kept, so that what two machines made of the same scene can be compared byte by byte.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "firmware/device.h"
#include "simulator/atm90e32_chip.h"
#include "simulator/faulty_bus.h"
#include "tests/riscv/machine.h"

namespace {

using measurement::channels_per_chip;
using measurement::max_chips;
using measurement::Uptime;

constexpr std::chrono::milliseconds tick{250};
constexpr std::chrono::seconds length{240};
constexpr std::chrono::seconds restart_at{180};
constexpr measurement::Timestamp begin{std::chrono::seconds(1'800'000'000)};

constexpr bool is_within(Uptime now, std::chrono::seconds from, std::chrono::seconds to) {
  return now >= from && now < to;
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
      if (now.count() % 1000 == 0) {
        chip_.apply(input(number_, static_cast<std::uint32_t>(now.count() / 1000)));
      }
      if (number_ == 3 && now == std::chrono::seconds(40)) chip_.brown_out();
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

class Flash final : public firmware::Storage {
 public:
  Flash() { bytes_.fill(0xFF); }
  std::size_t size() const override { return bytes_.size(); }
  bool read(std::size_t offset, std::span<std::uint8_t> into) override {
    std::copy_n(bytes_.begin() + offset, into.size(), into.begin());
    return true;
  }
  bool write(std::size_t offset, std::span<const std::uint8_t> from) override {
    std::ranges::copy(from, bytes_.begin() + offset);
    return true;
  }

 private:
  std::array<std::uint8_t, 128 * 1024> bytes_;
};

// A link that is away for a while, and a hub that stores what comes.
class Hub final : public firmware::Transport {
 public:
  bool is_up() const override { return up; }
  unsigned connections() const override { return connected; }
  bool send(firmware::Post, std::span<const std::uint8_t> report) override {
    auto call = [this, report] { take(report); };
    machine::apart([](void* it) { (*static_cast<decltype(call)*>(it))(); }, &call);
    return true;
  }
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override {
    if (!up || !news_) return std::nullopt;
    news_ = false;
    std::size_t size = 0;
    auto call = [&] {
      size = measurement::encode(measurement::Answer{std::span(stored_).first(boots_)}, buffer)
                 .value_or(0);
    };
    machine::apart([](void* it) { (*static_cast<decltype(call)*>(it))(); }, &call);
    return Received{firmware::Mail::stored, size};
  }

  bool up = true;
  unsigned connected = 1;
  unsigned reports = 0;
  std::size_t samples = 0;

 private:
  void take(std::span<const std::uint8_t> report) {
    machine::keep(report);
    ++reports;
    const auto decoded = measurement::decode(report, room_);
    if (!decoded || decoded->count == 0) return;
    samples += decoded->count;
    news_ = true;
    if (boots_ == 0 || stored_[boots_ - 1].boot != decoded->header.boot) {
      stored_[boots_++] = {.boot = decoded->header.boot, .begin = room_[0].number};
    }
    stored_[boots_ - 1].end = room_[decoded->count - 1].number + 1;
  }

  std::array<measurement::Sample, measurement::max_samples_per_report> room_;
  std::array<measurement::StoredRange, 2> stored_{};
  std::size_t boots_ = 0;
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
Hub hub;
std::array<measurement::Sample, 4> window;
std::optional<std::array<firmware::Atm90e32, max_chips>> chips;
std::optional<firmware::Device> device;
std::uint64_t longest_step = 0;  // Frames in one call of step().
std::size_t stack = 0;

std::uint64_t frames() {
  std::uint64_t sum = 0;
  for (const auto& place : places) sum += place.frames();
  return sum;
}

Uptime uptime;

void start(Uptime now) {
  device.reset();
  chips.emplace(chips_at(places, all_chips));
  device.emplace(
      firmware::DeviceOptions{.name = "meter-1",
                              .boot = 0xC0FFEEu + static_cast<std::uint64_t>(now.count())},
      *chips, flash, window, hub);
}

void run() {
  Uptime booted{};
  start(booted);
  for (Uptime now{}; now < length; now += tick) {
    if (now == restart_at) start(booted = now);
    for (auto& place : places) place.advance(now);
    const bool was_up =
        std::exchange(hub.up, !is_within(now, std::chrono::seconds(80), std::chrono::seconds(140)));
    if (hub.up && !was_up) ++hub.connected;
    if (now == std::chrono::seconds(30)) device->know_time(begin);
    if (now == std::chrono::seconds(190)) device->know_time(begin + restart_at);
    uptime = now - booted;
    const auto before = frames();
    stack = std::max(stack, machine::stack_of([] { device->step(uptime); }));
    longest_step = std::max(longest_step, frames() - before);
  }
}

}  // namespace

int main() {
  run();
  std::uint64_t flips = 0;
  for (const auto& place : places) flips += place.flips();
  std::array<char, 200> line{};
  std::snprintf(
      line.data(), line.size(),
      "%u reports of %u samples, %u flipped bits, %u frames at most in a step, %u bytes of stack",
      hub.reports, static_cast<unsigned>(hub.samples), static_cast<unsigned>(flips),
      static_cast<unsigned>(longest_step), static_cast<unsigned>(stack));
  machine::say(line.data());
  return 0;
}
