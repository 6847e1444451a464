#include "hub/store/packed_column.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

namespace hub {
namespace {

static_assert(std::endian::native == std::endian::little, "BUG: words are copied as they lie");

constexpr std::size_t group_size = 128;
constexpr unsigned max_width = 32;

// A group's first octet: its kind, whether it has exceptions, and its width; or how many groups go
// on with the value before.
enum Kind : unsigned { around = 0, changes = 1 };
constexpr unsigned widths = max_width + 1;
constexpr unsigned first_repeat = 4 * widths;
constexpr std::size_t most_repeats = 256 - first_repeat;
// An octet that no group begins with, as none of 32 bits has exceptions: then comes the step that
// the group's numbers count.
constexpr unsigned stepped = first_repeat - 1;

using Group = std::array<std::uint32_t, group_size>;

constexpr std::uint32_t mask(unsigned width) {
  return width == max_width ? ~0u : (1u << width) - 1;
}

// ---- Bits --------------------------------------------------------------------------------------

// A full group lies in four lanes, value i in lane i % 4, so that four are unpacked at once; what
// is not a full group lies value by value. Both have the lowest bit first.
constexpr std::size_t lanes = 4, rows = group_size / lanes;
using Words [[gnu::vector_size(16)]] = std::uint32_t;

constexpr std::size_t bytes_of(std::size_t count, unsigned width) {
  return (count * width + 7) / 8;
}

template <unsigned width>
void unpack_lanes(const std::uint8_t* bytes, std::uint32_t* values) {
  if constexpr (width == 0) {
    std::fill_n(values, group_size, 0u);
  } else {
    const auto word = [&](unsigned index) {
      Words words;
      std::memcpy(&words, bytes + sizeof words * index, sizeof words);
      return words;
    };
#pragma GCC unroll 32
    for (unsigned row = 0; row < rows; ++row) {
      const unsigned first = row * width / 32, shift = row * width % 32;
      Words value = word(first) >> shift;
      if (shift + width > 32) value |= word(first + 1) << (32 - shift);
      value &= mask(width);
      std::memcpy(values + lanes * row, &value, sizeof value);
    }
  }
}

using UnpackLanes = void (*)(const std::uint8_t*, std::uint32_t*);
constexpr auto unpack_lanes_of = []<unsigned... width>(std::integer_sequence<unsigned, width...>) {
  return std::array<UnpackLanes, widths>{unpack_lanes<width>...};
}
(std::make_integer_sequence<unsigned, widths>());

template <unsigned width>
void pack_lanes(const std::uint32_t* values, std::uint8_t* bytes) {
  if constexpr (width > 0) {
    Words held = {};
#pragma GCC unroll 32
    for (unsigned row = 0; row < rows; ++row) {
      const unsigned shift = row * width % 32;
      Words value;
      std::memcpy(&value, values + lanes * row, sizeof value);
      value &= mask(width);
      held |= value << shift;
      if (shift + width < 32) continue;
      std::memcpy(bytes, &held, sizeof held);
      bytes += sizeof held;
      held = Words{};
      if (shift + width > 32) held = value >> (32 - shift);
    }
  }
}

using PackLanes = void (*)(const std::uint32_t*, std::uint8_t*);
constexpr auto pack_lanes_of = []<unsigned... width>(std::integer_sequence<unsigned, width...>) {
  return std::array<PackLanes, widths>{pack_lanes<width>...};
}
(std::make_integer_sequence<unsigned, widths>());

void put_lanes(Bytes& bytes, const Group& values, unsigned width) {
  const auto begin = bytes.size();
  bytes.resize(begin + bytes_of(group_size, width));
  pack_lanes_of[width](values.data(), bytes.data() + begin);
}

void put_one_by_one(Bytes& bytes, std::span<const std::uint32_t> values, unsigned width) {
  std::uint64_t bits = 0;
  unsigned held = 0;
  for (const auto value : values) {
    bits |= std::uint64_t{value & mask(width)} << held;
    for (held += width; held >= 8; held -= 8, bits >>= 8) {
      bytes.push_back(static_cast<std::uint8_t>(bits));
    }
  }
  if (held > 0) bytes.push_back(static_cast<std::uint8_t>(bits));
}

// With room behind them, so that each value is taken from a whole word.
void take_one_by_one(const std::uint8_t* bytes, std::span<std::uint32_t> values, unsigned width) {
  std::uint64_t word = 0;
  std::array<std::uint8_t, group_size * sizeof(std::uint32_t) + sizeof word> padded;
  const auto size = bytes_of(values.size(), width);
  std::memcpy(padded.data(), bytes, size);
  std::memset(padded.data() + size, 0, sizeof word);
  std::size_t bit = 0;
  for (auto& value : values) {
    std::memcpy(&word, padded.data() + bit / 8, sizeof word);
    value = static_cast<std::uint32_t>(word >> bit % 8) & mask(width);
    bit += width;
  }
}

// ---- Packing -----------------------------------------------------------------------------------

// How narrow a group is best, when each wider value costs its place and its upper bits.
struct Fit {
  unsigned width = 0;  // Of all values.
  unsigned wider = 0;  // Bits of the exceptions beyond it.
  std::size_t exceptions = 0;
  std::size_t bits = 0;
};

Fit fit(std::span<const std::uint32_t> values) {
  std::array<std::size_t, widths> count{};
  for (const auto value : values) ++count[static_cast<unsigned>(std::bit_width(value))];
  unsigned widest = max_width;
  while (widest > 0 && count[widest] == 0) --widest;
  Fit best{widest, 0, 0, values.size() * widest};
  std::size_t exceptions = 0;
  for (unsigned width = widest; width-- > 0;) {
    exceptions += count[width + 1];
    const unsigned wider = widest - width;
    const std::size_t bits = values.size() * width + 16 + exceptions * (8 + wider);
    if (bits < best.bits) best = {width, wider, exceptions, bits};
  }
  return best;
}

// A group as it would be written.
struct Choice {
  Kind kind = around;
  std::uint32_t step = 1;
  std::uint32_t base = 0;  // Of those around it.
  Group rests{};           // Zigzag, in steps.
  Fit fit{};
  std::size_t bits = 0;
};

std::size_t bits_of_number(std::uint32_t number) {
  return 8 * ((static_cast<std::size_t>(std::bit_width(number | 1)) + 6) / 7);
}

void measure(Choice& choice, std::size_t size, std::uint32_t before) {
  choice.fit = fit(std::span(choice.rests).first(size));
  choice.bits = choice.fit.bits;
  if (choice.kind == around) choice.bits += bits_of_number(zigzag(choice.base - before));
  if (choice.step > 1) choice.bits += 8 + bits_of_number(choice.step);
}

void put_group(Bytes& bytes, const Choice& choice, std::size_t size, std::uint32_t before) {
  const auto& [kind, step, base, group, fit, unused] = choice;
  const auto values = std::span(group).first(size);
  const unsigned has_exceptions = fit.exceptions > 0 ? 1 : 0;
  if (step > 1) {
    bytes.push_back(stepped);
    put_number(bytes, step);
  }
  bytes.push_back(static_cast<std::uint8_t>((kind * 2 + has_exceptions) * widths + fit.width));
  if (fit.exceptions > 0) {
    bytes.push_back(static_cast<std::uint8_t>(fit.exceptions - 1));
    bytes.push_back(static_cast<std::uint8_t>(fit.wider));
    Group upper;
    std::size_t found = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (values[i] <= mask(fit.width)) continue;
      bytes.push_back(static_cast<std::uint8_t>(i));
      upper[found++] = values[i] >> fit.width;
    }
    put_one_by_one(bytes, std::span(upper).first(found), fit.wider);
  }
  if (size == group_size) {
    put_lanes(bytes, group, fit.width);
  } else {
    put_one_by_one(bytes, values, fit.width);
  }
  if (kind == around) put_number(bytes, zigzag(base - before));
}

using GroupValues = std::span<const std::int32_t>;

std::int64_t middle_of(GroupValues group) {
  std::int64_t sum = 0;
  for (const auto value : group) sum += value;
  return sum / static_cast<std::int64_t>(group.size());
}

Choice exactly(GroupValues group, std::uint32_t before) {
  Choice by_change{.kind = changes}, by_distance{.kind = around};
  by_distance.base = static_cast<std::uint32_t>(middle_of(group));
  by_change.rests[0] = zigzag(static_cast<std::uint32_t>(group[0]) - before);
  for (std::size_t i = 1; i < group.size(); ++i) {
    by_change.rests[i] =
        zigzag(static_cast<std::uint32_t>(group[i]) - static_cast<std::uint32_t>(group[i - 1]));
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    by_distance.rests[i] = zigzag(static_cast<std::uint32_t>(group[i]) - by_distance.base);
  }
  measure(by_change, group.size(), before);
  measure(by_distance, group.size(), before);
  return by_change.bits <= by_distance.bits ? by_change : by_distance;
}

// ---- Packing with slack ------------------------------------------------------------------------

// What a value may become, both included. In 64 bits, as it may pass the ends of 32, and wraps.
struct Window {
  std::int64_t least = 0, most = 0;

