// The hub's own broker with a real Mosquitto: who comes in, by which door, and who goes.

#include "lenz/broker.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "lenz/broker_certificate.h"
#include "lenz/paired_meters.h"
#include "lenz/temporary_folder.h"

namespace lenz {
namespace {

using namespace std::chrono_literals;

int free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(probe, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(probe);
  return ntohs(address.sin_port);
}

// A meter at the broker.
class Client {
 public:
  Client(int port, const std::string& user, const std::string& password,
         const std::string& authority = "", const std::string& host = "127.0.0.1") {
    mosquitto_lib_init();
    client_.reset(mosquitto_new(nullptr, true, this));
    mosquitto_username_pw_set(client_.get(), user.c_str(), password.c_str());
    if (!authority.empty()) {
      mosquitto_tls_set(client_.get(), authority.c_str(), nullptr, nullptr, nullptr, nullptr);
    }
    mosquitto_connect_callback_set(client_.get(), [](mosquitto*, void* self, int code) {
      static_cast<Client*>(self)->answer_ = code;
    });
    mosquitto_disconnect_callback_set(client_.get(), [](mosquitto*, void* self, int) {
      static_cast<Client*>(self)->is_gone_ = true;
    });
    mosquitto_message_callback_set(
        client_.get(), [](mosquitto*, void* self, const mosquitto_message* message) {
          static_cast<Client*>(self)->heard_ +=
              std::string(message->topic) + "=" +
              std::string(static_cast<char*>(message->payload),
                          static_cast<std::size_t>(message->payloadlen)) +
              " ";
        });
    if (mosquitto_connect(client_.get(), host.c_str(), port, 30) != MOSQ_ERR_SUCCESS) return;
    until([this] { return answer_ || is_gone_; });
  }

  bool is_in() const { return answer_ == 0 && !is_gone_; }
  bool goes_within(std::chrono::milliseconds patience) {
    return until([this] { return is_gone_; }, patience);
  }
  void hear(const std::string& topic) {
    mosquitto_subscribe(client_.get(), nullptr, topic.c_str(), 1);
    until([] { return false; }, 100ms);
  }
  void say(const std::string& topic, const std::string& text) {
    mosquitto_publish(client_.get(), nullptr, topic.c_str(), static_cast<int>(text.size()),
                      text.data(), 1, false);
    until([] { return false; }, 100ms);
  }
  std::string heard() {
    until([this] { return !heard_.empty(); }, 300ms);
    return heard_;
  }

 private:
  template <class Is>
  bool until(Is is, std::chrono::milliseconds patience = 5s) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!is() && std::chrono::steady_clock::now() < end) {
      if (mosquitto_loop(client_.get(), 10, 1) != MOSQ_ERR_SUCCESS) is_gone_ = true;
      if (is_gone_) break;
    }
    return is();
  }

  struct Destroy {
    void operator()(mosquitto* client) const { mosquitto_destroy(client); }
  };
  std::unique_ptr<mosquitto, Destroy> client_;
  std::optional<int> answer_;
  bool is_gone_ = false;
  std::string heard_;
};

class BrokerTest : public testing::Test {
 protected:
  TemporaryFolder folder;
  BrokerCertificate certificate = broker_certificate(folder.path(), "127.0.0.1");
  const int door = free_port();
  const std::string authority = folder.path() + "/broker.crt";
  Broker broker{std::vector<BrokerAccount>{{"meter-1", "one", "home", "meter-1"},
                                           {"hub", "hub", "home", "+", true}},
                BrokerReach{"127.0.0.1", door, certificate.certificate, certificate.key}};
};

TEST_F(BrokerTest, AMeterComesInByTlsAndOnlyWithItsPassword) {
  EXPECT_TRUE(Client(door, "meter-1", "one", authority).is_in());
  EXPECT_FALSE(Client(door, "meter-1", "two", authority).is_in());
  EXPECT_FALSE(Client(door, "meter-1", "one").is_in());  // Without TLS.
}

TEST_F(BrokerTest, AMeterTrustsThisBrokerOnly) {
  TemporaryFolder other;
  broker_certificate(other.path(), "127.0.0.1");

  EXPECT_FALSE(Client(door, "meter-1", "one", other.path() + "/broker.crt").is_in());
  EXPECT_FALSE(Client(door, "meter-1", "one", authority, "127.0.0.2").is_in());  // Another name.
}

TEST_F(BrokerTest, ANewMeterIsLetInWhileTheOthersStay) {
  Client first(door, "meter-1", "one", authority);
  EXPECT_FALSE(Client(door, "meter-2", "two", authority).is_in());

  broker.admit({"meter-2", "", "home", "meter-2", false, Broker::hash_of("meter-2", "two")});

  bool is_in = false;
  for (int i = 0; i < 20 && !is_in; ++i) is_in = Client(door, "meter-2", "two", authority).is_in();
  EXPECT_TRUE(is_in);
  EXPECT_FALSE(first.goes_within(200ms));
}

