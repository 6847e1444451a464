#include "insight/identification/channel_memory.h"

#include <fmt/format.h>
#include <zlib.h>

#include <stdexcept>
#include <utility>

#include "insight/identification/bytes.h"

namespace insight {
namespace {

using measurement::MilliwattHours;
using measurement::Timestamp;
using measurement::Watts;

constexpr std::string_view memory_magic = "LENZCHAN";
constexpr std::uint32_t memory_version = 1;

[[noreturn]] void refuse_memory(std::string_view why) {
  throw std::runtime_error(
      fmt::format("what was learnt of a channel {}; forget it, and it is learnt anew", why));
}

template <class Value>
Value remembered(std::string_view& bytes) {
  Value value{};
  if (!insight::take(bytes, value)) refuse_memory("is cut off");
  return value;
}

std::string remembered_text(std::string_view& bytes) {
  std::string text;
  if (!insight::take_text(bytes, text)) refuse_memory("is cut off");
  return text;
}

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(::crc32_z(
      ::crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

std::string bytes_of(const ChannelMemory& channel) {
  std::string body;
  put(body, feature_hash());
  put(body, channel.next_appliance);
  put(body, channel.next_run);
  put(body, static_cast<std::uint32_t>(channel.appliances.size()));
  for (const auto& appliance : channel.appliances) {
    put(body, appliance.id);
    put(body, static_cast<std::uint8_t>(appliance.is_standing));
    put(body, static_cast<std::uint8_t>(appliance.is_confirmed + 2 * appliance.is_refit));
    put(body, static_cast<std::uint8_t>(appliance.confirmed_kind
                                            ? static_cast<std::uint8_t>(*appliance.confirmed_kind)
                                            : std::uint8_t{255}));
    put_text(body, appliance.name);
    put(body, appliance.signature.state());
    put(body, appliance.belief.sums());
    put(body, appliance.belief.weight());
    put(body, appliance.run_count);
    put(body, static_cast<std::uint32_t>(appliance.runs.size()));
    for (const auto& run : appliance.runs) {
      put(body, run.run.id);
      put(body, run.run.begin);
      put(body, run.run.end);
      put(body, run.run.energy);
      put(body, run.run.peak);
      put(body, run.features);
      put(body, run.weight);
      put(body, static_cast<std::uint8_t>(run.is_level + 2 * run.is_said));
    }
  }
  std::string bytes(memory_magic);
  put(bytes, memory_version);
  put(bytes, checksum(body));
  return bytes + body;
}

ChannelMemory read_channel_memory(std::string_view memory) {
  if (!memory.starts_with(memory_magic)) refuse_memory("is none");
  memory.remove_prefix(memory_magic.size());
  if (remembered<std::uint32_t>(memory) != memory_version) {
    refuse_memory("is of another version of Lenz");
  }
  if (remembered<std::uint32_t>(memory) != checksum(memory)) refuse_memory("is damaged");
  const bool same_features = remembered<std::uint64_t>(memory) == feature_hash();
  if (!same_features) refuse_memory("is of another version of Lenz");
  ChannelMemory channel;
  channel.next_appliance = remembered<ApplianceId>(memory);
  channel.next_run = remembered<std::uint64_t>(memory);
  const auto count = remembered<std::uint32_t>(memory);
  if (count > ChannelMemory::max_appliances) refuse_memory("is damaged");
  for (std::uint32_t i = 0; i < count; ++i) {
    LearntAppliance appliance;
    appliance.id = remembered<ApplianceId>(memory);
    appliance.is_standing = remembered<std::uint8_t>(memory) != 0;
    const auto is_confirmed = remembered<std::uint8_t>(memory);
    appliance.is_confirmed = (is_confirmed & 1U) != 0;
    appliance.is_refit = (is_confirmed & 2U) != 0;
    const auto kind = remembered<std::uint8_t>(memory);
    if (kind < kind_count) appliance.confirmed_kind = static_cast<ApplianceKind>(kind);
    appliance.name = remembered_text(memory);
    appliance.signature = Signature(remembered<Signature::State>(memory));
    const auto sums = remembered<KindChances>(memory);
    appliance.belief = KindBelief::of(sums, remembered<float>(memory));
    appliance.run_count = remembered<std::uint32_t>(memory);
    const auto runs = remembered<std::uint32_t>(memory);
    if (runs > ChannelMemory::max_runs) refuse_memory("is damaged");
    for (std::uint32_t j = 0; j < runs; ++j) {
      RememberedRun run;
      run.run.appliance = appliance.id;
      run.run.id = remembered<std::uint64_t>(memory);
      run.run.begin = remembered<Timestamp>(memory);
      run.run.end = remembered<Timestamp>(memory);
      run.run.energy = remembered<MilliwattHours>(memory);
      run.run.peak = remembered<Watts>(memory);
      run.features = remembered<Features>(memory);
      run.weight = remembered<float>(memory);
      const auto is_level = remembered<std::uint8_t>(memory);
      run.is_level = (is_level & 1U) != 0;
      run.is_said = (is_level & 2U) != 0;
      appliance.runs.push_back(std::move(run));
    }
    channel.appliances.push_back(std::move(appliance));
  }
  return channel;
}

}  // namespace insight
