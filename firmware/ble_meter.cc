#include "firmware/ble_meter.h"

#include <algorithm>

namespace firmware {

using measurement::BthomeReading;
using measurement::Cutter;
using measurement::MilliwattHours;
using measurement::Quantity;
using measurement::Uptime;
using measurement::Watts;
using namespace std::chrono_literals;

namespace {

constexpr Uptime advertise_every = 1s;
constexpr Uptime summarise_every = 10s;
constexpr Uptime fresh_for = 5s;         // A sample: older ones say nothing of now.
constexpr Uptime reading_takes = 2s;     // From one part of a long value to the next.
constexpr Uptime silence_allowed = 60s;  // Of a central that has subscribed to nothing.

constexpr std::uint8_t ad_flags = 0x01, ad_all_uuids_128 = 0x07, ad_short_name = 0x08,
                       ad_name = 0x09, ad_service_data_16 = 0x16;
constexpr std::uint8_t only_low_energy = 0x06;
constexpr std::size_t uuid_bytes = 16;
constexpr std::size_t most_name = measurement::max_advert_bytes - (2 + uuid_bytes) - 2;

constexpr std::uint16_t bit(BleValue value) {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(value));
}

// Advertising data, structure by structure: length, type, content.
class Advert {
 public:
  explicit Advert(std::span<std::uint8_t, measurement::max_advert_bytes> into) : into_(into) {}

  void begin(std::uint8_t type, std::size_t content) {
    put(static_cast<std::uint8_t>(content + 1));
    put(type);
  }
  void put(std::uint8_t byte) { into_[size_++] = byte; }
  void service(const BleUuid& uuid) {  // Over the air the last digit goes first.
    begin(ad_all_uuids_128, uuid.size());
    for (std::size_t i = uuid.size(); i > 0; --i) put(uuid[i - 1]);
  }
  std::size_t size() const { return size_; }

 private:
  std::span<std::uint8_t, measurement::max_advert_bytes> into_;
  std::size_t size_ = 0;
};

// Improv wants its service and its state in one advert, which then is full to the last byte.
std::size_t write_improv(std::uint8_t state,
                         std::span<std::uint8_t, measurement::max_advert_bytes> into) {
  static_assert(3 + 2 + uuid_bytes + 10 == measurement::max_advert_bytes);
  Advert advert(into);
  advert.begin(ad_flags, 1);
  advert.put(only_low_energy);
  advert.service(improv_service);
  advert.begin(ad_service_data_16, 8);
  for (const std::uint8_t byte :
       {std::uint8_t{0x77}, std::uint8_t{0x46}, state, improv::Bluetooth::capabilities}) {
    advert.put(byte);
  }
  for (int reserved = 0; reserved < 4; ++reserved) advert.put(0);
  return advert.size();
}

std::size_t write_name(std::string_view name,
                       std::span<std::uint8_t, measurement::max_advert_bytes> into) {
  Advert advert(into);
  advert.service(lenz_service);
  const auto told = name.substr(0, most_name);
  advert.begin(told == name ? ad_name : ad_short_name, told.size());
  for (const char c : told) advert.put(static_cast<std::uint8_t>(c));
  return advert.size();
}

}  // namespace

BleMeter::BleMeter(const BleOptions& options, BleStack& stack, Storage& counter, improv::Host& host)
    : options_(options),
      stack_(stack),
      counter_(counter),
      summaries_({.boot = options.boot, .mains = options.mains, .introduce_every = 0ms}),
      improv_(host, *this, options.provisioned),
      improv_state_(static_cast<std::uint8_t>(improv_.state())) {
  stack_.let_pair(false);
}

void BleMeter::step(Uptime now) {
  improv_.step(now);
  if (window_until_ && now >= *window_until_) {
    window_until_.reset();
    stack_.let_pair(false);
  }
  if (now >= advertise_at_) advertise(now);
  summarise(now);
  notify_bytes();
  notify_results();
  notify_summary();
  transport_.step();
  watch_link(now);
}

void BleMeter::open_window(Uptime now) {
  window_until_ = now + improv::authorized_for;
  stack_.let_pair(true);
  improv_.authorize(now);
  advertise_at_ = now;
}

void BleMeter::add(const measurement::Sample& sample) {
  newest_ = sample;
  summaries_.add(sample);
  auto end = meter_.begin();
  *end++ = measurement::meter_value_format;
  for (std::size_t i = 0; i < 8; ++i) *end++ = static_cast<std::uint8_t>(options_.boot >> 8 * i);
  *end++ = static_cast<std::uint8_t>(sample.chips());
  const auto name = options_.name.substr(0, measurement::max_device_name);
  end = std::ranges::transform(name, end, [](char c) { return static_cast<std::uint8_t>(c); }).out;
  meter_size_ = static_cast<std::size_t>(end - meter_.begin());
}

