#include "hub/config.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string_view>

namespace hub {
namespace {

using namespace std::chrono_literals;

// In the order of the enumerations.
constexpr std::array<std::string_view, 6> kinds = {"grid", "solar",    "battery",
                                                   "ev",   "subpanel", "load"};
constexpr std::array<std::string_view, 2> nettings = {"sum", "per_phase"};
constexpr std::array<std::string_view, 2> styles = {"us", "din"};

std::string quoted_list(std::span<const std::string_view> words) {
  return fmt::format("\"{}\"", fmt::join(words, "\", \""));
}

// One file while it is read: it knows how to complain about it.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path) {}

  Home home();

 private:
  [[noreturn]] void refuse(const toml::source_region& at, const std::string& complaint) const {
    throw std::runtime_error(
        fmt::format("{}, line {}: {}.", path_.string(), at.begin.line, complaint));
  }

  std::string text() const;
  toml::table parsed() const;
  Panel panel(const toml::table&) const;
  Circuit circuit(const toml::table&) const;
  ChannelUse channel(const toml::table&) const;
  std::vector<int> legs(const toml::table&) const;

  void allow(const toml::table&, std::string_view table,
             std::initializer_list<std::string_view> keys) const;
  const toml::node& required(const toml::table&, std::string_view key) const;
  const toml::array& array(const toml::node&, std::string_view key) const;
  const toml::table& table(const toml::node&, std::string_view key) const;

  void take(const toml::node&, std::string_view key, std::string& into) const;
  void take(const toml::node&, std::string_view key, double& into) const;
  void take(const toml::node&, std::string_view key, measurement::Timestamp& into) const;
  template <std::integral Number>
  void take(const toml::node&, std::string_view key, Number& into) const;
  template <class Choice>
  void choose(const toml::node&, std::string_view key, std::span<const std::string_view> words,
              Choice& into) const;

  template <class Value>
  void need(const toml::table& from, std::string_view key, Value& into) const {
    take(required(from, key), key, into);
  }
  template <class Value>
  void want(const toml::table& from, std::string_view key, Value& into) const {
    if (const auto* node = from.get(key)) take(*node, key, into);
  }

