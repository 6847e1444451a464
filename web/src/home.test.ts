import { expect, test } from 'vitest';
import {
  boards, din_places, discharged, display_name, not_metered, produced, sum, total_circuits, us_places,
  type Circuit, type Home, type Power,
} from './home';

function circuit(id: string, more: Partial<Circuit> = {}): Circuit {
  return {
    id, name: id, kind: 'load', parent: null, rating_a: 15, poles: 1, legs: [1], position: 0, room: '', metered: true,
    capacity_w: 1800, ...more,
  };
}

function home(circuits: Circuit[], style: 'us' | 'din' = 'us'): Home {
  return {
    id: 'home', name: 'Maple Street', zone: 'America/New_York', country: 'US', currency: 'USD', nominal_voltage_v: 120,
    line_frequency_hz: 60, phases: 2, price_per_kwh: 0.2, panel: { valid_from: 0, style, circuits },
  };
}

const reads = (watts: Record<string, number | null>): Power => (id) => watts[id] ?? null;
const ids = (circuits: Circuit[]) => circuits.map((one) => one.id);

test('The total is what the clamps on the grid read', () => {
  const house = home([circuit('main', { kind: 'grid' }), circuit('fridge', { parent: 'main' })]);
  expect(ids(total_circuits(house))).toEqual(['main']);
});

test('Without a clamp on the grid the total is the sum of what draws', () => {
  const house = home([
    circuit('main', { kind: 'grid', metered: false }),
    circuit('fridge', { parent: 'main' }),
    circuit('roof', { kind: 'solar' }),
    circuit('car', { kind: 'ev' }),
  ]);
  expect(ids(total_circuits(house))).toEqual(['fridge', 'car']);
});

test('What hangs behind a metered breaker is not counted twice', () => {
  const house = home([
    circuit('barn', { kind: 'subpanel' }),
    circuit('barn_light', { parent: 'barn' }),
    circuit('shed', { kind: 'subpanel', metered: false }),
    circuit('shed_pump', { parent: 'shed' }),
  ]);
  expect(ids(total_circuits(house))).toEqual(['barn', 'shed_pump']);
});

test('A sum with a missing reading is missing, not smaller', () => {
  const pair = [circuit('a'), circuit('b')];
  expect(sum(pair, reads({ a: 100, b: 20 }))).toBe(120);
  expect(sum(pair, reads({ a: 100 }))).toBeNull();
  expect(sum([], reads({}))).toBeNull();
});

test('Produced power counts as positive, and the little an inverter draws at night as none', () => {
  const house = home([circuit('roof', { kind: 'solar' }), circuit('store', { kind: 'battery' })]);
  expect(produced(house, reads({ roof: -1100 }))).toBe(1100);
  expect(produced(house, reads({ roof: 4 }))).toBe(0);
  expect(discharged(house, reads({ store: 700 }))).toBe(-700);
  expect(produced(home([circuit('fridge')]), reads({ fridge: 80 }))).toBeNull();
});

test('Breakers without a clamp draw what the grid gives beyond all that is metered', () => {
  const house = home([
    circuit('main', { kind: 'grid' }),
    circuit('kitchen', { parent: 'main' }),
    circuit('roof', { parent: 'main', kind: 'solar' }),
    circuit('garage', { parent: 'main', metered: false }),
  ]);
  // 500 from the grid and 1000 from the roof are 1500; 1088 of it went to the kitchen.
  expect(not_metered(house, reads({ main: 500, kitchen: 1088, roof: -1000 }))).toBe(412);
  expect(not_metered(house, reads({ main: 80, kitchen: 84, roof: 0 }))).toBe(0);
  expect(not_metered(house, reads({ main: 500, kitchen: 88 }))).toBeNull();
});

