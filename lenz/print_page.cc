#include "lenz/print_page.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "lenz/child.h"
#include "lenz/temporary_folder.h"

namespace lenz {
namespace {

using namespace std::chrono_literals;

constexpr auto longest = 60s;

std::string browser() {
  if (const char* named = std::getenv("CHROMIUM")) return named;
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    if (auto found = find_program(name); !found.empty()) return found;
  }
  throw std::runtime_error(
      "No Chromium was found to make a PDF with: install it, name it in CHROMIUM, or take --html "
      "and print that.");
}

}  // namespace

void print_page(std::string_view page, const std::string& pdf) {
  const auto program = browser();
  const TemporaryFolder folder;
  const auto html = folder.path() + "/report.html";
  std::ofstream(html, std::ios::binary) << page;
  const auto target = std::filesystem::absolute(pdf).string();
  std::filesystem::remove(target);
  // The page has no script and loads nothing, so that it needs no sandbox, which roots may not
  // have.
  Child child({program, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
               "--user-data-dir=" + folder.path() + "/profile", "--print-to-pdf=" + target,
               "file://" + html},
              {.quiet = true, .quiet_output = true});
  const auto until = std::chrono::steady_clock::now() + longest;
  while (child.is_running() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(20ms);
  }
  const bool has_ended = !child.is_running();
  if (!has_ended || child.stop() != 0 || !std::filesystem::exists(target)) {
    throw std::runtime_error(fmt::format("{} made no PDF of the report at {}.", program, pdf));
  }
}

}  // namespace lenz
