#include "hub/api/bill.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "hub/tariff_file.h"
#include "insight/report/figures.h"
#include "insight/report/report.h"
#include "lenz/commands.h"
#include "lenz/money_books.h"

namespace lenz {
namespace {

// Without zeros at its end.
std::string shortest(insight::Decimal value) {
  auto text = insight::text(value, 9);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

void print_lines(const insight::Bill& bill) {
  const int digits = insight::minor_digits(bill.currency);
  for (const auto& line : bill.lines) {
    fmt::print("{:<36} {:>12} {:<4} x {:>10} {:>12}\n", line.words, shortest(line.quantity),
               line.unit, shortest(line.price), insight::text(line.amount, digits));
  }
  fmt::print("{:<36} {:>43} {}\n", "Total", insight::text(bill.total, digits), bill.currency);
}

void print_parts(std::string_view title, const std::vector<hub::BillPart>& parts,
                 const insight::Bill& bill) {
  if (parts.empty()) return;
  fmt::print("\n{}\n", title);
  for (const auto& part : parts) {
    fmt::print("{:<36} {:>12.1f} kWh {:>26}\n", part.name,
               static_cast<double>(part.energy.value) * 1e-6,
               insight::text(part.amount, insight::minor_digits(bill.currency)));
  }
}

}  // namespace

int bill(const BillOptions& options) {
  MoneyBooks books(options.data, options.home);
  const auto month = month_of_text(options.month, books.bill(), books.now());
  if (options.json) {
    fmt::print("{}\n", hub::bill_text(books.bill(), month, books.now()));
    return 0;
  }
  const auto found = books.bill().bill(month, books.now());
  if (!found) throw std::runtime_error(found.error());
  const auto& made = **found;
  fmt::print("{}, {}: {}\n\n", books.home().name, insight::month_text(month), made.bill.tariff);
  print_lines(made.bill);
  print_parts("Circuits", made.circuits, made.bill);
  print_parts("Appliances", made.appliances, made.bill);
  if (made.forecast) {
    fmt::print("\nBy its end about {}, {}.\n",
               insight::about_money_text(made.forecast->median, made.bill.currency),
               insight::range_text(*made.forecast, made.bill.currency));
  }
  if (const auto unpriced = insight::unpriced_text(made.bill.unpriced, books.bill().zone());
      !unpriced.empty()) {
    fmt::print("\n{}\n", unpriced);
  }
  if (made.bill.covered < 0.995) {
    fmt::print("\n{:.0f} % of the time was measured.\n", 100 * made.bill.covered);
  }
  fmt::print("\n{}\n", hub::bill_note);
  return 0;
}

int check_tariff(const CheckTariffOptions& options) {
  const auto tariff = hub::read_tariff(options.file);
  fmt::print("{}: {} in {}, {} {}.\n", options.file, tariff.name, tariff.currency,
             tariff.versions.size(), tariff.versions.size() == 1 ? "version" : "versions");
  return 0;
}

}  // namespace lenz
