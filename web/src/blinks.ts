// A light that blinks, from how bright it was in the frames of a camera.

export interface Frame {
  at: number; // Milliseconds.
  level: number; // Brightness, in any unit.
}

const around_ms = 1000; // To either side: what is dark there is the light's off.
const dark_share = 0.2; // So many of the frames around are surely dark.
const least_noises = 6; // A blink stands out of the dark by so many deviations.
const least_height = 0.4; // Of a usual blink: lower ones are something else.

const quantile = (sorted: number[], share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
const ascending = (values: number[]): number[] => [...values].sort((a, b) => a - b);

// When it came on, each time. Slow changes of daylight and of the camera's exposure are no blinks.
export function blinks_of(frames: Frame[]): number[] {
  let first = 0;
  let last = 0;
  const above = frames.map(({ at, level }) => {
    while (frames[first]!.at < at - around_ms) ++first;
    while (last < frames.length && frames[last]!.at <= at + around_ms) ++last;
    return level - quantile(ascending(frames.slice(first, last).map((frame) => frame.level)), dark_share);
  });
  // Of the frames nearest to their dark, none of which is a blink.
  const noise = 1.4826 * quantile(ascending(above.map(Math.abs)), dark_share);
  const blinks: { at: number; height: number }[] = [];
  let is_on = false;
  above.forEach((height, i) => {
    const is_bright = height > least_noises * noise + 1;
    if (is_bright && !is_on) blinks.push({ at: frames[i]!.at, height });
    else if (is_bright) blinks.at(-1)!.height = Math.max(blinks.at(-1)!.height, height);
    is_on = is_bright;
  });
  const usual = quantile(ascending(blinks.map((blink) => blink.height)), 0.5);
  return blinks.filter((blink) => blink.height > least_height * usual).map((blink) => blink.at);
}

// How bright the brightest twentieth of a picture is, of RGBA bytes: a small light in a large dark.
export function brightness(pixels: Uint8ClampedArray): number {
  const levels: number[] = [];
  for (let i = 0; i + 3 < pixels.length; i += 4) levels.push(0.299 * pixels[i]! + 0.587 * pixels[i + 1]! + 0.114 * pixels[i + 2]!);
  const brightest = levels.sort((a, b) => b - a).slice(0, Math.max(1, levels.length / 20));
  return brightest.reduce((sum, level) => sum + level, 0) / brightest.length;
}
