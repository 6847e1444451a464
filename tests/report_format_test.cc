// Reads a report with protobuf's own library and the words of docs/report_format.md only, so that
// the page and not our codec is what the bytes are held against.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <vector>

#include "report.pb.h"

namespace {

using lenz::wire::Column;
using lenz::wire::Report;

constexpr std::uint32_t total_from = 9;  // Quantities 9 and 10 are totals, 0 to 2 are of chips.

Report golden() {
  std::ifstream file(LENZ_SOURCE_DIR "/tests/golden/report_v1.bin", std::ios::binary);
  Report report;
  EXPECT_TRUE(report.ParseFromIstream(&file));
  return report;
}

// Cell -> value, by the rules of the page. Absent cells are missing.
std::map<std::size_t, std::int64_t> cells(const Report& report, const Column& column) {
  const std::size_t width = column.quantity() <= 2 ? report.chips() : report.chips() * 3;
  const std::size_t count = width * report.count();
  const auto absent = [&](std::size_t cell) {
    return !column.absent().empty() &&
           (static_cast<unsigned char>(column.absent()[cell / 8]) >> cell % 8 & 1) != 0;
  };
  std::vector<std::int64_t> deltas;
  for (int i = 0; i < column.deltas_size(); ++i) {
    deltas.push_back(column.deltas(i));
    if (column.deltas(i) == 0)
      deltas.insert(deltas.end(), static_cast<std::size_t>(column.deltas(++i)), 0);
  }

  std::map<std::size_t, std::int64_t> values;
  std::map<std::size_t, std::vector<std::int64_t>> history;
  std::size_t next = 0;
  for (std::size_t cell = 0; cell < count; ++cell) {
    if (absent(cell)) continue;
    auto& before = history[cell % width];
    const auto n = before.size();
    std::int64_t value = deltas.at(next++);
    if (n >= 1) value += before[n - 1];
    if (n >= 2 && column.quantity() >= total_from) value += before[n - 1] - before[n - 2];
    before.push_back(value);
    values[cell] = value;
  }
  EXPECT_EQ(next, deltas.size());
  return values;
}

const Column& column(const Report& report, std::uint32_t quantity) {
  for (const auto& candidate : report.columns()) {
    if (candidate.quantity() == quantity) return candidate;
  }
  ADD_FAILURE() << "no column of quantity " << quantity;
  return report.columns(0);
}

TEST(ReportFormat, TheHeaderReadsAsThePageSays) {
  const auto report = golden();

  EXPECT_EQ(report.version(), 1u);
  EXPECT_EQ(report.device(), "meter-1");
  EXPECT_EQ(report.boot(), 0xFEDCBA9876543210);
  EXPECT_EQ(report.first(), 41u);
  EXPECT_EQ(report.count(), 3u);
  EXPECT_EQ(report.period_ms(), 1000u);
  EXPECT_EQ(report.chips(), 2u);
  EXPECT_EQ(report.booted_at_ms(), 1'700'000'000'000);
  EXPECT_EQ(report.lost(), 7u);
  ASSERT_EQ(report.uptime_ms_size(), 3);
  EXPECT_EQ(report.uptime_ms(0), 60'000);
  EXPECT_EQ(report.uptime_ms(1), 0);  // Exactly one period later.
}

TEST(ReportFormat, TheColumnsReadAsThePageSays) {
  const auto report = golden();

  const auto power = cells(report, column(report, 4));
  const auto imported = cells(report, column(report, 9));
  const auto exported = cells(report, column(report, 10));
  const auto voltage = cells(report, column(report, 0));

  // Three samples of six channels: cell = sample x 6 + channel, in steps of 0.1 W and 1 mWh.
  ASSERT_EQ(power.size(), 18u);
  EXPECT_EQ(power.at(0 * 6 + 1), 15);      // 1.5 W
  EXPECT_EQ(power.at(2 * 6 + 1), 22'000);  // The kettle is on.
  EXPECT_EQ(power.at(1 * 6 + 4), -18'005);
  EXPECT_EQ(imported.at(2 * 6 + 1), 1'000'000'000'008);
  EXPECT_EQ(exported.at(2 * 6 + 4), 1'000);
  ASSERT_EQ(voltage.size(), 5u);  // Of six; that of chip 1 in sample 1 failed its check.
  EXPECT_FALSE(voltage.contains(1 * 2 + 1));
  EXPECT_EQ(voltage.at(0), 2'304);
}

TEST(ReportFormat, WhatNoSampleHasTakesNoColumn) {
  const auto report = golden();

  for (const auto& present : report.columns()) EXPECT_NE(present.quantity(), 8u);
}

}  // namespace
