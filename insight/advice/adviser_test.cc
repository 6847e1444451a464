#include "insight/advice/adviser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "insight/advice/archetypes.h"

namespace insight {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const AdviceSettings in_us{.market = Market::us, .currency = "USD", .year = 2026};

// 283 loads a year at 2.27 kWh, as the label of one of 2018 says.
ApplianceUse dryer() {
  ApplianceUse use;
  use.name = "Dryer";
  use.kind = ApplianceKind::tumble_dryer;
  use.energy_kwh = {600, 642, 690};
  use.measured_days = 200;
  use.uses_a_year = 283;
  use.price_per_kwh = 0.16;
  use.age_years = 8;
  return use;
}

// Of 2004; 1,200 kWh a year is far more than any that is sold.
ApplianceUse old_fridge() {
  ApplianceUse use;
  use.name = "Fridge";
  use.kind = ApplianceKind::fridge_freezer;
  use.energy_kwh = {1100, 1200, 1300};
  use.measured_days = 200;
  use.price_per_kwh = 0.30;
  use.age_years = 22;
  return use;
}

const Candidate& with_role(const Advice& advice, CandidateRole role) {
  return *std::ranges::find_if(advice.candidates, [&](const Candidate& c) {
    return std::ranges::find(c.roles, role) != c.roles.end();
  });
}

TEST(Adviser, AGreedyOldFridgeIsReplaced) {
  const auto advice = advise(old_fridge(), {}, in_us, 1);

  EXPECT_EQ(advice.verdict, Verdict::replace);
  const auto& best = with_role(advice, CandidateRole::best_for_you);
  EXPECT_GE(best.chance_ahead, 0.8);
  EXPECT_GT(best.net_present_value.median, 0);
  EXPECT_THAT(advice.why, HasSubstr("you come out ahead"));
  EXPECT_THAT(best.price_source, HasSubstr("about"));
}

TEST(Adviser, TheBestForYouNeedNotTakeLeast) {
  // 25 kWh a year less for 106 dollars more: 4 dollars a year at 0.16, in 15 years 60.
  auto use = old_fridge();
  use.price_per_kwh = 0.16;

  const auto advice = advise(use, {}, in_us, 1);

  EXPECT_EQ(with_role(advice, CandidateRole::best_for_you).name, "an ENERGY STAR fridge-freezer");
  EXPECT_EQ(with_role(advice, CandidateRole::most_efficient).name,
            "one of the best fridge-freezers");
}

TEST(Adviser, ADryerThatIsHardlyUsedIsKept) {
  // A heat-pump dryer saves 1.5 kWh a load: at 60 loads a year 14 dollars of its 1,110.
  auto use = dryer();
  use.uses_a_year = 60;
  use.energy_kwh = {125, 136, 147};

  const auto advice = advise(use, {}, in_us, 1);

  EXPECT_EQ(advice.verdict, Verdict::keep);
  EXPECT_THAT(advice.why, StartsWith("Keep it"));
  EXPECT_EQ(with_role(advice, CandidateRole::best_for_you).name, "an ENERGY STAR dryer");
}

TEST(Adviser, BeyondTheTurningPointTheAdviceIsAnother) {
  auto use = dryer();
  const auto advice = advise(use, {}, in_us, 1);
  ASSERT_EQ(advice.verdict, Verdict::keep);
  ASSERT_TRUE(advice.turning_point);
  ASSERT_EQ(advice.turning_point->of, TurningPoint::Of::uses_a_year);

  const auto with_uses = [&](double uses) {
    const double factor = uses / *dryer().uses_a_year;
    auto other = dryer();
    other.uses_a_year = uses;
    other.energy_kwh = {600 * factor, 642 * factor, 690 * factor};
    return advise(other, {}, in_us, 1).verdict;
  };

  EXPECT_EQ(with_uses(0.9 * advice.turning_point->value), Verdict::keep);
  EXPECT_EQ(with_uses(1.1 * advice.turning_point->value), Verdict::replace);
}

TEST(Adviser, AHealthFindingComesFirst) {
  auto use = old_fridge();
  use.finding = "has a door that does not seal";

  const auto advice = advise(use, {}, in_us, 1);

  EXPECT_EQ(advice.verdict, Verdict::repair);
  EXPECT_THAT(advice.why, StartsWith("It has a door that does not seal: have that put right"));
}

TEST(Adviser, ACheapRepairIsBetterThanANewOneAndADearOneIsNot) {
  auto use = dryer();
  use.age_years = 5;
  use.repair_quote = 90;
  EXPECT_EQ(advise(use, {}, in_us, 1).verdict, Verdict::repair);

  use = old_fridge();
  use.repair_quote = 600;
  EXPECT_EQ(advise(use, {}, in_us, 1).verdict, Verdict::replace);
}

TEST(Adviser, WhatIsFreeComesFirstTheLargestFirst) {
  auto use = dryer();
  use.standby_w = 3;                                       // 3 x 8.76 x 0.16 = 4.2 a year.
  use.shiftable = ShiftableUse{0.8, 0.10, "after 22:00"};  // 0.8 x 642 x 0.10 = 51.

  const auto advice = advise(use, {}, in_us, 1);

  EXPECT_EQ(advice.verdict, Verdict::use_otherwise);
  ASSERT_EQ(advice.free_first.size(), 3U);
  EXPECT_EQ(advice.free_first[0], "Start it after 22:00: about 51 USD a year less.");
  EXPECT_EQ(advice.free_first[1],
            "Switch it off at the wall between uses: it draws 3.0 W all the time, about 4 USD a "
            "year.");
  EXPECT_THAT(advice.free_first[2], HasSubstr("lint filter"));
}

TEST(Adviser, TheOwnersPriceWins) {
  std::vector<Offer> offers{{.name = "Mine",
                             .kind = ApplianceKind::tumble_dryer,
                             .label = 0.8,
                             .size = {},
                             .purchase = 300,
                             .price_source = "yours"}};

  const auto advice = advise(dryer(), offers, in_us, 1);

  const auto& best = with_role(advice, CandidateRole::best_for_you);
  EXPECT_EQ(best.name, "Mine");
  EXPECT_EQ(best.price_source, "yours");
  EXPECT_NEAR(best.purchase.median, 300, 3);
  EXPECT_EQ(advice.verdict, Verdict::replace);  // 280 x 1.45 kWh x 0.16 = 65 a year for 300.
}

TEST(Adviser, AModelWithoutAPriceCostsWhatOthersOfItsEfficiencyDo) {
  std::vector<Offer> offers{{.name = "Unpriced",
                             .kind = ApplianceKind::tumble_dryer,
                             .label = 1.46,
                             .size = {},
                             .purchase = {},
                             .price_source = {}},
                            {.name = "Dear",
                             .kind = ApplianceKind::tumble_dryer,
                             .label = 2,
                             .size = {},
                             .purchase = 5000,
                             .price_source = "about, list of 2026-09"}};

  const auto advice = advise(dryer(), offers, in_us, 1);

  // Half way between the archetypes of 2.15 kWh for 710 and of 0.77 kWh for 1,110.
  const auto& best = with_role(advice, CandidateRole::best_for_you);
  EXPECT_EQ(best.name, "Unpriced");
  EXPECT_NEAR(best.purchase.median, 910, 15);
  EXPECT_EQ(best.price_source, "about, as others of its efficiency cost");
}

TEST(Adviser, WhatIsOfAnotherSizeOrKindIsNoOffer) {
  auto use = old_fridge();
  use.size = 500;
  const Offer small{.name = "Small",
                    .kind = ApplianceKind::fridge_freezer,
                    .label = 100,
                    .size = 300,
                    .purchase = 100,
                    .price_source = "yours"};
  auto freezer = small;
  freezer.name = "Freezer";
  freezer.size = 500;
  freezer.kind = ApplianceKind::freezer;

  const auto advice = advise(use, {small, freezer}, in_us, 1);

  for (const auto& candidate : advice.candidates) {
    EXPECT_NE(candidate.name, "Small");
    EXPECT_NE(candidate.name, "Freezer");
  }
}

TEST(Adviser, ASmallDishwasherIsNoneForAHomeThatDidNotSayItsSize) {
  auto use = dryer();
  use.kind = ApplianceKind::dishwasher;
  const Offer six{.name = "Six settings",
                  .kind = ApplianceKind::dishwasher,
                  .label = 0.5,
                  .size = 6,
                  .purchase = {},
                  .price_source = {}};
  auto fourteen = six;
  fourteen.name = "Fourteen settings";
  fourteen.size = 14;

  const auto advice = advise(use, {six, fourteen}, in_us, 1);

  EXPECT_EQ(with_role(advice, CandidateRole::most_efficient).name, "Fourteen settings");
}

TEST(Adviser, ItSaysWhatIsMissing) {
  auto use = dryer();
  use.measured_days = 12;
  EXPECT_EQ(advise(use, {}, in_us, 1).not_yet, "It was measured for 12 days; 28 are needed.");

  use = dryer();
  use.uses_a_year.reset();
  EXPECT_EQ(advise(use, {}, in_us, 1).not_yet, "Its runs were not counted.");

  use = dryer();
  use.price_per_kwh = 0;
  EXPECT_THAT(advise(use, {}, in_us, 1).not_yet, HasSubstr("tariff"));

  use = dryer();
  use.kind = ApplianceKind::kettle;
  EXPECT_THAT(advise(use, {}, in_us, 1).not_yet, HasSubstr("Nothing is known"));

  auto settings = in_us;
  settings.currency = "CAD";
  const auto advice = advise(dryer(), {}, settings, 1);
  EXPECT_EQ(advice.not_yet,
            "No price in CAD is known of anything that could take its place; enter one.");
  EXPECT_TRUE(advice.candidates.empty());
}

TEST(Adviser, EmissionsAreShownApartFromMoney) {
  auto settings = in_us;
  const auto without = advise(dryer(), {}, settings, 1);
  settings.carbon_g_per_kwh = 400;
  const auto with = advise(dryer(), {}, settings, 1);

  EXPECT_EQ(without.candidates[0].emissions_kg.has_value(), false);
  EXPECT_NEAR(with.candidates[0].emissions_kg->median, 642 * 0.4, 1e-9);
  EXPECT_EQ(with.candidates[1].total_cost.median, without.candidates[1].total_cost.median);
}

TEST(Adviser, TheSameSeedGivesTheSameAdviceAndAnotherHardlyAnother) {
  const auto a = advise(dryer(), {}, in_us, 1), b = advise(dryer(), {}, in_us, 1);
  const auto c = advise(dryer(), {}, in_us, 2);

  EXPECT_EQ(a.candidates[1].net_present_value.low, b.candidates[1].net_present_value.low);
  EXPECT_NE(a.candidates[1].net_present_value.low, c.candidates[1].net_present_value.low);
  EXPECT_NEAR(a.candidates[1].chance_ahead, c.candidates[1].chance_ahead, 0.04);
}

TEST(Adviser, EveryKindWithALabelIsJudgedInBothMarketsOrSaysWhyNot) {
  for (const auto& kind : appliance_kinds) {
    for (const auto market : {Market::us, Market::eu}) {
      auto use = dryer();
      use.kind = kind.id;
      const auto advice = advise(
          use, {}, {.market = market, .currency = std::string(archetype_currency(market))}, 1);
      EXPECT_NE(advice.not_yet.empty(), advice.candidates.empty()) << kind.word;
    }
  }
}

}  // namespace
}  // namespace insight
