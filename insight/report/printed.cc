#include "insight/report/printed.h"

#include <algorithm>

namespace insight {
namespace {

using enum ApplianceKind;

bool has_compressor(ApplianceKind kind) {
  return kind == fridge || kind == freezer || kind == fridge_freezer;
}

}  // namespace

bool is_printed(ApplianceKind kind, std::span<const ApplianceKind> others) {
  if (kind == router) return true;
  return kind == freezer && std::ranges::none_of(others, has_compressor);
}

}  // namespace insight
