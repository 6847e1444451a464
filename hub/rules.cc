#include "hub/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "hub/toml_file.h"
#include "insight/identification/bytes.h"

namespace hub {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_file_bytes = 64 * 1024;
constexpr std::size_t most_name = 120;
constexpr double most_power_w = 1e6, most_energy_kwh = 1e4;
constexpr std::chrono::minutes longest = std::chrono::days(7);
constexpr std::uint8_t memory_version = 1;

constexpr auto kind_words = [] {
  std::array<std::string_view, rule_kinds.size()> words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = rule_kinds[i].word;
  return words;
}();

std::string length_text(std::chrono::minutes length) {
  if (length % 60min == 0min) return fmt::format("{} h", length / 60min);
  return fmt::format("{} min", length.count());
}

std::string power_text(double watts) {
  return watts >= 1000 ? fmt::format("{:.4g} kW", watts / 1000) : fmt::format("{:.4g} W", watts);
}

class Reader {
 public:
  explicit Reader(const fs::path& path) : file_(path, most_file_bytes, "a list of rules") {}

  Rules rules() const {
    file_.allow(file_.root(), "the file", {"notices", "rule"});
    Rules rules;
    if (const auto* node = file_.root().get("notices")) {
      rules.times = times(file_.table(*node, "notices"));
    }
    std::set<std::string> names;
    file_.each(file_.root(), "rule", [&](const toml::table& from) {
      rules.rules.push_back(rule(from));
      if (rules.rules.size() > Rules::most) {
        file_.refuse(from.source(),
                     fmt::format("there are more than {} rules; take some out", Rules::most));
      }
      if (!names.insert(rules.rules.back().name).second) {
        file_.refuse(from.source(), fmt::format("the rule \"{}\" is here twice; rename one",
                                                rules.rules.back().name));
      }
    });
    return rules;
  }

 private:
  NoticeTimes times(const toml::table& from) const {
    file_.allow(from, "[notices]", {"quiet_begin", "quiet_end", "digest_day", "digest_at"});
    NoticeTimes times;
    minute(from, "quiet_begin", times.quiet_begin);
    minute(from, "quiet_end", times.quiet_end);
    auto day = times.digest_day.c_encoding();
    file_.want_choice(from, "digest_day", weekday_words, day);
    times.digest_day = std::chrono::weekday(day);
    minute(from, "digest_at", times.digest_at);
    return times;
  }

  Rule rule(const toml::table& from) const {
    Rule rule;
    file_.choose(file_.required(from, "when"), "when", kind_words, rule.kind);
    const auto& kind = row(rule.kind);
    for (const auto& [key, node] : from) {
      const std::array<std::pair<std::string_view, bool>, 8> keys = {
          {{"name", true},
           {"when", true},
           {"asset", true},
           {"sending", true},
           {"power_w", kind.has_power},
           {"for_min", kind.has_length},
           {"by", kind.has_time},
           {"energy_kwh", kind.has_energy}}};
      const bool is_known = std::ranges::any_of(
          keys, [&](const auto& one) { return one.second && one.first == key.str(); });
      if (!is_known) {
        file_.refuse(key.source(), fmt::format("a rule of when = \"{}\" has no key \"{}\"; take "
                                               "it out",
                                               kind.word, key.str()));
      }
    }
    file_.need(from, "name", rule.name);
    std::string asset;
    file_.need(from, "asset", asset);
    rule.asset = asset_in(asset).value_or(Asset{});
    if (kind.has_power) file_.need(from, "power_w", rule.power_w);
    if (kind.has_length) {
      std::int32_t minutes = 0;
      file_.need(from, "for_min", minutes);
      rule.length = std::chrono::minutes(minutes);
    }
    if (kind.has_time) {
      static_cast<void>(file_.required(from, "by"));
      minute(from, "by", rule.by);
    }
    if (kind.has_energy) file_.need(from, "energy_kwh", rule.energy_kwh);
    file_.want_choice(from, "sending", sending_words, rule.sending);
    if (const auto fault = fault_of(rule); !fault.empty()) file_.refuse(from.source(), fault);
    return rule;
  }

  void minute(const toml::table& from, std::string_view key, MinuteOfDay& into) const {
    const auto* node = from.get(key);
    if (!node) return;
    std::string text;
    file_.take(*node, key, text);
    const auto minute = minute_in(text);
    if (!minute) file_.refuse(node->source(), fmt::format("\"{}\" must be like \"07:00\"", key));
    into = *minute;
  }

