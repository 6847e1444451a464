import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { by_urgency, channels_text, headline, plot, standing, trimmed, type Asset, type Evidence, type Finding, type Health } from './health';
import { measured } from './units';

const finding = (id: number, urgency: Finding['urgency'], changed = `Thing ${id} works harder.`): Finding => ({
  id, asset: `appliance ${id}`, change: 'works_harder', urgency, since: 0, found: id, ended: null, evidence: [], feedback: null, who: '',
  text: { changed, since: '', sure: '', evidence: '', cost: '', danger: '', check: '', causes: '' },
});
const asset = (watch: Asset['watch']): Asset => ({ asset: 'supply', name: 'The supply', watch, since: 0, note: '', trends: [] });
const health = (open: Finding[], assets: Asset[] = []): Health => ({
  now: 0, open, ended: [], assets, troubles: [], notices: [], channels: [], waiting: 0, lost: 0,
});

test('The first sentence is the danger, else the finding, else how many there are', () => {
  expect(headline(health([finding(1, 'digest'), finding(2, 'danger', 'The supply has lost its neutral.')]))).toBe('The supply has lost its neutral');
  expect(headline(health([finding(1, 'digest')]))).toBe('Thing 1 works harder');
  expect(headline(health([finding(1, 'digest'), finding(2, 'today')]))).toBe('2 things are worth a look');
  expect(headline(health([], [asset('watched')]))).toBe('Nothing stands out');
  expect(headline(health([], [asset('learning')]))).toBe('Still learning what is usual');
  expect(headline(health([]))).toBe('Nothing is watched yet');
});

test('What is urgent stands first, then what is new', () => {
  expect(by_urgency([finding(1, 'digest'), finding(3, 'digest'), finding(2, 'today')]).map((one) => one.id)).toEqual([2, 3, 1]);
});

test('How many are watched is said with what is not', () => {
  expect(standing([asset('watched'), asset('watched'), asset('learning'), asset('not_visible')])).toBe('2 watched, 1 still learns what is usual, 1 not visible here');
  expect(standing([])).toBe('');
});

const evidence = (course: Evidence['course'], more: Partial<Evidence> = {}): Evidence => ({
  feature: 'duty', name: 'share of the time on', unit: '', before: null, now: null, usual_spread: null, course, ...more,
});

test('A course is drawn over its whole range, and a gap stays a gap', () => {
  const drawn = plot(evidence([[0, 1], [10, 2], [20, null], [30, 1], [40, 2]]), 20)!;
  expect(drawn.lines).toHaveLength(2);
  expect(drawn.lines[0]).toMatch(/^M0\.00 .*L25\.00/);
  expect(drawn.since).toBe(50);
  expect(drawn.band).toBeNull();
});

test('What was usual is a band with its spread', () => {
  // From 0 to 4 with 8 % of air above and below: 4.32 at the top, 4.64 high.
  const drawn = plot(evidence([[0, 0], [10, 4]], { before: 1, usual_spread: 1 }), 0)!;
  expect(drawn.band!.y).toBeCloseTo((100 * (4.32 - 2)) / 4.64);
  expect(drawn.band!.height).toBeCloseTo((100 * 2) / 4.64);
});

test('What is hardly known is not drawn', () => {
  expect(plot(evidence([[0, 1], [10, null]]), 0)).toBeNull();
});

test('A lone value between gaps is seen', () => {
  expect(plot(evidence([[0, 1], [10, null], [20, 3], [30, null], [40, 1], [50, 1]]), 0)!.lines[1]).toMatch(/h0\.6$/);
});

test('A feature is said in its unit', () => {
  expect(measured(0.4, '')).toBe('40\u00a0%');
  expect(measured(1240, 'Wh')).toBe('1.24\u00a0kWh');
  expect(measured(1860, 's')).toBe('31\u00a0min');
  expect(measured(0.1234, 'ohm')).toBe('0.123\u00a0Ω');
  expect(measured(22, '1/d')).toBe('22 a day');
  expect(measured(null, 'W')).toBe('not known');
});

test('A rule is sent with what its kind has, and nothing else', () => {
  expect(trimmed({ name: 'a', when: 'left_on', asset: 'circuit a', power_w: 1, for_min: 5, by: '20:00', sending: 'today', says: 'x', is_true: true })).toEqual({
    name: 'a', when: 'left_on', asset: 'circuit a', for_min: 5, sending: 'today',
  });
});

test('Channels are named as people know them', () => {
  expect(channels_text([])).toBe('');
  expect(channels_text(['mqtt', 'email', 'webhook'])).toBe('Home Assistant, e-mail and a webhook');
});

test('Nothing that a person reads promises anything', () => {
  for (const file of ['health.ts', 'views/Health.svelte', 'parts/FindingCard.svelte', 'parts/EvidencePlot.svelte', 'parts/RulesCard.svelte']) {
    expect(readFileSync(`${import.meta.dirname}/${file}`, 'utf8')).not.toMatch(/\bsafe\b|no fault/i);
  }
});
