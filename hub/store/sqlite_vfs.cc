#include "hub/store/sqlite_vfs.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <span>
#include <vector>

#include "hub/files/files.h"

namespace hub {
namespace {

// Which bytes stand for what: os.h ("PENDING_BYTE") and os_unix.c ("UNIX_SHM_BASE") of SQLite,
// https://www.sqlite.org/lockingv3.html and https://www.sqlite.org/walformat.html. It locks bytes
// of the database by its rollback protocol, and bytes of the -shm file by its write-ahead log's.
constexpr std::uint64_t pending_byte = 0x40000000, reserved_byte = pending_byte + 1,
                        shared_bytes = pending_byte + 2, shared_count = 510,
                        all_count = shared_bytes + shared_count - pending_byte;
constexpr std::uint64_t index_locks = 120;
constexpr int append_lock = 0;                   // The first of them.
constexpr std::uint64_t dead_mans_switch = 128;  // All who use the -shm file share its lock.

// A file as SQLite knows it: `methods` first, then what is ours.
struct Opened {
  Files& files;
  std::string path;
  std::unique_ptr<File> file;
  bool is_name_synced;
  bool is_removed_at_close;
  sqlite3_file* database = nullptr;  // Of a log.
  bool is_doubtful = false;          // Of a log: what is read there may not be on the disk.
  int level = SQLITE_LOCK_NONE;

  std::unique_ptr<File> index;  // The -shm file, once it is used.
  bool may_append = false;      // It has the lock of those who write the log.
  std::vector<std::span<std::uint8_t>> regions;
};
struct Handle {
  sqlite3_file base;
  Opened* opened;
};

Opened& opened(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file)->opened; }

int code_of(FileError error, int otherwise) {
  return error == FileError::full ? SQLITE_FULL : otherwise;
}
int code_of(const std::expected<void, FileError>& done, int otherwise) {
  return done ? SQLITE_OK : code_of(done.error(), otherwise);
}
int code_of(const std::expected<bool, FileError>& locked, int otherwise) {
  if (!locked) return otherwise;
  return *locked ? SQLITE_OK : SQLITE_BUSY;
}

// ---- Bytes -------------------------------------------------------------------------------------

int close(sqlite3_file* file) {
  const std::unique_ptr<Opened> last(&opened(file));
  file->pMethods = nullptr;
  if (last->is_removed_at_close) static_cast<void>(last->files.remove(last->path));
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  const std::span bytes(static_cast<std::uint8_t*>(into), static_cast<std::size_t>(size));
  const auto got = opened(file).file->read(static_cast<std::uint64_t>(offset), bytes);
  if (!got) return SQLITE_IOERR_READ;
  if (*got == bytes.size()) return SQLITE_OK;
  std::ranges::fill(bytes.subspan(*got), std::uint8_t{0});
  return SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  const std::span bytes(static_cast<const std::uint8_t*>(from), static_cast<std::size_t>(size));
  return code_of(opened(file).file->write(static_cast<std::uint64_t>(offset), bytes),
                 SQLITE_IOERR_WRITE);
}

int resize(sqlite3_file* file, sqlite3_int64 size) {
  return code_of(opened(file).file->resize(static_cast<std::uint64_t>(size)),
                 SQLITE_IOERR_TRUNCATE);
}

// After a sync that failed, what was written is read as before, but is not on the disk and will not
// get there: the system takes it for written. A process that is started again would build on it.
// Only while nobody else may write there.
int write_again(Opened& log) {
  const auto& database = opened(log.database);
  if (database.level != SQLITE_LOCK_EXCLUSIVE && !database.may_append) return SQLITE_BUSY;
  std::vector<std::uint8_t> bytes(65536);
  for (std::uint64_t offset = 0;;) {
    const auto got = log.file->read(offset, bytes);
    if (!got) return SQLITE_IOERR_READ;
    if (*got == 0) return SQLITE_OK;
    const auto done = log.file->write(offset, std::span(bytes).first(*got));
    if (!done) return code_of(done.error(), SQLITE_IOERR_WRITE);
    offset += *got;
  }
}

// A new file's name must survive too, or what is in it does not.
int sync(sqlite3_file* file, int) {
  auto& synced = opened(file);
  if (synced.is_doubtful) {
    if (const int code = write_again(synced); code != SQLITE_OK) return code;
  }
  synced.is_doubtful = synced.database != nullptr;
  if (!synced.file->sync()) return SQLITE_IOERR_FSYNC;
  synced.is_doubtful = false;
  if (synced.is_name_synced) return SQLITE_OK;
  if (!synced.files.sync_folder(folder_of(synced.path))) return SQLITE_IOERR_DIR_FSYNC;
  synced.is_name_synced = true;
  return SQLITE_OK;
}

int size_of(sqlite3_file* file, sqlite3_int64* size) {
  const auto found = opened(file).file->size();
  if (!found) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(*found);
  return SQLITE_OK;
}

int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }

