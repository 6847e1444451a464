// The current transformers and voltage adapters that CircuitSetup's boards are sold with, and the
// words that a channel begins with before it is calibrated.

#pragma once

#include <span>
#include <string_view>

#include "measurement/channel_words.h"

namespace insight {

struct TransformerModel {
  std::string_view name;
  double rated_a = 0;
  double class_percent = 0;  // Its ratio at rated current is off by at most so much.
  double secondary_a = 0;    // At rated current; 0: it has a voltage output.
  double output_v = 0;       // At rated current, at the chip's pin.
  // One calibrated pair, of a board with 22 ohm and 18 nF.
  int pga = 1;
  int current_gain = 0;

  // Beyond it the pin has more than the 720 mV that the chip is rated for.
  double greatest_a() const { return rated_a * 0.72 / output_v; }
  // The chip's current ends at 65.535 A; gain over this, and times this again in the meter.
  int multiplier() const;
};

std::span<const TransformerModel> transformer_models();
const TransformerModel* find_transformer(std::string_view name);  // Null: none of that name.

// Which a channel is set up for that still has its start words; of several the first. Null: it has
// others.
const TransformerModel* transformer_set_up(int pga, int current_gain, int multiplier);

struct AdapterModel {
  std::string_view name;
  std::string_view board;  // Which it is for.
  int voltage_gain = 0;
};

std::span<const AdapterModel> adapter_models();

// The words a new channel starts with.
measurement::ChannelWords start_words(const TransformerModel&, const AdapterModel&);

}  // namespace insight
