// How small and how fast hours are packed: the workload's first days, 30 circuits once a second. A
// point is one value of one circuit at one second, so that a voltage that is stored once for three
// circuits counts as often as it was measured.
//   pack_bench [DAYS]

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "bench/workload.h"
#include "hub/store/block.h"
#include "hub/store/packed_hour.h"

using measurement::Quantity;
using measurement::Sample;

namespace {

constexpr double quantities_a_circuit = 4;
constexpr double circuits = bench::Workload::circuits;

std::vector<Sample> next_hour(bench::Workload& workload) {
  std::vector<Sample> hour;
  do {
    const auto second = workload.second();
    hour.push_back(bench::sample_of(workload.next()));
    hour.back().number = second;
    hour.back().uptime = measurement::Uptime(std::int64_t{second} * 1000);
  } while (workload.second() % 3600 != 0);
  return hour;
}

double cpu_s() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Hour {
  std::size_t samples = 0;
  std::map<std::int64_t, hub::Bytes> parts;
};

void unpack(const std::vector<Hour>& hours, Quantity quantity) {
  const double begin = cpu_s();
  double samples = 0;
  std::int64_t sum = 0;
  for (std::size_t circuit = 0; circuit < bench::Workload::circuits; ++circuit) {
    for (const auto& [count, parts] : hours) {
      auto hour = hub::PackedHour::open(
          [&](std::int64_t series)
              -> std::expected<std::span<const std::uint8_t>, hub::StoreError> {
            const auto found = parts.find(series);
            if (found == parts.end()) return std::span<const std::uint8_t>();
            return std::span(found->second);
          });
      const auto column = hour->instants(quantity, bench::channel_of(circuit));
      for (const auto value : (*column)->values) sum += value;
      samples += static_cast<double>(count);
    }
  }
  std::printf("unpacking  %.0f million values of %s a second of CPU (their sum is %lld)\n",
              samples / (cpu_s() - begin) / 1e6, measurement::row(quantity).name.data(),
              static_cast<long long>(sum));
}

}  // namespace

int main(int argc, char** argv) {
  const int days = argc > 1 ? std::atoi(argv[1]) : 1;
  bench::Workload workload;
  std::vector<Hour> hours;
  std::map<std::string, double> bytes;
  double packing = 0, samples = 0, minutes = 0;
  // The first and the last hour are not whole: the workload begins at 13 minutes past.
  for (int h = 0; h < 24 * days; ++h) {
    const auto hour = next_hour(workload);
    samples += static_cast<double>(hour.size());
    const double begin = cpu_s();
    auto parts = hub::pack_hour(hour);
    packing += cpu_s() - begin;
    auto& kept = hours.emplace_back(hour.size());
    for (auto& [series, part] : parts) {
      const auto quantity = static_cast<std::size_t>(series >> 8);
      bytes[series < 0 ? "clock" : std::string(measurement::quantities[quantity].name)] +=
          static_cast<double>(part.size());
      kept.parts[series] = std::move(part);
    }
    for (std::size_t s = 0; s < hour.size(); s += 60) {
      const auto count = std::min<std::size_t>(60, hour.size() - s);
      minutes +=
          static_cast<double>(hub::encode_block(0, std::span(hour).subspan(s, count)).size());
    }
  }

  const double points = samples * circuits * quantities_a_circuit;
  std::printf("packing    %.0f million points a second of CPU\n", points / packing / 1e6);
  double all = 0;
  for (const auto& [name, size] : bytes) {
    std::printf("%-16s %.4f bytes a point of it\n", name.c_str(), size / (samples * circuits));
    all += size;
  }
  std::printf("all              %.4f bytes a point; as minutes before the packing %.4f\n",
              all / points, minutes / points);
  for (const auto quantity :
       {Quantity::active_power, Quantity::reactive_power, Quantity::current}) {
    unpack(hours, quantity);
  }
}
