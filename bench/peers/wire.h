// Conversations with servers on this machine that cost the client next to nothing, so that what is
// measured is the server.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bench {

// A connection to 127.0.0.1. Everything throws std::runtime_error when it ends.
class Connection {
 public:
  explicit Connection(int port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(std::string_view bytes);
  std::size_t receive(char* to, std::size_t most);  // At least one byte.

 private:
  int socket_;
};

// HTTP/1.1 with one connection that is kept.
class HttpConnection {
 public:
  explicit HttpConnection(int port) : connection_(port) {}

  // Further headers, each with its CR LF.
  struct Answer {
    unsigned status = 0;
    std::string_view head, body;  // Until the next request.
  };
  Answer ask(std::string_view method, std::string_view path, std::string_view body = {},
             std::string_view headers = {});

 private:
  void more();
  std::size_t line_end(std::size_t from);

  Connection connection_;
  std::string received_, body_;
};

// The body of a good answer; throws with what was said otherwise.
std::string_view good(const HttpConnection::Answer&);
bool answers(int port, std::string_view path);  // With less than 400.
std::string escaped(std::string_view text);     // For a query.

// PostgreSQL's protocol 3.0, without a password.
class PostgresConnection {
 public:
  PostgresConnection(int port, std::string_view user);

  // Bytes of the rows of the answer.
  std::size_t query(std::string_view sql);
  void copy(std::string_view sql, std::string_view text);  // COPY ... FROM STDIN

 private:
  struct Message {
    char type = 0;
    std::string_view content;
  };
  Message next();
  std::size_t until_ready();
  void send(char type, std::string_view content);

  Connection connection_;
  std::string received_;
  std::size_t at_ = 0;
};

}  // namespace bench
