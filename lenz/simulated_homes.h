// The meters of many homes in one process, over a few connections: real reports, sent until they
// are acknowledged, and the time that took. Sweeps around switching edges go beside them, as a
// meter with chips tells them.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/workload.h"
#include "hub/home.h"
#include "hub/ingest/mqtt_ingest.h"
#include "hub/net/mqtt_client.h"
#include "lenz/simulated_edges.h"

namespace lenz {

inline constexpr const char* simulated_device = "meter-1";

// "home-00042", with the workload's circuits.
hub::Home simulated_home(std::size_t number);

// One thread; the context outlives it.
class SimulatedHomes {
 public:
  using Now = std::function<measurement::Timestamp()>;

  // Homes 0 to `count` - 1. The broker's user may speak for all of them.
  SimulatedHomes(boost::asio::io_context&, hub::BrokerAddress, std::size_t count, Now);
  ~SimulatedHomes();

  bool is_connected() const;  // All connections.

  // From now on: so many reports of one sample, in all, by so many of the homes in turn.
  void load(double reports_per_s, std::size_t homes);

  struct Figures {
    // From a report's first sending, of each acknowledged one of samples.
    std::vector<float> acknowledged_ms;
    std::uint64_t edge_sweeps = 0;  // That were acknowledged.
    std::uint64_t sent = 0;         // For the first time.
    std::uint64_t again = 0;        // Because nothing was heard for `patience`.
    std::uint64_t left_out = 0;     // Not made: this process itself was too slow.
  };
  Figures take_figures();  // Since the last time.

  static constexpr std::chrono::seconds patience{5};
  std::size_t waiting() const { return waiting_; }  // For their acknowledgement.

  // Whether a sample of a stream was acknowledged: the number of it, from 0, at a home; and how
  // many were made.
  bool is_acknowledged(std::size_t home, measurement::Stream, std::uint64_t number) const;
  std::uint64_t made(std::size_t home, measurement::Stream) const;
  std::uint64_t boot(std::size_t home) const;

 private:
  struct Waiting {
    measurement::Stream stream{};
    std::uint64_t begin = 0, end = 0;                   // Numbers of its samples.
    std::chrono::steady_clock::time_point first, last;  // Sending.
    std::string report;
  };
  struct Meter {
    Meter(std::size_t home, measurement::Timestamp booted);

    bench::Workload workload;
    std::string topic;
    measurement::Timestamp booted_at;
    std::uint64_t next = 0;
    measurement::Uptime uptime{};        // Of the last sample.
    std::vector<std::int64_t> imported;  // Of each channel, in thousandths of a milliwatt-hour.
    SimulatedEdges edges;
    std::deque<Waiting> waiting;
  };

  void tick();
  void report(std::size_t home);
  void tell(std::size_t home, measurement::Stream, std::span<const measurement::Sample>);
  void send_again();
  void heard(const hub::MqttMessage&);
  void send(std::size_t home, Waiting&);

  const Now now_;
  std::vector<Meter> meters_;
  double reports_per_s_ = 0, due_ = 0;
  std::size_t homes_ = 0, next_home_ = 0, next_look_ = 0;
  std::chrono::steady_clock::time_point ticked_{};
  std::size_t waiting_ = 0;
  Figures figures_;
  boost::asio::steady_timer timer_;
  std::vector<std::unique_ptr<hub::MqttClient>> clients_;  // Last: they end before what they call.
};

}  // namespace lenz
