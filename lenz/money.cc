#include "lenz/money.h"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "hub/catalogue.h"
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
        advice_.emplace(world_.files, world_.book, bill_, world_.home,
                        hub::AdviceDesk::Surroundings{
                            .appliances = hub::appliances_of(world_.analyst),
                            .health = world_.health,
                            .offers = offers_of(world_.catalogue, world_.home, world_.say)});
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

std::function<std::vector<insight::Offer>(insight::ApplianceKind)> offers_of(
    std::string catalogue, const hub::Home& home, std::function<void(const std::string&)> say) {
  const auto market = hub::market_of(home);
  return [file = std::move(catalogue), market, currency = home.currency, say = std::move(say),
          read = std::optional<hub::Catalogue>()](insight::ApplianceKind kind) mutable {
    if (!read) {
      try {
        read = hub::Catalogue::read(file);
      } catch (const std::runtime_error& trouble) {
        say(trouble.what());
        read.emplace();
      }
    }
    return read->offers(kind, market, currency);
  };
}

std::string tariff_template_folder() {
  const auto beside = fs::path(Workplace::program()).parent_path();
  const auto folder = fs::exists(beside / "tariff_templates")
                          ? beside / "tariff_templates"
                          : beside / "../../hub/tariff_templates";
  return folder.lexically_normal().string();
}

}  // namespace lenz
