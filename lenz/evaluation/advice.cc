#include "lenz/evaluation/advice.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "insight/advice/labels.h"
#include "lenz/evaluation/simulated_households.h"

namespace lenz::evaluation {

namespace {

struct World {
  std::string_view word;
  Misleading misleading;
};
constexpr std::array worlds = {
    World{"all", all_misleading},
    World{"none", {}},
    World{"lifetimes", {.by_lifetimes = true}},
    World{"prices", {.by_prices = true}},
    World{"rebound", {.by_rebound = true}},
    World{"labels", {.by_labels = true}},
    World{"facts", {.wrong_facts = 0.1}},
    World{"all_facts", {.wrong_facts = 1}},
};

struct Choice {
  std::size_t model = 0;
  bool is_now = false;
};

double labelled_kwh(const SimulatedHousehold& home, double label) {
  switch (*insight::label_basis(home.use.kind)) {
    case insight::LabelBasis::kwh_a_year:
      return label;
    case insight::LabelBasis::kwh_a_use:
      return label * home.use.uses_a_year.value_or(0);
    case insight::LabelBasis::efficiency:
      return home.use.energy_kwh.median / label;  // As if the kept one had an efficiency of 1.
  }
  return 0;
}

std::size_t best_labelled(const SimulatedHousehold& home) {
  const auto best = std::ranges::min_element(
      home.offers, {}, [&](const auto& offer) { return labelled_kwh(home, offer.label); });
  return static_cast<std::size_t>(best - home.offers.begin());
}

std::size_t cheapest(const SimulatedHousehold& home) {
  const auto best =
      std::ranges::min_element(home.offers, {}, [](const auto& offer) { return *offer.purchase; });
  return static_cast<std::size_t>(best - home.offers.begin());
}

Choice label_payback(const SimulatedHousehold& home) {
  const auto model = best_labelled(home);
  const auto& offer = home.offers[model];
  const double saved = home.use.energy_kwh.median - labelled_kwh(home, offer.label);
  return {model, saved * home.use.price_per_kwh * 10 > *offer.purchase};
}

// Of one policy over all homes of a world.
struct Tally {
  std::string_view policy;
  int replaced = 0, ahead = 0;
  double regret = 0;
};

void follow(Tally& tally, const SimulatedHousehold& home, const Choice& choice, double least) {
  const double cost = home.cost(choice.model, choice.is_now);
  tally.regret += cost - least;
  if (!choice.is_now) return;
  ++tally.replaced;
  if (cost < home.cost(choice.model, false)) ++tally.ahead;
}

double least_cost(const SimulatedHousehold& home) {
  double least = home.cost(0, false);
  for (std::size_t m = 0; m < home.models.size(); ++m) {
    least = std::min({least, home.cost(m, false), home.cost(m, true)});
  }
  return least;
}

// What advice said of buying the best at once, and what came of it.
struct Said {
  Choice choice;
  insight::Spread worth;
};
Said ask(const SimulatedHousehold& home, std::uint64_t seed) {
  const auto advice = insight::advise(home.use, home.offers, home.settings, seed);
  for (const auto& candidate : advice.candidates) {
    if (std::ranges::find(candidate.roles, insight::CandidateRole::best_for_you) ==
        candidate.roles.end()) {
      continue;
    }
    const auto offer = std::ranges::find(home.offers, candidate.name, &insight::Offer::name);
    return {{static_cast<std::size_t>(offer - home.offers.begin()),
             advice.verdict == insight::Verdict::replace},
            candidate.net_present_value};
  }
  throw std::logic_error("BUG: advice without a best candidate: " + advice.not_yet);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<long>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

void evaluate(const World& world, const AdvicePlan& plan, AdviceReport& report) {
  Tally lenz{"lenz"}, label{"best_label"}, payback{"label_payback"}, never{"never_replace"},
      ten{"replace_at_10_years"};
  int covered = 0;
  std::vector<double> widths;
  std::chrono::steady_clock::duration spent{};
  const auto homes = simulated_households(plan.households, world.misleading, plan.seed);
  for (const auto& home : homes) {
    const auto begin = std::chrono::steady_clock::now();
    const auto said = ask(home, plan.seed + widths.size());
    spent += std::chrono::steady_clock::now() - begin;
    const double least = least_cost(home);
    const double worth = home.cost(said.choice.model, false) - home.cost(said.choice.model, true);
    if (said.worth.low <= worth && worth <= said.worth.high) ++covered;
    widths.push_back(said.worth.high - said.worth.low);
    follow(lenz, home, said.choice, least);
    follow(label, home, {best_labelled(home), true}, least);
    follow(payback, home, label_payback(home), least);
    follow(never, home, {cheapest(home), false}, least);
    follow(ten, home, {cheapest(home), home.age >= 10}, least);
  }
  const double count = static_cast<double>(homes.size());
  for (const auto* tally : {&lenz, &label, &payback, &never, &ten}) {
    AdviceRow row{.policy = std::string(tally->policy),
                  .misleading = std::string(world.word),
                  .households = plan.households,
                  .replaced = tally->replaced,
                  .mean_regret = tally->regret / count};
    if (tally->replaced > 0) row.replace_precision = double(tally->ahead) / tally->replaced;
    if (tally == &lenz) {
      row.interval_coverage = covered / count;
      row.interval_width = median(widths);
    }
    report.rows.push_back(std::move(row));
  }
  report.advice_ms = std::chrono::duration<double, std::milli>(spent).count() / count;
}

std::string cell(double value, int digits) {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits);
}

nlohmann::ordered_json number(double value) {
  return std::isnan(value) ? nlohmann::ordered_json() : nlohmann::ordered_json(value);
}

}  // namespace

AdviceReport evaluate_advice(const AdvicePlan& plan,
                             const std::function<void(const std::string&)>& progress) {
  AdviceReport report;
  for (const auto& world : worlds) {
    evaluate(world, plan, report);
    progress(fmt::format("{}: {} households", world.word, plan.households));
  }
  report.scores = evaluate_score(plan.changes, plan.seed);
  return report;
}

void print(const AdviceReport& report, std::ostream& out) {
  fmt::print(out,
             "All households are simulated; regret and width in their currencies, taken as one.\n\n"
             "{:20} {:10} {:>10} {:>8} {:>9} {:>7} {:>8} {:>6}\n",
             "policy", "misleading", "households", "replaced", "precision", "regret", "coverage",
             "width");
  for (const auto& row : report.rows) {
    fmt::print(out, "{:20} {:10} {:10} {:8} {:>9} {:7.0f} {:>8} {:>6}\n", row.policy,
               row.misleading, row.households, row.replaced, cell(row.replace_precision, 3),
               row.mean_regret, cell(row.interval_coverage, 3), cell(row.interval_width, 0));
  }
  fmt::print(out, "\n{:.1f} ms an appliance\n", report.advice_ms);
  fmt::print(out, "\n{:12} {:>9} {:>6} {:>8} {:>13}\n", "change", "simulated", "judged", "coverage",
             "called saving");
  for (const auto& row : report.scores) {
    fmt::print(out, "{:12} {:9} {:6} {:>8} {:>13}\n", row.change, row.simulated, row.judged,
               cell(row.interval_coverage, 3), cell(row.called_saving, 3));
  }
}

std::string json_of(const AdviceReport& report) {
  auto rows = nlohmann::ordered_json::array();
  for (const auto& row : report.rows) {
    rows.push_back({{"policy", row.policy},
                    {"misleading", row.misleading},
                    {"households", row.households},
                    {"replaced", row.replaced},
                    {"replace_precision", number(row.replace_precision)},
                    {"mean_regret", number(row.mean_regret)},
                    {"interval_coverage", number(row.interval_coverage)},
                    {"interval_width", number(row.interval_width)}});
  }
  auto scores = nlohmann::ordered_json::array();
  for (const auto& row : report.scores) {
    scores.push_back({{"change", row.change},
                      {"simulated", row.simulated},
                      {"judged", row.judged},
                      {"interval_coverage", number(row.interval_coverage)},
                      {"called_saving", number(row.called_saving)}});
  }
  return nlohmann::ordered_json{{"rows", std::move(rows)},
                                {"scores", std::move(scores)},
                                {"advice_ms", number(report.advice_ms)}}
             .dump(1) +
         "\n";
}

}  // namespace lenz::evaluation