int sector_size(sqlite3_file*) { return 4096; }

// As SQLite assumes of every disk itself: a power cut while a part of a sector is written does not
// touch the rest of it (SimulatedDisk keeps that). Without it, each commit would write one page
// more, half as much again for a small one. Nothing else is taken for granted.
int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

// ---- Locks of the database ---------------------------------------------------------------------

int lock(sqlite3_file* file, int level) {
  auto& o = opened(file);
  if (o.level >= level) return SQLITE_OK;
  const auto take = [&](std::uint64_t offset, std::uint64_t count, Lock kind) {
    return code_of(o.file->lock(offset, count, kind), SQLITE_IOERR_LOCK);
  };
  if (level == SQLITE_LOCK_SHARED) {
    // Whoever is about to write exclusively has the pending byte, so that readers come to an end.
    if (const int code = take(pending_byte, 1, Lock::shared); code != SQLITE_OK) return code;
    const int code = take(shared_bytes, shared_count, Lock::shared);
    if (take(pending_byte, 1, Lock::none) != SQLITE_OK) return SQLITE_IOERR_UNLOCK;
    if (code == SQLITE_OK) o.level = level;
    return code;
  }
  if (level == SQLITE_LOCK_RESERVED) {
    const int code = take(reserved_byte, 1, Lock::exclusive);
    if (code == SQLITE_OK) o.level = level;
    return code;
  }
  if (o.level < SQLITE_LOCK_PENDING) {
    if (const int code = take(pending_byte, 1, Lock::exclusive); code != SQLITE_OK) return code;
    o.level = SQLITE_LOCK_PENDING;
  }
  const int code = take(shared_bytes, shared_count, Lock::exclusive);
  if (code == SQLITE_OK) o.level = level;
  return code;
}

int unlock(sqlite3_file* file, int level) {
  auto& o = opened(file);
  if (o.level <= level) return SQLITE_OK;
  if (level == SQLITE_LOCK_NONE) {
    o.level = level;
    return o.file->lock(pending_byte, all_count, Lock::none) ? SQLITE_OK : SQLITE_IOERR_UNLOCK;
  }
  if (o.level == SQLITE_LOCK_EXCLUSIVE &&
      !o.file->lock(shared_bytes, shared_count, Lock::shared).value_or(false)) {
    return SQLITE_IOERR_RDLOCK;
  }
  o.level = level;
  return o.file->lock(pending_byte, 2, Lock::none) ? SQLITE_OK : SQLITE_IOERR_UNLOCK;
}

int check_reserved(sqlite3_file* file, int* is_reserved) {
  auto& o = opened(file);
  const std::expected<bool, FileError> locked =
      o.level > SQLITE_LOCK_SHARED ? true : o.file->is_locked(reserved_byte, 1);
  if (!locked) return SQLITE_IOERR_CHECKRESERVEDLOCK;
  *is_reserved = *locked;
  return SQLITE_OK;
}

// ---- The log's index, in memory that all processes share ---------------------------------------

std::string index_file(const Opened& o) { return o.path + "-shm"; }

