#include "insight/identification/disaggregator.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "insight/identification/bytes.h"

namespace insight {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t version = 2;
constexpr auto hole = 10min;

template <class Number>
Number take_number(std::string_view& bytes) {
  Number number{};
  if (!insight::take(bytes, number)) {
    throw std::runtime_error("the model's part for mains is cut off; get the model file anew");
  }
  return number;
}

Forest take_forest(std::string_view& bytes, std::size_t inputs) {
  auto forest = Forest::take(bytes);
  if (!forest) throw std::runtime_error(forest.error() + "; get the model file anew");
  if (forest->inputs() != inputs || forest->outputs() != 1) {
    throw std::runtime_error(
        "the model's part for mains is for another version of Lenz; get the model file that comes "
        "with this one");
  }
  return std::move(*forest);
}

}  // namespace

std::string MainsModel::bytes() const {
  std::string bytes;
  put(bytes, version);
  put(bytes, static_cast<std::uint8_t>(kinds.size()));
  for (const auto& kind : kinds) {
    put(bytes, static_cast<std::uint8_t>(kind.kind));
    put(bytes, kind.least.value);
    for (const auto* view : {&kind.live, &kind.settled}) {
      put(bytes, view->said_from.value);
      if (view->is_said()) bytes += view->power.bytes();
    }
  }
  return bytes;
}

MainsModel MainsModel::from(std::string_view bytes) {
  if (take_number<std::uint32_t>(bytes) != version) {
    throw std::runtime_error(
        "the model's part for mains is of another version; get the model file that comes with this "
        "version of Lenz");
  }
  MainsModel model;
  const auto count = take_number<std::uint8_t>(bytes);
  const auto damaged = [] {
    return std::runtime_error("the model's part for mains is damaged; get the model file anew");
  };
  if (count > max_kinds) throw damaged();
  for (std::size_t i = 0; i < count; ++i) {
    KindForests kind;
    const auto number = take_number<std::uint8_t>(bytes);
    if (number >= appliance_kinds.size()) throw damaged();
    kind.kind = static_cast<ApplianceKind>(number);
    kind.least.value = take_number<float>(bytes);
    for (auto* view : {&kind.live, &kind.settled}) {
      const auto inputs =
          view == &kind.live ? WindowFeatures::live_count() : WindowFeatures::settled_count();
      view->said_from.value = take_number<float>(bytes);
      if (view->is_said()) view->power = take_forest(bytes, inputs);
    }
    model.kinds.push_back(std::move(kind));
  }
  if (!bytes.empty()) throw damaged();
  return model;
}

Disaggregator::Disaggregator(std::shared_ptr<const MainsModel> model, const ChannelFacts& facts)
    : model_(std::move(model)),
      nominal_voltage_(facts.nominal_voltage),
      utc_offset_(facts.utc_offset),
      features_(nominal_voltage_, utc_offset_),
      live_features_(WindowFeatures::live_count()),
      settled_features_(WindowFeatures::settled_count()) {}

void Disaggregator::take(const Reading& reading) {
  if (last_ && reading.time <= *last_) return;
  const float power = reading.active_power.value;
  if (!std::isfinite(power)) {
    live_.reset();
    return;
  }
  if (last_ &&
      reading.time - *last_ > std::max<std::chrono::milliseconds>(hole, 4 * slots_.interval())) {
    end();
  }
  last_ = reading.time;
  waiting_.push_back({reading.time, power});
  take(slots_.take(reading.time, reading.active_power));
  live_ = apply(slot_now_, reading.time, power);
}

void Disaggregator::take(std::span<const Slot> slots) {
  for (const auto& slot : slots) {
    features_.take(slot, std::max<std::chrono::milliseconds>(15s, 3 * slots_.interval()));
    features_.live(live_features_);
    estimate(false, slot_now_);
    settle();
  }
}

void Disaggregator::end() {
  take(slots_.end());
  features_.end();
  settle();
  features_ = WindowFeatures(nominal_voltage_, utc_offset_);
  slots_ = {};
  slot_now_ = {};
  live_.reset();
}

void Disaggregator::settle() {
  Estimate estimated;
  while (const auto slot = features_.settle(settled_features_)) {
    estimate(true, estimated);
    for (std::size_t i = 0; i < slot->readings; ++i) {
      settled_.push_back(apply(estimated, waiting_.front().time, waiting_.front().power_w));
      waiting_.pop_front();
    }
  }
}

void Disaggregator::estimate(bool settled, Estimate& estimate) const {
  estimate = {};
  const auto& features = settled ? settled_features_ : live_features_;
  for (std::size_t k = 0; k < model_->kinds.size(); ++k) {
    const auto& kind = model_->kinds[k];
    const auto& view = settled ? kind.settled : kind.live;
    if (!view.is_said() || features[WindowFeatures::above_base] < kind.least.value) continue;
    float power_w = 0;
    view.power.evaluate(features, {&power_w, 1});
    if (power_w >= view.said_from.value) estimate.of_kind[k].value = power_w;
  }
}

// Where more is expected than there is, all get less.
Disaggregator::Shares Disaggregator::apply(const Estimate& estimate, measurement::Timestamp time,
                                           float power_w) {
  Shares shares{.time = time, .measured = {power_w}};
  const float room = std::max(power_w, 0.0F);
  float expected = 0;
  for (const auto share : estimate.of_kind) expected += std::max(share.value, 0.0F);
  const float kept = expected > room ? room / expected : 1;
  float left = power_w;
  for (std::size_t k = 0; k < shares.of_kind.size(); ++k) {
    auto& share = shares.of_kind[k].value;
    share = kept * std::max(estimate.of_kind[k].value, 0.0F);
    left -= share;
  }
  shares.unexplained.value = power_w > 0 ? std::max(left, 0.0F) : power_w;
  return shares;
}

std::optional<Disaggregator::Shares> Disaggregator::take_settled() {
  if (settled_.empty()) return std::nullopt;
  const auto shares = settled_.front();
  settled_.pop_front();
  return shares;
}

}  // namespace insight
