#include "simulator/appliances.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace simulator {
namespace {

using measurement::Timestamp;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

double hours(milliseconds length) { return static_cast<double>(length.count()) / 3'600'000; }

// Since the last wake, which it moves on; 0 at the first.
double hours_since(Timestamp& last, Timestamp now) {
  const auto before = std::exchange(last, now);
  return before == Timestamp::min() ? 0 : hours(now - before);
}

constexpr Draw standby{"off", 1.5, Nature::electronics};  // Of a cabinet.
constexpr auto stall_length = 8s;                         // Until the motor's protector opens...
constexpr auto stall_rest = 2min;                         // ...and until it has cooled.
constexpr double stall_power = 4.7;  // Six times the current at a power factor of 0.67.
constexpr double tap_l_per_min = 8;
constexpr double cut_out_c = 90;
constexpr double strip_w = 10'000;

double room_c(const Surroundings& around) { return 20.5 + 0.1 * (around.outdoor_c - 10); }

}  // namespace

void Appliance::use_at(Timestamp at) {
  uses_.insert(std::upper_bound(uses_.begin(), uses_.end(), at, std::greater<>()), at);
}

Timestamp Appliance::next_use() const { return uses_.empty() ? Timestamp::max() : uses_.back(); }

bool Appliance::take_use(Timestamp now) {
  if (next_use() > now) return false;
  uses_.pop_back();
  return true;
}

Programme::Programme(std::function<Course(Chance&)> course, double standby_w, std::uint64_t seed)
    : course_(std::move(course)), chance_(seed), standby_{"off", standby_w, Nature::electronics} {
  draw_ = standby_;
}

Timestamp Programme::wake(Timestamp now, const Surroundings&) {
  if (!running_.empty() && now >= phase_ends_ && ++phase_ < running_.size()) {
    phase_ends_ += running_[phase_].length;
  } else if (!running_.empty() && phase_ == running_.size()) {
    running_.clear();
  }
  if (running_.empty() && take_use(now)) {
    running_ = afflict(course_(chance_), defects(), now);
    phase_ = 0;
    phase_ends_ = now + running_.front().length;
  }
  if (running_.empty()) {
    draw_ = standby_;
    return next_use();
  }
  const auto& phase = running_[phase_];
  draw_ = {phase.state, phase.power_w, phase.nature};
  return phase_ends_;
}

Cabinet::Cabinet(const CabinetOptions& options, std::uint64_t seed)
    : options_(options), chance_(seed), inside_c_(options.set_c) {
  inside_c_ += options.band_k * chance_.between(-0.5, 0.5);
  cools_ = chance_.happens(0.4);
  cooled_h_ = chance_.between(0, 8);
}

double Cabinet::pull_k(Timestamp now, double passed_h) {
  const double frosts = severity(Defect::defrost_heater, now);
  if (frosts > 0) frost_ = std::min(1., frost_ + passed_h / (14 * 24));
  return options_.pull_k * (1 - severity(Defect::refrigerant, now)) * (1 - frosts * frost_) /
         (1 + severity(Defect::condenser, now));
}

Draw Cabinet::compress(Timestamp now) {
  const double warm = (inside_c_ - options_.set_c) / options_.band_k;
  // With less gas the compressor works less, against a hot condenser more.
  const double power_w = std::round(
      options_.compressor_w * (1 + 0.06 * std::clamp(warm, -1., 1.5)) *
      (1 - 0.4 * severity(Defect::refrigerant, now)) * (1 + severity(Defect::condenser, now)));
  const double fails = severity(Defect::start_relay, now);
  if (fails > 0 && draw_.state != "cool" && now >= tries_again_ && chance_.happens(fails)) {
    stalls_until_ = now + stall_length;
    tries_again_ = now + stall_rest;
  }
  if (now < stalls_until_) return {"stall", std::round(stall_power * power_w), Nature::stalled};
  if (now < tries_again_) return standby;
  return {"cool", power_w, Nature::compressor};
}

Timestamp Cabinet::wake(Timestamp now, const Surroundings& around) {
  const double passed_h = hours_since(last_, now);
  double drive_k = (1 + severity(Defect::gasket, now)) * (room_c(around) - inside_c_);
  const double pull = pull_k(now, passed_h);
  if (draw_.state == "cool") {
    drive_k -= pull;
    cooled_h_ += passed_h;
  }
  inside_c_ += passed_h / options_.inertia_h * drive_k;
  const bool defrosts = severity(Defect::defrost_heater, now) == 0;
  if (defrost_left_h_ > 0 && defrosts) inside_c_ += 4 * passed_h;
  defrost_left_h_ -= passed_h;
  while (take_use(now)) inside_c_ += options_.door_k * chance_.between(0.4, 1.6);

  if (inside_c_ > options_.set_c + options_.band_k / 2) cools_ = true;
  if (inside_c_ < options_.set_c - options_.band_k / 2) {
    cools_ = false;
    if (options_.defrost_w > 0 && cooled_h_ > 8) {
      cooled_h_ = 0;
      defrost_left_h_ = 0.3;
    }
  }
  if (severity(Defect::thermostat, now) >= 0.5) cools_ = true;
  if (severity(Defect::silent, now) >= 0.5) {
    draw_ = {};
  } else if (defrost_left_h_ > 0) {
    draw_ = defrosts ? Draw{"defrost", options_.defrost_w, Nature::heating} : standby;
  } else {
    draw_ = cools_ ? compress(now) : standby;
  }
  return now + options_.look;
}