  bool has(std::int64_t value) const { return least <= value && value <= most; }
  Window also(const Window& other) const {
    return {std::max(least, other.least), std::min(most, other.most)};
  }
};
using Windows = std::span<const Window>;

std::int64_t rounded_up(std::int64_t a, std::int64_t b) { return a > 0 ? (a + b - 1) / b : a / b; }

// How many steps from `from` into the window, as few as can be; absent where none is in it.
std::optional<std::int64_t> steps_into(const Window& window, std::int64_t from, std::int64_t step) {
  if (window.has(from)) return 0;
  const bool is_above = window.least > from;
  const auto steps =
      is_above ? rounded_up(window.least - from, step) : -rounded_up(from - window.most, step);
  if (!window.has(from + steps * step)) return std::nullopt;
  return steps;
}

std::uint32_t zigzag_of(std::int64_t steps) { return zigzag(static_cast<std::uint32_t>(steps)); }

std::optional<Choice> around_with_step(Windows windows, std::int64_t base, std::int64_t step,
                                       std::uint32_t before) {
  Choice choice{.kind = around};
  choice.step = static_cast<std::uint32_t>(step);
  choice.base = static_cast<std::uint32_t>(base);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const auto steps = steps_into(windows[i], base, step);
    if (!steps) return std::nullopt;
    choice.rests[i] = zigzag_of(*steps);
  }
  measure(choice, windows.size(), before);
  return choice;
}

