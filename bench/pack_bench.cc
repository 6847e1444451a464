// How small and how fast hours are packed, the samples and their minutes: the workload's first
// days, 30 circuits once a second, and whatever else there is to pack. A point is one value of one
// circuit at one second, so that a voltage that is stored once for three circuits counts as often
// as it was measured.
//   pack_bench [DAYS [RECORDINGS]]   a folder of recordings as simulator/recording.h reads them

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bench/workload.h"
#include "hub/files/disk.h"
#include "hub/store/block.h"
#include "hub/store/packed_hour.h"
#include "hub/store/packed_minutes.h"
#include "hub/store/rows.h"
#include "hub/store/segment.h"
#include "simulator/household.h"
#include "simulator/recording.h"

using measurement::Quantity;
using measurement::Sample;

namespace {

constexpr std::int64_t boot = 1, minutes_in_hour = 60;
constexpr std::array quantities = {Quantity::active_power, Quantity::reactive_power,
                                   Quantity::voltage, Quantity::current};

double cpu_s() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// An hour's samples, a second apart; an empty one is the end.
using NextHour = std::function<std::vector<Sample>()>;

using Parts = std::map<std::int64_t, hub::Bytes>;
struct Hour {
  std::size_t samples = 0;
  Parts parts, minutes;
};

hub::PackedHour::Parts reader_of(const Parts& parts) {
  return [&parts](
             std::int64_t series) -> std::expected<std::span<const std::uint8_t>, hub::StoreError> {
    const auto found = parts.find(series);
    if (found == parts.end()) return std::span<const std::uint8_t>();
    return std::span(found->second);
  };
}

// ---- How small ---------------------------------------------------------------------------------

struct Size {
  double points = 0, exact = 0, lossy = 0, minutes = 0;  // Bytes, but for the points.
  double before = 0;                                     // Minute by minute, before the packing.
  double packing = 0, packing_lossy = 0;                 // Seconds.
  std::map<std::string, double> of, of_lossy, of_minutes;
};

std::string name_of(std::int64_t series) {
  return series < 0 ? "clock" : std::string(hub::measured[series >> 8].name);
}

// With the seal; what a head says of a part is below two bytes.
double sealed_size(std::int64_t series, const hub::Bytes& bytes) {
  return static_cast<double>(hub::seal({0, series}, bytes).size());
}

std::map<std::int64_t, hub::HourSummary> minutes_of(std::span<const Sample> hour) {
  std::map<std::int64_t, hub::HourSummary> series;
  const auto first = hour.front().uptime.count() / 1000;
  for (std::size_t begin = 0; begin < hour.size();) {
    const auto minute_of = [&](const Sample& sample) {
      return (sample.uptime.count() / 1000 - first + first % 3600) / 60 % minutes_in_hour;
    };
    const auto minute = minute_of(hour[begin]);
    auto end = begin;
    while (end < hour.size() && minute_of(hour[end]) == minute) ++end;
    const auto samples = hour.subspan(begin, end - begin);
    for (const auto& quantity : hub::measured) {
      for (std::size_t i = 0; i < hour.front().count(quantity.id); ++i) {
        const auto summary = hub::summarise(samples, quantity.id, i);
        if (summary.count == 0) continue;
        series[hub::series_number(quantity.id, i)][static_cast<std::size_t>(minute)] = summary;
      }
    }
    begin = end;
  }
  return series;
}

Size pack(const NextHour& next, const std::vector<std::size_t>& channels,
          std::vector<Hour>* kept = nullptr) {
  Size size;
  for (auto hour = next(); !hour.empty(); hour = next()) {
    double begin = cpu_s();
    auto parts = hub::pack_hour(hour);
    size.packing += cpu_s() - begin;
    begin = cpu_s();
    auto lossy = hub::pack_hour(hour, hub::Loss::quarter_percent);
    size.packing_lossy += cpu_s() - begin;
    auto minutes = hub::pack_minutes(minutes_of(hour));
    for (const auto& sample : hour) {
      for (const auto channel : channels) {
        for (const auto quantity : quantities) {
          const auto index =
              quantity == Quantity::voltage ? measurement::chip_of(channel) : channel;
          if (sample.steps(quantity, index)) ++size.points;
        }
      }
    }
    for (std::size_t s = 0; s < hour.size(); s += 60) {
      const auto count = std::min<std::size_t>(60, hour.size() - s);
      size.before +=
          static_cast<double>(hub::encode_block(0, std::span(hour).subspan(s, count)).size());
    }
    Hour packed{hour.size(), {}, {}};
    for (auto& [series, part] : parts) {
      const auto bytes = sealed_size(series, part);
      size.exact += bytes;
      size.of[name_of(series)] += bytes;
      packed.parts[series] = std::move(part);
    }
    for (const auto& [series, part] : lossy) {
      const auto bytes = sealed_size(series, part);
      size.lossy += bytes;
      size.of_lossy[name_of(series)] += bytes;
    }
    for (auto& [series, part, unused] : minutes) {
      const auto bytes = sealed_size(series, part);
      size.minutes += bytes;
      size.of_minutes[name_of(hub::series_of_minutes(series))] += bytes;
      packed.minutes[series] = std::move(part);
    }
    if (kept) kept->push_back(std::move(packed));
  }
  return size;
}

void print_head() {
  std::printf("%-22s %10s %8s %8s %8s %8s\n", "bytes a point", "points", "exact", "lossy",
              "minutes", "before");
}

void print(const std::string& name, const Size& size) {
  std::printf("%-22s %10.0f %8.4f %8.4f %8.4f %8.4f\n", name.c_str(), size.points,
              size.exact / size.points, size.lossy / size.points, size.minutes / size.points,
              size.before / size.points);
}

// ---- What is packed ----------------------------------------------------------------------------

NextHour hours_of_workload(int days) {
  // The first and the last hour are not whole: the workload begins at 13 minutes past.
  auto workload = std::make_shared<bench::Workload>();
  auto left = std::make_shared<int>(24 * days);
  return [=] {
    std::vector<Sample> hour;
    if ((*left)-- == 0) return hour;
    do {
      const auto second = workload->second();
      hour.push_back(bench::sample_of(workload->next()));
      hour.back().number = second;
      hour.back().uptime = measurement::Uptime(std::int64_t{second} * 1000);
    } while (workload->second() % 3600 != 0);
    return hour;
  };
}

// What a meter would measure of a scene once in `interval`, without the noise of its chips.
NextHour hours_of(std::shared_ptr<simulator::Scene> scene, measurement::Timestamp begin,
                  measurement::Timestamp end, std::chrono::milliseconds interval) {
  auto now = std::make_shared<measurement::Timestamp>(begin);
  auto number = std::make_shared<std::uint64_t>();
  return [=] {
    std::vector<Sample> hour;
    std::vector<simulator::ChipInput> chips(scene->chips());
    const auto hour_of = [](auto time) {
      return std::chrono::floor<std::chrono::hours>(time.time_since_epoch());
    };
    const auto first = hour_of(*now);
    const auto steps = [](Quantity quantity, double value) {
      return std::llround(value / measurement::row(quantity).resolution);
    };
    for (; *now < end && (hour.empty() || hour_of(*now) == first); *now += interval) {
      const auto moment = scene->advance(*now, chips);
      ++*number;
      if (!moment.powered) continue;
      auto& sample = hour.emplace_back(chips.size());
      sample.number = *number;
      sample.uptime = measurement::Uptime(now->time_since_epoch().count());
      for (std::size_t c = 0; c < scene->channels().size(); ++c) {
        const auto chip = measurement::chip_of(c);
        const auto leg = c % measurement::channels_per_chip;
        const auto& load = chips[chip].channels[leg];
        const auto put = [&](Quantity quantity, std::size_t index, double value) {
          sample.put_steps(quantity, index, steps(quantity, value));
        };
        put(Quantity::voltage, chip, chips[chip].voltage[0].value);
        if (scene->channels()[c].name.empty()) continue;
        put(Quantity::active_power, c, load.fundamental_power.value + load.harmonic_power.value);
        put(Quantity::reactive_power, c, load.reactive_power.value);
        put(Quantity::current, c, load.current.value);
      }
    }
    return hour;
  };
}

std::vector<std::size_t> named_channels(const simulator::Scene& scene) {
  std::vector<std::size_t> named;
  for (std::size_t c = 0; c < scene.channels().size(); ++c) {
    if (!scene.channels()[c].name.empty()) named.push_back(c);
  }
  return named;
}

void print_household(simulator::House house, const char* name) {
  using namespace std::chrono_literals;
  const measurement::Timestamp begin(std::chrono::sys_days(std::chrono::days(19'700)));
  const auto scene =
      std::make_shared<simulator::Household>(simulator::HouseholdOptions{house, 42, begin});
  print(name,
        pack(hours_of(scene, begin, begin + std::chrono::days(1), 1s), named_channels(*scene)));
}

void print_recordings(const std::filesystem::path& folder) {
  // Those of one second each, and some of each other kind.
  const std::map<std::string, int> seconds = {
      {"kehkok-lab-1", 1},      {"kehkok-lab-3", 1},      {"ompm-1", 1},
      {"redd-house-1", 3},      {"redd-house-3", 3},      {"refit-house-1-day", 7},
      {"refit-house-7-day", 7}, {"refit-house-20-day", 7}};
  for (const auto& [name, interval] : seconds) {
    if (!std::filesystem::exists(folder / name)) continue;
    simulator::RecordingOptions options;
    options.end_s = 86'400.0 * 3;
    const auto scene = std::make_shared<simulator::Recording>(folder / name, options);
    print(name, pack(hours_of(scene, scene->begin(), scene->end(), std::chrono::seconds(interval)),
                     named_channels(*scene)));
  }
}

// ---- How fast ----------------------------------------------------------------------------------

void unpack(const std::vector<Hour>& hours, Quantity quantity) {
  const double begin = cpu_s();
  double samples = 0;
  std::int64_t sum = 0;
  for (std::size_t circuit = 0; circuit < bench::Workload::circuits; ++circuit) {
    for (const auto& [count, parts, unused] : hours) {
      auto hour = hub::PackedHour::open(reader_of(parts));
      const auto column = hour->instants(quantity, bench::channel_of(circuit));
      for (const auto value : (*column)->values) sum += value;
      samples += static_cast<double>(count);
    }
  }
  std::printf("unpacking  %.0f million values of %s a second of CPU (their sum is %lld)\n",
              samples / (cpu_s() - begin) / 1e6, measurement::row(quantity).name.data(),
              static_cast<long long>(sum));
}

// Segments of `hours_in_segment` hours of minutes, those of `hours` over and over.
class MinuteSegments {
 public:
  MinuteSegments(const std::vector<Hour>& hours, std::int64_t segments,
                 std::int64_t hours_in_segment)
      : folder_(std::filesystem::temp_directory_path() /
                ("lenz_pack_bench_" + std::to_string(::getpid()))) {
    std::filesystem::create_directory(folder_);
    std::vector<std::map<std::int64_t, hub::MinuteSummary>> summaries;
    for (const auto& hour : hours) {
      auto packed = hub::PackedMinutes::open(reader_of(hour.minutes));
      auto& of_hour = summaries.emplace_back();
      for (const auto& [part, unused] : hour.minutes) {
        if (part == hub::minutes_clock_part) continue;
        of_hour[part] = hub::together(*packed->summary(hub::series_of_minutes(part)));
      }
    }
    std::set<std::int64_t> series;
    for (const auto& hour : hours) {
      for (const auto& [part, unused] : hour.minutes) series.insert(part);
    }
    for (std::int64_t number = 0; number < segments; ++number) {
      auto writer = hub::SegmentWriter::create(disk_, path(number), number);
      for (const auto part : series) {
        for (std::int64_t h = 0; h < hours_in_segment; ++h) {
          const auto row = first_row + (number * hours_in_segment + h) * minutes_in_hour;
          const auto which = static_cast<std::size_t>(h) % hours.size();
          const auto bytes = hours[which].minutes.find(part);
          if (bytes == hours[which].minutes.end()) continue;
          const auto sealed = hub::seal({row, part}, bytes->second);
          if (!writer->add({boot, part, row}, sealed, summaries[which][part])) std::abort();
        }
      }
      bytes_ += static_cast<double>(writer->finish().value());
      segments_.push_back(std::move(*hub::Segment::open(disk_, path(number), number)));
    }
    rows_ = segments * hours_in_segment;
  }
  ~MinuteSegments() { std::filesystem::remove_all(folder_); }
  MinuteSegments(const MinuteSegments&) = delete;
  MinuteSegments& operator=(const MinuteSegments&) = delete;

  double bytes_an_hour() const { return bytes_ / static_cast<double>(rows_); }

  std::int64_t read_means(std::int64_t series) {
    std::int64_t sum = 0;
    for (auto& segment : segments_) {
      hub::SegmentReader reader(*segment, boot, first_row, last_row);
      for (const auto& place : segment->hours_of_minutes()) {
        auto hour = hub::PackedMinutes::open(reader.hour(place.hour));
        for (const auto value : (*hour->sums(series))->sum) sum += value;
      }
    }
    return sum;
  }

  std::int64_t read_hours(std::int64_t series) {
    std::int64_t sum = 0;
    for (auto& segment : segments_) {
      const auto hours = segment->summaries(boot, series, first_row, last_row);
      for (const auto& hour : *hours) sum += hour.summary.sum;
    }
    return sum;
  }

 private:
  static constexpr std::int64_t first_row = hub::first_row(boot) + minutes_in_hour * 472'223;
  static constexpr std::int64_t last_row = hub::first_row(boot) + hub::last_minute;
  std::string path(std::int64_t number) const {
    return (folder_ / ("segment-" + std::to_string(number))).string();
  }

  std::filesystem::path folder_;
  hub::Disk disk_;
  std::vector<std::unique_ptr<hub::Segment>> segments_;
  double bytes_ = 0;
  std::int64_t rows_ = 0;
};

// The shortest of some, as the first has nothing in memory.
double shortest_ms(const std::function<std::int64_t()>& read) {
  using Clock = std::chrono::steady_clock;
  double shortest = 1e9;
  std::int64_t sum = 0;
  for (int i = 0; i < 20; ++i) {
    const auto begin = Clock::now();
    sum += read();
    shortest =
        std::min(shortest, std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  if (sum == 1) std::puts("");  // What is read is used.
  return shortest;
}

void read_minutes(const std::vector<Hour>& hours) {
  constexpr std::int64_t a_month = 24, days = 30, a_year = 16 * a_month * 24;
  const auto series = [](Quantity quantity, std::size_t circuit) {
    return hub::series_number(quantity, bench::channel_of(circuit));
  };
  MinuteSegments month(hours, 2, days * 24 / 2);
  for (const auto quantity : {Quantity::active_power, Quantity::reactive_power}) {
    std::printf("30 days of means by the minute, %s of a circuit: %.2f ms\n",
                measurement::row(quantity).name.data(),
                shortest_ms([&] { return month.read_means(series(quantity, 16)); }));
  }
  MinuteSegments year(hours, 16, a_year / 16);
  std::printf("a year by the hour, a circuit: %.2f ms; all circuits: %.2f ms\n",
              shortest_ms([&] { return year.read_hours(series(Quantity::active_power, 16)); }),
              shortest_ms([&] {
                std::int64_t sum = 0;
                for (std::size_t c = 0; c < bench::Workload::circuits; ++c) {
                  sum += year.read_hours(series(Quantity::active_power, c));
                }
                return sum;
              }));
  std::printf("segments of minutes: %.4f bytes a point with seals, heads and hours\n",
              year.bytes_an_hour() / (3600.0 * bench::Workload::circuits * quantities.size()));
}

}  // namespace

int main(int argc, char** argv) {
  const int days = argc > 1 ? std::atoi(argv[1]) : 1;
  std::vector<Hour> hours;
  std::vector<std::size_t> channels;
  for (std::size_t c = 0; c < bench::Workload::circuits; ++c) {
    channels.push_back(bench::channel_of(c));
  }
  const auto size = pack(hours_of_workload(days), channels, &hours);
  std::printf("packing    %.0f million points a second of CPU, %.0f where a little may be lost\n",
              size.points / size.packing / 1e6, size.points / size.packing_lossy / 1e6);
  for (const auto& [name, bytes] : size.of) {
    const double points = size.points / quantities.size();
    std::printf("%-16s %.4f bytes a point of it, lossy %.4f, minutes %.4f\n", name.c_str(),
                bytes / points, size.of_lossy.at(name) / points, size.of_minutes.at(name) / points);
  }
  for (const auto quantity :
       {Quantity::active_power, Quantity::reactive_power, Quantity::current}) {
    unpack(hours, quantity);
  }
  // Whole hours only: the first one is not.
  hours.erase(hours.begin());
  read_minutes(hours);

  print_head();
  print("workload", size);
  print_household(simulator::House::us, "simulated house, US");
  print_household(simulator::House::eu3, "simulated house, EU");
  if (argc > 2) print_recordings(argv[2]);
}
