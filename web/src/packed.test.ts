import { expect, test } from 'vitest';
import { unpack } from './packed';

const bytes = (hex: string) => Uint8Array.from(hex.trim().split(/\s+/), (byte) => parseInt(byte, 16));

// The example of docs/history_format.md.
const example = '01 E8 07 E8 07 02 11 01 01 61 00 C1 0C 05 00';

test('The example of the format reads as its text says', () => {
  expect(unpack(bytes(example))).toEqual({
    begin: 1000,
    step_ms: 1000,
    circuits: { a: { mean: [null, 80], min: null, max: null, imported_wh: 0.005, exported_wh: 0 } },
  });
});

test('What is produced is negative, and a gap does not lose what came before it', () => {
  // -0.1 W, a gap, -0.2 W, 0 W: differences -1, -1, 2; zigzag 1, 1, 4; and one more each.
  const column = unpack(bytes('01 00 E8 07 04 01 01 01 61 02 00 02 05')).circuits['a']!.mean;
  expect(column).toEqual([-0.1, null, -0.2, 0]);
});

test('A history that was cut off is refused, not drawn', () => {
  expect(() => unpack(bytes(example).subarray(0, 11))).toThrow('too early');
});

test('A later version is refused', () => {
  expect(() => unpack(bytes('02' + example.slice(2)))).toThrow('version');
});
