#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "hub/config.h"
#include "hub/files/disk.h"
#include "hub/integrations/home_assistant_backfill.h"
#include "hub/integrations/home_assistant_conversation.h"
#include "hub/integrations/home_assistant_energy.h"
#include "hub/ledger.h"
#include "hub/net/websocket_client.h"
#include "hub/partners.h"
#include "hub/store/sqlite_store.h"
#include "lenz/commands.h"
#include "lenz/folder_lock.h"
#include "lenz/undo_files.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

using namespace std::chrono_literals;
using measurement::Timestamp;

constexpr auto patience = 20s;  // Until Home Assistant has let us in.

Timestamp now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// What the commands work on: the folder's home and partners.
struct Folder {
  explicit Folder(const std::string& data)
      : place(data.empty() ? Workplace::usual_folder() : data),
        home(hub::load_home(place.home_file())) {
    const auto partners = hub::load_partners(place.partners_file());
    if (!partners.home_assistant || partners.home_assistant->url.empty()) {
      throw std::runtime_error(
          fmt::format("{} does not say where Home Assistant is: give url and token_file in "
                      "[home_assistant].",
                      place.partners_file()));
    }
    home_assistant = *partners.home_assistant;
  }

  Workplace place;
  hub::Home home;
  hub::HomeAssistant home_assistant;
};

// One talk with Home Assistant: signs in, does one thing, ends.
class Talk {
 public:
  explicit Talk(const hub::HomeAssistant& settings)
      : url_(settings.url), conversation_(settings.token, [this](std::string text) {
          return socket_->send(std::move(text));
        }) {}

  hub::HomeAssistantConversation& conversation() { return conversation_; }

  // `begin` is called once signed in, and calls `end` when it is done. Throws std::runtime_error
  // with one sentence when Home Assistant does not let us in.
  void run(const std::function<void(std::function<void()> end)>& begin) {
    bool has_begun = false, has_ended = false;
    std::string why = "it does not let us sign in";
    hub::WebSocketClient::Events events;
    events.connected = [&] { conversation_.connected(now()); };
    events.heard = [&](std::string_view text) { conversation_.heard(text, now()); };
    events.lost = [&](const std::string& reason) {
      why = reason;
      conversation_.lost(reason);
    };
    socket_.emplace(context_, url_, std::move(events));
    const auto until = now() + patience;
    while (!has_ended && !conversation_.refused() && (has_begun || now() < until)) {
      context_.run_for(50ms);
      conversation_.tick(now());
      if (!has_begun && conversation_.is_ready()) {
        has_begun = true;
        begin([&] { has_ended = true; });
      }
    }
    if (conversation_.refused()) throw std::runtime_error(*conversation_.refused());
    if (!has_begun) {
      throw std::runtime_error(
          fmt::format("Home Assistant at {} does not answer ({}): check url in partners.toml, and "
                      "that it runs.",
                      url_, why));
    }
  }

 private:
  std::string url_;
  boost::asio::io_context context_;
  hub::HomeAssistantConversation conversation_;
  std::optional<hub::WebSocketClient> socket_;
};

// A ledger that is up to date, or as far as the hub that runs has brought it. Files outlive it.
class Books {
 public:
  Books(hub::Files& files, const Folder& folder)
      : lock_(folder.place.folder()),
        store_(files, folder.place.folder(),
               lock_.is_ours() ? hub::SqliteStore::Use::write : hub::SqliteStore::Use::read),
        ledger_(files, folder.place.ledger_file(), store_, folder.home,
                lock_.is_ours() ? hub::Ledger::Use::follow : hub::Ledger::Use::read) {
    while (lock_.is_ours()) {
      const auto is_done = ledger_.follow(now(), 100);
      if (!is_done) {
        throw std::runtime_error(fmt::format("The store in {} cannot be read: {}.",
                                             folder.place.folder(),
                                             hub::sentence(is_done.error())));
      }
      if (*is_done) break;
    }
  }

  hub::Ledger& ledger() { return ledger_; }

 private:
  FolderLock lock_;
  hub::SqliteStore store_;
  hub::Ledger ledger_;
};

