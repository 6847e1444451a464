#include "lenz/calibration_guide.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "insight/calibration/calibrate.h"
#include "insight/calibration/transformers.h"
#include "measurement/request_codec.h"

namespace lenz {

using measurement::Reply;
using measurement::Request;

namespace {

constexpr std::uint16_t no_load_windows = 40, load_windows = 24;  // 14 and 8.4 s.

struct CalledOff {};

std::string answer_to(const Talk& talk, const std::string& question) {
  const auto answer = talk.ask(question);
  if (!answer) throw CalledOff();
  return *answer;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::optional<double> number_in(const std::string& word) {
  double value = 0;
  const auto* end = word.data() + word.size();
  const auto [at, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

// A step of the last digit that was typed: 0.1 of "230.4".
double digit_of(const std::string& word) {
  const auto point = word.find('.');
  double digit = 1;
  for (auto i = point; point != std::string::npos && i + 1 < word.size(); ++i) digit /= 10;
  return digit;
}

// Three numbers or dashes; nothing where a word is neither.
using Three = std::array<std::optional<double>, 3>;
std::optional<Three> three_in(const std::vector<std::string>& words) {
  if (words.size() < 3) return std::nullopt;
  Three three;
  for (std::size_t i = 0; i < 3; ++i) {
    if (words[i] == "-") continue;
    three.at(i) = number_in(words[i]);
    if (!three.at(i) || *three.at(i) < 0) return std::nullopt;
  }
  return three;
}

class Guide {
 public:
  Guide(const CalibrationGuide& guide, const Talk& talk, const AskMeter& meter)
      : guide_(guide), talk_(talk), meter_(meter) {}

  std::optional<hub::CalibrationRecord> run(measurement::Timestamp now) {
    const auto before = ask(Request::Kind::read_words, 0).words;
    talk_.say(
        fmt::format("Channel {} of {}: voltage gain {}, current gain {}, PGA {}, x{}, phase {}.",
                    guide_.channel, guide_.device, before.voltage_gain, before.current_gain,
                    before.pga, before.multiplier, before.phase_delay));
    if (guide_.reference.empty()) {
      guide_.reference =
          answer_to(talk_, "What is the reference? Its name, and when it was checked itself");
    }
    ask_percents();
    insight::CalibrationInput input{.words = before,
                                    .line_frequency = guide_.line_frequency,
                                    .class_percent = guide_.class_percent,
                                    .rated_a = guide_.rated_a};
    if (answer_to(talk_,
                  "Switch the circuit off, or take the clamp off its wire, and press Enter "
                  "(s: skip)") != "s") {
      const auto raw = read(no_load_windows);
      input.no_load = raw.first;
      input.no_load_windows = raw.second;
      talk_.say(fmt::format("  {:.3f} A, {:.3f} W, {:.3f} var without load", raw.first.current.mean,
                            raw.first.active.mean, raw.first.reactive.mean));
    }
    std::vector<insight::CalibrationLoad> loads;
    while (true) {
      input.loads = loads;
      const auto load = ask_load(loads.empty());
      if (!load) break;
      auto more = loads;
      more.push_back(*load);
      input.loads = more;
      if (const auto result = insight::calibrate(input); !result) {
        talk_.say("  " + result.error().sentence);
        continue;
      }
      loads = std::move(more);
    }
    input.loads = loads;
    const auto result = insight::calibrate(input);
    if (!result) throw std::runtime_error(result.error().sentence);
    return write(before, *result, now);
  }

 private:
  Reply ask(Request::Kind kind, std::uint16_t windows) {
    const auto reply = meter_(
        {.kind = kind, .channel = static_cast<std::uint8_t>(guide_.channel), .windows = windows});
    if (reply.outcome != Reply::Outcome::done) {
      throw std::runtime_error(measurement::sentence(reply.outcome));
    }
    return reply;
  }

  std::pair<measurement::RawChannel, int> read(std::uint16_t windows) {
    const auto raw = ask(Request::Kind::read_raw, windows).raw;
    const auto phase = static_cast<std::size_t>(guide_.channel) % measurement::channels_per_chip;
    return {raw.channels.at(phase), raw.windows};
  }

  void ask_percents() {
    while (true) {
      const auto percents = three_in(words_of(answer_to(
          talk_, "+- in % of its volts, amperes and watts (0.2 0.2 0.2; - where it shows none)")));
      if (percents && ((*percents)[2] || ((*percents)[0] && (*percents)[1]))) {
        percents_ = *percents;
        return;
      }
      talk_.say("  Three numbers or dashes are needed, watts or both of the others among them.");
    }
  }

  // Nothing: there are enough.
  std::optional<insight::CalibrationLoad> ask_load(bool is_first) {
    talk_.say(is_first ? "Switch a steady load on: a heater without fan, the larger the better."
                       : "Another size of load tells how the clamp changes with it.");
    while (true) {
      const auto line = answer_to(
          talk_,
          fmt::format("What the reference shows now: volts amperes watts, then \"inductive\" "
                      "for a power factor of about 0.5{}",
                      is_first ? "" : " (Enter: enough)"));
      const auto words = words_of(line);
      if (words.empty() && !is_first) return std::nullopt;
      const auto shown = three_in(words);
      const bool is_inductive = words.size() == 4 && words[3] == "inductive";
      if (!shown || words.size() > 4 || (words.size() == 4 && !is_inductive)) {
        talk_.say("  Three numbers or dashes are needed: 230.4 9.98 2299");
        continue;
      }
      insight::CalibrationLoad load{.kind = is_inductive ? insight::LoadKind::inductive
                                                         : insight::LoadKind::resistive};
      const auto value = [&](std::size_t i) -> std::optional<insight::ReferenceValue> {
        if (!shown->at(i) || !percents_.at(i)) return std::nullopt;
        return insight::ReferenceValue{*shown->at(i), *percents_.at(i), digit_of(words[i])};
      };
      load.volts = value(0);
      load.amperes = value(1);
      load.watts = value(2);
      const auto [raw, windows] = read(load_windows);
      load.raw = raw;
      load.windows = windows;
      talk_.say(fmt::format("  the meter: {:.2f} V, {:.3f} A, {:.1f} W, {:.1f} var",
                            raw.voltage.mean, raw.current.mean, raw.active.mean,
                            raw.reactive.mean));
      return load;
    }
  }

  std::optional<hub::CalibrationRecord> write(const measurement::ChannelWords& before,
                                              const insight::Calibration& result,
                                              measurement::Timestamp now) {
    const auto& words = result.words;
    talk_.say(
        fmt::format("Voltage gain {} -> {}, current gain {} -> {}, power gain {} -> {}, phase "
                    "{} -> {}, offset {} -> {}.",
                    before.voltage_gain, words.voltage_gain, before.current_gain,
                    words.current_gain, before.power_gain, words.power_gain, before.phase_delay,
                    words.phase_delay, before.active_offset, words.active_offset));
    talk_.say(accuracy_text(result.accuracy, guide_.volts));
    if (answer_to(talk_, "Set the meter so? (yes)") != "yes") return std::nullopt;
    const auto reply = meter_({.kind = Request::Kind::write_words,
                               .channel = static_cast<std::uint8_t>(guide_.channel),
                               .expected = before,
                               .wanted = words});
    // A meter that restarted meanwhile has forgotten that it did it.
    const bool is_set = reply.outcome == Reply::Outcome::done ||
                        reply.outcome == Reply::Outcome::not_kept ||
                        (reply.outcome == Reply::Outcome::words_differ && reply.words == words);
    if (!is_set) throw std::runtime_error(measurement::sentence(reply.outcome));
    if (reply.outcome == Reply::Outcome::not_kept) {
      talk_.say(measurement::sentence(reply.outcome));
    }
    return hub::CalibrationRecord{.device = guide_.device,
                                  .channel = guide_.channel,
                                  .time = now,
                                  .reference = guide_.reference,
                                  .by = guide_.by,
                                  .clamp = guide_.clamp,
                                  .volts = guide_.volts,
                                  .before = before,
                                  .after = words,
                                  .accuracy = result.accuracy,
                                  .no_load_a = result.no_load_a,
                                  .is_kept = reply.outcome != Reply::Outcome::not_kept};
  }

  CalibrationGuide guide_;
  const Talk& talk_;
  const AskMeter& meter_;
  Three percents_;
};

}  // namespace

std::string accuracy_text(const insight::Accuracy& accuracy, double volts) {
  std::string text = "  +- of its power (95 %):       1 A     10 A     30 A";
  for (const double factor : {1.0, 0.5}) {
    text += fmt::format("\n    power factor {:.1f}      ", factor);
    for (const double amperes : {1.0, 10.0, 30.0}) {
      text +=
          fmt::format("{:6.2f} %", insight::plus_minus_percent(accuracy, volts, amperes, factor));
    }
  }
  return text;
}

std::optional<hub::CalibrationRecord> calibrate_channel(const CalibrationGuide& guide,
                                                        const Talk& talk, const AskMeter& meter,
                                                        measurement::Timestamp now) {
  auto complete = guide;
  if (const auto* model = insight::find_transformer(guide.clamp)) {
    complete.class_percent = model->class_percent;
    complete.rated_a = model->rated_a;
  } else if (guide.rated_a <= 0) {
    std::string names;
    for (const auto& each : insight::transformer_models()) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", each.name);
    }
    throw std::runtime_error(fmt::format(
        "The clamp's model \"{}\" is not known: name one of {}, or give --rated and --class.",
        guide.clamp, names));
  }
  try {
    return Guide(complete, talk, meter).run(now);
  } catch (const CalledOff&) {
    return std::nullopt;
  }
}

}  // namespace lenz
