#include "lenz/evaluation/report.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <ranges>
#include <stdexcept>
#include <utility>

#include "insight/identification/panel_priors.h"
#include "insight/report/printed.h"
#include "lenz/evaluation/lenz_method.h"
#include "lenz/evaluation/lenz_training.h"
#include "lenz/evaluation/national_split.h"
#include "lenz/evaluation/report_house.h"
#include "lenz/evaluation/truthful_owner.h"

namespace lenz::evaluation {
namespace {

using measurement::Timestamp;
constexpr auto week = std::chrono::days(7);
constexpr double least_covered = 0.9;  // Of a week that counts.
constexpr double least_kwh = 0.1;      // Of an appliance in a week: below it a share says nothing.

constexpr std::array<std::string_view, 3> methods = {"lenz", "circuit_names", "national_average"};

using Weekly = std::vector<double>;  // kWh of each week.
using WeeklyKinds = std::map<ApplianceKind, Weekly>;

// A house's weeks, counted from its first row.
class Weeks {
 public:
  explicit Weeks(const ReportHouse& house)
      : times_(*house.one.channels.front().times), held_(house.one.channels.front().held_s()) {
    const auto count = static_cast<std::size_t>((times_.back() - times_.front()) / week) + 1;
    std::vector<double> covered_s(count);
    for (std::size_t row = 0; row < times_.size(); ++row) {
      if (std::isfinite(house.whole_w[row])) {
        covered_s[of(times_[row])] += static_cast<double>(held_[row]);
      }
    }
    const double least_s = least_covered * std::chrono::duration<double>(week).count();
    for (const double s : covered_s) counts_.push_back(s >= least_s);
  }

  bool counts(std::size_t w) const { return counts_[w]; }
  bool are_any() const { return std::ranges::count(counts_, true) > 0; }
  std::size_t size() const { return counts_.size(); }

  Weekly kwh(std::span<const float> power_w) const {
    Weekly made(size());
    for (std::size_t row = 0; row < times_.size(); ++row) {
      if (!std::isfinite(power_w[row])) continue;
      made[of(times_[row])] += static_cast<double>(power_w[row] * held_[row]) / 3.6e6;
    }
    return made;
  }

  // A span's energy, as if it were drawn evenly.
  void add(const NamedSpan& span, Weekly& to) const {
    const std::chrono::duration<double> length = span.end - span.begin;
    for (auto w = of(span.begin); w <= of(span.end); ++w) {
      const Timestamp first = times_.front() + static_cast<int>(w) * week;
      const auto begin = std::max(span.begin, first), end = std::min(span.end, first + week);
      const std::chrono::duration<double> part = end - begin;
      const double share = length.count() > 0 ? part / length : 1;
      to[w] += share * span.energy_wh / 1000;
    }
  }

 private:
  std::size_t of(Timestamp time) const {
    return static_cast<std::size_t>((time - times_.front()) / week);
  }

