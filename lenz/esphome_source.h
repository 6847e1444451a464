// The files that a node's YAML consists of, put together as ESPHome does.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lenz/yaml_tree.h"

namespace lenz {

struct EsphomeSource {
  Yaml root;                         // Packages merged, substitutions made, !extend followed.
  std::vector<std::string> remarks;  // What could not be followed, each with its place.
  std::vector<std::string> missing;  // Files that must be given for a whole picture.
};

// Throws std::runtime_error with one sentence, see read_yaml.
EsphomeSource read_esphome_source(const std::filesystem::path&);

// The value of `!secret name` as secrets.yaml in the folder says, or empty.
std::string esphome_secret(const std::filesystem::path& folder, const std::string& name);

}  // namespace lenz
