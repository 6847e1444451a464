import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  can_be_done, chance_words, facts_sent, findings_of, headline, hit_words, interval, judged, kwh, name_of, not_yet, outcome, turning_words,
  whisker, years, type Advice, type ApplianceAdvice, type Prediction, type Verdict,
} from './advice';
import type { Finding } from './health';
import type { Home } from './home';

const spread = (low: number, median: number, high: number) => ({ low, median, high });
const nothing = { age_years: null, size: null, label: null, own_price: null, repair_quote: null };
const one = (appliance: number, verdict: Verdict | null, more: Partial<ApplianceAdvice> = {}): ApplianceAdvice => ({
  appliance, name: `Thing ${appliance}`, circuit: 'grid', kind: 'fridge', facts: nothing, size_unit: '', label_unit: '', not_yet: '', verdict, why: '',
  free_first: [], candidates: [], turning_point: null, prediction: null, ...more,
});
const prediction = (id: number, more: Partial<Prediction> = {}): Prediction => ({
  id, of: 'advice', appliance: 1, what: 'Replace the fridge', said: 0, unit: 'kWh a year', predicted: spread(80, 100, 120), done: null, measured: null, note: '', ...more,
});
const advice = (appliances: ApplianceAdvice[], predictions: Prediction[] = []): Advice => ({ now: 0, currency: 'EUR', is_ready: true, appliances, predictions, hit_rate: null });

test('The first sentence is what is to be done, else that nothing is', () => {
  expect(headline(advice([one(1, 'keep'), one(2, 'replace')]))).toBe('Thing 2: replace it');
  expect(headline(advice([one(1, 'repair'), one(2, 'replace')]))).toBe('2 appliances are worth a decision');
  expect(headline(advice([one(1, 'keep')]))).toBe('Keep what you have');
  expect(headline(advice([one(1, 'keep', { free_first: ['Set it to −18 °C.'] })]))).toBe('Keep what you have; something is free to gain');
  expect(headline(advice([one(1, null, { not_yet: 'Measured for 9 days.' })]))).toBe('Nothing can be said yet');
  expect(headline({ ...advice([]), is_ready: false })).toBe('Your appliances are being weighed');
});

test('What is to be done stands before what is kept, and what cannot be judged apart', () => {
  const all = advice([one(1, 'keep'), one(2, 'use_otherwise'), one(3, 'replace'), one(4, 'repair'), one(5, null, { not_yet: 'Measured for 9 days.' })]);
  expect(judged(all).map((each) => each.appliance)).toEqual([4, 3, 2, 1]);
  expect(not_yet(all).map((each) => each.appliance)).toEqual([5]);
});

test('An appliance that is called as another is named with its circuit, unless that has the same name', () => {
  const home = { panel: { circuits: [{ id: 'kitchen', name: 'Kitchen', position: 1 }, { id: 'fridge', name: 'Fridge', position: 3 }] } } as Home;
  const kitchen = one(1, null, { name: 'Fridge', circuit: 'kitchen' });
  const own = one(2, null, { name: 'Fridge', circuit: 'fridge' });
  expect(name_of(kitchen, [kitchen, own], home)).toBe('Fridge, Kitchen');
  expect(name_of(own, [kitchen, own], home)).toBe('Fridge');
  expect(name_of(kitchen, [kitchen], home)).toBe('Fridge');
});

test('How often it was right is said with how often it could be', () => {
  expect(hit_words({ right: 3, of: 4 })).toBe('3 of 4 predictions came true in this home.');
  expect(hit_words({ right: 1, of: 1 })).toBe('1 of 1 prediction came true in this home.');
  expect(hit_words(null)).toBe('No prediction has been measured in this home yet.');
});

test('A chance is never said to be none or all', () => {
  expect([0, 0.28, 0.82, 0.999].map(chance_words)).toEqual(['1 of 10', '3 of 10', '8 of 10', '9 of 10']);
});

test('The turning point is said in its own unit', () => {
  expect(turning_words({ of: 'uses_a_year', value: 1210.3 }, 'EUR')).toBe('The answer changes at about 1,210 uses a year.');
  expect(turning_words({ of: 'price_per_kwh', value: 0.384 }, 'EUR')).toBe('The answer changes where a kWh costs about €0.38.');
  expect(turning_words({ of: 'purchase', value: 500 }, 'USD')).toBe('The answer changes where a new one costs about $500.');
});

test('An interval has both ends, or one value where they read the same', () => {
  expect(interval(spread(80.4, 100, 119.6), kwh)).toBe('80 to 120');
  expect(interval(spread(4.01, 4.02, 4.03), years)).toBe('4');
  expect(interval(JSON.parse('{"low":4,"median":12,"high":null}'), years)).toBe('4 to never');
});

test('Spreads of all candidates are drawn on one scale', () => {
  const [a, b] = [spread(0, 10, 20), spread(20, 30, 40)];
  expect(whisker(a, [a, b])).toEqual({ begin: 0, width: 50, dot: 25 });
  expect(whisker(b, [a, b])).toEqual({ begin: 50, width: 50, dot: 75 });
});

test('A finding of its condition belongs to its appliance', () => {
  const found = [{ asset: 'appliance 1' }, { asset: 'appliance 12' }, { asset: 'supply' }] as Finding[];
  expect(findings_of(one(1, 'replace'), found)).toEqual([found[0]]);
});

test('Only what was predicted and is not done can be done', () => {
  const known = advice([], [prediction(7), prediction(8, { done: 5 })]);
  expect([7, 8, 9, null].map((id) => can_be_done(one(1, 'replace', { prediction: id }), known))).toEqual([true, false, false, false]);
});

test('What became of a prediction: its measure, why there is none, or that it is still to come', () => {
  expect(outcome(prediction(1, { done: 1, measured: spread(71, 101, 131) }))).toBe('measured 101 (71 to 131)');
  expect(outcome(prediction(1, { done: 1, measured: spread(71, 101, 131), note: 'Not adjusted.' }))).toBe('measured 101 (71 to 131). Not adjusted.');
  expect(outcome(prediction(1, { done: 1, note: 'not measured: nobody was at home' }))).toBe('not measured: nobody was at home');
  expect(outcome(prediction(1, { done: 1 }))).toBe('done, and measured since');
  expect(outcome(prediction(1))).toBe('not done');
  expect(outcome(prediction(1, { of: 'forecast', unit: 'EUR' }))).toBe('measured when the month is over');
  expect(outcome(prediction(1, { of: 'forecast', unit: 'EUR', measured: spread(91, 91, 91) }))).toBe('measured €91');
});

test('A field that was emptied is sent as not known', () => {
  expect(facts_sent({ ...nothing, age_years: 12, own_price: ' 649 ', repair_quote: '' })).toEqual({ ...nothing, age_years: 12, own_price: '649' });
});

test('Nothing that a person reads promises anything', () => {
  for (const file of ['bill.ts', 'advice.ts', 'views/Bill.svelte', 'views/Advice.svelte', 'views/Room.svelte', 'views/Report.svelte', 'parts/AdviceCard.svelte', 'parts/Candidates.svelte', 'parts/OtherTariffs.svelte']) {
    expect(readFileSync(`${import.meta.dirname}/${file}`, 'utf8')).not.toMatch(/\bcertified\b|guarantee|you will save/i);
  }
});
