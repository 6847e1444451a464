// Meters that are heard over Bluetooth, through BlueZ: adverts of the mains, and visits for
// circuits.

#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hub/hub.h"
#include "hub/partners.h"
#include "hub/store/store.h"
#include "measurement/units.h"

namespace boost::asio {
class io_context;
}

namespace hub {

// Works on the context's thread; context, hub and store outlive it. `say` gets one sentence when
// something is wrong, each at most once in ten minutes. Throws std::runtime_error with one sentence
// where the folder or the store cannot be used.
class BluetoothIngest {
 public:
  // Admits the devices to the hub. `folder` is made where it is not there. `bus`: of BlueZ; empty:
  // the system's.
  BluetoothIngest(boost::asio::io_context&, Hub&, Store&, const std::vector<BluetoothMeter>&,
                  std::filesystem::path folder, std::function<measurement::Timestamp()> now,
                  std::function<void(const std::string&)> say, std::string bus = {});
  ~BluetoothIngest();

 private:
  struct Desk;
  std::unique_ptr<Desk> desk_;
};

}  // namespace hub
