#include "clock.h"

#include <esp_netif_sntp.h>
#include <esp_timer.h>
#include <sys/time.h>

#include <atomic>

namespace firmware::esp32_board {
namespace {

std::atomic<bool> is_set{false};

void on_time(struct timeval*) { is_set = true; }

}  // namespace

measurement::Uptime uptime() { return measurement::Uptime(esp_timer_get_time() / 1000); }

void begin_clock() {
  esp_sntp_config_t config = ESP_NETIF_SNTP_DEFAULT_CONFIG("pool.ntp.org");
  config.server_from_dhcp = true;  // The house's own server, where there is one, is the first.
  config.index_of_first_server = 1;
  config.renew_servers_after_new_IP = true;
  config.sync_cb = on_time;
  esp_netif_sntp_init(&config);
}

std::optional<measurement::Timestamp> booted_at() {
  if (!is_set) return std::nullopt;
  timeval now{};
  gettimeofday(&now, nullptr);
  const std::chrono::milliseconds utc(std::int64_t{now.tv_sec} * 1000 + now.tv_usec / 1000);
  return measurement::Timestamp(utc - uptime());
}

}  // namespace firmware::esp32_board
