// What the analyst holds of each channel, and what it studies; of its own files only.

#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "hub/analyst.h"

namespace hub {

inline constexpr std::chrono::minutes piece{5};          // Of samples, in one step.
inline constexpr std::chrono::seconds longest_hold{60};  // Of a reading, when energy is added up.
// Of today and of a study's window, in one answer.
inline constexpr std::size_t most_runs = 20'000;

inline constexpr std::size_t acts_looked_at = 100;

// Since 1970, of the home's calendar.
inline std::int64_t day_of(measurement::Timestamp time, std::chrono::minutes utc_offset) {
  return std::chrono::floor<std::chrono::days>(time + utc_offset).time_since_epoch().count();
}

inline double seconds_of(const insight::Run& run) {
  return std::chrono::duration<double>(run.end - run.begin).count();
}

// What is never dropped silently.
inline bool is_told_by_people(const insight::KnownAppliance& known) {
  return !known.name.empty() || known.certainty == insight::Certainty::measured ||
         known.certainty == insight::Certainty::confirmed;
}

struct Analyst::Eye {
  OwnLoad load;
  std::unique_ptr<insight::ChannelIdentifier> identifier;
  std::vector<insight::Reading> under{load.less.size()};  // The latest of those to subtract.
  insight::Reading latest;                                // Of its own load.
  measurement::Timestamp first{};  // That it saw; the epoch: nothing yet.

  // False: the sample is of another meter.
  bool see(const std::string& device, measurement::Timestamp, const measurement::Sample&);
};

struct Analyst::Channel {
  BookedChannel booked;
  Eye eye;
  std::map<insight::ApplianceId, ApplianceNumber> numbers{};
  std::map<std::uint64_t, BookedRun> unsaved{};  // By run id.
  std::map<std::uint64_t, BookedRun> open{};     // Of those that go on, by run id.

  // Runs that went on when the identifier before this one ended, until its successor tells whether
  // they still do.
  static constexpr std::chrono::minutes longest_cut{2};  // What begins later is another run.
  std::vector<BookedRun> cut_off{};
  measurement::Timestamp cut_off_at{};
  std::vector<BookedRun> carried_on{};  // Those that do; what the book has of them goes.
  // What such a run was before, by its id now.
  struct Before {
    measurement::Timestamp begin;
    measurement::MilliwattHours energy;
  };
  std::map<std::uint64_t, Before> before{};

  // What runs, since when and with how much energy so far.
  struct Running {
    measurement::Timestamp since;
    double mwh = 0;
    float watts = 0;  // At the latest reading.
  };
  std::map<insight::ApplianceId, Running> running{};
  measurement::Timestamp added_until{};

  std::map<insight::ApplianceId, insight::CycleWatch> courses{};
  std::map<insight::ApplianceId, std::vector<double>> run_lengths_s{};  // The latest.

  // Least unexplained power by hour of the last day.
  struct Least {
    std::int64_t hour = 0;
    float watts = 0;
  };
  std::array<Least, 24> least{};

  // A run that begins where one of the same appliance was cut off is that one.
  void carry_on(insight::Run&, ApplianceNumber);
  // From now on another identifier looks: what ran was cut off.
  void cut_off_what_runs(measurement::Timestamp);
  void saved();  // All of it is on the disk.

  std::size_t said_by_plugs = 0;  // Runs, since it was learnt again.

  // Of the latest reading: what runs, its energy and courses, and what never went away.
  void add_up();
  measurement::Watts always_on(measurement::Timestamp now, float unexplained) const;
};

struct Analyst::Study {
  measurement::Timestamp begin, until;
  std::vector<std::unique_ptr<Eye>> eyes;  // As the channels; null: not studied, or taken over.
  std::vector<std::map<std::uint64_t, insight::Run>> runs;  // Of each, by id.
};

}  // namespace hub
