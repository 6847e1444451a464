// Feeds arbitrary bytes to both decoders. What is taken must be within the limits, and say the
// same again after another trip through the codec.

#include <cstdlib>
#include <vector>

#include "measurement/report_codec.h"

using namespace measurement;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static std::vector<Sample> first(max_samples_per_report), second(max_samples_per_report);
  static std::vector<std::uint8_t> again(256 * 1024);

  (void)decode_answer({bytes, size});
  const auto decoded = decode({bytes, size}, first);
  if (!decoded) return 0;
  if (decoded->count > max_samples_per_report || decoded->header.chips > max_chips) std::abort();

  const auto used = encode({decoded->header, std::span(first).first(decoded->count)}, again);
  if (!used) std::abort();
  const auto repeated = decode(std::span(again).first(*used), second);
  if (!repeated || repeated->count != decoded->count) std::abort();
  for (std::size_t i = 0; i < decoded->count; ++i) {
    if (first[i] != second[i]) std::abort();
  }
  return 0;
}
