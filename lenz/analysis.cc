#include "lenz/analysis.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "lenz/readings.h"
#include "lenz/set_aside.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;

}  // namespace

Analysis::Analysis(AnalysisWorld world) : world_(std::move(world)) {
  const bool is_begun = begin_or_set_aside(
      [this] { begin(); },
      {world_.book, "appliances are learnt anew", "Appliances are not looked for"}, world_.now(),
      world_.say);
  if (!is_begun) return;
  steps_.emplace(
      world_.context, [this] { return analyst_->step(world_.now()); },
      fmt::format("The appliances of {} stand still", world_.home.name), world_.say);
}

void Analysis::begin() {
  analyst_.emplace(
      world_.files, world_.book, world_.store, world_.live, world_.home,
      hub::Analyst::Surroundings{
          .model = world_.model,
          .utc_offset = [zone = world_.home.zone](
                            measurement::Timestamp time) { return utc_offset(time, zone); },
          .say = world_.say});
}

std::string installed_model_file() {
  const auto beside = fs::path(Workplace::program()).parent_path();
  const auto folder = fs::exists(beside / "models") ? beside / "models" : beside / "../../models";
  return (folder / "appliances.lenzmodel").lexically_normal().string();
}

std::shared_ptr<const insight::Model> installed_model(
    const std::function<void(const std::string&)>& say) {
  const auto file = installed_model_file();
  std::ifstream in(file, std::ios::binary);
  if (!in) return nullptr;
  auto model = insight::read_model(std::string(std::istreambuf_iterator<char>(in), {}));
  if (model) return std::make_shared<const insight::Model>(std::move(*model));
  say(fmt::format("{} is not used, so appliances get no names by themselves: {}", file,
                  model.error()));
  return nullptr;
}

}  // namespace lenz
