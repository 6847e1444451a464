#include "hub/integrations/influx_mirror.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <set>
#include <stdexcept>

#include "hub/integrations/influx_points.h"

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

// So that a call stays short: 8 minutes of a meter with 42 channels and a second take 30 ms.
constexpr std::size_t changes_at_once = 8;

// RFC 3986: everything but unreserved characters.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                          (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.' || c == '~';
    if (is_plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// RFC 4648.
std::string base64(std::string_view text) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const auto three = text.substr(i, 3);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (k < three.size() ? static_cast<std::uint8_t>(three[k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= three.size() ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

std::string base_of(const InfluxDb& influx) {
  auto url = influx.url;
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string place_of(const InfluxDb& influx) {
  return influx.version == 2 ? fmt::format("{}/{}", influx.organisation, influx.bucket)
                             : influx.database;
}

std::string bookmark_of(const InfluxDb& influx) {
  return fmt::format("influxdb {} {} {} {} {}", base_of(influx), place_of(influx),
                     influx.schema == InfluxSchema::lenz ? "lenz" : "home_assistant",
                     influx.scaled_integers ? "integers" : "floats", influx.step.count());
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
  if (influx.version != 1 && influx.version != 2) {
    throw std::runtime_error(fmt::format(
        "There is no way to write to InfluxDB {}: take version 1 or 2 in partners.toml.",
        influx.version));
  }
  if (influx.url.find('@') != std::string::npos) {
    throw std::runtime_error(
        "InfluxDB's address holds a user or password: put them in user and password_file of "
        "partners.toml.");
  }
  return influx;
}

// What to do about an answer that more of the same does not change.
std::string remedy(const InfluxDb& influx, unsigned status) {
  const bool is_new = influx.version == 2;
  switch (status) {
    case 401:
      return is_new ? "check token_file in partners.toml"
                    : "check user and password_file in partners.toml";
    case 403:
      return is_new ? "give the token the right to write to the bucket"
                    : "give the user the right to write: GRANT WRITE ON \"DATABASE\" TO \"USER\"";
    case 404:
      return is_new ? fmt::format("create the bucket {} or correct partners.toml", place_of(influx))
                    : fmt::format(
                          "create the database with CREATE DATABASE \"{}\" or correct "
                          "partners.toml",
                          place_of(influx));
    default:
      return "nothing is lost, it is tried again";
  }
}

// Something in the batch is refused; 422 is 2.x's word for points that it dropped.
bool is_about_content(unsigned status) { return status == 400 || status == 413 || status == 422; }

}  // namespace

InfluxMirror::InfluxMirror(const Home& home, Store& store, Ledger& ledger, InfluxDb influx,
                           std::function<void(const std::string&)> tell)
    : home_(home),
      store_(store),
      ledger_(ledger),
      influx_(checked(std::move(influx))),
      tell_(std::move(tell)),
      bookmark_(bookmark_of(influx_)),
      written_(ledger_.bookmark(bookmark_)) {}

// ---- What is to be written ---------------------------------------------------------------------

std::optional<InfluxMirror::Batch> InfluxMirror::next(Timestamp now) {
  if (count_ > 0 || now < next_try_) return std::nullopt;
  // Some changes have nothing to be written, those of a meter that is on no panel, say.
  for (int i = 0; i < 8 && lines_.empty(); ++i) {
    if (!gather(now)) break;
  }
  if (lines_.empty()) return std::nullopt;

  Batch batch;
  while (position_ + count_ < lines_.size() && count_ < at_once_) {
    const auto& line = lines_[position_ + count_];
    if (count_ > 0 && batch.body.size() + line.size() > most_bytes) break;
    batch.body += line;
    ++count_;
  }
  batch.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  if (influx_.version == 2) {
    batch.url = fmt::format("{}/api/v2/write?org={}&bucket={}&precision=ms", base_of(influx_),
                            escaped(influx_.organisation), escaped(influx_.bucket));
    batch.headers.emplace_back("Authorization", "Token " + influx_.token);
  } else {
    batch.url =
        fmt::format("{}/write?db={}&precision=ms", base_of(influx_), escaped(influx_.database));
    if (!influx_.user.empty()) {
      batch.headers.emplace_back("Authorization",
                                 "Basic " + base64(influx_.user + ":" + influx_.password));
    }
  }
  return batch;
}

bool InfluxMirror::gather(Timestamp now) {
  is_second_ = !once_.empty() && now - once_.front().answered >= second_writing_after;
  const auto after = is_second_ ? ledger_.bookmark(bookmark_) : written_;
  const auto last = is_second_ ? once_.front().revision : std::numeric_limits<std::uint64_t>::max();
  const auto reached = gather(after, last, now);
  if (!reached) {
    lines_.clear();
    say(fmt::format("InfluxDB has to wait for the store: {}", sentence(reached.error())), now);
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
  for (const auto& [revision, device, minute] : *changes) {
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
    const auto added = take(lines_of_minute(home_, store_, ledger_, influx_, device, minute));
    if (!added) return std::unexpected(added.error());
    hours.emplace(device, std::chrono::floor<std::chrono::hours>(minute));
    reached = revision;
  }
  if (influx_.schema == InfluxSchema::home_assistant || lines_.empty()) return reached;
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

// A damaged minute must not hold up all others.
std::expected<void, StoreError> InfluxMirror::take(std::expected<Lines, StoreError> lines) {
  if (!lines && lines.error() != StoreError::corrupted) return std::unexpected(lines.error());
  if (lines) std::ranges::move(*lines, std::back_inserter(lines_));
  return {};
}

// ---- What became of it -------------------------------------------------------------------------

void InfluxMirror::done(const Answer& answer, Timestamp now) {
  assert(count_ > 0 && "BUG: an answer to no batch");
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
    say("InfluxDB takes points again.", now);
  }
  wait_ = 0s;
  at_once_ = std::min(2 * at_once_, most_lines);
  position_ += std::exchange(count_, 0);
  if (position_ == lines_.size()) written(now);
}

// All lines up to reaches_ are taken.
void InfluxMirror::written(Timestamp now) {
  if (is_second_) {
    ledger_.set_bookmark(bookmark_, reaches_);
    if (reaches_ >= once_.front().revision) once_.pop_front();
  } else {
    written_ = reaches_;
    once_.push_back({reaches_, now});
  }
  lines_.clear();
  position_ = 0;
}

void InfluxMirror::refused(const Answer& answer, Timestamp now) {
  if (is_about_content(answer.status)) {
    if (count_ > 1) {
      at_once_ = (count_ + 1) / 2;
      return;
    }
    say(fmt::format("InfluxDB refuses a point, which is left out ({}): {}.",
                    shown(lines_[position_]), shown(answer.text)),
        now);
    if (++position_ == lines_.size()) written(now);
    return;
  }
  if (answer.status == 0) {
    say(fmt::format("InfluxDB at {} does not answer ({}): nothing is lost, it is tried again.",
                    base_of(influx_), shown(answer.text)),
        now);
  } else {
    say(fmt::format("InfluxDB at {} answers {} ({}): {}.", base_of(influx_), answer.status,
                    shown(answer.text), remedy(influx_, answer.status)),
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