  const std::vector<Timestamp>& times_;
  std::vector<float> held_;
  std::vector<bool> counts_;
};

Weekly& at(WeeklyKinds& kinds, ApplianceKind kind, const Weeks& weeks) {
  return kinds.try_emplace(kind, weeks.size()).first->second;
}

void add(Weekly& to, const Weekly& more) {
  for (std::size_t w = 0; w < to.size(); ++w) to[w] += more[w];
}

// What hangs on a circuit by its name: the kind that it has the word of; of several, the longest.
std::optional<ApplianceKind> named(const Channel& channel) {
  if (channel.facts.is_mains) return std::nullopt;
  if (const auto kind = insight::kind_named(channel.facts)) return kind;
  auto words = channel.facts.words;
  std::ranges::transform(words, words.begin(), [](unsigned char letter) {
    return static_cast<char>(std::tolower(letter));
  });
  const insight::ApplianceKindRow* found = nullptr;
  for (const auto& row : insight::appliance_kinds) {
    if (!is_nameable(row.id) || words.find(row.name) == words.npos) continue;
    if (!found || row.name.size() > found->name.size()) found = &row;
  }
  return found ? std::optional(found->id) : std::nullopt;
}

WeeklyKinds measured(const Case& one, const Weeks& weeks) {
  WeeklyKinds made;
  for (const auto& truth : one.truths) {
    for (const auto& meter : truth.meters) {
      add(at(made, meter.kind, weeks), weeks.kwh(meter.active_power_w));
    }
  }
  return made;
}

WeeklyKinds by_names(const Case& one, const Weeks& weeks) {
  WeeklyKinds made;
  for (const auto& channel : one.channels) {
    if (const auto kind = named(channel)) {
      add(at(made, *kind, weeks), weeks.kwh(channel.active_power_w));
    }
  }
  return made;
}

// Names first, as they are on the panel; then what is told from signatures, as far as it is
// printed.
WeeklyKinds by_lenz(const Case& one, const Weeks& weeks, const Method& method,
                    const ReportPlan& plan) {
  auto made = by_names(one, weeks);
  Case shared{.name = one.name};
  for (std::size_t c = 0; c < one.channels.size(); ++c) {
    if (named(one.channels[c])) continue;
    shared.channels.push_back(one.channels[c]);
    shared.truths.push_back(one.truths[c]);
  }
  TruthfulOwner owner(shared, plan.answers, true);
  for (const auto& estimate : method.estimate(shared.channels, {}, owner)) {
    WeeklyKinds shown;  // Of this channel.
    for (const auto& span : estimate.revised_spans) {
      if (!span.is_shown || !span.kind || !is_nameable(*span.kind)) continue;
      weeks.add(span, at(shown, *span.kind, weeks));
    }
    for (const auto& [kind, weekly] : shown) {
      std::vector<ApplianceKind> others;
      for (const auto& [other, power] : shown) {
        if (other != kind) others.push_back(other);
      }
      if (plan.all_identified || insight::is_printed(kind, others))
        add(at(made, kind, weeks), weekly);
    }
  }
  return made;
}

// What several kinds share goes to those that the house has, in equal parts.
WeeklyKinds by_country(std::string_view country, const Weekly& whole, const WeeklyKinds& truth,
                       const Weeks& weeks) {
  WeeklyKinds made;
  for (const auto& use : end_uses(country)) {
    std::vector<ApplianceKind> here;
    std::ranges::copy_if(use.of(), std::back_inserter(here),
                         [&](auto kind) { return truth.contains(kind); });
    for (const auto kind : here) {
      auto& weekly = at(made, kind, weeks);
      for (std::size_t w = 0; w < whole.size(); ++w) {
        weekly[w] += use.share * whole[w] / static_cast<double>(here.size());
      }
    }
  }
  return made;
}

struct ApplianceWeek {
  std::size_t house;
  ApplianceKind kind{};
  bool is_shown = false, is_identified = false;  // By ours; without a circuit of its name.
  std::array<double, methods.size()> errors{};
};

struct Shares {
  double named_kwh = 0, right_kwh = 0;
};

struct HouseResult {
  std::string name;
  double whole_kwh = 0;
  std::array<std::map<ApplianceKind, Shares>, methods.size()> shares;
};

class ReportScores {
 public:
  void add(const std::string& name, const Weeks& weeks, const Weekly& whole,
           const WeeklyKinds& truth, std::array<WeeklyKinds, methods.size()> reported) {
    HouseResult house{.name = name};
    std::map<ApplianceKind, bool> shown;  // Once shown, an appliance is missed.
    for (std::size_t w = 0; w < weeks.size(); ++w) {
      if (!weeks.counts(w)) continue;
      house.whole_kwh += whole[w];
      for (std::size_t m = 0; m < methods.size(); ++m) {
        for (const auto& [kind, weekly] : reported[m]) {
          auto& shares = house.shares[m][kind];
          const auto found = truth.find(kind);
          shares.named_kwh += weekly[w];
          if (found != truth.end()) shares.right_kwh += std::min(weekly[w], found->second[w]);
        }
      }
      for (const auto& [kind, weekly] : truth) {
        auto& is_shown = shown[kind];
        const auto ours = reported[0].find(kind);
        is_shown |= ours != reported[0].end() && ours->second[w] > 0;
        if (weekly[w] < least_kwh) continue;
        ApplianceWeek one{.house = houses_.size(),
                          .kind = kind,
                          .is_shown = is_shown,
                          .is_identified = is_shown && !reported[1].contains(kind)};
        for (std::size_t m = 0; m < methods.size(); ++m) {
          const auto found = reported[m].find(kind);
          const double kwh = found == reported[m].end() ? 0 : found->second[w];
          one.errors[m] = std::abs(kwh - weekly[w]) / weekly[w];
        }
        weeks_.push_back(one);
      }
    }
    houses_.push_back(std::move(house));
  }

