// An engine over HTTP.

#pragma once

#include "hub/engine/engine.h"
#include "hub/net/waiting_http.h"

namespace hub {

class HttpEngineLine final : public EngineLine {
 public:
  void allow(std::chrono::milliseconds time) override { http_.allow(time); }
  EngineAnswer ask(const EngineRequest&) override;

 private:
  WaitingHttp http_;
};

}  // namespace hub
