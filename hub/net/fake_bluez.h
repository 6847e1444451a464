// For the tests: a D-Bus of our own, and a BlueZ on it whose devices do as they are told.

#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sdbus-c++/sdbus-c++.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "hub/net/dbus_loop.h"

namespace hub {

// A dbus-daemon that lives as long as this.
class PrivateBus {
 public:
  PrivateBus() {
    std::string name = (std::filesystem::temp_directory_path() / "lenz_bus_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    const auto config = folder_ / "bus.conf";
    std::ofstream(config) << R"(<busconfig><type>session</type><listen>unix:dir=)"
                          << folder_.string() << R"(</listen><auth>EXTERNAL</auth>
      <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/>
      <allow own="*"/></policy></busconfig>)";
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const auto config_option = "--config-file=" + config.string();
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(pipe[1], STDOUT_FILENO);
      ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
      ::execlp("dbus-daemon", "dbus-daemon", "--nofork", "--print-address", config_option.c_str(),
               nullptr);
      ::_exit(127);
    }
    ::close(pipe[1]);
    std::array<char, 512> text{};
    const auto size = ::read(pipe[0], text.data(), text.size());
    ::close(pipe[0]);
    if (size > 0) address_.assign(text.data(), static_cast<std::size_t>(size));
    address_.resize(std::min(address_.size(), address_.find('\n')));
  }
  ~PrivateBus() {
    stop();
    std::filesystem::remove_all(folder_);
  }
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;

  void stop() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }

  const std::string& address() const { return address_; }  // Empty: there is no dbus-daemon.

 private:
  std::filesystem::path folder_;
  std::string address_;
  pid_t process_ = 0;
};

// Works when the context does.
class FakeBluez {
 public:
  using Bytes = std::vector<std::uint8_t>;
  using Properties = std::map<std::string, sdbus::Variant>;

  struct Characteristic {
    std::string uuid;
    std::function<Bytes()> read = [] { return Bytes{}; };  // May throw sdbus::Error.
    std::function<void(const Bytes&)> written = [](const Bytes&) {};
    std::function<void()> listened = [] {};
    bool is_listened_to = false;
    Bytes value{};  // That was notified last.
    std::unique_ptr<sdbus::IObject> object{};
  };
  struct Device {
    std::string address;
    Properties service_data{};
    std::function<void(bool)> connects = [](bool) {};  // And hangs up.
    bool refuses = false;
    bool is_mute = false;  // Takes a connection, and its services never come.
    bool is_connected = false, is_resolved = false;
    int visits = 0;
    std::vector<std::unique_ptr<Characteristic>> characteristics{};
    std::unique_ptr<sdbus::IObject> object{};
  };

  FakeBluez(boost::asio::io_context& io, const std::string& bus, bool has_adapter = true)
      : connection_(sdbus::createSessionBusConnectionWithAddress(bus)) {
    connection_->addObjectManager("/", sdbus::floating_slot);
    if (has_adapter) add_adapter();
    connection_->requestName("org.bluez");
    loop_.emplace(io, *connection_, [](const std::string&) {});
  }

  // Is heard for the first time.
  Device& add(const std::string& address, std::vector<std::string> characteristics = {}) {
    auto& device = *devices_.emplace_back(std::make_unique<Device>());
    device.address = address;
    device.object = sdbus::createObject(*connection_, path_of(address));
    auto& object = *device.object;
    const std::string interface = "org.bluez.Device1";
    object.registerProperty("Connected").onInterface(interface).withGetter([&] {
      return device.is_connected;
    });
    object.registerProperty("ServicesResolved").onInterface(interface).withGetter([&] {
      return device.is_resolved;
    });
    object.registerProperty("ServiceData").onInterface(interface).withGetter([&] {
      return device.service_data;
    });
    object.registerMethod("Connect").onInterface(interface).implementedAs([&] { connect(device); });
    object.registerMethod("Disconnect").onInterface(interface).implementedAs([&] {
      hang_up(device);
    });
    object.finishRegistration();
    object.emitInterfacesAddedSignal();
    for (const auto& uuid : characteristics) add(device, uuid);
    loop_->sent();
    return device;
  }

