#include "hub/ledger.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace hub {

using measurement::MilliwattHours;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t changes_at_once = 2'000;
constexpr const char* stored = "store";  // The bookmark in the store's changes.

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS hour (circuit TEXT, hour INTEGER, device TEXT, imported INTEGER,
  exported INTEGER, revision INTEGER, PRIMARY KEY (circuit, hour, device)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS hour_by_revision ON hour (circuit, revision);
CREATE TABLE IF NOT EXISTS circuit (id TEXT PRIMARY KEY, counts TEXT, is_recounted INTEGER,
  base_imported INTEGER, base_exported INTEGER, told_imported INTEGER, told_exported INTEGER)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bookmark (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
PRAGMA user_version = 1;
)";

Database open(Files& files, const std::string& file) {
  Database database(files, file);
  auto version = database.prepare("PRAGMA user_version");
  const bool is_read = version.step() == SQLITE_ROW;
  const bool is_known = !is_read || version.integer(0) <= 1;
  version.reset();
  if (!is_read || !is_known || database.execute(schema) != SQLITE_OK) {
    throw std::runtime_error(fmt::format(
        "The ledger {} cannot be used ({}): check that its disk has room. It may be removed: it is "
        "computed again from the store, and Home Assistant's counters go on from its broker.",
        file, is_known ? database.message() : "it is of a later Lenz"));
  }
  return database;
}

Timestamp hour_at(Timestamp time) { return std::chrono::floor<std::chrono::hours>(time); }

std::int64_t ms(Timestamp time) { return time.time_since_epoch().count(); }

Timestamp time_of(std::int64_t ms) { return Timestamp(std::chrono::milliseconds(ms)); }

Energy greater(const Energy& a, const Energy& b) {
  return {std::max(a.imported, b.imported), std::max(a.exported, b.exported)};
}

// Everything that a circuit's energy depends on, besides the samples.
std::string counts(const Home& home, std::string_view id) {
  std::string text;
  for (const auto& panel : home.panels) {
    text += fmt::format("{}:", &panel == &home.panels.front() ? 0 : ms(panel.valid_from));
    const auto circuit = std::ranges::find(panel.circuits, id, &Circuit::id);
    if (circuit == panel.circuits.end()) continue;
    text += circuit->netting == Netting::sum ? "sum" : "per_phase";
    for (const auto& use : circuit->channels) {
      text += fmt::format(" {}/{}*{}", use.device, use.channel, use.multiplier);
    }
    text += ";";
  }
  return text;
}

}  // namespace

Ledger::Ledger(Files& files, const std::string& file, Store& store, const Home& home, Use use)
    : database_(open(files, file)),
      store_(store),
      home_(home),
      find_bookmark_(database_.prepare("SELECT value FROM bookmark WHERE name = ?")),
      put_bookmark_(database_.prepare("REPLACE INTO bookmark VALUES (?, ?)")),
      find_hour_(database_.prepare("SELECT imported, exported FROM hour "
                                   "WHERE circuit = ? AND hour = ? AND device = ?")),
      put_hour_(database_.prepare("REPLACE INTO hour VALUES (?, ?, ?, ?, ?, ?)")),
      put_circuit_(database_.prepare("REPLACE INTO circuit VALUES (?, ?, ?, ?, ?, ?, ?)")),
      counted_before_(database_.prepare("SELECT coalesce(sum(imported), 0), "
                                        "coalesce(sum(exported), 0) FROM hour "
                                        "WHERE circuit = ? AND hour < ?")),
      hours_(database_.prepare("SELECT hour, sum(imported), sum(exported), max(revision) FROM hour "
                               "WHERE circuit = ? AND hour >= ? AND hour < ? "
                               "GROUP BY hour ORDER BY hour")),
      changed_(
          database_.prepare("SELECT hour, sum(imported), sum(exported), max(revision) FROM hour "
                            "WHERE circuit = ?1 AND hour IN "
                            "(SELECT hour FROM hour WHERE circuit = ?1 AND revision > ?2) "
                            "GROUP BY hour ORDER BY hour LIMIT ?3")) {
  begin_circuits(use);
  if (use == Use::read) return;
  // Minutes that were not over when the last follow() ended are among the newest of a device.
  const auto must = [](StoreError error) {
    if (error == StoreError::corrupted) return;  // Each reading of that minute tells.
    throw std::runtime_error(
        fmt::format("The ledger cannot follow the store, for {}.", sentence(error)));
  };
  const auto devices = store_.devices();
  if (!devices) must(devices.error());
  for (const auto& device : devices.value_or(std::vector<std::string>{})) {
    const auto last = store_.last(device);
    if (!last) must(last.error());
    if (last && *last) due_.emplace(device, hour_at((*last)->time));
  }
}

