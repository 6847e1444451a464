// The store that the page reads: the hub's own, and an engine for what is older, where
// partners.toml names one with read_before_days.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "hub/home.h"
#include "hub/partners.h"
#include "hub/store/store.h"

namespace boost::asio {
class io_context;
}

namespace lenz {

// What it is given outlives it. While the engine is away it is asked every few seconds, without
// waiting, whether it is back.
class LongMemory {
 public:
  // Throws std::runtime_error with one sentence where the settings make no sense.
  LongMemory(boost::asio::io_context&, const hub::Partners&, const hub::Home&, hub::Store& own,
             std::function<measurement::Timestamp()> now,
             std::function<void(const std::string&)> say);
  ~LongMemory();

  hub::Store& store() const;

 private:
  struct Reading;
  hub::Store& own_;
  std::unique_ptr<Reading> reading_;  // Null: there is no such engine.
};

}  // namespace lenz
