#include "hub/store/log.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <optional>
#include <string_view>

#include "hub/store/numbered_file.h"
#include "hub/store/rows.h"
#include "hub/store/segment.h"

namespace hub {

using measurement::ReportHeader;
using measurement::Sample;
using measurement::Stream;
using measurement::Timestamp;
using measurement::Uptime;

namespace {

constexpr std::array<std::uint8_t, 8> magic = {'L', 'E', 'N', 'Z', 'L', 'O', 'G', '1'};
constexpr std::size_t head_bytes = magic.size() + 8;
constexpr std::size_t length_bytes = 4;  // Of a record's length, before it.
constexpr std::size_t most_samples_in_record = 1'000'000;

// A record's seal names its file and its place in it, so that nothing else is taken for it.
Place place_of(std::int64_t number, std::uint64_t offset) {
  return {number, static_cast<std::int64_t>(offset)};
}

constexpr std::size_t series_of(std::size_t chips) {
  std::size_t a_chip = 0;
  for (const auto& quantity : measured) {
    a_chip += quantity.scope == measurement::Scope::chip ? 1 : measurement::channels_per_chip;
  }
  return chips * a_chip;
}

void put_header(Bytes& body, const ReportHeader& header) {
  put_number(body, header.device.size());
  body.insert(body.end(), header.device.begin(), header.device.end());
  for (const auto field :
       {static_cast<std::int64_t>(header.boot),
        std::int64_t{static_cast<std::uint8_t>(header.stream)}, std::int64_t{header.period.count()},
        std::int64_t{header.booted_at->time_since_epoch().count()},
        static_cast<std::int64_t>(header.lost), std::int64_t{header.origin.timed_on_arrival},
        static_cast<std::int64_t>(header.origin.integrated)}) {
    put_number(body, static_cast<std::uint64_t>(field));
  }
}

// The header's name points into the record.
std::optional<ReportHeader> take_header(ColumnReader& reader) {
  ReportHeader header;
  const auto device = reader.bytes(reader.number());
  header.device = {reinterpret_cast<const char*>(device.data()), device.size()};
  header.boot = reader.number();
  const auto stream = reader.number();
  header.stream = static_cast<Stream>(stream);
  header.period = std::chrono::milliseconds(static_cast<std::int64_t>(reader.number()));
  header.booted_at =
      Timestamp(std::chrono::milliseconds(static_cast<std::int64_t>(reader.number())));
  header.lost = reader.number();
  header.origin.timed_on_arrival = reader.number() != 0;
  header.origin.integrated = reader.number();
  if (!reader.is_good() || stream > static_cast<std::uint8_t>(Stream::coarse)) return std::nullopt;
  return header;
}

}  // namespace

std::string Log::path(std::int64_t number) const {
  return folder_ + "/" + std::string(log_prefix) + std::to_string(number);
}

std::expected<std::vector<std::int64_t>, StoreError> Log::numbers() const {
  const auto names = files_.list(folder_);
  if (!names) return std::unexpected(error_of(names.error()));
  std::vector<std::int64_t> numbers;
  for (const std::string_view name : *names) {
    if (const auto number = number_of(log_prefix, name)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

// ---- Writing -----------------------------------------------------------------------------------

bool Log::is_empty() const { return file_ && written_ == head_bytes; }

std::expected<void, StoreError> Log::begin(std::int64_t number) {
  before_.clear();
  added_.clear();
  if (number == number_ && is_empty()) return {};
  file_.reset();
  failed_.reset();
  written_ = synced_ = 0;
  number_ = number;
  auto file = files_.open(path(number), How::create);
  if (!file) return std::unexpected(error_of(file.error()));
  // What an earlier attempt may have left.
  if (const auto emptied = (*file)->resize(0); !emptied) {
    return std::unexpected(error_of(emptied.error()));
  }
  Bytes head(magic.begin(), magic.end());
  put_little_endian(head, static_cast<std::uint64_t>(number), 8);
  if (const auto done = (*file)->write(0, head); !done)
    return std::unexpected(error_of(done.error()));
  if (const auto done = (*file)->sync(); !done) return std::unexpected(error_of(done.error()));
  if (const auto done = files_.sync_folder(folder_); !done) {
    return std::unexpected(error_of(done.error()));
  }
  written_ = synced_ = head_bytes;
  file_ = std::move(*file);
  return {};
}

void Log::remove_before(std::int64_t number) {
  // What stays is read by nobody and goes the next time.
  const auto all = numbers();
  if (!all) return;
  for (const auto old : *all) {
    if (old < number) static_cast<void>(files_.remove(path(old)));
  }
}

void Log::add(const ReportHeader& header, std::span<const Sample> samples) {
  put_header(added_, header);
  put_number(added_, samples.size());
  Values& before = before_[{std::string(header.device), header.boot, header.stream}];
  for (const auto& sample : samples) {
    const auto series = 2 + series_of(sample.chips());
    if (before.size() != series) before.assign(series, 0);
    put_number(added_, sample.chips());
    change_.resize(series);
    std::size_t at = 0;
    const auto put = [&](std::int64_t value) {
      change_[at] = wrapping_difference(value, std::exchange(before[at], value));
      ++at;
    };
    put(static_cast<std::int64_t>(sample.number));
    put(sample.uptime.count());
    for (const auto& quantity : measured) {
      for (std::size_t i = 0; i < sample.count(quantity.id); ++i) {
        put(sample.measured_steps(quantity.id, i));
      }
    }
    put_column(added_, change_, Differences::none);
  }
}

std::expected<void, StoreError> Log::write() {
  if (!file_) return std::unexpected(failed_.value_or(StoreError::unavailable));
  if (added_.empty()) return {};
  const auto sealed = seal(place_of(number_, written_), added_);
  Bytes record;
  put_little_endian(record, sealed.size(), length_bytes);
  record.insert(record.end(), sealed.begin(), sealed.end());
  if (const auto done = file_->write(written_, record); !done) {
    // Nobody knows what of it is on the disk.
    file_.reset();
    return std::unexpected(error_of(done.error()));
  }
  written_ += record.size();
  added_.clear();
  return {};
}

std::expected<void, StoreError> Log::sync() {
  if (const auto written = write(); !written) return written;
  if (synced_ == written_) return {};
  if (const auto done = file_->sync(); !done) {
    file_.reset();
    return std::unexpected(error_of(done.error()));
  }
  synced_ = written_;
  return {};
}

void Log::hand_over() {
  // What fails here, sync() says.
  if (const auto written = write(); !written) failed_ = written.error();
}

// ---- Reading -----------------------------------------------------------------------------------

std::expected<void, StoreError> Log::replay(std::int64_t number, const Append& append) {
  reading_ = {.number = number};
  found_.clear();
  return follow(append);
}

std::expected<void, StoreError> Log::follow(const Append& append) {
  const auto all = numbers();
  if (!all) return std::unexpected(all.error());
  for (const auto number : *all) {
    if (number < reading_.number) continue;
    if (number > reading_.number) reading_ = {.number = number};
    if (const auto done = read_on(append); !done) return done;
  }
  return {};
}

std::expected<void, StoreError> Log::read_on(const Append& append) {
  auto& [number, offset, before] = reading_;
  const auto file = files_.open(path(number), How::read);
  if (!file) return std::unexpected(error_of(file.error()));
  auto size = (*file)->size();
  if (!size) return std::unexpected(error_of(size.error()));
  // Of our own log only what was synced: the rest was told to have failed.
  if (number == number_) *size = std::min<std::uint64_t>(*size, synced_);
  if (offset == 0) {
    Bytes head(head_bytes);
    const auto got = (*file)->read(0, head);
    if (!got) return std::unexpected(error_of(got.error()));
    if (*size < head_bytes || *got < head_bytes ||
        !std::ranges::equal(std::span(head).first(magic.size()), magic) ||
        little_endian(std::span(head).subspan(magic.size(), 8)) !=
            static_cast<std::uint64_t>(number)) {
      return {};  // The power went while it was begun.
    }
    offset = head_bytes;
    found_[number] = offset;
  }
  if (*size <= offset) return {};

  Bytes bytes(*size - offset);
  const auto got = (*file)->read(offset, bytes);
  if (!got) return std::unexpected(error_of(got.error()));
  bytes.resize(*got);
  for (std::span<const std::uint8_t> rest(bytes); rest.size() > length_bytes;) {
    const auto length = little_endian(rest.first(length_bytes));
    if (length > rest.size() - length_bytes) break;
    const auto body = unseal(place_of(number, offset), rest.subspan(length_bytes, length));
    if (!body) break;
    offset += length_bytes + length;
    found_[number] = offset;
    rest = rest.subspan(length_bytes + length);
    if (const auto done = replay_record(*body, before, append); !done) return done;
  }
  return {};
}

std::expected<void, StoreError> Log::write_again() {
  for (const auto& [number, end] : found_) {
    const auto file = files_.open(path(number), How::write);
    if (!file) return std::unexpected(error_of(file.error()));
    Bytes bytes(end);
    const auto got = (*file)->read(0, bytes);
    if (!got) return std::unexpected(error_of(got.error()));
    bytes.resize(*got);
    auto done = (*file)->write(0, bytes);
    if (done) done = (*file)->sync();
    if (!done) return std::unexpected(error_of(done.error()));
  }
  return {};
}

bool Log::has_found() const {
  return std::ranges::any_of(found_, [](const auto& log) { return log.second > head_bytes; });
}

std::uint64_t Log::found_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [number, end] : found_) bytes += end;
  return bytes;
}

std::expected<void, StoreError> Log::replay_record(std::span<const std::uint8_t> body,
                                                   Before& before, const Append& append) {
  ColumnReader reader(body);
  while (!reader.is_at_end()) {
    const auto header = take_header(reader);
    const auto count = reader.number();
    if (!header || !reader.is_good() || count > most_samples_in_record) {
      return std::unexpected(StoreError::corrupted);
    }
    std::vector<Sample> samples;
    Values& values = before[{std::string(header->device), header->boot, header->stream}];
    for (std::uint64_t s = 0; s < count; ++s) {
      const auto chips = reader.number();
      if (!reader.is_good() || chips > measurement::max_chips) {
        return std::unexpected(StoreError::corrupted);
      }
      const auto series = 2 + series_of(chips);
      if (values.size() != series) values.assign(series, 0);
      Values change(series);
      reader.column(change, Differences::none);
      for (std::size_t i = 0; i < series; ++i) values[i] = wrapping_sum(values[i], change[i]);

      auto& sample = samples.emplace_back(chips);
      auto value = values.begin();
      sample.number = static_cast<std::uint64_t>(*value++);
      sample.uptime = Uptime(*value++);
      for (const auto& quantity : measured) {
        for (std::size_t i = 0; i < sample.count(quantity.id); ++i, ++value) {
          if (*value != Sample::absent) sample.put_steps(quantity.id, i, *value);
        }
      }
    }
    if (!reader.is_good()) return std::unexpected(StoreError::corrupted);
    if (const auto done = append(*header, samples); !done) return done;
  }
  return {};
}

}  // namespace hub
