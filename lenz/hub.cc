#include "hub/hub.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sodium.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

#include "hub/api/accounts.h"
#include "hub/api/pages.h"
#include "hub/api/routes.h"
#include "hub/api/server.h"
#include "hub/api/shelf.h"
#include "hub/files/disk.h"
#include "hub/ingest/mqtt_ingest.h"
#include "hub/meter_requests.h"
#include "hub/meter_updates.h"
#include "hub/net/beat.h"
#include "lenz/analysis.h"
#include "lenz/broker_link.h"
#include "lenz/commands.h"
#include "lenz/daily_backup.h"
#include "lenz/folder_lock.h"
#include "lenz/homes.h"
#include "lenz/secrets.h"
#include "lenz/secure_page.h"
#include "lenz/tidying.h"
#include "lenz/update_key.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;

measurement::Timestamp system_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

constexpr std::size_t kilobyte = 1 << 10, megabyte = 1 << 20;

// What a home's store may hold in memory: of one, its hour; of many, together, no more than of
// some.
std::size_t waiting_bytes(const Workplace& place) {
  constexpr std::size_t of_one = 8 * megabyte, of_all = 64 * megabyte, least = 64 * kilobyte;
  if (!place.has_many_homes()) return of_one;
  const auto homes = std::max<std::size_t>(place.home_ids().size(), 1);
  return std::clamp(of_all / homes, least, of_one);
}

void say(const std::string& text) { fmt::print(stderr, "{}\n", text); }

std::uint64_t drawn_number() {
  std::uint64_t number = 0;
  randombytes_buf(&number, sizeof number);
  return number;
}

// Once a second.
void expire(hub::MeterRequests& requests, hub::MeterUpdates& updates,
            boost::asio::steady_timer& timer) {
  timer.expires_at(hub::next_beat(std::chrono::seconds(1)));
  timer.async_wait([&](boost::system::error_code error) {
    if (error) return;
    requests.expire(system_now());
    updates.step(system_now());
    expire(requests, updates, timer);
  });
}

// Where the page stands: beside the program when installed, else where the build put it.
fs::path pages_folder(const HubOptions& options) {
  if (!options.pages.empty()) return options.pages;
  const auto beside = fs::path(Workplace::program()).parent_path();
  return fs::exists(beside / "page") ? beside / "page" : beside / "../../web/dist";
}

DailyBackup::Options backups_of(const HubOptions& options, const Workplace& place) {
  const auto folder = fs::absolute(options.backup).string();
  return {.command = {Workplace::program(), "backup", "--data", place.folder(), "--to", folder,
                      "--keep", std::to_string(options.backup_keep)},
          .folder = folder};
}

// Memory that was given back to the system comes again page by page, each a fault; in a virtual
// machine that costs many times what a request does with it. So a little stays.
void keep_freed_memory() {
  constexpr int most_bytes = 8 << 20;
  ::mallopt(M_TRIM_THRESHOLD, most_bytes);
  ::mallopt(M_MMAP_THRESHOLD, most_bytes);
}

}  // namespace

