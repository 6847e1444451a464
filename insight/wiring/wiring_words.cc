#include "insight/wiring/wiring_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "measurement/sample.h"

namespace insight::wiring {
namespace {

std::string board_name(std::size_t chip) {
  return chip < 2 ? "main board" : fmt::format("add-on {}", chip / 2);
}

std::string clamps_name(const Panel& panel, const std::vector<std::size_t>& channels) {
  std::string all;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    if (i > 0) all += i + 1 == channels.size() ? " and " : ", ";
    all += clamp_name(panel, channels[i]);
  }
  return all;
}

struct Numbered {
  const Circuit* circuit = nullptr;
  const Clamp* clamp = nullptr;
};
Numbered circuit_of(const Panel& panel, std::size_t channel) {
  for (const auto& circuit : panel.circuits) {
    for (const auto& clamp : circuit.clamps) {
      if (clamp.channel == channel) return {&circuit, &clamp};
    }
  }
  return {};
}

// What would look the same as two exchanged clamps. Empty where nothing would.
std::string other_legs(const Panel& panel, const std::vector<std::size_t>& channels) {
  const auto one = circuit_of(panel, channels[0]).circuit,
             other = circuit_of(panel, channels[1]).circuit;
  if (!one || !other || one->legs.size() != 1 || other->legs.size() != 1) return {};
  if (one->legs == other->legs) return {};
  return fmt::format("; or, if each is on its own wire, enter leg {} for {} and leg {} for {}",
                     other->legs[0], one->name, one->legs[0], other->name);
}

std::string volts_text(const Finding& finding) {
  return std::isnan(finding.factor) ? "Nothing was read from it."
                                    : fmt::format("It reads {:.1f} V.", finding.factor);
}

}  // namespace

std::string chip_name(std::size_t chip, std::optional<int> cs_pin) {
  const auto first = chip * measurement::channels_per_chip;
  auto name = fmt::format("chip {} ({}, CT{}-CT{}", chip + 1, board_name(chip), first + 1,
                          first + measurement::channels_per_chip);
  if (cs_pin) name += fmt::format(", chip select GPIO {}", *cs_pin);
  return name + ")";
}

std::string jumper_name(std::size_t chip) {
  if (chip % 2 == 1) return fmt::format("jumpers JP12 and JP13 of the {}", board_name(chip));
  return fmt::format("the voltage pins between the {} and the board below it", board_name(chip));
}

std::string clamp_name(const Panel& panel, std::size_t channel) {
  const auto [circuit, clamp] = circuit_of(panel, channel);
  auto name = fmt::format("CT{}", channel + 1);
  if (!circuit) return name;
  name += fmt::format(" ({}", circuit->name);
  if (circuit->clamps.size() > 1 && circuit->clamps.size() == circuit->legs.size()) {
    name +=
        fmt::format(" L{}", circuit->legs[static_cast<std::size_t>(clamp - &circuit->clamps[0])]);
  }
  return name + ")";
}

void put_words(Finding& finding, const Panel& panel) {
  const auto& channels = finding.channels;
  const auto pin = finding.chip && *finding.chip < panel.chips.size()
                       ? panel.chips[*finding.chip].cs_pin
                       : std::nullopt;
  finding.where = finding.chip ? chip_name(*finding.chip, pin) : clamps_name(panel, channels);
  const auto circuit = channels.empty() ? nullptr : circuit_of(panel, channels[0]).circuit;
  const auto clamp = channels.empty() ? nullptr : circuit_of(panel, channels[0]).clamp;
  std::string fix;
  switch (finding.fault) {
    case Fault::dead_chip:
      finding.evidence = volts_text(finding);
      fix = fmt::format("Check the board's seat and its chip-select jumper{}.",
                        pin ? fmt::format(": it must be at GPIO {}", *pin) : "");
      break;
    case Fault::no_voltage:
      finding.evidence = volts_text(finding);
      fix = fmt::format("Plug in the voltage adapter of this chip, or close {}.",
                        jumper_name(*finding.chip));
      break;
    case Fault::reversed:
      fix = fmt::format("Turn the clamp round on its wire, or set its multiplier to {:g}.",
                        clamp ? -clamp->multiplier : -1);
      break;
    case Fault::wrong_leg:
      fix = fmt::format("Enter leg {} for {}", finding.leg, circuit ? circuit->name : "it");
      fix += panel.phases == 3 ? " and move the clamp to a chip with that leg's voltage."
                               : ", and turn the clamp if its chip has the other leg's voltage.";
      if (!finding.perhaps.empty()) {
        fix += fmt::format(
            " If the leg was entered right, the clamp is on another wire: look at {}, "
            "which carries nothing.",
            clamps_name(panel, finding.perhaps));
      }
      break;
    case Fault::no_own_voltage:
      fix =
          "Give each phase a voltage adapter and put these clamps on its chips; until then their "
          "watts are not valid, their amperes are.";
      break;
    case Fault::swapped:
      fix = "Exchange the two clamps, or the circuits they are entered for";
      fix += other_legs(panel, channels) + ".";
      break;
    case Fault::doubled:
      fix = "Look at both breakers: one of the clamps belongs on the other's wire.";
      break;
    case Fault::two_pole_pair:
      fix = "Enter the two as one circuit of two poles with both clamps.";
      break;
    case Fault::half_counted:
      fix = fmt::format("Set the clamp's multiplier to {:g}: it stands for {} equal legs.",
                        (clamp && clamp->multiplier < 0 ? -1 : 1) * finding.factor, finding.factor);
      break;
    case Fault::current_limit:
      fix = fmt::format("Halve the clamp's gain and set the meter's multiplier to {}.",
                        2 * (clamp ? std::max(1, clamp->hardware_multiplier) : 1));
      break;
    case Fault::clipped:
      fix = "Use a clamp for larger currents: this one gives more than the chip's input takes.";
      break;
    case Fault::wrong_type:
      fix = fmt::format("Set {} as the clamp's type, if that is what is printed on it.",
                        fmt::join(finding.types, " or "));
      break;
    case Fault::before_mains:
      fix =
          "Take the mains away as its parent: it is tapped before the mains' clamps (or its clamp "
          "is on a wire of another panel).";
      break;
    case Fault::more_than_mains:
      fix =
          "Look whether a clamp is of another type than the one set, counts for more legs than it "
          "should, or hangs before the mains.";
      break;
  }
  finding.fix = fix;
}

}  // namespace insight::wiring
