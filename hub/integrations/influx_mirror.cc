#include "hub/integrations/influx_mirror.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <set>
#include <stdexcept>
#include <utility>

#include "hub/integrations/sample_points.h"

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

// So that a call stays short: 8 minutes of a meter with 42 channels and a second take 30 ms.
constexpr std::size_t changes_at_once = 8;

constexpr std::array schemas = {"lenz", "home_assistant", "samples"};

std::string bookmark_of(std::string_view kind, const EngineDialect& dialect,
                        const InfluxDb& points) {
  return fmt::format("{} {} {} {} {} {}", kind, dialect.base(), dialect.place(),
                     schemas.at(static_cast<std::size_t>(points.schema)),
                     points.scaled_integers ? "integers" : "floats", points.step.count());
}

// A foreign text within a sentence of ours: its beginning, on one line.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, 200));
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  while (out.ends_with(' ') || out.ends_with('.')) out.pop_back();
  return out;
}

InfluxDb checked(InfluxDb influx) {
  const auto step = influx.step.count();
  if (step < 1 || step > 60 || 60 % step != 0) {
    throw std::runtime_error(fmt::format(
        "InfluxDB's step of {} s does not divide a minute: take 1, 2, 5, 10, 15, 20, 30 or 60 s in "
        "partners.toml.",
        step));
  }
  return influx;
}

// Something in the batch is refused; 422 is 2.x's word for points that it dropped.
bool is_about_content(unsigned status) { return status == 400 || status == 413 || status == 422; }

}  // namespace

InfluxMirror::InfluxMirror(const Home& home, Store& store, Ledger& ledger, InfluxDb influx,
                           std::function<void(const std::string&)> tell)
    : InfluxMirror(home, store, ledger, std::make_unique<InfluxDialect>(influx), checked(influx),
                   std::move(tell)) {}

InfluxMirror::InfluxMirror(const Home& home, Store& store, Ledger& ledger, VictoriaMetrics victoria,
                           std::function<void(const std::string&)> tell)
    : InfluxMirror(home, store, ledger, std::make_unique<VictoriaDialect>(std::move(victoria)),
                   {.schema = InfluxSchema::samples}, std::move(tell)) {}

InfluxMirror::InfluxMirror(const Home& home, Store& store, Ledger& ledger,
                           std::unique_ptr<EngineDialect> dialect, InfluxDb points,
                           std::function<void(const std::string&)> tell)
    : home_(home),
      store_(store),
      ledger_(ledger),
      dialect_(std::move(dialect)),
      victoria_(dynamic_cast<const VictoriaDialect*>(dialect_.get())),
      points_(std::move(points)),
      tell_(std::move(tell)),
      bookmark_(bookmark_of(victoria_ ? "victoriametrics" : "influxdb", *dialect_, points_)),
      trust_(*dialect_, victoria_, ledger_, home_.id, bookmark_ + " marker", tell_),
      written_(ledger_.bookmark(bookmark_)) {}

// ---- What is to be written ---------------------------------------------------------------------

std::optional<InfluxMirror::Batch> InfluxMirror::next(Timestamp now) {
  if (asked_ != Asked::nothing || now < next_try_) return std::nullopt;
  if (lines_.empty()) {
    if (auto question = trust_.next(now)) {
      asked_ = Asked::trust;
      return question;
    }
    if (!trust_.is_sound()) return std::nullopt;
  }
  // Some changes have nothing to be written, those of a meter that is on no panel, say.
  for (int i = 0; i < 8 && lines_.empty(); ++i) {
    if (!gather(now)) break;
  }
  if (lines_.empty()) return std::nullopt;
  if (!due_.empty()) {
    asked_ = Asked::count;
    return victoria_->count(home_.id, due_meter_, due_.begin()->first, due_.rbegin()->first);
  }
  return write_lines();
}

InfluxMirror::Batch InfluxMirror::write_lines() {
  std::string body;
  while (position_ + count_ < lines_.size() && count_ < at_once_) {
    const auto& line = lines_[position_ + count_];
    if (count_ > 0 && body.size() + line.size() > most_bytes) break;
    body += line;
    ++count_;
  }
  asked_ = Asked::lines;
  return dialect_->write(std::move(body));
}

