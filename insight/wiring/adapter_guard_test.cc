#include "insight/wiring/adapter_guard.h"

#include <gmock/gmock.h>

namespace insight::wiring {
namespace {

using measurement::Quantity;
using testing::ElementsAre;
using testing::HasSubstr;

// Volts of each chip; below 0: it does not answer.
measurement::Sample volts(const std::vector<float>& chips) {
  measurement::Sample sample(chips.size());
  for (std::size_t i = 0; i < chips.size(); ++i) {
    if (chips[i] >= 0) sample.put<Quantity::voltage>(i, {chips[i]});
  }
  return sample;
}

AdapterStep after(AdapterGuard& guard, int samples, const std::vector<float>& chips) {
  for (int i = 0; i < samples; ++i) guard.take(volts(chips));
  return guard.step();
}

TEST(AdapterGuard, LetsTheSecondAdapterInOnlyAfterTenSamplesWithoutVoltsOnItsChips) {
  AdapterGuard guard(4, {1, 3}, {120});

  EXPECT_EQ(after(guard, 9, {121, 0.4F, 120, 1.9F}), AdapterStep::wait);
  EXPECT_EQ(after(guard, 1, {121, 0.4F, 120, 1.9F}), AdapterStep::plug_second);
  EXPECT_EQ(after(guard, 1, {121, 119, 120, 122}), AdapterStep::done);
}

TEST(AdapterGuard, StopsWhereAJumperIsLeftAndNamesItsPlace) {
  AdapterGuard guard(4, {1, 3}, {120});

  EXPECT_EQ(after(guard, 20, {121, 0.4F, 120, 120}), AdapterStep::cut_jumper);
  EXPECT_THAT(guard.chips(), ElementsAre(3));
  const auto words = sentence(guard, {5, 4, 0, 16});
  EXPECT_THAT(words, HasSubstr("STOP"));
  EXPECT_THAT(words, HasSubstr("jumpers JP12 and JP13 of the add-on 1"));
  EXPECT_THAT(words, HasSubstr("GPIO 16"));
}

TEST(AdapterGuard, StopsAtTwoVolts) {
  AdapterGuard guard(2, {1}, {230});

  EXPECT_EQ(after(guard, 20, {230, 2}), AdapterStep::cut_jumper);
}

TEST(AdapterGuard, SaysNothingIsSafeWhileTheFirstAdapterIsOut) {
  AdapterGuard guard(2, {1}, {120});

  EXPECT_EQ(after(guard, 50, {0, 0}), AdapterStep::plug_first);
  EXPECT_THAT(guard.chips(), ElementsAre(0));
}

TEST(AdapterGuard, SaysNothingIsSafeWhileAChipDoesNotAnswer) {
  AdapterGuard guard(3, {1, 2}, {120});

  EXPECT_EQ(after(guard, 50, {120, 0, -1}), AdapterStep::check_chip);
  EXPECT_THAT(guard.chips(), ElementsAre(2));
}

TEST(AdapterGuard, BeginsAnewAfterASampleThatSaysOtherwise) {
  AdapterGuard guard(2, {1}, {120});

  after(guard, 9, {120, 0});
  after(guard, 1, {120, 5});
  EXPECT_EQ(after(guard, 9, {120, 0}), AdapterStep::wait);
  EXPECT_EQ(after(guard, 1, {120, 0}), AdapterStep::plug_second);
}

// The owner was quicker than the guard: both adapters are in, and nobody knows whether it is cut.
TEST(AdapterGuard, DoesNotTakeAnAdapterThatCameTooEarlyForACutJumper) {
  AdapterGuard guard(2, {1}, {120});

  EXPECT_EQ(after(guard, 50, {120, 120}), AdapterStep::cut_jumper);
}

}  // namespace
}  // namespace insight::wiring
