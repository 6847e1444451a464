#include "lenz/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace lenz {
namespace {

class Grower {
 public:
  Grower(const std::string& file, std::size_t& nodes) : file_(file), nodes_(nodes) {}

  Yaml grow(const YAML::Node& from, int depth) {
    Yaml node;
    node.file = file_;
    node.line = from.Mark().line + 1;
    if (depth > max_yaml_depth || ++nodes_ > max_yaml_nodes) {
      throw std::runtime_error(
          fmt::format("{}: this grows beyond {} nodes or {} levels; write out its aliases and "
                      "includes more simply.",
                      node.place(), max_yaml_nodes, max_yaml_depth));
    }
    node.tag = from.Tag() == "?" || from.Tag() == "!" ? "" : from.Tag();
    if (node.tag.starts_with("tag:")) node.tag.clear();  // "!!str" and the like.
    if (from.IsScalar()) {
      node.kind = Yaml::Kind::text;
      node.text = from.Scalar();
    } else if (from.IsSequence()) {
      node.kind = Yaml::Kind::list;
      for (const auto& item : from) node.items.push_back(grow(item, depth + 1));
    } else if (from.IsMap()) {
      node.kind = Yaml::Kind::map;
      grow_map(from, depth, node);
    }
    return node;
  }

 private:
  // What stands in a map itself wins over what is merged into it.
  void grow_map(const YAML::Node& from, int depth, Yaml& node) {
    std::vector<Yaml> merged;
    for (const auto& entry : from) {
      if (!entry.first.IsScalar()) {
        throw std::runtime_error(fmt::format("{}, line {}: a key must be a word; correct it.",
                                             file_, entry.first.Mark().line + 1));
      }
      auto value = grow(entry.second, depth + 1);
      if (entry.first.Scalar() == "<<") {
        merged.push_back(std::move(value));
      } else {
        // Where nothing follows the key there is no mark either.
        if (value.kind == Yaml::Kind::nothing) value.line = entry.first.Mark().line + 1;
        node.entries.emplace_back(entry.first.Scalar(), std::move(value));
      }
    }
    for (auto& source : merged) {
      std::vector<Yaml> maps;
      if (source.is_list()) maps = std::move(source.items);
      if (source.is_map()) maps.push_back(std::move(source));
      for (auto& map : maps) {
        for (auto& entry : map.entries) {
          if (!node.find(entry.first)) node.entries.push_back(std::move(entry));
        }
      }
    }
  }

  const std::string& file_;
  std::size_t& nodes_;
};

}  // namespace

const Yaml* Yaml::find(std::string_view key) const {
  // Of a key that is there twice the last counts.
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->first == key) return &entry->second;
  }
  return nullptr;
}

Yaml* Yaml::find(std::string_view key) {
  return const_cast<Yaml*>(static_cast<const Yaml*>(this)->find(key));
}

std::string Yaml::place() const { return fmt::format("{}, line {}", shown(file), line); }

Yaml parse_yaml(const std::string& text, const std::string& name, std::size_t& nodes) {
  try {
    return Grower(name, nodes).grow(YAML::Load(text), 0);
  } catch (const YAML::Exception& error) {
    // After the colon stands a word of the file, which may be part of a password.
    const auto complaint = error.msg.substr(0, error.msg.find(':'));
    throw std::runtime_error(fmt::format("{}, line {}: this is not YAML ({}); correct it.",
                                         shown(name), error.mark.line + 1, complaint));
  }
}

Yaml read_yaml(const std::filesystem::path& path, std::size_t& nodes) {
  const auto name = shown(path.string());
  if (!std::filesystem::is_regular_file(path)) {
    throw std::runtime_error(fmt::format("{} is not a file; give that of the node's YAML.", name));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(max_yaml_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    throw std::runtime_error(
        fmt::format("{} cannot be read ({}); let this user read it.", name, std::strerror(errno)));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > max_yaml_bytes) {
    throw std::runtime_error(
        fmt::format("{} is larger than {} bytes and is not the YAML of a node; give another file.",
                    name, max_yaml_bytes));
  }
  return parse_yaml(text, path.filename().string(), nodes);
}

std::string shown(std::string_view text) {
  constexpr std::size_t most = 80;
  std::string out(text.substr(0, most));
  // Not in the middle of a UTF-8 character.
  while (text.size() > most && !out.empty() && (text[out.size()] & 0xC0) == 0x80) out.pop_back();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    const auto before = static_cast<unsigned char>(i > 0 ? out[i - 1] : ' ');
    // U+0080 to U+009F steer terminals too.
    if (byte < 0x20 || byte == 0x7F || (before == 0xC2 && byte < 0xA0)) out[i] = '?';
  }
  return text.size() > most ? out + "..." : out;
}

std::string yaml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02X}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace lenz
