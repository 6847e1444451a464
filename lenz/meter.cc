#include <fmt/format.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <thread>

#include "firmware/boards/linux/file_key_values.h"
#include "firmware/boards/linux/file_storage.h"
#include "firmware/boards/linux/mqtt_transport.h"
#include "hub/config.h"
#include "lenz/board_meter.h"
#include "lenz/broker.h"
#include "lenz/commands.h"
#include "lenz/house_faults.h"
#include "lenz/secrets.h"
#include "lenz/simulated_meter.h"
#include "lenz/stop.h"
#include "lenz/update_key.h"
#include "lenz/workplace.h"
#include "simulator/faulty_link.h"
#include "simulator/household.h"
#include "simulator/neighbours.h"
#include "simulator/recording.h"
#include "simulator/step_load.h"
#include "simulator/workbench.h"

namespace lenz {
namespace {

using namespace std::chrono_literals;
using firmware::linux_board::FileKeyValues;
using firmware::linux_board::FileStorage;
using firmware::linux_board::MqttOptions;
using firmware::linux_board::MqttTransport;
using measurement::Timestamp;
using measurement::Uptime;

constexpr std::size_t outbox_bytes = 16 << 20;  // A day of 12 channels at 1 Hz, or six hours of 42.
constexpr std::size_t replay_outbox_bytes = 2 << 20;  // Half of it is what a replay may run ahead.
constexpr double bit_flips = 0.001;                   // Of the frames, with --faults.
constexpr auto coarse_period = 10s;                   // Of history older than a day.
constexpr auto step_period = 3700ms;                  // No multiple of the sampling interval.
constexpr auto tick = 80ms;                           // Four times in a sweep for edges.

Uptime steady_now() {
  return std::chrono::duration_cast<Uptime>(std::chrono::steady_clock::now().time_since_epoch());
}
Timestamp system_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// Where the hub is and how to come in, from the options or from the hub's folder.
MqttOptions broker_of(const MeterOptions& options, const std::string& folder) {
  MqttOptions broker;
  broker.device = options.device;
  auto address = options.broker;
  if (address.empty()) std::getline(std::ifstream(folder + "/broker"), address);
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) {
    throw std::runtime_error(fmt::format(
        "No hub was found in {}: start `lenz hub` first, or name a broker with --broker HOST:PORT "
        "and --password-file.",
        folder));
  }
  broker.host = address.substr(0, colon);
  broker.port = std::atoi(address.c_str() + colon + 1);
  broker.home = options.home.empty() ? hub::load_home(folder + "/home.toml").id : options.home;
  const Workplace place(folder);
  broker.user = broker_user(broker.home, options.device, !place.has_many_homes());
  broker.password = read_secret(options.password_file.empty()
                                    ? fmt::format("{}/{}.password", place.secrets(), broker.user)
                                    : options.password_file);
  return broker;
}

std::unique_ptr<simulator::Scene> make_house(const MeterOptions& options, Timestamp begin) {
  if (options.house == "step") return std::make_unique<simulator::StepLoad>(step_period);
  if (options.house == "workbench") return std::make_unique<simulator::Workbench>();
  const auto faults = house_faults(options.house, options.house_faults);
  const auto household = [&](std::uint64_t seed, simulator::House house) {
    return std::make_unique<simulator::Household>(simulator::HouseholdOptions{
        .house = house, .seed = seed, .begin = begin, .faults = faults});
  };
  if (options.house == "neighbours") {
    std::vector<std::unique_ptr<simulator::Scene>> homes;
    for (std::uint64_t i = 0; i < 4; ++i) {
      homes.push_back(household(options.seed + i, simulator::House::us));
    }
    return std::make_unique<simulator::Repeated>(std::move(homes), measurement::max_channels);
  }
  return household(options.seed,
                   options.house == "eu3" ? simulator::House::eu3 : simulator::House::us);
}

// Two starts of one name must never be taken for the same one: the clock would not keep them apart.
std::uint64_t fresh_seed() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

// The month before the present, made by a meter of its own that shares the live one's name: its
// samples have another boot, so neither stands in the other's way.
class History {
 public:
  History(const MeterOptions& options, const MqttOptions& broker, const std::string& folder,
          Timestamp end)
      : begin_(end - std::chrono::days(options.history_days)),
        fine_(end - 24h),
        end_(end),
        now_(begin_),
        house_(make_house(options, begin_)),
        device_(options.device),
        storage_(folder + "/history.outbox", outbox_bytes),
        transport_([&] {
          auto own = broker;
          own.client = broker.device + "-history";
          return own;
        }()) {
    begin_part(begin_ < fine_ ? coarse_period : 1s);
  }

