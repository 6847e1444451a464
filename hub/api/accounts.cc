#include "hub/api/accounts.h"

#include <fmt/format.h>
#include <sodium.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr std::size_t link_bytes = 24;
constexpr std::size_t session_bytes = 32;
constexpr std::size_t writer_bytes = 32;
constexpr auto seen_precision = 1h;  // A session's last use is written no oftener.

constexpr const char* schema = R"(
  PRAGMA user_version = 2;
  CREATE TABLE IF NOT EXISTS owner (
    id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, password TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS resident (
    name TEXT PRIMARY KEY, password TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS resident_home (
    name TEXT, home TEXT, PRIMARY KEY (name, home)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS link (
    id INTEGER PRIMARY KEY CHECK (id = 1), token BLOB NOT NULL, made INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS resident_link (
    name TEXT PRIMARY KEY, token BLOB NOT NULL, made INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS sessions (
    token BLOB PRIMARY KEY, begun INTEGER NOT NULL, seen INTEGER NOT NULL,
    resident TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS writer (
    token BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, since INTEGER NOT NULL,
    home TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS act (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, who TEXT NOT NULL, home TEXT NOT NULL,
    what TEXT NOT NULL, outcome TEXT NOT NULL);)";
constexpr int schema_version = 2;

// From version 1, which knew the owner only.
constexpr const char* second_version = R"(
  BEGIN;
  ALTER TABLE sessions ADD COLUMN resident TEXT NOT NULL DEFAULT '';
  ALTER TABLE writer ADD COLUMN home TEXT NOT NULL DEFAULT '';
  PRAGMA user_version = 2;
  COMMIT;)";

using TokenHash = std::array<std::uint8_t, 32>;

TokenHash hash_of(std::string_view token) {
  TokenHash hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(token.data()),
                     token.size(), nullptr, 0);
  return hash;
}

std::int64_t milliseconds(Timestamp time) { return time.time_since_epoch().count(); }

template <class Duration>
std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::string hash_password(std::string_view password, HashCost cost) {
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), cost.passes,
                            cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    throw std::runtime_error(
        fmt::format("There is not enough memory to hash a password: {} MiB are needed, free some "
                    "and try again.",
                    cost.memory_bytes / 1024 / 1024));
  }
  return hash.data();
}

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return (c & 0xC0) != 0x80; }));
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::optional<std::string> fault_of_name(std::string_view name) {
  if (!name.empty() && characters(name) <= 120 && std::ranges::none_of(name, is_control)) {
    return std::nullopt;
  }
  return "The name needs 1 to 120 characters, without control characters.";
}

// Between two characters.
std::string_view cut(std::string_view utf8) {
  auto size = std::min(utf8.size(), Accounts::most_act_bytes);
  while (size > 0 && size < utf8.size() && (utf8[size] & 0xC0) == 0x80) --size;
  return utf8.substr(0, size);
}

Accounts::Writer writer_in(Statement& row) {
  return {std::string(row.text(0)), Timestamp(std::chrono::milliseconds(row.integer(1))),
          std::string(row.text(2))};
}

}  // namespace

std::chrono::milliseconds Tries::wait(const Kept& kept, std::string_view key, Timestamp now) {
  const auto found = kept.find(key);
  if (found == kept.end() || found->second.count < 3) return 0ms;
  if (now - found->second.last > 15min) return 0ms;
  const auto whole =
      std::min<std::chrono::milliseconds>(30s, 1s * (1 << std::min(found->second.count - 3, 5)));
  // A clock that was set back makes no wait longer than the whole one.
  return std::clamp<std::chrono::milliseconds>(found->second.last + whole - now, 0ms, whole);
}

std::chrono::milliseconds Tries::wait(std::string_view name, std::string_view address,
                                      Timestamp now) const {
  const auto own = wait(addresses_, address, now);
  return owners_addresses_.contains(address) ? own : std::max(own, wait(names_, name, now));
}

void Tries::failed(Kept& kept, std::string_view key, Timestamp now) {
  auto found = kept.find(key);
  if (found == kept.end()) {
    if (kept.size() >= most_kept) {
      kept.erase(std::ranges::min_element(
          kept, {}, [](const Kept::value_type& entry) { return entry.second.last; }));
    }
    found = kept.emplace(key, Failures{}).first;
  }
  auto& [count, last] = found->second;
  if (now - last > 15min) count = 0;
  ++count;
  last = now;
}