// ---- The air -----------------------------------------------------------------------------------

void BleMeter::advertise(Uptime now) {
  advertise_at_ = now + advertise_every;
  ++packet_;
  const bool is_new = improv_.state() != improv::State::provisioned;
  std::array<std::uint8_t, measurement::max_advert_bytes> advert, response;
  auto size = window_until_ || (is_new && packet_ % 2 == 0) ? write_improv(improv_state_, advert)
                                                            : write_mains(now, advert);
  if (size == 0) size = write_improv(improv_state_, advert);
  const auto name_size = write_name(options_.name, response);
  stack_.advertise(std::span(advert).first(size), std::span(response).first(name_size));
}

// 0: they are not to be told, or there is no number left to encrypt with, and in the clear is not
// what was asked for.
std::size_t BleMeter::write_mains(Uptime now, std::span<std::uint8_t, 31> advert) {
  if (options_.mains == 0) return 0;
  if (!options_.bind_key) return measurement::encode_bthome(mains(now), nullptr, advert);
  const auto number = counter_.next();
  if (!number) return 0;
  const measurement::BthomeSeal seal{*options_.bind_key, options_.address, *number};
  return measurement::encode_bthome(mains(now), &seal, advert);
}

BthomeReading BleMeter::mains(Uptime now) const {
  BthomeReading reading{.packet = packet_};
  if (newest_.chips() == 0 || now - newest_.uptime > fresh_for) return reading;
  reading.energy = MilliwattHours{};
  reading.power = Watts{};
  for (std::size_t c = 0; c < newest_.channels(); ++c) {
    if ((options_.mains >> c & 1) == 0) continue;
    const auto voltage = newest_.get<Quantity::voltage>(measurement::chip_of(c));
    const auto imported = newest_.get<Quantity::imported>(c);
    const auto power = newest_.get<Quantity::active_power>(c);
    if (!reading.voltage) reading.voltage = voltage;
    // A sum of which a part is missing is none.
    reading.energy =
        reading.energy && imported ? std::optional(*reading.energy + *imported) : std::nullopt;
    reading.power = reading.power && power ? std::optional(*reading.power + *power) : std::nullopt;
  }
  return reading;
}

void BleMeter::summarise(Uptime now) {
  if (newest_.chips() == 0 || now < summarise_at_ || now < keep_until_) return;
  if (!summary_leaving_.is_over()) return;
  summarise_at_ = now + summarise_every;
  const auto size = summaries_.next(summary_);
  if (size == 0) return;  // Nothing new was measured.
  summary_size_ = size;
  summaries_.told();
  if (has_subscribed(BleValue::summary)) {
    summary_leaving_ = Cutter(0, std::span(summary_).first(summary_size_));
  }
}

// ---- Events of the stack -----------------------------------------------------------------------

void BleMeter::connected(BleLink link, Uptime now) {
  if (link_) return stack_.hang_up(link);
  link_ = Link{.name = link, .heard_at = now};
}

void BleMeter::disconnected(BleLink link) {
  if (!is(link)) return;
  link_.reset();
  transport_.close();
  improv_.forget();
  summary_leaving_ = {};
  results_ = {};
}

void BleMeter::agreed_on(BleLink link, std::size_t mtu) {
  if (!is(link)) return;
  link_->mtu = mtu;
  if (transport_.is_up()) transport_.open(link, mtu);
}

void BleMeter::bonded(BleLink link) {
  if (is(link)) link_->is_bonded = true;
}

void BleMeter::subscribed(BleLink link, BleValue value, bool wants) {
  if (!is(link) || !row(value).notifies || refusal(link, value)) return;
  link_->subscriptions = static_cast<std::uint16_t>(wants ? link_->subscriptions | bit(value)
                                                          : link_->subscriptions & ~bit(value));
  if (value != BleValue::post) return;
  if (wants) {
    transport_.open(link, link_->mtu);
  } else {
    transport_.close();
  }
}

std::expected<std::size_t, AttError> BleMeter::read(BleLink link, BleValue what, std::size_t offset,
                                                    std::span<std::uint8_t> into, Uptime now) {
  if (!row(what).reads) return std::unexpected(AttError::read_not_permitted);
  if (const auto error = refusal(link, what)) return std::unexpected(*error);
  link_->heard_at = now;
  const auto bytes = value(what);
  if (offset > bytes.size()) return std::unexpected(AttError::invalid_offset);
  if (what == BleValue::summary) keep_until_ = now + reading_takes;
  const auto count = std::min(into.size(), bytes.size() - offset);
  std::ranges::copy(bytes.subspan(offset, count), into.begin());
  return count;
}

