// A finding as people read it, on the page, in a mail and in Home Assistant: the same words
// everywhere.

#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>

#include "hub/analyst.h"
#include "hub/finding_book.h"
#include "hub/home.h"

namespace hub {

// At the begin of a sentence: "The fridge", "Anna's kettle", "The circuit Kitchen", "The supply".
// Of what is not known any more, its number or id.
std::string name_of(const Asset&, const Panel&, std::span<const ApplianceState>);

struct Price {
  double per_kwh = 0;
  std::string currency;  // ISO 4217.
};
std::optional<Price> price_of(const Home&);  // Absent: not known.

struct FindingText {
  std::string changed;   // "The freezer works harder than it used to."
  std::string since;     // "Since about 3 March 2026."
  std::string sure;      // "Quite sure: 9 of 10 such findings were right in tests."
  std::string evidence;  // "Share of the time on: 40 %, before 31 % (± 2 %)." Empty: none is known.
  std::string cost;      // "About 6.4 kWh a month more, or 1.92 EUR." Empty: not known.
  std::string danger;    // What to do at once. Empty: nothing.
  std::string check;     // What to look at first. Empty: nothing is suspected.
  std::string causes;    // "Likely a door that does not seal; it could also be a warmer place."
};

FindingText text_of(const insight::Finding&, const std::string& name, const std::optional<Price>&,
                    std::chrono::minutes utc_offset);

// All of it, a line each.
std::string lines_of(const FindingText&);

}  // namespace hub
