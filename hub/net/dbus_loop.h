// A connection to a D-Bus, worked on by Asio.

#pragma once

#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}
namespace sdbus {
class IConnection;
}

namespace hub {

// Context and connection outlive it. Messages and timeouts are worked off on the context's thread,
// in short steps.
class DbusLoop {
 public:
  // `lost` is called once, not from within a handler of the connection: it may destroy both.
  DbusLoop(boost::asio::io_context&, sdbus::IConnection&,
           std::function<void(const std::string& why)> lost);
  ~DbusLoop();

  // To be called after something was sent.
  void sent();

 private:
  struct Watch;
  std::shared_ptr<Watch> watch_;  // Also held by what is under way on the context.
};

}  // namespace hub
