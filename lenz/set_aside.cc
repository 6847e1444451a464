#include "lenz/set_aside.h"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>

namespace lenz {

bool begin_or_set_aside(const std::function<void()>& begin, const SetAside& what,
                        measurement::Timestamp now,
                        const std::function<void(const std::string&)>& say) {
  try {
    begin();
    return true;
  } catch (const std::runtime_error& trouble) {
    const auto aside =
        fmt::format("{}.damaged-{}", what.file, now.time_since_epoch() / std::chrono::seconds(1));
    std::error_code error;
    std::filesystem::rename(what.file, aside, error);
    for (const char* end : {"-wal", "-shm"}) std::filesystem::remove(what.file + end, error);
    say(fmt::format("{} It was set aside as {}, and {}.", trouble.what(), aside, what.anew));
  }
  try {
    begin();
    return true;
  } catch (const std::runtime_error& trouble) {
    say(fmt::format("{}: {}", what.otherwise, trouble.what()));
    return false;
  }
}

}  // namespace lenz
