// The report of a month as one HTML file that needs nothing else: style and charts are in it, no
// script is. For paper (A4 and Letter), phone and screen, in colour and in grey.

#pragma once

#include <string>

#include "insight/report/report.h"

namespace insight {

// UTF-8. All text of the facts is escaped.
std::string report_page(const ReportFacts&);

}  // namespace insight