TEST_F(BrokerTest, AMeterThatIsExpelledIsCutOffWithinASecond) {
  Client meter(door, "meter-1", "one", authority);
  ASSERT_TRUE(meter.is_in());

  broker.expel("home", "meter-1");

  EXPECT_TRUE(meter.goes_within(1s));
  EXPECT_FALSE(Client(door, "meter-1", "one", authority).is_in());
}

TEST_F(BrokerTest, ANewCredentialEndsTheOldOne) {
  Client meter(door, "meter-1", "one", authority);

  broker.admit({"meter-1", "two", "home", "meter-1"});

  EXPECT_TRUE(meter.goes_within(1s));
  EXPECT_FALSE(Client(door, "meter-1", "one", authority).is_in());
  EXPECT_TRUE(Client(door, "meter-1", "two", authority).is_in());
}

TEST_F(BrokerTest, AMeterTouchesOnlyItsOwnTopics) {
  broker.admit({"meter-2", "two", "home", "meter-2"});
  Client hub(broker.port(), "hub", "hub");
  hub.hear("lenz/home/+/reply");
  Client meter(door, "meter-1", "one", authority);
  ASSERT_TRUE(hub.is_in() && meter.is_in());
  meter.hear("lenz/home/+/request");
  meter.hear("lenz/home/meter-1/request");

  meter.say("lenz/home/meter-2/reply", "forged");
  meter.say("lenz/home/meter-1/reply", "own");
  hub.say("lenz/home/meter-2/request", "others");
  hub.say("lenz/home/meter-1/request", "own");

  EXPECT_EQ(hub.heard(), "lenz/home/meter-1/reply=own ");
  // Once for each subscription that matches.
  EXPECT_EQ(meter.heard().find("others"), std::string::npos);
  EXPECT_NE(meter.heard().find("lenz/home/meter-1/request=own"), std::string::npos);
}

TEST_F(BrokerTest, ACrashForgetsNobodyWhoWasLetIn) {
  broker.admit({"meter-2", "two", "home", "meter-2"});

  broker.kill();
  broker.start();

  EXPECT_TRUE(Client(door, "meter-2", "two", authority).is_in());
}

TEST(BrokerCertificate, IsKeptForItsHostAndDrawnAnewForAnother) {
  TemporaryFolder folder;
  const auto first = broker_certificate(folder.path(), "lenz.local");
  const auto again = broker_certificate(folder.path(), "lenz.local");
  const auto other = broker_certificate(folder.path(), "192.168.1.5");

  EXPECT_TRUE(first.is_new);
  EXPECT_FALSE(again.is_new);
  EXPECT_EQ(again.certificate, first.certificate);
  EXPECT_TRUE(other.is_new);
  EXPECT_NE(other.certificate, first.certificate);
  EXPECT_FALSE(broker_certificate(folder.path(), "192.168.1.5").is_new);
  EXPECT_LE(first.certificate.size(), 1000u);  // A meter has room for 2,048 bytes.
}

TEST(PairedMeters, AreKeptOverARestart) {
  TemporaryFolder folder;
  const auto file = folder.path() + "/meters";
  PairedMeters meters(file);
  meters.put({"home", "meter-1", "$7$101$a"});
  meters.put({"home", "meter-2", "$7$101$b"});
  meters.put({"home", "meter-1", "$7$101$c"});
  meters.remove("home", "meter-2");

  const PairedMeters next(file);

  ASSERT_EQ(next.all().size(), 1u);
  EXPECT_EQ(next.find("home", "meter-1")->hash, "$7$101$c");
  EXPECT_FALSE(next.find("other", "meter-1"));
  EXPECT_EQ(next.home_of("meter-1"), "home");
  EXPECT_EQ(next.home_of("meter-2"), "");
}

TEST(PairedMeters, AFileThatIsNoneIsNamedWithItsLine) {
  TemporaryFolder folder;
  const auto file = folder.path() + "/meters";
  for (const std::string line : {"home meter-1", "home meter-1 plain", "home METER $7$a", "x"}) {
    std::ofstream(file) << "home meter-1 $7$a\n" << line << "\n";
    try {
      PairedMeters{file};
      ADD_FAILURE() << line;
    } catch (const std::runtime_error& trouble) {
      EXPECT_NE(std::string(trouble.what()).find("line 2"), std::string::npos) << trouble.what();
    }
  }
}

}  // namespace
}  // namespace lenz
