// What was found of the condition of equipment: what to say first, and how to draw then and now.

import { date } from './times';

export interface Evidence {
  feature: string;
  name: string;
  unit: string; // Empty: a share.
  before: number | null;
  now: number | null;
  usual_spread: number | null;
  course: [time: number, value: number | null][];
}

export type Feedback = 'fixed' | 'expected' | 'wrong';

// As docs/http_api.yaml has it.
export interface Finding {
  id: number;
  asset: string;
  change: string;
  urgency: 'digest' | 'today' | 'danger';
  since: number;
  found: number;
  ended: number | null;
  evidence: Evidence[];
  feedback: Feedback | null;
  who: string;
  text: { changed: string; since: string; sure: string; evidence: string; cost: string; danger: string; check: string; causes: string };
}

export interface Asset {
  asset: string;
  name: string;
  watch: 'learning' | 'watched' | 'outside' | 'not_visible';
  since: number;
  note: string;
  trends: Evidence[];
}

export type Sending = 'digest' | 'today' | 'at_once';

export interface Notice {
  id: number;
  time: number;
  sending: Sending;
  is_danger: boolean;
  title: string;
  text: string;
}

export interface Health {
  now: number;
  open: Finding[];
  ended: Finding[];
  assets: Asset[];
  troubles: { what: string; sentence: string; since: number }[];
  notices: Notice[];
  channels: string[];
  waiting: number;
  lost: number;
}

export type When = 'above' | 'below' | 'left_on' | 'finished' | 'not_run' | 'energy' | 'demand';

export interface Rule {
  name: string;
  when: When;
  asset: string;
  power_w?: number;
  for_min?: number;
  by?: string;
  energy_kwh?: number;
  sending: Sending;
  says?: string;
  is_true?: boolean;
}

export interface Rules {
  times: { quiet_begin: string; quiet_end: string; digest_day: string; digest_at: string };
  rules: Rule[];
  trouble: string;
}

export const whens: { when: When; words: string; needs: ('power_w' | 'for_min' | 'by' | 'energy_kwh')[] }[] = [
  { when: 'above', words: 'draws more than', needs: ['power_w', 'for_min'] },
  { when: 'below', words: 'draws less than', needs: ['power_w', 'for_min'] },
  { when: 'left_on', words: 'is on for', needs: ['for_min'] },
  { when: 'finished', words: 'has finished', needs: [] },
  { when: 'not_run', words: 'has not run by', needs: ['by'] },
  { when: 'energy', words: 'takes in a day more than', needs: ['energy_kwh'] },
  { when: 'demand', words: 'draws in 15 minutes on average more than', needs: ['power_w'] },
];

export const sending_words: Record<Sending, string> = {
  digest: 'once a week, with others',
  today: 'at once, but not at night',
  at_once: 'at once, at any hour',
};

export const watch_words: Record<Asset['watch'], string> = {
  learning: 'learns what is usual',
  watched: 'watched',
  outside: 'outside what it has learnt: no alarm meanwhile',
  not_visible: 'not visible here',
};

export const feedback_words: Record<Feedback, string> = { fixed: 'fixed', expected: 'expected', wrong: 'wrong' };

const rank = { danger: 0, today: 1, digest: 2 };

// The most urgent first, then the newest.
export const by_urgency = (findings: Finding[]): Finding[] =>
  [...findings].sort((a, b) => rank[a.urgency] - rank[b.urgency] || b.found - a.found);

// The one sentence that a person came for, without its full stop.
export function headline(known: Health): string {
  const [first] = by_urgency(known.open);
  if (first && (first.urgency === 'danger' || known.open.length === 1)) return first.text.changed.replace(/\.$/, '');
  if (first) return `${known.open.length} things are worth a look`;
  const watched = known.assets.filter((one) => one.watch === 'watched').length;
  if (watched > 0) return 'Nothing stands out';
  return known.assets.some((one) => one.watch === 'learning') ? 'Still learning what is usual' : 'Nothing is watched yet';
}

// "12 watched, 2 still learn what is usual, 1 not visible here"; empty: there are no assets.
export function standing(assets: Asset[]): string {
  const of = (watch: Asset['watch']) => assets.filter((one) => one.watch === watch).length;
  return (
    [
      [of('watched'), 'watched'],
      [of('learning'), of('learning') === 1 ? 'still learns what is usual' : 'still learn what is usual'],
      [of('outside'), 'outside what was learnt'],
      [of('not_visible'), 'not visible here'],
    ] as [number, string][]
  ).filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`).join(', ');
}

export interface Plot {
  lines: string[]; // Paths in a field of 100 by 100; a gap begins another.
  band: { y: number; height: number } | null; // What was usual before.
  since: number; // x.
  begin: number;
  end: number;
}

// Null: too little is known to be drawn.
export function plot(evidence: Evidence, since: number): Plot | null {
  const known = evidence.course.filter((point): point is [number, number] => point[1] !== null);
  if (known.length < 2) return null;
  const spread = evidence.usual_spread ?? 0;
  const usual = evidence.before === null ? [] : [evidence.before - spread, evidence.before + spread];
  const values = [...known.map(([, value]) => value), ...usual];
  const air = 0.08 * (Math.max(...values) - Math.min(...values)) || Math.abs(values[0]!) * 0.1 || 1;
  const low = Math.min(...values) - air;
  const high = Math.max(...values) + air;
  const begin = known[0]![0];
  const end = known.at(-1)![0];
  const x = (time: number): number => Math.min(100, Math.max(0, (100 * (time - begin)) / Math.max(1, end - begin)));
  const y = (value: number): number => (100 * (high - value)) / (high - low);
  const lines: string[] = [];
  let line = '';
  for (const [time, value] of [...evidence.course, [end, null] as const]) {
    if (value !== null) line += `${line ? 'L' : 'M'}${x(time).toFixed(2)} ${y(value).toFixed(2)}`;
    else if (line) {
      lines.push(line.includes('L') ? line : `${line}h0.6`); // A lone value is seen, too.
      line = '';
    }
  }
  const band = usual.length === 2 ? { y: y(usual[1]!), height: Math.max(1, y(usual[0]!) - y(usual[1]!)) } : null;
  return { lines, band, since: x(since), begin, end };
}

export const plot_span = (drawn: Plot, zone: string): string => `${date(drawn.begin, zone)} to ${date(drawn.end, zone)}`;

const channel_names: Record<string, string> = { mqtt: 'Home Assistant', email: 'e-mail', webhook: 'a webhook' };

// "Home Assistant and e-mail"; empty: there are none.
export function channels_text(channels: string[]): string {
  const names = channels.map((one) => channel_names[one] ?? one);
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

// Only what its kind has: what somebody typed before he chose another kind is left out.
export function trimmed(rule: Rule): Rule {
  const needs = whens.find((one) => one.when === rule.when)?.needs ?? [];
  const { name, when, asset, sending } = rule;
  return { name, when, asset, sending, ...Object.fromEntries(needs.map((key) => [key, rule[key]])) };
}
