#include "hub/hub.h"

#include <fmt/format.h>
#include <sodium.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <stdexcept>

#include "hub/api/accounts.h"
#include "hub/api/pages.h"
#include "hub/api/routes.h"
#include "hub/api/server.h"
#include "hub/config.h"
#include "hub/files/disk.h"
#include "hub/ingest/mqtt_ingest.h"
#include "hub/ledger.h"
#include "hub/partners.h"
#include "hub/store/sqlite_store.h"
#include "lenz/broker.h"
#include "lenz/commands.h"
#include "lenz/daily_backup.h"
#include "lenz/folder_lock.h"
#include "lenz/long_memory.h"
#include "lenz/partner_links.h"
#include "lenz/secrets.h"
#include "lenz/workplace.h"
#include "lenz/write_door.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;

measurement::Timestamp system_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

void say(const std::string& text) { fmt::print(stderr, "{}\n", text); }

// The home that was described, or one without circuits to begin with.
hub::Home home_of(const Workplace& place) {
  if (!fs::exists(place.home_file())) {
    hub::Home home;
    home.id = "home";
    home.name = "Home";
    home.zone = "Etc/UTC";
    home.country = "ZZ";
    home.currency = "EUR";
    home.panels.emplace_back();
    hub::save_home(home, place.home_file());
    say(
        fmt::format("A first {} was written: describe your home and its circuits in it, then start "
                    "again.",
                    place.home_file()));
  }
  return hub::load_home(place.home_file());
}

std::set<std::string> meters_of(const hub::Home& home, hub::Store& store,
                                const std::string& named) {
  std::set<std::string> meters = {named};
  for (const auto& panel : home.panels) {
    for (const auto& circuit : panel.circuits) {
      for (const auto& use : circuit.channels) meters.insert(use.device);
    }
  }
  const auto known = store.devices();
  if (known) meters.insert(known->begin(), known->end());
  return meters;
}

// Where the page stands: beside the program when installed, else where the build put it.
fs::path pages_folder(const HubOptions& options) {
  if (!options.pages.empty()) return options.pages;
  const auto beside = fs::path(Workplace::program()).parent_path();
  return fs::exists(beside / "page") ? beside / "page" : beside / "../../web/dist";
}

hub::BrokerAddress parse_address(const std::string& text) {
  const auto colon = text.rfind(':');
  hub::BrokerAddress address;
  address.host = text.substr(0, colon);
  const auto* end = text.data() + text.size();
  if (colon == std::string::npos || address.host.empty() ||
      std::from_chars(text.data() + colon + 1, end, address.port).ptr != end || address.port < 1 ||
      address.port > 65535) {
    throw std::runtime_error(
        fmt::format("\"{}\" is no address of a broker: write HOST:PORT.", text));
  }
  return address;
}

// A broker that was named, or one of our own that is kept running.
class Link {
 public:
  Link(const HubOptions& options, const Workplace& place, const std::string& home,
       const std::set<std::string>& meters) {
    if (!options.broker.empty()) {
      address = parse_address(options.broker);
      address.user = options.user;
      address.password = options.password_file.empty() ? password_of(place.secrets(), hub_user)
                                                       : read_secret(options.password_file);
      return;
    }
    std::map<std::string, std::string> passwords;
    for (const auto& meter : meters) passwords[meter] = password_of(place.secrets(), meter);
    address.user = hub_user;
    address.password = passwords[hub_user] = password_of(place.secrets(), hub_user);
    own_ = std::make_unique<Broker>(home, passwords);
    address.port = own_->port();
  }

  void keep_running(boost::asio::steady_timer& timer) {
    if (!own_) return;
    timer.expires_after(std::chrono::seconds(1));
    timer.async_wait([this, &timer](boost::system::error_code error) {
      if (error) return;
      try {
        own_->start();
      } catch (const std::runtime_error& trouble) {
        say(trouble.what());
      }
      keep_running(timer);
    });
  }

  hub::BrokerAddress address;

