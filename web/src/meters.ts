// What is said of meters.

import type { Act, Diagnostics, Meter, MeterUpdate } from './api';
import { minute, moment } from './times';
import { count, duration, percent } from './units';

const silent_after = 2 * minute;

export const is_silent = (meter: Meter, now: number): boolean => meter.last === null || now - meter.last >= silent_after;

export function heard(meter: Meter, now: number, zone: string): string {
  if (meter.last === null) return 'never heard';
  return is_silent(meter, now) ? moment(meter.last, now, zone) : `${duration(Math.max(0, now - meter.last))} ago`;
}

// The one sentence that a person came for.
export function said_of_meters(meters: Meter[], now: number, zone: string): string {
  if (meters.length === 0) return 'No meter has reported yet.';
  const silent = meters.filter((meter) => is_silent(meter, now));
  if (silent.length === 0) return meters.length === 1 ? 'Your meter reports.' : `All ${count(meters.length)} meters report.`;
  if (silent.length > 1) return `${count(silent.length)} of ${count(meters.length)} meters are silent.`;
  const [one] = silent;
  return one!.last === null ? `${one!.device} has not reported yet.` : `${one!.device} has been silent since ${moment(one!.last, now, zone)}.`;
}

const many = (n: number, one: string, more = `${one}s`): string => `${count(n)} ${n === 1 ? one : more}`;

// What a meter said of itself, a line for each thing.
export function condition(told: Diagnostics): string[] {
  const lines = [`${told.firmware ? `Firmware ${told.firmware}, ` : ''}on for ${duration(told.uptime_s * 1000)}`];
  lines.push(told.waiting === 0 ? 'nothing waits to be sent' : `${many(told.waiting, 'sample waits', 'samples wait')} to be sent`);
  if (told.dropped > 0) lines.push(`${many(told.dropped, 'sample')} dropped while the hub was out of reach`);
  if (told.chips_missing.length > 0) lines.push(`${told.chips_missing.length === 1 ? 'chip' : 'chips'} ${told.chips_missing.map((chip) => chip + 1).join(', ')} of ${told.chips} ${told.chips_missing.length === 1 ? 'does' : 'do'} not answer`);
  if (told.garbled > 0) lines.push(`${many(told.garbled, 'reading')} garbled`);
  if (told.signal_dbm !== null) lines.push(`signal ${told.signal_dbm} dBm`);
  return lines;
}

export const is_under_way = (update: MeterUpdate | null): boolean =>
  update !== null && (update.stage === 'sending' || update.stage === 'starting' || update.stage === 'on_trial');

export function said_of_update({ version, stage, bytes, written, why }: MeterUpdate): string {
  switch (stage) {
    case 'sending': return `${version} is being written: ${percent(bytes > 0 ? written / bytes : 0)}. It measures on meanwhile.`;
    case 'starting': return `It has all of ${version} and restarts.`;
    case 'on_trial': return `It runs ${version} on trial, for five minutes at most.`;
    case 'confirmed': return `It runs ${version}, which stays.`;
    case 'went_back': return `${version} did not stay. ${why}`;
    case 'failed': return `${version} was not installed. ${why}`;
  }
}

// Free and not taken: "meter-2".
export function next_name(meters: Meter[]): string {
  for (let n = 1; ; ++n) if (!meters.some(({ device }) => device === `meter-${n}`)) return `meter-${n}`;
}

export const outcome = (act: Act): string => (act.outcome === '' ? 'no answer noted' : act.outcome.replaceAll('_', ' '));

// Why this browser cannot reach a cable; empty: it can.
export function no_cable(): string {
  if (!isSecureContext) return 'A browser reaches the cable only from a page that is secure: open this page on the machine that Lenz runs on, as localhost.';
  return 'serial' in navigator ? '' : 'This browser cannot reach the cable. Chrome and Edge on a computer can.';
}
