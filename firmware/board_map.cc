#include "firmware/board_map.h"

#include <algorithm>
#include <cassert>

#include "firmware/text.h"

namespace firmware {
namespace {

using measurement::channels_per_chip;
using measurement::max_chips;

constexpr std::array<Pin, max_chips> selects_esp32 = {5,  4,  0,  16, 27, 17, 2,
                                                      21, 13, 22, 14, 25, 15, 26};
constexpr std::array<Pin, max_chips> selects_lilygo = {8,  4, 0,  16, 18, 17, 2,
                                                       21, 3, 20, 41, 39, 15, 38};
constexpr std::array<Pin, max_chips> selects_waveshare = {47, 48, 1,  16, 18, 17, 2,
                                                          40, 33, 42, 41, 39, 15, 38};
constexpr std::array<Pin, 1> selects_split = {5};
constexpr std::array<Pin, 3> interrupts = {32, 33, 34};  // IRQ0, IRQ1, WarnOut of all chips.

constexpr std::array<BoardMap, boards> maps = {{
    {.name = "6ch",
     .title = "6-channel board with an ESP32",
     .controller = Controller::esp32,
     .spi = {.clock = 18, .miso = 19, .mosi = 23},
     .ethernet = {},
     .chips = 2,
     .max_add_ons = 6,
     .chip_selects = selects_esp32,
     .held = interrupts,
     .knows_free_pins = true},
    {.name = "6ch-lilygo",
     .title = "6-channel board with a Lilygo T-ETH-Lite S3",
     .controller = Controller::esp32_s3,
     .spi = {.clock = 7, .miso = 5, .mosi = 6},
     .ethernet = {.spi = {.clock = 10, .miso = 11, .mosi = 12},
                  .chip_select = 9,
                  .interrupt = 13,
                  .reset = 14},
     .chips = 2,
     .max_add_ons = 6,
     .chip_selects = selects_lilygo,
     .held = {},
     .knows_free_pins = false},
    {.name = "6ch-waveshare",
     .title = "6-channel board with a Waveshare ESP32-S3-ETH",
     .controller = Controller::esp32_s3,
     .spi = {.clock = 44, .miso = 45, .mosi = 43},
     .ethernet = {.spi = {.clock = 13, .miso = 12, .mosi = 11},
                  .chip_select = 14,
                  .interrupt = 10,
                  .reset = 9},
     .chips = 2,
     .max_add_ons = 6,
     .chip_selects = selects_waveshare,
     .held = {},
     .knows_free_pins = false},
    {.name = "split",
     .title = "split single-phase board",
     .controller = Controller::esp32,
     .spi = {.clock = 18, .miso = 19, .mosi = 23},
     .ethernet = {},
     .chips = 1,
     .max_add_ons = 0,
     .chip_selects = selects_split,
     .held = {},
     .knows_free_pins = true},
}};

// Pins that the two controllers bring out. GPIO6-11 of the ESP32 and GPIO26-32 of the S3 are those
// of the flash.
constexpr std::array<Pin, 26> pins_esp32 = {32, 33, 4,  5,  13, 14, 15, 16, 17, 18, 19, 21, 22,
                                            23, 25, 26, 27, 0,  2,  12, 1,  3,  34, 35, 36, 39};

bool exists(Controller controller, Pin pin) {
  if (controller == Controller::esp32) {
    return std::ranges::find(pins_esp32, pin) != pins_esp32.end();
  }
  return (pin >= 0 && pin <= 21) || (pin >= 33 && pin <= 48);
}

bool is_input_only(Controller controller, Pin pin) {
  return controller == Controller::esp32 && pin >= 34;
}

// Who uses a pin: a chip by its number, or one of these.
enum Use : std::uint8_t {
  first_other = max_chips,
  spi_clock = first_other,
  spi_miso,
  spi_mosi,
  ethernet,
  console,
  modem_transmit,
  modem_receive,
  transceiver_select,
  transceiver_reset,
  transceiver_interrupt,
  status_led,
  button,
};

constexpr std::array<std::string_view, 12> use_names = {
    "the SPI clock",
    "the SPI data from the chips",
    "the SPI data to the chips",
    "the Ethernet controller",
    "the console",
    "the modem's commands",
    "the modem's answers",
    "the transceiver's select",
    "the transceiver's reset",
    "the transceiver's interrupt",
    "the status LED",
    "the button",
};

struct Claim {
  Pin pin;
  std::uint8_t use;
  bool puts_out;
};

struct Claims {
  std::array<Claim, max_chips + 20> all;
  std::size_t count = 0;

