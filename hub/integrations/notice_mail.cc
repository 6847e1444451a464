#include "hub/integrations/notice_mail.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "hub/integrations/base64.h"
#include "hub/integrations/mail_words.h"

namespace hub {
namespace {

bool is_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const auto one = words.substr(0, words.find(' '));
    if (one == word) return true;
    words.remove_prefix(std::min(one.size() + 1, words.size()));
  }
  return false;
}

}  // namespace

std::string mail_of(const Notice& notice, const Email& email, const std::string& home_name) {
  const auto subject =
      fmt::format("{}{}: {}", notice.is_danger ? "DANGER: " : "", home_name, notice.title);
  return fmt::format(
      "From: Lenz <{}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\n"
      "Message-ID: <notice-{}-{}@{}>\r\n{}Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
      email.from, fmt::join(email.to, ">,\r\n <"), encoded_words(subject), mail_date(notice.time),
      notice.number, notice.time.time_since_epoch().count(), domain_of(email.from),
      notice.is_danger ? "Importance: high\r\n" : "",
      in_lines(base64(fmt::format("{}\n\n{}\n", notice.title, notice.text))));
}

SmtpConversation::SmtpConversation(const Email& email, std::string mail, bool may_be_plain)
    : email_(email),
      mail_(std::move(mail)),
      may_be_plain_(may_be_plain),
      is_secure_(email.is_secure) {}

std::optional<std::string> SmtpConversation::failure() const {
  if (failure_.empty()) return std::nullopt;
  return fmt::format("The mail server {} did not take a notice: {}.", email_.host, failure_);
}

SmtpConversation::Step SmtpConversation::command(At at, std::string_view line) {
  at_ = at;
  return {.say = fmt::format("{}\r\n", line)};
}

SmtpConversation::Step SmtpConversation::fail(const std::string& why) {
  if (!failure_.empty()) failure_ = why;
  at_ = At::over;
  return {.say = "QUIT\r\n", .is_end = true};
}

SmtpConversation::Step SmtpConversation::after_hello() {
  if (!is_secure_ && offers_tls_) return command(At::starting, "STARTTLS");
  if (!is_secure_ && !may_be_plain_) {
    return fail("it offers no STARTTLS, and mail goes out over TLS only");
  }
  if (email_.user.empty()) {
    return command(At::sender, fmt::format("MAIL FROM:<{}>", email_.from));
  }
  if (offers_plain_) {
    using namespace std::string_literals;
    return command(At::password,
                   "AUTH PLAIN " + base64("\0"s + email_.user + "\0"s + email_.password));
  }
  if (offers_login_) return command(At::user, "AUTH LOGIN " + base64(email_.user));
  return fail("it offers neither AUTH PLAIN nor AUTH LOGIN");
}

SmtpConversation::Step SmtpConversation::next_recipient() {
  if (recipients_ == email_.to.size()) return command(At::go_ahead, "DATA");
  return command(At::recipient, fmt::format("RCPT TO:<{}>", email_.to[recipients_++]));
}

SmtpConversation::Step SmtpConversation::hear(std::string_view line) {
  const auto hello = fmt::format("EHLO {}", domain_of(email_.from));
  if (line.empty() && at_ == At::starting) {
    is_secure_ = true;
    offers_tls_ = offers_plain_ = offers_login_ = false;
    return command(At::hello_again, hello);
  }
  int code = 0;
  const auto [end, error] =
      std::from_chars(line.data(), line.data() + std::min<std::size_t>(line.size(), 3), code);
  if (error != std::errc{} || end != line.data() + 3) return fail("it does not speak SMTP");
  if (at_ == At::hello || at_ == At::hello_again) {
    const auto rest = line.substr(std::min<std::size_t>(line.size(), 4));
    if (rest == "STARTTLS") offers_tls_ = true;
    if (rest.starts_with("AUTH ")) {
      offers_plain_ = is_word(rest, "PLAIN");
      offers_login_ = is_word(rest, "LOGIN");
    }
  }
  if (line.size() > 3 && line[3] == '-') return {};  // More of it follows.

  const auto said = [&](int wanted) { return code == wanted; };
  const auto refused = [&] { return fail(fmt::format("it said \"{}\"", line)); };
  switch (at_) {
    case At::greeting:
      return said(220) ? command(At::hello, hello) : refused();
    case At::hello:
    case At::hello_again:
      return said(250) ? after_hello() : refused();
    case At::starting:
      return said(220) ? Step{.say = {}, .must_secure = true} : refused();
    case At::user:
      return said(334) ? command(At::password, base64(email_.password)) : refused();
    case At::password:
      return said(235) ? command(At::sender, fmt::format("MAIL FROM:<{}>", email_.from))
                       : refused();
    case At::sender:
      return said(250) ? next_recipient() : refused();
    case At::recipient:
      return said(250) || said(251) ? next_recipient() : refused();
    case At::go_ahead:
      return said(354) ? command(At::taken, mail_ + ".") : refused();
    case At::taken:
      if (!said(250)) return refused();
      failure_.clear();
      return fail({});
    case At::over:
      break;
  }
  return {.say = {}, .is_end = true};
}

}  // namespace hub
