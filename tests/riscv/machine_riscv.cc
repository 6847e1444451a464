// QEMU's board `virt`, by way of semihosting.

#include <cstdio>
#include <cstdlib>

extern "C" {  // Which the header itself does not say.
#include <semihost.h>
}

#include "tests/riscv/machine.h"

extern "C" void on_stack(void* top, void (*work)(void*), void* with);

asm(R"(
  .text
  .globl on_stack
on_stack:
  addi a0, a0, -16
  sw ra, 12(a0)
  sw sp, 8(a0)
  mv sp, a0
  mv a0, a2
  jalr a1
  lw ra, 12(sp)
  lw sp, 8(sp)
  ret
)");

namespace machine {
namespace {

constexpr std::uint32_t paint = 0x5AFE'57AC;
constexpr std::size_t painted_words = 8 * 1024;

alignas(16) std::uint8_t other_stack[64 * 1024];

}  // namespace

void keep(std::span<const std::uint8_t> report) {
  static const int file = sys_semihost_open("reports", SH_OPEN_W_B);
  if (file < 0 || sys_semihost_write(file, report.data(), report.size()) != 0) std::abort();
}

void say(const char* line) {
  sys_semihost_write0(line);
  sys_semihost_write0("\n");
}

void apart(void (*work)(void*), void* with) {
  on_stack(other_stack + sizeof other_stack, work, with);
}

// Below the frame of this function lies what nobody has used yet, or no longer.
[[gnu::noinline]] std::size_t stack_of(void (*work)()) {
  auto* const here = static_cast<std::uint32_t*>(__builtin_frame_address(0)) - 16;
  auto* const lowest = here - painted_words;
  for (auto* word = lowest; word != here; ++word) {
    *const_cast<volatile std::uint32_t*>(word) = paint;
  }
  work();
  const auto* word = lowest;
  while (word != here && *const_cast<const volatile std::uint32_t*>(word) == paint) ++word;
  if (word == lowest) std::abort();  // Nobody knows how far it went.
  return static_cast<std::size_t>(here - word) * sizeof *word;
}

}  // namespace machine

// What the library calls where the meter would start again.
extern "C" void __cxa_pure_virtual() { std::abort(); }
