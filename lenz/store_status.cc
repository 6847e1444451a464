#include "lenz/store_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <span>
#include <stdexcept>

#include "hub/config.h"
#include "hub/files/disk.h"
#include "hub/store/census.h"
#include "hub/store/sqlite_store.h"
#include "lenz/commands.h"
#include "lenz/readings.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

using hub::TimeRange;
using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr auto until_read = 3min;  // A minute until it is committed, and some time to get there.
constexpr auto recent = 30 * 24h;
constexpr std::size_t most_gaps = 3;

std::string minute_text(Timestamp time) {
  auto text = utc_text(time).substr(0, 16);
  text[10] = ' ';
  return text;
}

std::string size_text(double bytes) {
  if (bytes >= 1e9) return fmt::format("{:.1f} GB", bytes / 1e9);
  if (bytes >= 1e6) return fmt::format("{:.1f} MB", bytes / 1e6);
  return fmt::format("{:.1f} kB", bytes / 1e3);
}

std::string length_text(std::chrono::milliseconds length) {
  const auto seconds = std::chrono::round<std::chrono::seconds>(length).count();
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 120 * 60) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} days {} h", seconds / 86'400, seconds / 3600 % 24);
}

// Rounded down, so that 100 % means all of it.
std::string share_text(double share) {
  return fmt::format("{:.2f} %", std::floor(share * 10'000 + 1e-6) / 100);
}

void say_device(const std::string& device, const hub::SqliteStore::Presence& presence,
                Timestamp now) {
  const auto& [life, silences] = presence;
  fmt::print("{}\n  first sample {} UTC, newest {} UTC\n", device, minute_text(life.begin),
             minute_text(life.end));
  const TimeRange last_days{std::max(life.begin, now - recent), now};
  const auto all = coverage(life, silences, {life.begin, now});
  const auto days = coverage(life, silences, last_days);
  if (!all || !days) {
    fmt::print("  its clock is ahead of this machine's: how well it was heard is not known\n");
    return;
  }
  fmt::print("  heard {} of the last {}, {} since its first sample\n", share_text(days->share),
             life.begin < last_days.begin ? "30 days" : length_text(now - life.begin),
             share_text(all->share));
  if (days->gaps.empty()) {
    fmt::print("  no gap in that time\n");
    return;
  }
  fmt::print("  {} gap{} in that time; the longest:\n", days->gaps.size(),
             days->gaps.size() == 1 ? "" : "s");
  for (const auto& gap : std::span(days->gaps).first(std::min(most_gaps, days->gaps.size()))) {
    fmt::print("    {} to {} UTC ({})\n", minute_text(gap.begin), minute_text(gap.end),
               length_text(gap.end - gap.begin));
  }
}

// Of the size, as much is of the last days as of the values.
void say_room(const hub::Census& census, std::optional<Timestamp> first, Timestamp now,
              std::uint64_t room, const hub::Retention& retention) {
  const auto used = census.segment_bytes + census.database_bytes + census.log_bytes;
  fmt::print("{} are free on the disk", size_text(static_cast<double>(room)));
  if (retention.budget > 0) {
    fmt::print(", the budget is {}", size_text(static_cast<double>(retention.budget)));
    room = std::min(room, retention.budget > used ? retention.budget - used : 0);
  }
  const auto days = first ? std::chrono::duration<double, std::ratio<86'400>>(
                                std::min<std::chrono::milliseconds>(recent, now - *first))
                                .count()
                          : 0;
  if (days < 1 || census.recent_values == 0) {
    fmt::print(": when that is reached is not known yet, since less than a day is kept{}.\n",
               days < 1 ? "" : " of the last 30 days");
    return;
  }
  const auto size = static_cast<double>(census.segment_bytes + census.database_bytes);
  const double a_day =
      size * static_cast<double>(census.recent_values) / static_cast<double>(census.values) / days;
  const double until = static_cast<double>(room) / a_day;
  fmt::print(": at some {} a day, as in the last {:.0f} day{}, that is reached {}.\n",
             size_text(a_day), days, days < 1.5 ? "" : "s",
             until > 365 * 100.0 ? "in more than a hundred years"
             : until > 730       ? fmt::format("in {:.0f} years", until / 365)
                                 : fmt::format("in {:.0f} days", until));
}

void say_retention(const hub::Retention& retention) {
  fmt::print("samples stay for {} days, minutes for {}, hours for ever", retention.samples.count(),
             retention.minutes.count());
  if (retention.exact) fmt::print("; after {} days within 0.25 %", retention.exact->count());
  fmt::print("\n");
}

}  // namespace

std::optional<Coverage> coverage(TimeRange life, const std::vector<TimeRange>& silences,
                                 TimeRange range) {
  const TimeRange known{std::max(range.begin, life.begin), range.end};
  if (known.begin >= known.end) return std::nullopt;
  Coverage found;
  auto silent = 0ms;
  const auto add = [&](TimeRange silence) {
    const TimeRange piece{std::max(silence.begin, known.begin), std::min(silence.end, known.end)};
    if (piece.begin >= piece.end) return;
    found.gaps.push_back(piece);
    silent += piece.end - piece.begin;
  };
  for (const auto& silence : silences) add(silence);
  if (known.end - life.end > until_read) add({life.end, known.end});
  std::ranges::stable_sort(found.gaps, std::greater<>(),
                           [](const TimeRange& gap) { return gap.end - gap.begin; });
  found.share = 1 - static_cast<double>(silent.count()) /
                        static_cast<double>((known.end - known.begin).count());
  return found;
}

int store_status(const StoreStatusOptions& options) {
  const auto folder = options.data.empty() ? Workplace::usual_folder() : options.data;
  if (!std::filesystem::exists(folder + "/lenz.db")) {
    throw std::runtime_error(
        fmt::format("Nothing is stored in {}: name the hub's folder with --data.", folder));
  }
  const auto now = options.now.value_or(
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
  hub::Disk disk;
  hub::Census census;
  {
    Progress progress;
    census =
        hub::count_store(disk, folder, now - recent, [&](double share) { progress.show(share); });
  }
  const auto bytes = [](std::uint64_t count) { return size_text(static_cast<double>(count)); };
  fmt::print("segments {} in {} files, database {}, logs {}\n", bytes(census.segment_bytes),
             census.segments, bytes(census.database_bytes), bytes(census.log_bytes));
  if (census.values == 0) {
    fmt::print("nothing is packed yet, so what a value takes is not known\n");
  } else {
    fmt::print("{} values are packed, {:.2f} bytes each\n", census.values,
               static_cast<double>(census.segment_bytes) / static_cast<double>(census.values));
  }

  hub::SqliteStore store(disk, folder, hub::SqliteStore::Use::read);
  const auto devices = store.devices();
  std::optional<Timestamp> first;
  for (const auto& device : devices.value_or(std::vector<std::string>{})) {
    const auto presence = store.presence(device);
    if (!presence) {
      throw std::runtime_error(fmt::format("The store: {}.", hub::sentence(presence.error())));
    }
    if (!*presence) continue;
    say_device(device, **presence, now);
    first = std::min(first.value_or((*presence)->life.begin), (*presence)->life.begin);
  }
  if (!first) fmt::print("no meter was heard yet\n");
  const Workplace place(folder);
  const auto retention = std::filesystem::exists(place.home_file())
                             ? hub::load_home(place.home_file()).retention
                             : hub::Retention{};
  say_retention(retention);
  if (const auto room = disk.room(folder)) say_room(census, first, now, *room, retention);
  return 0;
}

}  // namespace lenz