  const std::filesystem::path& path_;
};

std::string Reader::text() const {
  std::ifstream file(path_, std::ios::binary);
  std::string text(max_home_file_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    throw std::runtime_error(fmt::format("{} cannot be read ({}); create it or give another path.",
                                         path_.string(), std::strerror(errno)));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > max_home_file_bytes) {
    throw std::runtime_error(
        fmt::format("{} is larger than {} bytes and is not a home; give "
                    "another path.",
                    path_.string(), max_home_file_bytes));
  }
  return text;
}

toml::table Reader::parsed() const {
  try {
    return toml::parse(text());
  } catch (const toml::parse_error& error) {
    refuse(error.source(), fmt::format("this is not TOML ({}); correct it", error.description()));
  }
}

void Reader::allow(const toml::table& in, std::string_view name,
                   std::initializer_list<std::string_view> keys) const {
  for (const auto& [key, node] : in) {
    if (std::ranges::find(keys, key.str()) != keys.end()) continue;
    refuse(key.source(), fmt::format("{} has no key \"{}\"; use one of {}", name, key.str(),
                                     fmt::join(keys, ", ")));
  }
}

const toml::node& Reader::required(const toml::table& from, std::string_view key) const {
  const auto* node = from.get(key);
  if (!node) refuse(from.source(), fmt::format("the key \"{}\" is missing here; add it", key));
  return *node;
}

const toml::array& Reader::array(const toml::node& node, std::string_view key) const {
  if (!node.is_array()) refuse(node.source(), fmt::format("\"{}\" must be a list in [ ]", key));
  return *node.as_array();
}

const toml::table& Reader::table(const toml::node& node, std::string_view key) const {
  if (!node.is_table()) refuse(node.source(), fmt::format("\"{}\" must be a table", key));
  return *node.as_table();
}

void Reader::take(const toml::node& node, std::string_view key, std::string& into) const {
  const auto value = node.value_exact<std::string>();
  if (!value) refuse(node.source(), fmt::format("\"{}\" must be a text in quotes", key));
  into = *value;
}

void Reader::take(const toml::node& node, std::string_view key, double& into) const {
  if (!node.is_number()) refuse(node.source(), fmt::format("\"{}\" must be a number", key));
  into = *node.value<double>();
}

template <std::integral Number>
void Reader::take(const toml::node& node, std::string_view key, Number& into) const {
  const auto value = node.value_exact<std::int64_t>();
  if (!value || !std::in_range<Number>(*value)) {
    refuse(node.source(), fmt::format("\"{}\" must be a whole number that makes sense", key));
  }
  into = static_cast<Number>(*value);
}

void Reader::take(const toml::node& node, std::string_view key,
                  measurement::Timestamp& into) const {
  const auto value = node.value_exact<toml::date_time>();
  if (!value || !value->offset) {
    refuse(node.source(),
           fmt::format("\"{}\" must be a time in UTC like 2024-05-31T18:00:00Z", key));
  }
  const std::chrono::year_month_day day(std::chrono::year(value->date.year),
                                        std::chrono::month(value->date.month),
                                        std::chrono::day(value->date.day));
  const auto& time = value->time;
  into = std::chrono::sys_days(day) + std::chrono::hours(time.hour) +
         std::chrono::minutes(time.minute) + std::chrono::seconds(time.second) +
         std::chrono::floor<std::chrono::milliseconds>(std::chrono::nanoseconds(time.nanosecond)) -
         std::chrono::minutes(value->offset->minutes);
}

template <class Choice>
void Reader::choose(const toml::node& node, std::string_view key,
                    std::span<const std::string_view> words, Choice& into) const {
  const auto found = std::ranges::find(words, node.value_exact<std::string_view>().value_or(""));
  if (found == words.end()) {
    refuse(node.source(), fmt::format("\"{}\" must be one of {}", key, quoted_list(words)));
  }
  into = static_cast<Choice>(found - words.begin());
}

ChannelUse Reader::channel(const toml::table& from) const {
  allow(from, "a channel", {"device", "channel", "multiplier"});
  ChannelUse use;
  need(from, "device", use.device);
  need(from, "channel", use.channel);
  want(from, "multiplier", use.multiplier);
  return use;
}

std::vector<int> Reader::legs(const toml::table& from) const {
  std::vector<int> legs;
  if (const auto* list = from.get("legs")) {
    for (const auto& leg : array(*list, "legs")) take(leg, "legs", legs.emplace_back());
  }
  return legs;
}

Circuit Reader::circuit(const toml::table& from) const {
  allow(from, "a circuit",
        {"id", "name", "kind", "parent", "rating_a", "poles", "legs", "position", "room", "netting",
         "channels"});
  Circuit circuit;
  need(from, "id", circuit.id);
  need(from, "name", circuit.name);
  if (const auto* kind = from.get("kind")) choose(*kind, "kind", kinds, circuit.kind);
  want(from, "parent", circuit.parent);
  want(from, "rating_a", circuit.rating_a);
  want(from, "poles", circuit.poles);
  circuit.legs = legs(from);
  want(from, "position", circuit.position);
  want(from, "room", circuit.room);
  if (const auto* netting = from.get("netting")) {
    choose(*netting, "netting", nettings, circuit.netting);
  }
  if (const auto* list = from.get("channels")) {
    for (const auto& node : array(*list, "channels")) {
      circuit.channels.push_back(channel(table(node, "channels")));
    }
  }
  return circuit;
}

Panel Reader::panel(const toml::table& from) const {
  allow(from, "a panel", {"valid_from", "style", "circuit"});
  Panel panel;
  need(from, "valid_from", panel.valid_from);
  choose(required(from, "style"), "style", styles, panel.style);
  if (const auto* list = from.get("circuit")) {
    for (const auto& node : array(*list, "circuit")) {
      panel.circuits.push_back(circuit(table(node, "circuit")));
    }
  }
  return panel;
}

Home Reader::home() {
  const auto file = parsed();
  allow(file, "the file", {"home", "panel"});
  const auto& head = table(required(file, "home"), "home");
  allow(head, "[home]",
        {"id", "name", "zone", "country", "currency", "nominal_voltage_v", "line_frequency_hz",
         "phases", "price_per_kwh"});
  Home home;
  need(head, "id", home.id);
  need(head, "name", home.name);
  need(head, "zone", home.zone);
  need(head, "country", home.country);
  need(head, "currency", home.currency);
  need(head, "nominal_voltage_v", home.nominal_voltage_v);
  need(head, "line_frequency_hz", home.line_frequency_hz);
  need(head, "phases", home.phases);
  if (head.contains("price_per_kwh")) want(head, "price_per_kwh", home.price_per_kwh.emplace());
  const auto& panels = array(required(file, "panel"), "panel");
  for (const auto& node : panels) home.panels.push_back(panel(table(node, "panel")));

  if (const auto fault = find_fault(home)) {
    const auto* at = &required(file, "home");
    if (fault->panel) at = panels.get(*fault->panel);
    if (fault->circuit) at = at->as_table()->at("circuit").as_array()->get(*fault->circuit);
    throw std::runtime_error(
        fmt::format("{}, line {}: {}", path_.string(), at->source().begin.line, fault->sentence));
  }
  return home;
}

// As a TOML basic string.
std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string utc(measurement::Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const auto ms = clock.subseconds().count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     ms ? fmt::format(".{:03}", ms) : "");
}

