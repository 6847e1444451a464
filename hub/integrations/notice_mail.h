// A notice as an e-mail, and the conversation that hands it to a server (RFC 5321, RFC 4954,
// RFC 3207). It only makes text and takes answers; hub/net carries it.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "hub/notices.h"
#include "hub/partners.h"

namespace hub {

// Headers and body, lines ended by CRLF, all of it ASCII.
std::string mail_of(const Notice&, const Email&, const std::string& home_name);

// One mail to one server. The line that it heard in, what to do out.
class SmtpConversation {
 public:
  struct Step {
    std::string say;
    bool must_secure = false;  // Then hear("") once TLS stands.
    bool is_end = false;
  };

  // `may_be_plain`: where the server offers no TLS. It never is where the server is elsewhere.
  SmtpConversation(const Email&, std::string mail, bool may_be_plain);

  Step hear(std::string_view line);
  // Absent: the server has it. Else one sentence why not.
  std::optional<std::string> failure() const;

 private:
  enum class At : std::uint8_t {
    greeting,
    hello,
    starting,
    hello_again,
    user,
    password,
    sender,
    recipient,
    go_ahead,
    taken,
    over
  };
  Step command(At, std::string_view line);
  Step fail(const std::string& why);
  Step after_hello();
  Step next_recipient();

  const Email& email_;
  std::string mail_;
  bool may_be_plain_, is_secure_;
  At at_ = At::greeting;
  bool offers_tls_ = false, offers_plain_ = false, offers_login_ = false;
  std::size_t recipients_ = 0;  // That were named.
  std::string failure_ = "it hung up before it took the mail";
};

}  // namespace hub
