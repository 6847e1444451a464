#include "lenz/evaluation/scenes.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "lenz/evaluation/panel_file.h"
#include "simulator/appliances.h"

namespace lenz::evaluation {
namespace {

using measurement::Timestamp;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t most_folds = 7;    // Of households with recordings.
constexpr std::size_t device_folds = 5;  // Of devices with traces.
constexpr std::size_t mixes_per_fold = 8, training_mixes = 24;
constexpr auto mix_length = 24h, known_length = 72h;
constexpr std::size_t most_training_traces = 3;  // Of a device.
constexpr std::size_t most_scored_traces = 14;   // Each device weighs the same, however long.

milliseconds length(double seconds) { return milliseconds(std::llround(seconds * 1000)); }

// How the simulator's loads of a kind look to the mains.
simulator::Nature nature(ApplianceKind kind) {
  using enum ApplianceKind;
  using simulator::Nature;
  switch (kind) {
    case fridge:
    case freezer:
    case fridge_freezer:
    case air_conditioner:
    case dehumidifier:
      return Nature::compressor;
    case washing_machine:
    case washer_dryer:
    case fan:
    case furnace:
    case pump:
    case vacuum_cleaner:
    case food_processor:
    case garbage_disposal:
      return Nature::motor;
    case microwave:
      return Nature::magnetron;
    case heat_pump:
    case ev_charger:
      return Nature::inverter;
    case television:
    case media_player:
    case computer:
    case monitor:
    case printer:
    case router:
    case charger:
    case outlets:
    case other:
      return Nature::electronics;
    case lighting:
    case lamp:
      return Nature::lamps;
    default:
      return Nature::heating;
  }
}

std::uint32_t fingerprint(const std::vector<Channel>& channels) {
  uLong sum = ::crc32(0, nullptr, 0);
  for (const auto& channel : channels) {
    sum = ::crc32_z(sum, reinterpret_cast<const Bytef*>(channel.active_power_w.data()),
                    channel.active_power_w.size() * sizeof(float));
  }
  return static_cast<std::uint32_t>(sum);
}

// Channels and truths together, in an order that says nothing.
void shuffle(Case& c) {
  std::mt19937_64 random(c.fingerprint);
  for (std::size_t i = c.channels.size(); i > 1; --i) {
    const auto j = random() % i;
    std::swap(c.channels[i - 1], c.channels[j]);
    std::swap(c.truths[i - 1], c.truths[j]);
  }
}

double energy(const std::vector<float>& power) {
  double sum = 0;
  for (const auto w : power) {
    if (std::isfinite(w)) sum += static_cast<double>(w);
  }
  return sum;
}

// What is on a recording's channels, put together as a scene wants it.
class HouseScene {
 public:
  HouseScene(House house, std::map<std::string, PanelCircuit> panel)
      : house_(std::move(house)), panel_(std::move(panel)) {
    times_ = std::make_shared<const std::vector<Timestamp>>(std::move(house_.times));
    for (std::size_t i = 0; i < house_.channels.size(); ++i) {
      if (house_.channels[i].active_power_w.empty()) continue;
      if (house_.channels[i].role != ChannelRole::mains) {
        meters_.push_back(i);
      } else if (!find(house_.channels[i].parent)) {
        mains_.push_back(i);
      }
    }
  }

