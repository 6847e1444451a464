#include "lenz/partner_links.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "hub/ingest/bluetooth_ingest.h"
#include "hub/ingest/esphome_ingest.h"
#include "hub/ingest/lorawan_ingest.h"
#include "hub/ingest/sensor_mqtt.h"
#include "hub/integrations/home_assistant_backfill.h"
#include "hub/integrations/home_assistant_conversation.h"
#include "hub/integrations/home_assistant_discovery.h"
#include "hub/integrations/influx_mirror.h"
#include "hub/net/beat.h"
#include "hub/net/http_client.h"
#include "hub/net/mqtt_client.h"
#include "hub/net/websocket_client.h"
#include "lenz/undo_files.h"

namespace lenz {
namespace {

using namespace std::chrono_literals;
using boost::system::error_code;
using measurement::Timestamp;

constexpr auto beat = 250ms, idle_beat = 1000ms;
constexpr auto follow_every = 5s;
constexpr auto most_following = 30ms;  // Of one beat.

// Says each kind of trouble at most once in ten minutes, so that a partner that is away for a
// night does not fill the log.
class Complaints {
 public:
  explicit Complaints(const PartnerWorld& world) : world_(world) {}

  void say(const std::string& kind, const std::string& text) {
    const auto now = world_.now();
    if (auto* desk = world_.health()) desk->trouble("integration " + kind, text, now);
    const auto [last, is_first] = last_.try_emplace(kind, now);
    if (!is_first && now - last->second < 10min && now >= last->second) return;
    last->second = now;
    world_.say(text);
  }

  void well(const std::string& kind) {
    if (auto* desk = world_.health()) desk->well("integration " + kind);
  }

 private:
  const PartnerWorld& world_;
  std::map<std::string, Timestamp> last_;
};

// Statistics over the WebSocket.
class HomeAssistantSocket {
 public:
  HomeAssistantSocket(boost::asio::io_context& context, const hub::HomeAssistant& settings,
                      const PartnerWorld& world, Complaints& complaints)
      : complaints_(complaints),
        conversation_(settings.token,
                      [this](std::string text) { return socket_->send(std::move(text)); }),
        backfill_(world.home, world.ledger, settings.statistics, conversation_) {
    backfill_.say = [&](const std::string& text) { complaints.say("statistics", text); };
    backfill_.wrote = [&](const hub::StatisticsPlan& plan) {
      try {
        world.say(fmt::format(
            "{}Home Assistant's statistics were put right in {} rows; to take it back: lenz "
            "home-assistant undo {}",
            hub::describe(plan), plan.rows(), keep_undo(world.folder, plan, world.now())));
      } catch (const std::exception& trouble) {
        world.say(trouble.what());
      }
    };
    socket_.emplace(context, settings.url,
                    hub::WebSocketClient::Events{
                        .connected =
                            [&] {
                              conversation_.connected(world.now());
                              complaints.well("websocket");
                            },
                        .heard =
                            [&](std::string_view text) {
                              conversation_.heard(text, world.now());
                              if (conversation_.refused()) {
                                complaints.say("token", *conversation_.refused());
                                socket_->hang_up();
                              }
                            },
                        .lost =
                            [&, url = settings.url](const std::string& why) {
                              conversation_.lost(why);
                              complaints.say("websocket",
                                             fmt::format("Home Assistant at {} does not answer "
                                                         "({}): trying again.",
                                                         url, why));
                            }});
  }

  void tick(Timestamp now) {
    conversation_.tick(now);
    if (!conversation_.is_ready()) return;
    complaints_.well("token");
    backfill_.tick(now);
  }

 private:
  Complaints& complaints_;
  hub::HomeAssistantConversation conversation_;
  hub::StatisticsBackfill backfill_;
  std::optional<hub::WebSocketClient> socket_;
};

class MirrorLink {
 public:
  // `settings` are those of an InfluxDB or of a VictoriaMetrics.
  template <class Settings>
  MirrorLink(boost::asio::io_context& context, const Settings& settings, const PartnerWorld& world,
             std::string name)
      : world_(world),
        name_(std::move(name)),
        mirror_(world.home, world.store, world.ledger, settings, world.say),
        client_(context) {}

  void resend() { mirror_.resend(); }

  void tick(Timestamp now) {
    if (is_waiting_) return;
    auto batch = mirror_.next(now);
    if (!batch) return;
    is_waiting_ = true;
    client_.send({.method = "POST",
                  .url = std::move(batch->url),
                  .headers = std::move(batch->headers),
                  .body = std::move(batch->body)},
                 hub::InfluxMirror::time_limit,
                 [this](std::expected<hub::HttpAnswer, std::string> answer) {
                   is_waiting_ = false;
                   look_at(answer);
                   mirror_.done(answer ? hub::InfluxMirror::Answer{answer->status, answer->body}
                                       : hub::InfluxMirror::Answer{0, answer.error()},
                                world_.now());
                 });
  }

