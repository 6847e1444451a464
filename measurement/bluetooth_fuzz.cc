// Feeds arbitrary bytes to what hears Bluetooth: adverts, in the clear and through a cipher that
// changes nothing, and chunks. What we send of a reading must be heard as it was sent.

#include <algorithm>
#include <array>
#include <cstdlib>

#include "measurement/bthome.h"
#include "measurement/chunks.h"

using namespace measurement;

namespace {

class NoCipher final : public AesBlock {
 public:
  void encrypt(std::span<std::uint8_t, 16>) override {}
};

void hear(std::span<const std::uint8_t> bytes) {
  NoCipher cipher;
  (void)decode_bthome(bytes, &cipher, {});
  const auto heard = decode_bthome(bytes, nullptr, {});
  if (!heard) return;
  std::array<std::uint8_t, max_advert_bytes> advert;
  const auto size = encode_bthome(heard->reading, nullptr, advert);
  const auto again = decode_bthome(std::span(advert).first(size).subspan(7), nullptr, {});
  if (!again || again->reading.packet != heard->reading.packet ||
      again->reading.energy != heard->reading.energy) {
    std::abort();
  }
}

// Each chunk behind its size.
void join(std::span<const std::uint8_t> bytes) {
  std::array<std::uint8_t, 64> buffer;
  Joiner joiner(buffer);
  while (!bytes.empty()) {
    const auto size = std::min<std::size_t>(bytes[0] % 32, bytes.size() - 1);
    const auto message = joiner.add(bytes.subspan(1, size));
    if (message && (message->bytes.size() > buffer.size() || message->kind >= chunk_kinds)) {
      std::abort();
    }
    bytes = bytes.subspan(1 + size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  hear({bytes, size});
  join({bytes, size});
  return 0;
}
