#include "lenz/simulated_homes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "measurement/report_codec.h"

namespace lenz {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Stream;
using measurement::Timestamp;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t homes_a_connection = 100;
constexpr auto tick_every = 5ms;
constexpr auto most_late = 1s;  // What this process is later than that is left out.

std::string id_of(std::size_t home) { return fmt::format("home-{:05}", home); }

// "lenz/home-00042/meter-1/stored" -> 42; a home of somebody else: none.
std::optional<std::size_t> home_in(std::string_view topic) {
  constexpr std::string_view begin = "lenz/home-";
  if (!topic.starts_with(begin)) return std::nullopt;
  std::size_t home = 0;
  const auto text = topic.substr(begin.size());
  if (std::from_chars(text.data(), text.data() + text.size(), home).ec != std::errc{}) {
    return std::nullopt;
  }
  return home;
}

}  // namespace

hub::Home simulated_home(std::size_t number) {
  hub::Home home;
  home.id = id_of(number);
  home.name = fmt::format("Home {}", number);
  home.zone = "Europe/Berlin";
  home.country = "DE";
  home.currency = "EUR";
  home.phases = 3;
  auto& panel = home.panels.emplace_back();
  for (std::size_t c = 0; c < bench::Workload::circuits; ++c) {
    auto& circuit = panel.circuits.emplace_back();
    circuit.id = fmt::format("circuit-{}", c + 1);
    circuit.name = fmt::format("Circuit {}", c + 1);
    circuit.position = static_cast<int>(c + 1);
    circuit.channels.push_back(
        {simulated_device, static_cast<std::uint32_t>(bench::channel_of(c)), 1});
  }
  return home;
}

SimulatedHomes::Meter::Meter(std::size_t home, Timestamp booted)
    : workload(42, home),
      topic(fmt::format("lenz/{}/{}/report", id_of(home), simulated_device)),
      booted_at(booted),
      imported(bench::workload_chips * measurement::channels_per_chip) {}

SimulatedHomes::SimulatedHomes(boost::asio::io_context& context, hub::BrokerAddress broker,
                               std::size_t count, Now now)
    : now_(std::move(now)), timer_(context) {
  meters_.reserve(count);
  for (std::size_t home = 0; home < count; ++home) meters_.emplace_back(home, now_());
  for (std::size_t first = 0; first < count; first += homes_a_connection) {
    std::vector<std::string> topics;
    for (auto home = first; home < std::min(first + homes_a_connection, count); ++home) {
      topics.push_back(fmt::format("lenz/{}/{}/stored", id_of(home), simulated_device));
    }
    clients_.push_back(std::make_unique<hub::MqttClient>(
        context,
        hub::MqttLogin{.host = broker.host,
                       .port = broker.port,
                       .user = broker.user,
                       .password = broker.password,
                       .client_id = {},
                       .topics = std::move(topics),
                       .will = {}},
        hub::MqttClient::Events{
            .connected = [] {},
            .heard = [this](const hub::MqttMessage& message) { heard(message); },
            .heard_all = [] {},
            .lost = [](const std::string&) {}}));
  }
  tick();
}

SimulatedHomes::~SimulatedHomes() = default;

bool SimulatedHomes::is_connected() const {
  return std::ranges::all_of(clients_, [](const auto& client) { return client->is_connected(); });
}

void SimulatedHomes::load(double reports_per_s, std::size_t homes) {
  reports_per_s_ = reports_per_s;
  homes_ = homes;
  due_ = 0;
}

SimulatedHomes::Figures SimulatedHomes::take_figures() { return std::exchange(figures_, {}); }

bool SimulatedHomes::is_acknowledged(std::size_t home, Stream stream, std::uint64_t number) const {
  return number < made(home, stream) &&
         std::ranges::none_of(meters_[home].waiting, [&](const Waiting& one) {
           return one.stream == stream && one.begin <= number && number < one.end;
         });
}

std::uint64_t SimulatedHomes::made(std::size_t home, Stream stream) const {
  const auto& meter = meters_[home];
  return stream == Stream::edges ? meter.edges.made() : meter.next;
}

std::uint64_t SimulatedHomes::boot(std::size_t home) const {
  const auto booted = meters_[home].booted_at.time_since_epoch().count();
  return static_cast<std::uint64_t>(booted) << 16 | home;
}