WaterTank::WaterTank(const TankOptions& options, std::uint64_t seed)
    : options_(options), chance_(seed), water_c_(options.set_c) {
  water_c_ += options.band_k * chance_.between(-0.5, 0.5);
}

Timestamp WaterTank::wake(Timestamp now, const Surroundings&) {
  const double passed_h = hours_since(last_, now);
  const double heater_w = options_.heater_w * (1 - severity(Defect::heater, now));
  const double loss_w = options_.loss_w * (1 + severity(Defect::standing_loss, now));
  const double kwh_per_k = options_.litres * 4.187 / 3600;  // 4.187 kJ per litre and kelvin.
  const double heat_w = (heats_ ? heater_w : 0) - loss_w;
  water_c_ += heat_w * passed_h / 1000 / kwh_per_k;
  while (take_use(now)) {
    water_c_ -= options_.use_kwh * chance_.between(0.6, 1.4) / kwh_per_k;
  }
  // What a thermostat that sticks does not stop, the safety cut-out does.
  const double stop_c =
      severity(Defect::thermostat, now) >= 0.5 ? cut_out_c : options_.set_c + options_.band_k / 2;
  if (water_c_ < stop_c - options_.band_k) heats_ = true;
  if (water_c_ > stop_c) heats_ = false;
  draw_ = heats_ ? Draw{"heat", heater_w, Nature::heating} : Draw{};
  return now + options_.look;
}

HeatPump::HeatPump(const HeatPumpOptions& options, std::uint64_t seed) : options_(options) {
  room_c_ = options.heat_set_c + Chance(seed).between(-0.4, 0.4);
}

void HeatPump::choose_mode(double outdoor_c, double passed_h, double airflow_fault) {
  in_mode_h_ += passed_h;
  const auto change = [&](Mode to) {
    if (to != mode_) in_mode_h_ = 0;
    mode_ = to;
  };
  if (mode_ == Mode::heats && outdoor_c < 4) frosting_h_ += passed_h;
  if (mode_ == Mode::defrosts && in_mode_h_ < 5. / 60) return;
  if (mode_ == Mode::defrosts) return change(Mode::heats);
  if (mode_ == Mode::heats && frosting_h_ > 75. / 60) {
    frosting_h_ = 0;
    return change(Mode::defrosts);
  }
  // With little air the pressure switch stops it before its work is done: at 0.3 after 8 minutes.
  if (airflow_fault * in_mode_h_ > 0.04) change(Mode::idle);
  if (mode_ == Mode::heats && room_c_ > options_.heat_set_c + 0.5) change(Mode::idle);
  if (mode_ == Mode::cools && room_c_ < options_.cool_set_c - 0.5) change(Mode::idle);
  // Compressors rest for some minutes before they start against the pressure they have made.
  if (mode_ != Mode::idle || in_mode_h_ < 4. / 60) return;
  if (room_c_ < options_.heat_set_c - 0.5) change(Mode::heats);
  if (room_c_ > options_.cool_set_c + 0.5) change(Mode::cools);
}

double HeatPump::share() const {
  switch (mode_) {
    case Mode::idle:
      return 0;
    case Mode::defrosts:
      return 0.45;
    case Mode::heats:
      return std::clamp(options_.heat_set_c + 0.5 - room_c_, options_.least_share, 1.);
    case Mode::cools:
      return std::clamp(room_c_ - options_.cool_set_c + 0.5, options_.least_share, 1.);
  }
  std::unreachable();
}

