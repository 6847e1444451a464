#include "firmware/summary_source.h"

namespace firmware {

using measurement::MilliwattHours;
using measurement::Quantity;
using measurement::Sample;
using measurement::SummaryEntry;
using measurement::Uptime;
using measurement::Watts;

namespace {

constexpr double watt_ms_per_mwh = 3600;
constexpr MilliwattHours least_told{1000};  // Totals are told in whole Wh.

}  // namespace

std::span<const SummaryEntry> SummarySource::entries(const Sample& sample) {
  Before now{.uptime = sample.uptime};
  std::size_t count = 0;
  for (std::size_t c = 0; c < sample.channels(); ++c) {
    const auto imported = sample.get<Quantity::imported>(c);
    const auto exported = sample.get<Quantity::exported>(c);
    if (!imported && !exported) continue;
    now.net[c] =
        imported.value_or(MilliwattHours{}).value - exported.value_or(MilliwattHours{}).value;
    const auto power = mean(c, now.net[c], now.uptime);
    if (imported && exported && *exported >= least_told) {
      entries_[count++] = {.channel = c, .imported = imported, .power = power};
      entries_[count++] = {.channel = c, .exported = exported};
    } else {
      entries_[count++] = {
          .channel = c, .imported = imported, .exported = exported, .power = power};
    }
  }
  before_ = now;
  return std::span(entries_).first(count);
}

std::optional<Watts> SummarySource::mean(std::size_t channel, std::optional<std::int64_t> net,
                                         Uptime now) const {
  if (!before_ || now <= before_->uptime || !net || !before_->net[channel]) return std::nullopt;
  const auto gained = static_cast<double>(*net - *before_->net[channel]);
  const auto passed = static_cast<double>((now - before_->uptime).count());
  return Watts{static_cast<float>(gained * watt_ms_per_mwh / passed)};
}

}  // namespace firmware
