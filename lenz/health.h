// The health desk of a home at work: it looks once a second, and what people are to be told goes
// out by e-mail and webhook. MQTT is told by the partners' connection.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <optional>
#include <string>

#include "hub/caretaker.h"
#include "hub/files/files.h"
#include "hub/health_desk.h"
#include "hub/net/http_client.h"
#include "hub/net/line_client.h"
#include "hub/partners.h"
#include "lenz/in_steps.h"

namespace lenz {

// What it works on. All of it outlives it.
struct HealthWorld {
  boost::asio::io_context& context;
  hub::Files& files;
  hub::Store& store;
  hub::LiveFeed& live;
  const hub::Home& home;
  const hub::Partners& partners;
  std::string book;   // File; one that is damaged is set aside.
  std::string rules;  // File.
  std::function<hub::Analyst*()> analyst;
  std::function<hub::Ledger*()> ledger;
  std::function<measurement::Timestamp()> now;
  std::function<void(const std::string&)> say;
};

class Health {
 public:
  explicit Health(HealthWorld);

  // Null: it cannot work, and has said why.
  hub::HealthDesk* desk() { return desk_ ? &*desk_ : nullptr; }
  hub::Caretaker* caretaker() { return caretaker_ ? &*caretaker_ : nullptr; }

 private:
  void begin();
  void begin_watching();
  void wait();
  void work();
  void send_mail();
  void post_webhook();
  void tell(const std::string& channel, const hub::Notice&,
            const std::optional<std::string>& failure);

  const HealthWorld world_;
  boost::asio::steady_timer timer_;
  std::optional<hub::HealthDesk> desk_;
  std::optional<hub::Caretaker> caretaker_;
  std::optional<InSteps> steps_;
  bool has_failed_ = false;
  bool is_mailing_ = false, is_posting_ = false;
  hub::LineClient mail_;
  hub::HttpClient webhook_;
};

}  // namespace lenz
