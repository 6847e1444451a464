// The simulated houses, watched for months as the hub would: nothing is said of a healthy one, and
// what is wrong in the other is named.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "insight/health/equipment_watch.h"
#include "simulator/faults.h"
#include "simulator/household.h"

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;
using insight::Cause;
using insight::Change;
using measurement::Timestamp;
using simulator::House;
using std::chrono::days;
using namespace std::chrono_literals;

const Timestamp begin = std::chrono::sys_days(std::chrono::year(2026) / 1 / 5);

struct Said {
  std::string appliance;
  insight::Finding finding;
};

std::vector<Said> watch(House house, days length, const std::vector<simulator::Fault>& faults) {
  constexpr auto step = 30s;
  simulator::Household home(
      {.house = house, .seed = 4, .begin = begin, .step = step, .faults = faults});
  std::vector<simulator::ChipInput> chips(home.chips());
  std::map<std::string, insight::EquipmentWatch, std::less<>> watches;
  std::vector<Said> said;
  for (auto now = begin; now < begin + length; now += step) {
    home.advance(now, chips);
    for (const auto& truth : home.truth(now)) {
      const auto kind =
          std::ranges::find(insight::appliance_kinds, truth.word, &insight::ApplianceKindRow::word);
      if (kind == insight::appliance_kinds.end() || !insight::is_watched(kind->id)) continue;
      auto found = watches.find(truth.name);
      if (found == watches.end()) {
        found = watches.emplace(std::string(truth.name), insight::EquipmentWatch(kind->id)).first;
      }
      found->second.take({.time = now, .active_power = truth.active_power});
    }
    if ((now - begin) % 1h != 0s) continue;
    for (const auto& [name, one] : watches) {
      for (auto& finding : one.findings()) {
        const bool is_known = std::ranges::any_of(said, [&](const Said& before) {
          return before.appliance == name && before.finding.change == finding.change;
        });
        if (!is_known) said.push_back({std::string(name), std::move(finding)});
      }
    }
  }
  return said;
}

std::string text_of(const std::vector<Said>& all) {
  std::string text;
  for (const auto& [appliance, finding] : all) {
    text += appliance + " " + std::string(insight::row(finding.change).says) + "; ";
  }
  return text;
}

TEST(HealthyHouse, NothingIsSaidOfAHealthyOneInNinetyDays) {
  for (const auto house : {House::us, House::eu3}) {
    EXPECT_EQ(text_of(watch(house, days(90), {})), "");
  }
}

TEST(HealthyHouse, AGasketThatLeaksFromTheTenthDayIsFoundWithinTheMonth) {
  const auto fault = simulator::parse_fault("fridge-gasket@day10", House::us);
  ASSERT_TRUE(fault) << fault.error();

  const auto said = watch(House::us, days(30), {*fault});

  ASSERT_EQ(said.size(), 1u) << text_of(said);
  EXPECT_EQ(said[0].finding.change, Change::works_harder);
  ASSERT_FALSE(said[0].finding.suspects.empty());
  EXPECT_EQ(said[0].finding.suspects[0].cause, Cause::gasket_leak);
}

}  // namespace
}  // namespace lenz::evaluation
