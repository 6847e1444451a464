// What to do with each appliance, in plain words, and whether earlier predictions came true.

import type { Finding } from './health';
import { by_id, display_name, type Home } from './home';
import { about, count, price } from './units';

// Median and the interval that holds the truth in 80 of 100 cases.
export interface Spread {
  low: number;
  median: number;
  high: number;
}

export type Verdict = 'keep' | 'use_otherwise' | 'repair' | 'replace';
export type Role = 'kept' | 'most_efficient' | 'cheapest' | 'best_for_you';

export interface Facts {
  age_years: number | null;
  size: number | null;
  label: number | null;
  own_price: string | null;
  repair_quote: string | null;
}

export interface Candidate {
  name: string;
  roles: Role[];
  energy_kwh: Spread;
  cost_a_year: Spread;
  purchase: Spread;
  total_cost: Spread;
  net_present_value: Spread;
  payback_years: Spread | null;
  chance_ahead: number;
  price_source: string;
  emissions_kg: Spread | null; // A year.
}

export interface ApplianceAdvice {
  appliance: number;
  name: string;
  circuit: string; // Id.
  kind: string;
  facts: Facts;
  size_unit: string; // Empty: size does not matter.
  label_unit: string;
  not_yet: string; // Why nothing can be said; empty: it can.
  verdict: Verdict | null;
  why: string;
  free_first: string[];
  candidates: Candidate[];
  turning_point: { of: 'uses_a_year' | 'price_per_kwh' | 'purchase'; value: number } | null;
  prediction: number | null;
}

export interface Prediction {
  id: number;
  of: 'advice' | 'finding' | 'forecast';
  appliance: number | null;
  what: string;
  said: number;
  unit: string; // "kWh a year" that are saved, or the currency of a forecast.
  predicted: Spread;
  done: number | null;
  measured: Spread | null;
  note: string;
}

// As docs/http_api.yaml has it.
export interface Advice {
  now: number;
  currency: string;
  is_ready: boolean; // Else they are being weighed.
  appliances: ApplianceAdvice[];
  predictions: Prediction[];
  hit_rate: { right: number; of: number } | null;
}

// With its circuit where another has the same name.
export function name_of(one: ApplianceAdvice, all: ApplianceAdvice[], home: Home): string {
  const circuit = by_id(home, one.circuit);
  const place = circuit ? display_name(circuit) : one.name;
  const is_alone = all.every((other) => other === one || other.name !== one.name);
  return is_alone || place === one.name ? one.name : `${one.name}, ${place}`;
}

const verdict_rank: Record<Verdict, number> = { repair: 0, replace: 1, use_otherwise: 2, keep: 3 };

// What costs nothing to be kept comes last; what cannot be judged is not among them.
export const judged = (advice: Advice): ApplianceAdvice[] =>
  advice.appliances
    .filter((one) => one.verdict !== null && one.not_yet === '')
    .sort((a, b) => verdict_rank[a.verdict!] - verdict_rank[b.verdict!]);

export const not_yet = (advice: Advice): ApplianceAdvice[] => advice.appliances.filter((one) => one.verdict === null || one.not_yet !== '');

const verdict_words: Record<Verdict, string> = {
  keep: 'keep it',
  use_otherwise: 'keep it, and use it otherwise',
  repair: 'repair it',
  replace: 'replace it',
};

// "Fridge: replace it"; the name is what somebody called it.
export const verdict_of = (one: ApplianceAdvice): string => (one.verdict === null ? '' : verdict_words[one.verdict]);

// The one sentence that a person came for, without its full stop.
export function headline(advice: Advice): string {
  const all = judged(advice);
  const to_do = all.filter((one) => one.verdict !== 'keep');
  const [only] = to_do;
  if (only && to_do.length === 1) return `${only.name}: ${verdict_of(only)}`;
  if (to_do.length > 1) return `${to_do.length} appliances are worth a decision`;
  if (all.some((one) => one.free_first.length > 0)) return 'Keep what you have; something is free to gain';
  if (all.length > 0) return 'Keep what you have';
  return advice.is_ready ? 'Nothing can be said yet' : 'Your appliances are being weighed';
}

