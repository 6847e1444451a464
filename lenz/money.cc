#include "lenz/money.h"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "hub/catalogue.h"
#include "hub/integrations/day_ahead_answer.h"
#include "hub/integrations/report_mail.h"
#include "hub/report_facts.h"
#include "insight/report/report_page.h"
#include "lenz/mail.h"
#include "lenz/readings.h"
#include "lenz/set_aside.h"
#include "lenz/workplace.h"

namespace lenz {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr auto beat = 60s, time_to_answer = 60s;
constexpr std::chrono::hours ask_every{1}, mail_again_after{1};
constexpr std::chrono::hours mail_from{7};  // Of the first day of the next month.

// {date} is that of tomorrow.
std::string address_of(std::string url, std::chrono::local_days tomorrow) {
  const std::chrono::year_month_day date(tomorrow);
  const auto text = fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                                unsigned{date.month()}, unsigned{date.day()});
  constexpr std::string_view hole = "{date}";
  if (const auto at = url.find(hole); at != url.npos) url.replace(at, hole.size(), text);
  return url;
}

}  // namespace

Money::Money(MoneyWorld world)
    : world_(std::move(world)),
      bill_(world_.paths, world_.store, world_.home,
            {.appliances = hub::appliances_of(world_.analyst),
             .ledger = world_.ledger,
             .utc_offset = [zone = world_.home.zone](
                               measurement::Timestamp time) { return utc_offset(time, zone); },
             .templates = tariff_template_folder()}),
      timer_(world_.context),
      source_(world_.context),
      mail_(world_.context) {
  if (!bill_.trouble().empty()) {
    world_.say(fmt::format("The bill of {}: {}", world_.home.name, bill_.trouble()));
  }
  begin_or_set_aside(
      [this] {
        advice_.emplace(world_.files, world_.book, bill_, world_.home,
                        hub::AdviceDesk::Surroundings{
                            .appliances = hub::appliances_of(world_.analyst),
                            .health = world_.health,
                            .offers = offers_of(world_.catalogue, world_.home, world_.say),
                            .catalogue = [file = world_.catalogue] { return written_at(file); }});
      },
      {world_.book, "what was predicted and said of appliances is gone", "Nothing is advised"},
      world_.now(), world_.say);
  steps_.emplace(
      world_.context, [this] { return step(); },
      fmt::format("Bill and advice of {} stand still", world_.home.name), world_.say);
  wait();
}

void Money::wait() {
  timer_.expires_after(beat);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    ask_for_prices();
    look_for_report();
    wait();
  });
}

void Money::tell(const std::string& integration, const std::optional<std::string>& trouble) {
  auto* desk = world_.health();
  if (trouble) world_.say(*trouble);
  if (!desk) return;
  const auto what = "integration " + integration;
  if (trouble) return desk->trouble(what, *trouble, world_.now());
  desk->well(what);
}

void Money::take_prices(std::string_view answer) {
  auto prices = hub::prices_in(answer, world_.partners.day_ahead->per_mwh);
  const auto done = prices ? bill_.add_prices(std::move(*prices)) : std::unexpected(prices.error());
  tell("day_ahead",
       done ? std::nullopt
            : std::optional(fmt::format("Day-ahead prices were not understood: {}", done.error())));
}

void Money::ask_for_prices() {
  const auto& source = world_.partners.day_ahead;
  const auto now = world_.now();
  if (!source || source->url.empty() || is_asking_) return;
  if (now < asked_at_ + ask_every && now >= asked_at_) return;
  asked_at_ = now;
  is_asking_ = true;
  hub::HttpRequest request{
      .method = "GET",
      .url = address_of(source->url, bill_.zone().day(now) + std::chrono::days(1)),
      .most_answer = hub::most_price_bytes};
  if (!source->token.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + source->token);
  }
  source_.send(std::move(request), time_to_answer,
               [this](std::expected<hub::HttpAnswer, std::string> answer) {
                 is_asking_ = false;
                 if (answer && answer->status == 200) return take_prices(answer->body);
                 tell("day_ahead",
                      fmt::format("Day-ahead prices did not come: {}",
                                  answer ? fmt::format("the source answered {}.", answer->status)
                                         : answer.error()));
               });
}

