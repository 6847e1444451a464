#include "lenz/homes.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "hub/config.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;

// The home that was described, or one without circuits to begin with.
hub::Home home_of(const Workplace& place, const Surroundings& around) {
  if (!fs::exists(place.home_file())) {
    hub::Home home;
    home.id = "home";
    home.name = "Home";
    home.zone = "Etc/UTC";
    home.country = "ZZ";
    home.currency = "EUR";
    home.panels.emplace_back();
    hub::save_home(home, place.home_file());
    around.say(
        fmt::format("A first {} was written: describe your home and its circuits in it, then start "
                    "again.",
                    place.home_file()));
  }
  return hub::load_home(place.home_file());
}

// Of many homes each needs its database with its journal and index, its log, its lock and, once
// something is asked of it, its ledger, its books of appliances and findings and a few segments.
constexpr rlim_t files_of_a_home = 18, files_besides = 300;

void allow_files_for(std::size_t homes, const Surroundings& around) {
  const rlim_t needed = files_besides + homes * files_of_a_home;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < needed) {
    limit.rlim_cur = std::min(needed, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur < needed) {
    around.say(
        fmt::format("{} homes may need {} open files and this system allows {}: raise it with "
                    "`ulimit -Hn` or systemd's LimitNOFILE.",
                    homes, needed, limit.rlim_cur));
  }
}

dev_t device_of(const std::string& folder) {
  struct stat found {};
  return ::stat(folder.c_str(), &found) == 0 ? found.st_dev : dev_t{};
}

}  // namespace

Homes::Homes(const Surroundings& around, const Workplace& place, const std::string& meter) {
  if (!place.has_many_homes()) {
    kept_.push_back(
        std::make_unique<KeptHome>(around, home_of(place, around), place.folder(), meter));
    kept_.back()->begin_analysis();
    kept_.back()->begin_health();
    kept_.back()->begin_partners();
    served_.push_back(kept_.back()->served());
    return;
  }
  is_only_ = false;
  const auto ids = place.home_ids();
  allow_files_for(ids.size(), around);
  for (const auto& id : ids) {
    try {
      add(around, place, id, meter);
    } catch (const std::runtime_error& trouble) {
      around.say(fmt::format("The home {} is not served: {}", id, trouble.what()));
      served_.push_back({.id = id, .trouble = trouble.what()});
    }
  }
}

void Homes::add(const Surroundings& around, const Workplace& place, const std::string& id,
                const std::string& meter) {
  const Workplace own(place.homes_folder() + "/" + id);
  auto lock = std::make_unique<FolderLock>(own.folder());
  if (!lock->is_ours()) {
    throw std::runtime_error(fmt::format(
        "Another program works in {}: let it end, then start the hub again.", own.folder()));
  }
  if (!fs::exists(own.home_file())) {
    throw std::runtime_error(fmt::format(
        "There is no {}: describe the home in it, or remove its folder.", own.home_file()));
  }
  auto home = hub::load_home(own.home_file());
  if (home.id != id) {
    throw std::runtime_error(fmt::format("{} says id = \"{}\": call it \"{}\" as its folder.",
                                         own.home_file(), home.id, id));
  }
  auto kept = std::make_unique<KeptHome>(around, std::move(home), own.folder(), meter);
  const bool has_partners = fs::exists(own.partners_file());
  if (has_partners || fs::exists(own.rules_file())) kept->begin_health();
  if (has_partners) kept->begin_partners();
  // A home may be linked from elsewhere.
  if (device_of(own.folder()) != device_of(place.folder())) are_on_one_volume_ = false;
  served_.push_back(kept->served());
  kept_.push_back(std::move(kept));
  locks_.push_back(std::move(lock));
}

KeptHome* Homes::kept_home(std::string_view id) const {
  for (const auto& home : kept_) {
    if (home->home().id == id) return home.get();
  }
  return nullptr;
}

hub::MqttIngest::Hubs Homes::hubs() const {
  hub::MqttIngest::Hubs hubs;
  for (const auto& home : kept_) hubs.emplace(home->home().id, &home->hub());
  return hubs;
}

}  // namespace lenz
