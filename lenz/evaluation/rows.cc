#include "lenz/evaluation/rows.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

namespace lenz::evaluation {
namespace {

using enum Metric;

double& at(std::array<double, metrics.size()>& figures, Metric metric) {
  return figures[static_cast<std::size_t>(metric)];
}

double ratio(double above, double below) { return below > 0 ? above / below : no_figure; }

using Values = std::array<double, metrics.size()>;

constexpr Values nothing() {
  Values values{};
  values.fill(no_figure);
  return values;
}

// The mean over some kinds.
struct Group {
  std::string word;
  std::set<ApplianceKind> kinds;
  bool is_all = false;
};

// Some cases, each of which counts per hour, so that a day of a house weighs as much as a year of
// another.
class Summary {
 public:
  Summary(std::vector<const CaseScore*> cases, bool shows_names)
      : cases_(std::move(cases)), shows_names_(shows_names) {
    for (const auto* one : cases_) {
      units_.push_back(one->unit);
      for (const auto& [kind, score] : one->kinds) {
        if (score.is_present) kinds_.insert(kind);
      }
    }
    groups_ = {{"macro", kinds_, true}, {"energy_weighted", kinds_, true}};
    std::ranges::sort(units_);
    const auto [first, last] = std::ranges::unique(units_);
    units_.erase(first, last);
    for (const auto* one : cases_) {
      unit_of_.push_back(
          static_cast<std::size_t>(std::ranges::lower_bound(units_, one->unit) - units_.begin()));
    }
  }

  // What is only said of all houses; after macro and energy_weighted.
  void add_groups(const std::set<ApplianceKind>& recorded) {
    Group known{"recorded", {}}, several{"three_or_more", {}};
    for (const auto kind : kinds_) {
      if (recorded.contains(kind)) known.kinds.insert(kind);
      if (channels_of({kind}).second >= 3) several.kinds.insert(kind);
    }
    for (auto* group : {&known, &several}) {
      if (!group->kinds.empty()) groups_.push_back(std::move(*group));
    }
  }

  // A row for each kind, then for each group.
  std::vector<Row> rows(const Heading& heading, const std::string& house,
                        std::uint64_t seed) const {
    const auto figures = bootstrap(
        units_.size(), seed, [&](std::span<const double> weights) { return all_values(weights); });
    std::vector<Row> made;
    const auto add = [&](std::string appliance, const std::set<ApplianceKind>& kinds) {
      double n = 0;
      for (const auto* one : cases_) {
        for (const auto kind : kinds) {
          if (const auto* score = find(*one, kind)) n += score->activations;
        }
      }
      Row row{.heading = heading, .house = house, .appliance = std::move(appliance), .n = n};
      std::copy_n(figures.begin() + static_cast<std::ptrdiff_t>(made.size() * metrics.size()),
                  metrics.size(), row.figures.begin());
      add_channels(kinds, row);
      made.push_back(std::move(row));
    };
    for (const auto kind : kinds_) {
      add(std::string(insight::row(kind).word), {kind});
      add_shares(kind, made.back());
    }
    for (const auto& group : groups_) {
      add(group.word, group.kinds);
      if (group.is_all) add_shares(std::nullopt, made.back());
    }
    return made;
  }

 private:
  static const KindScore* find(const CaseScore& one, ApplianceKind kind) {
    const auto found = one.kinds.find(kind);
    return found == one.kinds.end() ? nullptr : &found->second;
  }

  // What the bootstrap draws: of each kind its values, then of each group.
  std::vector<double> all_values(std::span<const double> weights) const {
    std::vector<double> all;
    Confusion confusion;
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      for (const auto& [pair, weight] : cases_[i]->types) {
        confusion[pair] += weight * weights[unit_of_[i]];
      }
    }
    const auto types = evaluation::type_f1(confusion);
    std::map<ApplianceKind, std::pair<Values, double>> of_kinds;  // And their power.
    const auto join = [](Values& sums, Values& divisors, const Values& values, double weight) {
      for (std::size_t m = 0; m < metrics.size(); ++m) {
        if (std::isnan(values[m])) continue;
        sums[m] = (std::isnan(sums[m]) ? 0 : sums[m]) + values[m] * weight;
        divisors[m] += weight;
      }
    };
    for (const auto kind : kinds_) {
      double power_w = 0;
      auto values = values_of(kind, weights, power_w);
      if (const auto found = types.find(kind); found != types.end()) {
        at(values, Metric::type_f1) = found->second;
      }
      all.insert(all.end(), values.begin(), values.end());
      of_kinds[kind] = {values, power_w};
    }
    for (const auto& group : groups_) {
      Values means = nothing(), divisors{};
      for (const auto kind : group.kinds) {
        const auto& [values, power_w] = of_kinds.at(kind);
        join(means, divisors, values, group.word == "energy_weighted" ? power_w : 1);
      }
      for (std::size_t m = 0; m < metrics.size(); ++m) means[m] = ratio(means[m], divisors[m]);
      if (group.is_all) whole_values(weights, means);
      all.insert(all.end(), means.begin(), means.end());
    }
    return all;
  }

