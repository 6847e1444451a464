#include "hub/calibration_desk.h"

#include <stdexcept>
#include <utility>

namespace hub {

using Done = CalibrationCourse::Done;
using measurement::Quantity;
using measurement::Reply;
using measurement::Timestamp;

namespace {

std::optional<double> number(auto value) {
  return value ? std::optional<double>(value->value) : std::nullopt;
}

void listen(CalibrationDesk::Guide& guide, const LiveFeed::Moment& moment) {
  const auto& plan = guide.course.plan();
  const auto channel = static_cast<std::size_t>(plan.channel);
  const auto chip = measurement::chip_of(channel);
  auto& readings = guide.readings;
  const bool is_newer = readings.empty() || moment.time > readings.back().time;
  if (moment.device != plan.device || chip >= moment.sample.chips() || !is_newer) return;
  readings.push_back({.time = moment.time,
                      .volts = number(moment.sample.get<Quantity::voltage>(chip)),
                      .amperes = number(moment.sample.get<Quantity::current>(channel)),
                      .watts = number(moment.sample.get<Quantity::active_power>(channel))});
  if (readings.size() > CalibrationDesk::watched) readings.pop_front();
}

}  // namespace

CalibrationDesk::CalibrationDesk(LiveFeed& live, const Home& home, std::filesystem::path book)
    : live_(live), home_(home), book_(std::move(book)) {}

std::optional<double> CalibrationDesk::Guide::unrest() const {
  std::vector<double> watts;
  for (const auto& reading : readings) {
    if (reading.watts) watts.push_back(*reading.watts);
  }
  return insight::unrest(watts);
}

const CalibrationDesk::Guide* CalibrationDesk::guide(Timestamp now) {
  if (guide_ && now - guide_->touched >= patience) guide_.reset();
  return guide_.get();
}

std::shared_ptr<CalibrationDesk::Guide> CalibrationDesk::held(const Asking& asking) {
  if (!guide(asking.now)) {
    asking.answer(std::unexpected("Nothing is being calibrated: begin with the meter and clamp."));
    return nullptr;
  }
  guide_->touched = asking.now;
  return guide_;
}

void CalibrationDesk::ask(std::shared_ptr<Guide> guide, measurement::Request request, Asking asking,
                          Taking take) {
  const auto device = guide->course.plan().device;
  asking.requests.ask(
      home_.id, device, request, asking.now,
      [device, guide = std::move(guide), answer = std::move(asking.answer),
       take = std::move(take)](const std::expected<const Reply*, MeterRequests::Failure>& reply) {
        if (!reply) return answer(std::unexpected(sentence(reply.error(), device)));
        answer(take(*guide, **reply));
      });
}

void CalibrationDesk::begin(CalibrationPlan plan, const Typed& percents, Asking asking) {
  auto course = CalibrationCourse::begin(std::move(plan));
  if (!course) return asking.answer(std::unexpected(course.error()));
  if (auto taken = course->take_percents(percents); !taken) return asking.answer(std::move(taken));
  auto guide = std::make_shared<Guide>(Guide{.course = std::move(*course), .touched = asking.now});
  const auto request = guide->course.read_words();
  ask(guide, request, std::move(asking), [this, guide](Guide& begun, const Reply& reply) -> Done {
    if (auto taken = begun.course.take_words(reply); !taken) return taken;
    // Not before the meter has answered; it ends with the guide.
    begun.listening =
        live_.subscribe([&begun](const LiveFeed::Moment& moment) { listen(begun, moment); });
    guide_ = guide;
    return {};
  });
}

void CalibrationDesk::read_no_load(Asking asking) {
  const auto guide = held(asking);
  if (!guide) return;
  ask(guide, guide->course.read_no_load(), std::move(asking),
      [](Guide& under_way, const Reply& reply) { return under_way.course.take_no_load(reply); });
}

void CalibrationDesk::read_load(Typed shown, insight::LoadKind kind, Asking asking) {
  const auto guide = held(asking);
  if (!guide) return;
  if (guide->record) {
    return asking.answer(std::unexpected("It is set already: check it, or begin anew."));
  }
  if (auto may = guide->course.may_read(shown, kind); !may) return asking.answer(std::move(may));
  ask(guide, guide->course.read_load(), std::move(asking),
      [shown = std::move(shown), kind](Guide& under_way, const Reply& reply) {
        return under_way.course.take_load(shown, kind, reply);
      });
}

void CalibrationDesk::set(Asking asking) {
  const auto guide = held(asking);
  if (!guide) return;
  if (!guide->course.result()) {
    return asking.answer(std::unexpected("No load was read: at least one is needed."));
  }
  try {
    records();  // Before anything is set: it could not be noted else.
  } catch (const std::runtime_error& trouble) {
    return asking.answer(std::unexpected(trouble.what()));
  }
  ask(guide, guide->course.set(), std::move(asking),
      [book = book_, now = asking.now](Guide& under_way, const Reply& reply) -> Done {
        auto record = under_way.course.take_set(reply, now);
        if (!record) return std::unexpected(record.error());
        under_way.record = std::move(*record);
        return note_calibration(*under_way.record, book);
      });
}

void CalibrationDesk::check(Typed shown, insight::LoadKind kind, Asking asking) {
  const auto guide = held(asking);
  if (!guide) return;
  if (!guide->record) {
    return asking.answer(std::unexpected("The meter is not set yet: set it, then check it."));
  }
  if (auto may = guide->course.may_read(shown, kind); !may) return asking.answer(std::move(may));
  ask(guide, guide->course.read_load(), std::move(asking),
      [shown = std::move(shown), kind](Guide& under_way, const Reply& reply) -> Done {
        const auto check = under_way.course.check(shown, kind, reply);
        if (!check) return std::unexpected(check.error());
        under_way.check = *check;
        return {};
      });
}

void CalibrationDesk::undo(const std::string& device, int channel, std::string by, Asking asking) {
  std::vector<CalibrationRecord> all;
  try {
    all = records();
  } catch (const std::runtime_error& trouble) {
    return asking.answer(std::unexpected(trouble.what()));
  }
  const auto* newest = newest_calibration(all, device, channel);
  if (!newest) return asking.answer(std::unexpected("This channel was never calibrated."));
  const auto record = *newest;
  asking.requests.ask(home_.id, device, hub::undo(record), asking.now,
                      [this, all = std::move(all), record, by = std::move(by), now = asking.now,
                       device, answer = std::move(asking.answer)](
                          const std::expected<const Reply*, MeterRequests::Failure>& reply) {
                        if (!reply) return answer(std::unexpected(sentence(reply.error(), device)));
                        const auto undone = take_undone(all, record, **reply, by, now);
                        if (!undone) return answer(std::unexpected(undone.error()));
                        // A course that was read with other words is over.
                        if (guide_ && guide_->course.plan().device == device &&
                            guide_->course.plan().channel == record.channel) {
                          guide_.reset();
                        }
                        answer(note_calibration(*undone, book_));
                      });
}

}  // namespace hub
