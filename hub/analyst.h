// Says which appliances of a home run: an identifier for each clamp, fed from the store, and the
// book of what they found and what people said of it.
//
//   live feed (something is new) ──> step() ── samples of the store ──> identifiers ──> shares
//                                                                          │ runs, what was learnt
//                                                                          ▼
//                                                                    ApplianceBook
//
// What comes late, and all that was stored before the analyst first looked, is studied beside the
// present by identifiers of their own, which then take the place of those that had not seen it.

#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hub/appliance_book.h"
#include "hub/home.h"
#include "hub/live_feed.h"
#include "hub/own_loads.h"
#include "hub/power_cuts.h"
#include "hub/smart_plug.h"
#include "hub/store/store.h"
#include "insight/identification/breaker_finder.h"
#include "insight/identification/channel_identifier.h"

namespace hub {

struct ApplianceShare {
  ApplianceNumber appliance = 0;
  measurement::Watts active_power{};
};

// What one clamp shows now. The shares and `unexplained` together are its power to 0.1 W.
struct ChannelShares {
  std::string circuit;
  bool is_rest = false;  // What metered circuits under it do not take.
  measurement::Timestamp time{};
  std::optional<measurement::Watts> power;  // Absent: not measured; then there are no shares.
  std::vector<ApplianceShare> appliances;
  measurement::Watts unexplained{};
  // The part of it that never went away in the last day.
  measurement::Watts always_on{};
};
using SharesFeed = Feed<std::vector<ChannelShares>>;

struct ApplianceState {
  ApplianceNumber number = 0;
  std::string circuit;
  insight::KnownAppliance known;
  bool is_past = false;  // Its clamp belongs to another circuit now, or it was never seen again.
  measurement::Watts power{};
  std::optional<measurement::Timestamp> running_since;
  measurement::MilliwattHours today{};  // Since midnight.
  std::size_t runs_today = 0;           // Those that go on included.
  // Where it has courses (a washing machine's, say).
  struct Course {
    insight::CycleState state{};
    std::optional<double> seconds_left;
    std::optional<measurement::Timestamp> ended;
    bool went_on = false;  // It was said to be done too early.
  };
  std::optional<Course> course;
  bool is_left_on = false;  // For longer than ever.
};

// Somebody switches a lamp on and off three times, to find the breaker behind it.
struct BreakerSearch {
  enum class State : std::uint8_t { idle, watching, found, unsure };
  State state = State::idle;
  std::string circuit;        // Once found: id.
  bool is_rest = false;       // It hangs on a breaker without a clamp, under that circuit.
  measurement::Watts step{};  // Of the lamp.
};

struct ApplianceQuestion {
  ApplianceNumber appliance = 0;
  insight::Question question;
};

class Analyst {
 public:
  struct Surroundings {
    std::shared_ptr<const insight::Model> model;  // Null: there is none, and nothing gets a name.
    std::function<std::chrono::minutes(measurement::Timestamp)> utc_offset;  // Of the home's zone.
    std::function<void(const std::string&)> say;
  };

  static constexpr std::chrono::days studied{8};  // So far back it looks at what is stored.
  static constexpr std::size_t questions_a_day = 2;
  // Of the home's morning: then what people said of runs is learnt again, a channel in each step.
  static constexpr std::chrono::hours learns_at{3};

  // All outlive it. Throws std::runtime_error with one sentence where the book does not open.
  Analyst(Files&, const std::string& book, Store&, LiveFeed&, const Home&, Surroundings);
  ~Analyst();  // Keeps what was learnt.

  // A piece of work: at most five minutes of samples are looked at. True: nothing is left for now.
  std::expected<bool, StoreError> step(measurement::Timestamp now);

  // What the clamps show, by the order of the panel.
  const std::vector<ChannelShares>& shares() const { return shares_; }
  SharesFeed& feed() { return feed_; }

  bool has_model() const { return around_.model != nullptr; }
  bool is_studying() const { return study_ != nullptr || wants_study_; }
  measurement::Timestamp until() const { return until_; }

  // All that were ever found, by number.
  std::vector<ApplianceState> appliances(measurement::Timestamp now);
  // That overlap the range, by begin.
  std::vector<BookedRun> runs(TimeRange, std::size_t most);
  // Absent: nothing is worth asking, or enough was asked today.
  std::optional<ApplianceQuestion> question(measurement::Timestamp now);
  std::optional<Act> last_act();  // That can be undone.

  // What people say. The error is one sentence for them.
  struct Said {
    measurement::Timestamp now;
    std::string who;
  };
  using Done = std::expected<void, std::string>;
  Done answer(ApplianceNumber, std::optional<insight::ApplianceKind>, const std::string& name,
              const Said&);
  // Names what was switched on in the last two minutes, whatever it was taken for; what has no name
  // yet comes first. Several circuits fit and none is given: nothing is changed, and they are given
  // back to choose from.
  static constexpr std::chrono::minutes just_now{2};
  std::expected<std::vector<std::string>, std::string> switched_on(insight::ApplianceKind,
                                                                   const std::string& name,
                                                                   const std::string& circuit,
                                                                   const Said&);
  Done merge(ApplianceNumber from, ApplianceNumber into, const Said&);
  Done split(std::int64_t channel, std::int64_t epoch, std::uint64_t run, const Said&);
  Done roll_back(std::int64_t act, const Said&);

