#include "insight/identification/signature_refit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>

namespace insight {
namespace {

// A run of so many watts and seconds; `turn` makes it differ a little from the others.
Features run(float watts, float seconds, int turn) {
  Features features;
  features.fill(std::numeric_limits<float>::quiet_NaN());
  const float more = 1 + 0.01F * static_cast<float>(turn % 5);
  features[place_of("peak")] = std::log2(1 + watts * more);
  features[place_of("mean")] = std::log2(1 + watts * more * 0.98F);
  features[place_of("duration")] = std::log2(1 + seconds * more);
  features[place_of("deviation")] = 0.05F;
  features[place_of("has_ended")] = 1;
  return features;
}

ToldAppliance appliance(float watts, int said) {
  ToldAppliance made;
  for (int i = 0; i < said; ++i) {
    made.said.push_back(run(watts, 200, i));
    made.signature.learn(made.said.back());
  }
  return made;
}

TEST(SignatureRefitTest, WhatWasGuessedWrongIsForgotten) {
  std::vector<ToldAppliance> appliances = {appliance(1000, 5), appliance(1700, 5)};
  for (int i = 0; i < 40; ++i) {
    appliances[0].signature.learn(run(1700, 200, i));  // Runs of the other that it was given.
  }

  const auto made = refit(appliances, -4);

  EXPECT_EQ(made.runs, 10u);
  EXPECT_EQ(made.right_after, 10u);
  EXPECT_LT(made.right_before, 10u);
  EXPECT_FALSE(made.is_worse());
}

TEST(SignatureRefitTest, WhatSaysLessThanWhatIsKnownIsWorse) {
  // It has two courses, of which one was spoken of once; the other appliance is like that one.
  std::vector<ToldAppliance> appliances = {appliance(1000, 2), appliance(2900, 5)};
  appliances[0].said.push_back(run(3500, 3000, 0));
  appliances[0].signature.learn(appliances[0].said.back());
  for (int i = 0; i < 80; ++i) {
    appliances[0].signature.learn(i % 2 == 0 ? run(1000, 200, i) : run(3500, 3000, i));
  }

  const auto made = refit(appliances, -4);

  EXPECT_EQ(made.runs, 8u);
  EXPECT_TRUE(made.is_worse()) << made.right_before << " before, " << made.right_after << " after";
}

TEST(SignatureRefitTest, OfWhomLittleWasSaidStaysWhatItWas) {
  std::vector<ToldAppliance> appliances = {appliance(1000, 5), appliance(1700, 2)};

  const auto made = refit(appliances, -4);

  ASSERT_EQ(made.signatures.size(), 2u);
  EXPECT_EQ(made.runs, 5u);
  EXPECT_EQ(made.signatures[1].log_density(run(1700, 200, 0)),
            appliances[1].signature.log_density(run(1700, 200, 0)));
}

TEST(SignatureRefitTest, AFullChannelTakesLittleTime) {
  std::vector<ToldAppliance> appliances;
  for (int i = 0; i < 64; ++i) {
    appliances.push_back(appliance(50 * std::pow(1.08F, static_cast<float>(i)), 200));
  }

  const auto begin = std::chrono::steady_clock::now();
  const auto made = refit(appliances, -4);
  const auto taken = std::chrono::steady_clock::now() - begin;

  EXPECT_EQ(made.runs, 64 * SignatureRefit::most_runs);
  const auto ms = std::chrono::duration<double, std::milli>(taken).count();
  std::printf("%.1f ms for 64 appliances; 50 ms are meant\n", ms);
  EXPECT_LT(ms, 500);
}

}  // namespace
}  // namespace insight
