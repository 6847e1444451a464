import { expect, test } from 'vitest';
import {
  bars, by_energy, cost_today, course_words, directory, has_strangers, is_minor, named_few, not_back, question_text, running, sums, title, with_shares,
  type Appliance, type Appliances, type Channel,
} from './appliances';
import type { Home } from './home';

const hour = 3_600_000;
const noon = Date.UTC(2026, 10, 25, 12);

const appliance = (id: number, more: Partial<Appliance> = {}): Appliance => ({
  id, circuit: 'kitchen', certainty: 'unknown', kind: null, kind_name: null, probability: null, name: '',
  description: 'about 1.8 kW heater, 9 times this week', is_past: false, power_w: 0, running_since: null, today_wh: 0,
  runs_today: 0, course: null, is_left_on: false, timeline: [], ...more,
});

const channel = (circuit: string, power_w: number | null, shares: Record<string, number> = {}, always_on_w = 0): Channel => ({
  circuit, is_rest: false, time: noon, power_w, appliances: shares, always_on_w,
  unexplained_w: power_w === null ? null : power_w - Object.values(shares).reduce((a, b) => a + b, 0),
});

const known = (appliances: Appliance[], channels: Channel[] = []): Appliances => ({
  now: noon, until: noon, has_model: true, is_studying: false, channels, appliances, question: null, last_act: null, outlets: [], power_cut: null, kinds: [],
});

const home = {
  zone: 'UTC',
  panel: { style: 'us', circuits: [{ id: 'kitchen', name: 'Kitchen', room: 'Kitchen', kind: 'load', parent: null, position: 5, poles: 1, rating_a: 20 }] },
} as unknown as Home;

test('An appliance is called as somebody called it, else by its kind, else as it looks', () => {
  expect(title(appliance(1, { name: 'Old <b>one' }))).toBe('Old <b>one');
  expect(title(appliance(1, { kind_name: 'kettle' }))).toBe('Kettle');
  expect(title(appliance(1))).toBe('About 1.8 kW heater, 9 times this week');
  expect(title(appliance(1, { description: '' }))).toBe('Something unknown');
});

test('Appliances, always-on load and the unknown are all that was measured', () => {
  const channels = [channel('kitchen', 2100, { 1: 2000 }, 40), channel('office', 150, {}, 90), channel('attic', null)];

  const all = sums(channels);

  expect(all).toEqual({ total_w: 2250, always_on_w: 130, unknown_w: 120, missing: 1 });
  expect(2000 + all.always_on_w + all.unknown_w).toBe(all.total_w);
});

test('What the sun gives back is unknown and no always-on load', () => {
  expect(sums([channel('grid', -500, {}, 30)])).toEqual({ total_w: -500, always_on_w: 0, unknown_w: -500, missing: 0 });
});

test('A live message starts and ends what runs', () => {
  const before = known([appliance(1, { running_since: noon - hour, power_w: 2000 }), appliance(2)]);

  const after = with_shares(before, [channel('kitchen', 600, { 2: 560 })], noon + 1000);

  expect(running(after).map((one) => [one.id, one.power_w, one.running_since])).toEqual([[2, 560, noon + 1000]]);
});

test('One that was never seen before is noticed', () => {
  expect(has_strangers(known([appliance(1)]), [channel('kitchen', 10, { 1: 10 })])).toBe(false);
  expect(has_strangers(known([appliance(1)]), [channel('kitchen', 10, { 7: 10 })])).toBe(true);
});

test('Many names become a short list', () => {
  expect(named_few([])).toBe('');
  expect(named_few(['Dryer'])).toBe('Dryer');
  expect(named_few(['Dryer', 'fridge'])).toBe('Dryer and fridge');
  expect(named_few(['Dryer', 'fridge', 'kettle', 'oven'])).toBe('Dryer, fridge and 2 more');
});

test('The question says what was seen, where and when', () => {
  const asked = {
    appliance: 1, example: { begin: noon, end: noon + 60_000, energy_wh: 30, peak_w: 1800 }, guesses: [], weekly_wh: 800,
  };
  expect(question_text(asked, known([appliance(1)]), home)).toBe(
    'About 1.8 kW heater, 9 times this week on Kitchen, last at 12:00. What is it?',
  );
});

