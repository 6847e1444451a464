#include "hub/ingest/mqtt_ingest.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "hub/net/mqtt_client.h"
#include "measurement/report_codec.h"

namespace hub {
namespace {

using measurement::Sample;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

// Between them whoever else has something to do gets on.
constexpr auto longest_step = 10ms;
// Fewer than are read at once, so that it is the inbox that fills up, and not the broker's queue,
// which is emptied without a word.
constexpr std::size_t reports_at_once = 16;

// Fewer homes wait for the disk each for itself, and not for what others have written to it.
constexpr std::size_t fewest_together = 8;

constexpr std::size_t most_complaints = 1000;  // That are remembered, to say them once a minute.

// "lenz/home/meter-1/report" -> "home", "meter-1"
std::pair<std::string_view, std::string_view> names_of(std::string_view topic) {
  const auto last = topic.rfind('/');
  const auto middle = topic.rfind('/', last - 1);
  const auto first = topic.rfind('/', middle - 1);
  return {topic.substr(first + 1, middle - first - 1), topic.substr(middle + 1, last - middle - 1)};
}

std::vector<std::string> topics_of(const MqttIngest::Hubs& hubs, const std::string& share) {
  std::vector<std::string> topics;
  const auto group = share.empty() ? std::string() : fmt::format("$share/{}/", share);
  for (const auto& [home, hub] : hubs) {
    topics.push_back(fmt::format("{}lenz/{}/+/report", group, home));
    topics.push_back(fmt::format("lenz/{}/+/reply", home));
  }
  return topics;
}

}  // namespace

MqttLogin BrokerAddress::login(std::vector<std::string> topics) const {
  return {.host = host,
          .port = port,
          .user = user,
          .password = password,
          .client_id = "",
          .topics = std::move(topics),
          .will = {}};
}

struct MqttIngest::Client : std::enable_shared_from_this<Client> {
  Client(boost::asio::io_context& io, Hubs the_hubs, const BrokerAddress& address,
         std::function<measurement::Timestamp()> clock,
         std::function<void(const std::string&)> speaker, Options the_options)
      : context(io),
        hubs(std::move(the_hubs)),
        options(std::move(the_options)),
        now(std::move(clock)),
        say(std::move(speaker)),
        broker(fmt::format("{}:{}", address.host, address.port)),
        commit_timer(io),
        mqtt(context, address.login(topics_of(hubs, options.share)),
             {.connected = [this] { connected(); },
              .heard = [this](const MqttMessage& message) { heard(message); },
              .heard_all = [this] { go_on(); },
              .lost = [this](const std::string& why) { lost(why); }}) {}

  void complain(const std::string& kind, const std::string& text) {
    if (complained.size() >= most_complaints) complained.clear();
    const auto time = now();
    const auto [last, is_first] = complained.try_emplace(kind, time);
    if (!is_first && time - last->second < 1min && time >= last->second) return;
    last->second = time;
    say(text);
  }

  void lost(const std::string& why) {
    complain("broker", fmt::format("The broker at {} does not answer ({}): meters keep their "
                                   "samples; check that it runs. Trying again.",
                                   broker, why));
  }

  void connected() {
    complained.erase("broker");
    to_greet.assign(hubs.begin(), hubs.end());
    go_on();
  }

  void heard(const MqttMessage& message) {
    if (message.topic.ends_with("/reply")) {
      const auto [home, device] = names_of(message.topic);
      // One that was kept by the broker answers nothing that is asked now.
      if (options.replied && !message.is_retained) options.replied(home, device, message.payload);
      return;
    }
    const auto bytes = message.topic.size() + message.payload.size();
    if (inbox_bytes + bytes > options.most_inbox_bytes) {
      ++traffic.overflowed;
      return complain("overflow",
                      "More reports come than this hub can store: those for which its inbox has no "
                      "room are not acknowledged, and meters keep their samples. Divide the homes "
                      "over more hubs.");
    }
    inbox.push_back({std::string(message.topic), std::string(message.payload)});
    inbox_bytes += bytes;
  }

  bool send(const std::string& topic, std::string_view bytes) {
    return mqtt.is_connected() && mqtt.publish(topic, bytes, false);
  }

  // Posts a step of the work, unless one is under way.
  void go_on() {
    if (std::exchange(is_working, true)) return;
    boost::asio::post(context, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->is_working = false;
      self->work();
    });
  }

