import { expect, test } from 'vitest';
import { about, amount, cost, cost_an_hour, duration, energy, level, money, percent, power, price, printed, text } from './units';

// Written with plain spaces here; on the page number and unit stay on one line.
const plain = (words: string | null) => words?.replaceAll('\u00a0', ' ') ?? null;

test.each([
  [0, '0 W'],
  [-0.4, '0 W'],
  [0.5, '1 W'],
  [118.4, '118 W'],
  [999.4, '999 W'],
  [999.6, '1.00 kW'],
  [2060, '2.06 kW'],
  [9996, '10.0 kW'],
  [11_240, '11.2 kW'],
  [99_960, '100 kW'],
  [999_600, '1.00 MW'],
])('%d watts read as "%s"', (watts, words) => {
  expect(plain(text(power(watts)))).toBe(words);
});

test('Produced power carries a real minus sign, not a hyphen', () => {
  expect(power(-1104).value).toBe('\u22121.10');
});

test.each([
  [0, '0 Wh'],
  [0.31, '0.3 Wh'],
  [118, '118 Wh'],
  [11_240, '11.2 kWh'],
  [1_500_000, '1.50 MWh'],
])('%d watt-hours read as "%s"', (watt_hours, words) => {
  expect(plain(text(energy(watt_hours)))).toBe(words);
});

test('A chart names its lines with round numbers', () => {
  expect([2000, 1500, 10_000, 500, 100, -1000].map((watts) => plain(level(watts)))).toEqual([
    '2 kW', '1.5 kW', '10 kW', '500 W', '100 W', '\u22121 kW',
  ]);
});

test('An hour that costs less than the currency is told in its coins', () => {
  // 0.640 kW at $0.22 is $0.1408 an hour.
  expect(cost_an_hour(640, 0.22, 'USD')).toBe('about 14 cents an hour');
  expect(cost_an_hour(640, 0.22, 'EUR')).toBe('about 14 cents an hour');
  expect(cost_an_hour(640, 0.22, 'GBP')).toBe('about 14 pence an hour');
});

test('One coin is one, and less than half a coin is less than one', () => {
  expect(cost_an_hour(50, 0.2, 'USD')).toBe('about 1 cent an hour');
  expect(cost_an_hour(20, 0.2, 'USD')).toBe('less than a cent an hour');
  expect(cost_an_hour(1, 31, 'JPY')).toBe('less than ¥1 an hour');
});

test('An hour that costs more is told in the currency itself', () => {
  // 7.2 kW at 0.31 is 2.232 an hour.
  expect(cost_an_hour(7200, 0.31, 'EUR')).toBe('about €2.23 an hour');
  expect(cost_an_hour(2000, 31, 'JPY')).toBe('about ¥62 an hour');
});

test('99.6 cents are a dollar', () => {
  expect(cost_an_hour(996, 1, 'USD')).toBe('about $1.00 an hour');
});

test('A currency without a word for its coin keeps its sign', () => {
  // 0.5 kW at 2 kr is 1 kr an hour.
  expect(plain(cost_an_hour(500, 2, 'SEK'))).toBe('about kr 1.00 an hour');
});

test('Without a price, and when nothing is drawn, no cost is told', () => {
  expect(cost_an_hour(640, null, 'USD')).toBeNull();
  expect(cost_an_hour(0, 0.2, 'USD')).toBeNull();
  expect(cost_an_hour(-500, 0.2, 'USD')).toBeNull();
});

test('An energy that costs next to nothing is not said to be free', () => {
  // 17 Wh at $0.17 are $0.0029, 11.2 kWh are $1.904.
  expect(cost(17, '0.00', 'USD')).toBe('less than $0.01');
  expect(cost(11_200, '1.90', 'USD')).toBe('$1.90');
  expect(cost(11_200, '-0.12', 'USD')).toBe('\u2212$0.12'); // A day-ahead price below nothing.
  expect(cost(11_200, null, 'USD')).toBeNull();
  expect(cost(0, '0.00', 'USD')).toBeNull();
  expect(cost(17, '0.00', 'USD', 17)).toBeNull(); // Its price is not known.
});

test('Money has the currency of the home', () => {
  expect(money(1.916, 'USD')).toBe('$1.92');
  expect(money(-3, 'EUR')).toBe('\u2212€3.00');
});

test('Ages and lengths are short', () => {
  expect([0, 1000, 89_000, 420_000, 12_000_000, 3 * 86_400_000].map((ms) => plain(duration(ms)))).toEqual([
    '0 s', '1 s', '89 s', '7 min', '3 h 20 min', '3 days',
  ]);
});

test('A share is told in percent', () => {
  expect(plain(percent(0.836))).toBe('84 %');
});

test('An amount from the hub is printed as exactly as it came', () => {
  expect(amount('1234.50', 'USD')).toBe('$1,234.50');
  expect(amount('9007199254740993.01', 'EUR')).toBe('€9,007,199,254,740,993.01');
  expect(amount('-12.84', 'EUR')).toBe('\u2212€12.84');
  expect(amount('-0.00', 'EUR')).toBe('€0.00');
  expect(amount('1200', 'JPY')).toBe('¥1,200');
  expect(plain(amount('1.234', 'KWD'))).toBe('KWD 1.234');
});

test('A price keeps its digits, and an estimate has none of the coins', () => {
  expect(price('0.3127', 'EUR')).toBe('€0.3127');
  expect(price('0.39', 'EUR')).toBe('€0.39');
  expect(about(91.6, 'EUR')).toBe('€92');
  expect(about(-330, 'USD')).toBe('\u2212$330');
  expect(about(-0.2, 'USD')).toBe('$0');
});

test.each([
  ['1204.5', 'kWh', '1,204.5 kWh'],
  ['291.017832', 'kWh', '291.018 kWh'],
  ['30', 'day', '30 days'],
  ['1', 'day', '1 day'],
  ['1.00', 'month', '1 month'],
  ['7.7', '%', '7.7 %'],
  ['2', '', '2'],
])('A quantity of %s "%s" is printed "%s"', (quantity, unit, words) => {
  expect(plain(printed(quantity, unit))).toBe(words);
});
