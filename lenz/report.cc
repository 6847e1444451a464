#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "hub/integrations/report_mail.h"
#include "hub/net/line_client.h"
#include "hub/partners.h"
#include "insight/report/report_page.h"
#include "lenz/commands.h"
#include "lenz/mail.h"
#include "lenz/money_books.h"
#include "lenz/print_page.h"

namespace lenz {
namespace {

void write_file(const std::string& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error(fmt::format("{} cannot be written.", file));
}

void send(const hub::Email& email, std::string mail) {
  boost::asio::io_context context;
  hub::LineClient client(context);
  std::optional<std::string> trouble;
  send_mail(client, email, std::move(mail),
            [&trouble](std::optional<std::string> said) { trouble = std::move(said); });
  context.run();
  if (trouble) throw std::runtime_error(*trouble);
}

}  // namespace

int report(const ReportOptions& options) {
  MoneyBooks books(options.data, options.home);
  const auto month = month_of_text(options.month, books.bill(), books.now());
  const auto facts = hub::report_facts(books.report_world(), month, books.now());
  if (!facts) throw std::runtime_error(facts.error());
  const auto page = insight::report_page(*facts);
  if (!options.html.empty()) write_file(options.html, page);
  if (!options.pdf.empty()) print_page(page, options.pdf);
  if (!options.mail.empty()) {
    auto email = hub::load_partners(books.place().partners_file()).email;
    if (!email) {
      throw std::runtime_error(
          fmt::format("No mail server is known: describe it in [email] of {} (partners_format.md).",
                      books.place().partners_file()));
    }
    email->to = {options.mail};
    const auto file = fmt::format("report-{:04}-{:02}.html", static_cast<int>(month.year()),
                                  unsigned{month.month()});
    send(*email, hub::report_mail(insight::report_title(*facts), insight::summary(*facts), page,
                                  file, *email, books.now()));
  }
  if (options.html.empty() && options.pdf.empty() && options.mail.empty()) {
    fmt::print("{}\n\n", insight::report_title(*facts));
    for (const auto& sentence : insight::summary(*facts)) fmt::print("{}\n", sentence);
  }
  return 0;
}

}  // namespace lenz
