#include "hub/ingest/visited_meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "measurement/gatt.h"

namespace hub {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr auto silence_means_all = 3s;
constexpr auto longest_visit = 2min;
constexpr auto silence_is_said_after = 10min;
constexpr std::size_t chunk_bytes = 180;  // A link of BlueZ and an ESP32 carries more.

std::string text_of(const measurement::BleUuid& uuid) {
  std::string text;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", uuid[i]);
  }
  return text;
}

const std::string meter_uuid = text_of(measurement::meter_value);
const std::string summary_uuid = text_of(measurement::summary_value);
const std::string post_uuid = text_of(measurement::post_value);
const std::string mail_uuid = text_of(measurement::mail_value);

}  // namespace

VisitedMeter::VisitedMeter(BluetoothMeter meter, Hub& hub, Store& store, Bluez& bluez,
                           std::function<Timestamp()> now,
                           std::function<void(const std::string&)> say)
    : meter_(std::move(meter)),
      hub_(hub),
      store_(store),
      bluez_(bluez),
      now_(std::move(now)),
      say_(std::move(say)),
      summaries_({meter_.device, meter_.channels, meter_.period}, hub, store),
      missed_since_(now_()),
      samples_(measurement::max_samples_per_report) {}

bool VisitedMeter::is_due() {
  const auto now = now_();
  if (is_here() || now < due_at_) return false;
  if (!bluez_.knows(meter_.address)) {
    if (now - missed_since_ < silence_is_said_after) return false;
    missed_since_ = now;
    say_(fmt::format(
        "{} is not heard over Bluetooth: is it on and near, and its address {} the right one?",
        meter_.device, meter_.address));
    return false;
  }
  missed_since_ = now;
  const auto last = store_.last(meter_.device);
  if (!last || !*last || (*last)->time + meter_.period <= now || (*last)->time > now) return true;
  due_at_ = (*last)->time + meter_.period;
  return false;
}

void VisitedMeter::visit() {
  state_ = State::arriving;
  began_at_ = now_();
  joiner_.clear();
  owes_answer_ = is_writing_ = has_caught_up_ = false;
  bluez_.connect(meter_.address, [this](const Bluez::Result& done) {
    if (state_ != State::arriving) return;
    if (done) return ask_who();
    say_(fmt::format("{} cannot be reached over Bluetooth ({}): trying again.", meter_.device,
                     done.error()));
    end();
  });
}

void VisitedMeter::ask_who() {
  bluez_.read(meter_.address, meter_uuid, [this](const Bluez::Result& who) {
    if (state_ != State::arriving) return;
    if (!who) {
      return leave(fmt::format(
          "{} lets itself not be read ({}): press its button and pair it, as docs/ble.md says.",
          meter_.device, who.error()));
    }
    if (who->size() < measurement::meter_value_head ||
        who->front() != measurement::meter_value_format) {
      return leave(
          fmt::format("{} speaks a later version of the format: update the hub.", meter_.device));
    }
    const std::string name(who->begin() + measurement::meter_value_head, who->end());
    if (name != meter_.device) {
      return leave(fmt::format(
          "The meter at {} calls itself \"{}\", and not {}: put its name right in partners.toml.",
          meter_.address, name, meter_.device));
    }
    ask_summary();
  });
}

void VisitedMeter::ask_summary() {
  bluez_.read(meter_.address, summary_uuid, [this](const Bluez::Result& summary) {
    if (state_ != State::arriving) return;
    if (!summary) return leave(fmt::format("{} was not read: {}.", meter_.device, summary.error()));
    // A meter that has just started has none yet.
    if (!summary->empty()) {
      if (const auto wrong = summaries_.hear(*summary, now_(), now_())) say_(*wrong);
    }
    listen();
  });
}

void VisitedMeter::listen() {
  bluez_.listen(meter_.address, post_uuid, [this](const Bluez::Result& done) {
    if (state_ != State::arriving) return;
    if (!done) return leave(fmt::format("{} tells nothing: {}.", meter_.device, done.error()));
    state_ = State::listening;
    quiet_since_ = now_();
    owes_answer_ = true;  // What came by another way need not come by this.
    answer();
  });
}

