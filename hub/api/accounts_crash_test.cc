// What a disk can do to the accounts: what was answered holds after a power cut, and where the disk
// refuses, nobody is told otherwise.

#include <gtest/gtest.h>

#include "hub/api/small_world.h"
#include "hub/files/simulated_disk.h"

namespace hub {
namespace {

using Failing = SimulatedDisk::Failing;

// What the owner was told so far.
struct Told {
  bool has_password = false;
  std::string open, ended, used_link;
};

void expect_holds(SimulatedDisk& disk, const Told& told) {
  Accounts accounts(disk, "/data/accounts.db", counting_random(), cheap);
  if (told.has_password) {
    EXPECT_EQ(accounts.owner(), "Ann");
    EXPECT_TRUE(accounts.sign_in("Ann", "open sesame", "192.0.2.1", new_year));
  }
  if (!told.open.empty()) {
    EXPECT_TRUE(accounts.user_of(told.open, new_year));
  }
  if (!told.ended.empty()) {
    EXPECT_FALSE(accounts.user_of(told.ended, new_year)) << "who signed out is out";
  }
  if (!told.used_link.empty()) {
    EXPECT_FALSE(accounts.sign_in_with_link(told.used_link, new_year)) << "a link opens once";
  }
}

// An owner's first day; where the disk refuses, a step is tried again.
void live(SimulatedDisk& disk, Told& told) {
  std::optional<Accounts> accounts;
  const auto with_patience = [&](auto step) {
    for (int i = 0; i < 3; ++i) {
      if (step()) return;
      disk.heal();
    }
    ADD_FAILURE() << "the accounts do not go on";
  };
  with_patience([&] {
    try {
      accounts.emplace(disk, "/data/accounts.db", counting_random(), cheap);
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  });
  const auto new_session = [&] {
    std::string session;
    with_patience([&] {
      try {
        const auto link = accounts->new_link(new_year);
        const auto opened = accounts->sign_in_with_link(link, new_year);
        if (opened) {
          session = *opened;
          told.used_link = link;
        }
        return opened.has_value();
      } catch (const std::runtime_error&) {
        return false;
      }
    });
    return session;
  };
  const auto first = new_session();
  const auto second = new_session();
  told.open = second;
  with_patience([&] { return accounts->sign_out(first); });
  told.ended = first;
  with_patience([&] { return accounts->set_password("Ann", "open sesame", second).has_value(); });
  told.has_password = true;
}

TEST(AccountsCrash, WhatWasAnsweredHoldsAfterAPowerCutAtAnySync) {
  SimulatedDisk disk;
  ASSERT_TRUE(disk.make_folder("/data"));
  Told told;
  std::uint64_t images = 0;
  disk.before_sync = [&] {
    for (const auto cut : power_cuts) {
      SCOPED_TRACE(testing::Message() << "image " << images);
      expect_holds(*disk.crash_image(images++, cut), {.has_password = told.has_password,
                                                      .open = {},
                                                      .ended = told.ended,
                                                      .used_link = told.used_link});
    }
  };

  live(disk, told);

  disk.before_sync = nullptr;
  expect_holds(*disk.crash_image(images, PowerCut::dropped), told);
  EXPECT_GT(images, 30u);
}

TEST(AccountsCrash, AnErrorAtAnyCallIsToldAndWhatWasAnsweredHolds) {
  for (const auto failing : {Failing::once, Failing::always}) {
    std::uint64_t call = 0;
    for (bool has_come = true; has_come && !HasFailure(); ++call) {
      SCOPED_TRACE(testing::Message() << "call " << call << ", failing "
                                      << (failing == Failing::once ? "once" : "always"));
      SimulatedDisk disk;
      ASSERT_TRUE(disk.make_folder("/data"));
      const auto first = disk.calls();
      disk.fail_after(call, FileError::unavailable, failing);
      Told told;

      live(disk, told);

      has_come = disk.calls() - first > call;
      disk.heal();
      expect_holds(*disk.crash_image(call, PowerCut::dropped), told);
    }
    EXPECT_GT(call, 50u);
  }
}

}  // namespace
}  // namespace hub
