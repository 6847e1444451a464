#include "firmware/improv.h"

#include <algorithm>
#include <numeric>

#include "firmware/text.h"

namespace firmware::improv {

using measurement::Uptime;
using Bytes = std::span<const std::uint8_t>;

namespace {

enum Type : std::uint8_t { current_state = 1, error_state = 2, rpc_command = 3, rpc_result = 4 };

constexpr std::string_view magic = "IMPROV";
constexpr std::uint8_t version = 1;
constexpr std::size_t head_size = magic.size() + 3;  // Version, type and size.

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Takes one string, its size before it, from the front of `from`.
std::optional<std::string_view> take_string(Bytes& from) {
  if (from.empty() || from.size() < std::size_t{1} + from[0]) return std::nullopt;
  const auto text = text_of(from.subspan(1, from[0]));
  from = from.subspan(std::size_t{1} + from[0]);
  return text;
}

// Command, size and strings; as much as a serial frame holds.
class Result {
 public:
  explicit Result(Command command) { bytes_[0] = static_cast<std::uint8_t>(command); }

  // What would be too long is cut.
  void add(std::string_view text) {
    const auto room = bytes_.size() - size_;
    if (room == 0) return;
    text = text.substr(0, room - 1);
    bytes_[size_] = static_cast<std::uint8_t>(text.size());
    std::ranges::copy(text, bytes_.begin() + static_cast<std::ptrdiff_t>(size_) + 1);
    size_ += text.size() + 1;
  }

  Bytes bytes() {
    bytes_[1] = static_cast<std::uint8_t>(size_ - 2);
    return std::span(bytes_).first(size_);
  }

