#include "lenz/evaluation/cycle_training.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "insight/identification/forest_training.h"

namespace lenz::evaluation {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr std::array fewer = {0, 1, 3};  // Courses of the past, beside all.
constexpr double most_weight = 30;       // Of a machine, in courses.
constexpr std::size_t folds = 6;

// Households, those with most courses first, each in the fold that has least by then.
std::vector<std::size_t> folds_of(std::span<const Machine* const> machines,
                                  std::span<const CycleExamples* const> examples) {
  std::map<std::string, std::size_t> courses;
  for (std::size_t i = 0; i < machines.size(); ++i) {
    courses[machines[i]->household] += examples[i]->courses;
  }
  std::vector<std::pair<std::size_t, std::string>> households;
  for (const auto& [name, count] : courses) households.emplace_back(count, name);
  std::ranges::sort(households, std::greater{});
  std::array<std::size_t, folds> sizes{};
  std::map<std::string, std::size_t> fold;
  for (const auto& [count, name] : households) {
    const auto least = std::ranges::min_element(sizes);
    fold[name] = static_cast<std::size_t>(least - sizes.begin());
    *least += count;
  }
  std::vector<std::size_t> found;
  for (const auto* machine : machines) found.push_back(fold.at(machine->household));
  return found;
}

std::optional<insight::Forest> grow(std::span<const CycleExamples* const> all,
                                    const CycleTraining& options) {
  insight::Examples examples{.inputs = insight::cycle_feature_names.size()};
  std::array<bool, 2> has{};
  for (const auto* machine : all) {
    const double courses = static_cast<double>(machine->courses);
    const double each = std::min(courses, most_weight) / courses;
    for (const auto& asked : machine->asked) {
      examples.add(asked.features, asked.is_end ? 1 : 0, static_cast<float>(each));
      has[asked.is_end] = true;
    }
  }
  if (!has[0] || !has[1]) return std::nullopt;
  return insight::train(examples, {.objective = insight::Objective::yes_no,
                                   .rounds = options.rounds,
                                   .depth = options.depth,
                                   .learning_rate = options.learning_rate,
                                   .column_share = 0.5,
                                   .least_weight = 3,
                                   .seed = options.seed});
}

// What a judge that had not seen a course made of it, at one place.
struct Judged {
  float pause = 0, end = 0;  // The highest probability at pauses, and once it had ended.
};
using Places =
    std::array<std::map<std::pair<std::size_t, std::size_t>, Judged>,  // By machine, course.
               insight::cycle_places>;

// A certainty, how many courses it says are done, and how many it is expected to say too early.
struct Choice {
  float sure_from = 2;
  double said = 0, too_early = 0;
};

std::vector<Choice> choices(const std::map<std::pair<std::size_t, std::size_t>, Judged>& place) {
  constexpr std::size_t most_wrong = 5;
  constexpr double beside = 0.7;  // Who is the first above all others is so by chance.
  constexpr double worth_it = 0.2;
  std::vector<float> pauses, ends;
  for (const auto& [course, judged] : place) {
    pauses.push_back(judged.pause);
    if (judged.end > 0) ends.push_back(judged.end);
  }
  std::ranges::sort(pauses, std::greater{});
  std::vector<Choice> found{Choice{}};
  for (std::size_t wrong = 0; wrong <= most_wrong && wrong < pauses.size(); ++wrong) {
    const float from = std::nextafter(std::max(pauses[wrong], 0.3F), 2.0F);
    const auto said =
        static_cast<double>(std::ranges::count_if(ends, [&](float end) { return end >= from; }));
    if (said < worth_it * static_cast<double>(ends.size())) continue;
    found.push_back({from, said, static_cast<double>(wrong) + beside});
  }
  return found;
}

// Those that say most within a minute, and then most later, with few enough too early.
insight::CycleJudge::Certainties certainties(const Places& places, double may_be_wrong) {
  constexpr double worth_of_later = 0.2;
  // Where its own past is beyond doubt, others only have a veto, which needs no search.
  constexpr float no_veto = 0.3F;
  const auto is_beyond_doubt = [&](std::size_t place) {
    return place % (places.size() / 2) == places.size() / 2 - 1;
  };
  std::array<std::vector<Choice>, insight::cycle_places> all;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = is_beyond_doubt(i) ? std::vector{Choice{.sure_from = no_veto}} : choices(places[i]);
  }
  insight::CycleJudge::Certainties chosen, best;
  double most = -1;
  const std::function<void(std::size_t, double, double)> choose = [&](std::size_t place,
                                                                      double said, double wrong) {
    if (wrong > may_be_wrong) return;
    if (place == places.size()) {
      if (said > most) best = chosen;
      most = std::max(most, said);
      return;
    }
    const double worth = place < places.size() / 2 ? 1 : worth_of_later;
    for (const auto& choice : all[place]) {
      chosen[place] = choice.sure_from;
      choose(place + 1, said + worth * choice.said, wrong + choice.too_early);
    }
  };
  choose(0, 0, 0);
  return best;
}

}  // namespace

