#include "hub/integrations/sample_points.h"

#include <fmt/format.h>

#include <array>
#include <set>
#include <tuple>

#include "hub/integrations/line_protocol.h"

namespace hub {
namespace {

using measurement::Quantity;
using namespace std::chrono_literals;

// What one step is, in the order of the quantities.
constexpr std::array<std::string_view, measurement::measured_quantities> units = {
    "dv", "chz", "c", "ma", "dw", "dvar", "dw", "dw", "ma", "mwh", "mwh"};

}  // namespace

std::string field_of(Quantity quantity, std::size_t index) {
  return fmt::format("{}_{}_{}", row(quantity).name, index,
                     units.at(static_cast<std::size_t>(quantity)));
}

std::expected<SampleLines, StoreError> lines_of_samples(const Home& home, Store& store,
                                                        std::string_view device,
                                                        measurement::Timestamp minute) {
  const auto kept = store.samples(device, {minute, minute + 1min});
  if (!kept) return std::unexpected(kept.error());
  SampleLines found;
  std::set<std::tuple<std::uint64_t, measurement::Stream, measurement::Timestamp>> told;
  for (const auto& [boot, stream, time, sample] : *kept) {
    if (!told.emplace(boot, stream, time).second) continue;
    Line line(sample_measurement);
    line.tag("boot", fmt::format("{:016x}", boot)).tag("home", home.id).tag("meter", device);
    line.tag("since", fmt::format("{}", (time - sample.uptime).time_since_epoch().count()));
    line.tag("stream", stream_names.at(static_cast<std::size_t>(stream)));
    line.integer("number", static_cast<std::int64_t>(sample.number));
    ++found.points;
    for (std::size_t q = 0; q < measurement::measured_quantities; ++q) {
      const auto quantity = static_cast<Quantity>(q);
      for (std::size_t i = 0; i < sample.count(quantity); ++i) {
        const auto steps = sample.steps(quantity, i);
        if (!steps) continue;
        line.integer(field_of(quantity, i), *steps);
        ++found.points;
      }
    }
    found.lines.push_back(*line.at(time));
  }
  return found;
}

}  // namespace hub