void Ledger::begin_circuits(Use use) {
  // What is not read must not be taken for what is not there: told would be forgotten.
  const auto must = [this](bool is_done) {
    if (is_done) return;
    const auto why = database_.message();
    database_.execute("ROLLBACK");
    throw std::runtime_error(fmt::format(
        "The ledger cannot be read and written ({}): check its disk, and that it has room.", why));
  };
  auto newest = database_.prepare("SELECT coalesce(max(revision), 0) FROM hour");
  must(newest.step() == SQLITE_ROW);
  revision_ = static_cast<std::uint64_t>(newest.integer(0));

  struct Known {
    std::string counts;
    Circuit circuit;
  };
  std::map<std::string, Known> known;
  auto all = database_.prepare(
      "SELECT id, counts, is_recounted, base_imported, base_exported, told_imported, "
      "told_exported, (SELECT coalesce(sum(imported), 0) FROM hour WHERE circuit = id), "
      "(SELECT coalesce(sum(exported), 0) FROM hour WHERE circuit = id) FROM circuit");
  int code = all.step();
  for (; code == SQLITE_ROW; code = all.step()) {
    const auto energy = [&](int column) {
      return Energy{{all.integer(column)}, {all.integer(column + 1)}};
    };
    known[std::string(all.text(0))] = {std::string(all.text(1)),
                                       {.counted = energy(7),
                                        .base = energy(3),
                                        .told = energy(5),
                                        .is_recounted = all.integer(2) != 0,
                                        .short_since = {}}};
  }
  must(code == SQLITE_DONE);
  all.reset();
  if (use == Use::read) {
    for (const auto& [id, found] : known) circuits_[id] = found.circuit;
    return;
  }

  must(begin());
  auto forget = database_.prepare("DELETE FROM hour WHERE circuit = ?");
  for (const auto& panel : home_.panels) {
    for (const auto& [id, name, kind, parent, rating, poles, legs, position, room, netting,
                      channels] : panel.circuits) {
      if (circuits_.contains(id)) continue;
      auto& circuit = circuits_[id];
      const auto found = known.find(id);
      if (found != known.end()) circuit = found->second.circuit;
      if (found != known.end() && found->second.counts == counts(home_, id)) continue;
      // Also a new one: its clamps may have measured for long.
      circuit.counted = {};
      circuit.is_recounted = found != known.end();
      must(forget.bind(1, id).run() == SQLITE_OK && keep(id, circuit) &&
           put_bookmark_.bind(1, stored).bind(2, std::int64_t{0}).run() == SQLITE_OK);
    }
  }
  must(database_.execute("COMMIT") == SQLITE_OK);
}

bool Ledger::keep(const std::string& id, const Circuit& circuit) {
  const auto text = counts(home_, id);
  put_circuit_.bind(1, id).bind(2, text).bind(3, std::int64_t{circuit.is_recounted});
  put_circuit_.bind(4, circuit.base.imported.value).bind(5, circuit.base.exported.value);
  put_circuit_.bind(6, circuit.told.imported.value).bind(7, circuit.told.exported.value);
  return put_circuit_.run() == SQLITE_OK;
}

bool Ledger::begin() { return database_.execute("BEGIN IMMEDIATE") == SQLITE_OK; }

std::expected<void, StoreError> Ledger::commit() {
  if (database_.execute("COMMIT") == SQLITE_OK) return {};
  return undo();
}

std::unexpected<StoreError> Ledger::undo() {
  // After some errors SQLite has already done it, and then refuses.
  database_.execute("ROLLBACK");
  return std::unexpected(StoreError::unavailable);
}

// ---- Following the store -----------------------------------------------------------------------

