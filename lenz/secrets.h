// Passwords that nobody has to think of: drawn once, kept in files that only their owner reads.

#pragma once

#include <string>

namespace lenz {

// 192 random bits as 32 characters of A-Z a-z 0-9 - _.
std::string random_token();

// The secret in a file, drawn when the file does not exist. Throws std::runtime_error with one
// sentence when it can neither be read nor written.
std::string drawn_secret(const std::string& file);

// That in FOLDER/NAME.password.
std::string password_of(const std::string& folder, const std::string& name);

// The first line of a file. Throws as above.
std::string read_secret(const std::string& file);

}  // namespace lenz
