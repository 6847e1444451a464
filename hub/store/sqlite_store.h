// The store as one SQLite file: durable when commit() returns, and storing twice is storing once.
//
//   sample ── log, at commit() ─────────> acknowledged; a minute later the log is begun anew
//          ├─ block (boot and minute) ──> row of `block`, once a minute and before a read
//          └─ its number ──────────────> row of `run`: numbers without a hole in number or time
//   block  ── `unsummarised` ──────────> now and then: rows of `summary`, an hour of one series
//   each
//
//   hour   ── tidy(), two hours later ──> packed in a segment file, and the block's value is empty
//
// A minute is read from its block as long as its summary is not up to date, so late and repeated
// samples never leave a wrong summary behind; and it is read from its packed hour only where its
// block is empty. docs/store_format.md describes the files.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "hub/files/files.h"
#include "hub/store/database.h"
#include "hub/store/log.h"
#include "hub/store/packed_hour.h"
#include "hub/store/segments.h"
#include "hub/store/store.h"
#include "hub/store/summary.h"

namespace hub {

// How Store's answers come about:
//
// Energy. The totals of a meter start at 0 with each boot and never fall within it. A boot gains in
// [a, b) its greatest total before b minus its greatest before a (0 where there is none); boots are
// added and never subtracted from each other, so lost samples lose no energy and clocks that were
// set back do no harm. The same boot heard as several streams counts once.
//
// Streams. Mean, min and max are those of Stream::samples; where a step has none of it, of
// Stream::coarse. Stream::edges is kept and acknowledged and takes part in energy only.
//
// Derived quantities. Below a minute they are computed from each sample. At whole minutes S is the
// mean voltage times the mean current and PF the mean active power by that S (absent below 1 VA);
// min and max are not known there and NaN.
//
// Gaps. A sample stands for its period, so a gap begins one period after the last sample before it.
// Before a device's first sample and after its newest there is no gap. A channel is absent where
// its active power is. The samples of a fast-sampled edge fill no gap.
//
// One thread, and one process that writes. Others may read beside it: what was committed a minute
// ago or earlier. What they see anew is noticed at the next call.
class SqliteStore final : public Store {
 public:
  enum class Use : std::uint8_t { write, read };

  // Opens or creates lenz.db in the folder, which is created if it is not there. Throws
  // std::runtime_error with one sentence: no access, no room, damaged, or of a later version.
  // Files outlive it.
  SqliteStore(Files&, const std::string& folder, Use = Use::write);
  ~SqliteStore() override;

  std::expected<Appended, StoreError> append(const measurement::ReportHeader&,
                                             std::span<const measurement::Sample>) override;
  std::expected<void, StoreError> commit() override;
  std::uint64_t undone() const override { return undone_; }
  std::expected<Points, StoreError> read(const Series&, TimeRange,
                                         std::chrono::milliseconds step) override;
  std::expected<std::optional<Last>, StoreError> last(std::string_view device) override;
  std::expected<std::vector<Gap>, StoreError> gaps(std::string_view device, TimeRange) override;

  // Commits first, since what it names is taken for an acknowledgement. Within a boot the newest
  // come first: a meter has the oldest no more.
  std::expected<std::vector<measurement::StoredRange>, StoreError> stored(
      std::string_view device, std::size_t most) override;

  std::expected<Tally, StoreError> tally(std::string_view device) override;
  std::expected<measurement::Origin, StoreError> origin(std::string_view device) override;
  std::expected<std::vector<Kept>, StoreError> samples(std::string_view device, TimeRange) override;
  std::expected<measurement::Sample, StoreError> totals_before(std::string_view device,
                                                               std::uint64_t boot,
                                                               measurement::Timestamp,
                                                               std::uint64_t channels) override;
  std::expected<std::vector<Change>, StoreError> changes(std::uint64_t after,
                                                         std::size_t most) override;
  std::expected<std::vector<std::string>, StoreError> devices() override;

  // From a device's first sample to its newest one and a period, and when it was silent in between;
  // absent where nothing but fast-sampled edges is stored. As gaps(), without single channels.
  struct Presence {
    TimeRange life;
    std::vector<TimeRange> silences;  // The oldest first.
  };
  std::expected<std::optional<Presence>, StoreError> presence(std::string_view device);

  // Packs one hour that ended at least pack_after ago, or copies a piece of the segments that it
  // joins: some 30 ms of work, or none.
  std::expected<bool, StoreError> tidy(measurement::Timestamp now) override;
  static constexpr std::chrono::hours pack_after{2};

  Database& database() { return database_; }  // For tests of what a disk can do to us.

 private:
  using Row = std::int64_t;  // Of a block: boot id << 32 | minutes since 1970.
  using Samples = std::vector<measurement::Sample>;

