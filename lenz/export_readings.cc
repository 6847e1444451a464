#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

#include "hub/config.h"
#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"
#include "lenz/commands.h"
#include "lenz/folder_lock.h"
#include "lenz/readings.h"
#include "lenz/stop.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

using hub::TimeRange;
using measurement::Quantity;
using measurement::Sample;
using measurement::Stream;
using measurement::Timestamp;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::size_t quantities = measurement::measured_quantities;

template <class T>
T must(std::expected<T, hub::StoreError> result) {
  if (!result) throw std::runtime_error(fmt::format("The store: {}.", sentence(result.error())));
  return std::move(*result);
}

bool is_total(std::size_t q) { return measurement::quantities[q].kind == measurement::Kind::total; }

// Where text goes: standard output, or a file that has its name once it is complete.
class Output {
 public:
  explicit Output(const std::string& file) : name_(file), part_(file + ".part"), file_(stdout) {
    if (file.empty()) return;
    file_ = std::fopen(part_.c_str(), "wbe");
    if (!file_) fail();
  }
  ~Output() {
    if (file_ && file_ != stdout) {
      std::fclose(file_);
      ::unlink(part_.c_str());
    }
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) fail();
  }
  void finish() {
    if (std::fflush(file_) != 0) fail();
    if (file_ == stdout) return;
    if (::fsync(::fileno(file_)) != 0) fail();
    std::fclose(std::exchange(file_, nullptr));
    std::filesystem::rename(part_, name_);
  }

 private:
  [[noreturn]] void fail() const {
    throw std::runtime_error(
        fmt::format("{} cannot be written: check its folder, its rights and the disk's room.",
                    name_.empty() ? "Standard output" : name_));
  }

  const std::string name_, part_;
  std::FILE* file_;
};

// The channels of a device that are asked for, and what is known of each.
struct Columns {
  std::array<std::set<std::size_t>, quantities> channels;

  bool has(std::size_t q, std::size_t channel) const { return channels[q].contains(channel); }
  bool is_empty() const { return std::ranges::all_of(channels, &std::set<std::size_t>::empty); }
};

std::size_t place(std::size_t q, std::size_t channel) {
  return measurement::quantities[q].scope == measurement::Scope::chip
             ? measurement::chip_of(channel)
             : channel;
}

// Which series have something in a range, and when the first of them begins: by whole days, since
// that is what the store summarises.
struct Survey {
  Columns columns;
  std::optional<Timestamp> first;
};
Survey survey(hub::Store& store, const std::string& device, TimeRange range,
              std::uint64_t channels) {
  Survey found;
  for (std::size_t q = 0; q < quantities; ++q) {
    const bool is_of_chip = measurement::quantities[q].scope == measurement::Scope::chip;
    for (std::size_t c = 0; c < measurement::max_channels;
         c += is_of_chip ? measurement::channels_per_chip : 1) {
      const std::uint64_t bits = is_of_chip ? std::uint64_t{7} << c : std::uint64_t{1} << c;
      if ((channels & bits) == 0) continue;
      const auto points = must(
          store.read({device, static_cast<Quantity>(q), place(q, c)}, range, milliseconds(24h)));
      const auto day = [&](const auto& values) {
        return std::ranges::find_if(values, [](auto v) { return !std::isnan(v); }) - values.begin();
      };
      const auto size = is_total(q) ? points.gained.size() : points.mean.size();
      const auto known = is_total(q) ? day(points.gained) : day(points.mean);
      if (static_cast<std::size_t>(known) == size) continue;
      found.columns.channels[q].insert(c);
      const auto begin = points.begin + known * points.step;
      found.first = std::min(found.first.value_or(begin), begin);
    }
  }
  return found;
}

// What was measured in one step.
class Step {
 public:
  void add(const hub::Store::Kept& kept, Sample& totals) {
    const auto& sample = kept.sample;
    for (std::size_t q = 0; q < quantities; ++q) {
      const auto quantity = static_cast<Quantity>(q);
      for (std::size_t i = 0; i < sample.count(quantity); ++i) {
        const auto steps = sample.steps(quantity, i);
        if (!steps) continue;
        if (is_total(q)) {
          auto& gain = sums_[0][q][i];
          gain.count = 1;
          const auto before = totals.steps(quantity, i).value_or(0);
          if (*steps <= before) continue;
          gain.sum += *steps - before;
          totals.put_steps(quantity, i, *steps);
        } else if (kept.stream != Stream::edges) {
          auto& mean = sums_[kept.stream == Stream::coarse][q][i];
          mean.sum += *steps;
          ++mean.count;
        }
      }
    }
  }

  // In whole steps of the quantity: means, and what totals rose by.
  std::optional<std::int64_t> value(std::size_t q, std::size_t index) const {
    for (const auto& sums : sums_) {
      const auto& [sum, count] = sums[q][index];
      if (count == 0) continue;
      return is_total(q) ? sum
                         : std::llround(static_cast<double>(sum) / static_cast<double>(count));
    }
    return std::nullopt;
  }

