#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "hub/catalogue.h"
#include "lenz/commands.h"
#include "lenz/workplace.h"

namespace lenz {

namespace {

std::string content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in || !std::filesystem::is_regular_file(file)) {
    throw std::runtime_error(fmt::format("{}: there is no such file.", file));
  }
  if (std::filesystem::file_size(file) > hub::most_catalogue_bytes) {
    throw std::runtime_error(fmt::format("{}: this is larger than {} MiB; split it.", file,
                                         hub::most_catalogue_bytes >> 20U));
  }
  return {std::istreambuf_iterator<char>(in), {}};
}

void tell(const std::string& file, const hub::CatalogueExport& read, std::size_t added) {
  fmt::print("{}: {} models, {} of them new", file, read.models.size(), added);
  if (read.elsewhere > 0) fmt::print("; {} are sold elsewhere only", read.elsewhere);
  if (read.refused_count > 0) fmt::print("; {} rows refused", read.refused_count);
  fmt::print("\n");
  for (const auto& why : read.refused) fmt::print("  {}\n", why);
  if (read.unknown_columns.empty()) return;
  fmt::print("  columns that are not used: {}\n", fmt::join(read.unknown_columns, "; "));
}

}  // namespace

int import_catalogue(const ImportCatalogueOptions& options) {
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  auto catalogue = hub::Catalogue::read(place.catalogue_file());
  bool is_whole = true;
  for (const auto& file : options.files) {
    auto read = hub::read_catalogue_export(content_of(file));
    if (!read) throw std::runtime_error(fmt::format("{}: {}.", file, read.error()));
    if (read->refused_count > 0) is_whole = false;
    const auto added = catalogue.take(read->models);
    tell(file, *read, added);
  }
  catalogue.write(place.catalogue_file());
  return is_whole ? 0 : 1;
}

}  // namespace lenz
