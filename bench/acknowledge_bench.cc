// How late acknowledgements are while somebody asks for what takes long, of a hub that has just
// started on a year of thirty circuits: acknowledge_bench [FOLDER].
//
// The hub's one thread, 40 acknowledgements a second: each is a sample that is appended and
// committed to the disk of FOLDER, and its time is from when it was due. Another process asks one
// question after the other over HTTP; before each round the hub is a new one.

#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>

#include "bench/year_of_routes.h"
#include "hub/api/server.h"

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto acknowledged_every = 25ms;
constexpr int rounds = 5;

// A client of its own process; gives up where the hub does not answer.
pid_t ask(std::uint16_t port, const std::string& cookie) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  bool is_answered = true;
  try {
    for (const auto& question : bench::year_questions()) {
      asio::io_context io;
      asio::ip::tcp::socket socket(io);
      socket.connect({asio::ip::address_v4::loopback(), port});
      asio::write(socket, asio::buffer(fmt::format(
                              "GET /api/homes/home{} HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n"
                              "Connection: close\r\n\r\n",
                              question, cookie)));
      std::string answer;
      boost::system::error_code end;
      asio::read(socket, asio::dynamic_buffer(answer), end);
      is_answered &= answer.starts_with("HTTP/1.1 200 ");
    }
  } catch (const std::exception&) {
    is_answered = false;
  }
  ::_exit(is_answered ? 0 : 1);
}

class Meter {
 public:
  explicit Meter(bench::YearHub& hub, asio::io_context& io, std::vector<double>& times)
      : hub_(hub), timer_(io), due_(steady_clock::now()), times_(times) {
    wait();
  }

 private:
  void wait() {
    due_ += acknowledged_every;
    timer_.expires_at(due_);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      measurement::Sample sample(1);
      sample.number = number_;
      sample.uptime = acknowledged_every * static_cast<std::int64_t>(number_++);
      sample.put_steps(measurement::Quantity::active_power, 0, 1'000);
      bench::sure(hub_.store().append({.device = "another",
                                       .boot = boot_,
                                       .period = acknowledged_every,
                                       .chips = 1,
                                       .booted_at = bench::year_now},
                                      {&sample, 1}));
      bench::sure(hub_.store().commit());
      times_.push_back(
          std::chrono::duration<double, std::milli>(steady_clock::now() - due_).count());
      wait();
    });
  }

  bench::YearHub& hub_;
  asio::steady_timer timer_;
  steady_clock::time_point due_;
  std::vector<double>& times_;
  const std::uint64_t boot_ =
      static_cast<std::uint64_t>(steady_clock::now().time_since_epoch().count());
  std::uint64_t number_ = 1;
};

void round(const std::filesystem::path& folder, bool asks, std::vector<double>& times) {
  bench::YearHub hub(folder);
  asio::io_context io;
  const hub::Server server(io, hub.routes(), "127.0.0.1", 0);
  const pid_t child = asks ? ask(server.port(), hub.cookie()) : 0;
  const Meter meter(hub, io, times);
  int status = 0;
  const auto end = steady_clock::now() + (asks ? 120s : 5s);
  while (steady_clock::now() < end && (!asks || ::waitpid(child, &status, WNOHANG) == 0)) {
    io.run_for(100ms);
    io.restart();
  }
  if (asks && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
    throw std::runtime_error("a question was not answered");
  }
}

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  std::setbuf(stdout, nullptr);
  std::string name = (std::filesystem::temp_directory_path() / "lenz_ack_XXXXXX").string();
  const std::filesystem::path folder = argc > 1 ? argv[1] : ::mkdtemp(name.data());
  try {
    bench::fill_year(folder);
    std::vector<double> quiet, asked;
    for (int i = 0; i < rounds; ++i) {
      round(folder, false, quiet);
      round(folder, true, asked);
    }
    for (auto& [what, times] : {std::pair("nobody asks", &quiet), {"cold answers", &asked}}) {
      std::ranges::sort(*times);
      fmt::print("{:<14} {} acknowledgements: median {:.2f} ms, p99 {:.1f} ms, longest {:.1f} ms\n",
                 what, times->size(), percentile(*times, 0.5), percentile(*times, 0.99),
                 times->back());
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  if (argc <= 1) std::filesystem::remove_all(folder);
}