 private:
  struct Sum {
    std::int64_t sum = 0, count = 0;
  };
  // Of the steady samples, and of the coarse ones, which speak where those are silent.
  std::array<std::array<std::array<Sum, measurement::max_channels>, quantities>, 2> sums_{};
};

struct Row {
  Timestamp time;
  std::string text;
};

using WriteRow = std::function<void(const std::string& device, const Columns&, Timestamp,
                                    const Step&, std::vector<Row>&)>;

std::uint64_t channels_with_totals(std::span<const hub::Store::Kept> samples) {
  std::uint64_t channels = 0;
  for (const auto& kept : samples) {
    for (std::size_t c = 0; c < kept.sample.channels(); ++c) {
      const bool has =
          kept.sample.steps(Quantity::imported, c) || kept.sample.steps(Quantity::exported, c);
      channels |= std::uint64_t{has} << c;
    }
  }
  return channels;
}

// All steps of a window, which are whole ones, read an hour at a time.
void add_rows(hub::Store& store, const std::string& device, const Columns& columns,
              TimeRange window, milliseconds step, const WriteRow& write, std::vector<Row>& rows) {
  auto open = std::make_unique<Step>();
  std::optional<Timestamp> begun;
  const auto close = [&] {
    if (begun) write(device, columns, *begun, *open, rows);
  };
  for (auto begin = window.begin; begin < window.end; begin += 1h) {
    const TimeRange hour{begin, std::min<Timestamp>(begin + 1h, window.end)};
    auto samples = must(store.samples(device, hour));
    std::map<std::uint64_t, Sample> totals;  // Of each boot, before its next sample.
    for (auto first = samples.begin(); first != samples.end();) {
      const auto last = std::find_if(first, samples.end(),
                                     [&](const auto& one) { return one.boot != first->boot; });
      const auto channels = channels_with_totals({first, last});
      totals[first->boot] = must(store.totals_before(device, first->boot, hour.begin, channels));
      first = last;
    }
    std::ranges::stable_sort(samples, {}, &hub::Store::Kept::time);
    for (const auto& one : samples) {
      const Timestamp at(one.time.time_since_epoch() / step * step);
      if (begun != at) {
        close();
        *open = {};
        begun = at;
      }
      open->add(one, totals[one.boot]);
    }
  }
  close();
}

// --- The formats

template <class Visit>
void for_each_column(const Columns& columns, Visit visit) {
  for (std::size_t c = 0; c < measurement::max_channels; ++c) {
    for (std::size_t q = 0; q < quantities; ++q) {
      if (columns.has(q, c)) visit(q, c);
    }
  }
}

std::string csv_header(const Columns& all) {
  std::string header = "time,device";
  for_each_column(all, [&](std::size_t q, std::size_t c) {
    header += "," + column_name(static_cast<Quantity>(q), c);
  });
  return header + "\n";
}

WriteRow csv_rows(const Columns& all) {
  return [&all](const std::string& device, const Columns& own, Timestamp time, const Step& step,
                std::vector<Row>& rows) {
    auto text = fmt::format("{},{}", utc_text(time), device);
    bool has_value = false;
    for_each_column(all, [&](std::size_t q, std::size_t c) {
      text += ',';
      if (!own.has(q, c)) return;
      const auto value = step.value(q, place(q, c));
      if (!value) return;
      text += decimal_text(*value, digits_of(static_cast<Quantity>(q)));
      has_value = true;
    });
    if (has_value) rows.push_back({time, text + "\n"});
  };
}

void line_rows(const std::string& device, const Columns& own, Timestamp time, const Step& step,
               std::vector<Row>& rows) {
  for (std::size_t c = 0; c < measurement::max_channels; ++c) {
    std::string fields;
    for (std::size_t q = 0; q < quantities; ++q) {
      if (!own.has(q, c)) continue;
      const auto value = step.value(q, place(q, c));
      if (!value) continue;
      const auto quantity = static_cast<Quantity>(q);
      fields += fmt::format("{}{}_{}={}i", fields.empty() ? "" : ",",
                            measurement::row(quantity).name, scaled_unit(quantity), *value);
    }
    if (fields.empty()) continue;
    rows.push_back({time, fmt::format("reading,channel={},device={} {} {}\n", c, device, fields,
                                      time.time_since_epoch().count())});
  }
}

// --- What is asked for

milliseconds step_of(const std::string& text) {
  constexpr std::array<std::pair<char, std::chrono::seconds>, 4> units = {
      {{'s', 1s}, {'m', 1min}, {'h', 1h}, {'d', 24h}}};
  for (const auto& [unit, seconds] : units) {
    if (!text.ends_with(unit) || text.size() > 6) continue;
    const auto digits = std::string_view(text).substr(0, text.size() - 1);
    if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos) break;
    const auto step = std::stoi(std::string(digits)) * seconds;
    if (step < 1s || (step >= 1min && step % 1min != 0s) || step > 31 * 24h) break;
    return step;
  }
  throw std::runtime_error(fmt::format(
      "\"{}\" is no step: write seconds up to 59s, or whole minutes such as 1m, 15m, 1h, 1d.",
      text));
}

