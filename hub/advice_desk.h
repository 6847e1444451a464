// What to do with each appliance of a home, and whether what was predicted came true.
//
//   runs and quarters of a year, what a kWh costs in each of them ──┐
//   what people said (AdviceBook), findings of health ──────────────┴──> insight/advice ──> rows()
//   what was done ──> its days before and after ──> AdviceBook ──> predictions(), hit_rate()

#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/advice_book.h"
#include "hub/bill_desk.h"
#include "hub/health_desk.h"
#include "insight/advice/adviser.h"
#include "insight/advice/score.h"

namespace hub {

struct AppliancePlan {
  ApplianceNumber appliance = 0;
  std::string name;
  std::string circuit;  // Id.
  insight::ApplianceKind kind{};
  ApplianceFacts facts;
  insight::Advice advice;
  std::optional<PredictionNumber> prediction;  // That is open.
};

// Whose labels and prices hold in the home's country.
insight::Market market_of(const Home&);

// Bill desk and home outlive it. One thread; time is an argument.
class AdviceDesk {
 public:
  struct Surroundings {
    Appliances appliances;
    std::function<HealthDesk*()> health;  // Gives null where equipment is not watched.
    // Models of a catalogue; empty: there is none.
    std::function<std::vector<insight::Offer>(insight::ApplianceKind)> offers;
    // Another number whenever the catalogue is another one; empty: it never is.
    std::function<std::int64_t()> catalogue = {};
  };

  static constexpr std::chrono::hours again_after{24};
  static constexpr std::chrono::minutes again_while_empty{2};  // Appliances are still looked for.
  static constexpr std::chrono::days looks_back{365}, gone_after{14};
  static constexpr std::chrono::days scored_before{90}, scored_after{90};
  static constexpr std::chrono::days forecast_after{10};  // Of a month.

  // Throws std::runtime_error with one sentence where the book does not open.
  AdviceDesk(Files&, const std::string& book, BillDesk&, const Home&, Surroundings);
  ~AdviceDesk();

  // A piece of work of some milliseconds: all is weighed anew once a day, and at once when the
  // tariff, the catalogue, what is found of an appliance or what was done is another. True: nothing
  // is left.
  std::expected<bool, StoreError> step(measurement::Timestamp now);
  // All has been weighed at least once.
  bool is_ready() const { return weighed_at_.has_value(); }

  // By number. Those whose kind is not known are not among them.
  std::vector<AppliancePlan> plans();
  std::vector<BookedPrediction> predictions() { return book_.predictions(); }
  std::vector<insight::ScoredPrediction> scores();  // Of advice and findings: kWh a year.
  insight::HitRate hit_rate();                      // Of all that was measured.

  // The error is one sentence for people.
  using Done = std::expected<void, std::string>;
  Done set(ApplianceNumber, const ApplianceFacts&, measurement::Timestamp now);
  Done done(PredictionNumber, measurement::Timestamp now);

  // What a thermometer outdoors says now. An hour is kept once it is over.
  void hear_outdoors(measurement::Celsius, measurement::Timestamp now);

  AdviceBook& book() { return book_; }

 private:
  struct Weighing;
  // What lets all be weighed before its time.
  struct Causes {
    std::string tariff;    // Its text.
    std::string findings;  // Open ones of appliances.
    std::int64_t catalogue = 0;
    int done = 0;  // Predictions.

    friend bool operator==(const Causes&, const Causes&) = default;
  };
  struct Weighed {
    std::string name, circuit;
    insight::ApplianceUse use;
    insight::Advice advice;
  };

  Causes causes();
  // When it was last repaired (Of::finding) or replaced (Of::advice).
  std::optional<measurement::Timestamp> last_done(ApplianceNumber, BookedPrediction::Of);
  std::expected<void, StoreError> begin(measurement::Timestamp now);
  std::expected<void, StoreError> weigh(const ApplianceState&, measurement::Timestamp now);
  std::expected<void, StoreError> advise(ApplianceNumber, Weighed&, measurement::Timestamp now);
  std::expected<void, StoreError> book_findings(ApplianceNumber, const Weighed&,
                                                measurement::Timestamp now);
  std::expected<void, StoreError> book_forecast(measurement::Timestamp now);
  std::expected<void, StoreError> see_replacements();
  std::expected<void, StoreError> score(const BookedPrediction&, measurement::Timestamp now);

  AdviceBook book_;
  BillDesk& bill_;
  const Home& home_;
  const Surroundings around_;
  std::unique_ptr<Weighing> work_;  // Null: nothing is weighed now.
  std::map<ApplianceNumber, Weighed> weighed_;
  std::optional<measurement::Timestamp> weighed_at_;
  Causes weighed_by_;
  std::pair<std::optional<std::uint64_t>, std::string> findings_;  // By the book's revision.
  int done_ = 0;
  struct Hour {
    measurement::Timestamp begin{};
    double sum = 0;
    int count = 0;
  };
  Hour outdoors_;
};

}  // namespace hub
