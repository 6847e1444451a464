#include "hub/api/firmware_build.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "measurement/manifest.h"

namespace hub {
namespace {

using Json = nlohmann::json;
template <class Value>
using OrWhy = std::expected<Value, std::string>;
using Why = std::unexpected<std::string>;

template <class... Arguments>
Why why(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  return Why(fmt::format(text, std::forward<Arguments>(arguments)...));
}

// --- The tar (POSIX.1-1988, "ustar")

constexpr std::size_t block = 512;

struct Packed {
  std::size_t at = 0, bytes = 0;
};
using Folder = std::map<std::string, Packed, std::less<>>;

std::string_view field(std::string_view header, std::size_t at, std::size_t size) {
  const auto whole = header.substr(at, size);
  return whole.substr(0, whole.find('\0'));
}

std::optional<std::uint64_t> octal(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_sound(std::string_view header) {
  constexpr std::size_t sum_at = 148, sum_bytes = 8;
  std::uint64_t sum = sum_bytes * ' ';
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (i < sum_at || i >= sum_at + sum_bytes) sum += static_cast<unsigned char>(header[i]);
  }
  return octal(field(header, sum_at, sum_bytes)) == sum;
}

bool is_inside(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-+/").find(c) != std::string_view::npos;
  };
  if (name.empty() || name.starts_with('/') || name.starts_with('-')) return false;
  if (!std::ranges::all_of(name, is_plain)) return false;
  for (std::string_view rest = name;;) {
    const auto word = rest.substr(0, rest.find('/'));
    if (word.empty() || word == "..") return false;
    if (word.size() == rest.size()) return true;
    rest.remove_prefix(word.size() + 1);
  }
}

// The name's own text is not told where it is none.
constexpr const char* bad_name =
    "A file of the build has a name that is no path inside its folder: use letters, digits and "
    ". _ - + only, and no \"..\".";

OrWhy<Folder> unpacked(std::string_view tar) {
  if (tar.size() > most_build_bytes) {
    return why("The build is larger than {} MiB: give only what flasher_args.json lists.",
               most_build_bytes >> 20);
  }
  Folder folder;
  for (std::size_t at = 0; at + block <= tar.size();) {
    const auto header = tar.substr(at, block);
    if (header.find_first_not_of('\0') == std::string_view::npos) break;
    const auto bytes = octal(field(header, 124, 12));
    if (!is_sound(header) || !bytes || header.substr(257, 5) != "ustar") {
      return why("This is no tar file: pack the build's folder with tar --format=ustar.");
    }
    at += block;
    auto name = std::string(field(header, 345, 155));
    if (header[263] != '0') name.clear();  // GNU's own header has other things there.
    if (!name.empty()) name += '/';
    name += field(header, 0, 100);
    while (name.starts_with("./")) name.erase(0, 2);
    const char kind = header[156];
    if (kind == '5') continue;
    if (!is_inside(name)) return why("{}", bad_name);
    if (kind != '0' && kind != '\0') {
      return why("{} is no plain file: pack files only, with tar --format=ustar.", name);
    }
    if (*bytes > most_build_file_bytes) {
      return why("{} is larger than {} MiB.", name, most_build_file_bytes >> 20);
    }
    if (*bytes > tar.size() - at)
      return why("The tar ends in the middle of {}: send it again.", name);
    if (folder.size() >= most_build_files) {
      return why("The build has more than {} files: give only what flasher_args.json lists.",
                 most_build_files);
    }
    if (!folder.emplace(name, Packed{at, *bytes}).second) return why("{} is there twice.", name);
    at += (*bytes + block - 1) / block * block;
  }
  return folder;
}

// --- flasher_args.json

constexpr std::uint32_t sector = 4096;
constexpr std::size_t most_arguments_bytes = 65'536;

std::uint64_t end_of(const FirmwarePart& part) {
  return (part.offset + std::uint64_t{part.bytes} + sector - 1) / sector * sector;
}

// "0x1000"
std::optional<std::uint32_t> offset_of(std::string_view text) {
  if (!text.starts_with("0x") && !text.starts_with("0X")) return std::nullopt;
  text.remove_prefix(2);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A text of a member's member; empty: there is none.
std::string text_of(const Json& json, const char* member, const char* name) {
  const auto found = json.find(member);
  if (found == json.end() || !found->is_object()) return {};
  const auto text = found->find(name);
  return text != found->end() && text->is_string() ? text->get<std::string>() : std::string();
}

// What goes into a command line unquoted.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 16 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
}

OrWhy<std::vector<FirmwarePart>> parts_of(const Json& arguments, const Folder& folder,
                                          std::string_view tar) {
  const auto files = arguments.find("flash_files");
  if (files == arguments.end() || !files->is_object() || files->empty()) {
    return why("flasher_args.json lists no flash_files: give that of a finished build.");
  }
  std::vector<FirmwarePart> parts;
  for (const auto& [where, file] : files->items()) {
    const auto name = file.is_string() ? file.get<std::string>() : std::string();
    const auto offset = offset_of(where);
    if (!is_inside(name)) return why("{}", bad_name);
    if (!offset || *offset % sector != 0) {
      return why("flasher_args.json puts {} at no multiple of 0x1000: build it again.", name);
    }
    const auto packed = folder.find(name);
    if (packed == folder.end()) {
      return why("{} is missing: flasher_args.json lists it, so give it as well.", name);
    }
    const auto [at, bytes] = packed->second;
    if (bytes == 0) return why("{} is empty: build it again.", name);
    parts.push_back({*offset, name, sha256(tar.substr(at, bytes)), at, bytes});
  }
  std::ranges::sort(parts, {}, &FirmwarePart::offset);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (end_of(parts[i - 1]) > parts[i].offset) {
      return why("{} and {} overlap in the flash: build with a partition table that has room.",
                 parts[i - 1].name, parts[i].name);
    }
  }
  return parts;
}

