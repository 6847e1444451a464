// What one board was found to do on the bench: a file that grows by a row with each step
// (docs/meter.md has its format).

#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "measurement/units.h"

namespace lenz {

class BenchRecord {
 public:
  // Goes on with the newest file of the board in FOLDER that has no row named `last_step` yet, or
  // begins FOLDER/<date>-<board>.json with `head`. Throws std::runtime_error with one sentence for
  // a file that is no bench record, and for a folder that cannot be made.
  BenchRecord(const std::string& folder, const std::string& board, const std::string& last_step,
              nlohmann::json head, measurement::Timestamp now);

  const std::string& file() const { return file_; }
  bool is_new() const { return rows().empty(); }
  const nlohmann::json& rows() const { return root_.at("rows"); }
  // The row of a step; nothing: it has not been done.
  std::optional<nlohmann::json> row(const std::string& step) const;

  // Appends and writes the file as a whole: after a power cut there is the old one or the new one.
  // Throws std::runtime_error with one sentence when it cannot be written.
  void add(nlohmann::json row);

 private:
  std::string file_;
  nlohmann::json root_;
};

}  // namespace lenz
