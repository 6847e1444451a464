#include "hub/net/bluez.h"

#include <fmt/format.h>
#include <sdbus-c++/sdbus-c++.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "hub/net/dbus_loop.h"

namespace hub {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

constexpr auto try_again_after = 30s;
constexpr auto call_takes = 30s;

const std::string bluez = "org.bluez";
const std::string adapter_interface = "org.bluez.Adapter1";
const std::string device_interface = "org.bluez.Device1";
const std::string characteristic_interface = "org.bluez.GattCharacteristic1";
const std::string properties_interface = "org.freedesktop.DBus.Properties";
const std::string objects_interface = "org.freedesktop.DBus.ObjectManager";

using Properties = std::map<std::string, sdbus::Variant>;
using Interfaces = std::map<std::string, Properties>;
using Objects = std::map<sdbus::ObjectPath, Interfaces>;

template <class Value>
std::optional<Value> value_of(const Properties& properties, const std::string& name) {
  const auto found = properties.find(name);
  if (found == properties.end() || !found->second.containsValueOfType<Value>()) return std::nullopt;
  return found->second.get<Value>();
}

// "/org/bluez/hci0/dev_AA_BB_CC_DD_EE_FF/..." -> "AA:BB:CC:DD:EE:FF"; empty: it is of no device.
std::string address_of(std::string_view path) {
  constexpr std::string_view mark = "/dev_";
  const auto begin = path.find(mark);
  if (begin == path.npos) return {};
  std::string address(path.substr(begin + mark.size(), 17));
  std::ranges::replace(address, '_', ':');
  return address;
}

}  // namespace

struct Bluez::Desk : std::enable_shared_from_this<Desk> {
  Desk(asio::io_context& io, Options the_options, Events the_events)
      : context(io), options(std::move(the_options)), events(std::move(the_events)), timer(io) {}

  // ---- The bus ---------------------------------------------------------------------------------

  void begin() {
    try {
      connection = options.bus.empty() ? sdbus::createSystemBusConnection()
                                       : sdbus::createSessionBusConnectionWithAddress(options.bus);
      listen_to("type='signal',sender='org.bluez'",
                [this](sdbus::Message& message) { take(message); });
      listen_to(
          "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
          "arg0='org.bluez'",
          [this](sdbus::Message&) { later("BlueZ was started anew"); });
    } catch (const sdbus::Error& error) {
      connection.reset();
      return try_later(fmt::format("there is no D-Bus ({})", error.getMessage()));
    }
    loop.emplace(context, *connection, [this](const std::string& why) {
      try_later(fmt::format("the D-Bus went away ({})", why));
    });
    look_around();
  }

  // A handler must let nothing through: it is called by C.
  void listen_to(const std::string& match, std::function<void(sdbus::Message&)> handler) {
    connection->addMatch(
        match,
        [handler = std::move(handler)](sdbus::Message& message) {
          try {
            handler(message);
          } catch (const sdbus::Error&) {
            // Somebody else's idea of this interface: it says nothing to us.
          }
        },
        sdbus::floating_slot);
  }

  // Everything is begun anew, but not from within a handler of the connection.
  void later(std::string why) {
    asio::post(context, [self = shared_from_this(), why = std::move(why)] {
      if (!self->has_ended) self->try_later(why);
    });
  }

  void try_later(const std::string& why) {
    if (std::exchange(is_pausing, true)) return;  // Another reason for the same.
    drop();
    events.trouble(why);
    timer.expires_after(try_again_after);
    timer.async_wait([self = shared_from_this()](error_code error) {
      if (error || self->has_ended) return;
      self->is_pausing = false;
      self->begin();
    });
  }

  void drop() {
    loop.reset();
    proxies.clear();
    connection.reset();
    characteristics.clear();
    paths.clear();
    auto waiting = std::exchange(connecting, {});
    for (auto& [address, wait] : waiting) wait.done(std::unexpected("Bluetooth went away"));
    for (const auto& address : std::exchange(connected, {})) events.hung_up(address);
  }

  // ---- Calls -----------------------------------------------------------------------------------

  using Answer = std::function<void(sdbus::MethodReply*, const std::string& why)>;

  // `answer` gets the reply, or null and why there is none.
  template <class... Arguments>
  void call(const std::string& path, const std::string& interface, const std::string& method,
            Answer answer, const Arguments&... arguments) {
    if (!connection) return refuse(std::move(answer), "there is no Bluetooth");
    try {
      auto& proxy = proxies[path];
      if (!proxy) proxy = sdbus::createProxy(*connection, bluez, path);
      auto message = proxy->createMethodCall(interface, method);
      ((message << arguments), ...);
      proxy->callMethod(
          message,
          [answer, method](sdbus::MethodReply& reply, const sdbus::Error* error) {
            if (error) return answer(nullptr, fmt::format("{}: {}", method, error->getMessage()));
            try {
              answer(&reply, {});
            } catch (const sdbus::Error& mistake) {
              answer(nullptr, fmt::format("{}: {}", method, mistake.getMessage()));
            }
          },
          call_takes);
      loop->sent();
    } catch (const sdbus::Error& error) {
      refuse(std::move(answer), fmt::format("{}: {}", method, error.getMessage()));
    }
  }

