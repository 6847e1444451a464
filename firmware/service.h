// What a hub may ask of a meter besides its reports: to read a chip finely, to set a channel, to
// show itself, to restart, to take an update.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "firmware/atm90e32.h"
#include "firmware/update.h"
#include "measurement/request.h"
#include "measurement/request_codec.h"

namespace firmware {

// Takes the hub's requests and has one reply at a time. No answer is waited for.
class Service {
 public:
  // Bytes that came as a request. What is none is passed over: there is nobody to tell.
  virtual void take(std::span<const std::uint8_t> request, measurement::Uptime now) = 0;
  // Does what is due, on the chips' clock; to be called as often as Device::sample().
  virtual void step(measurement::Uptime now) = 0;
  // The reply that waits, or nothing. It stays until it is taken by `sent`.
  virtual std::span<const std::uint8_t> reply() const = 0;
  virtual void sent(measurement::Uptime now) = 0;
  // From where the outbox is to send a stream of this boot again; given once.
  struct From {
    std::uint8_t stream = 0;
    std::uint64_t number = 0;
  };
  virtual std::optional<From> send_again() = 0;

 protected:
  ~Service() = default;
};

// What only the board can do.
class BoardControl {
 public:
  // Keeps the words of a channel over a restart and a factory reset. False: it could not.
  virtual bool keep(std::size_t channel, const ChannelConfig&) = 0;
  virtual bool identify() = 0;  // False: there is no light.
  virtual bool restart() = 0;   // False: it cannot.
  // The facts that only the board knows: heap, signal, reset reason, outbox, version.
  virtual void tell(measurement::Diagnostics&) const = 0;

 protected:
  ~BoardControl() = default;
};

// The service of a whole meter. Chips and board must outlive it; the task that owns the chips owns
// it. Allocates nothing. A request is done once: its reply is kept and given again when the same
// request comes again before another one.
class MeterService final : public Service {
 public:
  MeterService(std::span<Atm90e32> chips, BoardControl& board) : chips_(chips), board_(board) {}

  // Updates go to `update`, which must outlive it; without one they are not supported.
  void take_updates(Update& update) { update_ = &update; }

  void take(std::span<const std::uint8_t> request, measurement::Uptime now) override;
  void step(measurement::Uptime now) override;
  std::span<const std::uint8_t> reply() const override {
    return std::span(bytes_).first(is_waiting_ ? size_ : 0);
  }
  void sent(measurement::Uptime now) override;
  std::optional<From> send_again() override;

  // From one fine reading to the next: more than a window of 16 cycles at 50 Hz, so that no window
  // is averaged twice.
  static constexpr measurement::Uptime between_readings{350};
  // From handing a reply to the link to the restart: the link may still hold it.
  static constexpr measurement::Uptime time_to_leave{2000};

 private:
  // Of a value's readings (Welford).
  struct Sum {
    double mean = 0, squares = 0;
    void add(double value, int count);
    measurement::Spread spread(int count) const;
  };
  struct Reading {
    measurement::Request request;
    int tries = 0, count = 0;
    measurement::Uptime next{}, begin{};
    std::array<std::array<Sum, 4>, measurement::channels_per_chip> sums{};
    std::array<float, measurement::channels_per_chip> peaks{};
    double hertz = 0, celsius = 0;
  };

  void begin(const measurement::Request&, measurement::Uptime now);
  void read(measurement::Uptime now);
  measurement::Reply::Outcome update(const measurement::Request&);
  void finish(const measurement::Reply&);
  void finish(const measurement::Request&, measurement::Reply::Outcome);
  measurement::Reply::Outcome write_words(const measurement::Request&, measurement::Uptime now);
  void finish_reading(measurement::Uptime now);
  void put_diagnostics(measurement::Diagnostics&, measurement::Uptime now) const;

  std::span<Atm90e32> chips_;
  BoardControl& board_;
  std::optional<measurement::Request> taken_;  // And not begun; its data is in data_.
  std::array<std::uint8_t, measurement::max_request_data> data_{};
  std::optional<Reading> reading_;
  std::optional<From> from_;
  Update* update_ = nullptr;
  bool restart_when_sent_ = false, leaves_ = false;
  std::optional<measurement::Uptime> restart_at_;
  bool is_waiting_ = false;
  std::uint64_t last_id_ = 0;  // Whose reply is in bytes_; 0: none yet.
  std::size_t size_ = 0;
  std::array<std::uint8_t, measurement::max_reply_bytes> bytes_{};
};

}  // namespace firmware
