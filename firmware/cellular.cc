#include "firmware/cellular.h"

#include <algorithm>
#include <array>

namespace firmware {

using measurement::Uptime;
using namespace std::chrono_literals;

namespace cellular_cost {
namespace {

constexpr std::uint64_t headers = 40;         // IPv4 and TCP without options.
constexpr std::uint64_t most_segment = 1360;  // What cellular networks leave of 1,500.
constexpr std::uint64_t record = 22;          // TLS 1.3: header 5, type 1, tag 16.
// MQTT 5 PUBLISH: fixed header 3, topic 2 + 32, packet identifier 2, properties 1; PUBACK 4.
constexpr std::uint64_t publish = 40, puback = 4;

// One flight, and the acknowledgements that it draws: one for every two segments.
constexpr std::uint64_t flight(std::uint64_t bytes) {
  const auto segments = (bytes + most_segment - 1) / most_segment;
  return bytes + segments * headers + (segments + 1) / 2 * headers;
}

}  // namespace

std::uint64_t of_message(std::size_t bytes) {
  return flight(bytes + publish + record) + flight(puback + record);
}

std::uint64_t of_connection(bool resumed) {
  constexpr std::uint64_t open = 44 + 44 + 40, close = 4 * headers + 2 * (record + 2);
  // The client's and the server's bytes of a handshake, and tickets for the next one.
  const std::uint64_t client = resumed ? 600 : 330, server = resumed ? 241 : 670,
                      tickets = resumed ? 255 : 510;
  // CONNECT with names of 32 and a password of 43 characters, CONNACK; SUBSCRIBE to two topics,
  // SUBACK.
  constexpr std::uint64_t connect = 130, connack = 20, subscribe = 90, suback = 8;
  std::uint64_t sum = open + close + flight(client) + flight(server) + flight(tickets);
  for (const auto message : {connect, connack, subscribe, suback}) sum += flight(message + record);
  return sum;
}

}  // namespace cellular_cost

std::size_t DataBudget::detail(Uptime now) {
  constexpr std::int64_t month = 30 * 24 * 3'600'000LL;  // ms
  const auto since = std::min<std::int64_t>((now - earned_at_).count(), month);
  earned_at_ = now;
  const auto earned = since * static_cast<std::int64_t>(a_month_) + earned_rest_;
  left_ = std::min(left_ + earned / month, most());
  earned_rest_ = earned % month;

  // Shares of what it can hold below which each detail is too dear; it is taken up again a tenth
  // above.
  constexpr std::array share = {0.5, 0.35, 0.2, 0.05};
  static_assert(share.size() + 1 == coarse_details.size(), "BUG: each detail but the last has one");
  const auto full = static_cast<double>(left_) / static_cast<double>(most());
  while (detail_ < share.size() && full < share[detail_]) ++detail_;
  while (detail_ > 0 && full >= share[detail_ - 1] + 0.1) --detail_;
  return detail_;
}

namespace {

constexpr auto quiet = 20s, comes_up_within = 90s;
constexpr std::chrono::milliseconds longest_pause = 1h;
constexpr auto session_lives = 24h;

}  // namespace

void CellularLink::close(Uptime next) {
  dialer_.hang_up();
  state_ = State::closed;
  next_ = next;
}

void CellularLink::step(Uptime now, std::chrono::milliseconds batch) {
  now_ = now;
  const auto fail = [&] {
    close(now + pause_);
    pause_ = std::min(2 * pause_, longest_pause);
  };
  switch (state_) {
    case State::closed:
      if (now < next_) return;
      dialer_.dial();
      state_ = State::opening;
      opened_at_ = now;
      return;
    case State::opening:
      if (link_.is_up()) {
        const bool resumes = session_at_ && now - *session_at_ < session_lives;
        if (!resumes) session_at_ = now;
        budget_.spend(cellular_cost::of_connection(resumes));
        pause_ = shortest_pause;
        active_at_ = now;
        state_ = State::open;
      } else if (now - opened_at_ >= comes_up_within) {
        fail();
      }
      return;
    case State::open:
      if (!link_.is_up()) return fail();
      if (now - active_at_ >= quiet) close(opened_at_ + batch);
      return;
  }
}

bool CellularLink::send(Post post, std::span<const std::uint8_t> bytes) {
  if (!is_up() || !link_.send(post, bytes)) return false;
  budget_.spend(cellular_cost::of_message(bytes.size()));
  active_at_ = now_;
  return true;
}

std::optional<Transport::Received> CellularLink::receive(std::span<std::uint8_t> buffer) {
  const auto received = link_.receive(buffer);
  if (!received) return std::nullopt;
  budget_.spend(cellular_cost::of_message(received->size));
  active_at_ = now_;
  return received;
}

}  // namespace firmware
