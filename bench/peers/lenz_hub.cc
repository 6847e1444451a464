// A running `lenz hub`, by its doors: line protocol and questions over HTTP, and a meter's reports
// through the broker.

#include <fmt/format.h>
#include <mosquitto.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "bench/peers/process.h"
#include "bench/peers/system.h"
#include "bench/peers/wire.h"
#include "hub/config.h"
#include "hub/home.h"
#include "lenz/child.h"
#include "lenz/secrets.h"
#include "measurement/report_codec.h"

namespace bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Thirty circuits of one clamp each, and one of another meter.
hub::Home home() {
  hub::Home made;
  made.id = "home";
  made.name = "Home";
  made.zone = "Etc/UTC";
  made.country = "ZZ";
  made.currency = "EUR";
  // The workload is years old: all of it is to stay.
  made.retention.samples = made.retention.minutes = std::chrono::days(36'500);
  auto& circuits = made.panels.emplace_back().circuits;
  const auto add = [&](std::string id, std::size_t meter, std::size_t clamp) {
    auto& circuit = circuits.emplace_back();
    circuit.id = circuit.name = std::move(id);
    circuit.channels = {{std::to_string(meter), static_cast<std::uint32_t>(clamp), 1}};
  };
  for (std::size_t c = 0; c < Workload::circuits; ++c) {
    add(fmt::format("c{}", c), Contents::home, channel_of(c));
  }
  add("single", Contents::single_home, channel_of(Contents::single_circuit));
  return made;
}

class LenzHub : public System {
 public:
  explicit LenzHub(std::string program) : program_(std::move(program)) {}
  std::string name() const override { return "lenz"; }
  std::optional<std::string> absent() const override {
    if (!lenz::find_program(program_).empty()) return std::nullopt;
    return fmt::format("there is no {}: build the target lenz", program_);
  }

  void begin(const std::string& folder) override {
    folder_ = folder;
    fs::create_directories(folder_);
    hub::save_home(home(), folder_ + "/home.toml");
    lenz::Child writer({program_, "write-token", "--data", folder_}, {.keep_output = true});
    const auto token = writer.read_line(10'000);
    if (!token) throw std::runtime_error("lenz write-token makes none");
    writer_ = fmt::format("Authorization: Token {}\r\n", *token);
    start();
  }

  void write(std::span<const Row> rows) override {
    text_.clear();
    for (const auto& row : rows) append_line(text_, row);
    good(http_->ask("POST", "/write?precision=s", text_, writer_));
  }

  // It packs what is left when nothing has come for some seconds; a connection that is silent for a
  // minute is ended.
  void settle() override {
    wait_until_quiet(process_->pid(), false, 12s);
    http_ = std::make_unique<HttpConnection>(port_);
  }
  double cpu_s() const override { return cpu_s_of(process_->pid(), false); }
  // Without the room that is set aside for a full disk.
  double bytes() const override { return bytes_in(folder_) - bytes_in(folder_, "/reserve"); }
  Memory memory() const override { return memory_of(process_->pid(), false); }

  std::vector<Question> questions(const Contents& contents) override {
    const auto begin = Contents::begin, end = contents.end(), one = contents.single_end();
    const auto month = std::min(one, begin + 30 * Contents::day);
    const auto week = std::min(end, begin + 7 * Contents::day);
    std::string all;
    for (std::size_t c = 0; c < Workload::circuits; ++c) {
      all += fmt::format("{}c{}", c == 0 ? "" : ",", c);
    }
    const std::string third = fmt::format("c{}", Contents::single_circuit);
    return {
        {"last_all", [this] { return get("now"); }},
        ask("raw_24h", third, end - Contents::day, end, 1, "columns=mean"),
        ask("raw_24h_packed", third, end - Contents::day, end, 1, "columns=mean&format=packed"),
        ask("mean_5m_30d", "single", begin, month, 300, "columns=mean"),
        ask("kwh_1h_7d", all, begin, week, 3600, "columns=energy"),
        ask("chart_2000px", "single", begin, one, contents.chart_step(), "columns=mean,min,max"),
        ask("mean_1h_all", all, begin, end, 3600, "columns=mean"),
    };
  }

  std::optional<double> restart(End how) override {
    http_.reset();
    if (how == End::in_order) {
      process_->stop(60s);
    } else {
      process_->kill();
    }
    return start();
  }
  void end() override {
    http_.reset();
    if (process_) process_->stop(60s);
    process_.reset();
  }

 protected:
  const std::string& folder() const { return folder_; }

 private:
  double start() {
    const auto began = std::chrono::steady_clock::now();
    port_ = free_port();
    process_ = std::make_unique<lenz::Child>(
        std::vector<std::string>{program_, "hub", "--data", folder_, "--no-analysis", "--port",
                                 std::to_string(port_)},
        lenz::Child::Options{.keep_output = true, .quiet = true});
    std::string link;
    while (link.empty()) {
      const auto line = process_->read_line(60'000);
      if (!line) throw std::runtime_error("lenz hub does not start");
      if (const auto at = line->find("#link="); at != std::string::npos)
        link = line->substr(at + 6);
    }
    wait_until(name(), [this] { return answers(port_, "/api/status"); });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    http_ = std::make_unique<HttpConnection>(port_);
    const auto signed_in =
        http_->ask("POST", "/api/session", fmt::format(R"({{"link":"{}"}})", link),
                   "Content-Type: application/json\r\n");
    good(signed_in);
    const auto cookie = signed_in.head.find("lenz_session=");
    if (cookie == std::string_view::npos) throw std::runtime_error("lenz hub gives no session");
    const auto value = signed_in.head.substr(cookie);
    owner_ = fmt::format("Cookie: {}\r\n", value.substr(0, value.find(';')));
    return took.count();
  }

  std::size_t get(const std::string& rest) {
    return good(http_->ask("GET", "/api/homes/home/" + rest, {}, owner_)).size();
  }
  Question ask(std::string name, const std::string& circuits, std::uint32_t begin,
               std::uint32_t end, std::uint32_t step, std::string_view more) {
    return {std::move(name),
            [this, path = fmt::format("history?circuits={}&begin={}000&end={}000&step={}&{}",
                                      circuits, begin, end, step, more)] { return get(path); }};
  }

  const std::string program_;
  std::string folder_, text_, writer_, owner_;
  int port_ = 0;
  std::unique_ptr<lenz::Child> process_;
  std::unique_ptr<HttpConnection> http_;
};

// A meter that has many samples to send, and sends what fits until it hears that all are stored.
class LenzByReports final : public LenzHub {
 public:
  LenzByReports(const std::string& program, std::size_t samples_a_report)
      : LenzHub(program), samples_a_report_(samples_a_report) {}
  ~LenzByReports() override { hang_up(); }

  void begin(const std::string& folder) override {
    LenzHub::begin(folder);
    number_ = sent_ = stored_ = 0;
    waiting_.clear();
    dial();
  }
  void write(std::span<const Row> rows) override {
    for (const auto& row : rows) {
      if (!waiting_.empty() && second_ != row.second && waiting_.size() == samples_a_report_) {
        send();
      }
      put(row);
    }
    send();
    while (stored_ < sent_) {
      if (::mosquitto_loop(broker_, 10'000, 1) != MOSQ_ERR_SUCCESS) {
        throw std::runtime_error("the broker hangs up");
      }
    }
  }
  void end() override {
    hang_up();
    LenzHub::end();
  }

 private:
  static constexpr const char* device = "meter-1";

  void dial() {
    ::mosquitto_lib_init();
    broker_ = ::mosquitto_new(device, true, this);
    const auto password =
        lenz::read_secret(fmt::format("{}/secrets/{}.password", folder(), device));
    ::mosquitto_username_pw_set(broker_, device, password.c_str());
    ::mosquitto_max_inflight_messages_set(broker_, 0);
    ::mosquitto_message_callback_set(
        broker_, [](struct mosquitto*, void* self, const mosquitto_message* message) {
          static_cast<LenzByReports*>(self)->hear(*message);
        });
    std::string address;
    std::getline(std::ifstream(folder() + "/broker"), address);
    const auto colon = address.find(':');
    int port = 0;
    std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
    wait_until("the broker", [&] {
      return ::mosquitto_connect(broker_, "127.0.0.1", port, 60) == MOSQ_ERR_SUCCESS;
    });
    ::mosquitto_subscribe(broker_, nullptr, fmt::format("lenz/home/{}/stored", device).c_str(), 1);
  }
  void hang_up() {
    if (broker_) ::mosquitto_destroy(std::exchange(broker_, nullptr));
  }

  void hear(const mosquitto_message& message) {
    const auto answer =
        measurement::decode_answer({static_cast<const std::uint8_t*>(message.payload),
                                    static_cast<std::size_t>(message.payloadlen)});
    if (!answer) throw std::runtime_error("the hub's answer is none");
    for (std::size_t i = 0; i < answer->count; ++i) {
      stored_ = std::max(stored_, answer->ranges[i].end);
    }
  }

  void put(const Row& row) {
    using measurement::Quantity;
    if (waiting_.empty() || second_ != row.second) {
      second_ = row.second;
      auto& sample = waiting_.emplace_back(workload_chips);
      sample.number = number_++;
      sample.uptime = std::chrono::seconds(row.second - Contents::begin);
    }
    auto& sample = waiting_.back();
    sample.put_steps(Quantity::active_power, row.clamp, row.point.active_power);
    sample.put_steps(Quantity::reactive_power, row.clamp, row.point.reactive_power);
    sample.put_steps(Quantity::voltage, measurement::chip_of(row.clamp), row.point.voltage);
    sample.put_steps(Quantity::current, row.clamp, row.point.current);
  }

  // The last sample may not be whole yet.
  void send() {
    const measurement::ReportHeader header{
        .device = device,
        .boot = 1,
        .chips = workload_chips,
        .booted_at = measurement::Timestamp(std::chrono::seconds(Contents::begin))};
    std::array<std::uint8_t, measurement::max_report_bytes> bytes;
    for (std::span<const measurement::Sample> rest = waiting_; !rest.empty();) {
      auto count = std::min(rest.size(), samples_a_report_);
      auto used = measurement::encode({header, rest.first(count)}, bytes);
      for (; !used; used = measurement::encode({header, rest.first(count)}, bytes)) --count;
      ::mosquitto_publish(broker_, nullptr, fmt::format("lenz/home/{}/report", device).c_str(),
                          static_cast<int>(*used), bytes.data(), 1, false);
      rest = rest.subspan(count);
    }
    sent_ = number_;
    waiting_.clear();
  }

  const std::size_t samples_a_report_;
  struct mosquitto* broker_ = nullptr;
  std::vector<measurement::Sample> waiting_;
  std::uint32_t second_ = 0;
  std::uint64_t number_ = 0, sent_ = 0, stored_ = 0;
};

}  // namespace

std::unique_ptr<System> lenz_by_reports(const std::string& program, std::size_t samples_a_report) {
  return std::make_unique<LenzByReports>(program, samples_a_report);
}

std::unique_ptr<System> lenz_hub(const std::string& program) {
  return std::make_unique<LenzHub>(program);
}

}  // namespace bench
