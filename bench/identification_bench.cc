// What it costs to say what runs, on a simulated home: a year of its circuits at once, and 42
// clamps three times a second as they come.

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <deque>
#include <memory>
#include <vector>

#include "insight/identification/channel_identifier.h"
#include "lenz/analysis.h"
#include "lenz/process_figures.h"
#include "simulator/household.h"
#include "simulator/neighbours.h"

namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr Timestamp begin{std::chrono::sys_days(std::chrono::year(2025) / 1 / 1)};

// Circuits with clamps; each has its identifier.
class Clamps {
 public:
  Clamps(std::unique_ptr<simulator::Scene> scene,
         const std::shared_ptr<const insight::Model>& model)
      : scene_(std::move(scene)), chips_(scene_->chips()) {
    for (std::size_t i = 0; i < scene_->channels().size(); ++i) {
      if (scene_->channels()[i].name.empty()) continue;
      used_.push_back(i);
      identifiers_.emplace_back(model, insight::ChannelFacts{});
    }
  }

  // CPU time of the identifiers alone, seconds.
  double live(std::chrono::milliseconds interval, std::chrono::hours length) {
    double spent = 0;
    for (auto now = begin; now < begin + length; now += interval) {
      scene_->advance(now, chips_);
      const auto before = std::clock();
      for (std::size_t i = 0; i < used_.size(); ++i) {
        identifiers_[i].take(reading(now, used_[i]));
        runs_ += identifiers_[i].take_runs().size();
      }
      spent += static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
      ++readings_;
    }
    return spent;
  }

  std::size_t size() const { return used_.size(); }
  double readings() const { return static_cast<double>(readings_ * used_.size()); }
  std::size_t runs() const { return runs_; }

 private:
  insight::Reading reading(Timestamp now, std::size_t channel) const {
    const auto& chip = chips_[channel / measurement::channels_per_chip];
    const auto place = channel % measurement::channels_per_chip;
    const auto& load = chip.channels[place];
    return {.time = now,
            .active_power = {load.fundamental_power.value + load.harmonic_power.value},
            .reactive_power = load.reactive_power,
            .voltage = chip.voltage[place],
            .harmonic_power = load.harmonic_power,
            .peak_current = load.peak_current};
  }

  std::unique_ptr<simulator::Scene> scene_;
  std::vector<simulator::ChipInput> chips_;
  std::vector<std::size_t> used_;
  std::deque<insight::ChannelIdentifier> identifiers_;
  std::size_t readings_ = 0, runs_ = 0;
};

std::unique_ptr<simulator::Scene> home(std::uint64_t seed, std::chrono::milliseconds step) {
  return std::make_unique<simulator::Household>(
      simulator::HouseholdOptions{.seed = seed, .begin = begin, .step = step});
}

std::unique_ptr<simulator::Scene> neighbours(std::size_t channels) {
  std::vector<std::unique_ptr<simulator::Scene>> homes;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) homes.push_back(home(seed, 1s));
  return std::make_unique<simulator::Repeated>(std::move(homes), channels);
}

double rss_mib() { return lenz::figures_of(::getpid()).rss_mib; }

}  // namespace

int main() {
  const auto model =
      lenz::installed_model([](const std::string& text) { fmt::print(stderr, "{}\n", text); });
  if (!model) return 1;
  {
    const double before = rss_mib();
    Clamps clamps(neighbours(42), model);
    const double spent = clamps.live(333ms, 1h);
    fmt::print("{} clamps, 3 Hz, an hour: {:.3f} % of a core, {:.2f} us a reading, {:.0f} MiB\n",
               clamps.size(), 100 * spent / 3600, 1e6 * spent / clamps.readings(),
               rss_mib() - before);
  }
  Clamps clamps(home(1, 10s), model);
  const double spent = clamps.live(10s, 365 * 24h);
  const auto circuits = static_cast<double>(clamps.size());
  fmt::print(
      "a year of 10 s: {:.1f} s a circuit, {:.0f} s a home of {} clamps, {:.2f} us a reading, {} "
      "runs\n",
      spent / circuits, spent, clamps.size(), 1e6 * spent / clamps.readings(), clamps.runs());
  return 0;
}