 private:
  std::array<std::uint8_t, 255> bytes_{};
  std::size_t size_ = 2;
};

}  // namespace

std::uint8_t checksum(Bytes bytes) {
  return static_cast<std::uint8_t>(std::accumulate(bytes.begin(), bytes.end(), 0u));
}

bool is_hostname(std::string_view name) {
  const auto is_inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && name.size() <= 63 && name.front() != '-' && name.back() != '-' &&
         std::ranges::all_of(name, is_inner);
}

void Improv::go(State state) {
  state_ = state;
  carrier_.tell(state);
}

void Improv::obey(Bytes rpc, Uptime now) {
  if (rpc.size() < 2 || rpc.size() != std::size_t{2} + rpc[1]) {
    return carrier_.tell(Error::invalid_rpc);
  }
  const auto payload = rpc.subspan(2);
  switch (const auto command = static_cast<Command>(rpc[0])) {
    case Command::join:
      return join(payload, now);
    case Command::state:
      carrier_.tell(state_);
      if (state_ == State::provisioned) tell_taken(Command::join, true);
      return;
    case Command::device_info:
      return tell_device();
    case Command::scan:
      return tell_networks();
    case Command::hostname:
    case Command::device_name:
      return name(command, payload);
    case Command::network_state:
      return tell_links();
    case Command::hub:
      return take_hub(payload);
    case Command::certificate:
      return take_certificate(payload);
    case Command::board:
      return take_board(payload);
    case Command::bluetooth:
    case Command::lorawan:
    case Command::cellular:
      return take_radio(command, payload);
    case Command::settings:
      return tell_settings();
  }
  carrier_.tell(Error::unknown_rpc);
}

void Improv::join(Bytes payload, Uptime now) {
  const auto network = take_string(payload);
  const auto password = take_string(payload);
  const bool is_sound = network && password && payload.empty() && !network->empty() &&
                        network->size() <= 32 && password->size() <= 64;
  if (!is_sound) return carrier_.tell(Error::invalid_rpc);
  carrier_.tell(Error::none);
  give_up_at_ = now + patience_to_join;
  go(State::provisioning);
  if (!host_.join(*network, *password)) joined(false);
}

void Improv::joined(bool connected) {
  if (state_ != State::provisioning) return;
  if (!connected) {
    carrier_.tell(Error::unable_to_connect);
    return go(State::ready);
  }
  go(State::provisioned);
  tell_taken(Command::join, true);
}

void Improv::step(Uptime now) {
  if (state_ == State::provisioning && now >= give_up_at_) joined(false);
}

void Improv::tell_device() {
  const auto& identity = host_.identity();
  Result result(Command::device_info);
  for (const auto text : {identity.firmware, identity.version, identity.chip, identity.name}) {
    result.add(text);
  }
  carrier_.tell_result(result.bytes());
}

// A result for each network, and one without a string at the end.
void Improv::tell_networks() {
  std::array<Network, max_networks> networks;
  const auto count = host_.scan(networks);
  for (const auto& network : std::span(networks).first(count)) {
    std::array<char, 8> digits;
    Text strength(digits);
    strength << int{network.strength_dbm};
    Result result(Command::scan);
    result.add({network.name.data(), network.name_size});
    result.add(strength.view());
    result.add(network.is_protected ? "YES" : "NO");
    carrier_.tell_result(result.bytes());
  }
  carrier_.tell_result(Result(Command::scan).bytes());
}

void Improv::tell_links() {
  const auto links = host_.links();
  std::array<char, 4> digits;
  Text flags(digits);
  flags << (links.online * 1 + links.wifi * 2 + links.ethernet * 4 + links.modem * 16);
  Result result(Command::network_state);
  result.add(flags.view());
  if (!host_.url().empty()) result.add(host_.url());
  carrier_.tell_result(result.bytes());
}

// Without a name the one it has is asked for.
void Improv::name(Command command, Bytes payload) {
  const bool of_host = command == Command::hostname;
  if (!payload.empty()) {
    const auto wanted = take_string(payload);
    if (!wanted || !payload.empty()) return carrier_.tell(Error::invalid_rpc);
    if (of_host && !is_hostname(*wanted)) return carrier_.tell(Error::bad_hostname);
    const bool taken = of_host ? host_.take_hostname(*wanted) : host_.take_device_name(*wanted);
    if (!taken) return carrier_.tell(Error::unknown);
  }
  Result result(command);
  result.add(of_host ? host_.hostname() : host_.identity().name);
  carrier_.tell_result(result.bytes());
}

void Improv::take_hub(Bytes payload) {
  std::array<std::string_view, 4> texts;
  for (auto& text : texts) {
    const auto taken = take_string(payload);
    if (!taken || taken->empty()) return carrier_.tell(Error::invalid_rpc);
    text = *taken;
  }
  if (!payload.empty()) return carrier_.tell(Error::invalid_rpc);
  tell_taken(Command::hub, host_.take_hub({texts[0], texts[1], texts[2], texts[3]}));
}

// Offset and total, two bytes each with the low one first, and the part.
void Improv::take_certificate(Bytes payload) {
  if (payload.size() < 5) return carrier_.tell(Error::invalid_rpc);
  const auto word = [&](std::size_t at) {
    return payload[at] + std::size_t{256} * payload[at + 1];
  };
  const auto offset = word(0), total = word(2);
  const auto part = payload.subspan(4);
  if (total > max_certificate || offset + part.size() > total) {
    return carrier_.tell(Error::invalid_rpc);
  }
  tell_taken(Command::certificate, host_.take_certificate(offset, total, part));
}

// The name, then a byte each: add-ons, line frequency, LED, button, the modem's transmit and
// receive, and the chips' selects where jumpers are set otherwise; 255 is no pin, or the map's. The
// result says what is wrong with it, or what to take care of and which radios fit.
void Improv::take_board(Bytes payload) {
  constexpr std::size_t fixed = 6;
  const auto name = take_string(payload);
  const auto board = name ? board_named(*name) : std::nullopt;
  const bool is_sound = board && payload.size() >= fixed &&
                        payload.size() <= fixed + measurement::max_chips &&
                        (payload[1] == 50 || payload[1] == 60);
  if (!is_sound) return carrier_.tell(Error::invalid_rpc);
  const auto pin = [&](std::size_t at) { return static_cast<Pin>(payload[at]); };
  Assembly assembly{.board = *board, .add_ons = payload[0], .status_led = pin(2), .button = pin(3)};
  if (pin(4) != no_pin || pin(5) != no_pin)
    assembly.modem = {.transmit = pin(4), .receive = pin(5)};
  for (std::size_t chip = 0; chip + fixed < payload.size(); ++chip) {
    assembly.chip_selects[chip] = pin(fixed + chip);
  }
  Result result(Command::board);
  std::array<Finding, 8> findings;
  const auto count = std::min(check(assembly, findings), findings.size());
  const bool works = count == 0 || !findings[0].is_conflict();
  std::array<char, 320> words;
  for (const auto& finding : std::span(findings).first(count)) {
    result.add(sentence(assembly, finding, words));
  }
  if (works) result.add(sentence_of_room(assembly, words));
  const bool taken = works && host_.take_assembly(assembly, payload[1]);
  carrier_.tell(taken ? Error::none : Error::unknown);
  carrier_.tell_result(result.bytes());
}

// The result says what is wrong.
void Improv::take_radio(Command command, Bytes payload) {
  const auto radio =
      static_cast<Radio>(static_cast<int>(command) - static_cast<int>(Command::bluetooth));
  const char* trouble = host_.take_radio(radio, payload);
  carrier_.tell(trouble ? Error::unknown : Error::none);
  Result result(command);
  if (trouble) result.add(trouble);
  carrier_.tell_result(result.bytes());
}

// Of Bluetooth, LoRaWAN and cellular what their commands take, in hexadecimal, "" where it is off
// and "-" where it is not built in; the board's name, and in hexadecimal what follows it.
void Improv::tell_settings() {
  Result result(Command::settings);
  std::array<char, 2 * max_radio_settings> digits;
  const auto add = [&](Bytes bytes) {
    constexpr std::string_view hexadecimal = "0123456789abcdef";
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      digits[2 * i] = hexadecimal[bytes[i] >> 4];
      digits[2 * i + 1] = hexadecimal[bytes[i] & 15];
    }
    result.add({digits.data(), 2 * bytes.size()});
  };
  std::array<std::uint8_t, max_radio_settings> bytes;
  for (const auto radio : {Radio::bluetooth, Radio::lorawan, Radio::cellular}) {
    const auto size = host_.radio(radio, bytes);
    if (size) {
      add(std::span(bytes).first(*size));
    } else {
      result.add("-");
    }
  }
  const auto& assembly = host_.assembly();
  const auto modem = assembly.modem.value_or(ModemPins{.transmit = no_pin, .receive = no_pin});
  const std::array fixed = {static_cast<std::uint8_t>(assembly.add_ons),
                            static_cast<std::uint8_t>(host_.line_frequency()),
                            static_cast<std::uint8_t>(assembly.status_led),
                            static_cast<std::uint8_t>(assembly.button),
                            static_cast<std::uint8_t>(modem.transmit),
                            static_cast<std::uint8_t>(modem.receive)};
  auto end = std::ranges::copy(fixed, bytes.begin()).out;
  for (const auto pin : assembly.chip_selects) *end++ = static_cast<std::uint8_t>(pin);
  result.add(map_of(assembly.board).name);
  add({bytes.begin(), end});
  carrier_.tell_result(result.bytes());
}

