// A meter behind a cellular modem that costs by the byte: it connects once in a while, says all
// that waits, and tells less detail as its budget runs low.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "firmware/coarse.h"
#include "firmware/transport.h"

namespace firmware {

// Bytes of IP, in both directions, as operators bill them; docs/cellular.md says where each comes
// from. Reports go over MQTT with QoS 1, over TLS 1.3, over TCP and IPv4.
namespace cellular_cost {
// Of an MQTT message and its acknowledgement on the way back.
std::uint64_t of_message(std::size_t bytes);
// From the first packet to the last, without messages. `resumed`: TLS goes on with the session of
// an earlier connection.
std::uint64_t of_connection(bool resumed);
}  // namespace cellular_cost

// A month's bytes, earned steadily: what is not spent is kept for three days at most, so that an
// outage may be made up for. Full at the start.
class DataBudget {
 public:
  explicit DataBudget(std::uint64_t bytes_a_month) : a_month_(bytes_a_month), left_(most()) {}

  void spend(std::uint64_t bytes) {
    left_ -= static_cast<std::int64_t>(bytes);
    spent_ += bytes;
  }
  // What it can afford now: a place in coarse_details.
  std::size_t detail(measurement::Uptime now);
  std::uint64_t spent() const { return spent_; }

 private:
  std::int64_t most() const { return static_cast<std::int64_t>(a_month_ / 10); }

  std::uint64_t a_month_;
  std::int64_t left_;
  std::uint64_t spent_ = 0;
  std::size_t detail_ = 0;
  measurement::Uptime earned_at_{};
  std::int64_t earned_rest_ = 0;  // Byte-milliseconds.
};

// The modem's own part: a call, or whatever makes the link under the transport come up.
class Dialer {
 public:
  virtual void dial() = 0;
  virtual void hang_up() = 0;

 protected:
  ~Dialer() = default;
};

// A transport that is up in short windows only. The one under it speaks MQTT through the modem and
// resumes its TLS session by itself. Link, dialer and budget outlive it. Allocates nothing.
class CellularLink final : public Transport {
 public:
  CellularLink(Transport& link, Dialer& dialer, DataBudget& budget)
      : link_(link), dialer_(dialer), budget_(budget) {}

  // To be called at least once a second. Opens a window at the start, then one each `batch`; closes
  // it once nothing has been said or heard for 20 s. What does not come up is tried again after 5
  // minutes, then 10, up to an hour.
  void step(measurement::Uptime now, std::chrono::milliseconds batch);

  bool is_up() const override { return state_ == State::open && link_.is_up(); }
  unsigned connections() const override { return link_.connections(); }
  // Whether the last window that was to open did.
  bool reaches_hub() const { return session_at_ && pause_ == shortest_pause; }
  bool send(Post, std::span<const std::uint8_t> bytes) override;
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override;

 private:
  enum class State : std::uint8_t { closed, opening, open };
  static constexpr std::chrono::milliseconds shortest_pause = std::chrono::minutes(5);

  void close(measurement::Uptime next);

  Transport& link_;
  Dialer& dialer_;
  DataBudget& budget_;
  State state_ = State::closed;
  measurement::Uptime now_{};
  measurement::Uptime next_{};  // When the next window opens.
  measurement::Uptime opened_at_{}, active_at_{};
  std::optional<measurement::Uptime> session_at_;     // When TLS was last set up in full.
  std::chrono::milliseconds pause_ = shortest_pause;  // After a window that did not open.
};

// All that makes a meter a cellular one: its device is told to thin() its samples to `coarse`, and
// has `link` as its transport. What is under the link and the dialer outlive it.
class CellularMeter {
 public:
  CellularMeter(Transport& under, Dialer& dialer, std::uint64_t bytes_a_month)
      : budget_(bytes_a_month), link_(under, dialer, budget_) {}

  // To be called at least once a second.
  void step(measurement::Uptime now) {
    const auto& detail = coarse_details[budget_.detail(now)];
    coarse_.use(detail);
    link_.step(now, detail.batch);
  }

  CellularLink& link() { return link_; }
  Coarse& coarse() { return coarse_; }
  const DataBudget& budget() const { return budget_; }

  // What waits longer is written to the flash: what a power cut may cost, and as seldom as that
  // since each writing begins a report.
  static constexpr measurement::Uptime write_every{900'000};

 private:
  DataBudget budget_;
  Coarse coarse_;
  CellularLink link_;
};

}  // namespace firmware
