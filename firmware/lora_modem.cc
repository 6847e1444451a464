#include "firmware/lora_modem.h"

#include <algorithm>
#include <charconv>

namespace firmware {

using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;
using std::string_view;

namespace {

constexpr auto boot_time = 2s;
constexpr auto answer_within = 3s;
constexpr unsigned most_tries = 3;
constexpr auto join_within = 60s;  // Three attempts, some 10 s apart.
// The slowest uplink takes 3 s, its second window begins 2 s later and may hold as long an answer.
constexpr auto uplink_within = 20s;
constexpr std::chrono::minutes longest_rest{60};
constexpr std::size_t most_options = 15;  // Bytes of FOpts.
constexpr auto ask_time_every = 24h;
constexpr unsigned ask_when_unheard = 32, join_when_unheard = 64;  // Uplinks.

// AT+BAND's numbers.
constexpr string_view band_of(LoraRegion region) {
  switch (region) {
    case LoraRegion::eu868:
      return "4";
    case LoraRegion::us915:
      return "5";
    case LoraRegion::au915:
      return "6";
    case LoraRegion::as923:
      return "8";
    case LoraRegion::in865:
      return "3";
  }
  return "";
}

enum Setting : std::size_t {
  network_mode,
  over_the_air,
  device_class,
  band,
  sub_band,
  adaptive_rate,
  unconfirmed,
  device_eui,
  join_eui,
  app_key,
  settings
};

constexpr string_view digits = "0123456789ABCDEF";

std::optional<std::uint8_t> digit_of(char c) {
  const auto place = digits.find(c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c);
  if (place == string_view::npos) return std::nullopt;
  return static_cast<std::uint8_t>(place);
}

std::optional<unsigned> take_number(string_view& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(string_view& text, string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// "02h46m12s on 10/22/2021": versions of the modem differ in whether day or month comes first, so a
// date that could be both is none.
std::optional<Timestamp> time_in(string_view text) {
  std::array<unsigned, 6> fields{};
  constexpr std::array<string_view, 6> behind = {"h", "m", "s on ", "/", "/", ""};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto number = take_number(text);
    if (!number || !take(text, behind[i])) return std::nullopt;
    fields[i] = *number;
  }
  const auto [hour, minute, second, first, other, year] = fields;
  if (hour > 23 || minute > 59 || second > 60 || (first <= 12 && other <= 12 && first != other)) {
    return std::nullopt;
  }
  const auto month = first > 12 ? other : first, day = first > 12 ? first : other;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(month), std::chrono::day(day));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

// What is written to the modem.
class Text {
 public:
  explicit Text(std::span<char> room) : room_(room) {}
  Text& add(string_view text) {
    for (const char c : text) {
      if (used_ < room_.size()) room_[used_++] = c;
    }
    return *this;
  }
  Text& add_number(unsigned number) {
    std::array<char, 10> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return add({text.data(), static_cast<std::size_t>(end - text.data())});
  }
  Text& add_hex(std::span<const std::uint8_t> bytes) {
    for (const auto byte : bytes) add({&digits[byte >> 4], 1}).add({&digits[byte & 15], 1});
    return *this;
  }
  std::size_t used() const { return used_; }

 private:
  std::span<char> room_;
  std::size_t used_ = 0;
};

void add_setting(Text& text, std::size_t setting, const LoraOptions& options) {
  const std::array<std::uint8_t, 2> mask = {static_cast<std::uint8_t>(options.sub_bands >> 8),
                                            static_cast<std::uint8_t>(options.sub_bands)};
  switch (static_cast<Setting>(setting)) {
    case network_mode:
      text.add("NWM=1");
      break;
    case over_the_air:
      text.add("NJM=1");
      break;
    case device_class:
      text.add("CLASS=A");
      break;
    case band:
      text.add("BAND=").add(band_of(options.region));
      break;
    case sub_band:
      text.add("MASK=").add_hex(mask);
      break;
    case adaptive_rate:
      text.add("ADR=1");
      break;
    case unconfirmed:
      text.add("CFM=0");
      break;
    case device_eui:
      text.add("DEVEUI=").add_hex(options.dev_eui);
      break;
    case join_eui:
      text.add("APPEUI=").add_hex(options.join_eui);
      break;
    case app_key:
      text.add("APPKEY=").add_hex(options.app_key);
      break;
    case settings:
      break;
  }
}

bool has_sub_bands(LoraRegion region) {
  return region == LoraRegion::us915 || region == LoraRegion::au915;
}

}  // namespace

LoraModem::LoraModem(SerialPort& port, const LoraOptions& options)
    : port_(port),
      options_(options),
      hour_(lora_duty_per_mille(options.region) * 3600ms, 1h),
      day_(options.air_time_a_day, 24h) {}

void LoraModem::step(Uptime now) {
  if (!is_begun_) {
    is_begun_ = true;
    reset(now);
  }
  std::array<std::uint8_t, 64> bytes;
  for (std::size_t count = port_.read(bytes); count > 0; count = port_.read(bytes)) {
    for (const auto byte : std::span(bytes).first(count)) {
      if (byte != '\n' && byte != '\r') {
        is_too_long_ = is_too_long_ || line_size_ == line_.size();
        if (!is_too_long_) line_[line_size_++] = static_cast<char>(byte);
        continue;
      }
      if (is_too_long_) ++counts_.unread_lines;
      const auto size = is_too_long_ ? 0 : line_size_;
      is_too_long_ = false;
      line_size_ = 0;
      if (size > 0) hear({line_.data(), size}, now);
    }
  }
  if (now >= until_ && state_ != State::ready) time_out(now);
  if (state_ == State::ready && (wants_time_ || now - time_asked_at_ >= ask_time_every)) {
    enter(State::requesting, now);
  }
  const auto rest = std::span(command_).first(command_size_).subspan(command_written_);
  if (!rest.empty()) {
    command_written_ +=
        port_.write({reinterpret_cast<const std::uint8_t*>(rest.data()), rest.size()});
  }
}

// ---- Saying ------------------------------------------------------------------------------------

void LoraModem::reset(Uptime now) {
  ++counts_.resets;
  joined_ = false;
  enter(State::starting, now);
}

void LoraModem::enter(State state, Uptime now) {
  state_ = state;
  tries_ = 0;
  until_ = now + (state == State::starting  ? boot_time
                  : state == State::joining ? join_within
                  : state == State::resting ? rest_
                  : state == State::sending ? uplink_within
                                            : answer_within);
  write_command();
}

void LoraModem::write_command() {
  Text text(command_);
  command_written_ = command_size_ = 0;
  switch (state_) {
    case State::starting:
      text.add("ATZ");
      break;
    case State::configuring:
      text.add("AT+");
      add_setting(text, next_setting_, options_);
      break;
    case State::asking_join:
      text.add("AT+NJS=?");
      break;
    case State::joining:
      has_tried_to_join_ = true;
      text.add("AT+JOIN=1:0:10:3");
      break;
    case State::requesting:
      text.add("AT+TIMEREQ=1");
      break;
    case State::asking_rate:
      text.add("AT+DR=?");
      break;
    case State::sending:
      text.add("AT+SEND=").add_number(options_.port).add(":").add_hex(uplink_);
      break;
    case State::asking_time:
      text.add("AT+LTIME=?");
      break;
    case State::resting:
    case State::ready:
      return;
  }
  text.add("\r\n");
  command_size_ = text.used();
}

std::size_t LoraModem::room(Uptime now) {
  if (state_ != State::ready || !joined_) return 0;
  const auto all = lora_room(options_.region, data_rate_, options_.dwell_limited);
  const auto room = all - std::min(all, options_room_);
  const auto cost = lora_air_time(options_.region, data_rate_, room);
  return hour_.allows(cost, now) && day_.allows(cost, now) ? room : 0;
}

bool LoraModem::send(std::span<const std::uint8_t> bytes, Uptime now) {
  if (bytes.empty() || bytes.size() > room(now)) return false;
  const auto cost = lora_air_time(options_.region, data_rate_, bytes.size());
  hour_.spend(cost);
  day_.spend(cost);
  uplink_ = bytes;
  enter(State::sending, now);
  uplink_ = {};
  return true;
}

std::chrono::milliseconds LoraModem::pace(std::size_t bytes) const {
  const auto cost = lora_air_time(options_.region, data_rate_, bytes);
  return std::max(hour_.pace(cost), day_.pace(cost));
}

// ---- Hearing -----------------------------------------------------------------------------------

void LoraModem::hear(string_view line, Uptime now) {
  if (take(line, "+EVT:")) return hear_event(line, now);
  if (line == "OK") return hear_ok(now);
  if (line.starts_with("AT_")) return hear_refusal(line, now);
  // It says so when it has started, which it may do by itself.
  if (line.starts_with("Current Work Mode") && state_ > State::configuring) {
    if (state_ == State::sending) ++counts_.failed;
    joined_ = has_tried_to_join_ = false;
    return enter(State::asking_join, now);
  }
  hear_value(line, now);
}

void LoraModem::hear_event(string_view event, Uptime now) {
  if (event == "JOINED") {
    ++counts_.joins;
    joined_ = true;
    unheard_ = 0;
    options_room_ = 0;
    wants_time_ = true;
    rest_ = 1min;
    if (state_ == State::joining || state_ == State::resting) go_on(now);
  } else if (event.starts_with("JOIN_FAILED") || event.starts_with("JOIN FAILED")) {
    if (state_ == State::joining) rest(now);
  } else if (event.starts_with("TX_DONE")) {
    if (state_ == State::sending) on_the_air(now);
  } else if (event.starts_with("TIMEREQ_OK")) {
    has_time_ = true;
    unheard_ = 0;
  } else if (event.starts_with("RX_1:") || event.starts_with("RX_2:")) {
    unheard_ = 0;
    event.remove_prefix(5);
    hear_downlink(event);
  }
}

// rssi:snr:UNICAST:port:hex
void LoraModem::hear_downlink(string_view fields) {
  for (int skipped = 0; skipped < 3; ++skipped) {
    const auto colon = fields.find(':');
    if (colon == string_view::npos) return;
    fields.remove_prefix(colon + 1);
  }
  const auto port = take_number(fields);
  if (!port || *port == 0 || *port > 255 || !take(fields, ":")) return;
  if (fields.size() % 2 != 0 || fields.size() / 2 > downlink_.size()) return;
  for (std::size_t i = 0; i < fields.size() / 2; ++i) {
    const auto high = digit_of(fields[2 * i]), low = digit_of(fields[2 * i + 1]);
    if (!high || !low) return;
    downlink_[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  waiting_ = {static_cast<std::uint8_t>(*port), fields.size() / 2};
}

std::optional<LoraModem::Downlink> LoraModem::receive(std::span<std::uint8_t> into) {
  const auto downlink = waiting_;
  waiting_.reset();
  if (!downlink || downlink->size > into.size()) return std::nullopt;
  std::copy_n(downlink_.begin(), downlink->size, into.begin());
  return downlink;
}

void LoraModem::hear_value(string_view line, Uptime now) {
  take(line, "AT+");
  if (state_ == State::asking_join && take(line, "NJS=")) {
    joined_ = line == "1";
  } else if (state_ == State::asking_rate && take(line, "DR=")) {
    if (const auto rate = take_number(line); rate && line.empty() && *rate < 16) data_rate_ = *rate;
  } else if (state_ == State::asking_time && (take(line, "LTIME=") || take(line, "LTIME:"))) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (const auto time = time_in(line)) booted_at_ = *time - now;
  }
}

void LoraModem::hear_ok(Uptime now) {
  switch (state_) {
    case State::configuring:
      ++next_setting_;
      if (next_setting_ == sub_band && !has_sub_bands(options_.region)) ++next_setting_;
      return enter(next_setting_ == settings ? State::asking_join : State::configuring, now);
    case State::asking_join:
      if (joined_) return go_on(now);
      return has_tried_to_join_ ? rest(now) : enter(State::joining, now);
    case State::requesting:
      wants_time_ = false;
      time_asked_at_ = now;
      return enter(State::asking_rate, now);
    case State::asking_time:
      has_time_ = false;
      return enter(State::asking_rate, now);
    case State::asking_rate:
      return enter(State::ready, now);
    case State::starting:
    case State::joining:
    case State::resting:
    case State::ready:
    case State::sending:
      return;  // An event says how it went.
  }
}

void LoraModem::hear_refusal(string_view status, Uptime now) {
  switch (state_) {
    case State::sending:
      if (status == "AT_NO_NETWORK_JOINED") {
        joined_ = has_tried_to_join_ = false;
        return fail_uplink(State::joining, now);
      }
      // Too long, since the network's own options travel with it.
      if (status == "AT_PARAM_ERROR") options_room_ = most_options;
      return fail_uplink(State::asking_rate, now);
    case State::joining:
      if (status != "AT_BUSY_ERROR") rest(now);  // Busy: an earlier try is under way.
      return;
    case State::requesting:
      wants_time_ = false;
      time_asked_at_ = now;
      return enter(State::asking_rate, now);
    case State::asking_time:
      has_time_ = false;
      return enter(State::asking_rate, now);
    default:
      return;  // Asked again when its time is over.
  }
}

void LoraModem::on_the_air(Uptime now) {
  ++counts_.sent;
  ++unheard_;
  options_room_ = 0;
  if (unheard_ == ask_when_unheard) wants_time_ = true;
  if (unheard_ < join_when_unheard) return go_on(now);
  unheard_ = 0;
  joined_ = has_tried_to_join_ = false;
  enter(State::joining, now);
}

void LoraModem::go_on(Uptime now) {
  enter(has_time_ ? State::asking_time : wants_time_ ? State::requesting : State::asking_rate, now);
}

void LoraModem::rest(Uptime now) {
  ++counts_.refused_joins;
  enter(State::resting, now);
  rest_ = std::min(2 * rest_, longest_rest);
  has_tried_to_join_ = false;
}

void LoraModem::fail_uplink(State next, Uptime now) {
  ++counts_.failed;
  enter(next, now);
}

void LoraModem::time_out(Uptime now) {
  switch (state_) {
    case State::starting:
      next_setting_ = 0;
      return enter(State::configuring, now);
    case State::joining:
      return enter(State::asking_join, now);  // Its event may have been lost.
    case State::resting:
      return enter(State::joining, now);
    case State::sending:
      has_tried_to_join_ = false;
      return fail_uplink(State::asking_join, now);
    default:
      break;
  }
  if (++tries_ == most_tries) return reset(now);
  until_ = now + answer_within;
  write_command();
}

}  // namespace firmware
