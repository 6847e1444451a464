#include "insight/wiring/adapter_guard.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "insight/wiring/wiring_words.h"

namespace insight::wiring {
namespace {

// A socket's voltage, from the lowest to the highest that grids allow and boards not yet calibrated
// say of it.
constexpr float lowest_share = 0.7F, highest_share = 1.35F;

}  // namespace

AdapterGuard::AdapterGuard(std::size_t chips, std::vector<std::size_t> second,
                           measurement::Volts nominal)
    : is_second_(chips), nominal_volts_(nominal.value) {
  for (const auto chip : second) is_second_.at(chip) = true;
  assert(!second.empty() && second.size() < chips && "BUG: each adapter has chips of its own");
}

void AdapterGuard::take(const measurement::Sample& sample) { step_ = look(sample); }

AdapterStep AdapterGuard::look(const measurement::Sample& sample) {
  std::vector<std::size_t> unread, dead_first, joined, half_joined;
  for (std::size_t chip = 0; chip < is_second_.size(); ++chip) {
    const auto volts =
        chip < sample.chips() ? sample.get<measurement::Quantity::voltage>(chip) : std::nullopt;
    if (!volts) {
      unread.push_back(chip);
      continue;
    }
    const bool is_mains = volts->value > lowest_share * nominal_volts_ &&
                          volts->value < highest_share * nominal_volts_;
    if (!is_second_[chip] && !is_mains) dead_first.push_back(chip);
    if (is_second_[chip] && volts->value >= joined_volts) {
      (is_mains ? joined : half_joined).push_back(chip);
    }
  }
  const auto stop = [&](AdapterStep step, std::vector<std::size_t> chips) {
    at_fault_ = std::move(chips);
    good_ = 0;
    return step;
  };
  const auto seconds = static_cast<std::size_t>(std::ranges::count(is_second_, true));
  const bool is_all = unread.empty() && dead_first.empty() && joined.size() == seconds;
  // Once all was clear, volts on the second group are those of its adapter.
  if (was_clear_ && is_all) return stop(AdapterStep::done, {});
  joined.insert(joined.end(), half_joined.begin(), half_joined.end());
  if (!joined.empty() && !was_clear_) return stop(AdapterStep::cut_jumper, std::move(joined));
  if (!unread.empty()) {
    was_clear_ = false;
    return stop(AdapterStep::check_chip, std::move(unread));
  }
  if (!dead_first.empty()) {
    was_clear_ = false;
    return stop(AdapterStep::plug_first, std::move(dead_first));
  }
  if (!joined.empty()) {
    // Some of the second group have volts and some have none: the adapter is being plugged in, or
    // one jumper is still closed that was not a moment ago.
    if (joined.size() == seconds) return stop(AdapterStep::wait, {});
    was_clear_ = false;
    return stop(AdapterStep::cut_jumper, std::move(joined));
  }
  at_fault_.clear();
  if (good_ < needed) ++good_;
  if (good_ < needed) return AdapterStep::wait;
  was_clear_ = true;
  return AdapterStep::plug_second;
}

std::string sentence(const AdapterGuard& guard, const std::vector<std::optional<int>>& cs_pins) {
  const auto names = [&] {
    std::vector<std::string> all;
    for (const auto chip : guard.chips()) {
      all.push_back(chip_name(chip, chip < cs_pins.size() ? cs_pins[chip] : std::nullopt));
    }
    return fmt::format("{}", fmt::join(all, "; "));
  };
  switch (guard.step()) {
    case AdapterStep::plug_first:
      return fmt::format(
          "Plug in the first voltage adapter alone: {} should read the mains and does not.",
          names());
    case AdapterStep::wait:
      return "Wait: the voltages are being watched for ten samples.";
    case AdapterStep::check_chip:
      return fmt::format(
          "Do not plug in the second adapter: {} does not answer, so nobody knows what its voltage "
          "input carries. Check its board's seat and its chip-select jumper.",
          names());
    case AdapterStep::cut_jumper: {
      std::string places;
      for (const auto chip : guard.chips()) {
        if (!places.empty()) places += " and ";
        places += jumper_name(chip);
      }
      return fmt::format(
          "STOP: do not plug in the second adapter, and unplug it if it is in. {} still reads the "
          "first adapter's voltage: open {}.",
          names(), places);
    }
    case AdapterStep::plug_second:
      return "Plug in the second voltage adapter: every chip of its group reads less than 2 V.";
    case AdapterStep::done:
      return "Both adapters read the mains.";
  }
  return {};
}

}  // namespace insight::wiring
