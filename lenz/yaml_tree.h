// YAML as people write it for ESPHome: read within limits, with the place of every word.

#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lenz {

inline constexpr std::size_t max_yaml_bytes = 1 << 20;  // Of one file.
inline constexpr std::size_t max_yaml_nodes = 50'000;   // Aliases written out.
inline constexpr int max_yaml_depth = 40;

// A node with its aliases and merge keys (<<) written out: a tree, never a loop.
struct Yaml {
  enum class Kind { nothing, text, list, map };

  Kind kind = Kind::nothing;
  std::string tag;                                    // "!secret"; empty: none.
  std::string text;                                   // Of a text.
  std::vector<Yaml> items;                            // Of a list.
  std::vector<std::pair<std::string, Yaml>> entries;  // Of a map, in the order of the file.
  std::string file;                                   // Its name without folders.
  int line = 0;                                       // From 1.

  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
  bool is_text() const { return kind == Kind::text; }

  // The entry of a map; nullptr: there is none, or this is no map.
  const Yaml* find(std::string_view key) const;
  Yaml* find(std::string_view key);
  std::string place() const;  // "meter.yaml, line 12"
};

// Throws std::runtime_error with one sentence that names the file, the line where there is one, and
// the remedy: it cannot be read, is too large, is not YAML, or grows beyond the limits (`nodes`
// counts those of all files that are read together).
Yaml read_yaml(const std::filesystem::path&, std::size_t& nodes);

// The same of a text; `name` stands for the file.
Yaml parse_yaml(const std::string& text, const std::string& name, std::size_t& nodes);

// Text from outside for one line of a terminal: control characters become "?", long ones are cut.
std::string shown(std::string_view);

// As a double-quoted YAML scalar, with its quotes.
std::string yaml_text(std::string_view);

}  // namespace lenz
