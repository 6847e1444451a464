// The store and its peers on the same data, on this machine, one after the other:
//   peers_bench FOLDER PROGRAM [--days N] [--single-days N] [--homes N] [--runs N] [--only NAME]...
// docs/performance.md says what it measures, and what would be dishonest to claim from it.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "bench/peers/process.h"
#include "bench/peers/system.h"

namespace bench {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string folder, program;
  std::uint32_t days = 7, single_days = 365, report_days = 1, homes_s = 60;
  std::size_t homes = 1000;
  int runs = 5;
  std::vector<std::string> systems, workloads;  // Empty: all.
  std::string json;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// What was measured in each run.
class Figures {
 public:
  void add(const std::string& system, const std::string& workload, const std::string& metric,
           double value) {
    rows_[{workload, metric, system}].push_back(value);
    std::fprintf(stderr, "  %-16s %-16s %-18s %.4g\n", system.c_str(), workload.c_str(),
                 metric.c_str(), value);
  }

  void print() const {
    fmt::print("\n{:<18}{:<18}{:<18}{:>12}  {}\n", "workload", "metric", "system", "median",
               "lenz is to it as 1 to");
    for (const auto& [key, values] : rows_) {
      const auto& [workload, metric, system] = key;
      const auto own = rows_.find({workload, metric, "lenz"});
      const auto ratio = own == rows_.end() || system == "lenz" || median(own->second) == 0
                             ? std::string()
                             : fmt::format("{:.2f}", median(values) / median(own->second));
      fmt::print("{:<18}{:<18}{:<18}{:>12.4g}  {}\n", workload, metric, system, median(values),
                 ratio);
    }
  }

  void save(const std::string& file, const Options& options) const {
    auto rows = nlohmann::ordered_json::array();
    for (const auto& [key, values] : rows_) {
      const auto& [workload, metric, system] = key;
      rows.push_back({{"system", system},
                      {"workload", workload},
                      {"metric", metric},
                      {"value", median(values)},
                      {"unit", unit_of(metric)}});
    }
    std::ofstream out(file);
    out << nlohmann::ordered_json{{"runs", options.runs}, {"rows", rows}}.dump(1) << "\n";
    if (!out.flush()) throw std::runtime_error(fmt::format("{} cannot be written", file));
  }

 private:
  static std::string unit_of(const std::string& metric) {
    const std::map<std::string, std::string> units = {
        {"bytes_per_point", "B"},  {"cpu_s_per_mpoint", "s"}, {"query_ms_min", "ms"},
        {"query_ms_median", "ms"}, {"ack_p99_ms", "ms"},      {"rss_mib", "MiB"},
        {"rss_peak_mib", "MiB"},   {"start_s", "s"},          {"start_killed_s", "s"}};
    return units.at(metric);
  }

  std::map<std::array<std::string, 3>, std::vector<double>> rows_;
};

// Gives rows in batches and notes how long each took to be acknowledged.
class Writer {
 public:
  Writer(System& system, std::size_t rows_a_batch_) : system_(system), most_(rows_a_batch_) {}

  void put(const Row& row) {
    rows_.push_back(row);
    if (rows_.size() == most_) flush();
  }
  void flush() {
    if (rows_.empty()) return;
    const auto begin = std::chrono::steady_clock::now();
    system_.write(rows_);
    waits_ms_.push_back(1e3 * seconds_since(begin));
    written_ += static_cast<double>(rows_.size());
    rows_.clear();
  }
  double points() const { return points_a_row * written_; }
  double ack_p99_ms() {
    std::ranges::sort(waits_ms_);
    return waits_ms_[waits_ms_.size() * 99 / 100];
  }

