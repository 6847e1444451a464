#include "hub/hub.h"

#include <algorithm>
#include <limits>

#include "hub/store/given_numbers.h"

namespace hub {

using measurement::StoredRange;
using measurement::Timestamp;

namespace {

bool is_plausible(Timestamp time) {
  using namespace std::chrono;
  return time >= sys_days(year(2000) / 1 / 1) && time < sys_days(year(2100) / 1 / 1);
}

}  // namespace

const char* sentence(Rejected why) {
  switch (why) {
    case Rejected::unknown_device:
      return "No meter of this name is admitted here: start the hub with --meter NAME.";
    case Rejected::implausible_time:
      return "Its time lies before 2000 or after 2100: set the meter's clock.";
    case Rejected::not_stored:
      return "It could not be stored: the meter keeps it and sends it again.";
  }
  return "";
}

std::expected<void, Rejected> Hub::accept(const measurement::Report& report, Timestamp now) {
  const auto device = known_.find(report.header.device);
  if (device == known_.end()) return std::unexpected(Rejected::unknown_device);

  auto header = report.header;
  const auto& last = report.samples.back();
  if (!header.booted_at) header.booted_at = now - last.uptime;
  const Timestamp time = *header.booted_at + last.uptime;
  if (!is_plausible(time)) return std::unexpected(Rejected::implausible_time);

  const auto appended = store_.append(header, report.samples);
  if (!appended) return std::unexpected(Rejected::not_stored);
  const bool is_waited_for = last.number < first_given_number;
  if (is_waited_for) unconfirmed_[device->first].emplace(header.boot, header.stream);
  auto& [heard, newest] = device->second;
  heard = now;

  // Late and repeated samples are kept like any other, but "now" never steps back. An edge has some
  // channels only.
  const bool is_present = header.stream != measurement::Stream::edges;
  if (is_present && appended->added > 0 && time > newest) {
    newest = time;
    live_.publish({device->first, time, last});
  }
  return {};
}

std::expected<void, StoreError> Hub::commit() {
  const auto durable = store_.commit();
  if (!durable) unconfirmed_.clear();
  return durable;
}

std::expected<std::vector<Hub::Acknowledgement>, StoreError> Hub::confirm() {
  if (const auto durable = commit(); !durable) return std::unexpected(durable.error());
  std::vector<Acknowledgement> acknowledged;
  for (const auto& [device, starts] : unconfirmed_) {
    auto one = acknowledgement(device, starts);
    if (!one) return std::unexpected(one.error());
    acknowledged.push_back(std::move(*one));
  }
  unconfirmed_.clear();
  return acknowledged;
}

std::expected<std::vector<Hub::Acknowledgement>, StoreError> Hub::all_stored() {
  std::vector<Acknowledgement> all;
  for (const auto& [device, known] : known_) {
    auto one = acknowledgement(device, {});
    if (!one) return std::unexpected(one.error());
    all.push_back(std::move(*one));
  }
  return all;
}

std::expected<Hub::Acknowledgement, StoreError> Hub::acknowledgement(const std::string& device,
                                                                     const Starts& first) {
  constexpr auto most = measurement::max_stored_ranges;
  auto ranges = store_.stored(device, most);
  if (!ranges) return std::unexpected(ranges.error());
  const auto is_given = [](const StoredRange& range) { return range.begin >= first_given_number; };
  std::erase_if(*ranges, is_given);
  const auto is_of = [](const auto& start) {
    return [&](const StoredRange& range) { return std::pair(range.boot, range.stream) == start; };
  };
  const bool names_them = std::ranges::all_of(
      first, [&](const auto& start) { return std::ranges::any_of(*ranges, is_of(start)); });
  if (!names_them) {
    // A meter that was cut off for long brings starts of long ago.
    ranges = store_.stored(device, std::numeric_limits<std::size_t>::max());
    if (!ranges) return std::unexpected(ranges.error());
    std::erase_if(*ranges, is_given);
    std::ranges::stable_partition(*ranges, [&](const StoredRange& range) {
      return first.contains({range.boot, range.stream});
    });
    ranges->resize(std::min(ranges->size(), most));
  }
  return Acknowledgement{device, std::move(*ranges)};
}

}  // namespace hub
