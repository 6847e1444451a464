#include "hub/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "hub/csv_rows.h"
#include "hub/toml_file.h"

namespace hub {

namespace {

using insight::ApplianceKind;
using insight::Market;

constexpr std::size_t most_refusals_told = 5, most_name_bytes = 200;
constexpr std::string_view first_line = "# Lenz catalogue 1";
constexpr std::string_view columns_line =
    "market,kind,name,label,size,purchase,currency,price_date,source";
constexpr std::size_t column_count = 9;
constexpr std::array<std::string_view, 2> market_words{"us", "eu"};
constexpr double litres_a_cubic_foot = 28.3168;
constexpr double drum_litres_a_kg = 7.5;  // As EU washers of 8 kg and 60 l have.
constexpr double dryer_cycles = 283;      // A year, of US labels.

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

// The fields of one row by the names of their columns, and which names were asked for.
class NamedFields {
 public:
  explicit NamedFields(const CsvRow& header) {
    for (std::size_t i = 0; i < header.fields.size(); ++i) {
      places_.try_emplace(header.fields[i], i);
    }
  }
  void set_row(const CsvRow& row) { row_ = &row; }

  bool has(std::string_view column) const { return places_.contains(column); }
  std::string_view text(std::string_view column) {
    const auto found = places_.find(column);
    if (found == places_.end()) return {};
    asked_.insert(found->second);
    if (found->second >= row_->fields.size()) return {};
    return row_->fields[found->second];
  }
  std::optional<double> positive(std::string_view column) {
    const auto value = number(text(column));
    return value && *value > 0 ? value : std::nullopt;
  }

  std::vector<std::string> never_asked() const {
    std::vector<std::string> names;
    for (const auto& [name, place] : places_) {
      if (!asked_.contains(place)) names.push_back(name);
    }
    return names;
  }

