#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "hub/config.h"
#include "lenz/broker_address.h"
#include "lenz/calibrating.h"
#include "lenz/commands.h"
#include "lenz/meter_line.h"
#include "lenz/secrets.h"
#include "lenz/workplace.h"

namespace lenz {

std::string home_folder(const std::string& data, const std::string& home) {
  const Workplace place(data.empty() ? Workplace::usual_folder() : data);
  if (!place.has_many_homes()) return place.folder();
  if (home.empty()) {
    throw std::runtime_error("This hub has several homes: say which with --home ID.");
  }
  return place.homes_folder() + "/" + home;
}

hub::BrokerAddress broker_in(const Workplace& place) {
  std::string address;
  std::getline(std::ifstream(place.broker_file()), address);
  if (address.empty()) {
    throw std::runtime_error(fmt::format(
        "No hub was found in {}: start `lenz hub` first, or name its folder with --data.",
        place.folder()));
  }
  auto broker = parse_address(address);
  broker.password = read_secret(fmt::format("{}/{}.password", place.secrets(), broker.user));
  return broker;
}

Talk terminal() {
  return {.say = [](const std::string& words) { fmt::print("{}\n", words); },
          .ask = [](const std::string& question) -> std::optional<std::string> {
            fmt::print("{}: ", question);
            std::fflush(stdout);
            std::string line;
            if (!std::getline(std::cin, line)) return std::nullopt;
            return line;
          }};
}

std::string who(const std::string& by) {
  const char* user = std::getenv("USER");
  return !by.empty() ? by : user ? user : "unknown";
}

namespace {

measurement::Timestamp system_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace

int calibrate(const CalibrateOptions& options) {
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  const auto folder = home_folder(options.data, options.home);
  const auto home = hub::load_home(folder + "/home.toml");
  const hub::CalibrationPlan plan{.device = options.device,
                                  .channel = options.channel,
                                  .line_frequency = static_cast<int>(home.line_frequency_hz),
                                  .volts = home.nominal_voltage_v,
                                  .clamp = options.clamp,
                                  .class_percent = options.class_percent,
                                  .rated_a = options.rated_a,
                                  .reference = options.reference,
                                  .by = who(options.by)};
  const auto file = Workplace(folder).calibrations_file();
  hub::load_calibrations(file);  // Before anything is set: it could not be noted else.
  MeterLine line(broker_in(place), home.id, options.device);
  const auto record = calibrate_channel(
      plan, terminal(), [&](const measurement::Request& request) { return line.ask(request); },
      system_now());
  if (!record) {
    fmt::print("Nothing was changed.\n");
    return 1;
  }
  hub::add_calibration(*record, file);
  fmt::print("Set, and noted in {}.\n", file);
  return 0;
}

int undo_calibration(const UndoCalibrationOptions& options) {
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  const auto folder = home_folder(options.data, options.home);
  const auto file = Workplace(folder).calibrations_file();
  const auto records = hub::load_calibrations(file);
  const auto* newest = hub::newest_calibration(records, options.device, options.channel);
  if (!newest) {
    throw std::runtime_error(
        fmt::format("Channel {} of {} was never calibrated.", options.channel, options.device));
  }
  MeterLine line(broker_in(place), hub::load_home(folder + "/home.toml").id, options.device);
  const auto undone = hub::take_undone(records, *newest, line.ask(hub::undo(*newest)),
                                       who(options.by), system_now());
  if (!undone) throw std::runtime_error(undone.error());
  hub::add_calibration(*undone, file);
  fmt::print("As before, and noted in {}.\n", file);
  return 0;
}

int show_calibrations(const ShowCalibrationsOptions& options) {
  const auto folder = home_folder(options.data, options.home);
  const auto records = hub::load_calibrations(Workplace(folder).calibrations_file());
  if (records.empty()) fmt::print("No channel was calibrated.\n");
  for (const auto& record : records) {
    const bool is_newest =
        hub::newest_calibration(records, record.device, record.channel) == &record;
    fmt::print("{} channel {}  {:%Y-%m-%d}  {} by {}{}\n", record.device, record.channel,
               fmt::gmtime(std::chrono::system_clock::to_time_t(record.time)), record.reference,
               record.by, is_newest ? "" : "  (older)");
    if (is_newest) fmt::print("{}\n", accuracy_text(record.accuracy, record.volts));
  }
  show_readings(folder);
  return 0;
}

}  // namespace lenz
