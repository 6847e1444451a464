#include "lenz/evaluation_files.h"

#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace lenz {

insight::Model model_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!in) {
    throw std::runtime_error(fmt::format(
        "{}: there is no such model; name one with --model, or a folder to train on with --train.",
        file));
  }
  auto model = insight::read_model(bytes);
  if (!model) throw std::runtime_error(fmt::format("{}: {}", file, model.error()));
  return std::move(*model);
}

std::set<std::string> listed(const std::string& card, const std::string& word) {
  std::set<std::string> names;
  std::istringstream lines(card);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(word)) continue;
    std::istringstream list(line.substr(word.size()));
    for (std::string name; std::getline(list >> std::ws, name, ',');) names.insert(name);
  }
  return names;
}

void write_rows(const std::string& file, const std::string& text) {
  if (file == "-") {
    std::cout << text;
    return;
  }
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    throw std::runtime_error(
        fmt::format("{}: this file cannot be written; check its folder and its rights.", file));
  }
}

}  // namespace lenz
