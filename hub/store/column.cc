#include "hub/store/column.h"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace hub {
namespace {

constexpr std::size_t checksum_size = 4, seal_size = 1 + checksum_size;

std::uint64_t checksum(Place place, std::span<const std::uint8_t> body) {
  std::array<std::uint8_t, 17> head = {sealed_version};
  for (std::size_t i = 0; i < 8; ++i) {
    head[1 + i] = static_cast<std::uint8_t>(place.row >> 8 * i);
    head[9 + i] = static_cast<std::uint8_t>(place.series >> 8 * i);
  }
  const uLong crc = crc32(0, head.data(), static_cast<uInt>(head.size()));
  return crc32(crc, body.data(), static_cast<uInt>(body.size()));
}

// Unsigned throughout, because the difference of two far values may wrap, and wraps back.
template <Differences order>
class Predictor {
 public:
  std::uint64_t surprise(std::uint64_t value) {
    const std::uint64_t error = value - expected();
    see(value);
    return error;
  }
  std::uint64_t value(std::uint64_t surprise) {
    const std::uint64_t found = expected() + surprise;
    see(found);
    return found;
  }

 private:
  std::uint64_t expected() const { return last_ + slope_; }
  void see(std::uint64_t value) {
    if constexpr (order == Differences::none) return;
    // The first value says nothing about how fast it rises.
    if (order == Differences::second && has_seen_) slope_ = value - last_;
    last_ = value;
    has_seen_ = true;
  }

  bool has_seen_ = false;
  std::uint64_t last_ = 0, slope_ = 0;
};

constexpr std::size_t most_number_bytes = 10;

std::uint8_t* put_number(std::uint8_t* at, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) *at++ = static_cast<std::uint8_t>(number | 0x80);
  *at++ = static_cast<std::uint8_t>(number);
  return at;
}

template <Differences order>
void put_differences(Bytes& bytes, std::span<const std::int64_t> values) {
  // Zeros take no more room than their values would.
  const auto begin = bytes.size();
  bytes.resize(begin + (values.size() + 2) * most_number_bytes);
  auto* at = bytes.data() + begin;
  Predictor<order> predictor;
  std::uint64_t zeros = 0;
  const auto put_zeros = [&] {
    if (zeros == 0) return;
    at = put_number(put_number(at, 0), zeros - 1);
    zeros = 0;
  };
  for (const auto value : values) {
    const auto surprise = predictor.surprise(static_cast<std::uint64_t>(value));
    if (surprise == 0) {
      ++zeros;
      continue;
    }
    put_zeros();
    at = put_number(at, zigzag(surprise));
  }
  put_zeros();
  bytes.resize(static_cast<std::size_t>(at - bytes.data()));
}

template <Differences order>
void take_differences(ColumnReader& reader, std::span<std::int64_t> values, bool& is_good) {
  Predictor<order> predictor;
  std::uint64_t zeros = 0;
  for (auto& value : values) {
    std::uint64_t surprise = 0;
    if (zeros > 0) {
      --zeros;
    } else if (const auto coded = reader.number(); coded == 0) {
      zeros = reader.number();
    } else {
      surprise = unzigzag(coded);
    }
    value = static_cast<std::int64_t>(predictor.value(surprise));
  }
  if (zeros > 0) is_good = false;
}

}  // namespace

Bytes seal(Place place, const Bytes& body) {
  Bytes sealed;
  sealed.reserve(seal_size + body.size());
  sealed.push_back(sealed_version);
  put_little_endian(sealed, checksum(place, body), checksum_size);
  sealed.insert(sealed.end(), body.begin(), body.end());
  return sealed;
}

std::expected<std::span<const std::uint8_t>, StoreError> unseal(
    Place place, std::span<const std::uint8_t> sealed) {
  if (sealed.size() < seal_size || sealed[0] != sealed_version) {
    return std::unexpected(StoreError::corrupted);
  }
  const auto body = sealed.subspan(seal_size);
  if (little_endian(sealed.subspan(1, checksum_size)) != checksum(place, body)) {
    return std::unexpected(StoreError::corrupted);
  }
  return body;
}

void put_number(Bytes& bytes, std::uint64_t number) {
  std::uint8_t octets[most_number_bytes];
  bytes.insert(bytes.end(), octets, put_number(octets, number));
}

void put_signed(Bytes& bytes, std::int64_t number) {
  put_number(bytes, zigzag(static_cast<std::uint64_t>(number)));
}

void put_little_endian(Bytes& bytes, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

std::uint64_t little_endian(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

void put_column(Bytes& bytes, std::span<const std::int64_t> values, Differences order) {
  switch (order) {
    case Differences::none:
      return put_differences<Differences::none>(bytes, values);
    case Differences::first:
      return put_differences<Differences::first>(bytes, values);
    case Differences::second:
      return put_differences<Differences::second>(bytes, values);
  }
}

std::uint64_t ColumnReader::number() {
  if (!rest_.empty() && rest_[0] < 0x80) {
    const auto number = rest_[0];
    rest_ = rest_.subspan(1);
    return number;
  }
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < rest_.size() && i < most_number_bytes; ++i) {
    number |= static_cast<std::uint64_t>(rest_[i] & 0x7F) << (7 * i);
    if (rest_[i] < 0x80) {
      rest_ = rest_.subspan(i + 1);
      return number;
    }
  }
  is_good_ = false;
  rest_ = {};
  return 0;
}

std::int64_t ColumnReader::signed_number() { return static_cast<std::int64_t>(unzigzag(number())); }

std::span<const std::uint8_t> ColumnReader::bytes(std::size_t count) {
  if (count > rest_.size()) {
    is_good_ = false;
    rest_ = {};
    return {};
  }
  const auto taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

void ColumnReader::column(std::span<std::int64_t> values, Differences order) {
  switch (order) {
    case Differences::none:
      take_differences<Differences::none>(*this, values, is_good_);
      break;
    case Differences::first:
      take_differences<Differences::first>(*this, values, is_good_);
      break;
    case Differences::second:
      take_differences<Differences::second>(*this, values, is_good_);
      break;
  }
  if (!is_good_) std::ranges::fill(values, 0);
}

}  // namespace hub
