#include "lenz/temporary_folder.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace lenz {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() : path_((fs::temp_directory_path() / "lenz-XXXXXX").string()) {
  if (mkdtemp(path_.data())) return;
  throw std::runtime_error(
      fmt::format("No temporary folder {} can be made ({}): check that its folder can be written, "
                  "or name another in TMPDIR.",
                  path_, std::strerror(errno)));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace lenz