std::expected<bool, StoreError> Ledger::follow(Timestamp now, std::size_t most) {
  // A clock that was set back does not take back what was counted.
  const auto end = end_ = std::max<Timestamp>(end_, std::chrono::floor<std::chrono::minutes>(now));
  std::erase_if(waiting_, [&](const auto& waiting) {
    const bool is_over = waiting.second <= end;
    if (is_over) due_.insert(waiting.first);
    return is_over;
  });
  bool is_all = false;
  if (due_.empty()) {
    const auto all = take_changes(end);
    if (!all) return std::unexpected(all.error());
    is_all = *all;
  }
  for (std::size_t i = 0; i < most && !due_.empty(); ++i) {
    if (const auto done = recount(*due_.begin(), end); !done) return std::unexpected(done.error());
    due_.erase(due_.begin());
  }
  if (!due_.empty()) return false;
  if (followed_) set_bookmark(stored, *std::exchange(followed_, std::nullopt));
  if (!is_all) return false;
  if (const auto done = catch_up(now); !done) return std::unexpected(done.error());
  return true;
}

// True: there are no more.
std::expected<bool, StoreError> Ledger::take_changes(Timestamp end) {
  const auto changes = store_.changes(bookmark(stored), changes_at_once);
  if (!changes) return std::unexpected(changes.error());
  for (const auto& change : *changes) {
    const DeviceHour hour{change.device, hour_at(change.minute)};
    const auto counted = counted_.find(hour);
    // What comes late may also change what a later minute gained.
    if (counted != counted_.end() && change.minute < counted->second.until) counted_.erase(counted);
    if (change.minute < end) {
      due_.insert(hour);
    } else {
      auto& until = waiting_[hour];
      until = std::max(until, change.minute + 1min);
    }
    followed_ = change.revision;
  }
  return changes->size() < changes_at_once;
}

std::expected<void, StoreError> Ledger::recount(const DeviceHour& hour, Timestamp end) {
  // Taken out, so that after an error all of it is counted again.
  auto node = counted_.extract(hour);
  auto counted = node ? std::move(node.mapped()) : Counted{hour.second, {}};
  const auto until = std::min(hour.second + 1h, std::max(end, counted.until));
  const auto gained = exact_circuit_energy(home_, hour.first, {counted.until, until}, store_);
  // A damaged minute keeps its hour as it was counted before.
  if (!gained && gained.error() == StoreError::corrupted) return {};
  if (!gained) return std::unexpected(gained.error());
  for (const auto& [id, energy] : *gained) counted.gained[id] += energy;
  counted.until = until;
  std::map<std::string, Energy> in_all;
  for (const auto& [id, energy] : counted.gained) in_all[id] = rounded(energy);
  if (const auto done = write(hour, in_all); !done) return done;
  if (until < hour.second + 1h) counted_[hour] = std::move(counted);
  return {};
}

std::expected<void, StoreError> Ledger::write(const DeviceHour& hour,
                                              const std::map<std::string, Energy>& gained) {
  if (!begin()) return std::unexpected(StoreError::unavailable);
  std::map<std::string, Energy> changed;
  for (const auto& [id, energy] : gained) {
    find_hour_.bind(1, id).bind(2, ms(hour.second)).bind(3, hour.first);
    const int code = find_hour_.step();
    const bool is_known = code == SQLITE_ROW;
    const Energy before =
        is_known ? Energy{{find_hour_.integer(0)}, {find_hour_.integer(1)}} : Energy{};
    find_hour_.reset();
    if (!is_known && code != SQLITE_DONE) return undo();
    if (is_known && before == energy) continue;
    put_hour_.bind(1, id).bind(2, ms(hour.second)).bind(3, hour.first);
    put_hour_.bind(4, energy.imported.value).bind(5, energy.exported.value);
    put_hour_.bind(6, static_cast<std::int64_t>(++revision_));
    if (put_hour_.run() != SQLITE_OK) return undo();
    changed[id] = energy - before;

    auto& circuit = circuits_.find(id)->second;
    auto after = circuit;
    after.counted = after.counted + changed[id];
    if (!keep(id, after)) return undo();
  }
  if (const auto done = commit(); !done) return done;
  for (const auto& [id, energy] : changed) {
    auto& circuit = circuits_.find(id)->second;
    circuit.counted = circuit.counted + energy;
  }
  return {};
}

