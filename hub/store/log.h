// What was taken since the database was last committed: written and synced in one piece before
// anything is acknowledged, read again after a crash.
//
//   log-1, log-2, ...: magic, number, *record; a record is all that is synced at once, sealed with
//   its file and place
//
// A file is only ever appended to by the one who made it: after a crash its records are read, and a
// new one is begun. docs/store_format.md has the grammar.

#pragma once

#include <algorithm>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "hub/files/files.h"
#include "hub/store/column.h"
#include "hub/store/store.h"
#include "measurement/report.h"

namespace hub {

class Log {
 public:
  Log(Files& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  using Append = std::function<std::expected<void, StoreError>(
      const measurement::ReportHeader&, std::span<const measurement::Sample>)>;
  // Gives what was synced to the logs of this number and after, in order; nothing where there is
  // none. What a power cut left half written is the end of its file.
  std::expected<void, StoreError> replay(std::int64_t number, const Append&);
  // What has been synced since, by whoever writes.
  std::expected<void, StoreError> follow(const Append&);
  // Writes and syncs what replay() found once more: after a failed sync it may be readable and yet
  // not on the disk.
  std::expected<void, StoreError> write_again();
  std::int64_t last() const { return std::max(number_, reading_.number); }  // Begun or read.
  std::uint64_t found_bytes() const;  // Of all logs that were read.
  bool has_found() const;
  void forget_found() { found_.clear(); }

  // Begins log `number`, empty and durable; what was added and not synced is forgotten. One that
  // was begun and is still empty is taken again.
  std::expected<void, StoreError> begin(std::int64_t number);
  bool is_empty() const;  // It was begun, and nothing was synced to it.
  // Deletes all logs before this one.
  void remove_before(std::int64_t number);

  // A report; header.booted_at is known.
  void add(const measurement::ReportHeader&, std::span<const measurement::Sample>);
  bool has_added() const { return !added_.empty(); }
  // All that was added is on the disk. After an error this log can only be replayed.
  std::expected<void, StoreError> sync();
  // sync() in two halves: hand_over() writes what was added; whoever has synced its file system
  // says so, and sync() has nothing left to do. Where a half was left out or failed, sync() does
  // it.
  void hand_over();
  void synced() { synced_ = written_; }

  std::uint64_t bytes() const { return written_; }  // Of the log that was begun.

 private:
  // Every series of a sample in the order of the table, each value less that of the sample before.
  using Values = std::vector<std::int64_t>;
  using Boot = std::tuple<std::string, std::uint64_t, measurement::Stream>;
  using Before = std::map<Boot, Values>;

  std::expected<void, StoreError> write();
  std::string path(std::int64_t number) const;
  std::expected<std::vector<std::int64_t>, StoreError> numbers() const;
  std::expected<void, StoreError> read_on(const Append&);
  static std::expected<void, StoreError> replay_record(std::span<const std::uint8_t>, Before&,
                                                       const Append&);

  // Where reading stands: everything before is given.
  struct Reading {
    std::int64_t number = 0;
    std::uint64_t offset = 0;
    Before before;
  };

  Files& files_;
  std::string folder_;
  Reading reading_;
  std::map<std::int64_t, std::uint64_t> found_;  // Logs that were read, as far as they are whole.
  std::unique_ptr<File> file_;
  std::int64_t number_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t synced_ = 0;            // Of what was written.
  std::optional<StoreError> failed_{};  // Why hand_over() lost the file.
  Bytes added_;                         // The record that is being made.
  Before before_;
  Values change_;  // Of one sample.
};

}  // namespace hub