Timestamp HeatPump::wake(Timestamp now, const Surroundings& around) {
  const double passed_h = hours_since(last_, now);
  const double outdoor = around.outdoor_c;
  double heat_w = options_.loss_w_per_k * (outdoor - room_c_) + options_.gains_w +
                  0.8 * around.radiation_w_per_m2;
  const double low_air = severity(Defect::airflow, now);
  const double strip = severity(Defect::backup_heat, now) * strip_w;
  const double power_w =
      share() * options_.full_w * (1 - severity(Defect::refrigerant, now)) * (1 - low_air);
  if (mode_ == Mode::heats && strip > 0) {
    heat_w += strip;
  } else if (mode_ == Mode::heats) {
    heat_w += power_w * std::clamp(3.6 + 0.075 * (outdoor - 7), 1.5, 5.);
  }
  if (mode_ == Mode::cools) heat_w -= power_w * std::clamp(3.8 - 0.07 * (outdoor - 25), 2., 5.);
  room_c_ += heat_w * passed_h / 1000 / options_.capacity_kwh_per_k;
  choose_mode(outdoor, passed_h, low_air);

  const double standby_w = options_.standby_w * (1 - severity(Defect::crankcase_heater, now));
  if (mode_ == Mode::idle) {
    draw_ = {"off", std::round(standby_w), Nature::electronics};
  } else if (mode_ == Mode::heats && strip > 0) {
    draw_ = {"strip heat", std::round(options_.standby_w + strip), Nature::heating};
  } else {
    draw_ = running(outdoor, now);
  }
  return now + options_.look;
}

Draw HeatPump::running(double outdoor_c, Timestamp now) const {
  constexpr const char* states[] = {"off", "heat", "cool", "defrost"};
  // A warmer condenser makes the compressor work harder, less gas less.
  const double strain = (1 + 0.006 * std::abs(outdoor_c - 15)) *
                        (1 - 0.4 * severity(Defect::refrigerant, now)) *
                        (1 + 0.3 * severity(Defect::airflow, now));
  return {states[static_cast<std::size_t>(mode_)],
          std::round(options_.standby_w + share() * options_.full_w * strain),
          options_.least_share < 1 ? Nature::inverter : Nature::compressor};
}

WellPump::WellPump(double power_w, std::uint64_t seed) : power_w_(power_w), chance_(seed) {
  missing_l_ = chance_.between(0, 40);
}

Timestamp WellPump::wake(Timestamp now, const Surroundings&) {
  const double leak = severity(Defect::leak, now), dry = severity(Defect::dry_well, now);
  const double lost_air = severity(Defect::waterlogged_tank, now);
  const double worn = severity(Defect::worn_impeller, now);
  // With a leak it is woken every minute.
  missing_l_ += leak * std::min(60 * hours_since(last_, now), 1.);
  while (take_use(now)) missing_l_ += chance_.between(6, 35);
  const double starts_at_l = 40 * (1 - lost_air);
  if (missing_l_ >= starts_at_l && now >= stops_ && now >= rests_until_) {
    const double brings_l = lost_air > 0 ? std::min(missing_l_, starts_at_l) : missing_l_;
    const double minutes = dry > 0 ? 60 : brings_l / (45 * (1 - worn));
    stops_ = now + milliseconds(std::llround(minutes * 60'000));
    if (dry == 0) missing_l_ -= brings_l;
    if (lost_air > 0) {
      rests_until_ = stops_ + milliseconds(std::llround(starts_at_l / tap_l_per_min * 60'000));
    }
  }
  const bool runs = now < stops_;
  draw_ = {};
  if (runs) {
    // A pump without water draws its magnetising current all the same.
    draw_ = {"pump", power_w_ * (1 - dry) * (1 - 0.4 * worn), Nature::compressor, 1 / (1 - dry)};
  }
  auto wakes = next_use();
  if (runs) wakes = std::min(wakes, stops_);
  if (!runs && missing_l_ >= starts_at_l) wakes = std::min(wakes, rests_until_);
  if (leak > 0) wakes = std::min(wakes, now + milliseconds(1min));
  return wakes;
}

Lights::Lights(int rooms, double room_w, std::uint64_t seed)
    : rooms_(rooms), room_w_(room_w), chance_(seed) {}

Timestamp Lights::wake(Timestamp now, const Surroundings& around) {
  const double dark = std::clamp(1 - around.radiation_w_per_m2 / 150, 0.05, 1.);
  int lit = 0;
  for (int room = 0; room < rooms_; ++room) {
    if (chance_.happens(0.6 * dark)) ++lit;
  }
  if (!around.at_home || !around.awake) lit = 0;
  draw_ = lit > 0 ? Draw{"on", lit * room_w_, Nature::lamps} : Draw{};
  return now + milliseconds(std::llround(chance_.between(1, 14) * 60'000));
}

Background::Background(double power_w, std::uint64_t seed) : power_w_(power_w), chance_(seed) {}

Timestamp Background::wake(Timestamp now, const Surroundings&) {
  draw_ = {"on", power_w_ * std::max(0.5, chance_.normal(1, 0.04)), Nature::electronics};
  return now + milliseconds(std::llround(chance_.between(5, 40) * 1000));
}

Timestamp Solar::wake(Timestamp now, const Surroundings& around) {
  const double power_w = 0.8 * peak_w_ * around.radiation_w_per_m2 / 1000;
  draw_ = power_w < 5 ? Draw{"off", 1, Nature::generator}
                      : Draw{"produce", -power_w, Nature::generator};
  return now + 10s;
}

}  // namespace simulator
