#include <algorithm>
#include <functional>
#include <numeric>

#include "insight/bill/billing.h"
#include "insight/bill/billing_work.h"

namespace insight {
namespace {

using measurement::Timestamp;

constexpr int all_digits = 9;

// What of the grid's import in one quarter each part had: its use, or where the home used more than
// it imported, as much less as all have.
class PartsOfImport {
 public:
  PartsOfImport(const QuarterHours& grid, std::span<const QuarterHours> parts)
      : grid_(grid), parts_(parts), now_(parts.size()) {}

  std::span<const std::int64_t> at(Timestamp time) {
    const auto imported = of(grid_, time);
    std::int64_t used = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) used += now_[i] = of(parts_[i], time);
    if (used > imported) {
      for (auto& one : now_) one = static_cast<std::int64_t>(Wide{one} * imported / used);
    }
    return now_;
  }

  std::int64_t imported(Timestamp time) const { return of(grid_, time); }

 private:
  static std::int64_t of(const QuarterHours& use, Timestamp time) {
    const auto index = (time - use.begin) / quarter;
    if (time < use.begin || static_cast<std::size_t>(index) >= use.imported.size()) return 0;
    return std::max<std::int64_t>(use.imported[static_cast<std::size_t>(index)].value, 0);
  }

  const QuarterHours& grid_;
  const std::span<const QuarterHours> parts_;
  std::vector<std::int64_t> now_;
};

// Columns of amounts: one for each part, then these.
enum class Beside : std::uint8_t { rest, standing, feed_in, count };

class Sharing {
 public:
  Sharing(const BillingWork& work, const QuarterHours& grid, std::span<const QuarterHours> parts,
          const DayAhead& prices)
      : work_(work), prices_(prices), parts_(parts.size()), of_import_(grid, parts) {
    const auto& quarters = work.quarters();
    used_.reserve(quarters.size() * parts_);
    for (const auto& one : quarters) {
      const auto now = of_import_.at(one.begin);
      used_.insert(used_.end(), now.begin(), now.end());
    }
  }

  // Of one line, exact in nano; the lines above have been shared. Sums to its amount.
  const std::vector<Decimal>& share(const WorkLine& line) {
    std::vector<Decimal> row(parts_ + static_cast<std::size_t>(Beside::count));
    auto remainder = Beside::rest;
    switch (line.of) {
      case LineOf::standing:
      case LineOf::minimum:
      case LineOf::rounding:
        remainder = Beside::standing;
        break;
      case LineOf::feed_in:
        remainder = Beside::feed_in;
        break;
      case LineOf::energy:
        line.day_ahead_factor ? by_cost(line, row) : by_use(line, row);
        break;
      case LineOf::demand:
        by_peak(line, row);
        break;
      case LineOf::tax:
        by_bases(line, row);
        break;
    }
    auto& last = row[parts_ + static_cast<std::size_t>(remainder)];
    last = line.line.amount - (std::accumulate(row.begin(), row.end(), Decimal{}) - last);
    return rows_.emplace_back(std::move(row));
  }

 private:
  static Decimal part_of(Decimal amount, std::int64_t part, std::int64_t whole) {
    if (whole == 0) return {};
    return {static_cast<std::int64_t>(divided(Wide{amount.nano} * part, whole))};
  }

  void by_use(const WorkLine& line, std::vector<Decimal>& row) const {
    std::vector<std::int64_t> sums(parts_);
    std::int64_t imported = 0;
    for (const auto index : line.quarters) {
      imported += work_.quarters()[index].imported;
      const auto* used = used_.data() + index * parts_;
      for (std::size_t part = 0; part < parts_; ++part) sums[part] += used[part];
    }
    for (std::size_t part = 0; part < parts_; ++part) {
      row[part] = part_of(line.line.amount, sums[part], imported);
    }
  }

