import { describe, expect, test } from 'vitest';
import type { Home } from './home';
import { how_sure, lines_of_circuit, not_seen_by_reason, said_of_wiring, type ExaminedMeter, type Wiring } from './wiring';

const reversed = { fault: 'reversed', title: 'the wrong way round', channels: [4], circuits: ['dryer'], where: 'CT5 (Dryer)', evidence: 'Its steps are negative.', fix: 'Turn it around.', confidence: 0.99 };
const meter: ExaminedMeter = { device: 'meter-1', until: 0, minutes: 120, is_enough: true, findings: [], not_seen: [] };
const silent = 'Too little flows through it: switch something on and off behind it.';
const home = { panel: { circuits: [{ id: 'dryer', name: 'Dryer' }, { id: 'shed', name: 'Shed' }, { id: 'office', name: 'Office' }] } } as unknown as Home;

describe('What the wiring doctor says', () => {
  test('that nothing was found is no promise', () => {
    const words = said_of_wiring(meter);
    expect(words).toMatch(/^In 2\sh of samples nothing wrong showed\.$/);
    expect(words).not.toMatch(/safe|no fault|correct|fine/i);
  });

  test('too few samples are not taken for a good sign', () => {
    expect(said_of_wiring({ ...meter, minutes: 4, is_enough: false })).toMatch(/^Only 4\smin of samples are stored/);
    expect(said_of_wiring({ ...meter, minutes: 0, is_enough: false })).toBe('There are no samples to look at yet.');
  });

  test('how many things look wrong is said, and how sure each is', () => {
    expect(said_of_wiring({ ...meter, findings: [reversed] })).toMatch(/1 thing looks wrong/);
    expect(said_of_wiring({ ...meter, findings: [reversed, reversed] })).toMatch(/2 things look wrong/);
    expect([0.99, 0.85, 0.6].map(how_sure)).toEqual(['Quite sure', 'Likely', 'Perhaps']);
  });

  test('what is not seen stands once under its reason', () => {
    const all = ['CT1 (A)', 'CT2 (B)'].map((where) => ({ circuit: null, where, why: silent }));
    expect(not_seen_by_reason([...all, { circuit: 'attic', where: 'Attic', why: 'It has no clamp.' }])).toEqual([
      { why: silent, where: ['CT1 (A)', 'CT2 (B)'] },
      { why: 'It has no clamp.', where: ['Attic'] },
    ]);
  });

  test('a circuit has a line where its clamp is wrong or not seen, and none else', () => {
    const wiring: Wiring = { now: 0, since: null, is_looking: false, without_clamp: [], meters: [{ ...meter, findings: [reversed], not_seen: [{ circuit: 'shed', where: 'CT6 (Shed)', why: silent }] }] };
    expect(lines_of_circuit(wiring, home, 'dryer')).toEqual(['CT5 (Dryer): the wrong way round. Turn it around.']);
    expect(lines_of_circuit(wiring, home, 'shed')).toEqual([`Whether the clamp of Shed is right does not show. ${silent}`]);
    expect(lines_of_circuit(wiring, home, 'office')).toEqual([]);
    expect(lines_of_circuit(null, home, 'dryer')).toEqual([]);
  });
});