// All hours belong together now: between two of them, energy that moved may have counted twice.
std::expected<void, StoreError> Ledger::catch_up(Timestamp now) {
  if (!begin()) return std::unexpected(StoreError::unavailable);
  auto circuits = circuits_;
  for (auto& [id, circuit] : circuits) {
    const auto before = circuit.told;
    const auto known = circuit.counted + circuit.base;
    const bool is_short = greater(before, known) != known;
    if (!is_short) circuit.short_since.reset();
    if (is_short && !circuit.short_since) circuit.short_since = now;
    const bool is_lost = is_short && now - *circuit.short_since >= catch_up_time;
    if (circuit.is_recounted) circuit.base = before - circuit.counted;
    if (!circuit.is_recounted && is_lost) circuit.base = greater(before, known) - circuit.counted;
    circuit.told = greater(before, circuit.counted + circuit.base);
    const bool is_rebased = std::exchange(circuit.is_recounted, false) || is_lost;
    if (circuit.is_kept && !is_rebased && circuit.told == before) continue;
    if (!keep(id, circuit)) return undo();
    circuit.is_kept = true;
  }
  if (const auto done = commit(); !done) return done;
  circuits_ = std::move(circuits);
  return {};
}

// ---- What it tells -----------------------------------------------------------------------------

std::vector<HourOfEnergy> Ledger::read(Statement& statement, std::string_view circuit) {
  std::vector<HourOfEnergy> found;
  int code = statement.step();
  for (; code == SQLITE_ROW; code = statement.step()) {
    found.push_back({.begin = time_of(statement.integer(0)),
                     .gained = {{statement.integer(1)}, {statement.integer(2)}},
                     .counter = {},
                     .revision = static_cast<std::uint64_t>(statement.integer(3))});
  }
  statement.reset();
  const auto known = circuits_.find(circuit);
  if (known == circuits_.end() || code != SQLITE_DONE) return {};
  Timestamp end{};
  Energy counter = known->second.base;
  for (auto& hour : found) {
    // Mostly they follow one another.
    if (hour.begin != end) {
      counted_before_.bind(1, circuit).bind(2, ms(hour.begin));
      const bool is_read = counted_before_.step() == SQLITE_ROW;
      counter =
          known->second.base + Energy{{counted_before_.integer(0)}, {counted_before_.integer(1)}};
      counted_before_.reset();
      if (!is_read) return {};
    }
    counter = counter + hour.gained;
    hour.counter = counter;
    end = hour.begin + 1h;
  }
  return found;
}

std::vector<HourOfEnergy> Ledger::hours(std::string_view circuit, TimeRange range) {
  hours_.bind(1, circuit).bind(2, ms(hour_at(range.begin))).bind(3, ms(range.end));
  return read(hours_, circuit);
}

std::vector<HourOfEnergy> Ledger::changed(std::string_view circuit, std::uint64_t revision,
                                          std::size_t most) {
  changed_.bind(1, circuit).bind(2, static_cast<std::int64_t>(revision));
  changed_.bind(3, static_cast<std::int64_t>(
                       std::min<std::size_t>(most, std::numeric_limits<std::int32_t>::max())));
  return read(changed_, circuit);
}

Energy Ledger::counter(std::string_view circuit) {
  const auto found = circuits_.find(circuit);
  return found == circuits_.end() ? Energy{} : found->second.told;
}

void Ledger::told(std::string_view circuit, const Energy& energy) {
  const auto found = circuits_.find(circuit);
  if (found == circuits_.end()) return;
  found->second.told = greater(found->second.told, energy);
  // Where the disk refuses, follow() keeps it later.
  found->second.is_kept = keep(found->first, found->second);
}

std::uint64_t Ledger::bookmark(const std::string& name) {
  find_bookmark_.bind(1, name);
  const bool is_known = find_bookmark_.step() == SQLITE_ROW;
  const auto value = is_known ? find_bookmark_.integer(0) : 0;
  find_bookmark_.reset();
  return static_cast<std::uint64_t>(value);
}

void Ledger::set_bookmark(const std::string& name, std::uint64_t value) {
  put_bookmark_.bind(1, name).bind(2, static_cast<std::int64_t>(value)).run();
}

}  // namespace hub
