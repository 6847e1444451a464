#include "lenz/analysis.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "lenz/readings.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;

}  // namespace

Analysis::Analysis(AnalysisWorld world) : world_(std::move(world)) {
  try {
    begin();
  } catch (const std::runtime_error& trouble) {
    const auto aside = fmt::format("{}.damaged-{}", world_.book,
                                   world_.now().time_since_epoch() / std::chrono::seconds(1));
    std::error_code error;
    fs::rename(world_.book, aside, error);
    for (const char* end : {"-wal", "-shm"}) fs::remove(world_.book + end, error);
    world_.say(fmt::format("{} It was set aside as {}, and appliances are learnt anew.",
                           trouble.what(), aside));
    try {
      begin();
    } catch (const std::runtime_error& again) {
      world_.say(fmt::format("Appliances are not looked for: {}", again.what()));
      return;
    }
  }
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
