// Bill and advice of a home at work: in short steps on the hub's thread. Day-ahead prices are asked
// for, and the report of a month goes out by e-mail once it is over.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <optional>
#include <string>

#include "hub/advice_desk.h"
#include "hub/bill_desk.h"
#include "hub/files/files.h"
#include "hub/net/http_client.h"
#include "hub/net/line_client.h"
#include "hub/partners.h"
#include "hub/report_facts.h"
#include "lenz/in_steps.h"

namespace lenz {

class Workplace;

// What it works on. All of it outlives it.
struct MoneyWorld {
  boost::asio::io_context& context;
  hub::Files& files;
  hub::Store& store;
  const hub::Home& home;
  const hub::Partners& partners;
  hub::BillDesk::Paths paths;
  std::string book;          // File of the advice; one that is damaged is set aside.
  std::string catalogue;     // File of what can be bought; it need not be there.
  std::string calibrations;  // File; it need not be there.
  std::function<hub::Analyst*()> analyst;
  std::function<hub::Ledger*()> ledger;
  std::function<hub::HealthDesk*()> health;
  std::function<measurement::Timestamp()> now;
  std::function<void(const std::string&)> say;
};

class Money {
 public:
  explicit Money(MoneyWorld);

  hub::BillDesk& bill() { return bill_; }
  // Null: it cannot work, and has said why.
  hub::AdviceDesk* advice() { return advice_ ? &*advice_ : nullptr; }
  // What a source of day-ahead prices says, over MQTT too.
  void take_prices(std::string_view answer);

 private:
  // A piece of work of bill, advice and the report to be mailed; true: nothing is left.
  std::expected<bool, hub::StoreError> step();
  void wait();
  void ask_for_prices();
  void look_for_report();
  std::expected<bool, hub::StoreError> prepare_report();
  void mail_report();
  hub::ReportWorld report_world();
  void tell(const std::string& integration, const std::optional<std::string>& trouble);

  const MoneyWorld world_;
  hub::BillDesk bill_;
  std::optional<hub::AdviceDesk> advice_;
  std::optional<InSteps> steps_;
  boost::asio::steady_timer timer_;
  hub::HttpClient source_;
  hub::LineClient mail_;
  // A report that is to be mailed, and as of when it is told.
  struct Report {
    std::chrono::year_month month;
    measurement::Timestamp now;
  };
  std::optional<Report> report_;
  bool is_asking_ = false, is_mailing_ = false;
  measurement::Timestamp asked_at_{}, mailed_at_{};
};

// When the file was written; 0: there is none.
std::int64_t written_at(const std::string& file);

// What a catalogue offers, read once it is asked for and again when it is another one. One that is
// damaged offers nothing, which is said.
std::function<std::vector<insight::Offer>(insight::ApplianceKind)> offers_of(
    std::string catalogue, const hub::Home&, std::function<void(const std::string&)> say);

hub::BillDesk::Paths bill_paths(const Workplace&);

// Of the tariffs to begin with that are installed beside the program, or of the source tree.
std::string tariff_template_folder();

}  // namespace lenz
