#include "simulator/neighbours.h"

#include <algorithm>
#include <cassert>

namespace simulator {

Repeated::Repeated(std::vector<std::unique_ptr<Scene>> scenes, std::size_t channels)
    : scenes_(std::move(scenes)) {
  assert(!scenes_.empty() && "BUG: no scene to repeat");
  std::size_t chips = 0;
  for (const auto& scene : scenes_) {
    assert(scene->line_frequency() == line_frequency() && "BUG: one meter has one line frequency");
    chips += scene->chips();
    channels_.insert(channels_.end(), scene->channels().begin(), scene->channels().end());
    channels_.resize(chips * measurement::channels_per_chip);
  }
  channels_.resize(std::min(channels, channels_.size()));
  all_.resize(chips);
}

measurement::Hertz Repeated::line_frequency() const { return scenes_.front()->line_frequency(); }

Scene::Moment Repeated::advance(measurement::Timestamp now, std::span<ChipInput> chips) {
  assert(chips.size() >= this->chips() && "BUG: too few chips for the scenes");
  Moment moment{.until = measurement::Timestamp::max()};
  std::size_t first = 0;
  for (const auto& scene : scenes_) {
    const auto own = scene->advance(now, std::span(all_).subspan(first, scene->chips()));
    moment.powered = moment.powered && own.powered;
    moment.until = std::min(moment.until, own.until);
    first += scene->chips();
  }
  std::copy_n(all_.begin(), this->chips(), chips.begin());
  for (std::size_t c = channels_.size(); c < this->chips() * measurement::channels_per_chip; ++c) {
    chips[c / measurement::channels_per_chip].channels[c % measurement::channels_per_chip] = {};
  }
  return moment;
}

}  // namespace simulator