  // The `count` largest circuits have channels of their own.
  std::optional<Case> mains(std::size_t count) {
    auto own = meters_;
    std::erase_if(own, [&](auto i) { return house_.channels[i].role != ChannelRole::circuit; });
    if (mains_.empty() || (count > 0 && own.empty())) return std::nullopt;
    std::ranges::stable_sort(own, std::greater(),
                             [&](auto i) { return energy(house_.channels[i].active_power_w); });
    own.resize(std::min(own.size(), count));

    auto made = begin();
    for (const auto m : mains_) {
      auto rest = channel(m);
      rest.facts.is_mains = true;
      ChannelTruth truth;
      std::set<ApplianceKind> moved;
      for (const auto i : meters_) {
        if (root(i) != m) continue;
        const auto& meter = house_.channels[i];
        const bool is_own = std::ranges::find(own, i) != own.end();
        if (is_own) subtract(rest.active_power_w, meter.active_power_w);
        if (!meter.appliance || !is_nameable(*meter.appliance)) continue;
        if (is_own) {
          moved.insert(*meter.appliance);
        } else {
          truth.meters.push_back({*meter.appliance, meter.active_power_w});
        }
      }
      for (const auto& meter : truth.meters) moved.erase(meter.kind);
      truth.moved = std::move(moved);
      if (count > 0) rest.reactive_power_var.clear();  // It is not known of the rest.
      made.channels.push_back(std::move(rest));
      made.truths.push_back(std::move(truth));
    }
    for (const auto i : own) add_circuit(made, i);
    return finish(std::move(made));
  }

  // Each breaker circuit whose appliance is known, or that of each meter behind it; where
  // `all_meters` plugs and sub-meters too, and only what is of one appliance.
  std::optional<Case> alone(bool all_meters) {
    auto made = begin();
    for (const auto i : meters_) {
      const auto& meter = house_.channels[i];
      if (!all_meters && meter.role != ChannelRole::circuit) continue;
      if (meter.appliance && is_nameable(*meter.appliance)) {
        add_circuit(made, i);
      } else if (!all_meters && !meter.appliance) {
        add_shared_circuit(made, i);
      }
    }
    return finish(std::move(made));
  }

 private:
  std::optional<std::size_t> find(const std::string& name) const {
    if (name.empty()) return std::nullopt;
    const auto found = std::ranges::find(house_.channels, name, &HouseChannel::name);
    if (found == house_.channels.end()) return std::nullopt;
    return static_cast<std::size_t>(found - house_.channels.begin());
  }

  // The mains that feed a meter; those that say nothing hang on the first.
  std::size_t root(std::size_t i) const {
    for (std::size_t depth = 0; depth < house_.channels.size(); ++depth) {
      const auto parent = find(house_.channels[i].parent);
      if (!parent) break;
      i = *parent;
    }
    return house_.channels[i].role == ChannelRole::mains ? i : mains_.front();
  }

  Case begin() const {
    return {.name = house_.name, .households = {house_.household}, .recordings = {house_.name}};
  }

  Channel channel(std::size_t i) const {
    const auto& from = house_.channels[i];
    Channel made{.interval_s = house_.interval_s,
                 // Rows of some meters come when they please.
                 .hold_s = std::max(10.0, 3 * house_.interval_s),
                 .has_clock = house_.has_clock,
                 .times = times_,
                 .active_power_w = from.active_power_w,
                 .reactive_power_var = from.reactive_power_var,
                 .voltage_v = from.voltage_v};
    made.facts.nominal_voltage = {static_cast<float>(house_.nominal_voltage_v)};
    if (house_.has_clock) made.facts.utc_offset = utc_offset(house_.country);
    if (const auto found = panel_.find(from.name); found != panel_.end()) {
      made.facts.rating_a = found->second.breaker_a;
      made.facts.poles = found->second.poles;
      made.facts.words = found->second.words;
    }
    return made;
  }

  void add_circuit(Case& made, std::size_t i) const {
    const auto& meter = house_.channels[i];
    made.channels.push_back(channel(i));
    ChannelTruth truth;
    if (meter.appliance && is_nameable(*meter.appliance)) {
      truth.meters.push_back({*meter.appliance, meter.active_power_w});
      truth.is_whole = true;
    }
    made.truths.push_back(std::move(truth));
  }

