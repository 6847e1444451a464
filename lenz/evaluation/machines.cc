#include "lenz/evaluation/machines.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <utility>

#include "lenz/evaluation/metrics.h"
#include "simulator/appliances.h"

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;
using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr double longest_interval_s = 30;
constexpr double ends_after_s = 1800, may_end_after_s = 300;
constexpr double least_length_s = 300, least_wh = 20;
constexpr double whole_length = 0.6, whole_wh = 0.25;  // Of what is usual for the machine.

double seconds(Timestamp from, Timestamp to) {
  return std::chrono::duration<double>(to - from).count();
}

std::chrono::milliseconds ms(double s) { return std::chrono::milliseconds(std::llround(1000 * s)); }

bool has_courses(ApplianceKind kind) {
  using enum ApplianceKind;
  return kind == dishwasher || kind == washing_machine || kind == washer_dryer ||
         kind == tumble_dryer;
}

// What lies between five minutes of quiet.
struct Piece {
  Timestamp begin{}, end{};
  double wh = 0;
  bool is_cut_before = false, is_cut_after = false;  // By a gap.
};

// Finds the pieces, reading by reading.
class Pieces {
 public:
  explicit Pieces(ApplianceKind kind) : on_from_w_(insight::row(kind).on_from.value) {}

  void take(Timestamp time, float watts) {
    const double passed_s = is_measured_ ? seconds(time_, time) : 0;
    if (is_open_) open_.wh += latest_w_ * passed_s / 3600;
    if (is_measured_) add(time_, passed_s, was_on_);
    if (std::isnan(watts)) return gap();
    if (!is_measured_) gap_end_ = time;
    time_ = time;
    latest_w_ = static_cast<double>(watts);
    is_measured_ = true;
    was_on_ = latest_w_ >= std::max(on_from_w_, 0.01 * peak_w_);
    const bool works = was_on_ && on_s_ >= 20;
    if (works) {
      if (!is_open_) {
        open_ = {.begin = time, .is_cut_before = is_after_gap_};
        peak_w_ = 0;
        is_open_ = true;
      }
      peak_w_ = std::max(peak_w_, latest_w_);
      open_.end = time;
      wh_at_end_ = open_.wh;
    } else if (is_open_ && seconds(open_.end, time) >= may_end_after_s) {
      close();
    }
    if (is_after_gap_ && seconds(gap_end_, time) >= ends_after_s) is_after_gap_ = false;
  }

  std::vector<Piece> finish() {
    gap();
    return std::move(pieces_);
  }

 private:
  void add(Timestamp begin, double length_s, bool is_on) {
    window_.push_back({begin, length_s, is_on});
    if (is_on) on_s_ += length_s;
    window_s_ += length_s;
    while (window_s_ > 60 && window_.size() > 1) {
      const auto& first = window_.front();
      window_s_ -= first.length_s;
      if (first.is_on) on_s_ -= first.length_s;
      window_.pop_front();
    }
  }

  void close() {
    open_.wh = wh_at_end_;
    pieces_.push_back(open_);
    is_open_ = false;
  }

  void gap() {
    if (is_open_) close();
    if (!pieces_.empty() && seconds(pieces_.back().end, time_) < ends_after_s) {
      pieces_.back().is_cut_after = true;
    }
    is_measured_ = was_on_ = false;
    window_.clear();
    on_s_ = window_s_ = peak_w_ = 0;
    is_after_gap_ = true;
  }

  struct Part {
    Timestamp begin;
    double length_s;
    bool is_on;
  };
  double on_from_w_;
  std::vector<Piece> pieces_;
  Piece open_;
  bool is_open_ = false, is_measured_ = false, was_on_ = false, is_after_gap_ = true;
  Timestamp time_{}, gap_end_{};
  double latest_w_ = 0, peak_w_ = 0, wh_at_end_ = 0, on_s_ = 0, window_s_ = 0;
  std::deque<Part> window_;
};

Piece joined(const Piece& a, const Piece& b) {
  return {.begin = a.begin,
          .end = b.end,
          .wh = a.wh + b.wh,
          .is_cut_before = a.is_cut_before,
          .is_cut_after = b.is_cut_after};
}

std::vector<Piece> join(const std::vector<Piece>& pieces,
                        const std::function<bool(const Piece&, const Piece&)>& belong_together) {
  std::vector<Piece> all;
  for (const auto& piece : pieces) {
    if (!all.empty() && belong_together(all.back(), piece)) {
      all.back() = joined(all.back(), piece);
    } else {
      all.push_back(piece);
    }
  }
  return all;
}

}  // namespace

void Machine::play(const std::function<void(Timestamp, float)>& take) const {
  const auto step = ms(std::max(1.0, interval_s)), hold = ms(hold_s);
  for (std::size_t i = 0; i < times.size(); ++i) {
    take(times[i], active_power_w[i]);
    if (std::isnan(active_power_w[i])) continue;
    const bool is_last = i + 1 == times.size();
    const auto next = is_last ? times[i] + hold + 1ms : times[i + 1];
    const auto until = std::min(next, times[i] + hold);
    for (auto time = times[i] + step; time + step / 2 < until; time += step) {
      take(time, active_power_w[i]);
    }
    if (next > times[i] + hold) take(times[i] + hold, std::nanf(""));
  }
}

