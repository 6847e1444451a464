// The page's files, held in memory: what is not in the list of files found at
// the start cannot be asked for, whatever the path.

#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "hub/api/message.h"

namespace hub {

class Pages {
 public:
  static constexpr std::size_t most_bytes = 32 * 1024 * 1024;  // Of all files together.

  // Reads all regular files below the folder; links are left out. A folder that does not exist
  // gives a page that says so. Throws std::runtime_error beyond most_bytes or when a file cannot be
  // read.
  explicit Pages(const std::filesystem::path& folder);

  // GET and HEAD. "/" is index.html; the path is percent-decoded once and must name a file exactly.
  Response answer(const Request&) const;

 private:
  struct File {
    std::string content_type, tag, content;
  };
  std::map<std::string, File, std::less<>> files_;  // By path with a leading slash.
};

}  // namespace hub