void Tries::failed(std::string_view name, std::string_view address, Timestamp now) {
  failed(names_, name, now);
  failed(addresses_, address, now);
}

void Tries::succeeded(std::string_view name, std::string_view address) {
  if (const auto found = names_.find(name); found != names_.end()) names_.erase(found);
  if (const auto found = addresses_.find(address); found != addresses_.end()) {
    addresses_.erase(found);
  }
  if (owners_addresses_.size() < most_kept) owners_addresses_.emplace(address);
}

Accounts::Accounts(Files& files, const std::string& file, Random random, HashCost cost)
    : random_(std::move(random)), cost_(cost), database_(files, file) {
  if (sodium_init() < 0) {
    throw std::runtime_error("libsodium does not start: reinstall the package libsodium23.");
  }
  auto version = database_.prepare("PRAGMA user_version");
  const bool is_read = version.step() == SQLITE_ROW;
  const auto version_number = is_read ? version.integer(0) : 0;
  if (version_number > schema_version) {
    throw std::runtime_error(
        fmt::format("{} was written by a newer Lenz: start that one, or restore the file from a "
                    "backup of this version.",
                    file));
  }
  version.reset();
  const bool is_first_version = version_number == 1;
  if (!is_read || (is_first_version && database_.execute(second_version) != SQLITE_OK) ||
      database_.execute(schema) != SQLITE_OK) {
    throw std::runtime_error(fmt::format(
        "{} cannot be written ({}): give its folder room and this user the right to write it.",
        file, database_.message()));
  }
  decoy_ = hash_password(random_token(session_bytes), cost_);
}

