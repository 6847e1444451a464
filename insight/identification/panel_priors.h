// What the panel says of what may hang on a breaker: its rating, its poles, and people's words.

#pragma once

#include <optional>

#include "insight/identification/channel_identifier.h"
#include "insight/identification/kind_classifier.h"

namespace insight {

// `prior` times the likelihood ratios of what is known, the line's voltage too; together 1 again.
KindChances with_panel(KindChances prior, const ChannelFacts&);

// The kind that people's words name outright, as "Tumble dryer" does and "Range" or "Laundry" do
// not: who names a circuit so says what hangs on it. Absent: none, or several.
std::optional<ApplianceKind> kind_named(const ChannelFacts&);

// `chances` without the kinds that hang on an ordinary socket, where `peak` is more than a socket
// of this voltage gives: 20 A at 120 V (NEC 210.21), 16 A at 230 V, with a fifth on top.
KindChances within_socket(KindChances chances, measurement::Watts peak, const ChannelFacts&);

}  // namespace insight