 private:
  std::map<std::string, std::size_t, std::less<>> places_;
  std::set<std::size_t> asked_;
  const CsvRow* row_ = nullptr;
};

// What one row of an export says; label 0 where it says nothing.
using ReadRow = void (*)(NamedFields&, CatalogueModel&);

void read_us_washer(NamedFields& row, CatalogueModel& model) {
  model.kind = ApplianceKind::washing_machine;
  const auto kwh = row.positive("Annual Energy Use (kWh/yr)");
  if (!kwh) return;
  model.label = *kwh / insight::us_washer_cycles;
  if (const auto volume = row.positive("Volume (cu. ft.)")) {
    model.size = *volume * litres_a_cubic_foot / drum_litres_a_kg;
  }
  const auto drying = row.positive(
      "Estimated Annual Energy Use (kWh/yr) for the dryer in a Combination All-in-One "
      "Washer-Dryer");
  if (row.text("Special Type").starts_with("Combination")) {
    model.kind = ApplianceKind::washer_dryer;
    model.label = drying ? model.label + *drying / dryer_cycles : 0;
  }
}

void read_us_dishwasher(NamedFields& row, CatalogueModel& model) {
  model.kind = ApplianceKind::dishwasher;
  const auto kwh = row.positive("Annual Energy Use (kWh/yr)");
  if (kwh) model.label = *kwh / insight::us_dishwasher_cycles;
  model.size = row.positive("Capacity - Maximum Number of Place Settings");
}

void read_us_fridge(NamedFields& row, CatalogueModel& model) {
  const auto type = row.text("Type");
  const auto says = [&](std::string_view word) { return type.find(word) != type.npos; };
  model.kind = says("Upright") || says("Chest")          ? ApplianceKind::freezer
               : says("Freezer") || says("Side-by-Side") ? ApplianceKind::fridge_freezer
                                                         : ApplianceKind::fridge;
  model.label = row.positive("Annual Energy Use (kWh/yr)").value_or(0);
  if (const auto volume = row.positive("Capacity (Total Volume) (ft3)")) {
    model.size = *volume * litres_a_cubic_foot;
  }
}

void read_eu_fridge(NamedFields& row, CatalogueModel& model) {
  const bool cools = row.positive("capRefrNet").has_value();
  const bool freezes = row.positive("capFreezeNet").has_value();
  model.kind = cools && freezes ? ApplianceKind::fridge_freezer
               : freezes        ? ApplianceKind::freezer
                                : ApplianceKind::fridge;
  for (const auto* column :
       {"energyConsAnnualV2", "energyConsAnnual", "consolidatedEnergyConsAnnual"}) {
    if (!(model.label > 0)) model.label = row.positive(column).value_or(0);
  }
  model.size = row.positive("totalVolume");
}

// kWh of 100 cycles in one column, the size in another.
template <ApplianceKind kind>
void read_eu_cycles(NamedFields& row, CatalogueModel& model, std::string_view of_100,
                    std::string_view size) {
  model.kind = kind;
  model.label = row.positive(of_100).value_or(0) / 100;
  model.size = row.positive(size);
}

// What an export is known by, and how its rows are read.
struct ExportRow {
  std::string_view marker;  // A column that only it has.
  Market market;
  std::string_view source;
  std::string_view make, model;  // Columns.
  ReadRow read;
};
constexpr std::string_view es_make = "Brand Name", es_model = "Model Number",
                           eu_make = "supplierOrTrademark", eu_model = "modelIdentifier";
constexpr std::array exports = {
    ExportRow{"Integrated Modified Energy Factor (IMEF)", Market::us, "ENERGY STAR", es_make,
              es_model, read_us_washer},
    ExportRow{"Capacity - Maximum Number of Place Settings", Market::us, "ENERGY STAR", es_make,
              es_model, read_us_dishwasher},
    ExportRow{"Capacity (Total Volume) (ft3)", Market::us, "ENERGY STAR", es_make, es_model,
              read_us_fridge},
    ExportRow{"energyConsPer100Cycle", Market::eu, "EPREL", eu_make, eu_model,
              [](NamedFields& row, CatalogueModel& model) {
                read_eu_cycles<ApplianceKind::washing_machine>(row, model, "energyConsPer100Cycle",
                                                               "ratedCapacity");
              }},
    ExportRow{"energyCons100", Market::eu, "EPREL", eu_make, eu_model,
              [](NamedFields& row, CatalogueModel& model) {
                read_eu_cycles<ApplianceKind::dishwasher>(row, model, "energyCons100",
                                                          "ratedCapacity");
              }},
    ExportRow{"energyConsumption100WashAndDry", Market::eu, "EPREL", eu_make, eu_model,
              [](NamedFields& row, CatalogueModel& model) {
                read_eu_cycles<ApplianceKind::washer_dryer>(
                    row, model, "energyConsumption100WashAndDry", "ratedCapacityWashAndDry");
              }},
    ExportRow{"totalVolume", Market::eu, "EPREL", eu_make, eu_model, read_eu_fridge},
};

const ExportRow* export_of(const NamedFields& fields) {
  for (const auto& row : exports) {
    if (fields.has(row.marker) && fields.has(row.make) && fields.has(row.model)) return &row;
  }
  return nullptr;
}

// What somebody added to an export: purchase, currency, price_date.
std::string read_price(NamedFields& row, CatalogueModel& model) {
  if (row.text("purchase").empty()) return {};
  model.purchase = row.positive("purchase");
  model.currency = row.text("currency");
  model.price_date = row.text("price_date");
  if (!model.purchase || model.currency.size() != 3 || model.price_date.empty()) {
    return "a price needs purchase, currency (USD) and price_date (2025-09)";
  }
  return {};
}

// Why it is none; empty: it is one.
std::string read_model(const ExportRow& what, NamedFields& row, CatalogueModel& model) {
  model.market = what.market;
  model.source = what.source;
  model.name = fmt::format("{} {}", row.text(what.make), row.text(what.model));
  if (row.text(what.model).empty()) return "it has no model";
  if (model.name.size() > most_name_bytes) return "its name is too long to be one";
  what.read(row, model);
  if (!(model.label > 0)) return "it does not say what it takes";
  return read_price(row, model);
}

auto order(const CatalogueModel& model) { return std::tie(model.market, model.kind, model.name); }

std::string row_text(const CatalogueModel& m) {
  const auto optional = [](const std::optional<double>& value) {
    return value ? fmt::format("{}", *value) : std::string();
  };
  return fmt::format("{},{},{},{},{},{},{},{},{}\n",
                     market_words[static_cast<std::size_t>(m.market)], insight::row(m.kind).word,
                     csv_field(m.name), m.label, optional(m.size), optional(m.purchase),
                     csv_field(m.currency), csv_field(m.price_date), csv_field(m.source));
}

std::optional<CatalogueModel> kept_model(const CsvRow& row) {
  if (row.fields.size() != column_count) return std::nullopt;
  const auto market = std::ranges::find(market_words, row.fields[0]);
  const auto kind = insight::appliance_kind(row.fields[1]);
  const auto label = number(row.fields[3]);
  if (market == market_words.end() || !kind || !label || !(*label > 0)) return std::nullopt;
  return CatalogueModel{.market = static_cast<Market>(market - market_words.begin()),
                        .kind = *kind,
                        .name = row.fields[2],
                        .label = *label,
                        .size = number(row.fields[4]),
                        .purchase = number(row.fields[5]),
                        .currency = row.fields[6],
                        .price_date = row.fields[7],
                        .source = row.fields[8]};
}

}  // namespace

std::expected<CatalogueExport, std::string> read_catalogue_export(std::string_view csv) {
  const auto rows = csv_rows(csv, most_catalogue_models + 1);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return std::unexpected("it is empty");
  NamedFields fields(rows->front());
  const auto* const what = export_of(fields);
  if (!what) {
    return std::unexpected(
        "its columns are none of an ENERGY STAR export of washers, dishwashers, fridges or "
        "freezers, "
        "nor EPREL's of washing machines, washer-dryers, dishwashers or fridges");
  }
  CatalogueExport result;
  for (const auto& row : std::span(*rows).subspan(1)) {
    fields.set_row(row);
    const auto markets = fields.text("Markets");
    if (!markets.empty() && markets.find("United States") == markets.npos) {
      ++result.elsewhere;
      continue;
    }
    CatalogueModel model;
    if (const auto why = read_model(*what, fields, model); !why.empty()) {
      if (++result.refused_count <= most_refusals_told) {
        result.refused.push_back(fmt::format("line {}: {}", row.line, why));
      }
      continue;
    }
    result.models.push_back(std::move(model));
  }
  result.unknown_columns = fields.never_asked();
  return result;
}

Catalogue Catalogue::read(const std::filesystem::path& path) {
  Catalogue catalogue;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    if (!std::filesystem::exists(path)) return catalogue;
    throw std::runtime_error(
        fmt::format("{}: this file cannot be read; check its rights.", path.string()));
  }
  if (std::filesystem::file_size(path) > most_catalogue_bytes) {
    throw std::runtime_error(
        fmt::format("{}: this is too large to be a catalogue; remove it and "
                    "import its sources again.",
                    path.string()));
  }
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto rows = csv_rows(text, most_catalogue_models + 2);
  const auto refuse = [&](std::size_t line) {
    throw std::runtime_error(fmt::format(
        "{}, line {}: this is no catalogue as docs/catalogue.md describes it; remove the "
        "file and import its sources again.",
        path.string(), line));
  };
  if (!rows || rows->size() < 2 || rows->front().fields[0] != first_line) refuse(1);
  for (const auto& row : std::span(*rows).subspan(2)) {
    auto model = kept_model(row);
    if (!model) refuse(row.line);
    catalogue.models_.push_back(std::move(*model));
  }
  std::ranges::stable_sort(catalogue.models_, {}, order);
  return catalogue;
}

