#include "hub/integrations/home_assistant_backfill.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace hub {
namespace {

using measurement::Timestamp;
using nlohmann::json;
using Answer = HomeAssistantConversation::Answer;

constexpr std::size_t most_changes = 1'000'000;  // More hours than a circuit lives.
// Far enough before the first hour for the row before it, unless it was silent for longer.
constexpr std::chrono::days look_back{7};
constexpr std::chrono::minutes longest_wait{60};

json metadata_question(const std::vector<std::string>& ids) {
  return {{"type", "recorder/get_statistics_metadata"}, {"statistic_ids", ids}};
}

}  // namespace

StatisticsBackfill::StatisticsBackfill(const Home& home, Ledger& ledger, StatisticsTarget target,
                                       HomeAssistantConversation& conversation)
    : home_(home),
      ledger_(ledger),
      target_(target),
      conversation_(conversation),
      writer_(conversation) {}

std::string StatisticsBackfill::bookmark(std::string_view circuit) const {
  return fmt::format("home-assistant/{}/{}",
                     target_ == StatisticsTarget::external ? "external" : "sensor", circuit);
}

// Which circuits have closed hours that changed, and what was measured since the first of them.
void StatisticsBackfill::gather(Timestamp now) {
  now_ = now;
  counters_.clear();
  marks_.clear();
  plan_ = {};
  at_ = 0;
  const Timestamp end = std::chrono::floor<std::chrono::hours>(now - settle);
  for (const auto& circuit : panel_at(home_, now).circuits) {
    std::optional<Timestamp> first;
    std::uint64_t right = 0, running = std::numeric_limits<std::uint64_t>::max();
    for (const auto& hour :
         ledger_.changed(circuit.id, ledger_.bookmark(bookmark(circuit.id)), most_changes)) {
      if (hour.begin >= end) {
        running = std::min(running, hour.revision);
        continue;
      }
      right = std::max(right, hour.revision);
      first = std::min(first.value_or(hour.begin), hour.begin);
    }
    if (first) marks_[circuit.id] = std::min(right, running - 1);
    if (choice_.all_hours) first = Timestamp{};
    if (!first) continue;
    auto hours = ledger_.hours(circuit.id, {*first, now + std::chrono::hours(1)});
    if (hours.empty()) continue;
    const auto counter = ledger_.counter(circuit.id), known = hours.back().counter;
    if (target_ == StatisticsTarget::sensor &&
        (counter.imported > known.imported || counter.exported > known.exported)) {
      plan_.notes.push_back(circuit.name +
                            ": Home Assistant was told more than the hub knows of; it waits until "
                            "the hub has caught up with its meters.");
      marks_.erase(circuit.id);
      continue;
    }
    std::erase_if(hours, [&](const HourOfEnergy& hour) { return hour.begin >= end; });
    if (hours.empty()) continue;
    for (const auto& row : sensors_of(circuit, counter)) {
      if (!row.counts) continue;
      counters_.push_back({.circuit = circuit.id,
                           .key = std::string(row.key),
                           .name = circuit.name + ", " + std::string(row.name),
                           .statistic_id = external_statistic_id(home_, circuit.id, row.entity),
                           .unit = "kWh",
                           .direction = *row.counts,
                           .hours = hours});
    }
  }
}

void StatisticsBackfill::run(Choice choice, Timestamp now, Done done) {
  if (done_) return done(std::unexpected("A run is already under way; wait for its end."));
  choice_ = choice;
  done_ = std::move(done);
  gather(now);
  if (counters_.empty()) return end(plan_);
  if (target_ == StatisticsTarget::external) return find_units();
  find_entities();
}

void StatisticsBackfill::find_entities() {
  conversation_.ask({{"type", "config/entity_registry/list"}}, [this](Answer answer) {
    if (!answer) return end(std::unexpected(answer.error().sentence));
    const auto ids = entity_ids(*answer);
    std::erase_if(counters_, [&](Counter& counter) {
      const auto found = ids.find(unique_id(home_, counter.circuit, counter.key));
      if (found != ids.end()) {
        counter.statistic_id = found->second;
        return false;
      }
      plan_.notes.push_back(
          fmt::format("{}: Home Assistant does not know this sensor yet.", counter.name));
      marks_.erase(counter.circuit);
      return true;
    });
    find_units();
  });
}

