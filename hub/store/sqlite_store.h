// The store of one folder: durable when commit() returns, and storing twice is storing once.
//
//   sample ── log, at commit() ───────> acknowledged
//          ├─ head (boot and minute) ──> in memory, until its hour is over
//          └─ its number ─────────────> run: numbers without a hole in number or time
//   hour   ── tidy(), minutes later ──> packed in a segment file
//   all    ── checkpoint(), each hour ─> tables of lenz.db: runs, which hour is packed where, and
//                                       blocks of what is not; the log is begun anew
//
// A minute is read from memory, else from its block, else from its packed hour, so late and
// repeated samples are seen at once; their hour is packed anew. docs/store_format.md describes the
// files.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "hub/files/files.h"
#include "hub/store/boot.h"
#include "hub/store/database.h"
#include "hub/store/heads.h"
#include "hub/store/log.h"
#include "hub/store/packed_hour.h"
#include "hub/store/retention.h"
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
// Gaps. A sample stands for its period, so a gap begins one period after the last sample before it;
// a coarse one stands for the period that it ends, as far as the meter was on.
// Before a device's first sample and after its newest there is no gap. A channel is absent where
// its active power is. The samples of a fast-sampled edge fill no gap.
//
// One thread, and one process that writes. Others may read beside it what was committed; what they
// see anew is noticed at the next call. Only changes() is an hour behind for them.
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
  void hand_over() override;
  void synced() override { log_.synced(); }
  std::uint64_t undone() const override { return undone_; }
  std::expected<Points, StoreError> read(const Series&, TimeRange, std::chrono::milliseconds step,
                                         Columns = Columns::all) override;
  std::expected<void, StoreError> keep_together(std::vector<Series>) override;
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

  // From now on; tidy() sees to it, a segment at a time.
  void keep(const Retention& retention) { retention_ = retention; }

  // Minutes that are over go to the tables earlier than with their hour when they take more memory.
  void hold_at_most(std::size_t bytes) { most_waiting_bytes_ = bytes; }

  // Packs an hour that ended at least pack_after ago, or some that have few samples, or copies a
  // piece of the segments that it joins or takes detail from: some 30 ms of work, or none.
  std::expected<bool, StoreError> tidy(measurement::Timestamp now) override;
  static constexpr std::chrono::minutes pack_after{2};  // What comes later has it packed anew.

  Database& database() { return database_; }  // For tests of what a disk can do to us.

 private:
  using Row = std::int64_t;  // Of a minute: boot id << 32 | minutes since 1970.
  using Samples = std::vector<measurement::Sample>;
  using BootName = std::tuple<std::string, std::uint64_t, measurement::Stream>;
  using Boots = std::map<BootName, Boot>;
  struct Counts {
    std::uint64_t reports = 0, duplicate = 0;
    bool is_changed = true;
  };
  using Hours = std::map<Row, Loss>;
  class Reading;   // In sqlite_store_read.cc.
  class Absences;  // In sqlite_store_ask.cc.

  // Being current: what is in memory is what tables and log have. After an error all of it is
  // forgotten, undo() sees to it, and read again by the next call.
  std::expected<void, StoreError> stay_current();
  std::expected<void, StoreError> load();
  std::expected<void, StoreError> load_tables();
  Log::Append taking();
  std::unexpected<StoreError> undo(StoreError);
  void forget();

  // Writing.
  std::expected<Appended, StoreError> take(const measurement::ReportHeader&,
                                           std::span<const measurement::Sample>);
  Boot& boot_of(const measurement::ReportHeader&);
  Boot& boot_of(Row row) { return boots_.at(*names_.at(row >> 32)); }  // That is known.
  std::expected<void, StoreError> begin_head(Row);  // None where only minutes are kept.
  void touch(Boot&, Row);
  std::expected<void, StoreError> announce(Row);
  std::expected<void, StoreError> announce_over(measurement::Timestamp now);
  std::expected<void, StoreError> announce_all();
  bool has_news() const;
  bool is_full(std::size_t times) const;
  Hours hours_over() const;
  std::expected<void, StoreError> make_room();  // A piece of the work of checkpoint().
  std::expected<void, StoreError> checkpoint();
  std::expected<void, StoreError> write_tables();
  std::expected<void, StoreError> write_boot(const BootName&, Boot&);

  std::expected<void, StoreError> run(Statement&);
  std::expected<std::vector<Row>, StoreError> rows(Statement&);
  // The same and those of heads within [first, last].
  std::expected<std::vector<Row>, StoreError> rows_and_heads(Statement&, Row first, Row last);
  // Whether the tables may have something of a known boot from this minute on: of one that is live
  // they have not, and are not asked.
  std::expected<bool, StoreError> may_be_in_tables(Row first);
  void note_in_tables(Row);
  // The latest minute of a boot within [first, last].
  std::expected<std::optional<Row>, StoreError> row_before(Row first, Row last);

  // A minute's samples; empty where there are none. They live until the next call.
  std::expected<std::span<const measurement::Sample>, StoreError> minute(Row);
  std::expected<Samples, StoreError> block(Row);  // Of the tables or what is packed.
  std::expected<Samples, StoreError> packed_block(Row);
  // The sample of a number, wherever it is; without values where it is not kept any more.
  std::expected<measurement::Sample, StoreError> sample_of(const Boot&, std::uint64_t number,
                                                           measurement::Timestamp);
  std::expected<MinuteSummary, StoreError> minute_summary(Row, const Series&);
  static std::string text_of(const Series&);
  // What is left of a packed hour. The numbers are on the disk.
  enum class Detail : std::uint8_t { exact = 0, coarse = 1, minutes = 2, hour = 3 };
  // The hours of [first, last] that are packed, with the numbers of their segments.
  struct Packed {
    Row hour = 0;
    std::int64_t segment = 0;
    Detail detail{};
  };
  std::expected<std::vector<Packed>, StoreError> packed_hours(Row first, Row last);
  // Where the minutes of [first, last] are: what is in no segment yet, or came late, and the rest.
  struct Whereabouts {
    std::vector<Row> unpacked;
    std::vector<Packed> packed;
  };
  std::expected<const Whereabouts*, StoreError> whereabouts(Row first, Row last);
  // The latest minute of [first, last] that is not empty, or may not be: of an hour that has lost
  // its samples nobody knows.
  std::expected<std::optional<Row>, StoreError> latest_within(Row first, Row last);

  // Tidying. An hour, a day and 24 days of one meter's: a year lies in some 60 files.
  static constexpr std::int64_t levels = 3;
  bool is_time_to_look(measurement::Timestamp now);
  bool is_to_pack(Row, measurement::Timestamp now) const;
  std::expected<void, StoreError> look_for_hours(measurement::Timestamp now);
  std::expected<void, StoreError> look_for_joins();
  // The first of them; those that were tried are taken away.
  std::expected<void, StoreError> pack(Hours& due);
  struct NewPart {
    PartPlace place;
    Bytes bytes;
    MinuteSummary in_all;
  };
  // How many samples there were to pack; 0 where that cannot be done.
  std::expected<std::size_t, StoreError> pack_one(Row hour, Loss, std::vector<NewPart>&);
  std::expected<void, StoreError> look_for_old(measurement::Timestamp now);
  std::expected<std::uint64_t, StoreError> bytes_used();
  std::expected<void, StoreError> begin_thinning(std::int64_t segment, Detail);
  std::expected<void, StoreError> keep_hours_only(std::int64_t segment);
  // A file that takes up room, so that there is some when the disk is full: what makes room needs
  // some first.
  void set_reserve_aside();
  void give_reserve_up();
  std::expected<void, StoreError> begin_merge(std::int64_t level);
  std::expected<void, StoreError> go_on_merging();
  std::expected<void, StoreError> end_merge();
  // A file under a number that was never given.
  struct Begun {
    std::int64_t number = 0;
    SegmentWriter writer;
  };
  std::expected<Begun, StoreError> begin_segment();

  const Boot* boot_with(std::int64_t id) const;
  std::vector<std::pair<const BootName, Boot>*> boots_of(std::string_view device);
  std::optional<Presence> presence_in(std::span<std::pair<const BootName, Boot>* const>) const;
  // Minutes with the channels whose power is absent from a sample of them: bit c is channel c.
  struct Absent {
    Row row = 0;
    std::uint64_t channels = 0;
  };
  std::expected<std::vector<Absent>, StoreError> minutes_with_absences(Row first, Row last);

  const Use use_;
  Files& files_;
  const std::string folder_;
  Segments segments_;
  Log log_;
  Database database_;
  Statement data_version_ = database_.prepare("PRAGMA data_version");
  Statement all_boots_ = database_.prepare(
      "SELECT id, device, boot, stream, booted_at, period, lost, timed_on_arrival, "
      "coalesce(seal, -1), integrated FROM boot ORDER BY id");
  Statement newest_boot_id_ = database_.prepare(
      "SELECT max(coalesce((SELECT max(id) FROM boot), 0), "
      "coalesce((SELECT max(row) >> 32 FROM block), 0))");
  Statement all_runs_ = database_.prepare(
      "SELECT begin, end, first_time, last_time, coalesce(seal, -1), boot_id FROM run "
      "WHERE boot_id = ?");
  Statement all_devices_ = database_.prepare("SELECT name, reports, duplicate FROM device");
  Statement put_boot_ =
      database_.prepare("REPLACE INTO boot VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  Statement put_run_ = database_.prepare("REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?)");
  Statement remove_run_ = database_.prepare("DELETE FROM run WHERE boot_id = ? AND begin = ?");
  Statement put_device_ = database_.prepare("REPLACE INTO device VALUES (?, ?, ?)");
  Statement find_block_ = database_.prepare("SELECT value FROM block WHERE row = ?");
  Statement put_block_ = database_.prepare("REPLACE INTO block VALUES (?, ?, ?)");
  Statement put_empty_block_ = database_.prepare("REPLACE INTO block VALUES (?, ?, NULL)");
  Statement set_aside_ = database_.prepare(
      "INSERT INTO damaged SELECT row, value FROM block WHERE row = ? "
      "EXCEPT SELECT row, value FROM damaged");
  Statement absences_within_ = database_.prepare(
      "SELECT row, absent FROM block WHERE absent <> 0 AND row BETWEEN ? AND ? ORDER BY row");
  Statement put_change_ = database_.prepare("REPLACE INTO change VALUES (?, ?)");
  Statement newest_revision_ = database_.prepare("SELECT max(revision) FROM change");
  Statement changes_ = database_.prepare(
      "SELECT change.revision, change.row, boot.device FROM change "
      "JOIN boot ON boot.id = change.row >> 32 WHERE change.revision > ? "
      "ORDER BY change.revision");
  Statement absences_after_ = database_.prepare(
      "SELECT row, absent FROM block WHERE row > ? AND row <= ? ORDER BY row LIMIT ?");
  Statement rows_within_ =
      database_.prepare("SELECT row FROM block WHERE row BETWEEN ? AND ? ORDER BY row");
  Statement row_before_ = database_.prepare(
      "SELECT row FROM block WHERE row BETWEEN ? AND ? ORDER BY row DESC LIMIT 1");

  // Blocks whose samples are in no segment yet.
  Statement unpacked_ = database_.prepare(
      "SELECT row FROM block INDEXED BY block_unpacked WHERE value IS NOT NULL ORDER BY row");
  Statement unpacked_within_ = database_.prepare(
      "SELECT row FROM block INDEXED BY block_unpacked "
      "WHERE value IS NOT NULL AND row BETWEEN ? AND ? ORDER BY row");
  Statement empty_blocks_ = database_.prepare(
      "UPDATE block SET value = NULL WHERE row BETWEEN ? AND ? AND value IS NOT NULL");
  Statement packed_within_ = database_.prepare(
      "SELECT row, segment, detail FROM packed WHERE row BETWEEN ? AND ? ORDER BY row");
  Statement packed_before_ = database_.prepare(
      "SELECT row FROM packed WHERE row BETWEEN ? AND ? ORDER BY row DESC LIMIT 1");
  Statement put_packed_ = database_.prepare("REPLACE INTO packed VALUES (?, ?, ?)");
  // Segments with hours of no less detail than asked for, with the last minute of the newest.
  Statement segments_with_ = database_.prepare(
      "SELECT segment, max(row & 4294967295) + 60 FROM packed WHERE detail < ? GROUP BY segment "
      "ORDER BY 2");
  Statement exact_before_ = database_.prepare(
      "SELECT row FROM packed WHERE detail = 0 AND (row & 4294967295) + 60 <= ? "
      "ORDER BY row LIMIT 24");
  Statement put_detail_ =
      database_.prepare("UPDATE packed SET detail = ? WHERE segment = ? AND detail < ?");
  Statement remove_packed_blocks_ = database_.prepare(
      "DELETE FROM block WHERE value IS NULL AND row - (row & 4294967295) % 60 IN "
      "(SELECT row FROM packed WHERE segment = ?)");
  Statement bytes_of_segments_ = database_.prepare("SELECT coalesce(sum(bytes), 0) FROM segment");
  Statement packed_in_ = database_.prepare("SELECT row FROM packed WHERE segment = ? ORDER BY row");
  Statement move_packed_ = database_.prepare("UPDATE packed SET segment = ? WHERE segment = ?");
  Statement put_segment_ = database_.prepare("INSERT INTO segment VALUES (?, ?, ?)");
  Statement remove_segment_ = database_.prepare("DELETE FROM segment WHERE number = ?");
  Statement free_pages_ = database_.prepare("PRAGMA freelist_count");
  Statement remove_empty_segments_ =
      database_.prepare("DELETE FROM segment WHERE number NOT IN (SELECT segment FROM packed)");
  Statement segments_of_level_ =
      database_.prepare("SELECT number FROM segment WHERE level = ? ORDER BY number");
  Statement all_segments_ = database_.prepare("SELECT number FROM segment");
  Statement log_number_ = database_.prepare("SELECT number, revision FROM log");
  Statement put_log_ = database_.prepare("UPDATE log SET number = ?, revision = ?");
  Statement all_composites_ = database_.prepare("SELECT number, channels FROM composite");
  Statement put_composite_ = database_.prepare("INSERT INTO composite VALUES (?, ?)");
  Statement newest_segment_ = database_.prepare("SELECT max(number) FROM segment");

  Boots boots_;
  std::map<std::int64_t, const BootName*> names_;  // By id.
  std::int64_t newest_boot_ = 0;                   // Greatest id that was ever given.
  std::map<std::string, Counts, std::less<>> counts_;
  std::map<std::string, std::int64_t> composites_;  // By text_of().
  std::vector<std::pair<std::int64_t, Series>> kept_together_;
  Heads heads_;
  bool has_uncommitted_ = false;
  bool must_checkpoint_ = true;  // The log is not to be appended to.
  std::int64_t first_log_ = 0;   // As the tables have it.

  // What changed since the last checkpoint. A minute is announced once it is over and durable.
  std::set<Row> touched_;                // Not announced yet.
  std::map<std::int64_t, Row> changed_;  // By revision.
  std::map<Row, std::int64_t> revisions_;
  std::int64_t revision_ = 0;
  std::int64_t last_revision_ = 0;  // That may be given before the next checkpoint.

  // What was read last, since it is asked for series by series.
  using Range = std::pair<Row, Row>;
  static constexpr std::size_t most_ranges = 8;
  std::map<Range, Whereabouts> whereabouts_;
  std::map<Range, std::optional<Row>> latest_;
  void forget_whereabouts();
  // The greatest total of a boot's series up to a minute: who asks hour after hour need not go back
  // to where one that is absent now was seen last.
  struct KnownTotal {
    Row until = 0;  // 0: nothing is known.
    std::int64_t total = 0;
  };
  KnownTotal& known_total(std::int64_t boot_id, std::int64_t series);
  void forget_totals(Row since);
  std::map<std::int64_t, std::map<std::int64_t, KnownTotal>> totals_;  // By boot and series.
  // By device: that of a silent one is in an hour that would be unpacked each time it is asked for.
  struct KnownLast {
    std::int64_t boot_id = 0;
    Last last;
  };
  std::map<std::string, KnownLast, std::less<>> lasts_;
  std::optional<Row> decoded_row_;
  Samples decoded_;
  Packed unpacked_hour_;
  Samples unpacked_samples_;
  std::map<Row, std::vector<MinuteSummary>> summaries_;  // Of minutes in no segment.

  // Of tidy().
  struct Merge {
    std::int64_t level = 0;             // Of what comes out.
    std::vector<std::int64_t> inputs;   // Numbers of the segments that are joined.
    std::map<Row, std::int64_t> hours;  // What is still read from them, and from which.
    std::int64_t number = 0;
    SegmentWriter writer;
    std::vector<PartPlace> runs;  // What is left to copy, the last first.
    Detail detail{};              // What they keep at most.
  };
  struct NewSegment {
    std::int64_t number = 0;
    std::uint64_t bytes = 0;
    std::vector<std::pair<Row, Detail>> hours;
  };
  std::vector<NewSegment> packed_;  // Since the last checkpoint.
  std::optional<measurement::Timestamp> looked_, looked_for_old_;
  std::optional<measurement::Timestamp> taken_;             // When has_taken_ was seen last.
  bool has_taken_ = false;                                  // Since it was looked at last.
  std::set<std::int64_t> going_on_;                         // Boots that went on since then.
  std::map<std::int64_t, measurement::Timestamp> went_on_;  // Boots, lately, and when.
  bool has_blocks_ = false;  // Went to the tables unpacked since then.
  bool may_join_ = true;     // There may be segments to join, or to remove.
  Retention retention_;
  std::size_t most_waiting_bytes_ = std::size_t{8} << 20;
  Hours due_;
  std::optional<Hours> leaving_;  // What make_room() has yet to pack; absent: it is to look.
  std::optional<Merge> merge_;
  std::set<std::int64_t> unmergeable_;  // Segments that are damaged.
  bool is_loaded_ = false;
  std::uint64_t undone_ = 0;
  std::int64_t seen_version_ = 0;
};

}  // namespace hub