  // What a smart plug measures now. Once its runs are those of an appliance of its circuit, that
  // has its name and power, and what ran when is known.
  void hear(const SmartPlug&, measurement::Timestamp now, measurement::Watts);

  // From now on a lamp is switched. Watching ends when the breaker is found, or after
  // longest_search, when it may be begun again.
  static constexpr std::chrono::seconds longest_search{30};
  void begin_breaker_search();
  BreakerSearch breaker_search() const;

  // The latest, while it is of interest.
  std::optional<PowerCuts::Report> power_cut(measurement::Timestamp now);

  Done put(const Outlet&);  // The circuit is one of the home's.
  std::vector<Outlet> outlets() { return book_.outlets(); }

  // Puts what was learnt on the disk; step() does it every minute.
  std::expected<void, StoreError> save();

 private:
  struct Eye;    // An identifier and what it looks at.
  struct Study;  // Eyes that look at the past.
  struct Channel;
  struct HeardPlug {
    SmartPlug plug;
    measurement::Timestamp time{};
    measurement::Watts power{};
    insight::Run run;                               // That goes on, or went last.
    std::vector<insight::Run> waiting;              // To be found on the circuit.
    std::map<ApplianceNumber, std::size_t> agreed;  // Runs, while it is not known which it is.
  };

  const Panel& panel(measurement::Timestamp time) const { return panel_at(home_, time); }
  void begin_channels(measurement::Timestamp);
  std::unique_ptr<Eye> new_eye(const OwnLoad&, const std::string& memory) const;
  std::optional<measurement::Timestamp> seen_until(measurement::Timestamp now) const;
  std::expected<void, StoreError> look(const std::vector<Eye*>&, TimeRange,
                                       const std::function<void(std::size_t eye)>& saw = {});
  std::vector<Eye*> eyes();
  std::vector<Eye*> students();
  std::expected<bool, StoreError> look_for_late_samples(measurement::Timestamp now);
  void begin_study();
  std::expected<bool, StoreError> go_on_studying();
  std::expected<void, StoreError> take_over(std::size_t channel);
  void gather(Channel&);
  void tell();
  ApplianceNumber number_of(Channel&, insight::ApplianceId);
  void put(ApplianceBook::Writing&, Channel&);
  void put_runs(ApplianceBook::Writing&, Channel&);
  std::expected<std::pair<Channel*, insight::ApplianceId>, std::string> find(ApplianceNumber);
  void forget_strangers(ApplianceBook::Writing&, Channel&);
  // By people, not only by what they call its circuit: that names whatever draws most there.
  bool is_told_itself(const Channel&, const insight::KnownAppliance&) const;
  void speak_of_latest_run(Channel&, ApplianceNumber);
  // Absent: none that was heard lately measures it.
  const HeardPlug* plug_of(const Channel&, ApplianceNumber) const;
  void learn_from_plugs(measurement::Timestamp now);
  void learn_from(HeardPlug&, const insight::Run& seen, measurement::Timestamp now);
  std::expected<bool, StoreError> learn_at_night(measurement::Timestamp now);
  Done keep(Channel&, const Said&, std::string text, const std::string& memory_before,
            const std::function<void(ApplianceBook::Writing&)>& more = {});

  ApplianceBook book_;
  Store& store_;
  const Home& home_;
  Surroundings around_;
  std::string model_name_;
  insight::CycleWatch::IsEnd is_end_;  // Empty: the model does not know.
  PowerCuts power_cuts_;
  const Panel* panel_ = nullptr;
  std::vector<std::unique_ptr<Channel>> channels_;     // In the order of the panel.
  std::map<std::int64_t, std::string> past_channels_;  // Their circuits, by number.
  std::map<ApplianceNumber, BookedAppliance> appliances_;
  std::map<std::string, measurement::Timestamp, std::less<>> newest_;  // Of each device.
  std::set<std::string, std::less<>> devices_;
  measurement::Timestamp until_{};  // Looked at up to here.
  measurement::Timestamp saved_at_{};
  std::vector<ChannelShares> shares_;
  SharesFeed feed_;

  std::map<std::string, HeardPlug, std::less<>> plugs_;  // By name.

  std::unique_ptr<insight::BreakerFinder> finder_;  // Of the channels.
  std::optional<measurement::Timestamp> search_begin_;
  std::optional<insight::BreakerFinder::Finding> finding_;  // Of the search; kept once it is sure.

  std::optional<std::int64_t> night_;  // In which what was said was learnt last.
  std::size_t next_to_learn_ = 0;      // Channel.

  std::unique_ptr<Study> study_;
  bool wants_study_ = false;
  std::uint64_t revision_ = 0;  // Of the store's changes, as far as they were looked at.
  bool knows_changes_ = false;  // Those of before the start have been passed over.
  std::map<std::string, measurement::Timestamp, std::less<>> newest_minute_;  // That changed.
  std::size_t late_minutes_ = 0;
  measurement::Timestamp changes_at_{}, late_at_{}, studied_at_{};
  LiveFeed::Subscription subscription_;
};

}  // namespace hub