  // Numbers [the map's key, end), without a hole in number or time.
  struct Run {
    std::uint64_t end = 0;
    measurement::Timestamp first, last;  // Of its first and its last sample.
  };
  // What is known of one stream of one boot.
  struct Boot {
    std::int64_t id = 0;
    measurement::Timestamp booted_at;
    std::chrono::milliseconds period{};
    std::uint64_t lost = 0;
    measurement::Origin origin;
    std::map<std::uint64_t, Run> runs;
    Row newest = 0;  // Of its newest minute; 0 before there is one.
    bool is_changed = true;
    std::set<std::uint64_t> changed_runs;  // Begins of those that were changed or removed.

    measurement::Timestamp time_of(measurement::Uptime) const;
    Row row_of(measurement::Timestamp) const;
    bool has(std::uint64_t number) const;
    void add(std::uint64_t number, measurement::Timestamp);
    bool joins(measurement::Timestamp before, measurement::Timestamp after) const;
  };
  using BootName = std::tuple<std::string, std::uint64_t, measurement::Stream>;
  using Boots = std::map<BootName, Boot>;
  struct Counts {
    std::uint64_t reports = 0, duplicate = 0;
    bool is_changed = true;
  };
  class Reading;  // In sqlite_store_read.cc.

  // Writing. The transaction lasts from one checkpoint to the next; what is acknowledged meanwhile
  // is in the log. After an error both the transaction and everything in memory are gone, undo()
  // sees to it, and load() takes from the log what it has.
  std::expected<void, StoreError> begin();
  std::expected<void, StoreError> begin_transaction();
  std::expected<Appended, StoreError> take(const measurement::ReportHeader&,
                                           std::span<const measurement::Sample>);
  std::expected<void, StoreError> checkpoint();
  std::unexpected<StoreError> undo(StoreError);
  void forget_open();
  std::expected<void, StoreError> flush();
  std::expected<void, StoreError> write_block(Row, std::span<const measurement::Sample>);
  std::expected<void, StoreError> note_change(Row);
  std::expected<void, StoreError> write_boot(const BootName&, Boot&);
  std::expected<void, StoreError> summarise_when_due();
  std::expected<void, StoreError> summarise_hour(Row first, std::span<const Row> rows);
  std::expected<Samples*, StoreError> open_block(Row);
  Boot& boot_of(const measurement::ReportHeader&);

  // What is in memory is the disk's, and what was appended is in the tables.
  std::expected<void, StoreError> settle();
  std::expected<void, StoreError> stay_current();
  std::expected<void, StoreError> load();
  std::expected<void, StoreError> replay();

  std::expected<void, StoreError> run(Statement&);
  std::expected<std::optional<Bytes>, StoreError> value(Statement&);
  std::expected<std::vector<Row>, StoreError> rows(Statement&);
  std::expected<Samples, StoreError> block(Row);  // Empty where there is none.
  std::expected<Samples, StoreError> packed_block(Row);
  // The hours of [first, last] that are packed, with the numbers of their segments.
  struct Packed {
    Row hour = 0;
    std::int64_t segment = 0;
  };
  std::expected<std::vector<Packed>, StoreError> packed_hours(Row first, Row last);
  const Boot* boot_with(std::int64_t id) const;

  // Tidying.
  std::expected<void, StoreError> look_for_work(measurement::Timestamp now);
  std::expected<void, StoreError> pack(Row hour);
  std::expected<void, StoreError> begin_merge(std::int64_t level);
  std::expected<void, StoreError> go_on_merging();
  std::expected<void, StoreError> end_merge();
  std::expected<std::int64_t, StoreError> next_segment();
  std::expected<HourSummary, StoreError> kept_summary(Place, measurement::Quantity);
  std::vector<std::pair<const BootName, Boot>*> boots_of(std::string_view device);
  std::optional<Presence> presence_in(std::span<std::pair<const BootName, Boot>* const>) const;
  std::expected<void, StoreError> find_absences(const Boot&, TimeRange, std::vector<Gap>&);

