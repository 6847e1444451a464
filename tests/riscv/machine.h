// What the scene needs from where it runs: Linux, or a bare RISC-V machine with semihosting.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace machine {

// Appends to the file `reports` in the working folder.
void keep(std::span<const std::uint8_t> report);
void say(const char* line);

// Does what is no part of the meter: what it needs of the stack does not count.
void apart(void (*work)(void*), void* with);

// The most bytes of stack that `work` needed; 0 where nobody can tell.
std::size_t stack_of(void (*work)());

}  // namespace machine
