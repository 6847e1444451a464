#include "hub/store/segment.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <iterator>

#include "hub/store/packed_column.h"
#include "hub/store/packed_hour.h"
#include "hub/store/rows.h"

namespace hub {
namespace {

// And the version. In the first there were no minutes.
constexpr std::array<std::uint8_t, 7> magic = {'L', 'E', 'N', 'Z', 'S', 'E', 'G'};
constexpr std::uint8_t first_version = '1', latest_version = '2';
constexpr std::size_t magic_bytes = magic.size() + 1;
constexpr std::size_t written_at_once = 64 * 1024;
constexpr std::size_t length_bytes = 4;  // Of the index' length, at the file's end.

// No hour's row: those are of whole hours.
Place place_of_head(std::int64_t boot_id, std::int64_t series) {
  return {first_row(boot_id) + 1, series};
}
// Each version has a place of its own, so that an index is never taken for that of another,
// whatever became of the magic.
Place place_of_index(std::int64_t number, std::uint8_t version) {
  return {number, -2 - (version - first_version)};
}

// Of the head of a run of minutes. The clock's has nothing but counts.
bool is_total_of_minutes(std::int64_t part) {
  return part == minutes_clock_part || is_total(series_of_minutes(part));
}

const auto corrupted = std::unexpected(StoreError::corrupted);

}  // namespace

StoreError error_of(FileError error) {
  return error == FileError::full ? StoreError::full : StoreError::unavailable;
}

// ---- Writing -----------------------------------------------------------------------------------

std::expected<SegmentWriter, StoreError> SegmentWriter::create(Files& files,
                                                               const std::string& path,
                                                               std::int64_t number) {
  auto file = files.open(path, How::create);
  if (!file) return std::unexpected(error_of(file.error()));
  // What an earlier attempt may have left.
  if (const auto emptied = (*file)->resize(0); !emptied) {
    return std::unexpected(error_of(emptied.error()));
  }
  SegmentWriter writer(std::move(*file), number);
  Bytes begin(magic.begin(), magic.end());
  begin.push_back(latest_version);
  if (const auto done = writer.write(begin); !done) return std::unexpected(done.error());
  return writer;
}

std::expected<void, StoreError> SegmentWriter::write(std::span<const std::uint8_t> bytes) {
  waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
  written_ += bytes.size();
  if (waiting_.size() >= written_at_once) return hand_over();
  return {};
}

std::expected<void, StoreError> SegmentWriter::hand_over() {
  if (const auto done = file_->write(written_ - waiting_.size(), waiting_); !done) {
    return std::unexpected(error_of(done.error()));
  }
  waiting_.clear();
  return {};
}

std::expected<void, StoreError> SegmentWriter::add(PartPlace place,
                                                   std::span<const std::uint8_t> sealed,
                                                   const MinuteSummary& hour) {
  assert((added_.empty() || place_ < place) && "BUG: parts come in order");
  if (!added_.empty() && (place.boot_id != place_.boot_id || place.series != place_.series)) {
    if (const auto done = end_run(); !done) return done;
  }
  if (boots_.empty() || boots_.back().id != place.boot_id)
    boots_.push_back({place.boot_id, {}, {}});
  auto& list = boots_.back().list_of(place.series);
  if (place.series == clock_part || place.series == minutes_clock_part) {
    list.hours.push_back(place.hour);
  }
  assert(std::ranges::binary_search(list.hours, place.hour) && "BUG: an hour without a clock");
  place_ = place;
  parts_.insert(parts_.end(), sealed.begin(), sealed.end());
  added_[place.hour] = {sealed.size(), hour};
  return {};
}

std::expected<void, StoreError> SegmentWriter::end_run() {
  auto& list = boots_.back().list_of(place_.series);
  std::vector<std::int32_t> lengths;
  std::vector<MinuteSummary> summaries;
  for (const auto hour : list.hours) {
    const auto found = added_.find(hour);
    lengths.push_back(found == added_.end() ? 0 : static_cast<std::int32_t>(found->second.length));
    if (found != added_.end()) summaries.push_back(found->second.hour);
  }
  Bytes body;
  pack(body, lengths);
  if (is_of_minutes(place_.series)) {
    put_summaries(body, summaries, is_total_of_minutes(place_.series));
  }
  const auto head = seal(place_of_head(place_.boot_id, place_.series), body);
  list.runs.push_back({place_.series, head.size(), head.size() + parts_.size()});
  if (const auto done = write(head); !done) return done;
  if (const auto done = write(parts_); !done) return done;
  parts_.clear();
  added_.clear();
  return {};
}

std::expected<std::uint64_t, StoreError> SegmentWriter::finish() {
  if (!added_.empty()) {
    if (const auto done = end_run(); !done) return std::unexpected(done.error());
  }
  Bytes index;
  put_number(index, boots_.size());
  for (const auto& boot : boots_) {
    put_number(index, static_cast<std::uint64_t>(boot.id));
    for (const auto* list : {&boot.samples, &boot.minutes}) {
      put_number(index, list->hours.size());
      put_column(index, list->hours, Differences::second);
      put_number(index, list->runs.size());
      for (const auto& run : list->runs) {
        put_number(index, static_cast<std::uint64_t>(run.series - clock_part));
        put_number(index, run.head_bytes);
        put_number(index, run.bytes);
      }
    }
  }
  auto end = seal(place_of_index(number_, latest_version), index);
  const auto length = end.size();
  put_little_endian(end, length, length_bytes);
  if (const auto done = write(end); !done) return std::unexpected(done.error());
  if (const auto done = sync(); !done) return std::unexpected(done.error());
  return written_;
}

std::expected<void, StoreError> SegmentWriter::sync() {
  if (const auto done = hand_over(); !done) return done;
  if (const auto done = file_->sync(); !done) return std::unexpected(error_of(done.error()));
  return {};
}

// ---- Reading -----------------------------------------------------------------------------------

std::expected<Bytes, StoreError> Segment::read(std::uint64_t offset, std::uint64_t size) {
  Bytes bytes(size);
  const auto got = file_->read(offset, bytes);
  if (!got) return std::unexpected(error_of(got.error()));
  if (*got != size) return corrupted;
  return bytes;
}

std::expected<std::unique_ptr<Segment>, StoreError> Segment::open(Files& files,
                                                                  const std::string& path,
                                                                  std::int64_t number) {
  auto file = files.open(path, How::read);
  if (!file) return std::unexpected(error_of(file.error()));
  std::unique_ptr<Segment> segment(new Segment(std::move(*file)));
  const auto size = segment->file_->size();
  if (!size) return std::unexpected(error_of(size.error()));
  if (*size < magic_bytes + length_bytes) return corrupted;
  const auto length_read = segment->read(*size - length_bytes, length_bytes);
  if (!length_read) return std::unexpected(length_read.error());
  const auto length = little_endian(*length_read);
  if (length > *size - magic_bytes - length_bytes) return corrupted;
  const auto sealed = segment->read(*size - length_bytes - length, length);
  if (!sealed) return std::unexpected(sealed.error());
  for (auto version = first_version; version <= latest_version; ++version) {
    const auto index = unseal(place_of_index(number, version), *sealed);
    if (!index) continue;
    if (!segment->take_index(*index, *size, version)) return corrupted;
    return segment;
  }
  return corrupted;
}

bool Segment::take_index(std::span<const std::uint8_t> index, std::uint64_t size,
                         std::uint8_t version) {
  version_ = version;
  ColumnReader reader(index);
  std::uint64_t offset = magic_bytes;
  const auto take_list = [&](Boot& boot, std::vector<std::int64_t>& hours) {
    const auto count = reader.number();
    if (!reader.is_good() || count > size) return false;
    hours.resize(count);
    reader.column(hours, Differences::second);
    for (auto runs = reader.number(); reader.is_good() && runs > 0; --runs) {
      const auto series = static_cast<std::int64_t>(reader.number()) + clock_part;
      Run& run = boot.runs[series];
      run = {offset, reader.number(), 0};
      run.bytes = reader.number();
      if (run.head_bytes > run.bytes || run.bytes > size) return false;
      offset += run.bytes;
    }
    return reader.is_good();
  };
  for (auto boots = reader.number(); reader.is_good() && boots > 0; --boots) {
    Boot& boot = boots_[static_cast<std::int64_t>(reader.number())];
    if (!take_list(boot, boot.hours)) return false;
    if (version > first_version && !take_list(boot, boot.hours_of_minutes)) return false;
  }
  return reader.is_good() && reader.is_at_end();
}

bool Segment::has_samples(std::int64_t boot_id, std::int64_t hour) const {
  const auto boot = boots_.find(boot_id);
  return boot != boots_.end() && std::ranges::binary_search(boot->second.hours, hour);
}

bool Segment::has_minutes(std::int64_t boot_id, std::int64_t hour) const {
  const auto boot = boots_.find(boot_id);
  return boot != boots_.end() && std::ranges::binary_search(boot->second.hours_of_minutes, hour);
}

std::vector<PartPlace> Segment::places_of(std::int64_t clock) const {
  std::vector<PartPlace> places;
  for (const auto& [id, boot] : boots_) {
    for (const auto hour : boot.hours_of(clock)) places.push_back({id, clock, hour});
  }
  return places;
}

std::vector<std::int64_t> Segment::series_of(std::int64_t boot_id) const {
  std::vector<std::int64_t> series;
  const auto boot = boots_.find(boot_id);
  if (boot == boots_.end()) return series;
  for (const auto& [number, run] : boot->second.runs) series.push_back(number);
  return series;
}

std::expected<Segment::Head, StoreError> Segment::read_head(std::int64_t boot_id,
                                                            std::int64_t series, const Boot& boot,
                                                            const Run& run, bool with_summaries) {
  const auto sealed = read(run.offset, run.head_bytes);
  if (!sealed) return std::unexpected(sealed.error());
  const auto body = unseal(place_of_head(boot_id, series), *sealed);
  if (!body) return std::unexpected(body.error());
  Head head;
  head.lengths.resize(boot.hours_of(series).size());
  ColumnReader reader(*body);
  if (!unpack(reader, head.lengths)) return corrupted;
  std::uint64_t bytes = run.head_bytes;
  for (const auto length : head.lengths) {
    if (length < 0) return corrupted;
    bytes += static_cast<std::uint64_t>(length);
  }
  if (bytes > run.bytes) return corrupted;
  if (is_of_minutes(series) && with_summaries) {
    head.summaries.resize(head.lengths.size() -
                          static_cast<std::size_t>(std::ranges::count(head.lengths, 0)));
    if (!take_summaries(reader, head.summaries, is_total_of_minutes(series))) return corrupted;
  }
  if (!reader.is_at_end() && is_of_minutes(series) == with_summaries) return corrupted;
  return head;
}

std::expected<std::vector<std::pair<std::int64_t, Segment::Extent>>, StoreError> Segment::places(
    std::int64_t boot_id, std::int64_t series) {
  std::vector<std::pair<std::int64_t, Extent>> found;
  const auto boot = boots_.find(boot_id);
  if (boot == boots_.end()) return found;
  const auto run = boot->second.runs.find(series);
  if (run == boot->second.runs.end()) return found;
  const auto head = read_head(boot_id, series, boot->second, run->second, false);
  if (!head) return std::unexpected(head.error());

  const auto& hours = boot->second.hours_of(series);
  std::uint64_t offset = run->second.offset + run->second.head_bytes;
  for (std::size_t i = 0; i < hours.size(); ++i) {
    const auto bytes = static_cast<std::uint64_t>(head->lengths[i]);
    if (bytes > 0) found.push_back({hours[i], {offset, bytes}});
    offset += bytes;
  }
  return found;
}

std::expected<std::map<std::int64_t, Segment::Extent>, StoreError> Segment::extents(
    std::int64_t boot_id, std::int64_t series) {
  const auto all = places(boot_id, series);
  if (!all) return std::unexpected(all.error());
  return std::map<std::int64_t, Extent>(all->begin(), all->end());
}

std::expected<std::vector<Segment::Hour>, StoreError> Segment::summaries(std::int64_t boot_id,
                                                                         std::int64_t series,
                                                                         std::int64_t first,
                                                                         std::int64_t last) {
  std::vector<Hour> found;
  const auto boot = boots_.find(boot_id);
  if (boot == boots_.end()) return found;
  const auto run = boot->second.runs.find(minutes_part(series));
  if (run == boot->second.runs.end()) return found;
  const auto head = read_head(boot_id, minutes_part(series), boot->second, run->second, true);
  if (!head) return std::unexpected(head.error());

  const auto& hours = boot->second.hours_of_minutes;
  found.reserve(head->summaries.size());
  auto summary = head->summaries.begin();
  for (std::size_t i = 0; i < hours.size(); ++i) {
    if (head->lengths[i] == 0) continue;
    if (hours[i] >= first && hours[i] <= last) found.push_back({hours[i], *summary});
    ++summary;
  }
  return found;
}

std::expected<Segment::Stretch, StoreError> Segment::stretch(std::int64_t boot_id,
                                                             std::int64_t series,
                                                             std::int64_t first,
                                                             std::int64_t last) {
  auto all = places(boot_id, series);
  if (!all) return std::unexpected(all.error());
  std::erase_if(*all, [&](const auto& part) { return part.first < first || part.first > last; });
  Stretch found;
  if (all->empty()) return found;
  const auto offset = all->front().second.offset, end = all->back().second.offset;
  auto bytes = read(offset, end + all->back().second.bytes - offset);
  if (!bytes) return std::unexpected(bytes.error());
  for (auto& [hour, place] : *all) place.offset -= offset;
  return Stretch{std::move(*bytes), std::move(*all)};
}

std::expected<Segment::Parts, StoreError> Segment::parts(std::int64_t boot_id, std::int64_t series,
                                                         std::int64_t first, std::int64_t last) {
  const auto found = stretch(boot_id, series, first, last);
  if (!found) return std::unexpected(found.error());
  Parts parts;
  for (const auto& [hour, place] : found->parts) {
    const auto bytes = std::span(found->bytes).subspan(place.offset, place.bytes);
    parts.emplace_hint(parts.end(), hour, Bytes(bytes.begin(), bytes.end()));
  }
  return parts;
}

Segment::Extent Segment::head(std::int64_t boot_id, std::int64_t series) const {
  const Run& run = boots_.at(boot_id).runs.at(series);
  return {run.offset, run.head_bytes};
}

Segment::Extent Segment::index(File& file) {
  const auto size = file.size().value_or(0);
  Bytes bytes(length_bytes);
  if (size < magic_bytes + length_bytes ||
      file.read(size - length_bytes, bytes).value_or(0) != length_bytes) {
    return {0, size};
  }
  auto length = little_endian(bytes);
  if (length > size - magic_bytes - length_bytes) length = 0;
  return {size - length_bytes - length, length_bytes + length};
}

bool Segment::has_magic() {
  auto begin = read(0, magic_bytes);
  if (!begin || begin->back() != version_) return false;
  begin->pop_back();
  return std::ranges::equal(*begin, magic);
}

PackedHour::Parts SegmentReader::hour(std::int64_t row) {
  return [this,
          row](std::int64_t series) -> std::expected<std::span<const std::uint8_t>, StoreError> {
    auto run = read_.find(series);
    if (run == read_.end()) {
      auto stretch = segment_.stretch(boot_id_, series, first_, last_);
      if (!stretch) return std::unexpected(stretch.error());
      run = read_.emplace(series, std::move(*stretch)).first;
    }
    const auto& [bytes, parts] = run->second;
    const auto part = std::ranges::lower_bound(parts, row, {}, [](auto& p) { return p.first; });
    if (part == parts.end() || part->first != row) return std::span<const std::uint8_t>();
    return unseal({row, series}, std::span(bytes).subspan(part->second.offset, part->second.bytes));
  };
}

}  // namespace hub