void Improv::tell_taken(Command command, bool taken) {
  if (!taken) return carrier_.tell(Error::unknown);
  carrier_.tell(Error::none);
  Result result(command);
  if (command == Command::join && !host_.url().empty()) result.add(host_.url());
  carrier_.tell_result(result.bytes());
}

void Serial::hear(std::uint8_t byte, Uptime now) {
  // Lines of a log pass by: only the letters of the magic can begin a frame, the first of them
  // once.
  if (size_ < magic.size() && byte != static_cast<std::uint8_t>(magic[size_])) {
    size_ = 0;
    if (byte != static_cast<std::uint8_t>(magic[0])) return;
  }
  heard_[size_++] = byte;
  if (size_ == magic.size() + 1 && byte != version) size_ = 0;
  if (size_ < head_size || size_ < head_size + heard_[head_size - 1] + 1u) return;
  const auto frame = std::span<const std::uint8_t>(heard_).first(size_);
  size_ = 0;
  if (frame[magic.size() + 1] != rpc_command) return;
  if (checksum(frame.first(frame.size() - 1)) != frame.back()) return tell(Error::invalid_rpc);
  improv_.obey(frame.subspan(head_size, frame.size() - head_size - 1), now);
}

void Serial::tell(State state) {
  const auto byte = static_cast<std::uint8_t>(state);
  send(current_state, {&byte, 1});
}