// Where nobody uses it yet, its content is of no value: it is emptied, and SQLite makes it anew.
int open_index(Opened& o) {
  auto file = o.files.open(index_file(o), How::create);
  if (!file) return code_of(file.error(), SQLITE_CANTOPEN);
  const auto alone = (*file)->lock(dead_mans_switch, 1, Lock::exclusive);
  if (!alone) return SQLITE_IOERR_LOCK;
  // To 3 bytes, as SQLite does.
  if (*alone && !(*file)->resize(3)) return SQLITE_IOERR_SHMOPEN;
  const int code = code_of((*file)->lock(dead_mans_switch, 1, Lock::shared), SQLITE_IOERR_LOCK);
  if (code == SQLITE_OK) o.index = std::move(*file);
  return code;
}

// Only who holds the log's write lock asks for it to be extended.
int extend_index(File& index, std::uint64_t size, std::uint64_t needed) {
  constexpr std::array<std::uint8_t, 4096> zeros{};
  while (size < needed) {
    const auto step = std::min<std::uint64_t>(zeros.size() - size % zeros.size(), needed - size);
    const auto done = index.write(size, std::span(zeros).first(static_cast<std::size_t>(step)));
    if (!done) return code_of(done.error(), SQLITE_IOERR_SHMSIZE);
    size += step;
  }
  return SQLITE_OK;
}

int map(sqlite3_file* file, int region, int region_size, int extend, void volatile** memory) {
  auto& o = opened(file);
  *memory = nullptr;
  if (!o.index) {
    if (const int code = open_index(o); code != SQLITE_OK) return code;
  }
  const auto index = static_cast<std::size_t>(region),
             bytes = static_cast<std::size_t>(region_size);
  const auto needed = (index + 1) * bytes;
  if (o.regions.size() <= index) {
    const auto size = o.index->size();
    if (!size) return SQLITE_IOERR_SHMSIZE;
    if (*size < needed && extend == 0) return SQLITE_OK;
    if (const int code = extend_index(*o.index, *size, needed); code != SQLITE_OK) return code;
  }
  while (o.regions.size() <= index) {
    const auto mapped = o.index->map(o.regions.size() * bytes, bytes);
    if (!mapped) return SQLITE_IOERR_SHMMAP;
    o.regions.push_back(*mapped);
  }
  *memory = o.regions[index].data();
  return SQLITE_OK;
}

int lock_index(sqlite3_file* file, int offset, int count, int flags) {
  auto& o = opened(file);
  if (!o.index) return SQLITE_IOERR_SHMLOCK;
  const Lock kind = (flags & SQLITE_SHM_UNLOCK) != 0   ? Lock::none
                    : (flags & SQLITE_SHM_SHARED) != 0 ? Lock::shared
                                                       : Lock::exclusive;
  const int code = code_of(o.index->lock(index_locks + static_cast<std::uint64_t>(offset),
                                         static_cast<std::uint64_t>(count), kind),
                           SQLITE_IOERR_SHMLOCK);
  if (code == SQLITE_OK && offset == append_lock) o.may_append = kind == Lock::exclusive;
  return code;
}

void barrier(sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); }

int unmap(sqlite3_file* file, int remove) {
  auto& o = opened(file);
  if (!o.index) return SQLITE_OK;
  // Whoever opens it next empties it, so a name that could not be removed does no harm.
  if (remove != 0) static_cast<void>(o.files.remove(index_file(o)));
  o.regions.clear();
  o.index.reset();
  return SQLITE_OK;
}

constexpr sqlite3_io_methods methods = {.iVersion = 2,
                                        .xClose = close,
                                        .xRead = read,
                                        .xWrite = write,
                                        .xTruncate = resize,
                                        .xSync = sync,
                                        .xFileSize = size_of,
                                        .xLock = lock,
                                        .xUnlock = unlock,
                                        .xCheckReservedLock = check_reserved,
                                        .xFileControl = control,
                                        .xSectorSize = sector_size,
                                        .xDeviceCharacteristics = characteristics,
                                        .xShmMap = map,
                                        .xShmLock = lock_index,
                                        .xShmBarrier = barrier,
                                        .xShmUnmap = unmap,
                                        .xFetch = nullptr,
                                        .xUnfetch = nullptr};

