// What the doors around the store cost by themselves: line protocol to samples, and points to JSON
// and packed history, with a store that keeps nothing and knows what it is asked for.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <string>
#include <vector>

#include "bench/peers/system.h"
#include "hub/api/views.h"
#include "hub/history.h"
#include "hub/ingest/line_protocol_reader.h"
#include "hub/ingest/points_inbox.h"
#include "hub/live_feed.h"
#include "hub/store/store.h"

namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr Timestamp begin{std::chrono::seconds(bench::Workload::usual_begin)};

// Takes everything and keeps nothing; every series is the power of the workload's third circuit.
class NoStore final : public hub::Store {
 public:
  explicit NoStore(std::size_t seconds) {
    bench::Workload workload;
    for (std::size_t s = 0; s < seconds; ++s) {
      watts_.push_back(static_cast<float>(workload.next()[2].active_power) / 10);
    }
  }

  std::expected<hub::Appended, hub::StoreError> append(
      const measurement::ReportHeader&, std::span<const measurement::Sample> samples) override {
    return hub::Appended{.added = samples.size()};
  }
  std::expected<void, hub::StoreError> commit() override { return {}; }
  std::uint64_t undone() const override { return 0; }
  std::expected<hub::Points, hub::StoreError> read(const hub::Series& series, hub::TimeRange range,
                                                   std::chrono::milliseconds step) override {
    hub::Points points{.begin = range.begin, .step = step};
    const auto count = static_cast<std::size_t>((range.end - range.begin) / step);
    if (measurement::row(series.quantity).kind == measurement::Kind::total) {
      points.gained.assign(count, 12'345);
    } else {
      for (auto* column : {&points.mean, &points.min, &points.max}) {
        column->assign(watts_.begin(), watts_.begin() + static_cast<std::ptrdiff_t>(count));
      }
    }
    return points;
  }
  std::expected<std::optional<Last>, hub::StoreError> last(std::string_view) override {
    return std::nullopt;
  }
  std::expected<std::vector<hub::Gap>, hub::StoreError> gaps(std::string_view,
                                                             hub::TimeRange) override {
    return std::vector<hub::Gap>();
  }
  std::expected<std::vector<measurement::StoredRange>, hub::StoreError> stored(
      std::string_view, std::size_t) override {
    return std::vector<measurement::StoredRange>();
  }
  std::expected<hub::Tally, hub::StoreError> tally(std::string_view) override {
    return hub::Tally();
  }
  std::expected<measurement::Origin, hub::StoreError> origin(std::string_view) override {
    return measurement::Origin();
  }
  std::expected<std::vector<Kept>, hub::StoreError> samples(std::string_view,
                                                            hub::TimeRange) override {
    return std::vector<Kept>();
  }
  std::expected<measurement::Sample, hub::StoreError> totals_before(std::string_view, std::uint64_t,
                                                                    Timestamp,
                                                                    std::uint64_t) override {
    return measurement::Sample();
  }
  std::expected<std::vector<Change>, hub::StoreError> changes(std::uint64_t, std::size_t) override {
    return std::vector<Change>();
  }
  std::expected<std::vector<std::string>, hub::StoreError> devices() override {
    return std::vector<std::string>();
  }
  std::expected<bool, hub::StoreError> tidy(Timestamp) override { return true; }

 private:
  std::vector<float> watts_;
};

double cpu_s() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// Bodies of 5,000 lines.
std::vector<std::string> bodies(std::size_t homes, std::size_t seconds) {
  std::vector<bench::Workload> workloads;
  for (std::size_t h = 0; h < homes; ++h) workloads.emplace_back(42, h);
  std::vector<std::string> found(1);
  std::size_t lines = 0;
  for (std::size_t s = 0; s < seconds; ++s) {
    for (std::size_t h = 0; h < homes; ++h) {
      const auto second = workloads[h].second();
      const auto points = workloads[h].next();
      for (std::size_t c = 0; c < points.size(); ++c) {
        if (lines++ == bench::rows_a_batch) {
          found.emplace_back();
          lines = 1;
        }
        bench::append_line(found.back(), {h, bench::channel_of(c), second, points[c]});
      }
    }
  }
  return found;
}

void write(const char* what, const std::vector<std::string>& texts) {
  double bytes = 0, lines = 0;
  for (const auto& text : texts) {
    bytes += static_cast<double>(text.size());
    lines += static_cast<double>(std::ranges::count(text, '\n'));
  }
  const hub::TimeRange all{begin - 24h, begin + 365 * 24h};
  const double read_from = cpu_s();
  double fields = 0;
  for (const auto& text : texts) {
    hub::LineProtocolReader reader(text, 1s, all, begin);
    while (reader.next() == hub::LineProtocolReader::Got::line) {
      fields += static_cast<double>(reader.fields().size());
    }
  }
  const double reading = cpu_s() - read_from;

  NoStore store(0);
  hub::LiveFeed live;
  const hub::Home home{.id = "home"};
  hub::PointsInbox inbox(store, live, home);
  const double taken_from = cpu_s();
  for (const auto& text : texts) {
    const auto taken = inbox.take(text, 1s, begin);
    if (!taken || taken->refused > 0) throw std::runtime_error("lines are refused");
    inbox.commit();
  }
  const double taking = cpu_s() - taken_from;
  fmt::print(
      "{:<14} read: {:.0f} MB/s, {:.0f} ns a line; made samples of: {:.0f} ns a line, {:.4f} s "
      "of CPU a million points\n",
      what, bytes / reading / 1e6, 1e9 * reading / lines, 1e9 * taking / lines,
      1e6 * taking / fields);
}

template <class Make>
void answer(const char* what, Make make) {
  constexpr int times = 21;
  std::vector<double> ms;
  std::size_t bytes = 0;
  for (int i = 0; i < times; ++i) {
    const double from = cpu_s();
    bytes = make().size();
    ms.push_back(1e3 * (cpu_s() - from));
  }
  std::ranges::sort(ms);
  fmt::print("{:<40} {:.2f} ms at least, {:.2f} median, {} bytes\n", what, ms.front(),
             ms[times / 2], bytes);
}

void answers() {
  NoStore store(86'400);
  hub::Home home{.id = "home"};
  auto& circuits = home.panels.emplace_back().circuits;
  circuits.resize(30);
  for (std::size_t c = 0; c < circuits.size(); ++c) {
    circuits[c].id = fmt::format("c{}", c);
    circuits[c].channels = {{"0", static_cast<std::uint32_t>(c), 1}};
  }
  const auto text_of = [&](std::size_t count, const hub::Steps& steps, hub::HistoryColumns columns,
                           auto text) {
    for (std::size_t c = 0; c < count; ++c) {
      const auto& id = circuits[c].id;
      text.add(id, hub::history(home, id, steps, store, columns).value());
    }
    return text.take();
  };
  const hub::HistoryColumns mean{.min = false, .max = false, .total = false};
  const hub::HistoryColumns energy{
      .mean = false, .min = false, .max = false, .energy = true, .total = false};
  const hub::Steps day{begin, 1s, 86'400}, week{begin, 1h, 168}, year{begin, 1h, 8760};
  answer("a day of seconds as JSON",
         [&] { return text_of(1, day, mean, hub::HistoryText(day, mean)); });
  answer("a day of seconds, packed",
         [&] { return text_of(1, day, mean, hub::PackedHistory(day, mean, 1)); });
  answer("hours of a week of 30 circuits as JSON",
         [&] { return text_of(30, week, energy, hub::HistoryText(week, energy)); });
  answer("hours of a year of 30 circuits as JSON",
         [&] { return text_of(30, year, mean, hub::HistoryText(year, mean)); });
}

}  // namespace

int main() {
  write("one home", bodies(1, 43'200));
  write("1,000 homes", bodies(1000, 43));
  answers();
}
