#include "insight/advice/advice_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace insight {

namespace {

constexpr double worth_a_word = 1;  // Of the currency, a year.

double standby_a_year(const ApplianceUse& use) {
  // What works all the time has no standby to switch off.
  if (!use.uses_a_year) return 0;
  return use.standby_w.value_or(0) * 8.76 * use.price_per_kwh;
}

double shift_a_year(const ApplianceUse& use) {
  return use.shiftable
             ? use.shiftable->share * use.energy_kwh.median * use.shiftable->cheaper_per_kwh
             : 0;
}

// What can be set at the appliance itself; how much that saves is not known before it is tried.
std::string_view setting(ApplianceKind kind) {
  switch (kind) {
    case ApplianceKind::fridge:
    case ApplianceKind::fridge_freezer:
      return "Set the fridge to 5 °C and the freezer to -18 °C, and measure inside.";
    case ApplianceKind::freezer:
      return "Set it to -18 °C, and defrost it where there is ice.";
    case ApplianceKind::dishwasher:
      return "Use its eco programme, and fill it.";
    case ApplianceKind::washing_machine:
    case ApplianceKind::washer_dryer:
      return "Wash at 30 °C or cold, and fill it.";
    case ApplianceKind::tumble_dryer:
      return "Spin faster before drying, clean the lint filter, and dry on a line where you can.";
    case ApplianceKind::water_heater:
      return "Set it to 55 or 60 °C, not higher and not lower.";
    case ApplianceKind::air_conditioner:
      return "Set it one degree warmer, and clean its filter.";
    case ApplianceKind::heat_pump:
      return "Lower the flow temperature until the rooms are just warm.";
    default:
      return {};
  }
}

std::string cases(double chance) {
  const auto tenths = static_cast<int>(std::floor(chance * 10 + 0.05));
  return tenths >= 10 ? "more than 9 of 10" : fmt::format("{} of 10", std::max(tenths, 0));
}

}  // namespace

void price_energy(Candidate& candidate, const ApplianceUse& use, const AdviceSettings& settings) {
  const auto times = [&](double factor) {
    const auto& kwh = candidate.energy_kwh;
    return Spread{factor * kwh.low, factor * kwh.median, factor * kwh.high};
  };
  candidate.cost_a_year = times(use.price_per_kwh);
  if (settings.carbon_g_per_kwh > 0) {
    candidate.emissions_kg = times(settings.carbon_g_per_kwh / 1000);
  }
}

std::vector<std::string> free_options(const ApplianceUse& use, const AdviceSettings& settings) {
  std::vector<std::pair<double, std::string>> options;
  if (const double saved = shift_a_year(use); saved >= worth_a_word) {
    options.emplace_back(saved, fmt::format("Start it {}: about {:.0f} {} a year less.",
                                            use.shiftable->hours, saved, settings.currency));
  }
  if (const double saved = standby_a_year(use); saved >= worth_a_word) {
    options.emplace_back(saved,
                         fmt::format("Switch it off at the wall between uses: it draws {:.1f} W "
                                     "all the time, about {:.0f} {} a year.",
                                     *use.standby_w, saved, settings.currency));
  }
  std::ranges::stable_sort(options, std::greater<>(), &std::pair<double, std::string>::first);
  std::vector<std::string> sentences;
  for (auto& [saved, sentence] : options) sentences.push_back(std::move(sentence));
  if (const auto words = setting(use.kind); !words.empty()) sentences.emplace_back(words);
  return sentences;
}

bool is_worth_saying(const ApplianceUse& use) {
  return standby_a_year(use) + shift_a_year(use) >=
         std::max(2 * worth_a_word, 0.05 * use.energy_kwh.median * use.price_per_kwh);
}

std::string why(const Advice& advice, const Candidate& best, const ApplianceUse& use,
                const AdviceSettings& settings) {
  std::string text;
  if (!use.finding.empty()) {
    text = fmt::format("It {}: have that put right before you think of a new one. ", use.finding);
  }
  const double saved = use.energy_kwh.median - best.energy_kwh.median;
  switch (advice.verdict) {
    case Verdict::replace:
      text += fmt::format(
          "In {} cases you come out ahead with {}: it takes about {:.0f} kWh a year less, and "
          "costs "
          "about {:.0f} {}.",
          cases(best.chance_ahead), best.name, saved, best.purchase.median, settings.currency);
      break;
    case Verdict::repair:
      text += use.repair_quote
                  ? fmt::format("Repair it: in {} cases that is cheaper than {}.",
                                cases(1 - best.chance_ahead), best.name)
                  : std::string("What it takes now is not what it takes when it is well.");
      break;
    case Verdict::keep:
    case Verdict::use_otherwise:
      if (best.chance_ahead >= 0.5) {
        text += fmt::format(
            "Keep it: {} would pay in {} cases, which is not sure enough, or not soon enough.",
            best.name, cases(best.chance_ahead));
      } else {
        text += fmt::format("Keep it: in {} cases {} costs more than it saves.",
                            cases(1 - best.chance_ahead), best.name);
      }
  }
  if (!use.label) {
    text += " What its label said is estimated.";
  }
  return text;
}

}  // namespace insight