// --- What must survive (ESP-IDF's partition table: entries of 32 bytes)

struct Partition {
  std::string name;
  std::uint64_t begin = 0, end = 0;
  bool is_settings = false;
};

std::uint32_t word(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::vector<Partition> partitions_in(std::string_view table) {
  constexpr std::size_t entry = 32;
  constexpr char data = 1, nvs = 2, nvs_keys = 4;
  std::vector<Partition> found;
  for (; table.size() >= entry && table.starts_with("\xAA\x50"); table.remove_prefix(entry)) {
    const std::uint64_t begin = word(table, 4), bytes = word(table, 8);
    const bool is_settings = table[2] == data && (table[3] == nvs || table[3] == nvs_keys);
    found.push_back({std::string(field(table, 12, 16)), begin, begin + bytes, is_settings});
  }
  return found;
}

constexpr std::string_view calibration = "cal";

std::optional<std::string> fault_of_partitions(const FirmwareBuild& build, const Json& arguments,
                                               std::string_view tar) {
  const auto named = text_of(arguments, "partition-table", "file");
  const auto table = std::ranges::find_if(build.parts, [&](const FirmwarePart& part) {
    return named.empty() ? part.offset == 0x8000 : part.name == named;
  });
  if (table == build.parts.end()) {
    return "The build has no partition table, so it cannot be seen that calibration survives: give "
           "the whole build.";
  }
  const auto partitions = partitions_in(tar.substr(table->at, table->bytes));
  if (partitions.empty()) {
    return fmt::format("{} is no partition table: build it again.", table->name);
  }
  for (const auto& [name, begin, end, is_settings] : partitions) {
    if (!is_settings && name != calibration) continue;
    for (const auto& part : build.parts) {
      if (part.offset >= end || end_of(part) <= begin) continue;
      return fmt::format(
          "{} would overwrite {}: take it out of flasher_args.json's flash_files.", part.name,
          name == calibration ? "the calibration (partition cal)" : "the meter's settings (NVS)");
    }
  }
  return std::nullopt;
}

// --- What it is

struct Chip {
  std::string_view name;
  std::uint16_t id;  // In an image's header (esp_chip_id_t).
};
constexpr std::array<Chip, 8> chips = {{{"esp32", 0},
                                        {"esp32s2", 2},
                                        {"esp32c3", 5},
                                        {"esp32s3", 9},
                                        {"esp32c2", 12},
                                        {"esp32c6", 13},
                                        {"esp32h2", 16},
                                        {"esp32p4", 18}}};

std::optional<std::string> describe(FirmwareBuild& build, const Json& arguments,
                                    std::string_view tar) {
  const auto chip = chip_id(build.chip);
  if (!chip) {
    return "flasher_args.json is for no chip that can be flashed here: build for one of the ESP32 "
           "family.";
  }
  const auto named = text_of(arguments, "app", "file");
  const auto app = std::ranges::find(build.parts, named, &FirmwarePart::name);
  if (app == build.parts.end()) {
    return "The build has no application: give that of `idf.py build`, not of a part of it.";
  }
  const auto image = tar.substr(app->at, app->bytes);
  const auto app_image = measurement::read_app_image(image);
  if (!app_image) {
    return fmt::format("{} is no image for an ESP32: build it again.", app->name);
  }
  if (app_image->chip_id != *chip) {
    return fmt::format(
        "{} is built for another chip than flasher_args.json says ({}): build it "
        "again.",
        app->name, build.chip);
  }
  build.version = app_image->version;
  build.project = app_image->project;
  return std::nullopt;
}

std::optional<std::string> fault_of_size(const FirmwareBuild& build) {
  std::string_view text = build.flash_size;
  if (!text.ends_with("MB")) return std::nullopt;
  text.remove_suffix(2);
  std::uint32_t megabytes = 0;
  std::from_chars(text.data(), text.data() + text.size(), megabytes);
  const auto& last = build.parts.back();
  if (end_of(last) <= std::uint64_t{megabytes} << 20) return std::nullopt;
  return fmt::format("{} ends beyond the flash of {}: build for the flash that the chip has.",
                     last.name, build.flash_size);
}

std::string id_of(const FirmwareBuild& build) {
  auto text = fmt::format("{} {} {} {}\n", build.chip, build.flash_mode, build.flash_size,
                          build.flash_freq);
  for (const auto& part : build.parts) {
    text += fmt::format("{} {} {}\n", part.offset, part.name, part.sha256);
  }
  return sha256(text).substr(0, 16);
}

}  // namespace

