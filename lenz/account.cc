#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sodium.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>

#include "hub/api/accounts.h"
#include "hub/files/disk.h"
#include "lenz/commands.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

void check_homes(const Workplace& place, const std::vector<std::string>& homes) {
  if (!place.has_many_homes()) {
    throw std::runtime_error(fmt::format(
        "{} is the folder of a single home, which only its owner sees: accounts are for a folder "
        "with several in homes/.",
        place.folder()));
  }
  for (const auto& home : homes) {
    if (home.empty() || home.find('/') != std::string::npos ||
        !std::filesystem::is_directory(place.homes_folder() + "/" + home)) {
      throw std::runtime_error(
          fmt::format("There is no home \"{}\" in {}.", home, place.homes_folder()));
    }
  }
}

}  // namespace

int account(const AccountOptions& options) {
  if (sodium_init() < 0) throw std::runtime_error("The system gives no random numbers.");
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  hub::Disk disk;
  hub::Accounts accounts(disk, place.accounts_file(), [](std::span<std::uint8_t> bytes) {
    randombytes_buf(bytes.data(), bytes.size());
  });
  if (options.list) {
    for (const auto& [name, homes] : accounts.residents()) {
      fmt::print("{}  {}\n", name, fmt::join(homes, ", "));
    }
    return 0;
  }
  if (!options.remove.empty()) {
    if (!accounts.remove_resident(options.remove)) {
      throw std::runtime_error(
          fmt::format("There is no account \"{}\" to remove: lenz account --list says which there "
                      "are.",
                      options.remove));
    }
    fmt::print("\"{}\" sees nothing any more.\n", options.remove);
    return 0;
  }
  check_homes(place, options.homes);
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto link = accounts.admit({options.name, options.homes}, now);
  if (!link) throw std::runtime_error(link.error());
  fmt::print("\"{}\" signs in once, within a day, with the hub's address and #link={}\n",
             options.name, *link);
  return 0;
}

}  // namespace lenz
