// Tariffs in files: docs/tariff_format.md.

#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "insight/bill/tariff.h"

namespace hub {

inline constexpr std::size_t most_tariff_bytes = 256 * 1024;

// Both throw std::runtime_error with one sentence that names the file, the line and the remedy.
insight::Tariff read_tariff(const std::filesystem::path&);
// `name` stands for the file's in the sentence.
insight::Tariff parse_tariff(std::string_view text, const std::filesystem::path& name);

// A tariff of a common kind to begin with: figures to replace by one's own.
struct TariffTemplate {
  std::string id;  // "day_night"
  std::string title, country, text;
};

// Of a folder's *.toml, by id. A file that is no tariff is left out; an absent folder has none.
std::vector<TariffTemplate> tariff_templates(const std::filesystem::path& folder);

}  // namespace hub
