#include "lenz/broker_link.h"

#include <fmt/format.h>
#include <sodium.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "hub/net/beat.h"
#include "lenz/broker_address.h"
#include "lenz/broker_certificate.h"
#include "lenz/secrets.h"

namespace lenz {
namespace {

// "HOST" or "HOST:PORT" of --meters.
BrokerReach reach_of(const std::string& given, const Workplace& place, const PairedMeters& paired,
                     const std::function<void(const std::string&)>& say) {
  BrokerReach reach;
  if (given.find(':') == std::string::npos) {
    reach.host = given;
  } else {
    const auto address = parse_address(given);
    reach.host = address.host;
    reach.port = address.port;
  }
  auto [certificate, key, is_new] = broker_certificate(place.secrets(), reach.host);
  if (is_new && !paired.all().empty()) {
    say(
        fmt::format("The broker has a new certificate for {}: meters that were paired before must "
                    "be paired again.",
                    reach.host));
  }
  reach.certificate = std::move(certificate);
  reach.key = std::move(key);
  return reach;
}

}  // namespace

BrokerLink::BrokerLink(const HubOptions& options, const Workplace& place, const Homes& homes,
                       std::function<void(const std::string&)> say)
    : homes_(homes),
      say_(std::move(say)),
      paired_(place.meters_file()),
      door_{
          .window = window_,
          .trouble = {},
          .host = {},
          .port = 0,
          .certificate = {},
          .draw =
              [] {
                hub::Pairing::Random drawn;
                randombytes_buf(drawn.data(), drawn.size());
                return drawn;
              },
          .fault_of = [this](const auto& home,
                             const auto& device) { return fault_of(home, device); },
          .admit = [this](const auto& home, const auto& device) { return admit(home, device); },
          .is_paired = [this](const auto& home,
                              const auto& device) { return paired_.find(home, device) != nullptr; },
          .expel = [this](const auto& home, const auto& device) { return expel(home, device); }} {
  for (const auto& [home, device, hash] : paired_.all()) {
    if (auto* kept = homes_.kept_home(home)) kept->admit(device);
  }
  address_.user = hub_user;
  if (options.broker.empty()) {
    own(options, place);
    return;
  }
  if (!options.meters.empty()) {
    throw std::runtime_error(
        "--meters opens the hub's own broker to meters: leave out --broker, or make the meters' "
        "accounts at that broker.");
  }
  address_ = parse_address(options.broker);
  address_.user = options.user;
  address_.password = options.password_file.empty() ? password_of(place.secrets(), hub_user)
                                                    : read_secret(options.password_file);
  door_.trouble = fmt::format(
      "The broker at {} is not the hub's own: make an account for the meter there, and put its "
      "name "
      "and password into the meter.",
      options.broker);
}

void BrokerLink::own(const HubOptions& options, const Workplace& place) {
  address_.password = password_of(place.secrets(), hub_user);
  std::vector<BrokerAccount> accounts;
  for (const auto& kept : homes_.kept()) {
    const auto& id = kept->home().id;
    for (const auto& meter : kept->meters()) {
      if (const auto* paired = paired_.find(id, meter)) {
        accounts.push_back({meter, "", id, meter, false, paired->hash});
        continue;
      }
      const auto user = broker_user(id, meter, homes_.is_only());
      accounts.push_back({user, password_of(place.secrets(), user), id, meter});
    }
  }
  const auto heard = homes_.is_only() ? homes_.kept().front()->home().id : "+";
  accounts.push_back({address_.user, address_.password, heard, "+", true});
  std::optional<BrokerReach> reach;
  if (options.meters.empty()) {
    door_.trouble =
        "Meters cannot reach the hub yet: start it with --meters NAME, the name or address of this "
        "machine in your network.";
  } else {
    reach = reach_of(options.meters, place, paired_, say_);
    door_.host = reach->host;
    door_.port = reach->port;
    door_.certificate = reach->certificate;
  }
  own_ = std::make_unique<Broker>(std::move(accounts), std::move(reach));
  address_.port = own_->port();
}

// At the broker a paired meter is called by its name alone, in whatever home.
std::string BrokerLink::fault_of(const std::string& home, const std::string& device) const {
  if (device == hub_user) return "A meter cannot be called hub: choose another name.";
  const auto other = paired_.home_of(device);
  if (other.empty() || other == home) return {};
  return fmt::format("Another home has a meter {}: choose another name.", device);
}

std::expected<hub::PairingDoor::Credential, std::string> BrokerLink::admit(
    const std::string& home, const std::string& device) {
  auto* kept = homes_.kept_home(home);
  if (!kept || !own_) return std::unexpected("There is no such home.");
  if (auto fault = fault_of(home, device); !fault.empty()) return std::unexpected(fault);
  const auto password = random_token();
  try {
    auto hash = Broker::hash_of(device, password);
    paired_.put({home, device, hash});
    own_->admit({device, "", home, device, false, std::move(hash)});
  } catch (const std::runtime_error& trouble) {
    return std::unexpected(trouble.what());
  }
  kept->admit(device);
  return hub::PairingDoor::Credential{device, password};
}

std::expected<void, std::string> BrokerLink::expel(const std::string& home,
                                                   const std::string& device) {
  try {
    paired_.remove(home, device);
    if (own_) own_->expel(home, device);
  } catch (const std::runtime_error& trouble) {
    return std::unexpected(trouble.what());
  }
  return {};
}

void BrokerLink::keep_running(boost::asio::steady_timer& timer) {
  if (!own_) return;
  timer.expires_at(hub::next_beat(std::chrono::seconds(1)));
  timer.async_wait([this, &timer](boost::system::error_code error) {
    if (error) return;
    try {
      own_->start();
    } catch (const std::runtime_error& trouble) {
      say_(trouble.what());
    }
    keep_running(timer);
  });
}

}  // namespace lenz
