// How fast the store takes and gives, printed as a few lines. The disk is that of the given folder,
// commits wait for it, and nothing is read from it that the system has not cached.

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t samples_a_report = 40;
const Timestamp begin = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

double cpu_ms() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& t) {
    return 1e3 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_usec);
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

double wall_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}

template <class Value>
Value checked(std::expected<Value, hub::StoreError> value) {
  if (!value) throw std::runtime_error(hub::sentence(value.error()));
  if constexpr (!std::is_void_v<Value>) return std::move(*value);
}

// Seconds of a house whose loads wander, switch now and then, and are noisy.
class House {
 public:
  explicit House(std::size_t chips) : sample_(chips), watts_(sample_.channels(), 100) {}

  const Sample& next() {
    const auto noise = [&](int most) { return static_cast<std::int64_t>(random_() % most); };
    for (std::size_t chip = 0; chip < sample_.chips(); ++chip) {
      sample_.put_steps(Quantity::voltage, chip, 2300 + noise(15));
      sample_.put_steps(Quantity::frequency, chip, 5000 + noise(3));
    }
    for (std::size_t c = 0; c < sample_.channels(); ++c) {
      if (random_() % 600 == 0) watts_[c] = 10 + noise(20'000);
      const auto power = watts_[c] + noise(20);
      total_mwh_[c] += power / 36;
      sample_.put_steps(Quantity::active_power, c, power);
      sample_.put_steps(Quantity::reactive_power, c, power / 5 + noise(10));
      sample_.put_steps(Quantity::current, c, power * 10 / 23);
      sample_.put_steps(Quantity::peak_current, c, power * 14 / 23);
      sample_.put_steps(Quantity::imported, c, total_mwh_[c]);
      sample_.put_steps(Quantity::exported, c, 0);
    }
    sample_.number = number_++;
    sample_.uptime += 1s;
    return sample_;
  }

 private:
  std::mt19937 random_{1};
  Sample sample_;
  std::vector<std::int64_t> watts_;
  std::array<std::int64_t, measurement::max_channels> total_mwh_{};
  std::uint64_t number_ = 0;
};

measurement::ReportHeader header(const char* device, std::size_t chips) {
  return {.device = device, .boot = 1, .chips = chips, .booted_at = begin};
}

void replay(hub::SqliteStore& store, std::chrono::seconds length) {
  House house(6);
  double busy_wall = 0, busy_cpu = 0, slowest = 0;
  std::size_t count = 0;
  std::vector<std::vector<Sample>> reports(20);
  while (count < static_cast<std::size_t>(length.count())) {
    for (auto& report : reports) {
      report.clear();
      while (report.size() < samples_a_report) report.push_back(house.next());
      count += report.size();
    }
    const double wall = wall_ms(), cpu = cpu_ms();
    for (const auto& report : reports) checked(store.append(header("replay", 6), report));
    checked(store.commit());
    busy_wall += wall_ms() - wall;
    busy_cpu += cpu_ms() - cpu;
    slowest = std::max(slowest, wall_ms() - wall);
  }
  std::printf(
      "replay   %zu samples of 18 channels: %.0f a second (%.0f by CPU time), "
      "slowest 20 reports %.1f ms\n",
      count, 1e3 * static_cast<double>(count) / busy_wall,
      1e3 * static_cast<double>(count) / busy_cpu, slowest);
}

// Three hours of a meter of 42 channels, with all that a hub does for them: roll-ups, packing, the
// tables.
void live(const std::string& folder, std::chrono::seconds commit_every) {
  hub::Disk disk;
  hub::SqliteStore store(disk, folder);
  House house(14);
  constexpr auto length = 3h;
  double wall_sum = 0, cpu_sum = 0, slowest = 0;
  const auto before = disk.written();
  for (auto time = 1s; time <= length; time += 1s) {
    const auto& sample = house.next();
    const double wall = wall_ms(), cpu = cpu_ms();
    checked(store.append(header("live", 14), {&sample, 1}));
    if (time % commit_every == 0s) {
      checked(store.commit());
      checked(store.tidy(begin + time));
    }
    wall_sum += wall_ms() - wall;
    cpu_sum += cpu_ms() - cpu;
    slowest = std::max(slowest, wall_ms() - wall);
  }
  constexpr double samples = length / 1s, a_day = 24h / length;
  const auto written = disk.written();
  std::printf(
      "live     42 channels, committed every %lld s: %.3f ms of CPU a sample, %.1f s a day; "
      "%.1f MB written and %.0f syncs a day; slowest step %.0f ms\n",
      static_cast<long long>(commit_every.count()), cpu_sum / samples, 1e-3 * cpu_sum * a_day,
      1e-6 * static_cast<double>(written.bytes - before.bytes) * a_day,
      static_cast<double>(written.syncs - before.syncs) * a_day, slowest);
}

// What a hub has to do that was killed when its log was as long as it gets.
void start_after_kill(const std::string& folder) {
  constexpr std::uintmax_t log_bytes = 64 << 20;
  const auto image = folder + "_killed";
  const auto length_of_log = [&] {
    std::uintmax_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      if (file.path().filename().string().starts_with("log-")) bytes += file.file_size();
    }
    return bytes;
  };
  hub::Disk disk;
  std::size_t samples = 0;
  {
    hub::SqliteStore store(disk, folder);
    store.hold_at_most(SIZE_MAX / 4);  // Else its minutes go to the tables long before.
    House house(10);
    while (length_of_log() < log_bytes) {
      for (int report = 0; report < 20; ++report) {
        std::vector<Sample> some;
        while (some.size() < samples_a_report) some.push_back(house.next());
        samples += some.size();
        checked(store.append(header("killed", 10), some));
      }
      checked(store.commit());
    }
    std::filesystem::copy(folder, image);
  }
  const double wall = wall_ms(), cpu = cpu_ms();
  const hub::SqliteStore store(disk, image);
  std::printf(
      "killed   a log of %llu MiB, %zu samples of 30 channels: open after %.0f ms, %.0f of CPU\n",
      static_cast<unsigned long long>(log_bytes >> 20), samples, wall_ms() - wall, cpu_ms() - cpu);
}

