// One function for each word that `lenz` understands, one file each.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "measurement/units.h"

namespace lenz {

// The page by TLS, for a network (docs/https.md).
struct HttpsOptions {
  std::vector<std::string> names;  // Hosts' names and addresses; none: this machine only.
  int port = 8443;
  std::string address;           // Of this machine, to listen on; empty: all of them.
  std::string certificate, key;  // Files of the owner's own; empty: of the hub's authority.
};

struct DemoOptions {
  std::string house = "us";  // us, eu3, or a bench scene: step, neighbours.
  std::string data;          // Empty: a temporary folder that is removed at the end.
  int port = 8420;
  HttpsOptions https;
  int history_days = 30;
  std::uint64_t seed = 1;
  std::vector<std::string> faults;  // As simulator::parse_fault() takes them.
};
int demo(const DemoOptions&);

struct ReplayOptions {
  std::string recording;  // A folder.
  double begin_s = 0;     // From the recording's first row.
  std::optional<double> end_s;
  double speed = 0;                     // Times real time; 0: as fast as it goes.
  std::optional<std::uint64_t> faults;  // Seed of the faults; absent: none.
  double address_flips = 0;  // Share of frames whose address reaches the chip with a flipped bit.
  std::string json;          // File for the figures; "-": standard output.
};
int replay(const ReplayOptions&);

struct HubOptions {
  std::string data;
  int port = 8420;
  std::string broker;  // HOST:PORT; empty: one of our own.
  std::string user = "hub";
  std::string password_file;      // Empty: DATA/secrets/hub.password.
  std::string meter = "meter-1";  // Admitted, with those that are known.
  std::string meters;  // HOST or HOST:PORT for meters to reach our own broker; empty: no.
  HttpsOptions https;
  std::string pages;  // Folder of the built page; empty: where the build put it.
  std::chrono::milliseconds commit_every{100};  // Of what meters sent; more spares an SD card.
  std::string share;   // Group of the hubs that divide the same homes' reports; empty: none.
  std::string backup;  // Folder of a backup a day; empty: none.
  std::size_t backup_keep = 7;
  bool no_analysis = false;  // Appliances are not looked for.
};
int hub(const HubOptions&);

// The bill of a month as it is printed, with who has which part of it.
struct BillOptions {
  std::string data;
  std::string home;   // Id, where there are several.
  std::string month;  // "2026-10"; empty: the last whole one.
  bool json = false;  // As the API has it.
};
int bill(const BillOptions&);

// Sets a channel of a meter against a reference, in a talk at the terminal (docs/calibration.md).
struct CalibrateOptions {
  std::string data;
  std::string home;  // Id, where there are several.
  std::string device = "meter-1";
  int channel = 0;
  std::string clamp;                      // Its model.
  double class_percent = 0, rated_a = 0;  // Of a clamp whose model is not known.
  std::string reference;                  // Empty: it is asked for.
  std::string by;                         // Empty: who is signed in.
};
int calibrate(const CalibrateOptions&);

// Gives a channel the words again that it had before its newest calibration.
struct UndoCalibrationOptions {
  std::string data;
  std::string home;  // Id, where there are several.
  std::string device = "meter-1";
  int channel = 0;
  std::string by;  // Empty: who is signed in.
};
int undo_calibration(const UndoCalibrationOptions&);

// Notes what the utility's meter shows, says what the clamps of the mains counted beside it, and
// sets them by it where that is asked for.
struct ReadingOptions {
  std::string data;
  std::string home;      // Id, where there are several.
  std::string kwh;       // As shown; empty: only says what there is.
  std::string exported;  // The same of what is given back; empty: it shows none.
  std::string circuit;   // Empty: the first mains.
  double class_percent = 1;
  bool is_new_meter = false, takes_back = false, sets = false;
  std::string by;  // Empty: who is signed in.
};
int read_utility_meter(const ReadingOptions&);

// Sets a circuit by the mains, while a load of it is switched.
struct SwitchedOptions {
  std::string data;
  std::string home;  // Id, where there are several.
  std::string circuit;
  std::size_t steps = 10;
  std::string by;  // Empty: who is signed in.
};
int calibrate_switched(const SwitchedOptions&);

// Sets circuits by their sum against the mains.
struct SumOptions {
  std::string data;
  std::string home;                   // Id, where there are several.
  std::vector<std::string> circuits;  // None: all that become surer.
  std::string by;                     // Empty: who is signed in.
};
int calibrate_sum(const SumOptions&);

// Which channels were calibrated, when, with what, and what they may be off by.
struct ShowCalibrationsOptions {
  std::string data;
  std::string home;  // Id, where there are several.
};
int show_calibrations(const ShowCalibrationsOptions&);

// Says what a tariff's file is, or what is wrong with it.
struct CheckTariffOptions {
  std::string file;
};
int check_tariff(const CheckTariffOptions&);

// The energy report of a month: its sentences, or as a page, a PDF, a mail.
struct ReportOptions {
  std::string data;
  std::string home;       // Id, where there are several.
  std::string month;      // "2026-10"; empty: the last whole one.
  std::string html, pdf;  // Files; empty: none.
  std::string mail;       // Address; empty: none.
};
int report(const ReportOptions&);

// Makes, lists or revokes a token to write points with, beside a running hub too.
struct WriteTokenOptions {
  std::string data;
  std::string name = "writer";
  std::string home;  // That it is for; empty: all.
  bool list = false;
  std::string revoke;  // Its name; empty: none.
};
int write_token(const WriteTokenOptions&);

// Has the mirrors send all that is stored again, beside a running hub too.
struct MirrorResendOptions {
  std::string data;
};
int mirror_resend(const MirrorResendOptions&);

// Lets somebody see some of the homes, lists or removes those who may, beside a running hub too.
struct AccountOptions {
  std::string data;
  std::string name;
  std::vector<std::string> homes;  // Ids.
  bool list = false;
  std::string remove;  // A name; empty: none.
};
int account(const AccountOptions&);

// Loads a hub of many homes as their meters would, and says what it holds. With `data`, a folder of
// such homes, which is made where it is not there, it starts hub and broker and looks afterwards
// whether all that was acknowledged is stored. 1 where something was lost.
struct SimulateOptions {
  std::size_t homes = 1000;
  double rate = 1;  // Reports a second and home.
  double for_s = 30;
  bool ceiling = false;  // Raise the load until acknowledgements are late or reports are refused.
  std::string data;
  std::string broker;              // HOST:PORT of one that is not ours; `data` is left alone then.
  std::string user = "simulator";  // There.
  std::string password_file;
  std::chrono::milliseconds commit_every{100};  // Of the hub that it starts.
  std::string json;                             // File for the figures; "-": standard output.
};
int simulate(const SimulateOptions&);

// Writes simulated homes, US and European in turn, as docs/identification.md describes recordings.
struct RecordOptions {
  std::string out;
  int homes = 4;
  int days = 7;
  int interval_s = 2;
  std::uint64_t seed = 1;  // Of the first home.
};
int record(const RecordOptions&);

struct MeterOptions {
  std::string data;    // The hub's folder: tells broker, home and password.
  std::string broker;  // HOST:PORT; empty: as the hub's folder says.
  std::string home;    // Empty: as the hub's folder says.
  std::string device = "meter-1";
  std::string password_file;  // Empty: DATA/secrets/DEVICE.password.
  std::string house = "us";   // What the simulated clamps see, when no recording is given.
  std::vector<std::string> house_faults;
  bool is_uncalibrated = false;  // Its gains and phases are off, to try calibration.
  std::uint64_t seed = 1;
  int history_days = 0;  // Made before the present, next to living on.
  std::string recording;
  double begin_s = 0;
  std::optional<double> end_s;
  double speed = 0;
  std::optional<std::uint64_t> faults;
  double address_flips = 0;
  std::string update_key;  // Of a house's meter: PEM of the key whose updates it takes.
  // Instead of simulated ones: the chips on a bus of this machine, as home.toml describes them.
  std::string spi;                           // /dev/spidev0.0, say; empty: none.
  std::string gpio_chip = "/dev/gpiochip0";  // Whose lines select them.
  std::vector<unsigned> chip_selects;        // Empty: as home.toml says.
};
int meter(const MeterOptions&);

// Gives a meter a signed update, and says what becomes of it. Returns 1 where it did not stay.
struct UpdateOptions {
  std::string file;
  std::string data;
  std::string home;  // Id, where there are several.
  std::string device = "meter-1";
};
int update(const UpdateOptions&);

// A guided bench for one real board. Returns 1 where somebody stopped before its end.
struct BenchOptions {
  std::string board;
  std::size_t add_ons = 0;
  std::string data;
  std::string device = "meter-1";
  std::string firmware;     // The image that was flashed.
  std::size_t channel = 0;  // Of the clamp.
  std::string out = "bench";
  double quickened = 1;
  std::string version;  // Of this program.
};
int bench(const BenchOptions&);

// Of Home Assistant's statistics. Beside a hub that runs they read its ledger; else they bring it
// up to date first.
struct BackfillOptions {
  std::string data;
  bool dry_run = false;
  bool all = false;       // All hours; else those that changed since they were last found right.
  std::string undo_file;  // Empty: one in DATA/undo.
};
int backfill(const BackfillOptions&);

struct UndoOptions {
  std::string data;
  std::string file;
  bool dry_run = false;
};
int undo(const UndoOptions&);

struct EnergyOptions {
  std::string data;
  bool save = false;
};
int energy(const EnergyOptions&);

struct ContinuationOptions {
  std::string data;
  std::string from;     // Statistic id of the old sensor.
  std::string circuit;  // Id of ours.
  std::string key;      // Of its counter; empty: the usual one.
  bool dry_run = false;
  std::string undo_file;
};
int continuation(const ContinuationOptions&);

// Adds the meter, circuits and entities of a node's YAML to home.toml and partners.toml. Beside a
// running hub they hold from its next start.
struct ImportEsphomeOptions {
  std::string file;
  std::string data;
  std::string device;   // Empty: as the node is called.
  std::string address;  // Of the node's native API; empty: as the file says.
  bool dry_run = false;
};
int import_esphome(const ImportEsphomeOptions&);

struct ExportEsphomeOptions {
  std::string data;
  std::string device;  // Empty: the only one.
  std::string output;  // Empty: standard output.
};
int export_esphome(const ExportEsphomeOptions&);

// What is stored of channels, step by step. Beside a running hub too.
struct ExportReadingsOptions {
  std::string data;
  std::vector<std::string> devices, circuits;  // Both empty: all there is.
  std::string begin, end;                      // As parse_time() takes them; empty: all.
  std::string step = "1s";
  std::string format = "csv";  // Or line-protocol.
  std::string output;          // Empty: standard output.
};
int export_readings(const ExportReadingsOptions&);

// All that a hub keeps, as a folder of its own. Beside a running hub too.
struct BackupOptions {
  std::string data;
  std::string to;                   // Folder of backups.
  std::optional<std::size_t> keep;  // Older ones are removed; absent: all stay.
};
int backup(const BackupOptions&);

// Into a folder that is empty or not there.
struct RestoreOptions {
  std::string backup;
  std::string data;
};
int restore(const RestoreOptions&);

// How much is kept, how well each meter was heard, and for how long the disk has room. Beside a
// running hub too.
struct StoreStatusOptions {
  std::string data;
  std::optional<measurement::Timestamp> now;  // Absent: as the clock says.
};
int store_status(const StoreStatusOptions&);

// Looks at all files of the store, beside a running hub too. 1 where something is damaged.
struct StoreVerifyOptions {
  std::string data;
};
int store_verify(const StoreVerifyOptions&);

// What others measured, into the store, once however often it is imported. No hub may run.
struct ImportReadingsOptions {
  std::string path;
  std::string data;
  std::string format = "auto";       // csv, recording, line-protocol, emoncms, iotawatt.
  std::string device;                // Empty: as the file says.
  std::vector<std::string> columns;  // NAME=CHANNEL:QUANTITY
  std::optional<std::size_t> channel;
  std::string quantity;
  std::string zone;  // Of local times; empty: the home's.
};
// 1 where something was refused; the rest is stored.
int import_readings(const ImportReadingsOptions&);

// How well appliances are recognised in recordings, against baselines; docs/identification.md. 1
// where an estimate does not conserve power.
struct EvaluateIdentificationOptions {
  std::string data;
  std::string train;                // Folder to fit fresh models on; empty: `model` is scored.
  std::string model;                // File; empty: the installed one.
  std::vector<std::string> houses;  // And devices; empty: all.
  std::vector<std::string> scenes = {"mains"};
  std::vector<std::string> labels = {"0"};
  int answers = 0;             // Of each house, two a day; 0: as `labels` says.
  std::string prior = "none";  // Or panel.
  std::uint64_t seed = 1;
  std::string json;  // File for the rows; "-": standard output.
};
int evaluate_identification(const EvaluateIdentificationOptions&);

// How soon injected faults of equipment are found, and how often one is found that is not there;
// docs/health.md.
struct EvaluateHealthOptions {
  std::string data;
  std::vector<std::string> faults = {"all"};  // Words of causes, acute, runs, supply.
  std::vector<double> severities = {0.05, 0.1, 0.2, 0.3, 0.6};
  std::vector<double> ramps_days = {0, 7, 30, 90};
  int histories = 24;  // Of each machine and row.
  std::uint64_t seed = 1;
  std::string json;  // File for the rows; "-": standard output.
};
int evaluate_health(const EvaluateHealthOptions&);

// How many mistakes of simulated panels the wiring doctor names, and how often it is wrong;
// docs/wiring.md.
struct EvaluateWiringOptions {
  std::uint64_t seed = 1;
  std::size_t panels = 1000;
  bool all = false;  // Each statement that was false and each mistake that was not named.
};
int evaluate_wiring(const EvaluateWiringOptions&);

// What is wrong with the wiring of a hub's meters, by their newest samples; docs/wiring.md. 1 where
// something was found.
struct DoctorOptions {
  std::string data;  // The hub's folder; empty: the usual one.
  std::string home;  // Id, where there are several.
  int minutes = 30;
  bool json = false;
};
int doctor(const DoctorOptions&);

// What simulated homes gain by following advice, against simple rules; docs/advice.md.
struct EvaluateAdviceOptions {
  int households = 2000;  // Of each row.
  int changes = 500;      // That are scored, of each sort.
  std::uint64_t seed = 1;
  std::string json;  // File for the rows; "-": standard output.
};
int evaluate_advice(const EvaluateAdviceOptions&);

// What can be bought, from exports of ENERGY STAR and EPREL, into the hub's catalogue;
// docs/catalogue.md. 1 where a row was refused; the rest is kept.
struct ImportCatalogueOptions {
  std::vector<std::string> files;
  std::string data;
};
int import_catalogue(const ImportCatalogueOptions&);

// How right a report is about each appliance, week by week, against what only has the names of
// circuits and what only knows the country; docs/report.md.
struct EvaluateReportOptions {
  std::string data;
  std::string train;                // Folder to fit fresh models on; empty: `model` is judged.
  std::string model;                // File; empty: the installed one.
  std::vector<std::string> houses;  // Empty: all.
  int answers = 10;                 // Of each house, two a day.
  bool all_identified = false;      // Not only what a report prints.
  std::uint64_t seed = 1;
  std::string json;  // File for the rows; "-": standard output.
};
int evaluate_report(const EvaluateReportOptions&);

// What tells appliances apart, learnt from recordings whose licences allow to give it away, as a
// model file; prints its card.
struct TrainIdentificationOptions {
  std::string data;  // docs/identification.md describes the folder.
  std::string out = "models/appliances.lenzmodel";
  std::uint64_t seed = 1;
};
int train_identification(const TrainIdentificationOptions&);

}  // namespace lenz
