#include "hub/tariff_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "hub/rules.h"
#include "hub/toml_file.h"

namespace hub {

using insight::Decimal;
using insight::EnergyCharge;
using insight::Rate;
using insight::Season;
using insight::TariffVersion;
using insight::Window;
using std::chrono::local_days;
using std::chrono::month_day;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_versions = 200, most_charges = 20, most_rates = 24, most_windows = 12,
                      most_tiers = 12, most_holidays = 1000, most_seasons = 12;
constexpr std::size_t most_name = 120;
constexpr int most_ratchet_months = 24;
constexpr std::array<std::string_view, 4> per_words = {"day", "month", "year", "bill"};
constexpr std::array<std::string_view, 8> day_words = {"sun", "mon", "tue", "wed",
                                                       "thu", "fri", "sat", "holiday"};
constexpr std::string_view minimum_name = "Minimum bill";
const insight::DayKinds weekdays(0b0011'1110), weekends(0b1100'0001);

// Amounts and prices lie within these, so that no bill leaves the range of a Decimal.
const Decimal most_price{1'000'000 * std::int64_t{1'000'000'000}};

std::optional<unsigned> two_digits(std::string_view text) {
  unsigned number = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (text.size() != 2 || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

// Of "06-01".
std::optional<month_day> month_day_in(std::string_view text) {
  if (text.size() != 5 || text[2] != '-') return std::nullopt;
  const auto month = two_digits(text.substr(0, 2)), day = two_digits(text.substr(3));
  if (!month || !day) return std::nullopt;
  const auto date = std::chrono::month(*month) / std::chrono::day(*day);
  return date.ok() ? std::optional(date) : std::nullopt;
}

class Reader {
 public:
  explicit Reader(TomlFile file) : file_(std::move(file)) {}

  insight::Tariff tariff() {
    const auto& root = file_.root();
    file_.allow(root, "the file",
                {"name", "country", "currency", "source", "source_date", "holidays", "seasons",
                 "rounding", "version"});
    insight::Tariff tariff;
    name(root, "name", tariff.name);
    code(root, "country", 2, "DE", tariff.country);
    code(root, "currency", 3, "EUR", tariff.currency);
    name(root, "source", tariff.source);
    tariff.source_date = date(file_.required(root, "source_date"), "source_date");
    if (const auto* node = root.get("holidays")) holidays(*node, tariff);
    if (const auto* node = root.get("seasons")) seasons(file_.table(*node, "seasons"));
    tariff.rounding.line_digits = insight::minor_digits(tariff.currency);
    if (const auto* node = root.get("rounding")) {
      rounding(file_.table(*node, "rounding"), tariff.rounding);
    }
    file_.each(root, "version", [&](const toml::table& from) {
      limit(from, tariff.versions.size() + 1, most_versions, "versions");
      auto one = version(from);
      if (!tariff.versions.empty()) follow(from, tariff.versions.back(), one);
      tariff.versions.push_back(std::move(one));
    });
    if (tariff.versions.empty()) {
      file_.refuse(root.source(), "there is no [[version]]; add one with its prices");
    }
    return tariff;
  }

 private:
  void limit(const toml::node& at, std::size_t count, std::size_t most,
             std::string_view what) const {
    if (count > most) {
      file_.refuse(at.source(),
                   fmt::format("there are more than {} {}; take some out", most, what));
    }
  }

  void name(const toml::table& from, std::string_view key, std::string& into) const {
    file_.need(from, key, into);
    const bool is_line =
        std::ranges::none_of(into, [](unsigned char c) { return c < ' ' || c == 0x7F; });
    if (!into.empty() && into.size() <= most_name && is_line) return;
    file_.refuse(file_.required(from, key).source(),
                 fmt::format("\"{}\" must be 1 to {} characters in one line", key, most_name));
  }

  void code(const toml::table& from, std::string_view key, std::size_t length,
            std::string_view example, std::string& into) const {
    file_.need(from, key, into);
    const bool is_capital = std::ranges::all_of(into, [](char c) { return c >= 'A' && c <= 'Z'; });
    if (into.size() == length && is_capital) return;
    file_.refuse(
        file_.required(from, key).source(),
        fmt::format("\"{}\" must be {} capital letters like \"{}\"", key, length, example));
  }

  local_days date(const toml::node& node, std::string_view key) const {
    const auto value = node.value_exact<toml::date>();
    const std::chrono::year_month_day day(std::chrono::year(value ? value->year : 0),
                                          std::chrono::month(value ? value->month : 0),
                                          std::chrono::day(value ? value->day : 0));
    if (!day.ok()) {
      file_.refuse(node.source(), fmt::format("\"{}\" must be a date like 2026-01-31", key));
    }
    return local_days(day);
  }

  // Exactly what is written: a text in quotes, or a number of not more digits than a double keeps.
  Decimal decimal(const toml::node& node, std::string_view key) const {
    std::string text;
    if (node.is_string()) {
      text = *node.value_exact<std::string>();
    } else if (node.is_number()) {
      std::array<char, 400> digits{};
      const auto written = std::to_chars(digits.data(), digits.data() + digits.size(),
                                         *node.value<double>(), std::chars_format::fixed);
      text.assign(digits.data(), written.ptr);
      const auto kept = std::ranges::count_if(text, [](char c) { return c >= '0' && c <= '9'; });
      if (kept > 16) {
        file_.refuse(node.source(),
                     fmt::format("\"{}\" has too many digits for a number; put it in quotes", key));
      }
    } else {
      file_.refuse(node.source(),
                   fmt::format("\"{}\" must be a number, or one in quotes like \"0.3271\"", key));
    }
    const auto value = Decimal::parse(text);
    if (!value) file_.refuse(node.source(), fmt::format("\"{}\": {}", key, value.error()));
    if (*value > most_price || *value < -most_price) {
      file_.refuse(node.source(), fmt::format("\"{}\" must lie within 1000000; correct it", key));
    }
    return *value;
  }

  void need(const toml::table& from, std::string_view key, Decimal& into) const {
    into = decimal(file_.required(from, key), key);
  }

  void need_positive(const toml::table& from, std::string_view key, Decimal& into) const {
    need(from, key, into);
    if (into > Decimal{}) return;
    file_.refuse(file_.required(from, key).source(),
                 fmt::format("\"{}\" must be above 0; correct it", key));
  }

  void digits(const toml::table& from, std::string_view key, int most, int& into) const {
    file_.want(from, key, into);
    if (into >= 0 && into <= most) return;
    file_.refuse(file_.required(from, key).source(),
                 fmt::format("\"{}\" must be 0 to {} digits after the point", key, most));
  }

  void rounding(const toml::table& from, insight::Rounding& into) const {
    file_.allow(from, "[rounding]", {"line_digits", "kwh_digits", "kw_digits", "total_step"});
    digits(from, "line_digits", 6, into.line_digits);
    digits(from, "kwh_digits", 6, into.kwh_digits);
    digits(from, "kw_digits", 6, into.kw_digits);
    if (from.get("total_step")) need_positive(from, "total_step", into.total_step);
  }

  void holidays(const toml::node& node, insight::Tariff& into) const {
    const auto& list = file_.array(node, "holidays");
    limit(node, list.size(), most_holidays, "holidays");
    for (const auto& one : list) {
      if (const auto text = one.value_exact<std::string_view>()) {
        const auto yearly = month_day_in(*text);
        if (!yearly) {
          file_.refuse(one.source(),
                       fmt::format("\"{}\" must be like \"12-25\", which is a holiday "
                                   "every year, or a date like 2026-04-03",
                                   text->substr(0, 40)));
        }
        into.yearly_holidays.push_back(*yearly);
      } else {
        into.holidays.push_back(date(one, "holidays"));
      }
    }
  }

  // "06-01..10-31", or a list of such.
  std::vector<Season> season(const toml::node& node, std::string_view key) const {
    std::vector<Season> ranges;
    texts(node, key, [&](const toml::node& at, std::string_view text) {
      const auto dots = text.find("..");
      const auto first = month_day_in(text.substr(0, dots));
      const auto last =
          dots == std::string_view::npos ? std::nullopt : month_day_in(text.substr(dots + 2));
      if (!first || !last) {
        file_.refuse(at.source(),
                     fmt::format("\"{}\" must be first and last day like \"06-01..10-31\"", key));
      }
      ranges.push_back({*first, *last});
    });
    return ranges;
  }

  void seasons(const toml::table& from) {
    std::vector<Season> all;
    for (const auto& [key, node] : from) {
      auto ranges = season(node, key.str());
      all.insert(all.end(), ranges.begin(), ranges.end());
      seasons_.emplace(key.str(), std::move(ranges));
    }
    limit(from, all.size(), most_seasons, "seasons");
    if (const auto fault = insight::gap_or_overlap(all); !fault.empty()) {
      file_.refuse(from.source(),
                   fmt::format("{}; let [seasons] have each day of the year once", fault));
    }
  }

  // Calls visit(node, text) for a text or each of a list of them.
  template <class Visit>
  void texts(const toml::node& node, std::string_view key, Visit visit) const {
    const auto one = [&](const toml::node& at) {
      const auto text = at.value_exact<std::string_view>();
      if (!text) file_.refuse(at.source(), fmt::format("\"{}\" must be a text in quotes", key));
      visit(at, *text);
    };
    if (!node.is_array()) return one(node);
    limit(node, node.as_array()->size(), most_windows, key);
    for (const auto& at : *node.as_array()) one(at);
  }

  std::chrono::minutes minute(const toml::node& at, std::string_view text) const {
    const auto minute = text == "24:00" ? std::optional(MinuteOfDay(24h)) : minute_in(text);
    if (!minute || *minute % 15min != 0min) {
      file_.refuse(at.source(), fmt::format("\"{}\" must be a time on a quarter of an hour like "
                                            "\"16:00\"",
                                            text.substr(0, 40)));
    }
    return std::chrono::minutes(*minute);
  }

  void hours(const toml::node& node, std::vector<insight::Hours>& into) const {
    texts(node, "hours", [&](const toml::node& at, std::string_view text) {
      const auto dash = text.find('-');
      if (dash == std::string_view::npos) {
        file_.refuse(at.source(), "\"hours\" must be like \"16:00-21:00\"");
      }
      const auto begin = minute(at, text.substr(0, dash)), end = minute(at, text.substr(dash + 1));
      if (begin == end) {
        file_.refuse(at.source(),
                     "\"hours\" must not begin when they end; for all day take them "
                     "out");
      }
      if (begin < end) {
        into.push_back({begin, end});
        return;
      }
      into.push_back({begin, 24h});
      if (end > 0min) into.push_back({0min, end});
    });
  }

  void days(const toml::node& node, insight::DayKinds& into) const {
    into.reset();
    texts(node, "days", [&](const toml::node& at, std::string_view text) {
      const auto found = std::ranges::find(day_words, text);
      if (text == "all") {
        into.set();
      } else if (text == "weekdays") {
        into |= weekdays;
      } else if (text == "weekends") {
        into |= weekends;
      } else if (found != day_words.end()) {
        into.set(static_cast<std::size_t>(found - day_words.begin()));
      } else {
        file_.refuse(at.source(),
                     "\"days\" must be \"all\", \"weekdays\", \"weekends\" (with "
                     "holidays) or some of \"mon\" to \"sun\" and \"holiday\"");
      }
    });
  }

  Window window(const toml::table& from) const {
    Window window;
    if (const auto* node = from.get("season")) {
      texts(*node, "season", [&](const toml::node& at, std::string_view text) {
        const auto found = seasons_.find(text);
        if (found == seasons_.end()) {
          file_.refuse(at.source(), fmt::format("there is no season \"{}\"; add it to [seasons]",
                                                text.substr(0, 40)));
        }
        window.seasons.insert(window.seasons.end(), found->second.begin(), found->second.end());
      });
    }
    if (const auto* node = from.get("dates")) {
      if (!window.seasons.empty()) {
        file_.refuse(node->source(), "a time has \"season\" or \"dates\"; take one out");
      }
      window.seasons = season(*node, "dates");
    }
    if (const auto* node = from.get("days")) days(*node, window.days);
    if (const auto* node = from.get("hours")) hours(*node, window.hours);
    return window;
  }

  // What stands beside the price, or in when = [ { … }, … ].
  std::vector<Window> windows(const toml::table& from) const {
    const bool is_here = from.contains("season") || from.contains("dates") ||
                         from.contains("days") || from.contains("hours");
    const auto* when = from.get("when");
    if (when && is_here) {
      file_.refuse(when->source(),
                   "\"when\" stands for season, dates, days and hours; put all of "
                   "them into it");
    }
    if (is_here) return {window(from)};
    std::vector<Window> windows;
    if (!when) return windows;
    const auto& list = file_.array(*when, "when");
    limit(*when, list.size(), most_windows, "times");
    for (const auto& one : list) {
      const auto& table = file_.table(one, "when");
      file_.allow(table, "a time", {"season", "dates", "days", "hours"});
      windows.push_back(window(table));
    }
    return windows;
  }

  void tiers(const toml::table& from, const toml::node& node, Rate& into) const {
    const auto& list = file_.array(node, "tiers");
    limit(node, list.size(), most_tiers, "tiers");
    for (const auto& one : list) {
      const auto& table = file_.table(one, "tiers");
      file_.allow(table, "a tier", {"name", "up_to", "price"});
      auto& tier = into.tiers.emplace_back();
      if (table.get("name")) name(table, "name", tier.words);
      need(table, "price", tier.price);
      if (&one == &list.back()) {
        if (table.get("up_to")) {
          file_.refuse(table.source(),
                       "the last tier must have no \"up_to\"; add one for what is "
                       "above");
        }
        break;
      }
      need_positive(table, "up_to", tier.up_to.emplace());
      if (into.tiers.size() > 1 && *tier.up_to <= *into.tiers.end()[-2].up_to) {
        file_.refuse(table.source(),
                     "each tier's \"up_to\" must be above the one before; correct "
                     "it");
      }
    }
    static_cast<void>(file_.required(from, "per"));
    file_.want_choice(from, "per", per_words, into.per);
  }

  Rate rate(const toml::table& from) const {
    Rate rate{.when = windows(from)};
    if (from.get("name")) name(from, "name", rate.words);
    rate.is_otherwise = rate.when.empty();
    file_.want(from, "otherwise", rate.is_otherwise);
    const auto* price = from.get("price");
    const auto* list = from.get("tiers");
    const auto* factor = from.get("day_ahead_factor");
    if ((price != nullptr) + (list != nullptr) + (factor != nullptr) != 1) {
      file_.refuse(from.source(),
                   "a rate has one of \"price\", \"tiers\" and \"day_ahead_factor\"; "
                   "let one of them stand");
    }
    if (!list && from.get("per")) {
      file_.refuse(from.get("per")->source(), "\"per\" is of tiers; take it out");
    }
    if (price) rate.tiers = {{.price = decimal(*price, "price")}};
    if (factor) need_positive(from, "day_ahead_factor", rate.day_ahead_factor.emplace());
    if (list) tiers(from, *list, rate);
    if (list && rate.tiers.empty()) {
      file_.refuse(list->source(), "\"tiers\" must not be empty; add { price = ... }");
    }
    return rate;
  }

  EnergyCharge energy(const toml::table& from) const {
    EnergyCharge charge;
    name(from, "name", charge.name);
    if (!from.get("rate")) {
      file_.allow(from, "a charge of one rate",
                  {"name", "price", "tiers", "per", "day_ahead_factor"});
      charge.rates.push_back(rate(from));
      charge.rates.back().words.clear();
      return charge;
    }
    file_.allow(from, "a charge of several rates", {"name", "rate"});
    file_.each(from, "rate", [&](const toml::table& one) {
      file_.allow(one, "a rate",
                  {"name", "price", "tiers", "per", "day_ahead_factor", "otherwise", "season",
                   "dates", "days", "hours", "when"});
      limit(one, charge.rates.size() + 1, most_rates, "rates");
      charge.rates.push_back(rate(one));
    });
    if (const auto fault = insight::gap_or_overlap(charge); !fault.empty()) {
      file_.refuse(from.source(), fmt::format("{}; let exactly one hold at any time", fault));
    }
    return charge;
  }

  insight::StandingCharge standing(const toml::table& from) const {
    file_.allow(from, "a standing charge", {"name", "price", "per", "contracted_kw"});
    insight::StandingCharge charge;
    name(from, "name", charge.name);
    need(from, "price", charge.price);
    static_cast<void>(file_.required(from, "per"));
    file_.want_choice(from, "per", per_words, charge.per);
    if (from.get("contracted_kw")) {
      need_positive(from, "contracted_kw", charge.contracted_kw.emplace());
    }
    return charge;
  }

  insight::DemandCharge demand(const toml::table& from) const {
    file_.allow(from, "a demand charge",
                {"name", "price", "interval_min", "ratchet_percent", "ratchet_months", "season",
                 "dates", "days", "hours", "when"});
    insight::DemandCharge charge{.when = windows(from)};
    name(from, "name", charge.name);
    need(from, "price", charge.price);
    auto interval = charge.interval.count();
    file_.want(from, "interval_min", interval);
    if (interval != 15 && interval != 30 && interval != 60) {
      file_.refuse(from.get("interval_min")->source(), "\"interval_min\" must be 15, 30 or 60");
    }
    charge.interval = std::chrono::minutes(interval);
    if (!from.get("ratchet_percent") && !from.get("ratchet_months")) return charge;
    need_positive(from, "ratchet_percent", charge.ratchet_percent);
    file_.need(from, "ratchet_months", charge.ratchet_months);
    if (charge.ratchet_months < 1 || charge.ratchet_months > most_ratchet_months) {
      file_.refuse(
          from.get("ratchet_months")->source(),
          fmt::format("\"ratchet_months\" must be 1 to {} months before", most_ratchet_months));
    }
    if (charge.ratchet_percent > Decimal{100 * std::int64_t{1'000'000'000}}) {
      file_.refuse(from.get("ratchet_percent")->source(),
                   "\"ratchet_percent\" must not be above 100");
    }
    return charge;
  }

  insight::Tax tax(const toml::table& from, const std::set<std::string>& above) const {
    file_.allow(from, "a tax", {"name", "percent", "on"});
    insight::Tax tax;
    name(from, "name", tax.name);
    need_positive(from, "percent", tax.percent);
    const auto* on = from.get("on");
    if (!on) return tax;
    for (const auto& one : file_.array(*on, "on")) {
      auto& of = tax.on.emplace_back();
      file_.take(one, "on", of);
      if (of != minimum_name && !above.contains(of)) {
        file_.refuse(one.source(), fmt::format("\"{}\" is no charge or tax above; name one of {}",
                                               of.substr(0, 40), fmt::join(above, ", ")));
      }
    }
    return tax;
  }

  TariffVersion version(const toml::table& from) const {
    file_.allow(from, "[[version]]",
                {"from", "until", "standing", "energy", "demand", "feed_in", "net_metering",
                 "feed_in_capped", "minimum", "tax"});
    TariffVersion version;
    version.from = date(file_.required(from, "from"), "from");
    if (const auto* node = from.get("until")) {
      version.until = date(*node, "until");
      if (*version.until <= version.from) {
        file_.refuse(node->source(),
                     "\"until\" must be after \"from\"; it is the first day on which "
                     "the version no longer holds");
      }
    }
    std::set<std::string> names;
    const auto charges = [&](std::string_view key, auto& into, auto read) {
      file_.each(from, key, [&](const toml::table& one) {
        limit(one, into.size() + 1, most_charges, "charges");
        into.push_back(read(one));
        if (!names.insert(into.back().name).second) {
          file_.refuse(one.source(),
                       fmt::format("the name \"{}\" is here twice; rename one", into.back().name));
        }
      });
    };
    charges("standing", version.standing, [&](const auto& one) { return standing(one); });
    charges("energy", version.energy, [&](const auto& one) { return energy(one); });
    charges("demand", version.demand, [&](const auto& one) { return demand(one); });
    charges("feed_in", version.feed_in, [&](const auto& one) { return energy(one); });
    if (names.empty()) {
      file_.refuse(from.source(), "the version has no charge; add [[version.energy]]");
    }
    charges("tax", version.taxes, [&](const auto& one) { return tax(one, names); });
    file_.want(from, "net_metering", version.is_net_metered);
    file_.want(from, "feed_in_capped", version.feed_in_is_capped);
    if (const auto* node = from.get("minimum")) version.minimum = minimum(*node);
    return version;
  }

  insight::MinimumBill minimum(const toml::node& node) const {
    const auto& from = file_.table(node, "minimum");
    file_.allow(from, "\"minimum\"", {"amount", "per"});
    insight::MinimumBill minimum;
    need_positive(from, "amount", minimum.amount);
    file_.want_choice(from, "per", per_words, minimum.per);
    return minimum;
  }

  void follow(const toml::table& at, const TariffVersion& before, const TariffVersion& now) const {
    if (now.from > before.from && (!before.until || *before.until <= now.from)) return;
    file_.refuse(at.source(),
                 "this version overlaps the one before it; order them by \"from\" and "
                 "let each end before the next");
  }

  const TomlFile file_;
  std::map<std::string, std::vector<Season>, std::less<>> seasons_;
};

}  // namespace

insight::Tariff read_tariff(const fs::path& path) {
  return Reader(TomlFile(path, most_tariff_bytes, "a tariff")).tariff();
}

insight::Tariff parse_tariff(std::string_view text, const fs::path& name) {
  if (text.size() > most_tariff_bytes) {
    throw std::runtime_error(
        fmt::format("{} is larger than {} bytes and is not a tariff; shorten "
                    "it.",
                    name.string(), most_tariff_bytes));
  }
  return Reader(TomlFile(text, name)).tariff();
}

std::vector<TariffTemplate> tariff_templates(const fs::path& folder) {
  std::vector<TariffTemplate> templates;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder, absent)) {
    if (entry.path().extension() != ".toml") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::string text(std::istreambuf_iterator<char>(file), {});
    try {
      const auto tariff = parse_tariff(text, entry.path());
      templates.push_back(
          {entry.path().stem().string(), tariff.name, tariff.country, std::move(text)});
    } catch (const std::runtime_error&) {
      continue;  // Somebody's draft; the hub's own are tested.
    }
  }
  std::ranges::sort(templates, {}, &TariffTemplate::id);
  return templates;
}

}  // namespace hub
