#include "lenz/backups.h"

#include <fmt/format.h>
#include <sodium.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>

#include "hub/store/database.h"
#include "hub/store/log.h"
#include "hub/store/numbered_file.h"
#include "hub/store/sqlite_store.h"
#include "lenz/folder_lock.h"
#include "lenz/readings.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;
using hub::FileError;
using hub::How;
using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr std::size_t piece_bytes = 1 << 20;
// What is synced at once, so that a hub on the same disk does not wait long for its own syncs.
constexpr std::uint64_t synced_bytes = 4 << 20;
constexpr std::size_t hash_bytes = 32;
constexpr int most_attempts = 20;

constexpr const char* manifest_name = "manifest";
constexpr std::string_view manifest_begin = "# lenz backup 1\n", cut_mark = "# cut ",
                           bytes_mark = "# bytes ", end_mark = "# end ";

// What is copied as it is, where it is there; what of it is a folder with all in it.
constexpr std::array plain_names = {"home.toml",     "calibrations.toml", "utility_readings.toml",
                                    "partners.toml", "rules.toml",        "tariff.toml",
                                    "day_ahead.csv", "carbon.csv",        "catalogue.csv",
                                    "meters",        "secrets",           "esphome",
                                    "undo"};

[[noreturn]] void cannot_write(const std::string& path, FileError error) {
  throw std::runtime_error(fmt::format(
      "{} cannot be written: {}.", path,
      error == FileError::full ? "its disk is full" : "check its folder, its rights and its disk"));
}
[[noreturn]] void cannot_read(const std::string& path) {
  throw std::runtime_error(fmt::format("{} cannot be read: check its rights and its disk.", path));
}

class Hash {
 public:
  Hash() { crypto_generichash_init(&state_, nullptr, 0, hash_bytes); }
  void add(std::span<const std::uint8_t> bytes) {
    crypto_generichash_update(&state_, bytes.data(), bytes.size());
  }
  std::string text() {
    std::array<std::uint8_t, hash_bytes> hash{};
    crypto_generichash_final(&state_, hash.data(), hash.size());
    std::string digits;
    for (const auto octet : hash) digits += fmt::format("{:02x}", octet);
    return digits;
  }

 private:
  crypto_generichash_state state_;
};

