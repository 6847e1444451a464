// What the page shows of itself by TLS: a certificate that the owner brought, or one of an
// authority that the hub makes for nothing but its own names.

#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "hub/api/server.h"
#include "lenz/commands.h"
#include "measurement/units.h"

namespace lenz {

// Lower case; addresses as a browser writes them. Throws std::runtime_error with one sentence when
// one is neither a host's name nor an address, and when one is given twice or there are too many.
std::vector<std::string> checked_names(std::vector<std::string> names);

class PageCertificate {
 public:
  virtual ~PageCertificate() = default;

  virtual const hub::TlsCertificate& shown() const = 0;

  // PEM of whom a visitor must trust; empty: whoever signed the owner's own.
  virtual std::string authority() const { return {}; }

  // To be called once a minute. Nothing: what is shown is the one. The error is one sentence, and
  // then what is shown stays as well.
  virtual std::expected<std::optional<hub::TlsCertificate>, std::string> renewed(
      measurement::Timestamp now) = 0;
};

// The names are checked ones. Throws std::runtime_error with one sentence when a file cannot be
// read or written; what else is wrong with the owner's certificate is only said.
//
// The authority is a root, whose key is forgotten as soon as it has signed an issuer: the issuer
// (FOLDER/page_authority.pem, with its key) can sign for these names and no other, whatever a
// browser thinks of limits of a root. It lives ten years, and a new one is made, and said, when it
// ends within two or a name is added. Its certificate for the page (FOLDER/page.pem) lives 397
// days, which is the most that browsers take, and is renewed 60 days before its end.
std::unique_ptr<PageCertificate> page_certificate(
    const HttpsOptions&, const std::string& folder, measurement::Timestamp now,
    const std::function<void(const std::string&)>& say);

}  // namespace lenz
