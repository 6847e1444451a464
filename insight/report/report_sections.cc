#include "insight/report/report_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "insight/report/figures.h"
#include "insight/report/report_charts.h"

namespace insight {
namespace {

using std::chrono::months;

std::string_view word(Source source) {
  switch (source) {
    case Source::measured:
      return "measured";
    case Source::identified:
      return "identified";
    case Source::unknown:
      return "unknown";
  }
  return "";
}

std::string part_row(const ReportFacts& facts, const ReportPart& part) {
  const double share = share_of(facts, part);
  const auto energy = words_of(part.energy);
  const auto money = facts.bill
                         ? fmt::format("{}<small>{}</small>", money_text(part.cost, facts.currency),
                                       share_text(share))
                         : share_text(share);
  return fmt::format(
      "<tr><th scope=\"row\">{}{}{}</th><td>{}<small>{}</small></td><td>{}</td></tr>\n",
      name_html(part.name),
      // The word is said once where the part is called so.
      part.source == Source::unknown ? "" : fmt::format("<small>{}</small>", word(part.source)),
      share_bar(share, part.source), energy.energy, energy.plus_minus, money);
}

// Below the columns: every seventh day.
std::vector<std::string> day_labels(std::size_t days) {
  std::vector<std::string> labels(days);
  for (std::size_t day = 0; day < days; day += 7) labels[day] = fmt::format("{}", day + 1);
  return labels;
}

bool is_weekend(std::chrono::year_month month, std::size_t day) {
  const std::chrono::weekday weekday{
      std::chrono::local_days{month / std::chrono::day(static_cast<unsigned>(day + 1))}};
  return weekday == std::chrono::Saturday || weekday == std::chrono::Sunday;
}

// What a chart shows, one key away.
std::string behind(std::string_view what, std::string_view unit,
                   std::span<const std::pair<std::string, double>> rows) {
  auto html = fmt::format(
      "<details><summary>As a table</summary><table><thead><tr><th scope=\"col\">{}</th>"
      "<th scope=\"col\">{}</th></tr></thead><tbody>\n",
      what, unit);
  for (const auto& [label, value] : rows) {
    html += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", label,
                        std::isnan(value) ? "not measured" : digits_of(value));
  }
  return html + "</tbody></table></details>";
}

std::string compared_row(std::string_view called, const std::optional<Measured>& energy,
                         double greatest, Source fill) {
  if (!energy) {
    return fmt::format("<tr><th scope=\"row\">{}</th><td><small>not measured</small></td></tr>\n",
                       called);
  }
  const auto words = words_of(*energy);
  return fmt::format("<tr><th scope=\"row\">{}{}</th><td>{}<small>{}</small></td></tr>\n", called,
                     share_bar(greatest > 0 ? energy->kwh / greatest : 0, fill), words.energy,
                     words.plus_minus);
}

std::string bill_row(const BillLine& line, std::string_view currency) {
  auto of = decimal_text(line.quantity, 0) + "\u00a0" + escaped(line.unit);
  if (line.price.nano != 0) {
    of += fmt::format(" × {}", decimal_text(line.price, minor_digits(currency)));
  }
  return fmt::format("<tr><th scope=\"row\">{}<small>{}</small></th><td>{}</td></tr>\n",
                     escaped(line.words), of, money_text(line.amount, currency));
}

// What is known of how it is set.
std::string clamp_text(const ReportClamp& clamp) {
  auto known = clamp.calibrated
                   ? "calibrated on " + day_text(std::chrono::year_month_day(*clamp.calibrated))
                   : std::string("not calibrated");
  if (!clamp.model.empty()) known = fmt::format("{}, {}", clamp.model, known);
  if (clamp.parts.empty()) return known;
  return fmt::format("{}; most of it: {}", known, clamp.parts.front().words);
}

std::string clamp_row(const ReportClamp& clamp) {
  const double share =
      clamp.energy.kwh != 0 ? clamp.energy.plus_minus / std::abs(clamp.energy.kwh) : 0;
  return fmt::format(
      "<tr><th scope=\"row\">{}<small>{}</small></th><td>{}<small>±\u00a0{}</small></td></tr>\n",
      name_html(clamp.circuit), escaped(clamp_text(clamp)), kwh_text(clamp.energy.kwh),
      share_text(share));
}

}  // namespace

std::string name_html(std::string_view name) { return "<bdi>" + escaped(name) + "</bdi>"; }

