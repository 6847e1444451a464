#include "hub/day_ahead.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "hub/time_text.h"
#include "hub/toml_file.h"

namespace hub {

using insight::Decimal;
using insight::quarter;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr auto longest = 60min;  // That one price holds.

std::optional<Timestamp> time_in(std::string_view text) {
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error == std::errc{} && end == text.data() + text.size()) {
    return ms > 0 && ms < 253'402'300'800'000
               ? std::optional(Timestamp(std::chrono::milliseconds(ms)))
               : std::nullopt;
  }
  return time_of(text);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\"";
  const auto first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string text_of(const insight::DayAhead& prices) {
  std::string text = "time,price\n";
  for (std::size_t i = 0; i < prices.prices.size(); ++i) {
    const auto& price = prices.prices[i];
    const auto time = prices.begin + static_cast<std::int64_t>(i) * quarter;
    if (!price) continue;
    fmt::format_to(std::back_inserter(text), "{:%Y-%m-%dT%H:%M}Z,{}\n",
                   fmt::gmtime(std::chrono::system_clock::to_time_t(time)),
                   insight::text(*price, 9));
  }
  return text;
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in.is_open() || in.bad()) {
    throw std::runtime_error(
        fmt::format("{} cannot be read: see to it that Lenz may.", file.string()));
  }
  return text;
}

}  // namespace

std::expected<std::vector<PriceFrom>, std::string> parse_prices(std::string_view text) {
  if (text.size() > most_price_bytes) {
    return std::unexpected(fmt::format("Prices may be {} MiB at a time.", most_price_bytes >> 20));
  }
  std::vector<PriceFrom> found;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto line = trimmed(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    ++number;
    if (line.empty()) continue;
    const auto at = line.find_first_of(",;");
    const auto time = time_in(trimmed(line.substr(0, at)));
    const auto price = Decimal::parse(at == line.npos ? "" : trimmed(line.substr(at + 1)));
    if (time && price) {
      found.emplace_back(*time, *price);
    } else if (number > 1) {
      return std::unexpected(
          fmt::format("Line {} is not understood: write a time and the value of one kWh, such as "
                      "2026-11-30T00:00Z,0.0873.",
                      number));
    }
  }
  if (found.empty()) {
    return std::unexpected(
        "There is nothing in it: write lines of a time and the value of one kWh, such as "
        "2026-11-30T00:00Z,0.0873.");
  }
  return found;
}

PriceBook::PriceBook(std::filesystem::path file) : file_(std::move(file)) {
  if (!std::filesystem::exists(file_)) return;
  const auto found = parse_prices(content_of(file_));
  const auto made = found ? with(*found) : std::unexpected(found.error());
  if (!made) {
    throw std::runtime_error(
        fmt::format("{}: {} Mend it, or remove it.", file_.string(), made.error()));
  }
  prices_ = *made;
}

std::expected<insight::DayAhead, std::string> PriceBook::with(std::vector<PriceFrom> more) const {
  if (more.empty()) return prices_;
  std::ranges::stable_sort(more, {}, &PriceFrom::first);
  const auto on_quarter = [](const PriceFrom& one) {
    return one.first.time_since_epoch() % quarter == 0ms;
  };
  if (!std::ranges::all_of(more, on_quarter)) {
    return std::unexpected(
        "A price begins between two quarters of an hour: let each begin on one.");
  }
  auto end_of = [](const insight::DayAhead& one) {
    return one.begin + std::ssize(one.prices) * quarter;
  };
  auto begin = more.front().first, end = more.back().first + longest;
  if (!prices_.prices.empty()) {
    begin = std::min(begin, prices_.begin);
    end = std::max(end, end_of(prices_));
  }
  begin = std::max(begin, end - kept);
  insight::DayAhead made{begin, {}};
  made.prices.resize(static_cast<std::size_t>((end - begin) / quarter));
  const auto put = [&](Timestamp time, Decimal price) {
    if (time >= begin) made.prices[static_cast<std::size_t>((time - begin) / quarter)] = price;
  };
  for (std::size_t i = 0; i < prices_.prices.size(); ++i) {
    const auto time = prices_.begin + static_cast<std::int64_t>(i) * quarter;
    if (prices_.prices[i]) put(time, *prices_.prices[i]);
  }
  std::chrono::milliseconds step = longest;
  for (std::size_t i = 0; i < more.size(); ++i) {
    const auto [time, price] = more[i];
    if (i + 1 < more.size() && more[i + 1].first > time) {
      step = std::min<std::chrono::milliseconds>(more[i + 1].first - time, longest);
    }
    for (auto at = time; at < time + step; at += quarter) put(at, price);
  }
  while (!made.prices.empty() && !made.prices.back()) made.prices.pop_back();
  return made;
}

std::expected<void, std::string> PriceBook::add(std::vector<PriceFrom> more) {
  auto made = with(std::move(more));
  if (!made) return std::unexpected(made.error());
  try {
    replace_file(file_, text_of(*made), 0644);
  } catch (const std::runtime_error& trouble) {
    return std::unexpected(trouble.what());
  }
  prices_ = std::move(*made);
  return {};
}

std::optional<Timestamp> PriceBook::until() const {
  if (prices_.prices.empty()) return std::nullopt;
  return prices_.begin + std::ssize(prices_.prices) * quarter;
}

}  // namespace hub
