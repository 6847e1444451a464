#include "lenz/bench_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <expected>
#include <sstream>
#include <vector>

#include "lenz/readings.h"

namespace lenz {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using namespace std::chrono_literals;

// What a board must keep to here: what its vendor says of it before it is calibrated, and the
// classes of clamps (docs/meter.md).
constexpr double most_voltage_error = 0.01;
constexpr double most_power_error = 0.03;
constexpr double most_reversal_error = 0.01;  // Between both ways round, of the same load.
constexpr double most_reference_error = 0.05;
constexpr double most_idle_watts = 0.5;
constexpr double least_load_watts = 10;
constexpr double most_hertz_off = 1;
constexpr seconds alive_within{10};  // A report must have come.
constexpr seconds silence{5};        // A meter that says nothing for so long is away.
constexpr milliseconds a_look{500};

// Why a step did not come to a verdict.
struct Halt {
  bool stops = false;  // Nobody answers, or somebody has had enough.
  std::string why;     // Else: what is lacking, with the remedy.
};

struct Judged {
  bool passed = false;
  std::string why;
  json figures = json::object();
  json readings = json::array();
};

using Outcome = std::expected<Judged, Halt>;

struct Step;

struct Work {
  Bench& bench;
  BenchRecord& record;
  BenchLog& log;
  const BenchSetup& setup;
  const Step& step;

  milliseconds quick(milliseconds time) const {
    return milliseconds(std::llround(static_cast<double>(time.count()) / setup.quickened));
  }
};

struct Step {
  std::string name;
  std::string title;
  std::string needs;  // A step that must have passed; empty: none.
  minutes time;
  Outcome (*run)(const Work&);
  std::string load{};     // What is to be on, for steps with a load.
  std::string forward{};  // The step with the same load and the clamp the other way round.
};

// ---- What steps have in common ----

Outcome refuse(std::string why) { return std::unexpected(Halt{.why = std::move(why)}); }
Outcome stop() { return std::unexpected(Halt{.stops = true}); }

bool confirms(const Work& work, const std::string& what) {
  const auto answer = work.bench.ask(what + " Then press Enter; q stops here.");
  return answer && *answer != "q";
}

// Listens until it is so, or for `at_most`.
template <class Condition>
bool listens_until(const Work& work, milliseconds at_most, Condition is_so) {
  const auto end = work.bench.now() + at_most;
  while (!is_so() && work.bench.now() < end) work.bench.listen(a_look);
  return is_so();
}

bool is_silent(const Work& work) {
  const auto last = work.log.last_heard();
  return !last || work.bench.now() - *last >= silence;
}

// Whether the meter is heard; waits a little for it.
bool is_alive(const Work& work) {
  const auto begin = work.bench.now();
  return listens_until(work, alive_within, [&] {
    const auto last = work.log.last_heard();
    return last && *last >= begin;
  });
}

const char* const not_heard =
    "The meter says nothing: check that it has power, and that hub and broker run.";

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

template <class Unit>
json number(const std::optional<Unit>& value) {
  return value ? json(rounded(static_cast<double>(value->value))) : json();
}

// The readings of a while, and what they come to.
struct Measured {
  std::size_t count = 0;
  double volts = 0, amperes = 0, watts = 0, vars = 0;
  double volts_spread = 0, watts_spread = 0;  // Standard deviations.
  double counted_mwh = 0;                     // Drawn less given.
  json readings = json::array();              // [s, V, A, W, var] each.
};

class Mean {
 public:
  void add(double value) {
    ++count_;
    const double off = value - mean_;
    mean_ += off / static_cast<double>(count_);
    squares_ += off * (value - mean_);
  }
  double mean() const { return mean_; }
  double spread() const {
    return count_ > 1 ? std::sqrt(squares_ / static_cast<double>(count_ - 1)) : 0;
  }

