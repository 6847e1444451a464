// What the panel says of what may hang on a breaker: its rating, its poles, and people's words.

#pragma once

#include "insight/identification/channel_identifier.h"
#include "insight/identification/kind_classifier.h"

namespace insight {

// `prior` times the likelihood ratios of what is known; together 1 again.
KindChances with_panel(KindChances prior, const ChannelFacts&);

}  // namespace insight
