import { expect, test } from 'vitest';
import { clock, hour, midnight, minute, moment, span, ticks } from './times';

const berlin = 'Europe/Berlin';
const new_york = 'America/New_York';

test('The clock is the one on the wall of the home', () => {
  const noon_utc = Date.UTC(2026, 10, 25, 12, 2);
  expect(clock(noon_utc, berlin)).toBe('13:02');
  expect(clock(noon_utc, new_york)).toBe('07:02');
  expect(clock(noon_utc, 'Asia/Kathmandu')).toBe('17:47');
});

test('The day begins at local midnight, also on the day the clocks go back', () => {
  // Until 25 October 2026, 03:00, Berlin is two hours ahead of UTC, then one.
  const evening = Date.UTC(2026, 9, 25, 20, 0);
  expect(midnight(evening, berlin)).toBe(Date.UTC(2026, 9, 24, 22, 0));
});

test('Marks stay on the hours of the wall when the clocks go back', () => {
  const begin = Date.UTC(2026, 9, 24, 22, 0);
  const marks = ticks(begin, begin + 25 * hour, berlin, 6);

  expect(marks.map((mark) => mark.label)).toEqual(['Sun 25', '06:00', '12:00', '18:00', 'Mon 26']);
  expect(marks[1]!.time - marks[0]!.time).toBe(7 * hour);
  expect(marks[2]!.time - marks[1]!.time).toBe(6 * hour);
});

test('Marks of single seconds show them', () => {
  const begin = Date.UTC(2026, 10, 25, 13, 2, 1);
  expect(ticks(begin, begin + 10_000, 'UTC', 3).map((mark) => mark.label)).toEqual(['13:02:05', '13:02:10']);
});

test('Marks of a month are days', () => {
  // 3 November 2026 is day 20760 since 1970: every tenth is marked.
  const begin = Date.UTC(2026, 10, 1, 5);
  expect(ticks(begin, begin + 30 * 24 * hour, 'UTC', 4).map((mark) => mark.label)).toEqual(['3 Nov', '13 Nov', '23 Nov']);
});

test('Today needs no date, another day does', () => {
  const now = Date.UTC(2026, 10, 25, 14, 30);
  expect(moment(now - 28 * minute, now, 'UTC')).toBe('14:02');
  expect(moment(now - 24 * hour, now, 'UTC')).toBe('24 Nov 14:30');
});

test('A range within a day names the day once', () => {
  const begin = Date.UTC(2026, 10, 25, 14, 2);
  expect(span(begin, begin + hour, 'UTC')).toBe('25 Nov 14:02 to 15:02');
  expect(span(begin, begin + 24 * hour, 'UTC')).toBe('25 Nov 14:02 to 26 Nov 14:02');
  expect(span(begin, begin + 5000, 'UTC')).toBe('25 Nov 14:02:00 to 14:02:05');
});