  void add(Pin pin, std::uint8_t use, bool puts_out) {
    if (pin != no_pin) all[count++] = {pin, use, puts_out};
  }
  std::span<const Claim> view() const { return std::span(all).first(count); }
};

// In the order of their right: who comes later yields.
Claims claims_of(const Assembly& assembly) {
  const auto& map = map_of(assembly.board);
  Claims claims;
  claims.add(map.spi.clock, spi_clock, true);
  claims.add(map.spi.miso, spi_miso, false);
  claims.add(map.spi.mosi, spi_mosi, true);
  const auto& wired = map.ethernet;
  for (const auto pin : {wired.spi.clock, wired.spi.mosi, wired.chip_select, wired.reset}) {
    claims.add(pin, ethernet, true);
  }
  for (const auto pin : {wired.spi.miso, wired.interrupt}) claims.add(pin, ethernet, false);
  if (map.controller == Controller::esp32) {
    claims.add(1, console, true);
    claims.add(3, console, false);
  }
  for (std::size_t chip = 0; chip < assembly.chips(); ++chip) {
    claims.add(assembly.chip_select(chip), static_cast<std::uint8_t>(chip), true);
  }
  if (assembly.modem) {
    claims.add(assembly.modem->transmit, modem_transmit, true);
    claims.add(assembly.modem->receive, modem_receive, false);
  }
  if (assembly.transceiver) {
    claims.add(assembly.transceiver->chip_select, transceiver_select, true);
    claims.add(assembly.transceiver->reset, transceiver_reset, true);
    claims.add(assembly.transceiver->interrupt, transceiver_interrupt, false);
  }
  claims.add(assembly.status_led, status_led, true);
  claims.add(assembly.button, button, false);
  return claims;
}

class Findings {
 public:
  explicit Findings(std::span<Finding> into) : into_(into) {}

  void add(Finding finding) {
    if (count_ < into_.size()) into_[count_] = finding;
    ++count_;
  }
  std::size_t count() const { return count_; }

