// What runs behind the breakers: words for how sure that is, and sums that leave no watt out.

import { boards, by_id, display_name, type Home } from './home';
import type { Energy } from './live';
import { clock } from './times';
import { money } from './units';

export type Certainty = 'measured' | 'confirmed' | 'likely' | 'unknown';

// As docs/http_api.yaml has it.
export interface Appliance {
  id: number;
  circuit: string;
  certainty: Certainty;
  kind: string | null;
  kind_name: string | null;
  probability: number | null;
  name: string;
  description: string;
  is_past: boolean;
  power_w: number;
  running_since: number | null;
  today_wh: number;
  runs_today: number;
  course: { state: 'idle' | 'running' | 'paused' | 'done'; minutes_left: number | null; ended: number | null; went_on: boolean } | null;
  is_left_on: boolean;
  timeline: [begin: number, end: number | null][];
}

export interface Outlet {
  circuit: string;
  room: string;
  name: string;
}

// Ids of appliances and of circuits.
export interface PowerCut {
  begin: number;
  end: number;
  not_back: number[];
  waited_for: number[];
  dark: string[];
}

export interface Channel {
  circuit: string;
  is_rest: boolean;
  time: number;
  power_w: number | null;
  appliances: Record<string, number>;
  unexplained_w: number | null;
  always_on_w: number | null;
}

export interface Question {
  appliance: number;
  example: { begin: number; end: number | null; energy_wh: number; peak_w: number };
  guesses: Kind[];
  weekly_wh: number;
}

export interface Kind {
  kind: string;
  name: string;
}

export interface Appliances {
  now: number;
  until: number;
  has_model: boolean;
  is_studying: boolean;
  channels: Channel[];
  appliances: Appliance[];
  question: Question | null;
  last_act: { id: number; time: number; who: string; text: string } | null;
  outlets: Outlet[];
  power_cut: PowerCut | null; // Of the last day.
  kinds: Kind[];
}

export interface Run {
  id: string;
  appliance: number;
  begin: number;
  end: number | null;
  energy_wh: number;
  peak_w: number;
}

export const certainty_words: Record<Certainty, string> = {
  measured: 'measured',
  confirmed: 'confirmed',
  likely: 'likely',
  unknown: 'not known yet',
};

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

export const title = (one: Appliance): string =>
  one.name || capital(one.kind_name ?? one.description) || 'Something unknown';

export function place(home: Home, circuit: string, is_rest = false): string {
  const found = by_id(home, circuit);
  const name = found ? display_name(found) : circuit;
  return is_rest ? `${name}, without what is metered behind it` : name;
}

// Live shares in place of those that were fetched; what has ended runs no more.
export function with_shares(known: Appliances, channels: Channel[], now: number): Appliances {
  const watts = new Map<number, number>();
  for (const channel of channels) {
    for (const [id, power] of Object.entries(channel.appliances)) watts.set(Number(id), power);
  }
  return {
    ...known,
    now,
    channels,
    appliances: known.appliances.map((one) => {
      const power_w = watts.get(one.id) ?? 0;
      return { ...one, power_w, running_since: watts.has(one.id) ? (one.running_since ?? now) : null };
    }),
  };
}

// Whether an appliance runs that was not known when the rest was fetched.
export const has_strangers = (known: Appliances, channels: Channel[]): boolean =>
  channels.some((channel) =>
    Object.keys(channel.appliances).some((id) => !known.appliances.some((one) => one.id === Number(id))),
  );

export const running = (known: Appliances): Appliance[] =>
  known.appliances.filter((one) => one.running_since !== null).sort((a, b) => b.power_w - a.power_w);

export interface Sums {
  total_w: number; // Of all clamps that are looked at, each watt once.
  always_on_w: number;
  unknown_w: number; // What comes and goes, and no appliance explains.
  missing: number; // Clamps without a reading.
}

export function sums(channels: Channel[]): Sums {
  const all: Sums = { total_w: 0, always_on_w: 0, unknown_w: 0, missing: 0 };
  for (const { power_w, unexplained_w, always_on_w } of channels) {
    if (power_w === null || unexplained_w === null) {
      ++all.missing;
      continue;
    }
    const always_on = Math.max(0, Math.min(always_on_w ?? 0, unexplained_w));
    all.total_w += power_w;
    all.always_on_w += always_on;
    all.unknown_w += unexplained_w - always_on;
  }
  return all;
}

