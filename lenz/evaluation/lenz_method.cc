#include "lenz/evaluation/lenz_method.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "insight/identification/channel_identifier.h"
#include "insight/identification/disaggregator.h"
#include "insight/identification/known_mix.h"

namespace lenz::evaluation {
namespace {

using insight::ApplianceId;
using insight::Certainty;
using measurement::Timestamp;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

// Powers of a channel, row by row as they come.
class PowerRows {
 public:
  PowerRows(Powers& powers, std::size_t rows) : powers_(powers), rows_(rows) {
    powers_.rest.assign(rows, missing);
  }

  void add(std::size_t row, std::optional<ApplianceKind> kind, float power_w) {
    auto& rest = powers_.rest[row];
    if (std::isnan(rest)) rest = 0;
    if (!kind) {
      rest += power_w;
      return;
    }
    auto& power = powers_.kinds[*kind];
    power.resize(rows_, 0.0F);
    power[row] += power_w;
  }

  // Where nothing was said the kinds are missing too.
  void finish() {
    for (auto& [kind, power] : powers_.kinds) {
      for (std::size_t row = 0; row < rows_; ++row) {
        if (std::isnan(powers_.rest[row])) power[row] = missing;
      }
    }
  }

 private:
  Powers& powers_;
  std::size_t rows_;
};

// One channel through ChannelIdentifier.
class Identified {
 public:
  Identified(std::shared_ptr<const insight::Model> model, const Channel& channel,
             std::size_t number, Owner& owner)
      : channel_(channel),
        number_(number),
        owner_(owner),
        engine_(std::move(model), channel.facts),
        live_(made_.live, channel.rows()) {
    shares_begin_.reserve(channel.rows() + 1);
  }

  void take(std::size_t row) {
    engine_.take(channel_.reading(row));
    shares_begin_.push_back(shares_.size());
    for (const auto& share : engine_.shares()) {
      shares_.push_back(share);
      live_.add(row, kind_of(share.appliance), share.active_power.value);
    }
    follow_runs((*channel_.times)[row]);
  }

  std::optional<insight::Question> question() const { return engine_.question(); }

  void ask(const insight::Question& question, Timestamp now) {
    const auto& example = question.example;
    if (const auto kind = owner_.answer(number_, example.begin, std::min(example.end, now))) {
      engine_.answer({.appliance = question.appliance, .kind = kind});
    }
  }

  ChannelEstimate finish() {
    shares_begin_.push_back(shares_.size());
    live_.finish();
    revise();
    return std::move(made_);
  }

 private:
  struct Known {
    insight::Run run;
    ApplianceId first = insight::unexplained;  // Whose it was when it began.
    NamedSpan live;
  };

  const insight::KnownAppliance* find(ApplianceId id) const {
    const auto all = engine_.appliances();
    const auto found = std::ranges::find(all, id, &insight::KnownAppliance::id);
    return found == all.end() ? nullptr : &*found;
  }

  std::optional<ApplianceKind> kind_of(ApplianceId id) const {
    const auto* appliance = id == insight::unexplained ? nullptr : find(id);
    return appliance ? appliance->kind : std::nullopt;
  }

  void describe(const insight::Run& run, NamedSpan& span) const {
    span.begin = run.begin;
    span.end = std::min(run.end, channel_.times->back());
    span.energy_wh = static_cast<double>(run.energy.value) / 1000;
    span.appliance = run.appliance;
    const auto* appliance = find(run.appliance);
    if (!appliance) return;
    span.kind = appliance->kind;
    span.probability = static_cast<double>(appliance->probability);
    span.is_shown = appliance->certainty != Certainty::unknown;
  }

