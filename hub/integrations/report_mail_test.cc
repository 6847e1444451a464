#include "hub/integrations/report_mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "hub/integrations/base64.h"

namespace hub {
namespace {

using testing::HasSubstr;

TEST(ReportMail, HasItsSentencesAsTextAndThePageAttached) {
  const Email email = {.host = "mail.example.org",
                       .from = "lenz@example.org",
                       .to = {"ann@example.org", "bob@example.org"}};
  const std::array<std::string, 2> sentences = {"You used 412 kWh.", "It cost \u20ac96."};

  const auto mail = report_mail("Energy report of Zu Hause, M\u00e4rz", sentences, "<p>page</p>",
                                "report-2026-03.html", email,
                                std::chrono::sys_days(std::chrono::year(2026) / 4 / 1));

  EXPECT_THAT(mail, HasSubstr("To: <ann@example.org>,\r\n <bob@example.org>\r\n"));
  EXPECT_THAT(mail, HasSubstr("Date: Wed, 01 Apr 2026 00:00:00 +0000\r\n"));
  EXPECT_THAT(mail, HasSubstr("boundary=\"--lenz-report\""));
  EXPECT_THAT(mail, HasSubstr("filename=\"report-2026-03.html\""));
  EXPECT_THAT(mail, HasSubstr("\r\n\r\n" + base64("<p>page</p>") + "\r\n----lenz-report--\r\n"));
  EXPECT_THAT(mail, HasSubstr(base64("You used 412 kWh.\nIt cost \u20ac96.\n").substr(0, 24)));
  for (const char c : mail) EXPECT_LT(static_cast<unsigned char>(c), 0x80);
}

}  // namespace
}  // namespace hub
