#include "insight/health/cycle_patterns.h"

#include <algorithm>
#include <cmath>

namespace insight {

namespace {

constexpr float defrosts_offset = 0.3F;  // A day.
constexpr float least_off = 0.01F;       // Of a day, so that one without a pause has a logarithm.

// Of energy, size 0.2 is about a fifth more, or as much as is said.
//
// A thermostat holds the temperature between two limits. With a load of heat Q and a capacity K the
// duty is Q/K and a pause C/Q, where C is the heat between the limits: more load makes the duty
// longer and pauses shorter, less capacity the duty only, limits that are further apart the pauses.
// The mean of a day's pauses counts what is put in that is warm, the median hardly.
ShiftRules compressor_rules() {
  return {
      .count = 6,
      .noise = {0.012F, 0.08F, 0.09F, 0.09F, 0.1F, 0.35F},
      .floor = {0.004F, 0.01F, 0.02F, 0.02F, 0.05F, 0.2F},
      // Of a room that is warmer, the load rises by 4 to 7 % per kelvin, and the power by 1 %,
      // since the condenser is as much warmer as the room.
      .per_kelvin = {0.01F, 0.045F, -0.035F, -0.035F, 0, 0},
      .per_kelvin_spread = {0.002F, 0.003F, 0.003F, 0.003F, 0, 0},
      .load = {0, 1, -1, -1, 0, 0},
      .load_floor = 0.02F,
      .load_per_kelvin_spread = 0.011F,
      .patterns =
          {
              {Cause::gasket_leak, Change::works_harder, {0, 1, -1, -1, 0, 0}},
              {Cause::dirty_condenser, Change::works_harder, {0.5F, 0.5F, 0, 0, 0, 0}},
              {Cause::low_refrigerant, Change::works_harder, {-0.6F, 1.6F, 0, 0, 0, 0}},
              {Cause::defrost_heater_open,
               Change::lacks_phase,
               {0, 0.2F, 0, 0, 0, -1.2F},
               1,
               0.4F,
               true,
               0.7F,
               1.15F,
               5},
              {Cause::thermostat_stuck,
               Change::runs_longer,
               {-0.05F, 0.5F, 0.8F, 0.8F, 0, 0},
               1,
               0.25F,
               true,
               0.22F,
               1.3F},
              {Cause::start_relay, Change::starts_often, {0, 0, 0.3F, 0.3F, 4, 0}, 1, 0.4F},
              {Cause::cabinet_fan,
               Change::works_harder,
               {-0.15F, 1.1F, 0, 0, 0, 0},
               0.15F,
               0.25F,
               false},
              {Cause::warm_place,
               Change::works_harder,
               {0.2F, 0.8F, -0.6F, -0.6F, 0, 0},
               0.3F,
               0.25F,
               false},
              {Cause::new_habit, Change::works_harder, {0, 1, -1, -1, 0, 0}, 0.2F, 0.25F, false},
              {Cause::new_habit, Change::works_less, {0, -1, 1, 1, 0, 0}, 3, 0.25F, false},
              // Much that is warm is put in: long runs, in which the power falls.
              {Cause::new_habit, Change::works_harder, {-0.15F, 1.1F, 0, 0, 0, 0}, 1, 0.25F, false},
          },
  };
}

// They work against what is outdoors, which has to be known for anything to be said.
ShiftRules heat_pump_rules() {
  return {
      .count = 4,
      .noise = {0.03F, 0.2F, 0.2F, 0.1F, detail::not_measured},
      .floor = {0.01F, 0.06F, 0.08F, 0.05F, detail::not_measured},
      .per_kelvin = {0.01F, 0.08F, 0.04F, 0, 0},
      .per_kelvin_spread = {0.01F, 0.08F, 0.06F, 0, 0},
      .patterns =
          {
              {Cause::low_refrigerant, Change::works_harder, {-0.4F, 1.2F, -0.5F, 0, 0}},
              {Cause::low_airflow, Change::works_harder, {0.3F, 0.6F, 0.8F, 0, 0}},
              {Cause::start_relay, Change::starts_often, {0, 0.1F, 0, 4, 0}, 1, 0.4F},
              {Cause::reversing_valve, Change::uses_backup_heat, {3, 0, -0.5F, 0, 0}},
              {Cause::new_habit, Change::works_harder, {0, 1, 0.3F, 0, 0}, 0.5F, 0.25F, false},
          },
  };
}

ShiftRules pump_rules() {
  return {
      .count = 4,
      .noise = {0.02F, 0.3F, 0.3F, 0.1F, detail::not_measured},
      .floor = {0.008F, 0.08F, 0.08F, 0.05F, detail::not_measured},
      .patterns =
          {
              {Cause::worn_impeller, Change::draws_less, {-0.6F, 1, 0, 0, 0}},
              {Cause::waterlogged_tank, Change::starts_often, {0, 0, 3, 0, 0}},
              {Cause::leak, Change::starts_often, {0, 1, 1, 0, 0}},
              {Cause::filter_clogged, Change::draws_less, {-0.5F, 0, 0, 0, 0}},
              {Cause::new_habit, Change::works_harder, {0, 1, 1, 0, 0}, 0.5F, 0.25F, false},
          },
  };
}

ShiftRules water_heater_rules() {
  return {
      .count = 3,
      .noise = {0.02F, 0.25F, 0.2F, detail::not_measured, detail::not_measured},
      .floor = {0.008F, 0.06F, 0.06F, detail::not_measured, detail::not_measured},
      .patterns =
          {
              {Cause::heater_open, Change::draws_less, {-1, 1, 0, 0, 0}},
              {Cause::standby_loss, Change::works_harder, {0, 1, 0.6F, 0, 0}},
              {Cause::new_habit, Change::works_harder, {0, 1, 0.3F, 0, 0}, 0.7F, 0.25F, false},
          },
  };
}

bool is_heat_pump(ApplianceKind kind) {
  return kind == ApplianceKind::air_conditioner || kind == ApplianceKind::heat_pump ||
         kind == ApplianceKind::dehumidifier;
}

}  // namespace

bool keeps_food_cold(ApplianceKind kind) {
  return kind == ApplianceKind::fridge || kind == ApplianceKind::freezer ||
         kind == ApplianceKind::fridge_freezer;
}

bool is_watched_by_cycles(ApplianceKind kind) {
  return keeps_food_cold(kind) || is_heat_pump(kind) || kind == ApplianceKind::pump ||
         kind == ApplianceKind::water_heater;
}

ShiftRules cycle_rules(ApplianceKind kind) {
  return keeps_food_cold(kind)                 ? compressor_rules()
         : is_heat_pump(kind)                  ? heat_pump_rules()
         : kind == ApplianceKind::water_heater ? water_heater_rules()
                                               : pump_rules();
}

std::optional<ShiftRow> shift_row(const AssetDay& day, ApplianceKind kind) {
  constexpr float mild_c = 18;  // Neither heated nor cooled.
  // Of a day that it stood still all other numbers say nothing.
  if (!(day[Feature::duty] > 0)) return std::nullopt;
  if (is_heat_pump(kind) && std::isnan(day.outdoor_c)) return std::nullopt;
  const auto duty = day[Feature::duty], starts = std::max(day[Feature::starts], 0.5F);
  const auto power = std::log(day[Feature::run_power]),
             failed_starts = std::log1p(day[Feature::failed_starts] / starts),
             defrosts = std::log(day[Feature::defrosts] + defrosts_offset);
  const auto mean_pause = std::log(std::max(1 - duty, least_off) / starts);
  ShiftRow row{.time = day.begin, .values = {}};
  if (keeps_food_cold(kind)) {
    row.values = {power,         std::log(duty), mean_pause, std::log(day[Feature::pause]),
                  failed_starts, defrosts};
  } else {
    row.values = {power, std::log(duty), std::log(starts), failed_starts, defrosts};
  }
  row.temperature_c = is_heat_pump(kind) ? std::abs(day.outdoor_c - mild_c) : day.room_c;
  return row;
}

}  // namespace insight
