// Calibrating with the panel closed, from a terminal: the desks of the hub, on its store, which is
// read beside it.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>

#include "hub/calibration_desks.h"
#include "hub/config.h"
#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"
#include "lenz/calibrating.h"
#include "lenz/commands.h"
#include "lenz/meter_line.h"

namespace lenz {
namespace {

using namespace std::chrono_literals;
using measurement::Timestamp;

constexpr auto look_again = 2s;

Timestamp system_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

template <class Value>
Value or_throw(std::expected<Value, std::string> value) {
  if (!value) throw std::runtime_error(value.error());
  if constexpr (!std::is_void_v<Value>) return *std::move(value);
}

class ClosedPanel {
 public:
  explicit ClosedPanel(const std::string& folder)
      : folder_(folder),
        home_(hub::load_home(folder + "/home.toml")),
        store_(disk_, folder, hub::SqliteStore::Use::read),
        desks_(live_, store_, home_, Workplace(folder).calibrations_file(),
               Workplace(folder).readings_file()) {}

  hub::CalibrationDesks& desks() { return desks_; }

  // The only connection with clamps, or the one that is named.
  std::string connection(const std::string& named) {
    const auto all = desks_.readings.standings(system_now());
    if (all.empty()) throw std::runtime_error("The panel has no clamps on the mains.");
    for (const auto& each : all) {
      if (named.empty() || each.circuit == named) return each.circuit;
    }
    throw std::runtime_error(fmt::format("\"{}\" is no mains with clamps.", named));
  }

  // Once somebody has said yes. False: nobody did.
  bool set(const hub::BrokerAddress& broker, std::vector<hub::WordsChange> changes,
           const std::string& by) {
    const auto answer = terminal().ask("Set the meter so? (yes)");
    if (!answer || *answer != "yes") {
      fmt::print("Nothing was changed.\n");
      return false;
    }
    const auto file = Workplace(folder_).calibrations_file();
    hub::WordsCourse course(
        std::move(changes), hub::load_calibrations(file),
        {.by = who(by), .volts = home_.nominal_voltage_v, .time = system_now()});
    std::string device;
    std::unique_ptr<MeterLine> line;
    while (const auto question = course.next()) {
      if (device != question->device) {
        line = std::make_unique<MeterLine>(broker, home_.id, question->device);
        device = question->device;
      }
      const auto set = or_throw(course.take(line->ask(question->request)));
      if (set) hub::add_calibration(*set, file);
    }
    fmt::print("Set, and noted in {}.\n", file);
    return true;
  }