// Stays with a value for as long as it may.
std::optional<Choice> staying(Windows windows, std::int64_t step, std::uint32_t before) {
  Choice choice{.kind = changes};
  choice.step = static_cast<std::uint32_t>(step);
  std::int64_t value = static_cast<std::int32_t>(before);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    if (windows[i].has(value)) {
      choice.rests[i] = 0;
      continue;
    }
    // What the next ones may be, too.
    Window common = windows[i];
    for (std::size_t next = i + 1; next < windows.size(); ++next) {
      const auto narrower = common.also(windows[next]);
      if (narrower.least > narrower.most) break;
      common = narrower;
    }
    const auto middle = common.least + (common.most - common.least) / 2;
    auto steps = (middle - value + (middle > value ? step / 2 : -(step / 2))) / step;
    if (!windows[i].has(value + steps * step)) {
      const auto nearest = steps_into(windows[i], value, step);
      if (!nearest) return std::nullopt;
      steps = *nearest;
    }
    choice.rests[i] = zigzag_of(steps);
    value += steps * step;
  }
  measure(choice, windows.size(), before);
  return choice;
}

Choice with_slack(GroupValues group, std::span<const std::int32_t> slack, Windows windows,
                  std::uint32_t before) {
  Choice best = exactly(group, before);
  const auto consider = [&](const std::optional<Choice>& other) {
    if (other && other->bits < best.bits) best = *other;
  };
  Window common = windows.front();
  for (const auto& window : windows) common = common.also(window);
  const auto middle = middle_of(group);
  if (common.least <= common.most) {
    consider(around_with_step(windows, std::clamp(middle, common.least, common.most), 1, before));
    return best;
  }
  consider(staying(windows, 1, before));
  // With steps of no more than this there is one in each window, but for values without slack.
  std::int64_t least = std::numeric_limits<std::int32_t>::max();
  bool has_rigid = false;
  for (const auto each : slack) {
    has_rigid |= each == 0;
    if (each > 0) least = std::min<std::int64_t>(least, each);
  }
  const auto step = 2 * least + 1;
  consider(staying(windows, step, before));
  consider(around_with_step(windows, middle, step, before));
  // As many on both sides of the middle: one bit for each.
  consider(around_with_step(windows, middle + step / 2, step, before));
  if (has_rigid) consider(around_with_step(windows, middle / step * step, step, before));
  return best;
}

