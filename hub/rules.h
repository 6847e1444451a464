// What people want to be told of, and when: rules.toml in the home's folder. docs/rules_format.md
// is its page.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/finding_book.h"
#include "measurement/units.h"

namespace hub {

using MinuteOfDay = std::chrono::minutes;  // Of the home's clocks, 0 to 1439.

std::string text_of_minute(MinuteOfDay);  // "07:05"
std::optional<MinuteOfDay> minute_in(std::string_view);

// When a notice goes out.
enum class Sending : std::uint8_t {
  digest,   // With others, once a week.
  today,    // At once, but not in quiet hours.
  at_once,  // At any hour.
};
inline constexpr std::array<std::string_view, 3> sending_words = {"digest", "today", "at_once"};

// Numbers stand in the order of rule_kinds.
enum class RuleKind : std::uint8_t { above, below, left_on, finished, not_run, energy, demand };

struct RuleKindRow {
  RuleKind id;
  std::string_view word;
  bool has_power = false;   // power_w.
  bool has_length = false;  // for_min.
  bool has_time = false;    // by.
  bool has_energy = false;  // energy_kwh.
};
inline constexpr std::array rule_kinds = {
    RuleKindRow{RuleKind::above, "above", true, true},
    RuleKindRow{RuleKind::below, "below", true, true},
    RuleKindRow{RuleKind::left_on, "left_on", false, true},
    RuleKindRow{RuleKind::finished, "finished"},
    RuleKindRow{RuleKind::not_run, "not_run", false, false, true},
    RuleKindRow{RuleKind::energy, "energy", false, false, false, true},
    RuleKindRow{RuleKind::demand, "demand", true},
};
constexpr const RuleKindRow& row(RuleKind kind) {
  return rule_kinds[static_cast<std::size_t>(kind)];
}

// Of a kind that does not have it, a value stays what it is here.
struct Rule {
  std::string name;  // Unique, any text.
  RuleKind kind = RuleKind::above;
  Asset asset;  // An appliance or a circuit.
  double power_w = 0;
  std::chrono::minutes length{0};  // 1 minute to 7 days.
  MinuteOfDay by{0};
  double energy_kwh = 0;
  Sending sending = Sending::today;

  friend bool operator==(const Rule&, const Rule&) = default;
};

// When people are told.
struct NoticeTimes {
  MinuteOfDay quiet_begin = std::chrono::hours(22),
              quiet_end = std::chrono::hours(7);  // Same: none.
  std::chrono::weekday digest_day = std::chrono::Monday;
  MinuteOfDay digest_at = std::chrono::hours(8);

  friend bool operator==(const NoticeTimes&, const NoticeTimes&) = default;
};

struct Rules {
  static constexpr std::size_t most = 100;
  NoticeTimes times;
  std::vector<Rule> rules;

  friend bool operator==(const Rules&, const Rules&) = default;
};

inline constexpr std::array<std::string_view, 7> weekday_words = {
    "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};

// What is wrong with a rule by itself, without a full stop; empty: nothing.
std::string fault_of(const Rule&);

// A file that does not exist means no rules. Throws std::runtime_error with one sentence that names
// the file, the line where there is one, and the remedy.
Rules load_rules(const std::filesystem::path&);
void save_rules(const Rules&, const std::filesystem::path&);

// What an asset shows at one instant.
struct AssetNow {
  std::optional<measurement::Watts> power;  // Absent: not measured now.
  // Of appliances; of circuits absent: then it is on from on_from.
  std::optional<bool> is_on, has_run_today, is_done;
  std::optional<measurement::MilliwattHours> today;  // Absent: not known.
};

// Follows one rule.
class RuleWatch {
 public:
  static constexpr measurement::Watts on_from{10};
  static constexpr std::chrono::minutes longest_gap{5};    // Without a reading all begins anew.
  static constexpr std::chrono::minutes demand_over{15};   // The mean slides.
  static constexpr std::chrono::minutes off_when_done{2};  // For so long, where no course is known.
  static constexpr std::chrono::minutes least_run{1};

  // `memory` is what another left; one that is not understood is as none.
  explicit RuleWatch(Rule rule, std::string_view memory = {});

  const Rule& rule() const { return rule_; }
  // True once, when it comes true.
  bool step(measurement::Timestamp now, const AssetNow&, std::chrono::minutes utc_offset);
  bool is_true() const { return state_.is_true; }
  std::string memory() const;

 private:
  struct State {
    measurement::Timestamp since{};  // The condition holds; 0: it does not.
    measurement::Timestamp heard{};  // Power was known last.
    std::int64_t day = 0;            // Local, of what follows.
    bool has_run = false, is_day_whole = false;
    bool is_true = false;
  };
  bool holds(measurement::Timestamp now, const AssetNow&, std::chrono::minutes utc_offset);
  bool has_held(bool is_so, measurement::Timestamp now, std::chrono::milliseconds length);
  bool has_finished(measurement::Timestamp now, const AssetNow&, bool is_on);
  bool is_demand_above(measurement::Timestamp now, measurement::Watts);

  Rule rule_;
  State state_;
  measurement::Timestamp on_since_{}, off_since_{};  // 0: not.
  bool was_on_ = false;
  struct Minute {
    std::int64_t minute = 0;
    double sum_w = 0, count = 0;
  };
  std::deque<Minute> minutes_;  // Of demand.
};

// "The circuit Garage has drawn more than 500 W for 30 min."
std::string sentence(const Rule&, const std::string& asset_name);

}  // namespace hub
