// For the tests: a home whose every second was written down by hand, with
// everything the routes need around it.

#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "hub/api/routes.h"
#include "hub/calibration_desks.h"
#include "hub/doctor_desk.h"
#include "hub/files/disk.h"

namespace hub {

using namespace std::chrono_literals;

// 2026-01-01T00:00Z
inline constexpr measurement::Timestamp new_year{std::chrono::milliseconds(1'767'225'600'000)};

// Seconds since the new year -> what each channel showed then. Totals in mWh.
struct Reading {
  float watts = 0;
  double imported = 0, exported = 0;
};

class HandmadeStore : public Store {
 public:
  std::map<std::string, std::map<std::int64_t, std::map<std::size_t, Reading>>> seconds;
  std::vector<Gap> holes;
  bool is_broken = false;
  std::size_t most_steps = 1'000'000;
  int reads = 0;
  std::function<void()> at_read = [] {};

  std::expected<Points, StoreError> read(const Series& series, TimeRange range,
                                         std::chrono::milliseconds step, Columns) override {
    ++reads;
    at_read();
    if (is_broken) return std::unexpected(StoreError::unavailable);
    const auto first = range.begin.time_since_epoch() / step;
    const auto last = (range.end.time_since_epoch() + step - 1ms) / step;
    if (last - first > static_cast<std::int64_t>(most_steps)) {
      return std::unexpected(StoreError::too_long);
    }
    Points points{.begin = measurement::Timestamp(first * step), .step = step};
    for (auto s = first; s < last; ++s) add(points, series, measurement::Timestamp(s * step));
    return points;
  }

  std::expected<std::optional<Last>, StoreError> last(std::string_view device) override {
    if (is_broken) return std::unexpected(StoreError::unavailable);
    const auto found = seconds.find(std::string(device));
    if (found == seconds.end() || found->second.empty()) return std::nullopt;
    const auto& [second, channels] = *found->second.rbegin();
    return Last{new_year + std::chrono::seconds(second), sample_of(channels)};
  }

  std::expected<std::vector<Gap>, StoreError> gaps(std::string_view, TimeRange range) override {
    std::vector<Gap> found;
    for (const auto& [channel, hole] : holes) {
      const TimeRange piece{std::max(hole.begin, range.begin), std::min(hole.end, range.end)};
      if (piece.begin < piece.end) found.push_back({channel, piece});
    }
    return found;
  }
  std::expected<Tally, StoreError> tally(std::string_view) override { return Tally{10, 2, 1}; }
  std::expected<Appended, StoreError> append(const measurement::ReportHeader&,
                                             std::span<const measurement::Sample>) override {
    return Appended{};
  }
  std::expected<void, StoreError> commit() override { return {}; }
  std::uint64_t undone() const override { return 0; }
  std::expected<std::vector<measurement::StoredRange>, StoreError> stored(std::string_view,
                                                                          std::size_t) override {
    return std::vector<measurement::StoredRange>{};
  }
  std::expected<measurement::Origin, StoreError> origin(std::string_view) override {
    return measurement::Origin{.timed_on_arrival = true, .integrated = 0b101};
  }
  std::expected<std::vector<Kept>, StoreError> samples(std::string_view device,
                                                       TimeRange range) override {
    std::vector<Kept> found;
    const auto known = seconds.find(std::string(device));
    if (known == seconds.end()) return found;
    for (const auto& [second, channels] : known->second) {
      const auto time = new_year + std::chrono::seconds(second);
      if (time < range.begin || time >= range.end) continue;
      auto& kept = found.emplace_back(Kept{.boot = 1, .time = time, .sample = sample_of(channels)});
      kept.sample.number = static_cast<std::uint64_t>(second);
    }
    return found;
  }
  std::expected<measurement::Sample, StoreError> totals_before(std::string_view, std::uint64_t,
                                                               measurement::Timestamp,
                                                               std::uint64_t) override {
    return measurement::Sample{};
  }
  std::expected<std::vector<Change>, StoreError> changes(std::uint64_t, std::size_t) override {
    return std::vector<Change>{};
  }
  std::expected<std::vector<std::string>, StoreError> devices() override {
    std::vector<std::string> known;
    for (const auto& [device, readings] : seconds) known.push_back(device);
    return known;
  }
  std::expected<bool, StoreError> tidy(measurement::Timestamp) override { return true; }

