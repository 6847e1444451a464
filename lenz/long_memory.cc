#include "lenz/long_memory.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <stdexcept>
#include <utility>

#include "hub/engine/engine_store.h"
#include "hub/engine/http_engine_line.h"
#include "hub/engine/influx_engine.h"
#include "hub/engine/victoria_engine.h"
#include "hub/net/http_client.h"

namespace lenz {
namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 5s;

std::optional<std::chrono::days> read_before(const hub::Partners& partners) {
  if (partners.victoriametrics && partners.victoriametrics->read_before) {
    return partners.victoriametrics->read_before;
  }
  return partners.influxdb ? partners.influxdb->read_before : std::nullopt;
}

std::unique_ptr<hub::Engine> engine_of(const hub::Partners& partners, const hub::Home& home,
                                       hub::EngineLine& line) {
  if (partners.victoriametrics && partners.victoriametrics->read_before) {
    return std::make_unique<hub::VictoriaEngine>(*partners.victoriametrics, home.id, line);
  }
  return std::make_unique<hub::InfluxEngine>(*partners.influxdb, home.id, line);
}

}  // namespace

struct LongMemory::Reading {
  Reading(boost::asio::io_context& context, const hub::Partners& partners, const hub::Home& home,
          hub::Store& own, std::chrono::days before, std::function<measurement::Timestamp()> now,
          std::function<void(const std::string&)> say)
      : engine(engine_of(partners, home, line)),
        store(
            own, *engine, line, [now, before] { return now() - before; }, now, std::move(say)),
        timer(context),
        client(context) {
    wait();
  }

  void wait() {
    timer.expires_after(look_every);
    timer.async_wait([this](boost::system::error_code error) {
      if (error) return;
      if (store.is_away()) {
        look();
      } else {
        wait();
      }
    });
  }

  void look() {
    auto question = store.health();
    client.send({.method = "POST",
                 .url = std::move(question.url),
                 .headers = std::move(question.headers),
                 .body = std::move(question.body)},
                look_every, [this](const std::expected<hub::HttpAnswer, std::string>& answer) {
                  if (answer && answer->status / 100 == 2) store.is_back();
                  wait();
                });
  }

  hub::HttpEngineLine line;
  std::unique_ptr<hub::Engine> engine;
  hub::EngineStore store;
  boost::asio::steady_timer timer;
  hub::HttpClient client;
};

LongMemory::LongMemory(boost::asio::io_context& context, const hub::Partners& partners,
                       const hub::Home& home, hub::Store& own,
                       std::function<measurement::Timestamp()> now,
                       std::function<void(const std::string&)> say)
    : own_(own) {
  if (const auto before = read_before(partners)) {
    if (*before > home.retention.samples) {
      throw std::runtime_error(fmt::format(
          "partners.toml: \"read_before_days\" is {}, but samples stay only for {} days: let it be "
          "less, or raise \"samples_days\" in home.toml.",
          before->count(), home.retention.samples.count()));
    }
    reading_ = std::make_unique<Reading>(context, partners, home, own, *before, std::move(now),
                                         std::move(say));
  }
}

LongMemory::~LongMemory() = default;

hub::Store& LongMemory::store() const { return reading_ ? reading_->store : own_; }

}  // namespace lenz
