// How small and how fast hours are packed, on the workload that the peers were measured with:
//   pack_bench FILE     records of 24 bytes, little endian: u16 home, u16 circuit, u32 seconds,
//                       i32 P (0.1 W), Q (0.1 var), V (0.1 V), I (1 mA)
// Circuit c hangs on leg c % 3; a chip measures three circuits of one leg. A point is one value of
// one circuit at one second, so that a voltage that is stored once counts as often as it was sent.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "hub/store/packed_hour.h"
#include "hub/store/rows.h"

using measurement::Quantity;
using measurement::Sample;

namespace {

constexpr std::size_t legs = 3, circuits = 30, chips = 12;
constexpr std::size_t record_bytes = 24;

std::size_t channel_of(std::size_t circuit) {
  const std::size_t leg = circuit % legs, place = circuit / legs;
  return leg * (chips / legs) * measurement::channels_per_chip + place;
}

std::vector<std::vector<Sample>> hours_of(const char* file) {
  std::ifstream in(file, std::ios::binary);
  std::vector<std::vector<Sample>> hours;
  std::array<char, record_bytes> record;
  std::uint32_t second = 0;
  while (in.read(record.data(), record.size())) {
    std::uint16_t circuit = 0;
    std::uint32_t at = 0;
    std::array<std::int32_t, 4> value{};
    std::memcpy(&circuit, record.data() + 2, sizeof circuit);
    std::memcpy(&at, record.data() + 4, sizeof at);
    std::memcpy(value.data(), record.data() + 8, sizeof value);
    if (hours.empty() || at / 3600 != second / 3600) hours.emplace_back();
    if (hours.back().empty() || at != second) {
      auto& sample = hours.back().emplace_back(chips);
      sample.number = at;
      sample.uptime = measurement::Uptime(std::int64_t{at} * 1000);
    }
    second = at;
    const auto channel = channel_of(circuit);
    auto& sample = hours.back().back();
    sample.put_steps(Quantity::active_power, channel, value[0]);
    sample.put_steps(Quantity::reactive_power, channel, value[1]);
    sample.put_steps(Quantity::voltage, measurement::chip_of(channel), value[2]);
    sample.put_steps(Quantity::current, channel, value[3]);
  }
  return hours;
}

double cpu_s() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "Usage: pack_bench FILE\n");
    return 2;
  }
  const auto hours = hours_of(argv[1]);
  double samples = 0;
  for (const auto& hour : hours) samples += static_cast<double>(hour.size());
  const double points = samples * circuits * 4;

  double begin = cpu_s();
  std::vector<std::map<std::int64_t, hub::Bytes>> packed;
  for (const auto& hour : hours) {
    auto& parts = packed.emplace_back();
    for (auto& part : hub::pack_hour(hour)) parts[part.series] = std::move(part.bytes);
  }
  std::printf("packing    %.0f million points a second of CPU\n", points / (cpu_s() - begin) / 1e6);

  std::map<std::string, std::size_t> bytes;
  std::size_t all = 0;
  for (const auto& hour : packed) {
    for (const auto& [series, part] : hour) {
      const auto quantity = static_cast<std::size_t>(series >> 8);
      bytes[series < 0 ? "clock" : std::string(measurement::quantities[quantity].name)] +=
          part.size();
      all += part.size();
    }
  }
  for (const auto& [name, size] : bytes) {
    std::printf("%-16s %.4f bytes a point of it\n", name.c_str(),
                static_cast<double>(size) / (samples * circuits));
  }
  std::printf("all              %.4f bytes a point\n", static_cast<double>(all) / points);

  for (const auto quantity :
       {Quantity::active_power, Quantity::reactive_power, Quantity::current}) {
    begin = cpu_s();
    std::int64_t sum = 0;
    for (std::size_t circuit = 0; circuit < circuits; ++circuit) {
      for (const auto& parts : packed) {
        auto hour = hub::PackedHour::open(
            [&](std::int64_t series)
                -> std::expected<std::span<const std::uint8_t>, hub::StoreError> {
              const auto found = parts.find(series);
              if (found == parts.end()) return std::span<const std::uint8_t>();
              return std::span(found->second);
            });
        for (const auto value : (*hour->instants(quantity, channel_of(circuit)))->values)
          sum += value;
      }
    }
    std::printf("unpacking  %.0f million values of %s a second of CPU (sum %lld)\n",
                samples * circuits / (cpu_s() - begin) / 1e6,
                measurement::row(quantity).name.data(), static_cast<long long>(sum));
  }
}
