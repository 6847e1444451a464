// A store whose old samples are in an engine: an embedded store keeps what is recent, and answers
// everything but reads of what is older.
//
//   read() ──┬─ steps from kept_since() on ──> the embedded store
//            └─ steps before ──> engine: at once `unavailable` while it is away
//
// The engine is asked while everybody waits, so that it may take only this long: a short question
// first, whether it answers at all, then the rest. One that does not is asked no more until
// somebody who waits for nothing has found that it is back.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "hub/engine/engine.h"
#include "hub/store/store.h"

namespace hub {

// What it is given outlives it. One thread.
class EngineStore final : public Store {
 public:
  static constexpr std::chrono::milliseconds time_to_answer{100};  // Whether it is there at all.
  static constexpr std::chrono::milliseconds time_to_read{2000};   // Of one read().
  static constexpr std::chrono::hours began_for{1};                // When a device's samples began.

  // `kept_since`: the embedded store has all samples from then on, and some from before.
  // `tell` is given one sentence when the engine goes away, and when it is back.
  EngineStore(Store& embedded, Engine&, EngineLine&,
              std::function<measurement::Timestamp()> kept_since,
              std::function<measurement::Timestamp()> now,
              std::function<void(const std::string&)> tell);

  // Steps that lie partly before kept_since() are the engine's, too. StoreError::unavailable while
  // it is away.
  std::expected<Points, StoreError> read(const Series&, TimeRange, std::chrono::milliseconds step,
                                         Columns = Columns::all) override;

  // Reads of what is old fail at once, until is_back().
  bool is_away() const { return is_away_; }
  EngineRequest health() const { return engine_.dialect().health(); }
  void is_back();

  std::expected<Appended, StoreError> append(
      const measurement::ReportHeader& header,
      std::span<const measurement::Sample> samples) override {
    return embedded_.append(header, samples);
  }
  std::expected<void, StoreError> commit() override { return embedded_.commit(); }
  std::uint64_t undone() const override { return embedded_.undone(); }
  std::expected<std::optional<Last>, StoreError> last(std::string_view device) override {
    return embedded_.last(device);
  }
  std::expected<std::vector<Gap>, StoreError> gaps(std::string_view device,
                                                   TimeRange range) override {
    return embedded_.gaps(device, range);
  }
  std::expected<std::vector<measurement::StoredRange>, StoreError> stored(
      std::string_view device, std::size_t most) override {
    return embedded_.stored(device, most);
  }
  std::expected<Tally, StoreError> tally(std::string_view device) override {
    return embedded_.tally(device);
  }
  std::expected<measurement::Origin, StoreError> origin(std::string_view device) override {
    return embedded_.origin(device);
  }
  std::expected<std::vector<Kept>, StoreError> samples(std::string_view device,
                                                       TimeRange range) override {
    return embedded_.samples(device, range);
  }
  std::expected<measurement::Sample, StoreError> totals_before(std::string_view device,
                                                               std::uint64_t boot,
                                                               measurement::Timestamp time,
                                                               std::uint64_t channels) override {
    return embedded_.totals_before(device, boot, time, channels);
  }
  std::expected<std::vector<Change>, StoreError> changes(std::uint64_t after,
                                                         std::size_t most) override {
    return embedded_.changes(after, most);
  }
  std::expected<std::vector<std::string>, StoreError> devices() override {
    return embedded_.devices();
  }
  std::expected<bool, StoreError> tidy(measurement::Timestamp now) override {
    return embedded_.tidy(now);
  }

 private:
  using Steps = Engine::Steps;
  using Parts = std::vector<Engine::Part>;

  bool answers();
  void goes_away();
  std::expected<std::size_t, StoreError> steps_before(const std::string& device, const Steps&);
  std::expected<Points, StoreError> read_old(const Series&, const Steps&);
  std::expected<Points, StoreError> read_engine(const Series&, const Steps&);
  std::expected<std::vector<double>, StoreError> gained(const Series&, const Steps&);
  std::expected<void, StoreError> take_totals_before(const Series&, const Steps&,
                                                     std::map<std::uint64_t, std::int64_t>& totals,
                                                     const Parts&);
  std::expected<std::vector<MinuteSummary>, StoreError> instants(const Series&, const Steps&);
  std::expected<std::vector<MinuteSummary>, StoreError> derived(const Series&, const Steps&);
  std::expected<Points, StoreError> derived_of_means(const Series&, const Steps&);

  Store& embedded_;
  Engine& engine_;
  EngineLine& line_;
  const std::function<measurement::Timestamp()> kept_since_, now_;
  const std::function<void(const std::string&)> tell_;
  struct Began {
    measurement::Timestamp asked;
    std::optional<measurement::Timestamp> time;
  };
  std::map<std::string, Began> began_;  // Of each device.
  bool is_away_ = false;
};

}  // namespace hub