std::string hash_of(std::string_view text) {
  Hash hash;
  hash.add({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  return hash.text();
}

// Where a file is written piece by piece, synced as it grows.
class Writing {
 public:
  Writing(hub::Files& files, const std::string& path) : path_(path) {
    auto file = files.open(path, How::create);
    if (!file) cannot_write(path, file.error());
    file_ = std::move(*file);
  }
  void add(std::span<const std::uint8_t> bytes) {
    if (const auto done = file_->write(written_, bytes); !done) cannot_write(path_, done.error());
    written_ += bytes.size();
    if (written_ - synced_ >= synced_bytes) finish();
  }
  void finish() {
    if (const auto done = file_->sync(); !done) cannot_write(path_, done.error());
    synced_ = written_;
  }

 private:
  const std::string path_;
  std::unique_ptr<hub::File> file_;
  std::uint64_t written_ = 0, synced_ = 0;
};

struct Read {
  std::string hash;
  std::uint64_t bytes = 0;
};
// Each piece of a file; absent where it is not there.
std::optional<Read> read_file(hub::Files& files, const std::string& path,
                              const std::function<void(std::span<const std::uint8_t>)>& piece) {
  const auto file = files.open(path, How::read);
  if (!file && file.error() == FileError::missing) return std::nullopt;
  if (!file) cannot_read(path);
  Hash hash;
  Read read;
  for (std::vector<std::uint8_t> bytes(piece_bytes);;) {
    const auto got = (*file)->read(read.bytes, bytes);
    if (!got) cannot_read(path);
    if (*got == 0) break;
    const auto here = std::span<const std::uint8_t>(bytes).first(*got);
    hash.add(here);
    piece(here);
    read.bytes += *got;
  }
  read.hash = hash.text();
  return read;
}

std::optional<Read> copy_file(hub::Files& files, const std::string& from, const std::string& to,
                              const std::function<void(std::size_t bytes)>& copied) {
  std::optional<Writing> writing;
  const auto read = read_file(files, from, [&](auto piece) {
    if (!writing) writing.emplace(files, to);
    writing->add(piece);
    copied(piece.size());
  });
  if (!read) return read;
  if (!writing) writing.emplace(files, to);  // It is empty.
  writing->finish();
  return read;
}

void make_folder(hub::Files& files, const std::string& folder) {
  if (const auto made = files.make_folder(folder); !made) cannot_write(folder, made.error());
}

// ---- Names -------------------------------------------------------------------------------------

std::string backup_name(Timestamp time) {
  std::string digits;
  for (const char c : utc_text(time)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  return fmt::format("lenz-{}-{}", digits.substr(0, 8), digits.substr(8));
}

std::optional<Timestamp> time_of_backup(const std::string& name) {
  if (name.size() != 20) return std::nullopt;
  const auto text =
      fmt::format("{}-{}-{}T{}:{}:{}Z", name.substr(5, 4), name.substr(9, 2), name.substr(11, 2),
                  name.substr(14, 2), name.substr(16, 2), name.substr(18, 2));
  const auto time = parse_time(text, "Etc/UTC");
  if (!time || backup_name(*time) != name) return std::nullopt;
  return time;
}

std::string part_name(const std::string& name) { return "." + name + ".part"; }

// Names of complete backups, the oldest first.
std::vector<std::string> backups_in(const std::string& to) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(to, error)) {
    auto name = entry.path().filename().string();
    if (time_of_backup(name) && entry.is_directory() && !entry.is_symlink() &&
        fs::exists(entry.path() / manifest_name)) {
      names.push_back(std::move(name));
    }
  }
  std::ranges::sort(names);
  return names;
}

// What backups that were cut short have left.
void remove_parts(const std::string& to) {
  for (const auto& entry : fs::directory_iterator(to)) {
    const auto name = entry.path().filename().string();
    if (name.size() == 26 && time_of_backup(name.substr(1, 20)) &&
        name == part_name(name.substr(1, 20))) {
      fs::remove_all(entry.path());
    }
  }
}

// ---- Taking ------------------------------------------------------------------------------------

class Taking {
 public:
  Taking(hub::Files& files, const std::string& data, const std::string& folder,
         const ShowShare& show)
      : files_(files), data_(data), folder_(folder), show_(show) {}

  void run(Timestamp now) {
    make_folder(files_, folder_);
    expected_ = size_of_store();
    // The ledger follows the samples: an older one catches up.
    for (const char* name : {"ledger.db", "insight.db", "health.db", "advice.db", "accounts.db"}) {
      if (fs::exists(data_ + "/" + name)) copy_database(name, [](hub::Database&) {});
    }
    for (int attempt = 0; !copy_store(now); ++attempt) {
      if (attempt == most_attempts) {
        throw std::runtime_error(fmt::format(
            "The segments of {} change faster than they are copied: try again later.", data_));
      }
    }
    for (const char* name : plain_names) copy_plain(name);
    write_manifest();
  }

  Manifest manifest;

 private:
  std::uint64_t size_of_store() {
    std::uint64_t bytes = 0;
    for (const auto& name : files_.list(data_).value_or(std::vector<std::string>{})) {
      if (name.ends_with(".db") || hub::number_of(hub::segment_prefix, name)) {
        bytes += files_.size(data_ + "/" + name).value_or(0);
      }
    }
    const auto room = files_.room(folder_);
    if (room && *room < bytes) {
      throw std::runtime_error(fmt::format("{} has no room for a backup of {} MB: {} MB are free.",
                                           folder_, bytes / 1'000'000 + 1, *room / 1'000'000));
    }
    return bytes;
  }

  void copied(std::size_t bytes) {
    copied_ += bytes;
    show_(std::min(1.0, static_cast<double>(copied_) /
                            static_cast<double>(std::max<std::uint64_t>(1, expected_))));
  }

  // `look` reads from the same state as is copied.
  void copy_database(const std::string& name, const std::function<void(hub::Database&)>& look) {
    const auto copy = folder_ + "/" + name;
    static_cast<void>(files_.remove(copy));
    hub::Database database(files_, data_ + "/" + name, hub::Database::Use::read);
    int code = database.execute("BEGIN; SELECT count(*) FROM sqlite_schema");
    std::unique_ptr<hub::File> written;
    const auto sync = [&] {
      if (!written) {
        auto file = files_.open(copy, How::write);
        if (!file) cannot_write(copy, file.error());
        written = std::move(*file);
      }
      if (const auto done = written->sync(); !done) cannot_write(copy, done.error());
    };
    if (code == SQLITE_OK) {
      look(database);
      int pieces = 0;
      code = database.copy_to(copy, [&] {
        if (++pieces % 4 == 0) sync();
      });
      database.execute("COMMIT");
    }
    if (code == SQLITE_FULL) cannot_write(copy, FileError::full);
    if (code != SQLITE_OK) {
      throw std::runtime_error(fmt::format(
          "{}/{} cannot be copied ({}): see what is damaged with \"lenz store verify\", "
          "and check the disk of the copy.",
          data_, name, sqlite3_errstr(code)));
    }
    sync();
    files_of_[name] = *read_file(files_, copy, [&](auto piece) { copied(piece.size()); });
  }

  // False: a segment that the copied database names has been joined with others since, or the log
  // that it goes on with was begun anew.
  bool copy_store(Timestamp now) {
    std::vector<std::string> segments;
    std::int64_t first_log = 0;
    Timestamp newest_time{};
    copy_database("lenz.db", [&](hub::Database& database) {
      auto log = database.prepare("SELECT number FROM log");
      if (log.step() == SQLITE_ROW) first_log = log.integer(0);
      auto named = database.prepare("SELECT number FROM segment ORDER BY number");
      while (named.step() == SQLITE_ROW) {
        segments.push_back(std::string(hub::segment_prefix) + std::to_string(named.integer(0)));
      }
      auto newest = database.prepare("SELECT max(last_time), count(*) FROM run");
      if (newest.step() != SQLITE_ROW || newest.integer(1) == 0) return;
      newest_time = Timestamp(std::chrono::milliseconds(newest.integer(0)));
    });
    if (!copy_logs(first_log)) return false;
    newest_time = std::max(newest_time, newest_in_logs(first_log));
    if (newest_time > Timestamp{})
      manifest.cut = std::min(newest_time, now);  // Clocks may be ahead.
    // Segments never change, so those of an attempt before are as good.
    std::erase_if(files_of_, [&](const auto& file) {
      const bool is_gone = hub::number_of(hub::segment_prefix, file.first) &&
                           !std::ranges::count(segments, file.first);
      if (is_gone) static_cast<void>(files_.remove(folder_ + "/" + file.first));
      return is_gone;
    });
    for (const auto& name : segments) {
      if (!files_of_.contains(name) && !copy_as_it_is(name)) return false;
    }
    return true;
  }

  // What was acknowledged after the database was committed; a record that is being written is cut
  // off as after a power cut.
  bool copy_logs(std::int64_t first) {
    std::erase_if(files_of_, [&](const auto& file) {
      const bool is_log = hub::number_of(hub::log_prefix, file.first).has_value();
      if (is_log) static_cast<void>(files_.remove(folder_ + "/" + file.first));
      return is_log;
    });
    for (const auto& name : files_.list(data_).value_or(std::vector<std::string>{})) {
      const auto number = hub::number_of(hub::log_prefix, name);
      if (number && *number >= first && !copy_as_it_is(name)) return false;
    }
    return files_.size(data_ + "/" + std::string(hub::log_prefix) + std::to_string(first))
        .has_value();
  }

  Timestamp newest_in_logs(std::int64_t first) {
    Timestamp newest{};
    hub::Log log(files_, folder_);
    static_cast<void>(log.replay(
        first,
        [&](const measurement::ReportHeader& header,
            std::span<const measurement::Sample> samples) -> std::expected<void, hub::StoreError> {
          for (const auto& sample : samples) {
            newest = std::max(newest, *header.booted_at + sample.uptime);
          }
          return {};
        }));
    return newest;
  }

  bool copy_as_it_is(const std::string& name) {
    const auto read = copy_file(files_, data_ + "/" + name, folder_ + "/" + name,
                                [&](std::size_t bytes) { copied(bytes); });
    if (read) files_of_[name] = *read;
    return read.has_value();
  }

  void copy_plain(const std::string& name) {
    const fs::path path = data_ + "/" + name;
    if (name.find_first_of("\n\\") != std::string::npos) {
      throw std::runtime_error(
          fmt::format("{} has a name that no backup can hold: give it another.", path.string()));
    }
    if (fs::is_directory(path)) {
      make_folder(files_, folder_ + "/" + name);
      for (const auto& entry : fs::directory_iterator(path)) {
        copy_plain(name + "/" + entry.path().filename().string());
      }
      folders_.push_back(folder_ + "/" + name);
    } else if (fs::is_regular_file(path)) {
      copy_as_it_is(name);
    }
  }

  void write_manifest() {
    for (const auto& [name, read] : files_of_) {
      manifest.files.push_back({name, read.hash});
      manifest.bytes += read.bytes;
    }
    // Restored last: a folder without it is seen to be incomplete.
    std::ranges::stable_partition(manifest.files,
                                  [](const auto& file) { return file.name != "lenz.db"; });
    const auto text = manifest_text(manifest);
    Writing writing(files_, folder_ + "/" + manifest_name);
    writing.add({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    writing.finish();
    folders_.push_back(folder_);
    for (const auto& folder : folders_) {
      if (const auto done = files_.sync_folder(folder); !done) cannot_write(folder, done.error());
    }
  }

  hub::Files& files_;
  const std::string data_, folder_;
  const ShowShare& show_;
  std::map<std::string, Read> files_of_;  // By name.
  std::vector<std::string> folders_;
  std::uint64_t expected_ = 0, copied_ = 0;
};

}  // namespace

// ---- The manifest ------------------------------------------------------------------------------

std::string contents_text(const Manifest& manifest) {
  std::string cut = "no sample yet";
  if (manifest.cut) {
    const auto time = utc_text(*manifest.cut);
    cut = fmt::format("all up to {} {} UTC", time.substr(0, 10), time.substr(11, 8));
  }
  return fmt::format("{}, {} file{}, {:.1f} MB", cut, manifest.files.size(),
                     manifest.files.size() == 1 ? "" : "s",
                     static_cast<double>(manifest.bytes) / 1e6);
}

std::string manifest_text(const Manifest& manifest) {
  std::string text(manifest_begin);
  if (manifest.cut) {
    text += fmt::format("{}{}\n", cut_mark, manifest.cut->time_since_epoch().count());
  }
  text += fmt::format("{}{}\n", bytes_mark, manifest.bytes);
  for (const auto& file : manifest.files) text += fmt::format("{}  {}\n", file.hash, file.name);
  return text + fmt::format("{}{}\n", end_mark, hash_of(text));
}

std::optional<Manifest> parse_manifest(std::string_view text) {
  const auto end = text.rfind(end_mark);
  if (!text.starts_with(manifest_begin) || end == text.npos ||
      text.substr(end) != fmt::format("{}{}\n", end_mark, hash_of(text.substr(0, end)))) {
    return std::nullopt;
  }
  Manifest manifest;
  for (auto rest = text.substr(manifest_begin.size(), end - manifest_begin.size());
       !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    std::int64_t number = 0;
    if (line.starts_with('#')) {
      const bool is_cut = line.starts_with(cut_mark);
      if (!is_cut && !line.starts_with(bytes_mark)) continue;
      const auto digits = line.substr((is_cut ? cut_mark : bytes_mark).size());
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (is_cut) manifest.cut = Timestamp(std::chrono::milliseconds(number));
      if (!is_cut) manifest.bytes = static_cast<std::uint64_t>(number);
      continue;
    }
    constexpr auto digits = 2 * hash_bytes;
    if (line.size() <= digits + 2 || line.substr(digits, 2) != "  ") return std::nullopt;
    const fs::path name(line.substr(digits + 2));
    // Nothing is ever written outside of a folder, whoever wrote the manifest.
    if (name.is_absolute() || std::ranges::count(name, "..") > 0) return std::nullopt;
    manifest.files.push_back({name.string(), std::string(line.substr(0, digits))});
  }
  return manifest;
}

// ---- There and back ----------------------------------------------------------------------------

TakenBackup take_backup(hub::Files& files, const std::string& data, const std::string& to,
                        Timestamp now, const ShowShare& show) {
  if (sodium_init() < 0) throw std::runtime_error("The system gives no random numbers.");
  if (!fs::exists(data + "/lenz.db")) {
    throw std::runtime_error(
        fmt::format("Nothing is stored in {}: name the hub's folder with --data.", data));
  }
  make_folder(files, to);
  const FolderLock lock(to);
  if (!lock.is_ours()) {
    throw std::runtime_error(fmt::format("Another backup is being written into {}: wait.", to));
  }
  remove_parts(to);
  {
    // What a hub that was killed has left in its log is taken in, where none runs.
    const FolderLock hub(data);
    if (hub.is_ours()) hub::SqliteStore(files, data);
  }
  const auto name = backup_name(now);
  const auto part = to + "/" + part_name(name);
  TakenBackup taken{to + "/" + name, {}};
  if (fs::exists(taken.folder)) {
    throw std::runtime_error(fmt::format("There is a {} already: wait a second.", taken.folder));
  }
  try {
    Taking taking(files, data, part, show);
    taking.run(now);
    taken.manifest = std::move(taking.manifest);
    auto done = files.rename(part, taken.folder);
    if (done) done = files.sync_folder(to);
    if (!done) cannot_write(taken.folder, done.error());
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(part, ignored);
    throw;
  }
  return taken;
}

void remove_old_backups(const std::string& to, std::size_t keep, const std::string& last) {
  auto names = backups_in(to);
  std::erase_if(names, [&](const auto& name) { return to + "/" + name == last; });
  const auto others = std::max<std::size_t>(keep, 1) - 1;
  for (std::size_t i = 0; i + others < names.size(); ++i) {
    // What is half removed must not look like a backup.
    const fs::path part = to + "/" + part_name(names[i]);
    fs::rename(to + "/" + names[i], part);
    fs::remove_all(part);
  }
}

Manifest restore_backup(hub::Files& files, const std::string& backup, const std::string& data,
                        const ShowShare& show) {
  if (sodium_init() < 0) throw std::runtime_error("The system gives no random numbers.");
  if (fs::exists(data) && !fs::is_empty(data)) {
    throw std::runtime_error(fmt::format(
        "{} is not empty: a backup is only restored into a folder that is empty or not there.",
        data));
  }
  std::string text;
  const auto path = backup + "/" + manifest_name;
  if (!read_file(files, path, [&](auto piece) { text.append(piece.begin(), piece.end()); })) {
    throw std::runtime_error(
        fmt::format("{} is no complete backup: it has no {}.", backup, manifest_name));
  }
  auto manifest = parse_manifest(text);
  if (!manifest) {
    throw std::runtime_error(
        fmt::format("{} is not what was written: restore another backup.", path));
  }

  // All is read twice: nothing is written of a backup that is not whole.
  std::uint64_t handled = 0;
  const auto count = [&](std::size_t bytes) {
    handled += bytes;
    show(std::min(1.0, static_cast<double>(handled) /
                           static_cast<double>(std::max<std::uint64_t>(1, 2 * manifest->bytes))));
  };
  const auto check = [&](const Manifest::File& file, const std::optional<Read>& read) {
    if (read && read->hash == file.hash) return;
    throw std::runtime_error(fmt::format("{}/{} {}: restore another backup.", backup, file.name,
                                         read ? "is not what was written" : "is not there"));
  };
  for (const auto& file : manifest->files) {
    check(file,
          read_file(files, backup + "/" + file.name, [&](auto piece) { count(piece.size()); }));
  }

  make_folder(files, data);
  if (const auto room = files.room(data); room && *room < manifest->bytes) {
    throw std::runtime_error(fmt::format("{} has no room for {} MB: {} MB are free.", data,
                                         manifest->bytes / 1'000'000 + 1, *room / 1'000'000));
  }
  const FolderLock lock(data);  // No hub starts on half of it.
  for (const auto& file : manifest->files) {
    const auto to = data + "/" + file.name;
    make_folder(files, hub::folder_of(to));
    check(file, copy_file(files, backup + "/" + file.name, to, count));
    if (const auto done = files.sync_folder(hub::folder_of(to)); !done) {
      cannot_write(to, done.error());
    }
  }
  return *manifest;
}

std::optional<Timestamp> newest_backup(const std::string& to) {
  const auto names = backups_in(to);
  return names.empty() ? std::nullopt : time_of_backup(names.back());
}

}  // namespace lenz