int hub(const HubOptions& options) {
  keep_freed_memory();
  if (sodium_init() < 0) throw std::runtime_error("The system gives no random numbers.");
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  const FolderLock lock(place.folder());
  if (!lock.is_ours()) {
    throw std::runtime_error(fmt::format(
        "Another hub works in {}: stop it, or name another folder with --data.", place.folder()));
  }
  if (place.has_many_homes() && !options.backup.empty()) {
    throw std::runtime_error(fmt::format(
        "--backup is for a single home: back up each of several with lenz backup --data {}/ID.",
        place.homes_folder()));
  }
  hub::Disk disk;
  hub::Accounts accounts(disk, place.accounts_file(), [](std::span<std::uint8_t> bytes) {
    randombytes_buf(bytes.data(), bytes.size());
  });
  boost::asio::io_context context;
  const Surroundings around{.context = context,
                            .files = disk,
                            .now = system_now,
                            .say = say,
                            .write_wait = options.commit_every / 10,
                            .reserve = (place.has_many_homes() ? 1 : 16) * megabyte,
                            .waiting = waiting_bytes(place),
                            .model = installed_model(say),
                            .analyses = !options.no_analysis};
  const Homes homes(around, place, options.meter);
  BrokerLink link(options, place, homes, say);
  const auto volume = disk.volume(place.folder());  // Without it each store syncs for itself.
  hub::MqttIngest* line = nullptr;
  hub::MeterRequests requests(
      {.send = [&line](std::string_view home, std::string_view device,
                       std::string_view bytes) { return line && line->ask(home, device, bytes); },
       .draw = drawn_number});
  hub::MeterUpdates updates(requests);
  hub::MqttIngest ingest(
      context, homes.hubs(), link.address(), system_now, say,
      {.commit_every = options.commit_every,
       .share = options.share,
       .sync_all = [&] { return homes.are_on_one_volume() && volume && (*volume)->sync(); },
       .replied =
           [&requests](std::string_view home, std::string_view device, std::string_view bytes) {
             requests.heard(home, device, bytes, system_now());
           }});
  line = &ingest;
  hub::FirmwareShelf shelf(disk, place.firmware_folder());
  hub::UpdateShelf updates_shelf(disk, place.firmware_folder());
  const auto traffic = [&ingest] {
    const auto [reports, refused, overflowed] = ingest.traffic();
    return hub::Traffic{reports, refused, overflowed};
  };
  std::optional<SecurePage> secure;
  if (!options.https.names.empty()) secure.emplace(options.https, place.secrets(), system_now, say);
  const hub::Routes routes({.homes = homes.served(),
                            .accounts = accounts,
                            .now = system_now,
                            .metrics_token = drawn_secret(place.secrets() + "/metrics.token"),
                            .traffic = traffic,
                            .shelf = &shelf,
                            .updates_shelf = &updates_shelf,
                            .check_signature =
                                [&place](std::string_view text, std::string_view signature) {
                                  return check_signature(place.update_key_file(), text, signature);
                                },
                            .requests = &requests,
                            .updates = &updates,
                            .pairing = &link.pairing(),
                            .names = secure ? secure->hosts() : std::vector<std::string>(),
                            .authority = secure ? secure->authority() : ""},
                           hub::Pages(pages_folder(options)));
  const hub::Server server(context, routes, "127.0.0.1", static_cast<std::uint16_t>(options.port));
  if (secure) secure->open(context, routes);
  std::ofstream(place.broker_file()) << link.address().host << ":" << link.address().port << "\n";

  boost::asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) { context.stop(); });
  boost::asio::steady_timer supervision(context);
  link.keep_running(supervision);
  boost::asio::steady_timer expiry(context);
  expire(requests, updates, expiry);
  const Tidying tidying(context, homes.kept().size(),
                        [&](std::size_t i) { return homes.kept()[i]->tidy(); });
  std::optional<DailyBackup> backup;
  if (!options.backup.empty()) {
    backup.emplace(context, backups_of(options, place), system_now, say, [&](bool is_made) {
      auto* desk = homes.kept().front()->health();
      if (!desk) return;
      if (is_made) return desk->well("backup");
      desk->trouble("backup",
                    fmt::format("No backup could be made in {}: look at its disk.", options.backup),
                    system_now());
    });
  }

  const auto page = fmt::format("http://127.0.0.1:{}/", server.port());
  const auto token = accounts.new_link(system_now());
  fmt::print("Lenz is at {} (this machine only{}).\n", page,
             secure ? "" : "; --https NAME opens it to your network");
  fmt::print("Sign in once, within a day, with {}#link={}\n", page, token);
  if (secure) fmt::print("{}", secure->announcement(token));
  std::fflush(stdout);
  context.run();
  return 0;
}

}  // namespace lenz