std::string Accounts::random_token(std::size_t bytes) {
  std::vector<std::uint8_t> drawn(bytes);
  random_(drawn);
  std::string text(sodium_base64_ENCODED_LEN(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING), 0);
  sodium_bin2base64(text.data(), text.size(), drawn.data(), drawn.size(),
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.pop_back();  // libsodium writes a final NUL.
  return text;
}

std::string Accounts::new_link(Timestamp now) {
  const auto link = random_token(link_bytes);
  const auto hash = hash_of(link);
  if (database_.prepare("INSERT OR REPLACE INTO link VALUES (1, ?, ?)")
          .bind(1, std::span<const std::uint8_t>(hash))
          .bind(2, milliseconds(now))
          .run() != SQLITE_OK) {
    throw std::runtime_error(
        fmt::format("The sign-in link could not be kept ({}): give the data folder room and this "
                    "user the right to write it.",
                    database_.message()));
  }
  return link;
}

std::expected<std::string, std::string> Accounts::admit(const Resident& resident, Timestamp now) {
  if (const auto why = fault_of_name(resident.name)) return std::unexpected(*why);
  if (resident.homes.empty()) {
    return std::unexpected("Name at least one home that the account may see.");
  }
  if (owner() == resident.name) {
    return std::unexpected(fmt::format("\"{}\" is the owner: choose another name.", resident.name));
  }
  const auto link = random_token(link_bytes);
  const auto hash = hash_of(link);
  auto add = database_.prepare("INSERT OR IGNORE INTO resident VALUES (?, '')");
  auto forget = database_.prepare("DELETE FROM resident_home WHERE name = ?");
  auto put_link = database_.prepare("REPLACE INTO resident_link VALUES (?, ?, ?)");
  put_link.bind(1, std::string_view(resident.name)).bind(2, std::span<const std::uint8_t>(hash));
  put_link.bind(3, milliseconds(now));
  bool is_kept = database_.execute("BEGIN IMMEDIATE") == SQLITE_OK &&
                 add.bind(1, std::string_view(resident.name)).run() == SQLITE_OK &&
                 forget.bind(1, std::string_view(resident.name)).run() == SQLITE_OK &&
                 put_link.run() == SQLITE_OK;
  auto put_home = database_.prepare("INSERT OR IGNORE INTO resident_home VALUES (?, ?)");
  for (const auto& home : resident.homes) {
    put_home.bind(1, std::string_view(resident.name)).bind(2, std::string_view(home));
    is_kept = is_kept && put_home.run() == SQLITE_OK;
  }
  if (!is_kept || database_.execute("COMMIT") != SQLITE_OK) {
    const auto why = database_.message();
    database_.execute("ROLLBACK");
    return std::unexpected(fmt::format(
        "The account could not be kept ({}): give the data folder room and this user the right to "
        "write it.",
        why));
  }
  return link;
}

std::vector<std::string> Accounts::homes_of(std::string_view resident) {
  std::vector<std::string> homes;
  auto kept = database_.prepare("SELECT home FROM resident_home WHERE name = ? ORDER BY home");
  kept.bind(1, resident);
  while (kept.step() == SQLITE_ROW) homes.emplace_back(kept.text(0));
  return homes;
}

std::vector<Accounts::Resident> Accounts::residents() {
  std::vector<Resident> found;
  auto kept = database_.prepare("SELECT name FROM resident ORDER BY name");
  while (kept.step() == SQLITE_ROW) {
    const std::string name(kept.text(0));
    found.push_back({name, homes_of(name)});
  }
  return found;
}

bool Accounts::remove_resident(std::string_view name) {
  if (std::ranges::count(residents(), name, &Resident::name) == 0) return false;
  bool is_done = database_.execute("BEGIN IMMEDIATE") == SQLITE_OK;
  for (const auto* statement :
       {"DELETE FROM sessions WHERE resident = ?", "DELETE FROM resident_link WHERE name = ?",
        "DELETE FROM resident_home WHERE name = ?", "DELETE FROM resident WHERE name = ?"}) {
    is_done = is_done && database_.prepare(statement).bind(1, name).run() == SQLITE_OK;
  }
  if (is_done && database_.execute("COMMIT") == SQLITE_OK) return true;
  database_.execute("ROLLBACK");
  return false;
}

std::expected<std::string, Accounts::Refused> Accounts::sign_in_with_link(std::string_view link,
                                                                          Timestamp now) {
  const auto hash = hash_of(link);
  std::optional<std::string> resident;
  {
    auto kept = database_.prepare(
        "SELECT token, made, '' FROM link UNION ALL SELECT token, made, name FROM resident_link");
    while (kept.step() == SQLITE_ROW) {
      const auto expected = kept.blob(0);
      const auto age = milliseconds(now) - kept.integer(1);
      if (expected.size() == hash.size() &&
          sodium_memcmp(expected.data(), hash.data(), hash.size()) == 0 &&
          age <= milliseconds(link_life)) {
        resident = kept.text(2);
      }
    }
  }
  if (!resident) return std::unexpected(Refused{Why::wrong});
  // Void first: a link that opens no session is a nuisance, one that opens two is a hole.
  auto use = database_.prepare(resident->empty() ? "DELETE FROM link"
                                                 : "DELETE FROM resident_link WHERE name = ?");
  if (!resident->empty()) use.bind(1, std::string_view(*resident));
  if (use.run() != SQLITE_OK) return std::unexpected(Refused{Why::not_kept});
  return open_session(*resident, now);
}

std::expected<std::string, Accounts::Refused> Accounts::sign_in(std::string_view name,
                                                                std::string_view password,
                                                                std::string_view address,
                                                                Timestamp now) {
  if (const auto wait = tries_.wait(name, address, now); wait > 0ms) {
    return std::unexpected(Refused{Why::too_soon, wait});
  }
  const auto resident = verify(name, password);
  if (!resident) {
    tries_.failed(name, address, now);
    return std::unexpected(Refused{Why::wrong});
  }
  tries_.succeeded(name, address);
  return open_session(*resident, now);
}

// The resident, or empty text for the owner. Hashes once whatever was asked, so that the time says
// nothing about the name.
std::optional<std::string> Accounts::verify(std::string_view name, std::string_view password) {
  auto kept = database_.prepare(
      "SELECT name, password, 1 FROM owner UNION ALL "
      "SELECT name, password, 0 FROM resident WHERE password <> ''");
  std::string hash = decoy_;
  std::optional<std::string> found;
  while (kept.step() == SQLITE_ROW) {
    if (hash_of(kept.text(0)) != hash_of(name)) continue;
    hash = kept.text(1);
    found = kept.integer(2) == 1 ? "" : std::string(kept.text(0));
  }
  const bool is_right =
      crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
  return is_right ? found : std::nullopt;
}

std::expected<std::string, Accounts::Refused> Accounts::open_session(std::string_view resident,
                                                                     Timestamp now) {
  auto make_room = database_.prepare(
      "DELETE FROM sessions WHERE begun < ?1 OR seen < ?2 OR token IN "
      "(SELECT token FROM sessions WHERE resident = ?4 ORDER BY seen DESC LIMIT -1 OFFSET ?3)");
  make_room.bind(1, milliseconds(now) - milliseconds(session_life))
      .bind(2, milliseconds(now) - milliseconds(idle_life))
      .bind(3, std::int64_t{most_sessions - 1})
      .bind(4, resident);
  const auto session = random_token(session_bytes);
  const auto hash = hash_of(session);
  auto add = database_.prepare("INSERT INTO sessions VALUES (?, ?, ?, ?)");
  add.bind(1, std::span<const std::uint8_t>(hash))
      .bind(2, milliseconds(now))
      .bind(3, milliseconds(now))
      .bind(4, resident);
  if (make_room.run() != SQLITE_OK || add.run() != SQLITE_OK) {
    return std::unexpected(Refused{Why::not_kept});
  }
  return session;
}

bool Accounts::User::lives_in(std::string_view home) const {
  return is_owner || std::ranges::find(homes, home) != homes.end();
}

std::optional<Accounts::User> Accounts::user_of(std::string_view session, Timestamp now) {
  if (session.empty()) return std::nullopt;
  const auto hash = hash_of(session);
  std::int64_t seen = 0;
  User user;
  {
    auto kept = database_.prepare("SELECT begun, seen, resident FROM sessions WHERE token = ?");
    kept.bind(1, std::span<const std::uint8_t>(hash));
    if (kept.step() != SQLITE_ROW) return std::nullopt;
    seen = kept.integer(1);
    if (milliseconds(now) - kept.integer(0) > milliseconds(session_life)) return std::nullopt;
    if (milliseconds(now) - seen > milliseconds(idle_life)) return std::nullopt;
    user.name = kept.text(2);
  }
  user.is_owner = user.name.empty();
  if (user.is_owner) {
    user.name = owner().value_or("");
  } else {
    user.homes = homes_of(user.name);
  }
  if (milliseconds(now) - seen > milliseconds(seen_precision)) {
    // Should the disk refuse, the session only grows idle sooner.
    database_.prepare("UPDATE sessions SET seen = ? WHERE token = ?")
        .bind(1, milliseconds(now))
        .bind(2, std::span<const std::uint8_t>(hash))
        .run();
  }
  return user;
}

bool Accounts::sign_out(std::string_view session) {
  const auto hash = hash_of(session);
  return database_.prepare("DELETE FROM sessions WHERE token = ?")
             .bind(1, std::span<const std::uint8_t>(hash))
             .run() == SQLITE_OK;
}

std::expected<void, std::string> Accounts::set_password(std::string_view name,
                                                        std::string_view password,
                                                        std::string_view session) {
  const auto resident = resident_of(session);
  if (!resident) return std::unexpected("Sign in first.");
  const bool is_owner = resident->empty();
  if (const auto why = fault_of_name(name)) return std::unexpected(*why);
  if (characters(password) < 8 || characters(password) > 128) {
    return std::unexpected("The password needs 8 to 128 characters.");
  }
  if (!is_owner && name != *resident) {
    return std::unexpected(fmt::format("Your name is \"{}\", as the owner chose it.", *resident));
  }
  if (is_owner && std::ranges::count(residents(), name, &Resident::name) > 0) {
    return std::unexpected("Somebody who lives here is called so: choose another name.");
  }
  const auto password_hash = hash_password(password, cost_);
  const auto session_hash = hash_of(session);
  auto keep = database_.prepare(is_owner ? "INSERT OR REPLACE INTO owner VALUES (1, ?, ?)"
                                         : "UPDATE resident SET password = ?2 WHERE name = ?1");
  keep.bind(1, name).bind(2, std::string_view(password_hash));
  auto end_others = database_.prepare("DELETE FROM sessions WHERE token <> ? AND resident = ?");
  end_others.bind(1, std::span<const std::uint8_t>(session_hash));
  end_others.bind(2, std::string_view(*resident));
  if (database_.execute("BEGIN IMMEDIATE") != SQLITE_OK || keep.run() != SQLITE_OK ||
      end_others.run() != SQLITE_OK || database_.execute("COMMIT") != SQLITE_OK) {
    database_.execute("ROLLBACK");
    return std::unexpected("The hub's disk refuses to keep this: look at its room and try again.");
  }
  return {};
}

std::optional<std::string> Accounts::resident_of(std::string_view session) {
  const auto hash = hash_of(session);
  auto kept = database_.prepare("SELECT resident FROM sessions WHERE token = ?");
  kept.bind(1, std::span<const std::uint8_t>(hash));
  if (kept.step() != SQLITE_ROW) return std::nullopt;
  return std::string(kept.text(0));
}

bool Accounts::has_password(const std::optional<User>& user) {
  if (!user || user->is_owner) return owner().has_value();
  auto kept = database_.prepare("SELECT 1 FROM resident WHERE name = ? AND password <> ''");
  kept.bind(1, std::string_view(user->name));
  return kept.step() == SQLITE_ROW;
}

std::optional<std::string> Accounts::owner() {
  auto kept = database_.prepare("SELECT name FROM owner");
  if (kept.step() != SQLITE_ROW) return std::nullopt;
  return std::string(kept.text(0));
}

std::expected<std::string, std::string> Accounts::new_writer(std::string_view name, Timestamp now,
                                                             std::string_view home) {
  if (const auto why = fault_of_name(name)) return std::unexpected(*why);
  if (std::ranges::count(writers(), name, &Writer::name) > 0) {
    return std::unexpected(
        fmt::format("There is a writer \"{}\": revoke it first, or choose another name.", name));
  }
  const auto token = random_token(writer_bytes);
  const auto hash = hash_of(token);
  auto add = database_.prepare("INSERT INTO writer VALUES (?, ?, ?, ?)");
  add.bind(1, std::span<const std::uint8_t>(hash)).bind(2, name).bind(3, milliseconds(now));
  add.bind(4, home);
  if (add.run() != SQLITE_OK) {
    return std::unexpected(fmt::format(
        "The token could not be kept ({}): give the data folder room and this user the right to "
        "write it.",
        database_.message()));
  }
  return token;
}

std::vector<Accounts::Writer> Accounts::writers() {
  std::vector<Writer> found;
  auto kept = database_.prepare("SELECT name, since, home FROM writer ORDER BY name");
  while (kept.step() == SQLITE_ROW) found.push_back(writer_in(kept));
  return found;
}

bool Accounts::revoke_writer(std::string_view name) {
  if (std::ranges::count(writers(), name, &Writer::name) == 0) return false;
  return database_.prepare("DELETE FROM writer WHERE name = ?").bind(1, name).run() == SQLITE_OK;
}

std::optional<Accounts::Writer> Accounts::writer_of(std::string_view token) {
  if (token.empty()) return std::nullopt;
  const auto hash = hash_of(token);
  auto kept = database_.prepare("SELECT name, since, home FROM writer WHERE token = ?");
  kept.bind(1, std::span<const std::uint8_t>(hash));
  if (kept.step() != SQLITE_ROW) return std::nullopt;
  return writer_in(kept);
}

std::optional<std::int64_t> Accounts::note(const Act& act) {
  // Numbers rise by one, so that the oldest is known by its own.
  auto add = database_.prepare(
      "INSERT INTO act (id, time, who, home, what, outcome) "
      "SELECT ifnull(max(id), 0) + 1, ?, ?, ?, ?, ? FROM act RETURNING id");
  add.bind(1, milliseconds(act.time)).bind(2, cut(act.who)).bind(3, cut(act.home));
  add.bind(4, cut(act.what)).bind(5, cut(act.outcome));
  if (add.step() != SQLITE_ROW) return std::nullopt;
  const auto id = add.integer(0);
  if (add.step() != SQLITE_DONE) return std::nullopt;
  // What the disk does not let go of now goes the next time.
  database_.prepare("DELETE FROM act WHERE id <= ?").bind(1, id - most_acts).run();
  return id;
}

void Accounts::conclude(std::int64_t act, std::string_view outcome) {
  database_.prepare("UPDATE act SET outcome = ? WHERE id = ?")
      .bind(1, cut(outcome))
      .bind(2, act)
      .run();
}

std::vector<Accounts::Act> Accounts::acts(int most) {
  std::vector<Act> found;
  auto kept =
      database_.prepare("SELECT time, who, home, what, outcome FROM act ORDER BY id DESC LIMIT ?");
  kept.bind(1, std::int64_t{most});
  while (kept.step() == SQLITE_ROW) {
    found.push_back({Timestamp(std::chrono::milliseconds(kept.integer(0))),
                     std::string(kept.text(1)), std::string(kept.text(2)),
                     std::string(kept.text(3)), std::string(kept.text(4))});
  }
  return found;
}

}  // namespace hub
