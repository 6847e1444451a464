#include "bench/peers/wire.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <stdexcept>

namespace bench {
namespace {

// The value of a header, which may be written in any case.
std::string_view header(std::string_view head, std::string_view name) {
  for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
    at += 2;
    if (head.size() <= at + name.size() || head[at + name.size()] != ':' ||
        ::strncasecmp(head.data() + at, name.data(), name.size()) != 0) {
      continue;
    }
    auto value = head.substr(at + name.size() + 1);
    value = value.substr(0, value.find("\r\n"));
    return value.substr(std::min(value.find_first_not_of(' '), value.size()));
  }
  return {};
}

std::size_t number(std::string_view digits, int base) {
  std::size_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  return value;
}

std::string big_endian(std::uint32_t value) {
  std::string bytes(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<char>(value >> (24 - 8 * i));
  return bytes;
}

}  // namespace

Connection::Connection(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    throw std::runtime_error(fmt::format("nobody listens on port {}", port));
  }
  const int yes = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

Connection::~Connection() { ::close(socket_); }

void Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) throw std::runtime_error("a server hung up on what it was sent");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::size_t Connection::receive(char* to, std::size_t most) {
  const auto count = ::recv(socket_, to, most, 0);
  if (count <= 0) throw std::runtime_error("a server hung up instead of answering");
  return static_cast<std::size_t>(count);
}

void HttpConnection::more() {
  std::array<char, 262'144> piece;
  received_.append(piece.data(), connection_.receive(piece.data(), piece.size()));
}

std::size_t HttpConnection::line_end(std::size_t from) {
  for (;;) {
    if (const auto at = received_.find("\r\n", from); at != std::string::npos) return at;
    more();
  }
}

HttpConnection::Answer HttpConnection::ask(std::string_view method, std::string_view path,
                                           std::string_view body, std::string_view headers) {
  received_.clear();
  body_.clear();
  connection_.send(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{}\r\n",
                               method, path, body.size(), headers));
  connection_.send(body);

  std::size_t end = 0;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) more();
  const auto head_size = end + 2;
  end += 4;
  const auto head = [&] { return std::string_view(received_).substr(0, head_size); };
  const auto status = static_cast<unsigned>(number(head().substr(9, 3), 10));
  if (header(head(), "Transfer-Encoding") == "chunked") {
    for (;;) {
      const auto size_end = line_end(end);
      const auto size = number(std::string_view(received_).substr(end, size_end - end), 16);
      while (received_.size() < size_end + size + 4) more();
      body_.append(received_, size_end + 2, size);
      end = size_end + size + 4;
      if (size == 0) return {status, head(), body_};
    }
  }
  const auto length = number(header(head(), "Content-Length"), 10);
  while (received_.size() < end + length) more();
  return {status, head(), std::string_view(received_).substr(end, length)};
}

std::string_view good(const HttpConnection::Answer& answer) {
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  throw std::runtime_error(
      fmt::format("a server answers {}: {}", answer.status, answer.body.substr(0, 300)));
}

bool answers(int port, std::string_view path) {
  try {
    return HttpConnection(port).ask("GET", path).status < 400;
  } catch (const std::runtime_error&) {
    return false;
  }
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (is_plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

PostgresConnection::PostgresConnection(int port, std::string_view user) : connection_(port) {
  std::string hello = big_endian(3 << 16) + "user";
  hello += '\0';
  hello += user;
  hello += '\0';
  hello += std::string_view("database\0postgres\0\0", 19);
  connection_.send(big_endian(static_cast<std::uint32_t>(hello.size() + 4)) + hello);
  until_ready();
}

void PostgresConnection::send(char type, std::string_view content) {
  connection_.send(type + big_endian(static_cast<std::uint32_t>(content.size() + 4)));
  connection_.send(content);
}

PostgresConnection::Message PostgresConnection::next() {
  const auto need = [&](std::size_t size) {
    while (received_.size() - at_ < size) {
      received_.erase(0, at_);
      at_ = 0;
      std::array<char, 262'144> piece;
      received_.append(piece.data(), connection_.receive(piece.data(), piece.size()));
    }
  };
  need(5);
  std::size_t size = 0;
  for (std::size_t i = 1; i < 5; ++i) {
    size = size << 8 | static_cast<unsigned char>(received_[at_ + i]);
  }
  need(size + 1);
  const Message message{received_[at_], std::string_view(received_).substr(at_ + 5, size - 4)};
  at_ += size + 1;
  if (message.type == 'E') {
    throw std::runtime_error(fmt::format("PostgreSQL refuses: {}", message.content));
  }
  return message;
}

std::size_t PostgresConnection::until_ready() {
  std::size_t bytes = 0;
  for (;;) {
    const auto message = next();
    if (message.type == 'D') bytes += message.content.size();
    if (message.type == 'Z') return bytes;
  }
}

std::size_t PostgresConnection::query(std::string_view sql) {
  send('Q', std::string(sql) + '\0');
  return until_ready();
}

void PostgresConnection::copy(std::string_view sql, std::string_view text) {
  send('Q', std::string(sql) + '\0');
  while (next().type != 'G') continue;
  send('d', text);
  send('c', {});
  until_ready();
}

}  // namespace bench
