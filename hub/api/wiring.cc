#include "hub/api/wiring.h"

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

namespace hub {

std::string wiring_text(std::string_view device, const insight::wiring::Report& report) {
  using Json = nlohmann::ordered_json;
  auto findings = Json::array();
  for (const auto& finding : report.findings) {
    Json one{{"fault", row(finding.fault).word}, {"channels", finding.channels}};
    if (finding.chip) one["chip"] = *finding.chip;
    one["where"] = finding.where;
    one["evidence"] = finding.evidence;
    one["fix"] = finding.fix;
    one["confidence"] = std::round(100 * static_cast<double>(finding.confidence)) / 100;
    findings.push_back(std::move(one));
  }
  const auto minutes = std::chrono::duration<double, std::ratio<60>>(report.length).count();
  return Json{{"device", device},
              {"minutes", std::round(10 * minutes) / 10},
              {"findings", std::move(findings)},
              {"silent", report.silent}}
      .dump();
}

}  // namespace hub
