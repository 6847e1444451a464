// What is said of calibration.

import { duration, exact, off_by, plus_minus } from './units';

// As docs/http_api.yaml has it.
export interface PlusMinus {
  amperes: number;
  resistive_percent: number;
  half_percent: number;
}
export interface CalibrationRecord {
  time: number;
  reference: string;
  by: string;
  clamp: string;
  is_kept: boolean;
  plus_minus: PlusMinus[];
}
export interface Channel {
  device: string;
  channel: number;
  circuit: string;
  uncalibrated: PlusMinus[];
  newest: CalibrationRecord | null;
}
export interface Reading {
  time: number;
  volts: number | null;
  amperes: number | null;
  watts: number | null;
  unrest: number | null; // Share of the load; null: too few readings, or nothing flows.
  is_steady: boolean;
}
export interface Raw {
  volts: number;
  amperes: number;
  watts: number;
  vars: number;
}
export type LoadKind = 'resistive' | 'inductive';
export type Typed = [volts: string, amperes: string, watts: string];
export interface Check {
  reference_w: number;
  meter_w: number;
  off_percent: number;
  plus_minus_percent: number;
  is_within: boolean;
}
export interface Guide {
  device: string;
  channel: number;
  clamp: string;
  reference: string;
  reading: Reading | null;
  no_load: Raw | null;
  loads: { kind: LoadKind; shown: (number | null)[]; meter: Raw }[];
  result: { plus_minus: PlusMinus[]; changes: { word: string; before: number; after: number }[] } | null;
  record: CalibrationRecord | null;
  check: Check | null;
}
// What the utility's meter counted, beside the clamps of the mains.
export interface LightCount {
  circuit: string;
  clamps: { device: string; channel: number }[];
  blinks: number; // That must have been, seen or not.
  missed: number;
  doubled: number;
  seconds: number;
  utility_wh: number;
  our_wh: number;
  off_percent: number; // Ours over the utility's.
  plus_minus_percent: number;
  is_set: boolean;
}
// What was read off the utility's meter beside what the mains' clamps counted.
export type Comparison = { utility_kwh: number; our_kwh: number; off_percent: number; plus_minus_percent: number } | { why_not: string };
export interface UtilityReading {
  time: number;
  imported_kwh: string; // As typed.
  exported_kwh: string; // Empty: it shows none.
  is_new_meter: boolean;
  by: string;
  since_last: Comparison | null;
}
export interface Readings {
  circuit: string;
  clamps: { device: string; channel: number }[];
  rows: UtilityReading[]; // Oldest first.
  drift: { off_percent: number; plus_minus_percent: number; stated_percent: number; has_drifted: boolean } | null;
  gain: Comparison | null; // What the clamps could be set by; null: fewer than two readings since they were.
}
// One load that is switched on and off.
export interface Switched {
  circuit: string;
  clamps: { device: string; channel: number }[];
  end: number;
  steps: { time: number; mains_w: number; branch_w: number }[];
  why_not: string | null; // Nothing can be set by it yet.
  change_percent: number | null;
  set_aside: number;
  before_percent: number;
  after_percent: number;
  wrong_legs: string;
  is_set: boolean;
}
// All branches together against the mains.
export interface BranchSum {
  begin: number;
  end: number;
  minutes: number;
  branches: { circuit: string; clamps: number; mean_w: number; change_percent: number; before_percent: number; after_percent: number; is_better: boolean }[];
  unmeasured_w: number;
  always_w: number;
  plus_minus_w: number; // Of both.
  mains_percent: number;
  is_set: boolean;
}
export interface Calibration {
  now: number;
  clamps: { name: string; rated_a: number; class_percent: number }[];
  channels: Channel[];
  guide: Guide | null;
  light: LightCount | null;
  readings: Readings[];
  switched: Switched | null;
  sum: BranchSum | null;
}

