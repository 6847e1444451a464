// No answer about thirty circuits keeps the hub's thread from what meters send. Here of two months,
// which are soon measured; bench/routes_bench.cc asks the same of a year.

#include <gtest/gtest.h>

#include "bench/year_of_routes.h"

namespace hub {
namespace {

// Ten times what is wanted on a machine that does nothing else.
constexpr bench::Seconds longest_piece{0.5};

TEST(YearTest, NoQuestionHoldsTheThread) {
  const TemporaryFolder folder;
  {
    Disk disk;
    SqliteStore store(disk, folder.path.string());
    bench::measure_year(store, std::chrono::minutes(15), bench::year_now - std::chrono::days(60));
  }

  for (const auto& question : bench::year_questions()) {
    bench::YearHub cold(folder.path);
    const auto took = cold.ask(question);
    EXPECT_LT(took.status, 500u) << question;
    EXPECT_LT(took.cpu.longest, longest_piece) << question;
  }
  bench::YearHub hub(folder.path);
  const auto background = hub.work();
  EXPECT_LT(background.longest, longest_piece);
  for (const auto& question : bench::year_questions()) {
    EXPECT_LT(hub.ask(question).cpu.longest, longest_piece) << question;
  }
}

}  // namespace
}  // namespace hub