 private:
  std::size_t count_ = 0;
  double mean_ = 0, squares_ = 0;
};

Measured measure(const Work& work, milliseconds time) {
  const auto begin = work.bench.now();
  work.bench.listen(time);
  Measured measured;
  Mean volts, amperes, watts, vars;
  std::optional<double> first_mwh, last_mwh;
  for (const auto& reading : work.log.readings_since(begin)) {
    ++measured.count;
    measured.readings.push_back(
        {rounded(std::chrono::duration<double>(reading.heard - begin).count()),
         number(reading.voltage), number(reading.current), number(reading.active_power),
         number(reading.reactive_power)});
    if (reading.voltage) volts.add(reading.voltage->value);
    if (reading.current) amperes.add(reading.current->value);
    if (reading.active_power) watts.add(reading.active_power->value);
    if (reading.reactive_power) vars.add(reading.reactive_power->value);
    if (!reading.imported || !reading.exported) continue;
    last_mwh = static_cast<double>(reading.imported->value - reading.exported->value);
    if (!first_mwh) first_mwh = last_mwh;
  }
  measured.volts = volts.mean();
  measured.amperes = amperes.mean();
  measured.watts = watts.mean();
  measured.vars = vars.mean();
  measured.volts_spread = volts.spread();
  measured.watts_spread = watts.spread();
  if (first_mwh) measured.counted_mwh = *last_mwh - *first_mwh;
  return measured;
}

json figures_of(const Measured& measured) {
  return {{"readings", measured.count},
          {"voltage_v", rounded(measured.volts)},
          {"voltage_spread_v", rounded(measured.volts_spread)},
          {"current_a", rounded(measured.amperes)},
          {"power_w", rounded(measured.watts)},
          {"power_spread_w", rounded(measured.watts_spread)},
          {"reactive_var", rounded(measured.vars)},
          {"counted_mwh", measured.counted_mwh}};
}

json figures_of(const BenchReference& reference) {
  return {{"value", reference.value}, {"plus_minus", reference.plus_minus}};
}

// What a reference instrument shows, asked until it can be read.
std::optional<BenchReference> ask_reference(const Work& work, const std::string& what) {
  while (true) {
    const auto answer = work.bench.ask(
        what + " Type it, and by how much it may be off, as in: 230.4 0.5 (q stops here)");
    if (!answer || *answer == "q") return std::nullopt;
    const auto reference = parse_reference(*answer);
    if (!reference || reference->value <= 0) {
      work.bench.say(
          fmt::format("\"{}\" is no value above 0 with its ±: write two numbers.", *answer));
    } else if (reference->plus_minus > most_reference_error * reference->value) {
      work.bench.say(
          fmt::format("A reference that may be off by more than {:.0f} % proves nothing: "
                      "use a better one.",
                      100 * most_reference_error));
    } else {
      return reference;
    }
  }
}

// ---- The steps ----

Outcome flash(const Work& work) {
  if (work.setup.image_sha256.empty()) {
    return refuse(
        "Nobody said which firmware this is: name its image with --firmware FILE, so that its hash "
        "gets into the record.");
  }
  if (!confirms(work, "Flash the board (firmware/README.md) and let it start.")) return stop();
  const auto begin = work.bench.now();
  const bool heard = listens_until(work, work.quick(work.step.time), [&] {
    const auto last = work.log.last_heard();
    return last && *last >= begin;
  });
  if (!heard) return refuse(not_heard);
  const auto waited = std::chrono::duration<double>(work.bench.now() - begin).count();
  return Judged{
      .passed = true,
      .why = fmt::format("The meter was heard after {:.0f} s.", waited),
      .figures = {{"seconds", rounded(waited)}, {"boot", fmt::format("{:016x}", work.log.boot())}}};
}

Outcome chips(const Work& work) {
  if (!is_alive(work)) return refuse(not_heard);
  work.log.forget_chips();
  work.bench.listen(std::max<milliseconds>(work.quick(work.step.time), 15s));
  const auto& seen = work.log.chips();
  Judged judged{.passed = true};
  json all = json::array();
  const auto wanted = work.setup.assembly.chips();
  for (std::size_t i = 0; i < std::max(wanted, seen.size()); ++i) {
    std::array<char, 48> buffer;
    const auto place = firmware::place_of_chip(work.setup.assembly, i, buffer);
    const auto chip = i < seen.size() ? seen[i] : BenchLog::Chip{};
    all.push_back({{"place", place},
                   {"voltage_v", number(chip.voltage)},
                   {"frequency_hz", number(chip.frequency)},
                   {"temperature_c", number(chip.temperature)}});
    const auto blame = [&](const std::string& what) {
      judged.passed = false;
      judged.why += fmt::format("{}{}: {}", judged.why.empty() ? "" : " ", place, what);
    };
    if (i >= wanted) {
      blame("there is a chip more than the board has.");
    } else if (!chip.frequency || !chip.temperature) {
      blame("the chip says nothing.");
    } else if (std::abs(chip.frequency->value - work.setup.line_frequency_hz) > most_hertz_off) {
      blame(fmt::format("it sees {:.2f} Hz.", chip.frequency->value));
    }
  }
  if (judged.passed) judged.why = fmt::format("All {} chips answer.", wanted);
  judged.figures = {{"chips", std::move(all)}};
  return judged;
}

Outcome voltage(const Work& work) {
  if (!is_alive(work)) return refuse(not_heard);
  if (!confirms(work, "Hold a reference voltmeter at the outlet of the voltage adapter.")) {
    return stop();
  }
  auto measured = measure(work, work.quick(work.step.time));
  if (measured.volts < 10) {
    return refuse("The chip sees no voltage: plug the voltage adapter in.");
  }
  const auto reference = ask_reference(work, "What did the voltmeter show on average, in V?");
  if (!reference) return stop();
  if (reference->value <= 0)
    return refuse("A voltage is more than 0: look at the voltmeter again.");
  const double off = measured.volts / reference->value - 1;
  const double allowed = most_voltage_error + reference->plus_minus / reference->value;
  Judged judged{
      .passed = std::abs(off) <= allowed,
      .why = fmt::format("{:.2f} V, and {:.2f} V by the reference: {:+.2f} %, of ±{:.2f} % "
                         "that are allowed.",
                         measured.volts, reference->value, 100 * off, 100 * allowed),
      .figures = figures_of(measured),
      .readings = std::move(measured.readings)};
  judged.figures["reference"] = figures_of(*reference);
  judged.figures["error"] = rounded(off);
  return judged;
}

Outcome no_load(const Work& work) {
  if (!is_alive(work)) return refuse(not_heard);
  if (!confirms(work, "Close the clamp around one wire of the load, and switch everything off.")) {
    return stop();
  }
  if (const auto now = measure(work, seconds(5)); std::abs(now.watts) > least_load_watts) {
    return refuse(
        fmt::format("The clamp still sees {:.1f} W: switch lamp and heater off.", now.watts));
  }
  auto measured = measure(work, work.quick(work.step.time));
  const double hours =
      std::chrono::duration<double, std::ratio<3600>>(work.quick(work.step.time)).count();
  const double counted_watts = std::abs(measured.counted_mwh) / 1000 / hours;
  return Judged{
      .passed = std::abs(measured.watts) <= most_idle_watts && counted_watts <= most_idle_watts,
      .why = fmt::format("{:.3f} W and {:.0f} mA without a load; {:.0f} mWh were counted. {} W are "
                         "allowed.",
                         measured.watts, 1000 * measured.amperes, measured.counted_mwh,
                         most_idle_watts),
      .figures = figures_of(measured),
      .readings = std::move(measured.readings)};
}

// How much the readings are above what the reference showed: 0.01 is 1 %.
double power_error(const Measured& measured, const BenchReference& reference) {
  return std::abs(measured.watts) / reference.value - 1;
}

void judge_reversal(const Work& work, const Measured& measured, double off, Judged& judged) {
  const auto forward = work.record.row(work.step.forward);
  const double apart = off - forward->at("figures").at("error").get<double>();
  judged.figures["apart_from_forward"] = rounded(apart);
  if (measured.watts >= 0) {
    judged.passed = false;
    judged.why += " The power should be negative now: is the clamp turned?";
  } else if (std::abs(apart) > most_reversal_error) {
    judged.passed = false;
    judged.why += fmt::format(" That is {:+.2f} % from the other way round.", 100 * apart);
  }
}

Outcome load(const Work& work) {
  const bool reversed = !work.step.forward.empty();
  if (!is_alive(work)) return refuse(not_heard);
  if (!confirms(work, fmt::format("{}Switch {} on, through the reference power meter.",
                                  reversed ? "The clamp is to sit the other way round now. " : "",
                                  work.step.load))) {
    return stop();
  }
  if (const auto now = measure(work, seconds(5)); std::abs(now.watts) < least_load_watts) {
    return refuse(
        fmt::format("The clamp sees only {:.1f} W: check that {} is on, and that the "
                    "clamp is closed around one wire and not around both.",
                    now.watts, work.step.load));
  }
  auto measured = measure(work, work.quick(work.step.time));
  const auto reference =
      ask_reference(work, "What did the reference power meter show on average, in W?");
  if (!reference) return stop();
  const double off = power_error(measured, *reference);
  const double allowed = most_power_error + reference->plus_minus / reference->value;
  Judged judged{.passed = std::abs(off) <= allowed && (reversed || measured.watts > 0),
                .why = fmt::format("{:.1f} W, and {:.1f} W by the reference: {:+.2f} %, of ±{:.2f} "
                                   "% that are allowed.",
                                   measured.watts, reference->value, 100 * off, 100 * allowed),
                .figures = figures_of(measured),
                .readings = std::move(measured.readings)};
  judged.figures["reference"] = figures_of(*reference);
  judged.figures["error"] = rounded(off);
  if (reversed) judge_reversal(work, measured, off, judged);
  if (!reversed && measured.watts < 0) judged.why += " It is negative: turn the clamp.";
  return judged;
}

// Waits until the meter is gone and back again, with nothing left behind.
struct Absence {
  double away_s = 0;      // Without a report.
  double catch_up_s = 0;  // From being back to having told everything.
  std::uint64_t missing = 0;
};

std::expected<Absence, Halt> wait_for_absence(const Work& work, milliseconds at_least,
                                              const std::string& begin, const std::string& end) {
  const auto halt = [](std::string why) { return std::unexpected(Halt{.why = std::move(why)}); };
  const auto missing_before = work.log.missing();
  if (!confirms(work, begin)) return std::unexpected(Halt{.stops = true});
  if (!listens_until(work, 2min, [&] { return is_silent(work); })) {
    return halt("The meter is still heard: it was not cut off, or by another way than this.");
  }
  const auto gone = *work.log.last_heard();
  if (listens_until(work, gone + at_least - work.bench.now(), [&] { return !is_silent(work); })) {
    return halt("The meter was back before its time: do the step once more.");
  }
  if (!confirms(work, end)) return std::unexpected(Halt{.stops = true});
  const auto last = *work.log.last_heard();
  if (!listens_until(work, 5min, [&] { return *work.log.last_heard() > last; })) {
    return halt("The meter has not come back: check its power, and that the network is up.");
  }
  const auto back = work.bench.now();
  listens_until(work, 5min, [&] { return work.log.missing() == missing_before; });
  const auto caught_up = work.bench.now();
  work.bench.listen(10s);  // Whether it goes on.
  return Absence{.away_s = std::chrono::duration<double>(back - gone).count(),
                 .catch_up_s = std::chrono::duration<double>(caught_up - back).count(),
                 .missing = work.log.missing() - missing_before};
}

json figures_of(const Absence& absence) {
  return {{"away_s", rounded(absence.away_s)},
          {"catch_up_s", rounded(absence.catch_up_s)},
          {"missing_samples", absence.missing}};
}

Outcome power_cut(const Work& work) {
  if (!is_alive(work)) return refuse(not_heard);
  const auto boot = work.log.boot();
  const auto absence = wait_for_absence(work, work.quick(30s), "Take the board's supply away.",
                                        "Give the board its supply again.");
  if (!absence) return std::unexpected(absence.error());
  const bool started = work.log.boot() != boot;
  return Judged{.passed = started && absence->missing == 0,
                .why = fmt::format("{} after {:.0f} s, {} samples are missing.",
                                   started ? "It started anew" : "It never lost its supply",
                                   absence->away_s, absence->missing),
                .figures = figures_of(*absence)};
}

Outcome link_cut(const Work& work) {
  if (!is_alive(work)) return refuse(not_heard);
  const auto boot = work.log.boot();
  const auto absence = wait_for_absence(work, work.quick(10min),
                                        "Switch the Wi-Fi off, or pull the network's cable; leave "
                                        "the board its supply.",
                                        "Switch the network on again.");
  if (!absence) return std::unexpected(absence.error());
  const bool went_on = work.log.boot() == boot;
  return Judged{
      .passed = went_on && absence->missing == 0 && work.log.lost() == 0,
      .why = fmt::format("Away for {:.0f} s, all was told {:.0f} s later; {} samples are missing, "
                         "and {}.",
                         absence->away_s, absence->catch_up_s, absence->missing,
                         went_on ? "the meter went on" : "the meter started anew"),
      .figures = figures_of(*absence)};
}

Outcome unattended(const Work& work) {
  if (!is_alive(work)) return refuse(not_heard);
  if (!confirms(work, "Leave the board alone from now on, for 24 hours.")) return stop();
  const auto time = work.quick(work.step.time);
  const auto begin = work.bench.now();
  const auto boots = work.log.boots();
  const auto missing = work.log.missing();
  const auto count = work.log.count();
  Judged judged;
  const auto part = time / 24;
  for (int i = 0; i < 24; ++i) {
    const auto hour = measure(work, part);
    auto row = figures_of(hour);
    row["at"] = utc_text(begin + i * part);
    judged.readings.push_back(std::move(row));
  }
  const auto samples = work.log.count() - count;
  const auto expected = static_cast<double>(time.count()) / 1000;
  const auto restarts = work.log.boots() - boots;
  const auto lacking = work.log.missing() - missing;
  judged.figures = {{"samples", samples},
                    {"missing_samples", lacking},
                    {"restarts", restarts},
                    {"lost", work.log.lost()}};
  judged.passed = restarts == 0 && lacking == 0 && static_cast<double>(samples) > 0.99 * expected;
  judged.why = fmt::format("{} samples in {:.1f} h, {} missing, {} restarts.", samples,
                           expected / 3600, lacking, restarts);
  return judged;
}

const std::vector<Step>& steps() {
  static const std::vector<Step> all = {
      {"flash", "The firmware starts", "", 5min, flash},
      {"chips", "Every chip answers", "", 1min, chips},
      {"voltage", "The voltage is right", "", 5min, voltage},
      {"no_load", "Nothing is counted without a load", "", 10min, no_load},
      {"lamp", "A lamp", "", 5min, load, "the lamp"},
      {"heater", "A heater", "", 10min, load, "the heater alone"},
      {"both", "Both", "", 5min, load, "lamp and heater"},
      {"lamp_reversed", "The lamp, with the clamp turned", "lamp", 5min, load, "the lamp", "lamp"},
      {"heater_reversed", "The heater, with the clamp turned", "heater", 10min, load,
       "the heater alone", "heater"},
      {"both_reversed", "Both, with the clamp turned", "both", 5min, load, "lamp and heater",
       "both"},
      {"power_cut", "A power cut", "", 5min, power_cut},
      {"link_cut", "Ten minutes without a network", "", 15min, link_cut},
      {"unattended", "A day by itself", "", 24h, unattended},
  };
  return all;
}

json row_of(const Work& work, measurement::Timestamp begin, const char* verdict, Judged judged) {
  return {{"step", work.step.name},
          {"begin", utc_text(begin)},
          {"end", utc_text(work.bench.now())},
          {"verdict", verdict},
          {"why", std::move(judged.why)},
          {"figures", std::move(judged.figures)},
          {"readings", std::move(judged.readings)}};
}

Outcome try_once(const Work& work) {
  if (!work.step.needs.empty()) {
    const auto row = work.record.row(work.step.needs);
    if (!row || row->at("verdict") == "skipped") {
      return refuse(
          fmt::format("The step \"{}\" comes before this one and was skipped.", work.step.needs));
    }
  }
  return work.step.run(work);
}

// Until there is a row. False: somebody stopped.
bool do_step(const Work& work) {
  while (true) {
    const auto begin = work.bench.now();
    auto outcome = try_once(work);
    if (!outcome && outcome.error().stops) return false;
    const bool refused = !outcome;
    Judged judged = outcome ? std::move(*outcome) : Judged{.why = outcome.error().why};
    if (judged.passed) {
      work.bench.say("Passed: " + judged.why);
      work.record.add(row_of(work, begin, "passed", std::move(judged)));
      return true;
    }
    work.bench.say((refused ? "Not yet: " : "Failed: ") + judged.why);
    const auto answer = work.bench.ask(
        refused ? "Enter tries again, s skips this step, q stops here."
                : "Enter keeps that and goes on, r repeats the step, q stops here without it.");
    if (!answer || *answer == "q") return false;
    if (refused ? *answer != "s" : *answer == "r") continue;
    work.record.add(row_of(work, begin, refused ? "skipped" : "failed", std::move(judged)));
    return true;
  }
}

}  // namespace

bool run_bench(Bench& bench, BenchRecord& record, BenchLog& log, const BenchSetup& setup) {
  const auto& all = steps();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (record.row(all[i].name)) continue;
    bench.say(fmt::format("{} of {}: {}.", i + 1, all.size(), all[i].title));
    if (!do_step({bench, record, log, setup, all[i]})) return false;
  }
  return true;
}

minutes guided_time() {
  minutes sum{};
  for (const auto& step : steps()) {
    if (step.name != last_bench_step()) sum += step.time;
  }
  return sum;
}

std::string last_bench_step() { return steps().back().name; }

std::optional<BenchReference> parse_reference(const std::string& text) {
  std::istringstream words(text);
  BenchReference reference;
  std::string rest;
  if (!(words >> reference.value)) return std::nullopt;
  if (!(words >> reference.plus_minus)) {
    if (!words.eof()) return std::nullopt;
    reference.plus_minus = 0;
  }
  words.clear();
  if (words >> rest || !(reference.plus_minus >= 0) ||
      !std::isfinite(reference.value + reference.plus_minus)) {
    return std::nullopt;
  }
  return reference;
}

}  // namespace lenz
