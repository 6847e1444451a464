// A meter whose circuits are read at visits over Bluetooth.
//
//   connect ──> who is it? ──> summary ──> what was missed, report by report, each acknowledged ──>
//   hang up when it has no more

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hub/hub.h"
#include "hub/ingest/summary_meter.h"
#include "hub/net/bluez.h"
#include "hub/partners.h"
#include "hub/store/store.h"
#include "measurement/chunks.h"
#include "measurement/report_codec.h"

namespace hub {

// All that it is given outlives it. One for each device, which it admits.
class VisitedMeter {
 public:
  // `say` gets one sentence when something is wrong.
  VisitedMeter(BluetoothMeter, Hub&, Store&, Bluez&, std::function<measurement::Timestamp()> now,
               std::function<void(const std::string&)> say);

  // Whether it is time for a visit: it is near, and nothing has come of it for a period, whatever
  // radio or cable brings it.
  bool is_due();
  bool is_here() const { return state_ != State::away; }
  void visit();

  // What Bluez tells of its address.
  void notified(const std::string& characteristic, std::span<const std::uint8_t>);
  void hung_up();

  // To be called twice a second: ends a visit that has brought all, or takes too long.
  void tick();

 private:
  enum class State : std::uint8_t { away, arriving, listening, leaving };

  void ask_who();
  void ask_summary();
  void listen();
  void take_report(std::span<const std::uint8_t>);
  void answer();
  void write_answer();
  void leave(const std::string& why = {});
  void end();

  const BluetoothMeter meter_;
  Hub& hub_;
  Store& store_;
  Bluez& bluez_;
  std::function<measurement::Timestamp()> now_;
  std::function<void(const std::string&)> say_;
  SummaryMeter summaries_;

  State state_ = State::away;
  measurement::Timestamp due_at_{};
  measurement::Timestamp missed_since_;
  measurement::Timestamp began_at_{};
  measurement::Timestamp quiet_since_{};
  bool asks_again_ = true;  // The first answer of a hub that has just started.
  bool owes_answer_ = false;
  bool is_writing_ = false;
  bool has_caught_up_ = false;
  std::vector<std::uint8_t> answer_;
  measurement::Cutter answer_leaving_;
  std::array<std::uint8_t, measurement::max_report_bytes> buffer_{};
  measurement::Joiner joiner_{buffer_};
  std::vector<measurement::Sample> samples_;
};

}  // namespace hub