void Catalogue::write(const std::filesystem::path& path) const {
  std::string text = fmt::format("{}\n{}\n", first_line, columns_line);
  for (const auto& model : models_) text += row_text(model);
  replace_file(path, text, 0644);
}

std::size_t Catalogue::take(std::vector<CatalogueModel> models) {
  std::map<std::tuple<Market, ApplianceKind, std::string>, CatalogueModel> all;
  for (auto& model : models_) all.insert_or_assign(order(model), std::move(model));
  const auto before = all.size();
  for (auto& model : models) all.insert_or_assign(order(model), std::move(model));
  models_.clear();
  for (auto& [key, model] : all) models_.push_back(std::move(model));
  if (models_.size() > most_catalogue_models) {
    throw std::runtime_error(
        fmt::format("A catalogue holds {} models at most; remove catalogue.csv and import fewer.",
                    most_catalogue_models));
  }
  return models_.size() - before;
}

std::vector<insight::Offer> Catalogue::offers(ApplianceKind kind, Market market,
                                              std::string_view currency) const {
  std::vector<insight::Offer> offers;
  for (const auto& model : models_) {
    if (model.kind != kind || model.market != market) continue;
    insight::Offer offer{.name = model.name,
                         .kind = kind,
                         .label = model.label,
                         .size = model.size,
                         .purchase = {},
                         .price_source = {}};
    if (model.purchase && model.currency == currency) {
      offer.purchase = model.purchase;
      offer.price_source = fmt::format("about, list of {}", model.price_date);
    }
    offers.push_back(std::move(offer));
  }
  return offers;
}

}  // namespace hub
