// A home and its panel: what adds up to what, and where each breaker stands on the wall.

export type Kind = 'grid' | 'solar' | 'battery' | 'ev' | 'subpanel' | 'load';

// As docs/http_api.yaml has it.
export interface Circuit {
  id: string;
  name: string;
  kind: Kind;
  parent: string | null;
  rating_a: number | null;
  poles: number;
  legs: number[];
  position: number;
  room: string;
  metered: boolean;
  capacity_w: number | null;
}

export interface Home {
  id: string;
  name: string;
  zone: string;
  country: string;
  currency: string;
  nominal_voltage_v: number;
  line_frequency_hz: number;
  phases: number;
  price_per_kwh: number | null;
  panel: { valid_from: number; style: 'us' | 'din'; circuits: Circuit[] };
}

// Watts of a circuit, positive where drawn; null where there is no reading.
export type Power = (id: string) => number | null;

export const display_name = (circuit: Circuit): string =>
  circuit.name.trim() || (circuit.position > 0 ? `Breaker ${circuit.position}` : 'No name');

export const by_id = (home: Home, id: string): Circuit | undefined =>
  home.panel.circuits.find((circuit) => circuit.id === id);

const of_kind = (home: Home, kind: Kind): Circuit[] =>
  home.panel.circuits.filter((circuit) => circuit.kind === kind && circuit.metered);

export const has_grid = (home: Home): boolean => of_kind(home, 'grid').length > 0;

// Those right behind the meter of the house: their parent is the grid or nothing. One without a
// clamp stands for what hangs under it, so that no watt is counted twice.
function first_metered(home: Home): Circuit[] {
  const grids = new Set(home.panel.circuits.filter((circuit) => circuit.kind === 'grid').map((circuit) => circuit.id));
  const under = (parent: string): Circuit[] =>
    home.panel.circuits.filter((circuit) => circuit.parent === parent).flatMap(metered_of);
  const metered_of = (circuit: Circuit): Circuit[] => (circuit.metered ? [circuit] : under(circuit.id));
  return home.panel.circuits
    .filter((circuit) => circuit.kind !== 'grid' && (circuit.parent === null || grids.has(circuit.parent)))
    .flatMap(metered_of);
}

// The circuits whose sum is the home's total: the grid's, or without such a clamp all that draws.
export function total_circuits(home: Home): Circuit[] {
  const grid = of_kind(home, 'grid');
  if (grid.length > 0) return grid;
  return first_metered(home).filter((circuit) => circuit.kind !== 'solar' && circuit.kind !== 'battery');
}

// Null when any of them has no reading: a sum with a hole is not a sum.
export function sum(circuits: Circuit[], power: Power): number | null {
  let watts = 0;
  for (const circuit of circuits) {
    const one = power(circuit.id);
    if (one === null) return null;
    watts += one;
  }
  return circuits.length > 0 ? watts : null;
}

// What the sun gives, positive; null without a solar circuit or a reading.
export function produced(home: Home, power: Power): number | null {
  const watts = sum(of_kind(home, 'solar'), power);
  return watts === null ? null : Math.max(0, -watts);
}

// What the battery gives, negative while it is charged; null without one.
export function discharged(home: Home, power: Power): number | null {
  const watts = sum(of_kind(home, 'battery'), power);
  return watts === null ? null : -watts;
}

// What the breakers without a clamp draw together: the grid minus all that is metered behind it.
// Null without a clamp on the grid, without such breakers, or when a reading is missing.
export function not_metered(home: Home, power: Power): number | null {
  const grid = sum(of_kind(home, 'grid'), power);
  const behind = first_metered(home);
  if (grid === null || !home.panel.circuits.some((circuit) => !circuit.metered)) return null;
  const metered = behind.length > 0 ? sum(behind, power) : 0;
  return metered === null ? null : Math.max(0, grid - metered);
}

// Where a breaker stands: rows and columns count from 1.
export interface Place {
  circuit: Circuit;
  row: number;
  column: number;
  rows: number;
  columns: number;
  label: string; // What is printed beside it: "1·3", "4–6"; empty without a position.
}

