#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "hub/config.h"
#include "lenz/broker.h"
#include "lenz/child.h"
#include "lenz/commands.h"
#include "lenz/house_faults.h"
#include "lenz/money.h"
#include "lenz/secrets.h"
#include "lenz/stop.h"
#include "lenz/workplace.h"
#include "simulator/household.h"

namespace lenz {
namespace {

constexpr const char* device = "meter-1";

hub::CircuitKind kind_of(const std::string& word) {
  using enum hub::CircuitKind;
  if (word == "grid") return grid;
  if (word == "solar") return solar;
  if (word == "battery") return battery;
  if (word == "ev") return ev;
  if (word == "subpanel") return subpanel;
  return load;
}

// The simulator's panel as the home that the hub is to show.
hub::Home home_of(const simulator::Blueprint& blueprint) {
  hub::Home home;
  home.id = "home";
  home.name = blueprint.name;
  home.zone = blueprint.zone;
  home.country = blueprint.country;
  home.currency = blueprint.currency;
  home.nominal_voltage_v = blueprint.nominal_voltage;
  home.line_frequency_hz = blueprint.frequency;
  home.phases = blueprint.phases;
  home.price_per_kwh = blueprint.price_per_kwh;
  auto& panel = home.panels.emplace_back();
  panel.style = blueprint.style == "us" ? hub::PanelStyle::us : hub::PanelStyle::din;
  for (const auto& drawn : blueprint.circuits) {
    auto& circuit = panel.circuits.emplace_back();
    circuit.id = drawn.id;
    circuit.name = drawn.name;
    circuit.kind = kind_of(drawn.kind);
    circuit.parent = drawn.parent;
    circuit.rating_a = drawn.rating_a;
    circuit.poles = drawn.poles;
    circuit.legs = drawn.legs;
    circuit.position = drawn.position;
    circuit.room = drawn.room;
    for (const auto& use : drawn.channels) {
      circuit.channels.push_back({device, static_cast<std::uint32_t>(use.channel), use.multiplier});
    }
  }
  return home;
}

// What the bench scenes measure, as one circuit each: the sum of all clamps is the grid.
hub::Home bench_home(const std::string& house) {
  hub::Home home;
  home.id = "home";
  home.name = "Bench";
  home.zone = "Etc/UTC";
  home.country = "ZZ";
  home.currency = "EUR";
  auto& circuit = home.panels.emplace_back().circuits.emplace_back();
  circuit.id = "grid";
  circuit.name = house == "step" ? "Step" : "All";
  circuit.kind = hub::CircuitKind::grid;
  const std::uint32_t channels = house == "step" ? 1 : measurement::max_channels;
  for (std::uint32_t c = 0; c < channels; ++c) circuit.channels.push_back({device, c, 1});
  return home;
}

// A tariff of a common kind in its country, so that there is a bill to see.
void begin_tariff(const std::string& house, const std::string& file) {
  const auto name = house == "us" ? "us_tou_baseline.toml" : "eu_day_night.toml";
  const auto from = std::filesystem::path(tariff_template_folder()) / name;
  if (house == "us" || house == "eu3") std::filesystem::copy_file(from, file);
}

// The page by TLS is the hub's business.
void put_words(const HttpsOptions& https, std::vector<std::string>& words) {
  for (const auto& name : https.names) words.insert(words.end(), {"--https", name});
  if (https.names.empty()) return;
  words.insert(words.end(), {"--https-port", fmt::format("{}", https.port)});
  for (const auto& [word, value] :
       {std::pair("--https-address", &https.address),
        std::pair("--certificate", &https.certificate), std::pair("--key", &https.key)}) {
    if (!value->empty()) words.insert(words.end(), {word, *value});
  }
}

hub::Home demo_home(const std::string& house) {
  if (house == "us") return home_of(simulator::blueprint(simulator::House::us));
  if (house == "eu3") return home_of(simulator::blueprint(simulator::House::eu3));
  return bench_home(house);
}

}  // namespace

int demo(const DemoOptions& options) {
  house_faults(options.house, options.faults);  // Before anything starts.
  catch_stop_signals();
  const Workplace place(options.data);
  // A folder that already has a past is not given a second one.
  const bool is_new = !std::filesystem::exists(place.store_file());
  // A folder that is kept keeps its panel, too: it may have been changed by hand.
  if (!std::filesystem::exists(place.home_file())) {
    hub::save_home(demo_home(options.house), place.home_file());
    if (!std::filesystem::exists(place.tariff_file())) {
      begin_tariff(options.house, place.tariff_file());
    }
  }
  const auto home = hub::load_home(place.home_file());
  Broker broker(home.id, {{hub_user, password_of(place.secrets(), hub_user)},
                          {device, password_of(place.secrets(), device)}});
  const auto address = fmt::format("127.0.0.1:{}", broker.port());

  std::vector<std::string> hub_words{Workplace::program(),
                                     "hub",
                                     "--data",
                                     place.folder(),
                                     "--broker",
                                     address,
                                     "--port",
                                     fmt::format("{}", options.port),
                                     "--meter",
                                     device};
  put_words(options.https, hub_words);
  Child hub(hub_words);
  const bool bench = options.house == "step" || options.house == "neighbours";
  std::vector<std::string> meter_words{
      Workplace::program(),
      "meter",
      "--data",
      place.folder(),
      "--broker",
      address,
      "--home",
      home.id,
      "--device",
      device,
      "--house",
      options.house,
      "--seed",
      fmt::format("{}", options.seed),
      "--history",
      fmt::format("{}", is_new && !bench ? options.history_days : 0)};
  for (const auto& fault : options.faults)
    meter_words.insert(meter_words.end(), {"--fault", fault});
  Child meter(meter_words);

  while (!stop_requested() && hub.is_running() && meter.is_running()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    broker.start();
  }
  const bool asked = stop_requested();
  meter.stop();
  hub.stop();
  return asked ? 0 : 1;
}

}  // namespace lenz
