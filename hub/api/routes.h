// The only place that knows roles: one table says which path may be called how
// and by whom; dispatch, checks and the security tests are loops over it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/api/accounts.h"
#include "hub/api/message.h"
#include "hub/api/pages.h"
#include "hub/api/write.h"
#include "hub/home.h"
#include "hub/ledger.h"
#include "hub/live_feed.h"
#include "hub/store/store.h"

namespace hub {

enum class Role : std::uint8_t {
  anyone,
  owner,    // Signed in.
  scraper,  // Has the token for metrics, which opens nothing else.
  writer,   // Has a token to write points, which opens nothing else.
};

// What the routes answer from. All of it outlives them.
struct Context {
  const std::vector<Home>& homes;
  Store& store;
  LiveFeed& live;
  Accounts& accounts;
  std::function<measurement::Timestamp()> now;
  Ledger* ledger = nullptr;            // Null: no energy is told in metrics.
  std::string metrics_token = {};      // Empty: there are no metrics.
  const PointsDoor* points = nullptr;  // Null: nobody can write.
};

// One call, checked: what a handler sees.
struct Call {
  const Context& context;
  const Request& request;
  measurement::Timestamp now;
  const Home* home;  // Of the path; null where the path names none.
  std::string_view query;
  std::string_view session;  // Token of the cookie; empty: none.
  bool is_signed_in;
};

struct Route {
  using Handler = Response (*)(const Call&);

  // All must be given: a row without a role does not compile.
  constexpr Route(std::string_view method_, std::string_view path_, Role role_, Handler handler_,
                  std::size_t most_body_bytes_)
      : method(method_),
        path(path_),
        role(role_),
        handler(handler_),
        most_body_bytes(most_body_bytes_) {}

  std::string_view method;
  std::string_view path;  // "{home}" stands for the id of a home.
  Role role;
  Handler handler;
  std::size_t most_body_bytes;
};

class Routes {
 public:
  Routes(Context context, Pages pages) : context_(std::move(context)), pages_(std::move(pages)) {}

  static std::span<const Route> table();

  // What can be said before a body has come: why it need not come at all, or how long it may be.
  std::expected<std::size_t, Response> most_body_bytes(const Request& head) const;

  // In this order: Host (421), path (404), method (405), origin (403), role (401), type of the body
  // (415; what a writer sends may have any), its size (413), home (404). Outside /api, but for
  // paths of the table: the page.
  Response answer(const Request& request) const;

 private:
  struct Door;  // A route and what was found out on the way to it.
  std::expected<Door, Response> door(const Request& request) const;

  Context context_;
  Pages pages_;
};

}  // namespace hub
