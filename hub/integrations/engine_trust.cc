#include "hub/integrations/engine_trust.h"

#include <fmt/format.h>

#include <utility>

#include "hub/integrations/line_protocol.h"

namespace hub {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

// What was written shows after about a second.
constexpr int most_looks = 10;

// VictoriaMetrics shows nothing newer than half a minute to a query of one instant.
constexpr auto probe_is_old = 5min;

}  // namespace

EngineTrust::EngineTrust(const EngineDialect& dialect, const VictoriaDialect* victoria,
                         Ledger& ledger, std::string home, std::string bookmark,
                         std::function<void(const std::string&)> tell)
    : dialect_(dialect),
      victoria_(victoria),
      ledger_(ledger),
      home_(std::move(home)),
      bookmark_(std::move(bookmark)),
      tell_(std::move(tell)),
      marker_(std::chrono::milliseconds(ledger_.bookmark(bookmark_))),
      step_(victoria                ? Step::write_probe
            : marker_ > Timestamp{} ? Step::find
                                    : Step::write),
      is_sound_(!victoria) {}

std::optional<EngineRequest> EngineTrust::next(Timestamp now) {
  // What an engine can be given without a probe is given first.
  if (!due_) due_ = is_sound_ ? now + 1s : now;
  if (now < *due_) return std::nullopt;
  switch (step_) {
    case Step::write_probe:
      written_ = std::chrono::floor<std::chrono::minutes>(now) - probe_is_old;
      return victoria_->write_probe(home_, written_);
    case Step::read_probe:
      return victoria_->read_probe(home_, written_);
    case Step::find:
      return dialect_.find_marker(home_, marker_);
    case Step::write:
      written_ = now;
      return dialect_.write(
          *Line(marker_measurement).tag("home", home_).integer("value", 1).at(written_));
    case Step::confirm:
      return dialect_.find_marker(home_, written_);
  }
  return std::nullopt;
}

void EngineTrust::done(const EngineAnswer& answer, Timestamp now) {
  switch (step_) {
    case Step::write_probe:
      looks_ = 0;
      go_to(Step::read_probe, now + 1s);
      break;
    case Step::read_probe:
      probed(answer, now);
      break;
    case Step::find:
      found(dialect_.has_marker(answer), now);
      break;
    case Step::write:
      go_to(Step::confirm, now + kept_after);
      break;
    case Step::confirm:
      confirmed(dialect_.has_marker(answer), now);
      break;
  }
}

void EngineTrust::probed(const EngineAnswer& answer, Timestamp now) {
  const auto complaint = victoria_->complaint(answer);
  if (complaint.empty()) {
    is_sound_ = true;
    go_to(marker_ > Timestamp{} ? Step::find : Step::write, now);
  } else if (++looks_ < most_looks) {
    due_ = now + 1s;
  } else {
    tell_(complaint);
    go_to(Step::write_probe, now + 1min);
  }
}

void EngineTrust::found(std::optional<bool> is_there, Timestamp now) {
  if (is_there == true) {
    go_to(Step::write, now);
    return;
  }
  if (is_there) {
    tell_(
        fmt::format("{} at {} has lost what it had confirmed, as if it was started again empty: "
                    "\"lenz mirror resend\" sends all again.",
                    dialect_.name(), dialect_.base()));
  } else if (!std::exchange(has_complained_, true)) {
    tell_(
        fmt::format("{} at {} does not say whether it still has what it confirmed: give the hub "
                    "the right to read there.",
                    dialect_.name(), dialect_.base()));
  }
  due_ = now + look_every;
}

void EngineTrust::confirmed(std::optional<bool> is_there, Timestamp now) {
  if (is_there != true) {
    go_to(Step::write, is_there ? now : now + look_every);
    return;
  }
  marker_ = written_;
  ledger_.set_bookmark(bookmark_, static_cast<std::uint64_t>(marker_.time_since_epoch().count()));
  go_to(Step::find, now + look_every);
}

void EngineTrust::go_to(Step step, Timestamp due) {
  step_ = step;
  due_ = due;
}

void EngineTrust::doubt(Timestamp now) {
  if (victoria_) {  // It may have been given other flags.
    is_sound_ = false;
    go_to(Step::write_probe, now);
  } else if (step_ == Step::find) {
    due_ = now;
  }
}

void EngineTrust::begin_again() {
  marker_ = {};
  ledger_.set_bookmark(bookmark_, 0);
  if (!is_sound_) return;
  step_ = Step::write;
  due_.reset();
}

}  // namespace hub