// A panel on the wall: the main one, or what hangs behind one of its breakers.
export interface Board {
  behind: Circuit | null;
  mains: Circuit[]; // Of the grid, where they have no place of their own among the breakers.
  places: Place[];
}

export const modules_per_row = 12;

const is_main = (circuit: Circuit): boolean => circuit.kind === 'grid' && circuit.position <= 0;

export function boards(home: Home): Board[] {
  const { circuits, style } = home.panel;
  const grids = new Set(circuits.filter((circuit) => circuit.kind === 'grid').map((circuit) => circuit.id));
  const groups = new Map<string, Circuit[]>([['', []]]);
  for (const circuit of circuits) {
    if (is_main(circuit)) continue;
    const behind = circuit.kind !== 'grid' && circuit.parent !== null && !grids.has(circuit.parent) ? circuit.parent : '';
    groups.set(behind, [...(groups.get(behind) ?? []), circuit]);
  }
  return [...groups]
    .filter(([behind, group]) => behind === '' || group.length > 0)
    .map(([behind, group]) => ({
      behind: by_id(home, behind) ?? null,
      mains: behind === '' ? circuits.filter(is_main) : [],
      places: style === 'us' ? us_places(group) : din_places(group),
    }));
}

const numbered_first = (a: Circuit, b: Circuit): number => (a.position || Infinity) - (b.position || Infinity) || 0;

// Odd places stand left and even ones right, two poles take two places of a side. Who finds a place
// taken, or has none, gets the next free one. Rows that are empty on both sides are left out.
export function us_places(circuits: Circuit[]): Place[] {
  const taken = new Set<number>();
  const places = [...circuits].sort(numbered_first).map((circuit): Place => {
    const poles = Math.max(1, circuit.poles);
    const wall = Array.from({ length: poles }, (_, pole) => circuit.position + 2 * pole);
    const free = (first: number) => wall.every((_, pole) => !taken.has(first + 2 * pole));
    const stride = circuit.position > 0 ? 2 : 1;
    let first = Math.max(1, circuit.position);
    while (!free(first)) first += stride;
    wall.forEach((_, pole) => taken.add(first + 2 * pole));
    return {
      circuit,
      row: Math.ceil(first / 2),
      column: first % 2 === 1 ? 1 : 2,
      rows: poles,
      columns: 1,
      label: circuit.position > 0 ? wall.join('·') : '',
    };
  });
  const used = [...new Set([...taken].map((place) => Math.ceil(place / 2)))].sort((a, b) => a - b);
  return places.map((place) => ({ ...place, row: used.indexOf(place.row) + 1 }));
}

// Rows of modules; a breaker is as many modules wide as it has poles and never stands on two rows.
// Who finds its modules taken, or has no position, gets the next free ones.
export function din_places(circuits: Circuit[]): Place[] {
  const taken = new Set<number>();
  const places = [...circuits].sort(numbered_first).map((circuit): Place => {
    const width = Math.min(modules_per_row, Math.max(1, circuit.poles));
    const modules = (first: number) => Array.from({ length: width }, (_, module) => first + module);
    const fits = (first: number) =>
      (first % modules_per_row) + width <= modules_per_row && !modules(first).some((module) => taken.has(module));
    let first = Math.max(0, circuit.position - 1);
    while (!fits(first)) ++first;
    modules(first).forEach((module) => taken.add(module));
    const last = circuit.position + width - 1;
    return {
      circuit,
      row: Math.floor(first / modules_per_row) + 1,
      column: (first % modules_per_row) + 1,
      rows: 1,
      columns: width,
      label: circuit.position <= 0 ? '' : width === 1 ? `${circuit.position}` : `${circuit.position}–${last}`,
    };
  });
  const used = [...new Set(places.map((place) => place.row))].sort((a, b) => a - b);
  return places.map((place) => ({ ...place, row: used.indexOf(place.row) + 1 }));
}
