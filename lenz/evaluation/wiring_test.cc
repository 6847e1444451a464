#include "lenz/evaluation/wiring.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "insight/wiring/examination.h"
#include "simulator/recording.h"

namespace lenz::evaluation {
namespace {

using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;

// Replay: lenz evaluate wiring --seed 101 --panels 200 --all
TEST(WiringDoctor, NamesWhatIsWrongWithSimulatedPanelsAndHardlyEverWhatIsNot) {
  const auto score = evaluate_wiring(101, 200);

  std::size_t shown = 0, named = 0;
  for (const auto& line : score.by_mistake) {
    shown += line.visible;
    named += line.named;
  }
  std::ostringstream all;
  print(score, all);
  for (const auto& lie : score.lies) all << "false " << lie << "\n";
  EXPECT_GT(shown, 200U) << all.str();
  EXPECT_GE(static_cast<double>(named), 0.92 * static_cast<double>(shown)) << all.str();
  EXPECT_LE(static_cast<double>(score.false_statements),
            0.02 * static_cast<double>(score.statements))
      << all.str();
}

TEST(WiringDoctor, SaysNothingOfPanelsThatAreAsTheyShouldBe) {
  for (std::uint64_t seed = 500; seed < 560; ++seed) {
    const simulator::WiredPanel home({.seed = seed});
    if (!home.misdeeds().empty()) continue;  // One adapter for three phases.
    insight::wiring::Recorder recorder(home.chips());
    for (std::size_t second = 0; second < home.seconds(); ++second) {
      recorder.take(Timestamp(std::chrono::seconds(second)), home.sample(second));
    }

    const auto report = examine(entered_panel(home), recorder);

    for (const auto& finding : report.findings) {
      if (finding.fault == insight::wiring::Fault::clipped && home.is_cut(finding.channels[0]))
        continue;
      ADD_FAILURE() << seed << ": " << finding.where << " " << finding.evidence;
    }
  }
}

TEST(WiringDoctor, LetsNoSecondAdapterInWhereAJumperIsLeft) {
  const auto score = evaluate_adapters(1, 1000);

  EXPECT_GT(score.uncut, 300U);
  EXPECT_EQ(score.stopped, score.uncut);
  EXPECT_GE(score.passed * 100, score.cut * 98);
}

// Half an hour of a recorded house, as a meter would have said it. The mains are of both legs.
insight::wiring::Report examined(const std::filesystem::path& folder, double begin_s) {
  simulator::Recording scene(folder, {.begin_s = begin_s, .end_s = begin_s + 1800});
  insight::wiring::Panel panel;
  panel.circuits.push_back({.id = "mains", .kind = insight::wiring::CircuitKind::grid});
  panel.circuits[0].legs = {1};
  for (std::size_t c = 0; c < scene.channels().size(); ++c) {
    const auto& name = scene.channels()[c].name;
    if (name.empty()) continue;
    if (name == "mains_va") {
      panel.circuits[0].clamps.push_back({.channel = c});
      continue;
    }
    auto& circuit = panel.circuits.emplace_back();
    circuit.id = circuit.name = name;
    circuit.parent = 0;
    circuit.legs = {1};
    circuit.clamps.push_back({.channel = c});
  }
  insight::wiring::Recorder recorder(scene.chips());
  std::vector<simulator::ChipInput> inputs(scene.chips());
  for (auto at = scene.begin(); at < scene.end(); at += 3s) {
    if (!scene.advance(at, inputs).powered) continue;
    measurement::Sample sample(scene.chips());
    for (std::size_t chip = 0; chip < inputs.size(); ++chip) {
      sample.put<Quantity::voltage>(chip, inputs[chip].voltage[0]);
      for (std::size_t i = 0; i < measurement::channels_per_chip; ++i) {
        const auto& load = inputs[chip].channels[i];
        const auto channel = chip * measurement::channels_per_chip + i;
        sample.put<Quantity::active_power>(channel, load.fundamental_power + load.harmonic_power);
        sample.put<Quantity::reactive_power>(channel, load.reactive_power);
        sample.put<Quantity::current>(channel, load.current);
      }
    }
    recorder.take(at, sample);
  }
  return examine(panel, recorder);
}

TEST(WiringDoctor, SaysNothingFalseOfRecordedPanels) {
  const auto* data = std::getenv("LENZ_DATA");
  if (!data) GTEST_SKIP() << "LENZ_DATA is not set: no recordings.";
  for (const int house : {1, 3, 4}) {
    const auto folder =
        std::filesystem::path(data) / "houses" / fmt::format("redd-house-{}", house);
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there.";
    for (int day = 0; day < 2; ++day) {
      for (const int hour : {0, 7, 18}) {
        const double begin_s = 86'400. * day + 3600. * hour;
        for (const auto& finding : examined(folder, begin_s).findings) {
          ADD_FAILURE() << folder << " at " << begin_s << ": " << row(finding.fault).word << " "
                        << finding.where << " " << finding.evidence;
        }
      }
    }
  }
}

}  // namespace
}  // namespace lenz::evaluation
