#include "hub/home_use.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "hub/own_loads.h"

namespace hub {

using insight::quarter;
using insight::QuarterHours;
using measurement::MilliwattHours;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

const Panel& panel_of(const Home& home, TimeRange range, Timestamp now) {
  return panel_at(home, std::min(range.end - 1ms, now));
}

bool has_clamp(const Circuit& circuit) { return !circuit.channels.empty(); }

bool hangs_under_a_clamp(const Panel& panel, const Circuit& circuit) {
  const auto parent = std::ranges::find(panel.circuits, circuit.parent, &Circuit::id);
  return parent != panel.circuits.end() &&
         (has_clamp(*parent) || hangs_under_a_clamp(panel, *parent));
}

// The mains; without a clamp at them all circuits that hang under no measured one.
bool has_mains(const Panel& panel) {
  return std::ranges::any_of(panel.circuits, [](const Circuit& circuit) {
    return circuit.kind == CircuitKind::grid && has_clamp(circuit);
  });
}

std::vector<std::string> circuits_of_grid(const Panel& panel) {
  std::vector<std::string> found;
  const bool is_measured = has_mains(panel);
  for (const auto& circuit : panel.circuits) {
    const bool is_of_it =
        is_measured ? circuit.kind == CircuitKind::grid : !hangs_under_a_clamp(panel, circuit);
    if (has_clamp(circuit) && is_of_it) found.push_back(circuit.id);
  }
  return found;
}

MilliwattHours sum(const std::vector<MilliwattHours>& energies) {
  return std::accumulate(energies.begin(), energies.end(), MilliwattHours{});
}

// No quarter of the parts together is more than the whole's.
void hold_within(const QuarterHours& whole, const std::vector<QuarterHours*>& parts) {
  for (std::size_t i = 0; i < whole.imported.size(); ++i) {
    std::int64_t together = 0;
    for (const auto* part : parts) together += part->imported[i].value;
    const auto most = whole.imported[i].value;
    if (together <= most) continue;
    for (auto* part : parts) {
      auto& value = part->imported[i].value;
      value = static_cast<std::int64_t>(static_cast<double>(value) * static_cast<double>(most) /
                                        static_cast<double>(together));
    }
  }
}

using RunsOf = std::map<ApplianceNumber, std::vector<insight::Run>>;

RunsOf runs_of(const Appliances& appliances, TimeRange range) {
  RunsOf found;
  for (const auto& booked : appliances.runs(range)) {
    found[booked.appliance].push_back(booked.run);
  }
  return found;
}

void add_appliances(HomeUse& use, const Appliances& appliances, TimeRange range, Timestamp now) {
  const auto runs = runs_of(appliances, range);
  const auto known = appliances.known(now);
  std::vector<const UsePart*> circuits;
  for (const auto& circuit : use.circuits) circuits.push_back(&circuit);
  if (use.rest) circuits.push_back(&*use.rest);
  for (const auto* looked_at : circuits) {
    const auto& circuit = *looked_at;
    std::vector<const ApplianceState*> here;
    for (const auto& one : known) {
      if (one.circuit == circuit.circuit && runs.contains(one.number)) here.push_back(&one);
    }
    const bool is_alone = &circuit != (use.rest ? &*use.rest : nullptr) && here.size() == 1 &&
                          here.front()->known.certainty == insight::Certainty::measured;
    std::vector<UsePart> parts;
    for (const auto* one : here) {
      UsePart part{.name = name_of(*one),
                   .circuit = circuit.circuit,
                   .appliance = one->number,
                   .kind = one->known.certainty == insight::Certainty::unknown ? std::nullopt
                                                                               : one->known.kind,
                   .is_measured = is_alone,
                   .use = is_alone ? circuit.use : no_quarters(range)};
      for (const auto& run : runs.at(one->number)) {
        part.runs += run.begin >= range.begin && run.begin < range.end;
        if (!is_alone) add(part.use, quarters_of(run, now));
      }
      part.use.covered = circuit.use.covered;
      part.use.imported.resize(circuit.use.imported.size());
      part.use.exported.resize(circuit.use.exported.size());
      parts.push_back(std::move(part));
    }
    std::vector<QuarterHours*> uses;
    for (auto& part : parts) uses.push_back(&part.use);
    hold_within(circuit.use, uses);
    std::ranges::move(parts, std::back_inserter(use.appliances));
  }
}

}  // namespace