// What unpack() gives.
void follow(const Choice& choice, std::span<std::int32_t> group, std::uint32_t before) {
  auto value = choice.kind == changes ? before : choice.base;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const auto next = value + choice.step * unzigzag(choice.rests[i]);
    if (choice.kind == changes) value = next;
    group[i] = static_cast<std::int32_t>(next);
  }
}

// A group after the other.
class Packing {
 public:
  explicit Packing(Bytes& bytes) : bytes_(bytes) {}

  void add(GroupValues group) {
    if (std::ranges::all_of(
            group, [&](auto value) { return static_cast<std::uint32_t>(value) == before_; })) {
      return repeat();
    }
    put(exactly(group, before_), group);
  }

  void add(std::span<std::int32_t> group, std::span<const std::int32_t> slack) {
    if (std::ranges::all_of(slack, [](auto each) { return each == 0; })) return add(group);
    std::array<Window, group_size> windows;
    for (std::size_t i = 0; i < group.size(); ++i) {
      windows[i] = {std::int64_t{group[i]} - slack[i], std::int64_t{group[i]} + slack[i]};
    }
    const auto all = std::span(windows).first(group.size());
    const auto last = static_cast<std::int32_t>(before_);
    if (std::ranges::all_of(all, [&](const auto& window) { return window.has(last); })) {
      std::ranges::fill(group, last);
      return repeat();
    }
    const auto choice = with_slack(group, slack, all, before_);
    follow(choice, group, before_);
    put(choice, group);
  }

  void end() {
    if (repeats_ > 0) bytes_.push_back(static_cast<std::uint8_t>(first_repeat + repeats_ - 1));
    repeats_ = 0;
  }

 private:
  void repeat() {
    if (++repeats_ == most_repeats) end();
  }
  void put(const Choice& choice, GroupValues group) {
    end();
    put_group(bytes_, choice, group.size(), before_);
    before_ = static_cast<std::uint32_t>(group.back());
  }

  Bytes& bytes_;
  std::uint32_t before_ = 0;
  std::size_t repeats_ = 0;
};

template <class Values>
auto group_of(const Values& values, std::size_t begin) {
  return values.subspan(begin, std::min(group_size, values.size() - begin));
}

}  // namespace

void pack(Bytes& bytes, std::span<const std::int32_t> values) {
  Packing packing(bytes);
  for (std::size_t begin = 0; begin < values.size(); begin += group_size) {
    packing.add(group_of(values, begin));
  }
  packing.end();
}

