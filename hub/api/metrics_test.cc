#include "hub/api/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/api/small_world.h"

namespace hub {
namespace {

using testing::HasSubstr;
using testing::Not;

// At second 90 the fridge took 80 W; now is second 100.
class MetricsTest : public testing::Test {
 protected:
  SmallWorld world;
  Ledger ledger{world.disk, (world.folder.path / "ledger.db").string(), world.store,
                world.homes[0]};

  const ServedHome& served() {
    world.served[0].ledger = [this] { return &ledger; };
    return world.served[0];
  }

  std::string text() {
    return metrics_text(&served(), 1, std::nullopt, "1.2.3", world.now).value();
  }
};

TEST_F(MetricsTest, PrometheusReadsPowerEnergyAndHowTheMeterDoes) {
  ledger.told("fridge", {{123'456'789'012'345}, {7}});

  EXPECT_EQ(text(), R"(# HELP lenz_build_info The running version.
# TYPE lenz_build_info gauge
lenz_build_info{version="1.2.3"} 1
# HELP lenz_homes Homes that this hub serves.
# TYPE lenz_homes gauge
lenz_homes 1
# HELP lenz_circuit_info What a circuit is called.
# TYPE lenz_circuit_info gauge
lenz_circuit_info{home="home",circuit="fridge",name="fridge",room=""} 1
lenz_circuit_info{home="home",circuit="spare",name="<script>alert(1)</script>",room=""} 1
# HELP lenz_circuit_active_power_watts Active power now; negative is produced.
# TYPE lenz_circuit_active_power_watts gauge
lenz_circuit_active_power_watts{home="home",circuit="fridge"} 80.0
# HELP lenz_circuit_imported_watthours_total Energy drawn, from the meter's counters.
# TYPE lenz_circuit_imported_watthours_total counter
lenz_circuit_imported_watthours_total{home="home",circuit="fridge"} 123456789012.345
# HELP lenz_circuit_exported_watthours_total Energy produced, from the meter's counters.
# TYPE lenz_circuit_exported_watthours_total counter
lenz_circuit_exported_watthours_total{home="home",circuit="fridge"} 0.007
# HELP lenz_meter_last_sample_age_seconds Time since the meter's newest sample.
# TYPE lenz_meter_last_sample_age_seconds gauge
lenz_meter_last_sample_age_seconds{home="home",meter="meter-1"} 10.000
# HELP lenz_meter_samples_lost_total Samples that the meter had to drop before they were stored.
# TYPE lenz_meter_samples_lost_total counter
lenz_meter_samples_lost_total{home="home",meter="meter-1"} 1
# HELP lenz_meter_reports_total Reports that brought at least one new sample.
# TYPE lenz_meter_reports_total counter
lenz_meter_reports_total{home="home",meter="meter-1"} 10
)");
}

TEST_F(MetricsTest, ThePowerOfAMeterThatIsSilentIsNotTold) {
  world.now = new_year + 151s;  // 61 s after its newest sample.

  EXPECT_THAT(text(), Not(HasSubstr("lenz_circuit_active_power_watts")));
  EXPECT_THAT(text(), HasSubstr("age_seconds{home=\"home\",meter=\"meter-1\"} 61.000"));
}

TEST_F(MetricsTest, AMeterThatWasNeverHeardHasNoAge) {
  world.store.seconds.clear();

  EXPECT_THAT(text(), Not(HasSubstr("age_seconds")));
}

TEST_F(MetricsTest, ANameCannotBecomeAnotherSample) {
  world.homes[0].panels[0].circuits[0].name = "a\"} 5\nlenz_evil 1\\";

  EXPECT_THAT(text(), HasSubstr("name=\"a\\\"} 5\\nlenz_evil 1\\\\\",room=\"\"} 1\n"));
  EXPECT_THAT(text(), Not(HasSubstr("\nlenz_evil")));
}

TEST_F(MetricsTest, AStoreThatDoesNotAnswerIsNoMeterWithoutSamples) {
  world.store.is_broken = true;

  EXPECT_FALSE(metrics_text(&served(), 1, std::nullopt, "1", world.now));
}

TEST_F(MetricsTest, ReportsForWhichTheHubHadNoRoomAreCounted) {
  const auto told = metrics_text(nullptr, 1000, Traffic{5, 3, 7}, "1", world.now).value();

  EXPECT_THAT(told, HasSubstr("lenz_homes 1000\n"));
  EXPECT_THAT(told, HasSubstr("lenz_hub_reports_accepted_total 5\n"));
  EXPECT_THAT(told, HasSubstr("lenz_hub_reports_refused_total 3\n"));
  EXPECT_THAT(told, HasSubstr("lenz_hub_reports_overflowed_total 7\n"));
  EXPECT_THAT(told, Not(HasSubstr("circuit")));
}

TEST(Metrics, OnlyTheWholeTokenOpensThem) {
  EXPECT_TRUE(is_bearer_of("token", "Bearer token"));
  for (const auto* wrong : {"", "token", "Bearer", "Bearer ", "Bearer toke", "Bearer token ",
                            "Bearer tokem", "bearer token", "Basic token", "Bearer  token"}) {
    EXPECT_FALSE(is_bearer_of("token", wrong)) << wrong;
  }
  EXPECT_FALSE(is_bearer_of("", "Bearer "));
}

}  // namespace
}  // namespace hub
