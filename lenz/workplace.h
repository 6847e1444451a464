// The folder in which a hub keeps everything, and what stands where in it.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "lenz/temporary_folder.h"

namespace lenz {

// A given folder, which is made when it does not exist and stays, or a temporary one, which only
// its owner can enter and which goes away with this value.
class Workplace {
 public:
  // Throws std::runtime_error with one sentence when the folder cannot be made.
  explicit Workplace(std::string folder);

  const std::string& folder() const { return folder_; }
  std::string home_file() const { return folder_ + "/home.toml"; }
  std::string store_file() const { return folder_ + "/lenz.db"; }
  std::string secrets() const { return folder_ + "/secrets"; }
  std::string broker_file() const {
    return folder_ + "/broker";
  }  // HOST:PORT of the running broker.
  std::string partners_file() const { return folder_ + "/partners.toml"; }
  // Is there until the mirrors have begun to send all again.
  std::string resend_file() const { return folder_ + "/mirror.resend"; }
  std::string ledger_file() const { return folder_ + "/ledger.db"; }
  std::string insight_file() const { return folder_ + "/insight.db"; }
  std::string health_file() const { return folder_ + "/health.db"; }
  std::string rules_file() const { return folder_ + "/rules.toml"; }
  std::string tariff_file() const { return folder_ + "/tariff.toml"; }
  std::string prices_file() const { return folder_ + "/day_ahead.csv"; }
  std::string carbon_file() const { return folder_ + "/carbon.csv"; }
  std::string advice_file() const { return folder_ + "/advice.db"; }
  std::string catalogue_file() const { return folder_ + "/catalogue.csv"; }
  std::string calibrations_file() const { return folder_ + "/calibrations.toml"; }
  std::string readings_file() const { return folder_ + "/utility_readings.toml"; }
  std::string accounts_file() const { return folder_ + "/accounts.db"; }
  std::string meters_file() const { return folder_ + "/meters"; }  // That were paired.
  std::string firmware_folder() const { return folder_ + "/firmware"; }
  // The public key that updates are signed with, where somebody put it.
  std::string update_key_file() const { return firmware_folder() + "/update_key.pem"; }

  // Each home in a folder of its own, which is called as the home's id, instead of the one home
  // whose files lie in this folder itself.
  std::string homes_folder() const { return folder_ + "/homes"; }
  bool has_many_homes() const;
  std::vector<std::string> home_ids() const;  // Of the homes' folders, sorted.
  static constexpr std::size_t most_homes = 10'000;

  // The path of the running program, to start its other commands with.
  static std::string program();
  // Where a hub started by hand keeps its data.
  static std::string usual_folder();

 private:
  std::optional<TemporaryFolder> temporary_;
  std::string folder_;
};

}  // namespace lenz
