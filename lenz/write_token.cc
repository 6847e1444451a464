#include <fmt/format.h>
#include <sodium.h>

#include <chrono>
#include <stdexcept>

#include "hub/api/accounts.h"
#include "hub/files/disk.h"
#include "hub/time_text.h"
#include "lenz/commands.h"
#include "lenz/workplace.h"

namespace lenz {

int write_token(const WriteTokenOptions& options) {
  if (sodium_init() < 0) throw std::runtime_error("The system gives no random numbers.");
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  hub::Disk disk;
  hub::Accounts accounts(disk, place.accounts_file(), [](std::span<std::uint8_t> bytes) {
    randombytes_buf(bytes.data(), bytes.size());
  });
  if (options.list) {
    for (const auto& writer : accounts.writers()) {
      fmt::print("{}  since {}{}\n", writer.name, hub::utc_text(writer.since),
                 writer.home.empty() ? "" : "  for " + writer.home);
    }
    return 0;
  }
  if (!options.revoke.empty()) {
    if (!accounts.revoke_writer(options.revoke)) {
      throw std::runtime_error(fmt::format(
          "There is no writer \"{}\" to revoke: lenz write-token --list says which there are.",
          options.revoke));
    }
    fmt::print("The token of \"{}\" opens nothing any more.\n", options.revoke);
    return 0;
  }
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto token = accounts.new_writer(options.name, now, options.home);
  if (!token) throw std::runtime_error(token.error());
  fmt::print("{}\n", *token);
  return 0;
}

}  // namespace lenz