  void follow_runs(Timestamp now) {
    bool has_ended = false;
    for (const auto& run : engine_.take_runs()) {
      auto& known = runs_[run.id];
      if (known.first == insight::unexplained) {
        known.first = run.appliance;
        open_.push_back(run.id);
      }
      const bool ends = run.end != Timestamp::max() && known.run.end == Timestamp::max();
      known.run = run;
      has_ended |= ends;
    }
    std::erase_if(open_, [&](std::uint64_t id) {
      auto& known = runs_[id];
      describe(known.run, known.live);
      if (known.live.is_shown && !known.live.named_at) known.live.named_at = now;
      return known.run.end != Timestamp::max();
    });
    if (!has_ended || owner_.is_asked_by_hub()) return;
    if (const auto worth_most = question()) ask(*worth_most, now);
  }

  // Each share belongs to the run that it was part of, as that is judged at the end.
  void revise() {
    std::map<ApplianceId, std::vector<const Known*>> by_first;
    for (auto& [id, known] : runs_) {
      by_first[known.first].push_back(&known);
      made_.live_spans.push_back(known.live);
      NamedSpan span;
      describe(known.run, span);
      span.named_at = known.live.named_at;
      made_.revised_spans.push_back(span);
    }
    for (auto& [id, runs] : by_first) {
      std::ranges::stable_sort(runs, {}, [](const Known* known) { return known->run.begin; });
    }
    PowerRows revised(made_.revised, channel_.rows());
    for (std::size_t row = 0; row < channel_.rows(); ++row) {
      const auto time = (*channel_.times)[row];
      for (auto i = shares_begin_[row]; i < shares_begin_[row + 1]; ++i) {
        auto id = shares_[i].appliance;
        if (const auto found = by_first.find(id); found != by_first.end()) {
          const auto after = std::ranges::upper_bound(
              found->second, time, {}, [](const Known* known) { return known->run.begin; });
          if (after != found->second.begin() && (*std::prev(after))->run.end > time) {
            id = (*std::prev(after))->run.appliance;
          }
        }
        revised.add(row, kind_of(id), shares_[i].active_power.value);
      }
    }
    revised.finish();
  }

  const Channel& channel_;
  std::size_t number_;
  Owner& owner_;
  insight::ChannelIdentifier engine_;
  ChannelEstimate made_;
  PowerRows live_;
  std::vector<insight::Share> shares_;     // Of all rows, one after another.
  std::vector<std::size_t> shares_begin_;  // Of each row in them.
  std::map<std::uint64_t, Known> runs_;
  std::vector<std::uint64_t> open_;
};

// One channel through an engine that settles its shares; put(rows, row, shares) writes them.
template <class Engine, class Put>
ChannelEstimate settled(Engine engine, const Channel& channel, Put put) {
  ChannelEstimate made;
  PowerRows live(made.live, channel.rows()), settled(made.revised, channel.rows());
  std::size_t next = 0;
  const auto take_settled = [&] {
    while (const auto shares = engine.take_settled()) {
      while ((*channel.times)[next] != shares->time) ++next;
      put(settled, next, *shares);
    }
  };
  for (std::size_t row = 0; row < channel.rows(); ++row) {
    const auto reading = channel.reading(row);
    engine.take(reading);
    if (!std::isnan(reading.active_power.value) && engine.live()) put(live, row, *engine.live());
    take_settled();
  }
  engine.end();
  take_settled();
  live.finish();
  settled.finish();
  return made;
}

ChannelEstimate disaggregated(const std::shared_ptr<const insight::MainsModel>& model,
                              const Channel& channel) {
  return settled(
      insight::Disaggregator(model, channel.facts), channel,
      [&](PowerRows& rows, std::size_t row, const insight::Disaggregator::Shares& shares) {
        for (std::size_t k = 0; k < model->kinds.size(); ++k) {
          rows.add(row, model->kinds[k].kind, shares.of_kind[k].value);
        }
        rows.add(row, std::nullopt, shares.unexplained.value);
      });
}

ChannelEstimate unmixed(const Channel& channel) {
  std::vector<insight::ApplianceStates> states;
  for (const auto& load : channel.known) states.emplace_back(load.alone);
  return settled(insight::KnownMix(std::move(states)), channel,
                 [&](PowerRows& rows, std::size_t row, const insight::KnownMix::Shares& shares) {
                   for (std::size_t k = 0; k < channel.known.size(); ++k) {
                     rows.add(row, channel.known[k].kind, shares.of[k].value);
                   }
                   rows.add(row, std::nullopt, shares.unexplained.value);
                 });
}

class Lenz final : public Method {
 public:
  Lenz(std::shared_ptr<const insight::Model> shipped, Trainer trainer)
      : trainer_(std::move(trainer)) {
    use(std::move(shipped));
  }