  // Where a price may change its sign, shares of the amount would mean nothing.
  void by_cost(const WorkLine& line, std::vector<Decimal>& row) const {
    std::vector<Wide> costs(parts_);
    for (const auto index : line.quarters) {
      const auto price = prices_.at(work_.quarters()[index].begin).value_or(Decimal{});
      const auto* used = used_.data() + index * parts_;
      for (std::size_t part = 0; part < parts_; ++part)
        costs[part] += Wide{used[part]} * price.nano;
    }
    for (std::size_t part = 0; part < parts_; ++part) {
      row[part] = {static_cast<std::int64_t>(
          divided(costs[part] * line.day_ahead_factor->nano, Wide{power_of_ten(15)}))};
    }
  }

  void by_peak(const WorkLine& line, std::vector<Decimal>& row) {
    std::vector<std::int64_t> sums(parts_);
    std::int64_t imported = 0;
    for (auto time = line.peak; time < line.peak + line.interval; time += quarter) {
      imported += of_import_.imported(time);
      const auto now = of_import_.at(time);
      for (std::size_t part = 0; part < parts_; ++part) sums[part] += now[part];
    }
    for (std::size_t part = 0; part < parts_; ++part) {
      row[part] = part_of(line.line.amount, sums[part], imported);
    }
  }

  void by_bases(const WorkLine& line, std::vector<Decimal>& row) const {
    for (std::size_t column = 0; column < row.size(); ++column) {
      Decimal base;
      for (const auto above : line.bases) base += rows_[above][column];
      row[column] = {static_cast<std::int64_t>(
          divided(Wide{base.nano} * line.line.quantity.nano, Wide{power_of_ten(11)}))};
    }
  }

  const BillingWork& work_;
  const DayAhead& prices_;
  const std::size_t parts_;
  PartsOfImport of_import_;
  std::vector<std::int64_t> used_;  // By quarter, then part.
  std::vector<std::vector<Decimal>> rows_;
};

// To multiples of the minor unit that sum to the total: those cut most get what is left.
std::vector<Decimal> to_minor_units(const std::vector<Decimal>& exact, Decimal total, int digits) {
  const auto step = power_of_ten(all_digits - digits);
  std::vector<Decimal> whole;
  auto left = total;
  for (const auto one : exact) {
    const auto cut = ((one.nano % step) + step) % step;
    whole.push_back({one.nano - cut});
    left = left - whole.back();
  }
  std::vector<std::size_t> order(exact.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{},
                           [&](std::size_t i) { return exact[i] - whole[i]; });
  for (const auto i : order) {
    const Decimal given{std::min(left.nano, step)};
    whole[i] += given;
    left = left - given;
  }
  return whole;
}

}  // namespace

std::expected<BillShares, std::string> shares_of(const Tariff& tariff, const QuarterHours& grid,
                                                 std::span<const QuarterHours> parts,
                                                 BillingPeriod period, const Zone& zone,
                                                 const DayAhead& prices) {
  BillingWork work(tariff, grid, period, zone, prices);
  if (!work.trouble().empty()) return std::unexpected(work.trouble());
  const auto lines = work.lines();
  if (!work.trouble().empty()) return std::unexpected(work.trouble());

  BillShares shares{.bill = printed_bill(tariff, period, work, lines)};
  Sharing sharing(work, grid, parts, prices);
  std::vector<Decimal> exact(parts.size() + static_cast<std::size_t>(Beside::count));
  for (const auto& line : lines) {
    const auto& row = sharing.share(line);
    for (std::size_t column = 0; column < row.size(); ++column) exact[column] += row[column];
  }
  const auto whole = to_minor_units(exact, shares.bill.total, minor_digits(tariff.currency));
  const auto beside = [&](Beside which) {
    return whole[parts.size() + static_cast<std::size_t>(which)];
  };
  shares.parts.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(parts.size()));
  shares.rest = beside(Beside::rest);
  shares.standing = beside(Beside::standing);
  shares.feed_in = beside(Beside::feed_in);
  return shares;
}

}  // namespace insight