void Serial::tell(Error error) {
  const auto byte = static_cast<std::uint8_t>(error);
  send(error_state, {&byte, 1});
}

void Serial::tell_result(Bytes result) { send(rpc_result, result); }

void Serial::send(std::uint8_t type, Bytes data) {
  std::array<std::uint8_t, head_size + 255 + 2> frame;
  std::ranges::copy(magic, frame.begin());
  frame[magic.size()] = version;
  frame[magic.size() + 1] = type;
  frame[magic.size() + 2] = static_cast<std::uint8_t>(data.size());
  std::ranges::copy(data, frame.begin() + head_size);
  const auto size = head_size + data.size();
  frame[size] = checksum(std::span(frame).first(size));
  frame[size + 1] = '\n';
  line_.write(std::span(frame).first(size + 2));
}

void Bluetooth::write(Bytes bytes, Uptime now) {
  if (size_ + bytes.size() > heard_.size()) {
    size_ = 0;
    return tell(Error::invalid_rpc);
  }
  std::ranges::copy(bytes, heard_.begin() + static_cast<std::ptrdiff_t>(size_));
  size_ += bytes.size();
  if (size_ < 3 || size_ < heard_[1] + 3u) return;
  obey(now);
  size_ = 0;
}

void Bluetooth::obey(Uptime now) {
  const auto rpc = std::span<const std::uint8_t>(heard_).first(size_);
  if (size_ != heard_[1] + 3u || checksum(rpc.first(size_ - 1)) != rpc.back()) {
    return tell(Error::invalid_rpc);
  }
  if (rpc[0] == static_cast<std::uint8_t>(Command::state)) {  // Here it is `identify`.
    tell(Error::none);
    return host_.identify();
  }
  const bool is_open = rpc[0] == static_cast<std::uint8_t>(Command::device_info);
  if (!is_open && !authorized_until_) return tell(Error::not_authorized);
  improv_.obey(rpc.first(size_ - 1), now);
}

void Bluetooth::authorize(Uptime now) {
  authorized_until_ = now + authorized_for;
  if (state() == State::authorization_required) improv_.go(State::ready);
}

void Bluetooth::step(Uptime now) {
  improv_.step(now);
  if (!authorized_until_ || now < *authorized_until_) return;
  if (state() == State::provisioning) return;  // It ends first.
  authorized_until_.reset();
  if (state() == State::ready) improv_.go(State::authorization_required);
}

void Bluetooth::tell(State state) { shown_.show(state); }
void Bluetooth::tell(Error error) { shown_.show(error); }

void Bluetooth::tell_result(Bytes result) {
  std::array<std::uint8_t, 2 + 255 + 1> bytes;
  std::ranges::copy(result, bytes.begin());
  bytes[result.size()] = checksum(result);
  shown_.show_result(std::span(bytes).first(result.size() + 1));
}

}  // namespace firmware::improv
