// A folder that only its owner can enter and that goes away with its value.

#pragma once

#include <string>

namespace lenz {

class TemporaryFolder {
 public:
  // In the system's folder for temporary files. Throws std::runtime_error with one sentence when it
  // cannot be made.
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace lenz
