// The page by TLS, for a network: its names, its certificate, and the server that shows it.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/api/routes.h"
#include "hub/api/server.h"
#include "lenz/commands.h"
#include "lenz/page_certificate.h"

namespace lenz {

class SecurePage {
 public:
  using Now = std::function<measurement::Timestamp()>;
  using Say = std::function<void(const std::string&)>;

  // For the names that the options have. Throws std::runtime_error with one sentence.
  SecurePage(HttpsOptions, const std::string& secrets, Now, Say);

  std::vector<std::string> hosts() const;  // As a request's Host has them.
  std::string authority() const { return certificate_->authority(); }

  // Listens, and looks for a newer certificate once a minute. Context and routes outlive it. Throws
  // as above.
  void open(boost::asio::io_context&, const hub::Routes&);

  // For the terminal of an open one, with the token of a one-time link.
  std::string announcement(const std::string& token) const;

 private:
  std::string address(const std::string& host) const;
  void look();
  void look_again();

  const HttpsOptions options_;
  const Now now_;
  const Say say_;
  const std::unique_ptr<PageCertificate> certificate_;
  std::optional<hub::Server> server_;
  std::optional<boost::asio::steady_timer> timer_;
  std::string said_;
};

}  // namespace lenz
