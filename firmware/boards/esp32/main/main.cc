// The meter on an ESP32: builds the objects in the order of a measurement, then steps them.

#include <esp_app_desc.h>
#include <esp_log.h>
#include <esp_random.h>
#include <esp_system.h>
#include <esp_task_wdt.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <sdkconfig.h>

#include <array>
#include <utility>
#include <vector>

#include "clock.h"
#include "control.h"
#include "firmware/device.h"
#include "firmware/flash_log.h"
#include "firmware/ram_storage.h"
#include "firmware/service.h"
#include "firmware/time_base.h"
#include "mqtt_link.h"
#include "network.h"
#include "nvs_values.h"
#include "ota_slots.h"
#include "partition_flash.h"
#include "provisioning.h"
#include "radios.h"
#include "spi_chips.h"

namespace firmware::esp32_board {
namespace {

constexpr const char* tag = "lenz";
constexpr std::size_t max_chips = measurement::max_chips;
// In a report; of minutes, each message of which costs, half an hour's.
constexpr std::size_t samples_at_once = 8, minutes_at_once = 32;

// What is too large for a stack and lives as long as the meter.
NvsValues kept("nvs"), kept_calibrations("cal");
Calibrations calibrations(kept_calibrations);
Settings settings;
SpiHost spi;
std::array<SpiChip, max_chips> buses;
PartitionFlash log_partition;
Network network;
MqttLink link;
Light light;
OtaSlots slots;
BuiltInKey update_key;
std::array<std::uint8_t, 48 * 1024> outbox_bytes;
Radios radios(settings, link);

void say(bool works, const char* remedy) {
  if (!works) ESP_LOGE(tag, "%s", remedy);
}

void begin_settings() {
  say(kept.begin(true), "The settings cannot be read: the flash is worn, replace the board.");
  say(kept_calibrations.begin(false),
      "The calibrations cannot be read and the chips run with start values: calibrate again.");
  settings.load(kept);
}

void begin_chips() {
  say(spi.begin(map_of(settings.assembly.board).spi), "The SPI pins are taken: check the board.");
  for (std::size_t chip = 0; chip < settings.assembly.chips(); ++chip) {
    buses[chip].begin(spi, settings.assembly.chip_select(chip));
  }
}

ChipConfig config_of(std::size_t chip) {
  ChipConfig config;
  config.line_frequency = settings.line_frequency;
  for (std::size_t phase = 0; phase < config.channels.size(); ++phase) {
    const auto channel = chip * measurement::channels_per_chip + phase;
    if (const auto words = calibrations.of(channel)) config.channels[phase] = *words;
  }
  return config;
}

template <std::size_t... chip>
std::array<Atm90e32, sizeof...(chip)> drivers(std::index_sequence<chip...>) {
  return {Atm90e32(buses[chip], config_of(chip))...};
}

bool all_answer(std::span<const Atm90e32> chips) {
  for (const auto& chip : chips) {
    if (chip.health().error) return false;
  }
  return true;
}

Mood mood_of(std::span<const Atm90e32> chips) {
  if (!all_answer(chips)) return Mood::chip_lost;
  if (link.is_up() || radios.reach()) return Mood::well;
  const bool has_modem = settings.radios.lorawan || settings.radios.cellular;
  const bool has_way = settings.has_network() || network.is_online() || has_modem;
  return has_way ? Mood::no_hub : Mood::no_network;
}

// Everything that a person with a cable, a phone or the button may want.
class People {
 public:
  void begin() { console_.begin(); }
  improv::Host& host() { return commissioner_; }

  void step(measurement::Uptime now) {
    while (const auto byte = console_.read()) serial_.hear(*byte, now);
    if (light.panel().was_pressed()) radios.open_window(now);
    if (commissioner_.has_joined()) {
      commissioner_.keep_network();
      serial_.joined(true);
      radios.joined(true);
    }
    serial_.step(now);
    if (light.panel().was_held()) forget();
    if (commissioner_.restart_wanted()) restart();
  }

 private:
  // The answer is still on its way.
  static void restart() {
    for (int i = 0; i < 25; ++i) {
      radios.step(uptime());
      vTaskDelay(pdMS_TO_TICKS(20));
    }
    esp_restart();
  }
  static void forget() {
    kept.erase_all();
    restart();
  }

  Commissioner commissioner_{settings, kept, network, light};
  Console console_;
  improv::Serial serial_{commissioner_, console_, settings.has_network()};
};

[[noreturn]] void run() {
  begin_settings();
  begin_chips();
  light.begin(settings.assembly.status_led, settings.assembly.button);
  static auto all_chips = drivers(std::make_index_sequence<max_chips>());
  const auto chips = std::span(all_chips).first(settings.assembly.chips());
  say(network.begin(settings, map_of(settings.assembly.board).ethernet,
                    !radios.costs_by_the_byte()),
      "No network can be used: samples are kept until one can.");
  begin_clock();
  if (settings.has_hub()) {
    say(link.begin(settings, radios.costs_by_the_byte()),
        "The hub's address cannot be used: give it anew.");
    if (!radios.costs_by_the_byte()) link.start();
  }
  static People people;
  people.begin();
  const auto boot = std::uint64_t{esp_random()} << 32 | esp_random();
  const char* trouble = radios.begin(boot, network, kept_calibrations, people.host());
  say(trouble == nullptr, trouble);

  static RamStorage outbox(outbox_bytes);
  auto* const coarse = radios.coarse();
  static std::vector<measurement::Sample> window(coarse ? minutes_at_once : samples_at_once);
  static Device device(
      {.name = settings.device.view(), .boot = boot, .edges = coarse ? EdgeRule{} : usual_edges},
      chips, outbox, window, radios.link());
  if (coarse) device.thin(*coarse);
  const bool has_log = log_partition.begin("log");
  say(has_log, "There is no partition for what the hub has not confirmed: flash the whole table.");
  if (has_log) {
    static FlashLog log(log_partition, window, FlashLogOptions::of(log_partition.size()));
    device.keep_in(log, radios.write_every());
  }
  static Control control(calibrations, light, network);
  static MeterService service(chips, control);
  control.watch(device);
  device.serve(service);
  static Update update(
      slots, update_key,
      {version_of(esp_app_get_description()->version).value_or(Version{}), CONFIG_IDF_TARGET});
  const bool can_update = slots.begin();
  // Where each byte costs the cable serves.
  if (can_update && !radios.costs_by_the_byte()) service.take_updates(update);
  Trial trial(slots);
  bool is_on_trial = can_update && slots.is_on_trial();
  TimeBase time_base;

  esp_task_wdt_add(nullptr);
  for (;;) {
    const auto now = uptime();
    const auto by_network = booted_at();
    if (const auto start = by_network ? by_network : radios.booted_at()) {
      const auto settled = time_base.settle(*start);
      device.know_time(settled);
      radios.know_time(settled);
    }
    if (const auto* sample = device.sample(now)) radios.add(*sample);
    device.exchange(now);
    radios.step(now);
    people.step(now);
    light.step(now, mood_of(chips));
    if (is_on_trial) {
      is_on_trial =
          trial.step(now, {.chips_answer = all_answer(chips),
                           .storage_works = has_log,
                           .hub_heard = device.hub_has_answered()}) == Trial::Verdict::running;
    }
    esp_task_wdt_reset();
    vTaskDelay(pdMS_TO_TICKS(20));
  }
}

}  // namespace
}  // namespace firmware::esp32_board

extern "C" void app_main() { firmware::esp32_board::run(); }
