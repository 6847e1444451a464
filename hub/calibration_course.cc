#include "hub/calibration_course.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "insight/calibration/transformers.h"

namespace hub {

using insight::CalibrationLoad;
using insight::LoadKind;
using measurement::RawChannel;
using measurement::Reply;
using measurement::Request;

namespace {

constexpr std::uint16_t no_load_windows = 40, load_windows = 24;  // 14 and 8.4 s.

// A number of at least 0, as it was typed, with a point or a comma.
std::optional<insight::ReferenceValue> number_in(std::string word) {
  if (const auto comma = word.find(','); comma != word.npos) word[comma] = '.';
  insight::ReferenceValue number{.resolution = 1};
  const auto* end = word.data() + word.size();
  const auto [at, error] = std::from_chars(word.data(), end, number.value);
  if (error != std::errc() || at != end || !std::isfinite(number.value) || number.value < 0) {
    return std::nullopt;
  }
  const auto point = word.find('.');
  for (auto i = point; point != word.npos && i + 1 < word.size(); ++i) number.resolution /= 10;
  return number;
}

// Nothing where a word is neither number nor dash.
using Three = std::array<std::optional<insight::ReferenceValue>, 3>;
std::optional<Three> three_in(const Typed& typed) {
  Three three;
  for (std::size_t i = 0; i < three.size(); ++i) {
    if (typed.at(i).empty() || typed.at(i) == "-") continue;
    three.at(i) = number_in(typed.at(i));
    if (!three.at(i)) return std::nullopt;
  }
  return three;
}

Request setting(int channel, const measurement::ChannelWords& expected,
                const measurement::ChannelWords& wanted) {
  return {.kind = Request::Kind::write_words,
          .channel = static_cast<std::uint8_t>(channel),
          .expected = expected,
          .wanted = wanted};
}

}  // namespace

std::expected<bool, std::string> is_kept(const Reply& reply,
                                         const measurement::ChannelWords& wanted) {
  // A meter that restarted meanwhile has forgotten that it did it.
  const bool is_set = reply.outcome == Reply::Outcome::done ||
                      reply.outcome == Reply::Outcome::not_kept ||
                      (reply.outcome == Reply::Outcome::words_differ && reply.words == wanted);
  if (!is_set) return std::unexpected(measurement::sentence(reply.outcome));
  return reply.outcome != Reply::Outcome::not_kept;
}

std::expected<CalibrationCourse, std::string> CalibrationCourse::begin(CalibrationPlan plan) {
  if (const auto* model = insight::find_transformer(plan.clamp)) {
    plan.class_percent = model->class_percent;
    plan.rated_a = model->rated_a;
  } else if (plan.rated_a <= 0) {
    std::string names;
    for (const auto& each : insight::transformer_models()) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", each.name);
    }
    return std::unexpected(fmt::format(
        "The clamp's model \"{}\" is not known: name one of {}, or say its rating and class.",
        plan.clamp, names));
  }
  CalibrationCourse course(std::move(plan));
  course.input_ = {.line_frequency = course.plan_.line_frequency,
                   .class_percent = course.plan_.class_percent,
                   .rated_a = course.plan_.rated_a};
  return course;
}

Request CalibrationCourse::ask(Request::Kind kind, std::uint16_t windows) const {
  return {.kind = kind, .channel = static_cast<std::uint8_t>(plan_.channel), .windows = windows};
}

Request CalibrationCourse::read_words() const { return ask(Request::Kind::read_words); }
Request CalibrationCourse::read_no_load() const {
  return ask(Request::Kind::read_raw, no_load_windows);
}
Request CalibrationCourse::read_load() const { return ask(Request::Kind::read_raw, load_windows); }

std::expected<RawChannel, std::string> CalibrationCourse::raw_of(const Reply& reply) const {
  if (reply.outcome != Reply::Outcome::done) {
    return std::unexpected(measurement::sentence(reply.outcome));
  }
  const auto phase = static_cast<std::size_t>(plan_.channel) % measurement::channels_per_chip;
  return reply.raw.channels.at(phase);
}

CalibrationCourse::Done CalibrationCourse::take_words(const Reply& reply) {
  if (reply.outcome != Reply::Outcome::done) {
    return std::unexpected(measurement::sentence(reply.outcome));
  }
  input_.words = reply.words;
  return {};
}

CalibrationCourse::Done CalibrationCourse::take_percents(const Typed& typed) {
  const auto percents = three_in(typed);
  if (!percents || !((*percents)[2] || ((*percents)[0] && (*percents)[1]))) {
    return std::unexpected(
        "Three numbers or dashes are needed, watts or both of the others among them.");
  }
  for (std::size_t i = 0; i < percents->size(); ++i) {
    const auto& percent = percents->at(i);
    percents_.at(i) = percent ? std::optional(percent->value) : std::nullopt;
  }
  return {};
}

