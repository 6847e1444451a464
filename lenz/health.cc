#include "lenz/health.h"

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "hub/integrations/notice_event.h"
#include "hub/integrations/notice_mail.h"
#include "hub/net/beat.h"
#include "lenz/mail.h"
#include "lenz/readings.h"
#include "lenz/set_aside.h"

namespace lenz {
namespace {

using namespace std::chrono_literals;

constexpr auto beat = 500ms;
constexpr auto time_to_send = 60s;
const std::string email = "email", webhook = "webhook";

}  // namespace

Health::Health(HealthWorld world)
    : world_(std::move(world)),
      timer_(world_.context),
      mail_(world_.context),
      webhook_(world_.context) {
  const bool is_begun =
      begin_or_set_aside([this] { begin(); },
                         {world_.book, "what is usual is learnt anew", "Equipment is not watched"},
                         world_.now(), world_.say);
  if (!is_begun) return;
  if (!desk_->rules_trouble().empty()) {
    world_.say(fmt::format("No rule is followed: {}", desk_->rules_trouble()));
  }
  std::vector<std::string> channels;
  if (world_.partners.home_assistant) channels.emplace_back("mqtt");
  if (world_.partners.email) channels.push_back(email);
  if (world_.partners.webhook) channels.push_back(webhook);
  desk_->notices().set_channels(std::move(channels));
  begin_watching();
  wait();
}

void Health::begin() {
  desk_.emplace(world_.files, world_.book, world_.rules, world_.home, world_.live,
                hub::HealthDesk::Surroundings{
                    .analyst = world_.analyst,
                    .ledger = world_.ledger,
                    .utc_offset = [zone = world_.home.zone](measurement::Timestamp time) {
                      return utc_offset(time, zone);
                    }});
}

void Health::begin_watching() {
  caretaker_.emplace(
      desk_->book(), world_.store, world_.home,
      hub::Caretaker::Surroundings{
          .utc_offset = [zone = world_.home.zone](
                            measurement::Timestamp time) { return utc_offset(time, zone); },
          .analyst = world_.analyst()});
  steps_.emplace(
      world_.context, [this] { return caretaker_->step(world_.now()); },
      fmt::format("The equipment of {} is not watched", world_.home.name), world_.say);
}

void Health::wait() {
  timer_.expires_at(hub::next_beat(beat));
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    work();
    wait();
  });
}

void Health::work() {
  std::string trouble;
  try {
    if (const auto done = desk_->step(world_.now()); !done) trouble = hub::sentence(done.error());
  } catch (const std::runtime_error& failure) {
    trouble = failure.what();
  }
  if (!trouble.empty() && !std::exchange(has_failed_, true)) {
    world_.say(fmt::format("What is found in {} cannot be kept: {}.", world_.home.name, trouble));
  }
  if (trouble.empty()) has_failed_ = false;
  if (world_.partners.email && !is_mailing_) send_mail();
  if (world_.partners.webhook && !is_posting_) post_webhook();
}

void Health::tell(const std::string& channel, const hub::Notice& notice,
                  const std::optional<std::string>& failure) {
  const auto now = world_.now();
  desk_->notices().done(channel, notice, !failure, now);
  const auto what = "integration " + channel;
  if (!failure) return desk_->well(what);
  world_.say(*failure);
  desk_->trouble(what, *failure, now);
}

void Health::send_mail() {
  const auto& settings = *world_.partners.email;
  const auto notice = desk_->notices().next(email, world_.now());
  if (!notice) return;
  is_mailing_ = true;
  lenz::send_mail(mail_, settings, hub::mail_of(*notice, settings, world_.home.name),
                  [this, notice = *notice](const std::optional<std::string>& trouble) {
                    is_mailing_ = false;
                    tell(email, notice, trouble);
                  });
}

void Health::post_webhook() {
  const auto& settings = *world_.partners.webhook;
  const auto notice = desk_->notices().next(webhook, world_.now());
  if (!notice) return;
  is_posting_ = true;
  hub::HttpRequest request{.method = "POST",
                           .url = settings.url,
                           .headers = {{"Content-Type", "application/json"}},
                           .body = hub::notice_event(*notice, world_.home.id)};
  if (!settings.token.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + settings.token);
  }
  webhook_.send(std::move(request), time_to_send,
                [this, notice = *notice](std::expected<hub::HttpAnswer, std::string> answer) {
                  is_posting_ = false;
                  std::optional<std::string> failure;
                  if (!answer) {
                    failure = fmt::format("The webhook did not take a notice: {}", answer.error());
                  } else if (answer->status < 200 || answer->status > 299) {
                    failure = fmt::format("The webhook did not take a notice: it answered {}.",
                                          answer->status);
                  }
                  tell(webhook, notice, failure);
                });
}

}  // namespace lenz
