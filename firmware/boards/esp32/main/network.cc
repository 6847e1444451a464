#include "network.h"

#include <driver/spi_master.h>
#include <esp_eth.h>
#include <esp_idf_version.h>
#include <esp_mac.h>
#include <esp_wifi.h>
#if ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(6, 0, 0)
#include <esp_eth_mac_w5500.h>
#include <esp_eth_phy_w5500.h>
#endif

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace firmware::esp32_board {
namespace {

constexpr auto ethernet_host = SPI3_HOST;
constexpr int ethernet_clock_hz = 30'000'000;

template <std::size_t size>
void copy_text(std::string_view text, std::uint8_t (&into)[size]) {
  std::memset(into, 0, size);
  std::memcpy(into, text.data(), std::min(text.size(), size));
}

}  // namespace

bool Network::begin(const Settings& settings, const EthernetPins& pins, bool wants_wifi) {
  if (esp_netif_init() != ESP_OK || esp_event_loop_create_default() != ESP_OK) return false;
  for (const auto base : {WIFI_EVENT, IP_EVENT, ETH_EVENT}) {
    esp_event_handler_register(base, ESP_EVENT_ANY_ID, on_event, this);
  }
  const bool has_ethernet = pins.chip_select != no_pin;
  has_wifi_ = wants_wifi;
  return (!has_wifi_ || begin_wifi(settings)) && (!has_ethernet || begin_ethernet(pins));
}

bool Network::begin_wifi(const Settings& settings) {
  auto* station = esp_netif_create_default_wifi_sta();
  if (!settings.hostname.empty()) esp_netif_set_hostname(station, settings.hostname.c_str());
  const wifi_init_config_t config = WIFI_INIT_CONFIG_DEFAULT();
  if (esp_wifi_init(&config) != ESP_OK) return false;
  esp_wifi_set_storage(WIFI_STORAGE_RAM);  // The settings have it.
  esp_wifi_set_mode(WIFI_MODE_STA);
  if (esp_wifi_start() != ESP_OK) return false;
  return !settings.has_network() || join(settings.network.view(), settings.password.view());
}

bool Network::begin_ethernet(const EthernetPins& pins) {
  spi_bus_config_t bus{};
  bus.mosi_io_num = pins.spi.mosi;
  bus.miso_io_num = pins.spi.miso;
  bus.sclk_io_num = pins.spi.clock;
  bus.quadwp_io_num = -1;
  bus.quadhd_io_num = -1;
  if (spi_bus_initialize(ethernet_host, &bus, SPI_DMA_CH_AUTO) != ESP_OK) return false;
  spi_device_interface_config_t controller{};
  controller.clock_speed_hz = ethernet_clock_hz;
  controller.queue_size = 20;
  controller.spics_io_num = pins.chip_select;
  gpio_install_isr_service(0);
  eth_w5500_config_t w5500 = ETH_W5500_DEFAULT_CONFIG(ethernet_host, &controller);
  w5500.int_gpio_num = pins.interrupt;
  eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
  eth_phy_config_t phy_config = ETH_PHY_DEFAULT_CONFIG();
  phy_config.reset_gpio_num = pins.reset;
  esp_eth_config_t config = ETH_DEFAULT_CONFIG(esp_eth_mac_new_w5500(&w5500, &mac_config),
                                               esp_eth_phy_new_w5500(&phy_config));
  esp_eth_handle_t handle = nullptr;
  if (esp_eth_driver_install(&config, &handle) != ESP_OK) return false;
  // The controller has no address of its own.
  std::array<std::uint8_t, 6> address{};
  esp_read_mac(address.data(), ESP_MAC_ETH);
  esp_eth_ioctl(handle, ETH_CMD_S_MAC_ADDR, address.data());
  const esp_netif_config_t netif_config = ESP_NETIF_DEFAULT_ETH();
  auto* netif = esp_netif_new(&netif_config);
  return esp_netif_attach(netif, esp_eth_new_netif_glue(handle)) == ESP_OK &&
         esp_eth_start(handle) == ESP_OK;
}

bool Network::join(std::string_view network, std::string_view password) {
  if (!has_wifi_) return false;
  wifi_config_t config{};
  copy_text(network, config.sta.ssid);
  copy_text(password, config.sta.password);
  config.sta.threshold.authmode = password.empty() ? WIFI_AUTH_OPEN : WIFI_AUTH_WPA2_PSK;
  config.sta.pmf_cfg.capable = true;
  wants_wifi_ = false;
  wifi_up_ = false;
  esp_wifi_disconnect();
  if (esp_wifi_set_config(WIFI_IF_STA, &config) != ESP_OK) return false;
  wants_wifi_ = true;
  return esp_wifi_connect() == ESP_OK;
}

std::size_t Network::scan(std::span<improv::Network> into) {
  if (!has_wifi_ || esp_wifi_scan_start(nullptr, true) != ESP_OK) return 0;
  std::array<wifi_ap_record_t, improv::max_networks> heard{};
  auto count = static_cast<std::uint16_t>(std::min(heard.size(), into.size()));
  if (esp_wifi_scan_get_ap_records(&count, heard.data()) != ESP_OK) return 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name(reinterpret_cast<const char*>(heard[i].ssid));
    into[i].name_size = static_cast<std::uint8_t>(std::min(name.size(), into[i].name.size()));
    std::copy_n(name.begin(), into[i].name_size, into[i].name.begin());
    into[i].strength_dbm = heard[i].rssi;
    into[i].is_protected = heard[i].authmode != WIFI_AUTH_OPEN;
  }
  return count;
}

improv::Links Network::links() const {
  return {.online = is_online(), .wifi = wifi_up_, .ethernet = ethernet_up_, .modem = modem_up_};
}

int Network::signal_dbm() const {
  wifi_ap_record_t joined{};
  return wifi_up_ && esp_wifi_sta_get_ap_info(&joined) == ESP_OK ? joined.rssi : 0;
}

void Network::on_event(void* self, esp_event_base_t base, std::int32_t event, void* what) {
  auto& network = *static_cast<Network*>(self);
  if (base == IP_EVENT && (event == IP_EVENT_STA_GOT_IP || event == IP_EVENT_ETH_GOT_IP)) {
    const auto& got = *static_cast<const ip_event_got_ip_t*>(what);
    std::snprintf(network.address_.data(), network.address_.size(), "http://" IPSTR,
                  IP2STR(&got.ip_info.ip));
    (event == IP_EVENT_STA_GOT_IP ? network.wifi_up_ : network.ethernet_up_) = true;
  } else if (base == IP_EVENT && (event == IP_EVENT_PPP_GOT_IP || event == IP_EVENT_PPP_LOST_IP)) {
    network.modem_up_ = event == IP_EVENT_PPP_GOT_IP;
  } else if (base == WIFI_EVENT && event == WIFI_EVENT_STA_DISCONNECTED) {
    network.wifi_up_ = false;
    if (network.wants_wifi_) esp_wifi_connect();  // For ever: a router may be off for a day.
  } else if (base == ETH_EVENT && event == ETHERNET_EVENT_DISCONNECTED) {
    network.ethernet_up_ = false;
  }
}

}  // namespace firmware::esp32_board
