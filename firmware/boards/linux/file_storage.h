// The outbox's storage in a file of the machine.

#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "firmware/storage.h"

namespace firmware::linux_board {

// A file of fixed size, mapped into memory: what was written survives the end of the process, and
// a power cut up to what the kernel had not yet written out.
class FileStorage final : public Storage {
 public:
  // Creates the file or keeps what is in it. Throws std::runtime_error, one sentence with the file
  // and the remedy.
  FileStorage(const std::string& file, std::size_t size);
  ~FileStorage();
  FileStorage(const FileStorage&) = delete;
  FileStorage& operator=(const FileStorage&) = delete;

  std::size_t size() const override { return bytes_.size(); }
  bool read(std::size_t offset, std::span<std::uint8_t> into) override;
  bool write(std::size_t offset, std::span<const std::uint8_t> from) override;

 private:
  std::span<std::uint8_t> bytes_;
};

}  // namespace firmware::linux_board
