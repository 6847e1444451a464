import { expect, test } from 'vitest';
import {
  bar, carbon_words, covered_words, days_of, difference_words, forecast_words, headline, is_bill, leg_bars, line_of, month_name, period_words,
  range_of_line, ranked, replay_headline, sheet_of, split_shares, usual_power, with_rest, type Bill, type BillLine, type Replay, type Share,
} from './bill';

const share = (name: string, part: number): Share => ({ id: name, name, energy_wh: 1000, amount: '1.00', share: part });
const bill = (more: Partial<Bill> = {}): Bill => ({
  period: { begin: '2026-11-01', end: '2026-12-01', is_running: true }, tariff: 'One price', currency: 'EUR', lines: [], total: '46.20',
  imported_wh: 0, exported_wh: 0, unpriced: '', covered: 1, has_mains: true, standing: '0.00', feed_in: '0.00', circuits: [], appliances: [], forecast: { low: '84', median: '92', high: '100' }, ...more,
});
const replay = (rows: [tariff: string, total: string | null, difference: string | null][]): Replay => ({
  begin: '2025-11-01', end: '2026-11-01', currency: 'EUR', covered: 1, now: '100.00', now_shifted: '100.00', shiftable: [], carbon: null,
  rows: rows.map(([tariff, total, difference]) => ({ tariff, source: '', trouble: '', total, difference, shifted_total: null, shifted_kwh: 0 })),
});

test('Carbon is told with what it could have been, and how much of it is known', () => {
  expect(carbon_words({ kg: 812.4, known: 1, shifted_kg: 790.1, shifted_kwh: 120 }).replaceAll('\u00a0', ' '))
    .toBe('About 812 kg of CO₂, or 790 kg had 120 kWh of it run when the grid was cleanest.');
  expect(carbon_words({ kg: 5, known: 0.5, shifted_kg: 5, shifted_kwh: 0 }).replaceAll('\u00a0', ' ')).toBe('About 5 kg of CO₂. Of 50 % of the energy it is not known.');
});

test('The first sentence says what the month cost so far, and what it will', () => {
  expect(headline(bill())).toEqual({ before: 'November so far', amount: '€46.20', after: ', about €92 ± 8 by its end' });
  expect(headline(bill({ forecast: null })).after).toBe('');
});

test('A month that is over has no forecast', () => {
  const over = bill({ period: { begin: '2026-10-01', end: '2026-11-01', is_running: false } });
  expect(headline(over)).toEqual({ before: 'October 2026', amount: '€46.20', after: '' });
});

test('A forecast that leans to one side says both its ends', () => {
  expect(forecast_words({ low: '84', median: '88', high: '120' }, 'USD')).toBe('about $88, $84 to $120');
});

test('A trouble stands in place of a bill', () => {
  expect(is_bill({ note: '', trouble: 'No tariff is set.' })).toBe(false);
  expect(is_bill({ note: '', trouble: '', ...bill() })).toBe(true);
});

test('A period ends with its last day, in a leap year too', () => {
  expect(period_words('2028-02-01', '2028-03-01')).toBe('1 Feb 2028 to 29 Feb 2028');
  expect(month_name('2026-10')).toBe('October 2026');
});

test('Few shares are shown at once, many behind a word; a single one is not hidden', () => {
  const many = (n: number) => Array.from({ length: n }, (_, i) => share(`c${i}`, 1 / n));
  expect(split_shares(many(9)).map((one) => one.length)).toEqual([9, 0]);
  expect(split_shares(many(42)).map((one) => one.length)).toEqual([8, 34]);
});

test('The largest share fills its bar, and a credit has none', () => {
  const all = [share('ev', 0.5), share('fridge', 0.125), share('roof', -0.1)];
  expect(all.map((one) => bar(one, all))).toEqual([100, 25, 0]);
});

test('A bill of a time that was not wholly measured says so', () => {
  expect(covered_words(0.998)).toBe('');
  expect(covered_words(0.992)).toMatch(/^99\u00a0% of this time was measured\./);
});

