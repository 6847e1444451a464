// A range of the past and what is fetched for it. Pure: it fetches nothing and knows no clock.

import type { Column, Gap, History } from './api';
import type { Point } from './live';
import { day, second } from './times';

export interface Range {
  begin: number; // Milliseconds UTC.
  end: number;
}

export const longest_ms = 31 * day;
export const shortest_ms = 10 * second;

const steps_s = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];

const most_steps = 6000; // An answer of three screens stays well below the hub's limit of 20,000.

// Seconds of one step, so that about one step falls on a pixel of the width: 1 to 59, or a multiple
// of 60, as the hub has them.
export function step_s(span_ms: number, width_px: number): number {
  const wanted = span_ms / second / Math.min(Math.max(width_px, 100), most_steps / 3);
  return steps_s.find((step) => step >= wanted) ?? 86400;
}

// Keeps the range within what can be asked for: its length, and not after `now`.
export function clamp(range: Range, now: number): Range {
  const length = Math.min(longest_ms, Math.max(shortest_ms, range.end - range.begin));
  const middle = (range.begin + range.end) / 2;
  const fitted = length === range.end - range.begin ? range : { begin: middle - length / 2, end: middle + length / 2 };
  return fitted.end > now ? { begin: now - length, end: now } : fitted;
}

// What is at the share `at` of the width stays under the hand; a factor below one goes closer.
export function zoom(range: Range, factor: number, at: number): Range {
  const length = range.end - range.begin;
  const next = Math.min(longest_ms, Math.max(shortest_ms, length * factor));
  const begin = range.begin + (length - next) * at;
  return { begin, end: begin + next };
}

export const pan = (range: Range, share: number): Range => {
  const by = (range.end - range.begin) * share;
  return { begin: range.begin + by, end: range.end + by };
};

// Outward to whole steps.
export function aligned(range: Range, step: number): Range {
  const ms = step * second;
  return { begin: Math.floor(range.begin / ms) * ms, end: Math.ceil(range.end / ms) * ms };
}

// As much again on both sides, so that a hand that pans finds something there.
export function with_margin(range: Range, now: number): Range {
  const length = range.end - range.begin;
  return { begin: range.begin - length, end: Math.max(range.end, Math.min(range.end + length, now)) };
}

// What is drawn: a column of times and three of watts for each circuit.
export interface Block extends Range {
  step_ms: number;
  times: number[];
  columns: Record<string, Record<'mean' | 'min' | 'max', Column>>;
}

export const nothing: Block = { begin: 0, end: 0, step_ms: 1000, times: [], columns: {} };

const kinds = ['mean', 'min', 'max'] as const;

export function block_of(answer: History): Block {
  const entries = Object.entries(answer.circuits);
  const steps = Math.max(0, ...entries.map(([, circuit]) => circuit.mean.length));
  const empty: Column = Array.from({ length: steps }, () => null);
  return {
    begin: answer.begin,
    end: answer.begin + steps * answer.step_ms,
    step_ms: answer.step_ms,
    times: Array.from({ length: steps }, (_, step) => answer.begin + step * answer.step_ms),
    columns: Object.fromEntries(
      entries.map(([id, circuit]) => [id, { mean: circuit.mean, min: circuit.min ?? empty, max: circuit.max ?? empty }]),
    ),
  };
}

// The fresh block within what was already there, so that old pixels stay until new ones come.
export function splice(old: Block, fresh: Block): Block {
  const same = Object.keys(fresh.columns).every((id) => id in old.columns);
  if (!same || old.times.length === 0 || old.times.length > 4 * most_steps) return fresh;
  const before = old.times.findIndex((time) => time >= fresh.begin);
  const head = before === -1 ? old.times.length : before;
  const after = old.times.findIndex((time) => time >= fresh.end);
  const tail = after === -1 ? old.times.length : after;
  const join = <T>(then: T[], now: T[]): T[] => [...then.slice(0, head), ...now, ...then.slice(tail)];
  return {
    begin: Math.min(old.begin, fresh.begin),
    end: Math.max(old.end, fresh.end),
    step_ms: fresh.step_ms,
    times: join(old.times, fresh.times),
    columns: Object.fromEntries(
      Object.entries(fresh.columns).map(([id, columns]) => [
        id,
        Object.fromEntries(kinds.map((kind) => [kind, join(old.columns[id]![kind], columns[kind])])),
      ]),
    ) as Block['columns'],
  };
}

// A meter slower than the step leaves steps without a sample that are no gaps: those outside every
// gap become undefined, over which the line is drawn.
export function bridged(times: number[], column: Column, step_ms: number, gaps: Gap[] | null): (number | null | undefined)[] {
  if (gaps === null) return column;
  const ordered = [...gaps].sort((a, b) => a.begin - b.begin);
  let next = 0;
  return column.map((watts, step) => {
    const time = times[step]!;
    while (next < ordered.length && ordered[next]!.end <= time) ++next;
    const gap = ordered[next];
    return watts ?? (gap && gap.begin < time + step_ms ? null : undefined);
  });
}

// The pieces in which none of the circuits has a value and that the hub lists as gaps; overlapping
// ones are one. Those shorter than a step are left to the hub's word.
export function gaps_shown(gaps: Gap[], block: Block, ids: string[]): Range[] {
  const shown: Range[] = [];
  for (const gap of [...gaps].sort((a, b) => a.begin - b.begin)) {
    const measured = block.times.some(
      (time, step) =>
        time >= gap.begin &&
        time + block.step_ms <= gap.end &&
        ids.some((id) => block.columns[id]?.mean[step] != null),
    );
    const last = shown.at(-1);
    if (measured) continue;
    if (last && gap.begin <= last.end) last.end = Math.max(last.end, gap.end);
    else shown.push({ begin: gap.begin, end: gap.end });
  }
  return shown;
}

// The live points as columns, with a null between two that lie so far apart that one was missed.
export function with_gaps(points: Point[]): [times: number[], watts: Column] {
  const apart = points.slice(1).map((point, i) => point.time - points[i]!.time).sort((a, b) => a - b);
  const longest = Math.max(3 * second, 3 * (apart[Math.floor(apart.length / 2)] ?? 0));
  const times: number[] = [];
  const watts: Column = [];
  points.forEach((point, i) => {
    const before = points[i - 1];
    if (before && point.time - before.time > longest) {
      times.push((point.time + before.time) / 2);
      watts.push(null);
    }
    times.push(point.time);
    watts.push(point.watts);
  });
  return [times, watts];
}

// Keeps the last answers, so that going back shows at once what was there.
export class Cache<T> {
  private readonly kept = new Map<string, T>();
  constructor(private readonly most: number) {}

  get(key: string): T | undefined {
    const found = this.kept.get(key);
    if (found !== undefined) {
      this.kept.delete(key);
      this.kept.set(key, found);
    }
    return found;
  }

  put(key: string, value: T): void {
    this.kept.set(key, value);
    if (this.kept.size > this.most) this.kept.delete(this.kept.keys().next().value as string);
  }
}
