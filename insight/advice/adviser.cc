#include "insight/advice/adviser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "insight/advice/advice_words.h"
#include "insight/advice/archetypes.h"
#include "insight/advice/chance.h"
#include "insight/advice/home_energy.h"
#include "insight/advice/life_cost.h"

namespace insight {

namespace {

constexpr double enough_days = 28;
constexpr std::size_t most_weighed = 6;  // Offers, by draws; they are chosen by their middle.
constexpr double z80 = 1.2816;

struct Priced {
  Offer offer;
  double purchase = 0;
  double purchase_sigma = 0;  // A share.
};

// Purchases of its kind by label, and between two of them; beyond the last, the last.
std::optional<double> archetype_purchase(ApplianceKind kind, Market market, double label) {
  const Archetype *below = nullptr, *above = nullptr;
  for (const auto& row : archetypes()) {
    if (row.kind != kind || row.market != market) continue;
    if (row.label <= label && (!below || row.label > below->label)) below = &row;
    if (row.label >= label && (!above || row.label < above->label)) above = &row;
  }
  if (!below && !above) return std::nullopt;
  if (!below || !above || below == above) return (below ? below : above)->purchase;
  const double part = (label - below->label) / (above->label - below->label);
  return below->purchase + part * (above->purchase - below->purchase);
}

// A small dishwasher takes less and is none for a family.
bool is_of_size(const Offer& offer, const ApplianceUse& use, Market market) {
  const double wanted = use.size.value_or(common_size(use.kind, market));
  if (!offer.size || !(wanted > 0)) return true;
  return std::abs(*offer.size / wanted - 1) <= (use.size ? 0.2 : 0.3);
}

std::vector<Priced> priced(const ApplianceUse& use, const std::vector<Offer>& offers,
                           const AdviceSettings& settings) {
  std::vector<Priced> result;
  const bool knows_prices = settings.currency == archetype_currency(settings.market);
  bool has_models = false;  // Besides the owner's.
  for (const auto& offer : offers) {
    if (offer.kind != use.kind || !(offer.label > 0) || !is_of_size(offer, use, settings.market))
      continue;
    if (offer.purchase) {
      const bool is_own = offer.price_source == "yours";
      has_models |= !is_own;
      result.push_back({offer, *offer.purchase, is_own ? 0.02 : 0.117});
    } else if (knows_prices) {
      const auto purchase = archetype_purchase(use.kind, settings.market, offer.label);
      if (!purchase) continue;
      has_models = true;
      result.push_back({offer, *purchase, 0.2});
      result.back().offer.price_source = "about, as others of its efficiency cost";
    }
  }
  if (has_models || !knows_prices) return result;
  for (const auto& row : archetypes()) {
    if (row.kind != use.kind || row.market != settings.market) continue;
    // Those of another size take more or less, as those of this size do.
    const double scale = row.size > 0 && use.size && label_basis(row.kind) == LabelBasis::kwh_a_year
                             ? std::sqrt(*use.size / row.size)
                             : 1;
    result.push_back({{.name = std::string(row.name),
                       .kind = row.kind,
                       .label = row.label * scale,
                       .size = {},
                       .purchase = {},
                       .price_source = std::string(row.price_source)},
                      row.purchase * scale,
                      0.15});
  }
  return result;
}

Fate middle_fate(const ApplianceUse& use) {
  const auto life = lifetime(use.kind);
  return {.price_per_kwh = use.price_per_kwh,
          .growth = 0.015,
          .interest = 0.05,
          .years_left = std::max(2.0, life.mean - use.age_years.value_or(0.6 * life.mean)),
          .life = life.mean,
          .usual_life = life.mean,
          .wear = 0.012,
          .wear_of_new = 0.012};
}

// The few that may be best, the most efficient and the cheapest.
std::vector<Priced> shortlist(const std::vector<Priced>& all, const ApplianceUse& use,
                              const HomeEnergy& energy) {
  struct Place {
    const Priced* what;
    double kwh, cost;
  };
  const auto fate = middle_fate(use);
  std::vector<Place> places;
  for (const auto& one : all) {
    const double kwh = energy.expected(one.offer.label);
    places.push_back({&one, kwh, cost_of_replacing(fate, kwh, one.purchase).sum()});
  }
  std::ranges::stable_sort(places, {}, &Place::cost);
  const auto first_from = [&](std::size_t place, const auto& of) {
    const auto begin = places.begin() + static_cast<long>(place);
    const auto found = std::ranges::min_element(begin, places.end(), {}, of);
    std::rotate(begin, found, found + 1);
  };
  if (places.size() > most_weighed) {
    first_from(most_weighed - 2, &Place::kwh);
    first_from(most_weighed - 1, [](const Place& place) { return place.what->purchase; });
    places.resize(most_weighed);
  }
  std::vector<Priced> few;
  for (const auto& place : places) few.push_back(*place.what);
  return few;
}

struct Draws {
  std::vector<Fate> fates;
  std::vector<double> kept_kwh;
  std::vector<double> of_home;  // Standard normal.
  std::vector<double> rebound;  // Share of what is saved that is used up.
};

Draws draw_fates(const ApplianceUse& use, int count, Chance& chance) {
  const auto life = lifetime(use.kind);
  const double measured =
      std::log(std::max(use.energy_kwh.high, 1.0) / std::max(use.energy_kwh.low, 1.0)) / (2 * z80);
  Draws draws;
  for (int i = 0; i < count; ++i) {
    const double age = use.age_years ? std::max(0.5, *use.age_years + 1.5 * chance.normal())
                                     : chance.uniform(1, 1.3 * life.mean);
    // Kinds, makes and homes differ in how long things last.
    const double mean = life.mean * std::exp(0.12 * chance.normal());
    draws.fates.push_back({.price_per_kwh = use.price_per_kwh,
                           .growth = chance.uniform(-0.03, 0.04),
                           .interest = chance.uniform(0.03, 0.07),
                           .years_left = std::max(0.1, chance.years_left(mean, life.shape, age)),
                           .life = std::max(1.0, chance.years_left(mean, life.shape, 0)),
                           .usual_life = mean,
                           .wear = chance.uniform(0, 0.025),
                           .wear_of_new = chance.uniform(0, 0.025)});
    draws.kept_kwh.push_back(use.energy_kwh.median *
                             std::exp(std::hypot(measured, 0.06) * chance.normal()));
    draws.of_home.push_back(chance.normal());
    draws.rebound.push_back(chance.uniform(0, 0.2));
  }
  return draws;
}

Spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
  };
  return {at(0.1), at(0.5), at(0.9)};
}

