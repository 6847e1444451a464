// Several scenes on one meter, for load tests: more channels than any one house has.

#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "simulator/scene.h"

namespace simulator {

// The scenes' chips follow each other, cut to the first `channels` channels. A scene's spare
// channels stay spare.
class Repeated final : public Scene {
 public:
  // At least one scene; all of one line frequency. Not all of them need to fit.
  Repeated(std::vector<std::unique_ptr<Scene>> scenes, std::size_t channels);

  const std::vector<Channel>& channels() const override { return channels_; }
  measurement::Hertz line_frequency() const override;

  // The meter is powered when every scene is.
  Moment advance(measurement::Timestamp now, std::span<ChipInput> chips) override;

 private:
  std::vector<std::unique_ptr<Scene>> scenes_;
  std::vector<Channel> channels_;
  std::vector<ChipInput> all_;  // Of every scene, before the cut.
};

}  // namespace simulator
