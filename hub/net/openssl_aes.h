// AES of OpenSSL, for what is encrypted block by block.

#pragma once

#include <openssl/evp.h>

#include <array>
#include <cassert>
#include <memory>
#include <span>

#include "measurement/ccm.h"

namespace hub {

class OpensslAes final : public measurement::AesBlock {
 public:
  explicit OpensslAes(std::span<const std::uint8_t, 16> key) : context_(EVP_CIPHER_CTX_new()) {
    [[maybe_unused]] const int done =
        EVP_EncryptInit_ex(context_.get(), EVP_aes_128_ecb(), nullptr, key.data(), nullptr);
    assert(done == 1 && "BUG: OpenSSL has no AES");
  }

  void encrypt(std::span<std::uint8_t, 16> block) override {
    std::array<std::uint8_t, 32> out;
    int size = 0;
    [[maybe_unused]] const int done =
        EVP_EncryptUpdate(context_.get(), out.data(), &size, block.data(), 16);
    assert(done == 1 && size == 16 && "BUG: AES failed");
    std::copy_n(out.begin(), block.size(), block.begin());
  }

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  };
  std::unique_ptr<EVP_CIPHER_CTX, Free> context_;
};

}  // namespace hub