  bool is_empty() const { return weeks_.empty(); }

  std::vector<ReportRow> rows() const {
    std::vector<ReportRow> made;
    for (std::size_t m = 0; m < methods.size(); ++m) {
      for (std::size_t h = 0; h <= houses_.size(); ++h) {  // The last: all.
        const auto house = h < houses_.size() ? std::optional(h) : std::nullopt;
        made.push_back(row(m, house, "all", [](const auto&) { return true; }));
        made.push_back(row(m, house, "shown", [](const auto& one) { return one.is_shown; }));
        made.push_back(
            row(m, house, "identified", [](const auto& one) { return one.is_identified; }));
        for (const auto& kind : insight::appliance_kinds) {
          auto one = row(m, house, kind.word, [&](const auto& w) { return w.kind == kind.id; });
          if (one.weeks == 0) continue;
          add_shares(m, house, kind.id, one);
          made.push_back(std::move(one));
        }
      }
    }
    return made;
  }

 private:
  template <class Choice>
  ReportRow row(std::size_t m, std::optional<std::size_t> house, std::string_view appliance,
                Choice is_chosen) const {
    ReportRow made{.method = std::string(methods[m]),
                   .house = house ? houses_[*house].name : "all",
                   .appliance = std::string(appliance)};
    std::map<std::pair<std::size_t, ApplianceKind>, double> weeks_of;
    std::vector<const ApplianceWeek*> weeks;
    for (const auto& one : weeks_) {
      if ((house && one.house != *house) || !is_chosen(one)) continue;
      weeks.push_back(&one);
      ++weeks_of[{one.house, one.kind}];
    }
    made.weeks = weeks.size();
    std::ranges::sort(weeks, {}, [&](const auto* one) { return one->errors[m]; });
    double weight = 0;
    made.median_error = weeks.empty() ? std::nan("") : weeks.back()->errors[m];
    bool is_found = false;
    for (const auto* one : weeks) {
      const double share =
          1 / (weeks_of[{one->house, one->kind}] * static_cast<double>(weeks_of.size()));
      made.mean_error += share * one->errors[m];
      weight += share;
      if (!is_found && weight >= 0.5 - 1e-9) {
        made.median_error = one->errors[m];
        is_found = true;
      }
    }
    add_shares(m, house, std::nullopt, made);
    return made;
  }

  void add_shares(std::size_t m, std::optional<std::size_t> house,
                  std::optional<ApplianceKind> kind, ReportRow& row) const {
    double whole = 0, named = 0, right = 0;
    for (std::size_t h = 0; h < houses_.size(); ++h) {
      if (house && h != *house) continue;
      whole += houses_[h].whole_kwh;
      for (const auto& [other, shares] : houses_[h].shares[m]) {
        if (kind && other != *kind) continue;
        named += shares.named_kwh;
        right += shares.right_kwh;
      }
    }
    if (whole <= 0) return;
    row.share_named = named / whole;
    row.share_right = right / whole;
  }

