#include "simulator/lora_modem.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace simulator {

using measurement::Uptime;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds reply_after = 20ms, windows_end_after = 5s, join_takes = 10s,
                                    boot_takes = 600ms;

std::string hex(const std::vector<std::uint8_t>& bytes) {
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::optional<std::vector<std::uint8_t>> bytes_of(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  if (text.empty() || text.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (error != std::errc{} || end != text.data() + i + 2) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(byte));
  }
  return bytes;
}

}  // namespace

void LoraModem::advance(Uptime now) {
  now_ = now;
  std::ranges::stable_sort(lines_, {}, &Line::due);
  while (!lines_.empty() && lines_.front().due <= now_) {
    auto text = std::move(lines_.front().text);
    lines_.pop_front();
    if (chance_.happens(faults.lost_line)) continue;
    if (!text.empty() && chance_.happens(faults.garbled_line)) {
      const auto place =
          static_cast<std::size_t>(chance_.uniform() * static_cast<double>(text.size()));
      text[place] = static_cast<char>(chance_.uniform() * 256);
    }
    out_ += "\r\n" + text + "\r\n";
  }
}

std::size_t LoraModem::read(std::span<std::uint8_t> into) {
  const auto count = std::min(into.size(), out_.size());
  std::copy_n(out_.begin(), count, into.begin());
  out_.erase(0, count);
  return count;
}

// A UART takes a few bytes at a time.
std::size_t LoraModem::write(std::span<const std::uint8_t> bytes) {
  const auto count = std::min<std::size_t>(bytes.size(), 48);
  for (const auto byte : bytes.first(count)) {
    if (byte == '\n') {
      if (!is_dead) obey(command_);
      command_.clear();
    } else if (byte != '\r') {
      command_ += static_cast<char>(byte);
    }
  }
  return count;
}

void LoraModem::say(const std::string& text, std::chrono::milliseconds after) {
  lines_.push_back({now_ + after, text});
}

void LoraModem::event(const std::string& text, std::chrono::milliseconds after) {
  if (chance_.happens(faults.lost_event)) return;
  say("+EVT:" + text, after + faults.late_event);
}

void LoraModem::restart() {
  lines_.clear();
  joined_ = time_is_wanted_ = false;
  busy_until_ = {};
  ++restarts_;
  say("RAKwireless RAK3172 Example", boot_takes);
  say("Current Work Mode: LoRaWAN.", boot_takes);
}

void LoraModem::send_down(unsigned port, std::vector<std::uint8_t> bytes) {
  down_ = Uplink{.time = now_, .port = port, .bytes = std::move(bytes)};
}

std::string LoraModem::local_time() const {
  const auto time = std::chrono::system_clock::to_time_t(*booted_at + now_);
  return fmt::format("{:%Hh%Mm%Ss on %m/%d/%Y}", fmt::gmtime(time));
}

void LoraModem::obey(const std::string& command) {
  if (command == "ATZ") return restart();
  const auto ok = [this] { say("OK", reply_after); };
  const auto value = [&](std::string_view name, const std::string& is) {
    say(fmt::format("AT+{}={}", name, is), reply_after);
    ok();
  };
  if (command == "AT+NJS=?") return value("NJS", joined_ ? "1" : "0");
  if (command == "AT+DR=?") return value("DR", std::to_string(data_rate));
  if (command == "AT+LTIME=?") return value("LTIME", booted_at ? local_time() : "");
  if (command.starts_with("AT+JOIN=")) return join();
  if (command.starts_with("AT+SEND=")) return uplink(command.substr(8));
  if (command == "AT+TIMEREQ=1") {
    if (!joined_) return say("AT_NO_NETWORK_JOINED", reply_after);
    time_is_wanted_ = true;
    return ok();
  }
  constexpr std::array<std::string_view, 10> known = {
      "NWM=", "NJM=", "CLASS=", "BAND=", "MASK=", "ADR=", "CFM=", "DEVEUI=", "APPEUI=", "APPKEY="};
  const bool is_setting = std::ranges::any_of(
      known, [&](auto name) { return command.starts_with("AT+" + std::string(name)); });
  if (!is_setting) return say("AT_ERROR", reply_after);
  settings_.push_back(command);
  ok();
}

void LoraModem::join() {
  if (now_ < busy_until_) return say("AT_BUSY_ERROR", reply_after);
  ++tries_;
  busy_until_ = now_ + join_takes;
  say("OK", reply_after);
  if (is_out_of_reach || chance_.happens(faults.refused_join)) {
    return event("JOIN_FAILED_RX_TIMEOUT", join_takes);
  }
  joined_ = true;
  ++joins_;
  event("JOINED", join_takes);
}

void LoraModem::uplink(const std::string& argument) {
  if (!joined_) return say("AT_NO_NETWORK_JOINED", reply_after);
  if (now_ < busy_until_) return say("AT_BUSY_ERROR", reply_after);
  if (chance_.happens(faults.reset)) return restart();
  const auto colon = argument.find(':');
  const auto bytes = colon == argument.npos
                         ? std::nullopt
                         : bytes_of(std::string_view(argument).substr(colon + 1));
  const auto most = data_rate < room.size() ? room[data_rate] : 0;
  if (!bytes || bytes->size() + std::exchange(options, 0) > most) {
    return say("AT_PARAM_ERROR", reply_after);
  }
  say("OK", reply_after);
  busy_until_ = now_ + windows_end_after;
  ++on_the_air_;
  if (!is_out_of_reach && !chance_.happens(faults.lost_uplink)) {
    heard_.push_back({now_, data_rate, static_cast<unsigned>(std::stoul(argument)), *bytes});
    if (std::exchange(time_is_wanted_, false)) event("TIMEREQ_OK", windows_end_after);
    if (const auto down = std::exchange(down_, std::nullopt)) {
      event(fmt::format("RX_1:-47:9:UNICAST:{}:{}", down->port, hex(down->bytes)),
            windows_end_after);
    }
  }
  event("TX_DONE", windows_end_after);
}

}  // namespace simulator