  Values values_of(ApplianceKind kind, std::span<const double> weights, double& power_w) const {
    PowerErrors power;
    Hits steps, runs, status;
    double present = 0, activations = 0, shown_wh = 0;
    std::vector<double> latencies;
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      const auto* score = find(*cases_[i], kind);
      const auto weight = weights[unit_of_[i]];
      if (!score || weight <= 0 || cases_[i]->hours <= 0) continue;
      const auto per_hour = weight / cases_[i]->hours;
      auto errors = score->power * per_hour;
      errors.day_errors = weight * ratio(score->power.day_errors, score->power.days);
      errors.days = score->power.days > 0 ? weight : 0;
      if (errors.days <= 0) errors.day_errors = 0;
      power += errors;
      steps += score->steps * per_hour;
      runs += score->activation_hits * per_hour;
      status += score->status_hours * per_hour;
      shown_wh += score->shown_right_wh * per_hour;
      if (score->is_present) present += weight;
      activations += weight * score->activations;
      latencies.insert(latencies.end(), score->latencies_s.begin(), score->latencies_s.end());
    }
    auto values = nothing();
    // Where a kind was never used, a relative error says nothing.
    if (activations <= 0) return values;
    power_w = power.true_wh;
    at(values, nmae) = ratio(power.absolute_wh, power.true_wh);
    at(values, mae_w) = power.absolute_wh / present;
    at(values, sae_day) = ratio(power.day_errors, power.days);
    at(values, match_rate) = ratio(power.least_wh, power.greatest_wh);
    at(values, event_f1) = steps.f1();
    at(values, activation_f1) = runs.f1();
    at(values, status_f1) = status.f1();
    if (shows_names_) {
      at(values, name_coverage_energy) = ratio(shown_wh, power.true_wh);
      at(values, latency_p95_s) = quantile(std::move(latencies), 0.95);
    }
    return values;
  }

  // What is not a mean of kinds.
  void whole_values(std::span<const double> weights, Values& values) const {
    double measured = 0, unexplained = 0;
    std::vector<std::pair<double, bool>> guesses;
    std::vector<double> latencies;
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      const auto& one = *cases_[i];
      const auto weight = weights[unit_of_[i]];
      if (weight <= 0 || one.hours <= 0) continue;
      measured += weight * one.measured_wh / one.hours;
      unexplained += weight * one.unexplained_wh / one.hours;
      guesses.insert(guesses.end(), one.guesses.begin(), one.guesses.end());
      for (const auto& [kind, score] : one.kinds) {
        latencies.insert(latencies.end(), score.latencies_s.begin(), score.latencies_s.end());
      }
    }
    at(values, calibration_error) = evaluation::calibration_error(guesses);
    at(values, explained_share) = measured > 0 ? 1 - unexplained / measured : no_figure;
    if (shows_names_) at(values, latency_p95_s) = quantile(std::move(latencies), 0.95);
  }

  // Right ones, and all.
  std::pair<double, double> channels_of(const std::set<ApplianceKind>& kinds) const {
    Hits hits;
    for (const auto* one : cases_) {
      for (const auto kind : kinds) {
        if (const auto* score = find(*one, kind)) hits += score->channels;
      }
    }
    return {hits.right, hits.right + hits.missed};
  }

  void add_channels(const std::set<ApplianceKind>& kinds, Row& row) const {
    const auto [right, all] = channels_of(kinds);
    if (all <= 0) return;
    row.figures[static_cast<std::size_t>(channels_right)] = share(right, all);
    row.figures[static_cast<std::size_t>(channels)] = {.value = all};
  }

  // Exact intervals. Absent: of all kinds.
  void add_shares(std::optional<ApplianceKind> kind, Row& row) const {
    if (!shows_names_) return;
    Hits shown;
    double unseen = 0, unknown = 0;
    for (const auto* one : cases_) {
      for (const auto& [other, score] : one->kinds) {
        if (!kind || other == *kind) shown += score.shown;
      }
      unseen += one->unseen;
      unknown += one->unseen_unknown;
    }
    row.figures[static_cast<std::size_t>(name_precision)] =
        share(shown.right, shown.right + shown.wrong);
    if (!kind) row.figures[static_cast<std::size_t>(unknown_share_unseen)] = share(unknown, unseen);
  }

  std::vector<const CaseScore*> cases_;
  bool shows_names_;
  std::vector<std::string> units_;
  std::vector<std::size_t> unit_of_;
  std::set<ApplianceKind> kinds_;
  std::vector<Group> groups_;
};