std::optional<std::uint16_t> chip_id(std::string_view name) {
  const auto chip = std::ranges::find(chips, name, &Chip::name);
  return chip == chips.end() ? std::nullopt : std::optional(chip->id);
}

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash;
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size());
  std::string text;
  for (const auto byte : hash) text += fmt::format("{:02x}", byte);
  return text;
}

std::expected<FirmwareBuild, std::string> FirmwareBuild::of_file(std::string_view tar) {
  const auto folder = unpacked(tar);
  if (!folder) return Why(folder.error());
  const auto packed = folder->find("flasher_args.json");
  if (packed == folder->end()) {
    return why("There is no flasher_args.json: give the folder build/ of `idf.py build`.");
  }
  const auto [at, bytes] = packed->second;
  const auto arguments =
      Json::parse(bytes <= most_arguments_bytes ? tar.substr(at, bytes) : "", nullptr, false);
  if (!arguments.is_object()) return why("flasher_args.json is no JSON: build it again.");

  FirmwareBuild build;
  build.chip = text_of(arguments, "extra_esptool_args", "chip");
  build.flash_mode = text_of(arguments, "flash_settings", "flash_mode");
  build.flash_size = text_of(arguments, "flash_settings", "flash_size");
  build.flash_freq = text_of(arguments, "flash_settings", "flash_freq");
  for (const auto& setting : {build.flash_mode, build.flash_size, build.flash_freq}) {
    if (!is_word(setting)) {
      return why("flasher_args.json has no flash_settings (mode, size, freq): build it again.");
    }
  }
  auto parts = parts_of(arguments, *folder, tar);
  if (!parts) return Why(parts.error());
  build.parts = std::move(*parts);
  if (auto fault = fault_of_partitions(build, arguments, tar)) return Why(*fault);
  if (auto fault = fault_of_size(build)) return Why(*fault);
  if (auto fault = describe(build, arguments, tar)) return Why(*fault);
  build.id = id_of(build);
  return build;
}

}  // namespace hub
