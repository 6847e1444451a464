#include "lenz/kept_home.h"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "hub/devices.h"
#include "lenz/workplace.h"

namespace lenz {

KeptHome::KeptHome(const Surroundings& around, hub::Home home, const std::string& folder,
                   const std::string& meter)
    : around_(around),
      folder_(folder),
      home_(std::move(home)),
      partners_(hub::load_partners(Workplace(folder).partners_file())),
      store_(around.files, folder),
      memory_(around.context, partners_, home_, store_, around.now, around.say),
      calibration_(live_, store_, home_, Workplace(folder).calibrations_file(),
                   Workplace(folder).readings_file()),
      meters_{meter},
      write_door_(around.context, inbox_, around.write_wait) {
  auto retention = home_.retention;
  retention.reserve = around.reserve;
  store_.keep(retention);
  store_.hold_at_most(around.waiting);
  if (const auto done = store_.keep_together(powers_of_several(home_)); !done) {
    throw std::runtime_error(
        fmt::format("The store in {}: {}.", folder, hub::sentence(done.error())));
  }
  meters_.merge(devices(home_));
  if (const auto known = store_.devices()) meters_.insert(known->begin(), known->end());
  for (const auto& name : meters_) hub_.admit(name);
}

void KeptHome::begin_partners() {
  if (partners_.email || partners_.day_ahead) money();
  const Workplace place(folder_);
  links_.emplace(around_.context, partners_,
                 PartnerWorld{home_, hub_, store_, *ledger(), live_, [this] { return analyst(); },
                              [this] { return health(); }, [this] { return caretaker(); },
                              [this](std::string_view answer) { money().take_prices(answer); },
                              [this](measurement::Celsius celsius) {
                                if (auto* advice = money().advice()) {
                                  advice->hear_outdoors(celsius, around_.now());
                                }
                              },
                              folder_, place.resend_file(), around_.now, around_.say});
}

hub::ServedHome KeptHome::served() {
  return {.id = home_.id,
          .home = &home_,
          .store = &memory_.store(),
          .live = &live_,
          .hub = &hub_,
          .ledger = [this] { return ledger(); },
          .analyst = [this] { return analyst(); },
          .health = [this] { return health(); },
          .bill = [this] { return &money().bill(); },
          .advice = [this] { return money().advice(); },
          .calibrations = Workplace(folder_).calibrations_file(),
          .doctor = [this] { return doctor(); },
          .calibration = [this] { return &calibration_; },
          .points = &write_door_.door()};
}

hub::Ledger* KeptHome::ledger() {
  if (!ledger_) {
    ledger_ = std::make_unique<hub::Ledger>(around_.files, Workplace(folder_).ledger_file(), store_,
                                            home_);
  }
  return ledger_.get();
}

hub::DoctorDesk* KeptHome::doctor() {
  if (!doctor_) {
    doctor_.emplace(store_, home_);
    examining_.emplace(
        around_.context, [this] { return doctor_->step(around_.now()); },
        fmt::format("The wiring of {} is not examined", home_.name), around_.say);
  }
  return &*doctor_;
}

void KeptHome::begin_analysis() {
  if (!around_.analyses) return;
  analysis_.emplace(AnalysisWorld{.context = around_.context,
                                  .files = around_.files,
                                  .store = store_,
                                  .live = live_,
                                  .home = home_,
                                  .book = Workplace(folder_).insight_file(),
                                  .model = around_.model,
                                  .now = around_.now,
                                  .say = around_.say});
}

hub::Analyst* KeptHome::analyst() {
  if (!analysis_) begin_analysis();
  return analysis_ ? analysis_->analyst() : nullptr;
}

void KeptHome::begin_health() {
  if (!around_.analyses) return;
  const Workplace place(folder_);
  health_.emplace(HealthWorld{.context = around_.context,
                              .files = around_.files,
                              .store = store_,
                              .live = live_,
                              .home = home_,
                              .partners = partners_,
                              .book = place.health_file(),
                              .rules = place.rules_file(),
                              .analyst = [this] { return analyst(); },
                              .ledger = [this] { return ledger(); },
                              .now = around_.now,
                              .say = around_.say});
}

hub::HealthDesk* KeptHome::health() {
  if (!health_) begin_health();
  return health_ ? health_->desk() : nullptr;
}

Money& KeptHome::money() {
  if (money_) return *money_;
  const Workplace place(folder_);
  return money_.emplace(MoneyWorld{.context = around_.context,
                                   .files = around_.files,
                                   .store = memory_.store(),
                                   .home = home_,
                                   .partners = partners_,
                                   .paths = bill_paths(place),
                                   .book = place.advice_file(),
                                   .catalogue = place.catalogue_file(),
                                   .calibrations = place.calibrations_file(),
                                   .analyst = [this] { return analyst(); },
                                   .ledger = [this] { return ledger(); },
                                   .health = [this] { return health(); },
                                   .now = around_.now,
                                   .say = around_.say});
}

hub::Caretaker* KeptHome::caretaker() { return health() ? health_->caretaker() : nullptr; }

bool KeptHome::tidy() {
  const auto now = around_.now();
  auto is_done = store_.tidy(now);
  if (is_done && ledger_ && !links_) {
    const auto followed = ledger_->follow(now);
    is_done = followed ? *is_done && *followed : followed;
  }
  if (!is_done && !std::exchange(has_failed_, true)) {
    around_.say(fmt::format("Old samples of {} cannot be packed: {}.", home_.name,
                            hub::sentence(is_done.error())));
  }
  if (is_done) has_failed_ = false;
  if (auto* desk = health_ ? health_->desk() : nullptr) {
    if (is_done) {
      desk->well("store");
    } else {
      desk->trouble("store",
                    fmt::format("Measurements cannot be kept: {}.", hub::sentence(is_done.error())),
                    now);
    }
  }
  return !is_done || *is_done;
}

}  // namespace lenz