  std::vector<HouseResult> houses_;
  std::vector<ApplianceWeek> weeks_;
};

// The method for a household: what was shipped, or what is learnt from all others.
class Methods {
 public:
  explicit Methods(const ReportPlan& plan) : plan_(plan) {
    if (!plan.train) {
      auto model = *plan.shipped;
      model.parts.erase("mains");  // A hub looks at what is left of the mains as at a circuit.
      method_ = lenz_method(std::make_shared<const insight::Model>(std::move(model)), {});
      return;
    }
    data_.emplace(*plan.train);
    training_.emplace(*data_, scene_called("circuits"), plan.seed);
    for (const auto& house : data_->houses()) known_.insert(household_of(house));
    for (const auto& trace : data_->traces()) known_.insert(trace.household);
  }

  const Method& without(const std::string& household,
                        const std::function<void(const std::string&)>& tell) {
    if (!training_) return *method_;
    const auto left_out = known_.contains(household) ? household : "";
    if (!method_ || left_out != left_out_) {
      tell(fmt::format("training without {}", left_out.empty() ? "anything" : left_out));
      method_ = lenz_method(nullptr, [this](CaseList cases, const std::set<ApplianceKind>& kinds) {
        return fit_lenz(cases, kinds, plan_.seed);
      });
      method_->fit(training_->without({left_out}), {});
      left_out_ = left_out;
    }
    return *method_;
  }

 private:
  const ReportPlan& plan_;
  std::optional<DataSet> data_;
  std::optional<TrainingSet> training_;
  std::set<std::string> known_;
  std::string left_out_;
  std::unique_ptr<Method> method_;
};

}  // namespace

std::vector<ReportRow> evaluate_report(const ReportPlan& plan,
                                       const std::function<void(const std::string&)>& tell) {
  const DataSet data(plan.data);
  Methods learnt(plan);
  ReportScores scores;
  for (const auto& name : data.houses()) {
    if (!plan.houses.empty() && std::ranges::find(plan.houses, name) == plan.houses.end()) continue;
    if (!plan.train && plan.trained_on.contains(name)) {
      tell(fmt::format("{}: left out, the model was trained on it", name));
      continue;
    }
    for (const auto& house : report_houses(data, name)) {
      const Weeks weeks(house);
      if (!weeks.are_any()) continue;
      const auto& one = house.one;
      const auto& method = learnt.without(*one.households.begin(), tell);
      tell(one.name);
      const auto whole = weeks.kwh(house.whole_w);
      const auto truth = measured(one, weeks);
      scores.add(one.name, weeks, whole, truth,
                 {by_lenz(one, weeks, method, plan), by_names(one, weeks),
                  by_country(house.country, whole, truth, weeks)});
    }
  }
  if (scores.is_empty()) {
    throw std::runtime_error(fmt::format(
        "{}: no house has a whole week with an appliance that has a meter{}; name another folder.",
        plan.data.string(), plan.train ? "" : " and was not trained on"));
  }
  return scores.rows();
}

void print(std::span<const ReportRow> rows, std::ostream& out) {
  fmt::print(out, "{:18}{:18}{:>7}{:>9}{:>9}{:>9}{:>9}\n", "method", "appliance", "weeks", "median",
             "mean", "named", "right");
  for (const auto& row : rows) {
    if (row.house != "all") continue;
    fmt::print(out, "{:18}{:18}{:>7}{:>9.3f}{:>9.3f}{:>9.3f}{:>9.3f}\n", row.method, row.appliance,
               row.weeks, row.median_error, row.mean_error, row.share_named, row.share_right);
  }
}

std::string json_of(std::span<const ReportRow> rows) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    const auto figure = [](double value) {
      return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
    };
    list.push_back({{"method", row.method},
                    {"house", row.house},
                    {"appliance", row.appliance},
                    {"weeks", row.weeks},
                    {"median_error", figure(row.median_error)},
                    {"mean_error", figure(row.weeks > 0 ? row.mean_error : std::nan(""))},
                    {"share_named", row.share_named},
                    {"share_right", row.share_right}});
  }
  return nlohmann::ordered_json{{"rows", std::move(list)}}.dump(2) + "\n";
}

}  // namespace lenz::evaluation