void SimulatedHomes::tick() {
  const auto now = steady_clock::now();
  due_ += std::chrono::duration<double>(now - std::exchange(ticked_, now)).count() * reports_per_s_;
  const double most = reports_per_s_ * std::chrono::duration<double>(most_late).count();
  if (due_ > most) {
    figures_.left_out += static_cast<std::uint64_t>(due_ - most);
    due_ = most;
  }
  for (; due_ >= 1; due_ -= 1) {
    next_home_ = (next_home_ + 1) % homes_;
    report(next_home_);
    // What is heard meanwhile counts from when it came.
    if (steady_clock::now() - now > tick_every) break;
  }
  send_again();
  timer_.expires_after(tick_every);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) tick();
  });
}

void SimulatedHomes::report(std::size_t home) {
  auto& meter = meters_[home];
  auto sample = bench::sample_of(meter.workload.next());
  const auto uptime = std::max(meter.uptime + 1ms, now_() - meter.booted_at);
  const auto elapsed_ms = (uptime - meter.uptime).count();
  meter.uptime = uptime;
  sample.number = meter.next++;
  sample.uptime = uptime;
  for (std::size_t c = 0; c < sample.channels(); ++c) {
    const auto power = sample.steps(Quantity::active_power, c);
    if (!power) continue;
    // A tenth of a watt over a millisecond is 1/36 of a thousandth of a milliwatt-hour.
    meter.imported[c] += std::max<std::int64_t>(*power, 0) * elapsed_ms / 36;
    sample.put_steps(Quantity::imported, c, meter.imported[c] / 1000);
  }
  tell(home, Stream::samples, {&sample, 1});
  ++figures_.sent;
  const auto sweeps = meter.edges.add(sample);
  if (!sweeps.empty()) tell(home, Stream::edges, sweeps);
}

void SimulatedHomes::tell(std::size_t home, Stream stream, std::span<const Sample> samples) {
  auto& meter = meters_[home];
  measurement::ReportHeader header{.device = simulated_device,
                                   .boot = boot(home),
                                   .stream = stream,
                                   .chips = samples[0].chips(),
                                   .booted_at = meter.booted_at};
  if (stream == Stream::edges) header.period = firmware::usual_edges.sweep_period;
  std::array<std::uint8_t, measurement::max_report_bytes> bytes;
  const auto used = measurement::encode({header, samples}, bytes);
  const auto at = steady_clock::now();
  meter.waiting.push_back({stream,
                           samples.front().number,
                           samples.back().number + 1,
                           at,
                           at,
                           {reinterpret_cast<const char*>(bytes.data()), used.value()}});
  ++waiting_;
  send(home, meter.waiting.back());
}

void SimulatedHomes::send(std::size_t home, Waiting& one) {
  one.last = steady_clock::now();
  clients_[home / homes_a_connection]->publish(meters_[home].topic, one.report, false);
}

// Of a few homes at each tick, so that each is looked at every five seconds or so.
void SimulatedHomes::send_again() {
  const auto now = steady_clock::now();
  for (std::size_t i = 0; i <= meters_.size() / 1000; ++i) {
    next_look_ = (next_look_ + 1) % meters_.size();
    for (auto& one : meters_[next_look_].waiting) {
      if (now - one.last < patience) continue;
      ++figures_.again;
      send(next_look_, one);
    }
  }
}

void SimulatedHomes::heard(const hub::MqttMessage& message) {
  const auto home = home_in(message.topic);
  if (!home || *home >= meters_.size()) return;
  const auto answer = measurement::decode_answer(
      {reinterpret_cast<const std::uint8_t*>(message.payload.data()), message.payload.size()});
  if (!answer) return;
  auto& waiting = meters_[*home].waiting;
  const auto now = steady_clock::now();
  for (std::size_t i = 0; i < answer->count; ++i) {
    const auto& range = answer->ranges[i];
    if (range.boot != boot(*home)) continue;
    waiting_ -= std::erase_if(waiting, [&](const Waiting& one) {
      if (one.stream != range.stream || one.begin < range.begin || one.end > range.end) {
        return false;
      }
      if (one.stream == Stream::edges) {
        figures_.edge_sweeps += one.end - one.begin;
        return true;
      }
      figures_.acknowledged_ms.push_back(
          std::chrono::duration<float, std::milli>(now - one.first).count());
      return true;
    });
  }
}

}  // namespace lenz
