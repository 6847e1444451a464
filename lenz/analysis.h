// The analyst of a home at work: in short steps, as soon as something new is stored.

#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "hub/analyst.h"
#include "hub/files/files.h"
#include "lenz/in_steps.h"

namespace lenz {

// What it works on. All of it outlives it.
struct AnalysisWorld {
  boost::asio::io_context& context;
  hub::Files& files;
  hub::Store& store;
  hub::LiveFeed& live;
  const hub::Home& home;
  std::string book;                             // File; one that is damaged is set aside.
  std::shared_ptr<const insight::Model> model;  // Null: there is none.
  std::function<measurement::Timestamp()> now;
  std::function<void(const std::string&)> say;
};

class Analysis {
 public:
  explicit Analysis(AnalysisWorld);

  // Null: it cannot work, and has said why.
  hub::Analyst* analyst() { return analyst_ ? &*analyst_ : nullptr; }

 private:
  void begin();

  const AnalysisWorld world_;
  std::optional<hub::Analyst> analyst_;
  std::optional<InSteps> steps_;
};

// Of the model that is installed beside the program, or that of the source tree.
std::string installed_model_file();

// Null: there is none, or it cannot be read, which is said.
std::shared_ptr<const insight::Model> installed_model(
    const std::function<void(const std::string&)>& say);

}  // namespace lenz
