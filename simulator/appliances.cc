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
    running_ = course_(chance_);
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

Timestamp Cabinet::wake(Timestamp now, const Surroundings& around) {
  const double passed_h = hours_since(last_, now);
  double drive_k = room_c(around) - inside_c_;
  if (cools_ && defrost_left_h_ <= 0) {
    drive_k -= options_.pull_k;
    cooled_h_ += passed_h;
  }
  inside_c_ += passed_h / options_.inertia_h * drive_k;
  if (defrost_left_h_ > 0) inside_c_ += 4 * passed_h;
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
  const double warm = (inside_c_ - options_.set_c) / options_.band_k;
  if (defrost_left_h_ > 0) {
    draw_ = {"defrost", options_.defrost_w, Nature::heating};
  } else if (cools_) {
    draw_ = {"cool", std::round(options_.compressor_w * (1 + 0.06 * std::min(warm, 1.5))),
             Nature::compressor};
  } else {
    draw_ = {"off", 1.5, Nature::electronics};
  }
  return now + options_.look;
}

WaterTank::WaterTank(const TankOptions& options, std::uint64_t seed)
    : options_(options), chance_(seed), water_c_(options.set_c) {
  water_c_ += options.band_k * chance_.between(-0.5, 0.5);
}

Timestamp WaterTank::wake(Timestamp now, const Surroundings&) {
  const double passed_h = hours_since(last_, now);
  const double kwh_per_k = options_.litres * 4.187 / 3600;  // 4.187 kJ per litre and kelvin.
  const double heat_w = (heats_ ? options_.heater_w : 0) - options_.loss_w;
  water_c_ += heat_w * passed_h / 1000 / kwh_per_k;
  while (take_use(now)) {
    water_c_ -= options_.use_kwh * chance_.between(0.6, 1.4) / kwh_per_k;
  }
  if (water_c_ < options_.set_c - options_.band_k / 2) heats_ = true;
  if (water_c_ > options_.set_c + options_.band_k / 2) heats_ = false;
  draw_ = heats_ ? Draw{"heat", options_.heater_w, Nature::heating} : Draw{};
  return now + options_.look;
}

HeatPump::HeatPump(const HeatPumpOptions& options, std::uint64_t seed) : options_(options) {
  room_c_ = options.heat_set_c + Chance(seed).between(-0.4, 0.4);
}

void HeatPump::choose_mode(double outdoor_c, double passed_h) {
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
  const double power_w = share() * options_.full_w;
  if (mode_ == Mode::heats) heat_w += power_w * std::clamp(3.6 + 0.075 * (outdoor - 7), 1.5, 5.);
  if (mode_ == Mode::cools) heat_w -= power_w * std::clamp(3.8 - 0.07 * (outdoor - 25), 2., 5.);
  room_c_ += heat_w * passed_h / 1000 / options_.capacity_kwh_per_k;
  choose_mode(outdoor, passed_h);

  constexpr const char* states[] = {"off", "heat", "cool", "defrost"};
  const auto nature = options_.least_share < 1 ? Nature::inverter : Nature::compressor;
  // A warmer condenser makes the compressor work harder.
  const double strain = 1 + 0.006 * std::abs(outdoor - 15);
  draw_ = {states[static_cast<std::size_t>(mode_)],
           std::round(options_.standby_w + share() * options_.full_w * strain),
           mode_ == Mode::idle ? Nature::electronics : nature};
  return now + options_.look;
}

WellPump::WellPump(double power_w, std::uint64_t seed) : power_w_(power_w), chance_(seed) {
  missing_l_ = chance_.between(0, 40);
}

Timestamp WellPump::wake(Timestamp now, const Surroundings&) {
  while (take_use(now)) missing_l_ += chance_.between(6, 35);
  if (missing_l_ >= 40 && now >= stops_) {
    stops_ = now + milliseconds(std::llround(missing_l_ / 45 * 60'000));
    missing_l_ = 0;
  }
  const bool runs = now < stops_;
  draw_ = runs ? Draw{"pump", power_w_, Nature::compressor} : Draw{};
  return runs ? std::min(stops_, next_use()) : next_use();
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
