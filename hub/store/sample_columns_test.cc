#include "hub/store/sample_columns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "hub/store/rows.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Uptime;

// Of one to three chips, with holes.
std::vector<Sample> random_samples(std::mt19937& random, std::size_t count) {
  std::vector<Sample> samples;
  for (std::size_t s = 0; s < count; ++s) {
    auto& sample = samples.emplace_back(1 + random() % 3);
    sample.number = 100 + s;
    sample.uptime = Uptime(1000 * static_cast<std::int64_t>(s));
    for (const auto& row : measured) {
      for (std::size_t i = 0; i < sample.count(row.id); ++i) {
        if (random() % 4 > 0) {
          sample.put_steps(row.id, i, static_cast<std::int64_t>(random() % 5000) - 2500);
        }
      }
    }
  }
  return samples;
}

TEST(SampleColumns, EverySampleComesBackWhicheverPiecesTheyCameIn) {
  std::mt19937 random(1);
  auto samples = random_samples(random, 20);
  SampleColumns columns;

  columns.append(std::span(samples).first(7));
  columns.append(std::span(samples).subspan(7));

  for (auto& sample : samples) {  // As wide as the widest.
    Sample wide(3);
    wide.number = sample.number;
    wide.uptime = sample.uptime;
    sample.each(
        [&](Quantity q, std::size_t i, std::int64_t steps) { wide.put_steps(q, i, steps); });
    sample = wide;
  }
  EXPECT_EQ(columns.samples(), samples);
}

TEST(SampleColumns, AWholeSampleMovesWhenTheyAreSorted) {
  std::mt19937 random(2);
  const auto in_order = SampleColumns(random_samples(random, 20)).samples();
  auto mixed = in_order;
  std::ranges::shuffle(mixed, random);
  SampleColumns columns(mixed);

  columns.sort_by_number();

  EXPECT_EQ(columns.samples(), in_order);
}

TEST(SampleColumns, AMinutesSummaryIsThatOfItsSamples) {
  std::mt19937 random(3);
  const auto samples = random_samples(random, 60);
  const SampleColumns columns(samples);
  const auto minute = std::span(samples).subspan(20);
  const std::vector<Share> together = {{0, 1}, {4, -0.5}};

  for (const auto& row : measured) {
    for (std::size_t i = 0; i < Sample(3).count(row.id); ++i) {
      EXPECT_EQ(summarise(columns, 20, row.id, i), summarise(minute, row.id, i)) << row.name;
    }
  }
  EXPECT_EQ(summarise(columns, 20, together), summarise(minute, together));
}

}  // namespace
}  // namespace hub
