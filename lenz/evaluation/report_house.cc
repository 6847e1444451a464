#include "lenz/evaluation/report_house.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "lenz/evaluation/panel_file.h"

namespace lenz::evaluation {
namespace {

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

void subtract(std::vector<float>& from, const std::vector<float>& part) {
  for (std::size_t row = 0; row < from.size(); ++row) from[row] -= part[row];
}

std::vector<float> sum(std::span<const HouseChannel* const> meters, std::size_t rows) {
  std::vector<float> all(rows, meters.empty() ? missing : 0.0F);
  for (const auto* meter : meters) {
    for (std::size_t row = 0; row < rows; ++row) all[row] += meter->active_power_w[row];
  }
  return all;
}

// "kitchen_outlets_1" of a label, as somebody would write it.
std::string words_of(std::string label) {
  std::ranges::replace(label, '_', ' ');
  return label;
}

class Builder {
 public:
  Builder(const DataSet& data, const std::string& name) : house_(data.house(name)) {
    const auto file = data.folder() / "panels" / (name + ".toml");
    if (std::filesystem::exists(file)) panel_ = read_panel(file);
    times_ = std::make_shared<const std::vector<measurement::Timestamp>>(std::move(house_.times));
    for (const auto& channel : house_.channels) {
      if (channel.active_power_w.empty()) continue;
      if (channel.role == ChannelRole::circuit) circuits_.push_back(&channel);
      if (channel.role == ChannelRole::appliance) appliances_.push_back(&channel);
      const auto* parent = find(channel.parent);
      const bool is_leg = parent && parent->role == ChannelRole::mains;
      if (channel.role == ChannelRole::mains && !is_leg) mains_.push_back(&channel);
    }
  }

  // Empty: nothing is known of any appliance.
  ReportHouse house(bool with_socket_circuit) const {
    ReportHouse made{
        .country = house_.country,
        .one = {
            .name = house_.name, .households = {house_.household}, .recordings = {house_.name}}};
    const auto rows = times_->size();
    made.whole_w = sum(mains_.empty() ? top_circuits() : mains_, rows);
    auto rest = made.whole_w;
    for (const auto* circuit : circuits_) {
      add_circuit(made, *circuit);
      if (!is_circuit(find(circuit->parent))) subtract(rest, circuit->active_power_w);
    }
    const auto loose = loose_meters();
    if (with_socket_circuit) {
      if (loose.size() < 2) return {};
      made.one.name += "+socket_circuit";
      auto sockets = channel(sum(loose, rows));
      sockets.facts.words = "Sockets";
      subtract(rest, sockets.active_power_w);
      made.one.channels.push_back(std::move(sockets));
      made.one.truths.push_back({.meters = meters_of(loose), .is_whole = true});
    }
    if (!mains_.empty()) {
      auto left = channel(std::move(rest));
      left.facts.is_mains = true;
      made.one.channels.push_back(std::move(left));
      made.one.truths.push_back(
          {.meters = with_socket_circuit ? std::vector<TrueMeter>() : meters_of(loose)});
    }
    return made.one.kinds().empty() ? ReportHouse{} : made;
  }

 private:
  const HouseChannel* find(const std::string& name) const {
    const auto found = std::ranges::find(house_.channels, name, &HouseChannel::name);
    return name.empty() || found == house_.channels.end() ? nullptr : &*found;
  }

  static bool is_circuit(const HouseChannel* channel) {
    return channel && channel->role == ChannelRole::circuit && !channel->active_power_w.empty();
  }

  std::vector<const HouseChannel*> top_circuits() const {
    auto top = circuits_;
    std::erase_if(top, [&](const auto* circuit) { return is_circuit(find(circuit->parent)); });
    return top;
  }

  // That hang on no circuit.
  std::vector<const HouseChannel*> loose_meters() const {
    auto loose = appliances_;
    std::erase_if(loose, [&](const auto* meter) { return is_circuit(find(meter->parent)); });
    return loose;
  }

  static std::vector<TrueMeter> meters_of(std::span<const HouseChannel* const> channels) {
    std::vector<TrueMeter> meters;
    for (const auto* one : channels) {
      if (!one->appliance || !is_nameable(*one->appliance)) continue;
      meters.push_back({*one->appliance, one->active_power_w});
    }
    return meters;
  }

  Channel channel(std::vector<float> power) const {
    Channel made{.interval_s = house_.interval_s,
                 .hold_s = std::max(10.0, 3 * house_.interval_s),
                 .has_clock = house_.has_clock,
                 .times = times_,
                 .active_power_w = std::move(power)};
    made.facts.nominal_voltage = {static_cast<float>(house_.nominal_voltage_v)};
    if (house_.has_clock) made.facts.utc_offset = utc_offset(house_.country);
    return made;
  }

  void add_circuit(ReportHouse& house, const HouseChannel& circuit) const {
    auto made = channel(circuit.active_power_w);
    made.reactive_power_var = circuit.reactive_power_var;
    made.voltage_v = circuit.voltage_v;
    for (const auto* under : circuits_) {
      if (find(under->parent) != &circuit) continue;
      subtract(made.active_power_w, under->active_power_w);
      made.reactive_power_var.clear();  // Not every one knows it.
    }
    made.facts.words = words_of(circuit.label);
    if (const auto found = panel_.find(circuit.name); found != panel_.end()) {
      made.facts.rating_a = found->second.breaker_a;
      made.facts.poles = found->second.poles;
      made.facts.words = found->second.words;
    }
    ChannelTruth truth{.is_whole = true};
    if (circuit.appliance && is_nameable(*circuit.appliance)) {
      truth.meters.push_back({*circuit.appliance, made.active_power_w});
    } else {
      std::vector<const HouseChannel*> under;
      for (const auto* meter : appliances_) {
        if (find(meter->parent) == &circuit) under.push_back(meter);
      }
      truth = {.meters = meters_of(under)};
    }
    house.one.channels.push_back(std::move(made));
    house.one.truths.push_back(std::move(truth));
  }

  House house_;
  std::map<std::string, PanelCircuit> panel_;
  std::shared_ptr<const std::vector<measurement::Timestamp>> times_;
  std::vector<const HouseChannel*> mains_, circuits_, appliances_;
};

}  // namespace

std::vector<ReportHouse> report_houses(const DataSet& data, const std::string& name) {
  const Builder builder(data, name);
  std::vector<ReportHouse> houses;
  for (const bool with_socket_circuit : {false, true}) {
    auto house = builder.house(with_socket_circuit);
    if (!house.one.channels.empty()) houses.push_back(std::move(house));
  }
  return houses;
}

}  // namespace lenz::evaluation
