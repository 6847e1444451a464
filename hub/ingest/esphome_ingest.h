// ESPHome nodes into the hub, over a broker or over their native API.
//
//   broker ── hear(message) ──┐
//   TcpClient ── EsphomeApi ──┴─> EsphomeMeter ──> deliver(): its file, then the hub

#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/hub.h"
#include "hub/ingest/esphome_memory.h"
#include "hub/ingest/esphome_meter.h"
#include "hub/net/mqtt_client.h"
#include "hub/partners.h"
#include "hub/store/store.h"

namespace boost::asio {
class io_context;
}

namespace hub {

// Puts a meter's finished samples on the disk: first into its file what they depend on, then into
// the hub. A sentence where that failed: these samples are lost, their energy comes with the next.
std::optional<std::string> deliver(EsphomeMeter&, EsphomeFile&, Hub&, measurement::Timestamp now);

// Works on the context's thread; context, hub and store outlive it. `say` gets one sentence when
// something is wrong, each at most once a minute. Throws std::runtime_error with one sentence where
// the folder or the store cannot be used.
class EsphomeIngest {
 public:
  // Admits the nodes to the hub. `folder` is made where it is not there.
  EsphomeIngest(boost::asio::io_context&, Hub&, Store&, std::vector<EsphomeNode>,
                std::filesystem::path folder, std::function<measurement::Timestamp()> now,
                std::function<void(const std::string&)> say);
  ~EsphomeIngest();

  // What the broker connection of the partners must subscribe, and pass to hear().
  std::vector<std::string> topics(std::string_view discovery_prefix = "homeassistant") const;

  // A message of that connection; those of others are passed over.
  void hear(const MqttMessage&);

 private:
  struct Node;
  struct Desk;
  std::unique_ptr<Desk> desk_;
};

}  // namespace hub