 private:
  System& system_;
  const std::size_t most_;
  std::vector<Row> rows_;
  std::vector<double> waits_ms_;
  double written_ = 0;
};

void write_home(Writer& writer, std::uint32_t seconds) {
  Workload workload(42, Contents::home);
  for (std::uint32_t s = 0; s < seconds; ++s) {
    const auto second = workload.second();
    const auto points = workload.next();
    for (std::size_t c = 0; c < points.size(); ++c) {
      writer.put({Contents::home, channel_of(c), second, points[c]});
    }
  }
  writer.flush();
}

void write_single(Writer& writer, std::uint32_t seconds) {
  Workload workload(42, 0);
  constexpr auto c = Contents::single_circuit;
  for (std::uint32_t s = 0; s < seconds; ++s) {
    const auto second = workload.second();
    writer.put({Contents::single_home, channel_of(c), second, workload.next()[c]});
  }
  writer.flush();
}

void write_homes(Writer& writer, std::size_t homes, std::uint32_t begin, std::uint32_t seconds) {
  std::vector<Workload> workloads;
  for (std::size_t h = 0; h < homes; ++h) workloads.emplace_back(42, h, begin);
  for (std::uint32_t s = 0; s < seconds; ++s) {
    for (std::size_t h = 0; h < homes; ++h) {
      const auto second = workloads[h].second();
      const auto points = workloads[h].next();
      for (std::size_t c = 0; c < points.size(); ++c) {
        writer.put({h, channel_of(c), second, points[c]});
      }
    }
  }
  writer.flush();
}

// Warm: the first answer does not count.
void ask(System& system, const Contents& contents, Figures& figures) {
  constexpr int most_times = 31;
  constexpr double most_s = 20;
  for (const auto& question : system.questions(contents)) {
    question.ask();
    std::vector<double> ms;
    const auto begin = std::chrono::steady_clock::now();
    while (ms.size() < most_times && (ms.size() < 3 || seconds_since(begin) < most_s)) {
      const auto asked = std::chrono::steady_clock::now();
      if (question.ask() == 0) {
        throw std::runtime_error(fmt::format("the answer to {} is empty", question.name));
      }
      ms.push_back(1e3 * seconds_since(asked));
    }
    figures.add(system.name(), question.name, "query_ms_min", std::ranges::min(ms));
    figures.add(system.name(), question.name, "query_ms_median", median(ms));
  }
}

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options) {}

  void run() {
    const auto all = systems();
    for (int run = 1; run <= options_.runs; ++run) {
      for (const auto& system : all) {
        std::fprintf(stderr, "run %d of %d, %s\n", run, options_.runs, system->name().c_str());
        if (wants("home")) measure(*system, [&] { home(*system); });
        if (wants("homes")) measure(*system, [&] { homes(*system); });
        if (wants("seconds") && system->name() == "sqlite") {
          measure(*system, [&] { reports(*system, "seconds", Workload::circuits); });
        }
        if (system->name() == "lenz") own_reports();
      }
    }
    figures_.print();
    if (!options_.json.empty()) figures_.save(options_.json, options_);
  }

 private:
  bool wants(const std::string& workload) const {
    return options_.workloads.empty() || std::ranges::count(options_.workloads, workload) > 0;
  }

  std::vector<std::unique_ptr<System>> systems() const {
    std::vector<std::unique_ptr<System>> found;
    for (auto make : {influx, victoria_metrics, postgresql, sqlite}) found.push_back(make());
    found.push_back(lenz_hub(options_.program));
    std::erase_if(found, [&](const auto& system) {
      if (!options_.systems.empty() && !std::ranges::count(options_.systems, system->name())) {
        return true;
      }
      const auto why = system->absent();
      if (why) fmt::print("{} is left out: {}.\n", system->name(), *why);
      return why.has_value();
    });
    return found;
  }

  // In a folder of its own. What goes wrong in one system does not keep the others from being
  // measured.
  template <class Measure>
  void measure(System& system, Measure measured) {
    const auto folder = options_.folder + "/" + system.name();
    fs::remove_all(folder);
    try {
      system.begin(folder);
      measured();
    } catch (const std::runtime_error& trouble) {
      fmt::print("{} is not measured any further here: {}.\n", system.name(), trouble.what());
    }
    system.end();
    fs::remove_all(folder);
  }

  void note_cost(System& system, const std::string& workload, Writer& writer, double before) {
    const auto name = system.name();
    figures_.add(name, workload, "ack_p99_ms", writer.ack_p99_ms());
    figures_.add(name, workload, "rss_mib", system.memory().now_mib);
    system.settle();
    figures_.add(name, workload, "cpu_s_per_mpoint",
                 1e6 * (system.cpu_s() - before) / writer.points());
    figures_.add(name, workload, "bytes_per_point", system.bytes() / writer.points());
  }

  void home(System& system) {
    const Contents contents{options_.days, options_.single_days};
    Writer writer(system, rows_a_batch);
    const double before = system.cpu_s();
    write_home(writer, contents.days * Contents::day);
    note_cost(system, fmt::format("home_{}d", contents.days), writer, before);
    Writer single(system, rows_a_batch);
    write_single(single, contents.single_days * Contents::day);
    system.settle();
    const auto name = system.name();
    if (const auto took = system.restart(System::End::in_order)) {
      figures_.add(name, "start", "start_s", *took);
      figures_.add(name, "start", "rss_mib", system.memory().now_mib);
    }
    ask(system, contents, figures_);
    figures_.add(name, "queries", "rss_mib", system.memory().now_mib);
    figures_.add(name, "queries", "rss_peak_mib", system.memory().peak_mib);
  }

  void homes(System& system) {
    Writer writer(system, rows_a_batch);
    const double before = system.cpu_s();
    write_homes(writer, options_.homes, Contents::begin, options_.homes_s);
    const auto workload = fmt::format("homes_{}", options_.homes);
    note_cost(system, workload, writer, before);
    // Killed with a minute of them just written.
    write_homes(writer, options_.homes, Contents::begin + options_.homes_s, options_.homes_s);
    if (const auto took = system.restart(System::End::at_once)) {
      figures_.add(system.name(), workload, "start_killed_s", *took);
    }
  }

  void reports(System& system, const std::string& workload, std::size_t rows) {
    Writer writer(system, rows);
    const double before = system.cpu_s();
    write_home(writer, options_.report_days * Contents::day);
    note_cost(system, workload, writer, before);
  }

  void own_reports() {
    for (const auto& [workload, samples] :
         {std::pair("reports", std::size_t{60}), {"seconds", 1}}) {
      if (!wants(workload)) continue;
      const auto system = lenz_by_reports(options_.program, samples);
      measure(*system, [&, name = workload] { reports(*system, name, rows_a_batch); });
    }
  }

  const Options& options_;
  Figures figures_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::Options options;
  CLI::App app("The store and its peers on the same data");
  app.add_option("folder", options.folder, "On the disk that is measured")->required();
  app.add_option("program", options.program, "lenz")->required();
  app.add_option("--days", options.days, "Of the home of 30 circuits")->capture_default_str();
  app.add_option("--single-days", options.single_days, "Of the single circuit")
      ->capture_default_str();
  app.add_option("--report-days", options.report_days, "Of what a meter sends")
      ->capture_default_str();
  app.add_option("--homes", options.homes, "At once, for a minute")->capture_default_str();
  app.add_option("--runs", options.runs, "Figures are the medians of them")->capture_default_str();
  app.add_option("--systems", options.systems,
                 "Only these: influxdb, victoriametrics, postgresql, sqlite, lenz")
      ->delimiter(',');
  app.add_option("--workloads", options.workloads, "Only these: home, homes, reports, seconds")
      ->delimiter(',');
  app.add_option("--json", options.json, "File for the figures");
  CLI11_PARSE(app, argc, argv);
  try {
    bench::Bench(options).run();
  } catch (const std::exception& trouble) {
    fmt::print(stderr, "The bench ends: {}.\n", trouble.what());
    return 1;
  }
  return 0;
}
