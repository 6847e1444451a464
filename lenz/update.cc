#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

#include "hub/api/signed_update.h"
#include "hub/config.h"
#include "hub/meter_updates.h"
#include "hub/net/mqtt_client.h"
#include "lenz/calibrating.h"
#include "lenz/commands.h"
#include "lenz/stop.h"
#include "lenz/update_key.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

using namespace std::chrono_literals;
using Stage = hub::MeterUpdates::State::Stage;

measurement::Timestamp system_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string checked_update(const std::string& path, const Workplace& place) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(fmt::format("{} cannot be read.", path));
  std::string file(std::istreambuf_iterator<char>(in), {});
  const auto update = hub::SignedUpdate::of_file(file);
  if (!update) throw std::runtime_error(fmt::format("{}: {}", path, update.error()));
  const auto checked =
      check_signature(place.update_key_file(), update->signed_text, update->signature);
  if (!checked) throw std::runtime_error(checked.error());
  return file;
}

// What is said while it goes on; empty: nothing new.
std::string news(const hub::MeterUpdates::State& state, hub::MeterUpdates::State& told) {
  const auto tenth = [](const auto& of) {
    return of.bytes > 0 ? of.written * 10ULL / of.bytes : 0;
  };
  const bool is_new = state.stage != told.stage || tenth(state) != tenth(told);
  told = state;
  if (!is_new) return {};
  switch (state.stage) {
    case Stage::sending:
      return fmt::format("{} % is written.", tenth(state) * 10);
    case Stage::starting:
      return "It has all of it and restarts.";
    case Stage::on_trial:
      return fmt::format("It runs {} on trial, for five minutes at most.", state.version);
    case Stage::confirmed:
      return fmt::format("It runs {}, which stays.", state.version);
    case Stage::went_back:
    case Stage::failed:
      return state.why;
  }
  return {};
}

}  // namespace

int update(const UpdateOptions& options) {
  catch_stop_signals();
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  auto file = checked_update(options.file, place);
  const auto home = hub::load_home(home_folder(options.data, options.home) + "/home.toml").id;
  const auto broker = broker_in(place);
  const auto topic = fmt::format("lenz/{}/{}/", home, options.device);
  boost::asio::io_context context;
  std::random_device random;
  hub::MqttClient* line = nullptr;
  hub::MeterRequests requests(
      {.send =
           [&](std::string_view, std::string_view, std::string_view bytes) {
             return line && line->is_connected() && line->publish(topic + "request", bytes, false);
           },
       .draw = [&random] { return std::uint64_t{random()} << 32 | random(); }});
  hub::MqttClient mqtt(context, broker.login({topic + "reply"}),
                       {.connected = [] {},
                        .heard =
                            [&](const hub::MqttMessage& message) {
                              requests.heard(home, options.device, message.payload, system_now());
                            },
                        .heard_all = [] {},
                        .lost = [](const std::string&) {}});
  line = &mqtt;
  hub::MeterUpdates updates(requests);
  hub::MeterUpdates::State told;
  updates.begin(home, options.device, std::move(file), system_now(), {});
  const auto& state = *updates.state(home, options.device);
  while (!stop_requested()) {
    if (const auto words = news(state, told); !words.empty()) fmt::print("{}\n", words);
    std::fflush(stdout);
    if (state.is_over()) return state.stage == Stage::confirmed ? 0 : 1;
    context.run_for(500ms);
    context.restart();
    requests.expire(system_now());
    updates.step(system_now());
  }
  return 1;
}

}  // namespace lenz
