// How an engine is told and asked: InfluxDB 1.x and 2.x, VictoriaMetrics. Requests out, answers in,
// as text; whoever has a socket carries them.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/partners.h"
#include "measurement/units.h"

namespace hub {

struct EngineRequest {  // By POST.
  std::string url;      // Holds no secret.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct EngineAnswer {
  unsigned status = 0;  // 0: nothing came back.
  std::string text;     // Its body, or why there is none.
};

class EngineDialect {
 public:
  virtual ~EngineDialect() = default;

  virtual std::string name() const = 0;   // "InfluxDB"
  virtual std::string base() const = 0;   // Its address.
  virtual std::string place() const = 0;  // What in it is ours, as part of a bookmark's name.

  virtual EngineRequest write(std::string lines) const = 0;
  // What to do about an answer that more of the same does not change.
  virtual std::string remedy(unsigned status) const = 0;
  // Answered with a status of 2xx at once by an engine that works.
  virtual EngineRequest health() const = 0;

  // Whether the home's marker of this time is there: `lenz_mirror`, a point that the mirror keeps.
  virtual EngineRequest find_marker(const std::string& home, measurement::Timestamp) const = 0;
  // Nothing: the answer does not say.
  virtual std::optional<bool> has_marker(const EngineAnswer&) const = 0;
};

inline constexpr std::string_view marker_measurement = "lenz_mirror";

class InfluxDialect final : public EngineDialect {
 public:
  // Throws std::runtime_error with one sentence where `influx` makes no sense.
  explicit InfluxDialect(InfluxDb influx);

  std::string name() const override { return "InfluxDB"; }
  std::string base() const override;
  std::string place() const override;
  EngineRequest write(std::string lines) const override;
  std::string remedy(unsigned status) const override;
  EngineRequest health() const override;
  EngineRequest find_marker(const std::string& home, measurement::Timestamp) const override;
  std::optional<bool> has_marker(const EngineAnswer&) const override;

  // InfluxQL, times in milliseconds; of 2.x its bucket is asked like a database.
  EngineRequest query(std::string_view question) const;

 private:
  EngineRequest request(std::string_view target, std::string body) const;

  const InfluxDb influx_;
};

class VictoriaDialect final : public EngineDialect {
 public:
  // Throws like InfluxDialect.
  explicit VictoriaDialect(VictoriaMetrics victoria);

  std::string name() const override { return "VictoriaMetrics"; }
  std::string base() const override;
  std::string place() const override { return {}; }
  EngineRequest write(std::string lines) const override;
  std::string remedy(unsigned status) const override;
  EngineRequest health() const override;
  EngineRequest find_marker(const std::string& home, measurement::Timestamp) const override;
  std::optional<bool> has_marker(const EngineAnswer&) const override;

  // MetricsQL at one time, at equal steps, and what is stored from begin to end, both included.
  EngineRequest query(std::string_view question, measurement::Timestamp) const;
  EngineRequest query(std::string_view question, measurement::Timestamp first,
                      measurement::Timestamp last, std::chrono::milliseconds step) const;
  EngineRequest stored(std::string_view selector, measurement::Timestamp begin,
                       measurement::Timestamp end) const;
  // Which series there have ever been.
  EngineRequest series(std::string_view selector) const;

  // Whether what is written twice is there once, and what is old is there at all: points at a whole
  // minute that is some minutes old, and what is wrong with what became of them.
  static constexpr std::chrono::days probed_age{3650};
  EngineRequest write_probe(const std::string& home, measurement::Timestamp minute) const;
  EngineRequest read_probe(const std::string& home, measurement::Timestamp minute) const;
  // One sentence; empty: nothing is wrong. Right after the writing it may not show yet.
  std::string complaint(const EngineAnswer&) const;

  // How many points of a meter's samples there are in each of the minutes, both included.
  EngineRequest count(const std::string& home, std::string_view meter,
                      measurement::Timestamp first_minute,
                      measurement::Timestamp last_minute) const;
  std::optional<std::map<measurement::Timestamp, std::uint64_t>> counts(const EngineAnswer&) const;

 private:
  EngineRequest request(const std::string& url, std::string_view form) const;
  std::string read_base() const;

  const VictoriaMetrics victoria_;
};

// "a" as in MetricsQL, with its quotes.
std::string label_text(std::string_view);

}  // namespace hub
