// Tells meters of new firmware, and knows which has not said yet what became of it.

#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace hub {

class MeterUpdates {
 public:
  // False: the broker is away.
  using Send = std::function<bool(std::string_view home, std::string_view device,
                                  std::string_view manifest)>;
  // Gets what the meter said: one sentence, printable ASCII, minutes later.
  using Said = std::function<void(std::string_view sentence)>;

  explicit MeterUpdates(Send send) : send_(std::move(send)) {}

  // Sends the manifest, which the meter judges. One that was told twice answers the latest. False:
  // the broker is away, and nothing was told.
  bool tell(const std::string& home, const std::string& device, std::string_view manifest, Said);

  // What a meter said. What nobody waits for is passed over.
  void heard(std::string_view home, std::string_view device, std::string_view sentence);

 private:
  using Meter = std::pair<std::string, std::string>;  // Home and device.

  Send send_;
  std::map<Meter, Said> waiting_;
};

}  // namespace hub
