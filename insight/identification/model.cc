#include "insight/identification/model.h"

#include <fmt/format.h>
#include <zlib.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

namespace insight {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view magic = "LENZMODL";
constexpr std::uint32_t version = 1;
constexpr std::size_t head_bytes = magic.size() + 3 * sizeof(std::uint32_t);

void put(std::string& bytes, std::uint32_t number) {
  char raw[sizeof number];
  std::memcpy(raw, &number, sizeof number);
  bytes.append(raw, sizeof number);
}

void put_text(std::string& bytes, std::string_view text) {
  put(bytes, static_cast<std::uint32_t>(text.size()));
  bytes += text;
}

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

bool take_text(std::string_view& bytes, std::string& text) {
  if (bytes.size() < sizeof(std::uint32_t)) return false;
  const auto size = number_at(bytes, 0);
  bytes.remove_prefix(sizeof(std::uint32_t));
  if (bytes.size() < size) return false;
  text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

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
  if (bytes.size() < head_bytes)
    return fail("the model file is cut off; take the one that came with Lenz");
  const auto its_version = number_at(bytes, magic.size());
  if (its_version != version) {
    return fail(
        fmt::format("the model file is of version {}, and this Lenz reads {}; take the one "
                    "that came with it",
                    its_version, version));
  }
  const auto size = number_at(bytes, magic.size() + 4);
  const auto sum = number_at(bytes, magic.size() + 8);
  auto content = bytes.substr(head_bytes);
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
