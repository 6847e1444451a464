// Sets several clamps alike: all are read before one is set, and each is set only where it is still
// as it was read. The rules behind all that calibrates without a bench, on the page and in the
// terminal.

#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/calibration_book.h"
#include "hub/home.h"
#include "hub/meter_requests.h"
#include "measurement/request.h"

namespace hub {

// What is to become of one clamp.
struct WordsChange {
  ChannelUse clamp;
  std::string reference;  // For the book.
  // From those that are set; refused with one sentence.
  std::function<std::expected<measurement::ChannelWords, std::string>(
      const measurement::ChannelWords&)>
      words;
  std::function<insight::Accuracy(const insight::Accuracy& before)> accuracy;
  std::string model = {};  // Of the clamp; empty: as it was noted before.
};

class WordsCourse {
 public:
  struct Signature {
    std::string by;
    double volts = 0;  // Nominal.
    measurement::Timestamp time;
  };
  // `book` is what was noted so far.
  WordsCourse(std::vector<WordsChange>, std::vector<CalibrationRecord> book, Signature);

  // Whom to ask next, and what; nothing: all are set.
  struct Question {
    std::string device;
    measurement::Request request;
  };
  std::optional<Question> next() const;

  // Its reply: what is to be noted, if that clamp is set by it. Refused with one sentence that
  // names the clamp; then the course is over.
  std::expected<std::optional<CalibrationRecord>, std::string> take(const measurement::Reply&);
  // The same sentence of a meter that gave no reply.
  std::string refused(const std::string& why) const;

  bool has_begun() const { return has_begun_; }  // To set: some clamps may be.

 private:
  std::expected<void, std::string> take_words(const measurement::Reply&);

  std::vector<WordsChange> changes_;
  std::vector<CalibrationRecord> book_, records_;  // As it was; those to come, one for each clamp.
  Signature signature_;
  std::size_t next_ = 0;
  bool has_begun_ = false;
};

// What a channel may be off by with these words; it was never calibrated where it has others.
insight::Accuracy accuracy_of(const std::vector<CalibrationRecord>& book, const ChannelUse&,
                              const measurement::ChannelWords&);
// The same of the words that it was set to last.
insight::Accuracy accuracy_of(const std::vector<CalibrationRecord>& book, const ChannelUse&);
// When a clamp of these was set last; the least time there is where none was.
measurement::Timestamp newest_of(const std::vector<CalibrationRecord>& book,
                                 const std::vector<ChannelUse>&);

// Asks the meters and notes what is set in the book. `has_begun`: some clamps are set, though not
// all. Answered once, here or later.
using WordsAnswer = std::function<void(std::expected<void, std::string>, bool has_begun)>;
void set_words(const std::string& home, std::vector<WordsChange>, const std::filesystem::path& book,
               WordsCourse::Signature, MeterRequests&, WordsAnswer);

}  // namespace hub
