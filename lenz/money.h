// Bill and advice of a home at work: in short steps on the hub's thread.

#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <string>

#include "hub/advice_desk.h"
#include "hub/bill_desk.h"
#include "hub/files/files.h"
#include "lenz/in_steps.h"

namespace lenz {

// What it works on. All of it outlives it.
struct MoneyWorld {
  boost::asio::io_context& context;
  hub::Files& files;
  hub::Store& store;
  const hub::Home& home;
  std::string tariff, prices;  // Files.
  std::string book;            // File of the advice; one that is damaged is set aside.
  std::string catalogue;       // File of what can be bought; it need not be there.
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
  // A piece of work of bill and advice; true: nothing is left.
  std::expected<bool, hub::StoreError> step();

 private:
  const MoneyWorld world_;
  hub::BillDesk bill_;
  std::optional<hub::AdviceDesk> advice_;
  std::optional<InSteps> steps_;
};

// What a catalogue offers, read once it is asked for. One that is damaged offers nothing, which is
// said.
std::function<std::vector<insight::Offer>(insight::ApplianceKind)> offers_of(
    std::string catalogue, const hub::Home&, std::function<void(const std::string&)> say);

// Of the tariffs to begin with that are installed beside the program, or of the source tree.
std::string tariff_template_folder();

}  // namespace lenz
