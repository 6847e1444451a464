#include "insight/report/report_page.h"

#include <fmt/format.h>

#include <chrono>

#include "insight/report/figures.h"
#include "insight/report/report_charts.h"
#include "insight/report/report_sections.h"
#include "insight/report/report_style.h"

namespace insight {
namespace {

std::string hero(const ReportFacts& facts) {
  const auto [energy, plus_minus] = words_of(facts.whole);
  const auto cost = facts.bill ? "about " + money_text(facts.bill->total, facts.currency)
                               : std::string("cost not known");
  auto html = fmt::format(
      "<section class=\"hero\"><h1>Used in {}{}<strong>{} <small>{}{}{}</small></strong></h1>\n",
      month_text(facts.month), is_running(facts) ? " so far" : "", energy, plus_minus,
      plus_minus.empty() ? "" : ", ", cost);
  html += "<p>";
  for (const auto& sentence : highlights(facts)) html += escaped(sentence) + " ";
  return html + "</p></section>\n";
}

std::string footer(const ReportFacts& facts) {
  const auto local = facts.made + facts.utc_offset;
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::minutes>(local - day)};
  return fmt::format(
      "<footer><p>Made on {} at {}:{:02}.</p>\n"
      "<p>± holds in 95 of 100 cases. <i>Measured</i> has a clamp or a plug of its own, "
      "<i>identified</i> was told from how it draws, <i>unknown</i> is what is "
      "left.</p></footer>\n",
      day_text(day), time.hours().count(), time.minutes().count());
}

}  // namespace

std::string report_page(const ReportFacts& facts) {
  auto html = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n",
      escaped(report_title(facts)), report_style);
  html += chart_patterns();
  html += fmt::format(
      "<header class=\"top\"><b>Lenz</b><span>Energy report of {}</span><span>{}</span></header>\n",
      name_html(facts.home), month_text(facts.month));
  html += "<main>\n" + hero(facts);
  // What cannot wait is not looked for.
  const auto findings = findings_card(facts);
  if (has_urgent(facts)) html += findings;
  html += "<div class=\"stack\">\n" + parts_card(facts) + days_card(facts) + bill_card(facts) +
          "</div>\n";
  html += "<div class=\"stack\">\n" + (has_urgent(facts) ? "" : findings) + changes_card(facts) +
          compared_card(facts) + hours_card(facts) + always_on_card(facts) + "</div>\n";
  html += advice_card(facts) + scores_card(facts) + quality_card(facts);
  return html + "</main>\n" + footer(facts) + "</body>\n</html>\n";
}

}  // namespace insight
