#include "hub/ingest/esphome_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "hub/toml_file.h"

namespace hub {

using measurement::Quantity;
using measurement::Timestamp;
using nlohmann::json;

namespace {

constexpr std::array directions = {Quantity::imported, Quantity::exported};
constexpr std::array total_keys = {"imported_mwh", "exported_mwh"};

std::int64_t milliseconds_of(Timestamp time) { return time.time_since_epoch().count(); }

Timestamp time_of(const json& milliseconds) {
  return Timestamp(std::chrono::milliseconds(milliseconds.get<std::int64_t>()));
}

}  // namespace

std::expected<EsphomeMemory, StoreError> continued(EsphomeMemory memory, Store& store,
                                                   std::string_view device) {
  const auto newest = store.stored(device, 1);
  if (!newest) return std::unexpected(newest.error());
  if (newest->empty() || memory.boot == 0 || newest->front().boot != memory.boot) {
    if (!newest->empty()) memory.counters = {};
    return EsphomeMemory{.mac = std::move(memory.mac), .counters = std::move(memory.counters)};
  }

  memory.next = std::max(memory.next, newest->front().end);
  const auto last = store.last(device);
  if (!last) return std::unexpected(last.error());
  if (*last) memory.last = std::max(memory.last, (*last)->time);
  const Timestamp end_of_days = std::chrono::sys_days(std::chrono::year(2200) / 1 / 1);
  const auto kept = store.totals_before(device, memory.boot, end_of_days,
                                        (std::uint64_t{1} << measurement::max_channels) - 1);
  if (!kept) return std::unexpected(kept.error());
  for (std::size_t c = 0; c < kept->channels(); ++c) {
    for (std::size_t d = 0; d < directions.size(); ++d) {
      const auto stored = kept->steps(directions[d], c);
      auto& known = memory.totals[c][d];
      if (!stored || *stored <= known.value_or(-1)) continue;
      known = stored;
      // The file is the older one, so what the counter has risen by since is partly stored.
      memory.counters[c][d].reset();
    }
  }
  return memory;
}

std::string memory_text(const EsphomeMemory& memory) {
  auto channels = json::array();
  for (std::size_t c = 0; c < measurement::max_channels; ++c) {
    json channel = {{"counters", json::array()}};
    for (std::size_t d = 0; d < directions.size(); ++d) {
      if (const auto& total = memory.totals[c][d]) channel[total_keys[d]] = *total;
      json counter;
      if (const auto& known = memory.counters[c][d]) {
        counter = {{"object_id", known->object_id},
                   {"mwh", known->value},
                   {"rose_at_ms", milliseconds_of(known->rose_at)}};
      }
      channel["counters"].push_back(std::move(counter));
    }
    channels.push_back(std::move(channel));
  }
  return json{{"version", 1},
              {"mac", memory.mac},
              {"boot", fmt::format("{:016x}", memory.boot)},
              {"booted_at_ms", milliseconds_of(memory.booted_at)},
              {"next", memory.next},
              {"last_ms", milliseconds_of(memory.last)},
              {"channels", std::move(channels)}}
             .dump() +
         "\n";
}

std::optional<EsphomeMemory> memory_from(std::string_view text) try {
  const auto root = json::parse(text);
  if (root.at("version") != 1) return std::nullopt;
  EsphomeMemory memory;
  memory.mac = root.at("mac").get<std::string>();
  const auto boot = root.at("boot").get<std::string>();
  const auto [end, error] =
      std::from_chars(boot.data(), boot.data() + boot.size(), memory.boot, 16);
  if (error != std::errc{} || end != boot.data() + boot.size()) return std::nullopt;
  memory.booted_at = time_of(root.at("booted_at_ms"));
  memory.next = root.at("next").get<std::uint64_t>();
  memory.last = time_of(root.at("last_ms"));
  const auto& channels = root.at("channels");
  for (std::size_t c = 0; c < std::min(channels.size(), measurement::max_channels); ++c) {
    for (std::size_t d = 0; d < directions.size(); ++d) {
      const auto& channel = channels.at(c);
      if (channel.contains(total_keys[d])) {
        memory.totals[c][d] = channel.at(total_keys[d]).get<std::int64_t>();
      }
      const auto& counter = channel.at("counters").at(d);
      if (counter.is_null()) continue;
      memory.counters[c][d] = {counter.at("object_id").get<std::string>(),
                               counter.at("mwh").get<std::int64_t>(),
                               time_of(counter.at("rose_at_ms"))};
    }
  }
  return memory;
} catch (const json::exception&) {
  return std::nullopt;
}

std::optional<EsphomeMemory> EsphomeFile::load() {
  std::ifstream file(path_);
  if (!file) return EsphomeMemory{};
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  kept_ = memory_from(text);
  return kept_;
}

void EsphomeFile::keep(const EsphomeMemory& memory) {
  if (kept_ && kept_->boot == memory.boot && kept_->mac == memory.mac &&
      kept_->counters == memory.counters) {
    return;
  }
  replace_file(path_, memory_text(memory), 0644);
  kept_ = memory;
}

}  // namespace hub
