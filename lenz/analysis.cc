#include "lenz/analysis.h"

#include <fmt/format.h>

#include <algorithm>
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
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto beat = 200ms;    // Of looking for something new.
constexpr auto longest = 20ms;  // Of one go, after which others have their turn.
constexpr auto shortest = 2ms;  // Between two goes.
constexpr int share = 3;        // So many times as long as a go took it pauses.
constexpr auto after_trouble = 10s;

}  // namespace

Analysis::Analysis(AnalysisWorld world) : world_(std::move(world)), timer_(world_.context) {
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
  wait(beat);
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

void Analysis::wait(steady_clock::duration time) {
  timer_.expires_after(time);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) work();
  });
}

void Analysis::work() {
  const auto begin = steady_clock::now();
  bool is_done = false;
  std::string trouble;
  try {
    while (!is_done && steady_clock::now() - begin < longest) {
      const auto done = analyst_->step(world_.now());
      if (!done) {
        trouble = hub::sentence(done.error());
        break;
      }
      is_done = *done;
    }
  } catch (const std::runtime_error& failure) {
    trouble = failure.what();
  }
  if (!trouble.empty()) {
    if (!std::exchange(has_failed_, true)) {
      world_.say(fmt::format("The appliances of {} stand still: {}.", world_.home.name, trouble));
    }
    return wait(after_trouble);
  }
  has_failed_ = false;
  const auto taken = steady_clock::now() - begin;
  wait(is_done ? beat : std::max<steady_clock::duration>(shortest, share * taken));
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
