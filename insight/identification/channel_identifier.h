// Says of one channel, reading by reading, which appliances draw and how sure that is.
//
//   Reading -> ChannelIdentifier -> shares (now), runs (from switching on to off), a question
//
// What it has learnt of the home is a value that is given and taken back.

#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/identification/model.h"
#include "insight/reading.h"

namespace insight {

enum class Certainty : std::uint8_t {
  measured,   // It has a clamp or a smart plug of its own, and somebody said what it is.
  confirmed,  // Somebody said so.
  likely,     // Of names shown with this word, at least 95 % are expected to be right.
  unknown,    // It is only described.
};

// What is known of a channel before it is looked at.
struct ChannelFacts {
  bool is_mains = false;
  measurement::Volts nominal_voltage{230};
  double rating_a = 0;  // Of the breaker; 0: not known.
  int poles = 1;
  std::string words;  // The circuit's name and room as people wrote them.
  std::optional<std::chrono::minutes> utc_offset;  // Absent: the time of day is not known.
};

// Within a channel, from 1. It stays.
using ApplianceId = std::uint32_t;
inline constexpr ApplianceId unexplained = 0;  // What no appliance explains.

struct KnownAppliance {
  ApplianceId id = unexplained;
  std::optional<ApplianceKind> kind;  // The best guess; shown unless the certainty is unknown.
  float probability = 0;              // That the kind is right, calibrated.
  Certainty certainty = Certainty::unknown;
  std::string name;         // As somebody called it; empty: nobody did.
  std::string description;  // "about 1.8 kW heater, 9 times this week"

  friend bool operator==(const KnownAppliance&, const KnownAppliance&) = default;
};

struct Share {
  ApplianceId appliance = unexplained;
  measurement::Watts active_power{};

  friend bool operator==(const Share&, const Share&) = default;
};

// From switching on to switching off.
struct Run {
  std::uint64_t id = 0;  // Within the channel, rising.
  ApplianceId appliance = unexplained;
  measurement::Timestamp begin{}, end = measurement::Timestamp::max();  // max: it still runs.
  measurement::MilliwattHours energy{};
  measurement::Watts peak{};

  friend bool operator==(const Run&, const Run&) = default;
};

struct Question {
  ApplianceId appliance = unexplained;
  Run example;                         // Its latest run.
  std::vector<ApplianceKind> guesses;  // The likeliest first, at most 3.
  measurement::MilliwattHours weekly;  // Energy that the answer names.
};

struct Answer {
  ApplianceId appliance = unexplained;
  std::optional<ApplianceKind> kind;  // Absent: only the name is given.
  std::string name;                   // Empty: the kind's own.
};

class ChannelIdentifier {
 public:
  // `memory`: what memory() gave earlier; empty: nothing is known yet. Throws std::runtime_error
  // with one sentence where the model or the memory is not for this program.
  ChannelIdentifier(std::shared_ptr<const Model>, ChannelFacts, std::string_view memory = {});
  ~ChannelIdentifier();

  // In the order of time; a reading that is not later than the last is left out. Power that is NaN
  // is a gap: what ran before it ended there.
  void take(const Reading&);

  // Of the latest reading. Together they are its active power to 0.1 W; empty: it was a gap. What
  // no run explains is of the appliance that there is alone, from 2 W and a twentieth of what it
  // draws when it runs.
  std::span<const Share> shares() const;

  // All that were ever found, also those that do not run.
  std::span<const KnownAppliance> appliances() const;

  // Runs that began, ended or were judged otherwise since the last call, by id.
  std::vector<Run> take_runs();

  // The one that is worth most energy; absent: nothing is worth asking.
  std::optional<Question> question() const;

  // What people say. It takes effect at once, and on earlier runs of the appliance too. The first
  // answer is of those that draw like the latest; the others become an appliance of their own.
  // Unknown appliances and runs are left as they are.
  void answer(const Answer&);
  // They are one appliance, which has the answer of the other where it had none.
  void merge(ApplianceId from, ApplianceId into);
  void split(std::uint64_t run);  // It was another appliance.
  // It was, or is, that appliance's; `unexplained`: of one that was not seen before. Gives the
  // appliance that has it now; `unexplained`: the run or the appliance is not known.
  ApplianceId assign(std::uint64_t run, ApplianceId);

  // Of the runs that people spoke of, how many are recognised by what was learnt so far, and how
  // many by what is learnt from such runs alone, each left out of the learning in turn. Where that
  // is not worse it is what counts from now on, and nothing else is learnt of these appliances but
  // what people say. Absent: too little was said.
  struct Refit {
    std::size_t runs = 0, right_before = 0, right_after = 0;
    bool is_taken = false;
  };
  std::optional<Refit> refit();

  // Bytes, some kB; docs/model_format.md.
  std::string memory() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace insight
