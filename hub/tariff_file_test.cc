#include "hub/tariff_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace hub {
namespace {

namespace fs = std::filesystem;
using insight::Decimal;
using testing::HasSubstr;

const auto templates_folder = fs::path(LENZ_SOURCE_DIR) / "hub/tariff_templates";
const auto sdge_folder = fs::path(LENZ_SOURCE_DIR) / "tests/tariffs";

std::string complaint_of(std::string_view text) {
  try {
    static_cast<void>(parse_tariff(text, "tariff.toml"));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

constexpr std::string_view head = R"(name = "T"
country = "DE"
currency = "EUR"
source = "by hand"
source_date = 2026-01-01
)";

struct Mistake {
  std::string_view text, complaint;  // Of what follows the five lines of the head.
};

TEST(TariffFile, SaysEachMistakeWithItsLine) {
  for (const auto& [text, complaint] : {
           Mistake{"", "line 1: there is no [[version]]; add one with its prices."},
           Mistake{"vat = 19",
                   "line 6: the file has no key \"vat\"; use one of name, country, "
                   "currency, source, source_date, holidays, seasons, rounding, "
                   "version."},
           Mistake{"holidays = [\"25 Dec\"]",
                   "line 6: \"25 Dec\" must be like \"12-25\", which is a holiday every year, or a "
                   "date like 2026-04-03."},
           Mistake{"[seasons]\nsummer = \"04-01..09-30\"\nwinter = \"10-01..02-28\"",
                   "line 6: 29 February is of no season; let [seasons] have each day of the year "
                   "once."},
           Mistake{
               "[seasons]\nsummer = \"04-01..09-30\"\nwinter = \"09-30..03-31\"",
               "line 6: 30 September is of two seasons; let [seasons] have each day of the year "
               "once."},
           Mistake{"[seasons]\nsummer = \"April to May\"",
                   "line 7: \"summer\" must be first and last day like \"06-01..10-31\"."},
           Mistake{"[rounding]\nline_digits = 7",
                   "line 7: \"line_digits\" must be 0 to 6 digits after the point."},
           Mistake{"[[version]]\nfrom = 2026-01-01",
                   "line 6: the version has no charge; add [[version.energy]]."},
           Mistake{"[[version]]\nfrom = \"January\"",
                   "line 7: \"from\" must be a date like 2026-01-31."},
           Mistake{"[[version]]\nfrom = 2026-02-30", "this is not TOML"},
           Mistake{"[[version]]\nfrom = 2026-01-01\nuntil = 2026-01-01",
                   "line 8: \"until\" must be after \"from\"; it is the first day on which the "
                   "version no longer holds."},
           Mistake{"[[version]]\nfrom = 2026-01-01\nuntil = 2026-07-01\n"
                   "[[version.energy]]\nname = \"E\"\nprice = 0.3\n"
                   "[[version]]\nfrom = 2026-06-01\n[[version.energy]]\nname = \"E\"\nprice = 0.3",
                   "line 12: this version overlaps the one before it; order them by \"from\" and "
                   "let each end before the next."},
       }) {
    EXPECT_THAT(complaint_of(fmt::format("{}{}", head, text)), HasSubstr(complaint)) << text;
    EXPECT_THAT(complaint_of(fmt::format("{}{}", head, text)), HasSubstr("tariff.toml, line "));
  }
}

TEST(TariffFile, SaysEachMistakeOfAChargeWithItsLine) {
  for (const auto& [text, complaint] : {
           Mistake{"name = \"E\"",
                   "line 8: a rate has one of \"price\", \"tiers\" and "
                   "\"day_ahead_factor\"; let one of them stand."},
           Mistake{"name = \"E\"\nprice = 0.3\nday_ahead_factor = 1", "line 8: a rate has one of"},
           Mistake{"price = 0.3", "line 8: the key \"name\" is missing here; add it."},
           Mistake{"name = \"E\"\nprice = 0.3\nhours = \"10:00-12:00\"",
                   "line 11: a charge of one rate has no key \"hours\"; use one of name, price"},
           Mistake{"name = \"E\"\nprice = \"0,30\"",
                   "line 10: \"price\": \"0,30\" is not a decimal number, as \"0.3271\" is."},
           Mistake{"name = \"E\"\nprice = true",
                   "line 10: \"price\" must be a number, or one in quotes like \"0.3271\"."},
           Mistake{"name = \"E\"\nprice = 0.12345678901234567",
                   "line 10: \"price\" has too many digits for a number; put it in quotes."},
           Mistake{"name = \"E\"\nprice = 1e7",
                   "line 10: \"price\" must lie within 1000000; correct it."},
           Mistake{"name = \"E\"\ntiers = [{ up_to = 100, price = 1 }, { price = 2 }]",
                   "the key \"per\" is missing here; add it."},
           Mistake{
               "name = \"E\"\nper = \"week\"\ntiers = [{ up_to = 100, price = 1 }, { price = 2 }]",
               "line 10: \"per\" must be one of \"day\", \"month\", \"year\", \"bill\"."},
           Mistake{
               "name = \"E\"\nper = \"day\"\ntiers = [{ up_to = -1, price = 1 }, { price = 2 }]",
               "line 11: \"up_to\" must be above 0; correct it."},
           Mistake{"name = \"E\"\nper = \"day\"\ntiers = [{ up_to = 9, price = 1 }]",
                   "line 11: the last tier must have no \"up_to\"; add one for what is above."},
           Mistake{"name = \"E\"\nper = \"day\"\ntiers = [{ up_to = 9, price = 1 }, { up_to = 9, "
                   "price = 2 }, { price = 3 }]",
                   "line 11: each tier's \"up_to\" must be above the one before; correct it."},
           Mistake{
               "name = \"E\"\n[[version.energy.rate]]\nprice = 0.3\nhours = \"06:00-22:00\"",
               "line 8: on a Sunday, 1 January, at 00:00 there is no rate of \"E\"; let exactly "
               "one hold at any time."},
           Mistake{"name = \"E\"\n[[version.energy.rate]]\nprice = 0.3\nhours = \"06:00-22:00\"\n"
                   "[[version.energy.rate]]\nprice = 0.2\nhours = \"21:45-06:00\"",
                   "line 8: on a Sunday, 1 January, at 21:45 there are two rates of \"E\"; let "
                   "exactly one hold at any time."},
           Mistake{"name = \"E\"\n[[version.energy.rate]]\nprice = 0.3\n[[version.energy.rate]]\n"
                   "price = 0.2",
                   "line 8: on a Sunday, 1 January, at 00:00 there are two rates of \"E\""},
           Mistake{"name = \"E\"\n[[version.energy.rate]]\nprice = 0.3\ndays = [\"mon\", \"tue\", "
                   "\"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]",
                   "line 8: on a holiday, 1 January, at 00:00 there is no rate of \"E\""},
           Mistake{"name = \"E\"\n[[version.energy.rate]]\nprice = 0.3\nhours = \"06:10-22:00\"",
                   "line 12: \"06:10\" must be a time on a quarter of an hour like \"16:00\"."},
           Mistake{"name = \"E\"\n[[version.energy.rate]]\nprice = 0.3\nhours = \"6-22\"",
                   "line 12: \"6\" must be a time on a quarter of an hour like \"16:00\"."},
           Mistake{"name = \"E\"\n[[version.energy.rate]]\nprice = 0.3\nhours = \"06:00-06:00\"",
                   "line 12: \"hours\" must not begin when they end; for all day take them out."},
           Mistake{"name = \"E\"\n[[version.energy.rate]]\nprice = 0.3\ndays = \"Monday\"",
                   "line 12: \"days\" must be \"all\", \"weekdays\", \"weekends\" (with holidays) "
                   "or some of \"mon\" to \"sun\" and \"holiday\"."},
           Mistake{"name = \"E\"\n[[version.energy.rate]]\nprice = 0.3\nseason = \"spring\"",
                   "line 12: there is no season \"spring\"; add it to [seasons]."},
           Mistake{"name = \"E\"\n[[version.energy.rate]]\nprice = 0.3\ndays = \"all\"\n"
                   "when = [{ hours = \"00:00-24:00\" }]",
                   "line 13: \"when\" stands for season, dates, days and hours; put all of them "
                   "into it."},
           Mistake{"name = \"E\"\nprice = 0.3\n[[version.standing]]\nname = \"E\"\nprice = 1\n"
                   "per = \"day\"",
                   "line 8: the name \"E\" is here twice; rename one."},
           Mistake{"name = \"E\"\nprice = 0.3\n[[version.standing]]\nname = \"S\"\nprice = 1",
                   "line 11: the key \"per\" is missing here; add it."},
           Mistake{"name = \"E\"\nprice = 0.3\n[[version.tax]]\nname = \"VAT\"\npercent = 19\n"
                   "on = [\"Energy\"]",
                   "line 14: \"Energy\" is no charge or tax above; name one of E."},
           Mistake{"name = \"E\"\nprice = 0.3\n[[version.tax]]\nname = \"VAT\"\npercent = 0",
                   "line 13: \"percent\" must be above 0; correct it."},
           Mistake{"name = \"E\"\nprice = 0.3\n[[version.demand]]\nname = \"D\"\nprice = 1\n"
                   "interval_min = 20",
                   "line 14: \"interval_min\" must be 15, 30 or 60."},
           Mistake{"name = \"E\"\nprice = 0.3\n[[version.demand]]\nname = \"D\"\nprice = 1\n"
                   "ratchet_percent = 80",
                   "line 11: the key \"ratchet_months\" is missing here; add it."},
           Mistake{"name = \"E\"\nprice = 0.3\n[[version.demand]]\nname = \"D\"\nprice = 1\n"
                   "ratchet_percent = 80\nratchet_months = 25",
                   "line 15: \"ratchet_months\" must be 1 to 24 months before."},
           Mistake{"name = \"E\"\nprice = 0.3\n[[version.demand]]\nname = \"D\"\nprice = 1\n"
                   "ratchet_percent = 101\nratchet_months = 1",
                   "line 14: \"ratchet_percent\" must not be above 100."},
       }) {
    const auto whole =
        fmt::format("{}[[version]]\nfrom = 2026-01-01\n[[version.energy]]\n{}", head, text);
    EXPECT_THAT(complaint_of(whole), HasSubstr(complaint)) << text;
  }
}

TEST(TariffFile, SaysWhichHeadIsMissingOrWrong) {
  EXPECT_THAT(complaint_of("country = \"DE\""), HasSubstr("the key \"name\" is missing here"));
  EXPECT_THAT(complaint_of("name = \"\""), HasSubstr("\"name\" must be 1 to 120 characters"));
  EXPECT_THAT(complaint_of("name = \"T\"\ncountry = \"Germany\""),
              HasSubstr("line 2: \"country\" must be 2 capital letters like \"DE\"."));
  EXPECT_THAT(complaint_of("name = \"T\"\ncountry = \"DE\"\ncurrency = \"€\""),
              HasSubstr("line 3: \"currency\" must be 3 capital letters like \"EUR\"."));
  EXPECT_THAT(complaint_of("name = \"T\"\ncountry = \"DE\"\ncurrency = \"EUR\"\nsource = \"x\"\n"
                           "source_date = 2026"),
              HasSubstr("line 5: \"source_date\" must be a date like 2026-01-31."));
}

TEST(TariffFile, HasLimits) {
  const auto with = [](std::size_t count, std::string_view begin, auto one) {
    std::string text = fmt::format("{}{}", head, begin);
    for (std::size_t i = 0; i < count; ++i) text += one(i);
    return text;
  };
  constexpr std::string_view version = "[[version]]\nfrom = 2026-01-01\n";
  const auto charge = [](std::size_t i) {
    return fmt::format("[[version.energy]]\nname = \"E{}\"\nprice = 1\n", i);
  };
  EXPECT_EQ(complaint_of(with(20, version, charge)), "");
  EXPECT_THAT(complaint_of(with(21, version, charge)), HasSubstr("more than 20 charges"));
  const auto holiday = [](std::size_t) { return "2026-01-01, "; };
  EXPECT_THAT(complaint_of(with(1001, "holidays = [", holiday) + "]"),
              HasSubstr("more than 1000 holidays"));
  EXPECT_THAT(complaint_of(std::string(most_tariff_bytes + 1, ' ')),
              HasSubstr("is larger than 262144 bytes and is not a tariff"));
}

TEST(TariffFile, KeepsFiguresExactly) {
  const auto tariff = parse_tariff(fmt::format("{}[[version]]\nfrom = 2026-01-01\n", head) + R"(
[[version.energy]]
name = "Number"
price = 0.32657
[[version.energy]]
name = "Text"
price = "-0.000000001"
[[version.energy]]
name = "Small"
price = 0.00001
[[version.energy]]
name = "Whole"
price = 12
)",
                                   "tariff.toml");
  std::vector<std::int64_t> nanos;
  for (const auto& charge : tariff.versions.at(0).energy) {
    nanos.push_back(charge.rates.at(0).tiers.at(0).price.nano);
  }
  EXPECT_EQ(nanos, (std::vector<std::int64_t>{326'570'000, -1, 10'000, 12'000'000'000}));
}

TEST(TariffFile, IsReadFromDisk) {
  EXPECT_EQ(read_tariff(templates_folder / "eu_flat.toml").currency, "EUR");
  EXPECT_THROW(static_cast<void>(read_tariff("/none.toml")), std::runtime_error);
}

TEST(TariffFile, OfTheFormatsPageIsOne) {
  std::ifstream file(fs::path(LENZ_SOURCE_DIR) / "docs/tariff_format.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  constexpr std::string_view fence = "```toml\n";
  const auto begin = page.find(fence) + fence.size();
  const auto example = page.substr(begin, page.find("```", begin) - begin);
  EXPECT_EQ(complaint_of(example), "");
  EXPECT_EQ(parse_tariff(example, "example").name, "Day and night");
}

TEST(TariffTemplates, AreTariffsOfCommonKinds) {
  const auto templates = tariff_templates(templates_folder);
  std::vector<std::string> ids;
  for (const auto& one : templates) {
    ids.push_back(one.id);
    EXPECT_EQ(parse_tariff(one.text, one.id).name, one.title);
    EXPECT_EQ(one.country.size(), 2U);
  }
  EXPECT_THAT(ids, testing::ElementsAre("es_2_0td", "eu_day_night", "eu_dynamic", "eu_feed_in",
                                        "eu_flat", "gb_flat", "us_demand", "us_net_metering",
                                        "us_tiered", "us_tou_baseline"));
  EXPECT_TRUE(tariff_templates("/none").empty());
}

// --- A utility's tariffs of two years ---

// Price of a plan's season and period in a version, by what the rates are called.
Decimal price_of(const insight::TariffVersion& version, std::string_view words) {
  for (const auto& charge : version.energy) {
    for (const auto& rate : charge.rates) {
      if (rate.words == words) return rate.tiers.at(0).price;
    }
  }
  ADD_FAILURE() << "no rate " << words;
  return {};
}

TEST(SdgeTariffs, HaveThePricesOfTheUtilitysTables) {
  const char* data = std::getenv("LENZ_DATA");
  if (!data) GTEST_SKIP() << "LENZ_DATA names no catalogues.";
  const std::map<std::string, std::string> periods = {{"SUPER_OFFPEAK", "Super off-peak"},
                                                      {"OFFPEAK", "Off-peak"},
                                                      {"PEAK", "On-peak"},
                                                      {"FLAT", "Energy"}};
  std::size_t prices = 0;
  for (const int year : {2023, 2024}) {
    std::ifstream file(fs::path(data) /
                       fmt::format("catalogues/tariffs_sdge/sdge_rates_{}.json", year));
    const auto tables = nlohmann::json::parse(file);
    for (const auto& [plan, table] : tables.items()) {
      if (plan == "PCIA") continue;
      auto id = fmt::format("sdge_{}.toml", plan);
      std::ranges::transform(id, id.begin(), [](char c) {
        return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      });
      const auto tariff = read_tariff(sdge_folder / id);
      const auto& version = *tariff.version_on(
          std::chrono::local_days(std::chrono::year(year) / std::chrono::June / 1));
      for (const auto* season : {"summer", "winter"}) {
        for (const auto& [period, price] : table.at(season).items()) {
          ++prices;
          EXPECT_EQ(price_of(version, fmt::format("{}, {}", periods.at(period), season)),
                    Decimal::nearest(price))
              << id << year << season << period;
        }
        if (const double credit = table.at("credit"); credit != 0) {
          EXPECT_EQ(price_of(version, fmt::format("Baseline credit, {}", season)),
                    Decimal::nearest(-credit));
        }
      }
      const double fee = table.at("service_fee");
      EXPECT_EQ(version.standing.empty() ? Decimal{} : version.standing.at(0).price,
                Decimal::nearest(fee));
    }
  }
  // 8 plans of 6 prices, 2 of 4 and 2 of 2, in two years.
  EXPECT_EQ(prices, 120U);
}

TEST(SdgeTariffs, HaveTheUtilitysHours) {
  using std::chrono::hours;
  const auto tariff = read_tariff(sdge_folder / "sdge_tou_dr1.toml");
  const auto& charge = tariff.versions.at(0).energy.at(0);
  struct Hour {
    std::chrono::year_month_day day;
    int hour;
    std::string_view words;
  };
  using namespace std::chrono_literals;
  for (const auto& [day, hour, words] : {
           Hour{2023y / 7 / 5, 16, "On-peak, summer"},          // A Wednesday.
           Hour{2023y / 7 / 5, 20, "On-peak, summer"},          //
           Hour{2023y / 7 / 5, 21, "Off-peak, summer"},         //
           Hour{2023y / 7 / 5, 5, "Super off-peak, summer"},    //
           Hour{2023y / 7 / 5, 6, "Off-peak, summer"},          //
           Hour{2023y / 7 / 4, 13, "Super off-peak, summer"},   // Independence Day.
           Hour{2023y / 7 / 8, 13, "Super off-peak, summer"},   // A Saturday.
           Hour{2023y / 7 / 8, 14, "Off-peak, summer"},         //
           Hour{2023y / 7 / 8, 17, "On-peak, summer"},          //
           Hour{2023y / 4 / 28, 12, "Super off-peak, winter"},  // A Friday in April.
           Hour{2023y / 4 / 28, 14, "Off-peak, winter"},        //
           Hour{2023y / 5 / 1, 12, "Off-peak, winter"},         // A Monday in May.
           Hour{2023y / 5 / 29, 12, "Super off-peak, winter"},  // Memorial Day.
           Hour{2023y / 10 / 31, 17, "On-peak, summer"},        //
           Hour{2023y / 11 / 1, 17, "On-peak, winter"},         //
       }) {
    const auto rate = insight::rate_at(charge, day.month() / day.day(),
                                       tariff.kind_of(std::chrono::local_days(day)), hours(hour));
    EXPECT_EQ(charge.rates.at(rate).words, words)
        << static_cast<unsigned>(day.month()) << '-' << static_cast<unsigned>(day.day()) << ' '
        << hour;
  }
}

}  // namespace
}  // namespace hub
