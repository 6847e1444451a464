#include "insight/calibration/transformers.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace insight {
namespace {

constexpr double burden_ohm = 22;
constexpr double register_a = 65.535;

constexpr TransformerModel current_output(std::string_view name, double rated, double secondary,
                                          double class_percent, int gain) {
  return {name, rated, class_percent, secondary, secondary * burden_ohm, 1, gain};
}
constexpr TransformerModel voltage_output(std::string_view name, double rated, double volts,
                                          int gain) {
  return {name, rated, 3, 0, volts, 1, gain};
}

// Gains as the boards' maker gives them for gain 1 of the converter; the class as the transformers'
// maker gives it, 3 where it says "linearity 3 %".
constexpr std::array models = {
    current_output("SCT-006", 20, 0.025, 1, 11'143),
    voltage_output("SCT-013-030", 30, 1, 8'650),
    voltage_output("SCT-013-050", 50, 1, 15'420),
    current_output("SCT-010-50", 50, 0.0166, 1, 41'334),
    current_output("SCT-010", 80, 0.0266, 1, 41'660),
    current_output("SCT-013-000", 100, 0.050, 3, 27'518),
    current_output("SCT-016", 120, 0.040, 1, 41'787),
    current_output("SCT-024-100mA", 200, 0.100, 1, 27'518),
    current_output("SCT-024", 200, 0.050, 1, 55'036),
};

constexpr std::array adapters = {
    AdapterModel{"Jameco 157041, 9 V", "6-channel from v1.3", 7305},
    AdapterModel{"Jameco 112336, 9 V", "6-channel to v1.2, split to v1.3", 42'080},
    AdapterModel{"Jameco 167151, 12 V", "6-channel to v1.2, split to v1.3", 32'428},
    AdapterModel{"Jameco 157041, 9 V", "split v1.4", 37'106},
    AdapterModel{"Jameco 112336, 9 V", "split v1.4", 38'302},
    AdapterModel{"12 V", "split v1.4", 29'462},
    AdapterModel{"any 9 V", "split from v1.4 rev3", 3920},
};

}  // namespace

int TransformerModel::multiplier() const {
  return static_cast<int>(std::ceil(std::min(greatest_a(), rated_a) / register_a));
}

std::span<const TransformerModel> transformer_models() { return models; }

const TransformerModel* find_transformer(std::string_view name) {
  const auto found = std::ranges::find(models, name, &TransformerModel::name);
  return found == models.end() ? nullptr : &*found;
}

const TransformerModel* transformer_set_up(int pga, int current_gain, int multiplier) {
  const auto found = std::ranges::find_if(models, [&](const TransformerModel& model) {
    return model.pga == pga && model.multiplier() == multiplier &&
           model.current_gain / multiplier == current_gain;
  });
  return found == models.end() ? nullptr : &*found;
}

std::span<const AdapterModel> adapter_models() { return adapters; }

measurement::ChannelWords start_words(const TransformerModel& model, const AdapterModel& adapter) {
  measurement::ChannelWords words;
  const int multiplier = model.multiplier();
  words.voltage_gain = static_cast<std::uint16_t>(adapter.voltage_gain);
  words.current_gain = static_cast<std::uint16_t>(model.current_gain / multiplier);
  words.pga = static_cast<std::uint8_t>(model.pga);
  words.multiplier = static_cast<std::uint8_t>(multiplier);
  return words;
}

}  // namespace insight
