#include "control.h"

#include <esp_app_desc.h>
#include <esp_system.h>

namespace firmware::esp32_board {

bool Control::identify() {
  light_.panel().identify();
  return light_.has_led();
}

bool Control::restart() { esp_restart(); }

void Control::tell(measurement::Diagnostics& diagnostics) const {
  diagnostics.free_heap = esp_get_free_heap_size();
  diagnostics.signal_dbm = static_cast<std::int16_t>(network_.signal_dbm());
  diagnostics.reset_reason = static_cast<std::uint8_t>(esp_reset_reason());
  diagnostics.firmware = esp_app_get_description()->version;
  if (device_ == nullptr) return;
  diagnostics.held = device_->outbox().waiting();
  diagnostics.lost = device_->outbox().lost();
}

}  // namespace firmware::esp32_board
