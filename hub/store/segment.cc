#include "hub/store/segment.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <iterator>
#include <limits>

#include "hub/store/packed_column.h"
#include "hub/store/packed_hour.h"
#include "hub/store/rows.h"

namespace hub {
namespace {

constexpr std::array<std::uint8_t, 8> magic = {'L', 'E', 'N', 'Z', 'S', 'E', 'G', '1'};
constexpr std::size_t length_bytes = 4;  // Of the index' length, at the file's end.

// No hour's row: those are of whole hours.
Place place_of_head(std::int64_t boot_id, std::int64_t series) {
  return {first_row(boot_id) + 1, series};
}
Place place_of_index(std::int64_t number) { return {number, -2}; }

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
  if (const auto done = writer.write(magic); !done) return std::unexpected(done.error());
  return writer;
}

std::expected<void, StoreError> SegmentWriter::write(std::span<const std::uint8_t> bytes) {
  if (const auto done = file_->write(written_, bytes); !done) {
    return std::unexpected(error_of(done.error()));
  }
  written_ += bytes.size();
  return {};
}

std::expected<void, StoreError> SegmentWriter::add(PartPlace place,
                                                   std::span<const std::uint8_t> sealed) {
  assert((lengths_.empty() || place_ < place) && "BUG: parts come in order");
  if (!lengths_.empty() && (place.boot_id != place_.boot_id || place.series != place_.series)) {
    if (const auto done = end_run(); !done) return done;
  }
  if (boots_.empty() || boots_.back().id != place.boot_id)
    boots_.push_back({place.boot_id, {}, {}});
  if (place.series == clock_part) boots_.back().hours.push_back(place.hour);
  place_ = place;
  parts_.insert(parts_.end(), sealed.begin(), sealed.end());
  lengths_[place.hour] = sealed.size();
  return {};
}

std::expected<void, StoreError> SegmentWriter::end_run() {
  Boot& boot = boots_.back();
  std::vector<std::int32_t> lengths;
  for (const auto hour : boot.hours) {
    const auto found = lengths_.find(hour);
    lengths.push_back(found == lengths_.end() ? 0 : static_cast<std::int32_t>(found->second));
  }
  Bytes body;
  pack(body, lengths);
  const auto head = seal(place_of_head(place_.boot_id, place_.series), body);
  boot.runs.push_back({place_.series, head.size(), head.size() + parts_.size()});
  if (const auto done = write(head); !done) return done;
  if (const auto done = write(parts_); !done) return done;
  parts_.clear();
  lengths_.clear();
  return {};
}

std::expected<std::uint64_t, StoreError> SegmentWriter::finish() {
  if (!lengths_.empty()) {
    if (const auto done = end_run(); !done) return std::unexpected(done.error());
  }
  Bytes index;
  put_number(index, boots_.size());
  for (const auto& boot : boots_) {
    put_number(index, static_cast<std::uint64_t>(boot.id));
    put_number(index, boot.hours.size());
    put_column(index, boot.hours, Differences::second);
    put_number(index, boot.runs.size());
    for (const auto& run : boot.runs) {
      put_number(index, static_cast<std::uint64_t>(run.series - clock_part));
      put_number(index, run.head_bytes);
      put_number(index, run.bytes);
    }
  }
  auto end = seal(place_of_index(number_), index);
  const auto length = end.size();
  put_little_endian(end, length, length_bytes);
  if (const auto done = write(end); !done) return std::unexpected(done.error());
  if (const auto done = file_->sync(); !done) return std::unexpected(error_of(done.error()));
  return written_;
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
  if (*size < magic.size() + length_bytes) return corrupted;
  const auto length_read = segment->read(*size - length_bytes, length_bytes);
  if (!length_read) return std::unexpected(length_read.error());
  const auto length = little_endian(*length_read);
  if (length > *size - magic.size() - length_bytes) return corrupted;
  const auto sealed = segment->read(*size - length_bytes - length, length);
  if (!sealed) return std::unexpected(sealed.error());
  const auto index = unseal(place_of_index(number), *sealed);
  if (!index) return std::unexpected(index.error());

  ColumnReader reader(*index);
  std::uint64_t offset = magic.size();
  for (auto boots = reader.number(); reader.is_good() && boots > 0; --boots) {
    Boot& boot = segment->boots_[static_cast<std::int64_t>(reader.number())];
    const auto hours = reader.number();
    if (!reader.is_good() || hours > *size) return corrupted;
    boot.hours.resize(hours);
    reader.column(boot.hours, Differences::second);
    for (auto runs = reader.number(); reader.is_good() && runs > 0; --runs) {
      const auto series = static_cast<std::int64_t>(reader.number()) + clock_part;
      Run& run = boot.runs[series];
      run = {offset, reader.number(), 0};
      run.bytes = reader.number();
      if (run.head_bytes > run.bytes || run.bytes > *size) return corrupted;
      offset += run.bytes;
    }
  }
  if (!reader.is_good() || !reader.is_at_end()) return corrupted;
  return segment;
}

std::vector<PartPlace> Segment::hours() const {
  std::vector<PartPlace> places;
  for (const auto& [id, boot] : boots_) {
    for (const auto hour : boot.hours) places.push_back({id, clock_part, hour});
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

std::expected<std::map<std::int64_t, Segment::Extent>, StoreError> Segment::extents(
    std::int64_t boot_id, std::int64_t series) {
  std::map<std::int64_t, Extent> found;
  const auto boot = boots_.find(boot_id);
  if (boot == boots_.end()) return found;
  const auto run = boot->second.runs.find(series);
  if (run == boot->second.runs.end()) return found;
  const auto& hours = boot->second.hours;

  const auto sealed = read(run->second.offset, run->second.head_bytes);
  if (!sealed) return std::unexpected(sealed.error());
  const auto head = unseal(place_of_head(boot_id, series), *sealed);
  if (!head) return std::unexpected(head.error());
  std::vector<std::int32_t> lengths(hours.size());
  if (unpack(*head, lengths) != head->size()) return corrupted;

  std::uint64_t offset = run->second.offset + run->second.head_bytes;
  for (std::size_t i = 0; i < hours.size(); ++i) {
    if (lengths[i] < 0) return corrupted;
    const auto bytes = static_cast<std::uint64_t>(lengths[i]);
    if (bytes > 0) found.emplace_hint(found.end(), hours[i], Extent{offset, bytes});
    offset += bytes;
  }
  if (offset > run->second.offset + run->second.bytes) return corrupted;
  return found;
}

std::expected<Segment::Parts, StoreError> Segment::parts(std::int64_t boot_id, std::int64_t series,
                                                         std::int64_t first, std::int64_t last) {
  const auto all = extents(boot_id, series);
  if (!all) return std::unexpected(all.error());
  Parts found;
  const auto begin = all->lower_bound(first), end = all->upper_bound(last);
  if (begin == end || last < first) return found;
  const auto offset = begin->second.offset;
  const auto& [last_offset, last_bytes] = std::prev(end)->second;
  const auto bytes = read(offset, last_offset + last_bytes - offset);
  if (!bytes) return std::unexpected(bytes.error());
  for (auto part = begin; part != end; ++part) {
    const auto at = bytes->begin() + static_cast<std::ptrdiff_t>(part->second.offset - offset);
    found.emplace_hint(found.end(), part->first,
                       Bytes(at, at + static_cast<std::ptrdiff_t>(part->second.bytes)));
  }
  return found;
}

Segment::Extent Segment::head(std::int64_t boot_id, std::int64_t series) const {
  const Run& run = boots_.at(boot_id).runs.at(series);
  return {run.offset, run.head_bytes};
}

Segment::Extent Segment::index(File& file) {
  const auto size = file.size().value_or(0);
  Bytes bytes(length_bytes);
  if (size < magic.size() + length_bytes ||
      file.read(size - length_bytes, bytes).value_or(0) != length_bytes) {
    return {0, size};
  }
  auto length = little_endian(bytes);
  if (length > size - magic.size() - length_bytes) length = 0;
  return {size - length_bytes - length, length_bytes + length};
}

bool Segment::has_magic() {
  const auto begin = read(0, magic.size());
  return begin && std::ranges::equal(*begin, magic);
}

PackedHour::Parts SegmentReader::hour(std::int64_t row) {
  return
      [this, row](std::int64_t series) -> std::expected<std::span<const std::uint8_t>, StoreError> {
        auto run = read_.find(series);
        if (run == read_.end()) {
          auto parts = segment_.parts(boot_id_, series, first_, last_);
          if (!parts) return std::unexpected(parts.error());
          run = read_.emplace(series, std::move(*parts)).first;
        }
        const auto part = run->second.find(row);
        if (part == run->second.end()) return std::span<const std::uint8_t>();
        return unseal({row, series}, part->second);
      };
}

}  // namespace hub
