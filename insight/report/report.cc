#include "insight/report/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "insight/month_names.h"
#include "insight/report/figures.h"

namespace insight {
namespace {

using std::chrono::months, std::chrono::year_month;

constexpr double same = 0.02;        // What changes by less is "about as much".
constexpr double least_kwh = 1;      // Of a part's change that is worth a sentence,
constexpr double least_share = 0.1;  // and of what it was before.
constexpr std::size_t most_changes = 4, most_named = 3;

int days_in(year_month month) {
  return static_cast<int>(static_cast<unsigned>((month / std::chrono::last).day()));
}

// Months differ in length, and one that runs is not over.
double days_measured(const ReportFacts& facts) {
  const auto measured =
      std::ranges::count_if(facts.kwh_of_days, [](double kwh) { return kwh >= 0; });
  return measured > 0 ? static_cast<double>(measured) : days_in(facts.month);
}

// Times what the month before took in as many days.
double as_many_days(const ReportFacts& facts, year_month before) {
  return days_measured(facts) / days_in(before);
}

std::string against(const ReportFacts& facts, double kwh, year_month month,
                    std::string_view called) {
  const double before = kwh * as_many_days(facts, month);
  if (before <= 0) return {};
  const double change = facts.whole.kwh / before - 1;
  if (std::abs(change) < same) return fmt::format("about as much a day as in {}", called);
  if (change >= 1)
    return fmt::format("{} times as much a day as in {}", digits_of(change + 1), called);
  return fmt::format("{} {} a day than in {}", share_text(std::abs(change)),
                     change > 0 ? "more" : "less", called);
}

std::string listed(const std::vector<std::string>& words) {
  if (words.size() < 2) return words.empty() ? "" : words.front();
  return fmt::format("{} and {}", fmt::join(words.begin(), words.end() - 1, ", "), words.back());
}

std::string where_it_went(const ReportFacts& facts) {
  std::vector<std::string> named;
  double unknown = 0;
  for (const auto& part : facts.parts) {
    if (part.source == Source::unknown) {
      unknown += share_of(facts, part);
    } else if (named.size() < most_named && part.energy.kwh > 0) {
      named.push_back(fmt::format("{} ({})", part.name, share_text(share_of(facts, part))));
    }
  }
  if (named.empty()) return "Where it went is not known yet.";
  auto sentence = fmt::format("The largest {} {}", named.size() == 1 ? "part was" : "parts were",
                              listed(named));
  if (unknown >= 0.005) sentence += fmt::format("; {} is unknown", share_text(unknown));
  return sentence + ".";
}

struct PartChange {
  const ReportPart* part;
  double before = 0, more = 0;  // kWh, for as many days.
};

// Those that are worth a sentence, the largest first.
std::vector<PartChange> changed_parts(const ReportFacts& facts) {
  const double days = as_many_days(facts, facts.month - months{1});
  std::vector<PartChange> changed;
  for (const auto& part : facts.parts) {
    if (!part.before) continue;
    const double before = part.before->kwh * days;
    const double more = part.energy.kwh - before;
    if (std::abs(more) >= std::max(least_kwh, least_share * before)) {
      changed.push_back({&part, before, more});
    }
  }
  std::ranges::stable_sort(changed, std::ranges::greater(),
                           [](const auto& change) { return std::abs(change.more); });
  if (changed.size() > most_changes) changed.resize(most_changes);
  return changed;
}

std::string times(double runs) { return runs == 1 ? "once" : fmt::format("{:.0f} times", runs); }

// Whether it ran more often or took more each time; empty: the readings do not tell.
std::string reason(const ReportFacts& facts, const PartChange& change) {
  const auto& part = *change.part;
  if (!part.runs || !part.runs_before || *part.runs < 1 || *part.runs_before < 1) return {};
  const auto month = facts.month - months{1};
  const double rate = *part.runs / (*part.runs_before * as_many_days(facts, month));
  const double each = part.energy.kwh / *part.runs;
  const double each_before = part.before->kwh / *part.runs_before;
  if (each <= 0 || each_before <= 0) return {};
  if (std::abs(std::log(rate)) >= std::abs(std::log(each / each_before))) {
    return fmt::format(": it ran {}, and {} in {}", times(*part.runs), times(*part.runs_before),
                       month_before(facts.month));
  }
  return fmt::format(": each run took {} instead of {}", kwh_text(each), kwh_text(each_before));
}

std::string temperature(double celsius) { return fmt::format("{:.1f}\u00a0°C", celsius); }

}  // namespace

std::string day_text(std::chrono::year_month_day day) {
  return fmt::format("{} {}", unsigned{day.day()}, month_text(day.year() / day.month()));
}

std::string month_text(year_month month) {
  return fmt::format("{} {}", name_of(month.month()), static_cast<int>(month.year()));
}

std::string month_before(year_month month) {
  const auto before = month - months{1};
  auto words = month_text(before);
  if (before.year() == month.year()) words.resize(words.find(' '));
  return words;
}

bool is_running(const ReportFacts& facts) {
  const auto end = std::chrono::sys_days{(facts.month + months{1}) / 1};
  return facts.made + facts.utc_offset < end;
}

bool has_urgent(const ReportFacts& facts) {
  return std::ranges::any_of(facts.findings, &ReportFinding::is_urgent);
}

double share_of(const ReportFacts& facts, const ReportPart& part) {
  return facts.whole.kwh > 0 ? part.energy.kwh / facts.whole.kwh : 0;
}

std::string report_title(const ReportFacts& facts) {
  return fmt::format("Energy report of {}, {}", facts.home, month_text(facts.month));
}

std::vector<std::string> summary(const ReportFacts& facts) {
  auto used = fmt::format("You used {} in {}{}", kwh_text(facts.whole), month_text(facts.month),
                          is_running(facts) ? " so far" : "");
  if (facts.bill) {
    used += fmt::format(", for about {}", money_text(facts.bill->total, facts.currency));
  }
  std::vector<std::string> said = {used + "."};
  if (!facts.unpriced.empty()) said.push_back(facts.unpriced);
  std::ranges::move(highlights(facts), std::back_inserter(said));
  return said;
}

std::vector<std::string> highlights(const ReportFacts& facts) {
  std::vector<std::string> said;
  if (facts.whole_before) {
    auto words =
        against(facts, facts.whole_before->kwh, facts.month - months{1}, month_before(facts.month));
    if (!words.empty()) said.push_back(fmt::format("That is {}.", words));
  }
  said.push_back(where_it_went(facts));
  if (facts.produced.kwh > 0) {
    said.push_back(fmt::format("The roof made {}, and {} of it went to the grid.",
                               kwh_text(facts.produced), kwh_text(facts.given_away)));
  }
  const auto urgent = std::ranges::count_if(facts.findings, &ReportFinding::is_urgent);
  if (urgent > 0) {
    said.push_back(urgent == 1 ? "One finding is urgent."
                               : fmt::format("{} findings are urgent.", urgent));
  }
  if (facts.quality.covered < 0.995) {
    said.push_back(
        fmt::format("{} of the time was not measured.", share_text(1 - facts.quality.covered)));
  }
  return said;
}

std::vector<std::string> what_changed(const ReportFacts& facts) {
  std::vector<std::string> said;
  const auto month = month_before(facts.month);
  if (facts.whole_a_year_ago) {
    const auto then = facts.month - std::chrono::years{1};
    const auto words = against(facts, facts.whole_a_year_ago->kwh, then, month_text(then));
    if (!words.empty()) said.push_back(fmt::format("The home used {}.", words));
  }
  for (const auto& change : changed_parts(facts)) {
    const auto& part = *change.part;
    said.push_back(fmt::format("{} took {} {} than in as many days of {}{}.",
                               part.source == Source::unknown ? "What is unknown" : part.name,
                               kwh_text(std::abs(change.more)), change.more > 0 ? "more" : "less",
                               month, reason(facts, change)));
  }
  if (facts.always_on_w && facts.always_on_before_w) {
    const double more = *facts.always_on_w - *facts.always_on_before_w;
    if (std::abs(more) >= std::max(5.0, same * *facts.always_on_before_w)) {
      said.push_back(fmt::format("What is always on draws {} {} than in {}.",
                                 watts_text(std::abs(more)), more > 0 ? "more" : "less", month));
    }
  }
  if (facts.outside_c && facts.outside_before_c) {
    const double warmer = *facts.outside_c - *facts.outside_before_c;
    if (std::abs(warmer) >= 1) {
      said.push_back(fmt::format("It was {} outside: {} on average, {} in {}.",
                                 warmer > 0 ? "warmer" : "colder", temperature(*facts.outside_c),
                                 temperature(*facts.outside_before_c), month));
    }
  }
  return said;
}

}  // namespace insight
