#include "lenz/evaluation/panel_file.h"

#include "hub/toml_file.h"

namespace lenz::evaluation {

std::map<std::string, PanelCircuit> read_panel(const std::filesystem::path& path) {
  constexpr std::size_t most_bytes = 1 << 20;
  const hub::TomlFile file(path, most_bytes, "a panel");
  file.allow(file.root(), "the panel", {"circuit"});
  std::map<std::string, PanelCircuit> circuits;
  file.each(file.root(), "circuit", [&](const toml::table& table) {
    file.allow(table, "circuit", {"channel", "breaker_a", "poles", "words"});
    std::string channel;
    PanelCircuit circuit;
    file.need(table, "channel", channel);
    file.want(table, "breaker_a", circuit.breaker_a);
    file.want(table, "poles", circuit.poles);
    file.want(table, "words", circuit.words);
    if (circuit.breaker_a < 0 || circuit.poles < 1 || circuit.poles > 3) {
      file.refuse(table.source(), "a breaker has 1 to 3 poles and no negative rating");
    }
    if (!circuits.emplace(channel, circuit).second) {
      file.refuse(table.source(), "this channel has two circuits");
    }
  });
  return circuits;
}

}  // namespace lenz::evaluation
