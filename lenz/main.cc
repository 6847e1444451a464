// The command `lenz`.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>

#include "lenz/commands.h"

int main(int argc, char** argv) {
  CLI::App app("Lenz watches every breaker of a home.");
  app.require_subcommand(1);
  app.set_version_flag("--version", LENZ_VERSION);
  int result = 0;

  lenz::DemoOptions demo;
  auto* demo_command =
      app.add_subcommand("demo", "A simulated home, live, with a month of history");
  demo_command->add_option("--house", demo.house, "us or eu3 (for benches: step, neighbours)")
      ->check(CLI::IsMember({"us", "eu3", "step", "neighbours"}))
      ->capture_default_str();
  demo_command->add_option("--data", demo.data, "Folder to keep (default: a temporary one)");
  demo_command->add_option("--port", demo.port, "Of the page; 0: any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  demo_command->add_option("--history", demo.history_days, "Days of history to make")
      ->check(CLI::Range(0, 3650))
      ->capture_default_str();
  demo_command->add_option("--seed", demo.seed, "Same seed, same house")->capture_default_str();
  demo_command->callback([&] { result = lenz::demo(demo); });

  lenz::ReplayOptions replay;
  std::string speed = "max";
  auto* replay_command =
      app.add_subcommand("replay", "A recording through chips, meter, broker, hub and store");
  replay_command->add_option("recording", replay.recording, "Its folder")->required();
  replay_command->add_option("--begin", replay.begin_s, "Seconds from its first row");
  replay_command->add_option("--end", replay.end_s, "Seconds from its first row");
  replay_command->add_option("--speed", speed, "Times real time, or max")->capture_default_str();
  replay_command->add_option("--faults", replay.faults, "Seed of faults of bus, link, broker, hub");
  replay_command
      ->add_option("--address-flips", replay.address_flips,
                   "Share of frames whose address is flipped on its way to the chip")
      ->check(CLI::Range(0.0, 1.0));
  replay_command->add_option("--json", replay.json, "File for the figures, - for standard output");
  replay_command->callback([&] {
    if (speed != "max" && !CLI::detail::lexical_cast(speed, replay.speed)) {
      throw CLI::ValidationError("--speed", "write a number or max");
    }
    result = lenz::replay(replay);
  });

  lenz::HubOptions hub;
  auto* hub_command =
      app.add_subcommand("hub", "The hub: stores what meters send, serves the page");
  hub_command->add_option("--data", hub.data, "Its folder (default: ~/.local/share/lenz)");
  hub_command->add_option("--port", hub.port, "Of the page; 0: any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  hub_command->add_option("--broker", hub.broker, "HOST:PORT (default: a broker of its own)");
  hub_command->add_option("--user", hub.user, "At the broker")->capture_default_str();
  hub_command->add_option("--password-file", hub.password_file, "For the broker");
  hub_command->add_option("--meter", hub.meter, "Meter to admit")->capture_default_str();
  hub_command->add_option("--pages", hub.pages, "Folder of the built page");
  hub_command->callback([&] { result = lenz::hub(hub); });

  lenz::MeterOptions meter;
  auto* meter_command =
      app.add_subcommand("meter", "A meter on this machine, with simulated chips");
  meter_command->add_option("--data", meter.data,
                            "The hub's folder (default: ~/.local/share/lenz)");
  meter_command->add_option("--broker", meter.broker,
                            "HOST:PORT (default: as the hub's folder says)");
  meter_command->add_option("--home", meter.home,
                            "Id of the home (default: as the hub's folder says)");
  meter_command->add_option("--device", meter.device, "The meter's name")->capture_default_str();
  meter_command->add_option("--password-file", meter.password_file, "For the broker");
  meter_command->add_option("--house", meter.house, "us, eu3, step or neighbours")
      ->check(CLI::IsMember({"us", "eu3", "step", "neighbours"}))
      ->capture_default_str();
  meter_command->add_option("--seed", meter.seed, "Of the house")->capture_default_str();
  meter_command->add_option("--history", meter.history_days, "Days to make before the present")
      ->check(CLI::Range(0, 3650));
  meter_command->add_option("--recording", meter.recording, "Folder to play instead of a house");
  meter_command->add_option("--begin", meter.begin_s, "Seconds from the recording's first row");
  meter_command->add_option("--end", meter.end_s, "Seconds from the recording's first row");
  meter_command->add_option("--speed", meter.speed, "Times real time; 0: as fast as it goes");
  meter_command->add_option("--faults", meter.faults, "Seed of faults of bus and link");
  meter_command->add_option("--address-flips", meter.address_flips, "Share of frames");
  meter_command->callback([&] { result = lenz::meter(meter); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  } catch (const std::exception& error) {
    fmt::print(stderr, "lenz: {}\n", error.what());
    return 1;
  }
  return result;
}