bool InfluxMirror::gather(Timestamp now) {
  is_second_ = !once_.empty() && now - once_.front().answered >= second_writing_after;
  const auto after = is_second_ ? ledger_.bookmark(bookmark_) : written_;
  const auto last = is_second_ ? once_.front().revision : std::numeric_limits<std::uint64_t>::max();
  const auto reached = gather(after, last, now);
  if (!reached) {
    lines_.clear();
    due_.clear();
    say(fmt::format("{} has to wait for the store: {}", dialect_->name(),
                    sentence(reached.error())),
        now);
    wait(now);
    return false;
  }
  reaches_ = *reached;
  if (reaches_ == after) return false;
  if (lines_.empty()) written(now);
  return true;
}

std::expected<std::uint64_t, StoreError> InfluxMirror::gather(std::uint64_t after,
                                                              std::uint64_t last, Timestamp now) {
  const auto changes = store_.changes(after, changes_at_once);
  if (!changes) return std::unexpected(changes.error());
  const Timestamp running = std::chrono::floor<std::chrono::minutes>(now);
  const bool is_whole = changes->size() < changes_at_once;
  auto reached = is_whole && is_second_ ? last : after;  // What has changed again comes anyway.
  std::set<std::pair<std::string, Timestamp>> hours;
  for (const auto& change : *changes) {
    const auto& [revision, device, minute] = change;
    const std::pair hour(device, Timestamp(std::chrono::floor<std::chrono::hours>(minute)));
    // What is counted is asked for at once: an hour of one meter.
    if (victoria_ && is_second_ && !hours.empty() && !hours.contains(hour)) break;
    if (revision > last) {
      reached = last;
      break;
    }
    // The minute that runs is told when it is over; a clock that is far ahead holds up nothing.
    const bool is_running = minute >= running && minute <= running + 1min;
    if (is_running || lines_.size() >= most_lines) {
      reached = hours.empty() ? after : reached;
      break;
    }
    if (const auto added = take_minute(change); !added) return std::unexpected(added.error());
    hours.insert(hour);
    reached = revision;
  }
  if (points_.schema != InfluxSchema::lenz || lines_.empty()) return reached;
  for (const auto& [device, hour] : hours) {
    const auto added = take(lines_of_quality(home_, store_, device, hour));
    if (!added) return std::unexpected(added.error());
  }
  if (const auto hour = std::chrono::floor<std::chrono::hours>(now); named_ != hour) {
    named_ = hour;
    std::ranges::move(lines_of_names(home_, std::chrono::floor<std::chrono::days>(now)),
                      std::back_inserter(lines_));
  }
  return reached;
}

std::expected<void, StoreError> InfluxMirror::take_minute(const Store::Change& change) {
  const auto& [revision, device, minute] = change;
  if (points_.schema != InfluxSchema::samples) {
    return take(lines_of_minute(home_, store_, ledger_, points_, device, minute));
  }
  auto samples = lines_of_samples(home_, store_, device, minute);
  if (!samples) return take(std::unexpected(samples.error()));
  if (victoria_ && is_second_ && samples->points > 0) {
    due_meter_ = device;
    due_[minute] = samples->points;
  }
  return take(std::move(samples->lines));
}

// A damaged minute must not hold up all others.
std::expected<void, StoreError> InfluxMirror::take(std::expected<Lines, StoreError> lines) {
  if (!lines && lines.error() != StoreError::corrupted) return std::unexpected(lines.error());
  if (lines) std::ranges::move(*lines, std::back_inserter(lines_));
  return {};
}

// ---- What became of it -------------------------------------------------------------------------

void InfluxMirror::done(const Answer& answer, Timestamp now) {
  assert(asked_ != Asked::nothing && "BUG: an answer to no batch");
  const bool is_away = answer.status == 0 || answer.status >= 500;
  switch (std::exchange(asked_, Asked::nothing)) {
    case Asked::trust:
      if (is_away || (trust_.is_writing() && answer.status / 100 != 2)) {
        refused(answer, now);
      } else {
        trust_.done(answer, now);
      }
      break;
    case Asked::count:
      counted(answer, now);
      break;
    default:
      took(answer, now);
  }
  if (is_to_resend_) resend();
}

