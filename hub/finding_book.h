// What is kept of the condition of a home's equipment: findings with their evidence, when they were
// told and what people said of them, how each asset stands, and what the watches learnt.
// docs/health_format.md is the page of its tables.
//
// An asset has at most one open finding for each change. What people answered is not opened again
// by the same change: only by one that began later.

#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/store/database.h"
#include "hub/store/store.h"
#include "insight/health/finding.h"

namespace hub {

// What a finding is about.
struct Asset {
  enum class Kind : std::uint8_t { appliance, circuit, meter, supply };
  Kind kind = Kind::supply;
  std::string id;  // Number of an appliance, id of a circuit, name of a meter; of the supply empty.

  friend auto operator<=>(const Asset&, const Asset&) = default;
};

// "appliance 3", "circuit kitchen", "meter main", "supply".
std::string text_of(const Asset&);
std::optional<Asset> asset_in(std::string_view);

// What people say of a finding.
enum class Feedback : std::uint8_t {
  none,
  fixed,     // It was so, and is repaired.
  expected,  // It is so, and all right.
  wrong,     // It was never so.
};
std::string_view word(Feedback);
std::optional<Feedback> feedback_in(std::string_view);  // None but those that people say.

using FindingNumber = std::int64_t;  // Of a home, from 1.

struct BookedFinding {
  FindingNumber number = 0;
  Asset asset;
  insight::Finding finding;
  std::optional<measurement::Timestamp> ended;  // Answered, or seen no more. Absent: it is open.
  std::optional<measurement::Timestamp> told;   // First time.
  Feedback feedback = Feedback::none;
  std::optional<measurement::Timestamp> answered;
  std::string who;  // Answered; empty: the owner, who has no name yet.
};

// How an asset stands, besides its findings.
struct Condition {
  enum class Watch : std::uint8_t {
    learning,  // What is usual.
    watched,
    outside,      // Of what was learnt, as the weather or a holiday makes it: no alarm meanwhile.
    not_visible,  // What is measured here cannot show it.
  };
  Asset asset;
  Watch watch = Watch::learning;
  measurement::Timestamp since{};         // It stands so.
  std::string note;                       // A short sentence: "Neutral not watched: one leg only."
  std::vector<insight::Evidence> trends;  // The most telling first.
};
std::string_view word(Condition::Watch);

// Files outlive it. One thread.
class FindingBook {
 public:
  static constexpr std::size_t most_open = 200, most_ended = 1000, most_assets = 500;
  static constexpr std::size_t most_evidence = 8, most_suspects = 8, most_points = 400;
  static constexpr std::size_t most_memories = 2000, longest_memory = 1 << 20;  // Bytes.

  // Opens or creates the file. Throws std::runtime_error with one sentence.
  FindingBook(Files&, const std::string& file);

  // Who watches an asset may not know what others find of it.
  enum class Scope : std::uint8_t { equipment, wiring };

  // All or nothing; after an error nothing of it is kept.
  class Writing {
   public:
    explicit Writing(FindingBook&);
    ~Writing();  // Without finish() all is undone.
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

    // The open one of the same change is brought up to date, keeping when it was found first. No
    // number: people have answered it, or too many are open. Evidence beyond the limits is left
    // out.
    std::optional<FindingNumber> put(const Asset&, const insight::Finding&);
    // It is not so any more; where none is open, nothing happens.
    void end(const Asset&, insight::Change, measurement::Timestamp);
    // All findings of the scope that an asset has now: others of it end.
    void put_all(const Asset&, Scope, const std::vector<insight::Finding>&, measurement::Timestamp);
    // It is known as another asset now: what was found of its equipment is that one's.
    void rename(const Asset& from, const Asset& to);
    void told(FindingNumber, measurement::Timestamp);
    // Ends it. False: there is none of that number.
    bool answer(FindingNumber, Feedback, const std::string& who, measurement::Timestamp);
    void put(const Condition&);
    void forget_condition(const Asset&);
    // Empty: is forgotten. One that is longer than longest_memory is an error.
    void remember(std::string_view key, std::string_view memory);
    std::expected<void, StoreError> finish();

   private:
    void must(bool is_done) { is_good_ = is_good_ && is_done; }
    FindingBook& book_;
    bool is_good_, is_open_ = true;
  };

  // The newest first.
  std::vector<BookedFinding> open_findings();
  std::vector<BookedFinding> ended_findings(std::size_t most);
  std::optional<BookedFinding> finding(FindingNumber);
  // What people said of an asset, the newest first: what its watch may learn from.
  std::vector<BookedFinding> answered(const Asset&);
  std::vector<Condition> conditions();       // By asset.
  std::string memory(std::string_view key);  // Empty: there is none.
  // Rises with each finish() that changed something.
  std::uint64_t revision() const { return revision_; }

 private:
  std::vector<BookedFinding> read(Statement&);
  std::vector<insight::Evidence> evidence_of(FindingNumber);

  Database database_;
  Statement evidence_, memory_;
  std::uint64_t revision_ = 0;
};

}  // namespace hub
