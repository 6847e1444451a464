// Whether the level of a few features has shifted for good, in a direction that a known cause would
// shift it, and by more than chance and the temperature of the place explain. A row is a day, or a
// run of a machine; features are logarithms, so that a shift is a share.
//
// Each pattern is a matched filter: of the mean of the last rows less the mean of those before,
// delta, with covariance S,
//
//   score = d' S^-1 delta / sqrt(d' S^-1 d)
//
// is how many standard deviations it lies in the pattern's direction d (S. Kay, Fundamentals of
// Statistical Signal Processing II, 1998, 4.3). S holds the asset's own noise, and what an unknown
// temperature may have moved: a direction that temperature explains scores nothing. Scores are then
// scaled by those of the asset's own past, as that is what chance does to this one.

#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "insight/health/finding.h"

namespace insight {

inline constexpr std::size_t shift_features = 6;  // At most.

// A feature that a kind does not have, or a row does not show, is NaN.
using ShiftValues = std::array<float, shift_features>;

struct ShiftRow {
  measurement::Timestamp time{};
  ShiftValues values{};
  float temperature_c = detail::not_measured;  // Of the place; NaN: not known.
};

// What a cause does, per unit of its size: at size 0.2, 0.2 times `direction`.
struct ShiftPattern {
  Cause cause{};
  Change change{};
  ShiftValues direction{};
  float prior = 1;       // How common it is, beside the others.
  float spread = 0.25F;  // Standard deviation of each component of the direction, as a share of it.
  bool is_fault = true;  // Else it is only a suspect, and never found.
  float least_size = 0.06F;  // To be found.
  float caution = 1;         // Times the limit: where chance likes this direction.
  std::size_t fewest_rows = 3;
};

struct ShiftRules {
  std::size_t count = 0;     // Of features.
  ShiftValues noise{};       // Standard deviation of a row, before any was seen.
  ShiftValues floor{};       // The same of a mean of many rows: habits, slow drift.
  ShiftValues per_kelvin{};  // What the temperature of the place does.
  ShiftValues per_kelvin_spread{};
  // What more to do does, per unit of it. People and drift change that by `load_floor`, and a
  // kelvin by more or less than `per_kelvin` says, in all features at once.
  ShiftValues load{};
  float load_floor = 0, load_per_kelvin_spread = 0;
  float unknown_kelvin = 3;  // Standard deviation of a change of temperature that nobody measured.
  std::vector<ShiftPattern> patterns;
};

// What shifted.
struct Shift {
  measurement::Timestamp since{}, found{};
  float score = 0;
  Change change{};
  ShiftValues before{}, now{};  // Means, logarithms.
  ShiftValues spread{};         // Of a row, before.
  std::vector<Suspect> suspects;
};

class ShiftChart {
 public:
  static constexpr std::size_t most_rows = 400;
  // From then on large shifts are found, from four weeks on those that ship.
  static constexpr std::size_t rows_to_learn = 10;

  // To be found takes a score of `caution` times the one that ships.
  explicit ShiftChart(ShiftRules rules, float caution = 1)
      : rules_(std::move(rules)), limit_factor_(caution) {}

  // In the order of time.
  void add(const ShiftRow&);

  const std::optional<Shift>& shift() const { return shift_; }
  std::size_t rows_missing() const;  // Until it has learnt; 0: it has.

  // Its place is warmer or colder than any that was learnt: nothing new is found.
  bool is_unusual() const { return is_unusual_; }

  // It is so, and shall be taken for usual: what was before is not compared with any more.
  void learn_anew();
  // What shifted is over, and what was before it holds.
  void forget_shift();
  // It had not shifted: it takes a greater score to say it again.
  void shift_was_wrong();

  void put_memory(std::string& bytes) const;
  [[nodiscard]] bool take_memory(std::string_view& bytes);

 private:
  struct Level {  // Of the scores of one window in the past.
    float weight = 0, squares = 0;
  };
  struct Window {
    std::size_t rows;
    bool against_first;  // Compared with the first rows that were learnt, for slow changes.
  };
  static constexpr std::array<Window, 10> windows{{{3, false},
                                                   {4, false},
                                                   {5, false},
                                                   {7, false},
                                                   {10, false},
                                                   {14, false},
                                                   {21, false},
                                                   {28, false},
                                                   {42, false},
                                                   {28, true}}};
  struct Comparison;
  struct Candidate;
  struct Range {
    std::size_t begin, end;
  };

  Comparison compare(Range before, Range now, bool is_long_ago) const;
  void learn_noise();
  bool is_outside_learned() const;
  void look_for_shift();
  // Of the patterns, what a window shows; its scores count for the past of `level`.
  std::optional<Candidate> strongest(const Comparison&, std::size_t rows, Level& level) const;
  float probability_of_fault(const Shift&) const;
  void follow_shift();
  void describe(const Comparison&, Shift&) const;
  void drop_oldest();

  ShiftRules rules_;
  std::vector<ShiftRow> rows_;
  std::size_t begins_ = 0;  // Rows before it are not compared with.
  std::array<std::array<double, shift_features>, shift_features> noise_{};
  ShiftValues per_kelvin_{}, per_kelvin_spread_{};
  float load_per_kelvin_spread_ = 0;
  std::array<Level, windows.size()> levels_{};
  float limit_factor_ = 1;
  bool is_unusual_ = false;
  std::optional<Shift> shift_;
  std::size_t shift_row_ = 0, pattern_ = 0;
  float size_ = 0;     // When it was found.
  int rows_back_ = 0;  // How many, in succession, that were as before.
};

}  // namespace insight
