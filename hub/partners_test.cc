#include "hub/partners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <stdexcept>

namespace hub {
namespace {

using measurement::Quantity;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// 32 bytes of zero: 43 times the digit of 0, and the filler.
const std::string key = std::string(43, 'A') + "=";

class PartnersFile : public testing::Test {
 protected:
  PartnersFile() {
    std::string pattern = testing::TempDir() + "lenz-partners-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    path = folder / "partners.toml";
    for (const auto& [name, text] : std::map<std::string, std::string>{
             {"password", "open sesame\n"}, {"key", key}, {"token", "token-1\r\nmore\n"}}) {
      write(name, text);
    }
  }
  ~PartnersFile() override { std::filesystem::remove_all(folder); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder / name) << text;
  }
  std::string read(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Partners loaded(const std::string& text) {
    write("partners.toml", text);
    return load_partners(path);
  }
  // What load_partners says of a text, or nothing.
  std::string complaint(const std::string& text) {
    try {
      loaded(text);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }
  unsigned mode(const std::filesystem::path& file) {
    struct stat status {};
    EXPECT_EQ(::stat(file.c_str(), &status), 0) << file;
    return status.st_mode & 0777u;
  }

  std::filesystem::path folder, path;
};

const std::string mqtt = "[mqtt]\n";  // Line 1.
const std::string thermometer = "[[thermometer]]\nname = \"Cellar\"\ntopic = \"cellar/1\"\n";
const std::string rain_gauge = "[[rain_gauge]]\nname = \"Roof\"\ntopic = \"roof/1\"\n";
const std::string lorawan =  // Three lines.
    "[[lorawan]]\ndev_eui = \"0123456789ABCDEF\"\ndevice = \"cellar\"\n";
const std::string plug =  // Four lines.
    "[[plug]]\nname = \"Kettle\"\ncircuit = \"kitchen\"\ntopic = \"plugs/1\"\n";
const std::string bluetooth =  // Three lines.
    "[[bluetooth]]\ndevice = \"mains\"\naddress = \"54:48:E6:8F:80:A5\"\n";
const std::string node = "[[esphome]]\ndevice = \"panel\"\n";  // Two lines.

TEST_F(PartnersFile, AHomeWithoutTheFileHasNoPartners) {
  const auto partners = load_partners(path);

  EXPECT_FALSE(partners.mqtt);
  EXPECT_TRUE(partners.esphome.empty());
  EXPECT_FALSE(partners.home_assistant);
  EXPECT_FALSE(partners.influxdb);
}

TEST_F(PartnersFile, WhatIsWrittenInItIsWhatTheHubKnows) {
  const auto partners = loaded(R"([mqtt]
host = "broker.lan"
port = 8883
user = "lenz"
password_file = "password"

[[esphome]]
device = "panel"
address = "10.0.0.7"
port = 6054
key_file = "key"
channels = 42
period_s = 2.5

[[esphome]]
device = "garage"
topic_prefix = "garage/meter"

[[esphome.entity]]
object_id = "car_kwh"
quantity = "imported"
channel = 5
factor = 1000

[[esphome.entity]]
object_id = "mains"
quantity = "voltage"
chip = 1

[home_assistant]
discovery_prefix = "ha"
url = "wss://ha.lan/api/websocket"
token_file = "token"
statistics = "external"

[influxdb]
url = "http://127.0.0.1:8086"
version = 1
database = "energy"
user = "lenz"
password_file = "password"
schema = "home_assistant"
step_s = 60
)");

  ASSERT_TRUE(partners.mqtt);
  EXPECT_EQ(partners.mqtt->host, "broker.lan");
  EXPECT_EQ(partners.mqtt->port, 8883);
  EXPECT_EQ(partners.mqtt->user, "lenz");
  EXPECT_EQ(partners.mqtt->password, "open sesame");
  ASSERT_EQ(partners.esphome.size(), 2u);
  const auto& panel = partners.esphome[0];
  EXPECT_EQ(panel.device, "panel");
  EXPECT_EQ(panel.address, "10.0.0.7");
  EXPECT_EQ(panel.port, 6054);
  EXPECT_EQ(panel.key, key);
  EXPECT_EQ(panel.channels, 42u);
  EXPECT_EQ(panel.period, 2500ms);
  const auto& garage = partners.esphome[1];
  EXPECT_EQ(garage.topic_prefix, "garage/meter");
  EXPECT_EQ(garage.channels, 6u);
  EXPECT_EQ(garage.period, 10s);
  ASSERT_EQ(garage.entities.size(), 2u);
  EXPECT_EQ(garage.entities[0].object_id, "car_kwh");
  EXPECT_EQ(garage.entities[0].quantity, Quantity::imported);
  EXPECT_EQ(garage.entities[0].index, 5u);
  EXPECT_EQ(garage.entities[0].factor, 1000);
  EXPECT_EQ(garage.entities[1].quantity, Quantity::voltage);
  EXPECT_EQ(garage.entities[1].index, 1u);
  EXPECT_EQ(garage.entities[1].factor, 1);
  ASSERT_TRUE(partners.home_assistant);
  EXPECT_EQ(partners.home_assistant->discovery_prefix, "ha");
  EXPECT_EQ(partners.home_assistant->url, "wss://ha.lan/api/websocket");
  EXPECT_EQ(partners.home_assistant->token, "token-1");
  EXPECT_EQ(partners.home_assistant->statistics, StatisticsTarget::external);
  ASSERT_TRUE(partners.influxdb);
  EXPECT_EQ(partners.influxdb->database, "energy");
  EXPECT_EQ(partners.influxdb->password, "open sesame");
  EXPECT_EQ(partners.influxdb->schema, InfluxSchema::home_assistant);
  EXPECT_EQ(partners.influxdb->step, 60s);
}

TEST_F(PartnersFile, AMistakeIsSaidWithItsLineAndItsRemedy) {
  write("empty", "\n");
  write("bind", "231d39c1d7cc1ab1aee224cd096db932\n");
  const auto entity = mqtt + node + "[[esphome.entity]]\n";  // To line 4.
  const std::string influx = "[influxdb]\nurl = \"http://i\"\n";
  const std::string influx2 = influx + "version = 2\norganisation = \"o\"\n";
  const std::string victoria = "[victoriametrics]\nurl = \"http://v\"\n";
  struct Case {
    std::string text;
    const char* line;
    const char* said;
  };
  const Case cases[] = {
      {"[mqtt\n", "line 1", "not TOML"},
      {"[grafana]\n", "line 1", "the file has no key \"grafana\""},
      {mqtt + "pasword_file = \"p\"\n", "line 2", "[mqtt] has no key \"pasword_file\""},
      {mqtt + "password = \"p\"\n", "line 2", "[mqtt] has no key \"password\""},
      {mqtt + "port = \"1883\"\n", "line 2", "\"port\" must be a whole number"},
      {mqtt + "port = 65536\n", "line 1", "\"port\" must be from 1 to 65535"},
      {mqtt + "host = \"\"\n", "line 1", "\"host\" must be"},
      {mqtt + "host = \"a b\"\n", "line 1", "\"host\" must be"},
      {mqtt + "password_file = \"password\"\n", "line 1", "needs a \"user\""},
      {mqtt + "password_file = \"nowhere\"\n", "line 2", "nowhere cannot be read"},
      {mqtt + "password_file = \"empty\"\n", "line 2", "must hold the secret"},
      {mqtt + "password_file = \".\"\n", "line 2", "cannot be read"},
      {mqtt + "[[esphome]]\n", "line 2", "\"device\" is missing"},
      {"esphome = 3\n", "line 1", "must be a list"},
      {node, "line 1", "add [mqtt]"},
      {mqtt + node + node, "line 4", "\"panel\" is here twice"},
      {mqtt + "[[esphome]]\ndevice = \"Panel\"\n", "line 2", "\"device\" must be"},
      {mqtt + node + "port = 6054\n", "line 2", "add the \"address\""},
      {mqtt + node + "key_file = \"key\"\n", "line 2", "add the \"address\""},
      {node + "address = \"a\"\nkey_file = \"password\"\n", "line 1", "base64 of 32 bytes"},
      {node + "address = \"a\"\ntopic_prefix = \"b\"\n", "line 1", "take out"},
      {mqtt + node + "topic_prefix = \"a/#\"\n", "line 2", "without + and #"},
      {mqtt + node + "channels = 7\n", "line 2", "six a board"},
      {mqtt + node + "channels = 48\n", "line 2", "six a board"},
      {mqtt + node + "channels = 0\n", "line 2", "six a board"},
      {mqtt + node + "period_s = 0.5\n", "line 4", "from 1 to 3600"},
      {mqtt + node + "period_s = 3601\n", "line 4", "from 1 to 3600"},
      {mqtt + node + "period_s = nan\n", "line 4", "from 1 to 3600"},
      {entity + "object_id = \"a\"\n", "line 4", "\"quantity\" is missing"},
      {entity + "quantity = \"watts\"\n", "line 5", "one of \"voltage\", \"frequency\""},
      {entity + "quantity = \"power_factor\"\n", "line 5", "one of \"voltage\""},
      {entity + "quantity = \"voltage\"\nobject_id = \"a\"\nchannel = 0\n", "line 7",
       "an entity of a chip has no key \"channel\""},
      {entity + "quantity = \"current\"\nobject_id = \"a\"\nchip = 0\n", "line 7",
       "an entity of a channel has no key \"chip\""},
      {entity + "quantity = \"current\"\nobject_id = \"a\"\nchannel = 6\n", "line 4",
       "\"channel\" must be from 0 to 5"},
      {entity + "quantity = \"voltage\"\nobject_id = \"a\"\nchip = 2\n", "line 4",
       "\"chip\" must be from 0 to 1"},
      {entity + "quantity = \"current\"\nobject_id = \"A b\"\nchannel = 0\n", "line 4",
       "\"object_id\" must be"},
      {entity + "quantity = \"current\"\nobject_id = \"a\"\nchannel = 0\nfactor = 0\n", "line 4",
       "\"factor\" must not be 0"},
      {entity + "quantity = \"imported\"\nobject_id = \"a\"\nchannel = 0\nfactor = -1\n", "line 4",
       "\"factor\" must be greater than 0"},
      {entity + "quantity = \"current\"\nobject_id = \"a\"\nchannel = 0\n[[esphome.entity]]\n" +
           "quantity = \"current\"\nobject_id = \"a\"\nchannel = 1\n",
       "line 8", "\"a\" is here twice"},
      {entity + "quantity = \"current\"\nobject_id = \"a\"\nchannel = 0\n[[esphome.entity]]\n" +
           "quantity = \"current\"\nobject_id = \"b\"\nchannel = 0\n",
       "line 8", "measures the same"},
      {lorawan, "line 1", "add [mqtt]"},
      {mqtt + lorawan + lorawan, "line 5", "\"0123456789abcdef\" is here twice"},
      {mqtt + lorawan + "channels = 7\n", "line 2", "six a board"},
      {mqtt + lorawan + "period_s = 30\n", "line 2", "from 60 to 86400"},
      {mqtt + lorawan + "port = 224\n", "line 2", "from 1 to 223"},
      {mqtt + "[[lorawan]]\ndev_eui = \"0123\"\ndevice = \"a\"\n", "line 2", "16 digits"},
      {bluetooth + "tells = \"all\"\n", "line 4", "one of \"mains\", \"circuits\""},
      {bluetooth + "channels = 12\n", "line 1", "belong to tells = \"circuits\""},
      {bluetooth + "key_file = \"password\"\n", "line 1", "32 digits"},
      {bluetooth + "key_file = \"bind\"\ntells = \"circuits\"\n", "line 1", "take it out"},
      {bluetooth + "tells = \"circuits\"\nchannels = 5\n", "line 1", "six a board"},
      {bluetooth + "tells = \"circuits\"\nperiod_s = 5\n", "line 1", "from 10 to 3600"},
      {bluetooth + bluetooth, "line 4", "\"mains\" is here twice"},
      {bluetooth + "[[bluetooth]]\ndevice = \"b\"\naddress = \"54:48:E6:8F:80:A5\"\n", "line 4",
       "54:48:E6:8F:80:A5 is here twice"},
      {"[[bluetooth]]\ndevice = \"b\"\naddress = \"54:48:e6:8f:80:a5\"\n", "line 1",
       "\"address\" must be like"},
      {mqtt + node + "[[bluetooth]]\ndevice = \"panel\"\naddress = \"54:48:E6:8F:80:A5\"\n",
       "line 4", "\"panel\" is here twice"},
      {mqtt + lorawan + "[[bluetooth]]\ndevice = \"cellar\"\naddress = \"54:48:E6:8F:80:A5\"\n",
       "line 5", "count twice"},
      {plug, "line 1", "add [mqtt]"},
      {thermometer, "line 1", "add [mqtt]"},
      {mqtt + thermometer + "circuits = [\"A\"]\n", "line 2", "\"circuits\" must be ids"},
      {mqtt + thermometer + "value = \"a b\"\n", "line 2", "\"value\" must be like"},
      {rain_gauge + "circuits = [\"sump\"]\n", "line 1", "add [mqtt]"},
      {mqtt + rain_gauge + "circuits = []\n", "line 2", "must name those of sump pumps"},
      {mqtt + rain_gauge + "circuits = [\"sump\"]\nunit = \"cm\"\n", "line 6", "\"mm/h\""},
      {mqtt + plug + plug, "line 6", "\"Kettle\" is here twice"},
      {mqtt + plug + "kind = \"spaceship\"\n", "line 6", "one of \"fridge\""},
      {mqtt + plug + "power = \"a b\"\n", "line 2", "\"power\" must be like"},
      {mqtt + plug + "voltage = \"a b\"\n", "line 2", "\"voltage\" must be like"},
      {mqtt + "[[plug]]\nname = \"\"\ncircuit = \"a\"\ntopic = \"t\"\n", "line 2", "1 to 120"},
      {mqtt + "[[plug]]\nname = \"a\"\ncircuit = \"A\"\ntopic = \"t\"\n", "line 2",
       "id of a circuit"},
      {mqtt + "[[plug]]\nname = \"a\"\ncircuit = \"a\"\ntopic = \"t/#\"\n", "line 2",
       "without + and #"},
      {"[home_assistant]\n", "line 1", "add [mqtt]"},
      {mqtt + "[home_assistant]\nurl = \"ws://h\"\n", "line 2", "go together"},
      {mqtt + "[home_assistant]\ntoken_file = \"token\"\n", "line 2", "go together"},
      {mqtt + "[home_assistant]\ntoken_file = \"token\"\nurl = \"http://h\"\n", "line 2",
       "\"url\" must be like \"ws://"},
      {mqtt + "[home_assistant]\nstatistics = \"all\"\n", "line 3", "one of \"none\", \"sensor\""},
      {mqtt + "[home_assistant]\ndiscovery_prefix = \"/a\"\n", "line 2", "\"discovery_prefix\""},
      {"[influxdb]\n", "line 1", "\"url\" is missing"},
      {"[influxdb]\nurl = \"ws://i\"\ndatabase = \"d\"\n", "line 1", "\"url\" must be like"},
      {influx, "line 1", "needs \"database\""},
      {influx + "database = \"d\"\nbucket = \"b\"\n", "line 1", "version 1 takes"},
      {influx2 + "bucket = \"b\"\n", "line 1", "version 2 needs"},
      {influx2 + "bucket = \"b\"\ntoken_file = \"token\"\ndatabase = \"d\"\n", "line 1",
       "version 2 needs"},
      {influx + "version = 3\n", "line 1", "\"version\" must be 1 or 2"},
      {influx + "database = \"d\"\nstep_s = 90\n", "line 1", "\"step_s\" must be"},
      {influx + "database = \"d\"\nstep_s = 0\n", "line 1", "\"step_s\" must be"},
      {influx + "database = \"d\"\nschema = \"home_assistant\"\nscaled_integers = true\n", "line 1",
       "scaled_integers"},
      {influx + "scaled_integers = 1\n", "line 3", "true or false"},
      {influx + "database = \"d\"\nread_before_days = 30\n", "line 1", "needs the schema"},
      {influx + "database = \"d\"\nschema = \"samples\"\nread_before_days = 0\n", "line 1",
       "from 1 to 36500"},
      {"[victoriametrics]\n", "line 1", "\"url\" is missing"},
      {"[victoriametrics]\nurl = \"v:8428\"\n", "line 1", "\"url\" must be like"},
      {victoria + "read_url = \"v:8428\"\n", "line 1", "\"read_url\" must be like"},
      {victoria + "password_file = \"password\"\n", "line 1", "a password needs a \"user\""},
      {victoria + "database = \"d\"\n", "line 3", "database"},
      {victoria + "read_before_days = 36501\n", "line 1", "from 1 to 36500"},
      {"[email]\nhost = \"m\"\nfrom = \"a@b\"\nto = []\n", "line 1", "\"to\" must be 1 to 10"},
      {"[email]\nhost = \"m\"\nfrom = \"a@b> x\"\nto = [\"a@b\"]\n", "line 1", "\"from\" must be"},
      {"[email]\nhost = \"m\"\nuser = \"u\"\nfrom = \"a@b\"\nto = [\"a@b\"]\n", "line 1",
       "go together"},
      {"[webhook]\nurl = \"ftp://x\"\n", "line 1", "\"url\" must be like"},
      {"[day_ahead]\nper = \"MWh\"\n", "line 1", "either \"url\" or \"topic\""},
      {"[day_ahead]\ntopic = \"prices\"\n", "line 1", "add [mqtt]"},
      {victoria + "read_before_days = 30\n" + influx +
           "database = \"d\"\nschema = \"samples\"\nread_before_days = 30\n",
       "line 1", "[influxdb] has read_before_days too"},
  };
  for (const auto& [text, line, said] : cases) {
    EXPECT_THAT(complaint(text),
                AllOf(HasSubstr(path.string() + ", " + line + ":"), HasSubstr(said)))
        << text;
  }
}

TEST_F(PartnersFile, MoreNodesOrEntitiesThanTheHubCarriesAreRefused) {
  std::string nodes = mqtt;
  for (int i = 0; i < 32; ++i) nodes += "[[esphome]]\ndevice = \"n" + std::to_string(i) + "\"\n";
  EXPECT_EQ(complaint(nodes), "");
  // Line 1 is [mqtt], and each node has two.
  EXPECT_THAT(complaint(nodes + "[[esphome]]\ndevice = \"n32\"\n"),
              AllOf(HasSubstr("line 66:"), HasSubstr("more than 32 nodes")));

  Partners partners{.mqtt = MqttAddress{}, .esphome = {{.device = "panel"}}};
  partners.esphome[0].entities.resize(1001);
  EXPECT_THAT([&] { save_partners(partners, path); },
              testing::ThrowsMessage<std::runtime_error>(HasSubstr("more than 1000 entities")));
  EXPECT_THAT(complaint(mqtt + "#" + std::string(64 * 1024, ' ')),
              HasSubstr("larger than 65536 bytes"));
}

Partners everything() {
  EsphomeNode over_mqtt{.device = "garage", .topic_prefix = "g/\"m\"", .channels = 12};
  over_mqtt.entities = {{"kwh", Quantity::exported, 11, 1000},
                        {"third", Quantity::current, 0, 1.0 / 3},
                        {"volts", Quantity::voltage, 3, 1}};
  return {
      .mqtt = MqttAddress{"broker", 1884, "lenz", "p\"ä\\ss "},
      .esphome =
          {{.device = "panel", .address = "a.lan", .port = 6054, .key = key, .period = 1500ms},
           over_mqtt},
      .lorawan = {{.dev_eui = "0123456789abcdef",
                   .device = "cellar",
                   .channels = 42,
                   .period = 30min,
                   .port = 7}},
      .bluetooth = {{.device = "shed",
                     .address = "54:48:E6:8F:80:A5",
                     .key = "231d39c1d7cc1ab1aee224cd096db932"},
                    {.device = "barn",
                     .address = "54:48:E6:8F:80:A6",
                     .is_visited = true,
                     .channels = 12,
                     .period = 90s}},
      .plugs = {{"My \"kettle\"", insight::ApplianceKind::kettle, "kitchen", "p/1", "a.b", "a.c"},
                {"Lamp", {}, "living", "p/2", "", ""}},
      .thermometers = {{"Kitchen", {"fridge", "freezer"}, "t/1", "temperature"},
                       {"Outdoors", {}, "t/2", ""}},
      .rain_gauges = {{"Roof", {"sump"}, "r/1", "rain", 3}, {"Garden", {"sump"}, "r/2", "", 0}},
      .home_assistant =
          HomeAssistant{"ha", "ws://h/api/websocket", "token", StatisticsTarget::none},
      .influxdb = InfluxDb{.url = "https://i",
                           .version = 2,
                           .organisation = "o",
                           .bucket = "b c",
                           .token = "secret-2",
                           .scaled_integers = true,
                           .step = 60s},
      .victoriametrics = VictoriaMetrics{.url = "http://v",
                                         .read_url = "http://select",
                                         .user = "ann",
                                         .password = "secret-3",
                                         .read_before = std::chrono::days(30)},
      .email = Email{.host = "mail.example.org",
                     .port = 465,
                     .is_secure = true,
                     .user = "ann",
                     .password = "secret-4",
                     .from = "lenz@example.org",
                     .to = {"ann@example.org", "bob@example.org"}},
      .webhook = Webhook{.url = "https://example.org/hook", .token = "secret-5"},
      .day_ahead = DayAheadSource{
          .url = "https://example.org/{date}", .token = "secret-6", .topic = "", .per_mwh = true}};
}

TEST_F(PartnersFile, WhatIsSavedIsLoadedAgain) {
  const auto saved = everything();

  save_partners(saved, path);
  const auto partners = load_partners(path);

  EXPECT_EQ(partners.mqtt->host, "broker");
  EXPECT_EQ(partners.mqtt->port, 1884);
  EXPECT_EQ(partners.mqtt->password, "p\"ä\\ss ");
  ASSERT_EQ(partners.esphome.size(), 2u);
  EXPECT_EQ(partners.esphome[0].address, "a.lan");
  EXPECT_EQ(partners.esphome[0].port, 6054);
  EXPECT_EQ(partners.esphome[0].key, key);
  EXPECT_EQ(partners.esphome[0].period, 1500ms);
  EXPECT_EQ(partners.esphome[1].topic_prefix, "g/\"m\"");
  EXPECT_EQ(partners.esphome[1].channels, 12u);
  ASSERT_EQ(partners.esphome[1].entities.size(), 3u);
  EXPECT_EQ(partners.esphome[1].entities[0].quantity, Quantity::exported);
  EXPECT_EQ(partners.esphome[1].entities[0].index, 11u);
  EXPECT_EQ(partners.esphome[1].entities[1].factor, 1.0 / 3) << "to the last bit";
  ASSERT_EQ(partners.lorawan.size(), 1u);
  EXPECT_EQ(partners.lorawan[0].dev_eui, "0123456789abcdef");
  EXPECT_EQ(partners.lorawan[0].device, "cellar");
  EXPECT_EQ(partners.lorawan[0].channels, 42u);
  EXPECT_EQ(partners.lorawan[0].period, 30min);
  EXPECT_EQ(partners.lorawan[0].port, 7u);
  ASSERT_EQ(partners.bluetooth.size(), 2u);
  EXPECT_EQ(partners.bluetooth[0].address, "54:48:E6:8F:80:A5");
  EXPECT_EQ(partners.bluetooth[0].key, "231d39c1d7cc1ab1aee224cd096db932");
  EXPECT_FALSE(partners.bluetooth[0].is_visited);
  EXPECT_TRUE(partners.bluetooth[1].is_visited);
  EXPECT_EQ(partners.bluetooth[1].channels, 12u);
  EXPECT_EQ(partners.bluetooth[1].period, 90s);
  ASSERT_EQ(partners.plugs.size(), 2u);
  EXPECT_EQ(partners.plugs[0].name, "My \"kettle\"");
  EXPECT_EQ(partners.plugs[0].kind, insight::ApplianceKind::kettle);
  EXPECT_EQ(partners.plugs[0].circuit, "kitchen");
  EXPECT_EQ(partners.plugs[0].topic, "p/1");
  EXPECT_EQ(partners.plugs[0].power, "a.b");
  EXPECT_EQ(partners.plugs[0].voltage, "a.c");
  EXPECT_FALSE(partners.plugs[1].kind);
  EXPECT_EQ(partners.plugs[1].power, "");
  ASSERT_EQ(partners.thermometers.size(), 2u);
  EXPECT_EQ(partners.thermometers[0].circuits, (std::vector<std::string>{"fridge", "freezer"}));
  EXPECT_EQ(partners.thermometers[0].value, "temperature");
  EXPECT_TRUE(partners.thermometers[1].circuits.empty());
  ASSERT_EQ(partners.rain_gauges.size(), 2u);
  EXPECT_EQ(partners.rain_gauges[0].circuits, (std::vector<std::string>{"sump"}));
  EXPECT_EQ(partners.rain_gauges[0].value, "rain");
  EXPECT_EQ(partners.rain_gauges[0].unit, 3u);
  EXPECT_EQ(partners.rain_gauges[1].unit, 0u);
  EXPECT_EQ(partners.home_assistant->token, "token");
  EXPECT_EQ(partners.home_assistant->statistics, StatisticsTarget::none);
  EXPECT_EQ(partners.influxdb->version, 2);
  EXPECT_EQ(partners.influxdb->bucket, "b c");
  EXPECT_EQ(partners.influxdb->token, "secret-2");
  EXPECT_TRUE(partners.influxdb->scaled_integers);
  EXPECT_EQ(partners.influxdb->step, 60s);
  EXPECT_FALSE(partners.influxdb->read_before);
  EXPECT_EQ(partners.victoriametrics->url, "http://v");
  EXPECT_EQ(partners.victoriametrics->read_url, "http://select");
  EXPECT_EQ(partners.victoriametrics->user, "ann");
  EXPECT_EQ(partners.victoriametrics->password, "secret-3");
  EXPECT_EQ(partners.victoriametrics->read_before, std::chrono::days(30));
  EXPECT_EQ(partners.email->host, "mail.example.org");
  EXPECT_EQ(partners.email->port, 465);
  EXPECT_TRUE(partners.email->is_secure);
  EXPECT_EQ(partners.email->user, "ann");
  EXPECT_EQ(partners.email->password, "secret-4");
  EXPECT_EQ(partners.email->from, "lenz@example.org");
  EXPECT_EQ(partners.email->to, saved.email->to);
  EXPECT_EQ(partners.webhook->url, "https://example.org/hook");
  EXPECT_EQ(partners.webhook->token, "secret-5");
  EXPECT_EQ(partners.day_ahead->url, "https://example.org/{date}");
  EXPECT_EQ(partners.day_ahead->token, "secret-6");
  EXPECT_TRUE(partners.day_ahead->per_mwh);
}

TEST_F(PartnersFile, SecretsAreWrittenWhereOnlyTheirOwnerReadsThem) {
  save_partners(everything(), path);

  const auto text = read(path);
  EXPECT_EQ(mode(path), 0644u);
  EXPECT_EQ(mode(folder / "secrets"), 0700u);
  for (const auto& [name, secret] :
       std::map<std::string, std::string>{{"mqtt.password", "p\"ä\\ss "},
                                          {"panel.key", key},
                                          {"shed.key", "231d39c1d7cc1ab1aee224cd096db932"},
                                          {"home_assistant.token", "token"},
                                          {"influxdb.token", "secret-2"},
                                          {"victoriametrics.password", "secret-3"}}) {
    const auto file = folder / "secrets" / name;
    EXPECT_EQ(mode(file), 0600u);
    EXPECT_EQ(read(file), secret + "\n");
    EXPECT_THAT(text, HasSubstr("\"secrets/" + name + "\""));
    EXPECT_THAT(text, Not(HasSubstr("\"" + secret + "\"")));
  }
}

TEST_F(PartnersFile, WhatWouldNotLoadIsNotSavedAndTheOldFileStays) {
  write("partners.toml", mqtt);
  auto partners = everything();
  partners.mqtt.reset();

  EXPECT_THAT([&] { save_partners(partners, path); },
              testing::ThrowsMessage<std::runtime_error>(
                  AllOf(HasSubstr(path.string()), HasSubstr("add [mqtt]"))));

  EXPECT_EQ(read(path), mqtt);
  EXPECT_FALSE(std::filesystem::exists(folder / "secrets"));
}

TEST_F(PartnersFile, AFolderThatCannotBeWrittenIsSaidByName) {
  const auto elsewhere = folder / "none" / "partners.toml";

  for (const auto& partners : {Partners{}, everything()}) {
    EXPECT_THAT([&] { save_partners(partners, elsewhere); },
                testing::ThrowsMessage<std::runtime_error>(AllOf(
                    HasSubstr((folder / "none").string()), HasSubstr("give the hub the right"))));
  }
}

// The examples of the page of the format are files that work.
TEST_F(PartnersFile, TheExamplesOfTheManualLoad) {
  std::filesystem::create_directory(folder / "secrets");
  write("secrets/mqtt.password", "p\n");
  write("secrets/panel.key", key);
  write("secrets/home_assistant.token", "t\n");
  const auto page = read(std::string(LENZ_SOURCE_DIR) + "/docs/partners_format.md");
  std::vector<Partners> examples;
  const std::regex toml("```toml\n([^`]*)```");
  for (std::sregex_iterator found(page.begin(), page.end(), toml), end; found != end; ++found) {
    examples.push_back(loaded(std::regex_replace(
        (*found)[1].str(), std::regex("/etc/lenz/influx.token"), folder.string() + "/token")));
  }

  ASSERT_EQ(examples.size(), 5u);
  EXPECT_EQ(examples[0].esphome.size(), 2u);
  EXPECT_EQ(examples[0].esphome[1].entities.size(), 3u);
  EXPECT_EQ(examples[1].influxdb->version, 2);
  EXPECT_EQ(examples[2].plugs.size(), 3u);
  EXPECT_EQ(examples[3].thermometers.size(), 2u);
  EXPECT_EQ(examples[4].rain_gauges.size(), 2u);
}

}  // namespace
}  // namespace hub