 private:
  static measurement::Sample sample_of(const std::map<std::size_t, Reading>& channels) {
    measurement::Sample sample(1);
    for (const auto& [channel, reading] : channels) {
      sample.put<measurement::Quantity::active_power>(channel, {reading.watts});
    }
    return sample;
  }

  // Of a channel, or the watts of several together.
  static std::optional<Reading> shown(const std::map<std::size_t, Reading>& channels,
                                      const Series& series) {
    Reading sum;
    for (const auto& [channel, multiplier] : series.together) {
      const auto found = channels.find(channel);
      if (found == channels.end()) return std::nullopt;
      sum.watts += static_cast<float>(multiplier) * found->second.watts;
    }
    if (!series.together.empty()) return sum;
    const auto found = channels.find(series.index);
    return found == channels.end() ? std::nullopt : std::optional(found->second);
  }

  // The readings of one step: means of watts, rise of totals since the reading before the step.
  void add(Points& points, const Series& series, measurement::Timestamp begin) const {
    std::vector<Reading> inside;
    Reading before;
    const auto device = seconds.find(series.device);
    if (device != seconds.end()) {
      for (const auto& [second, channels] : device->second) {
        const auto time = new_year + std::chrono::seconds(second);
        const auto reading = shown(channels, series);
        if (time >= begin + points.step || !reading) continue;
        if (time < begin) {
          before = *reading;
        } else {
          inside.push_back(*reading);
        }
      }
    }
    const bool is_import = series.quantity == measurement::Quantity::imported;
    if (is_import || series.quantity == measurement::Quantity::exported) {
      const auto total = is_import ? &Reading::imported : &Reading::exported;
      points.gained.push_back(inside.empty() ? std::numeric_limits<double>::quiet_NaN()
                                             : inside.back().*total - before.*total);
      return;
    }
    if (inside.empty()) {
      for (auto* column : {&points.mean, &points.min, &points.max}) {
        column->push_back(std::numeric_limits<float>::quiet_NaN());
      }
      return;
    }
    float sum = 0;
    for (const auto& reading : inside) sum += reading.watts;
    points.mean.push_back(sum / static_cast<float>(inside.size()));
    points.min.push_back(std::ranges::min(inside, {}, &Reading::watts).watts);
    points.max.push_back(std::ranges::max(inside, {}, &Reading::watts).watts);
  }
};

// A folder of its own that goes away with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lenz_api_XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path path;
};

inline void write_file(const std::filesystem::path& file, std::string_view content) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << content;
}

// Not secret, but never twice the same.
inline Accounts::Random counting_random() {
  return [count = std::uint8_t{0}](std::span<std::uint8_t> bytes) mutable {
    std::ranges::fill(bytes, ++count);
  };
}

inline constexpr HashCost cheap{1, 8 * 1024};  // The least that libsodium takes.

inline Circuit circuit(std::string id, std::vector<ChannelUse> channels) {
  Circuit made;
  made.id = id;
  made.name = std::move(id);
  made.channels = std::move(channels);
  return made;
}

inline Home home_with(std::vector<Circuit> circuits) {
  Home home;
  home.id = "home";
  home.name = "Maple Street";
  home.zone = "Europe/Berlin";
  home.country = "DE";
  home.currency = "EUR";
  home.panels = {{.valid_from = new_year, .circuits = std::move(circuits)}};
  return home;
}

// The answer of all its pieces.
inline Response whole(Response answer) {
  while (answer.pieces) {
    if (auto made = answer.pieces()) answer = std::move(*made);
  }
  return answer;
}