Appliances appliances_of(std::function<Analyst*()> analyst) {
  return {.known =
              [analyst](Timestamp now) {
                auto* found = analyst();
                return found ? found->appliances(now) : std::vector<ApplianceState>();
              },
          .runs =
              [analyst](TimeRange range) {
                auto* found = analyst();
                return found ? found->runs(range, most_runs_in_use) : std::vector<BookedRun>();
              }};
}

std::string name_of(const ApplianceState& one) {
  const auto& known = one.known;
  if (!known.name.empty()) return known.name;
  if (known.kind && known.certainty != insight::Certainty::unknown) {
    std::string name(insight::row(*known.kind).name);
    if (!name.empty() && name[0] >= 'a' && name[0] <= 'z') {
      name[0] = static_cast<char>(name[0] - 'a' + 'A');
    }
    return name;
  }
  return known.description.empty() ? fmt::format("Appliance {}", one.number) : known.description;
}

MilliwattHours imported(const QuarterHours& use) { return sum(use.imported); }
MilliwattHours exported(const QuarterHours& use) { return sum(use.exported); }

double covered(const QuarterHours& use) {
  if (use.imported.empty()) return 0;
  if (use.covered.empty()) return 1;
  return std::accumulate(use.covered.begin(), use.covered.end(), 0.0) /
         static_cast<double>(use.covered.size());
}

QuarterHours quarters_of(const insight::Run& run, Timestamp now) {
  const auto end = std::min(run.end, now);
  if (end <= run.begin) return {};
  auto found = no_quarters({run.begin, end});
  const double whole = static_cast<double>((end - run.begin).count());
  std::int64_t given = 0;
  for (std::size_t i = 0; i < found.imported.size(); ++i) {
    const auto until = std::min(end, found.begin + static_cast<std::int64_t>(i + 1) * quarter);
    const double share = static_cast<double>((until - run.begin).count()) / whole;
    const auto sum = std::llround(share * static_cast<double>(run.energy.value));
    found.imported[i] = {sum - given};
    given = sum;
  }
  return found;
}

std::vector<std::string> circuits_of_home(const Home& home, TimeRange range, Timestamp now) {
  std::vector<std::string> found;
  for (const auto& circuit : panel_of(home, range, now).circuits) {
    if (has_clamp(circuit)) found.push_back(circuit.id);
  }
  return found;
}

std::vector<std::string> circuits_of_grid(const Home& home, TimeRange range, Timestamp now) {
  return circuits_of_grid(panel_of(home, range, now));
}

std::expected<GridUse, StoreError> grid_use(QuarterBook& book, const Home& home, TimeRange range,
                                            Timestamp now) {
  range.end = std::min(range.end, now);
  const auto& panel = panel_of(home, range, now);
  GridUse found{.quarters = no_quarters(range), .has_grid = has_mains(panel)};
  const auto circuits = circuits_of_grid(panel);
  found.quarters.covered.assign(found.quarters.imported.size(), circuits.empty() ? 0 : 1);
  for (const auto& id : circuits) {
    const auto use = book.circuit(id, range, now);
    if (!use) return std::unexpected(use.error());
    add(found.quarters, *use);
  }
  return found;
}

std::expected<HomeUse, StoreError> home_use(QuarterBook& book, const Home& home,
                                            const Appliances& appliances, TimeRange range,
                                            Timestamp now) {
  range.end = std::min(range.end, now);
  auto grid = grid_use(book, home, range, now);
  if (!grid) return std::unexpected(grid.error());
  HomeUse found{.grid = std::move(grid->quarters),
                .has_grid = grid->has_grid,
                .produced = no_quarters(range)};
  const auto& panel = panel_of(home, range, now);
  for (const auto& circuit : panel.circuits) {
    if (circuit.kind != CircuitKind::solar || !has_clamp(circuit)) continue;
    const auto use = book.circuit(circuit.id, range, now);
    if (!use) return std::unexpected(use.error());
    add(found.produced, *use);
  }
  for (const auto& load : own_loads(panel)) {
    auto use = book.circuit(load.circuit->id, range, now);
    if (!use) return std::unexpected(use.error());
    for (const auto* under : load.less) {
      const auto less = book.circuit(under->id, range, now);
      if (!less) return std::unexpected(less.error());
      take_away(*use, *less);
    }
    UsePart part{.name = load.circuit->name, .circuit = load.circuit->id, .use = std::move(*use)};
    if (load.circuit->kind != CircuitKind::grid) {
      found.circuits.push_back(std::move(part));
    } else if (!found.rest) {
      found.rest = std::move(part);
    }
  }
  if (appliances.known && appliances.runs) add_appliances(found, appliances, range, now);
  return found;
}

}  // namespace hub
