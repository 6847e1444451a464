// A conversation with an ESPHome node over its native API, from our side: bytes in, bytes out.
//
//   greeting (encrypted or not) -> who are you -> what do you have -> tell me all you measure
//
// Facts: api.proto of ESPHome's aioesphomeapi. docs/esphome.md says what is understood.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/ingest/esphome_noise.h"
#include "measurement/units.h"

namespace hub {

// One conversation, from connection to loss. `mac` is the board that it must be ("aabbccddeeff");
// empty: any.
class EsphomeApi {
 public:
  using Bytes = std::vector<std::uint8_t>;

  struct Events {
    std::function<void(Bytes)> send;
    std::function<void(const std::string& mac)> met;
    std::function<void(const std::string& object_id, const std::string& unit)> announced;
    // Absent: it has none. Retained: one that it had before we came.
    std::function<void(const std::string& object_id, std::optional<float> value, bool is_retained)>
        measured;
    std::function<void(const std::string& why)> ended;  // Once; hang up then. One sentence.
  };

  // `key` is the base64 of 32 bytes, or empty where the node does not encrypt. The events are
  // called from within the functions below and must not destroy this.
  EsphomeApi(std::string device, std::string key, std::string mac, Events);

  // Greets; once. `ephemeral` are 32 random bytes, for this conversation only.
  void begin(const EsphomeNoise::Key& ephemeral, measurement::Timestamp now);

  void hear(std::span<const std::uint8_t>, measurement::Timestamp now);

  // From time to time: asks a silent node whether it is there; ends where it does not answer.
  void tick(measurement::Timestamp now);

  // The other side has gone. What its silence means, where it means something: a node that hangs up
  // at the greeting may want no encryption.
  std::optional<std::string> explain_loss() const;

 private:
  enum class Stage { hello, handshake, greeting, listing, listening, over };
  struct Field;
  class Fields;

  void greet();
  void end(const std::string& why);
  bool take_plain_frame();
  bool take_sealed_frame();
  void hear_sealed(std::span<const std::uint8_t> frame);
  void say(unsigned type, std::span<const std::uint8_t> message);
  void understand(std::uint64_t type, std::span<const std::uint8_t> message);
  void meet(std::span<const std::uint8_t>);
  void introduce(std::span<const std::uint8_t>);
  void list(std::span<const std::uint8_t>);
  void measure(std::span<const std::uint8_t>);
  void tell_time();
  bool is_known_board(std::string mac);

  std::string device_;
  std::string key_;
  std::string mac_;
  Events events_;
  std::unique_ptr<EsphomeNoise> noise_;  // Empty: plain text.
  Stage stage_ = Stage::hello;
  Bytes unread_;
  bool is_introduced_ = false;
  std::map<std::uint64_t, std::string> entities_;  // Object ids by device id and key.
  std::set<std::uint64_t> told_;                   // Those that have told a state.
  measurement::Timestamp now_{}, heard_at_{}, asked_at_{};
};

// "AC:BC:32:89:0E:A9" -> "acbc32890ea9"; empty where it is none.
std::string mac_of(std::string_view text);

}  // namespace hub