// An offer in all draws.
struct Weighed {
  Priced what;
  std::vector<double> kwh, purchase;
  std::vector<LifeCost> cost;  // Of replacing.
  double mean_cost = 0;
};

Weighed weigh(const Priced& what, const HomeEnergy& energy, const Draws& draws, bool rebounds,
              Chance& chance) {
  Weighed w{what, {}, {}, {}, 0};
  const auto count = static_cast<double>(draws.fates.size());
  for (std::size_t i = 0; i < draws.fates.size(); ++i) {
    const double kept = draws.kept_kwh[i];
    double kwh = energy.draw(what.offer.label, kept, draws.of_home[i], chance.normal());
    if (rebounds && kwh < kept) kwh += draws.rebound[i] * (kept - kwh);
    w.kwh.push_back(kwh);
    w.purchase.push_back(what.purchase * std::max(0.5, 1 + what.purchase_sigma * chance.normal()));
    w.cost.push_back(cost_of_replacing(draws.fates[i], kwh, w.purchase.back()));
    w.mean_cost += w.cost.back().sum() / count;
  }
  return w;
}

// Of replacing the kept one now.
struct Gain {
  std::vector<double> worth;    // Net present value.
  std::vector<double> turning;  // Factor of use or price from which it is above 0.
  std::vector<double> payback;  // Years; very many where nothing is saved.
};
constexpr double never = 1e9;