Timestamp time_of(const std::string& text, const std::string& zone) {
  const auto time = parse_time(text, zone);
  if (time) return *time;
  throw std::runtime_error(fmt::format(
      "\"{}\" is no time: write 2026-03-01, 2026-03-01T12:00 (as in {}) or 2026-03-01T12:00Z.",
      text, zone));
}

// Bit c: channel c of a device, of all devices that are asked for.
std::map<std::string, std::uint64_t> selection(const ExportReadingsOptions& options,
                                               const std::optional<hub::Home>& home,
                                               hub::Store& store) {
  constexpr auto all = (std::uint64_t{1} << measurement::max_channels) - 1;
  const auto known = must(store.devices());
  std::map<std::string, std::uint64_t> chosen;
  for (const auto& device : options.devices) {
    if (!std::ranges::count(known, device)) {
      throw std::runtime_error(fmt::format("Nothing is stored of a device \"{}\".", device));
    }
    chosen[device] = all;
  }
  for (const auto& id : options.circuits) {
    bool is_found = false;
    for (const auto& panel : home ? home->panels : std::vector<hub::Panel>{}) {
      for (const auto& circuit : panel.circuits) {
        if (circuit.id != id) continue;
        is_found = true;
        for (const auto& use : circuit.channels) {
          chosen[use.device] |= std::uint64_t{1} << use.channel;
        }
      }
    }
    if (!is_found) throw std::runtime_error(fmt::format("There is no circuit \"{}\".", id));
  }
  if (options.devices.empty() && options.circuits.empty()) {
    for (const auto& device : known) chosen[device] = all;
  }
  return chosen;
}

}  // namespace

int export_readings(const ExportReadingsOptions& options) {
  const auto folder = options.data.empty() ? Workplace::usual_folder() : options.data;
  if (!std::filesystem::exists(folder + "/lenz.db")) {
    throw std::runtime_error(
        fmt::format("Nothing is stored in {}: name the hub's folder with --data.", folder));
  }
  const Workplace place(folder);
  std::optional<hub::Home> home;
  if (std::filesystem::exists(place.home_file())) home = hub::load_home(place.home_file());
  // Beside a running hub too.
  const FolderLock lock(place.folder());
  hub::Disk disk;
  hub::SqliteStore store(
      disk, place.folder(),
      lock.is_ours() ? hub::SqliteStore::Use::write : hub::SqliteStore::Use::read);
  const auto step = step_of(options.step);
  const auto zone = home ? home->zone : std::string("Etc/UTC");

  TimeRange range{Timestamp{}, Timestamp{}};
  const auto chosen = selection(options, home, store);
  for (const auto& [device, channels] : chosen) {
    if (const auto last = must(store.last(device))) {
      range.end = std::max(range.end, last->time + 1ms);
    }
  }
  if (!options.begin.empty()) range.begin = time_of(options.begin, zone);
  if (!options.end.empty()) range.end = std::min(range.end, time_of(options.end, zone));

  std::map<std::string, Columns> devices;
  Columns all;
  std::optional<Timestamp> first;
  if (range.begin < range.end) {
    for (const auto& [device, channels] : chosen) {
      auto found = survey(store, device, range, channels);
      if (found.columns.is_empty()) continue;
      for (std::size_t q = 0; q < quantities; ++q) {
        all.channels[q].insert(found.columns.channels[q].begin(), found.columns.channels[q].end());
      }
      first = std::min(first.value_or(*found.first), *found.first);
      devices[device] = std::move(found.columns);
    }
  }

  Output output(options.output);
  const bool is_csv = options.format == "csv";
  const WriteRow write = is_csv ? csv_rows(all) : WriteRow(line_rows);
  if (is_csv) output.write(csv_header(all));
  std::size_t count = 0;
  if (first) {
    catch_stop_signals();
    Progress progress;
    // Steps are counted from 1970 and given whole.
    const auto window = step * std::max<std::int64_t>(1, 1h / step);
    const Timestamp begin(std::max(range.begin, *first).time_since_epoch() / step * step);
    const Timestamp end((range.end.time_since_epoch() + step - 1ms) / step * step);
    std::vector<Row> rows;
    for (auto at = begin; at < end; at += window) {
      if (stop_requested()) throw std::runtime_error("Stopped before the end.");
      rows.clear();
      for (const auto& [device, columns] : devices) {
        add_rows(store, device, columns, {at, std::min<Timestamp>(at + window, end)}, step, write,
                 rows);
      }
      std::ranges::stable_sort(rows, {}, &Row::time);
      for (const auto& row : rows) output.write(row.text);
      count += rows.size();
      progress.show(static_cast<double>((at - begin).count()) /
                    static_cast<double>((end - begin).count()));
    }
  }
  output.finish();
  std::string names;
  for (const auto& [device, columns] : devices) names += (names.empty() ? "" : ", ") + device;
  fmt::print(stderr, "{} {} of {} were written.\n", count, is_csv ? "rows" : "lines",
             names.empty() ? "no device" : names);
  return 0;
}

}  // namespace lenz
