// The homes of a hub's folder: the one whose files lie in it, or each folder of its homes/.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/api/served_home.h"
#include "hub/ingest/mqtt_ingest.h"
#include "lenz/folder_lock.h"
#include "lenz/kept_home.h"
#include "lenz/workplace.h"

namespace lenz {

// One of several that cannot be served (damaged, described wrongly, in use by another program) says
// why and disturbs no other; a single one throws std::runtime_error with one sentence.
class Homes {
 public:
  // `meter` is admitted to each.
  Homes(const Surroundings&, const Workplace&, const std::string& meter);

  bool is_only() const { return is_only_; }
  const std::vector<hub::ServedHome>& served() const { return served_; }        // By id; all.
  const std::vector<std::unique_ptr<KeptHome>>& kept() const { return kept_; }  // That are served.
  KeptHome* kept_home(std::string_view id) const;  // Null: none that is served has this id.
  hub::MqttIngest::Hubs hubs() const;
  // Whether all of them lie on the hub's own file system, so that syncing it syncs them.
  bool are_on_one_volume() const { return are_on_one_volume_; }

 private:
  void add(const Surroundings&, const Workplace&, const std::string& id, const std::string& meter);

  bool is_only_ = true, are_on_one_volume_ = true;
  std::vector<std::unique_ptr<FolderLock>> locks_;
  std::vector<std::unique_ptr<KeptHome>> kept_;
  std::vector<hub::ServedHome> served_;
};

}  // namespace lenz
