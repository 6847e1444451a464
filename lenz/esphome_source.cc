#include "lenz/esphome_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <regex>
#include <stdexcept>

#include "lenz/esphome_stock.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;

constexpr int max_includes = 10;  // Within one another.
constexpr int max_rounds = 10;    // Of substitutions within one another.
constexpr std::size_t max_substituted = 4096;

// `over` wins, lists grow, !remove takes away.
void merge(Yaml& base, Yaml over) {
  if (over.kind == Yaml::Kind::nothing && over.tag.empty()) return;
  if (base.is_map() && over.is_map()) {
    for (auto& [key, value] : over.entries) {
      auto* old = base.find(key);
      if (value.tag == "!remove") {
        std::erase_if(base.entries, [&](const auto& entry) { return entry.first == key; });
      } else if (old) {
        merge(*old, std::move(value));
      } else {
        base.entries.emplace_back(key, std::move(value));
      }
    }
  } else if (base.is_list() && over.is_list()) {
    std::ranges::move(over.items, std::back_inserter(base.items));
  } else {
    base = std::move(over);
  }
}

// Where one map may stand for a list of one.
void make_list(Yaml& node) {
  if (node.is_list() || node.kind == Yaml::Kind::nothing) return;
  Yaml list;
  list.kind = Yaml::Kind::list;
  list.file = node.file;
  list.line = node.line;
  list.items.push_back(std::move(node));
  node = std::move(list);
}

using Words = std::vector<std::pair<std::string, Yaml>>;

const Yaml* word(const Words& words, const std::string& name) {
  const auto found = std::ranges::find(words, name, &Words::value_type::first);
  return found == words.end() ? nullptr : &found->second;
}

// ${name} and $name for the words that are known; others stay.
std::string substituted(const Yaml& node, const Words& words) {
  static const std::regex reference(R"(\$(?:\{\s*([A-Za-z_]\w*)\s*\}|([A-Za-z_]\w*)))");
  auto text = node.text;
  for (int round = 0; round < max_rounds && text.find('$') != text.npos; ++round) {
    std::string out;
    auto rest = text.cbegin();
    for (std::sregex_iterator at(text.begin(), text.end(), reference), end; at != end; ++at) {
      const auto& match = *at;
      const auto* found = word(words, match[1].matched ? match[1].str() : match[2].str());
      out.append(rest, match[0].first);
      out += found && found->is_text() ? found->text : match.str();
      rest = match[0].second;
      if (out.size() > max_substituted) {
        throw std::runtime_error(
            fmt::format("{}: with its substitutions this is longer than {} characters; write it "
                        "more simply.",
                        node.place(), max_substituted));
      }
    }
    out.append(rest, text.cend());
    if (out == text) break;
    text = std::move(out);
  }
  return text;
}

void substitute(Yaml& node, const Words& words) {
  if (node.is_text() && node.text.size() <= max_substituted && node.tag != "!lambda") {
    node.text = substituted(node, words);
  }
  for (auto& item : node.items) substitute(item, words);
  for (auto& [key, value] : node.entries) {
    if (key != "substitutions") substitute(value, words);
  }
}

class Source {
 public:
  explicit Source(const fs::path& path) : path_(path) {}

  EsphomeSource read() {
    source_.root = read_file(path_, 0);
    if (!source_.root.is_map()) {
      throw std::runtime_error(fmt::format("{} is not the YAML of an ESPHome node; give that file.",
                                           shown(path_.string())));
    }
    take_packages(source_.root, 0);
    if (const auto* words = source_.root.find("substitutions")) {
      tell_repeated(*words);
      Words entries = words->entries;
      std::ranges::reverse(entries);  // The last counts.
      substitute(source_.root, entries);
    }
    if (auto* sensors = source_.root.find("sensor")) {
      make_list(*sensors);
      extend(*sensors);
    }
    return std::move(source_);
  }

 private:
  void remark(const Yaml& at, const std::string& sentence) {
    source_.remarks.push_back(fmt::format("{}: {}", at.place(), sentence));
  }

  void tell_repeated(const Yaml& map) {
    for (const auto& [key, value] : map.entries) {
      if (map.find(key) != &value) {
        remark(value, fmt::format("\"{}\" is there twice; the last counts.", shown(key)));
      }
    }
  }

  Yaml read_file(const fs::path& path, int depth) {
    auto tree = read_yaml(path, nodes_);
    follow_includes(tree, path.parent_path(), depth);
    return tree;
  }

  void follow_includes(Yaml& node, const fs::path& folder, int depth) {
    if (node.tag == "!include") {
      include(node, folder, depth);
    } else if (node.tag.starts_with("!include")) {
      remark(node, fmt::format("{} is not followed.", shown(node.tag)));
      node = Yaml{.file = node.file, .line = node.line};
    } else {
      for (auto& item : node.items) follow_includes(item, folder, depth);
      for (auto& entry : node.entries) follow_includes(entry.second, folder, depth);
    }
  }

  // !include FILE, or !include {file: FILE, vars: {name: value}}.
  void include(Yaml& node, const fs::path& folder, int depth) {
    const auto* file = node.is_map() ? node.find("file") : &node;
    const auto name = file && file->is_text() ? file->text : "";
    if (depth >= max_includes) {
      throw std::runtime_error(
          fmt::format("{}: files include one another more than {} deep; "
                      "let \"{}\" not lead back here.",
                      node.place(), max_includes, shown(name)));
    }
    Yaml content{.file = node.file, .line = node.line};
    if (!fs::is_regular_file(folder / name)) {
      miss(node, name, fmt::format("\"{}\" is not there", shown(name)));
    } else {
      content = read_file(folder / name, depth + 1);
      if (const auto* vars = node.find("vars")) substitute(content, vars->entries);
    }
    node = std::move(content);
  }

