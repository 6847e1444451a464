// The hub's connections to Home Assistant, InfluxDB, ESPHome nodes and Bluetooth, as partners.toml
// names them.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "hub/analyst.h"
#include "hub/caretaker.h"
#include "hub/health_desk.h"
#include "hub/home.h"
#include "hub/hub.h"
#include "hub/ledger.h"
#include "hub/live_feed.h"
#include "hub/partners.h"
#include "hub/store/store.h"

namespace boost::asio {
class io_context;
}

namespace lenz {

// What they work on. All of it outlives them.
struct PartnerWorld {
  const hub::Home& home;
  hub::Hub& hub;
  hub::Store& store;
  hub::Ledger& ledger;
  hub::LiveFeed& live;
  std::function<hub::Analyst*()> analyst;      // Gives null where appliances are not looked for.
  std::function<hub::HealthDesk*()> health;    // Gives null where equipment is not watched.
  std::function<hub::Caretaker*()> caretaker;  // The same.
  std::function<void(std::string_view answer)> take_prices;  // Day-ahead, of a topic.
  std::function<void(measurement::Celsius)> hear_outdoors;
  std::string folder;       // The hub's.
  std::string resend_file;  // While it is there, the mirrors are to send all again.
  std::function<measurement::Timestamp()> now;
  std::function<void(const std::string&)> say;
};

// Works on the context's thread, in short steps; a partner that hangs holds up only itself.
class PartnerLinks {
 public:
  PartnerLinks(boost::asio::io_context&, const hub::Partners&, PartnerWorld);
  ~PartnerLinks();

 private:
  struct Links;
  std::unique_ptr<Links> links_;
};

}  // namespace lenz
