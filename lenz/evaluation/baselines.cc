#include "lenz/evaluation/baselines.h"

#include <cmath>
#include <utility>

namespace lenz::evaluation {
namespace {

class Constant final : public Method {
 public:
  explicit Constant(bool is_zero) : is_zero_(is_zero) {}

  std::string name() const override { return is_zero_ ? "zero" : "mean"; }

  void fit(CaseList training, const std::set<ApplianceKind>&) override {
    means_w_.clear();
    if (is_zero_) return;
    for (const bool of_mains : {false, true}) learn(training, of_mains);
  }

  std::vector<ChannelEstimate> estimate(std::span<const Channel> channels,
                                        const std::set<ApplianceKind>& wanted,
                                        Owner&) const override {
    std::vector<ChannelEstimate> made(channels.size());
    for (std::size_t i = 0; i < channels.size(); ++i) {
      for (const auto kind : wanted) {
        const auto found = means_w_.find({channels[i].facts.is_mains, kind});
        if (found == means_w_.end()) continue;
        made[i].revised.kinds[kind].assign(channels[i].rows(), found->second);
      }
      fill_rest(channels[i], made[i].revised);
      made[i].live = made[i].revised;
    }
    return made;
  }

 private:
  // Channels where a kind can be judged weigh the same.
  void learn(CaseList training, bool of_mains) {
    struct Sum {
      double power = 0, channels = 0;
    };
    std::map<ApplianceKind, Sum> sums;
    std::set<ApplianceKind> kinds;
    for (const auto& one : training) kinds.merge(one->kinds());
    for (const auto& one : training) {
      for (std::size_t i = 0; i < one->channels.size(); ++i) {
        if (one->channels[i].facts.is_mains != of_mains) continue;
        const auto& truth = one->truths[i];
        for (const auto kind : kinds) {
          if (truth.judges(kind)) sums[kind].channels += 1;
        }
        for (const auto& meter : truth.meters) {
          double sum = 0, rows = 0;
          for (const auto w : meter.active_power_w) {
            if (std::isnan(w)) continue;
            sum += static_cast<double>(w);
            rows += 1;
          }
          if (rows > 0) sums[meter.kind].power += sum / rows;
        }
      }
    }
    for (const auto& [kind, sum] : sums) {
      if (sum.channels > 0) {
        means_w_[{of_mains, kind}] = static_cast<float>(sum.power / sum.channels);
      }
    }
  }

  bool is_zero_;
  std::map<std::pair<bool, ApplianceKind>, float> means_w_;
};

}  // namespace

std::unique_ptr<Method> zero() { return std::make_unique<Constant>(true); }
std::unique_ptr<Method> mean() { return std::make_unique<Constant>(false); }

std::vector<std::unique_ptr<Method>> baselines(std::uint64_t seed) {
  std::vector<std::unique_ptr<Method>> all;
  all.push_back(zero());
  all.push_back(mean());
  all.push_back(delta_p(seed));
  all.push_back(hart(seed));
  all.push_back(trees(seed));
  return all;
}

}  // namespace lenz::evaluation
