// What is known of the files that CircuitSetup ships for its 6-channel boards (Software/ESPHome,
// version 1.7): https://github.com/CircuitSetup/Expandable-6-Channel-ESP32-Energy-Meter

#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

namespace lenz {

inline constexpr std::size_t stock_boards = 7;
inline constexpr std::size_t channels_per_board = 6;

// Chip selects of the main board and of add-ons 1 to 6, with the jumpers where each add-on's file
// expects them.
inline constexpr std::array<int, 2 * stock_boards> stock_cs_pins = {5,  4,  0,  16, 27, 17, 2,
                                                                    21, 13, 22, 14, 25, 15, 26};

// The name of a chip's id and of its display name among the substitutions: "main_meter_id1" and
// "main_meter_name1", "addon2_id1" and "addon2_name1".
std::string stock_chip_id(std::size_t chip);
std::string stock_chip_name(std::size_t chip);

// What a package of CircuitSetup's repository says of the meter, as YAML: chips and names of the
// main board and add-ons, and their power quality. Empty: nothing of the meter (status texts,
// calibration buttons). Absent: the file is not known.
std::optional<std::string> stock_package(const std::string& file);

}  // namespace lenz
