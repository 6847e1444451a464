#include "firmware/lora_air.h"

#include <algorithm>
#include <array>
#include <span>

namespace firmware {
namespace {

struct DataRate {
  std::uint8_t room = 0;              // Bytes.
  std::uint8_t room_in_dwell = 0;     // The same where the 400 ms are in force.
  std::uint8_t spreading_factor = 0;  // 0: FSK at 50 kbit/s, or not in use.
  std::uint16_t bandwidth_khz = 0;
};

constexpr std::uint16_t fsk = 0;
constexpr std::array eu868 = {DataRate{51, 51, 12, 125},  DataRate{51, 51, 11, 125},
                              DataRate{51, 51, 10, 125},  DataRate{115, 115, 9, 125},
                              DataRate{242, 242, 8, 125}, DataRate{242, 242, 7, 125},
                              DataRate{242, 242, 7, 250}, DataRate{242, 242, fsk, 50}};
// In force always: with 11 bytes at most, DR0 stays below 400 ms.
constexpr std::array us915 = {DataRate{11, 11, 10, 125}, DataRate{53, 53, 9, 125},
                              DataRate{125, 125, 8, 125}, DataRate{242, 242, 7, 125},
                              DataRate{242, 242, 8, 500}};
constexpr std::array au915 = {DataRate{51, 0, 12, 125},   DataRate{51, 0, 11, 125},
                              DataRate{51, 11, 10, 125},  DataRate{115, 53, 9, 125},
                              DataRate{242, 125, 8, 125}, DataRate{242, 242, 7, 125},
                              DataRate{242, 242, 8, 500}};
constexpr std::array as923 = {DataRate{51, 0, 12, 125},   DataRate{51, 0, 11, 125},
                              DataRate{115, 11, 10, 125}, DataRate{115, 53, 9, 125},
                              DataRate{242, 125, 8, 125}, DataRate{242, 242, 7, 125},
                              DataRate{242, 242, 7, 250}, DataRate{242, 242, fsk, 50}};
constexpr std::array in865 = {DataRate{51, 51, 12, 125},
                              DataRate{51, 51, 11, 125},
                              DataRate{51, 51, 10, 125},
                              DataRate{115, 115, 9, 125},
                              DataRate{242, 242, 8, 125},
                              DataRate{242, 242, 7, 125},
                              DataRate{},
                              DataRate{242, 242, fsk, 50}};

// Where a region has no such data rate, one with which nothing can be sent.
DataRate rate_of(LoraRegion region, unsigned data_rate) {
  const auto in = [&](std::span<const DataRate> rates) {
    return data_rate < rates.size() ? rates[data_rate] : DataRate{};
  };
  switch (region) {
    case LoraRegion::eu868:
      return in(eu868);
    case LoraRegion::us915:
      return in(us915);
    case LoraRegion::au915:
      return in(au915);
    case LoraRegion::as923:
      return in(as923);
    case LoraRegion::in865:
      return in(in865);
  }
  return {};
}

}  // namespace

std::size_t lora_room(LoraRegion region, unsigned data_rate, bool dwell_limited) {
  const auto rate = rate_of(region, data_rate);
  return dwell_limited ? rate.room_in_dwell : rate.room;
}

std::chrono::microseconds lora_air_time(LoraRegion region, unsigned data_rate, std::size_t bytes) {
  const auto rate = rate_of(region, data_rate);
  const auto frame = static_cast<std::int64_t>(bytes) + 13;
  if (rate.bandwidth_khz == 0) return {};
  if (rate.spreading_factor == fsk) {
    // Preamble 5, sync 3, length 1, CRC 2 bytes at 50 kbit/s.
    return std::chrono::microseconds((frame + 11) * 8 * 1000 / rate.bandwidth_khz);
  }
  const std::int64_t sf = rate.spreading_factor;
  const std::int64_t bits_a_symbol = sf - (sf >= 11 && rate.bandwidth_khz == 125 ? 2 : 0);
  const auto bits = std::max<std::int64_t>(8 * frame - 4 * sf + 28 + 16, 0);
  const auto blocks = (bits + 4 * bits_a_symbol - 1) / (4 * bits_a_symbol);
  const auto quarter_symbols = 4 * (8 + 8 + 5 * blocks) + 17;  // Preamble 8 + 4.25.
  return std::chrono::microseconds(quarter_symbols * (std::int64_t{1} << sf) * 1000 /
                                   (4 * rate.bandwidth_khz));
}

unsigned lora_duty_per_mille(LoraRegion region) {
  return region == LoraRegion::eu868 || region == LoraRegion::as923 ? 10 : 1000;
}

}  // namespace firmware