// "Dryer", "Dryer and fridge", "Dryer, fridge and 2 more".
export function named_few(names: string[]): string {
  if (names.length <= 1) return names[0] ?? '';
  if (names.length === 2) return `${names[0]} and ${names[1]}`;
  return `${names[0]}, ${names[1]} and ${names.length - 2} more`;
}

// What is asked, as a sentence.
export function question_text(asked: Question, known: Appliances, home: Home): string {
  const one = known.appliances.find((other) => other.id === asked.appliance);
  const what = one?.description ? capital(one.description) : 'Something';
  const where = one ? ` on ${place(home, one.circuit)}` : '';
  return `${what}${where}, last at ${clock(asked.example.begin, home.zone)}. What is it?`;
}

export interface Bar {
  left: number; // Shares of the width.
  width: number;
}

// Where runs lie in the day that ends now; none is too short to be seen.
export function bars(timeline: Appliance['timeline'], now: number, length: number): Bar[] {
  const begin = now - length;
  const least = 1 / 300;
  return timeline
    .filter(([from, to]) => from < now && (to ?? now) > begin)
    .map(([from, to]) => {
      const left = Math.max(0, (from - begin) / length);
      const right = Math.min(1, ((to ?? now) - begin) / length);
      const width = Math.max(least, right - left);
      return { left: Math.min(left, 1 - width), width };
    });
}

// The most energy first; what is known before what is only described, and what is past last.
export const by_energy = (all: Appliance[]): Appliance[] =>
  [...all].sort(
    (a, b) => Number(a.is_past) - Number(b.is_past) || b.today_wh - a.today_wh || b.timeline.length - a.timeline.length || a.id - b.id,
  );

// At what the home has paid on average since midnight, which is not what it costs at each hour: "about
// $0.31". Absent where that is not known.
export function cost_today(watt_hours: number, today: Energy | null, currency: string): string | null {
  if (!today || today.paid === null || watt_hours <= 0) return null;
  const priced_wh = today.imported_wh - today.unpriced_wh;
  return priced_wh > 0 ? `about ${money((Number(today.paid) * watt_hours) / priced_wh, currency)}` : null;
}

// Described only, and of no matter today: shown when somebody asks for them.
export const is_minor = (one: Appliance): boolean =>
  one.certainty === 'unknown' && one.name === '' && one.running_since === null && one.today_wh < 20;

// "about 24 min left", "done at 14:58", "on for longer than ever"; empty: nothing to say.
export function course_words(one: Appliance, home: Home): string {
  if (one.is_left_on) return 'on for longer than ever';
  const course = one.course;
  if (!course || one.is_past) return '';
  if (course.state === 'done' && course.ended !== null) return `done at ${clock(course.ended, home.zone)}`;
  if (course.state !== 'running' && course.state !== 'paused') return '';
  const paused = course.state === 'paused' ? 'pausing' : '';
  const went_on = course.went_on ? 'went on after all' : '';
  const left = course.minutes_left === null ? '' : `about ${course.minutes_left}\u00a0min left`;
  return [went_on, paused, left].filter(Boolean).join(', ');
}

// What did not come back with the power, each as people call it and where it is.
export function not_back(cut: PowerCut, known: Appliances, home: Home): string[] {
  const named = (ids: number[]): string[] =>
    ids.flatMap((id) => {
      const one = known.appliances.find((other) => other.id === id);
      return one && !one.is_past ? [`${title(one)} (${place(home, one.circuit)})`] : [];
    });
  return [...named(cut.not_back), ...cut.dark.map((id) => `${place(home, id)}: draws next to nothing`)];
}

export interface DirectoryRow {
  id: string;
  label: string; // As on the wall.
  rating_a: number | null;
  name: string;
  room: string;
  behind: string[]; // Outlets, then appliances that have a name or kind.
}

// The breakers in the order of the wall, each with what is known to hang on it.
export function directory(home: Home, known: Appliances | null): DirectoryRow[] {
  return boards(home).flatMap((board) => [
    ...board.mains.map((circuit) => ({ circuit, label: 'main' })),
    ...board.places,
  ]).map(({ circuit, label }) => ({
    id: circuit.id,
    label,
    rating_a: circuit.rating_a,
    name: display_name(circuit),
    room: circuit.room,
    behind: [
      ...(known?.outlets ?? []).filter((one) => one.circuit === circuit.id).map((one) => (one.room ? `${one.room}: ${one.name}` : one.name)),
      ...(known?.appliances ?? [])
        .filter((one) => one.circuit === circuit.id && !one.is_past && (one.name || one.certainty !== 'unknown'))
        .map(title),
    ],
  }));
}
