#include "hub/integrations/notice_event.h"

#include <nlohmann/json.hpp>

namespace hub {

std::string notice_event(const Notice& notice, const std::string& home) {
  // Home Assistant's event entities want their type in event_type.
  const nlohmann::ordered_json body = {{"event_type", notice.is_danger ? "danger" : "notice"},
                                       {"home", home},
                                       {"id", notice.number},
                                       {"about", notice.about},
                                       {"time", notice.time.time_since_epoch().count()},
                                       {"title", notice.title},
                                       {"text", notice.text}};
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace hub