// "3 of 4 predictions came true in this home."
export function hit_words(rate: Advice['hit_rate']): string {
  if (rate === null || rate.of === 0) return 'No prediction has been measured in this home yet.';
  return `${rate.right} of ${rate.of} ${rate.of === 1 ? 'prediction' : 'predictions'} came true in this home.`;
}

export const role_words: Record<Role, string> = {
  kept: 'as it is',
  most_efficient: 'most efficient',
  cheapest: 'cheapest to buy',
  best_for_you: 'best for you',
};

// "8 of 10"; never 0 or 10 of 10, since it is not known that well.
export const chance_words = (chance: number): string => `${Math.min(9, Math.max(1, Math.round(10 * chance)))} of 10`;

export function turning_words(turning: NonNullable<ApplianceAdvice['turning_point']>, currency: string): string {
  switch (turning.of) {
    case 'uses_a_year': return `The answer changes at about ${count(Math.round(turning.value))} uses a year.`;
    case 'price_per_kwh': return `The answer changes where a kWh costs about ${price(turning.value.toFixed(2), currency)}.`;
    case 'purchase': return `The answer changes where a new one costs about ${about(turning.value, currency)}.`;
  }
}

// An interval by `say`: "80 to 120"; one value where both ends read the same.
export function interval(spread: Spread, say: (value: number) => string): string {
  const [low, high] = [say(spread.low), say(spread.high)];
  return low === high ? low : `${low} to ${high}`;
}

export const kwh = (value: number): string => count(Number(Math.abs(value) >= 10 ? value.toFixed(0) : value.toPrecision(2)));
// Null, as JSON has what is without end: never.
export const years = (value: number | null): string => (value === null ? 'never' : value >= 9.95 ? value.toFixed(0) : `${+value.toFixed(1)}`);

// Where a spread lies on a scale that all candidates share, in parts of 100.
export function whisker(spread: Spread, all: Spread[]): { begin: number; width: number; dot: number } {
  const low = Math.min(...all.map((one) => one.low));
  const wide = Math.max(...all.map((one) => one.high)) - low || 1;
  const at = (value: number): number => (100 * (value - low)) / wide;
  return { begin: at(spread.low), width: at(spread.high) - at(spread.low), dot: at(spread.median) };
}

// What was found of an appliance's condition: it is said before anything is to be bought.
export const findings_of = (one: ApplianceAdvice, open: Finding[]): Finding[] =>
  open.filter((finding) => finding.asset === `appliance ${one.appliance}`);

// Whether somebody may say that it is done.
export const can_be_done = (one: ApplianceAdvice, advice: Advice): boolean =>
  advice.predictions.some((prediction) => prediction.id === one.prediction && prediction.done === null);

// What became of a prediction, in a few words.
export function outcome(one: Prediction): string {
  if (one.measured !== null) {
    const say = in_unit(one.unit);
    const [median, ends] = [say(one.measured.median), interval(one.measured, say)];
    const measured = ends === median ? `measured ${median}` : `measured ${median} (${ends})`;
    return one.note ? `${measured}. ${one.note}` : measured;
  }
  if (one.note) return one.note;
  if (one.of === 'forecast') return 'measured when the month is over';
  return one.done === null ? 'not done' : 'done, and measured since';
}

// How a value of a prediction reads: kilowatt-hours a year, or an amount.
export const in_unit = (unit: string): ((value: number) => string) =>
  unit.startsWith('kWh') ? kwh : (value) => about(value, unit);

// Fields of the form as they are sent: what is empty is not known.
export function facts_sent(facts: Facts): Facts {
  const known = <T>(value: T | null | undefined | ''): T | null => (value === '' || value === undefined ? null : value);
  return {
    age_years: known(facts.age_years), size: known(facts.size), label: known(facts.label),
    own_price: known(facts.own_price?.trim()), repair_quote: known(facts.repair_quote?.trim()),
  };
}
