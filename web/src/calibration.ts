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
export interface Calibration {
  now: number;
  clamps: { name: string; rated_a: number; class_percent: number }[];
  channels: Channel[];
  guide: Guide | null;
  light: LightCount | null;
}

export type Step =
  | { step: 'begin'; device: string; channel: number; clamp: string; rated_a?: number; class_percent?: number; reference: string; percents: Typed }
  | { step: 'load' | 'check'; shown: Typed; kind: LoadKind }
  | { step: 'undo'; device: string; channel: number }
  | { step: 'light'; circuit: string; blinks: number[]; per_kwh: number; class_percent: number; within_s: number }
  | { step: 'no_load' | 'set' | 'set_light' | 'end' };

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