std::vector<std::size_t> some_busy_groups(std::span<const std::int32_t> values) {
  constexpr std::size_t one_of = 4;
  std::vector<std::size_t> groups;
  std::size_t busy = 0;
  for (std::size_t begin = 0; begin < values.size(); begin += group_size) {
    const auto group = group_of(values, begin);
    if (std::ranges::all_of(group, [&](auto value) { return value == group.front(); })) continue;
    if (busy++ % one_of == 0) groups.push_back(begin / group_size);
  }
  return groups;
}

std::size_t packed_bits(std::span<const std::int32_t> values, std::span<const std::size_t> groups) {
  std::size_t bits = 0;
  for (const auto group : groups) {
    const auto begin = group * group_size;
    const auto before = begin == 0 ? 0 : static_cast<std::uint32_t>(values[begin - 1]);
    bits += exactly(group_of(values, begin), before).bits;
  }
  return bits;
}

void pack_with_slack(Bytes& bytes, std::span<std::int32_t> values,
                     std::span<const std::int32_t> slack) {
  Packing packing(bytes);
  for (std::size_t begin = 0; begin < values.size(); begin += group_size) {
    packing.add(group_of(values, begin), group_of(slack, begin));
  }
  packing.end();
}

// ---- Unpacking ---------------------------------------------------------------------------------

namespace {

// What is left of the bytes. Taking more than there is gives nothing and is remembered.
class Rest {
 public:
  explicit Rest(std::span<const std::uint8_t> bytes) : rest_(bytes), size_(bytes.size()) {}

  const std::uint8_t* take(std::size_t count) {
    if (count > rest_.size()) return nullptr;
    const auto* begin = rest_.data();
    rest_ = rest_.subspan(count);
    return begin;
  }
  std::size_t taken() const { return size_ - rest_.size(); }

 private:
  std::span<const std::uint8_t> rest_;
  std::size_t size_;
};

struct Exceptions {
  std::size_t count = 0;
  const std::uint8_t* places = nullptr;
  Group upper;
};

bool take_exceptions(Rest& rest, unsigned width, std::size_t size, Exceptions& exceptions) {
  const auto* head = rest.take(2);
  if (!head) return false;
  exceptions.count = std::size_t{head[0]} + 1;
  const unsigned wider = head[1];
  if (exceptions.count > size || width + wider > max_width) return false;
  exceptions.places = rest.take(exceptions.count);
  const auto* upper = rest.take(bytes_of(exceptions.count, wider));
  if (!exceptions.places || !upper) return false;
  if (std::any_of(exceptions.places, exceptions.places + exceptions.count,
                  [&](std::uint8_t place) { return place >= size; })) {
    return false;
  }
  take_one_by_one(upper, std::span(exceptions.upper).first(exceptions.count), wider);
  return true;
}

bool take_number(Rest& rest, std::uint32_t& number) {
  number = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    const auto* octet = rest.take(1);
    if (!octet) return false;
    number |= std::uint32_t{*octet & 0x7Fu} << shift;
    if (*octet < 0x80) return true;
  }
  return false;
}

void add_up(std::uint32_t* values, std::size_t size, std::uint32_t step, std::uint32_t before) {
  if (step == 1) {
    for (std::size_t i = 0; i < size; ++i) values[i] = before += unzigzag(values[i]);
  } else {
    for (std::size_t i = 0; i < size; ++i) values[i] = before += step * unzigzag(values[i]);
  }
}

void lay_around(std::uint32_t* values, std::size_t size, std::uint32_t step, std::uint32_t base) {
  if (step == 1) {
    for (std::size_t i = 0; i < size; ++i) values[i] = base + unzigzag(values[i]);
  } else {
    for (std::size_t i = 0; i < size; ++i) values[i] = base + step * unzigzag(values[i]);
  }
}

}  // namespace

