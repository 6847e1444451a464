#include "hub/api/metrics.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr auto longest_silence = 1min;

std::string escaped(std::string_view label) {
  std::string out;
  for (const char c : label) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// One metric with its samples, or nothing where it has none.
class Metric {
 public:
  Metric(std::string_view name, std::string_view type, std::string_view help)
      : name_(name), head_(fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help)) {}

  void add(std::string_view value) { fmt::format_to(out(), "{} {}\n", name_, value); }

  void add(Labels labels, std::string_view value) {
    samples_ += name_;
    char separator = '{';
    for (const auto& [key, text] : labels) {
      fmt::format_to(out(), "{}{}=\"{}\"", separator, key, escaped(text));
      separator = ',';
    }
    fmt::format_to(out(), "}} {}\n", value);
  }

  std::string text() const { return samples_.empty() ? "" : head_ + samples_; }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(samples_); }

  std::string name_, head_, samples_;
};

// To the last milliwatt-hour, which a double could not say of a large counter.
std::string watt_hours(measurement::MilliwattHours energy) {
  return fmt::format("{}.{:03}", energy.value / 1000, energy.value % 1000);
}

struct Metrics {
  Metric build{"lenz_build_info", "gauge", "The running version."};
  Metric homes{"lenz_homes", "gauge", "Homes that this hub serves."};
  Metric accepted{"lenz_hub_reports_accepted_total", "counter",
                  "Reports that were accepted, of all homes."};
  Metric refused{"lenz_hub_reports_refused_total", "counter",
                 "Messages that were no report, or not to be accepted."};
  Metric overflowed{"lenz_hub_reports_overflowed_total", "counter",
                    "Reports for which the inbox had no room: they come again."};
  Metric circuit{"lenz_circuit_info", "gauge", "What a circuit is called."};
  Metric power{"lenz_circuit_active_power_watts", "gauge",
               "Active power now; negative is produced."};
  Metric imported{"lenz_circuit_imported_watthours_total", "counter",
                  "Energy drawn, from the meter's counters."};
  Metric exported{"lenz_circuit_exported_watthours_total", "counter",
                  "Energy produced, from the meter's counters."};
  Metric age{"lenz_meter_last_sample_age_seconds", "gauge",
             "Time since the meter's newest sample."};
  Metric lost{"lenz_meter_samples_lost_total", "counter",
              "Samples that the meter had to drop before they were stored."};
  Metric reports{"lenz_meter_reports_total", "counter",
                 "Reports that brought at least one new sample."};

  std::string text() const {
    std::string out;
    for (const auto* metric : {&build, &homes, &accepted, &refused, &overflowed, &circuit, &power,
                               &imported, &exported, &age, &lost, &reports}) {
      out += metric->text();
    }
    return out;
  }
};

using Newest = std::map<std::string, std::optional<Store::Last>>;

void add_circuit(Metrics& metrics, const Home& home, const Circuit& circuit, const Newest& newest,
                 Ledger* ledger, Timestamp now) {
  metrics.circuit.add(
      {{"home", home.id}, {"circuit", circuit.id}, {"name", circuit.name}, {"room", circuit.room}},
      "1");
  if (circuit.channels.empty()) return;
  const Labels labels = {{"home", home.id}, {"circuit", circuit.id}};
  const auto& device = circuit.channels.front().device;
  if (const auto& last = newest.at(device); last && now - last->time <= longest_silence) {
    const auto watts = active_power(circuit, device, last->sample);
    if (watts) metrics.power.add(labels, fmt::format("{:.1f}", watts->value));
  }
  if (!ledger) return;
  const auto counter = ledger->counter(circuit.id);
  metrics.imported.add(labels, watt_hours(counter.imported));
  metrics.exported.add(labels, watt_hours(counter.exported));
}

}  // namespace

std::expected<std::string, StoreError> metrics_text(const ServedHome* served, std::size_t homes,
                                                    const std::optional<Traffic>& traffic,
                                                    std::string_view version, Timestamp now) {
  Metrics metrics;
  metrics.build.add({{"version", version}}, "1");
  metrics.homes.add(std::to_string(homes));
  if (traffic) {
    metrics.accepted.add(std::to_string(traffic->reports));
    metrics.refused.add(std::to_string(traffic->refused));
    metrics.overflowed.add(std::to_string(traffic->overflowed));
  }
  if (!served) return metrics.text();
  const auto& home = *served->home;
  const auto& circuits = panel_at(home, now).circuits;
  Newest newest;
  for (const auto& circuit : circuits) {
    for (const auto& use : circuit.channels) newest.try_emplace(use.device);
  }
  for (auto& [device, last] : newest) {
    const auto found = served->store->last(device);
    if (!found) return std::unexpected(found.error());
    last = *found;
    const auto tally = served->store->tally(device);
    if (!tally) return std::unexpected(tally.error());
    const Labels labels = {{"home", home.id}, {"meter", device}};
    if (last) {
      const auto age = std::max<std::chrono::milliseconds>(now - last->time, 0ms);
      metrics.age.add(labels, fmt::format("{:.3f}", static_cast<double>(age.count()) / 1000));
    }
    metrics.lost.add(labels, std::to_string(tally->lost));
    metrics.reports.add(labels, std::to_string(tally->reports));
  }
  auto* ledger = served->ledger ? served->ledger() : nullptr;
  for (const auto& circuit : circuits) add_circuit(metrics, home, circuit, newest, ledger, now);
  return metrics.text();
}

bool is_bearer_of(std::string_view token, std::string_view authorization) {
  constexpr std::string_view scheme = "Bearer ";
  if (token.empty() || !authorization.starts_with(scheme)) return false;
  const auto given = authorization.substr(scheme.size());
  return given.size() == token.size() &&
         sodium_memcmp(given.data(), token.data(), token.size()) == 0;
}

}  // namespace hub
