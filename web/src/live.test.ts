import { get } from 'svelte/store';
import { beforeEach, expect, test } from 'vitest';
import type { Circuit, Home } from './home';
import { apply, freshness, live, reading, recent_ms, total, type Message } from './live';

const noon = Date.UTC(2026, 10, 25, 12);

const circuit = (id: string, kind: Circuit['kind']): Circuit => ({
  id, name: id, kind, parent: null, rating_a: null, poles: 1, legs: [1], position: 0, room: '', metered: true, capacity_w: null,
});

const house = (id: string, circuits: Circuit[]): Home => ({
  id, name: id, zone: 'UTC', country: 'US', currency: 'USD', nominal_voltage_v: 120, line_frequency_hz: 60, phases: 2,
  price_per_kwh: null, panel: { valid_from: 0, style: 'us', circuits },
});

const sample = (time: number, circuits: Record<string, number | null>): Message => ({
  kind: 'sample', received: time, now: time, time, circuits,
});

beforeEach(() => {
  apply({ kind: 'signed_out' });
  apply({ kind: 'status', status: { version: '0.1.0', signed_in: true, name: null, is_owner: true, has_password: false } });
  apply({ kind: 'home', home: house('maple', [circuit('main', 'grid'), circuit('fridge', 'load')]) });
  apply({ kind: 'connection', connection: 'open' });
});

test('Before the first sample the page waits and shows no number', () => {
  expect(freshness(get(live))).toBe('waiting');
  expect(total(get(live))).toBeNull();
});

test('A sample sets the reading of each of its circuits', () => {
  apply(sample(noon, { main: 640, fridge: 118 }));

  expect(total(get(live))).toBe(640);
  expect(reading(get(live), 'fridge')).toBe(118);
  expect(freshness(get(live))).toBe('live');
  expect(get(live).recent).toEqual([{ time: noon, watts: 640 }]);
});

test('A missing reading stays missing and is no zero', () => {
  apply(sample(noon, { main: null, fridge: 118 }));

  expect(total(get(live))).toBeNull();
  expect(get(live).recent).toEqual([]);
});

test('A sample that comes late does not replace a newer reading', () => {
  apply(sample(noon, { main: 640 }));
  apply({ kind: 'sample', received: noon, now: noon, time: noon - 3000, circuits: { main: 100 } });

  expect(total(get(live))).toBe(640);
  expect(get(live).newest).toBe(noon);
});

test('Two meters add up even though each speaks for itself', () => {
  apply({ kind: 'home', home: house('two', [circuit('left', 'grid'), circuit('right', 'grid')]) });

  apply(sample(noon, { left: 300 }));
  expect(total(get(live))).toBeNull();
  apply(sample(noon + 200, { right: 45 }));
  expect(total(get(live))).toBe(345);
});

test('A reading that grows old is no longer shown as true now', () => {
  apply(sample(noon, { main: 640 }));
  apply({ kind: 'tick', at: noon + 15_000 });
  expect(freshness(get(live))).toBe('live');

  apply({ kind: 'tick', at: noon + 16_000 });
  expect(freshness(get(live))).toBe('stale');
  expect(total(get(live))).toBeNull();
});

test('The clock of the hub counts, not the one of the phone', () => {
  // This phone is an hour late.
  apply({ kind: 'sample', received: noon - 3_600_000, now: noon, time: noon - 1000, circuits: { main: 640 } });
  apply({ kind: 'tick', at: noon - 3_600_000 + 2000 });

  expect(get(live).now).toBe(noon + 2000);
  expect(freshness(get(live))).toBe('live');
});

test('The last ten minutes come from the store and go on with the live samples', () => {
  apply(sample(noon, { main: 640 }));
  apply({
    kind: 'recent',
    history: {
      begin: noon - 2000, step_ms: 1000,
      circuits: { main: { mean: [600, null, 999], min: null, max: null, imported_wh: 1, exported_wh: 0 } },
    },
  });

  expect(get(live).recent).toEqual([{ time: noon - 2000, watts: 600 }, { time: noon, watts: 640 }]);
});

test('What is older than ten minutes falls out', () => {
  apply(sample(noon, { main: 1 }));
  apply(sample(noon + recent_ms - 1000, { main: 2 }));
  apply(sample(noon + recent_ms, { main: 3 }));

  expect(get(live).recent.map((point) => point.watts)).toEqual([2, 3]);
});

test('A hub that fell silent is offline since the moment the line broke, until it is back', () => {
  apply(sample(noon, { main: 640 }));
  apply({ kind: 'connection', connection: 'lost' });
  apply({ kind: 'tick', at: noon + 5000 });
  apply({ kind: 'connection', connection: 'lost' });
  expect(freshness(get(live))).toBe('offline');
  expect(get(live).lost_at).toBe(noon);

  apply({ kind: 'connection', connection: 'open' });
  expect(get(live).lost_at).toBeNull();
});

test('Signing out leaves nothing of the home on the page', () => {
  apply(sample(noon, { main: 640 }));
  apply({ kind: 'signed_out' });

  expect(get(live)).toMatchObject({ session: 'signed_out', home: null, readings: {}, recent: [], newest: null });
});

test('Another home starts with nothing of the one before', () => {
  apply(sample(noon, { main: 640 }));
  apply({ kind: 'home', home: house('linde', [circuit('main', 'grid')]) });

  expect(total(get(live))).toBeNull();
  expect(get(live).recent).toEqual([]);
});