struct SmallWorld {
  TemporaryFolder folder;
  std::vector<Home> homes = {home_with(
      {circuit("fridge", {{"meter-1", 0, 1}}), circuit("<script>alert(1)</script>", {})})};
  HandmadeStore store;
  LiveFeed live;
  Hub hub{store, live};
  Disk disk;
  Accounts accounts{disk, (folder.path / "accounts.db").string(), counting_random(), cheap};
  Analyst analyst{disk,
                  (folder.path / "insight.db").string(),
                  store,
                  live,
                  homes[0],
                  {.model = nullptr,
                   .utc_offset = [](measurement::Timestamp) { return 0min; },
                   .say = [](const std::string&) {}}};
  HealthDesk desk{disk,
                  (folder.path / "health.db").string(),
                  folder.path / "rules.toml",
                  homes[0],
                  live,
                  {.analyst = [this] { return &analyst; },
                   .ledger = {},
                   .utc_offset = [](measurement::Timestamp) { return 0min; }}};
  BillDesk bill{
      {folder.path / "tariff.toml", folder.path / "day_ahead.csv", folder.path / "carbon.csv"},
      store,
      homes[0],
      {.appliances = appliances_of([this] { return &analyst; }),
       .ledger = {},
       .utc_offset = [](measurement::Timestamp) { return 0min; },
       .templates = folder.path}};
  AdviceDesk advice{disk,
                    (folder.path / "advice.db").string(),
                    bill,
                    homes[0],
                    {.appliances = appliances_of([this] { return &analyst; }),
                     .health = [this] { return &desk; },
                     .offers = {}}};
  DoctorDesk doctor{store, homes[0]};
  CalibrationDesks calibration{live, store, homes[0], folder.path / "calibrations.toml",
                               folder.path / "utility_readings.toml"};
  std::vector<ServedHome> served = {{.id = "home",
                                     .home = &homes[0],
                                     .store = &store,
                                     .live = &live,
                                     .hub = &hub,
                                     .analyst = [this] { return &analyst; },
                                     .health = [this] { return &desk; },
                                     .bill = [this] { return &bill; },
                                     .advice = [this] { return &advice; },
                                     .doctor = [this] { return &doctor; },
                                     .calibration = [this] { return &calibration; }}};
  measurement::Timestamp now = new_year + 100s;
  FirmwareShelf shelf{disk, (folder.path / "firmware").string()};
  UpdateShelf updates_shelf{disk, (folder.path / "firmware").string()};
  std::expected<bool, std::string> signature = false;  // What looking at one says.
  struct Asked {
    std::string device, bytes;
  };
  std::vector<Asked> asked;
  bool broker_is_up = true;
  MeterRequests requests{
      {.send =
           [this](std::string_view, std::string_view device, std::string_view bytes) {
             if (broker_is_up) asked.push_back({std::string(device), std::string(bytes)});
             return broker_is_up;
           },
       .draw = [] { return std::uint64_t{77}; }}};
  MeterUpdates updates{requests};
  Pairing window;
  std::set<std::string> paired;
  std::string admission_trouble;
  PairingDoor pairing{
      .window = window,
      .trouble = {},
      .host = "hub.local",
      .port = 8883,
      .certificate = "PEM",
      .draw =
          [] {
            return Pairing::Random{0x00, 0x44, 0x32, 0x14, 0xC7};
          },  // 0123-4567
      .fault_of =
          [](const std::string&, const std::string& device) {
            return device == "hub" ? "A meter cannot be called so." : "";
          },
      .admit = [this](const std::string& home, const std::string& device)
          -> std::expected<PairingDoor::Credential, std::string> {
        if (!admission_trouble.empty()) return std::unexpected(admission_trouble);
        paired.insert(device);
        hub.admit(device);
        return PairingDoor::Credential{home + "/" + device, "CANARY"};
      },
      .is_paired = [this](const std::string&,
                          const std::string& device) { return paired.contains(device); },
      .expel = [this](const std::string&,
                      const std::string& device) -> std::expected<void, std::string> {
        paired.erase(device);
        return {};
      }};
  std::string metrics_token = "a token for metrics";
  Routes routes = make_routes();

  SmallWorld() {
    store.seconds["meter-1"][90][0] = {.watts = 80, .imported = 5};
    hub.admit("meter-1");
  }

  Response answer(const Request& request) { return whole(routes.answer(request)); }

  // A session's cookie header.
  std::string signed_in() {
    return "lenz_session=" + accounts.sign_in_with_link(accounts.new_link(now), now).value();
  }

 private:
  Routes make_routes() {
    homes[0].panels[0].circuits[1].id = "spare";
    write_file(folder.path / "dist/index.html", "<h1>Lenz</h1>");
    write_file(folder.path / "dist/assets/index.js", "main();");
    write_file(folder.path / "secret.txt", "CANARY");
    return Routes(
        {.homes = served,
         .accounts = accounts,
         .now = [this] { return now; },
         .metrics_token = metrics_token,
         .shelf = &shelf,
         .updates_shelf = &updates_shelf,
         .check_signature = [this](std::string_view, std::string_view) { return signature; },
         .requests = &requests,
         .updates = &updates,
         .pairing = &pairing,
         .names = {"lenz.local", "[fd00::1]"},
         .authority = "-----BEGIN CERTIFICATE-----"},
        Pages(folder.path / "dist"));
  }
};

}  // namespace hub
