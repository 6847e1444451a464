// A model file: what was learnt from recordings, with the card that says from which, under which
// licences, and how wrong it was on houses that it had not seen. docs/model_format.md has the
// grammar.

#pragma once

#include <expected>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace insight {

struct Model {
  std::string card;  // Text, lines of "word: value".
  // What each part of the identification has learnt; absent: it does without.
  std::map<std::string, std::string, std::less<>> parts;

  friend bool operator==(const Model&, const Model&) = default;
};

std::string bytes_of(const Model&);

// The error is one sentence: what is wrong and what to do.
std::expected<Model, std::string> read_model(std::string_view bytes);

}  // namespace insight
