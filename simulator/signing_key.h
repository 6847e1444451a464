// For the tests: the owner's key, P-256, as `openssl dgst -sha256 -sign` uses it.

#pragma once

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/update.h"

namespace simulator {

inline std::string hexadecimal(std::span<const std::uint8_t> bytes) {
  std::string digits;
  for (const auto byte : bytes) digits += fmt::format("{:02x}", byte);
  return digits;
}

inline firmware::Digest digest_of(std::span<const std::uint8_t> bytes) {
  firmware::Sha256 sum;
  sum.add(bytes);
  return sum.digest();
}

inline std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class SigningKey final : public firmware::SignatureCheck {
 public:
  SigningKey() : key_(EVP_EC_gen("P-256"), EVP_PKEY_free) {}
  // What OpenSSL wrote.
  explicit SigningKey(const std::string& file) : key_(nullptr, EVP_PKEY_free) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> pem(BIO_new_file(file.c_str(), "r"), BIO_free);
    key_.reset(PEM_read_bio_PUBKEY(pem.get(), nullptr, nullptr, nullptr));
  }

  void write_public(const std::string& file) const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> pem(BIO_new_file(file.c_str(), "w"), BIO_free);
    PEM_write_bio_PUBKEY(pem.get(), key_.get());
  }

  std::string sign(std::string_view text) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
    std::vector<std::uint8_t> signature(80);
    std::size_t size = signature.size();
    EVP_DigestSign(context.get(), signature.data(), &size, bytes_of(text).data(), text.size());
    signature.resize(size);
    return hexadecimal(signature);
  }

  // The manifest of an image.
  std::string manifest(std::string_view version, std::span<const std::uint8_t> image,
                       std::string_view chip = "esp32") const {
    const auto text = fmt::format("lenz-firmware 2\nversion {}\nchip {}\nsize {}\nsha256 {}\n",
                                  version, chip, image.size(), hexadecimal(digest_of(image)));
    return text + "signature " + sign(text) + "\n";
  }

  bool is_genuine(std::span<const std::uint8_t> text,
                  std::span<const std::uint8_t> signature) override {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
    return EVP_DigestVerify(context.get(), signature.data(), signature.size(), text.data(),
                            text.size()) == 1;
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

}  // namespace simulator
