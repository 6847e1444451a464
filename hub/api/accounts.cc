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
  PRAGMA user_version = 1;
  CREATE TABLE IF NOT EXISTS owner (
    id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, password TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS link (
    id INTEGER PRIMARY KEY CHECK (id = 1), token BLOB NOT NULL, made INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS sessions (
    token BLOB PRIMARY KEY, begun INTEGER NOT NULL, seen INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS writer (
    token BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, since INTEGER NOT NULL) WITHOUT ROWID;)";
constexpr int schema_version = 1;

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
  if (is_read && version.integer(0) > schema_version) {
    throw std::runtime_error(
        fmt::format("{} was written by a newer Lenz: start that one, or restore the file from a "
                    "backup of this version.",
                    file));
  }
  version.reset();
  if (!is_read || database_.execute(schema) != SQLITE_OK) {
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

std::expected<std::string, Accounts::Refused> Accounts::sign_in_with_link(std::string_view link,
                                                                          Timestamp now) {
  {
    auto kept = database_.prepare("SELECT token, made FROM link");
    if (kept.step() != SQLITE_ROW) return std::unexpected(Refused{Why::wrong});
    const auto hash = hash_of(link);
    const auto expected = kept.blob(0);
    const auto age = milliseconds(now) - kept.integer(1);
    if (expected.size() != hash.size() ||
        sodium_memcmp(expected.data(), hash.data(), hash.size()) != 0 ||
        age > milliseconds(link_life)) {
      return std::unexpected(Refused{Why::wrong});
    }
  }
  // Void first: a link that opens no session is a nuisance, one that opens two is a hole.
  if (database_.execute("DELETE FROM link") != SQLITE_OK) {
    return std::unexpected(Refused{Why::not_kept});
  }
  return open_session(now);
}

std::expected<std::string, Accounts::Refused> Accounts::sign_in(std::string_view name,
                                                                std::string_view password,
                                                                std::string_view address,
                                                                Timestamp now) {
  if (const auto wait = tries_.wait(name, address, now); wait > 0ms) {
    return std::unexpected(Refused{Why::too_soon, wait});
  }
  if (!verify(name, password)) {
    tries_.failed(name, address, now);
    return std::unexpected(Refused{Why::wrong});
  }
  tries_.succeeded(name, address);
  return open_session(now);
}

// Hashes once whatever was asked, so that the time says nothing about the name.
bool Accounts::verify(std::string_view name, std::string_view password) {
  auto kept = database_.prepare("SELECT name, password FROM owner");
  const bool has_owner = kept.step() == SQLITE_ROW;
  const bool right_name = has_owner && hash_of(kept.text(0)) == hash_of(name);
  const std::string hash = right_name ? std::string(kept.text(1)) : decoy_;
  const bool right_password =
      crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
  return right_name && right_password;
}

std::expected<std::string, Accounts::Refused> Accounts::open_session(Timestamp now) {
  auto make_room = database_.prepare(
      "DELETE FROM sessions WHERE begun < ? OR seen < ? OR token IN "
      "(SELECT token FROM sessions ORDER BY seen DESC LIMIT -1 OFFSET ?)");
  make_room.bind(1, milliseconds(now) - milliseconds(session_life))
      .bind(2, milliseconds(now) - milliseconds(idle_life))
      .bind(3, std::int64_t{most_sessions - 1});
  const auto session = random_token(session_bytes);
  const auto hash = hash_of(session);
  auto add = database_.prepare("INSERT INTO sessions VALUES (?, ?, ?)");
  add.bind(1, std::span<const std::uint8_t>(hash))
      .bind(2, milliseconds(now))
      .bind(3, milliseconds(now));
  if (make_room.run() != SQLITE_OK || add.run() != SQLITE_OK) {
    return std::unexpected(Refused{Why::not_kept});
  }
  return session;
}

bool Accounts::is_open(std::string_view session, Timestamp now) {
  if (session.empty()) return false;
  const auto hash = hash_of(session);
  std::int64_t seen = 0;
  {
    auto kept = database_.prepare("SELECT begun, seen FROM sessions WHERE token = ?");
    kept.bind(1, std::span<const std::uint8_t>(hash));
    if (kept.step() != SQLITE_ROW) return false;
    seen = kept.integer(1);
    if (milliseconds(now) - kept.integer(0) > milliseconds(session_life)) return false;
    if (milliseconds(now) - seen > milliseconds(idle_life)) return false;
  }
  if (milliseconds(now) - seen > milliseconds(seen_precision)) {
    // Should the disk refuse, the session only grows idle sooner.
    database_.prepare("UPDATE sessions SET seen = ? WHERE token = ?")
        .bind(1, milliseconds(now))
        .bind(2, std::span<const std::uint8_t>(hash))
        .run();
  }
  return true;
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
  if (name.empty() || characters(name) > 120 || std::ranges::any_of(name, is_control)) {
    return std::unexpected("The name needs 1 to 120 characters, without control characters.");
  }
  if (characters(password) < 8 || characters(password) > 128) {
    return std::unexpected("The password needs 8 to 128 characters.");
  }
  const auto password_hash = hash_password(password, cost_);
  const auto session_hash = hash_of(session);
  auto keep = database_.prepare("INSERT OR REPLACE INTO owner VALUES (1, ?, ?)");
  keep.bind(1, name).bind(2, std::string_view(password_hash));
  auto end_others = database_.prepare("DELETE FROM sessions WHERE token <> ?");
  end_others.bind(1, std::span<const std::uint8_t>(session_hash));
  if (database_.execute("BEGIN IMMEDIATE") != SQLITE_OK || keep.run() != SQLITE_OK ||
      end_others.run() != SQLITE_OK || database_.execute("COMMIT") != SQLITE_OK) {
    database_.execute("ROLLBACK");
    return std::unexpected("The hub's disk refuses to keep this: look at its room and try again.");
  }
  return {};
}

std::optional<std::string> Accounts::owner() {
  auto kept = database_.prepare("SELECT name FROM owner");
  if (kept.step() != SQLITE_ROW) return std::nullopt;
  return std::string(kept.text(0));
}

std::expected<std::string, std::string> Accounts::new_writer(std::string_view name, Timestamp now) {
  if (name.empty() || characters(name) > 120 || std::ranges::any_of(name, is_control)) {
    return std::unexpected("A writer's name needs 1 to 120 characters, no control characters.");
  }
  if (std::ranges::count(writers(), name, &Writer::name) > 0) {
    return std::unexpected(
        fmt::format("There is a writer \"{}\": revoke it first, or choose another name.", name));
  }
  const auto token = random_token(writer_bytes);
  const auto hash = hash_of(token);
  auto add = database_.prepare("INSERT INTO writer VALUES (?, ?, ?)");
  add.bind(1, std::span<const std::uint8_t>(hash)).bind(2, name).bind(3, milliseconds(now));
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
  auto kept = database_.prepare("SELECT name, since FROM writer ORDER BY name");
  while (kept.step() == SQLITE_ROW) {
    found.push_back(
        {std::string(kept.text(0)), Timestamp(std::chrono::milliseconds(kept.integer(1)))});
  }
  return found;
}

bool Accounts::revoke_writer(std::string_view name) {
  if (std::ranges::count(writers(), name, &Writer::name) == 0) return false;
  return database_.prepare("DELETE FROM writer WHERE name = ?").bind(1, name).run() == SQLITE_OK;
}

bool Accounts::may_write(std::string_view token) {
  if (token.empty()) return false;
  const auto hash = hash_of(token);
  auto kept = database_.prepare("SELECT 1 FROM writer WHERE token = ?");
  kept.bind(1, std::span<const std::uint8_t>(hash));
  return kept.step() == SQLITE_ROW;
}

}  // namespace hub