  // One of several appliances, which have meters behind it.
  void add_shared_circuit(Case& made, std::size_t i) const {
    constexpr double nearly_all = 0.95;
    ChannelTruth truth;
    double metered = 0;
    for (const auto j : meters_) {
      const auto& meter = house_.channels[j];
      if (!meter.appliance || find(meter.parent) != i) continue;
      metered += energy(meter.active_power_w);
      if (is_nameable(*meter.appliance)) {
        truth.meters.push_back({*meter.appliance, meter.active_power_w});
      }
    }
    if (truth.meters.empty()) return;
    truth.is_whole = metered >= nearly_all * energy(house_.channels[i].active_power_w);
    made.channels.push_back(channel(i));
    made.truths.push_back(std::move(truth));
  }

  static void subtract(std::vector<float>& rest, const std::vector<float>& part) {
    for (std::size_t row = 0; row < rest.size(); ++row) rest[row] -= part[row];
  }

  static std::optional<Case> finish(Case made) {
    if (made.kinds().empty()) return std::nullopt;
    made.fingerprint = fingerprint(made.channels);
    shuffle(made);
    return made;
  }

  House house_;
  std::map<std::string, PanelCircuit> panel_;
  std::shared_ptr<const std::vector<Timestamp>> times_;
  std::vector<std::size_t> mains_, meters_;
};

std::vector<Device> devices_of(const DataSet& data, const std::vector<std::string>& only) {
  std::vector<Device> devices;
  for (const auto& trace : data.traces()) {
    if (!only.empty() && std::ranges::find(only, trace.device) == only.end()) continue;
    if (devices.empty() || devices.back().name != trace.device) {
      devices.push_back({trace.device, trace.household, trace.appliance, {}});
    }
    devices.back().traces.push_back(trace);
  }
  // By kind, so that folds get some of each.
  std::ranges::stable_sort(devices, {}, &Device::kind);
  std::map<std::string, std::size_t> folds;
  std::size_t next = 0;
  for (auto& device : devices) {
    const auto [at, is_new] = folds.try_emplace(device.household, next);
    if (is_new) next = (next + 1) % device_folds;
    device.fold = at->second;
  }
  return devices;
}

// A trace on an even grid from its first row: a value stands until the next, but no longer than it
// may. Calls visit(time since the first row, power); what is missing is left out.
template <class Visit>
void each_even(const Trace& trace, const TraceSamples& samples, milliseconds step, Visit visit) {
  const auto hold = length(trace.hold_s);
  const auto& times = samples.times;
  std::size_t row = 0;
  for (auto time = times.front(); time <= times.back(); time += step) {
    while (row + 1 < times.size() && times[row + 1] <= time) ++row;
    if (time - times[row] > hold) {  // On to the end of the gap.
      const auto steps = (times[row + 1] - time + step - 1ms) / step;
      time += (steps - 1) * step;
      continue;
    }
    visit(time - times.front(), samples.active_power_w[row]);
  }
}

Case device_case(const DataSet& data, const Device& device, std::span<const Trace> traces) {
  Channel channel{.has_clock = traces.front().has_clock};
  for (const auto& trace : traces)
    channel.interval_s = std::max(channel.interval_s, trace.interval_s);
  channel.hold_s = 2.5 * channel.interval_s;
  if (channel.has_clock) channel.facts.utc_offset = 0min;  // Its times are local.
  channel.facts.nominal_voltage = {230};
  std::vector<Timestamp> times;
  constexpr auto pause = 2h;  // Between traces whose time of day is not known.
  for (const auto& trace : traces) {
    const auto samples = data.samples(trace);
    auto first = samples.times.front();
    if (!trace.has_clock && !times.empty()) first = times.back() + pause;
    each_even(trace, samples, length(channel.interval_s), [&](milliseconds since, float power) {
      if (!times.empty() && first + since <= times.back()) return;
      times.push_back(first + since);
      channel.active_power_w.push_back(power);
    });
  }
  channel.times = std::make_shared<const std::vector<Timestamp>>(std::move(times));
  Case made{.name = device.name, .households = {device.household}, .recordings = {device.name}};
  made.truths.push_back({{{device.kind, channel.active_power_w}}, true, {}});
  made.channels.push_back(std::move(channel));
  made.fingerprint = fingerprint(made.channels);
  return made;
}

// A device's traces one after another from a random place on, with pauses in which it is unplugged.
std::vector<float> lay(const DataSet& data, const Device& device, std::size_t rows,
                       milliseconds step, std::mt19937_64& random) {
  std::vector<float> power(rows, 0.0F);
  auto next = random() % device.traces.size();
  std::int64_t at = 0;  // Row where the next trace begins; below 0: it is already under way.
  for (bool is_first = true; at < static_cast<std::int64_t>(rows);
       next = (next + 1) % device.traces.size(), is_first = false) {
    const auto& trace = device.traces[next];
    const auto samples = data.samples(trace);
    const auto span = (samples.times.back() - samples.times.front()) / step + 1;
    if (is_first) at = -static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(span));
    // Within the trace, what is missing stays so.
    for (auto row = std::max<std::int64_t>(at, 0);
         row < std::min(at + span, static_cast<std::int64_t>(rows)); ++row) {
      power[static_cast<std::size_t>(row)] = missing;
    }
    each_even(trace, samples, step, [&](milliseconds since, float w) {
      const auto row = at + since / step;
      if (row >= 0 && row < static_cast<std::int64_t>(rows)) {
        power[static_cast<std::size_t>(row)] = w;
      }
    });
    const auto pause = 10min + std::chrono::seconds(random() % 7200);
    at += span + pause / step;
  }
  return power;
}

// A part of each recording, where there is more; first_of(rows, rows there are) is where it begins.
template <class FirstOf>
void cut(Case& one, std::chrono::days length_of_part, FirstOf first_of) {
  std::shared_ptr<const std::vector<Timestamp>> whole, part;
  std::size_t begin = 0, end = 0;
  for (std::size_t i = 0; i < one.channels.size(); ++i) {
    auto& channel = one.channels[i];
    if (channel.times != whole) {
      whole = channel.times;
      const auto rows = static_cast<std::size_t>(length_of_part / length(channel.interval_s));
      if (rows >= whole->size()) return;
      begin = first_of(rows, whole->size());
      end = begin + rows;
      part = std::make_shared<const std::vector<Timestamp>>(
          whole->begin() + static_cast<std::ptrdiff_t>(begin),
          whole->begin() + static_cast<std::ptrdiff_t>(end));
    }
    channel.times = part;
    const auto cut_column = [&](std::vector<float>& column) {
      if (column.empty()) return;
      column.erase(column.begin() + static_cast<std::ptrdiff_t>(end), column.end());
      column.erase(column.begin(), column.begin() + static_cast<std::ptrdiff_t>(begin));
      column.shrink_to_fit();
    };
    for (auto* column :
         {&channel.active_power_w, &channel.reactive_power_var, &channel.voltage_v}) {
      cut_column(*column);
    }
    for (auto& meter : one.truths[i].meters) cut_column(meter.active_power_w);
  }
}

// A week at a random place: channels of their own say the same again and again.
void cut_to_a_week(Case& one) {
  std::mt19937_64 random(one.fingerprint);
  cut(one, std::chrono::days(7),
      [&](std::size_t rows, std::size_t all) { return random() % (all - rows); });
}

// One trace is known, another is mixed.
bool is_mixed(const Device& device) { return device.traces.size() > 1; }

// `among` is not empty.
Case mixed_case(const DataSet& data, const Scene& scene, std::span<const Device* const> among,
                std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<const Device*> drawn;
  std::set<ApplianceKind> kinds;
  for (std::size_t tries = 0; drawn.size() < scene.count && tries < 1000; ++tries) {
    const auto* device = among[random() % among.size()];
    if (kinds.insert(device->kind).second) drawn.push_back(device);
  }
  double interval_s = 1;
  for (const auto* device : drawn) {
    for (const auto& trace : device->traces) interval_s = std::max(interval_s, trace.interval_s);
  }
  const auto step = length(interval_s);
  const auto rows = static_cast<std::size_t>(mix_length / step);
  const auto known_rows = static_cast<std::size_t>(known_length / step);

  Case made{.name = fmt::format("mix-{}", seed)};
  Channel channel{.interval_s = interval_s, .hold_s = 2.5 * interval_s};
  channel.facts.nominal_voltage = {230};
  channel.active_power_w.assign(rows, 0);
  if (scene.simulated_q) channel.reactive_power_var.assign(rows, 0);
  ChannelTruth truth{.is_whole = true};
  for (const auto* device : drawn) {
    made.households.insert(device->household);
    made.recordings.push_back(device->name);
    // What came first is known, what came later is mixed.
    auto earlier = *device, later = *device;
    const auto half = static_cast<std::ptrdiff_t>(device->traces.size() / 2);
    earlier.traces.resize(device->traces.size() / 2);
    later.traces.erase(later.traces.begin(), later.traces.begin() + half);
    const auto alone = lay(data, earlier, known_rows, step, random);
    auto power = lay(data, later, rows, step, random);
    // Devices of a nature differ.
    const double reactive = simulator::row(nature(device->kind)).reactive *
                            (0.8 + 0.4 * static_cast<double>(random() % 1000) / 1000);
    for (std::size_t row = 0; row < rows; ++row) {
      channel.active_power_w[row] += power[row];
      if (scene.simulated_q) {
        channel.reactive_power_var[row] += static_cast<float>(reactive) * power[row];
      }
    }
    truth.meters.push_back({device->kind, std::move(power)});
    auto& known = channel.known.emplace_back(KnownLoad{.kind = device->kind, .alone = {}});
    for (std::size_t row = 0; row < known_rows; ++row) {
      auto& reading = known.alone.emplace_back(insight::Reading{
          .time = Timestamp(step * static_cast<std::int64_t>(row)), .active_power = {alone[row]}});
      if (scene.simulated_q) {
        reading.reactive_power = {static_cast<float>(reactive) * alone[row]};
      }
    }
  }
  std::vector<Timestamp> times;
  for (std::size_t row = 0; row < rows; ++row) {
    times.emplace_back(step * static_cast<std::int64_t>(row));
  }
  channel.times = std::make_shared<const std::vector<Timestamp>>(std::move(times));
  made.channels.push_back(std::move(channel));
  made.truths.push_back(std::move(truth));
  made.fingerprint = fingerprint(made.channels);
  return made;
}

std::optional<std::size_t> whole_number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::chrono::minutes> utc_offset(std::string_view country) {
  if (country == "GB" || country == "IE" || country == "PT") return 0min;
  for (const auto* other : {"AT", "BE", "CH", "DE", "DK", "ES", "FR", "IT", "NL", "NO", "SE"}) {
    if (country == other) return 60min;
  }
  return std::nullopt;
}

insight::Reading Channel::reading(std::size_t row) const {
  insight::Reading made{.time = (*times)[row], .active_power = {active_power_w[row]}};
  if (!reactive_power_var.empty()) made.reactive_power = {reactive_power_var[row]};
  if (!voltage_v.empty()) made.voltage = {voltage_v[row]};
  return made;
}

std::vector<float> Channel::held_s() const {
  std::vector<float> held(rows(), static_cast<float>(interval_s));
  for (std::size_t row = 0; row + 1 < rows(); ++row) {
    const std::chrono::duration<double> to_next = (*times)[row + 1] - (*times)[row];
    held[row] = static_cast<float>(to_next.count() <= hold_s ? to_next.count() : interval_s);
  }
  return held;
}

bool ChannelTruth::judges(ApplianceKind kind) const {
  if (moved.contains(kind)) return true;
  if (is_whole) return true;
  return std::ranges::find(meters, kind, &TrueMeter::kind) != meters.end();
}

std::set<ApplianceKind> Case::kinds() const {
  std::set<ApplianceKind> all;
  for (const auto& truth : truths) {
    for (const auto& meter : truth.meters) all.insert(meter.kind);
  }
  return all;
}

bool Case::is_short() const {
  constexpr double least_s = 3 * 3600;
  return std::ranges::all_of(channels, [](const Channel& channel) {
    return channel.interval_s * static_cast<double>(channel.rows()) < least_s;
  });
}

bool is_nameable(ApplianceKind kind) {
  return kind != ApplianceKind::outlets && kind != ApplianceKind::other;
}

std::string Scene::text() const {
  switch (word) {
    case Word::mains:
      return count == 0 ? "mains" : fmt::format("mains+{}", count);
    case Word::circuits:
      return count == 0 ? "circuits" : fmt::format("circuits:{}", count);
    case Word::mixed:
      return fmt::format("mixed:{}{}", count, simulated_q ? ":simulated_q" : "");
    case Word::single:
      return "single";
  }
  std::unreachable();
}

Scene scene_called(std::string_view text) {
  constexpr std::size_t most_circuits = 64, most_traces = 16, most_days = 10'000;
  const auto refuse = [&] {
    return std::runtime_error(
        fmt::format("There is no scene '{}': write mains, mains+4, circuits, circuits:7, mixed:3, "
                    "mixed:3:simulated_q or single.",
                    text));
  };
  using Word = Scene::Word;
  if (text == "mains") return {Word::mains};
  if (text == "circuits") return {Word::circuits};
  if (text == "single") return {Word::single};
  if (text.starts_with("mains+")) {
    const auto count = whole_number(text.substr(6));
    if (!count || *count > most_circuits) throw refuse();
    return {Word::mains, *count};
  }
  if (text.starts_with("circuits:")) {
    const auto days = whole_number(text.substr(9));
    if (!days || *days < 1 || *days > most_days) throw refuse();
    return {Word::circuits, *days};
  }
  if (text.starts_with("mixed:")) {
    auto rest = text.substr(6);
    constexpr std::string_view simulated = ":simulated_q";
    const bool simulated_q = rest.ends_with(simulated);
    if (simulated_q) rest.remove_suffix(simulated.size());
    const auto count = whole_number(rest);
    if (!count || *count < 1 || *count > most_traces) throw refuse();
    return {Word::mixed, *count, simulated_q};
  }
  throw refuse();
}

Scenes::Scenes(const DataSet& data, Scene scene, Options options)
    : data_(data), scene_(scene), options_(std::move(options)) {
  for (const auto& name : options_.only) {
    if (std::ranges::find(data.houses(), name) == data.houses().end() &&
        std::ranges::find(data.traces(), name, &Trace::device) == data.traces().end()) {
      throw std::runtime_error(fmt::format(
          "There is no house and no device '{}' in the data; write names of folders in houses/ or "
          "of devices in traces/traces.csv.",
          name));
    }
  }
  if (scene_.is_of_traces()) {
    devices_ = devices_of(data_, options_.only);
    scene_.word == Scene::Word::single ? list_devices() : list_mixes();
  } else {
    list_houses();
  }
}

void Scenes::list_houses() {
  std::map<std::string, std::size_t> folds;
  for (const auto& name : data_.houses()) {
    const auto household = household_of(name);
    const auto fold = folds.try_emplace(household, folds.size() % most_folds).first->second;
    if (!options_.only.empty() && std::ranges::find(options_.only, name) == options_.only.end()) {
      continue;
    }
    entries_.push_back({name, {household}, fold});
  }
  folds_ = std::min(folds.size(), most_folds);
}

void Scenes::list_devices() {
  for (const auto& device : devices_) {
    entries_.push_back({device.name, {device.household}, device.fold});
  }
  folds_ = device_folds;
}

void Scenes::list_mixes() {
  for (std::size_t fold = 0; fold < device_folds; ++fold) {
    Entry entry{.fold = fold};
    for (const auto& device : devices_) {
      if (device.fold == fold && is_mixed(device)) entry.households.insert(device.household);
    }
    if (entry.households.empty()) continue;
    for (std::size_t i = 0; i < mixes_per_fold; ++i) {
      entry.name = fmt::format("mix-{}", options_.seed * 1000 + fold * mixes_per_fold + i);
      entries_.push_back(entry);
    }
  }
  folds_ = device_folds;
}

std::optional<Case> Scenes::load(std::size_t index) const {
  const auto& entry = entries_[index];
  if (scene_.word == Scene::Word::single) {
    const auto& device = devices_[index];
    const auto used = std::min(device.traces.size(), most_scored_traces);
    std::vector<Trace> traces;
    for (std::size_t i = 0; i < used; ++i) {
      traces.push_back(device.traces[i * device.traces.size() / used]);
    }
    return device_case(data_, device, traces);
  }
  if (scene_.word == Scene::Word::mixed) {
    std::vector<const Device*> among;
    for (const auto& device : devices_) {
      if (device.fold == entry.fold && is_mixed(device)) among.push_back(&device);
    }
    return mixed_case(data_, scene_, among, std::stoull(entry.name.substr(4)));
  }
  std::map<std::string, PanelCircuit> panel;
  if (options_.with_panel) {
    const auto file = data_.folder() / "panels" / (entry.name + ".toml");
    if (!std::filesystem::exists(file)) return std::nullopt;
    panel = read_panel(file);
  }
  HouseScene house(data_.house(entry.name), std::move(panel));
  if (scene_.word == Scene::Word::mains) return house.mains(scene_.count);
  auto made = house.alone(false);
  if (made && scene_.count > 0) {
    cut(*made, std::chrono::days(scene_.count),
        [](std::size_t, std::size_t) { return std::size_t{0}; });
  }
  return made;
}

TrainingSet::TrainingSet(const DataSet& data, Scene scene, std::uint64_t seed)
    : data_(data), scene_(scene), seed_(seed) {
  if (scene.word == Scene::Word::mixed) return;  // Mixes are made of what a fold leaves.
  for (const auto& name : data.houses()) {
    HouseScene house(data.house(name), {});
    auto made = scene.word == Scene::Word::mains ? house.mains(0) : house.alone(true);
    if (!made || (scene.word == Scene::Word::mains && made->is_short())) continue;
    if (scene.word != Scene::Word::mains) cut_to_a_week(*made);
    cases_.push_back(std::make_shared<const Case>(std::move(*made)));
  }
  if (scene.word == Scene::Word::mains && scene.count == 0) return;
  for (const auto& device : devices_of(data, {})) {
    auto traces = device.traces;
    std::mt19937_64 random(seed);
    for (std::size_t i = traces.size(); i > most_training_traces; --i) {
      traces.erase(traces.begin() + static_cast<std::ptrdiff_t>(random() % i));
    }
    cases_.push_back(std::make_shared<const Case>(device_case(data, device, traces)));
  }
}

std::vector<std::shared_ptr<const Case>> TrainingSet::without(
    const std::set<std::string>& households) const {
  std::vector<std::shared_ptr<const Case>> kept;
  if (scene_.word == Scene::Word::mixed) {
    const auto devices = devices_of(data_, {});
    std::vector<const Device*> among;
    for (const auto& device : devices) {
      if (!households.contains(device.household) && is_mixed(device)) among.push_back(&device);
    }
    for (std::size_t i = 0; i < training_mixes && !among.empty(); ++i) {
      constexpr std::uint64_t apart = 1'000'000;  // From the seeds of what is scored.
      auto mix = mixed_case(data_, scene_, among, (seed_ + apart) * 1000 + i);
      mix.channels.front().known.clear();
      kept.push_back(std::make_shared<const Case>(std::move(mix)));
    }
    return kept;
  }
  for (const auto& one : cases_) {
    if (std::ranges::none_of(one->households,
                             [&](const auto& name) { return households.contains(name); })) {
      kept.push_back(one);
    }
  }
  std::ranges::stable_sort(kept, {}, [](const auto& one) { return one->fingerprint; });
  return kept;
}

}  // namespace lenz::evaluation
