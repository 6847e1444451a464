#include "lenz/evaluation/wiring.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <span>

#include "insight/wiring/adapter_guard.h"

namespace lenz::evaluation {
namespace {

using insight::wiring::Fault;
using insight::wiring::Finding;
using measurement::channels_per_chip;
using simulator::Misdeed;
using simulator::Mistake;

struct MistakeRow {
  Mistake id;
  Fault fault;
  std::string_view words;
};
constexpr std::array rows = {
    MistakeRow{Mistake::reversed, Fault::reversed, "reversed clamp"},
    MistakeRow{Mistake::wrong_leg, Fault::wrong_leg, "wrong leg or phase"},
    MistakeRow{Mistake::swapped, Fault::swapped, "swapped clamps"},
    MistakeRow{Mistake::doubled, Fault::doubled, "two clamps on one wire"},
    MistakeRow{Mistake::entered_apart, Fault::two_pole_pair, "two poles entered apart"},
    MistakeRow{Mistake::half_counted, Fault::half_counted, "factor for poles missing"},
    MistakeRow{Mistake::before_mains, Fault::before_mains, "tapped before the mains"},
    MistakeRow{Mistake::wrong_type, Fault::wrong_type, "wrong clamp type"},
    MistakeRow{Mistake::limit, Fault::current_limit, "65.535 A limit"},
    MistakeRow{Mistake::clipped, Fault::clipped, "clipped clamp"},
    MistakeRow{Mistake::dead_chip, Fault::dead_chip, "dead chip"},
    MistakeRow{Mistake::no_voltage, Fault::no_voltage, "voltage input open"},
    MistakeRow{Mistake::one_adapter, Fault::no_own_voltage, "no voltage of its own"},
};
static_assert(rows.size() == simulator::mistakes);

const MistakeRow& row_of(Mistake mistake) { return rows[static_cast<std::size_t>(mistake)]; }

bool is_right(const Finding& finding, const Misdeed& misdeed, const insight::wiring::Panel& panel) {
  // It says only that something is wrong.
  if (finding.fault == Fault::more_than_mains) return !misdeed.channels.empty();
  if (finding.fault == Fault::wrong_leg && misdeed.what == Mistake::swapped) {
    // It says so where the other clamp carries nothing.
    const auto is_in = [&](const std::vector<std::size_t>& channels, std::size_t channel) {
      return std::ranges::find(channels, channel) != channels.end();
    };
    return std::ranges::all_of(misdeed.channels, [&](std::size_t channel) {
      return is_in(finding.channels, channel) || is_in(finding.perhaps, channel);
    });
  }
  if (finding.fault != row_of(misdeed.what).fault || finding.chip != misdeed.chip) return false;
  if (misdeed.what == Mistake::one_adapter) {
    // All chips see the first leg: it is right of every circuit of another leg.
    return std::ranges::all_of(finding.channels, [&](std::size_t channel) {
      return std::ranges::any_of(panel.circuits, [&](const auto& circuit) {
        for (std::size_t i = 0; i < circuit.clamps.size(); ++i) {
          if (circuit.clamps[i].channel != channel) continue;
          return circuit.legs.size() != circuit.clamps.size() || circuit.legs[i] != 1;
        }
        return false;
      });
    });
  }
  auto said = finding.channels, done = misdeed.channels;
  std::ranges::sort(said);
  std::ranges::sort(done);
  if (said != done) return false;
  if (misdeed.what == Mistake::wrong_leg) return finding.leg == misdeed.leg;
  if (misdeed.what == Mistake::wrong_type) {
    return std::ranges::find(finding.types, misdeed.type) != finding.types.end();
  }
  return true;
}

int entered_leg(const insight::wiring::Panel& panel, std::size_t channel) {
  for (const auto& circuit : panel.circuits) {
    const bool is_it = std::ranges::any_of(
        circuit.clamps, [&](const auto& clamp) { return clamp.channel == channel; });
    if (is_it) return circuit.legs.size() == 1 ? circuit.legs[0] : 0;
  }
  return 0;
}

// Two circuits that each hang on the other's leg look as if their clamps were exchanged: the fix
// says both.
bool is_right_of_both_legs(const Finding& finding, std::span<const Misdeed> misdeeds,
                           const insight::wiring::Panel& panel) {
  if (finding.fault != Fault::swapped) return false;
  const auto hangs_on = [&](std::size_t channel, int leg) {
    return std::ranges::any_of(misdeeds, [&](const Misdeed& misdeed) {
      return misdeed.what == Mistake::wrong_leg && misdeed.channels[0] == channel &&
             misdeed.leg == leg;
    });
  };
  return hangs_on(finding.channels[0], entered_leg(panel, finding.channels[1])) &&
         hangs_on(finding.channels[1], entered_leg(panel, finding.channels[0]));
}

bool names(const Finding& finding, const Misdeed& misdeed, std::span<const Misdeed> misdeeds,
           const insight::wiring::Panel& panel) {
  if (is_right(finding, misdeed, panel)) return true;
  return misdeed.what == Mistake::wrong_leg && is_right_of_both_legs(finding, misdeeds, panel) &&
         std::ranges::find(finding.channels, misdeed.channels[0]) != finding.channels.end();
}

std::string words(std::string_view what, std::uint64_t seed,
                  const std::vector<std::size_t>& channels, std::string_view more = {}) {
  return fmt::format("{}: {}, channels {}{}", seed, what, fmt::join(channels, " "), more);
}

insight::wiring::Report examined(const simulator::WiredPanel& home,
                                 const insight::wiring::Panel& panel) {
  insight::wiring::Recorder recorder(home.chips());
  for (std::size_t second = 0; second < home.seconds(); ++second) {
    recorder.take(measurement::Timestamp(std::chrono::seconds(second)), home.sample(second));
  }
  return examine(panel, recorder);
}

void score(std::uint64_t seed, simulator::WiredPanel& home, WiringScore& total) {
  const auto panel = entered_panel(home);
  auto report = examined(home, panel);
  // A chip that says nothing and a current that is cut hide what else is wrong: their owner repairs
  // them and asks again.
  bool is_repaired = false;
  for (const auto& misdeed : home.misdeeds()) {
    const bool hides =
        misdeed.chip || misdeed.what == Mistake::limit || misdeed.what == Mistake::clipped;
    if (!hides || std::ranges::none_of(report.findings, [&](const Finding& finding) {
          return is_right(finding, misdeed, panel);
        })) {
      continue;
    }
    home.repair(misdeed);
    is_repaired = true;
  }
  if (is_repaired) {
    const auto again = examined(home, panel);
    for (const auto& finding : again.findings) {
      const bool is_known = std::ranges::any_of(report.findings, [&](const Finding& known) {
        return known.fault == finding.fault && known.channels == finding.channels;
      });
      if (!is_known) report.findings.push_back(finding);
    }
  }
  std::string all;
  for (const auto& misdeed : home.misdeeds()) {
    all += fmt::format("; {} {}", row_of(misdeed.what).words, fmt::join(misdeed.channels, " "));
  }
  for (const auto& finding : report.findings) {
    ++total.statements;
    const bool is_cut = finding.fault == Fault::clipped && home.is_cut(finding.channels[0]);
    const bool is_true =
        is_cut || std::ranges::any_of(home.misdeeds(), [&](const Misdeed& misdeed) {
          return names(finding, misdeed, home.misdeeds(), panel);
        });
    if (is_true) continue;
    ++total.false_statements;
    total.lies.push_back(
        words(row(finding.fault).word, seed, finding.channels,
              fmt::format(" leg {} factor {:.3f}{}", finding.leg, finding.factor, all)));
  }
  for (const auto& misdeed : home.misdeeds()) {
    auto& line = total.by_mistake[static_cast<std::size_t>(misdeed.what)];
    ++line.made;
    const bool is_visible = misdeed.channels.empty() || misdeed.swing_w >= visible_w;
    const bool is_named = std::ranges::any_of(report.findings, [&](const Finding& finding) {
      return names(finding, misdeed, home.misdeeds(), panel);
    });
    if (is_visible) ++line.visible;
    if (is_named) ++(is_visible ? line.named : line.named_unseen);
    if (is_visible && !is_named) {
      total.misses.push_back(words(row_of(misdeed.what).words, seed, misdeed.channels,
                                   fmt::format(" swing {:.0f} W{}", misdeed.swing_w, all)));
    }
  }
}

}  // namespace

insight::wiring::Panel entered_panel(const simulator::WiredPanel& home) {
  using insight::wiring::CircuitKind;
  insight::wiring::Panel panel{.phases = home.phases(),
                               .nominal = {static_cast<float>(home.nominal_volts())}};
  for (const auto& entered : home.entered()) {
    auto& circuit = panel.circuits.emplace_back();
    circuit.id = circuit.name = entered.name;
    circuit.kind = entered.kind == "grid"    ? CircuitKind::grid
                   : entered.kind == "solar" ? CircuitKind::production
                                             : CircuitKind::load;
    if (circuit.kind != CircuitKind::grid) circuit.parent = 0;
    circuit.rating_a = entered.rating_a;
    circuit.legs = entered.legs;
    for (const auto& clamp : entered.clamps) {
      circuit.clamps.push_back(
          {clamp.channel, clamp.multiplier, clamp.type->gain, clamp.hardware_multiplier});
    }
  }
  panel.chips.resize(home.chips());
  return panel;
}

WiringScore evaluate_wiring(std::uint64_t seed, std::size_t panels) {
  WiringScore total{.panels = panels};
  for (std::size_t i = 0; i < panels; ++i) {
    const auto own = seed * 1'000'000 + i;
    simulator::WiredPanel home({.seed = own, .mistakes = i % 4, .minutes = examined_minutes});
    score(own, home, total);
  }
  return total;
}

AdapterScore evaluate_adapters(std::uint64_t seed, std::size_t boards) {
  using insight::wiring::AdapterGuard;
  using insight::wiring::AdapterStep;
  AdapterScore total{.boards = boards};
  for (std::size_t i = 0; i < boards; ++i) {
    simulator::Chance chance(seed * 1'000'000 + i);
    const auto chips = 2 + static_cast<std::size_t>(chance.uniform() * 13);
    const double nominal = chance.happens(0.5) ? 120 : 230;
    std::vector<std::size_t> second;
    for (std::size_t chip = 1; chip < chips; ++chip) {
      if (chance.happens(0.5)) second.push_back(chip);
    }
    if (second.empty()) second.push_back(chips - 1);
    // What still joins a chip of the second group to the first adapter, from a jumper that was not
    // cut to a splinter of solder; and what an open input picks up.
    std::vector<double> share(chips, 1), hum(chips);
    bool is_uncut = false;
    for (const auto chip : second) {
      share[chip] = 0;
      hum[chip] = chance.between(0, 1.2);
      if (!chance.happens(0.25)) continue;
      is_uncut = true;
      share[chip] = chance.happens(0.7) ? 1 : chance.between(2.5 / nominal, 0.9);
    }
    AdapterGuard guard(chips, second, {static_cast<float>(nominal)});
    bool is_let_in = false;
    const int plugged_at = static_cast<int>(chance.between(0, 10));
    for (int at = 0; at < 60; ++at) {
      const bool has_mains = at >= plugged_at && !chance.happens(0.01);
      measurement::Sample sample(chips);
      for (std::size_t chip = 0; chip < chips; ++chip) {
        if (chance.happens(0.01)) continue;  // Lost on the bus.
        const double volts = has_mains ? nominal * share[chip] * chance.normal(1, 0.01) : 0;
        sample.put<measurement::Quantity::voltage>(
            chip, {static_cast<float>(std::max(volts, hum[chip]))});
      }
      guard.take(sample);
      is_let_in |= guard.step() == AdapterStep::plug_second || guard.step() == AdapterStep::done;
    }
    ++(is_uncut ? total.uncut : total.cut);
    if (is_uncut && !is_let_in) ++total.stopped;
    if (!is_uncut && is_let_in) ++total.passed;
  }
  return total;
}

void print(const AdapterScore& total, std::ostream& out) {
  fmt::print(out,
             "{} boards: {} of {} with a jumper left stopped before the second adapter, {} of {} "
             "without let go on\n",
             total.boards, total.stopped, total.uncut, total.passed, total.cut);
}

void print(const WiringScore& total, std::ostream& out) {
  fmt::print(out, "{} panels\n\n{:<28} {:>6} {:>8} {:>7} {:>7}   not shown: named   % of made\n",
             total.panels, "mistake", "made", "shown", "named", "%");
  const auto print_line = [&](std::string_view words, const MistakeScore& line) {
    const auto percent = [](std::size_t part, std::size_t all) {
      return 100. * static_cast<double>(part) / static_cast<double>(std::max<std::size_t>(1, all));
    };
    fmt::print(out, "{:<28} {:>6} {:>8} {:>7} {:>7.1f}   {:>4} {:>6} {:>17.1f}\n", words, line.made,
               line.visible, line.named, percent(line.named, line.visible),
               line.made - line.visible, line.named_unseen,
               percent(line.named + line.named_unseen, line.made));
  };
  MistakeScore sum;
  for (const auto& row : rows) {
    const auto& line = total.by_mistake[static_cast<std::size_t>(row.id)];
    sum.made += line.made;
    sum.visible += line.visible;
    sum.named += line.named;
    sum.named_unseen += line.named_unseen;
    if (line.made > 0) print_line(row.words, line);
  }
  print_line("all", sum);
  fmt::print(out, "\n{} statements, {} false ({:.2f} %)\n", total.statements,
             total.false_statements,
             100. * static_cast<double>(total.false_statements) /
                 static_cast<double>(std::max<std::size_t>(1, total.statements)));
}

}  // namespace lenz::evaluation