  void work() {
    const auto until = steady_clock::now() + longest_step;
    // First, since a store that has taken more meanwhile would wait for the disk once again.
    while (!to_commit.empty() && steady_clock::now() < until) {
      const auto [home, hub] = to_commit.front();
      to_commit.pop_front();
      answer(home, hub->confirm(), false);
    }
    for (std::size_t i = 0; i < reports_at_once && !inbox.empty() && to_commit.empty(); ++i) {
      const auto letter = std::move(inbox.front());
      inbox.pop_front();
      inbox_bytes -= letter.topic.size() + letter.payload.size();
      take(letter);
    }
    while (!to_greet.empty() && steady_clock::now() < until) {
      const auto [home, hub] = to_greet.front();
      to_greet.pop_front();
      answer(home, hub->all_stored(), true);
    }
    if (!inbox.empty() || !to_commit.empty() || !to_greet.empty()) go_on();
  }

  struct Letter {
    std::string topic, payload;
  };

  void take(const Letter& letter) {
    const auto [home, name] = names_of(letter.topic);
    const auto hub = hubs.find(home);
    if (hub == hubs.end()) return;  // Nothing else was subscribed.
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(letter.payload.data()),
                          letter.payload.size());
    const auto decoded = measurement::decode(bytes, samples);
    if (!decoded) return refuse(home, name, measurement::sentence(decoded.error()));
    if (decoded->header.device != name) {
      return refuse(home, name, "It speaks in the name of another meter.");
    }
    const auto accepted =
        hub->second->accept({decoded->header, std::span(samples).first(decoded->count)}, now());
    if (!accepted) return refuse(home, name, sentence(accepted.error()));
    ++traffic.reports;
    uncommitted_bytes += letter.payload.size();
    if (uncommitted.emplace(hub->first, hub->second).second && uncommitted.size() == 1) wait();
    if (uncommitted_bytes > options.most_uncommitted_bytes) commit();
  }

  void refuse(std::string_view home, std::string_view device, const char* why) {
    ++traffic.refused;
    const auto meter =
        hubs.size() > 1 ? fmt::format("{} in {}", device, home) : std::string(device);
    complain("refused " + meter, fmt::format("A report of {} was refused: {}", meter, why));
  }

  void wait() {
    commit_timer.expires_after(options.commit_every);
    commit_timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
      const auto self = weak.lock();
      if (self && !error) self->commit();
    });
  }

  void commit() {
    commit_timer.cancel();
    if (options.sync_all && uncommitted.size() >= fewest_together) {
      for (const auto& [home, hub] : uncommitted) hub->hand_over();
      if (options.sync_all()) {
        for (const auto& [home, hub] : uncommitted) hub->synced();
      }
    }
    to_commit.insert(to_commit.end(), uncommitted.begin(), uncommitted.end());
    uncommitted.clear();
    uncommitted_bytes = 0;
    go_on();
  }

  using Answers = std::expected<std::vector<Hub::Acknowledgement>, StoreError>;

  void answer(const std::string& home, const Answers& answers, bool asking_again) {
    if (!answers) {
      return complain("store " + home,
                      fmt::format("Nothing of {} can be stored: {}. Meters keep their samples.",
                                  home, sentence(answers.error())));
    }
    for (const auto& one : *answers) {
      std::array<std::uint8_t, 1024> bytes;
      const auto used =
          measurement::encode({.ranges = one.ranges, .asking_again = asking_again}, bytes);
      if (!used) continue;
      mqtt.publish(fmt::format("lenz/{}/{}/stored", home, one.device),
                   {reinterpret_cast<const char*>(bytes.data()), *used}, false);
    }
  }

  boost::asio::io_context& context;
  const Hubs hubs;
  const Options options;
  std::function<measurement::Timestamp()> now;
  std::function<void(const std::string&)> say;
  const std::string broker;
  std::vector<Sample> samples = std::vector<Sample>(measurement::max_samples_per_report);
  std::map<std::string, measurement::Timestamp> complained;
  std::deque<Letter> inbox;
  std::size_t inbox_bytes = 0;
  std::map<std::string, Hub*> uncommitted;
  std::size_t uncommitted_bytes = 0;
  std::deque<std::pair<std::string, Hub*>> to_commit, to_greet;
  bool is_working = false;
  Traffic traffic;
  boost::asio::steady_timer commit_timer;
  MqttClient mqtt;  // Last: it ends before what it calls.
};

MqttIngest::MqttIngest(boost::asio::io_context& context, Hubs hubs, BrokerAddress broker,
                       std::function<measurement::Timestamp()> now,
                       std::function<void(const std::string&)> say, Options options)
    : client_(std::make_shared<Client>(context, std::move(hubs), broker, std::move(now),
                                       std::move(say), std::move(options))) {}

MqttIngest::~MqttIngest() = default;

bool MqttIngest::is_connected() const { return client_->mqtt.is_connected(); }

bool MqttIngest::ask(std::string_view home, std::string_view device, std::string_view bytes) {
  return client_->send(fmt::format("lenz/{}/{}/request", home, device), bytes);
}

MqttIngest::Traffic MqttIngest::traffic() const { return client_->traffic; }

}  // namespace hub