std::string card(std::string_view heading, std::string_view html, const CardOptions& options) {
  return fmt::format("<section class=\"card{}{}\"><h2>{}{}</h2>\n{}</section>\n",
                     options.classes.empty() ? "" : " ", options.classes, heading,
                     options.aside.empty() ? "" : fmt::format(" <span>{}</span>", options.aside),
                     html);
}

std::string list_html(const std::vector<std::string>& sentences) {
  std::string html = "<ul>\n";
  for (const auto& sentence : sentences) html += "<li>" + escaped(sentence) + "</li>\n";
  return html + "</ul>\n";
}

std::string parts_card(const ReportFacts& facts) {
  constexpr std::string_view heading = "Where the energy went";
  if (facts.parts.empty()) {
    return card(heading, "<p>No circuit or appliance was measured apart from the whole.</p>\n");
  }
  std::string html = "<p class=\"legend\">";
  for (const auto source : {Source::measured, Source::identified, Source::unknown}) {
    if (std::ranges::find(facts.parts, source, &ReportPart::source) == facts.parts.end()) continue;
    html += fmt::format("<span>{}{}</span>", share_bar(1, source), word(source));
  }
  html += fmt::format(
      "</p>\n<table><thead><tr><th scope=\"col\">What</th><th scope=\"col\">Energy</th>"
      "<th scope=\"col\">{}</th></tr></thead><tbody>\n",
      facts.bill ? "Cost" : "Share");
  for (const auto& part : facts.parts) html += part_row(facts, part);
  html += "</tbody></table>\n";
  if (facts.bill) {
    html += "<p class=\"soft\">Costs are shares of the whole bill, fixed charges too.</p>\n";
  }
  return card(heading, html, {.classes = "long"});
}

std::string days_card(const ReportFacts& facts) {
  const auto& days = facts.kwh_of_days;
  if (days.empty()) return {};
  const auto labels = day_labels(days.size());
  std::vector<Column> columns;
  std::vector<std::pair<std::string, double>> rows;
  for (std::size_t i = 0; i < days.size(); ++i) {
    columns.push_back({days[i], labels[i], is_weekend(facts.month, i)});
    rows.emplace_back(fmt::format("{}", i + 1), days[i]);
  }
  return card("Day by day",
              columns_chart(columns, "kWh", "Energy of each day of the month, in kWh") + "\n" +
                  behind("Day", "kWh", rows),
              {.aside = "striped: weekends"});
}

std::string hours_card(const ReportFacts& facts) {
  if (std::ranges::all_of(facts.kwh_of_hours, [](double kwh) { return !(kwh > 0); })) return {};
  static constexpr std::array<std::string_view, 24> labels = {
      "0:00",  "", "", "", "", "", "6:00",  "", "", "", "", "",
      "12:00", "", "", "", "", "", "18:00", "", "", "", "", ""};
  std::vector<Column> columns;
  std::vector<std::pair<std::string, double>> rows;
  for (std::size_t hour = 0; hour < 24; ++hour) {
    columns.push_back({facts.kwh_of_hours[hour], labels[hour]});
    rows.emplace_back(fmt::format("{}:00 to {}:00", hour, hour + 1), facts.kwh_of_hours[hour]);
  }
  return card("A mean day",
              columns_chart(columns, "kWh", "Energy of each hour of a mean day, in kWh") + "\n" +
                  behind("Hour", "kWh", rows));
}

std::string compared_card(const ReportFacts& facts) {
  const auto before = facts.month - months{1}, a_year_ago = facts.month - months{12};
  double greatest = facts.whole.kwh;
  for (const auto& other : {facts.whole_before, facts.whole_a_year_ago}) {
    if (other) greatest = std::max(greatest, other->kwh);
  }
  auto html = std::string("<table><tbody>\n");
  html += compared_row(month_text(facts.month) + (is_running(facts) ? ", so far" : ""), facts.whole,
                       greatest, Source::measured);
  html += compared_row(month_text(before), facts.whole_before, greatest, Source::identified);
  html +=
      compared_row(month_text(a_year_ago), facts.whole_a_year_ago, greatest, Source::identified);
  return card("Against before", html + "</tbody></table>\n");
}

std::string changes_card(const ReportFacts& facts) {
  const auto sentences = what_changed(facts);
  return card("What changed, and why", sentences.empty()
                                           ? "<p>There is nothing to compare it with yet.</p>\n"
                                           : list_html(sentences));
}

