#include "hub/store/packed_column.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
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

void put_lanes(Bytes& bytes, const Group& values, unsigned width) {
  Group words{};
  for (std::size_t i = 0; i < group_size; ++i) {
    const auto first = i / lanes * width / 32, shift = i / lanes * width % 32;
    const auto value = std::uint64_t{values[i] & mask(width)} << shift;
    words[first * lanes + i % lanes] |= static_cast<std::uint32_t>(value);
    if (shift + width > 32) {
      words[(first + 1) * lanes + i % lanes] |= static_cast<std::uint32_t>(value >> 32);
    }
  }
  const auto* begin = reinterpret_cast<const std::uint8_t*>(words.data());
  bytes.insert(bytes.end(), begin, begin + bytes_of(group_size, width));
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

void take_one_by_one(const std::uint8_t* bytes, std::span<std::uint32_t> values, unsigned width) {
  std::uint64_t bits = 0;
  unsigned held = 0;
  for (auto& value : values) {
    for (; held < width; held += 8) bits |= std::uint64_t{*bytes++} << held;
    value = static_cast<std::uint32_t>(bits) & mask(width);
    bits >>= width;
    held -= width;
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

void put_group(Bytes& bytes, Kind kind, const Group& group, std::size_t size, const Fit& fit) {
  const auto values = std::span(group).first(size);
  const unsigned has_exceptions = fit.exceptions > 0 ? 1 : 0;
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
}

}  // namespace

void pack(Bytes& bytes, std::span<const std::int32_t> values) {
  std::uint32_t before = 0;
  std::size_t repeats = 0;
  const auto put_repeats = [&] {
    if (repeats > 0) bytes.push_back(static_cast<std::uint8_t>(first_repeat + repeats - 1));
    repeats = 0;
  };
  for (std::size_t begin = 0; begin < values.size(); begin += group_size) {
    const auto group = values.subspan(begin, std::min(group_size, values.size() - begin));
    if (std::ranges::all_of(group,
                            [&](auto v) { return static_cast<std::uint32_t>(v) == before; })) {
      if (++repeats == most_repeats) put_repeats();
      continue;
    }
    put_repeats();

    Group change, distance;
    std::int64_t sum = 0;
    for (const auto value : group) sum += value;
    const auto middle = static_cast<std::uint32_t>(sum / static_cast<std::int64_t>(group.size()));
    auto last = before;
    for (std::size_t i = 0; i < group.size(); ++i) {
      const auto value = static_cast<std::uint32_t>(group[i]);
      change[i] = zigzag(value - last);
      distance[i] = zigzag(value - middle);
      last = value;
    }
    const Fit of_changes = fit(std::span(change).first(group.size()));
    const Fit of_distances = fit(std::span(distance).first(group.size()));
    Bytes base;
    put_number(base, zigzag(middle - before));
    if (of_changes.bits <= of_distances.bits + 8 * base.size()) {
      put_group(bytes, changes, change, group.size(), of_changes);
    } else {
      put_group(bytes, around, distance, group.size(), of_distances);
      bytes.insert(bytes.end(), base.begin(), base.end());
    }
    before = last;
  }
  put_repeats();
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

bool take_base(Rest& rest, std::uint32_t& base) {
  std::uint32_t number = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    const auto* octet = rest.take(1);
    if (!octet) return false;
    number |= std::uint32_t{*octet & 0x7Fu} << shift;
    if (*octet < 0x80) {
      base += unzigzag(number);
      return true;
    }
  }
  return false;
}

void add_up(std::uint32_t* values, std::size_t size, std::uint32_t before) {
  for (std::size_t i = 0; i < size; ++i) values[i] = before += unzigzag(values[i]);
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
      add_up(group, size, before);
    } else {
      auto base = before;
      if (!take_base(rest, base)) return std::nullopt;
      for (std::size_t i = 0; i < size; ++i) group[i] = base + unzigzag(group[i]);
    }
    before = group[size - 1];
    begin += size;
  }
  return rest.taken();
}

}  // namespace hub
