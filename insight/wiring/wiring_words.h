// Findings of the wiring in sentences.

#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "insight/wiring/examination.h"

namespace insight::wiring {

// "chip 4 (add-on 1, CT10-CT12, chip select GPIO 17)": counted from 1, two chips a board.
std::string chip_name(std::size_t chip, std::optional<int> cs_pin);

// What joins a chip's voltage input to the first adapter: jumpers JP12 and JP13 of its board for
// the second chip, an add-on's voltage pins for the first.
std::string jumper_name(std::size_t chip);

// "CT7 (Dryer)".
std::string clamp_name(const Panel&, std::size_t channel);

// Fills `where`, `evidence` and `fix` of a finding that has all its numbers.
void put_words(Finding&, const Panel&);

}  // namespace insight::wiring
