// What Home Assistant's states say about a panel: the layout from the attributes of one sensor, as
// integrations/home-assistant/README.md has it, and watts from the circuits' power sensors. All of
// it came over a broker, so nothing is believed before it is looked at.

import type { Circuit, Home, Kind } from '../home';

// As much of Home Assistant's `hass` as the card reads.
export interface EntityState {
  state: string;
  attributes: Record<string, unknown>;
}
export type States = Record<string, EntityState | undefined>;

// The card's configuration, as a person writes it.
export interface Config {
  panel: string | null;
  title: string | null;
  entities: Record<string, string>; // By circuit id, where they differ from the layout's.
}

export interface Layout {
  home: Home;
  power: Record<string, string>; // Entity ids by circuit id, of the circuits with a clamp.
}

const is_record = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const word = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);
const whole = (value: unknown, least: number, most: number): number =>
  Math.round(Math.min(most, Math.max(least, number(value) ?? least)));

const is_entity_id = (value: unknown): value is string => typeof value === 'string' && /^[a-z0-9_]+\.[a-z0-9_]+$/.test(value);

// Throws an Error with one sentence that says what to put right.
export function read_config(config: unknown): Config {
  if (!is_record(config)) throw new Error('The configuration of the Lenz panel is empty: write at least its type.');
  const { panel = null, title = null, entities = {} } = config;
  if (panel !== null && !is_entity_id(panel)) {
    throw new Error('`panel` must be the entity id of a Lenz panel sensor, like sensor.lenz_maple_panel.');
  }
  if (title !== null && typeof title !== 'string') throw new Error('`title` must be a text.');
  if (!is_record(entities)) {
    throw new Error('`entities` must name a power sensor for each circuit, like fridge: sensor.my_fridge_power.');
  }
  for (const [circuit, entity] of Object.entries(entities)) {
    if (!is_entity_id(entity)) {
      throw new Error(`\`entities\` must give circuit ${circuit} an entity id, like sensor.my_fridge_power.`);
    }
  }
  return { panel, title, entities: entities as Record<string, string> };
}

const has_layout = (state: EntityState | undefined): boolean =>
  is_record(state?.attributes.home) && Array.isArray(state.attributes.circuits);

// Sensors that carry a panel, or would if they could speak, in the order of their names.
export const panel_sensors = (states: States): string[] =>
  Object.keys(states)
    .filter((id) => id.startsWith('sensor.') && (/^sensor\.lenz_.+_panel$/.test(id) || has_layout(states[id])))
    .sort();

// The sensor that the card is drawn from, or one sentence about what to do.
export function find_panel(states: States, config: Config): { sensor: string } | { trouble: string } {
  if (config.panel !== null) {
    if (states[config.panel]) return { sensor: config.panel };
    return { trouble: `There is no ${config.panel} in Home Assistant: correct \`panel\` in the configuration of this card.` };
  }
  const [first, ...others] = panel_sensors(states);
  if (first === undefined) {
    return {
      trouble:
        'Lenz has not told Home Assistant about a panel yet: see that MQTT is set up here, and that the hub has this broker in its partners.toml and runs.',
    };
  }
  if (others.length > 0) {
    return { trouble: `Lenz knows several panels here: write one of ${[first, ...others].join(', ')} as \`panel\` in the configuration of this card.` };
  }
  return { sensor: first };
}

export const no_layout = (sensor: string): string =>
  `${sensor} holds no panel: see that MQTT works in Home Assistant and that the hub runs.`;

const kinds: readonly string[] = ['grid', 'solar', 'battery', 'ev', 'subpanel', 'load'] satisfies Kind[];
const most_circuits = 500; // As many as a panel of Lenz may have.
const most_poles = 4;
const most_position = 1000;

function circuit_of(said: Record<string, unknown>): Circuit {
  const kind = word(said.kind);
  return {
    id: word(said.id),
    name: word(said.name),
    kind: kinds.includes(kind) ? (kind as Kind) : 'load',
    parent: word(said.parent) || null,
    rating_a: number(said.rating_a),
    poles: whole(said.poles, 1, most_poles),
    legs: Array.isArray(said.legs) ? said.legs.flatMap((leg) => number(leg) ?? []) : [],
    position: whole(said.position, 0, most_position),
    room: word(said.room),
    metered: is_entity_id(said.power),
    capacity_w: number(said.capacity_w),
  };
}

const currency_of = (said: unknown): string => (/^[A-Z]{3}$/.test(word(said)) ? word(said) : 'USD');

// The panel that a sensor's attributes describe. Null where they describe none.
export function read_layout(state: EntityState | undefined, config: Config): Layout | null {
  if (!state || !has_layout(state)) return null;
  const said = state.attributes.home as Record<string, unknown>;
  const currency = currency_of(said.currency);
  const power: Record<string, string> = {};
  const circuits: Circuit[] = [];
  for (const one of (state.attributes.circuits as unknown[]).filter(is_record).slice(0, most_circuits)) {
    const circuit = circuit_of(one);
    if (!circuit.id || circuits.some(({ id }) => id === circuit.id)) continue;
    const entity = Object.hasOwn(config.entities, circuit.id) ? config.entities[circuit.id] : one.power;
    circuits.push({ ...circuit, metered: is_entity_id(entity) });
    if (is_entity_id(entity)) power[circuit.id] = entity;
  }
  return {
    home: {
      id: word(said.id),
      name: word(said.name),
      zone: '', // The card shows no times.
      country: '',
      currency,
      nominal_voltage_v: number(said.nominal_voltage_v) ?? 0,
      line_frequency_hz: number(said.line_frequency_hz) ?? 0,
      phases: whole(said.phases, 1, 3),
      price_per_kwh: word(said.currency) === currency ? number(said.price_per_kwh) : null,
      panel: { valid_from: 0, style: said.style === 'us' ? 'us' : 'din', circuits },
    },
    power,
  };
}

const watts_in: Record<string, number> = { mW: 1e-3, W: 1, kW: 1e3, MW: 1e6 };

// Watts of a power sensor; null when it says nothing ("unavailable", "unknown"), is not there, or
// is not in watts.
export function watts_of(state: EntityState | undefined): number | null {
  if (!state || state.state.trim() === '') return null;
  const value = Number(state.state);
  const size = watts_in[word(state.attributes.unit_of_measurement)];
  return Number.isFinite(value) && size !== undefined ? value * size : null;
}
