// Configuration files: read so that every mistake is said with its line, replaced as a whole.

#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "measurement/units.h"

namespace hub {

// One file while it is read: it knows how to complain about it. Everything throws
// std::runtime_error with one sentence that names the file, the line and the remedy.
class TomlFile {
 public:
  // `what` a file is that is not larger than `most_bytes`: "a home".
  TomlFile(const std::filesystem::path&, std::size_t most_bytes, std::string_view what);
  // Text that is not in a file yet; `name` stands for one in complaints.
  TomlFile(std::string_view text, const std::filesystem::path& name);

  const std::filesystem::path& path() const { return path_; }
  const toml::table& root() const { return root_; }

  [[noreturn]] void refuse(const toml::source_region& at, const std::string& complaint) const;

  // A key that is none of these is refused: a typing error must not pass unnoticed.
  void allow(const toml::table&, std::string_view table,
             std::initializer_list<std::string_view> keys) const;

  const toml::node& required(const toml::table&, std::string_view key) const;
  const toml::array& array(const toml::node&, std::string_view key) const;
  const toml::table& table(const toml::node&, std::string_view key) const;

  // Calls visit(table) for each of [[key]], which may be missing.
  template <class Visit>
  void each(const toml::table& from, std::string_view key, Visit visit) const {
    const auto* list = from.get(key);
    if (!list) return;
    for (const auto& node : array(*list, key)) visit(table(node, key));
  }

  void take(const toml::node&, std::string_view key, std::string& into) const;
  void take(const toml::node&, std::string_view key, double& into) const;
  void take(const toml::node&, std::string_view key, bool& into) const;
  void take(const toml::node&, std::string_view key, measurement::Timestamp& into) const;
  template <std::integral Number>
  void take(const toml::node& node, std::string_view key, Number& into) const {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || !std::in_range<Number>(*value)) {
      refuse(node.source(), fmt::format("\"{}\" must be a whole number that makes sense", key));
    }
    into = static_cast<Number>(*value);
  }

  template <class Value>
  void need(const toml::table& from, std::string_view key, Value& into) const {
    take(required(from, key), key, into);
  }
  // Leaves `into` as it is where the key is missing.
  template <class Value>
  void want(const toml::table& from, std::string_view key, Value& into) const {
    if (const auto* node = from.get(key)) take(*node, key, into);
  }

  // `words` stand in the order of the enumeration.
  template <class Choice>
  void choose(const toml::node& node, std::string_view key, std::span<const std::string_view> words,
              Choice& into) const {
    const auto found = std::ranges::find(words, node.value_exact<std::string_view>().value_or(""));
    if (found == words.end()) {
      refuse(node.source(),
             fmt::format("\"{}\" must be one of \"{}\"", key, fmt::join(words, "\", \"")));
    }
    into = static_cast<Choice>(found - words.begin());
  }
  template <class Choice>
  void want_choice(const toml::table& from, std::string_view key,
                   std::span<const std::string_view> words, Choice& into) const {
    if (const auto* node = from.get(key)) choose(*node, key, words, into);
  }

 private:
  toml::table parsed(std::string_view text) const;

  const std::filesystem::path path_;
  toml::table root_;
};

// As a TOML basic string, with its quotes.
std::string toml_text(std::string_view);

// A file that is there whole or not at all, whenever the power fails; the old one stays until then.
// `mode` is who may read it: 0644. Throws std::runtime_error with one sentence.
void replace_file(const std::filesystem::path&, std::string_view text, unsigned mode);

}  // namespace hub