std::expected<void, AttError> BleMeter::write(BleLink link, BleValue what,
                                              std::span<const std::uint8_t> bytes, Uptime now) {
  if (!row(what).writes) return std::unexpected(AttError::write_not_permitted);
  if (const auto error = refusal(link, what)) return std::unexpected(*error);
  link_->heard_at = now;
  if (what == BleValue::improv_command) {
    improv_.write(bytes, now);
  } else if (!transport_.hear(bytes)) {
    return std::unexpected(AttError::insufficient_resources);
  }
  return {};
}

std::optional<AttError> BleMeter::refusal(BleLink link, BleValue value) const {
  const bool may = is(link) && (link_->is_bonded || !row(value).needs_bond);
  return may ? std::nullopt : std::optional(AttError::insufficient_authentication);
}

std::span<const std::uint8_t> BleMeter::value(BleValue value) const {
  switch (value) {
    case BleValue::meter:
      return std::span(meter_).first(meter_size_);
    case BleValue::summary:
      return std::span(summary_).first(summary_size_);
    case BleValue::improv_state:
      return {&improv_state_, 1};
    case BleValue::improv_error:
      return {&improv_error_, 1};
    case BleValue::improv_result:
      return std::span(result_).first(result_size_);
    case BleValue::improv_capabilities:
      return {&improv::Bluetooth::capabilities, 1};
    case BleValue::post:
    case BleValue::mail:
    case BleValue::improv_command:
      break;
  }
  return {};
}

// Else it would keep all others out.
void BleMeter::watch_link(Uptime now) {
  if (link_ && link_->subscriptions == 0 && now - link_->heard_at >= silence_allowed) {
    stack_.hang_up(link_->name);
  }
}

// ---- What is notified --------------------------------------------------------------------------

void BleMeter::show(improv::State state) {
  improv_state_ = static_cast<std::uint8_t>(state);
  untold_ |= bit(BleValue::improv_state);
}

void BleMeter::show(improv::Error error) {
  improv_error_ = static_cast<std::uint8_t>(error);
  untold_ |= bit(BleValue::improv_error);
}

void BleMeter::show_result(std::span<const std::uint8_t> result) {
  result_size_ = std::min(result.size(), result_.size());
  std::ranges::copy(result.first(result_size_), result_.begin());
  if (!has_subscribed(BleValue::improv_result)) return;
  auto& [bytes, begin, end, sent] = results_;
  if (bytes.size() - end < result_size_ + 2) return;  // Who reads so slowly asks again.
  bytes[end] = static_cast<std::uint8_t>(result_size_);
  bytes[end + 1] = static_cast<std::uint8_t>(result_size_ >> 8);
  std::copy_n(result_.begin(), result_size_, bytes.begin() + static_cast<std::ptrdiff_t>(end + 2));
  end += result_size_ + 2;
}

bool BleMeter::has_subscribed(BleValue value) const {
  return link_ && (link_->subscriptions & bit(value)) != 0;
}

void BleMeter::notify_bytes() {
  for (const auto what : {BleValue::improv_error, BleValue::improv_state}) {
    if ((untold_ & bit(what)) == 0) continue;
    if (has_subscribed(what) && !stack_.notify(link_->name, what, value(what))) return;
    untold_ = static_cast<std::uint16_t>(untold_ & ~bit(what));
  }
}

void BleMeter::notify_results() {
  auto& [bytes, begin, end, sent] = results_;
  while (link_ && begin < end) {
    const std::size_t size = bytes[begin] + std::size_t{256} * bytes[begin + 1];
    const auto part = std::min(size - sent, room_of(link_->mtu));
    if (!stack_.notify(link_->name, BleValue::improv_result,
                       std::span(bytes).subspan(begin + 2 + sent, part))) {
      return;
    }
    sent += part;
    if (sent < size) continue;
    begin += size + 2;
    sent = 0;
  }
  begin = end = 0;
}

void BleMeter::notify_summary() {
  std::array<std::uint8_t, max_att_value> chunk;
  while (link_ && !summary_leaving_.is_over()) {
    const auto size = summary_leaving_.write(std::span(chunk).first(room_of(link_->mtu)));
    if (!stack_.notify(link_->name, BleValue::summary, std::span(chunk).first(size))) return;
    summary_leaving_.taken();
  }
}

}  // namespace firmware
