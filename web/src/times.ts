// Times as people read them, in the home's zone. All times are milliseconds since 1970 UTC.

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', ...options });
    formats.set(key, found);
  }
  return found;
}

// What the clock on the wall is ahead of UTC.
export function offset(time: number, zone: string): number {
  const whole = Math.floor(time / second) * second;
  const parts = format(zone, {
    year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  }).formatToParts(whole);
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) - whole;
}

// The time at which the clock on the wall shows `local`; the later one where it shows it never.
function from_local(local: number, zone: string): number {
  const guess = local - offset(local, zone);
  return local - offset(guess, zone);
}

export const midnight = (time: number, zone: string): number =>
  from_local(Math.floor((time + offset(time, zone)) / day) * day, zone);

export const clock = (time: number, zone: string): string =>
  format(zone, { hour: '2-digit', minute: '2-digit' }).format(time);

export const clock_seconds = (time: number, zone: string): string =>
  format(zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(time);

export const date = (time: number, zone: string): string =>
  format(zone, { day: 'numeric', month: 'short' }).format(time);

const weekday = (time: number, zone: string): string =>
  format(zone, { weekday: 'short', day: 'numeric' }).format(time);

// "14:02" today, "24 Nov 14:02" on another day.
export function moment(time: number, now: number, zone: string): string {
  const today = midnight(time, zone) === midnight(now, zone);
  return today ? clock(time, zone) : `${date(time, zone)} ${clock(time, zone)}`;
}

// "24 Nov 14:02 to 25 Nov 14:02", with seconds where the range is short.
export function span(begin: number, end: number, zone: string): string {
  const at = end - begin < 10 * minute ? clock_seconds : clock;
  const same = midnight(begin, zone) === midnight(end, zone);
  return `${date(begin, zone)} ${at(begin, zone)} to ${same ? '' : date(end, zone) + ' '}${at(end, zone)}`;
}

const steps = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 3, 6, 12].map((n) => n * hour),
  ...[1, 2, 5, 10].map((n) => n * day),
];

export interface Tick {
  time: number;
  label: string;
}

// At most `most` round local times within the range, a midnight labelled with its day.
export function ticks(begin: number, end: number, zone: string, most: number): Tick[] {
  const step = steps.find((one) => (end - begin) / one <= most) ?? 10 * day;
  const found: Tick[] = [];
  const first = Math.ceil((begin + offset(begin, zone)) / step) * step;
  for (let local = first; ; local += step) {
    const time = from_local(local, zone);
    if (time > end) return found;
    if (time >= begin && time !== found.at(-1)?.time) found.push({ time, label: label(time, local, step, zone) });
  }
}

function label(time: number, local: number, step: number, zone: string): string {
  if (step >= day) return date(time, zone);
  if (local % day === 0) return weekday(time, zone);
  return step < minute ? clock_seconds(time, zone) : clock(time, zone);
}
