#include "hub/home_room.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace hub {

using insight::quarter;
using insight::QuarterHours;
using measurement::Quantity;
using measurement::Timestamp;

namespace {

const Circuit* mains_of(const Panel& panel) {
  const auto found = std::ranges::find_if(panel.circuits, [](const Circuit& circuit) {
    return circuit.kind == CircuitKind::grid && !circuit.channels.empty();
  });
  return found == panel.circuits.end() ? nullptr : &*found;
}

bool has_kind(const Panel& panel, CircuitKind kind) {
  return std::ranges::count(panel.circuits, kind, &Circuit::kind) > 0;
}

std::size_t legs_of(const Circuit& mains) { return std::max<std::size_t>(mains.legs.size(), 1); }

double highest_kw(const QuarterHours& grid) {
  std::int64_t most = 0;
  for (const auto one : grid.imported) most = std::max(most, one.value);
  return static_cast<double>(most) * 1e-6 * 4;
}

double highest_kva(const std::vector<insight::LegCurrent>& legs, double volts) {
  double most = 0;
  for (std::size_t i = 0; i < legs.front().amperes.size(); ++i) {
    double together = 0;
    for (const auto& leg : legs) together += std::isnan(leg.amperes[i]) ? 0 : leg.amperes[i];
    most = std::max(most, together * volts / 1000);
  }
  return most;
}

}  // namespace

RoomSearch::RoomSearch(BillDesk& desk, Store& store, const Home& home, RoomQuestion question,
                       Timestamp now)
    : desk_(desk),
      store_(store),
      home_(home),
      question_(std::move(question)),
      now_(now),
      year_{now - std::chrono::days(365), now} {}

BillDesk::Or<const Circuit*> RoomSearch::mains() const {
  const auto* mains = mains_of(panel_at(home_, now_));
  if (!mains) {
    return std::unexpected(
        "There is no clamp at the mains: what the legs carry is not known without one.");
  }
  if (mains->rating_a <= 0) {
    return std::unexpected(fmt::format(
        "The rating of {} is not known: set rating_a of it in home.toml.", mains->name));
  }
  return mains;
}

BillDesk::Or<insight::LegCurrent> RoomSearch::current_of(std::size_t leg) const {
  const auto& mains = *mains_of(panel_at(home_, now_));
  const auto [begin, end] = whole_quarters(year_);
  const auto count = static_cast<std::size_t>((end - begin) / quarter);
  insight::LegCurrent found{begin, std::vector<float>(count)};
  const auto legs = legs_of(mains);
  const bool is_doubled = mains.channels.size() == 1 && legs > 1;  // One clamp for all legs.
  for (std::size_t c = 0; c < mains.channels.size(); ++c) {
    if (!is_doubled && leg != c % legs) continue;
    const auto& use = mains.channels[c];
    const auto points =
        store_.read({use.device, Quantity::current, use.channel}, {begin, end}, quarter);
    if (!points) return std::unexpected(fmt::format("{}.", sentence(points.error())));
    const auto times = is_doubled ? 1.0f : static_cast<float>(std::abs(use.multiplier));
    for (std::size_t i = 0; i < std::min(count, points->mean.size()); ++i) {
      found.amperes[i] += times * points->mean[i];
    }
  }
  return found;
}

std::optional<BillDesk::Or<HomeRoom>> RoomSearch::step() {
  if (!desk_.quarters().is_ready()) return std::unexpected(BillDesk::is_being_read);
  const auto mains = this->mains();
  if (!mains) return std::unexpected(mains.error());
  if (legs_.size() < legs_of(**mains)) {
    auto leg = current_of(legs_.size());
    if (!leg) return std::unexpected(leg.error());
    legs_.push_back(std::move(*leg));
    return std::nullopt;
  }
  if (!use_) {
    const auto is_read =
        desk_.quarters().prepare(circuits_of_home(home_, year_, now_), year_, now_);
    if (is_read && !*is_read) return std::nullopt;
    auto use = desk_.use(year_, now_);
    if (!use) return std::unexpected(use.error());
    use_ = std::move(*use);
    return std::nullopt;
  }
  if (!found_) {
    auto room = this->room();
    if (!room) return room;
    found_ = std::move(*room);
    if (!desk_.tariff() || !question_.kwh_a_day || desk_.last_months(now_).empty()) {
      return std::move(*found_);
    }
    return std::nullopt;
  }
  if (!before_) {
    before_ = billed(use_->grid);
    return std::nullopt;
  }
  const auto after = billed(insight::with_load(use_->grid, planned_, *question_.kwh_a_day,
                                               home_.nominal_voltage_v, desk_.zone()));
  if (before_->trouble.empty() && after.trouble.empty()) {
    found_->bill = {before_->total, after.total};
  }
  return std::move(*found_);
}

insight::Replay RoomSearch::billed(const QuarterHours& grid) const {
  return insight::replay_of({&*desk_.tariff(), 1}, grid, desk_.last_months(now_), {}, desk_.zone(),
                            desk_.prices())
      .front();
}

BillDesk::Or<HomeRoom> RoomSearch::room() {
  const auto& panel = panel_at(home_, now_);
  const auto& mains = *mains_of(panel);
  planned_ = {.name = question_.what,
              .legs = std::vector<bool>(legs_.size(), question_.legs.empty()),
              .hours = question_.hours};
  for (const int leg : question_.legs) {
    if (leg < 1 || static_cast<std::size_t>(leg) > legs_.size()) {
      return std::unexpected(fmt::format("The home has no leg {}.", leg));
    }
    planned_.legs[static_cast<std::size_t>(leg) - 1] = true;
  }
  const auto on = static_cast<double>(std::ranges::count(planned_.legs, true));
  planned_.amperes = question_.power_w / (home_.nominal_voltage_v * on);
  std::vector<insight::CircuitUse> circuits;  // Of a year: some megabytes, that nobody needs twice.
  for (auto& part : use_->circuits) {
    circuits.push_back({std::move(part.name), std::move(part.use)});
  }
  const bool is_us = home_.country == "US";
  const auto room =
      insight::room_for(planned_, legs_, circuits, mains.rating_a, is_us ? 0.8 : 1, desk_.zone());
  if (!room) return std::unexpected(room.error());

  HomeRoom found{.room = *room, .breaker_a = mains.rating_a};
  if (is_us) {
    const auto service_v = home_.nominal_voltage_v * static_cast<double>(legs_.size());
    found.sheet = insight::nec_220_87({.service_a = mains.rating_a,
                                       .voltage_v = service_v,
                                       .new_load_va = question_.power_w,
                                       .has_generation = has_kind(panel, CircuitKind::solar),
                                       .has_peak_shaving = has_kind(panel, CircuitKind::battery),
                                       .saw_heating_or_cooling = question_.unseen_w <= 0,
                                       .heating_or_cooling_va = question_.unseen_w},
                                      legs_, desk_.zone());
  }
  found.contracted = insight::contracted_power(home_.country, highest_kw(use_->grid),
                                               highest_kva(legs_, home_.nominal_voltage_v));
  return found;
}

}  // namespace hub
