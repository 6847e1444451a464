#include "hub/integrations/report_mail.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "hub/integrations/base64.h"
#include "hub/integrations/mail_words.h"

namespace hub {

std::string report_mail(std::string_view title, std::span<const std::string> sentences,
                        std::string_view page, std::string_view file, const Email& email,
                        measurement::Timestamp now) {
  // Base64 has no dashes, so that no line of a part is this one.
  constexpr std::string_view boundary = "--lenz-report";
  const auto stamp = now.time_since_epoch().count();
  return fmt::format(
      "From: Lenz <{}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\n"
      "Message-ID: <report-{}@{}>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/mixed; boundary=\"{}\"\r\n\r\n"
      "--{}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
      "base64\r\n\r\n{}"
      "--{}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Disposition: attachment; "
      "filename=\"{}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}--{}--\r\n",
      email.from, fmt::join(email.to, ">,\r\n <"), encoded_words(title), mail_date(now), stamp,
      domain_of(email.from), boundary, boundary,
      in_lines(
          base64(fmt::format("{}\n\nThe whole report is attached.\n", fmt::join(sentences, "\n")))),
      boundary, file, in_lines(base64(page)), boundary);
}

}  // namespace hub
