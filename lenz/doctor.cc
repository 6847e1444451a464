#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>

#include "hub/api/wiring.h"
#include "hub/config.h"
#include "hub/doctor_desk.h"
#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"
#include "lenz/commands.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;

std::string folder_of(const DoctorOptions& options) {
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  auto folder = place.folder();
  if (place.has_many_homes()) {
    folder = place.homes_folder() + "/" + options.home;
    if (options.home.empty() || !fs::exists(folder)) {
      throw std::runtime_error(
          fmt::format("{} has several homes: name one of them with --home.", place.folder()));
    }
  }
  if (!fs::exists(folder + "/lenz.db") || !fs::exists(folder + "/home.toml")) {
    throw std::runtime_error(
        fmt::format("Nothing is stored in {}: name the hub's folder with --data.", folder));
  }
  return folder;
}

void print(const hub::WiringExamination& examination) {
  const auto& [device, until, panel, report] = examination;
  const auto minutes = std::chrono::duration<double, std::ratio<60>>(report.length).count();
  if (report.length < insight::wiring::shortest_examination) {
    fmt::print(
        "{}: only {:.0f} minutes are stored; it takes 10, with something switched on behind "
        "each breaker.\n",
        device, minutes);
    return;
  }
  fmt::print("{}, the last {:.0f} minutes: {}\n", device, minutes,
             report.findings.empty() ? "nothing wrong is seen" : "");
  for (const auto& finding : report.findings) {
    fmt::print("\n  {}: {}, {:.0f} % sure\n    {}\n    {}\n", finding.where,
               row(finding.fault).title, 100 * finding.confidence, finding.evidence, finding.fix);
  }
  if (report.silent.empty()) return;
  std::string clamps;
  for (const auto channel : report.silent) clamps += fmt::format(" CT{}", channel + 1);
  fmt::print("\n  Too little flows to judge{}: switch something on behind them and ask again.\n",
             clamps);
}

}  // namespace

int doctor(const DoctorOptions& options) {
  const auto folder = folder_of(options);
  const auto home = hub::load_home(folder + "/home.toml");
  hub::Disk disk;
  hub::SqliteStore store(disk, folder, hub::SqliteStore::Use::read);
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  bool is_well = true;
  for (const auto& device : hub::metered_devices(home, now)) {
    const auto found =
        hub::examine_wiring(store, home, device, std::chrono::minutes(options.minutes));
    if (!found) {
      throw std::runtime_error(fmt::format("The store: {}.", hub::sentence(found.error())));
    }
    if (options.json) {
      fmt::print("{}\n", hub::wiring_text(*found));
    } else {
      print(*found);
    }
    is_well &= found->report.findings.empty();
  }
  return is_well ? 0 : 1;
}

}  // namespace lenz
