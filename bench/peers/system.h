// A store that is measured, its own process or one of ours, and what all of them are given.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/workload.h"

namespace bench {

// One clamp's second: four points.
struct Row {
  std::size_t home = 0, clamp = 0;
  std::uint32_t second = 0;  // Since 1970.
  Point point;
};
inline constexpr double points_a_row = 4;
inline constexpr std::size_t rows_a_batch = 5000;  // But of whole seconds of one home.

// What stands in a system when it is asked.
struct Contents {
  static constexpr std::size_t home = 0;         // All its circuits, for `days`.
  static constexpr std::size_t single_home = 9;  // One circuit of it, for `single_days`.
  static constexpr std::size_t single_circuit = 2;
  static constexpr std::uint32_t begin = Workload::usual_begin;
  static constexpr std::uint32_t day = 86'400;

  std::uint32_t days = 0, single_days = 0;

  std::uint32_t end() const { return begin + days * day; }
  std::uint32_t single_end() const { return begin + single_days * day; }
  // Of a chart of 2,000 pixels over all of the single circuit, in whole minutes.
  std::uint32_t chart_step() const { return (single_days * day / 2000 + 59) / 60 * 60; }
};

// A question, and how to ask it once: returns the bytes of the answer, none of which may be left
// out. Asking throws where there is no answer.
struct Question {
  std::string name;
  std::function<std::size_t()> ask;
};

struct Memory {
  double now_mib = 0, peak_mib = 0;
};

// Everything throws std::runtime_error with one sentence when the system does not do as it should.
class System {
 public:
  virtual ~System() = default;

  virtual std::string name() const = 0;
  // Why it cannot be measured here, and what to do.
  virtual std::optional<std::string> absent() const = 0;

  // Empty and running, in a folder of its own.
  virtual void begin(const std::string& folder) = 0;
  // Returns when the system says that it has them.
  virtual void write(std::span<const Row>) = 0;
  // Has all put in its final form, and waits until it is.
  virtual void settle() = 0;
  virtual double cpu_s() const = 0;  // Since begin() or restart().
  virtual double bytes() const = 0;  // On the disk.
  virtual Memory memory() const = 0;
  virtual std::vector<Question> questions(const Contents&) = 0;
  // Ends it, in order or at once, and starts it again; returns the seconds until it answers, if it
  // is a process of its own.
  enum class End : std::uint8_t { in_order, at_once };
  virtual std::optional<double> restart(End) = 0;
  virtual void end() = 0;
};

std::unique_ptr<System> influx();
std::unique_ptr<System> victoria_metrics();
std::unique_ptr<System> postgresql();
std::unique_ptr<System> sqlite();
std::unique_ptr<System> lenz_hub(const std::string& program);
// The same hub, written to by a meter of one home over MQTT.
std::unique_ptr<System> lenz_by_reports(const std::string& program, std::size_t samples_a_report);

// pw,h=0,c=12 P=63.2,Q=-0.1,V=231.4,I=0.281 1700006400
void append_line(std::string& text, const Row&);

}  // namespace bench
