#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>

#include "hub/partners.h"
#include "hub/toml_file.h"
#include "lenz/commands.h"
#include "lenz/workplace.h"

namespace lenz {

int mirror_resend(const MirrorResendOptions& options) {
  const auto folder = options.data.empty() ? Workplace::usual_folder() : options.data;
  if (!std::filesystem::is_directory(folder)) {
    throw std::runtime_error(
        fmt::format("There is no folder {}: name that of the hub with --data.", folder));
  }
  const Workplace place(folder);
  const auto partners = hub::load_partners(place.partners_file());
  if (!partners.influxdb && !partners.victoriametrics) {
    throw std::runtime_error(fmt::format(
        "{} names no mirror: add [influxdb] or [victoriametrics] first.", place.partners_file()));
  }
  hub::replace_file(place.resend_file(), "", 0644);
  fmt::print("The hub sends all that it has again, from the oldest minute on.\n");
  return 0;
}

}  // namespace lenz
