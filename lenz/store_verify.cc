#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "hub/files/disk.h"
#include "hub/store/packed_hour.h"
#include "hub/store/packed_minutes.h"
#include "hub/store/verify.h"
#include "lenz/commands.h"
#include "lenz/readings.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

using hub::Finding;
using Kind = Finding::Kind;

// In the order of the kinds.
constexpr std::array<const char*, 12> sentences = {
    "its structure is damaged",
    "these samples are not what was written",
    "these samples are said to be packed, and no packed hour has them",
    "the file is not there",
    "the file does not say what it is; nothing is lost by it",
    "its index is not what was written, and nothing of the file can be read",
    "where this lies in the file is not what was written",
    "this is not what was written",
    "the hour is not there",
    "this hour cannot be unpacked",
    "no damage: more of this minute came in after it was damaged; only that is kept",
    "no damage: nobody names this file; a hub that tidies removes it",
};
static_assert(static_cast<std::size_t>(Kind::unnamed) + 1 == sentences.size());

std::string minute_text(measurement::Timestamp time) {
  auto text = utc_text(time).substr(0, 16);
  text[10] = ' ';
  return text;
}

std::string place_of(const Finding& finding) {
  if (finding.bytes > 0) {
    return fmt::format("{}, bytes {} to {}", finding.file, finding.offset,
                       finding.offset + finding.bytes - 1);
  }
  return finding.row ? fmt::format("{}, row {}", finding.file, *finding.row) : finding.file;
}

std::string series_text(std::int64_t series) {
  if (hub::is_of_minutes(series)) {
    return "minutes of " + series_text(hub::series_of_minutes(series));
  }
  if (series == hub::clock_part) return "all quantities";
  if (series >= hub::composite_series(0)) return "several channels together";
  const auto quantity = static_cast<std::size_t>(series >> 8);
  if (quantity >= measurement::measured_quantities) return fmt::format("series {}", series);
  const auto& row = measurement::quantities[quantity];
  return fmt::format("{} of {} {}", row.name,
                     row.scope == measurement::Scope::chip ? "chip" : "channel", series & 0xFF);
}

std::string line_of(const Finding& finding) {
  auto line = place_of(finding) + ":";
  for (const auto& device : finding.devices) {
    line += fmt::format(" {},", device.empty() ? "no known meter" : device);
  }
  if (finding.range) {
    line += fmt::format(" {} to {} UTC,", minute_text(finding.range->begin),
                        minute_text(finding.range->end));
    line += fmt::format(" {}:", finding.series ? series_text(*finding.series) : "all quantities");
  }
  line += fmt::format(" {}", sentences[static_cast<std::size_t>(finding.kind)]);
  return line + (finding.detail.empty() ? "." : fmt::format(" ({}).", finding.detail));
}

}  // namespace

int store_verify(const StoreVerifyOptions& options) {
  const auto folder = options.data.empty() ? Workplace::usual_folder() : options.data;
  hub::Disk disk;
  const auto found = [](const Finding& finding) { fmt::print("{}\n", line_of(finding)); };
  hub::Verified verified;
  {
    Progress progress;
    verified = hub::verify_store(disk, folder, found, [&](double share) { progress.show(share); });
  }
  for (const char* other : {"ledger.db", "insight.db", "health.db", "advice.db", "accounts.db"}) {
    if (!std::filesystem::exists(folder + "/" + other)) continue;
    verified.damaged += !hub::verify_structure(disk, folder, other, found);
  }
  fmt::print("{} hours, {} minutes checked; {} damaged.\n", verified.hours, verified.minutes,
             verified.damaged);
  return verified.damaged == 0 ? 0 : 1;
}

}  // namespace lenz