test('A timeline shows the last day, and even a run of seconds', () => {
  const drawn = bars([[noon - 30 * hour, noon - 25 * hour], [noon - 26 * hour, noon - 18 * hour], [noon - 12 * hour, noon - 12 * hour + 5000], [noon - hour, null]], noon, 24 * hour);

  expect(drawn).toHaveLength(3);
  expect(drawn[0]).toEqual({ left: 0, width: 0.25 });
  expect(drawn[1]!.left).toBe(0.5);
  expect(drawn[1]!.width).toBeGreaterThan(0.003);
  expect(drawn[2]!.left + drawn[2]!.width).toBe(1);
});

test('What took most comes first and what is gone comes last', () => {
  const order = by_energy([appliance(1, { is_past: true, today_wh: 900 }), appliance(2, { today_wh: 5 }), appliance(3, { today_wh: 50 })]);
  expect(order.map((one) => one.id)).toEqual([3, 2, 1]);
});

test('A course says what is left, that it pauses, and when it was done', () => {
  const course = (state: 'running' | 'paused' | 'done' | 'idle', minutes_left: number | null, ended: number | null = null) =>
    course_words(appliance(1, { course: { state, minutes_left, ended, went_on: false } }), home);

  expect(course('running', 24)).toBe('about 24\u00a0min left');
  expect(course('paused', 3)).toBe('pausing, about 3\u00a0min left');
  expect(course('running', null)).toBe('');
  expect(course('done', null, noon)).toBe('done at 12:00');
  expect(course('idle', null)).toBe('');
  const again = { state: 'running' as const, minutes_left: 9, ended: null, went_on: true };
  expect(course_words(appliance(1, { course: again }), home)).toBe('went on after all, about 9\u00a0min left');
  expect(course_words(appliance(1, { is_left_on: true }), home)).toBe('on for longer than ever');
});

test('The directory lists outlets and named appliances behind each breaker', () => {
  const all = known([appliance(1), appliance(2, { name: 'Red kettle' }), appliance(3, { kind_name: 'toaster', certainty: 'likely' })]);
  all.outlets = [{ circuit: 'kitchen', room: 'Kitchen', name: 'left of the sink' }];

  expect(directory(home, all)).toEqual([
    { id: 'kitchen', label: '5', rating_a: 20, name: 'Kitchen', room: 'Kitchen', behind: ['Kitchen: left of the sink', 'Red kettle', 'Toaster'] },
  ]);
});

test('What is only described and took next to nothing is not in the way', () => {
  expect(is_minor(appliance(1))).toBe(true);
  expect(is_minor(appliance(1, { today_wh: 50 }))).toBe(false);
  expect(is_minor(appliance(1, { running_since: noon }))).toBe(false);
  expect(is_minor(appliance(1, { certainty: 'likely' }))).toBe(false);
});

test('What did not come back with the power is said by name and place', () => {
  const all = known([appliance(1, { kind_name: 'freezer' }), appliance(2, { is_past: true })]);
  const cut = { begin: noon - hour, end: noon, not_back: [1, 2, 9], waited_for: [], dark: ['kitchen'] };

  expect(not_back(cut, all, home)).toEqual(['Freezer (Kitchen)', 'Kitchen: draws next to nothing']);
});

test('What an appliance cost today is about its part of what the home has paid', () => {
  expect(cost_today(2000, { imported_wh: 10_000, exported_wh: 0, paid: '3.10', unpriced_wh: 0, unpriced: '' }, 'USD')).toBe('about $0.62');
  expect(cost_today(2000, { imported_wh: 10_000, exported_wh: 0, paid: null, unpriced_wh: 0, unpriced: '' }, 'USD')).toBeNull();
  expect(cost_today(0, { imported_wh: 10_000, exported_wh: 0, paid: '3.10', unpriced_wh: 0, unpriced: '' }, 'USD')).toBeNull();
  expect(cost_today(2000, null, 'USD')).toBeNull();
  // 2 of 5 kWh that have a price.
  expect(cost_today(2000, { imported_wh: 10_000, exported_wh: 0, paid: '3.10', unpriced_wh: 5000, unpriced: 'No price.' }, 'USD')).toBe('about $1.24');
  expect(cost_today(2000, { imported_wh: 10_000, exported_wh: 0, paid: '0.00', unpriced_wh: 10_000, unpriced: 'No price.' }, 'USD')).toBeNull();
});
