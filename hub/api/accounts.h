// Who may look: the owner, who sees all homes, and residents, who see their own; the sessions that
// are open, and the one-time links that somebody at the hub's own terminal makes to let them in.
// Which programs may write. And what was done that somebody may ask about later.

#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/store/database.h"
#include "measurement/units.h"

namespace hub {

// Argon2id. The defaults are the least that OWASP's Password Storage Cheat Sheet recommends (19
// MiB, two passes): about 30 ms on a small machine, since nothing may hold up the hub for longer.
struct HashCost {
  std::uint64_t passes = 2;
  std::size_t memory_bytes = 19 * 1024 * 1024;
};

// How long the next try has to wait: nothing after two wrong ones, then 1, 2, 4, ... at most 30 s.
// A wait that runs is not made longer by trying again, and 15 quiet minutes forget everything.
//
// A name and an address wait each for its own wrong tries; a name nobody has waits like any other.
// An address from which the owner came in before waits only for its own, so that a stranger
// elsewhere cannot keep the owner out.
class Tries {
 public:
  std::chrono::milliseconds wait(std::string_view name, std::string_view address,
                                 measurement::Timestamp now) const;
  void failed(std::string_view name, std::string_view address, measurement::Timestamp now);
  void succeeded(std::string_view name, std::string_view address);

 private:
  static constexpr std::size_t most_kept = 1000;  // Of names and of addresses; the oldest goes.

  struct Failures {
    int count = 0;
    measurement::Timestamp last{};
  };
  using Kept = std::map<std::string, Failures, std::less<>>;
  static std::chrono::milliseconds wait(const Kept&, std::string_view key, measurement::Timestamp);
  static void failed(Kept&, std::string_view key, measurement::Timestamp);

  Kept names_, addresses_;
  std::set<std::string, std::less<>> owners_addresses_;
};

// Kept in one SQLite file that only its owner can read. Of tokens only a BLAKE2b hash is kept, of
// the password only its Argon2id hash. Not thread-safe.
class Accounts {
 public:
  using Random = std::function<void(std::span<std::uint8_t>)>;

  static constexpr std::chrono::hours link_life{24};
  static constexpr std::chrono::days idle_life{30};
  static constexpr std::chrono::days session_life{180};
  static constexpr int most_sessions = 100;  // Of a user; one more ends the longest idle one.

  // Throws std::runtime_error with one sentence when the file does not open or is of a newer
  // version. `random` must be fit for secrets. Files outlive it.
  Accounts(Files&, const std::string& file, Random random, HashCost = {});

  // A token for the owner's sign-in, once, within link_life; links made before are void. Throws
  // std::runtime_error when it could not be kept.
  std::string new_link(measurement::Timestamp now);

  // Somebody who sees the homes of these ids and no other. Another process may make and remove them
  // while the hub runs.
  struct Resident {
    std::string name;
    std::vector<std::string> homes;
  };
  // A link as new_link()'s. One of this name gets other homes and a new link, and keeps the
  // password. The error is one sentence.
  std::expected<std::string, std::string> admit(const Resident&, measurement::Timestamp now);
  std::vector<Resident> residents();            // By name.
  bool remove_resident(std::string_view name);  // Sessions end. False: none, or the disk refuses.

  enum class Why : std::uint8_t {
    wrong,  // Used, expired or wrong link; wrong name or password: not told apart, in text or time.
    too_soon,  // Nothing was looked at: wait first.
    not_kept,  // The disk refuses.
  };
  struct Refused {
    Why why;
    std::chrono::milliseconds wait{0};
  };
  // The new session's token.
  std::expected<std::string, Refused> sign_in_with_link(std::string_view link,
                                                        measurement::Timestamp now);
  std::expected<std::string, Refused> sign_in(std::string_view name, std::string_view password,
                                              std::string_view address, measurement::Timestamp now);

  struct User {
    std::string name;  // Empty: the owner, before a password is set.
    bool is_owner = true;
    std::vector<std::string> homes;  // Of a resident.

    bool lives_in(std::string_view home) const;
  };
  // Whose session it is, as long as it lives; being asked keeps it from growing idle.
  std::optional<User> user_of(std::string_view session, measurement::Timestamp now);
  // False: the disk refuses, and the session may live on.
  [[nodiscard]] bool sign_out(std::string_view session);

  // Name of 1 to 120 characters, which only the owner may choose; password of 8 to 128; UTF-8. Ends
  // all sessions of this session's user but this one. The error is one sentence for the user.
  std::expected<void, std::string> set_password(std::string_view name, std::string_view password,
                                                std::string_view session);

  std::optional<std::string> owner();             // Absent until a password is set.
  bool has_password(const std::optional<User>&);  // Nobody: whether the owner has one.

  // Tokens of programs that may write points, and do nothing else: 256 random bits each. Another
  // process may make and revoke them while the hub runs.
  struct Writer {
    std::string name;
    measurement::Timestamp since;
    std::string home;  // Empty: of all homes.

    bool may_write_to(std::string_view id) const { return home.empty() || home == id; }
  };
  // The token, which is told only here. The error is one sentence: the name is taken or none, or
  // the disk refuses.
  std::expected<std::string, std::string> new_writer(std::string_view name,
                                                     measurement::Timestamp now,
                                                     std::string_view home = "");
  std::vector<Writer> writers();              // By name.
  bool revoke_writer(std::string_view name);  // False: there is none, or the disk refuses.
  std::optional<Writer> writer_of(std::string_view token);

  // What somebody did to a meter or its firmware. Texts are cut at most_act_bytes.
  struct Act {
    measurement::Timestamp time;
    std::string who;      // Name of the one who is signed in, or an address.
    std::string home;     // Id; empty: the hub itself.
    std::string what;     // "asked meter-1 to restart"
    std::string outcome;  // Empty: it is under way, or how it ended was not heard.
  };
  static constexpr std::int64_t most_acts = 10'000;  // One more, and the oldest goes.
  static constexpr std::size_t most_act_bytes = 500;
  // Its number. Nothing: the disk refuses.
  std::optional<std::int64_t> note(const Act&);
  // Should the disk refuse, the outcome stays unknown.
  void conclude(std::int64_t act, std::string_view outcome);
  std::vector<Act> acts(int most);  // The newest, newest first.

 private:
  std::string random_token(std::size_t bytes);
  // `resident` is empty for the owner.
  std::expected<std::string, Refused> open_session(std::string_view resident,
                                                   measurement::Timestamp now);
  std::optional<std::string> verify(std::string_view name, std::string_view password);
  std::vector<std::string> homes_of(std::string_view resident);
  // As verify() tells it; absent where there is no such session, however old.
  std::optional<std::string> resident_of(std::string_view session);

  Random random_;
  HashCost cost_;
  Database database_;
  std::string decoy_;  // Hash of a password that nobody has.
  Tries tries_;
};

}  // namespace hub
