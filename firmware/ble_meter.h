// The meter as a Bluetooth LE peripheral: adverts of the mains, circuits over GATT, commissioning.
//
//   Device ──> Transport ──> chunks ──> post          subscribed: everything that the hub lacks
//   samples ──> Summaries ──> summary       read or notified: totals and mean powers
//        └──> BTHome ──> advert               to everybody near, or to who has the key
//   improv::Bluetooth ──> its characteristics         while the window is open

#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "firmware/ble.h"
#include "firmware/ble_transport.h"
#include "firmware/improv.h"
#include "firmware/rising_counter.h"
#include "firmware/storage.h"
#include "firmware/summaries.h"
#include "measurement/bthome.h"
#include "measurement/report.h"
#include "measurement/units.h"

namespace firmware {

struct BleOptions {
  std::string_view name;                    // Of the meter at the hub; outlives the meter.
  measurement::BluetoothAddress address{};  // That it advertises with, always the same.
  std::uint64_t boot = 0;                   // As the device's.
  std::uint64_t mains = 1;  // Bit c: channel c is one of the mains. 0: they are not advertised.
  measurement::AesBlock* bind_key = nullptr;  // Null: adverts are for everybody.
  bool provisioned = false;                   // It knows its network.
};

// One central at a time. Allocates nothing; stack, storage (RisingCounter::storage_bytes) and host
// outlive it. One task owns it, and the stack's events come on that task.
class BleMeter final : private improv::Bluetooth::Characteristics {
 public:
  BleMeter(const BleOptions&, BleStack&, Storage& counter, improv::Host&);

  // To be called at least four times a second.
  void step(measurement::Uptime now);

  // Each sample of the sampler, in order.
  void add(const measurement::Sample&);
  void know_time(measurement::Timestamp booted_at) { summaries_.know_time(booted_at); }

  // A button was pressed, or an admin asked for it: for a minute centrals may pair, and Improv is
  // authorized.
  void open_window(measurement::Uptime now);
  bool window_is_open() const { return window_until_.has_value(); }
  // What improv::Host::join() came to.
  void joined(bool connected) { improv_.joined(connected); }

  // For the Device of a meter whose hub hears it over Bluetooth.
  Transport& transport() { return transport_; }

  // Events of the stack.
  void connected(BleLink, measurement::Uptime now);
  void disconnected(BleLink);
  void agreed_on(BleLink, std::size_t mtu);
  void bonded(BleLink);  // The link is encrypted with a bond's key.
  void subscribed(BleLink, BleValue, bool);
  // Copies a value from `offset` on and returns how many bytes. The part of a long value that comes
  // next is of the same value.
  std::expected<std::size_t, AttError> read(BleLink, BleValue, std::size_t offset,
                                            std::span<std::uint8_t> into, measurement::Uptime now);
  std::expected<void, AttError> write(BleLink, BleValue, std::span<const std::uint8_t>,
                                      measurement::Uptime now);

 private:
  struct Link {
    BleLink name = 0;
    measurement::Uptime heard_at{};
    std::size_t mtu = least_mtu;
    bool is_bonded = false;
    std::uint16_t subscriptions = 0;  // Bit v: BleValue v.
  };
  // Results of Improv that wait to be notified, each behind its size in two bytes.
  struct Results {
    std::array<std::uint8_t, 1024> bytes{};
    std::size_t begin = 0, end = 0;
    std::size_t sent = 0;  // Of the first of them.
  };

  void show(improv::State) override;
  void show(improv::Error) override;
  void show_result(std::span<const std::uint8_t>) override;

  bool is(BleLink link) const { return link_ && link_->name == link; }
  bool has_subscribed(BleValue) const;
  std::optional<AttError> refusal(BleLink, BleValue) const;
  std::span<const std::uint8_t> value(BleValue) const;
  void watch_link(measurement::Uptime now);
  void advertise(measurement::Uptime now);
  std::size_t write_mains(measurement::Uptime now, std::span<std::uint8_t, 31> advert);
  measurement::BthomeReading mains(measurement::Uptime now) const;
  void summarise(measurement::Uptime now);
  void notify_bytes();
  void notify_results();
  void notify_summary();

  const BleOptions options_;
  BleStack& stack_;
  BleTransport transport_{stack_};
  RisingCounter counter_;
  Summaries summaries_;
  improv::Bluetooth improv_;

  std::optional<Link> link_;
  std::optional<measurement::Uptime> window_until_;
  measurement::Uptime advertise_at_{};
  measurement::Uptime summarise_at_{};
  measurement::Uptime keep_until_{};  // The summary that is there, of which somebody reads parts.
  std::uint8_t packet_ = 0;

  measurement::Sample newest_;
  std::array<std::uint8_t, measurement::meter_value_head + measurement::max_device_name> meter_{};
  std::size_t meter_size_ = 0;
  std::array<std::uint8_t, max_att_value> summary_{};
  std::size_t summary_size_ = 0;
  measurement::Cutter summary_leaving_;
  std::uint8_t improv_state_;
  std::uint8_t improv_error_ = 0;
  std::uint16_t untold_ = 0;  // Bit v: BleValue v, of one byte, has changed.
  std::array<std::uint8_t, 260> result_{};
  std::size_t result_size_ = 0;
  Results results_;
};

}  // namespace firmware
