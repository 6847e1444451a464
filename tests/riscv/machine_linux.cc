#include <cstdio>

#include "tests/riscv/machine.h"

namespace machine {

void keep(std::span<const std::uint8_t> report) {
  static std::FILE* const file = std::fopen("reports", "wb");
  if (file != nullptr) std::fwrite(report.data(), 1, report.size(), file);
}

void say(const char* line) { std::puts(line); }

void apart(void (*work)(void*), void* with) { work(with); }

std::size_t stack_of(void (*work)()) {
  work();
  return 0;
}

}  // namespace machine
