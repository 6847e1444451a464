#include "hub/api/wiring.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

namespace hub {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::vector<NotSeen>& all) {
  auto list = Json::array();
  for (const auto& [circuit, where, why] : all) {
    list.push_back({{"circuit", circuit.empty() ? Json(nullptr) : Json(circuit)},
                    {"where", where},
                    {"why", why}});
  }
  return list;
}

Json json_of(const WiringExamination& examination) {
  const auto& report = examination.report;
  auto findings = Json::array();
  for (const auto& finding : report.findings) {
    auto channels = finding.channels;
    if (finding.chip) {
      for (std::size_t i = 0; i < measurement::channels_per_chip; ++i) {
        channels.push_back(*finding.chip * measurement::channels_per_chip + i);
      }
    }
    Json one{{"fault", row(finding.fault).word},
             {"title", row(finding.fault).title},
             {"channels", finding.channels},
             {"circuits", circuits_of(examination.panel, channels)}};
    if (finding.chip) one["chip"] = *finding.chip;
    one["where"] = finding.where;
    one["evidence"] = finding.evidence;
    one["fix"] = finding.fix;
    one["confidence"] = std::round(100 * static_cast<double>(finding.confidence)) / 100;
    findings.push_back(std::move(one));
  }
  const auto minutes = std::chrono::duration<double, std::ratio<60>>(report.length).count();
  return Json{{"device", examination.device},
              {"until", examination.until.time_since_epoch().count()},
              {"minutes", std::round(10 * minutes) / 10},
              {"is_enough", report.length >= insight::wiring::shortest_examination},
              {"findings", std::move(findings)},
              {"silent", report.silent},
              {"not_seen", json_of(not_seen(examination))}};
}

std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string wiring_text(const WiringExamination& examination) { return text(json_of(examination)); }

std::string wiring_text(DoctorDesk& desk, const Home& home, measurement::Timestamp now) {
  auto meters = Json::array();
  for (const auto& examination : desk.ask(now)) meters.push_back(json_of(examination));
  return text({{"now", now.time_since_epoch().count()},
               {"is_looking", desk.is_looking()},
               {"since", desk.since() == measurement::Timestamp{}
                             ? Json(nullptr)
                             : Json(desk.since().time_since_epoch().count())},
               {"meters", std::move(meters)},
               {"without_clamp", json_of(without_clamp(home, now))}});
}

}  // namespace hub