// `kept` is what keeping costs in each draw.
Gain gain_of(const Weighed& now, const std::vector<LifeCost>& kept, const Draws& draws,
             double repair) {
  Gain gain;
  for (std::size_t i = 0; i < draws.fates.size(); ++i) {
    const double energy = kept[i].energy - now.cost[i].energy;
    const double purchases = now.cost[i].purchases - kept[i].purchases - repair;
    gain.worth.push_back(energy - purchases);
    gain.turning.push_back(energy > 0 ? purchases / energy : purchases < 0 ? 0 : never);
    const double a_year = (draws.kept_kwh[i] - now.kwh[i]) * draws.fates[i].price_per_kwh;
    const double paid = std::max(0.0, now.purchase[i] - repair);
    gain.payback.push_back(a_year > 0 ? std::min(never, paid / a_year) : never);
  }
  return gain;
}

std::vector<double> sums(const std::vector<LifeCost>& costs, double more) {
  std::vector<double> result;
  for (const auto& cost : costs) result.push_back(cost.sum() + more);
  return result;
}

double share_above_0(const std::vector<double>& values) {
  const auto above = std::ranges::count_if(values, [](double v) { return v > 0; });
  return static_cast<double>(above) / static_cast<double>(values.size());
}

double quantile(std::vector<double> values, double share) {
  const auto at =
      values.begin() + static_cast<long>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::ranges::nth_element(values, at);
  return *at;
}

Candidate candidate_of(const Weighed& w, const Gain& gain, const ApplianceUse& use,
                       const AdviceSettings& settings) {
  Candidate c{.name = w.what.offer.name,
              .roles = {},
              .energy_kwh = spread_of(w.kwh),
              .cost_a_year = {},
              .purchase = spread_of(w.purchase),
              .total_cost = spread_of(sums(w.cost, 0)),
              .net_present_value = spread_of(gain.worth),
              .payback_years = spread_of(gain.payback),
              .chance_ahead = share_above_0(gain.worth),
              .price_source = w.what.offer.price_source};
  if (c.payback_years->median >= never) c.payback_years.reset();
  price_energy(c, use, settings);
  return c;
}

Candidate kept_candidate(const ApplianceUse& use, const std::vector<LifeCost>& kept,
                         const AdviceSettings& settings) {
  const double repair = use.repair_quote.value_or(0);
  Candidate c{.name = {},
              .roles = {CandidateRole::kept},
              .energy_kwh = use.energy_kwh,
              .cost_a_year = {},
              .purchase = {repair, repair, repair},
              .total_cost = spread_of(sums(kept, repair)),
              .net_present_value = {},
              .payback_years = {},
              .chance_ahead = 0,
              .price_source = use.repair_quote ? "yours" : ""};
  price_energy(c, use, settings);
  return c;
}

std::optional<TurningPoint> turning_point(const Gain& gain, const ApplianceUse& use,
                                          LabelBasis basis) {
  const double life = lifetime(use.kind).mean;
  const double factor = std::max(quantile(gain.turning, sure_from),
                                 quantile(gain.payback, 0.5) / (longest_payback * life));
  if (factor <= 0 || factor > 20) return std::nullopt;
  if (basis == LabelBasis::kwh_a_use && use.uses_a_year) {
    return TurningPoint{TurningPoint::Of::uses_a_year, factor * *use.uses_a_year};
  }
  return TurningPoint{TurningPoint::Of::price_per_kwh, factor * use.price_per_kwh};
}

