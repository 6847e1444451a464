#include "lenz/page_certificate.h"

#include <arpa/inet.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

#include "hub/toml_file.h"
#include "lenz/certificate.h"

namespace lenz {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;
using std::chrono::days;

constexpr std::size_t most_names = 32;
constexpr std::uintmax_t most_file_bytes = 256 * 1024;
constexpr days authority_life{3650}, authority_rest{730}, page_life{397}, page_rest{60};

std::string canonical(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  in6_addr bytes{};
  char text[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET6, name.c_str(), &bytes) == 1) {
    return inet_ntop(AF_INET6, &bytes, text, sizeof text);
  }
  return name;
}

// Letters, digits, hyphens and dots, as in RFC 1123: nothing else gets into a certificate.
bool is_host_name(const std::string& name) {
  const auto is_part = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-';
  };
  for (std::string_view rest = name;;) {
    const auto part = rest.substr(0, rest.find('.'));
    if (part.empty() || part.size() > 63 || !std::ranges::all_of(part, is_part)) return false;
    if (part.size() == rest.size()) return name.size() <= 253;
    rest.remove_prefix(part.size() + 1);
  }
}

std::string read(const std::string& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  std::ifstream in(file, std::ios::binary);
  if (error || !in || size > most_file_bytes) return {};
  return {std::istreambuf_iterator<char>(in), {}};
}

// --- The owner's own

class OwnersCertificate : public PageCertificate {
 public:
  OwnersCertificate(const HttpsOptions& options, Timestamp now,
                    const std::function<void(const std::string&)>& say)
      : options_(options) {
    auto found = files();
    if (!found) throw std::runtime_error(found.error());
    seen_ = shown_ = *std::move(found);
    // A hub that did not start would not measure, so this is no reason.
    if (const auto fault = fault_of(shown_, now); !fault.empty()) say(fault);
  }

  const hub::TlsCertificate& shown() const override { return shown_; }

  // Two files are not replaced in one instant: a pair counts once it was seen twice.
  std::expected<std::optional<hub::TlsCertificate>, std::string> renewed(Timestamp now) override {
    auto found = files();
    if (!found) return std::unexpected(std::move(found.error()));
    const bool is_settled = is_same(*found, seen_);
    seen_ = *std::move(found);
    if (!is_settled || is_same(seen_, shown_)) return std::nullopt;
    if (auto fault = fault_of(seen_, now); !fault.empty()) return std::unexpected(std::move(fault));
    shown_ = seen_;
    return shown_;
  }

 private:
  static bool is_same(const hub::TlsCertificate& one, const hub::TlsCertificate& other) {
    return one.chain == other.chain && one.key == other.key;
  }

  std::expected<hub::TlsCertificate, std::string> files() const {
    hub::TlsCertificate found{read(options_.certificate), read(options_.key)};
    for (const auto& [text, file] :
         {std::pair(&found.chain, &options_.certificate), std::pair(&found.key, &options_.key)}) {
      if (text->empty()) {
        return std::unexpected(
            fmt::format("{} cannot be read: let the hub's user read it, PEM of at most {} KiB.",
                        *file, most_file_bytes / 1024));
      }
    }
    return found;
  }

  std::string fault_of(const hub::TlsCertificate& given, Timestamp now) const {
    for (const auto& name : options_.names) {
      if (is_for(given.chain, name)) continue;
      return fmt::format("The certificate in {} is not for {}: browsers will warn of it.",
                         options_.certificate, name);
    }
    if (is_valid_at(given.chain, now)) return {};
    return fmt::format("The certificate in {} has ended, or has not begun: renew it.",
                       options_.certificate);
  }

  const HttpsOptions options_;
  hub::TlsCertificate shown_, seen_;
};

// --- Of the hub's own authority

// All that is not named is forbidden: a kind of name without any limit would be free. No host is
// called lenz.invalid (RFC 6761).
std::string constraints(const std::vector<std::string>& names) {
  std::string hosts, addresses;
  for (const auto& name : names) {
    const auto all_bits = name.find(':') == std::string::npos
                              ? "255.255.255.255"
                              : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    if (is_address(name)) {
      addresses += fmt::format(",permitted;IP:{}/{}", name, all_bits);
    } else {
      hosts += fmt::format(",permitted;DNS:{}", name);
    }
  }
  if (hosts.empty()) hosts = ",permitted;DNS:lenz.invalid";
  if (addresses.empty()) addresses = ",excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:::/::";
  return "critical,permitted;email:lenz.invalid" + hosts + addresses;
}

