#include <fmt/format.h>
#include <poll.h>
#include <sodium.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

#include "hub/config.h"
#include "hub/net/mqtt_client.h"
#include "lenz/bench_steps.h"
#include "lenz/broker.h"
#include "lenz/broker_address.h"
#include "lenz/commands.h"
#include "lenz/secrets.h"
#include "lenz/stop.h"
#include "lenz/workplace.h"
#include "measurement/report_codec.h"

namespace lenz {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr auto a_moment = 50ms;

std::string sha256_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error(fmt::format("{} cannot be read: name the image.", file));
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  std::array<char, 1 << 16> buffer;
  while (in.read(buffer.data(), buffer.size()), in.gcount() > 0) {
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(buffer.data()),
                              static_cast<unsigned long long>(in.gcount()));
  }
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash;
  crypto_hash_sha256_final(&state, hash.data());
  std::string text;
  for (const auto byte : hash) text += fmt::format("{:02x}", byte);
  return text;
}

hub::MqttLogin login_of(const std::string& folder, const std::string& home,
                        const std::string& device) {
  std::string address;
  std::getline(std::ifstream(folder + "/broker"), address);
  if (address.empty()) {
    throw std::runtime_error(
        fmt::format("No hub was found in {}: start `lenz hub` first.", folder));
  }
  const auto broker = parse_address(address);
  return {.host = broker.host,
          .port = broker.port,
          .user = hub_user,
          .password = read_secret(Workplace(folder).secrets() + "/hub.password"),
          .client_id = "lenz-bench",
          .topics = {fmt::format("lenz/{}/{}/report", home, device)}};
}

// Somebody at this terminal, and the meter as the hub's broker hears it.
class Terminal final : public Bench {
 public:
  Terminal(const hub::MqttLogin& login, BenchLog& log)
      : log_(log),
        samples_(measurement::max_samples_per_report),
        client_(context_, login,
                {.heard = [this](const hub::MqttMessage& message) { hear(message.payload); },
                 .lost = [this](const std::string& why) { say(why); }}) {}

  Timestamp now() override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }

  void say(const std::string& sentence) override {
    fmt::print("{}\n", sentence);
    std::fflush(stdout);
  }

  std::optional<std::string> ask(const std::string& question) override {
    say(question);
    while (!stop_requested()) {
      if (const auto end = typed_.find('\n'); end != std::string::npos) {
        const auto line = typed_.substr(0, end);
        typed_.erase(0, end + 1);
        return line;
      }
      if (!read_typed()) return std::nullopt;
      listen(a_moment);
    }
    return std::nullopt;
  }

  void listen(std::chrono::milliseconds time) override {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end && !stop_requested()) {
      context_.run_until(std::min(end, std::chrono::steady_clock::now() + a_moment));
      context_.restart();
    }
  }

 private:
  void hear(std::string_view payload) {
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size());
    const auto report = measurement::decode(bytes, samples_);
    if (report) log_.take(report->header, std::span(samples_).first(report->count), now());
  }

  // False: the end was reached.
  bool read_typed() {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (::poll(&input, 1, 0) <= 0) return true;
    std::array<char, 256> buffer;
    const auto count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count <= 0) return false;
    typed_.append(buffer.data(), static_cast<std::size_t>(count));
    return true;
  }

  BenchLog& log_;
  std::vector<measurement::Sample> samples_;
  std::string typed_;
  boost::asio::io_context context_;
  hub::MqttClient client_;
};

firmware::Assembly assembly_of(const BenchOptions& options) {
  const auto board = firmware::board_named(options.board);
  if (!board) {
    std::string names;
    for (std::size_t i = 0; i < firmware::boards; ++i) {
      names += (i == 0 ? "" : ", ");
      names += firmware::map_of(static_cast<firmware::Board>(i)).name;
    }
    throw std::runtime_error(
        fmt::format("\"{}\" is no board that is known here: {}.", options.board, names));
  }
  return {.board = *board, .add_ons = options.add_ons};
}

}  // namespace

int bench(const BenchOptions& options) {
  catch_stop_signals();
  if (sodium_init() < 0) throw std::runtime_error("The system gives no random numbers.");
  const auto folder = options.data.empty() ? Workplace::usual_folder() : options.data;
  const auto home = hub::load_home(folder + "/home.toml");
  const BenchSetup setup{
      .assembly = assembly_of(options),
      .line_frequency_hz = home.line_frequency_hz,
      .image_sha256 = options.firmware.empty() ? "" : sha256_of(options.firmware),
      .quickened = options.quickened};
  BenchLog log(options.channel);
  Terminal terminal(login_of(folder, home.id, options.device), log);
  BenchRecord record(options.out, options.board, last_bench_step(),
                     {{"board", options.board},
                      {"add_ons", options.add_ons},
                      {"device", options.device},
                      {"channel", options.channel},
                      {"lenz", options.version},
                      {"firmware_sha256", setup.image_sha256},
                      {"quickened", options.quickened}},
                     terminal.now());
  terminal.say(fmt::format(
      "{} {}: about 90 minutes with you, {} of which it measures, then a day without. Needed: a "
      "clamp, a lamp, a heater, a reference voltmeter and a reference power meter.",
      record.is_new() ? "Begins" : "Goes on with", record.file(), guided_time().count()));
  const bool complete = run_bench(terminal, record, log, setup);
  terminal.say(complete ? fmt::format("All steps are in {}.", record.file())
                        : fmt::format("What has been done is in {}: the same command goes on.",
                                      record.file()));
  return complete ? 0 : 1;
}

}  // namespace lenz
