// Where all that people should hear of comes together: findings of the book, rules that came true,
// and what fails of the hub itself; and where it goes: the queue of notices.
//
//   watches ──> FindingBook ──┐
//   live feed, analyst ──> rules ──> step() ──> NoticeQueue ──> MQTT, e-mail, webhook
//   hub ──> trouble(), well() ┘

#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/analyst.h"
#include "hub/finding_book.h"
#include "hub/finding_words.h"
#include "hub/home.h"
#include "hub/ledger.h"
#include "hub/live_feed.h"
#include "hub/notices.h"
#include "hub/rules.h"

namespace hub {

// Files, home and feed outlive it. One thread; time is an argument.
class HealthDesk {
 public:
  struct Surroundings {
    std::function<Analyst*()> analyst;  // Gives null where appliances are not looked for.
    std::function<Ledger*()> ledger;    // Gives null where energy is not followed.
    std::function<std::chrono::minutes(measurement::Timestamp)> utc_offset;  // Of the home's zone.
  };

  static constexpr std::chrono::minutes silent_after{5};     // A meter.
  static constexpr std::chrono::minutes stubborn_after{10};  // An integration that fails.
  static constexpr std::chrono::seconds live_for{90};        // A power, since it was measured.
  static constexpr std::chrono::hours finding_again_after{24}, trouble_again_after{6};
  static constexpr std::chrono::minutes rule_again_after{10};

  // Throws std::runtime_error with one sentence where the book does not open. A file of rules that
  // is wrong is not followed, and said in rules_trouble().
  HealthDesk(Files&, const std::string& book, std::filesystem::path rules, const Home&, LiveFeed&,
             Surroundings);

  FindingBook& book() { return book_; }
  NoticeQueue& notices() { return notices_; }

  // Some times a second. The error is of the book's disk; it is tried again.
  std::expected<void, StoreError> step(measurement::Timestamp now);

  std::string name_of(const Asset&, measurement::Timestamp now);
  FindingText text_of(const BookedFinding&, measurement::Timestamp now);

  // What people do. The error is one sentence for them.
  using Done = std::expected<void, std::string>;
  Done answer(FindingNumber, Feedback, const std::string& who, measurement::Timestamp now);
  Done set(const Rules&, measurement::Timestamp now);
  // Sends what the rule would say, to all channels; without a name just that they work.
  Done test(std::string_view rule, measurement::Timestamp now);

  const Rules& rules() const { return rules_; }
  const std::string& rules_trouble() const { return rules_trouble_; }  // Empty: none.
  bool is_true(const Rule&) const;

  // What fails of the hub itself, by a name of ours: "backup", "integration mqtt", "store".
  // Said where it lasts, until it is well again.
  void trouble(const std::string& what, const std::string& sentence, measurement::Timestamp now);
  void well(const std::string& what) { troubles_.erase(what); }
  struct Trouble {
    std::string sentence;
    measurement::Timestamp since{};
    bool is_told = false;
  };
  const std::map<std::string, Trouble, std::less<>>& troubles() const { return troubles_; }

 private:
  struct Heard {
    measurement::Timestamp time{};  // Never later than it came.
    measurement::Sample sample;
  };

  const Panel& panel() const { return panel_at(home_, now_); }
  void begin_watches();
  void look_at_appliances();
  void look_for_silence();
  void step_rules();
  AssetNow asset_now(const Asset&, bool with_energy);
  AssetNow circuit_now(const Circuit&, bool with_energy);
  void tell_findings(FindingBook::Writing&);
  void tell_troubles();
  std::expected<void, StoreError> keep();

  FindingBook book_;
  const std::filesystem::path rules_file_;
  const Home& home_;
  Surroundings around_;
  Rules rules_;
  std::string rules_trouble_;
  NoticeQueue notices_;
  std::vector<RuleWatch> watches_;
  std::map<std::string, Trouble, std::less<>> troubles_;
  std::map<std::string, Heard, std::less<>> heard_;  // By device.
  measurement::Timestamp now_{}, begun_{}, stepped_at_{}, appliances_at_{};
  std::vector<ApplianceState> appliances_;
  struct Today {
    measurement::Timestamp at{};
    measurement::MilliwattHours energy;
  };
  std::map<std::string, Today, std::less<>> today_;  // By circuit.
  std::optional<std::uint64_t> told_revision_;       // Of the book.
  std::uint64_t kept_notices_ = 0;
  std::string kept_rules_;
  LiveFeed::Subscription subscription_;
};

// As a notice of the book's finding is called: the same of one asset is not told again soon.
std::string about(const Asset&, insight::Change);

}  // namespace hub