std::string missing(const ApplianceUse& use, std::optional<LabelBasis> basis) {
  if (!basis) return "Nothing is known of what could take its place.";
  if (use.measured_days < enough_days) {
    return fmt::format("It was measured for {:.0f} days; {:.0f} are needed.", use.measured_days,
                       enough_days);
  }
  if (!(use.energy_kwh.median > 0)) return "It took nothing while it was measured.";
  if (!(use.price_per_kwh > 0)) return "The tariff is not known; enter it.";
  if (*basis == LabelBasis::kwh_a_use && !(use.uses_a_year.value_or(0) > 0)) {
    return "Its runs were not counted.";
  }
  return {};
}

void give_roles(std::vector<Candidate>& candidates, std::size_t best) {
  const auto first = candidates.begin() + 1;
  std::ranges::min_element(first, candidates.end(), {}, [](const Candidate& c) {
    return c.energy_kwh.median;
  })->roles.push_back(CandidateRole::most_efficient);
  std::ranges::min_element(first, candidates.end(), {}, [](const Candidate& c) {
    return c.purchase.median;
  })->roles.push_back(CandidateRole::cheapest);
  candidates[1 + best].roles.push_back(CandidateRole::best_for_you);
}

Verdict verdict_of(const ApplianceUse& use, const Candidate& best, bool has_free) {
  if (!use.finding.empty() && !use.repair_quote) return Verdict::repair;
  const bool pays_back =
      best.payback_years && best.payback_years->median < longest_payback * lifetime(use.kind).mean;
  if (best.chance_ahead >= sure_from && pays_back) return Verdict::replace;
  if (use.repair_quote) return Verdict::repair;
  return has_free ? Verdict::use_otherwise : Verdict::keep;
}

}  // namespace

Advice advise(const ApplianceUse& use, const std::vector<Offer>& offers,
              const AdviceSettings& settings, std::uint64_t seed) {
  Advice advice{.appliance = use.name,
                .kind = std::string(row(use.kind).word),
                .verdict = Verdict::keep,
                .free_first = {},
                .candidates = {},
                .turning_point = {},
                .why = {},
                .not_yet = {}};
  const auto basis = label_basis(use.kind);
  advice.not_yet = missing(use, basis);
  if (!advice.not_yet.empty()) return advice;
  const auto all = priced(use, offers, settings);
  if (all.empty()) {
    advice.not_yet =
        fmt::format("No price in {} is known of anything that could take its place; enter one.",
                    settings.currency);
    return advice;
  }

  Chance chance(seed);
  const HomeEnergy energy(use, *basis, settings);
  const auto draws = draw_fates(use, settings.draws, chance);
  const bool rebounds = *basis != LabelBasis::kwh_a_year;
  std::vector<Weighed> weighed;
  for (const auto& one : shortlist(all, use, energy)) {
    weighed.push_back(weigh(one, energy, draws, rebounds, chance));
  }
  const auto best = static_cast<std::size_t>(
      std::ranges::min_element(weighed, {}, &Weighed::mean_cost) - weighed.begin());

  std::vector<LifeCost> kept;
  for (std::size_t i = 0; i < draws.fates.size(); ++i) {
    kept.push_back(cost_of_keeping(draws.fates[i], draws.kept_kwh[i], weighed[best].kwh[i],
                                   weighed[best].purchase[i]));
  }
  advice.candidates.push_back(kept_candidate(use, kept, settings));
  Gain best_gain;
  for (std::size_t i = 0; i < weighed.size(); ++i) {
    auto gain = gain_of(weighed[i], kept, draws, use.repair_quote.value_or(0));
    advice.candidates.push_back(candidate_of(weighed[i], gain, use, settings));
    if (i == best) best_gain = std::move(gain);
  }
  give_roles(advice.candidates, best);

  advice.free_first = free_options(use, settings);
  const auto& chosen = advice.candidates[1 + best];
  advice.verdict = verdict_of(use, chosen, is_worth_saying(use));
  advice.turning_point = turning_point(best_gain, use, *basis);
  advice.why = why(advice, chosen, use, settings);
  std::erase_if(advice.candidates, [](const Candidate& c) { return c.roles.empty(); });
  return advice;
}

}  // namespace insight