  void refuse(Answer answer, std::string why) {
    asio::post(context,
               [self = shared_from_this(), answer = std::move(answer), why = std::move(why)] {
                 if (!self->has_ended) answer(nullptr, why);
               });
  }

  // Goes on with `next` where a call was answered, else tries all again later.
  Answer then(std::function<void(sdbus::MethodReply&)> next) {
    return [this, next = std::move(next)](sdbus::MethodReply* reply, const std::string& why) {
      if (reply) return next(*reply);
      later(why);
    };
  }

  // ---- Scanning --------------------------------------------------------------------------------

  void look_around() {
    call("/", objects_interface, "GetManagedObjects", then([this](sdbus::MethodReply& reply) {
           Objects objects;
           reply >> objects;
           std::string adapter;
           for (const auto& [path, interfaces] : objects) {
             if (adapter.empty() && interfaces.contains(adapter_interface)) adapter = path;
             learn(path, interfaces);
           }
           if (adapter.empty()) {
             return later("BlueZ has no Bluetooth adapter: plug one in, or take [[bluetooth]] out");
           }
           switch_on(adapter);
         }));
  }

  void switch_on(const std::string& adapter) {
    call(adapter, properties_interface, "Set",
         then([this, adapter](sdbus::MethodReply&) { filter(adapter); }), adapter_interface,
         std::string("Powered"), sdbus::Variant(true));
  }

  // Adverts that say the same again are told too: who is silent has nothing new to say otherwise.
  void filter(const std::string& adapter) {
    const Properties wanted = {{"Transport", sdbus::Variant(std::string("le"))},
                               {"DuplicateData", sdbus::Variant(true)}};
    call(adapter, adapter_interface, "SetDiscoveryFilter",
         then([this, adapter](sdbus::MethodReply&) {
           call(adapter, adapter_interface, "StartDiscovery",
                then([this](sdbus::MethodReply&) { events.scanning(); }));
         }),
         wanted);
  }

  // ---- What BlueZ tells ------------------------------------------------------------------------

  void take(sdbus::Message& message) {
    const auto member = message.getMemberName();
    if (member == "PropertiesChanged") {
      std::string interface;
      Properties changed;
      message >> interface >> changed;
      return change(message.getPath(), interface, changed);
    }
    sdbus::ObjectPath path;
    if (member == "InterfacesAdded") {
      Interfaces interfaces;
      message >> path >> interfaces;
      learn(path, interfaces);
      if (const auto device = interfaces.find(device_interface); device != interfaces.end()) {
        change(path, device_interface, device->second);
      }
    } else if (member == "InterfacesRemoved") {
      message >> path;
      characteristics.erase(path);
      paths.erase(path);
    }
  }

  void learn(const std::string& path, const Interfaces& interfaces) {
    const auto address = address_of(path);
    if (!options.devices.contains(address)) return;
    if (interfaces.contains(device_interface)) paths[path] = address;
    const auto found = interfaces.find(characteristic_interface);
    if (found == interfaces.end()) return;
    if (const auto uuid = value_of<std::string>(found->second, "UUID")) {
      characteristics[path] = {address, *uuid};
    }
  }

  void change(const std::string& path, const std::string& interface, const Properties& changed) {
    if (interface == adapter_interface) {
      if (value_of<bool>(changed, "Powered") == false) later("Bluetooth was switched off");
      return;
    }
    if (interface == characteristic_interface) {
      const auto found = characteristics.find(path);
      const auto value = value_of<Bytes>(changed, "Value");
      if (found == characteristics.end() || !value) return;
      const auto [address, uuid] = found->second;
      return events.notified(address, uuid, *value);
    }
    const auto address = address_of(path);
    if (interface != device_interface || !options.devices.contains(address)) return;
    paths[path] = address;
    if (value_of<bool>(changed, "ServicesResolved") == true) has_connected(address);
    if (value_of<bool>(changed, "Connected") == false) has_hung_up(address);
    const auto data = value_of<Properties>(changed, "ServiceData");
    const auto bytes = data ? value_of<Bytes>(*data, options.service_data) : std::nullopt;
    if (bytes) events.heard(address, *bytes);
  }

  // ---- Visits ----------------------------------------------------------------------------------

  struct Wait {
    Done done;
    std::unique_ptr<asio::steady_timer> end;
  };

  void connect(const std::string& address, Done done) {
    const auto path = path_of(address);
    if (path.empty() || connecting.contains(address)) {
      return refuse(answer_with(std::move(done)),
                    path.empty() ? "it was not heard yet" : "it is being connected to already");
    }
    auto& wait = connecting[address];
    wait = {std::move(done), std::make_unique<asio::steady_timer>(context, call_takes)};
    wait.end->async_wait([self = shared_from_this(), address](error_code error) {
      if (error) return;
      self->hang_up(address);  // BlueZ may still be at it.
      self->give_up(address, "it did not answer in time");
    });
    call(path, device_interface, "Connect",
         [this, address, path](sdbus::MethodReply* reply, const std::string& why) {
           if (!reply) return give_up(address, why);
           ask_whether_resolved(address, path);
         });
  }

