#include <fmt/format.h>

#include <chrono>

#include "hub/files/disk.h"
#include "lenz/backups.h"
#include "lenz/commands.h"
#include "lenz/readings.h"
#include "lenz/workplace.h"

namespace lenz {

int backup(const BackupOptions& options) {
  hub::Disk disk;
  const auto data = options.data.empty() ? Workplace::usual_folder() : options.data;
  TakenBackup taken;
  {
    Progress progress;
    const auto now =
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    taken = take_backup(disk, data, options.to, now, [&](double share) { progress.show(share); });
  }
  if (options.keep) remove_old_backups(options.to, *options.keep, taken.folder);
  fmt::print("{}: {}.\n", taken.folder, contents_text(taken.manifest));
  return 0;
}

int restore(const RestoreOptions& options) {
  hub::Disk disk;
  Manifest manifest;
  {
    Progress progress;
    manifest = restore_backup(disk, options.backup, options.data,
                              [&](double share) { progress.show(share); });
  }
  fmt::print("{} is restored: {}.\n", options.data, contents_text(manifest));
  fmt::print("Meters that still have later samples send them again once a hub runs on it.\n");
  return 0;
}

}  // namespace lenz
