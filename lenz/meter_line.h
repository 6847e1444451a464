// One meter at the hub's broker, to ask it and wait for its reply.

#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "hub/ingest/mqtt_ingest.h"
#include "measurement/request.h"

namespace lenz {

class MeterLine {
 public:
  MeterLine(const hub::BrokerAddress&, std::string home, std::string device);
  ~MeterLine();

  // Gives the request an identity and asks until there is a reply: a broker or a meter that comes
  // back meanwhile has done it once. Throws std::runtime_error with one sentence after `patience`
  // more than the request takes.
  measurement::Reply ask(measurement::Request,
                         std::chrono::seconds patience = std::chrono::seconds(15));

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace lenz
