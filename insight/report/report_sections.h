// The parts of the page, each a card; empty where it has nothing to say.

#pragma once

#include <string>
#include <string_view>

#include "insight/report/report.h"

namespace insight {

// A name from outside, which may run the other way.
std::string name_html(std::string_view);

struct CardOptions {
  std::string_view aside{};    // Beside the heading, as HTML.
  std::string_view classes{};  // Besides "card".
};
std::string card(std::string_view heading, std::string_view html, const CardOptions& = {});

std::string list_html(const std::vector<std::string>& sentences);

std::string parts_card(const ReportFacts&);
std::string days_card(const ReportFacts&);
std::string hours_card(const ReportFacts&);
std::string compared_card(const ReportFacts&);
std::string changes_card(const ReportFacts&);
std::string always_on_card(const ReportFacts&);
std::string bill_card(const ReportFacts&);
std::string findings_card(const ReportFacts&);  // Over the whole width where something is urgent.
std::string quality_card(const ReportFacts&);
std::string advice_card(const ReportFacts&);
std::string scores_card(const ReportFacts&);

}  // namespace insight