test('A difference is said as more or less, never by a sign alone', () => {
  expect(['-55.20', '3.00', '+3.00', '0.00', '-0.00'].map((one) => difference_words(one, 'EUR'))).toEqual(['€55.20 less', '€3.00 more', '€3.00 more', 'the same', 'the same']);
});

test('The cheapest tariff is named only where it is cheaper', () => {
  expect(replay_headline(replay([['Night', '95.00', '-5.00'], ['Flat', '101.00', '1.00']]))).toBe('Night would have cost €5.00 less.');
  expect(replay_headline(replay([['Flat', '101.00', '1.00']]))).toBe('None of these would have been cheaper.');
  expect(replay_headline(replay([['Hourly', null, null]]))).toBe('There is no other tariff to compare with.');
});

test('The line that a sentence names is found in the text', () => {
  const text = 'name = "a"\nwrong = 1\nlast = 2';
  expect(line_of('tariff.toml, line 2: "wrong" is no key.')).toBe(2);
  expect(line_of('There are too many periods.')).toBeNull();
  expect(text.slice(...range_of_line(text, 2))).toBe('wrong = 1');
  expect(text.slice(...range_of_line(text, 3))).toBe('last = 2');
  expect(range_of_line(text, 9)).toEqual([text.length, text.length]);
});

test('A leg is drawn with its peak and the load on it, never beyond its end', () => {
  const leg = { leg: 1, rating_a: 50, peak_a: 20, peak_at: 0, left_a: 20 };
  expect(leg_bars(leg)).toEqual({ peak: 40, load: 20 });
  expect(leg_bars({ ...leg, left_a: -10 })).toEqual({ peak: 40, load: 60 });
  expect(leg_bars({ ...leg, left_a: 40 })).toEqual({ peak: 40, load: 0 });
});

test('The form begins with what such a load commonly takes there', () => {
  expect(usual_power('charger', 3, 'DE')).toBe(11_000);
  expect(usual_power('charger', 1, 'FR')).toBe(7400);
  expect(usual_power('charger', 2, 'US')).toBe(9600);
});

test('Shares, standing charges and what was given add up to the bill', () => {
  const rows = with_rest(bill({ total: '40.00', standing: '10.00', feed_in: '-2.00' }), [share('ev', 0.8)]);
  expect(rows.map((row) => [row.name, row.amount, row.share])).toEqual([['ev', '1.00', 0.8], ['Standing charges', '10.00', 0.25], ['Given to the grid', '-2.00', -0.05]]);
  expect(with_rest(bill(), [])).toEqual([]);
});

test('A line says its days only where a price changed within the bill', () => {
  const line = (begin: string, end: string): BillLine => ({ words: '', quantity: '1', unit: 'kWh', price: '1', amount: '1', begin, end });
  const [first, second] = [line('2026-11-01', '2026-11-16'), line('2026-11-16', '2026-12-01')];
  const split = bill({ lines: [first, second] });
  expect([first, second].map((one) => days_of(one, split))).toEqual(['1 Nov 2026 to 15 Nov 2026', '16 Nov 2026 to 30 Nov 2026']);
  const whole = line('2026-11-01', '2026-11-16');
  expect(days_of(whole, bill({ lines: [whole] }))).toBe('');
});

test('The own tariff stands where its total puts it, and one without a total last', () => {
  const rows = ranked(replay([['Night', '95.00', '-5.00'], ['Flat', '101.00', '1.00'], ['Hourly', null, null]]));
  expect(rows.map((row) => row.tariff)).toEqual(['Night', 'Yours', 'Flat', 'Hourly']);
});

test('A sheet has its title first and whom it is for last', () => {
  expect(sheet_of(['In the form of 220.87', 'Recorded: 365 days', 'x 125 %: 18600 VA: so', 'For your electrician: a record.'])).toEqual({
    title: 'In the form of 220.87', rows: [['Recorded', '365 days'], ['x 125 %', '18600 VA: so']], note: 'For your electrician: a record.',
  });
  expect(sheet_of([])).toEqual({ title: '', rows: [], note: '' });
});
