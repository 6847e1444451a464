// For the tests: a meter that is asked for its words and set to others, and a store with what its
// clamps took.

#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "hub/files/simulated_disk.h"
#include "hub/meter_requests.h"
#include "hub/store/sqlite_store.h"
#include "hub/words_course.h"
#include "measurement/request_codec.h"

namespace hub {

class AnsweringMeter {
 public:
  ~AnsweringMeter() { std::filesystem::remove_all(folder); }

  // Watts of each clamp at a time, sampled every `period`; its totals begin at 0 with each start.
  void measure(std::uint64_t boot, measurement::Timestamp begin, measurement::Timestamp end,
               std::chrono::milliseconds period, std::size_t clamps,
               const std::function<double(measurement::Timestamp, std::size_t)>& watts) {
    using measurement::Quantity;
    std::vector<measurement::Sample> samples;
    std::vector<double> imported(clamps), exported(clamps);
    const std::size_t chips = (clamps + 2) / 3;
    const double hours = std::chrono::duration<double, std::ratio<3600>>(period).count();
    const auto append = [&] {
      ASSERT_TRUE(store.append(
          {.device = "meter-1", .boot = boot, .period = period, .chips = chips, .booted_at = begin},
          samples));
      samples.clear();
    };
    std::uint64_t number = 0;
    for (auto at = begin; at < end; at += period) {
      auto& sample = samples.emplace_back(chips);
      sample.number = number++;
      sample.uptime = at - begin;
      for (std::size_t c = 0; c < clamps; ++c) {
        const double now = watts(at, c);
        auto& total = now < 0 ? exported[c] : imported[c];
        total += 1000 * std::abs(now) * hours;
        sample.put<Quantity::active_power>(c, {static_cast<float>(now)});
        sample.put<Quantity::reactive_power>(c, {static_cast<float>(vars)});
        sample.put<Quantity::imported>(c, {std::llround(imported[c])});
        sample.put<Quantity::exported>(c, {std::llround(exported[c])});
      }
      if (samples.size() == 1000) append();
    }
    if (!samples.empty()) append();
    ASSERT_TRUE(store.commit());
  }

  // All that is on its way is replied to.
  void reply(measurement::Timestamp now) {
    while (!replies_.empty()) {
      std::array<std::uint8_t, measurement::max_reply_bytes> bytes;
      const auto used = measurement::encode(replies_.front(), bytes);
      replies_.erase(replies_.begin());
      requests.heard("home", "meter-1", {reinterpret_cast<const char*>(bytes.data()), *used}, now);
    }
  }

  // Sets the words, and says what came of it: empty when they are set.
  std::string set(const std::expected<std::vector<WordsChange>, std::string>& changes,
                  measurement::Timestamp at) {
    if (!changes) return changes.error();
    std::string said = "no answer";
    set_words("home", *changes, book, {.by = "Ada", .volts = 230, .time = at}, requests,
              [&](const std::expected<void, std::string>& done, bool) {
                said = done ? "" : done.error();
              });
    reply(at);
    return said;
  }

  const std::filesystem::path folder = [] {
    auto pattern = (std::filesystem::temp_directory_path() / "lenz_meter_XXXXXX").string();
    return std::filesystem::path(::mkdtemp(pattern.data()));
  }();
  const std::filesystem::path book = folder / "calibrations.toml";
  SimulatedDisk disk;
  SqliteStore store{disk, "/home"};
  double vars = 0;  // Of each clamp.
  std::map<int, measurement::ChannelWords> words;
  int refusing = -1;  // A channel that is not to be set.
  MeterRequests requests{{.send = [this](std::string_view, std::string_view,
                                         std::string_view bytes) { return send(bytes); },
                          .draw = [this] { return ++drawn_; }}};

 private:
  bool send(std::string_view bytes) {
    using measurement::Reply;
    using measurement::Request;
    const auto request = measurement::decode_request(
        {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    Reply reply{.id = request->id, .kind = request->kind};
    auto& own = words[request->channel];
    if (request->kind == Request::Kind::write_words) {
      if (request->channel == refusing) {
        reply.outcome = Reply::Outcome::not_written;
      } else {
        EXPECT_EQ(request->expected, own);
        own = request->wanted;
      }
    }
    reply.words = own;
    replies_.push_back(reply);
    return true;
  }

  std::vector<measurement::Reply> replies_;
  std::uint64_t drawn_ = 0;
};

}  // namespace hub