  // Works for about `budget`. False: all is made and stored.
  bool work(std::chrono::milliseconds budget) {
    const auto until = steady_now() + budget;
    transport_.poll(0);
    while (now_ < end_ && steady_now() < until && meter_->outbox_fill() < 0.5f) {
      for (int i = 0; i < 60 && now_ < end_; ++i) step();
      meter_->exchange(steady_now());
      transport_.poll(0);
    }
    meter_->exchange(steady_now());
    return now_ < end_ || !meter_->is_all_stored();
  }

 private:
  void begin_part(std::chrono::milliseconds period) {
    meter_ = std::make_unique<SimulatedMeter>(
        *house_,
        SimulatedMeterOptions{
            .device = device_, .period = period, .seed = fresh_seed(), .takes_requests = false},
        storage_, transport_);
    period_ = period;
  }

  void step() {
    if (period_ > 1s && now_ >= fine_) begin_part(1s);
    meter_->sample(now_);
    now_ += period_;
  }

  Timestamp begin_, fine_, end_, now_;
  std::unique_ptr<simulator::Scene> house_;
  std::string device_;
  FileStorage storage_;
  MqttTransport transport_;
  std::chrono::milliseconds period_{};
  std::unique_ptr<SimulatedMeter> meter_;
};

// What the wattmeter of a workbench shows, when it shows something else.
void tell_wattmeter(Timestamp now, std::optional<simulator::Workbench::Wattmeter>& told) {
  const auto shown = simulator::Workbench::wattmeter(now);
  if (told == shown) return;
  told = shown;
  fmt::print("The wattmeter shows {:.2f} V, {:.3f} A, {:.1f} W.\n", shown.voltage.value,
             shown.current.value, shown.power.value);
  std::fflush(stdout);
}

// A simulated house in real time.
int live(const MeterOptions& options, const MqttOptions& broker, const std::string& folder) {
  const Timestamp start = system_now();
  const auto house = make_house(options, start - std::chrono::days(options.history_days));
  MqttTransport transport(broker);
  FileStorage storage(fmt::format("{}/{}.outbox", folder, options.device), outbox_bytes);
  TrustedKey key(options.update_key);
  SimulatedMeter meter(*house,
                       {.device = options.device,
                        .edges = firmware::usual_edges,
                        .seed = fresh_seed(),
                        .is_uncalibrated = options.is_uncalibrated,
                        .update_key = options.update_key.empty() ? nullptr : &key},
                       storage, transport);
  std::unique_ptr<History> history;
  bool has_past = options.history_days > 0;  // To be made.
  // The meter's own clock: what the system's does after the start moves no sample.
  const Uptime steady_start = steady_now();
  Uptime next{};
  std::string trouble;
  std::optional<simulator::Workbench::Wattmeter> told;
  while (!stop_requested()) {
    const Uptime uptime = steady_now() - steady_start;
    if (uptime >= next) {
      meter.sample(start + uptime);
      if (options.house == "workbench") tell_wattmeter(start + uptime, told);
      next = uptime - uptime % tick + tick;
    }
    meter.exchange(steady_now());
    // First the present, then the past: a hub takes the first that it hears for the present.
    if (has_past && meter.count().samples > 0 && meter.is_all_stored()) {
      history = std::make_unique<History>(options, broker, folder, start);
      has_past = false;
    }
    if (history && !history->work(20ms)) {
      history.reset();
      std::filesystem::remove(folder + "/history.outbox");
    }
    const auto wait = next - (steady_now() - steady_start);
    transport.poll(history ? 0 : static_cast<int>(std::max<std::int64_t>(0, wait.count())));
    if (trouble != transport.trouble()) {
      trouble = transport.trouble();
      fmt::print(stderr, "{}\n", trouble.empty() ? "The broker answers again." : trouble);
    }
  }
  return 0;
}

hub::Meter described_meter(const MeterOptions& options, const std::string& folder) {
  const auto file = folder + "/home.toml";
  const auto home = hub::load_home(file);
  const auto found = std::ranges::find(home.meters, options.device, &hub::Meter::id);
  if (found == home.meters.end()) {
    throw std::runtime_error(
        fmt::format("{} describes no meter \"{}\": add it as [[meter]] with its chips "
                    "(docs/home_format.md), or name one of it with --device.",
                    file, options.device));
  }
  return *found;
}

// Whether somebody has set the machine's clock since it started: a Raspberry Pi has none that goes
// on without power.
bool clock_is_set() {
  timex state{};
  return adjtimex(&state) != TIME_ERROR;
}

// The chips on this machine's bus.
int on_board(const MeterOptions& options, const MqttOptions& broker, const std::string& folder) {
  MqttTransport transport(broker);
  FileStorage storage(fmt::format("{}/{}.outbox", folder, options.device), outbox_bytes);
  FileKeyValues kept(fmt::format("{}/{}.calibration", folder, options.device));
  BoardMeter meter({.meter = described_meter(options, folder),
                    .boot = fresh_seed(),
                    .bus = {.device = options.spi,
                            .gpio_chip = options.gpio_chip,
                            .selects = options.chip_selects}},
                   storage, transport, kept);
  const Uptime steady_start = steady_now();
  std::optional<Timestamp> booted_at;
  std::string trouble;
  while (!stop_requested()) {
    const Uptime uptime = steady_now() - steady_start;
    if (!booted_at && clock_is_set()) booted_at = system_now() - uptime;
    meter.step(uptime, booted_at);
    for (const auto& sentence : meter.news()) fmt::print(stderr, "{}\n", sentence);
    if (trouble != transport.trouble()) {
      trouble = transport.trouble();
      fmt::print(stderr, "{}\n", trouble.empty() ? "The broker answers again." : trouble);
    }
    const Uptime next = uptime - uptime % tick + tick;
    const auto wait = next - (steady_now() - steady_start);
    transport.poll(static_cast<int>(std::max<std::int64_t>(0, wait.count())));
  }
  return 0;
}

void tell(const nlohmann::json& said) {
  fmt::print("{}\n", said.dump());
  std::fflush(stdout);
}

nlohmann::json summary(const simulator::Recording& recording, const SimulatedMeter& meter,
                       const std::string& folder) {
  const auto count = meter.count();
  nlohmann::json channels = nlohmann::json::array();
  for (const auto& channel : recording.channels()) {
    const auto recorded = channel.name.empty() ? 0 : recording.recorded_mwh(channel.name).value;
    channels.push_back({{"name", channel.name}, {"recorded_mwh", recorded}});
  }
  return {{"recording", std::filesystem::path(folder).lexically_normal().filename().string()},
          {"begin_ms", recording.begin().time_since_epoch().count()},
          {"end_ms", recording.end().time_since_epoch().count()},
          {"samples", count.samples},
          {"reports_sent", count.reports},
          {"lost", count.lost},
          {"channels", std::move(channels)},
          {"bus",
           {{"starts", count.starts},
            {"frames", count.frames},
            {"flips", count.flips},
            {"resets", count.resets},
            {"garbled", count.garbled},
            {"doubtful", count.doubtful}}}};
}

// A recording from its begin to its end, as fast as the hub keeps up or at a multiple of real time.
int play(const MeterOptions& options, const MqttOptions& broker, const std::string& folder) {
  simulator::Recording recording(options.recording,
                                 {.begin_s = options.begin_s, .end_s = options.end_s});
  MqttTransport transport(broker);
  simulator::FaultyLink faulty(
      transport, [&] { transport.drop(); }, options.faults.value_or(0));
  FileStorage storage(fmt::format("{}/{}.outbox", folder, options.device), replay_outbox_bytes);
  SimulatedMeter meter(recording,
                       {.device = options.device,
                        .seed = options.faults.value_or(0) + 1,
                        .bit_flips = options.faults ? bit_flips : 0,
                        .address_flips = options.address_flips},
                       storage,
                       options.faults ? static_cast<firmware::Transport&>(faulty) : transport);

  const Uptime steady_start = steady_now();
  Timestamp now = recording.begin();
  const auto may_go_on = [&] {
    if (meter.outbox_fill() >= 0.5f) return false;
    if (options.speed <= 0) return true;
    const auto virtual_ms = static_cast<double>((now - recording.begin()).count());
    return virtual_ms <= static_cast<double>((steady_now() - steady_start).count()) * options.speed;
  };
  double told = -1;
  // The last sample is of the second after the end, without load: what flowed last is in it.
  for (unsigned round = 0; now <= recording.end() + 1s && !stop_requested(); ++round) {
    const bool goes_on = may_go_on();
    if (goes_on) {
      meter.sample(now);
      now += 1s;
    }
    if (!goes_on || round % 60 == 0) {
      transport.poll(goes_on ? 0 : 2);
      meter.exchange(steady_now());
    }
    if (recording.progress() >= told + 0.002) {
      told = recording.progress();
      tell({{"progress", told}});
    }
  }
  while (!meter.is_all_stored() && !stop_requested()) {
    transport.poll(5);
    meter.exchange(steady_now());
  }
  if (stop_requested()) return 1;
  tell(summary(recording, meter, options.recording));
  return 0;
}

}  // namespace

int meter(const MeterOptions& options) {
  catch_stop_signals();
  const auto folder = options.data.empty() ? Workplace::usual_folder() : options.data;
  const auto broker = broker_of(options, folder);
  const Workplace place(folder);
  if (!options.spi.empty()) return on_board(options, broker, folder);
  return options.recording.empty() ? live(options, broker, folder) : play(options, broker, folder);
}

}  // namespace lenz