 private:
  // The mirror itself says it in the log.
  void look_at(const std::expected<hub::HttpAnswer, std::string>& answer) {
    auto* desk = world_.health();
    if (!desk) return;
    const auto what = "integration " + name_;
    if (answer && answer->status < 300) return desk->well(what);
    const auto why = answer ? fmt::format("It answered {}.", answer->status) : answer.error();
    desk->trouble(what, fmt::format("The mirror in {} takes nothing: {}", name_, why),
                  world_.now());
  }

  const PartnerWorld& world_;
  const std::string name_;
  hub::InfluxMirror mirror_;
  bool is_waiting_ = false;
  hub::HttpClient client_;
};

}  // namespace

struct PartnerLinks::Links {
  Links(boost::asio::io_context& io, const hub::Partners& partners, PartnerWorld the_world)
      : context(io),
        world(std::move(the_world)),
        complaints(world),
        timer(io),
        plugs(partners.plugs),
        thermometers(partners.thermometers),
        rain_gauges(partners.rain_gauges),
        price_topic(partners.day_ahead ? partners.day_ahead->topic : "") {
    if (!partners.esphome.empty()) {
      esphome.emplace(context, world.hub, world.store, partners.esphome, world.folder + "/esphome",
                      world.now, world.say);
    }
    if (!partners.lorawan.empty()) {
      const auto publish = [this](std::string_view topic, std::string_view payload) {
        if (mqtt) mqtt->publish(topic, payload, false);
      };
      lorawan.emplace(partners.lorawan, world.hub, world.store, publish, world.say);
    }
    if (!partners.bluetooth.empty()) {
      bluetooth.emplace(context, world.hub, world.store, partners.bluetooth,
                        world.folder + "/bluetooth", world.now, world.say);
    }
    if (partners.influxdb) influx.emplace(context, *partners.influxdb, world, "InfluxDB");
    if (partners.victoriametrics) {
      victoria.emplace(context, *partners.victoriametrics, world, "VictoriaMetrics");
    }
    if (partners.home_assistant) {
      publisher.emplace(world.home, world.ledger, world.live,
                        partners.home_assistant->discovery_prefix,
                        [this](std::string_view topic, std::string_view payload, bool retain) {
                          return mqtt && mqtt->publish(topic, payload, retain);
                        });
      publisher->tell_appliances_of([this](Timestamp now) {
        auto* analyst = world.analyst();
        return analyst ? analyst->appliances(now) : std::vector<hub::ApplianceState>{};
      });
      publisher->tell_power_cuts_of([this](Timestamp now) {
        auto* analyst = world.analyst();
        return analyst ? analyst->power_cut(now) : std::nullopt;
      });
      publisher->tell_health_of(world.health);
      if (!partners.home_assistant->url.empty() &&
          partners.home_assistant->statistics != hub::StatisticsTarget::none) {
        socket.emplace(context, *partners.home_assistant, world, complaints);
      }
    }
    for (const auto& plug : plugs) {
      const auto& circuits = world.home.panels.back().circuits;
      if (std::ranges::count(circuits, plug.circuit, &hub::Circuit::id) > 0) continue;
      world.say(fmt::format(
          "The plug \"{}\" is not used: home.toml has no circuit \"{}\"; name another in "
          "partners.toml.",
          plug.name, plug.circuit));
    }
    if (partners.mqtt) connect(*partners.mqtt);
    wait();
  }

  void connect(const hub::MqttAddress& broker) {
    hub::MqttLogin login{.host = broker.host,
                         .port = broker.port,
                         .user = broker.user,
                         .password = broker.password,
                         .client_id = "lenz-" + world.home.id,
                         .topics = {},
                         .will = {}};
    if (publisher) {
      login.topics = publisher->topics();
      const auto [topic, payload] = publisher->will();
      login.will = {topic, payload};
    }
    if (esphome) {
      for (auto& topic : esphome->topics()) login.topics.push_back(std::move(topic));
    }
    if (lorawan) {
      for (auto& topic : lorawan->topics()) login.topics.push_back(std::move(topic));
    }
    for (const auto& plug : plugs) login.topics.push_back(plug.topic);
    for (const auto& thermometer : thermometers) login.topics.push_back(thermometer.topic);
    for (const auto& gauge : rain_gauges) login.topics.push_back(gauge.topic);
    if (!price_topic.empty()) login.topics.push_back(price_topic);
    mqtt.emplace(context, login,
                 hub::MqttClient::Events{
                     .connected =
                         [this] {
                           if (publisher) publisher->connected(world.now());
                           complaints.well("mqtt");
                         },
                     .heard =
                         [this](const hub::MqttMessage& message) {
                           if (esphome) esphome->hear(message);
                           if (lorawan) lorawan->hear(message, world.now());
                           hear_sensors(message);
                           if (publisher) {
                             publisher->heard(message.topic, message.payload, message.is_retained,
                                              world.now());
                           }
                         },
                     .heard_all = [] {},
                     .lost =
                         [this, broker](const std::string& why) {
                           if (publisher) publisher->lost();
                           complaints.say("mqtt", fmt::format("The home's broker at {}:{} does not "
                                                              "answer ({}): trying again.",
                                                              broker.host, broker.port, why));
                         }});
  }

