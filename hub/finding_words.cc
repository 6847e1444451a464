#include "hub/finding_words.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace hub {

using insight::Change;
using insight::Evidence;

namespace {

constexpr double days_a_month = 365.25 / 12;

constexpr const char* call_utility =
    "Switch off what heats, cools or charges until it is repaired. Call the utility, whose the "
    "supply is, and an electrician for the panel.";
constexpr const char* main_switch =
    "Switch off at the main switch now: voltages may rise beyond what devices bear. Call the "
    "utility at any hour, and an electrician.";
constexpr const char* switch_circuit_off =
    "Switch the circuit off at its breaker, and call an electrician before it is used again.";

std::string danger_of(Change change) {
  if (insight::row(change).urgency != insight::Urgency::danger) return {};
  switch (change) {
    case Change::open_neutral:
      return main_switch;
    case Change::supply_resistance:
    case Change::neutral_resistance:
      return call_utility;
    default:
      return switch_circuit_off;
  }
}

// Three significant digits.
std::string digits(double value) {
  const double size = std::abs(value);
  const int after = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  auto text = fmt::format("{:.{}f}", value, after);
  if (text.find('.') != text.npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  return text;
}

std::string quantity(double value, std::string_view unit) {
  const double size = std::abs(value);
  if (unit.empty()) return fmt::format("{} %", digits(100 * value));
  if (unit == "1/d") return digits(value);
  if (unit == "Wh" && size >= 1000) return digits(value / 1000) + " kWh";
  if (unit == "W" && size >= 1000) return digits(value / 1000) + " kW";
  if (unit == "s" && size >= 2 * 3600) return digits(value / 3600) + " h";
  if (unit == "s" && size >= 120) return digits(value / 60) + " min";
  if (unit == "W/V2") return digits(value * 1000) + " mW/V²";
  return fmt::format("{} {}", digits(value), unit);
}

std::string capital(std::string_view text) {
  std::string made(text);
  if (!made.empty() && made.front() >= 'a' && made.front() <= 'z') made.front() -= 'a' - 'A';
  return made;
}

std::string text_of(const Evidence& evidence) {
  const auto& row = insight::row(evidence.feature);
  if (!std::isfinite(evidence.now)) return {};
  auto text = fmt::format("{}: {}", capital(row.name), quantity(evidence.now, row.unit));
  if (std::isfinite(evidence.before)) {
    text += ", before " + quantity(evidence.before, row.unit);
    if (std::isfinite(evidence.usual_spread)) {
      text += fmt::format(" (± {})", quantity(evidence.usual_spread, row.unit));
    }
  }
  return text + ".";
}

std::string sure_of(float confidence) {
  struct Step {
    float least;
    const char* word;
  };
  constexpr std::array steps = {Step{.95f, "Almost certain"}, Step{.8f, "Quite sure"},
                                Step{.6f, "Likely"}, Step{0, "Perhaps"}};
  const auto* step =
      std::ranges::find_if(steps, [&](const Step& one) { return confidence >= one.least; });
  if (step == steps.end() || confidence == 0) return "How sure this is was not tested.";
  // Of ten, or of a hundred where ten would say always.
  const bool is_rare = confidence >= .95f;
  const int of = is_rare ? 100 : 10;
  const auto right = std::min(static_cast<int>(confidence * static_cast<float>(of) + .5f), of - 1);
  return fmt::format("{}: {} of {} such findings were right in tests.", step->word, right, of);
}

std::string cost_of(float extra_wh_per_day, const std::optional<Price>& price) {
  if (!std::isfinite(extra_wh_per_day)) return {};
  const double kwh = static_cast<double>(extra_wh_per_day) * days_a_month / 1000;
  if (std::abs(kwh) < .05) return {};
  auto text =
      fmt::format("About {} kWh a month {}", digits(std::abs(kwh)), kwh > 0 ? "more" : "less");
  if (price) {
    text += fmt::format(", or {:.2f} {}", std::abs(kwh) * price->per_kwh, price->currency);
  }
  return text + ".";
}

std::string causes_of(const std::vector<insight::Suspect>& suspects) {
  if (suspects.empty()) return {};
  const auto says = [](const insight::Suspect& one) { return insight::row(one.cause).says; };
  auto text = fmt::format("{} {}", suspects.front().probability >= .6f ? "Likely" : "Perhaps",
                          says(suspects.front()));
  for (std::size_t i = 1; i < suspects.size(); ++i) {
    text += fmt::format("{}{}", i == 1 ? "; it could also be " : " or ", says(suspects[i]));
  }
  return text + ".";
}

}  // namespace

std::string name_of(const Asset& asset, const Panel& panel,
                    std::span<const ApplianceState> appliances) {
  switch (asset.kind) {
    case Asset::Kind::supply:
      return "The supply";
    case Asset::Kind::meter:
      return "The meter " + asset.id;
    case Asset::Kind::circuit: {
      const auto found = std::ranges::find(panel.circuits, asset.id, &Circuit::id);
      return "The circuit " + (found == panel.circuits.end() ? asset.id : found->name);
    }
    case Asset::Kind::appliance:
      break;
  }
  const auto found = std::ranges::find_if(appliances, [&](const ApplianceState& one) {
    return std::to_string(one.number) == asset.id;
  });
  if (found == appliances.end()) return "Appliance " + asset.id;
  const auto& known = found->known;
  if (!known.name.empty()) return capital(known.name);
  if (known.kind && known.certainty != insight::Certainty::unknown) {
    return fmt::format("The {}", insight::row(*known.kind).name);
  }
  return known.description.empty() ? "Appliance " + asset.id : "What is " + known.description;
}

std::optional<Price> price_of(const Home& home) {
  if (!home.price_per_kwh) return std::nullopt;
  return Price{*home.price_per_kwh, home.currency};
}

FindingText text_of(const insight::Finding& finding, const std::string& name,
                    const std::optional<Price>& price, std::chrono::minutes utc_offset) {
  const auto local = fmt::gmtime(std::chrono::system_clock::to_time_t(
      std::chrono::floor<std::chrono::seconds>(finding.since + utc_offset)));
  const bool is_slow = finding.found - finding.since >= std::chrono::days(1);
  FindingText text;
  text.changed = fmt::format("{} {}.", name, insight::row(finding.change).says);
  text.since = is_slow ? fmt::format("Since about {} {:%B %Y}.", local.tm_mday, local)
                       : fmt::format("Since {} {:%B %Y, %H:%M}.", local.tm_mday, local);
  text.sure = sure_of(finding.confidence);
  if (!finding.evidence.empty()) text.evidence = text_of(finding.evidence.front());
  text.cost = cost_of(finding.extra_wh_per_day, price);
  text.danger = danger_of(finding.change);
  if (!finding.suspects.empty()) text.check = insight::row(finding.suspects.front().cause).check;
  text.causes = causes_of(finding.suspects);
  return text;
}

std::string lines_of(const FindingText& text) {
  std::string lines;
  for (const auto* line : {&text.changed, &text.danger, &text.since, &text.sure, &text.evidence,
                           &text.cost, &text.check, &text.causes}) {
    if (!line->empty()) lines += *line + "\n";
  }
  return lines;
}

}  // namespace hub
