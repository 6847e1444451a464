// Figures as people read them: three significant digits, the unit close, "about" and ± said.

#pragma once

#include <string>
#include <string_view>

#include "insight/advice/advice.h"
#include "insight/bill/money.h"
#include "insight/report/error_budget.h"

namespace insight {

// "412", "41.2", "4.12", "0.41"; "1,240" from a thousand on; a negative one has a true minus.
std::string digits_of(double);

std::string kwh_text(double);                                // "41.2 kWh"
std::string kwh_text(Measured);                              // "412 ± 8 kWh"
std::string watts_text(double);                              // "118 W", "2.06 kW"
std::string percent_text(double share);                      // "6 %", "less than 1 %"
std::string money_text(Decimal, std::string_view currency);  // "€12.30", "CHF 12.30", "−$4.10"
std::string money_text(Spread, std::string_view currency);   // "€84 to €100"

// Five characters of HTML that text must not have.
std::string escaped(std::string_view);

}  // namespace insight
