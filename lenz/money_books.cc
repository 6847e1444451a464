#include "lenz/money_books.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <stdexcept>

#include "hub/api/bill.h"
#include "hub/config.h"
#include "lenz/money.h"
#include "lenz/readings.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;

std::string folder_of(const std::string& data, const std::string& home) {
  const Workplace place(data.empty() ? Workplace::usual_folder() : data);
  if (!place.has_many_homes()) return place.folder();
  const auto folder = place.homes_folder() + "/" + home;
  if (home.empty() || !fs::exists(folder)) {
    throw std::runtime_error(
        fmt::format("{} has several homes: name one of them with --home.", place.folder()));
  }
  return folder;
}

hub::Home home_in(const Workplace& place) {
  if (!fs::exists(place.home_file())) {
    throw std::runtime_error(
        fmt::format("There is no home in {}: give the hub's folder with --data.", place.folder()));
  }
  return hub::load_home(place.home_file());
}

}  // namespace

std::chrono::year_month month_of_text(const std::string& text, const hub::BillDesk& desk,
                                      measurement::Timestamp now) {
  if (text.empty()) return desk.month_at(now) - std::chrono::months(1);
  if (const auto month = hub::month_in(text)) return *month;
  throw std::runtime_error(fmt::format("\"{}\" is no month: write it as 2026-10.", text));
}

MoneyBooks::MoneyBooks(const std::string& data, const std::string& home)
    : now_(std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())),
      place_(folder_of(data, home)),
      home_(home_in(place_)),
      lock_(place_.folder()),
      store_(disk_, place_.folder(),
             lock_.is_ours() ? hub::SqliteStore::Use::write : hub::SqliteStore::Use::read) {
  if (fs::exists(place_.ledger_file())) {
    ledger_.emplace(disk_, place_.ledger_file(), store_, home_, hub::Ledger::Use::read);
  }
  if (fs::exists(place_.insight_file())) appliances_.emplace(disk_, place_.insight_file());
  const auto offset = [zone = home_.zone](measurement::Timestamp time) {
    return utc_offset(time, zone);
  };
  hub::Appliances appliances;
  if (appliances_) {
    appliances = {.known = [this](measurement::Timestamp) { return known_appliances(); },
                  .runs =
                      [this](hub::TimeRange range) {
                        return appliances_->runs(range, hub::most_runs_in_use);
                      }};
  }
  bill_.emplace(
      bill_paths(place_), store_, home_,
      hub::BillDesk::Surroundings{.appliances = appliances,
                                  .ledger = [this] { return ledger_ ? &*ledger_ : nullptr; },
                                  .utc_offset = offset,
                                  .templates = tariff_template_folder()});
  if (fs::exists(place_.health_file())) {
    health_.emplace(disk_, place_.health_file(), place_.rules_file(), home_, live_,
                    hub::HealthDesk::Surroundings{
                        .analyst = [] { return nullptr; }, .ledger = {}, .utc_offset = offset});
  }
  advice_.emplace(
      disk_, place_.advice_file(), *bill_, home_,
      hub::AdviceDesk::Surroundings{
          .appliances = appliances,
          .health = [this] { return health_ ? &*health_ : nullptr; },
          .offers = offers_of(place_.catalogue_file(), home_, [](const std::string& trouble) {
            fmt::print(stderr, "{}\n", trouble);
          })});
}

std::vector<hub::ApplianceState> MoneyBooks::known_appliances() {
  std::map<std::int64_t, hub::BookedChannel> channels;
  for (auto& channel : appliances_->channels()) channels.emplace(channel.number, channel);
  std::vector<hub::ApplianceState> found;
  for (auto& one : appliances_->appliances()) {
    const auto channel = channels.find(one.channel);
    if (channel == channels.end()) continue;
    found.push_back({.number = one.number,
                     .circuit = channel->second.circuit,
                     .known = one.known,
                     .is_past = channel->second.is_past || one.known.id == insight::unexplained});
  }
  return found;
}

hub::ReportWorld MoneyBooks::report_world() {
  while (true) {
    auto is_done = bill_->step(now_);
    if (is_done && *is_done) is_done = advice_->step(now_);
    if (!is_done) {
      throw std::runtime_error(fmt::format("The store in {} cannot be read: {}.", place_.folder(),
                                           hub::sentence(is_done.error())));
    }
    if (*is_done) break;
  }
  return {.bill = *bill_,
          .store = store_,
          .home = home_,
          .calibrations = place_.calibrations_file(),
          .advice = &*advice_,
          .health = health_ ? &*health_ : nullptr};
}

}  // namespace lenz