  void hear_sensors(const hub::MqttMessage& message) {
    for (const auto& plug : plugs) {
      const auto power = hub::plug_power(plug, message);
      auto* analyst = power ? world.analyst() : nullptr;
      if (analyst) analyst->hear(plug, world.now(), *power);
      const auto voltage = hub::plug_voltage(plug, message);
      auto* caretaker = voltage ? world.caretaker() : nullptr;
      if (caretaker) caretaker->hear(plug, world.now(), *voltage);
    }
    for (const auto& thermometer : thermometers) {
      const auto celsius = hub::temperature(thermometer, message);
      auto* caretaker = celsius ? world.caretaker() : nullptr;
      if (caretaker) caretaker->hear(thermometer, world.now(), *celsius);
      if (celsius && thermometer.circuits.empty()) world.hear_outdoors(*celsius);
    }
    for (const auto& gauge : rain_gauges) {
      const auto rain = hub::rain(gauge, message);
      auto* caretaker = rain ? world.caretaker() : nullptr;
      if (caretaker) caretaker->hear(gauge, world.now(), *rain);
    }
    if (!price_topic.empty() && message.topic == price_topic) world.take_prices(message.payload);
  }

  void wait() {
    const bool has_work =
        publisher || socket || influx || victoria || std::chrono::steady_clock::now() >= follow_at;
    timer.expires_at(hub::next_beat(has_work ? beat : idle_beat));
    timer.async_wait([this](error_code error) {
      if (error) return;
      tick(world.now());
      wait();
    });
  }

  void tick(Timestamp now) {
    follow(now);
    if (publisher) publisher->tick(now);
    if (socket) socket->tick(now);
    resend_when_asked();
    for (auto* mirror : {&influx, &victoria}) {
      if (*mirror) (*mirror)->tick(now);
    }
  }

  void resend_when_asked() {
    std::error_code error;
    const bool has_mirror = influx || victoria;
    if (!has_mirror || !std::filesystem::exists(world.resend_file, error)) return;
    for (auto* mirror : {&influx, &victoria}) {
      if (*mirror) (*mirror)->resend();
    }
    if (!std::filesystem::remove(world.resend_file, error)) {
      complaints.say("resend", fmt::format("{} cannot be removed ({}): until it is, the mirrors "
                                           "begin anew again and again.",
                                           world.resend_file, error.message()));
    }
  }

  // Some hours at a time, so that nothing waits for it.
  void follow(Timestamp now) {
    const auto begin = std::chrono::steady_clock::now();
    if (begin < follow_at) return;
    while (std::chrono::steady_clock::now() - begin < most_following) {
      const auto is_done = world.ledger.follow(now);
      if (!is_done) {
        complaints.say("ledger", fmt::format("The ledger of the circuits' energy stands still: {}.",
                                             hub::sentence(is_done.error())));
      }
      if (is_done) complaints.well("ledger");
      if (!is_done || *is_done) {
        follow_at = begin + follow_every;
        return;
      }
    }
  }

  boost::asio::io_context& context;
  PartnerWorld world;
  Complaints complaints;
  boost::asio::steady_timer timer;
  const std::vector<hub::SmartPlug> plugs;
  const std::vector<hub::Thermometer> thermometers;
  const std::vector<hub::RainGauge> rain_gauges;
  const std::string price_topic;  // Empty: none.
  std::chrono::steady_clock::time_point follow_at{};
  std::optional<hub::EsphomeIngest> esphome;
  std::optional<hub::LorawanIngest> lorawan;
  std::optional<hub::BluetoothIngest> bluetooth;
  std::optional<MirrorLink> influx, victoria;
  std::optional<hub::HomeAssistantPublisher> publisher;
  std::optional<HomeAssistantSocket> socket;
  std::optional<hub::MqttClient> mqtt;
};

PartnerLinks::PartnerLinks(boost::asio::io_context& context, const hub::Partners& partners,
                           PartnerWorld world)
    : links_(std::make_unique<Links>(context, partners, std::move(world))) {}

PartnerLinks::~PartnerLinks() = default;

}  // namespace lenz
