#include "hub/api/write.h"

#include <fmt/format.h>
#include <sodium.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "hub/api/url.h"

namespace hub {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_authorization_bytes = 1024;

// As both versions call them.
constexpr std::array<std::pair<std::string_view, std::chrono::nanoseconds>, 9> units = {{
    {"", 1ns},
    {"n", 1ns},
    {"ns", 1ns},
    {"u", 1us},
    {"us", 1us},
    {"ms", 1ms},
    {"s", 1s},
    {"m", 1min},
    {"h", 1h},
}};

Response full(StoreError error) {
  const bool is_full = error == StoreError::full;
  auto response =
      refusal(is_full ? 507 : 503, fmt::format("Nothing was stored: {}.", sentence(error)));
  response.headers.emplace_back("Retry-After", is_full ? "60" : "5");
  return response;
}

Response partial(const PointsTaken& taken) {
  return refusal(400, fmt::format("{}Line {} {}; {} of {} lines were refused.",
                                  taken.refused < taken.lines ? "partial write: " : "",
                                  taken.first_line, taken.why, taken.refused, taken.lines));
}

// What a gzip file unpacks to; absent where it is none, or more.
std::optional<std::string> unpacked(std::string_view packed, std::size_t most_bytes) {
  z_stream stream{};
  if (::inflateInit2(&stream, 15 + 16) != Z_OK) return std::nullopt;  // 16: with gzip's header.
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ends(&stream, ::inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text;
  std::array<char, 65536> piece;
  for (;;) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = piece.size();
    const int code = ::inflate(&stream, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END) return std::nullopt;
    text.append(piece.data(), piece.size() - stream.avail_out);
    if (text.size() > most_bytes) return std::nullopt;
    if (code == Z_STREAM_END) return text;
  }
}

}  // namespace

Response write_points(const PointsDoor& points, const Request& request, std::string_view asked,
                      measurement::Timestamp now) {
  const auto parameters = query(asked);
  if (!parameters) return refusal(400, "The query is not well formed or names a parameter twice.");
  if (parameters->contains("p")) {
    return refusal(400, "A token in an address is seen by others: send it as a header.");
  }
  const auto precision = parameters->find("precision");
  const auto unit = std::ranges::find(
      units, precision == parameters->end() ? std::string_view() : precision->second,
      &std::pair<std::string_view, std::chrono::nanoseconds>::first);
  if (unit == units.end()) return refusal(400, "precision: give ns, us, ms, s, m or h.");

  auto text = request.body;
  std::optional<std::string> kept;
  if (request.content_encoding == "gzip") {
    kept = unpacked(text, most_points_bytes);
    if (!kept) {
      return refusal(400,
                     fmt::format("The body is no gzip of at most {} bytes.", most_points_bytes));
    }
    text = *kept;
  } else if (!request.content_encoding.empty() && request.content_encoding != "identity") {
    return refusal(415, "Content-Encoding: send gzip or nothing.");
  }

  const auto taken = points.take(text, unit->second, now);
  if (!taken) return full(taken.error());
  if (taken->refused == taken->lines && taken->lines > 0) return partial(*taken);
  return {.later = [&points, taken = *taken](std::function<void(Response)> answer) {
    points.when_stored([taken, answer = std::move(answer)](std::expected<void, StoreError> done) {
      if (!done) return answer(full(done.error()));
      answer(taken.refused > 0 ? partial(taken) : Response{.status = 204});
    });
  }};
}

std::string written_token(std::string_view authorization) {
  if (authorization.size() > most_authorization_bytes) return {};
  for (const std::string_view scheme : {"Token ", "Bearer "}) {
    if (authorization.starts_with(scheme)) return std::string(authorization.substr(scheme.size()));
  }
  constexpr std::string_view basic = "Basic ";
  if (!authorization.starts_with(basic)) return {};
  const auto coded = authorization.substr(basic.size());
  std::string plain(coded.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(plain.data()), plain.size(), coded.data(),
                        coded.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0) {
    return {};
  }
  plain.resize(size);
  const auto colon = plain.find(':');
  return colon == std::string::npos ? std::string() : plain.substr(colon + 1);
}

}  // namespace hub
