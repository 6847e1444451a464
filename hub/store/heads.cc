#include "hub/store/heads.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <limits>
#include <utility>

#include "hub/store/block.h"

namespace hub {

using measurement::Quantity;
using measurement::Sample;

namespace {

std::int64_t absences_of(const Sample& sample) {
  std::int64_t absent = 0;
  for (std::size_t c = 0; c < sample.channels(); ++c) {
    const bool is_absent = sample.measured_steps(Quantity::active_power, c) == Sample::absent;
    absent |= std::int64_t{is_absent} << c;
  }
  return absent;
}
static_assert(measurement::max_channels < 63, "BUG: the channels do not fit an integer's bits");

Heads::Samples decoded(Heads::Row row, const Bytes& block) {
  auto samples = decode_block(row, block);
  assert(samples && "BUG: what was encoded in memory is not decoded");
  return std::move(*samples);
}

}  // namespace

template <class Change>
void Heads::change(Head& head, Change change) {
  const auto open_bytes = [&] { return head.open.capacity() * sizeof(Sample); };
  open_bytes_ -= open_bytes();
  encoded_bytes_ -= head.block.capacity();
  change();
  open_bytes_ += open_bytes();
  encoded_bytes_ += head.block.capacity();
}

void Heads::begin(Row row, Samples samples) {
  auto& head = heads_[row];
  change(head, [&] { head.open = std::move(samples); });
  head.count = head.open.size();
  for (const auto& sample : head.open) head.absences |= absences_of(sample);
}

bool Heads::add(Row row, const Sample& sample) {
  auto& head = heads_.at(row);
  bool is_new = false;
  change(head, [&] {
    if (!head.block.empty()) {
      head.open = decoded(row, std::exchange(head.block, {}));
    }
    if (head.open.capacity() == 0) std::swap(head.open, spare_);
    const auto place =
        head.open.empty() || head.open.back().number < sample.number
            ? head.open.end()
            : std::ranges::lower_bound(head.open, sample.number, {}, &Sample::number);
    is_new = place == head.open.end() || place->number != sample.number;
    if (is_new) head.open.insert(place, sample);
  });
  if (is_new) {
    ++head.count;
    head.absences |= absences_of(sample);
    head.is_packed = false;
  }
  return is_new;
}

std::size_t Heads::count(Row row) const { return heads_.at(row).count; }

void Heads::encode(Row row) {
  auto& head = heads_.at(row);
  if (head.open.empty()) return;
  change(head, [&] {
    head.block = encode_block(row, head.open);
    head.block.shrink_to_fit();
    spare_ = std::exchange(head.open, {});
  });
  spare_.clear();
}

std::optional<std::span<const Sample>> Heads::open(Row row) const {
  const auto& head = heads_.at(row);
  if (head.open.empty()) return std::nullopt;
  return head.open;
}

Heads::Samples Heads::samples(Row row) const {
  const auto& head = heads_.at(row);
  return head.open.empty() ? decoded(row, head.block) : head.open;
}

void Heads::append_to(SampleColumns& columns, Row row) const {
  const auto& head = heads_.at(row);
  if (!head.open.empty()) return columns.append(head.open);
  const auto done = append_block(row, head.block, columns);
  assert(done && "BUG: what was encoded in memory is not decoded");
}

Bytes Heads::block(Row row) const {
  const auto& head = heads_.at(row);
  return head.open.empty() ? head.block : encode_block(row, head.open);
}

std::int64_t Heads::absences(Row row) const { return heads_.at(row).absences; }

std::vector<Heads::Row> Heads::rows(Row first, Row last, std::size_t most) const {
  std::vector<Row> rows;
  for (auto head = heads_.lower_bound(first);
       head != heads_.end() && head->first <= last && rows.size() < most; ++head) {
    rows.push_back(head->first);
  }
  return rows;
}

std::vector<Heads::Row> Heads::all() const {
  return rows(std::numeric_limits<Row>::min(), std::numeric_limits<Row>::max());
}

std::optional<Heads::Row> Heads::before(Row row) const {
  const auto after = heads_.upper_bound(row);
  if (after == heads_.begin()) return std::nullopt;
  return std::prev(after)->first;
}

void Heads::clear() {
  heads_.clear();
  encoded_bytes_ = open_bytes_ = 0;
}

}  // namespace hub
