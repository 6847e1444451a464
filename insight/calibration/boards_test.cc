// Calibration of simulated boards, each with other gains, offsets, noise, phase and transformer:
// what it leaves, and whether the stated +- contains that. The tables are those of docs/meter.md.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

#include "insight/calibration/bench_test.h"
#include "insight/calibration/meter_light.h"

namespace insight {
namespace {

constexpr int boards = 1000;
constexpr std::array loads = {0.05, 0.1, 0.2, 0.5, 1.0};  // Of the rating.
constexpr std::array angles = {0.0, 60.0, -60.0};         // Power factor 1, 0.5 and, leading, 0.5.
constexpr double chip_linearity = 0.1;  // Percent: what the chip itself may be off by.

// A reference as it really is, and what its maker says of it.
struct TrueReference {
  double volt_percent = 0, ampere_percent = 0, watt_percent = 0;  // Limits.
  double volt_off = 0, ampere_off = 0, watt_off = 0;              // Percent.
  double volt_digit = 0, ampere_digit = 0, watt_digit = 0;

  static double shown(double value, double off, double digit) {
    const double read = value * (1 + off / 100);
    return digit > 0 ? std::round(read / digit) * digit : read;
  }
  ReferenceValue volts(double value) const {
    return {shown(value, volt_off, volt_digit), volt_percent, volt_digit};
  }
  ReferenceValue amperes(double value) const {
    return {shown(value, ampere_off, ampere_digit), ampere_percent, ampere_digit};
  }
  ReferenceValue watts(double value) const {
    return {shown(value, watt_off, watt_digit), watt_percent, watt_digit};
  }
};

CalibrationInput begin(Bench& bench, const BenchBoard& board) {
  CalibrationInput input{.words = bench.words(),
                         .line_frequency = board.line_frequency,
                         .class_percent = board.class_percent,
                         .rated_a = board.rated_a};
  bench.apply(0, 0);
  input.no_load_windows = 60;
  input.no_load = bench.read(60);
  return input;
}

// Full, a fifth and a twentieth of the range, each at power factor 1 and 0.5, with a reference that
// is right.
std::expected<Calibration, CalibrationRefusal> with_ideal(Bench& bench, const BenchBoard& board,
                                                          Chance&) {
  auto input = begin(bench, board);
  std::vector<CalibrationLoad> read;
  for (const double share : {1.0, 0.22, 0.05}) {
    for (const double angle : {0.0, 60.0}) {
      const double amperes = share * board.rated_a;
      bench.apply(amperes, angle);
      const int windows = share < 0.1 ? 60 : 20;
      read.push_back({.kind = angle > 0 ? LoadKind::inductive : LoadKind::resistive,
                      .raw = bench.read(windows),
                      .windows = windows,
                      .volts = ReferenceValue{bench_volts},
                      .amperes = ReferenceValue{amperes},
                      .watts = ReferenceValue{bench_volts * amperes * std::cos(angle * pi / 180)}});
    }
  }
  input.loads = read;
  return calibrate(input);
}

// A wattmeter of 0.2 %, and heaters at three sizes.
std::expected<Calibration, CalibrationRefusal> with_wattmeter(Bench& bench, const BenchBoard& board,
                                                              Chance& chance) {
  const TrueReference meter{.volt_percent = 0.2,
                            .ampere_percent = 0.2,
                            .watt_percent = 0.2,
                            .volt_off = chance.limit(0.2),
                            .ampere_off = chance.limit(0.2),
                            .watt_off = chance.limit(0.2),
                            .volt_digit = 0.01,
                            .ampere_digit = 0.001,
                            .watt_digit = 0.1};
  auto input = begin(bench, board);
  std::vector<CalibrationLoad> read;
  for (const double share : {0.9, 0.2, 0.05}) {
    const double amperes = share * board.rated_a, angle = chance.limit(0.05);
    bench.apply(amperes, angle);
    read.push_back({.raw = bench.read(30),
                    .windows = 30,
                    .volts = meter.volts(bench_volts),
                    .amperes = meter.amperes(amperes),
                    .watts = meter.watts(bench_volts * amperes * std::cos(angle * pi / 180))});
  }
  input.loads = read;
  return calibrate(input);
}

// The light of a utility's meter of class 1, counted for three minutes while a heater runs: of a
// twelfth of the blinks some are missed and some are seen twice.
std::expected<Calibration, CalibrationRefusal> with_meter_light(Bench& bench,
                                                                const BenchBoard& board,
                                                                Chance& chance) {
  auto input = begin(bench, board);
  const double amperes = chance.between(0.3, 0.9) * board.rated_a, angle = chance.limit(0.05);
  bench.apply(amperes, angle);
  const double watts = bench_volts * amperes * std::cos(angle * pi / 180);
  const double counted = watts * (1 + chance.limit(1) / 100);
  const double apart = 3600 / counted;  // Seconds, at 1000 blinks to the kWh.
  std::vector<double> seen;
  for (double at = chance.between(0, apart); at < 180; at += apart) {
    if (chance.one_in(0.05)) continue;
    seen.push_back(at + chance.between(0, 1.0 / 30));
    if (chance.one_in(0.03)) seen.push_back(seen.back() + 1.0 / 30);
  }
  const auto count = count_blinks(seen, 1000);
  if (!count) {
    ADD_FAILURE() << count.error();
    return std::unexpected(CalibrationRefusal{CalibrationRefusal::Cause::no_readings, ""});
  }
  const double shown = count->wh * 3600 / (count->end_s - count->begin_s);
  const std::array read = {CalibrationLoad{
      .raw = bench.read(60),
      .windows = 60,
      .watts = ReferenceValue{shown, count->percent, 2 * shown * count->limit_wh / count->wh}}};
  input.loads = read;
  return calibrate(input);
}

// A clamp meter of 2 % and a voltmeter of 1 %, one heater.
std::expected<Calibration, CalibrationRefusal> with_clamp_meter(Bench& bench,
                                                                const BenchBoard& board,
                                                                Chance& chance) {
  const TrueReference meter{.volt_percent = 1,
                            .ampere_percent = 2,
                            .volt_off = chance.limit(1),
                            .ampere_off = chance.limit(2),
                            .volt_digit = 0.1,
                            .ampere_digit = 0.01};
  auto input = begin(bench, board);
  const double amperes = chance.between(0.15, 0.5) * board.rated_a, angle = chance.limit(0.05);
  bench.apply(amperes, angle);
  const std::array read = {CalibrationLoad{.raw = bench.read(30),
                                           .windows = 30,
                                           .volts = meter.volts(bench_volts),
                                           .amperes = meter.amperes(amperes)}};
  input.loads = read;
  return calibrate(input);
}

// Of all boards at one load and power factor.
struct Cell {
  std::vector<double> errors, widths;  // Percent.
  int contained = 0;

