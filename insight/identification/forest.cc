#include "insight/identification/forest.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "insight/identification/bytes.h"

namespace insight {
namespace {

constexpr std::uint32_t max_outputs = 256, max_inputs = 4096, max_trees = 100'000,
                        max_nodes = 10'000'000;

}  // namespace

Forest::Forest(Link link, std::size_t inputs, std::vector<float> base, std::vector<Tree> trees,
               std::vector<Node> nodes)
    : link_(link),
      inputs_(inputs),
      base_(std::move(base)),
      trees_(std::move(trees)),
      nodes_(std::move(nodes)) {
  for (const auto& tree : trees_) {
    if (tree.root >= nodes_.size() || tree.output >= base_.size()) {
      throw std::invalid_argument("a tree of a forest has no root or no output");
    }
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto& node = nodes_[i];
    if (node.left == 0 && node.right == 0) continue;
    if (node.left <= i || node.right <= i || node.left >= nodes_.size() ||
        node.right >= nodes_.size() || node.input >= inputs_) {
      throw std::invalid_argument("a tree of a forest leads out of it");
    }
  }
}

void Forest::evaluate(std::span<const float> inputs, std::span<float> outputs) const {
  assert(inputs.size() == inputs_ && outputs.size() == base_.size() && "BUG: other shapes");
  std::ranges::copy(base_, outputs.begin());
  for (const auto& tree : trees_) {
    const auto* node = &nodes_[tree.root];
    while (node->left != 0) {
      const auto value = inputs[node->input];
      const bool left = std::isnan(value) ? node->missing_goes_left : value < node->threshold;
      node = &nodes_[left ? node->left : node->right];
    }
    outputs[tree.output] += node->threshold;
  }
  if (link_ == Link::logistic) {
    for (auto& value : outputs) value = 1 / (1 + std::exp(-value));
  } else if (link_ == Link::softmax) {
    const auto greatest = std::ranges::max(outputs);
    float sum = 0;
    for (auto& value : outputs) sum += value = std::exp(value - greatest);
    for (auto& value : outputs) value /= sum;
  }
}

std::string Forest::bytes() const {
  std::string bytes;
  put(bytes, static_cast<std::uint8_t>(link_));
  put(bytes, static_cast<std::uint32_t>(inputs_));
  put(bytes, static_cast<std::uint32_t>(base_.size()));
  put(bytes, static_cast<std::uint32_t>(trees_.size()));
  put(bytes, static_cast<std::uint32_t>(nodes_.size()));
  for (const auto value : base_) put(bytes, value);
  for (const auto& tree : trees_) {
    put(bytes, tree.output);
    put(bytes, tree.root);
  }
  for (const auto& node : nodes_) {
    put(bytes, node.threshold);
    put(bytes, node.input);
    put(bytes, static_cast<std::uint8_t>(node.missing_goes_left));
    put(bytes, node.left);
    put(bytes, node.right);
  }
  return bytes;
}

std::expected<Forest, std::string> Forest::take(std::string_view& bytes) {
  const auto damaged = [] {
    return std::unexpected(std::string("a forest of the model is damaged"));
  };
  std::uint8_t link = 0;
  std::uint32_t inputs = 0, outputs = 0, tree_count = 0, node_count = 0;
  if (!insight::take(bytes, link) || !insight::take(bytes, inputs) ||
      !insight::take(bytes, outputs) || !insight::take(bytes, tree_count) ||
      !insight::take(bytes, node_count) || link > static_cast<std::uint8_t>(Link::softmax) ||
      inputs > max_inputs || outputs > max_outputs || tree_count > max_trees ||
      node_count > max_nodes) {
    return damaged();
  }
  std::vector<float> base(outputs);
  for (auto& value : base) {
    if (!insight::take(bytes, value)) return damaged();
  }
  std::vector<Tree> trees(tree_count);
  for (auto& tree : trees) {
    if (!insight::take(bytes, tree.output) || !insight::take(bytes, tree.root)) return damaged();
  }
  constexpr std::size_t node_bytes = 15;
  if (bytes.size() < std::size_t{node_count} * node_bytes) return damaged();
  std::vector<Node> nodes(node_count);
  for (auto& node : nodes) {
    std::uint8_t missing = 0;
    if (!insight::take(bytes, node.threshold) || !insight::take(bytes, node.input) ||
        !insight::take(bytes, missing) || !insight::take(bytes, node.left) ||
        !insight::take(bytes, node.right)) {
      return damaged();
    }
    node.missing_goes_left = missing != 0;
  }
  try {
    return Forest(static_cast<Link>(link), inputs, std::move(base), std::move(trees),
                  std::move(nodes));
  } catch (const std::invalid_argument&) {
    return damaged();
  }
}

}  // namespace insight