// Of the last whole month, from the first morning of the next one on. A home that begins with Lenz
// is not told of what was before.
void Money::look_for_report() {
  const auto& email = world_.partners.email;
  const auto now = world_.now();
  if (!email || !email->has_report || is_mailing_ || report_ || !advice_ || !advice_->is_ready())
    return;
  if (now < mailed_at_ + mail_again_after && now >= mailed_at_) return;
  const auto month = bill_.month_at(now) - std::chrono::months(1);
  auto& book = advice_->book();
  const auto mailed = book.mailed();
  if (mailed && *mailed >= month) return;
  if (!mailed) {
    static_cast<void>(book.set_mailed(month));
    return;
  }
  if (now < hub::range_of(hub::month_of(month), bill_.zone()).end + mail_from) return;
  mailed_at_ = now;
  report_ = {month, now};
}

// What it rests on is read piece by piece. What cannot be read it meets itself.
std::expected<bool, hub::StoreError> Money::prepare_report() {
  const auto is_ready = hub::prepare_report(report_world(), report_->month, report_->now);
  if (is_ready && !*is_ready) return false;
  mail_report();
  return true;
}

hub::ReportWorld Money::report_world() {
  return {.bill = bill_,
          .store = world_.store,
          .home = world_.home,
          .calibrations = world_.calibrations,
          .advice = &*advice_,
          .health = world_.health()};
}

void Money::mail_report() {
  const auto [month, now] = *std::exchange(report_, std::nullopt);
  const auto& email = *world_.partners.email;
  const auto facts = hub::report_facts(report_world(), month, now);
  if (!facts) {
    static_cast<void>(advice_->book().set_mailed(month));  // There is nothing to tell of it.
    return;
  }
  is_mailing_ = true;
  const auto file = fmt::format("report-{:04}-{:02}.html", static_cast<int>(month.year()),
                                unsigned{month.month()});
  send_mail(mail_, email,
            hub::report_mail(insight::report_title(*facts), insight::summary(*facts),
                             insight::report_page(*facts), file, email, now),
            [this, month = month](std::optional<std::string> trouble) {
              is_mailing_ = false;
              if (!trouble) static_cast<void>(advice_->book().set_mailed(month));
              tell("email", trouble);
            });
}

std::expected<bool, hub::StoreError> Money::step() {
  if (report_) return prepare_report();
  const auto is_billed = bill_.step(world_.now());
  if (!is_billed || !*is_billed || !advice_) return is_billed;
  return advice_->step(world_.now());
}

std::int64_t written_at(const std::string& file) {
  std::error_code none;
  const auto time = fs::last_write_time(file, none);
  return none ? 0 : std::int64_t{time.time_since_epoch().count()};
}

std::function<std::vector<insight::Offer>(insight::ApplianceKind)> offers_of(
    std::string catalogue, const hub::Home& home, std::function<void(const std::string&)> say) {
  const auto market = hub::market_of(home);
  return [file = std::move(catalogue), market, currency = home.currency, say = std::move(say),
          read = std::optional<hub::Catalogue>(),
          written = std::int64_t{0}](insight::ApplianceKind kind) mutable {
    if (!read || written != written_at(file)) {
      written = written_at(file);
      try {
        read = hub::Catalogue::read(file);
      } catch (const std::runtime_error& trouble) {
        say(trouble.what());
        read.emplace();
      }
    }
    return read->offers(kind, market, currency);
  };
}

hub::BillDesk::Paths bill_paths(const Workplace& place) {
  return {
      .tariff = place.tariff_file(), .prices = place.prices_file(), .carbon = place.carbon_file()};
}

std::string tariff_template_folder() {
  const auto beside = fs::path(Workplace::program()).parent_path();
  const auto folder = fs::exists(beside / "tariff_templates")
                          ? beside / "tariff_templates"
                          : beside / "../../hub/tariff_templates";
  return folder.lexically_normal().string();
}

}  // namespace lenz
