import { expect, test } from 'vitest';
import { sentence, type Flows } from './sentence';
import { text } from './units';

const quiet: Flows = { total: 0, at_grid: true, produced: null, discharged: null, price_per_kwh: 0.22, currency: 'USD' };

function read(flows: Partial<Flows>): string {
  const { before, amount, after, more } = sentence({ ...quiet, ...flows });
  return `${before} ${text(amount)}${after}. ${more}`.trim().replaceAll('\u00a0', ' ');
}

test('A home that draws says how much and what it costs', () => {
  expect(read({ total: 640 })).toBe('Your home uses 640 W, about 14 cents an hour.');
});

test('Without a price there is no cost', () => {
  expect(read({ total: 640, price_per_kwh: null })).toBe('Your home uses 640 W.');
});

test('A home that gives says so, without a minus sign and without a cost', () => {
  expect(read({ total: -1200 })).toBe('Your home gives 1.20 kW to the grid.');
});

test('With sun, what the grid gives and what the home uses are told apart', () => {
  // 640 bought and 1100 from the roof.
  expect(read({ total: 640, produced: 1100 })).toBe(
    'Your home takes 640 W from the grid, about 14 cents an hour. The roof makes 1.10 kW and the home uses 1.74 kW.',
  );
  expect(read({ total: -1200, produced: 2000 })).toBe(
    'Your home gives 1.20 kW to the grid. The roof makes 2.00 kW and the home uses 800 W.',
  );
});

test('A battery gives or takes', () => {
  expect(read({ total: 100, discharged: 500 })).toBe(
    'Your home takes 100 W from the grid, about 2 cents an hour. The battery gives 500 W and the home uses 600 W.',
  );
  expect(read({ total: -100, produced: 2000, discharged: -1500 })).toBe(
    'Your home gives 100 W to the grid. The roof makes 2.00 kW, the battery takes 1.50 kW and the home uses 400 W.',
  );
});

test('At night the roof is not mentioned', () => {
  expect(read({ total: 640, produced: 0 })).toBe('Your home uses 640 W, about 14 cents an hour.');
});

test('Without a clamp on the grid nobody knows what the sun left to pay', () => {
  expect(read({ total: 640, at_grid: false })).toBe('Your home uses 640 W, about 14 cents an hour.');
  expect(read({ total: 640, at_grid: false, produced: 300 })).toBe('Your home uses 640 W. The roof makes 300 W.');
});

test('A home that draws nothing uses 0 W, and a few watts of noise are not given to the grid', () => {
  expect(read({ total: 0 })).toBe('Your home uses 0 W.');
  expect(read({ total: -2 })).toBe('Your home uses 0 W.');
});
