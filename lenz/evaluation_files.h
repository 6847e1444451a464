// What evaluations read and write besides recordings.

#pragma once

#include <set>
#include <string>

#include "insight/identification/model.h"

namespace lenz {

// Throws std::runtime_error with one sentence where there is none or it is damaged.
insight::Model model_of(const std::string& file);

// "a, b" of the card's line that begins so.
std::set<std::string> listed(const std::string& card, const std::string& word);

// "-": standard output. Throws std::runtime_error with one sentence.
void write_rows(const std::string& file, const std::string& json);

}  // namespace lenz