std::string text(const Figure& figure, bool with_interval) {
  if (std::isnan(figure.value)) return "-";
  const auto number = [](double value) {
    return std::abs(value) >= 100 ? fmt::format("{:.0f}", value) : fmt::format("{:.2f}", value);
  };
  if (!with_interval || std::isnan(figure.low)) return number(figure.value);
  return fmt::format("{} [{} {}]", number(figure.value), number(figure.low), number(figure.high));
}

bool has_interval_in_table(Metric metric) {
  return metric == nmae || metric == activation_f1 || metric == Metric::type_f1 ||
         metric == channels_right || metric == name_precision || metric == unknown_share_unseen;
}

void print(const Row& row, std::ostream& out) {
  fmt::print(out, "{:<18}{:<9}{:>7}", row.appliance, row.heading.method, row.n);
  for (const auto& metric : metrics) {
    const bool is_wide = has_interval_in_table(metric.id);
    fmt::print(out, "{:>{}}", text(row.figures[static_cast<std::size_t>(metric.id)], is_wide),
               is_wide ? 20 : 7);
  }
  fmt::print(out, "\n");
}

nlohmann::ordered_json json_number(double value) {
  if (std::isnan(value)) return nullptr;
  return std::round(value * 1e6) / 1e6;
}

}  // namespace

std::vector<Row> rows_of(const Heading& heading, std::span<const CaseScore> scores,
                         std::uint64_t seed, const std::set<ApplianceKind>& recorded) {
  std::vector<Row> rows;
  std::vector<const CaseScore*> unseen;
  for (const auto& one : scores) {
    auto of_case = Summary({&one}, heading.shows_names).rows(heading, one.name, seed);
    for (auto& row : of_case) row.is_seen = one.is_seen;
    std::ranges::move(of_case, std::back_inserter(rows));
    if (!one.is_seen && !one.is_apart) unseen.push_back(&one);
  }
  Summary all(std::move(unseen), heading.shows_names);
  all.add_groups(recorded);
  std::ranges::move(all.rows(heading, "all", seed), std::back_inserter(rows));
  return rows;
}

void print(std::span<const Row> rows, std::ostream& out) {
  // Tables in the order of their first rows, and in them the methods of one appliance together.
  std::vector<std::pair<std::string, std::vector<const Row*>>> tables;
  for (const auto& row : rows) {
    if (row.house != "all") continue;
    const auto title = fmt::format("{}, {} labels, prior {}, {}", row.heading.scene,
                                   row.heading.labels, row.heading.prior, row.heading.mode);
    auto table = std::ranges::find(tables, title, [](const auto& t) { return t.first; });
    if (table == tables.end()) table = tables.insert(table, {title, {}});
    table->second.push_back(&row);
  }
  for (auto& [title, table] : tables) {
    std::vector<std::string> order;
    for (const auto* row : table) {
      if (std::ranges::find(order, row->appliance) == order.end()) order.push_back(row->appliance);
    }
    std::ranges::stable_sort(
        table, {}, [&](const Row* row) { return std::ranges::find(order, row->appliance); });
    fmt::print(out, "\n{}\n{:<18}{:<9}{:>7}", title, "appliance", "method", "n");
    for (const auto& metric : metrics) {
      fmt::print(out, "{:>{}}", metric.head, has_interval_in_table(metric.id) ? 20 : 7);
    }
    fmt::print(out, "\n");
    for (const auto* row : table) print(*row, out);
  }
}

std::string json_of(std::span<const Row> rows) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    nlohmann::ordered_json object = {
        {"scene", row.heading.scene}, {"labels", row.heading.labels}, {"prior", row.heading.prior},
        {"mode", row.heading.mode},   {"method", row.heading.method}, {"house", row.house},
        {"appliance", row.appliance}, {"seen", row.is_seen},          {"n", row.n}};
    for (const auto& metric : metrics) {
      const auto& figure = row.figures[static_cast<std::size_t>(metric.id)];
      const std::string key(metric.key);
      object[key] = json_number(figure.value);
      if (std::isnan(figure.low)) continue;
      object[key + "_low"] = json_number(figure.low);
      object[key + "_high"] = json_number(figure.high);
    }
    list.push_back(std::move(object));
  }
  return nlohmann::ordered_json{{"rows", std::move(list)}}.dump(1) + "\n";
}

}  // namespace lenz::evaluation