std::string toml_of(const Circuit& circuit) {
  const Circuit usual;
  auto out =
      fmt::format("\n[[panel.circuit]]\nid = {}\nname = {}\nkind = \"{}\"\n", toml_text(circuit.id),
                  toml_text(circuit.name), kinds.at(static_cast<std::size_t>(circuit.kind)));
  const auto line = [&](bool is_usual, std::string_view key, const std::string& value) {
    if (!is_usual) out += fmt::format("{} = {}\n", key, value);
  };
  line(circuit.parent.empty(), "parent", toml_text(circuit.parent));
  line(circuit.rating_a == usual.rating_a, "rating_a", fmt::format("{}", circuit.rating_a));
  line(circuit.poles == usual.poles, "poles", fmt::format("{}", circuit.poles));
  line(circuit.legs.empty(), "legs", fmt::format("[{}]", fmt::join(circuit.legs, ", ")));
  line(circuit.position == usual.position, "position", fmt::format("{}", circuit.position));
  line(circuit.room.empty(), "room", toml_text(circuit.room));
  line(circuit.netting == usual.netting, "netting",
       fmt::format("\"{}\"", nettings.at(static_cast<std::size_t>(circuit.netting))));
  std::vector<std::string> uses;
  for (const auto& use : circuit.channels) {
    uses.push_back(fmt::format("{{ device = {}, channel = {}, multiplier = {} }}",
                               toml_text(use.device), use.channel, use.multiplier));
  }
  line(uses.empty(), "channels", fmt::format("[{}]", fmt::join(uses, ", ")));
  return out;
}

std::string toml_of(const Home& home) {
  auto out = fmt::format(
      "[home]\nid = {}\nname = {}\nzone = {}\ncountry = {}\ncurrency = {}\n"
      "nominal_voltage_v = {}\nline_frequency_hz = {}\nphases = {}\n",
      toml_text(home.id), toml_text(home.name), toml_text(home.zone), toml_text(home.country),
      toml_text(home.currency), home.nominal_voltage_v, home.line_frequency_hz, home.phases);
  if (home.price_per_kwh) out += fmt::format("price_per_kwh = {}\n", *home.price_per_kwh);
  for (const auto& panel : home.panels) {
    out += fmt::format("\n[[panel]]\nvalid_from = {}\nstyle = \"{}\"\n", utc(panel.valid_from),
                       styles.at(static_cast<std::size_t>(panel.style)));
    for (const auto& circuit : panel.circuits) out += toml_of(circuit);
  }
  return out;
}

// A file that is not there until it is whole.
class Replacement {
 public:
  explicit Replacement(const std::filesystem::path& path)
      : path_(path), temporary_(path.string() + ".XXXXXX") {
    file_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
    if (file_ < 0) fail();
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement() {
    if (file_ >= 0) ::close(file_);
    if (!placed_) ::unlink(temporary_.c_str());
  }

  void write(std::string_view text) {
    while (!text.empty()) {
      const auto written = ::write(file_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail();
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void place() {
    if (::fchmod(file_, 0644) != 0 || ::fsync(file_) != 0) fail();
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail();
    placed_ = true;
    // The name is on the disk only when its folder is.
    const auto folder = path_.has_parent_path() ? path_.parent_path() : ".";
    const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = opened >= 0 && ::fsync(opened) == 0;
    const int error = errno;
    if (opened >= 0) ::close(opened);
    errno = error;
    if (!synced) fail();
  }

 private:
  [[noreturn]] void fail() {
    throw std::runtime_error(fmt::format(
        "{} cannot be written ({}); make room or give the hub the right to write in its folder.",
        path_.string(), std::strerror(errno)));
  }

  const std::filesystem::path& path_;
  std::string temporary_;
  int file_ = -1;
  bool placed_ = false;
};

}  // namespace

Home load_home(const std::filesystem::path& path) { return Reader(path).home(); }

void save_home(const Home& home, const std::filesystem::path& path) {
  if (const auto fault = find_fault(home)) {
    throw std::runtime_error(fmt::format("{} was not written: {}", path.string(), fault->sentence));
  }
  const auto text = toml_of(home);
  if (text.size() > max_home_file_bytes) {
    throw std::runtime_error(
        fmt::format("{} was not written: it would be larger than {} bytes; "
                    "take out old panels.",
                    path.string(), max_home_file_bytes));
  }
  Replacement file(path);
  file.write(text);
  file.place();
}

}  // namespace hub
