#include "hub/meter_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "measurement/request_codec.h"

namespace hub {

using measurement::Timestamp;

void MeterRequests::ask(const std::string& home, const std::string& device,
                        measurement::Request request, Timestamp now, Done done) {
  const Meter meter{home, device};
  if (waiting_.contains(meter)) return done(std::unexpected(Failure::busy));
  if (waiting_.size() >= most_waiting) return done(std::unexpected(Failure::full));
  do {
    request.id = world_.draw();
  } while (request.id == 0);
  std::array<std::uint8_t, measurement::max_request_bytes> bytes;
  const auto used = measurement::encode(request, bytes);
  if (!used || !world_.send(home, device, {reinterpret_cast<const char*>(bytes.data()), *used})) {
    return done(std::unexpected(Failure::unreachable));
  }
  const auto patience_of = patience + request.windows * longest_window;
  waiting_.emplace(meter, Waiting{request.id, now, patience_of, std::move(done)});
}

void MeterRequests::heard(std::string_view home, std::string_view device, std::string_view bytes,
                          Timestamp now) {
  const auto found = waiting_.find(Meter(home, device));
  if (found == waiting_.end()) return;
  measurement::DecodedReply decoded;
  const auto is_reply = measurement::decode_reply(
      {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, decoded);
  const auto& reply = decoded.reply;
  if (!is_reply || reply.id != found->second.id) return;
  if (reply.kind == measurement::Request::Kind::diagnostics &&
      reply.outcome == measurement::Reply::Outcome::done) {
    auto& condition = conditions_[found->first] = {now, reply.diagnostics,
                                                   std::string(reply.diagnostics.firmware)};
    condition.diagnostics.firmware = {};
    const auto is_odd = [](char c) { return c < 0x20 || c > 0x7E; };
    std::ranges::replace_if(condition.firmware, is_odd, '?');
  }
  const auto waited = std::move(found->second);
  waiting_.erase(found);
  waited.done(&reply);
}

void MeterRequests::expire(Timestamp now) {
  std::vector<Done> silent;
  for (auto one = waiting_.begin(); one != waiting_.end();) {
    const auto since = now - one->second.asked;
    // A clock that was set back makes nobody wait longer.
    if (since < one->second.patience && since >= since.zero()) {
      ++one;
    } else {
      silent.push_back(std::move(one->second.done));
      one = waiting_.erase(one);
    }
  }
  for (const auto& done : silent) done(std::unexpected(Failure::silent));
}

const MeterRequests::Condition* MeterRequests::condition(std::string_view home,
                                                         std::string_view device) const {
  const auto found = conditions_.find(Meter(home, device));
  return found == conditions_.end() ? nullptr : &found->second;
}

std::string sentence(MeterRequests::Failure failure, std::string_view device) {
  switch (failure) {
    case MeterRequests::Failure::busy:
      return fmt::format(
          "{} has not replied to what was asked before: wait a moment and ask again.", device);
    case MeterRequests::Failure::full:
      return "Too many meters are being asked: wait a moment and ask again.";
    case MeterRequests::Failure::unreachable:
      return "The broker is away, so no meter can be asked: look whether it runs.";
    case MeterRequests::Failure::silent:
      return fmt::format(
          "{} does not reply: look whether it has power and is in reach, or whether its firmware "
          "is too old to be asked.",
          device);
  }
  return "The hub does not know why.";
}

}  // namespace hub
