#include "hub/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "hub/csv_rows.h"

namespace hub {
namespace {

using insight::ApplianceKind;
using insight::Market;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* dishwashers =
    "Brand Name,Model Number,Capacity - Maximum Number of Place Settings,"
    "Annual Energy Use (kWh/yr),Markets,Tub Material\n"
    "Acme,\"A1, white\",14,208,\"United States, Canada\",Plastic\n"
    "Acme,North,14,208,Canada,Plastic\n"
    "Acme,Silent,14,,United States,Plastic\n";

std::filesystem::path file_in_test_folder() {
  return std::filesystem::path(testing::TempDir()) /
         testing::UnitTest::GetInstance()->current_test_info()->name();
}

TEST(CsvRows, QuotesMayHoldCommasQuotesAndLineEnds) {
  const auto rows = csv_rows("a,\"b, \"\"c\"\"\",\"d\ne\"\r\n\nf,,g", 10);

  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_THAT((*rows)[0].fields, ElementsAre("a", "b, \"c\"", "d\ne"));
  EXPECT_THAT((*rows)[1].fields, ElementsAre("f", "", "g"));
  EXPECT_EQ((*rows)[1].line, 4U);
}

TEST(CsvRows, QuotesThatDoNotEndAndTooManyRowsAreSaid) {
  EXPECT_THAT(csv_rows("a\n\"b", 10).error(), HasSubstr("line 2"));
  EXPECT_THAT(csv_rows("a\nb\nc", 2).error(), HasSubstr("more than 2 rows"));
}

TEST(Catalogue, AnExportSaysWhatItHeldAndWhatNot) {
  const auto read = read_catalogue_export(dishwashers);

  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->models.size(), 1U);
  const auto& model = read->models[0];
  EXPECT_EQ(model.name, "Acme A1, white");
  EXPECT_EQ(model.kind, ApplianceKind::dishwasher);
  EXPECT_EQ(model.market, Market::us);
  EXPECT_DOUBLE_EQ(model.label, 1);  // 208 kWh a year of 4 cycles a week.
  EXPECT_EQ(model.size, 14);
  EXPECT_EQ(model.purchase, std::nullopt);
  EXPECT_EQ(read->elsewhere, 1U);
  EXPECT_THAT(read->refused, ElementsAre("line 4: it does not say what it takes"));
  EXPECT_THAT(read->unknown_columns, ElementsAre("Tub Material"));
}

TEST(Catalogue, ColumnsOfEprelAreKnown) {
  const auto washers = read_catalogue_export(
      "supplierOrTrademark,modelIdentifier,energyConsPer100Cycle,ratedCapacity\nAcme,W,45,9\n");
  const auto fridges = read_catalogue_export(
      "supplierOrTrademark,modelIdentifier,energyConsAnnual,totalVolume,capFreezeNet,capRefrNet\n"
      "Acme,K,155,300,100,200\nAcme,G,160,220,220,\nAcme,L,71,300,,300\n");

  ASSERT_TRUE(washers && fridges);
  EXPECT_EQ(washers->models[0].kind, ApplianceKind::washing_machine);
  EXPECT_DOUBLE_EQ(washers->models[0].label, 0.45);
  EXPECT_EQ(washers->models[0].size, 9);
  EXPECT_EQ(fridges->models[0].kind, ApplianceKind::fridge_freezer);
  EXPECT_EQ(fridges->models[1].kind, ApplianceKind::freezer);
  EXPECT_EQ(fridges->models[2].kind, ApplianceKind::fridge);
  EXPECT_EQ(fridges->models[2].market, Market::eu);
}

TEST(Catalogue, AFileThatIsNoExportIsRefused) {
  EXPECT_THAT(read_catalogue_export("time,power\n1,2\n").error(), HasSubstr("ENERGY STAR"));
  EXPECT_EQ(read_catalogue_export("").error(), "it is empty");
}

TEST(Catalogue, APriceIsAboutAndDatedAndOfItsCurrency) {
  auto read = read_catalogue_export(
      "supplierOrTrademark,modelIdentifier,energyCons100,purchase,currency,price_date\n"
      "Acme,D,75,649,EUR,2026-09\nAcme,E,75,649,EUR,\n");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->refused_count, 1U);
  Catalogue catalogue;
  catalogue.take(std::move(read->models));

  const auto euros = catalogue.offers(ApplianceKind::dishwasher, Market::eu, "EUR");
  const auto crowns = catalogue.offers(ApplianceKind::dishwasher, Market::eu, "SEK");

  ASSERT_EQ(euros.size(), 1U);
  EXPECT_EQ(euros[0].purchase, 649);
  EXPECT_EQ(euros[0].price_source, "about, list of 2026-09");
  EXPECT_EQ(crowns[0].purchase, std::nullopt);
  EXPECT_TRUE(catalogue.offers(ApplianceKind::dishwasher, Market::us, "EUR").empty());
}

TEST(Catalogue, WhatIsKeptIsReadAgain) {
  const auto file = file_in_test_folder();
  std::filesystem::remove(file);
  auto catalogue = Catalogue::read(file);
  EXPECT_TRUE(catalogue.models().empty());
  EXPECT_EQ(catalogue.take(read_catalogue_export(dishwashers)->models), 1U);
  EXPECT_EQ(catalogue.take(read_catalogue_export(dishwashers)->models), 0U);

  catalogue.write(file);
  const auto again = Catalogue::read(file);

  ASSERT_EQ(again.models().size(), 1U);
  EXPECT_EQ(again.models()[0].name, "Acme A1, white");
  EXPECT_EQ(again.models()[0].label, 1);
  EXPECT_EQ(again.models()[0].source, "ENERGY STAR");
}

TEST(Catalogue, ADamagedFileIsSaidWithItsLine) {
  const auto file = file_in_test_folder();
  std::ofstream(file) << "# Lenz catalogue 1\nmarket,kind,name\nus,dishwasher,A,x,,,,,\n";

  try {
    Catalogue::read(file);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("line 3"));
  }
}

TEST(Catalogue, TheExportsAtHandAreRead) {
  const char* data = std::getenv("LENZ_DATA");
  if (!data) GTEST_SKIP() << "LENZ_DATA does not name a folder with catalogues/energystar.";
  const auto read = [&](const char* name) {
    std::ifstream in(std::string(data) + "/catalogues/energystar/" + name, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    return read_catalogue_export(text);
  };

  const auto washers = read("clothes_washers.csv");
  const auto dishes = read("dishwashers.csv");

  ASSERT_TRUE(washers && dishes);
  // Rows less those of which Markets says Canada alone; two all-in-one models have no drying
  // energy.
  EXPECT_EQ(washers->models.size() + washers->refused_count + washers->elsewhere, 335U);
  EXPECT_EQ(washers->elsewhere, 32U);
  EXPECT_EQ(dishes->models.size(), 645U - 33U);
  EXPECT_EQ(dishes->refused_count, 0U);
}

}  // namespace
}  // namespace hub