void StatisticsBackfill::find_units() {
  if (counters_.empty()) return end(plan_);
  std::vector<std::string> ids;
  for (const auto& counter : counters_) ids.push_back(counter.statistic_id);
  conversation_.ask(metadata_question(ids), [this](Answer answer) {
    if (!answer) return end(std::unexpected(answer.error().sentence));
    const auto units = statistics_units(*answer);
    for (auto& counter : counters_) {
      const auto found = units.find(counter.statistic_id);
      if (found != units.end()) counter.unit = found->second;
    }
    read_rows(false);
  });
}

void StatisticsBackfill::read_rows(bool from_the_beginning) {
  if (at_ == counters_.size()) return write();
  const auto& counter = counters_[at_];
  const auto first = counter.hours.front().begin;
  const auto from =
      from_the_beginning || first < Timestamp(look_back) ? Timestamp{} : first - look_back;
  conversation_.ask(statistics_question(counter.statistic_id, from),
                    [this, first, from](Answer answer) {
                      if (!answer) return end(std::unexpected(answer.error().sentence));
                      const auto rows = statistics_rows(*answer, counters_[at_].statistic_id);
                      const bool has_a_row_before = !rows.empty() && rows.front().start < first;
                      if (!has_a_row_before && from != Timestamp{}) return read_rows(true);
                      plan_rows(rows);
                    });
}

void StatisticsBackfill::plan_rows(std::span<const StatisticsRow> existing) {
  auto& counter = counters_[at_];
  auto found = differing_rows(counter.hours, counter.direction, existing,
                              target_ == StatisticsTarget::external);
  const auto note = found ? found->note : found.error();
  if (!note.empty()) {
    plan_.notes.push_back(fmt::format("{} ({}) {}.", counter.statistic_id, counter.name, note));
  }
  if (!found || !found->rows.empty()) marks_.erase(counter.circuit);
  if (found && !found->rows.empty()) {
    plan_.changes.push_back({.statistic_id = counter.statistic_id,
                             .name = counter.name,
                             .unit = counter.unit,
                             .rows = std::move(found->rows)});
  }
  counter.hours = {};
  ++at_;
  read_rows(false);
}

void StatisticsBackfill::write() {
  if (!choice_.write || plan_.is_empty()) return end(plan_);
  writer_.write(plan_, [this](std::expected<std::size_t, std::string> sent) {
    if (!sent) return end(std::unexpected(sent.error()));
    end(plan_);
  });
}

void StatisticsBackfill::end(std::expected<StatisticsPlan, std::string> result) {
  if (result && choice_.write) {
    // Only those in which nothing was found to write: what was sent is read back before.
    for (const auto& [circuit, revision] : marks_)
      ledger_.set_bookmark(bookmark(circuit), revision);
  }
  counters_.clear();
  std::exchange(done_, {})(std::move(result));
}

void StatisticsBackfill::tick(Timestamp now) {
  if (target_ == StatisticsTarget::none || done_ || now < next_run_ || !conversation_.is_ready()) {
    return;
  }
  next_run_ = now + std::chrono::minutes(1);
  run({}, now, [this](std::expected<StatisticsPlan, std::string> result) { note_run(result); });
}

void StatisticsBackfill::note_run(const std::expected<StatisticsPlan, std::string>& result) {
  if (result && result->is_empty() && result->notes.empty()) {
    wait_ = std::chrono::minutes(1);
    said_.clear();
    return;
  }
  next_run_ = now_ + wait_;
  wait_ = std::min(2 * wait_, result ? longest_wait / 4 : longest_wait);
  if (!result) {
    if (say) say(result.error());
    return;
  }
  for (const auto& note : result->notes) {
    if (say && std::ranges::find(said_, note) == said_.end()) say(note);
  }
  said_ = result->notes;
  const auto last_closed =
      std::chrono::floor<std::chrono::hours>(now_ - settle) - std::chrono::hours(1);
  const bool is_late = std::ranges::any_of(result->changes, [&](const StatisticsChange& change) {
    return !change.rows.empty() && change.rows.front().row.start < last_closed;
  });
  if (is_late && wrote) wrote(*result);
}