  // Where its services were known before, BlueZ tells of no change.
  void ask_whether_resolved(const std::string& address, const std::string& path) {
    call(
        path, properties_interface, "Get",
        [this, address](sdbus::MethodReply* reply, const std::string&) {
          sdbus::Variant value;
          if (reply) *reply >> value;
          if (value.containsValueOfType<bool>() && value.get<bool>()) has_connected(address);
        },
        device_interface, std::string("ServicesResolved"));
  }

  void has_connected(const std::string& address) {
    connected.insert(address);
    const auto found = connecting.extract(address);
    if (!found.empty()) found.mapped().done(Bytes{});
  }

  void give_up(const std::string& address, const std::string& why) {
    const auto found = connecting.extract(address);
    if (!found.empty()) found.mapped().done(std::unexpected(why));
  }

  void has_hung_up(const std::string& address) {
    give_up(address, "it hung up");
    if (connected.erase(address) > 0) events.hung_up(address);
  }

  void hang_up(const std::string& address) {
    const auto path = path_of(address);
    if (path.empty()) return;
    call(path, device_interface, "Disconnect", [](sdbus::MethodReply*, const std::string&) {});
  }

  static Answer answer_with(Done done) {
    return [done = std::move(done)](sdbus::MethodReply* reply, const std::string& why) {
      done(reply ? Result(Bytes{}) : std::unexpected(why));
    };
  }

  std::string path_of(const std::string& address) const {
    const auto found =
        std::ranges::find(paths, address, [](const auto& one) { return one.second; });
    return found == paths.end() ? std::string() : found->first;
  }

  // Empty: the device has none such.
  std::string path_of(const std::string& address, const std::string& uuid) const {
    const auto found = std::ranges::find(characteristics, std::pair(address, uuid),
                                         [](const auto& one) { return one.second; });
    return found == characteristics.end() ? std::string() : found->first;
  }

  template <class... Arguments>
  void call_characteristic(const std::string& address, const std::string& uuid,
                           const std::string& method, Answer answer,
                           const Arguments&... arguments) {
    const auto path = path_of(address, uuid);
    if (path.empty()) return refuse(std::move(answer), "it has no such value: is it a meter?");
    call(path, characteristic_interface, method, std::move(answer), arguments...);
  }

  asio::io_context& context;
  const Options options;
  const Events events;
  asio::steady_timer timer;
  bool has_ended = false, is_pausing = false;
  std::unique_ptr<sdbus::IConnection> connection;                 // Null: there is none.
  std::map<std::string, std::unique_ptr<sdbus::IProxy>> proxies;  // By the paths of objects.
  std::optional<DbusLoop> loop;
  std::map<std::string, std::string> paths;  // Addresses of the devices, by their objects' paths.
  std::map<std::string, std::pair<std::string, std::string>> characteristics;  // Address, UUID.
  std::map<std::string, Wait> connecting;
  std::set<std::string> connected;
};

Bluez::Bluez(asio::io_context& context, Options options, Events events)
    : desk_(std::make_shared<Desk>(context, std::move(options), std::move(events))) {
  asio::post(context, [desk = desk_] {
    if (!desk->has_ended) desk->begin();
  });
}

Bluez::~Bluez() {
  desk_->has_ended = true;
  desk_->timer.cancel();
  desk_->connecting.clear();
  desk_->loop.reset();
  desk_->proxies.clear();
  desk_->connection.reset();
}

bool Bluez::knows(const std::string& address) const { return !desk_->path_of(address).empty(); }

void Bluez::connect(const std::string& address, Done done) {
  desk_->connect(address, std::move(done));
}

void Bluez::read(const std::string& address, const std::string& characteristic, Done done) {
  desk_->call_characteristic(
      address, characteristic, "ReadValue",
      [done = std::move(done)](sdbus::MethodReply* reply, const std::string& why) {
        if (!reply) return done(std::unexpected(why));
        Bytes bytes;
        *reply >> bytes;
        done(std::move(bytes));
      },
      Properties{});
}

void Bluez::write(const std::string& address, const std::string& characteristic, Bytes bytes,
                  Done done) {
  desk_->call_characteristic(address, characteristic, "WriteValue",
                             Desk::answer_with(std::move(done)), bytes,
                             Properties{{"type", sdbus::Variant(std::string("request"))}});
}

void Bluez::listen(const std::string& address, const std::string& characteristic, Done done) {
  desk_->call_characteristic(address, characteristic, "StartNotify",
                             Desk::answer_with(std::move(done)));
}

void Bluez::hang_up(const std::string& address) { desk_->hang_up(address); }

}  // namespace hub
