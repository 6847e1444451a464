// Copies of all that a hub keeps, each whole and on its own, and the way back. docs/backup.md is
// the page.
//
//   TO/lenz-20260301-123456/   in UTC; it has this name once it is complete and on the disk
//     manifest                 what is in it, with a hash of each
//     lenz.db, segment-N       the samples, as of one commit
//     ledger.db, insight.db, health.db, advice.db, accounts.db, home.toml, partners.toml,
//     rules.toml, tariff.toml, day_ahead.csv, catalogue.csv,
//     secrets/, esphome/, undo/

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/files/files.h"
#include "measurement/units.h"

namespace lenz {

// What a backup consists of. The hash is BLAKE2b of 256 bits, as of `b2sum -l 256`.
struct Manifest {
  struct File {
    std::string name;  // Within the backup: segment-3, secrets/hub.password.
    std::string hash;  // In hexadecimal digits.
  };
  std::optional<measurement::Timestamp> cut;  // Of the newest sample; absent: there is none.
  std::uint64_t bytes = 0;                    // Of all files.
  std::vector<File> files;
};
// "all up to 2026-03-01 12:34:56 UTC, 12 files, 3.4 MB"
std::string contents_text(const Manifest&);
std::string manifest_text(const Manifest&);
// Absent: it is not what was written.
std::optional<Manifest> parse_manifest(std::string_view);

using ShowShare = std::function<void(double share)>;

struct TakenBackup {
  std::string folder;
  Manifest manifest;
};
// Of the hub's folder `data` as of its last commit, beside a hub that runs or alone. Throws
// std::runtime_error with one sentence where it cannot be made; then no backup is there.
TakenBackup take_backup(hub::Files&, const std::string& data, const std::string& to,
                        measurement::Timestamp now, const ShowShare&);

// Removes all complete backups in `to` but the newest `keep`, and never `last`.
void remove_old_backups(const std::string& to, std::size_t keep, const std::string& last);

// Checks every file, and writes them into a folder that is empty or not there. Throws
// std::runtime_error with one sentence that names what is missing or differs.
Manifest restore_backup(hub::Files&, const std::string& backup, const std::string& data,
                        const ShowShare&);

// When the newest complete backup was begun.
std::optional<measurement::Timestamp> newest_backup(const std::string& to);

}  // namespace lenz
