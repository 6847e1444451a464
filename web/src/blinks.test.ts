import { describe, expect, test } from 'vitest';
import { blinks_of, brightness, type Frame } from './blinks';

// The same numbers on every machine.
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648 - 0.5;
  };
}

interface Scene {
  seconds: number;
  every_ms: number;
  on_ms: number;
  height?: number;
  spread?: number; // Of the noise.
  drift?: (at: number) => number;
  fps?: number;
}
// Frames of a camera, and when the light really came on.
function film({ seconds, every_ms, on_ms, height = 60, spread = 4, drift = () => 0, fps = 30 }: Scene): { frames: Frame[]; truth: number[] } {
  const random = noise(7);
  const frames: Frame[] = [];
  const truth: number[] = [];
  for (let at = 300; at < seconds * 1000 - on_ms; at += every_ms) truth.push(at);
  for (let i = 0; i < seconds * fps; ++i) {
    const at = (i * 1000) / fps + random() * 4;
    const is_on = truth.some((begin) => at >= begin && at < begin + on_ms);
    frames.push({ at, level: 40 + drift(at) + spread * random() + (is_on ? height : 0) });
  }
  return { frames, truth };
}
const frame_ms = 1000 / 30;

describe('A light that a camera sees', () => {
  for (const [name, scene] of Object.entries({
    'of 2 kW at 1000 to the kWh': { seconds: 120, every_ms: 1800, on_ms: 90 },
    'that is short': { seconds: 60, every_ms: 1213, on_ms: 40 },
    'that blinks four times a second': { seconds: 60, every_ms: 251, on_ms: 80 },
    'in a room that gets darker, while the exposure jumps': { seconds: 120, every_ms: 1700, on_ms: 90, drift: (at: number) => 20 * Math.sin(at / 9000) + (at > 60_000 ? 15 : 0) },
    'that hardly stands out': { seconds: 120, every_ms: 1800, on_ms: 100, height: 14 },
  } satisfies Record<string, Scene>)) {
    test(`${name} is counted, each blink at its frame`, () => {
      const { frames, truth } = film(scene);
      const seen = blinks_of(frames);
      expect(seen.length).toBe(truth.length);
      seen.forEach((at, i) => expect(Math.abs(at - truth[i]!)).toBeLessThan(2 * frame_ms));
    });
  }

  test('is counted though something flickers less', () => {
    const { frames, truth } = film({ seconds: 60, every_ms: 1500, on_ms: 90 });
    const odd = frames.map(({ at, level }) => ({ at, level: level + (Math.floor(at / 100) % 37 === 5 ? 14 : 0) }));
    expect(blinks_of(odd).length).toBe(truth.length);
  });

  test('that does not blink is not counted', () => {
    expect(blinks_of(film({ seconds: 60, every_ms: 1e9, on_ms: 0, height: 0 }).frames).length).toBe(0);
    expect(blinks_of([])).toEqual([]);
  });

  test('is as bright as the brightest part of the picture', () => {
    const pixels = new Uint8ClampedArray(4 * 1024);
    expect(brightness(pixels)).toBe(0);
    pixels.fill(255, 0, 4 * 51);
    expect(brightness(pixels)).toBeCloseTo(255);
  });
});
