// A hub that has just started on a store of year_of_samples.h, and all that may be asked of it that
// takes time.

#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/year_of_samples.h"
#include "hub/api/small_world.h"
#include "hub/store/sqlite_store.h"

namespace bench {

inline std::vector<std::string> year_questions() {
  const auto ms = [](measurement::Timestamp time) { return time.time_since_epoch().count(); };
  std::string all = "mains";
  for (std::size_t i = 1; i <= circuits; ++i) all += fmt::format(",circuit_{}", i);
  const auto now = year_now;
  const auto over = [&](std::chrono::hours back, int step) {
    return fmt::format("begin={}&end={}&step={}", ms(now - back), ms(now), step);
  };
  constexpr std::chrono::hours year{24 * 365}, month{24 * 30}, day{24};
  return {
      "",
      "/now",
      "/meters",
      "/wiring",
      "/appliances",
      fmt::format("/appliances/runs?begin={}&end={}", ms(now - year), ms(now)),
      "/breaker",
      "/health",
      "/rules",
      "/tariff",
      fmt::format("/gaps?begin={}&end={}", ms(now - year), ms(now)),
      fmt::format("/history?circuits={}&{}", all, over(year, 3600)),
      fmt::format("/history?circuits={}&{}&columns=energy", all, over(year, 3600)),
      fmt::format("/history?circuits={}&{}&columns=mean,min,max,energy,total", all,
                  over(month, 900)),
      fmt::format("/history?circuits={}&{}&columns=mean,min,max,energy,total", all, over(day, 5)),
      fmt::format("/history?circuits=circuit_30&{}", over(day, 1)),
      "/bill",
      "/bill?period=2026-10",
      "/bill?period=2026-04",
      fmt::format("/costs?circuits={}&{}", all, over(year, 3600)),
      fmt::format("/costs?circuits={}&{}", all, over(month, 60)),
      "/bill/replay",
      "/room?what=charger&power_w=7400",
      "/room?what=heat_pump&power_w=4000&kwh_a_day=20",
      "/advice",
      "/report",
      "/report?month=2026-05",
      "/report?month=2026-11",
  };
}

class YearHub {
 public:
  explicit YearHub(const std::filesystem::path& folder) : folder_(folder) {}

  struct Answer {
    unsigned status = 0;
    std::size_t bytes = 0;
    Measured cpu;
  };
  // A path behind the home's, as the server asks for it.
  Answer ask(const std::string& path) {
    const auto target = "/api/homes/home" + path;
    Answer answer;
    hub::Response response;
    answer.cpu.piece([&] {
      response = routes_.answer(
          {.method = "GET", .target = target, .host = "localhost", .cookie = cookie_});
    });
    while (response.pieces) {
      std::optional<hub::Response> made;
      answer.cpu.piece([&] { made = response.pieces(); });
      if (made) response = std::move(*made);
    }
    answer.status = response.status;
    answer.bytes = response.body.size();
    return answer;
  }

  hub::SqliteStore& store() { return store_; }
  const hub::Routes& routes() const { return routes_; }
  const std::string& cookie() const { return cookie_; }

  // What goes on in the background once somebody has asked, until nothing is left.
  Measured work() {
    Measured taken;
    static_cast<void>(ask("/bill/replay"));
    static_cast<void>(ask("/wiring"));
    for (auto& step : {std::function([this] { return bill_.step(year_now); }),
                       std::function([this] { return advice_.step(year_now); }),
                       std::function([this] { return doctor_.step(year_now); })}) {
      for (bool is_done = false; !is_done;) taken.piece([&] { is_done = sure(step()); });
    }
    return taken;
  }

 private:
  static std::chrono::minutes no_offset(measurement::Timestamp) { return {}; }

  const std::filesystem::path folder_;
  const hub::Home home_ = home_of_thirty();
  hub::TemporaryFolder own_;  // For what is not the store's.
  hub::Disk disk_;
  hub::SqliteStore store_{disk_, folder_.string()};
  hub::LiveFeed live_;
  hub::Hub hub_{store_, live_};
  hub::Accounts accounts_{disk_, (own_.path / "accounts.db").string(), hub::counting_random(),
                          hub::cheap};
  hub::Analyst analyst_{
      disk_,  (own_.path / "insight.db").string(),
      store_, live_,
      home_,  {.model = nullptr, .utc_offset = no_offset, .say = [](const auto&) {}}};
  hub::HealthDesk health_{
      disk_,
      (own_.path / "health.db").string(),
      own_.path / "rules.toml",
      home_,
      live_,
      {.analyst = [this] { return &analyst_; }, .ledger = {}, .utc_offset = no_offset}};
  hub::BillDesk bill_{
      {own_.path / "tariff.toml", own_.path / "prices.csv", own_.path / "carbon.csv"},
      store_,
      home_,
      {.appliances = year_appliances(),
       .ledger = {},
       .utc_offset = no_offset,
       .templates = "hub/tariff_templates"}};
  hub::AdviceDesk advice_{disk_,
                          (own_.path / "advice.db").string(),
                          bill_,
                          home_,
                          {.appliances = year_appliances(), .health = {}, .offers = {}}};
  hub::DoctorDesk doctor_{store_, home_};
  std::vector<hub::ServedHome> served_ = {{.id = "home",
                                           .home = &home_,
                                           .store = &store_,
                                           .live = &live_,
                                           .hub = &hub_,
                                           .analyst = [this] { return &analyst_; },
                                           .health = [this] { return &health_; },
                                           .bill = [this] { return &bill_; },
                                           .advice = [this] { return &advice_; },
                                           .doctor = [this] { return &doctor_; }}};
  hub::Routes routes_{{.homes = served_, .accounts = accounts_, .now = [] { return year_now; }},
                      hub::Pages(own_.path)};
  const std::string cookie_ =
      "lenz_session=" + accounts_.sign_in_with_link(accounts_.new_link(year_now), year_now).value();
};

}  // namespace bench
