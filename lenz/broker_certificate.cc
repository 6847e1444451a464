#include "lenz/broker_certificate.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "hub/toml_file.h"
#include "lenz/certificate.h"

namespace lenz {
namespace {

using namespace std::chrono_literals;

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

BrokerCertificate broker_certificate(const std::string& folder, const std::string& host) {
  const auto file = folder + "/broker.crt", key_file = folder + "/broker.key";
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  BrokerCertificate kept{text_of(file), text_of(key_file)};
  if (!kept.key.empty() && is_for(kept.certificate, host) && is_valid_at(kept.certificate, now)) {
    return kept;
  }
  // A clock that is a little late keeps nobody out.
  const auto [certificate, key] = draw_certificate({.subject = host,
                                                    .begin = now - 24h,
                                                    .end = now + 20 * 365 * 24h,
                                                    .extensions = {
                                                        {"subjectAltName", alternative_name(host)},
                                                        {"basicConstraints", "critical,CA:TRUE"},
                                                    }});
  std::filesystem::create_directories(folder);
  hub::replace_file(key_file, key, 0600);
  hub::replace_file(file, certificate, 0600);
  return {certificate, key, true};
}

}  // namespace lenz
