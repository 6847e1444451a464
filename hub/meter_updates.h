// Gives meters new firmware, piece by piece as they write it, and knows what became of it.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "hub/meter_requests.h"

namespace hub {

class MeterUpdates {
 public:
  // Without a reply for so long it is given up; a trial lasts five minutes.
  static constexpr std::chrono::minutes patience{10};

  // The requests outlive it.
  explicit MeterUpdates(MeterRequests& requests) : requests_(requests) {}

  struct State {
    enum class Stage : std::uint8_t {
      sending,
      starting,   // It has all of it and restarts.
      on_trial,   // The new one runs and looks whether all is well.
      confirmed,  // It stays.
      went_back,  // The old one runs again.
      failed,     // It runs what it ran; `why` says what was wrong.
    };
    Stage stage = Stage::sending;
    std::string version;                   // That is offered.
    std::uint32_t bytes = 0, written = 0;  // Of the image.
    std::string why;                       // A sentence; of went_back and failed.

    bool is_over() const { return stage >= Stage::confirmed; }
  };
  using Ended = std::function<void(const State&)>;

  // Begins with a file that signed_image() takes, whose manifest the meter judges. One that was
  // under way is given up.
  void begin(const std::string& home, const std::string& device, std::string file,
             measurement::Timestamp now, Ended);

  // Goes on with those that wait; to be called every second or so.
  void step(measurement::Timestamp now);

  // The newest since the hub's start; null: none.
  const State* state(std::string_view home, std::string_view device) const;

 private:
  using Meter = std::pair<std::string, std::string>;  // Home and device.
  struct Work {
    State state;
    std::string file;  // Empty once it is over.
    std::string_view manifest, image;
    Ended ended;
    std::uint64_t turn = 0;  // Of the latest begin(): replies to one before are passed over.
    int begun = 0;           // How often the meter was made to begin or to restart.
    bool waits = false;      // For a reply.
    bool has_manifest = false;
    measurement::Timestamp heard{};  // When there was progress last.
    measurement::Timestamp asked{};  // When it was asked last while sending.
    measurement::Timestamp next{};   // Not to be asked before.
  };
  using Answer = std::expected<const measurement::Reply*, MeterRequests::Failure>;

  void ask(const Meter&, Work&);
  void hear(const Meter&, Work&, const measurement::Reply&);
  void hear_sending(Work&, const measurement::Reply&);
  void hear_condition(const Meter&, Work&, const measurement::Reply&);
  void wait_for_restart(Work&);
  static void end(Work&, State::Stage, std::string why);

  MeterRequests& requests_;
  std::map<Meter, Work> works_;
  measurement::Timestamp now_{};  // Of the latest call.
  std::uint64_t turns_ = 0;
};

// What became of it or becomes of it, in a few words: "confirmed".
const char* word(MeterUpdates::State::Stage);

}  // namespace hub
