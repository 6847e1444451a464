// A month with everything that a report may say, for tests.

#pragma once

#include <cmath>
#include <limits>

#include "insight/report/report.h"

namespace insight {

inline ReportFacts october() {
  using namespace std::chrono;
  const auto money = [](std::string_view words) { return *Decimal::parse(words); };
  ReportFacts facts{.home = "Our house",
                    .currency = "EUR",
                    .month = year{2026} / October,
                    .made = sys_days{2026y / November / 1} + hours{5},
                    .utc_offset = hours{1},
                    .whole = {412.3, 8.3},
                    .produced = {310, 6.2},
                    .given_away = {121, 2.4},
                    .whole_before = Measured{424.4, 8.5},
                    .whole_a_year_ago = Measured{475, 9.5}};
  facts.parts = {
      {"Heat pump", Source::measured, {156, 4.9}, Measured{118, 3.7}, money("37.20"), 310, 240},
      {"Fridge", Source::identified, {41.2, 8.1}, Measured{31.4, 6.2}, money("9.83")},
      {"Tumble dryer", Source::measured, {38.4, 1.2}, Measured{60.8, 1.9}, money("9.15"), 16, 25},
      {"Dishwasher", Source::identified, {27.1, 5.4}, Measured{27, 5.4}, money("6.45"), 25, 24},
      {"Living room", Source::measured, {24.8, 0.8}, Measured{24.6, 0.8}, money("5.90")},
      {"Office", Source::measured, {19.5, 0.6}, std::nullopt, money("4.65")},
      {"Unknown", Source::unknown, {105.3, 12.6}, Measured{132, 14}, money("25.12")},
  };
  for (int day = 0; day < 31; ++day) facts.kwh_of_days.push_back(13 + 4 * std::sin(day * 1.3));
  facts.kwh_of_days[11] = 21.4;
  facts.kwh_of_days[19] = std::numeric_limits<double>::quiet_NaN();
  for (int hour = 0; hour < 24; ++hour) {
    facts.kwh_of_hours[static_cast<std::size_t>(hour)] =
        0.25 + 0.9 * std::exp(-std::pow((hour - 18.5) / 2.5, 2)) +
        0.4 * std::exp(-std::pow((hour - 7.5) / 1.5, 2));
  }
  facts.always_on_w = 164;
  facts.always_on_before_w = 152;
  facts.outside_c = 8.2;
  facts.outside_before_c = 14.1;
  facts.bill =
      Bill{.period = {local_days{2026y / October / 1}, local_days{2026y / November / 1}},
           .tariff = "Day and night, 2026",
           .currency = "EUR",
           .lines = {{"Standing charge", money("31"), "day", money("0.42"), money("13.02")},
                     {"Day", money("298.114"), "kWh", money("0.2512"), money("74.89")},
                     {"Night", money("113.186"), "kWh", money("0.1931"), money("21.86")},
                     {"Given to the grid", money("121"), "kWh", money("-0.081"), money("-9.80")},
                     {"Tax", money("10"), "%", {}, money("10.00")}},
           .total = money("109.97")};
  facts.bill_forecast = Spread{118.2, 131.4, 144.9};
  facts.findings = {
      {"The freezer works harder than in September: 31 % more energy at the same room temperature. "
       "12 days, quite sure. Check the door seal first. About €4 a month.",
       false},
      {"The supply gives way more than it used to when much is drawn. Call the utility.", true}};
  const Candidate kept{.roles = {CandidateRole::kept},
                       .energy_kwh = {470, 486, 501},
                       .cost_a_year = {112, 116, 120},
                       .total_cost = {980, 1120, 1290}};
  const Candidate best{.name = "Fridge, 300 l, class C",
                       .roles = {CandidateRole::best_for_you},
                       .energy_kwh = {130, 155, 190},
                       .cost_a_year = {31, 37, 45},
                       .purchase = {540, 590, 640},
                       .total_cost = {820, 905, 1010},
                       .net_present_value = {-20, 215, 420},
                       .payback_years = Spread{5.8, 7.4, 10.2},
                       .chance_ahead = 0.84,
                       .price_source = "about, list of 2025-09"};
  auto efficient = best;
  efficient.name = "Fridge, 300 l, class A";
  efficient.roles = {CandidateRole::most_efficient};
  efficient.energy_kwh = {85, 101, 124};
  efficient.cost_a_year = {20, 24, 30};
  efficient.purchase = {1100, 1190, 1290};
  efficient.total_cost = {1290, 1390, 1500};
  efficient.chance_ahead = 0.12;
  efficient.payback_years = std::nullopt;
  facts.advice = {
      {.appliance = "Fridge",
       .kind = "fridge",
       .verdict = Verdict::replace,
       .free_first = {"Set it to 7 °C: about 6 % less."},
       .candidates = {kept, efficient, best},
       .turning_point = TurningPoint{TurningPoint::Of::price_per_kwh, 0.19},
       .why = "In 8 of 10 cases you come out ahead."},
      {.appliance = "Tumble dryer",
       .kind = "tumble_dryer",
       .verdict = Verdict::keep,
       .free_first = {"Run it after 22:00: about €2 a month less."},
       .turning_point = TurningPoint{TurningPoint::Of::uses_a_year, 240},
       .why = "At 16 loads a month a heat-pump dryer pays back after about 19 years."},
      {.appliance = "Office", .not_yet = "it was measured for 12 days; 28 are needed."}};
  facts.scores = {{"Turn the boiler's pump off at night",
                   sys_days{2026y / April / 3},
                   {60, 85, 110},
                   sys_days{2026y / April / 5},
                   Spread{70, 92, 115}},
                  {"Clean the heat pump's filter",
                   sys_days{2026y / May / 12},
                   {120, 180, 250},
                   sys_days{2026y / May / 20},
                   Spread{10, 60, 105},
                   "Not adjusted for the weather: no thermometer outdoors was heard."},
                  {"Replace the fridge", sys_days{2026y / October / 9}, {290, 330, 365}, {}, {}}};
  facts.quality = {0.987, {"No reading on 20 October from 00:00 to 09:40."}};
  const Clamp clamp{.accuracy = {.gain_limit = 0.5,
                                 .phase_deviation = 0.05,
                                 .class_percent = 1,
                                 .rated_a = 20,
                                 .loads = {{6, 1, 0.8}}},
                    .errs_with = "Wattmeter, 0.5 %"};
  facts.clamps = {
      {.circuit = "Heat pump",
       .parts = error_budget(clamp, {.kwh = 156, .watts = 210, .amperes = 6, .power_factor = 0.92}),
       .energy = {156, 4.9},
       .model = "SCT-006",
       .calibrated = local_days{2026y / May / 12}},
      {.circuit = "Tumble dryer",
       .parts = error_budget({.accuracy = uncalibrated(0, 0)}, {.kwh = 38.4, .amperes = 9}),
       .energy = {38.4, 1.9}}};
  return facts;
}

}  // namespace insight