// ---- Names -------------------------------------------------------------------------------------

Files& files_of(sqlite3_vfs* vfs) { return *static_cast<Files*>(vfs->pAppData); }

// SQLite's own: for the clock, for chance, and for files without a name, which no other process and
// no power cut ever meets.
sqlite3_vfs* own() { return sqlite3_vfs_find(nullptr); }

int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
  if (path == nullptr) return own()->xOpen(own(), path, file, flags, out);
  file->pMethods = nullptr;
  const bool is_new = (flags & SQLITE_OPEN_CREATE) != 0;
  const How how = is_new                                 ? How::create
                  : (flags & SQLITE_OPEN_READWRITE) != 0 ? How::write
                                                         : How::read;
  auto found = files_of(vfs).open(path, how);
  if (!found) return code_of(found.error(), SQLITE_CANTOPEN);
  auto made = std::make_unique<Opened>(files_of(vfs), path, std::move(*found), !is_new,
                                       (flags & SQLITE_OPEN_DELETEONCLOSE) != 0);
  if ((flags & SQLITE_OPEN_WAL) != 0) {
    const auto size = made->file->size();
    if (!size) return SQLITE_CANTOPEN;
    made->database = sqlite3_database_file_object(path);
    made->is_doubtful = *size > 0;
  }
  reinterpret_cast<Handle*>(file)->opened = made.release();
  file->pMethods = &methods;
  if (out != nullptr) *out = flags;
  return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, const char* path, int sync_name) {
  auto& files = files_of(vfs);
  if (const auto removed = files.remove(path); !removed) {
    return removed.error() == FileError::missing ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
  }
  if (sync_name != 0 && !files.sync_folder(folder_of(path))) return SQLITE_IOERR_DIR_FSYNC;
  return SQLITE_OK;
}

// An empty journal is none.
int access(sqlite3_vfs* vfs, const char* path, int, int* exists) {
  const auto size = files_of(vfs).size(path);
  *exists = size && *size > 0;
  return size || size.error() == FileError::missing ? SQLITE_OK : SQLITE_IOERR_ACCESS;
}

int full_path(sqlite3_vfs* vfs, const char* path, int room, char* out) {
  const auto full = files_of(vfs).full_path(path);
  if (!full || full->size() >= static_cast<std::size_t>(room)) return SQLITE_CANTOPEN;
  std::memcpy(out, full->c_str(), full->size() + 1);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs*, int size, char* out) { return own()->xRandomness(own(), size, out); }

int sleep(sqlite3_vfs*, int microseconds) { return own()->xSleep(own(), microseconds); }

int current_time(sqlite3_vfs*, double* julian_day) {
  return own()->xCurrentTime(own(), julian_day);
}

int last_error(sqlite3_vfs*, int, char*) { return 0; }

sqlite3_vfs* vfs_of(Files& files, const char* name) {
  return std::make_unique<sqlite3_vfs>(
             sqlite3_vfs{.iVersion = 1,
                         .szOsFile = std::max(static_cast<int>(sizeof(Handle)), own()->szOsFile),
                         .mxPathname = own()->mxPathname,
                         .zName = name,
                         .pAppData = &files,
                         .xOpen = open,
                         .xDelete = remove,
                         .xAccess = access,
                         .xFullPathname = full_path,
                         .xRandomness = randomness,
                         .xSleep = sleep,
                         .xCurrentTime = current_time,
                         .xGetLastError = last_error})
      .release();
}

}  // namespace

SqliteVfs::SqliteVfs(Files& files)
    : name_(fmt::format("lenz {}", fmt::ptr(this))), vfs_(vfs_of(files, name())) {
  sqlite3_vfs_register(vfs_.get(), 0);
}

void SqliteVfs::Unregister::operator()(sqlite3_vfs* vfs) const {
  sqlite3_vfs_unregister(vfs);
  delete vfs;
}

}  // namespace hub
