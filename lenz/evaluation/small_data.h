// A small made-up data set for tests: three households with a fridge and a kettle on circuits of
// their own, and two traces each of more of them.

#pragma once

#include <fmt/format.h>
#include <zlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

namespace lenz::evaluation {

inline void write_file(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

inline void write_gzip(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  auto* handle = ::gzopen(file.c_str(), "wb");
  ::gzwrite(handle, text.data(), static_cast<unsigned>(text.size()));
  ::gzclose(handle);
}

// W at a second of appliance number `n` of its kind.
inline double small_fridge_w(int n, int second) {
  return (second + 500 * n) % 2400 < 900 + 60 * n ? 90 + 5 * n : 0;
}
inline double small_kettle_w(int n, int second) {
  return (second + 1700 * n) % 5000 < 150 + 10 * n ? 2200 + 60 * n : 0;
}

// Words of a house that a method must not see.
struct SmallNames {
  std::string prefix = "", fridge = "fridge", kettle = "kettle";
};

inline void write_small_house(const std::filesystem::path& data, int n, int seconds,
                              const SmallNames& names = {}) {
  const auto folder = data / "houses" / fmt::format("{}house-{}", names.prefix, n);
  write_file(folder / "recording.json", fmt::format(R"({{
    "name": "a", "nominal_voltage": 230, "interval_s": 10, "clock": "none", "country": "GB",
    "channels": [
      {{"column": "mains_w", "role": "mains"}},
      {{"column": "{0}_w", "role": "circuit", "appliance": "fridge", "parent": "mains_w"}},
      {{"column": "{1}_w", "role": "circuit", "appliance": "kettle", "parent": "mains_w"}}]}})",
                                                    names.fridge, names.kettle));
  auto text = fmt::format("time_s,mains_w,{}_w,{}_w\n", names.fridge, names.kettle);
  for (int second = 0; second < seconds; second += 10) {
    const auto fridge = small_fridge_w(n, second), kettle = small_kettle_w(n, second);
    text += fmt::format("{},{},{},{}\n", second, 50 + fridge + kettle, fridge, kettle);
  }
  write_gzip(folder / "samples.csv.gz", text);
}

inline void write_small_traces(const std::filesystem::path& data, int devices, int seconds) {
  std::string list =
      "appliance,device,file,source,licence,country,interval_s,rows,span_s,energy_wh,max_w,hold_s,"
      "clock\n";
  for (const std::string kind : {"fridge", "kettle"}) {
    for (int n = 0; n < devices; ++n) {
      const auto device = fmt::format("made-{}-{}", kind, n);
      for (int part = 0; part < 2; ++part) {
        const auto file = fmt::format("{}/{}/{}.csv.gz", kind, device, part + 1);
        list += fmt::format("{},{},{},made,none,GB,10,0,0,0,0,60,none\n", kind, device, file);
        std::string text = "time_s,active_power_w\n";
        for (int second = part * seconds / 2; second < (part + 1) * seconds / 2; second += 10) {
          text += fmt::format(
              "{},{}\n", second,
              kind == "fridge" ? small_fridge_w(n + 5, second) : small_kettle_w(n + 5, second));
        }
        write_gzip(data / "traces" / file, text);
      }
    }
  }
  write_file(data / "traces/traces.csv", list);
}

inline void write_small_data(const std::filesystem::path& data, const SmallNames& names = {}) {
  for (int n = 1; n <= 3; ++n) write_small_house(data, n, 6 * 3600, names);
  write_small_traces(data, 5, 3 * 3600);
}

}  // namespace lenz::evaluation
