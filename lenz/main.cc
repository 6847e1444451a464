// The command `lenz`: a table of its words.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "lenz/commands.h"

namespace {

constexpr const char* data_help = "The hub's folder (default: ~/.local/share/lenz)";

// A word, its options and what it runs.
template <class Options>
void add(CLI::App& app, int& result, const char* name, const char* help, int (*run)(const Options&),
         void (*describe)(CLI::App&, Options&)) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(name, help);
  describe(*command, *options);
  command->callback([options, run, &result] { result = run(*options); });
}

void describe_https(CLI::App& command, lenz::HttpsOptions& https) {
  auto* names =
      command
          .add_option("--https", https.names,
                      "Name or address of this machine in the network, as often as it has "
                      "some: the page is there, too, by TLS (docs/https.md)")
          ->allow_extra_args(false);
  command.add_option("--https-port", https.port, "0: any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str()
      ->needs(names);
  command
      .add_option("--https-address", https.address,
                  "The only address of this machine to listen on (default: all of them)")
      ->needs(names);
  auto* certificate = command.add_option("--certificate", https.certificate,
                                         "PEM file of your own, with its chain (default: one of "
                                         "the hub's own authority)");
  auto* key = command.add_option("--key", https.key, "PEM file of its key");
  certificate->needs(names)->needs(key);
  key->needs(certificate);
}

void describe_demo(CLI::App& command, lenz::DemoOptions& demo) {
  command.add_option("--house", demo.house, "us or eu3 (for benches: step, neighbours)")
      ->check(CLI::IsMember({"us", "eu3", "step", "neighbours"}))
      ->capture_default_str();
  command.add_option("--data", demo.data, "Folder to keep (default: a temporary one)");
  command.add_option("--port", demo.port, "Of the page; 0: any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  describe_https(command, demo.https);
  command.add_option("--history", demo.history_days, "Days of history to make")
      ->check(CLI::Range(0, 3650))
      ->capture_default_str();
  command.add_option("--seed", demo.seed, "Same seed, same house")->capture_default_str();
  command
      .add_option(
          "--fault", demo.faults,
          "Something is wrong in the house: NAME[@dayN[-M]][:SEVERITY], fridge-gasket@day10 "
          "(docs/household.md has the names)")
      ->allow_extra_args(false);
}

void describe_replay(CLI::App& command, lenz::ReplayOptions& replay) {
  command.add_option("recording", replay.recording, "Its folder")->required();
  command.add_option("--begin", replay.begin_s, "Seconds from its first row");
  command.add_option("--end", replay.end_s, "Seconds from its first row");
  command
      .add_option_function<std::string>(
          "--speed",
          [&replay](const std::string& speed) {
            if (speed != "max" && !CLI::detail::lexical_cast(speed, replay.speed)) {
              throw CLI::ValidationError("--speed", "write a number or max");
            }
          },
          "Times real time, or max")
      ->default_str("max");
  command.add_option("--faults", replay.faults, "Seed of faults of bus, link, broker, hub");
  command
      .add_option("--address-flips", replay.address_flips,
                  "Share of frames whose address is flipped on its way to the chip")
      ->check(CLI::Range(0.0, 1.0));
  command.add_option("--json", replay.json, "File for the figures, - for standard output");
}

void describe_commit_every(CLI::App& command, std::chrono::milliseconds& every) {
  command
      .add_option_function<std::size_t>(
          "--commit-every", [&every](std::size_t ms) { every = std::chrono::milliseconds(ms); },
          "What meters sent is put on the disk together: 100ms to 30s")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, std::size_t>{{"ms", 1}, {"s", 1000}},
                                        CLI::AsNumberWithUnit::UNIT_REQUIRED))
      ->check(CLI::Range(100, 30'000))
      ->type_name("TIME")
      ->default_str("100ms");
}

void describe_hub(CLI::App& command, lenz::HubOptions& hub) {
  command.add_option("--data", hub.data, "Its folder (default: ~/.local/share/lenz)");
  command.add_option("--port", hub.port, "Of the page; 0: any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command.add_option("--broker", hub.broker, "HOST:PORT (default: a broker of its own)");
  command.add_option("--user", hub.user, "At the broker")->capture_default_str();
  command.add_option("--password-file", hub.password_file, "For the broker");
  command.add_option("--meter", hub.meter, "Meter to admit")->capture_default_str();
  command.add_option("--meters", hub.meters,
                     "Name or address of this machine in the network, [:PORT]: lets meters reach "
                     "the hub's own broker, by TLS (docs/adoption.md)");
  describe_https(command, hub.https);
  command.add_option("--pages", hub.pages, "Folder of the built page");
  describe_commit_every(command, hub.commit_every);
  command.add_option("--share", hub.share,
                     "Group of hubs that divide the same homes' reports (docs/scaling.md)");
  auto* backup = command.add_option("--backup", hub.backup, "Folder for a backup a day");
  command.add_option("--backup-keep", hub.backup_keep, "How many of them stay")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str()
      ->needs(backup);
  command.add_flag("--no-analysis", hub.no_analysis,
                   "Do not look for appliances: for a machine that has no time for it");
}

void describe_bill(CLI::App& command, lenz::BillOptions& bill) {
  command.add_option("--data", bill.data, data_help);
  command.add_option("--home", bill.home, "Id of the home, where there are several");
  command.add_option("--month", bill.month, "2026-10 (default: the last whole month)");
  command.add_flag("--json", bill.json, "As the API has it");
}

// What every command has that sets a channel.
void describe_channel(CLI::App& command, auto& options) {
  command.add_option("channel", options.channel, "Which, from 0")
      ->required()
      ->check(CLI::Range(0, 41));
  command.add_option("--data", options.data, data_help);
  command.add_option("--home", options.home, "Id of the home, where there are several");
  command.add_option("--meter", options.device, "Its name at the hub")->capture_default_str();
  command.add_option("--by", options.by, "Who does it (default: who is signed in)");
}

void describe_calibrate(CLI::App& command, lenz::CalibrateOptions& calibrate) {
  describe_channel(command, calibrate);
  command.add_option("--clamp", calibrate.clamp, "Its model: SCT-013-000 (docs/calibration.md)");
  command.add_option("--rated", calibrate.rated_a, "Amperes of a clamp of another model")
      ->check(CLI::Range(1.0, 10'000.0));
  command.add_option("--class", calibrate.class_percent, "Its class in %")
      ->check(CLI::Range(0.1, 5.0));
  command.add_option("--reference", calibrate.reference, "What it is set against");
}

void describe_undo_calibration(CLI::App& command, lenz::UndoCalibrationOptions& undo) {
  describe_channel(command, undo);
}

// What every command has that calibrates with the panel closed.
void describe_closed_panel(CLI::App& command, auto& options) {
  command.add_option("--data", options.data, data_help);
  command.add_option("--home", options.home, "Id of the home, where there are several");
  command.add_option("--by", options.by, "Who does it (default: who is signed in)");
}

void describe_reading(CLI::App& command, lenz::ReadingOptions& reading) {
  describe_closed_panel(command, reading);
  command.add_option("kwh", reading.kwh, "What its display shows now, with its decimals");
  command.add_option("--exported", reading.exported, "The same of what is given back");
  command.add_option("--mains", reading.circuit, "Id of the mains, where there are several");
  command.add_option("--class", reading.class_percent, "Its class in %")
      ->check(CLI::Range(0.1, 5.0))
      ->capture_default_str();
  command.add_flag("--new-meter", reading.is_new_meter, "It is another meter than the last time");
  command.add_flag("--take-back", reading.takes_back, "Forget the newest reading");
  command.add_flag("--set", reading.sets, "Set the clamps of the mains by the readings");
}

void describe_switched(CLI::App& command, lenz::SwitchedOptions& switched) {
  describe_closed_panel(command, switched);
  command.add_option("circuit", switched.circuit, "Its id")->required();
  command.add_option("--steps", switched.steps, "Steps to wait for")
      ->check(CLI::Range(4, 40))
      ->capture_default_str();
}

void describe_sum(CLI::App& command, lenz::SumOptions& sum) {
  describe_closed_panel(command, sum);
  command.add_option("circuits", sum.circuits, "Ids (default: all that become surer)");
}

void describe_show_calibrations(CLI::App& command, lenz::ShowCalibrationsOptions& show) {
  command.add_option("--data", show.data, data_help);
  command.add_option("--home", show.home, "Id of the home, where there are several");
}

void describe_check_tariff(CLI::App& command, lenz::CheckTariffOptions& check) {
  command.add_option("file", check.file, "A tariff (docs/tariff_format.md)")->required();
}

void describe_report(CLI::App& command, lenz::ReportOptions& report) {
  command.add_option("--data", report.data, data_help);
  command.add_option("--home", report.home, "Id of the home, where there are several");
  command.add_option("--month", report.month, "2026-10 (default: the last whole month)");
  command.add_option("--html", report.html, "File for the page");
  command.add_option("--pdf", report.pdf, "File for it on paper; needs Chromium");
  command.add_option("--mail", report.mail, "Address that it goes to, by [email] of partners.toml");
}

void describe_write_token(CLI::App& command, lenz::WriteTokenOptions& token) {
  command.add_option("--data", token.data, data_help);
  command.add_option("--name", token.name, "Whom it is for")->capture_default_str();
  command.add_option("--home", token.home, "Id of the only home that it opens (default: all)");
  auto* list = command.add_flag("--list", token.list, "Say which there are");
  command.add_option("--revoke", token.revoke, "Name of the one that ends")->excludes(list);
}

void describe_mirror_resend(CLI::App& command, lenz::MirrorResendOptions& resend) {
  command.add_option("--data", resend.data, data_help);
}

void describe_account(CLI::App& command, lenz::AccountOptions& account) {
  command.add_option("--data", account.data, data_help);
  command.add_option("--name", account.name, "Whom it is for");
  command.add_option("--home", account.homes, "Id of a home that may be seen; as often as needed");
  auto* list = command.add_flag("--list", account.list, "Say which there are");
  command.add_option("--remove", account.remove, "Name of the one that ends")->excludes(list);
}

void describe_simulate(CLI::App& command, lenz::SimulateOptions& simulate) {
  command.add_option("--homes", simulate.homes, "How many, of 30 circuits each")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command.add_option("--rate", simulate.rate, "Reports a second and home")
      ->check(CLI::Range(0.01, 100.0))
      ->capture_default_str();
  command.add_option("--for", simulate.for_s, "Seconds; of each step with --ceiling")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  command.add_flag("--ceiling", simulate.ceiling,
                   "Raise the load until acknowledgements come late or reports are refused");
  auto* data = command.add_option(
      "--data", simulate.data,
      "Folder of the homes, kept; a hub and a broker are started (default: a temporary one)");
  auto* broker =
      command
          .add_option("--broker", simulate.broker, "HOST:PORT of a running hub's broker instead")
          ->excludes(data);
  command.add_option("--user", simulate.user, "There, may speak for all homes")
      ->capture_default_str()
      ->needs(broker);
  command.add_option("--password-file", simulate.password_file, "For the broker")->needs(broker);
  describe_commit_every(command, simulate.commit_every);
  command.add_option("--json", simulate.json, "File for the figures, - for standard output");
}

void describe_record(CLI::App& command, lenz::RecordOptions& record) {
  command.add_option("--out", record.out, "Folder that gets houses/ and panels/")->required();
  command.add_option("--homes", record.homes, "How many, US and European in turn")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--days", record.days, "Of each")
      ->check(CLI::Range(1, 366))
      ->capture_default_str();
  command.add_option("--interval", record.interval_s, "Of the meters, seconds")
      ->check(CLI::Range(1, 60))
      ->capture_default_str();
  command.add_option("--seed", record.seed, "Of the first home")->capture_default_str();
}

void describe_meter(CLI::App& command, lenz::MeterOptions& meter) {
  command.add_option("--data", meter.data, data_help);
  command.add_option("--broker", meter.broker, "HOST:PORT (default: as the hub's folder says)");
  command.add_option("--home", meter.home, "Id of the home (default: as the hub's folder says)");
  command.add_option("--device", meter.device, "The meter's name")->capture_default_str();
  command.add_option("--password-file", meter.password_file, "For the broker");
  command.add_option("--house", meter.house, "us, eu3, step, neighbours or workbench")
      ->check(CLI::IsMember({"us", "eu3", "step", "neighbours", "workbench"}))
      ->capture_default_str();
  command.add_option("--seed", meter.seed, "Of the house")->capture_default_str();
  command.add_option("--history", meter.history_days, "Days to make before the present")
      ->check(CLI::Range(0, 3650));
  command.add_flag("--uncalibrated", meter.is_uncalibrated,
                   "Its gains and phases are off, to try `lenz calibrate`");
  command.add_option("--fault", meter.house_faults, "Of the house, as the demo's")
      ->allow_extra_args(false);
  command
      .add_option("--update-key", meter.update_key,
                  "Public key of the updates that it takes, into a simulated flash")
      ->check(CLI::ExistingFile);
  command.add_option("--recording", meter.recording, "Folder to play instead of a house");
  command.add_option("--begin", meter.begin_s, "Seconds from the recording's first row");
  command.add_option("--end", meter.end_s, "Seconds from the recording's first row");
  command.add_option("--speed", meter.speed, "Times real time; 0: as fast as it goes");
  command.add_option("--faults", meter.faults, "Seed of faults of bus and link");
  command.add_option("--address-flips", meter.address_flips, "Share of frames");
  auto* spi = command.add_option("--spi", meter.spi,
                                 "The chips on this bus instead of a house: /dev/spidev0.0 "
                                 "(docs/meter.md)");
  command
      .add_option("--chip-select", meter.chip_selects,
                  "GPIO line of each chip, 5,4 (default: cs_pin of the meter in home.toml)")
      ->delimiter(',')
      ->needs(spi);
  command.add_option("--gpio-chip", meter.gpio_chip, "Whose lines they are")
      ->capture_default_str()
      ->needs(spi);
}

void describe_update(CLI::App& command, lenz::UpdateOptions& update) {
  command.add_option("file", update.file, "What sign_update wrote")->required();
  command.add_option("--data", update.data, data_help);
  command.add_option("--home", update.home, "Id of the home, where there are several");
  command.add_option("--meter", update.device, "Its name at the hub")->capture_default_str();
}

void describe_bench(CLI::App& command, lenz::BenchOptions& bench) {
  command.add_option("board", bench.board, "6ch, 6ch-lilygo, 6ch-waveshare or split")->required();
  command.add_option("--add-ons", bench.add_ons, "How many are stacked on it");
  command.add_option("--data", bench.data, data_help);
  command.add_option("--device", bench.device, "The meter's name")->capture_default_str();
  command.add_option("--firmware", bench.firmware, "The image that was flashed, for its hash");
  command.add_option("--channel", bench.channel, "Of the clamp, from 0")->capture_default_str();
  command.add_option("--out", bench.out, "Folder of the record")->capture_default_str();
  command.add_option("--quickened", bench.quickened, "Steps take so many times less: to try it")
      ->check(CLI::Range(1.0, 10'000.0))
      ->capture_default_str();
  bench.version = LENZ_VERSION;
}

void describe_backfill(CLI::App& command, lenz::BackfillOptions& backfill) {
  command.add_option("--data", backfill.data, data_help);
  command.add_flag("--dry-run", backfill.dry_run, "Only say what would be written");
  command.add_flag("--all", backfill.all, "Look at all hours, not only at those that changed");
  command.add_option("--undo", backfill.undo_file,
                     "File that takes it back (default: one in the folder's undo/)");
}

void describe_undo(CLI::App& command, lenz::UndoOptions& undo) {
  command.add_option("file", undo.file, "As backfill or import wrote it")->required();
  command.add_option("--data", undo.data, data_help);
  command.add_flag("--dry-run", undo.dry_run, "Only say what would be written");
}

void describe_energy(CLI::App& command, lenz::EnergyOptions& energy) {
  command.add_option("--data", energy.data, data_help);
  command.add_flag("--save", energy.save, "Save the proposal; else it is only shown");
}

void describe_continuation(CLI::App& command, lenz::ContinuationOptions& continuation) {
  command.add_option("--data", continuation.data, data_help);
  command.add_option("--from", continuation.from, "The old sensor: sensor.fridge_energy")
      ->required();
  command.add_option("--circuit", continuation.circuit, "Id of the circuit that replaces it")
      ->required();
  command.add_option("--counter", continuation.key,
                     "Which of its counters (default: the usual one)");
  command.add_flag("--dry-run", continuation.dry_run, "Only say what would be written");
  command.add_option("--undo", continuation.undo_file,
                     "File that takes it back (default: one in the folder's undo/)");
}

void describe_import_esphome(CLI::App& command, lenz::ImportEsphomeOptions& esphome) {
  command.add_option("file", esphome.file, "The node's YAML")->required();
  command.add_option("--data", esphome.data, data_help);
  command.add_option("--device", esphome.device, "The meter's name (default: the node's)");
  command.add_option("--address", esphome.address, "Of the node (default: as the file says)");
  command.add_flag("--dry-run", esphome.dry_run, "Only say what was read");
}

void describe_export_esphome(CLI::App& command, lenz::ExportEsphomeOptions& esphome) {
  command.add_option("--data", esphome.data, data_help);
  command.add_option("--device", esphome.device, "The meter's name (default: the only one)");
  command.add_option("--output", esphome.output, "File to write (default: standard output)");
}

void describe_export_readings(CLI::App& command, lenz::ExportReadingsOptions& readings) {
  command.add_option("--data", readings.data, data_help);
  command.add_option("--device", readings.devices, "Meters (default: all)")
      ->allow_extra_args(false);
  command.add_option("--circuit", readings.circuits, "Ids of circuits, for their channels")
      ->allow_extra_args(false);
  command.add_option("--begin", readings.begin, "2026-03-01, 2026-03-01T12:00, with Z or +01:00");
  command.add_option("--end", readings.end, "Not included (default: the newest)");
  command.add_option("--step", readings.step, "1s to 59s, or whole minutes: 1m, 15m, 1h, 1d")
      ->capture_default_str();
  command.add_option("--format", readings.format, "csv or line-protocol")
      ->check(CLI::IsMember({"csv", "line-protocol"}))
      ->capture_default_str();
  command.add_option("--output", readings.output, "File to write (default: standard output)");
}

void describe_import_readings(CLI::App& command, lenz::ImportReadingsOptions& readings) {
  command.add_option("path", readings.path, "File, recording or folder of feeds")->required();
  command.add_option("--data", readings.data, data_help);
  command.add_option("--format", readings.format, "What it is (default: as its content says)")
      ->check(CLI::IsMember({"auto", "csv", "recording", "line-protocol", "emoncms", "iotawatt"}));
  command.add_option("--device", readings.device, "Name to store it as (default: as it says)");
  command
      .add_option("--column", readings.columns,
                  "A column or feed: NAME=CHANNEL:QUANTITY, 12=0:imported_total_kwh")
      ->allow_extra_args(false);
  command.add_option("--channel", readings.channel, "Of a single feed")->check(CLI::Range(0, 41));
  command.add_option("--quantity", readings.quantity,
                     "Of columns that do not say (default: active_power_w)");
  command.add_option("--zone", readings.zone, "Of times without one (default: the home's)");
}

void describe_backup(CLI::App& command, lenz::BackupOptions& backup) {
  command.add_option("--data", backup.data, data_help);
  command.add_option("--to", backup.to, "Folder of backups; a new one is made in it")->required();
  command.add_option("--keep", backup.keep, "How many stay; older ones are removed (default: all)")
      ->check(CLI::Range(1, 100'000));
}

void describe_restore(CLI::App& command, lenz::RestoreOptions& restore) {
  command.add_option("backup", restore.backup, "Its folder: .../lenz-20260301-123456")->required();
  command.add_option("--data", restore.data, "Folder to write, empty or not there")->required();
}

void describe_store_status(CLI::App& command, lenz::StoreStatusOptions& status) {
  command.add_option("--data", status.data, data_help);
}

void describe_store_verify(CLI::App& command, lenz::StoreVerifyOptions& verify) {
  command.add_option("--data", verify.data, data_help);
}

void describe_evaluate_identification(CLI::App& command,
                                      lenz::EvaluateIdentificationOptions& evaluate) {
  command.add_option("--data", evaluate.data, "Folder with houses/ or traces/")->required();
  command.add_option("--train", evaluate.train,
                     "Folder to fit on, fold by fold without what is scored (default: the model "
                     "is scored)");
  command.add_option("--model", evaluate.model, "Model file (default: the installed one)");
  command.add_option("--houses", evaluate.houses, "Houses and devices: a,b (default: all)")
      ->delimiter(',');
  command
      .add_option("--scene", evaluate.scenes,
                  "mains, mains+K, circuits, circuits:DAYS, mixed:K, mixed:K:simulated_q, single; "
                  "several with commas")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--labels", evaluate.labels, "Questions answered for each appliance: 0,1,3,5")
      ->delimiter(',')
      ->capture_default_str();
  command
      .add_option("--answers", evaluate.answers,
                  "Questions answered in each house, two a day, in place of --labels")
      ->check(CLI::Range(0, 1000));
  command.add_option("--prior", evaluate.prior, "none or panel: what panels/<house>.toml says")
      ->check(CLI::IsMember({"none", "panel"}))
      ->capture_default_str();
  command.add_option("--seed", evaluate.seed, "Of orders, mixes and trainings")
      ->capture_default_str();
  command.add_option("--json", evaluate.json, "File for the rows, - for standard output");
}

void describe_evaluate_health(CLI::App& command, lenz::EvaluateHealthOptions& evaluate) {
  command.add_option("--data", evaluate.data, "Folder with houses/ or traces/")->required();
  command
      .add_option("--faults", evaluate.faults,
                  "all, supply, or causes as docs/health.md lists them: a,b")
      ->delimiter(',')
      ->capture_default_str();
  command
      .add_option("--severity", evaluate.severities,
                  "Shares: 0.2 is a fifth more energy; several "
                  "with commas")
      ->delimiter(',')
      ->check(CLI::Range(0.01, 1.0))
      ->capture_default_str();
  command.add_option("--ramp-days", evaluate.ramps_days, "0: a step; several with commas")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 365.0))
      ->capture_default_str();
  command.add_option("--histories", evaluate.histories, "Of each machine and row")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--seed", evaluate.seed, "Of histories and faults")->capture_default_str();
  command.add_option("--json", evaluate.json, "File for the rows, - for standard output");
}

void describe_evaluate_wiring(CLI::App& command, lenz::EvaluateWiringOptions& evaluate) {
  command.add_option("--seed", evaluate.seed, "Of the panels")->capture_default_str();
  command.add_option("--panels", evaluate.panels, "How many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command.add_flag("--all", evaluate.all, "Each false statement and each mistake not named too");
}

void describe_doctor(CLI::App& command, lenz::DoctorOptions& doctor) {
  command.add_option("--data", doctor.data, data_help);
  command.add_option("--home", doctor.home, "Id, where there are several");
  command.add_option("--minutes", doctor.minutes, "That it looks back from the newest sample")
      ->check(CLI::Range(10, 120))
      ->capture_default_str();
  command.add_flag("--json", doctor.json, "As the API has it");
}

void describe_evaluate_advice(CLI::App& command, lenz::EvaluateAdviceOptions& evaluate) {
  command.add_option("--households", evaluate.households, "Simulated, of each row")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command.add_option("--changes", evaluate.changes, "Simulated and scored, of each sort")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command.add_option("--seed", evaluate.seed, "Of all that is simulated")->capture_default_str();
  command.add_option("--json", evaluate.json, "File for the rows, - for standard output");
}

void describe_import_catalogue(CLI::App& command, lenz::ImportCatalogueOptions& import) {
  command.add_option("files", import.files, "CSV exports of ENERGY STAR, or with EPREL's columns")
      ->required();
  command.add_option("--data", import.data, data_help);
}

void describe_evaluate_report(CLI::App& command, lenz::EvaluateReportOptions& evaluate) {
  command.add_option("--data", evaluate.data, "Folder with houses/")->required();
  command.add_option("--train", evaluate.train,
                     "Folder to fit on, without the household that is judged (default: the model "
                     "is judged)");
  command.add_option("--model", evaluate.model, "Model file (default: the installed one)");
  command.add_option("--houses", evaluate.houses, "Houses: a,b (default: all)")->delimiter(',');
  command.add_option("--answers", evaluate.answers, "Questions answered in each house, two a day")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  command.add_flag("--all-identified", evaluate.all_identified,
                   "Not only what a report prints: to choose what it may");
  command.add_option("--seed", evaluate.seed, "Of trainings")->capture_default_str();
  command.add_option("--json", evaluate.json, "File for the rows, - for standard output");
}

void describe_train_identification(CLI::App& command, lenz::TrainIdentificationOptions& train) {
  command.add_option("--data", train.data, "Folder of recordings: houses/ and traces/")->required();
  command.add_option("--out", train.out, "Model file to write")->capture_default_str();
  command.add_option("--seed", train.seed, "Same seed, same model")->capture_default_str();
}

void add_all(CLI::App& app, int& result) {
  add(app, result, "demo", "A simulated home, live, with a month of history", lenz::demo,
      describe_demo);
  add(app, result, "replay", "A recording through chips, meter, broker, hub and store",
      lenz::replay, describe_replay);
  add(app, result, "hub", "The hub: stores what meters send, serves the page", lenz::hub,
      describe_hub);
  add(app, result, "write-token", "A token for programs that write points over HTTP",
      lenz::write_token, describe_write_token);
  add(app, result, "bill", "A month's bill and who has which part of it", lenz::bill,
      describe_bill);
  auto* calibrate = app.add_subcommand("calibrate", "Set a meter against a reference");
  calibrate->require_subcommand(1);
  add(*calibrate, result, "channel", "One clamp, step by step, while the hub runs", lenz::calibrate,
      describe_calibrate);
  add(*calibrate, result, "reading",
      "What the utility's meter shows, beside what the mains counted", lenz::read_utility_meter,
      describe_reading);
  add(*calibrate, result, "switched", "One circuit by the mains, with a load that is switched",
      lenz::calibrate_switched, describe_switched);
  add(*calibrate, result, "sum", "Circuits by their sum against the mains", lenz::calibrate_sum,
      describe_sum);
  add(*calibrate, result, "undo", "One clamp as it was before its newest calibration",
      lenz::undo_calibration, describe_undo_calibration);
  add(*calibrate, result, "show", "What was calibrated, with what, and its +-",
      lenz::show_calibrations, describe_show_calibrations);
  add(app, result, "doctor", "What is wrong with the wiring of the meters", lenz::doctor,
      describe_doctor);
  add(app, result, "report", "The energy report of a month", lenz::report, describe_report);
  auto* tariff = app.add_subcommand("tariff", "What the home pays by");
  tariff->require_subcommand(1);
  add(*tariff, result, "check", "Say what is wrong with a tariff's file", lenz::check_tariff,
      describe_check_tariff);
  add(app, result, "account", "Lets somebody see some of the homes", lenz::account,
      describe_account);
  add(app, result, "simulate", "Loads a hub of many homes and says what it holds", lenz::simulate,
      describe_simulate);
  add(app, result, "record", "Simulated homes as recordings, with what really ran", lenz::record,
      describe_record);
  add(app, result, "meter", "A meter on this machine, with simulated chips", lenz::meter,
      describe_meter);
  add(app, result, "update", "New firmware for a meter, while the hub runs", lenz::update,
      describe_update);
  add(app, result, "bench", "What a real board does, step by step with you, as a record",
      lenz::bench, describe_bench);

  add(app, result, "backup", "A copy of all that the hub keeps, while it runs", lenz::backup,
      describe_backup);
  add(app, result, "restore", "A backup into an empty folder", lenz::restore, describe_restore);

  auto* store = app.add_subcommand("store", "What the hub keeps");
  store->require_subcommand(1);
  add(*store, result, "status", "Its size, what each meter has, gaps and the disk's room",
      lenz::store_status, describe_store_status);
  add(*store, result, "verify", "Whether every file is still what was written", lenz::store_verify,
      describe_store_verify);

  auto* catalogue = app.add_subcommand("catalogue", "Appliances that can be bought");
  catalogue->require_subcommand(1);
  add(*catalogue, result, "import", "Models from exports of ENERGY STAR and EPREL",
      lenz::import_catalogue, describe_import_catalogue);

  auto* evaluate =
      app.add_subcommand("evaluate", "How good Lenz is, on recordings and simulated homes");
  evaluate->require_subcommand(1);
  add(*evaluate, result, "identification", "Which appliance runs, against baselines",
      lenz::evaluate_identification, describe_evaluate_identification);

  add(*evaluate, result, "health", "Which faults of equipment are found, how soon, how often wrong",
      lenz::evaluate_health, describe_evaluate_health);
  add(*evaluate, result, "wiring",
      "Which wiring mistakes of simulated panels are named, and rightly", lenz::evaluate_wiring,
      describe_evaluate_wiring);
  add(*evaluate, result, "advice", "What simulated homes gain by advice, and how it is scored",
      lenz::evaluate_advice, describe_evaluate_advice);

  add(*evaluate, result, "report", "How right a report is about each appliance, week by week",
      lenz::evaluate_report, describe_evaluate_report);

  auto* train = app.add_subcommand("train", "Learn from recordings");
  train->require_subcommand(1);
  add(*train, result, "identification", "What tells appliances apart, as a model file",
      lenz::train_identification, describe_train_identification);

  auto* mirror = app.add_subcommand("mirror", "The copies in InfluxDB and VictoriaMetrics");
  mirror->require_subcommand(1);
  add(*mirror, result, "resend", "All that is stored once more, into one that lost it",
      lenz::mirror_resend, describe_mirror_resend);

  auto* home_assistant = app.add_subcommand("home-assistant", "Home Assistant's energy statistics");
  home_assistant->require_subcommand(1);
  add(*home_assistant, result, "backfill", "Late hours into its statistics", lenz::backfill,
      describe_backfill);
  add(*home_assistant, result, "undo", "Take a backfill or an import back", lenz::undo,
      describe_undo);
  add(*home_assistant, result, "energy", "Propose what its Energy dashboard shows", lenz::energy,
      describe_energy);

  auto* import = app.add_subcommand("import", "Take over what others know");
  import->require_subcommand(1);
  add(*import, result, "home-assistant", "The statistics of a sensor that Lenz replaces",
      lenz::continuation, describe_continuation);
  add(*import, result, "readings",
      "What was measured, from CSV, recordings, InfluxDB, emoncms, IoTaWatt", lenz::import_readings,
      describe_import_readings);
  add(*import, result, "esphome", "Pins, gains and names from an ESPHome node's YAML",
      lenz::import_esphome, describe_import_esphome);

  auto* export_command = app.add_subcommand("export", "Give others what Lenz knows");
  export_command->require_subcommand(1);
  add(*export_command, result, "readings", "What was measured, as CSV or line protocol",
      lenz::export_readings, describe_export_readings);
  add(*export_command, result, "esphome", "A meter's YAML for ESPHome", lenz::export_esphome,
      describe_export_esphome);
}

// CLI11 says of a word that it does not know only that some subcommand is required.
std::string complaint_about_words(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc; ++i) {
    const auto known = at->get_subcommands([](const CLI::App*) { return true; });
    const std::string_view word = argv[i];
    if (known.empty() || word.starts_with('-')) return {};
    const auto next = std::ranges::find(known, word, &CLI::App::get_name);
    if (next == known.end()) {
      std::string names;
      for (const auto* one : known) names += (names.empty() ? "" : ", ") + one->get_name();
      return fmt::format("\"{}\" is none of the words that are known here: {}.", word, names);
    }
    at = *next;
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Lenz watches every breaker of a home.");
  app.require_subcommand(1);
  app.set_version_flag("--version", LENZ_VERSION);
  int result = 0;
  add_all(app, result);
  if (const auto complaint = complaint_about_words(app, argc, argv); !complaint.empty()) {
    fmt::print(stderr, "lenz: {}\n", complaint);
    return 1;
  }
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
