// Holds branches against the mains: one load that is switched, or the sum of all over days. What
// either finds is set only when somebody asks for it.

#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/history.h"
#include "hub/home.h"
#include "hub/store/store.h"
#include "hub/words_course.h"
#include "insight/calibration/branch_sum.h"
#include "insight/calibration/switched_load.h"

namespace hub {

class BranchDesk {
 public:
  static constexpr std::chrono::minutes longest_switching{30};
  static constexpr std::chrono::days longest_sum{7};
  static constexpr std::size_t least_minutes = 1440;

  // Store and home outlive it. The book is calibrations.toml of the home.
  BranchDesk(Store& store, const Home& home, std::filesystem::path book)
      : store_(store), home_(home), book_(std::move(book)) {}

  // A load of one circuit that somebody switches on and off.
  struct Switching {
    std::string circuit;
    std::vector<ChannelUse> clamps, mains_clamps;
    measurement::Timestamp begin{}, end{};  // Samples after the end are not looked at.
    std::vector<insight::PowerStep> steps;
    // What may be set by it. Refused: too few steps, steps that disagree, or a ± that would not be
    // less than before.
    std::expected<insight::BranchGain, std::string> gain;
    insight::TakenGain taken;                      // Where there is a gain.
    double before_percent = 0, after_percent = 0;  // ± of its power with the load.
    std::string wrong_legs;                        // Empty: they are as the panel has them.
    bool is_set = false;
  };
  std::expected<void, std::string> begin_switching(const std::string& circuit,
                                                   measurement::Timestamp now);
  // As the newest samples have it; null: nothing is being switched, or the panel has other clamps
  // than when that began. Throws std::runtime_error with one sentence.
  const Switching* switching(measurement::Timestamp now);

  // What the sum of all branches says of one.
  struct Branch {
    std::string circuit;
    std::vector<ChannelUse> clamps;
    double mean_w = 0;
    insight::TakenGain taken;
    double before_percent = 0, after_percent = 0;  // ± of its power at that current.

    bool is_better() const { return after_percent < before_percent; }
  };
  struct Sum {
    measurement::Timestamp begin{}, end{};
    std::size_t minutes = 0;
    std::vector<Branch> branches;
    double unmeasured_w = 0, always_w = 0, plus_minus_w = 0;  // The last of both.
    double mains_percent = 0;                                 // ± of the mains themselves.
    bool is_set = false;
  };
  // A look at the newest days since one of the clamps was set, by the panel of when it begins. The
  // desk outlives it.
  class SumLook {
   public:
    SumLook(BranchDesk&, measurement::Timestamp now);

    // A piece of it, of some milliseconds. Nothing: it is to be called again. Then the desk has the
    // sum, or there is none, for the reason given.
    std::optional<std::expected<void, std::string>> step();

   private:
    std::expected<void, std::string> begin();
    std::expected<void, std::string> read_branch(const Circuit&);
    std::expected<std::vector<double>, std::string> minutes_of(const Circuit&) const;
    void finish(const insight::BranchSum&);

    BranchDesk* desk_;
    const measurement::Timestamp now_;
    std::vector<CalibrationRecord> book_;
    Circuit mains_;
    std::vector<Circuit> left_;  // Branches that are to be read, the last first.
    Steps steps_;
    std::vector<double> of_mains_, priors_;
    std::vector<std::vector<double>> of_branches_;
    double mains_w_ = 0, mains_minutes_ = 0;
    Sum sum_;
    std::optional<insight::BranchFitting> fitting_;
  };
  // All of it at once.
  std::expected<void, std::string> look_at_sum(measurement::Timestamp now);
  const Sum* sum() const { return sum_ ? &*sum_ : nullptr; }

  // What sets the clamps so: of the circuit that is switched, or of those of the sum that are
  // named and get better by it.
  std::expected<std::vector<WordsChange>, std::string> switching_changes(
      measurement::Timestamp now);
  std::expected<std::vector<WordsChange>, std::string> sum_changes(
      const std::vector<std::string>& circuits) const;
  void was_set_by_switching();
  void was_set_by_sum();

  void end() {
    switching_.reset();
    sum_.reset();
  }
  const std::filesystem::path& book() const { return book_; }

 private:
  void look(Switching&, const Circuit& mains, const Circuit& branch, measurement::Timestamp now);

  Store& store_;
  const Home& home_;
  const std::filesystem::path book_;
  std::optional<Switching> switching_;
  std::optional<Sum> sum_;
};

// The first grid connection with clamps; null: there is none.
const Circuit* metered_mains(const Panel&);
// Those with clamps that the mains see, and not through another one with clamps.
std::vector<const Circuit*> branches_of(const Panel&);

}  // namespace hub
