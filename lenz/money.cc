#include "lenz/money.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "lenz/readings.h"
#include "lenz/set_aside.h"
#include "lenz/workplace.h"

namespace lenz {

namespace fs = std::filesystem;

Money::Money(MoneyWorld world)
    : world_(std::move(world)),
      bill_(world_.tariff, world_.prices, world_.store, world_.home,
            {.appliances = hub::appliances_of(world_.analyst),
             .ledger = world_.ledger,
             .utc_offset = [zone = world_.home.zone](
                               measurement::Timestamp time) { return utc_offset(time, zone); },
             .templates = tariff_template_folder()}) {
  if (!bill_.trouble().empty()) {
    world_.say(fmt::format("Nothing is billed in {}: {}", world_.home.name, bill_.trouble()));
  }
  begin_or_set_aside(
      [this] {
        advice_.emplace(
            world_.files, world_.book, bill_, world_.home,
            hub::AdviceDesk::Surroundings{.appliances = hub::appliances_of(world_.analyst),
                                          .health = world_.health,
                                          .offers = {}});
      },
      {world_.book, "what was predicted and said of appliances is gone", "Nothing is advised"},
      world_.now(), world_.say);
  steps_.emplace(
      world_.context, [this] { return step(); },
      fmt::format("Bill and advice of {} stand still", world_.home.name), world_.say);
}

std::expected<bool, hub::StoreError> Money::step() {
  const auto is_billed = bill_.step(world_.now());
  if (!is_billed || !*is_billed || !advice_) return is_billed;
  return advice_->step(world_.now());
}

std::string tariff_template_folder() {
  const auto beside = fs::path(Workplace::program()).parent_path();
  const auto folder = fs::exists(beside / "tariff_templates")
                          ? beside / "tariff_templates"
                          : beside / "../../hub/tariff_templates";
  return folder.lexically_normal().string();
}

}  // namespace lenz
