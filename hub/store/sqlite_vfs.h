// SQLite on our Files in place of its own way to the disk ("unix"): what SQLite calls a VFS.
//
// Programs that use SQLite's own way, the sqlite3 command say, may read the same database at the
// same time: the bytes that are locked and what they mean are the same.

#pragma once

#include <memory>
#include <string>

struct sqlite3_vfs;

namespace hub {

class Files;

// Registered with SQLite as long as it lives. Outlives the databases opened by its name; Files
// outlive it.
class SqliteVfs {
 public:
  explicit SqliteVfs(Files&);

  const char* name() const { return name_.c_str(); }

 private:
  struct Unregister {
    void operator()(sqlite3_vfs*) const;
  };
  std::string name_;
  std::unique_ptr<sqlite3_vfs, Unregister> vfs_;
};

}  // namespace hub
