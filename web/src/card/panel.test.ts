import { expect, test } from 'vitest';
import { find_panel, read_config, read_layout, watts_of, type EntityState, type States } from './panel';

const said = (circuits: unknown[], home: Record<string, unknown> = {}): EntityState => ({
  state: `${circuits.length}`,
  attributes: { home: { id: 'maple', name: 'Maple Street', style: 'us', ...home }, circuits },
});

const fridge = {
  id: 'fridge', name: 'Fridge', kind: 'load', parent: 'grid', rating_a: 15, poles: 1, legs: [1], position: 7, room: 'Kitchen',
  capacity_w: 1800, power: 'sensor.lenz_maple_fridge_power', energy: 'sensor.lenz_maple_fridge_energy',
};
const config = read_config({ type: 'custom:lenz-panel-card' });
const watts = (state: string, unit = 'W') => watts_of({ state, attributes: { unit_of_measurement: unit } });

test('A breaker stands where the hub says, with its rating and its sensor', () => {
  const layout = read_layout(said([fridge]), config);

  expect(layout?.home.name).toBe('Maple Street');
  expect(layout?.home.panel.style).toBe('us');
  expect(layout?.home.panel.circuits).toEqual([
    {
      id: 'fridge', name: 'Fridge', kind: 'load', parent: 'grid', rating_a: 15, poles: 1, legs: [1], position: 7, room: 'Kitchen',
      capacity_w: 1800, metered: true,
    },
  ]);
  expect(layout?.power).toEqual({ fridge: 'sensor.lenz_maple_fridge_power' });
});

test('A renamed sensor is found where the person says it is', () => {
  const layout = read_layout(said([fridge]), read_config({ entities: { fridge: 'sensor.my_fridge' } }));

  expect(layout?.power).toEqual({ fridge: 'sensor.my_fridge' });
});

test('A breaker without a clamp has no sensor and is drawn as such', () => {
  const layout = read_layout(said([{ ...fridge, power: null, energy: null }]), config);

  expect(layout?.home.panel.circuits[0]?.metered).toBe(false);
  expect(layout?.power).toEqual({});
});

test('A sensor that is silent gives no reading, and never zero watts', () => {
  expect(['unavailable', 'unknown', '', ' ', 'None', 'nan', 'Infinity'].map((state) => watts(state))).toEqual(Array(7).fill(null));
  expect(watts_of(undefined)).toBeNull();
  expect(watts('0')).toBe(0);
});

test('A sensor may speak in watts or kilowatts, and one that measures something else gives no reading', () => {
  expect(watts('-1050.5')).toBe(-1050.5);
  expect(watts('2.06', 'kW')).toBe(2060);
  expect(watts('230', 'V')).toBeNull();
  expect(watts('11', 'kWh')).toBeNull();
});

test('The panel is found by what it says, even when its sensor was renamed', () => {
  const states: States = { 'sensor.garage': said([fridge]), 'sensor.other': { state: '1', attributes: {} } };

  expect(find_panel(states, config)).toEqual({ sensor: 'sensor.garage' });
});

test('Where the panel is missing, or there are two, the card says what to do', () => {
  const trouble = (states: States, panel?: string) => {
    const found = find_panel(states, read_config({ panel }));
    return 'trouble' in found ? found.trouble : found;
  };
  const one = { 'sensor.lenz_maple_panel': said([fridge]) };

  expect(trouble({})).toMatch(/MQTT .* partners\.toml/);
  expect(trouble(one, 'sensor.gone')).toMatch(/no sensor\.gone .* correct `panel`/);
  expect(trouble({ ...one, 'sensor.lenz_oak_panel': said([]) })).toMatch(/sensor\.lenz_maple_panel, sensor\.lenz_oak_panel as `panel`/);
  expect(trouble({ ...one, 'sensor.lenz_oak_panel': said([]) }, 'sensor.lenz_oak_panel')).toEqual({ sensor: 'sensor.lenz_oak_panel' });
});

test('A sensor without a panel in it is no panel', () => {
  expect(read_layout({ state: 'unavailable', attributes: {} }, config)).toBeNull();
  expect(read_layout(undefined, config)).toBeNull();
});

test('Nonsense from the broker neither breaks the card nor takes its memory', () => {
  const layout = read_layout(
    said([
      null, 7, 'x', { name: 'without an id' }, fridge, { ...fridge, name: 'The same again' },
      { id: 'odd', name: ['no text'], kind: 'rocket', poles: 1e9, position: -3.7, rating_a: 'big', legs: 'L1', power: '<b>', parent: 4 },
    ], { name: 5, currency: 'bitcoin', price_per_kwh: 1 }),
    config,
  );

  expect(layout?.home.panel.circuits.map((circuit) => circuit.name)).toEqual(['Fridge', '']);
  expect(layout?.home.panel.circuits[1]).toEqual({
    id: 'odd', name: '', kind: 'load', parent: null, rating_a: null, poles: 4, legs: [], position: 0, room: '', metered: false, capacity_w: null,
  });
  expect(layout?.home.price_per_kwh).toBeNull();
});

test.each([
  [null, /is empty/],
  [{ panel: 'Maple' }, /`panel` must be the entity id/],
  [{ title: 7 }, /`title` must be a text/],
  [{ entities: ['sensor.x'] }, /circuit 0 an entity id|must name a power sensor/],
  [{ entities: { fridge: 'my fridge' } }, /circuit fridge an entity id/],
])('A configuration that cannot be meant is refused with one sentence: %j', (given, sentence) => {
  expect(() => read_config(given)).toThrow(sentence);
});
