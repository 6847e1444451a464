// All that calibrates a home: beside a reference, by the utility's meter, and branches by the
// mains.

#pragma once

#include <filesystem>

#include "hub/branch_desk.h"
#include "hub/calibration_desk.h"
#include "hub/mains_desk.h"
#include "hub/readings_desk.h"

namespace hub {

struct CalibrationDesks {
  // What is given outlives it. The files lie in the home's folder.
  CalibrationDesks(LiveFeed& live, Store& store, const Home& home,
                   const std::filesystem::path& calibrations,
                   const std::filesystem::path& utility_readings)
      : channel(live, home, calibrations),
        mains(store, home, calibrations),
        readings(store, home, utility_readings, calibrations),
        branches(store, home, calibrations) {}

  CalibrationDesk channel;
  MainsDesk mains;
  ReadingsDesk readings;
  BranchDesk branches;

  // What nobody has finished is over.
  void end() {
    channel.end();
    mains.end();
    branches.end();
  }
};

}  // namespace hub