class AuthoritysCertificate : public PageCertificate {
 public:
  AuthoritysCertificate(std::vector<std::string> names, const std::string& folder, Timestamp now,
                        const std::function<void(const std::string&)>& say)
      : names_(std::move(names)),
        authority_file_(folder + "/page_authority.pem"),
        page_file_(folder + "/page.pem") {
    std::filesystem::create_directories(folder);
    const auto kept_authority = read(authority_file_);
    if (!take_authority(kept_authority, now)) {
      draw_authority(now);
      if (!kept_authority.empty()) {
        say("The hub has a new authority, for other names or since the old one ends: phones and "
            "computers must trust it again (docs/https.md).");
      }
    }
    shown_.key = read(page_file_);  // Behind the certificates.
    for (const auto& one : certificates_in(shown_.key)) shown_.chain += one;
    if (!is_trusted(shown_, now + page_rest)) keep(drawn(now));
  }

  const hub::TlsCertificate& shown() const override { return shown_; }
  std::string authority() const override { return root_; }

  std::expected<std::optional<hub::TlsCertificate>, std::string> renewed(Timestamp now) override {
    if (is_trusted(shown_, now + page_rest)) return std::nullopt;
    try {
      keep(drawn(now));
    } catch (const std::runtime_error& trouble) {
      return std::unexpected(trouble.what());
    }
    return shown_;
  }

 private:
  // False: the text is none, or it cannot vouch for all names, or not for long.
  bool take_authority(const std::string& text, Timestamp now) {
    const auto certificates = certificates_in(text);
    if (certificates.size() != 2) return false;
    root_ = certificates[0];
    issuer_ = {certificates[1], text};
    try {
      return is_valid_at(root_, now + authority_rest) && is_trusted(drawn(now), now);
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  void draw_authority(Timestamp now) {
    const auto name = fmt::format("Lenz at {}, {:%Y-%m-%d}", names_.front(),
                                  fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
    CertificateWords words{.subject = name,
                           .begin = now - days(1),
                           .end = now + authority_life,
                           .extensions = {{"basicConstraints", "critical,CA:TRUE,pathlen:1"},
                                          {"keyUsage", "critical,keyCertSign"},
                                          {"subjectKeyIdentifier", "hash"},
                                          {"nameConstraints", constraints(names_)}}};
    const auto root = draw_certificate(words);
    words.subject += ", issuer";
    words.extensions.front().second = "critical,CA:TRUE,pathlen:0";
    words.extensions.push_back({"extendedKeyUsage", "serverAuth"});
    words.extensions.push_back({"authorityKeyIdentifier", "keyid:always"});
    issuer_ = draw_certificate(words, &root);
    root_ = root.certificate;
    hub::replace_file(authority_file_, root_ + issuer_.certificate + issuer_.key, 0600);
  }

  hub::TlsCertificate drawn(Timestamp now) const {
    std::string all;
    for (const auto& name : names_) all += (all.empty() ? "" : ",") + alternative_name(name);
    const auto [certificate, key] =
        draw_certificate({.subject = "The page of Lenz",
                          .begin = now - days(1),
                          .end = now - days(1) + page_life,
                          .extensions = {{"basicConstraints", "critical,CA:FALSE"},
                                         {"keyUsage", "critical,digitalSignature"},
                                         {"extendedKeyUsage", "serverAuth"},
                                         {"subjectKeyIdentifier", "hash"},
                                         {"authorityKeyIdentifier", "keyid:always"},
                                         {"subjectAltName", all}}},
                         &issuer_);
    return {certificate + issuer_.certificate, key};
  }

  void keep(hub::TlsCertificate made) {
    const auto text = made.chain + made.key;
    hub::replace_file(page_file_, text, 0600);
    shown_ = std::move(made);
  }

  bool is_trusted(const hub::TlsCertificate& chain, Timestamp at) const {
    return std::ranges::all_of(names_, [&](const std::string& name) {
      return distrust(chain.chain, root_, name, at).empty();
    });
  }

  const std::vector<std::string> names_;
  const std::string authority_file_, page_file_;
  std::string root_;
  CertificateAndKey issuer_;
  hub::TlsCertificate shown_;
};

}  // namespace

std::vector<std::string> checked_names(std::vector<std::string> names) {
  for (auto& name : names) {
    name = canonical(std::move(name));
    if (!is_address(name) && !is_host_name(name)) {
      throw std::runtime_error(
          fmt::format("--https {}: give a host's name (letters, digits, hyphens, dots) or an "
                      "address; its port is that of --https-port.",
                      name));
    }
  }
  if (names.size() > most_names ||
      std::set<std::string>(names.begin(), names.end()).size() != names.size()) {
    throw std::runtime_error(fmt::format("--https: give at most {} names, each once.", most_names));
  }
  return names;
}

std::unique_ptr<PageCertificate> page_certificate(
    const HttpsOptions& options, const std::string& folder, Timestamp now,
    const std::function<void(const std::string&)>& say) {
  if (options.certificate.empty()) {
    return std::make_unique<AuthoritysCertificate>(options.names, folder, now, say);
  }
  return std::make_unique<OwnersCertificate>(options, now, say);
}

}  // namespace lenz
