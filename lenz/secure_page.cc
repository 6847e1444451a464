#include "lenz/secure_page.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "hub/net/beat.h"
#include "lenz/certificate.h"

namespace lenz {
namespace {

HttpsOptions checked(HttpsOptions options) {
  options.names = checked_names(std::move(options.names));
  return options;
}

}  // namespace

SecurePage::SecurePage(HttpsOptions options, const std::string& secrets, Now now, Say say)
    : options_(checked(std::move(options))),
      now_(std::move(now)),
      say_(std::move(say)),
      certificate_(page_certificate(options_, secrets, now_(), say_)) {}

std::vector<std::string> SecurePage::hosts() const {
  std::vector<std::string> hosts;
  for (const auto& name : options_.names) {
    const bool is_v6 = name.find(':') != std::string::npos;
    hosts.push_back(is_v6 ? "[" + name + "]" : name);
  }
  return hosts;
}

void SecurePage::open(boost::asio::io_context& context, const hub::Routes& routes) {
  server_.emplace(context, routes, certificate_->shown(), options_.address,
                  static_cast<std::uint16_t>(options_.port));
  timer_.emplace(context);
  look_again();
}

void SecurePage::look() {
  const auto renewed = certificate_->renewed(now_());
  std::string trouble = renewed ? "" : renewed.error();
  if (renewed && *renewed) {
    if (const auto shown = server_->show(**renewed); shown) {
      say_("The page shows a new certificate from now on.");
    } else {
      trouble = shown.error();
    }
  }
  if (!trouble.empty() && trouble != said_) say_(trouble + " The one before stays.");
  said_ = std::move(trouble);
}

void SecurePage::look_again() {
  timer_->expires_at(hub::next_beat(std::chrono::minutes(1)));
  timer_->async_wait([this](boost::system::error_code error) {
    if (error) return;
    look();
    look_again();
  });
}

std::string SecurePage::address(const std::string& host) const {
  return server_->port() == 443 ? fmt::format("https://{}/", host)
                                : fmt::format("https://{}:{}/", host, server_->port());
}

std::string SecurePage::announcement(const std::string& token) const {
  const auto page = address(hosts().front());
  auto text = fmt::format("From your network: {}#link={}\n", page, token);
  if (const auto root = authority(); !root.empty()) {
    text += fmt::format(
        "A device trusts it once it trusts {}lenz-ca.crt (docs/https.md), SHA-256\n{}\n", page,
        fingerprint(root));
  }
  return text;
}

}  // namespace lenz
