// What can be bought: models from the exports of ENERGY STAR (US) and columns of EPREL (EU), kept
// in one file of the hub, which docs/catalogue.md describes.

#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/advice/adviser.h"

namespace hub {

struct CatalogueModel {
  insight::Market market{};
  insight::ApplianceKind kind{};
  std::string name;  // Make and model.
  double label = 0;  // As insight::label_basis() says.
  std::optional<double> size;
  // About, where the export has a column of it.
  std::optional<double> purchase;
  std::string currency;    // ISO 4217. With `purchase`.
  std::string price_date;  // "2025-09". Likewise.
  std::string source;      // "ENERGY STAR", "EPREL".
};

// What an export held.
struct CatalogueExport {
  std::vector<CatalogueModel> models;
  std::vector<std::string> unknown_columns;
  // Rows that are none: the first few, each one sentence with its line; and how many in all.
  std::vector<std::string> refused;
  std::size_t refused_count = 0;
  std::size_t elsewhere = 0;  // Rows of models that are sold in other markets only.
};

inline constexpr std::size_t most_catalogue_bytes = 64U << 20U, most_catalogue_models = 200'000;

// Of a CSV file, with quotes or without. The error is one sentence: what it is not, and what it
// should be.
std::expected<CatalogueExport, std::string> read_catalogue_export(std::string_view csv);

class Catalogue {
 public:
  // Of a file that is not there: an empty one. Throws std::runtime_error with one sentence that
  // names file and line where it is damaged.
  static Catalogue read(const std::filesystem::path&);
  // Throws std::runtime_error with one sentence.
  void write(const std::filesystem::path&) const;

  // Takes the place of those with the same market, kind and name. How many were new.
  std::size_t take(std::vector<CatalogueModel>);
  const std::vector<CatalogueModel>& models() const { return models_; }

  // Prices in other currencies are left out; a price says that it is about, and from when.
  std::vector<insight::Offer> offers(insight::ApplianceKind, insight::Market,
                                     std::string_view currency) const;

 private:
  std::vector<CatalogueModel> models_;  // By market, kind and name.
};

}  // namespace hub
