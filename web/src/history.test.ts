import { expect, test } from 'vitest';
import type { Gap, History } from './api';
import {
  aligned, block_of, bridged, Cache, clamp, gaps_shown, longest_ms, pan, shortest_ms, splice, step_s, with_gaps, with_margin, zoom,
} from './history';
import { day, hour, minute, second } from './times';

const answer = (begin: number, step_ms: number, mean: (number | null)[]): History => ({
  begin, step_ms, circuits: { main: { mean, min: null, max: null, imported_wh: 0, exported_wh: 0 } },
});

const gap = (begin: number, end: number): Gap => ({ device: 'meter-1', channel: null, begin, end });

test('About one step falls on a pixel, from single seconds to hours', () => {
  expect(step_s(10 * minute, 1000)).toBe(1);
  expect(step_s(hour, 1000)).toBe(5); // 3.6 s a pixel.
  expect(step_s(day, 1000)).toBe(120); // 86.4 s a pixel.
  expect(step_s(30 * day, 1000)).toBe(3600); // 2592 s a pixel.
  expect(step_s(30 * day, 320)).toBe(14400); // 8100 s a pixel.
});

test('Every step is one the hub has, and three screens of them stay below its limit', () => {
  for (const width of [1, 320, 1100, 3840, 100_000]) {
    for (let span = shortest_ms; span <= longest_ms; span *= 1.3) {
      const step = step_s(span, width);
      expect(step <= 59 || step % 60 === 0, `${step} s`).toBe(true);
      expect((3 * span) / second / step).toBeLessThanOrEqual(6000);
    }
  }
});

test('The future cannot be asked for, and a range that hits it keeps its length', () => {
  expect(clamp({ begin: 5 * hour, end: 7 * hour }, 6 * hour)).toEqual({ begin: 4 * hour, end: 6 * hour });
});

test('No range is shorter than some seconds or longer than a month', () => {
  const now = 400 * day;
  const short = clamp({ begin: day, end: day + 1 }, now);
  const long = clamp({ begin: 0, end: 100 * day }, now);
  expect(short.end - short.begin).toBe(shortest_ms);
  expect(long.end - long.begin).toBe(longest_ms);
});

test('Zoom keeps what is under the hand', () => {
  // A quarter from the left is 25 s; half as wide, a quarter of 50 s lies left of it.
  expect(zoom({ begin: 0, end: 100 * second }, 0.5, 0.25)).toEqual({ begin: 12_500, end: 62_500 });
});

test('Zoom at its limit does not slide away', () => {
  const least = { begin: 0, end: shortest_ms };
  expect(zoom(least, 0.5, 1)).toEqual(least);
});

test('Panning moves by a share of the width', () => {
  expect(pan({ begin: 1000, end: 3000 }, -0.25)).toEqual({ begin: 500, end: 2500 });
});

test('A range is asked for in whole steps, with as much again around it but not after now', () => {
  expect(aligned({ begin: 61_000, end: 119_000 }, 60)).toEqual({ begin: 60_000, end: 120_000 });
  expect(with_margin({ begin: 100, end: 200 }, 250)).toEqual({ begin: 0, end: 250 });
  expect(with_margin({ begin: 100, end: 200 }, 200)).toEqual({ begin: 0, end: 200 });
});

test('An answer without lowest and highest values is drawn without them', () => {
  expect(block_of(answer(0, 1000, [5, null]))).toEqual({
    begin: 0, end: 2000, step_ms: 1000, times: [0, 1000],
    columns: { main: { mean: [5, null], min: [null, null], max: [null, null] } },
  });
});

test('Fresh pixels take the place of old ones and leave those around them', () => {
  const old = block_of(answer(0, 10_000, [1, 2, 3, 4]));
  const fresh = block_of(answer(10_000, 5000, [20, 21, 22, 23]));

  const both = splice(old, fresh);

  expect(both.times).toEqual([0, 10_000, 15_000, 20_000, 25_000, 30_000]);
  expect(both.columns['main']?.mean).toEqual([1, 20, 21, 22, 23, 4]);
});

test('Old pixels of other circuits are not kept', () => {
  const other = { ...block_of(answer(0, 1000, [1])), columns: {} };
  const fresh = block_of(answer(5000, 1000, [2]));
  expect(splice(other, fresh)).toEqual(fresh);
});

test('A slow meter is drawn as a line, and a gap as a gap', () => {
  // A sample every other second, then silence from 4 s on.
  const times = [0, 1000, 2000, 3000, 4000, 5000, 6000];
  const column = [10, null, 10, null, null, null, 10];

  expect(bridged(times, column, 1000, [gap(4000, 6000)])).toEqual([10, undefined, 10, undefined, null, null, 10]);
});

test('As long as the gaps are not known, nothing is drawn over', () => {
  expect(bridged([0, 1000], [null, 1], 1000, null)).toEqual([null, 1]);
});

test('Gaps that touch are told as one, and those in which another meter measured are not told', () => {
  const block = block_of(answer(0, 1000, [1, null, null, null, null, 6, 7, 8]));
  expect(gaps_shown([gap(1000, 3000), gap(2500, 5000), gap(5000, 7000)], block, ['main'])).toEqual([
    { begin: 1000, end: 5000 },
  ]);
});

test('Live points that lie far apart are not joined', () => {
  const points = [0, 1000, 2000, 9000].map((time) => ({ time, watts: 5 }));
  expect(with_gaps(points)).toEqual([[0, 1000, 2000, 5500, 9000], [5, 5, 5, null, 5]]);
});

test('A meter that speaks every ten seconds has no gaps', () => {
  const points = [0, 10_000, 20_000].map((time) => ({ time, watts: 5 }));
  expect(with_gaps(points)[1]).toEqual([5, 5, 5]);
});

test('The oldest answer is forgotten first, and one that was used again is not old', () => {
  const cache = new Cache<number>(2);
  cache.put('a', 1);
  cache.put('b', 2);
  cache.get('a');
  cache.put('c', 3);
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
});