std::vector<Machine> machines_of(const DataSet& data) {
  std::map<std::string, Machine> by_device;
  for (const auto& trace : data.traces()) {
    if (!has_courses(trace.appliance)) continue;
    auto& machine = by_device[trace.device];
    if (machine.times.empty()) {
      machine = {.name = trace.device,
                 .household = trace.household,
                 .source = trace.source,
                 .licence = trace.licence,
                 .kind = trace.appliance};
    }
    machine.interval_s = std::max(machine.interval_s, trace.interval_s);
    machine.hold_s = trace.hold_s;
    const auto samples = data.samples(trace);
    // Of traces without a clock it is only known that they are apart.
    auto later = 0ms;
    if (!machine.times.empty() && samples.times.front() <= machine.times.back()) {
      later = machine.times.back() - samples.times.front() + 1h;
    }
    for (std::size_t i = 0; i < samples.times.size(); ++i) {
      machine.times.push_back(samples.times[i] + later);
      machine.active_power_w.push_back(samples.active_power_w[i]);
    }
  }
  std::vector<Machine> machines;
  for (auto& [name, machine] : by_device) machines.push_back(std::move(machine));
  for (const auto& name : data.houses()) {
    const auto house = data.house(name);
    if (house.interval_s > longest_interval_s) continue;
    for (const auto& channel : house.channels) {
      const bool is_machine = channel.appliance && has_courses(*channel.appliance);
      if (!is_machine || channel.active_power_w.empty()) continue;
      machines.push_back({.name = house.name + "/" + channel.name,
                          .household = house.household,
                          .source = house.name,
                          .licence = house.licence,
                          .kind = *channel.appliance,
                          .interval_s = house.interval_s,
                          .hold_s = std::max(60.0, 3 * house.interval_s),
                          .times = house.times,
                          .active_power_w = channel.active_power_w});
    }
  }
  return machines;
}

std::vector<Machine> simulated_machines(std::size_t courses, std::uint64_t seed) {
  struct Row {
    ApplianceKind kind;
    simulator::Course (*course)(simulator::Chance&);
  };
  constexpr std::array rows = {
      Row{ApplianceKind::washing_machine, simulator::washing_machine},
      Row{ApplianceKind::washing_machine, simulator::washing_machine_cold_fill},
      Row{ApplianceKind::dishwasher, simulator::dishwasher},
      Row{ApplianceKind::tumble_dryer, simulator::tumble_dryer}};
  std::vector<Machine> machines;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    simulator::Chance chance(seed + i);
    Machine machine{.name = "simulated-" + std::to_string(i),
                    .household = "simulated-" + std::to_string(i),
                    .source = "simulator",
                    .licence = "own",
                    .kind = rows[i].kind};
    Timestamp time{std::chrono::days(20'000)};
    const auto run = [&](double watts, std::chrono::milliseconds length) {
      for (const auto end = time + length; time < end; time += 1s) {
        machine.times.push_back(time);
        machine.active_power_w.push_back(
            static_cast<float>(watts * chance.normal(1, 0.01) + chance.normal(0, 0.2)));
      }
    };
    const double standby_w = chance.between(0.5, 3);
    run(standby_w, 1h);
    for (std::size_t n = 0; n < courses; ++n) {
      for (const auto& phase : rows[i].course(chance)) run(phase.power_w, phase.length);
      run(standby_w, 2h);
    }
    machines.push_back(std::move(machine));
  }
  return machines;
}

std::vector<TrueCourse> true_courses(const Machine& machine) {
  Pieces finder(machine.kind);
  machine.play([&](Timestamp time, float watts) { finder.take(time, watts); });
  const auto pieces = finder.finish();
  const auto is_apart = [](const Piece& a, const Piece& b) {
    return a.is_cut_after || seconds(a.end, b.begin) >= ends_after_s;
  };

  std::vector<double> energies, lengths;
  for (const auto& piece : join(pieces, std::not_fn(is_apart))) {
    if (piece.wh < least_wh) continue;
    energies.push_back(piece.wh);
    lengths.push_back(seconds(piece.begin, piece.end));
  }
  if (energies.empty()) return {};
  const double usual_wh = quantile(std::move(energies), 0.5);
  const double usual_s = quantile(std::move(lengths), 0.5);
  const auto is_whole = [&](const Piece& piece) {
    return piece.wh >= whole_wh * usual_wh &&
           seconds(piece.begin, piece.end) >= whole_length * usual_s;
  };

  std::vector<TrueCourse> courses;
  for (const auto& piece : join(pieces, [&](const Piece&a, const Piece&b) {
         return !is_apart(a, b) && !(is_whole(a) && is_whole(b));
       })) {
    if (piece.wh < least_wh || seconds(piece.begin, piece.end) < least_length_s) continue;
    courses.push_back({piece.begin, piece.end, !piece.is_cut_before && !piece.is_cut_after});
  }
  return courses;
}

std::vector<SaidOfCourse> follow_courses(const Machine& machine,
                                         insight::CycleWatch::IsEnd is_end) {
  const auto courses = true_courses(machine);
  std::vector<std::size_t> courses_before(courses.size());
  std::vector<Timestamp> said;
  insight::CycleWatch watch(machine.kind, {}, std::move(is_end));
  bool was_done = false;
  std::size_t next = 0;
  machine.play([&](Timestamp time, float watts) {
    for (; next < courses.size() && courses[next].begin <= time; ++next) {
      courses_before[next] = watch.past().size();
    }
    watch.take(time, {watts});
    const bool is_done = watch.state() == insight::CycleState::done;
    if (is_done && !was_done) said.push_back(time);
    was_done = is_done;
  });

  std::vector<SaidOfCourse> all;
  for (std::size_t i = 0; i < courses.size(); ++i) {
    const auto& [begin, end, is_known] = courses[i];
    if (!is_known) continue;
    SaidOfCourse one{.courses_before = courses_before[i]};
    for (const auto time : said) {
      if (time > begin && time <= end - 1min) one.was_false = true;
      if (time <= end - 1min) continue;
      if (time <= end + ms(ends_after_s + 60)) one.delay_s = seconds(end, time);
      break;
    }
    all.push_back(one);
  }
  return all;
}

}  // namespace lenz::evaluation
