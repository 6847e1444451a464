#include "hub/integrations/notice_mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/integrations/base64.h"

namespace hub {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const Email mine = {.host = "mail.example.org",
                    .port = 587,
                    .is_secure = false,
                    .user = "ann",
                    .password = "secret",
                    .from = "lenz@example.org",
                    .to = {"ann@example.org", "bob@example.org"}};
const Notice notice = {.number = 7,
                       .about = "x",
                       .sending = Sending::at_once,
                       .is_danger = true,
                       .time = std::chrono::sys_days(std::chrono::year(2026) / 3 / 2),
                       .title = "Die Küche verliert Spannung",
                       .text = "Call an electrician.\n.\n"};

// Everything that is said to what a server says.
std::vector<std::string> said(SmtpConversation& talk, const std::vector<std::string>& lines) {
  std::vector<std::string> found;
  for (const auto& line : lines) {
    const auto step = talk.hear(line);
    if (!step.say.empty()) found.push_back(step.say);
    if (step.must_secure) found.push_back("(TLS)");
    if (step.is_end) found.push_back("(end)");
  }
  return found;
}

TEST(NoticeMail, goes_out_over_tls_with_the_password_only_there) {
  SmtpConversation talk(mine, "Subject: x\r\n\r\n", false);

  const auto words =
      said(talk, {"220 hello", "250-mail.example.org", "250-STARTTLS", "250 AUTH PLAIN LOGIN",
                  "220 go ahead", "", "250-mail", "250 AUTH LOGIN PLAIN", "235 ok", "250 ok",
                  "250 ok", "251 forwarded", "354 go", "250 taken"});

  EXPECT_THAT(words,
              ElementsAre("EHLO example.org\r\n", "STARTTLS\r\n", "(TLS)", "EHLO example.org\r\n",
                          "AUTH PLAIN " + base64("\0ann\0secret"s) + "\r\n",
                          "MAIL FROM:<lenz@example.org>\r\n", "RCPT TO:<ann@example.org>\r\n",
                          "RCPT TO:<bob@example.org>\r\n", "DATA\r\n", "Subject: x\r\n\r\n.\r\n",
                          "QUIT\r\n", "(end)"));
  EXPECT_EQ(talk.failure(), std::nullopt);
}

TEST(NoticeMail, signs_in_by_login_where_the_server_knows_only_that) {
  auto secure = mine;
  secure.is_secure = true;
  SmtpConversation talk(secure, "x", false);

  const auto words = said(talk, {"220 hi", "250 AUTH LOGIN", "334 UGFzc3dvcmQ6", "235 ok"});

  EXPECT_THAT(words, ElementsAre("EHLO example.org\r\n", "AUTH LOGIN " + base64("ann") + "\r\n",
                                 base64("secret") + "\r\n", "MAIL FROM:<lenz@example.org>\r\n"));
}

TEST(NoticeMail, is_not_sent_in_the_clear_over_the_net) {
  SmtpConversation talk(mine, "x", false);

  EXPECT_THAT(said(talk, {"220 hi", "250 AUTH PLAIN"}),
              ElementsAre("EHLO example.org\r\n", "QUIT\r\n", "(end)"));
  EXPECT_THAT(talk.failure().value(), HasSubstr("offers no STARTTLS"));
}

TEST(NoticeMail, says_what_a_server_refused) {
  SmtpConversation talk(mine, "x", true);
  said(talk, {"220 hi", "250 AUTH PLAIN", "535 5.7.8 wrong password"});
  EXPECT_EQ(talk.failure().value(),
            "The mail server mail.example.org did not take a notice: it said \"535 5.7.8 wrong "
            "password\".");

  SmtpConversation other(mine, "x", true);
  said(other, {"HTTP/1.1 400 Bad Request"});
  EXPECT_THAT(other.failure().value(), HasSubstr("does not speak SMTP"));
  SmtpConversation gone(mine, "x", true);
  EXPECT_THAT(gone.failure().value(), HasSubstr("hung up"));
}

TEST(NoticeMail, is_plain_ascii_that_no_name_can_break) {
  auto odd = notice;
  odd.title = "Evil\r\nBcc: all@example.org";

  for (const auto& one : {notice, odd}) {
    const auto mail = mail_of(one, mine, "Maple Street");
    EXPECT_TRUE(std::ranges::all_of(mail, [](unsigned char c) { return c < 0x80; }));
    EXPECT_EQ(mail.find("Bcc"), std::string::npos);
    EXPECT_EQ(mail.find("\r\n.\r\n"), std::string::npos);
    EXPECT_THAT(mail, HasSubstr("To: <ann@example.org>,\r\n <bob@example.org>\r\n"));
    EXPECT_THAT(mail, HasSubstr("Date: Mon, 02 Mar 2026 00:00:00 +0000\r\n"));
    EXPECT_TRUE(mail.ends_with("\r\n"));
  }
  EXPECT_THAT(mail_of(notice, mine, "Maple Street"),
              HasSubstr("Subject: =?utf-8?B?" +
                        base64("DANGER: Maple Street: Die Küche verliert S").substr(0, 40)));
}

}  // namespace
}  // namespace hub