CycleExamples cycle_examples(const Machine& machine) {
  const auto courses = true_courses(machine);
  CycleExamples found;
  std::vector<std::optional<std::size_t>> places;
  for (const auto& course : courses) {
    places.push_back(course.is_known ? std::optional(found.courses++) : std::nullopt);
  }
  std::size_t next = 0;  // The first course that begins later.
  Timestamp now{};
  const insight::CycleWatch* watching = nullptr;
  // Asks the truth, so that the past is right; and an end is said as late as it may be, as examples
  // of a long quiet are wanted too.
  const auto is_end = [&](const insight::CycleFeatures& features) {
    if (next == 0) return false;
    const auto end = courses[next - 1].end;
    if (now > end - 1min && now <= end) return false;
    const bool has_ended = now > end;
    if (places[next - 1]) {
      const auto place = *places[next - 1];
      found.asked.push_back({features, place, has_ended, true});
      const auto past = watching->past();
      for (const auto count : fewer) {
        const auto size = static_cast<std::size_t>(count);
        if (past.size() <= size) break;
        found.asked.push_back({watching->features(past.last(size)), place, has_ended, false});
      }
    }
    if (!has_ended || next == courses.size()) return false;
    const auto left = courses[next].begin - now;
    return left < (now - end) / 5 + 20s;
  };
  insight::CycleWatch watch(machine.kind, {}, is_end);
  watching = &watch;
  machine.play([&](Timestamp time, float watts) {
    now = time;
    while (next < courses.size() && courses[next].begin < time) ++next;
    watch.take(time, {watts});
  });
  return found;
}

std::optional<insight::CycleJudge> fit_cycles(std::span<const Machine* const> machines,
                                              std::span<const CycleExamples* const> examples,
                                              const CycleTraining& options) {
  const auto fold = folds_of(machines, examples);
  Places places;
  double courses = 0;
  for (std::size_t f = 0; f < folds; ++f) {
    std::vector<const CycleExamples*> others;
    for (std::size_t i = 0; i < machines.size(); ++i) {
      if (fold[i] != f && examples[i]->courses > 0) others.push_back(examples[i]);
    }
    const auto forest = grow(others, options);
    if (!forest) return std::nullopt;
    const insight::CycleJudge judge(*forest, {});
    for (std::size_t i = 0; i < machines.size(); ++i) {
      if (fold[i] != f) continue;
      courses += static_cast<double>(examples[i]->courses);
      for (const auto& asked : examples[i]->asked) {
        if (!asked.is_with_all) continue;
        auto& judged = places[insight::cycle_place(asked.features)][{i, asked.course}];
        auto& highest = asked.is_end ? judged.end : judged.pause;
        highest = std::max(highest, judge.probability(asked.features));
      }
    }
  }
  std::vector<const CycleExamples*> all;
  for (const auto* one : examples) {
    if (one->courses > 0) all.push_back(one);
  }
  auto forest = grow(all, options);
  if (!forest) return std::nullopt;
  return insight::CycleJudge(std::move(*forest),
                             certainties(places, options.false_share * courses));
}

CycleErrors cycle_errors(std::span<const SaidOfCourse> said, std::size_t least_before,
                         std::size_t most_before) {
  CycleErrors errors;
  double within = 0, wrong = 0;
  std::vector<double> delays;
  for (const auto& one : said) {
    if (one.courses_before < least_before || one.courses_before > most_before) continue;
    ++errors.courses;
    within += one.delay_s && *one.delay_s <= 60 ? 1 : 0;
    wrong += one.was_false ? 1 : 0;
    if (one.delay_s) delays.push_back(*one.delay_s);
  }
  errors.within_minute = share(within, errors.courses);
  errors.false_share = share(wrong, errors.courses);
  errors.median_delay_s = quantile(std::move(delays), 0.5);
  return errors;
}

std::vector<std::vector<SaidOfCourse>> cross_validate(
    std::span<const Machine* const> machines, std::span<const CycleExamples* const> examples,
    const CycleTraining& options) {
  const auto fold = folds_of(machines, examples);
  std::vector<std::vector<SaidOfCourse>> said(machines.size());
  for (std::size_t f = 0; f < folds; ++f) {
    std::vector<const Machine*> others;
    std::vector<const CycleExamples*> their_examples;
    for (std::size_t i = 0; i < machines.size(); ++i) {
      if (fold[i] == f) continue;
      others.push_back(machines[i]);
      their_examples.push_back(examples[i]);
    }
    const auto fitted = fit_cycles(others, their_examples, options);
    if (!fitted) continue;
    const auto is_end = [&](const insight::CycleFeatures& seen) { return fitted->is_sure(seen); };
    for (std::size_t i = 0; i < machines.size(); ++i) {
      if (fold[i] == f) said[i] = follow_courses(*machines[i], is_end);
    }
  }
  return said;
}

}  // namespace lenz::evaluation
