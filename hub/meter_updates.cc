#include "hub/meter_updates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "measurement/manifest.h"

namespace hub {
namespace {

using namespace std::chrono_literals;
using measurement::Reply;
using measurement::Request;
using measurement::Timestamp;
using Outcome = Reply::Outcome;
using Stage = MeterUpdates::State::Stage;

constexpr int most_begun = 5;
constexpr auto between_looks = 10s;  // While it starts and tries.
constexpr auto longest_leave = 1min;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string words_of(const measurement::Version& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
}

}  // namespace

const char* word(Stage stage) {
  constexpr std::array words = {"sending",   "starting",  "on_trial",
                                "confirmed", "went_back", "failed"};
  return words.at(static_cast<std::size_t>(stage));
}

void MeterUpdates::begin(const std::string& home, const std::string& device, std::string file,
                         Timestamp now, Ended ended) {
  now_ = now;
  const Meter meter{home, device};
  auto& work = works_[meter];
  if (work.turn != 0 && !work.state.is_over()) {
    end(work, Stage::failed, "Another update took its place.");
  }
  work = {.file = std::move(file), .ended = std::move(ended), .turn = ++turns_, .heard = now};
  const auto parts = measurement::signed_image(work.file);
  const auto manifest = parts ? measurement::read_manifest(parts->manifest) : std::nullopt;
  if (!manifest || manifest->size != parts->image.size()) {
    return end(work, Stage::failed, measurement::sentence(Outcome::no_manifest));
  }
  work.manifest = parts->manifest;
  work.image = parts->image;
  work.state.version = words_of(manifest->version);
  work.state.bytes = manifest->size;
  ask(meter, work);
}

void MeterUpdates::step(Timestamp now) {
  now_ = now;
  for (auto& [meter, work] : works_) {
    if (work.state.is_over() || work.waits) continue;
    if (now - work.heard > patience) {
      end(work, Stage::failed,
          work.state.stage == Stage::sending
              ? "The meter does not reply any more: look whether it has power and is in reach."
              : "The meter was not heard after its restart: look at its light.");
    } else if (now >= work.next) {
      ask(meter, work);
    }
  }
}

const MeterUpdates::State* MeterUpdates::state(std::string_view home,
                                               std::string_view device) const {
  const auto found = works_.find(Meter(home, device));
  return found == works_.end() ? nullptr : &found->second.state;
}

void MeterUpdates::ask(const Meter& meter, Work& work) {
  Request request{.kind = Request::Kind::diagnostics};
  if (work.state.stage == Stage::sending) {
    const auto written = work.state.written;
    work.asked = now_;
    if (!work.has_manifest) {
      request.kind = Request::Kind::take_update;
      request.data = bytes_of(work.manifest);
    } else if (written < work.state.bytes) {
      request.kind = Request::Kind::take_piece;
      request.number = written;
      request.data = bytes_of(work.image.substr(written, measurement::max_request_data));
    } else {
      request.kind = Request::Kind::start_update;
    }
  }
  work.waits = true;
  requests_.ask(meter.first, meter.second, request, now_,
                [this, meter, turn = work.turn, kind = request.kind](const Answer& answer) {
                  auto& asked = works_.at(meter);
                  if (asked.turn != turn) return;
                  asked.waits = false;
                  if (answer) return hear(meter, asked, **answer);
                  // Whether it did what it was asked is not known: one that did would take a second
                  // one for none.
                  const bool may_restart = kind == Request::Kind::start_update &&
                                           answer.error() == MeterRequests::Failure::silent;
                  if (may_restart) wait_for_restart(asked);
                });
}

void MeterUpdates::hear(const Meter& meter, Work& work, const Reply& reply) {
  if (reply.outcome == Outcome::busy) return;
  if (work.state.stage != Stage::sending) return hear_condition(meter, work, reply);
  hear_sending(work, reply);
  if (work.state.stage == Stage::sending) ask(meter, work);
}

void MeterUpdates::hear_sending(Work& work, const Reply& reply) {
  auto& state = work.state;
  const auto refuse = [&](std::string why) { end(work, Stage::failed, std::move(why)); };
  if (reply.outcome == Outcome::unknown || reply.outcome == Outcome::not_supported) {
    return refuse("This meter takes no update over its network: write it by the cable.");
  }
  const bool is_begin = reply.kind == Request::Kind::take_update;
  // One that restarted meanwhile has forgotten what it was told.
  if (reply.outcome == Outcome::unexpected_image && !is_begin) {
    if (work.begun >= most_begun) {
      return refuse("The meter restarts again and again while it is written: look at its supply.");
    }
    work.has_manifest = false;
    return;
  }
  if (reply.outcome != Outcome::done) return refuse(measurement::sentence(reply.outcome));
  if (reply.kind == Request::Kind::start_update) return wait_for_restart(work);
  if (is_begin) {
    work.has_manifest = true;
    ++work.begun;
  }
  const auto written = std::min(reply.written, state.bytes);
  if (is_begin || written != state.written) work.heard = now_;
  state.written = written;
}

void MeterUpdates::wait_for_restart(Work& work) {
  work.state.stage = Stage::starting;
  work.state.written = work.state.bytes;
  work.heard = now_;
  work.next = now_ + between_looks;
}

void MeterUpdates::hear_condition(const Meter& meter, Work& work, const Reply& reply) {
  const auto* condition = requests_.condition(meter.first, meter.second);
  if (reply.outcome != Outcome::done || !condition) return;
  work.next = now_ + between_looks;
  const auto& runs = condition->firmware;
  if (runs == work.state.version) {
    if (!reply.diagnostics.on_trial) return end(work, Stage::confirmed, "");
    work.state.stage = Stage::on_trial;
    return;
  }
  if (reply.diagnostics.uptime >= now_ - work.asked) {  // It has not restarted yet.
    if (now_ - work.asked < longest_leave) return;
    if (++work.begun > most_begun) {
      return end(work, Stage::failed,
                 "The meter does not restart: take its power away for a moment.");
    }
    work.state.stage = Stage::sending;  // What it was told last never came.
    return;
  }
  end(work, Stage::went_back,
      work.state.stage == Stage::on_trial
          ? fmt::format(
                "The meter found {} not sound within five minutes and runs {} again: look at its "
                "chips, its log and its way to the hub.",
                work.state.version, runs)
          : fmt::format("The meter restarted and runs {}: {} did not start, or was given up.", runs,
                        work.state.version));
}

void MeterUpdates::end(Work& work, Stage stage, std::string why) {
  work.state.stage = stage;
  work.state.why = std::move(why);
  work.file = {};
  work.manifest = work.image = {};
  if (const auto ended = std::exchange(work.ended, {})) ended(work.state);
}

}  // namespace hub