  static double share(std::vector<double> values, double part) {
    const auto at =
        values.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
  }
};

struct Table {
  std::array<std::array<Cell, loads.size()>, angles.size()> cells;

  double greatest(std::size_t angle, double part) const {
    double worst = 0;
    for (const auto& cell : cells[angle]) worst = std::max(worst, Cell::share(cell.errors, part));
    return worst;
  }
  double coverage() const {
    double contained = 0, all = 0;
    for (const auto& row : cells) {
      for (const auto& cell : row) {
        contained += cell.contained;
        all += static_cast<double>(cell.errors.size());
      }
    }
    return contained / all;
  }
};

template <class Method>
Table evaluate(const char* name, Method method) {
  constexpr std::uint64_t seed = 20261130;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Chance chance{std::mt19937_64(seed)};
  Table table;
  for (int i = 0; i < boards; ++i) {
    const auto board = draw_board(chance);
    Bench bench(board);
    const auto calibration = method(bench, board, chance);
    if (!calibration) {
      ADD_FAILURE() << name << ", board " << i << ": " << calibration.error().sentence;
      continue;
    }
    EXPECT_TRUE(bench.set(calibration->words));
    for (std::size_t a = 0; a < angles.size(); ++a) {
      for (std::size_t l = 0; l < loads.size(); ++l) {
        const double amperes = loads[l] * board.rated_a;
        const double factor = std::cos(angles[a] * pi / 180);
        bench.apply(amperes, angles[a]);
        const double watts = bench_volts * amperes * factor;
        const double error = 100 * (bench.watts(20) / watts - 1) + chance.limit(chip_linearity);
        const double stated =
            plus_minus_percent(calibration->accuracy, bench_volts, amperes, factor);
        auto& cell = table.cells[a][l];
        cell.errors.push_back(std::abs(error));
        cell.widths.push_back(stated);
        if (std::abs(error) <= stated) ++cell.contained;
      }
    }
  }
  fmt::print("{}, {} boards: % of W, median and 95th of 100 errors, median +-, contained in %\n",
             name, boards);
  for (std::size_t a = 0; a < angles.size(); ++a) {
    for (std::size_t l = 0; l < loads.size(); ++l) {
      const auto& cell = table.cells[a][l];
      fmt::print("  {:3.0f} degrees {:3.0f} %: {:.3f} {:.3f} {:.3f} {:.1f}\n", angles[a],
                 100 * loads[l], Cell::share(cell.errors, 0.5), Cell::share(cell.errors, 0.95),
                 Cell::share(cell.widths, 0.5),
                 100.0 * cell.contained / static_cast<double>(cell.errors.size()));
    }
  }
  fmt::print("  greatest error: PF 1 {:.3f}, PF 0.5 {:.3f}; contained {:.1f} %\n",
             table.greatest(0, 1), std::max(table.greatest(1, 1), table.greatest(2, 1)),
             100 * table.coverage());
  return table;
}

TEST(Boards, WithAReferenceThatIsRightEveryBoardIsWithinAFifthOfAPercent) {
  const auto table = evaluate("ideal reference", with_ideal);

  EXPECT_LE(table.greatest(0, 1), 0.2);
  EXPECT_LE(table.greatest(1, 1), 0.5);
  EXPECT_LE(table.greatest(2, 1), 0.5);
  EXPECT_GE(table.coverage(), 0.95);
}

TEST(Boards, TheStatedPlusMinusHoldsWithAWattmeter) {
  EXPECT_GE(evaluate("wattmeter, 0.2 %", with_wattmeter).coverage(), 0.95);
}

TEST(Boards, TheStatedPlusMinusHoldsWithTheUtilitysMeter) {
  EXPECT_GE(evaluate("utility's meter, class 1", with_meter_light).coverage(), 0.95);
}

TEST(Boards, TheStatedPlusMinusHoldsWithAClampMeter) {
  EXPECT_GE(evaluate("clamp meter, 2 %", with_clamp_meter).coverage(), 0.95);
}

}  // namespace
}  // namespace insight