std::optional<std::size_t> unpack(std::span<const std::uint8_t> packed,
                                  std::span<std::int32_t> values) {
  Rest rest(packed);
  std::uint32_t before = 0;
  Exceptions exceptions;
  for (std::size_t begin = 0; begin < values.size();) {
    const auto* head = rest.take(1);
    if (!head) return std::nullopt;
    if (*head >= first_repeat) {
      const auto until = begin + (*head - first_repeat + 1) * group_size;
      if (until >= values.size() + group_size) return std::nullopt;
      const auto end = std::min(until, values.size());
      std::fill(values.begin() + static_cast<std::ptrdiff_t>(begin),
                values.begin() + static_cast<std::ptrdiff_t>(end),
                static_cast<std::int32_t>(before));
      begin = end;
      continue;
    }
    std::uint32_t step = 1;
    if (*head == stepped) {
      if (!take_number(rest, step)) return std::nullopt;
      head = rest.take(1);
      if (!head || *head >= stepped) return std::nullopt;
    }

    const std::size_t size = std::min(group_size, values.size() - begin);
    const unsigned width = *head % widths;
    const bool is_changes = *head / widths / 2 == changes;
    exceptions.count = 0;
    if (*head / widths % 2 == 1 && !take_exceptions(rest, width, size, exceptions)) {
      return std::nullopt;
    }
    const auto* bits = rest.take(bytes_of(size, width));
    if (!bits) return std::nullopt;
    auto* group = reinterpret_cast<std::uint32_t*>(values.data() + begin);
    if (size == group_size) {
      unpack_lanes_of[width](bits, group);
    } else {
      take_one_by_one(bits, {group, size}, width);
    }
    for (std::size_t i = 0; i < exceptions.count; ++i) {
      group[exceptions.places[i]] |= exceptions.upper[i] << width;
    }
    if (is_changes) {
      add_up(group, size, step, before);
    } else {
      std::uint32_t base = 0;
      if (!take_number(rest, base)) return std::nullopt;
      lay_around(group, size, step, before + unzigzag(base));
    }
    before = group[size - 1];
    begin += size;
  }
  return rest.taken();
}

bool unpack(ColumnReader& reader, std::span<std::int32_t> values) {
  const auto taken = unpack(reader.rest(), values);
  if (taken) reader.bytes(*taken);
  return taken.has_value();
}

// ---- Wide numbers ------------------------------------------------------------------------------

namespace {

std::int32_t low_half(std::int64_t n) { return static_cast<std::int32_t>(n & 0xFFFFFFFF); }

constexpr std::size_t usual_count = 64;  // Of values that are unpacked without the heap.

}  // namespace

bool are_wide(std::span<const std::int64_t> values) {
  return std::ranges::any_of(values, [](auto value) { return value != low_half(value); });
}

void pack(Bytes& bytes, std::span<const std::int64_t> values, bool wide) {
  std::vector<std::int32_t> halves(values.size());
  std::ranges::transform(values, halves.begin(), low_half);
  pack(bytes, halves);
  if (!wide) return;
  std::ranges::transform(values, halves.begin(), [](auto n) { return low_half(n >> 32); });
  pack(bytes, halves);
}

bool unpack(ColumnReader& reader, std::span<std::int64_t> values, bool wide) {
  std::array<std::int32_t, usual_count> few;
  std::vector<std::int32_t> many(values.size() > few.size() ? values.size() : 0);
  const auto halves = many.empty() ? std::span(few).first(values.size()) : std::span(many);
  if (!unpack(reader, halves)) return false;
  std::ranges::copy(halves, values.begin());
  if (!wide) return true;
  if (!unpack(reader, halves)) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto high = static_cast<std::uint64_t>(static_cast<std::uint32_t>(halves[i]));
    const auto low = static_cast<std::uint32_t>(low_half(values[i]));
    values[i] = static_cast<std::int64_t>(high << 32 | low);
  }
  return true;
}

}  // namespace hub
