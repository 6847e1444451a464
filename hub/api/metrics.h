// What Prometheus reads: its text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).

#pragma once

#include <span>
#include <string>
#include <string_view>

#include "hub/home.h"
#include "hub/ledger.h"
#include "hub/store/store.h"

namespace hub {

// Power and energy of every circuit, and how its meters do. What is not known is left out, and so
// is the power of a meter that was last heard more than a minute ago. `ledger` may be null: no
// energy.
std::expected<std::string, StoreError> metrics_text(std::span<const Home>, Store&, Ledger* ledger,
                                                    std::string_view version,
                                                    measurement::Timestamp now);

// Whether an Authorization header is "Bearer " and the token; false for an empty token. Takes as
// long for a wrong token as for a right one.
bool is_bearer_of(std::string_view token, std::string_view authorization);

}  // namespace hub