void VisitedMeter::notified(const std::string& characteristic,
                            std::span<const std::uint8_t> chunk) {
  if (characteristic != post_uuid || (state_ != State::arriving && state_ != State::listening)) {
    return;
  }
  quiet_since_ = now_();
  const auto message = joiner_.add(chunk);
  if (message && message->kind == measurement::report_chunks) take_report(message->bytes);
}

void VisitedMeter::take_report(std::span<const std::uint8_t> bytes) {
  const auto decoded = measurement::decode(bytes, samples_);
  if (!decoded) {
    return leave(fmt::format("A report of {} was refused: {}", meter_.device,
                             measurement::sentence(decoded.error())));
  }
  if (decoded->header.device != meter_.device) {
    return leave(fmt::format("{} reports for another meter: it is not heard.", meter_.device));
  }
  if (decoded->count == 0) return;
  const auto accepted =
      hub_.accept({decoded->header, std::span(samples_).first(decoded->count)}, now_());
  if (!accepted) {
    return leave(
        fmt::format("A report of {} was refused: {}", meter_.device, sentence(accepted.error())));
  }
  if (const auto done = hub_.commit(); !done) {
    return leave(
        fmt::format("Reports of {} cannot be stored: {}.", meter_.device, sentence(done.error())));
  }
  // A backlog comes in runs.
  has_caught_up_ = decoded->count == 1;
  owes_answer_ = true;
  answer();
}

void VisitedMeter::answer() {
  if (state_ != State::listening || is_writing_ || !std::exchange(owes_answer_, false)) return;
  const auto all = hub_.all_stored();
  if (!all) return leave(fmt::format("{}.", sentence(all.error())));
  const auto found = std::ranges::find(*all, meter_.device, &Hub::Acknowledgement::device);
  answer_.resize(measurement::max_report_bytes);
  const auto size =
      measurement::encode(measurement::Answer{.ranges = found->ranges,
                                              .asking_again = std::exchange(asks_again_, false)},
                          answer_);
  answer_.resize(size.value_or(0));
  answer_leaving_ = {measurement::stored_chunks, answer_};
  write_answer();
}

void VisitedMeter::write_answer() {
  if (answer_leaving_.is_over()) {
    is_writing_ = false;
    return has_caught_up_ && !owes_answer_ ? leave() : answer();
  }
  is_writing_ = true;
  Bluez::Bytes chunk(chunk_bytes);
  chunk.resize(answer_leaving_.write(chunk));
  bluez_.write(meter_.address, mail_uuid, std::move(chunk), [this](const Bluez::Result& done) {
    if (state_ != State::listening) return;
    if (!done) {
      // It has not yet worked off what came before; a later answer says the same and more.
      is_writing_ = false;
      owes_answer_ = true;
      return;
    }
    quiet_since_ = now_();
    answer_leaving_.taken();
    write_answer();
  });
}

void VisitedMeter::leave(const std::string& why) {
  if (!why.empty()) say_(why);
  state_ = State::leaving;
  bluez_.hang_up(meter_.address);
}

void VisitedMeter::hung_up() {
  if (is_here()) end();
}

void VisitedMeter::end() {
  state_ = State::away;
  due_at_ = now_() + meter_.period;
}

void VisitedMeter::tick() {
  const auto passed = now_() - began_at_;
  switch (state_) {
    case State::away:
      return;
    case State::arriving:
      if (passed > longest_visit) leave(fmt::format("{} answers too slowly.", meter_.device));
      return;
    case State::listening:
      answer();
      if (passed > longest_visit || now_() - quiet_since_ >= silence_means_all) leave();
      return;
    case State::leaving:
      if (passed > 2 * longest_visit) end();  // BlueZ has forgotten to say so.
      return;
  }
}

}  // namespace hub
