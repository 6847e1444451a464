// The bench: which steps a real board goes through, and what is asked of it in each.

#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "firmware/board_map.h"
#include "lenz/bench_log.h"
#include "lenz/bench_record.h"
#include "measurement/units.h"

namespace lenz {

// Who works at the bench, and how the meter is heard: what it says meanwhile goes into a log, also
// while somebody is asked.
class Bench {
 public:
  virtual ~Bench() = default;
  virtual measurement::Timestamp now() = 0;
  virtual void say(const std::string& sentence) = 0;
  // A line of answer; nothing: there is nobody any more.
  virtual std::optional<std::string> ask(const std::string& question) = 0;
  virtual void listen(std::chrono::milliseconds) = 0;
};

struct BenchSetup {
  firmware::Assembly assembly;
  double line_frequency_hz = 50;
  std::string image_sha256;  // Of what was flashed; empty: nobody said which.
  double quickened = 1;      // Steps take so many times less: for trying the bench itself.
};

// Does the steps that the record has no row of, and adds a row for each. False: somebody stopped,
// and it may go on later.
bool run_bench(Bench&, BenchRecord&, BenchLog&, const BenchSetup&);

// How long the guided steps take by themselves.
std::chrono::minutes guided_time();
// Which row makes a record complete.
std::string last_bench_step();

// A measured value and how much it may be off, as people type it: "230.4 0.5", or "230.4". Nothing:
// it is neither.
struct BenchReference {
  double value = 0, plus_minus = 0;
};
std::optional<BenchReference> parse_reference(const std::string& text);

}  // namespace lenz