 private:
  const std::string folder_;
  const hub::Home home_;
  hub::Disk disk_;
  hub::SqliteStore store_;
  hub::LiveFeed live_;
  hub::CalibrationDesks desks_;
};

std::string text_of(const std::optional<hub::ReadingsDesk::Comparison>& found) {
  if (!found) return "the first";
  if (!*found) return found->error();
  return fmt::format("{:.1f} kWh, of which the clamps counted {:.1f}: {:+.2f} %, +- {:.2f} %",
                     (*found)->utility_kwh, (*found)->our_kwh, (*found)->off_percent(),
                     (*found)->plus_minus());
}

void show(const hub::ReadingsDesk::Standing& standing) {
  for (const auto& [reading, since_last] : standing.rows) {
    fmt::print(
        "{}  {:%Y-%m-%d %H:%M} UTC  {} kWh{}{}: {}\n", standing.circuit,
        fmt::gmtime(std::chrono::system_clock::to_time_t(reading.time)), reading.imported_kwh,
        reading.exported_kwh.empty() ? "" : fmt::format(", {} given back", reading.exported_kwh),
        reading.is_new_meter ? ", of another meter" : "", text_of(since_last));
  }
  if (!standing.drift) return;
  fmt::print("{}  since the clamps were set: {:+.2f} %, {} the +- {:.2f} % that was stated.\n",
             standing.circuit, standing.drift->percent,
             standing.drift->has_drifted ? "beyond" : "within", standing.stated_percent);
}

}  // namespace

void show_readings(const std::string& folder) {
  if (!std::filesystem::exists(Workplace(folder).readings_file())) return;
  ClosedPanel panel(folder);
  for (const auto& standing : panel.desks().readings.standings(system_now())) show(standing);
}

int read_utility_meter(const ReadingOptions& options) {
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  ClosedPanel panel(home_folder(options.data, options.home));
  auto& desk = panel.desks().readings;
  const auto circuit = panel.connection(options.circuit);
  if (options.takes_back) {
    or_throw(desk.take_back(circuit));
  } else if (!options.kwh.empty()) {
    or_throw(desk.add({.circuit = circuit,
                       .imported_kwh = options.kwh,
                       .exported_kwh = options.exported,
                       .class_percent = options.class_percent,
                       .is_new_meter = options.is_new_meter,
                       .by = who(options.by)},
                      system_now()));
  }
  for (const auto& standing : desk.standings(system_now())) {
    if (standing.circuit == circuit) show(standing);
  }
  if (!options.sets) return 0;
  auto changes = or_throw(desk.changes(circuit, system_now()));
  return panel.set(broker_in(place), std::move(changes), options.by) ? 0 : 1;
}

int calibrate_switched(const SwitchedOptions& options) {
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  ClosedPanel panel(home_folder(options.data, options.home));
  auto& desk = panel.desks().branches;
  or_throw(desk.begin_switching(options.circuit, system_now()));
  fmt::print(
      "Switch a kettle or a heater on this circuit on, wait for ten seconds, off, wait again, {} "
      "times.\n",
      options.steps / 2);
  std::size_t told = 0;
  while (true) {
    const auto* found = desk.switching(system_now());
    for (; told < found->steps.size(); ++told) {
      const auto& step = found->steps[told];
      fmt::print("  mains {:+.0f} W, this circuit {:+.0f} W\n", step.mains_w, step.branch_w);
      std::fflush(stdout);
    }
    if (found->steps.size() >= options.steps || system_now() >= found->end) break;
    std::this_thread::sleep_for(look_again);
  }
  const auto found = *desk.switching(system_now());
  if (!found.wrong_legs.empty()) fmt::print("{}\n", found.wrong_legs);
  const auto gain = or_throw(found.gain);
  fmt::print("Its numbers would change by {:+.2f} %; +- {:.2f} % becomes +- {:.2f} %.\n",
             100 * (gain.factor - 1), found.before_percent, found.after_percent);
  auto changes = or_throw(desk.switching_changes(system_now()));
  return panel.set(broker_in(place), std::move(changes), options.by) ? 0 : 1;
}

int calibrate_sum(const SumOptions& options) {
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  ClosedPanel panel(home_folder(options.data, options.home));
  auto& desk = panel.desks().branches;
  or_throw(desk.look_at_sum(system_now()));
  const auto& sum = *desk.sum();
  std::vector<std::string> better;
  for (const auto& branch : sum.branches) {
    fmt::print("{:20}  {:+6.2f} %  +- {:.2f} % {} +- {:.2f} %\n", branch.circuit,
               100 * (branch.taken.factor - 1), branch.before_percent,
               branch.is_better() ? "becomes" : "is no surer than by the sum,",
               branch.after_percent);
    if (branch.is_better()) better.push_back(branch.circuit);
  }
  fmt::print(
      "{:.0f} W on average have no clamp, {:.0f} W of them always: +- {:.0f} W. ({} minutes)\n",
      sum.unmeasured_w, sum.always_w, sum.plus_minus_w, sum.minutes);
  if (better.empty()) return 0;
  auto changes = or_throw(desk.sum_changes(options.circuits.empty() ? better : options.circuits));
  return panel.set(broker_in(place), std::move(changes), options.by) ? 0 : 1;
}

}  // namespace lenz