  const Use use_;
  Segments segments_;
  Log log_;
  Database database_;
  Statement data_version_ = database_.prepare("PRAGMA data_version");
  Statement all_boots_ = database_.prepare(
      "SELECT id, device, boot, stream, booted_at, period, lost, timed_on_arrival, integrated "
      "FROM boot ORDER BY id");
  Statement all_runs_ =
      database_.prepare("SELECT begin, end, first_time, last_time FROM run WHERE boot_id = ?");
  Statement all_devices_ = database_.prepare("SELECT name, reports, duplicate FROM device");
  Statement put_boot_ = database_.prepare("REPLACE INTO boot VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  Statement put_run_ = database_.prepare("REPLACE INTO run VALUES (?, ?, ?, ?, ?)");
  Statement remove_run_ = database_.prepare("DELETE FROM run WHERE boot_id = ? AND begin = ?");
  Statement put_device_ = database_.prepare("REPLACE INTO device VALUES (?, ?, ?)");
  Statement find_block_ = database_.prepare("SELECT value FROM block WHERE row = ?");
  Statement put_block_ = database_.prepare("REPLACE INTO block VALUES (?, ?, ?)");
  Statement set_aside_ =
      database_.prepare("INSERT INTO damaged SELECT row, value FROM block WHERE row = ?");
  Statement rows_with_absences_ = database_.prepare(
      "SELECT row FROM block WHERE absent <> 0 AND row BETWEEN ? AND ? ORDER BY row");
  Statement put_change_ = database_.prepare("REPLACE INTO change VALUES (?, ?)");
  Statement newest_revision_ = database_.prepare("SELECT max(revision) FROM change");
  Statement changes_ = database_.prepare(
      "SELECT change.revision, change.row, boot.device FROM change "
      "JOIN boot ON boot.id = change.row >> 32 WHERE change.revision > ? AND change.revision <= ? "
      "ORDER BY change.revision LIMIT ?");
  // Until one has everything, but an hour of them at most.
  Statement rows_after_ = database_.prepare(
      "WITH later AS (SELECT row, absent FROM block WHERE row > ?1 AND row <= ?2 "
      "ORDER BY row LIMIT 60) SELECT row FROM later WHERE row <= "
      "coalesce((SELECT min(row) FROM later WHERE absent = 0), ?2) ORDER BY row");
  Statement rows_within_ =
      database_.prepare("SELECT row FROM block WHERE row BETWEEN ? AND ? ORDER BY row");
  Statement row_before_ = database_.prepare(
      "SELECT row FROM block WHERE row BETWEEN ? AND ? ORDER BY row DESC LIMIT 1");
  Statement find_summary_ =
      database_.prepare("SELECT value FROM summary WHERE row = ? AND series = ?");
  Statement put_summary_ = database_.prepare("REPLACE INTO summary VALUES (?, ?, ?)");
  Statement unsummarised_ = database_.prepare("SELECT row FROM unsummarised ORDER BY row");
  Statement put_unsummarised_ = database_.prepare("INSERT OR IGNORE INTO unsummarised VALUES (?)");
  Statement remove_unsummarised_ = database_.prepare("DELETE FROM unsummarised WHERE row = ?");

  // Blocks whose samples are in no segment yet.
  Statement unpacked_ = database_.prepare(
      "SELECT row FROM block INDEXED BY block_unpacked WHERE value IS NOT NULL ORDER BY row");
  Statement unpacked_within_ = database_.prepare(
      "SELECT row FROM block INDEXED BY block_unpacked "
      "WHERE value IS NOT NULL AND row BETWEEN ? AND ? ORDER BY row");
  Statement empty_blocks_ = database_.prepare(
      "UPDATE block SET value = NULL WHERE row BETWEEN ? AND ? AND value IS NOT NULL");
  Statement packed_within_ =
      database_.prepare("SELECT row, segment FROM packed WHERE row BETWEEN ? AND ? ORDER BY row");
  Statement put_packed_ = database_.prepare("REPLACE INTO packed VALUES (?, ?)");
  Statement packed_in_ = database_.prepare("SELECT row FROM packed WHERE segment = ? ORDER BY row");
  Statement move_packed_ = database_.prepare("UPDATE packed SET segment = ? WHERE segment = ?");
  Statement put_segment_ = database_.prepare("INSERT INTO segment VALUES (?, ?, ?)");
  Statement remove_segment_ = database_.prepare("DELETE FROM segment WHERE number = ?");
  Statement segments_of_level_ =
      database_.prepare("SELECT number FROM segment WHERE level = ? ORDER BY number");
  Statement all_segments_ = database_.prepare("SELECT number FROM segment");
  Statement log_number_ = database_.prepare("SELECT number FROM log");
  Statement put_log_number_ = database_.prepare("UPDATE log SET number = ?");
  Statement newest_segment_ = database_.prepare("SELECT max(number) FROM segment");

  Boots boots_;
  std::map<std::string, Counts, std::less<>> counts_;
  std::map<Row, Samples> open_;  // Changed since they were last written.
  std::size_t open_samples_ = 0;
  // Since the last checkpoint.
  std::set<Row> touched_;
  bool has_complete_minute_ = false;  // Among what was touched.
  bool must_checkpoint_ = true;       // The log is not to be appended to.
  std::int64_t revision_ = 0, committed_revision_ = 0;
  // The hour that was unpacked last, since its minutes are asked for one after the other.
  Packed unpacked_hour_;
  Samples unpacked_samples_;

  // Of tidy().
  struct Merge {
    std::int64_t level = 0;             // Of what comes out.
    std::vector<std::int64_t> inputs;   // Numbers of the segments that are joined.
    std::map<Row, std::int64_t> hours;  // What is still read from them, and from which.
    std::int64_t number = 0;
    SegmentWriter writer;
    std::vector<PartPlace> runs;  // What is left to copy, the last first.
  };
  std::optional<measurement::Timestamp> looked_;
  std::set<Row> due_;  // Hours.
  std::optional<Merge> merge_;
  std::set<std::int64_t> unmergeable_;  // Segments that are damaged.
  bool is_loaded_ = false;
  bool is_in_transaction_ = false;
  std::uint64_t undone_ = 0;
  std::int64_t seen_version_ = 0;
};

}  // namespace hub
