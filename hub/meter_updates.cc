#include "hub/meter_updates.h"

#include <algorithm>

namespace hub {
namespace {

constexpr std::size_t longest_sentence = 200;

}  // namespace

bool MeterUpdates::tell(const std::string& home, const std::string& device,
                        std::string_view manifest, Said said) {
  if (!send_(home, device, manifest)) return false;
  waiting_.insert_or_assign({home, device}, std::move(said));
  return true;
}

void MeterUpdates::heard(std::string_view home, std::string_view device,
                         std::string_view sentence) {
  auto waiting = waiting_.extract(Meter(home, device));
  if (waiting.empty()) return;
  std::string text(sentence.substr(0, longest_sentence));
  std::ranges::replace_if(
      text, [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  waiting.mapped()(text);
}

}  // namespace hub