using Planned = std::expected<hub::StatisticsPlan, std::string>;

// Says what was done, or would be, and keeps the way back.
int tell(const Planned& plan, bool dry_run, const std::string& undo_file, const Workplace& place) {
  if (!plan) throw std::runtime_error(plan.error());
  for (const auto& note : plan->notes) fmt::print("{}\n", note);
  if (plan->is_empty()) {
    fmt::print("Nothing to write: Home Assistant has every hour as it should be.\n");
    return 0;
  }
  fmt::print("{}{} {} rows.\n", hub::describe(*plan), dry_run ? "Would write" : "Wrote",
             plan->rows());
  if (dry_run) return 0;
  auto file = undo_file;
  if (file.empty()) {
    file = keep_undo(place.folder(), *plan, now());
  } else {
    write_undo(file, *plan, now());
  }
  fmt::print("To take it back: lenz home-assistant undo {}\n", file);
  return 0;
}

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) throw std::runtime_error(fmt::format("{} cannot be read: check its name.", file));
  return text.str();
}

}  // namespace

int backfill(const BackfillOptions& options) {
  const Folder folder(options.data);
  hub::Disk disk;
  Books books(disk, folder);
  Talk talk(folder.home_assistant);
  hub::StatisticsBackfill backfill(folder.home, books.ledger(), folder.home_assistant.statistics,
                                   talk.conversation());
  Planned plan;
  talk.run([&](std::function<void()> end) {
    backfill.run({.write = !options.dry_run, .all_hours = options.all}, now(),
                 [&plan, end](Planned done) {
                   plan = std::move(done);
                   end();
                 });
  });
  return tell(plan, options.dry_run, options.undo_file, folder.place);
}

int continuation(const ContinuationOptions& options) {
  const Folder folder(options.data);
  Talk talk(folder.home_assistant);
  hub::StatisticsContinuation continuation(folder.home, talk.conversation());
  Planned plan;
  talk.run([&](std::function<void()> end) {
    continuation.run({.from = options.from,
                      .circuit = options.circuit,
                      .key = options.key,
                      .write = !options.dry_run},
                     now(), [&plan, end](Planned done) {
                       plan = std::move(done);
                       end();
                     });
  });
  return tell(plan, options.dry_run, options.undo_file, folder.place);
}

int undo(const UndoOptions& options) {
  const Folder folder(options.data);
  const auto plan = hub::parse_undo(text_of(options.file));
  if (!plan) throw std::runtime_error(fmt::format("{}: {}", options.file, plan.error()));
  fmt::print("{}", hub::describe(*plan));
  if (options.dry_run) return 0;
  Talk talk(folder.home_assistant);
  hub::StatisticsWriter writer(talk.conversation());
  std::expected<std::size_t, std::string> rows;
  talk.run([&](std::function<void()> end) {
    writer.write(*plan, [&rows, end](std::expected<std::size_t, std::string> done) {
      rows = std::move(done);
      end();
    });
  });
  if (!rows) throw std::runtime_error(rows.error());
  fmt::print("Took {} rows back.\n", *rows);
  return 0;
}

int energy(const EnergyOptions& options) {
  const Folder folder(options.data);
  Talk talk(folder.home_assistant);
  hub::EnergyProposal proposal(folder.home, folder.home_assistant.statistics, talk.conversation());
  std::expected<hub::EnergyProposal::Result, std::string> result;
  talk.run([&](std::function<void()> end) {
    proposal.run(options.save, now(),
                 [&result, end](std::expected<hub::EnergyProposal::Result, std::string> done) {
                   result = std::move(done);
                   end();
                 });
  });
  if (!result) throw std::runtime_error(result.error());
  for (const auto& line : result->proposed.lines) fmt::print("{}\n", line);
  if (!result->proposed.is_changed) {
    fmt::print("The Energy dashboard has all of it already.\n");
  } else if (result->is_saved) {
    fmt::print("Saved.\n");
  } else {
    fmt::print("Nothing was changed yet: add --save.\n");
  }
  return 0;
}

}  // namespace lenz