StatisticsContinuation::StatisticsContinuation(const Home& home,
                                               HomeAssistantConversation& conversation)
    : home_(home), conversation_(conversation), writer_(conversation) {}

void StatisticsContinuation::run(Choice choice, Timestamp now, Done done) {
  if (done_) return done(std::unexpected("A run is already under way; wait for its end."));
  choice_ = std::move(choice);
  done_ = std::move(done);
  const auto& circuits = panel_at(home_, now).circuits;
  const auto circuit = std::ranges::find(circuits, choice_.circuit, &Circuit::id);
  if (circuit == circuits.end()) {
    return end(std::unexpected(fmt::format(
        "The panel has no circuit \"{}\"; name one by its id in home.toml.", choice_.circuit)));
  }
  if (choice_.key.empty()) {
    choice_.key = counter_of(circuit->kind, usual_direction(circuit->kind)).key;
  }
  find_entity();
}

void StatisticsContinuation::find_entity() {
  conversation_.ask({{"type", "config/entity_registry/list"}}, [this](Answer answer) {
    if (!answer) return end(std::unexpected(answer.error().sentence));
    const auto ids = entity_ids(*answer);
    const auto found = ids.find(unique_id(home_, choice_.circuit, choice_.key));
    if (found == ids.end()) {
      return end(std::unexpected(fmt::format(
          "Home Assistant does not know the sensor \"{}\" of circuit \"{}\" yet; start the hub "
          "with partners.toml first.",
          choice_.key, choice_.circuit)));
    }
    ours_ = found->second;
    if (ours_ == choice_.from) {
      return end(std::unexpected("This is the sensor of Lenz itself; name the one it replaces."));
    }
    find_units();
  });
}

void StatisticsContinuation::find_units() {
  conversation_.ask(metadata_question({ours_, choice_.from}), [this](Answer answer) {
    if (!answer) return end(std::unexpected(answer.error().sentence));
    const auto units = statistics_units(*answer);
    for (const auto& id : {ours_, choice_.from}) {
      if (units.contains(id)) continue;
      return end(std::unexpected(fmt::format("Home Assistant has no statistics of {}.", id)));
    }
    unit_ = units.at(ours_);
    read_rows();
  });
}

void StatisticsContinuation::read_rows() {
  auto question = statistics_question(ours_, Timestamp{});
  question["statistic_ids"].push_back(choice_.from);
  conversation_.ask(std::move(question), [this](Answer answer) {
    if (!answer) return end(std::unexpected(answer.error().sentence));
    finish(*answer);
  });
}

void StatisticsContinuation::finish(const json& rows) {
  const auto old_rows = statistics_rows(rows, choice_.from), ours = statistics_rows(rows, ours_);
  if (ours.empty()) {
    return end(std::unexpected(fmt::format(
        "Home Assistant has no hour of {} yet; try again when it has shown one.", ours_)));
  }
  auto change = continued(old_rows, ours);
  change.statistic_id = ours_;
  change.name = choice_.circuit + ", continuing " + choice_.from;
  change.unit = unit_;
  StatisticsPlan plan;
  if (!change.rows.empty() || change.raise) plan.changes.push_back(std::move(change));
  if (!choice_.write || plan.is_empty()) return end(plan);
  writer_.write(plan, [this, plan](std::expected<std::size_t, std::string> sent) {
    if (!sent) return end(std::unexpected(sent.error()));
    end(plan);
  });
}

void StatisticsContinuation::end(std::expected<StatisticsPlan, std::string> result) {
  std::exchange(done_, {})(std::move(result));
}

}  // namespace hub
