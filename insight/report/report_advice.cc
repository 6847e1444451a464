#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "insight/advice/score.h"
#include "insight/report/figures.h"
#include "insight/report/report_sections.h"

namespace insight {
namespace {

std::string_view words(Verdict verdict) {
  switch (verdict) {
    case Verdict::keep:
      return "keep it";
    case Verdict::use_otherwise:
      return "use it otherwise";
    case Verdict::repair:
      return "repair it";
    case Verdict::replace:
      return "replace it";
  }
  return "";
}

std::string_view words(CandidateRole role) {
  switch (role) {
    case CandidateRole::kept:
      return "what you have";
    case CandidateRole::most_efficient:
      return "most efficient";
    case CandidateRole::cheapest:
      return "cheapest to buy";
    case CandidateRole::best_for_you:
      return "best for you";
  }
  return "";
}

std::string turning_text(const TurningPoint& point, std::string_view currency) {
  switch (point.of) {
    case TurningPoint::Of::uses_a_year:
      return fmt::format("The answer changes at about {} uses a year.", digits_of(point.value));
    case TurningPoint::Of::price_per_kwh:
      return fmt::format("The answer changes where a kWh costs about {}.",
                         about_money_text(point.value, currency));
    case TurningPoint::Of::purchase:
      return fmt::format("The answer changes where it costs about {}.",
                         about_money_text(point.value, currency));
  }
  return "";
}

std::string years_text(const Spread& years) {
  return fmt::format("{} to {}\u00a0years", digits_of(years.low), digits_of(years.high));
}

std::string money_cell(const Spread& spread, std::string_view currency) {
  return fmt::format("<td>{}<small>{}</small></td>", about_money_text(spread.median, currency),
                     range_text(spread, currency));
}

std::string candidate_row(const Candidate& candidate, std::string_view currency) {
  std::string roles;
  for (const auto role : candidate.roles) {
    roles += fmt::format("{}{}", roles.empty() ? "" : ", ", words(role));
  }
  const bool is_kept =
      std::ranges::find(candidate.roles, CandidateRole::kept) != candidate.roles.end();
  const auto title = candidate.name.empty() ? std::string("As it is") : name_html(candidate.name);
  auto row = fmt::format("<tr><th scope=\"row\">{}<small>{}</small></th>", title, roles);
  row +=
      fmt::format("<td>{}\u00a0kWh<small>{}</small></td>", digits_of(candidate.energy_kwh.median),
                  about_money_text(candidate.cost_a_year.median, currency));
  row += is_kept ? "<td>–</td>"
                 : fmt::format("<td>{}<small>{}</small></td>",
                               about_money_text(candidate.purchase.median, currency),
                               escaped(candidate.price_source));
  row += money_cell(candidate.total_cost, currency);
  row += is_kept
             ? "<td>–</td>"
             : fmt::format("<td>{:.0f} of 10<small>{}</small></td>", 10 * candidate.chance_ahead,
                           candidate.payback_years ? years_text(*candidate.payback_years)
                                                   : "never in most cases");
  return row + "</tr>\n";
}

std::string piece(const Advice& advice, std::string_view currency) {
  auto html = fmt::format("<div class=\"piece{}\"><h3>{}: {}</h3>\n<p>{}</p>\n",
                          advice.candidates.empty() ? "" : " wide", name_html(advice.appliance),
                          words(advice.verdict), escaped(advice.why));
  if (!advice.free_first.empty()) {
    html += "<p class=\"soft\">Free, and first:</p>\n" + list_html(advice.free_first);
  }
  if (!advice.candidates.empty()) {
    html +=
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"candidates\"><thead><tr><th "
        "scope=\"col\">Choice</th>"
        "<th scope=\"col\">A year</th><th scope=\"col\">To buy</th><th scope=\"col\">In all</th>"
        "<th scope=\"col\">Ahead</th></tr></thead><tbody>\n";
    for (const auto& candidate : advice.candidates) html += candidate_row(candidate, currency);
    html += "</tbody></table></div>\n";
  }
  if (advice.turning_point) {
    html +=
        fmt::format("<p class=\"soft\">{}</p>\n", turning_text(*advice.turning_point, currency));
  }
  return html + "</div>\n";
}

std::string saved_text(const Spread& saved) {
  return fmt::format("{}\u00a0kWh<small>{} to {}</small>", digits_of(saved.median),
                     digits_of(saved.low), digits_of(saved.high));
}

std::string score_row(const ReportFacts& facts, const ScoredPrediction& score) {
  const auto came = came_true(score);
  std::string_view verdict = !score.done ? "not done yet"
                             : !came     ? "not measured yet"
                             : *came     ? "came true"
                                         : "did not come true";
  return fmt::format(
      "<tr><th scope=\"row\">{}<small>said {}; {}{}{}</small></th><td>{}</td><td>{}</td>"
      "</tr>\n",
      escaped(score.what),
      day_text(std::chrono::floor<std::chrono::days>(score.said + facts.utc_offset)), verdict,
      score.note.empty() ? "" : ". ", escaped(score.note), saved_text(score.predicted),
      score.measured ? saved_text(*score.measured) : "–");
}

}  // namespace

std::string advice_card(const ReportFacts& facts) {
  std::string pieces;
  std::vector<std::string> not_yet;
  for (const auto& advice : facts.advice) {
    if (advice.not_yet.empty()) {
      pieces += piece(advice, facts.currency);
    } else {
      not_yet.push_back(fmt::format("{}: {}", advice.appliance, advice.not_yet));
    }
  }
  std::string html;
  if (!pieces.empty()) {
    html += "<div class=\"pieces\">\n" + pieces + "</div>\n";
    html +=
        "<p class=\"soft\">Figures are medians; the range below holds in 8 of 10 cases. "
        "<i>In all</i>: over the years looked at, at today's worth. <i>Ahead</i>: how often it "
        "costs less than what you have, and after how long.</p>\n";
  }
  if (!not_yet.empty()) {
    html += "<p>Nothing can be said yet of these.</p>\n" + list_html(not_yet);
  }
  if (html.empty()) html = "<p>No appliance was measured long enough for advice.</p>\n";
  return card("Keep, repair or replace", html, {.classes = "wide long"});
}

std::string scores_card(const ReportFacts& facts) {
  if (facts.scores.empty()) return {};
  std::string html =
      "<table><thead><tr><th scope=\"col\">What was said</th><th scope=\"col\">Predicted a "
      "year</th>"
      "<th scope=\"col\">Measured</th></tr></thead><tbody>\n";
  for (const auto& score : facts.scores) html += score_row(facts, score);
  html += "</tbody></table>\n";
  const auto rate = hit_rate(facts.scores);
  html += rate.measured == 0
              ? std::string("<p class=\"soft\">None could be checked yet.</p>\n")
              : fmt::format("<p class=\"soft\">Of {} that could be checked, {} came true.</p>\n",
                            rate.measured, rate.right);
  return card("Did it come true?", html, {.classes = "wide"});
}

}  // namespace insight
