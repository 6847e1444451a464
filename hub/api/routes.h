// The only place that knows roles: one table says which path may be called how
// and by whom; dispatch, checks and the security tests are loops over it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/api/accounts.h"
#include "hub/api/message.h"
#include "hub/api/metrics.h"
#include "hub/api/pages.h"
#include "hub/api/pairing.h"
#include "hub/api/served_home.h"
#include "hub/api/shelf.h"
#include "hub/meter_requests.h"
#include "hub/meter_updates.h"

namespace hub {

enum class Role : std::uint8_t {
  anyone,
  resident,  // Signed in, and at home in the home of the path; the owner is so in all of them.
  owner,     // Signed in as the owner.
  scraper,   // Has the token for metrics, which opens nothing else.
  writer,    // Has a token to write points, which opens nothing else.
};

// What a request that changes something carries. What a writer sends may be of any type.
enum class Body : std::uint8_t { json, bytes };

// What the routes answer from. All of it outlives them.
struct Context {
  const std::vector<ServedHome>& homes;  // By id, rising.
  Accounts& accounts;
  std::function<measurement::Timestamp()> now;
  std::string metrics_token = {};         // Empty: there are no metrics.
  std::function<Traffic()> traffic = {};  // Empty: metrics do not tell of it.
  FirmwareShelf* shelf = nullptr;         // Null: no firmware is kept.
  UpdateShelf* updates_shelf = nullptr;   // The same of updates.
  // Whether a signature (DER) is of the key that updates are signed with. False: the hub has no
  // key. The error is one sentence: it is not, or the key cannot be read.
  std::function<std::expected<bool, std::string>(std::string_view text, std::string_view signature)>
      check_signature = {};
  MeterRequests* requests = nullptr;     // Null: nothing is asked of meters.
  MeterUpdates* updates = nullptr;       // Null: no meter gets new firmware.
  const PairingDoor* pairing = nullptr;  // Null: no meter is paired.
  std::vector<std::string> names = {};   // By which it is reached by TLS, as Host has them.
  std::string authority = {};  // PEM of who vouches for them; empty: nobody of the hub's own.
};

// One call, checked: what a handler sees.
struct Call {
  const Context& context;
  const Request& request;
  measurement::Timestamp now;
  const ServedHome* home;   // Of the path; null where the path names none.
  std::string_view device;  // The same; empty.
  std::string_view query;
  std::string_view session;                   // Token of the cookie; empty: none.
  const std::optional<Accounts::User>& user;  // Absent: nobody is signed in.
};

struct Route {
  using Handler = Response (*)(const Call&);

  // All but the body's type must be given: a row without a role does not compile.
  constexpr Route(std::string_view method_, std::string_view path_, Role role_, Handler handler_,
                  std::size_t most_body_bytes_, Body body_ = Body::json)
      : method(method_),
        path(path_),
        role(role_),
        handler(handler_),
        most_body_bytes(most_body_bytes_),
        body(body_) {}

  std::string_view method;
  std::string_view path;  // "{home}" stands for the id of a home, "{device}" for a meter's name.
  Role role;
  Handler handler;
  std::size_t most_body_bytes;
  Body body;
};

class Routes {
 public:
  Routes(Context context, Pages pages) : context_(std::move(context)), pages_(std::move(pages)) {}

  static std::span<const Route> table();

  // What can be said before a body has come: why it need not come at all, or how long it may be.
  std::expected<std::size_t, Response> most_body_bytes(const Request& head) const;

  // In this order: Host (421), path (404), method (405), origin (403), role (401), type of the body
  // (415; what a writer sends may have any), its size (413), home (404; 503 where it cannot be
  // served), and whether it is the owner who asks, where only the owner may (403). Somebody else's
  // home is as one that does not exist. Outside /api, but for paths of the table: the page.
  Response answer(const Request& request) const;

 private:
  struct Door;  // A route and what was found out on the way to it.
  std::expected<Door, Response> door(const Request& request) const;

  Context context_;
  Pages pages_;
};

}  // namespace hub
