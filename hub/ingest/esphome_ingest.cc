#include "hub/ingest/esphome_ingest.h"

#include <fmt/format.h>
#include <sodium.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <stdexcept>
#include <utility>

#include "hub/ingest/esphome_api.h"
#include "hub/ingest/esphome_mqtt.h"
#include "hub/net/beat.h"
#include "hub/net/tcp_client.h"

namespace hub {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

// Rounds mostly end when a state arrives; this is for those in which one stayed away.
constexpr auto tick = 500ms;
constexpr std::size_t most_complaints = 1000;  // That are remembered, to say them once a minute.

std::uint64_t draw() {
  std::uint64_t bits = 0;
  randombytes_buf(&bits, sizeof bits);
  return bits;
}

}  // namespace

std::optional<std::string> deliver(EsphomeMeter& meter, EsphomeFile& file, Hub& hub,
                                   Timestamp now) {
  std::optional<std::string> trouble;
  const auto lose = [&](const std::string& why) {
    meter.lose();
    trouble = fmt::format("A sample of {} is lost: {}", meter.node().device, why);
  };
  std::size_t accepted = 0;
  while (const auto report = meter.next(now)) {
    try {
      file.keep(meter.memory());
    } catch (const std::runtime_error& why) {
      lose(why.what());
      continue;
    }
    if (const auto done = hub.accept(*report, now); !done) {
      lose(sentence(done.error()));
    } else {
      ++accepted;
    }
  }
  if (accepted == 0) return trouble;
  if (const auto done = hub.commit(); !done) {
    for (; accepted > 0; --accepted) lose(sentence(done.error()));
  }
  return trouble;
}

// A node that is heard, over the broker or over its own connection.
struct EsphomeIngest::Node {
  Node(EsphomeNode node, EsphomeMemory memory, EsphomeFile the_file)
      : meter(std::move(node), std::move(memory), draw), file(std::move(the_file)) {}

  EsphomeMeter meter;
  EsphomeFile file;
  std::unique_ptr<EsphomeApi> api;
  bool is_over = false;            // Its conversation has ended: hang up.
  std::unique_ptr<TcpClient> tcp;  // Its events use all the above, so it goes first.
};

struct EsphomeIngest::Desk {
  Desk(asio::io_context& context, Hub& the_hub, std::function<Timestamp()> clock,
       std::function<void(const std::string&)> speaker)
      : hub(the_hub), now(std::move(clock)), say(std::move(speaker)), timer(context) {}

  void add(asio::io_context& context, Store& store, const EsphomeNode& config,
           const fs::path& folder) {
    EsphomeFile file(folder / (config.device + ".json"));
    auto memory = file.load();
    if (!memory) {
      complain(
          fmt::format("The file of {} in {} is damaged: energy that the node counted since its "
                      "last sample is not known; counting goes on.",
                      config.device, folder.string()));
    }
    auto going_on = continued(memory.value_or(EsphomeMemory{}), store, config.device);
    if (!going_on) {
      throw std::runtime_error(fmt::format("The samples of {} cannot be read: {}.", config.device,
                                           sentence(going_on.error())));
    }
    hub.admit(config.device);
    auto& node =
        *nodes.emplace_back(std::make_unique<Node>(config, std::move(*going_on), std::move(file)));
    if (!config.address.empty()) connect(context, node);
  }

  void connect(asio::io_context& context, Node& node) {
    const auto& config = node.meter.node();
    TcpClient::Events events;
    events.connected = [this, &node] { greet(node); };
    events.heard = [this, &node](std::span<const std::uint8_t> bytes) {
      if (!node.api) return;
      node.api->hear(bytes, now());
      settle(node);
    };
    events.lost = [this, &node](const std::string& why) {
      const auto& lost = node.meter.node();
      const auto reason = node.api ? node.api->explain_loss() : std::nullopt;
      if (!std::exchange(node.is_over, false)) {
        complain(
            reason.value_or(fmt::format("{} at {}:{} does not answer ({}): check its power and "
                                        "its network. Trying again.",
                                        lost.device, lost.address, lost.port, why)));
      }
      node.api.reset();
      node.meter.fall_silent();
      take(node);
    };
    node.tcp = std::make_unique<TcpClient>(context, config.address, config.port, std::move(events));
  }

