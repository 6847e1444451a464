#include "insight/identification/forest_training.h"

#include <fmt/format.h>
#include <xgboost/c_api.h>

#include <cassert>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace insight {
namespace {

using nlohmann::json;

void require(int status) {
  if (status != 0)
    throw std::runtime_error(fmt::format("a model was not trained: {}", XGBGetLastError()));
}

struct ObjectiveRow {
  const char* name;  // XGBoost's.
  Link link;
};

ObjectiveRow row(Objective objective) {
  switch (objective) {
    case Objective::classes:
      return {"multi:softprob", Link::softmax};
    case Objective::yes_no:
      return {"binary:logistic", Link::logistic};
    case Objective::mean:
      return {"reg:squarederror", Link::identity};
  }
  std::unreachable();
}

// From XGBoost's own form of a model (its JSON schema, version 1.7).
Forest forest_of(const json& model, Link link, std::size_t inputs, std::vector<float> base) {
  const auto& booster = model.at("learner").at("gradient_booster").at("model");
  const auto& outputs = booster.at("tree_info");
  std::vector<Forest::Tree> trees;
  std::vector<Forest::Node> nodes;
  for (std::size_t t = 0; t < outputs.size(); ++t) {
    const auto& tree = booster.at("trees").at(t);
    const auto lefts = tree.at("left_children").get<std::vector<std::int64_t>>();
    const auto rights = tree.at("right_children").get<std::vector<std::int64_t>>();
    const auto splits = tree.at("split_indices").get<std::vector<std::uint16_t>>();
    const auto conditions = tree.at("split_conditions").get<std::vector<float>>();
    const auto& missing = tree.at("default_left");
    const auto root = static_cast<std::uint32_t>(nodes.size());
    trees.push_back({outputs[t].get<std::uint16_t>(), root});
    for (std::size_t i = 0; i < lefts.size(); ++i) {
      Forest::Node node{.threshold = conditions[i]};
      if (lefts[i] >= 0) {
        node.input = splits[i];
        node.missing_goes_left = missing[i].is_boolean() ? missing[i].get<bool>() : missing[i] != 0;
        node.left = root + static_cast<std::uint32_t>(lefts[i]);
        node.right = root + static_cast<std::uint32_t>(rights[i]);
      }
      nodes.push_back(node);
    }
  }
  return {link, inputs, std::move(base), std::move(trees), std::move(nodes)};
}

float weighted_mean(const Examples& examples) {
  double sum = 0, weights = 0;
  for (std::size_t i = 0; i < examples.count(); ++i) {
    const double weight = examples.weights.empty() ? 1 : examples.weights[i];
    sum += weight * examples.labels[i];
    weights += weight;
  }
  return weights > 0 ? static_cast<float>(sum / weights) : 0;
}

}  // namespace

void Examples::add(std::span<const float> row, float label, float weight) {
  assert(row.size() == inputs && "BUG: another number of features");
  features.insert(features.end(), row.begin(), row.end());
  labels.push_back(label);
  weights.push_back(weight);
}

Forest train(const Examples& examples, const TrainingOptions& options) {
  assert(examples.count() > 0 && examples.features.size() == examples.count() * examples.inputs);
  const auto objective = row(options.objective);
  DMatrixHandle matrix = nullptr;
  require(XGDMatrixCreateFromMat(examples.features.data(), examples.count(), examples.inputs,
                                 std::numeric_limits<float>::quiet_NaN(), &matrix));
  const std::unique_ptr<void, int (*)(DMatrixHandle)> owns_matrix(matrix, XGDMatrixFree);
  require(XGDMatrixSetFloatInfo(matrix, "label", examples.labels.data(), examples.count()));
  if (!examples.weights.empty()) {
    require(XGDMatrixSetFloatInfo(matrix, "weight", examples.weights.data(), examples.count()));
  }

  BoosterHandle booster = nullptr;
  require(XGBoosterCreate(&matrix, 1, &booster));
  const std::unique_ptr<void, int (*)(BoosterHandle)> owns_booster(booster, XGBoosterFree);
  const bool of_classes = options.objective == Objective::classes;
  const bool of_values = options.objective == Objective::mean;
  // XGBoost counts from its base score, which for probabilities is 0.5: nothing to add.
  const float base = of_values ? weighted_mean(examples) : 0;
  const std::pair<const char*, std::string> parameters[] = {
      {"objective", objective.name},
      {"base_score", of_values ? fmt::format("{}", base) : "0.5"},
      {"tree_method", "hist"},
      {"max_bin", fmt::format("{}", options.bins)},
      {"nthread", "1"},
      {"verbosity", "0"},
      {"max_depth", fmt::format("{}", options.depth)},
      {"eta", fmt::format("{}", options.learning_rate)},
      {"subsample", fmt::format("{}", options.row_share)},
      {"colsample_bytree", fmt::format("{}", options.column_share)},
      {"min_child_weight", fmt::format("{}", options.least_weight)},
      {"lambda", fmt::format("{}", options.lambda)},
      {"seed", fmt::format("{}", options.seed)},
  };
  for (const auto& [name, value] : parameters) {
    require(XGBoosterSetParam(booster, name, value.c_str()));
  }
  if (of_classes) {
    require(XGBoosterSetParam(booster, "num_class", fmt::format("{}", options.outputs).c_str()));
  }
  for (int round = 0; round < options.rounds; ++round) {
    require(XGBoosterUpdateOneIter(booster, round, matrix));
  }

  bst_ulong size = 0;
  const char* saved = nullptr;
  require(XGBoosterSaveModelToBuffer(booster, R"({"format": "json"})", &size, &saved));
  const std::size_t outputs = of_classes ? options.outputs : 1;
  // The sums of classes begin at 0.5 each, which no probability can see.
  return forest_of(json::parse(saved, saved + size), objective.link, examples.inputs,
                   std::vector<float>(outputs, base));
}

}  // namespace insight