  void advertise(Device& device, const std::string& uuid, const Bytes& data) {
    device.service_data = {{uuid, sdbus::Variant(data)}};
    tell(*device.object, "org.bluez.Device1", "ServiceData");
  }
  void notify(Characteristic& characteristic, const Bytes& value) {
    characteristic.value = value;
    tell(*characteristic.object, "org.bluez.GattCharacteristic1", "Value");
  }
  void hang_up(Device& device) {
    device.is_connected = device.is_resolved = false;
    device.connects(false);
    for (auto& characteristic : device.characteristics) characteristic->is_listened_to = false;
    tell(*device.object, "org.bluez.Device1", "Connected");
  }
  static Characteristic& find(Device& device, const std::string& uuid) {
    return **std::ranges::find(device.characteristics, uuid,
                               [](const auto& one) { return one->uuid; });
  }

  int scans = 0;
  Properties filter;
  bool is_powered = false;

 private:
  static std::string path_of(std::string address) {
    std::ranges::replace(address, ':', '_');
    return "/org/bluez/hci0/dev_" + address;
  }

  void add_adapter() {
    adapter_ = sdbus::createObject(*connection_, "/org/bluez/hci0");
    const std::string interface = "org.bluez.Adapter1";
    adapter_->registerProperty("Powered")
        .onInterface(interface)
        .withGetter([this] { return is_powered; })
        .withSetter([this](const bool& on) { is_powered = on; });
    adapter_->registerMethod("SetDiscoveryFilter")
        .onInterface(interface)
        .implementedAs([this](const Properties& wanted) { filter = wanted; });
    adapter_->registerMethod("StartDiscovery").onInterface(interface).implementedAs([this] {
      if (!is_powered) throw sdbus::Error("org.bluez.Error.NotReady", "Resource Not Ready");
      ++scans;
    });
    adapter_->finishRegistration();
  }

  void add(Device& device, const std::string& uuid) {
    auto& one = *device.characteristics.emplace_back(std::make_unique<Characteristic>());
    one.uuid = uuid;
    const auto number = std::to_string(device.characteristics.size());
    one.object = sdbus::createObject(*connection_,
                                     path_of(device.address) + "/service0001/char000" + number);
    const std::string interface = "org.bluez.GattCharacteristic1";
    one.object->registerProperty("UUID").onInterface(interface).withGetter(
        [&] { return one.uuid; });
    one.object->registerProperty("Value").onInterface(interface).withGetter(
        [&] { return one.value; });
    one.object->registerMethod("ReadValue")
        .onInterface(interface)
        .implementedAs([&](const Properties&) { return one.read(); });
    one.object->registerMethod("WriteValue")
        .onInterface(interface)
        .implementedAs([&](const Bytes& bytes, const Properties&) { one.written(bytes); });
    one.object->registerMethod("StartNotify").onInterface(interface).implementedAs([&] {
      one.is_listened_to = true;
      one.listened();
    });
    one.object->finishRegistration();
    one.object->emitInterfacesAddedSignal();
  }

  void connect(Device& device) {
    if (device.refuses)
      throw sdbus::Error("org.bluez.Error.Failed", "le-connection-abort-by-local");
    ++device.visits;
    device.is_connected = true;
    device.connects(true);
    if (device.is_mute) return;
    device.is_resolved = true;
    tell(*device.object, "org.bluez.Device1", "ServicesResolved");
  }

  void tell(sdbus::IObject& object, const std::string& interface, const std::string& property) {
    object.emitPropertiesChangedSignal(interface, {property});
    loop_->sent();
  }

  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<sdbus::IObject> adapter_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::optional<DbusLoop> loop_;
};

}  // namespace hub