std::string always_on_card(const ReportFacts& facts) {
  constexpr std::string_view heading = "Always on";
  if (!facts.always_on_w) {
    return card(heading, "<p>Too little was measured to tell what is always on.</p>\n");
  }
  const auto days =
      std::chrono::sys_days{(facts.month + months{1}) / 1} - std::chrono::sys_days{facts.month / 1};
  const double kwh = *facts.always_on_w * static_cast<double>(days.count()) * 24 / 1000;
  auto html = fmt::format("<p class=\"figure\">{}</p>\n<p class=\"soft\">about {} a month",
                          watts_text(*facts.always_on_w), kwh_text(kwh));
  if (facts.whole.kwh > 0 && !is_running(facts)) {
    html += fmt::format(", {} of all", share_text(std::min(kwh / facts.whole.kwh, 1.0)));
  }
  return card(heading, html + "</p>\n");
}

std::string bill_card(const ReportFacts& facts) {
  std::string html;
  if (!facts.bill) {
    html = "<p>No tariff is set, so nothing can be said of the cost. Set one under Bill.</p>\n";
  } else {
    const auto& bill = *facts.bill;
    html =
        "<table><thead class=\"unseen\"><tr><th scope=\"col\">Line</th><th scope=\"col\">Amount"
        "</th></tr></thead><tbody>\n";
    for (const auto& line : bill.lines) html += bill_row(line, bill.currency);
    html += fmt::format(
        "</tbody><tfoot><tr><th scope=\"row\">Total</th><td>{}</td></tr></tfoot></table>\n",
        money_text(bill.total, bill.currency));
    const auto unsure = plus_minus_of(bill.total, facts.whole);
    html += fmt::format(
        "<p class=\"soft\">Information, not a charge: worked out from this home's "
        "own readings, which may be off by about {}.",
        about_money_text(unsure.as_double(), bill.currency));
    if (bill.covered < 0.995) {
      html += fmt::format(" {} of the time was not measured and is not in it.",
                          share_text(1 - bill.covered));
    }
    html += "</p>\n";
    if (!facts.unpriced.empty()) {
      html += fmt::format("<p class=\"note\">{}</p>\n", escaped(facts.unpriced));
    }
  }
  if (facts.bill_forecast) {
    html += fmt::format("<p>{} it will be about <b>{}</b>, most likely {}.</p>\n",
                        is_running(facts) ? "By the end of the month" : "Next month",
                        about_money_text(facts.bill_forecast->median, facts.currency),
                        range_text(*facts.bill_forecast, facts.currency));
  }
  const auto aside = facts.bill ? escaped(facts.bill->tariff) : std::string();
  return card("Bill", html, {.aside = aside});
}

std::string findings_card(const ReportFacts& facts) {
  if (facts.findings.empty()) return card("Worth a look", "<p>Nothing was found.</p>\n");
  std::string html;
  for (const bool is_urgent : {true, false}) {
    for (const auto& finding : facts.findings) {
      if (finding.is_urgent != is_urgent) continue;
      html += fmt::format("<p class=\"note{}\">{}{}</p>\n", is_urgent ? " urgent" : "",
                          is_urgent ? "<b>Urgent:</b> " : "", escaped(finding.text));
    }
  }
  return card("Worth a look", html, {.classes = has_urgent(facts) ? "wide" : ""});
}

std::string quality_card(const ReportFacts& facts) {
  auto html = facts.quality.covered >= 0.9995
                  ? std::string("<p>The whole month was measured.</p>\n")
                  : fmt::format("<p>{:.1f}\u00a0% of the time was measured.</p>\n",
                                std::floor(1000 * facts.quality.covered) / 10);
  if (!facts.quality.remarks.empty()) html += list_html(facts.quality.remarks);
  const auto uncalibrated = std::ranges::count_if(
      facts.clamps, [](const ReportClamp& clamp) { return !clamp.calibrated; });
  if (!facts.clamps.empty()) {
    if (uncalibrated > 0) {
      html += fmt::format(
          "<p>{} of {} clamps {} not calibrated; calibrating them makes each figure "
          "here surer.</p>\n",
          uncalibrated, facts.clamps.size(), uncalibrated == 1 ? "is" : "are");
    }
    html +=
        "<table><thead><tr><th scope=\"col\">Circuit</th><th scope=\"col\">Energy</th></tr>"
        "</thead><tbody>\n";
    for (const auto& clamp : facts.clamps) html += clamp_row(clamp);
    html += "</tbody></table>\n";
  }
  return card("How good the readings are", html, {.classes = "wide long"});
}

}  // namespace insight
