#include "hub/api/firmware.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "hub/api/asked.h"
#include "hub/api/meters.h"
#include "hub/api/routes.h"

namespace hub {
namespace {

// Keys come out in the order of docs/http_api.yaml.
using Json = nlohmann::ordered_json;

constexpr const char* no_shelf = "This hub keeps no firmware.";

// As a terminal takes it in the build's folder. All words of it were checked.
std::string command_of(const FirmwareBuild& build) {
  auto command = fmt::format(
      "esptool.py --chip {} --baud 460800 write_flash --flash_mode {} --flash_size {} --flash_freq "
      "{}",
      build.chip, build.flash_mode, build.flash_size, build.flash_freq);
  for (const auto& part : build.parts) {
    command += fmt::format(" 0x{:x} {}", part.offset, part.name);
  }
  return command;
}

Json build_json(const FirmwareShelf::Kept& kept) {
  const auto& build = kept.item;
  auto parts = Json::array();
  for (const auto& part : build.parts) {
    parts.push_back({{"offset", part.offset},
                     {"name", part.name},
                     {"bytes", part.bytes},
                     {"sha256", part.sha256}});
  }
  return {{"build", build.id},
          {"project", build.project},
          {"version", build.version},
          {"chip", build.chip},
          {"added", kept.added.time_since_epoch().count()},
          {"flash_mode", build.flash_mode},
          {"flash_size", build.flash_size},
          {"flash_freq", build.flash_freq},
          {"parts", std::move(parts)},
          {"command", command_of(build)}};
}

std::string words_for(const FirmwareBuild& build) {
  return build.project.empty() ? build.id : fmt::format("{} {}", build.project, build.version);
}

}  // namespace

Response firmware(const Call& call) {
  auto list = Json::array();
  if (call.context.shelf) {
    for (const auto& kept : call.context.shelf->items()) list.push_back(build_json(kept));
  }
  return json(list.dump());
}

Response put_firmware(const Call& call) {
  auto* shelf = call.context.shelf;
  if (!shelf) return refusal(503, no_shelf);
  auto build = FirmwareBuild::of_file(call.request.body);
  if (!build) return refusal(400, build.error());
  const auto act = note(call, fmt::format("put firmware {} on the shelf", words_for(*build)), "");
  if (!act) return not_noted();
  const auto kept = shelf->put(call.request.body, std::move(*build), call.now);
  call.context.accounts.conclude(*act, kept ? "done" : "failed");
  if (!kept) return refusal(503, kept.error());
  return json(build_json(*kept).dump());
}

Response remove_firmware(const Call& call) {
  auto* shelf = call.context.shelf;
  const auto id = parameter(call, "build");
  const auto* kept = shelf ? shelf->find(id) : nullptr;
  if (!kept) return refusal(404, "There is no such build.");
  const auto words = fmt::format("took firmware {} off the shelf", words_for(kept->item));
  if (!note(call, words, "done")) return not_noted();
  if (shelf->remove(id)) return {.status = 204};
  return refusal(503, "The hub's disk refuses to remove it: try again.");
}

std::string part_of(FirmwareShelf& shelf, std::string_view id, std::uint32_t offset) {
  const auto* kept = shelf.find(id);
  if (!kept) return {};
  const auto part = std::ranges::find(kept->item.parts, offset, &FirmwarePart::offset);
  if (part == kept->item.parts.end()) return {};
  auto bytes = shelf.bytes(id, part->at, part->bytes);
  // A chip that got anything else would not start.
  return bytes && sha256(*bytes) == part->sha256 ? std::move(*bytes) : std::string();
}

Response firmware_part(const Call& call) {
  const auto text = parameter(call, "offset");
  std::uint32_t offset = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  auto bytes = is_number && call.context.shelf
                   ? part_of(*call.context.shelf, parameter(call, "build"), offset)
                   : std::string();
  if (bytes.empty()) return refusal(404, "There is no such part of a build.");
  return {.content_type = "application/octet-stream", .body = std::move(bytes)};
}

}  // namespace hub