 private:
  std::unique_ptr<Broker> own_;
};

DailyBackup::Options backups_of(const HubOptions& options, const Workplace& place) {
  const auto folder = fs::absolute(options.backup).string();
  return {.command = {Workplace::program(), "backup", "--data", place.folder(), "--to", folder,
                      "--keep", std::to_string(options.backup_keep)},
          .folder = folder};
}

// A short piece of work whenever nobody is waiting, so that hours that are over are packed.
class Tidying {
 public:
  Tidying(boost::asio::io_context& context, hub::Store& store) : timer_(context), store_(store) {
    go_on(pause);
  }

 private:
  static constexpr std::chrono::milliseconds pause{400}, rest{1000};

  void go_on(std::chrono::milliseconds after) {
    timer_.expires_after(after);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      const auto tidied = store_.tidy(system_now());
      if (!tidied && !std::exchange(has_failed_, true)) {
        say(fmt::format("Old samples cannot be packed: {}.", hub::sentence(tidied.error())));
      }
      if (tidied) has_failed_ = false;
      go_on(tidied && !*tidied ? pause : rest);
    });
  }

  boost::asio::steady_timer timer_;
  hub::Store& store_;
  bool has_failed_ = false;
};

}  // namespace

int hub(const HubOptions& options) {
  if (sodium_init() < 0) throw std::runtime_error("The system gives no random numbers.");
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  const FolderLock lock(place.folder());
  if (!lock.is_ours()) {
    throw std::runtime_error(fmt::format(
        "Another hub works in {}: stop it, or name another folder with --data.", place.folder()));
  }
  const auto partners = hub::load_partners(place.partners_file());
  const std::vector<hub::Home> homes = {home_of(place)};
  const auto& home = homes.front();

  hub::Disk disk;
  hub::SqliteStore store(disk, place.folder());
  hub::LiveFeed live;
  hub::Hub hub(store, live);
  const auto meters = meters_of(home, store, options.meter);
  for (const auto& meter : meters) hub.admit(meter);
  hub::Ledger ledger(disk, place.ledger_file(), store, home);

  hub::Accounts accounts(disk, place.accounts_file(), [](std::span<std::uint8_t> bytes) {
    randombytes_buf(bytes.data(), bytes.size());
  });
  boost::asio::io_context context;
  hub::PointsInbox inbox(store, live, home);  // Who waits in it has connections of the context.
  WriteDoor write_door(context, inbox);
  const LongMemory memory(context, partners, home, store, system_now, say);
  const hub::Routes routes({.homes = homes,
                            .store = memory.store(),
                            .live = live,
                            .accounts = accounts,
                            .now = system_now,
                            .ledger = &ledger,
                            .metrics_token = drawn_secret(place.secrets() + "/metrics.token"),
                            .points = &write_door.door()},
                           hub::Pages(pages_folder(options)));
  const hub::Server server(context, routes, "127.0.0.1", static_cast<std::uint16_t>(options.port));
  Link link(options, place, home.id, meters);
  const hub::MqttIngest ingest(context, hub, home.id, link.address, system_now, say);
  const PartnerLinks links(
      context, partners,
      {home, hub, store, ledger, live, place.folder(), place.resend_file(), system_now, say});
  std::ofstream(place.broker_file()) << link.address.host << ":" << link.address.port << "\n";

  boost::asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) { context.stop(); });
  boost::asio::steady_timer supervision(context);
  link.keep_running(supervision);
  const Tidying tidying(context, store);
  std::optional<DailyBackup> backup;
  if (!options.backup.empty()) {
    backup.emplace(context, backups_of(options, place), system_now, say);
  }

  const auto page = fmt::format("http://127.0.0.1:{}/", server.port());
  fmt::print("Lenz is at {} (this machine only, until TLS is configured).\n", page);
  fmt::print("Sign in once, within a day, with {}#link={}\n", page,
             accounts.new_link(system_now()));
  std::fflush(stdout);
  context.run();
  return 0;
}

}  // namespace lenz