  void greet(Node& node) {
    const auto& config = node.meter.node();
    node.is_over = false;
    node.api = std::make_unique<EsphomeApi>(
        config.device, config.key, node.meter.memory().mac,
        EsphomeApi::Events{
            .send = [&node](EsphomeApi::Bytes bytes) { node.tcp->send(std::move(bytes)); },
            .met = [&node](const std::string& mac) { node.meter.set_mac(mac); },
            .announced =
                [this, &node](const std::string& object_id, const std::string& unit) {
                  if (const auto trouble = node.meter.announce(object_id, unit)) complain(*trouble);
                },
            .measured =
                [this, &node](const std::string& object_id, std::optional<float> value,
                              bool is_retained) {
                  node.meter.hear(object_id, value, is_retained, now());
                },
            .ended =
                [this, &node](const std::string& why) {
                  complain(why);
                  node.is_over = true;
                }});
    EsphomeNoise::Key ephemeral;
    randombytes_buf(ephemeral.data(), ephemeral.size());
    node.api->begin(ephemeral, now());
    settle(node);
  }

  void settle(Node& node) {
    take(node);
    if (node.is_over) node.tcp->hang_up();
  }

  void take(Node& node) {
    if (const auto trouble = deliver(node.meter, node.file, hub, now())) complain(*trouble);
  }

  void complain(const std::string& text) {
    if (complained.size() > most_complaints) complained.clear();
    const auto [last, is_new] = complained.try_emplace(text, now());
    const auto passed = now() - last->second;
    if (!is_new && passed < 1min && passed >= 0ms) return;
    last->second = now();
    say(text);
  }

  void beat() {
    timer.expires_at(next_beat(tick));
    timer.async_wait([this](boost::system::error_code error) {
      if (error) return;
      for (auto& node : nodes) {
        if (node->api) node->api->tick(now());
        settle(*node);
      }
      beat();
    });
  }

  Hub& hub;
  std::function<Timestamp()> now;
  std::function<void(const std::string&)> say;
  asio::steady_timer timer;
  std::map<std::string, Timestamp> complained;
  std::vector<std::unique_ptr<Node>> nodes;
};

EsphomeIngest::EsphomeIngest(asio::io_context& context, Hub& hub, Store& store,
                             std::vector<EsphomeNode> nodes, fs::path folder,
                             std::function<Timestamp()> now,
                             std::function<void(const std::string&)> say)
    : desk_(std::make_unique<Desk>(context, hub, std::move(now), std::move(say))) {
  if (sodium_init() < 0) {
    throw std::runtime_error(
        "libsodium finds no source of random numbers: start the hub again "
        "when the machine has fully started.");
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw std::runtime_error(fmt::format(
        "The folder {} cannot be made ({}): make room, or give the hub the right to write there.",
        folder.string(), error.message()));
  }
  for (const auto& node : nodes) desk_->add(context, store, node, folder);
  desk_->beat();
}

EsphomeIngest::~EsphomeIngest() = default;

std::vector<std::string> EsphomeIngest::topics(std::string_view discovery_prefix) const {
  std::vector<std::string> all;
  for (const auto& node : desk_->nodes) {
    if (node->tcp) continue;
    for (auto& topic : esphome_topics(node->meter.node(), discovery_prefix)) {
      all.push_back(std::move(topic));
    }
  }
  return all;
}

void EsphomeIngest::hear(const MqttMessage& message) {
  for (auto& node : desk_->nodes) {
    if (node->tcp) continue;
    if (const auto trouble = hear_mqtt(node->meter, message, desk_->now())) {
      desk_->complain(*trouble);
    }
    desk_->take(*node);
  }
}

}  // namespace hub
