#include "lenz/evaluation/simulated_households.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "simulator/chance.h"

namespace lenz::evaluation {

namespace {

using insight::ApplianceKind;
using insight::Market;

enum class Unit : std::uint8_t { a_year, a_use, efficiency };

struct SoldModel {
  double label, price;
};
struct KindRow {
  ApplianceKind kind;
  Market market;
  Unit unit;
  double life;       // Mean years.
  double old_label;  // Of one made this year.
  double progress;   // A year that it was made earlier, its label was worse by this share.
  double size;
  double few_uses, many_uses;  // A year; of heat or cold in kWh where the unit is efficiency.
  std::array<SoldModel, 4> sold;
};
constexpr std::array kinds = {
    KindRow{ApplianceKind::fridge_freezer,
            Market::us,
            Unit::a_year,
            15.5,
            430,
            0.032,
            580,
            0,
            0,
            {{{480, 780}, {440, 950}, {395, 1250}, {340, 1700}}}},
    KindRow{ApplianceKind::freezer,
            Market::us,
            Unit::a_year,
            16,
            410,
            0.035,
            430,
            0,
            0,
            {{{430, 650}, {380, 780}, {330, 960}, {280, 1250}}}},
    KindRow{ApplianceKind::tumble_dryer,
            Market::us,
            Unit::a_use,
            14,
            2.25,
            0.012,
            0,
            40,
            420,
            {{{2.3, 620}, {2.1, 720}, {1.5, 950}, {0.8, 1200}}}},
    KindRow{ApplianceKind::dishwasher,
            Market::us,
            Unit::a_use,
            10.5,
            1.2,
            0.03,
            0,
            60,
            330,
            {{{1.3, 500}, {1.15, 620}, {1.0, 760}, {0.85, 1100}}}},
    KindRow{ApplianceKind::washing_machine,
            Market::us,
            Unit::a_use,
            12,
            0.42,
            0.07,
            0,
            60,
            420,
            {{{0.55, 600}, {0.4, 830}, {0.33, 1000}, {0.25, 1250}}}},
    KindRow{ApplianceKind::water_heater,
            Market::us,
            Unit::efficiency,
            13,
            0.92,
            0.002,
            0,
            500,
            4800,
            {{{0.92, 850}, {2.3, 2300}, {3.2, 2750}, {3.75, 3300}}}},
    KindRow{ApplianceKind::air_conditioner,
            Market::us,
            Unit::efficiency,
            16,
            4.1,
            0.018,
            0,
            1500,
            16000,
            {{{4.1, 5200}, {4.6, 6100}, {5.3, 7600}, {6.1, 9500}}}},
    KindRow{ApplianceKind::fridge_freezer,
            Market::eu,
            Unit::a_year,
            14.5,
            225,
            0.04,
            300,
            0,
            0,
            {{{235, 520}, {180, 720}, {140, 980}, {100, 1500}}}},
    KindRow{ApplianceKind::freezer,
            Market::eu,
            Unit::a_year,
            15.5,
            220,
            0.04,
            220,
            0,
            0,
            {{{220, 520}, {175, 700}, {140, 950}, {95, 1450}}}},
    KindRow{ApplianceKind::tumble_dryer,
            Market::eu,
            Unit::a_use,
            12.5,
            1.6,
            0.04,
            0,
            30,
            260,
            {{{1.7, 480}, {1.4, 570}, {1.1, 720}, {0.85, 950}}}},
    KindRow{ApplianceKind::dishwasher,
            Market::eu,
            Unit::a_use,
            11,
            0.85,
            0.02,
            0,
            60,
            320,
            {{{0.93, 420}, {0.84, 520}, {0.74, 680}, {0.54, 1050}}}},
    KindRow{ApplianceKind::washing_machine,
            Market::eu,
            Unit::a_use,
            11.5,
            0.6,
            0.025,
            0,
            60,
            330,
            {{{0.78, 370}, {0.63, 430}, {0.52, 520}, {0.42, 750}}}},
};

constexpr int this_year = 2026;
constexpr double years_counted = 25;

using Chance = simulator::Chance;

double lognormal(Chance& chance, double sigma) { return std::exp(sigma * chance.normal(0, 1)); }

double life_from(Chance& chance, double mean, double age, bool is_lognormal) {
  for (int i = 0; i < 200; ++i) {
    double life = 0;
    if (is_lognormal) {
      life = mean * std::exp(-0.5 * 0.35 * 0.35 + 0.35 * chance.normal(0, 1));
    } else {
      constexpr double shape = 2.8;
      life =
          mean / std::tgamma(1 + 1 / shape) * std::pow(-std::log(1 - chance.uniform()), 1 / shape);
    }
    if (life > age + 0.05) return life - age;
  }
  return 0.5;  // It is far older than its like.
}

// Of a label in a home, before the scatter.
double in_home(const KindRow& row, double label, const Misleading& misleading) {
  if (!misleading.by_labels) return label;
  if (row.unit == Unit::a_year) {
    // EU labels of cold are about 0.4 of US ones.
    const double less = row.market == Market::us ? 85 : 34;
    return std::max(0.94 * label - less, 0.4 * label);
  }
  // What a home misses of its efficiency, or takes less a use, at its programmes.
  return row.unit == Unit::efficiency ? label / 1.06 : 0.94 * label;
}

struct Scatter {
  double home, model;  // Sigmas.
};

double yearly_kwh(const KindRow& row, double label, double uses, double factor,
                  const Misleading& misleading) {
  const double there = in_home(row, label, misleading);
  switch (row.unit) {
    case Unit::a_year:
      return there * factor;
    case Unit::a_use:
      return there * uses * factor;
    case Unit::efficiency:
      return uses / there * factor;
  }
  return 0;
}

void sell(SimulatedHousehold& home, const KindRow& row, double uses, double home_factor,
          const Scatter& scatter, const Misleading& misleading, Chance& chance) {
  const double rebound =
      misleading.by_rebound && row.unit != Unit::a_year ? chance.between(0, 0.2) : 0;
  for (const auto& sold : row.sold) {
    // Models differ from home to home.
    const double label = sold.label * lognormal(chance, 0.04);
    const double price = sold.price * lognormal(chance, 0.08);
    home.offers.push_back({.name = std::to_string(home.offers.size() + 1),
                           .kind = row.kind,
                           .label = label,
                           .size = {},
                           .purchase = price,
                           .price_source = "about, simulated"});
    double kwh =
        yearly_kwh(row, label, uses, home_factor * lognormal(chance, scatter.model), misleading);
    if (kwh < home.kwh) kwh += rebound * (home.kwh - kwh);
    home.models.push_back({kwh, price * lognormal(chance, 0.1)});
  }
}

// What is measured and said of it; `label` is the true one.
void tell(SimulatedHousehold& home, const KindRow& row, double label, double uses,
          const Misleading& misleading, Chance& chance) {
  auto& use = home.use;
  use.name = "simulated";
  use.kind = row.kind;
  use.measured_days = std::floor(chance.between(30, 365));
  const double season = row.kind == ApplianceKind::air_conditioner ? 2 : 1;
  const double sigma = season * (0.02 + 0.1 * std::sqrt(28 / use.measured_days));
  const double busy = lognormal(chance, sigma);
  const double measured = home.kwh * busy;
  use.energy_kwh = {measured * std::exp(-1.2816 * sigma), measured,
                    measured * std::exp(1.2816 * sigma)};
  if (row.unit == Unit::a_use) use.uses_a_year = uses * busy;
  use.price_per_kwh = home.price_per_kwh;
  if (chance.happens(0.85)) use.age_years = std::max(1.0, std::round(home.age));
  if (row.size > 0 && chance.happens(0.7)) use.size = row.size;
  if (chance.happens(0.35)) use.label = label;
  if (chance.happens(misleading.wrong_facts)) {
    if (chance.happens(0.5)) {
      const double off = chance.between(4, 10);
      use.age_years = std::max(1.0, home.age + (chance.happens(0.5) ? off : -off));
    } else {  // It is taken for one of another type: of another size and label.
      const double other = chance.happens(0.5) ? 1.4 : 1 / 1.4;
      if (use.size) *use.size *= other;
      use.label = label * other;
    }
  }
}

SimulatedHousehold simulated_household(const Misleading& misleading, Chance& chance) {
  const auto& row = kinds[static_cast<std::size_t>(chance.uniform() * kinds.size())];
  SimulatedHousehold home;
  home.settings = {.market = row.market,
                   .currency = row.market == Market::us ? "USD" : "EUR",
                   .year = this_year,
                   .draws = 2000,
                   .carbon_g_per_kwh = 0};
  home.age = chance.between(1, 22);
  home.years_left = life_from(chance, row.life, home.age, misleading.by_lifetimes);
  for (int i = 0; i < 40; ++i) {
    home.lives.push_back(std::max(0.5, life_from(chance, row.life, 0, misleading.by_lifetimes)));
  }
  home.wear = 0.03 * chance.uniform() * chance.uniform();
  home.wear_of_new = 0.03 * chance.uniform() * chance.uniform();
  const double middle = row.market == Market::us ? 0.19 : 0.29;
  home.price_per_kwh = std::clamp(middle * lognormal(chance, 0.4), 0.08, 0.70);
  home.growth = chance.between(misleading.by_prices ? -0.04 : 0, 0.04);
  home.interest = chance.between(0.02, 0.08);

  const Scatter scatter = misleading.by_labels ? Scatter{0.1414, 0.1414} : Scatter{0.0707, 0.0707};
  const double uses =
      row.many_uses > 0 ? std::exp(chance.between(std::log(row.few_uses), std::log(row.many_uses)))
                        : 0;
  const double worse = std::pow(1 + row.progress, home.age) * lognormal(chance, 0.12);
  const double label =
      row.unit == Unit::efficiency ? row.old_label / std::max(worse, 0.6) : row.old_label * worse;
  const double home_factor = lognormal(chance, scatter.home);
  home.kwh =
      yearly_kwh(row, label, uses, home_factor * lognormal(chance, scatter.model), misleading) *
      std::pow(1 + home.wear, home.age);
  sell(home, row, uses, home_factor, scatter, misleading, chance);
  tell(home, row, label, uses, misleading, chance);
  return home;
}

}  // namespace

double SimulatedHousehold::cost(std::size_t model, bool is_replaced_now) const {
  constexpr int months = static_cast<int>(12 * years_counted);
  const double discount = std::pow(1 + interest, -1.0 / 12),
               dearer = std::pow(1 + growth, 1.0 / 12);
  const double worn = std::pow(1 + wear, 1.0 / 12),
               worn_of_new = std::pow(1 + wear_of_new, 1.0 / 12);
  const auto& bought = models[model];
  double worth = 1, price = price_per_kwh, sum = 0;
  std::size_t next = 0;
  double left = is_replaced_now ? 0 : years_left, life = 0;
  double monthly = kwh / 12, growing = worn;
  for (int month = 0; month < months; ++month) {
    if (left < 1e-9) {
      life = left = lives[next++];
      sum += worth * bought.price;
      monthly = bought.kwh / 12;
      growing = worn_of_new;
    }
    sum += worth * price * monthly;
    worth *= discount;
    price *= dearer;
    monthly *= growing;
    left -= 1.0 / 12;
  }
  if (life > 0) sum -= worth * bought.price * std::max(0.0, left / life);
  return sum;
}

std::vector<SimulatedHousehold> simulated_households(int count, const Misleading& misleading,
                                                     std::uint64_t seed) {
  std::vector<SimulatedHousehold> homes;
  for (int i = 0; i < count; ++i) {
    Chance chance(simulator::mix(seed) ^ simulator::mix(static_cast<std::uint64_t>(i)));
    homes.push_back(simulated_household(misleading, chance));
  }
  return homes;
}

}  // namespace lenz::evaluation