  const TomlFile file_;
};

std::string toml_of(const Rule& rule) {
  const auto& kind = row(rule.kind);
  auto text = fmt::format("\n[[rule]]\nname = {}\nwhen = \"{}\"\nasset = {}\n",
                          toml_text(rule.name), kind.word, toml_text(text_of(rule.asset)));
  if (kind.has_power) text += fmt::format("power_w = {}\n", rule.power_w);
  if (kind.has_length) text += fmt::format("for_min = {}\n", rule.length.count());
  if (kind.has_time) text += fmt::format("by = \"{}\"\n", text_of_minute(rule.by));
  if (kind.has_energy) text += fmt::format("energy_kwh = {}\n", rule.energy_kwh);
  return text + fmt::format("sending = \"{}\"\n",
                            sending_words.at(static_cast<std::size_t>(rule.sending)));
}

}  // namespace

std::string text_of_minute(MinuteOfDay minute) {
  return fmt::format("{:02}:{:02}", minute.count() / 60, minute.count() % 60);
}

std::optional<MinuteOfDay> minute_in(std::string_view text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) {
    return std::nullopt;
  }
  const int hour = 10 * (text[0] - '0') + text[1] - '0';
  const int minute = 10 * (text[3] - '0') + text[4] - '0';
  if (hour > 23 || minute > 59) return std::nullopt;
  return MinuteOfDay(60 * hour + minute);
}

std::string fault_of(const Rule& rule) {
  const bool is_line =
      std::ranges::none_of(rule.name, [](unsigned char c) { return c < ' ' || c == 0x7F; });
  if (rule.name.empty() || rule.name.size() > most_name || !is_line) {
    return fmt::format("\"name\" must be 1 to {} characters in one line", most_name);
  }
  if (rule.asset.kind != Asset::Kind::appliance && rule.asset.kind != Asset::Kind::circuit) {
    return "\"asset\" must be like \"circuit kitchen\" or \"appliance 3\"";
  }
  const auto& kind = row(rule.kind);
  if (kind.has_power && !(rule.power_w >= 1 && rule.power_w <= most_power_w)) {
    return fmt::format("\"power_w\" must be from 1 to {:.0f}", most_power_w);
  }
  if (kind.has_length && (rule.length < 1min || rule.length > longest)) {
    return fmt::format("\"for_min\" must be from 1 to {}", longest.count());
  }
  if (kind.has_energy && !(rule.energy_kwh >= .01 && rule.energy_kwh <= most_energy_kwh)) {
    return fmt::format("\"energy_kwh\" must be from 0.01 to {:.0f}", most_energy_kwh);
  }
  return {};
}

Rules load_rules(const fs::path& path) {
  std::error_code error;
  if (fs::status(path, error).type() == fs::file_type::not_found) return {};
  return Reader(path).rules();
}

void save_rules(const Rules& rules, const fs::path& path) {
  const auto& times = rules.times;
  auto text = fmt::format(
      "[notices]\nquiet_begin = \"{}\"\nquiet_end = \"{}\"\ndigest_day = \"{}\"\n"
      "digest_at = \"{}\"\n",
      text_of_minute(times.quiet_begin), text_of_minute(times.quiet_end),
      weekday_words.at(times.digest_day.c_encoding()), text_of_minute(times.digest_at));
  for (const auto& rule : rules.rules) text += toml_of(rule);
  replace_file(path, text, 0644);
}

RuleWatch::RuleWatch(Rule rule, std::string_view memory) : rule_(std::move(rule)) {
  std::uint8_t version = 0;
  State state;
  const bool is_whole = insight::take(memory, version) && version == memory_version &&
                        insight::take(memory, state.day) && insight::take(memory, state.is_true) &&
                        memory.empty();
  if (is_whole) state_ = state;
}

std::string RuleWatch::memory() const {
  std::string bytes;
  insight::put(bytes, memory_version);
  insight::put(bytes, state_.day);
  insight::put(bytes, state_.is_true);
  return bytes;
}

bool RuleWatch::step(Timestamp now, const AssetNow& asset, std::chrono::minutes utc_offset) {
  const auto day = std::chrono::floor<std::chrono::days>(now + utc_offset).time_since_epoch();
  if (day.count() != state_.day) {
    // Whether it ran before the first look at a day is not known.
    state_.is_day_whole = day.count() == state_.day + 1;
    state_.day = day.count();
    state_.has_run = false;
    if (row(rule_.kind).has_time || row(rule_.kind).has_energy) state_.is_true = false;
  }
  if (asset.power) {
    if (now - state_.heard > longest_gap) {
      state_.since = on_since_ = off_since_ = {};
      was_on_ = state_.is_day_whole = false;
    }
    state_.heard = now;
  }
  const bool was_true = state_.is_true;
  state_.is_true = holds(now, asset, utc_offset);
  return state_.is_true && !was_true;
}

