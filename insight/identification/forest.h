// Gradient-boosted decision trees: what a model file carries and a home evaluates. They are grown
// elsewhere (forest_training.h).

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace insight {

// What becomes of the trees' sum.
enum class Link : std::uint8_t {
  identity,  // A value.
  logistic,  // One probability.
  softmax,   // One probability for each output; together 1.
};

class Forest {
 public:
  // Children lie behind their parent, so a walk ends. A leaf is its own child.
  struct Node {
    float threshold = 0;  // Of a leaf: its value.
    std::uint16_t input = 0;
    bool missing_goes_left = false;     // Where the input is NaN.
    std::uint32_t left = 0, right = 0;  // Left: input < threshold. Both 0: a leaf.
  };
  struct Tree {
    std::uint16_t output = 0;
    std::uint32_t root = 0;
  };

  Forest() = default;  // No outputs.

  // Throws std::invalid_argument when a tree leads out of the forest or back.
  Forest(Link, std::size_t inputs, std::vector<float> base, std::vector<Tree>, std::vector<Node>);

  std::size_t inputs() const { return inputs_; }
  std::size_t outputs() const { return base_.size(); }

  // `inputs` has inputs() numbers, NaN where unknown; `outputs` gets outputs(). Some 10 ns a tree.
  void evaluate(std::span<const float> inputs, std::span<float> outputs) const;

  // As bytes, little-endian; docs/model_format.md has the grammar.
  std::string bytes() const;

  // Takes one forest off the front of `bytes`. The error is one sentence.
  static std::expected<Forest, std::string> take(std::string_view& bytes);

 private:
  Link link_ = Link::identity;
  std::size_t inputs_ = 0;
  std::vector<float> base_;  // What each output begins with.
  std::vector<Tree> trees_;
  std::vector<Node> nodes_;
};

}  // namespace insight
