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
#include "spi_chips.h"

namespace firmware::esp32_board {
namespace {

constexpr const char* tag = "lenz";
constexpr std::size_t max_chips = measurement::max_chips;
constexpr std::size_t samples_at_once = 8;

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
std::array<measurement::Sample, samples_at_once> window;

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
  if (!settings.has_network() && !network.is_online()) return Mood::no_network;
  return link.is_up() ? Mood::well : Mood::no_hub;
}

// While an update is fetched and written the chips are read between its parts; nothing is sent.
Device* metering = nullptr;
void meter_meanwhile() {
  metering->sample(uptime());
  esp_task_wdt_reset();
}

void take_update(std::string_view manifest) {
  Update update(
      slots, update_key,
      {version_of(esp_app_get_description()->version).value_or(Version{}), CONFIG_IDF_TARGET});
  auto result = update.begin(manifest);
  if (result) {
    result =
        fetch(update, read_manifest(manifest)->url, settings.certificate.c_str(), meter_meanwhile);
  }
  if (!result) return link.tell_update(sentence(result.error()));
  link.tell_update("The update is written: the meter starts it on trial.");
  vTaskDelay(pdMS_TO_TICKS(2000));
  esp_restart();
}

// Everything that a person with a cable, a phone or the button may want.
class People {
 public:
  void begin() {
    console_.begin();
    if (!settings.has_network()) has_bluetooth_ = service_.begin(bluetooth_.state());
  }

  void step(measurement::Uptime now) {
    while (const auto byte = console_.read()) serial_.hear(*byte, now);
    if (has_bluetooth_) service_.deliver(bluetooth_, now);
    if (light.panel().was_pressed()) bluetooth_.authorize(now);
    if (commissioner_.has_joined()) {
      commissioner_.keep_network();
      serial_.joined(true);
      bluetooth_.joined(true);
    }
    serial_.step(now);
    bluetooth_.step(now);
    if (light.panel().was_held()) forget();
    if (commissioner_.restart_wanted()) restart();
  }

 private:
  static void restart() {
    vTaskDelay(pdMS_TO_TICKS(500));  // The answer is still on its way.
    esp_restart();
  }
  static void forget() {
    kept.erase_all();
    restart();
  }

  Commissioner commissioner_{settings, kept, network, light};
  Console console_;
  improv::Serial serial_{commissioner_, console_, settings.has_network()};
  ImprovService service_;
  improv::Bluetooth bluetooth_{commissioner_, service_, settings.has_network()};
  bool has_bluetooth_ = false;
};

[[noreturn]] void run() {
  begin_settings();
  begin_chips();
  light.begin(settings.assembly.status_led, settings.assembly.button);
  static auto all_chips = drivers(std::make_index_sequence<max_chips>());
  const auto chips = std::span(all_chips).first(settings.assembly.chips());
  say(network.begin(settings, map_of(settings.assembly.board).ethernet),
      "No network can be used: samples are kept until one can.");
  begin_clock();
  say(!settings.has_hub() || link.begin(settings),
      "The hub's address cannot be used: give it anew.");

  static RamStorage outbox(outbox_bytes);
  const auto boot = std::uint64_t{esp_random()} << 32 | esp_random();
  static Device device({.name = settings.device.view(), .boot = boot}, chips, outbox, window, link);
  const bool has_log = log_partition.begin("log");
  say(has_log, "There is no partition for what the hub has not confirmed: flash the whole table.");
  if (has_log) {
    static FlashLog log(log_partition, window, FlashLogOptions::of(log_partition.size()));
    device.keep_in(log);
  }
  static Control control(calibrations, light, network);
  static MeterService service(chips, control);
  control.watch(device);
  device.serve(service);
  metering = &device;
  static People people;
  people.begin();
  const bool can_update = slots.begin(meter_meanwhile);
  Trial trial(slots);
  bool is_on_trial = can_update && slots.is_on_trial();
  TimeBase time_base;

  esp_task_wdt_add(nullptr);
  for (;;) {
    const auto now = uptime();
    if (const auto start = booted_at()) device.know_time(time_base.settle(*start));
    device.step(now);
    people.step(now);
    light.step(now, mood_of(chips));
    if (is_on_trial) {
      is_on_trial =
          trial.step(now, {.chips_answer = all_answer(chips),
                           .storage_works = has_log,
                           .hub_heard = device.hub_has_answered()}) == Trial::Verdict::running;
    }
    const auto manifest = link.offered_update();
    if (can_update && !manifest.empty()) take_update(manifest);
    esp_task_wdt_reset();
    vTaskDelay(pdMS_TO_TICKS(20));
  }
}

}  // namespace
}  // namespace firmware::esp32_board

extern "C" void app_main() { firmware::esp32_board::run(); }
