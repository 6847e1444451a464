#include "lenz/secrets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace lenz {

std::string random_token() {
  if (sodium_init() < 0) throw std::runtime_error("The system gives no random numbers.");
  unsigned char bytes[24];
  randombytes_buf(bytes, sizeof bytes);
  char text[sodium_base64_ENCODED_LEN(sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
  sodium_bin2base64(text, sizeof text, bytes, sizeof bytes,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return text;
}

std::string read_secret(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line) || line.empty()) {
    throw std::runtime_error(fmt::format(
        "No password in {}: name the file that holds it, or let `lenz hub --meter NAME` make it.",
        file));
  }
  return line;
}

std::string password_of(const std::string& folder, const std::string& name) {
  return drawn_secret(folder + "/" + name + ".password");
}

std::string drawn_secret(const std::string& file) {
  if (std::filesystem::exists(file)) return read_secret(file);
  std::filesystem::create_directories(std::filesystem::path(file).parent_path());
  const auto password = random_token();
  const int out = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const auto line = password + "\n";
  const bool written =
      out >= 0 && write(out, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const int error = errno;
  if (out >= 0) close(out);
  if (!written) {
    throw std::runtime_error(
        fmt::format("The password file {} cannot be written ({}): check the "
                    "folder's rights and its room.",
                    file, std::strerror(error)));
  }
  return password;
}

}  // namespace lenz
