// The analyst of a home at work: in short steps, as soon as something new is stored.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "hub/analyst.h"
#include "hub/files/files.h"

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
  void wait(std::chrono::steady_clock::duration);
  void work();

  const AnalysisWorld world_;
  boost::asio::steady_timer timer_;
  std::optional<hub::Analyst> analyst_;
  bool has_failed_ = false;
};

// Of the model that is installed beside the program, or that of the source tree.
std::string installed_model_file();

// Null: there is none, or it cannot be read, which is said.
std::shared_ptr<const insight::Model> installed_model(
    const std::function<void(const std::string&)>& say);

}  // namespace lenz