 private:
  std::span<Finding> into_;
  std::size_t count_ = 0;
};

void check_pin(const BoardMap& map, std::span<const Claim> earlier, const Claim& claim,
               Findings& found) {
  const auto other = std::ranges::find(earlier, claim.pin, &Claim::pin);
  if (!exists(map.controller, claim.pin)) {
    found.add({Trouble::no_such_pin, claim.pin, claim.use});
  } else if (other != earlier.end()) {
    found.add({Trouble::pin_used_twice, claim.pin, claim.use, other->use});
  } else if (std::ranges::find(map.held, claim.pin) != map.held.end()) {
    found.add({Trouble::pin_is_held, claim.pin, claim.use});
  } else if (claim.puts_out && is_input_only(map.controller, claim.pin)) {
    found.add({Trouble::pin_is_input_only, claim.pin, claim.use});
  }
}

// Of pins that are looked at by the controller while it starts.
void check_boot(const BoardMap& map, const Claim& claim, Findings& found) {
  const bool selects = claim.use < max_chips;
  if (map.controller == Controller::esp32 && claim.pin == 12) {
    found.add({Trouble::low_at_boot, claim.pin, claim.use});
  }
  const Pin flashing = map.controller == Controller::esp32 ? 2 : 20;
  if (claim.pin == flashing && selects) {
    found.add({Trouble::blocks_flashing, claim.pin, claim.use});
  }
}

// A transceiver whose pins are not given yet, where there are none to give.
void check_room(const Assembly& assembly, Findings& found) {
  if (!assembly.transceiver || assembly.transceiver->chip_select != no_pin) return;
  const auto room = room_of(assembly);
  if (room && !room->fits_transceiver()) found.add({Trouble::no_room_for_transceiver});
}

constexpr std::array<std::string_view, 8> counts = {"No",   "One",  "Two", "Three",
                                                    "Four", "Five", "Six", "Seven"};

void add_list(Text& text, std::span<const Pin> pins) {
  for (std::size_t i = 0; i < pins.size(); ++i) {
    text << (i == 0 ? "GPIO" : i + 1 == pins.size() ? " or " : ", ") << int{pins[i]};
  }
}

void add_use(Text& text, const Assembly& assembly, std::uint8_t use) {
  if (use >= first_other) {
    text << use_names[use - first_other];
    return;
  }
  std::array<char, 48> place;
  text << "the chip on " << place_of_chip(assembly, use, place);
}

}  // namespace

const BoardMap& map_of(Board board) { return maps[static_cast<std::size_t>(board)]; }

std::optional<Board> board_named(std::string_view name) {
  const auto found = std::ranges::find(maps, name, &BoardMap::name);
  if (found == maps.end()) return std::nullopt;
  return static_cast<Board>(found - maps.begin());
}

Pin Assembly::chip_select(std::size_t chip) const {
  const auto& selects = map_of(board).chip_selects;
  if (chip >= selects.size()) return no_pin;
  return chip_selects[chip] != no_pin ? chip_selects[chip] : selects[chip];
}

std::string_view place_of_chip(const Assembly& assembly, std::size_t chip, std::span<char> buffer) {
  Text text(buffer);
  if (assembly.board == Board::split_single_phase) {
    text << "the board, CS at " << int{assembly.chip_select(chip)} << " (CT1 and CT2)";
    return text.view();
  }
  if (chip < 2) {
    text << "the main board, CS";
  } else {
    text << "add-on " << chip / 2 << ", jumper CS";
  }
  const auto first = chip * channels_per_chip + 1;
  text << (chip % 2 == 0 ? "" : "2") << " at " << int{assembly.chip_select(chip)} << " (CT" << first
       << "-CT" << first + channels_per_chip - 1 << ")";
  return text.view();
}

std::size_t check(const Assembly& assembly, std::span<Finding> into) {
  Findings found(into);
  const auto& map = map_of(assembly.board);
  if (assembly.add_ons > map.max_add_ons) {
    found.add({Trouble::too_many_add_ons});
    return found.count();
  }
  const auto claims = claims_of(assembly);
  for (std::size_t i = 0; i < claims.count; ++i) {
    check_pin(map, claims.view().first(i), claims.all[i], found);
  }
  check_room(assembly, found);
  for (const auto& claim : claims.view()) check_boot(map, claim, found);
  return found.count();
}

std::string_view sentence(const Assembly& assembly, const Finding& finding,
                          std::span<char> buffer) {
  Text text(buffer);
  const auto& map = map_of(assembly.board);
  const auto use = [&](std::uint8_t whose) { add_use(text, assembly, whose); };
  const int pin = finding.pin;
  switch (finding.trouble) {
    case Trouble::too_many_add_ons:
      text << "The " << map.title << " takes " << map.max_add_ons << " add-ons and not "
           << assembly.add_ons << ": say how many are stacked.";
      break;
    case Trouble::no_such_pin:
      text << "GPIO" << pin << " cannot be used for ";
      use(finding.use);
      text << ", since this controller has no such pin or its flash is on it: choose another.";
      break;
    case Trouble::pin_used_twice:
      text << "GPIO" << pin << " would be used for ";
      use(finding.use);
      text << " and for ";
      use(finding.other);
      text << ": give one of them another pin.";
      break;
    case Trouble::pin_is_held:
      text << "GPIO" << pin << " cannot be used for ";
      use(finding.use);
      text << ", since interrupt outputs of the metering chips drive it: choose another.";
      break;
    case Trouble::pin_is_input_only:
      text << "GPIO" << pin << " can only be read, so it cannot be used for ";
      use(finding.use);
      text << ": choose another.";
      break;
    case Trouble::no_room_for_transceiver:
      text << counts[assembly.add_ons + 1]
           << " boards leave no room for a bare transceiver, which needs two outputs and an "
              "input: use an AT modem, or one board less.";
      break;
    case Trouble::low_at_boot:
      text << "GPIO12 must be low while the ESP32 starts: give ";
      use(finding.use);
      text << " a pull-down resistor and no pull-up.";
      break;
    case Trouble::blocks_flashing:
      text << "GPIO" << pin << " is of ";
      use(finding.use);
      text << " and may keep the controller from being flashed by cable: take that jumper off "
              "meanwhile.";
      break;
  }
  return text.view();
}

bool Room::fits_modem() const { return output_count >= 1 && output_count + input_count >= 2; }

bool Room::fits_transceiver() const { return output_count >= 2 && output_count + input_count >= 3; }

std::optional<Room> room_of(const Assembly& assembly) {
  const auto& map = map_of(assembly.board);
  if (!map.knows_free_pins) return std::nullopt;
  assert(map.controller == Controller::esp32 && "BUG: only the ESP32's pins are known");
  const auto claims = claims_of(assembly);
  Room room;
  for (const auto pin : pins_esp32) {
    const bool taken = std::ranges::find(claims.view(), pin, &Claim::pin) != claims.view().end() ||
                       std::ranges::find(map.held, pin) != map.held.end();
    if (taken) continue;
    if (is_input_only(map.controller, pin)) {
      room.inputs[room.input_count++] = pin;
    } else {
      room.outputs[room.output_count++] = pin;
    }
  }
  return room;
}

std::string_view sentence_of_room(const Assembly& assembly, std::span<char> buffer) {
  Text text(buffer);
  const auto room = room_of(assembly);
  if (!room) {
    text << "Which pins the adapter of the " << map_of(assembly.board).title
         << " brings out is not published: give a modem's pins yourself.";
    return text.view();
  }
  const auto outputs = std::span(room->outputs).first(room->output_count);
  const auto inputs = std::span(room->inputs).first(room->input_count);
  text << counts[assembly.add_ons + 1]
       << (assembly.add_ons == 0 ? " board leaves" : " boards leave");
  if (!room->fits_modem()) {
    text << " no pins for a modem: use Wi-Fi, Bluetooth or Ethernet.";
    return text.view();
  }
  text << " room for "
       << (room->fits_transceiver() ? "an AT modem or a bare transceiver" : "one AT modem")
       << ": commands on ";
  add_list(text, outputs);
  text << ", answers on ";
  add_list(text, inputs.empty() ? outputs.subspan(1) : inputs);
  text << ".";
  if (outputs.size() == 1 && outputs.front() == 12) {
    text << " GPIO12 needs a pull-down and no pull-up, since it must be low at start.";
  }
  return text.view();
}

}  // namespace firmware