  void miss(const Yaml& at, const std::string& file, const std::string& why) {
    source_.missing.push_back(file);
    remark(at, fmt::format("{}; what it says is left out: put that file beside {} if its clamps "
                           "stand in it.",
                           why, shown(path_.filename().string())));
  }

  void take_packages(Yaml& root, int depth) {
    auto* found = root.find("packages");
    if (!found) return;
    auto packages = std::move(*found);
    std::erase_if(root.entries, [](const auto& entry) { return entry.first == "packages"; });
    Yaml base{.kind = Yaml::Kind::map, .file = root.file, .line = root.line};
    for (auto& package : packages.items) take_package(base, std::move(package), depth);
    for (auto& entry : packages.entries) take_package(base, std::move(entry.second), depth);
    make_sensor_lists(base, root);
    merge(base, std::move(root));
    root = std::move(base);
  }

  static void make_sensor_lists(Yaml& base, Yaml& over) {
    for (auto* root : {&base, &over}) {
      if (auto* sensors = root->find("sensor")) make_list(*sensors);
    }
  }

  void take_package(Yaml& base, Yaml package, int depth) {
    if (depth >= max_includes) {
      throw std::runtime_error(
          fmt::format("{}: packages stand within one another more than {} "
                      "deep; write them more simply.",
                      package.place(), max_includes));
    }
    if (package.is_text() || package.find("url")) {
      take_remote(base, package);
    } else if (package.is_map()) {
      take_packages(package, depth + 1);
      make_sensor_lists(base, package);
      merge(base, std::move(package));
    }
  }

  // "github://owner/repository/file@branch", or {url, files: [file, {path, vars}]}.
  void take_remote(Yaml& base, const Yaml& package) {
    if (package.is_text()) {
      const auto file = package.text.substr(0, package.text.find('@'));
      return take_remote_file(base, package, file, package.text);
    }
    const auto* url = package.find("url");
    for (const char* key : {"file", "files"}) {
      const auto* files = package.find(key);
      if (!files) continue;
      auto list = *files;
      make_list(list);
      for (const auto& item : list.items) {
        const auto* path = item.is_map() ? item.find("path") : &item;
        if (path) take_remote_file(base, item, path->text, url->text + " " + path->text);
      }
    }
  }

  // A copy beside the file wins over what is known of CircuitSetup's files.
  void take_remote_file(Yaml& base, const Yaml& at, const std::string& file,
                        const std::string& where) {
    const auto name = fs::path(file).filename().string();
    const auto copy = path_.parent_path() / name;
    const bool is_stock = where.find("CircuitSetup/") != where.npos;
    const auto stock = is_stock ? stock_package(name) : std::nullopt;
    Yaml content;
    if (fs::is_regular_file(copy)) {
      content = read_file(copy, 1);
    } else if (stock) {
      if (stock->empty()) return;  // Nothing of the meter stands in it.
      remark(at, fmt::format("{} is taken as CircuitSetup ships it; put your copy beside {} if you "
                             "changed it.",
                             shown(name), shown(path_.filename().string())));
      content = parse_yaml(*stock, name, nodes_);
    } else {
      return miss(at, name,
                  fmt::format("{} is on the net, where Lenz does not look", shown(where)));
    }
    if (const auto* vars = at.find("vars")) substitute(content, vars->entries);
    take_package(base, std::move(content), 1);
  }

  // Items of an id that an earlier one has, and of `!extend id`, are merged into that one.
  void extend(Yaml& sensors) {
    std::vector<Yaml> out;
    for (auto& item : sensors.items) {
      const auto* id = item.find("id");
      const auto same = [&](const Yaml& other) {
        const auto* its = other.find("id");
        return its && its->text == id->text;
      };
      const auto target = id && id->is_text() ? std::ranges::find_if(out, same) : out.end();
      const bool is_reference = id && (id->tag == "!extend" || id->tag == "!remove");
      if (is_reference && target == out.end()) {
        if (id->tag == "!extend") {
          remark(item, fmt::format("there is no sensor \"{}\" to extend.", shown(id->text)));
        }
      } else if (id && id->tag == "!remove") {
        out.erase(target);
      } else if (target != out.end()) {
        std::erase_if(item.entries, [](const auto& entry) { return entry.first == "id"; });
        merge(*target, std::move(item));
      } else {
        out.push_back(std::move(item));
      }
    }
    sensors.items = std::move(out);
  }

  const fs::path path_;
  std::size_t nodes_ = 0;
  EsphomeSource source_;
};

}  // namespace

EsphomeSource read_esphome_source(const fs::path& path) { return Source(path).read(); }

std::string esphome_secret(const fs::path& folder, const std::string& name) {
  const auto file = folder / "secrets.yaml";
  if (!fs::is_regular_file(file)) return "";
  std::size_t nodes = 0;
  const auto secrets = read_yaml(file, nodes);
  const auto* secret = secrets.find(name);
  return secret && secret->is_text() ? secret->text : "";
}

}  // namespace lenz