bool RuleWatch::has_held(bool is_so, Timestamp now, std::chrono::milliseconds length) {
  if (!is_so) {
    state_.since = {};
    return false;
  }
  if (state_.since == Timestamp{}) state_.since = state_.is_true ? now - length : now;
  return now - state_.since >= length;
}

bool RuleWatch::has_finished(Timestamp now, const AssetNow& asset, bool is_on) {
  if (asset.is_done) return *asset.is_done;
  if (is_on) {
    if (on_since_ == Timestamp{}) on_since_ = now;
    was_on_ = was_on_ || now - on_since_ >= least_run;
    off_since_ = {};
    return false;
  }
  on_since_ = {};
  if (off_since_ == Timestamp{}) off_since_ = now;
  if (state_.is_true) return true;  // Until it runs again.
  if (!was_on_ || now - off_since_ < off_when_done) return false;
  was_on_ = false;
  return true;
}

bool RuleWatch::is_demand_above(Timestamp now, measurement::Watts power) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(now).time_since_epoch().count();
  if (minutes_.empty() || minutes_.back().minute != minute) minutes_.push_back({minute, 0, 0});
  minutes_.back().sum_w += static_cast<double>(power.value);
  ++minutes_.back().count;
  while (minutes_.front().minute <= minute - demand_over.count()) minutes_.pop_front();
  if (minutes_.size() + 1 < static_cast<std::size_t>(demand_over.count())) return false;
  double sum = 0;
  for (const auto& one : minutes_) sum += one.sum_w / one.count;
  return sum / static_cast<double>(minutes_.size()) > rule_.power_w;
}

bool RuleWatch::holds(Timestamp now, const AssetNow& asset, std::chrono::minutes utc_offset) {
  const bool keeps = state_.is_true;  // What is not known changes nothing.
  const bool is_known = asset.power.has_value();
  const double watts = is_known ? static_cast<double>(asset.power->value) : 0;
  const bool is_on = asset.is_on.value_or(is_known && asset.power->value >= on_from.value);
  state_.has_run = asset.has_run_today.value_or(state_.has_run || is_on);
  switch (rule_.kind) {
    case RuleKind::above:
      return is_known ? has_held(watts > rule_.power_w, now, rule_.length) : keeps;
    case RuleKind::below:
      return is_known ? has_held(watts < rule_.power_w, now, rule_.length) : keeps;
    case RuleKind::left_on:
      return is_known ? has_held(is_on, now, rule_.length) : keeps;
    case RuleKind::finished:
      return is_known ? has_finished(now, asset, is_on) : keeps;
    case RuleKind::not_run: {
      const bool can_say = asset.has_run_today.has_value() || state_.is_day_whole;
      const auto local = now + utc_offset;
      const auto since_midnight = local - std::chrono::floor<std::chrono::days>(local);
      return can_say && !state_.has_run && since_midnight >= rule_.by;
    }
    case RuleKind::energy:
      return asset.today ? static_cast<double>(asset.today->value) > 1e6 * rule_.energy_kwh : keeps;
    case RuleKind::demand:
      return is_known ? is_demand_above(now, *asset.power) : keeps;
  }
  return false;
}

std::string sentence(const Rule& rule, const std::string& name) {
  const auto power = power_text(rule.power_w), length = length_text(rule.length);
  switch (rule.kind) {
    case RuleKind::above:
      return fmt::format("{} has drawn more than {} for {}.", name, power, length);
    case RuleKind::below:
      return fmt::format("{} has drawn less than {} for {}.", name, power, length);
    case RuleKind::left_on:
      return fmt::format("{} has been on for {}.", name, length);
    case RuleKind::finished:
      return fmt::format("{} has finished.", name);
    case RuleKind::not_run:
      return fmt::format("{} has not run today.", name);
    case RuleKind::energy:
      return fmt::format("{} has taken more than {:.4g} kWh today.", name, rule.energy_kwh);
    case RuleKind::demand:
      return fmt::format("{} has drawn more than {} on average for 15 minutes.", name, power);
  }
  return {};
}

}  // namespace hub
