// Improv on this board: what it may change, and the console that it comes over; over Bluetooth it
// comes to the BleMeter.

#pragma once

#include <optional>

#include "firmware/improv.h"
#include "light.h"
#include "network.h"
#include "nvs_values.h"

namespace firmware::esp32_board {

// What Improv asks of the meter. A new hub, board or radio counts from the next start, which
// restart_wanted() asks for.
class Commissioner final : public improv::Host {
 public:
  Commissioner(Settings& settings, NvsValues& kept, Network& network, Light& light);

  const improv::Identity& identity() const override { return identity_; }
  improv::Links links() const override { return network_.links(); }
  std::string_view url() const override { return network_.address(); }
  std::string_view hostname() const override { return settings_.hostname.view(); }
  bool join(std::string_view network, std::string_view password) override;
  std::size_t scan(std::span<improv::Network> networks) override { return network_.scan(networks); }
  bool take_hostname(std::string_view) override;
  bool take_device_name(std::string_view) override;
  bool take_hub(const improv::HubAddress&) override;
  bool take_certificate(std::size_t offset, std::size_t total,
                        std::span<const std::uint8_t> part) override;
  bool take_assembly(const Assembly&, int line_frequency) override;
  const char* take_radio(improv::Radio, std::span<const std::uint8_t>) override;
  std::optional<std::size_t> radio(improv::Radio, std::span<std::uint8_t>) const override;
  const Assembly& assembly() const override { return settings_.assembly; }
  int line_frequency() const override { return settings_.line_frequency; }
  void identify() override { light_.panel().identify(); }

  // Whether the network that join() was told is there.
  bool has_joined() const { return joining_ && network_.links().wifi; }
  // Keeps the network that was joined: a wrong password is forgotten at the next start.
  void keep_network();
  bool restart_wanted() const { return restart_wanted_; }

 private:
  Settings& settings_;
  NvsValues& kept_;
  Network& network_;
  Light& light_;
  improv::Identity identity_;
  Word<32> wanted_network_;
  Word<64> wanted_password_;
  bool joining_ = false;
  bool restart_wanted_ = false;
};

// The console that the log goes to: the first serial line, or USB where the chips have its pins.
class Console final : public improv::Serial::Line {
 public:
  bool begin();
  void write(std::span<const std::uint8_t>) override;
  std::optional<std::uint8_t> read();  // Nothing: none is waiting.
};

}  // namespace firmware::esp32_board