void InfluxMirror::took(const Answer& answer, Timestamp now) {
  // InfluxDB keeps what its retention policy covers, and says so like a mistake.
  const bool is_too_old =
      is_about_content(answer.status) && answer.text.find("retention policy") != std::string::npos;
  if (answer.status != 204 && !is_too_old) {
    refused(answer, now);
    count_ = 0;
    return;
  }
  if (is_too_old) {
    say(fmt::format("InfluxDB left out points that are older than it keeps them: {}.",
                    shown(answer.text)),
        now);
  } else if (wait_ > 0s) {
    say(fmt::format("{} takes points again.", dialect_->name()), now);
    trust_.doubt(now);
  }
  wait_ = 0s;
  at_once_ = std::min(2 * at_once_, most_lines);
  position_ += std::exchange(count_, 0);
  if (position_ == lines_.size()) written(now);
}

void InfluxMirror::counted(const Answer& answer, Timestamp now) {
  const auto counts = victoria_->counts(answer);
  if (!counts) {
    refused(answer, now);
    return;
  }
  std::uint64_t missing = 0;
  bool is_more = false;
  for (const auto& [minute, points] : due_) {
    const auto found = counts->find(minute);
    const auto count = found == counts->end() ? 0 : found->second;
    missing += points - std::min(points, count);
    is_more |= count > points;
  }
  due_.clear();
  if (is_more) {
    say(fmt::format("VictoriaMetrics at {} has more points than it was sent: see that it runs with "
                    "-dedup.minScrapeInterval=1ms.",
                    dialect_->base()),
        now);
  }
  if (missing > 0) {
    const bool is_first = !missing_since_;
    if (is_first) missing_since_ = now;
    if (is_first || (!has_left_out_ && now - *missing_since_ < longest_repair)) {
      begin_at_bookmark();  // What came after it may be missing too.
      return;
    }
    say(fmt::format("VictoriaMetrics at {} does not keep {} points of {}, however often they are "
                    "sent: they are left out.",
                    dialect_->base(), missing, due_meter_),
        now);
  }
  has_left_out_ = missing > 0;
  confirm();
}

// All lines up to reaches_ are taken.
void InfluxMirror::written(Timestamp now) {
  if (is_second_) {
    confirm();
    return;
  }
  written_ = reaches_;
  once_.push_back({reaches_, now});
  lines_.clear();
  position_ = 0;
}

// All lines up to reaches_ will stay.
void InfluxMirror::confirm() {
  ledger_.set_bookmark(bookmark_, reaches_);
  if (reaches_ >= once_.front().revision) once_.pop_front();
  missing_since_.reset();
  lines_.clear();
  position_ = 0;
}

void InfluxMirror::resend() {
  is_to_resend_ = asked_ != Asked::nothing;
  if (is_to_resend_) return;
  ledger_.set_bookmark(bookmark_, 0);
  trust_.begin_again();
  missing_since_.reset();
  begin_at_bookmark();
}

void InfluxMirror::begin_at_bookmark() {
  written_ = ledger_.bookmark(bookmark_);
  once_.clear();
  due_.clear();
  lines_.clear();
  position_ = 0;
}

void InfluxMirror::refused(const Answer& answer, Timestamp now) {
  if (count_ > 0 && is_about_content(answer.status)) {
    if (count_ > 1) {
      at_once_ = (count_ + 1) / 2;
      return;
    }
    say(fmt::format("{} refuses a point, which is left out ({}): {}.", dialect_->name(),
                    shown(lines_[position_]), shown(answer.text)),
        now);
    if (++position_ == lines_.size()) written(now);
    return;
  }
  if (answer.status == 0) {
    say(fmt::format("{} at {} does not answer ({}): nothing is lost, it is tried again.",
                    dialect_->name(), dialect_->base(), shown(answer.text)),
        now);
  } else {
    say(fmt::format("{} at {} answers {} ({}): {}.", dialect_->name(), dialect_->base(),
                    answer.status, shown(answer.text), dialect_->remedy(answer.status)),
        now);
  }
  wait(now);
}

void InfluxMirror::wait(Timestamp now) {
  wait_ = std::min(wait_ > 0s ? 2 * wait_ : 1s, longest_wait);
  next_try_ = now + wait_;
}

void InfluxMirror::say(const std::string& sentence, Timestamp now) {
  if (said_ && now - *said_ < 1min) return;
  said_ = now;
  tell_(sentence);
}

}  // namespace hub
