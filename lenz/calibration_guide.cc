#include "lenz/calibration_guide.h"

#include <fmt/format.h>

#include <sstream>
#include <stdexcept>
#include <vector>

#include "measurement/request_codec.h"

namespace lenz {

using insight::LoadKind;
using measurement::Reply;
using measurement::Request;

namespace {

constexpr const char* bad_numbers = "Three numbers or dashes are needed: 230.4 9.98 2299";

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

// What somebody read off the reference.
struct Shown {
  hub::Typed typed;
  LoadKind kind = LoadKind::resistive;
};

// Nothing where it is not three words, of loads with "inductive" behind them.
std::optional<Shown> shown_in(const std::vector<std::string>& words) {
  const bool is_inductive = words.size() == 4 && words[3] == "inductive";
  if (words.size() != 3 && !is_inductive) return std::nullopt;
  return Shown{{words[0], words[1], words[2]},
               is_inductive ? LoadKind::inductive : LoadKind::resistive};
}

template <class Value>
Value or_throw(std::expected<Value, std::string> value) {
  if (!value) throw std::runtime_error(value.error());
  return *std::move(value);
}
void or_throw(const hub::CalibrationCourse::Done& done) {
  if (!done) throw std::runtime_error(done.error());
}

class Guide {
 public:
  Guide(hub::CalibrationCourse course, const Talk& talk, const AskMeter& meter)
      : course_(std::move(course)), talk_(talk), meter_(meter) {}

  std::optional<hub::CalibrationRecord> run(measurement::Timestamp now) {
    or_throw(course_.take_words(meter_(course_.read_words())));
    const auto& before = course_.words();
    talk_.say(
        fmt::format("Channel {} of {}: voltage gain {}, current gain {}, PGA {}, x{}, phase {}.",
                    course_.plan().channel, course_.plan().device, before.voltage_gain,
                    before.current_gain, before.pga, before.multiplier, before.phase_delay));
    if (course_.plan().reference.empty()) {
      course_.name_reference(
          answer_to(talk_, "What is the reference? Its name, and when it was checked itself"));
    }
    ask_percents();
    read_no_load();
    while (ask_load()) {
    }
    return set(now);
  }

 private:
  void ask_percents() {
    while (true) {
      const auto words = words_of(answer_to(
          talk_, "+- in % of its volts, amperes and watts (0.2 0.2 0.2; - where it shows none)"));
      const auto typed = shown_in(words);
      const auto taken = course_.take_percents(typed ? typed->typed : hub::Typed{});
      if (taken) return;
      talk_.say("  " + taken.error());
    }
  }

  void read_no_load() {
    while (answer_to(talk_,
                     "Switch the circuit off, or take the clamp off its wire, and press Enter "
                     "(s: skip)") != "s") {
      if (const auto taken = course_.take_no_load(meter_(course_.read_no_load())); !taken) {
        talk_.say("  " + taken.error());
        continue;
      }
      const auto& raw = *course_.no_load();
      talk_.say(fmt::format("  {:.3f} A, {:.3f} W, {:.3f} var without load", raw.current.mean,
                            raw.active.mean, raw.reactive.mean));
      return;
    }
  }

  // False: there are enough.
  bool ask_load() {
    const bool is_first = course_.loads().empty();
    talk_.say(is_first ? "Switch a steady load on: a heater without fan, the larger the better."
                       : "Another size of load tells how the clamp changes with it.");
    while (true) {
      const auto words = words_of(answer_to(
          talk_,
          fmt::format("What the reference shows now: volts amperes watts, then \"inductive\" "
                      "for a power factor of about 0.5{}",
                      is_first ? "" : " (Enter: enough)")));
      if (words.empty() && !is_first) return false;
      const auto shown = shown_in(words);
      const auto may =
          shown ? course_.may_read(shown->typed, shown->kind) : std::unexpected(bad_numbers);
      if (!may) {
        talk_.say("  " + may.error());
        continue;
      }
      const auto reply = meter_(course_.read_load());
      if (const auto taken = course_.take_load(shown->typed, shown->kind, reply); !taken) {
        talk_.say("  " + taken.error());
        return true;
      }
      const auto& raw = course_.loads().back().raw;
      talk_.say(fmt::format("  the meter: {:.2f} V, {:.3f} A, {:.1f} W, {:.1f} var",
                            raw.voltage.mean, raw.current.mean, raw.active.mean,
                            raw.reactive.mean));
      return true;
    }
  }

  std::optional<hub::CalibrationRecord> set(measurement::Timestamp now) {
    const auto& before = course_.words();
    const auto& words = course_.result()->words;
    talk_.say(
        fmt::format("Voltage gain {} -> {}, current gain {} -> {}, power gain {} -> {}, phase "
                    "{} -> {}, offset {} -> {}.",
                    before.voltage_gain, words.voltage_gain, before.current_gain,
                    words.current_gain, before.power_gain, words.power_gain, before.phase_delay,
                    words.phase_delay, before.active_offset, words.active_offset));
    talk_.say(accuracy_text(course_.result()->accuracy, course_.plan().volts));
    if (answer_to(talk_, "Set the meter so? (yes)") != "yes") return std::nullopt;
    auto record = or_throw(course_.take_set(meter_(course_.set()), now));
    if (!record.is_kept) talk_.say(measurement::sentence(Reply::Outcome::not_kept));
    return record;
  }

  hub::CalibrationCourse course_;
  const Talk& talk_;
  const AskMeter& meter_;
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

std::optional<hub::CalibrationRecord> calibrate_channel(const hub::CalibrationPlan& plan,
                                                        const Talk& talk, const AskMeter& meter,
                                                        measurement::Timestamp now) {
  try {
    return Guide(or_throw(hub::CalibrationCourse::begin(plan)), talk, meter).run(now);
  } catch (const CalledOff&) {
    return std::nullopt;
  }
}

}  // namespace lenz