// What a page that opens asks first, of meters whose last hour has been packed.
void silent(const std::string& folder) {
  constexpr int meters = 30, times = 100;
  hub::Disk disk;
  hub::SqliteStore store(disk, folder);
  House house(1);
  std::vector<Sample> hour;
  for (auto time = 1s; time < 1h; time += 1s) hour.push_back(house.next());
  std::vector<std::string> names;
  for (int m = 0; m < meters; ++m) {
    names.push_back("silent-" + std::to_string(m));
    checked(store.append(header(names.back().c_str(), 1), hour));
  }
  checked(store.commit());
  while (!checked(store.tidy(begin + 24h))) {
  }
  const auto ask = [&] {
    const double wall = wall_ms();
    for (const auto& name : names) checked(store.last(name));
    return wall_ms() - wall;
  };
  const double first = ask();
  double again = ask();
  for (int i = 0; i < times; ++i) again = std::min(again, ask());
  std::printf("latest   %d silent meters of one chip: %.1f ms, then %.4f ms\n", meters, first,
              again);
}

void tidy(hub::SqliteStore& store, std::chrono::seconds length) {
  const double cpu = cpu_ms();
  double slowest = 0;
  for (auto now = begin + length + 3h; now < begin + length + 4h; now += 1min) {
    for (bool is_done = false; !is_done;) {
      const double wall = wall_ms();
      is_done = checked(store.tidy(now));
      slowest = std::max(slowest, wall_ms() - wall);
    }
  }
  std::printf("tidy     %.2f s of CPU a day of 18 channels, slowest step %.0f ms\n",
              1e-3 * (cpu_ms() - cpu) * 86'400 / static_cast<double>(length.count()), slowest);
}

void read(hub::SqliteStore& store, const char* what, Quantity quantity, std::size_t series,
          hub::TimeRange range, std::chrono::milliseconds step) {
  constexpr int times = 30;
  std::size_t steps = 0;
  const auto ask = [&] {
    const double cpu = cpu_ms();
    steps = 0;
    for (std::size_t c = 0; c < series; ++c) {
      const auto points = checked(store.read({"replay", quantity, c}, range, step));
      steps += std::max(points.mean.size(), points.gained.size());
    }
    return cpu_ms() - cpu;
  };
  const double first = ask();
  double again = ask();
  for (int i = 0; i < times; ++i) again = std::min(again, ask());
  std::printf("read     %-42s %6.2f ms of CPU, then %6.2f (%zu steps)\n", what, first, again,
              steps);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "/tmp/lenz_store_bench";
  constexpr auto length = 30 * 24h;
  std::filesystem::remove_all(folder);
  hub::Disk disk;
  {
    hub::SqliteStore store(disk, folder);
    replay(store, length);
    tidy(store, length);
  }
  for (const auto commit_every : {1s, 10s, 30s}) {
    const auto beside = folder + "_live";
    std::filesystem::remove_all(beside);
    live(beside, commit_every);
    std::filesystem::remove_all(beside);
  }
  {
    const auto beside = folder + "_log";
    start_after_kill(beside);
    std::filesystem::remove_all(beside);
    std::filesystem::remove_all(beside + "_killed");
  }
  {
    const auto beside = folder + "_silent";
    std::filesystem::remove_all(beside);
    silent(beside);
    std::filesystem::remove_all(beside);
  }
  const double opening = wall_ms();
  hub::SqliteStore store(disk, folder);
  std::printf("open     %.1f ms\n", wall_ms() - opening);

  const auto end = begin + length;
  read(store, "power, 30 days at 15 min", Quantity::active_power, 1, {begin, end}, 15min);
  read(store, "energy, 30 days at 15 min", Quantity::imported, 1, {begin, end}, 15min);
  read(store, "power of 14 channels, 30 days at 15 min", Quantity::active_power, 14, {begin, end},
       15min);
  read(store, "power, 30 days at 5 min", Quantity::active_power, 1, {begin, end}, 5min);
  read(store, "power, a day at 1 s", Quantity::active_power, 1, {end - 25h, end - 1h}, 1s);
  read(store, "energy, a day at 1 s", Quantity::imported, 1, {end - 25h, end - 1h}, 1s);
  read(store, "power, a day at 1 min", Quantity::active_power, 1, {end - 24h, end}, 1min);
  read(store, "power, 10 minutes at 1 s", Quantity::active_power, 1, {end - 10min, end}, 1s);
  read(store, "energy, 10 minutes at 1 s", Quantity::imported, 1, {end - 10min, end}, 1s);
  read(store, "power, an hour at 1 s", Quantity::active_power, 1, {end - 1h, end}, 1s);

  double all = 0, segments = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    const auto bytes = static_cast<double>(file.file_size());
    all += bytes;
    if (file.path().filename().string().starts_with("segment-")) segments += bytes;
  }
  std::printf("on disk  %.1f MB in all, %.1f MB of it segments\n", 1e-6 * all, 1e-6 * segments);
  std::filesystem::remove_all(folder);
}
