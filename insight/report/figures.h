// Figures as people read them: three significant digits, the unit close, ± where it is known.
// English.

#pragma once

#include <string>
#include <string_view>

#include "insight/advice/advice.h"
#include "insight/bill/money.h"
#include "insight/report/error_budget.h"

namespace insight {

std::string digits_of(double);   // "1,240", "41.2", "0.41", "−3.1"
std::string kwh_text(double);    // "41.2 kWh"
std::string kwh_text(Measured);  // "412 ± 8 kWh"
// The same in two: "412 kWh" and "± 8 kWh", which is empty where nothing is known of it.
struct MeasuredWords {
  std::string energy, plus_minus;
};
MeasuredWords words_of(Measured);

std::string watts_text(double);        // "118 W", "2.06 kW"
std::string share_text(double share);  // "6 %", "less than 1 %"
std::string decimal_text(Decimal,
                         int least);  // Digits after the point: so many, and all that are not 0.

// In the currency's smallest unit: "€12.30", "CHF 12.30", "−$1,204.10", "¥4".
std::string money_text(Decimal, std::string_view currency);
// Whole units from 20 on, as what is estimated is no surer: "€84", "€4.10".
std::string about_money_text(double, std::string_view currency);
std::string range_text(Spread, std::string_view currency);  // "€84 to €100"

// Fit for HTML, in text and in attributes.
std::string escaped(std::string_view);

}  // namespace insight
