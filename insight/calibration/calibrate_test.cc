#include "insight/calibration/calibrate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

#include "insight/calibration/bench_test.h"
#include "insight/calibration/error_sum.h"

namespace insight {
namespace {

using Cause = CalibrationRefusal::Cause;

// What a chip with every gain at 1 would read of a heater of 10 A at 230 V.
CalibrationLoad heater() {
  CalibrationLoad load{.windows = 20};
  load.raw = {.voltage = {230, 0.01f},
              .current = {10, 0.001f},
              .active = {2300, 0.2f},
              .reactive = {0, 0.2f},
              .peak_current = 14.2f};
  load.watts = ReferenceValue{2300, 0.2, 0.1};
  load.volts = ReferenceValue{230, 0.2, 0.01};
  load.amperes = ReferenceValue{10, 0.2, 0.001};
  return load;
}

std::expected<Calibration, CalibrationRefusal> calibrate_with(const CalibrationLoad& load,
                                                              CalibrationInput input = {
                                                                  .rated_a = 50}) {
  input.loads = {&load, 1};
  return calibrate(input);
}

Cause cause_of(const std::expected<Calibration, CalibrationRefusal>& result) {
  EXPECT_FALSE(result);
  if (result) return Cause::no_readings;
  EXPECT_FALSE(result.error().sentence.empty());
  return result.error().cause;
}

// Application note, section 4.2.5: new = reference / measured x old. 228 of 230 V shown, 11 of 10
// A.
TEST(Calibrate, GainsAreTheReferenceOverWhatIsShown) {
  auto load = heater();
  load.volts->value = 228;
  load.amperes->value = 11;
  load.watts->value = 2508;

  const auto result = calibrate_with(load);

  ASSERT_TRUE(result) << result.error().sentence;
  EXPECT_EQ(result->words.voltage_gain, 32'483);  // 32768 x 228 / 230.
  EXPECT_EQ(result->words.current_gain, 36'045);  // 32768 x 11 / 10.
  EXPECT_NEAR(result->words.power_gain, 0, 2);
}

// Section 4.2.5: 3763.739 x 0.0095 = 36 (24H) for 0.95 % at power factor 0.5, 50 Hz.
TEST(Calibrate, ThePhaseIsThatOfTheApplicationNotesExample) {
  auto load = heater();
  load.kind = LoadKind::inductive;
  const double lead = 0.0095 / std::sqrt(3.0);  // cos(60 - d) / cos(60) - 1 is d tan(60).
  load.raw.active.mean = static_cast<float>(2300 * std::cos(pi / 3 - lead));
  load.raw.reactive.mean = static_cast<float>(2300 * std::sin(pi / 3 - lead));
  load.watts->value = 1150;

  const auto result = calibrate_with(load);

  ASSERT_TRUE(result) << result.error().sentence;
  EXPECT_EQ(result->words.phase_delay, 36);
}

TEST(Calibrate, AHeaterTellsThePhaseWithoutAnyPowerFactor) {
  auto load = heater();
  load.raw.active.mean = static_cast<float>(2300 * std::cos(0.01));
  load.raw.reactive.mean = static_cast<float>(-2300 * std::sin(0.01));

  const auto result = calibrate_with(load);

  ASSERT_TRUE(result) << result.error().sentence;
  EXPECT_EQ(result->words.phase_delay, 65);  // 0.01 / (2 pi 50 / 2048000).
}

// Section 4.2.5: -(average) of the power without current, in counts of 0.00032 W.
TEST(Calibrate, WhatIsThereWithoutLoadIsTakenOff) {
  CalibrationInput input{.rated_a = 50};
  input.no_load = measurement::RawChannel{.voltage = {230, 0},
                                          .current = {0.02f, 0.001f},
                                          .active = {-3.2f, 0.05f},
                                          .reactive = {1.6f, 0.05f}};
  input.no_load_windows = 40;
  auto load = heater();
  load.raw.active.mean -= 3.2f;
  load.raw.reactive.mean += 1.6f;

  const auto result = calibrate_with(load, input);

  ASSERT_TRUE(result) << result.error().sentence;
  EXPECT_EQ(result->words.active_offset, 10'000);
  EXPECT_EQ(result->words.reactive_offset, -5000);
  EXPECT_NEAR(result->no_load_a, 0.02, 1e-6);
  EXPECT_NEAR(result->accuracy.offset_deviation_w, 0.05 / std::sqrt(40), 1e-6);
}

TEST(Calibrate, WithoutItsAdapterTheVoltageIsTakenOff) {
  measurement::RawChannel raw;
  raw.voltage.mean = 0.05f;

  const auto words = without_voltage({}, raw);

  ASSERT_TRUE(words);
  EXPECT_EQ(words->voltage_offset, -2560);  // 5 counts of 0.01 V, 512 to the count.
  raw.voltage.mean = 115;
  EXPECT_EQ(without_voltage({}, raw).error().cause, Cause::no_load_flows);
}

TEST(Calibrate, EachRefusalNamesItsCause) {
  const auto with = [](auto change) {
    auto load = heater();
    change(load);
    return cause_of(calibrate_with(load));
  };
  EXPECT_EQ(cause_of(calibrate({})), Cause::no_readings);
  EXPECT_EQ(with([](auto& load) { load.windows = 3; }), Cause::no_readings);
  EXPECT_EQ(with([](auto& load) { load.raw.active.mean = 2; }), Cause::nothing_flows);
  EXPECT_EQ(with([](auto& load) { load.raw.active.mean = -2300; }), Cause::reversed);
  EXPECT_EQ(with([](auto& load) { load.raw.active.deviation = 60; }), Cause::unstable);
  EXPECT_EQ(with([](auto& load) { load.raw.current.mean = 65.52f; }),
            Cause::beyond_current_register);
  EXPECT_EQ(with([](auto& load) { load.raw.peak_current = 131; }), Cause::clipped);
  EXPECT_EQ(with([](auto& load) { load.watts = load.amperes = std::nullopt; }),
            Cause::no_reference);
  EXPECT_EQ(with([](auto& load) {
              load.kind = LoadKind::inductive;
              load.volts.reset();
            }),
            Cause::no_reference);
  EXPECT_EQ(with([](auto& load) { load.volts->value = 500; }), Cause::beyond_voltage_gain);
  EXPECT_EQ(with([](auto& load) { load.amperes->value = 21; }), Cause::beyond_current_gain);
  EXPECT_EQ(with([](auto& load) { load.watts->value = 4700; }), Cause::beyond_power_gain);
}

TEST(Calibrate, ANoLoadThatFlowsOrAnOffsetBeyondTheRegisterIsRefused) {
  CalibrationInput input{.rated_a = 50};
  input.no_load_windows = 40;
  input.no_load = measurement::RawChannel{.current = {4, 0}, .active = {900, 0.05f}};
  EXPECT_EQ(cause_of(calibrate_with(heater(), input)), Cause::no_load_flows);
  input.no_load = measurement::RawChannel{.current = {0.05f, 0}, .active = {10.6f, 0.05f}};
  EXPECT_EQ(cause_of(calibrate_with(heater(), input)), Cause::beyond_offset);
}

// 255 steps of 0.488 us: 2.24 degrees at 50 Hz, 2.69 at 60 Hz.
TEST(Calibrate, APhaseBeyondTheRegisterIsRefusedAndTheLimitNamed) {
  for (const auto& [hertz, within, beyond, limit] :
       {std::tuple{50, 2.23, 2.26, "2.24"}, {60, 2.68, 2.71, "2.69"}}) {
    const auto result_at = [&](double degrees) {
      auto load = heater();
      load.raw.active.mean = static_cast<float>(2300 * std::cos(degrees * pi / 180));
      load.raw.reactive.mean = static_cast<float>(2300 * std::sin(degrees * pi / 180));
      return calibrate_with(load, {.line_frequency = hertz, .rated_a = 50});
    };
    for (const double sign : {1.0, -1.0}) {
      EXPECT_TRUE(result_at(sign * within));
      const auto refused = result_at(sign * beyond);
      EXPECT_EQ(cause_of(refused), Cause::beyond_phase_delay);
      EXPECT_NE(refused.error().sentence.find(limit), std::string::npos);
    }
  }
}

TEST(Calibrate, TwoLoadsGiveTheTransformersCurve) {
  auto full = heater(), little = heater();
  full.raw.current.mean = 50;
  full.raw.active.mean = 11'500;
  full.raw.peak_current = 71;
  full.watts->value = 11'500;
  full.amperes.reset();
  little.raw.current.mean = 2.5f;
  little.raw.active.mean = static_cast<float>(575 * 0.98 * std::cos(0.02));
  little.raw.reactive.mean = static_cast<float>(-575 * 0.98 * std::sin(0.02));
  little.watts->value = 575;
  little.amperes.reset();
  const std::array loads = {little, full};

  const auto result = calibrate({.class_percent = 1, .rated_a = 50, .loads = loads});

  ASSERT_TRUE(result) << result.error().sentence;
  const auto& curve = result->words.curve;
  EXPECT_EQ(curve[0].milliamperes, 2500u);
  EXPECT_NEAR(curve[0].gain_ppm, 20'408, 40);  // 1 / 0.98.
  EXPECT_NEAR(curve[0].lead_microradians, 20'000, 10);
  EXPECT_EQ(curve[1].milliamperes, 50'000u);
  EXPECT_NEAR(curve[1].gain_ppm, 0, 40);
  EXPECT_EQ(curve[2].milliamperes, 0u);
}

// 0.95 of one limit; 1.96 of one deviation; of two like limits 2 - sqrt(0.2) of one (their sum is a
// triangle, and the smaller of them is taken for normal: 1.5 % more).
TEST(ErrorSum, IsThe95thOfAHundred) {
  ErrorSum limit, normal, two;
  limit.add_limit(2);
  normal.add_deviation(3);
  two.add_limit(1);
  two.add_limit(1);

  EXPECT_NEAR(limit.interval(), 1.9, 1e-9);
  EXPECT_NEAR(normal.interval(), 5.87989, 1e-4);
  EXPECT_NEAR(two.interval(), 2 - std::sqrt(0.2), 0.03);
}

TEST(Accuracy, AClassOneTransformerKeepsItsClass) {
  EXPECT_DOUBLE_EQ(class_growth(1), 1);
  EXPECT_DOUBLE_EQ(class_growth(0.2), 1.5);
  EXPECT_DOUBLE_EQ(class_growth(0.05), 3);
  EXPECT_GT(class_growth(0.01), class_growth(0.05));
}

TEST(Accuracy, AnUncalibratedChannelSaysSoAndIsWorseOffUnity) {
  const auto none = uncalibrated(1, 100);
  const double one = plus_minus_percent(none, 230, 10, 1);
  const double half = plus_minus_percent(none, 230, 10, 0.5);
  EXPECT_GT(one, 3);
  EXPECT_LT(one, 10);
  EXPECT_GT(half, one + 5);
}

// What the models' table promises: the chip's rated 720 mV in amperes, as the boards' maker has it.
TEST(Transformers, ReachAsFarAsTheChipsRatedVoltage) {
  EXPECT_NEAR(find_transformer("SCT-006")->greatest_a(), 26, 0.5);
  EXPECT_NEAR(find_transformer("SCT-013-000")->greatest_a(), 65, 0.6);
  EXPECT_NEAR(find_transformer("SCT-016")->greatest_a(), 98, 0.5);
  EXPECT_NEAR(find_transformer("SCT-024")->greatest_a(), 131, 0.5);
  EXPECT_EQ(find_transformer("SCT-024")->multiplier(), 2);
  EXPECT_EQ(find_transformer("SCT-006")->multiplier(), 1);
  EXPECT_EQ(find_transformer("no such"), nullptr);
  EXPECT_EQ(transformer_set_up(1, 41'787 / 2, 2)->name, "SCT-016");
  EXPECT_EQ(transformer_set_up(1, 27'518, 1)->name, "SCT-013-000");
  EXPECT_EQ(transformer_set_up(1, 27'519, 1), nullptr);
  // Gain and volts per ampere agree with the chip's scale to 2 % and the boards' parts.
  for (const auto& model : transformer_models()) {
    const double counts = model.output_v / model.rated_a * model.current_gain / 32768 *
                          simulator::counts_per_pin_volt;
    const bool is_voltage_output = model.secondary_a == 0;
    EXPECT_NEAR(counts, 1000, is_voltage_output ? 50 : 25) << model.name;
  }
}

// docs/meter.md: with little current, for each transformer, calibrated with a wattmeter of 0.2 % at
// a twentieth, a fifth and all of what it can measure.
TEST(Transformers, SmallLoadsForTheManual) {
  fmt::print(
      "transformer: smallest load seen (W), no-load reading (mA, W), +- % at 10 mA, 50 mA, 1 A, "
      "10 A: power factor 1 / 0.5; uncalibrated at 10 A\n");
  for (const auto& model : transformer_models()) {
    BenchBoard board;
    board.rated_a = std::min(model.rated_a, model.greatest_a());
    board.class_percent = model.class_percent;
    auto& clamp = board.front.clamps[0];
    clamp.volts_per_ampere = model.output_v / model.rated_a;
    clamp.rated_amperes = model.rated_a;
    clamp.low_current_lead = 2 * model.class_percent;
    clamp.low_current_loss = 0.02 * model.class_percent;
    clamp.curvature = 0.85;
    clamp.phase_lead = 0.5;
    clamp.active_watts = 0.8;
    board.words = start_words(model, adapter_models()[0]);
    board.words.voltage_gain = 16'854;  // Of a 9 V adapter at 230 V.
    board.chip.current_noise = 120e-6;  // What the converter is rated to resolve.
    Bench bench(board);
    CalibrationInput input{
        .words = bench.words(), .class_percent = model.class_percent, .rated_a = model.rated_a};
    bench.apply(0, 0);
    input.no_load = bench.read(60);
    input.no_load_windows = 60;
    std::vector<CalibrationLoad> loads;
    for (const double share : {0.9, 0.2, 0.05}) {
      const double amperes = share * board.rated_a;
      bench.apply(amperes, 0);
      loads.push_back({.raw = bench.read(30),
                       .windows = 30,
                       .watts = ReferenceValue{bench_volts * amperes, 0.2, 0.1}});
    }
    input.loads = loads;
    const auto result = calibrate(input);
    ASSERT_TRUE(result) << model.name << ": " << result.error().sentence;
    ASSERT_TRUE(bench.set(result->words));
    bench.apply(0, 0);
    const auto none = bench.read(60);
    // Seen: three deviations of ten seconds above nothing, and above what the chip counts as load.
    const double seen = std::max(0.24 * result->words.multiplier,
                                 3 * static_cast<double>(none.active.deviation) / std::sqrt(30));
    fmt::print("  {:14} {:5.2f}  {:4.0f} {:6.3f} ", model.name, seen, none.current.mean * 1000,
               none.active.mean);
    for (const double amperes : {0.01, 0.05, 1.0, 10.0}) {
      fmt::print(" {:.2f}/{:.2f}", plus_minus_percent(result->accuracy, bench_volts, amperes, 1),
                 plus_minus_percent(result->accuracy, bench_volts, amperes, 0.5));
    }
    const auto start = uncalibrated(model.class_percent, model.rated_a);
    fmt::print("  {:.1f}/{:.1f}\n", plus_minus_percent(start, bench_volts, 10, 1),
               plus_minus_percent(start, bench_volts, 10, 0.5));
    EXPECT_LT(std::abs(none.active.mean), 0.2) << model.name;
    EXPECT_LT(plus_minus_percent(result->accuracy, bench_volts, 10, 1), 1) << model.name;
  }
}

}  // namespace
}  // namespace insight
