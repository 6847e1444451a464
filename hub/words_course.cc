#include "hub/words_course.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "hub/calibration_course.h"

namespace hub {

using measurement::ChannelWords;
using measurement::Reply;
using measurement::Request;
using measurement::Timestamp;

WordsCourse::WordsCourse(std::vector<WordsChange> changes, std::vector<CalibrationRecord> book,
                         Signature signature)
    : changes_(std::move(changes)), book_(std::move(book)), signature_(std::move(signature)) {}

std::optional<WordsCourse::Question> WordsCourse::next() const {
  if (next_ == changes_.size()) return std::nullopt;
  const auto& clamp = changes_[next_].clamp;
  Question question{clamp.device, {.kind = Request::Kind::read_words}};
  if (has_begun_) {
    const auto& record = records_[next_];
    question.request = {
        .kind = Request::Kind::write_words, .expected = record.before, .wanted = record.after};
  }
  question.request.channel = static_cast<std::uint8_t>(clamp.channel);
  return question;
}

std::string WordsCourse::refused(const std::string& why) const {
  const auto& clamp = changes_[next_].clamp;
  return fmt::format("CT{} of {}: {}{}", clamp.channel + 1, clamp.device, why,
                     has_begun_ ? " Undo what is set, or measure anew." : "");
}

std::expected<void, std::string> WordsCourse::take_words(const Reply& reply) {
  if (reply.outcome != Reply::Outcome::done) {
    return std::unexpected(measurement::sentence(reply.outcome));
  }
  const auto& change = changes_[next_];
  const auto words = change.words(reply.words);
  if (!words) return std::unexpected(words.error());
  const auto channel = static_cast<int>(change.clamp.channel);
  const auto* known = newest_calibration(book_, change.clamp.device, channel);
  records_.push_back({.device = change.clamp.device,
                      .channel = channel,
                      .time = signature_.time,
                      .reference = change.reference,
                      .by = signature_.by,
                      .clamp = !change.model.empty() ? change.model
                               : known               ? known->clamp
                                                     : "",
                      .volts = signature_.volts,
                      .before = reply.words,
                      .after = *words,
                      .accuracy = change.accuracy(accuracy_of(book_, change.clamp, reply.words)),
                      .no_load_a = known ? known->no_load_a : 0});
  return {};
}

std::expected<std::optional<CalibrationRecord>, std::string> WordsCourse::take(const Reply& reply) {
  std::optional<CalibrationRecord> set;
  if (has_begun_) {
    set = records_[next_];
    const auto kept = is_kept(reply, set->after);
    if (!kept) return std::unexpected(refused(kept.error()));
    set->is_kept = *kept;
  } else if (const auto taken = take_words(reply); !taken) {
    return std::unexpected(refused(taken.error()));
  }
  if (++next_ == changes_.size() && !has_begun_) {
    has_begun_ = true;
    next_ = 0;
  }
  return set;
}

insight::Accuracy accuracy_of(const std::vector<CalibrationRecord>& book, const ChannelUse& clamp,
                              const ChannelWords& words) {
  const auto* known = newest_calibration(book, clamp.device, static_cast<int>(clamp.channel));
  return known && known->after == words ? known->accuracy : insight::uncalibrated(0, 0);
}

insight::Accuracy accuracy_of(const std::vector<CalibrationRecord>& book, const ChannelUse& clamp) {
  const auto* known = newest_calibration(book, clamp.device, static_cast<int>(clamp.channel));
  return known ? known->accuracy : insight::uncalibrated(0, 0);
}

Timestamp newest_of(const std::vector<CalibrationRecord>& book,
                    const std::vector<ChannelUse>& clamps) {
  auto newest = Timestamp::min();
  for (const auto& clamp : clamps) {
    const auto* known = newest_calibration(book, clamp.device, static_cast<int>(clamp.channel));
    if (known) newest = std::max(newest, known->time);
  }
  return newest;
}

namespace {

// One course on its way through the meters.
struct Setting {
  std::string home;
  WordsCourse course;
  std::filesystem::path book;
  Timestamp now;
  MeterRequests& requests;
  WordsAnswer answer;
};

void go_on(const std::shared_ptr<Setting>& setting) {
  const auto question = setting->course.next();
  if (!question) return setting->answer({}, true);
  setting->requests.ask(setting->home, question->device, question->request, setting->now,
                        [setting, device = question->device](
                            const std::expected<const Reply*, MeterRequests::Failure>& reply) {
                          auto& course = setting->course;
                          const auto refuse = [&](std::string why) {
                            setting->answer(std::unexpected(std::move(why)), course.has_begun());
                          };
                          if (!reply)
                            return refuse(course.refused(sentence(reply.error(), device)));
                          const auto set = course.take(**reply);
                          if (!set) return refuse(set.error());
                          if (*set) {
                            if (const auto noted = note_calibration(**set, setting->book); !noted) {
                              return refuse(noted.error());
                            }
                          }
                          go_on(setting);
                        });
}

}  // namespace

void set_words(const std::string& home, std::vector<WordsChange> changes,
               const std::filesystem::path& book, WordsCourse::Signature signature,
               MeterRequests& requests, WordsAnswer answer) {
  std::vector<CalibrationRecord> noted;
  try {
    noted = load_calibrations(book);  // Before anything is set: it could not be noted else.
  } catch (const std::runtime_error& trouble) {
    return answer(std::unexpected(trouble.what()), false);
  }
  const auto now = signature.time;
  go_on(std::make_shared<Setting>(
      Setting{home, WordsCourse(std::move(changes), std::move(noted), std::move(signature)), book,
              now, requests, std::move(answer)}));
}

}  // namespace hub
