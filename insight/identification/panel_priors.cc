#include "insight/identification/panel_priors.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

namespace insight {
namespace {

// A word in a circuit's name makes its kinds likelier; longer words stand before those they hold.
struct WordRow {
  std::string_view word;
  ApplianceKind kind;
  float ratio = 20;
};
constexpr std::array words = {
    WordRow{"washer dryer", ApplianceKind::washer_dryer},
    WordRow{"dishwasher", ApplianceKind::dishwasher},
    WordRow{"dish washer", ApplianceKind::dishwasher},
    WordRow{"washing", ApplianceKind::washing_machine},
    WordRow{"washer", ApplianceKind::washing_machine},
    WordRow{"laundry", ApplianceKind::washing_machine, 5},
    WordRow{"laundry", ApplianceKind::tumble_dryer, 5},
    WordRow{"dryer", ApplianceKind::tumble_dryer},
    WordRow{"fridge", ApplianceKind::fridge, 10},
    WordRow{"fridge", ApplianceKind::fridge_freezer, 10},
    WordRow{"refrigerator", ApplianceKind::fridge},
    WordRow{"freezer", ApplianceKind::freezer},
    WordRow{"freezer", ApplianceKind::fridge_freezer, 5},
    WordRow{"kettle", ApplianceKind::kettle},
    WordRow{"microwave", ApplianceKind::microwave},
    WordRow{"oven", ApplianceKind::oven},
    WordRow{"range", ApplianceKind::cooktop, 10},
    WordRow{"range", ApplianceKind::oven, 10},
    WordRow{"stove", ApplianceKind::cooktop},
    WordRow{"hob", ApplianceKind::cooktop},
    WordRow{"cooktop", ApplianceKind::cooktop},
    WordRow{"coffee", ApplianceKind::coffee_maker},
    WordRow{"toaster", ApplianceKind::toaster},
    WordRow{"tv", ApplianceKind::television, 10},
    WordRow{"television", ApplianceKind::television},
    WordRow{"office", ApplianceKind::computer, 4},
    WordRow{"computer", ApplianceKind::computer},
    WordRow{"router", ApplianceKind::router},
    WordRow{"network", ApplianceKind::router, 10},
    WordRow{"light", ApplianceKind::lighting},
    WordRow{"lamp", ApplianceKind::lamp},
    WordRow{"disposal", ApplianceKind::garbage_disposal},
    WordRow{"furnace", ApplianceKind::furnace},
    WordRow{"heat pump", ApplianceKind::heat_pump},
    WordRow{"air condition", ApplianceKind::air_conditioner},
    WordRow{"water heater", ApplianceKind::water_heater},
    WordRow{"boiler", ApplianceKind::water_heater, 10},
    WordRow{"shower", ApplianceKind::electric_shower},
    WordRow{"heater", ApplianceKind::electric_heater, 5},
    WordRow{"sump", ApplianceKind::pump},
    WordRow{"pump", ApplianceKind::pump, 5},
    WordRow{"ev", ApplianceKind::ev_charger, 10},
    WordRow{"car", ApplianceKind::ev_charger, 10},
    WordRow{"wallbox", ApplianceKind::ev_charger},
    WordRow{"charger", ApplianceKind::ev_charger, 5},
    WordRow{"dehumidifier", ApplianceKind::dehumidifier},
    WordRow{"bathroom", ApplianceKind::hair_dryer, 4},
};

// Kinds that have a breaker of their own with two poles or more, and the ratings it has (A): the
// usual ones of US and European panels.
struct LargeRow {
  ApplianceKind kind;
  double from_a, to_a;
};
constexpr std::array large = {
    LargeRow{ApplianceKind::tumble_dryer, 24, 32},
    LargeRow{ApplianceKind::washer_dryer, 15, 32},
    LargeRow{ApplianceKind::oven, 16, 50},
    LargeRow{ApplianceKind::cooktop, 16, 50},
    LargeRow{ApplianceKind::water_heater, 16, 32},
    LargeRow{ApplianceKind::ev_charger, 16, 63},
    LargeRow{ApplianceKind::heat_pump, 15, 63},
    LargeRow{ApplianceKind::air_conditioner, 15, 50},
    LargeRow{ApplianceKind::electric_heater, 10, 32},
    LargeRow{ApplianceKind::electric_shower, 32, 50},
    LargeRow{ApplianceKind::pump, 10, 25},
};

// Where a kind hangs, by its usual plug and by NEC 210.11, 210.23 and 422.
struct Hanging {
  ApplianceKind kind;
  bool is_on_socket;  // An ordinary one.
  // Shares its circuit where the lines of dishwasher, disposal, microwave, fridge, laundry, furnace
  // and lights are their own, as in North America.
  bool is_seldom_alone;
};
constexpr std::array hangings = {
    Hanging{ApplianceKind::fridge, true, false},
    Hanging{ApplianceKind::freezer, true, false},
    Hanging{ApplianceKind::fridge_freezer, true, false},
    Hanging{ApplianceKind::microwave, true, false},
    Hanging{ApplianceKind::dehumidifier, true, false},
    Hanging{ApplianceKind::kettle, true, true},
    Hanging{ApplianceKind::toaster, true, true},
    Hanging{ApplianceKind::coffee_maker, true, true},
    Hanging{ApplianceKind::food_processor, true, true},
    Hanging{ApplianceKind::television, true, true},
    Hanging{ApplianceKind::media_player, true, true},
    Hanging{ApplianceKind::computer, true, true},
    Hanging{ApplianceKind::monitor, true, true},
    Hanging{ApplianceKind::printer, true, true},
    Hanging{ApplianceKind::router, true, true},
    Hanging{ApplianceKind::lamp, true, true},
    Hanging{ApplianceKind::vacuum_cleaner, true, true},
    Hanging{ApplianceKind::hair_dryer, true, true},
    Hanging{ApplianceKind::iron, true, true},
    Hanging{ApplianceKind::fan, true, true},
    Hanging{ApplianceKind::charger, true, true},
    Hanging{ApplianceKind::electric_shower, false, true},
};

bool is_letter(char letter) { return std::isalnum(static_cast<unsigned char>(letter)) != 0; }

// Takes a word, or its plural, out of a text wherever it stands by itself. False: it does not.
bool take_out(std::string& text, std::string_view word) {
  bool is_there = false;
  for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    auto end = at + word.size();
    if (end < text.size() && text[end] == 's') ++end;
    if ((at > 0 && is_letter(text[at - 1])) || (end < text.size() && is_letter(text[end])))
      continue;
    std::fill(text.begin() + static_cast<std::ptrdiff_t>(at),
              text.begin() + static_cast<std::ptrdiff_t>(end), ' ');
    is_there = true;
  }
  return is_there;
}

// How much likelier people's words make each kind.
KindChances ratios_of(std::string_view said) {
  std::string text;
  for (const char letter : said) {
    text += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  KindChances ratios;
  ratios.fill(1);
  std::string_view latest;  // That was there.
  for (const auto& row : words) {
    if (row.word != latest && !take_out(text, row.word)) continue;
    latest = row.word;
    ratios[static_cast<std::size_t>(row.kind)] *= row.ratio;
  }
  return ratios;
}

}  // namespace

std::optional<ApplianceKind> kind_named(const ChannelFacts& facts) {
  constexpr float outright = 20, perhaps = 10;
  const auto ratios = ratios_of(facts.words);
  const auto likeliest = std::ranges::max_element(ratios);
  if (*likeliest < outright ||
      std::ranges::count_if(ratios, [](float ratio) { return ratio >= perhaps; }) > 1) {
    return std::nullopt;
  }
  return static_cast<ApplianceKind>(likeliest - ratios.begin());
}

KindChances with_panel(KindChances prior, const ChannelFacts& facts) {
  const auto ratios = ratios_of(facts.words);
  for (std::size_t i = 0; i < prior.size(); ++i) prior[i] *= ratios[i];
  if (!facts.is_mains && facts.nominal_voltage.value < 160) {
    for (const auto& row : hangings) {
      if (row.is_seldom_alone) prior[static_cast<std::size_t>(row.kind)] *= 0.3F;
    }
  }
  if (facts.poles > 1) {
    for (std::size_t i = 0; i < prior.size(); ++i) {
      const auto it = std::ranges::find(large, static_cast<ApplianceKind>(i), &LargeRow::kind);
      if (it == large.end()) {
        prior[i] *= 0.1F;
      } else if (facts.rating_a > 0 && (facts.rating_a < it->from_a || facts.rating_a > it->to_a)) {
        prior[i] *= 0.3F;
      }
    }
  }
  float sum = 0;
  for (const float chance : prior) sum += chance;
  if (sum > 0) {
    for (auto& chance : prior) chance /= sum;
  }
  return prior;
}

KindChances within_socket(KindChances chances, measurement::Watts peak, const ChannelFacts& facts) {
  const float volts = facts.nominal_voltage.value;
  const float socket_a = volts < 160 ? 20 : 16;
  if (peak.value <= 1.2F * socket_a * volts) return chances;
  constexpr float hardly = 0.01F;  // It may be two at once.
  float sum = 0;
  for (const auto& row : hangings) {
    if (row.is_on_socket) chances[static_cast<std::size_t>(row.kind)] *= hardly;
  }
  for (const float chance : chances) sum += chance;
  if (sum > 0) {
    for (auto& chance : chances) chance /= sum;
  }
  return chances;
}

}  // namespace insight