export type Step =
  | { step: 'begin'; device: string; channel: number; clamp: string; rated_a?: number; class_percent?: number; reference: string; percents: Typed }
  | { step: 'load' | 'check'; shown: Typed; kind: LoadKind }
  | { step: 'undo'; device: string; channel: number }
  | { step: 'light'; circuit: string; blinks: number[]; per_kwh: number; class_percent: number; within_s: number }
  | { step: 'reading'; circuit: string; imported_kwh: string; exported_kwh: string; class_percent: number; is_new_meter: boolean }
  | { step: 'take_back' | 'set_readings' | 'switch'; circuit: string }
  | { step: 'set_sum'; circuits: string[] }
  | { step: 'model'; device: string; channel: number; clamp: string }
  | { step: 'no_load' | 'set' | 'set_light' | 'set_switched' | 'sum' | 'end' };

// What somebody may have at hand, and its usual ± of volts, amperes and watts; empty: it shows none.
export const references: { name: string; percents: Typed }[] = [
  { name: 'A wattmeter of volts, amperes and watts', percents: ['0.2', '0.2', '0.2'] },
  { name: 'A plug-in meter that shows watts', percents: ['', '', '2'] },
  { name: 'A clamp meter and a voltmeter', percents: ['1', '2', ''] },
];

export const clamp_name = (channel: number): string => `CT${channel + 1}`;

// What a clamp's power may be off by at 10 A.
export function standing(channel: Channel): string {
  const at_10 = (channel.newest?.plus_minus ?? channel.uncalibrated).find((one) => one.amperes === 10);
  return at_10 ? plus_minus(at_10.resistive_percent) : '';
}

export const shown_by = ({ volts, amperes, watts }: { volts: number | null; amperes: number | null; watts: number | null }): string =>
  [exact(volts, 1, 'V'), exact(amperes, 3, 'A'), exact(watts, 1, 'W')].join(', ');

// Whether the load may be read.
export function steadiness(reading: Reading | null): string {
  if (!reading) return 'No sample of this meter has come yet.';
  if (reading.unrest === null) return 'Nothing flows, or too few samples have come.';
  return reading.is_steady ? 'Steady.' : `It changes by ${off_by(100 * reading.unrest)} from one sample to the next: wait, or take a steadier load.`;
}

export function said_of_light({ blinks, missed, seconds, utility_wh, our_wh, off_percent }: LightCount): string {
  const unseen = missed > 0 ? `, ${missed} of them not seen` : '';
  return `In ${duration(seconds * 1000)} the utility's meter blinked ${blinks} times${unseen}: ${exact(utility_wh, 1, 'Wh')}. Your clamps counted ${exact(our_wh, 1, 'Wh')}, ${off_by(Math.abs(off_percent))} ${off_percent < 0 ? 'less' : 'more'}.`;
}

export function said_of_check(check: Check): string {
  const words = `The meter shows ${exact(check.meter_w, 1, 'W')}, the reference ${exact(check.reference_w, 1, 'W')}: ${off_by(Math.abs(check.off_percent))} apart`;
  return check.is_within
    ? `${words}, within the ${plus_minus(check.plus_minus_percent)} that was stated.`
    : `${words}, more than the ${plus_minus(check.plus_minus_percent)} that was stated. Check again with a steady load; if it stays so, undo it.`;
}

const side = (percent: number): string => `${off_by(Math.abs(percent))} ${percent < 0 ? 'less' : 'more'}`;

// Of one reading, beside the one before.
export function said_of_comparison(found: Comparison | null): string {
  if (!found) return 'the first';
  if ('why_not' in found) return found.why_not;
  return `${exact(found.utility_kwh, 1, 'kWh')} since the one before; your clamps counted ${side(found.off_percent)}, ${plus_minus(found.plus_minus_percent)}`;
}

// Nothing: it was not compared yet.
export function said_of_drift({ drift }: Readings): string {
  if (!drift) return '';
  const words = `Since they were set, your clamps counted ${side(drift.off_percent)} than the utility's meter`;
  return drift.has_drifted
    ? `${words}: beyond the ${plus_minus(drift.stated_percent)} that was stated. Set them again, or look at Wiring.`
    : `${words}: within the ${plus_minus(drift.stated_percent)} that was stated.`;
}

// By how much a circuit's numbers change, and its ± before and after.
export const said_of_change = (change: number, before: number, after: number): string =>
  `${change < 0 ? '\u2212' : '+'}${off_by(Math.abs(change))}; ${plus_minus(before)} becomes ${plus_minus(after)}`;
