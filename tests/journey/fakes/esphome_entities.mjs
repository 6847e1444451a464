// What a CircuitSetup board tells of itself with its stock ESPHome package (names, units and
// decimals as published), for 6 to 42 clamps.

// object_id as ESPHome makes it of a name: lower case, a space is `_`, and so is whatever is not
// a letter, a digit, `_` or `-`.
export const object_id_of = (name) => name.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '_');

// The number by which the native API knows an entity: FNV-1 of its object id.
export function key_of(object_id) {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(object_id)) hash = (Math.imul(hash, 0x01000193) ^ byte) >>> 0;
  return hash;
}

const row = (name, unit, decimals, device_class, state_class = 'measurement') => ({ name, unit, decimals, device_class, state_class });

const of_clamp = (n, counts) => [
  row(`CT${n} Amps`, 'A', 2, 'current'),
  row(`CT${n} Watts`, 'W', 2, 'power'),
  // Not in the stock package: who wants the node to count adds them to it.
  ...(counts ? [
    row(`CT${n} Forward Active Energy`, 'Wh', 2, 'energy', 'total_increasing'),
    row(`CT${n} Reverse Active Energy`, 'Wh', 2, 'energy', 'total_increasing'),
  ] : []),
];

// `counts`: whether the node counts each clamp's energy. Sensors in the order of the node's list,
// each with its object id, then text sensors.
export function sensors(channels, { counts = false } = {}) {
  const clamps = Array.from({ length: channels }, (_, i) => i + 1);
  return [
    row('Voltage 1', 'V', 1, 'voltage'),
    row('Frequency 1', 'Hz', 1, 'frequency'),
    ...clamps.flatMap((n) => of_clamp(n, counts)),
    ...clamps.filter((n) => n % 3 === 1).map((n) => row(`Meter ${n}-${n + 2} Chip Temp`, '°C', 1, 'temperature')),
    row('CircuitSetup Energy Meter Total Amps Main', 'A', 2, 'current'),
    row('CircuitSetup Energy Meter Total Watts Main', 'W', 1, 'power'),
    row('CircuitSetup Energy Meter Total kWh', 'kWh', 2, 'energy', 'total_increasing'),
    row('WiFi Signal dB', 'dBm', 0, 'signal_strength'),
    row('Uptime', 's', 0, 'duration', 'total_increasing'),
  ].map((one) => ({ ...one, object_id: object_id_of(one.name) }));
}

export const text_sensors = ['CT1 Status', 'Frequency Status 1', 'Reset Reason'].map((name) => ({ name, object_id: object_id_of(name) }));
