import { describe, expect, test } from 'vitest';
import { said_of_change, said_of_check, said_of_comparison, said_of_drift, said_of_light, shown_by, standing, steadiness, type Channel } from './calibration';

const plain = (words: string) => words.replaceAll('\u00a0', ' ');
const reading = { time: 0, volts: 230.41, amperes: 9.9812, watts: 2299.32, unrest: 0.001, is_steady: true };
const channel: Channel = {
  device: 'meter-1', channel: 3, circuit: 'oven', newest: null,
  uncalibrated: [{ amperes: 1, resistive_percent: 9, half_percent: 30 }, { amperes: 10, resistive_percent: 4.43, half_percent: 16 }],
};

describe('Calibration', () => {
  test('a clamp that nobody calibrated has its ± too', () => {
    expect(plain(standing(channel))).toBe('± 4.4 %');
    const newest = { time: 0, reference: 'W', by: 'Ann', clamp: '', is_kept: true, plus_minus: [{ amperes: 10, resistive_percent: 0.24, half_percent: 0.3 }] };
    expect(plain(standing({ ...channel, newest }))).toBe('± 0.24 %');
  });

  test('a load is read only while it is steady, and the page says why not', () => {
    expect(steadiness(reading)).toBe('Steady.');
    expect(plain(steadiness({ ...reading, unrest: 0.034, is_steady: false }))).toContain('It changes by 3.4 %');
    expect(steadiness({ ...reading, unrest: null, is_steady: false })).toContain('Nothing flows');
    expect(steadiness(null)).toContain('No sample');
  });

  test('a reading keeps its digits, and what is missing is no zero', () => {
    expect(plain(shown_by(reading))).toBe('230.4 V, 9.981 A, 2299.3 W');
    expect(plain(shown_by({ volts: null, amperes: 0, watts: -3 }))).toBe('–, 0.000 A, \u22123.0 W');
  });

  test('a count says what both counted, and what of it was not seen', () => {
    const count = { circuit: 'main', clamps: [], blinks: 100, missed: 2, doubled: 0, seconds: 180, utility_wh: 100, our_wh: 97, off_percent: -3, plus_minus_percent: 1, is_set: false };
    expect(plain(said_of_light(count))).toBe("In 3 min the utility's meter blinked 100 times, 2 of them not seen: 100.0 Wh. Your clamps counted 97.0 Wh, 3 % less.");
    expect(said_of_light({ ...count, missed: 0 })).not.toContain('not seen');
  });

  test('a check says what is apart, what was stated, and what to do where that does not hold', () => {
    const check = { reference_w: 2300, meter_w: 2301.2, off_percent: 0.05, plus_minus_percent: 0.24, is_within: true };
    expect(plain(said_of_check(check))).toBe('The meter shows 2301.2 W, the reference 2300.0 W: 0.05 % apart, within the ± 0.24 % that was stated.');
    expect(said_of_check({ ...check, off_percent: -1, is_within: false })).toContain('if it stays so, undo it');
  });

  test('a reading of the utility\u2019s meter says what the clamps counted beside it, or why it cannot', () => {
    expect(said_of_comparison(null)).toBe('the first');
    expect(said_of_comparison({ why_not: 'Too little.' })).toBe('Too little.');
    expect(plain(said_of_comparison({ utility_kwh: 36, our_kwh: 35.28, off_percent: -2, plus_minus_percent: 1.04 })))
      .toBe('36.0 kWh since the one before; your clamps counted 2 % less, ± 1 %');
    const read = { circuit: 'main', clamps: [], rows: [], gain: null, drift: { off_percent: 3, plus_minus_percent: 0.1, stated_percent: 1.4, has_drifted: true } };
    expect(plain(said_of_drift(read))).toContain('3 % more than the utility\'s meter: beyond the ± 1.4 %');
    expect(said_of_drift({ ...read, drift: null })).toBe('');
    expect(plain(said_of_change(-2.5, 5.9, 1.1))).toBe('\u22122.5 %; ± 5.9 % becomes ± 1.1 %');
  });
});
