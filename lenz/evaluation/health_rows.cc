#include <fmt/format.h>
#include <fmt/ostream.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lenz/evaluation/health.h"

namespace lenz::evaluation {

namespace {

std::string cell(double value, int digits) {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits);
}

std::string date(measurement::Timestamp t) {
  const std::chrono::year_month_day d(std::chrono::floor<std::chrono::days>(t));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(d.year()),
                     static_cast<unsigned>(d.month()), static_cast<unsigned>(d.day()));
}

nlohmann::ordered_json number(double value) {
  return std::isnan(value) ? nlohmann::ordered_json() : nlohmann::ordered_json(value);
}

}  // namespace

void print(std::span<const HealthRow> rows, std::ostream& out) {
  fmt::print(
      out, "{:14} {:12} {:28} {:20} {:>5} {:>4} {:>5} {:>4} {:>5} {:>6} {:>6} {:>5} {:>5} {:>7}\n",
      "equipment", "scene", "machines", "fault", "sever", "ramp", "thres", "n", "found", "median",
      "p90", "top1", "top2", "false/y");
  for (const auto& row : rows) {
    fmt::print(
        out,
        "{:14} {:12} {:28} {:20} {:5.2f} {:4.0f} {:5.2f} {:4} {:>5} {:>6} {:>6} {:>5} {:>5} {:>7}",
        row.equipment, row.scene, row.machines, row.fault.empty() ? "-" : row.fault, row.severity,
        row.ramp_days, row.caution, row.histories, cell(row.detection_rate, 2),
        cell(row.delay_median_days, 1), cell(row.delay_p90_days, 1), cell(row.top1, 2),
        cell(row.top2, 2), cell(row.false_per_asset_year, 3));
    if (!std::isnan(row.asset_days)) {
      fmt::print(out, "  {:.0f} alarms in {:.0f} asset-days, at most {} a year (95 %)", row.alarms,
                 row.asset_days, cell(row.false_per_asset_year_upper, 3));
    }
    if (!std::isnan(row.false_per_home_year)) {
      fmt::print(out, "; {} a home-year of 20 assets", cell(row.false_per_home_year, 2));
    }
    fmt::print(out, "\n");
  }
}

void print(const HealthReport& report, std::ostream& out) {
  fmt::print(
      out,
      "All faults are injected into histories made of healthy days; none was seen in a home.\n\n");
  print(report.rows, out);
  fmt::print(out, "\nAlarms on histories as they were recorded: {}\n", report.real_alarms.size());
  for (const auto& alarm : report.real_alarms) {
    fmt::print(out, "  {} since {}, found {}: {}\n", alarm.machine, date(alarm.since),
               date(alarm.found), alarm.what);
  }
  fmt::print(out, "A home-year of 20 assets, a reading a minute: {} s\n",
             cell(report.home_year_s, 1));
  fmt::print(out, "Readings lead to what their cycles lead to: {}\n",
             report.readings_agree ? "yes" : "no");
}

std::string json_of(std::span<const HealthRow> rows) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    list.push_back({{"equipment", row.equipment},
                    {"fault", row.fault.empty() ? nlohmann::ordered_json()
                                                : nlohmann::ordered_json(row.fault)},
                    {"scene", row.scene},
                    {"machines", row.machines},
                    {"severity", row.severity},
                    {"ramp_days", row.ramp_days},
                    {"caution", row.caution},
                    {"machine_count", row.machine_count},
                    {"histories", row.histories},
                    {"detection_rate", number(row.detection_rate)},
                    {"delay_median_days", number(row.delay_median_days)},
                    {"delay_p90_days", number(row.delay_p90_days)},
                    {"top1", number(row.top1)},
                    {"top2", number(row.top2)},
                    {"asset_days", number(row.asset_days)},
                    {"alarms", number(row.alarms)},
                    {"false_per_asset_year", number(row.false_per_asset_year)},
                    {"false_per_asset_year_upper", number(row.false_per_asset_year_upper)},
                    {"false_per_home_year", number(row.false_per_home_year)}});
  }
  return nlohmann::ordered_json{{"rows", std::move(list)}}.dump(1) + "\n";
}

}  // namespace lenz::evaluation
