// Whether an engine keeps what it is given.
//
// Probe, of VictoriaMetrics, before anything is written: what is written twice must be there once,
// and what is old must be there at all.
//
// Marker, of all: a point that is written at the first contact and found again ever after. An
// engine that was started again empty does not have it. As the engine may be told to forget what
// is old, a found marker is followed by a new one.

#pragma once

#include <functional>
#include <optional>
#include <string>

#include "hub/integrations/engine_dialect.h"
#include "hub/ledger.h"

namespace hub {

// Ledger and dialects outlive it. One thread; it has no socket and no clock.
class EngineTrust {
 public:
  static constexpr std::chrono::minutes look_every{10};
  // A marker that is there so long after it was confirmed is on a disk.
  static constexpr std::chrono::seconds kept_after{60};

  // `bookmark` names the marker in the ledger. `victoria` is the dialect again, or null: no probe.
  // `tell` is given one sentence at a time, at most one a minute.
  EngineTrust(const EngineDialect&, const VictoriaDialect* victoria, Ledger&, std::string home,
              std::string bookmark, std::function<void(const std::string&)> tell);

  // Nothing: there is nothing to ask now.
  std::optional<EngineRequest> next(measurement::Timestamp now);

  // The answer to it: to what was to be written only that it was.
  void done(const EngineAnswer&, measurement::Timestamp now);

  bool is_sound() const { return is_sound_; }  // The probe found nothing wrong.
  // What next() gave is to be written, else a question, to which any answer is one.
  bool is_writing() const { return step_ == Step::write_probe || step_ == Step::write; }

  // It was away: it is looked at anew, at once.
  void doubt(measurement::Timestamp now);

  // Everything is sent again: there is no marker yet.
  void begin_again();

 private:
  enum class Step { write_probe, read_probe, find, write, confirm };

  void probed(const EngineAnswer&, measurement::Timestamp now);
  void found(std::optional<bool> is_there, measurement::Timestamp now);
  void confirmed(std::optional<bool> is_there, measurement::Timestamp now);
  void go_to(Step, measurement::Timestamp due);

  const EngineDialect& dialect_;
  const VictoriaDialect* const victoria_;
  Ledger& ledger_;
  const std::string home_, bookmark_;
  const std::function<void(const std::string&)> tell_;

  measurement::Timestamp marker_;  // That must be there; 1970: none.
  Step step_;
  std::optional<measurement::Timestamp> due_;
  measurement::Timestamp written_{};  // The probe's minute, or a marker that is not confirmed.
  int looks_ = 0;
  bool is_sound_;
  bool has_complained_ = false;  // That it may not be asked.
};

}  // namespace hub