CalibrationCourse::Done CalibrationCourse::take_no_load(const Reply& reply) {
  const auto raw = raw_of(reply);
  if (!raw) return std::unexpected(raw.error());
  auto input = input_;
  input.no_load = *raw;
  input.no_load_windows = reply.raw.windows;
  if (auto refused = insight::refused_no_load(input)) {
    return std::unexpected(std::move(refused->sentence));
  }
  input_ = input;
  return {};
}

std::expected<CalibrationLoad, std::string> CalibrationCourse::load_of(const Typed& typed,
                                                                       LoadKind kind) const {
  const auto shown = three_in(typed);
  if (!shown) {
    return std::unexpected("Three numbers or dashes are needed: 230.4 9.98 2299");
  }
  CalibrationLoad load{.kind = kind};
  const std::array<std::optional<insight::ReferenceValue>*, 3> to = {&load.volts, &load.amperes,
                                                                     &load.watts};
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (!shown->at(i) || !percents_.at(i)) continue;
    *to.at(i) = shown->at(i);
    (*to.at(i))->percent = *percents_.at(i);
  }
  if (!load.watts && !(load.volts && load.amperes)) {
    return std::unexpected(
        "Three numbers or dashes are needed, the reference's watts or both of the others among "
        "them.");
  }
  return load;
}

CalibrationCourse::Done CalibrationCourse::may_read(const Typed& shown, LoadKind kind) const {
  const auto load = load_of(shown, kind);
  return load ? Done() : std::unexpected(load.error());
}

CalibrationCourse::Done CalibrationCourse::take_load(const Typed& shown, LoadKind kind,
                                                     const Reply& reply) {
  auto load = load_of(shown, kind);
  if (!load) return std::unexpected(load.error());
  const auto raw = raw_of(reply);
  if (!raw) return std::unexpected(raw.error());
  load->raw = *raw;
  load->windows = reply.raw.windows;
  auto more = loads_;
  more.push_back(*load);
  auto input = input_;
  input.loads = more;
  auto result = insight::calibrate(input);
  if (!result) return std::unexpected(result.error().sentence);
  loads_ = std::move(more);
  result_ = std::move(*result);
  return {};
}

Request CalibrationCourse::set() const {
  return setting(plan_.channel, input_.words, result_->words);
}

std::expected<CalibrationRecord, std::string> CalibrationCourse::take_set(
    const Reply& reply, measurement::Timestamp now) {
  const auto kept = is_kept(reply, result_->words);
  if (!kept) return std::unexpected(kept.error());
  return CalibrationRecord{.device = plan_.device,
                           .channel = plan_.channel,
                           .time = now,
                           .reference = plan_.reference,
                           .by = plan_.by,
                           .clamp = plan_.clamp,
                           .volts = plan_.volts,
                           .before = input_.words,
                           .after = result_->words,
                           .accuracy = result_->accuracy,
                           .no_load_a = result_->no_load_a,
                           .is_kept = *kept};
}

std::expected<CalibrationCourse::Check, std::string> CalibrationCourse::check(
    const Typed& shown, LoadKind kind, const Reply& reply) const {
  const auto load = load_of(shown, kind);
  if (!load) return std::unexpected(load.error());
  const auto raw = raw_of(reply);
  if (!raw) return std::unexpected(raw.error());
  Check check{
      .reference_w = load->watts ? load->watts->value : load->volts->value * load->amperes->value,
      .meter_w = raw->active.mean};
  const double apparent = std::hypot(raw->active.mean, raw->reactive.mean);
  if (check.reference_w <= 0 || apparent <= 0) {
    return std::unexpected("Nothing flows: switch the load on and check again.");
  }
  check.off_percent = 100 * (check.meter_w / check.reference_w - 1);
  check.plus_minus_percent = insight::plus_minus_percent(
      result_->accuracy, raw->voltage.mean, raw->current.mean, raw->active.mean / apparent);
  return check;
}

Request undo(const CalibrationRecord& record) {
  return setting(record.channel, record.after, record.before);
}

std::expected<CalibrationRecord, std::string> take_undone(const std::vector<CalibrationRecord>& all,
                                                          const CalibrationRecord& record,
                                                          const Reply& reply, std::string by,
                                                          measurement::Timestamp now) {
  const auto kept = is_kept(reply, record.before);
  if (!kept) return std::unexpected(kept.error());
  CalibrationRecord undone{
      .device = record.device,
      .channel = record.channel,
      .time = now,
      .reference = fmt::format("undone: {}", record.reference),
      .by = std::move(by),
      .clamp = record.clamp,
      .volts = record.volts,
      .before = record.after,
      .after = record.before,
      .accuracy = insight::uncalibrated(record.accuracy.class_percent, record.accuracy.rated_a),
      .is_kept = *kept};
  for (const auto& old : all) {
    if (old.device != record.device || old.channel != record.channel) continue;
    if (old.after != record.before || old.time >= record.time) continue;
    undone.accuracy = old.accuracy;
    undone.no_load_a = old.no_load_a;
  }
  return undone;
}

}  // namespace hub
