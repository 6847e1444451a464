// The packed history, as docs/history_format.md describes it, taken apart.

import type { Column, History } from './api';

const version = 1;
const [mean, min, max, energy, total] = [1, 2, 4, 8, 16];

class Reader {
  private at = 0;
  constructor(private readonly bytes: Uint8Array) {}

  // Whole numbers below 2^53: those that the hub sends are.
  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new RangeError('The packed history ends too early.');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  text(): string {
    const length = this.number();
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }

  // `unit` steps are one.
  column(count: number, unit: number): Column {
    const values: Column = new Array<number | null>(count);
    let steps = 0;
    for (let i = 0; i < count; ++i) {
      const number = this.number();
      if (number === 0) {
        values[i] = null;
      } else {
        steps += number % 2 === 1 ? (number - 1) / 2 : -number / 2;
        values[i] = steps / unit;
      }
    }
    return values;
  }
}

export function unpack(bytes: Uint8Array): History {
  const reader = new Reader(bytes);
  if (reader.number() !== version) throw new RangeError('The packed history is of another version: load the page anew.');
  const [begin, step_ms, count, columns] = [reader.number(), reader.number(), reader.number(), reader.number()];
  const column = (flag: number, unit: number): Column | null => (columns & flag ? reader.column(count, unit) : null);
  const circuits: History['circuits'] = {};
  for (let left = reader.number(); left > 0; --left) {
    const id = reader.text();
    const powers = { mean: column(mean, 10) ?? [], min: column(min, 10), max: column(max, 10) };
    column(energy, 1000); // Of each step, once for import and once for export: nothing draws them.
    column(energy, 1000);
    const wh = (): number | null => (columns & total ? reader.number() / 1000 : null);
    circuits[id] = { ...powers, imported_wh: wh(), exported_wh: wh() };
  }
  return { begin, step_ms, circuits };
}
