#include "insight/identification/model.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cstdint>
#include <utility>

#include "insight/identification/bytes.h"

namespace insight {
namespace {

constexpr std::string_view magic = "LENZMODL";
constexpr std::uint32_t version = 1;

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

std::string bytes_of(const Model& model) {
  std::string content;
  put_text(content, model.card);
  for (const auto& [name, part] : model.parts) {
    put_text(content, name);
    put_text(content, part);
  }
  std::string bytes(magic);
  put(bytes, version);
  put(bytes, static_cast<std::uint32_t>(content.size()));
  put(bytes, checksum(content));
  return bytes + content;
}

std::expected<Model, std::string> read_model(std::string_view bytes) {
  const auto fail = [](std::string why) { return std::unexpected(std::move(why)); };
  if (!bytes.starts_with(magic))
    return fail("this is no model file of Lenz; take the one that came with it");
  auto content = bytes.substr(magic.size());
  std::uint32_t its_version = 0, size = 0, sum = 0;
  if (!take(content, its_version) || !take(content, size) || !take(content, sum)) {
    return fail("the model file is cut off; take the one that came with Lenz");
  }
  if (its_version != version) {
    return fail(
        fmt::format("the model file is of version {}, and this Lenz reads {}; take the one "
                    "that came with it",
                    its_version, version));
  }
  if (content.size() != size || checksum(content) != sum) {
    return fail("the model file is damaged; take the one that came with Lenz");
  }
  Model model;
  bool is_whole = take_text(content, model.card);
  while (is_whole && !content.empty()) {
    std::string name, part;
    is_whole = take_text(content, name) && take_text(content, part);
    model.parts[name] = std::move(part);
  }
  if (!is_whole) return fail("the model file is damaged; take the one that came with Lenz");
  return model;
}

}  // namespace insight
