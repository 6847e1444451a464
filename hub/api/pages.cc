#include "hub/api/pages.h"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "hub/api/url.h"

namespace hub {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 14> content_types = {{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".webp", "image/webp"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
}};

std::string content_type(const std::filesystem::path& file) {
  const auto extension = file.extension().string();
  for (const auto& [ending, type] : content_types) {
    if (extension == ending) return std::string(type);
  }
  return "application/octet-stream";
}

std::string tag_of(std::string_view content) {
  std::array<unsigned char, crypto_generichash_BYTES_MIN> hash{};
  crypto_generichash(hash.data(), hash.size(),
                     reinterpret_cast<const unsigned char*>(content.data()), content.size(),
                     nullptr, 0);
  std::string tag = "\"";
  for (const auto byte : hash) tag += fmt::format("{:02x}", byte);
  return tag + "\"";
}

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(in), {}};
  if (!in) {
    throw std::runtime_error(fmt::format(
        "The page's file {} cannot be read: give this user the right to.", file.string()));
  }
  return content;
}

}  // namespace

Pages::Pages(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) return;
  std::size_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_symlink() || !entry.is_regular_file()) continue;
    bytes += entry.file_size();
    if (bytes > most_bytes) {
      throw std::runtime_error(
          fmt::format("The folder {} holds more than {} MiB: give the folder of the built page.",
                      folder.string(), most_bytes / 1024 / 1024));
    }
    auto content = read(entry.path());
    auto tag = tag_of(content);
    files_.emplace("/" + entry.path().lexically_relative(folder).generic_string(),
                   File{content_type(entry.path()), std::move(tag), std::move(content)});
  }
}

Response Pages::answer(const Request& request) const {
  const auto plain = [](unsigned status, std::string sentence) {
    return Response{
        .status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(sentence)};
  };
  if (request.method != "GET" && request.method != "HEAD") {
    auto response = plain(405, "Pages can only be read.\n");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  const auto path = decoded(request.target.substr(0, request.target.find('?')));
  if (!path) return plain(400, "This address is not well formed.\n");
  const auto file = files_.find(*path == "/" ? "/index.html" : *path);
  if (file == files_.end()) {
    return plain(404, files_.empty() ? "The page is not built: run `npm run build` in web/, then "
                                       "start the hub again.\n"
                                     : "There is no such page.\n");
  }
  const auto& [type, tag, content] = file->second;
  Response response{.headers = {{"ETag", tag}, {"Cache-Control", "no-cache"}}};
  if (request.if_none_match == tag) {
    response.status = 304;
    return response;
  }
  response.content_type = type;
  response.body = content;
  return response;
}

}  // namespace hub