  std::string name() const override { return "lenz"; }
  bool shows_names() const override { return true; }

  void fit(CaseList training, const std::set<ApplianceKind>& wanted) override {
    use(std::make_shared<const insight::Model>(trainer_(training, wanted)));
  }

  std::vector<ChannelEstimate> estimate(std::span<const Channel> channels,
                                        const std::set<ApplianceKind>&,
                                        Owner& owner) const override {
    std::vector<ChannelEstimate> made(channels.size());
    std::vector<std::size_t> alone;
    for (std::size_t i = 0; i < channels.size(); ++i) {
      const auto known = channels[i].known.size();
      if (mains_ && channels[i].facts.is_mains) {
        made[i] = disaggregated(mains_, channels[i]);
      } else if (known > 0 && known <= insight::KnownMix::most_appliances) {
        made[i] = unmixed(channels[i]);
      } else {
        alone.push_back(i);
      }
    }
    if (owner.is_asked_by_hub()) {
      identify_together(channels, alone, owner, made);
      return made;
    }
    for (const auto i : alone) {
      Identified identified(model_, channels[i], i, owner);
      for (std::size_t row = 0; row < channels[i].rows(); ++row) identified.take(row);
      made[i] = identified.finish();
    }
    return made;
  }

 private:
  // Channels of one house have the same rows.
  void identify_together(std::span<const Channel> channels, std::span<const std::size_t> alone,
                         Owner& owner, std::vector<ChannelEstimate>& made) const {
    constexpr std::chrono::hours between_questions(12);
    std::vector<std::unique_ptr<Identified>> all;
    for (const auto i : alone) {
      all.push_back(std::make_unique<Identified>(model_, channels[i], i, owner));
    }
    if (all.empty()) return;
    const auto& times = *channels[alone.front()].times;
    auto next_question = times.front() + between_questions;
    for (std::size_t row = 0; row < times.size(); ++row) {
      for (auto& one : all) one->take(row);
      if (times[row] < next_question) continue;
      next_question = times[row] + between_questions;
      Identified* asks = nullptr;
      std::optional<insight::Question> question;
      bool is_rest = true;  // What is left of the mains is asked about last, as a hub does.
      for (std::size_t i = 0; i < all.size(); ++i) {
        const bool its_rest = channels[alone[i]].facts.is_mains;
        auto its = its_rest > is_rest ? std::nullopt : all[i]->question();
        if (!its || (question && its_rest == is_rest && question->weekly >= its->weekly)) continue;
        question = std::move(its);
        is_rest = its_rest;
        asks = all[i].get();
      }
      if (asks) asks->ask(*question, times[row]);
    }
    for (std::size_t i = 0; i < all.size(); ++i) made[alone[i]] = all[i]->finish();
  }

  void use(std::shared_ptr<const insight::Model> model) {
    model_ = std::move(model);
    mains_.reset();
    if (!model_) return;
    if (const auto part = model_->parts.find("mains"); part != model_->parts.end()) {
      mains_ = std::make_shared<const insight::MainsModel>(insight::MainsModel::from(part->second));
    }
  }

  Trainer trainer_;
  std::shared_ptr<const insight::Model> model_;
  std::shared_ptr<const insight::MainsModel> mains_;
};

}  // namespace

std::unique_ptr<Method> lenz_method(std::shared_ptr<const insight::Model> shipped,
                                    Trainer trainer) {
  return std::make_unique<Lenz>(std::move(shipped), std::move(trainer));
}

}  // namespace lenz::evaluation
