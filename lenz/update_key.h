// The public key that updates are signed with, as OpenSSL writes it (PEM, P-256).

#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "firmware/update.h"

namespace lenz {

// Whether `signature` (DER) is this key's of `text`. False: there is no such file. The error is one
// sentence: it is not, or the file is no key.
std::expected<bool, std::string> check_signature(const std::string& file, std::string_view text,
                                                 std::string_view signature);

// What a simulated meter trusts.
class TrustedKey final : public firmware::SignatureCheck {
 public:
  explicit TrustedKey(std::string file) : file_(std::move(file)) {}
  bool is_genuine(std::span<const std::uint8_t> text,
                  std::span<const std::uint8_t> signature) override;

 private:
  std::string file_;
};

}  // namespace lenz