test('Nothing is said about breakers without a clamp where there are none, or no clamp on the grid', () => {
  const all = home([circuit('main', { kind: 'grid' }), circuit('kitchen', { parent: 'main' })]);
  const no_grid = home([circuit('kitchen'), circuit('garage', { metered: false })]);
  expect(not_metered(all, reads({ main: 500, kitchen: 88 }))).toBeNull();
  expect(not_metered(no_grid, reads({ kitchen: 88 }))).toBeNull();
});

const standing = (places: ReturnType<typeof us_places>) =>
  places.map((place) => [place.circuit.id, place.column, place.row, place.rows, place.columns, place.label]);

test('American breakers stand odd left and even right, and a two-pole one takes two places', () => {
  const places = us_places([
    circuit('dryer', { position: 2, poles: 2 }),
    circuit('range', { position: 1, poles: 2 }),
    circuit('kitchen', { position: 5 }),
    circuit('pump', { position: 6 }),
  ]);
  expect(standing(places)).toEqual([
    ['range', 1, 1, 2, 1, '1·3'],
    ['dryer', 2, 1, 2, 1, '2·4'],
    ['kitchen', 1, 3, 1, 1, '5'],
    ['pump', 2, 3, 1, 1, '6'],
  ]);
});

test('Rows of the panel that are empty on both sides are left out', () => {
  const places = us_places([circuit('first', { position: 1 }), circuit('last', { position: 42 })]);
  expect(standing(places)).toEqual([
    ['first', 1, 1, 1, 1, '1'],
    ['last', 2, 2, 1, 1, '42'],
  ]);
});

test('A breaker whose place is taken, or that has none, gets the next free one', () => {
  const places = us_places([
    circuit('range', { position: 1, poles: 2 }),
    circuit('double', { position: 3 }),
    circuit('unplaced'),
  ]);
  expect(standing(places)).toEqual([
    ['range', 1, 1, 2, 1, '1·3'],
    ['double', 1, 3, 1, 1, '3'],
    ['unplaced', 2, 1, 1, 1, ''],
  ]);
});

test('European breakers stand in rows of twelve modules, as wide as they have poles', () => {
  const places = din_places([
    circuit('stove', { position: 1, poles: 3 }),
    circuit('bath', { position: 12 }),
    circuit('heat_pump', { position: 13, poles: 3 }),
  ]);
  expect(standing(places)).toEqual([
    ['stove', 1, 1, 1, 3, '1–3'],
    ['bath', 12, 1, 1, 1, '12'],
    ['heat_pump', 1, 2, 1, 3, '13–15'],
  ]);
});

test('A European breaker is never broken over two rows', () => {
  const places = din_places([circuit('wide', { position: 11, poles: 3 })]);
  expect(standing(places)).toEqual([['wide', 1, 1, 1, 3, '11–13']]);
});

test('What hangs behind a subpanel is drawn as a panel of its own', () => {
  const walls = boards(
    home([
      circuit('main', { kind: 'grid' }),
      circuit('barn', { kind: 'subpanel', parent: 'main', position: 1 }),
      circuit('barn_light', { parent: 'barn', position: 1 }),
    ]),
  );
  expect(walls.map((wall) => [wall.behind?.id ?? null, ids(wall.mains), wall.places.map((place) => place.circuit.id)])).toEqual([
    [null, ['main'], ['barn']],
    ['barn', [], ['barn_light']],
  ]);
});

test('A main that stands on the rail is drawn there and not twice', () => {
  const [wall] = boards(
    home([circuit('main', { kind: 'grid', position: 1, poles: 3 }), circuit('car', { parent: 'main', position: 4 })], 'din'),
  );
  expect(wall?.mains).toEqual([]);
  expect(wall?.places.map((place) => [place.circuit.id, place.column, place.columns])).toEqual([['main', 1, 3], ['car', 4, 1]]);
});

test('A breaker without a name is called by its number', () => {
  expect(display_name(circuit('x', { name: '  ', position: 7 }))).toBe('Breaker 7');
  expect(display_name(circuit('x', { name: '' }))).toBe('No name');
  expect(display_name(circuit('x', { name: 'مطبخ' }))).toBe('مطبخ');
});
