// How every chart of the page looks: a quiet grid, few labels inside the plot, colours from the
// tokens of style.css, time in the home's zone.

import type uPlot from 'uplot';
import { ticks, type Tick } from './times';
import { level as level_name } from './units';

export const token = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Calls back when the person switches between light and dark. Returns how to stop.
export function on_scheme_change(redraw: () => void): () => void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', redraw);
  return () => dark.removeEventListener('change', redraw);
}

// A round number of at least `value` that stays while the value moves a little.
export function round_up(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  return (([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((one) => one * decade >= value) ?? 10) * decade);
}

// Watts from the lowest to the highest value, zero included, with a little air. A quiet house is
// not blown up to look like a busy one.
export function power_range(low: number | null, high: number | null): [number, number] {
  const top = Math.max(0, high ?? 0) * 1.05;
  const bottom = Math.max(0, -(low ?? 0)) * 1.05;
  const least = bottom > 0 ? 0 : 100;
  return [bottom > 1 ? -round_up(bottom) : 0, top > 1 || least > 0 ? round_up(Math.max(top, least, 1)) : 0];
}

// Two to five round values inside the range, zero among them.
export function levels(low: number, high: number): number[] {
  const rough = (high - low) / 4;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((one) => one * decade >= rough) ?? 10) * decade;
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high; ++n) found.push(n * step);
  return found;
}

const font = (): string => `12px ${token('--font')}`;

export function axes(zone: () => string): uPlot.Axis[] {
  return [
    {
      size: 26,
      gap: 6,
      font: font(),
      stroke: () => token('--faint'),
      grid: { show: false },
      ticks: { show: false },
      splits: (u, _axis, begin, end) => tick_list(u, begin, end, zone()).map((tick) => tick.time),
      values: (u, splits) => {
        const begin = u.scales['x']?.min ?? 0;
        const end = u.scales['x']?.max ?? 0;
        const labels = new Map(tick_list(u, begin, end, zone()).map((tick) => [tick.time, tick.label]));
        return splits.map((split) => labels.get(split) ?? '');
      },
    },
    { show: false },
  ];
}

// Those whose label has room beside the edges.
function tick_list(u: uPlot, begin: number, end: number, zone: string): Tick[] {
  const width = u.bbox.width / devicePixelRatio;
  const edge = (26 / Math.max(1, width)) * (end - begin);
  return ticks(begin, end, zone, Math.max(2, Math.floor(width / 66))).filter(
    (tick) => tick.time >= begin + edge && tick.time <= end - edge,
  );
}

// Lines under the series.
export function draw_levels(u: uPlot): void {
  const { ctx, bbox } = u;
  const { min, max } = u.scales['y'] ?? {};
  if (min == null || max == null) return;
  ctx.save();
  for (const level of levels(min, max)) {
    const y = Math.round(u.valToPos(level, 'y', true));
    ctx.fillStyle = token(level === 0 && min < 0 ? '--faint' : '--line');
    ctx.fillRect(bbox.left, y, bbox.width, Math.max(1, Math.round(devicePixelRatio)));
  }
  ctx.restore();
}

// Their values, at the right end, where the newest reading stands.
export function draw_level_names(u: uPlot): void {
  const { ctx, bbox } = u;
  const { min, max } = u.scales['y'] ?? {};
  if (min == null || max == null) return;
  ctx.save();
  ctx.font = `${11 * devicePixelRatio}px ${token('--font')}`;
  ctx.textAlign = 'right';
  ctx.textBaseline = 'bottom';
  ctx.fillStyle = token('--faint');
  for (const level of levels(min, max)) {
    const y = u.valToPos(level, 'y', true) - 3 * devicePixelRatio;
    if (level === 0 || y < bbox.top + 11 * devicePixelRatio) continue;
    const x = bbox.left + bbox.width - 4 * devicePixelRatio;
    ctx.fillText(level_name(level), x, y);
  }
  ctx.restore();
}

// The colour of a single line: one for what is drawn, below zero the other for what is given.
export function by_sign(u: uPlot, drawn: string, given: string): string | CanvasGradient {
  const { min, max } = u.scales['y'] ?? {};
  if (min == null || max == null || min >= 0) return token(drawn);
  const { ctx, bbox } = u;
  const zero = Math.min(1, Math.max(0, (u.valToPos(0, 'y', true) - bbox.top) / bbox.height));
  const gradient = ctx.createLinearGradient(0, bbox.top, 0, bbox.top + bbox.height);
  gradient.addColorStop(0, token(drawn));
  gradient.addColorStop(zero, token(drawn));
  gradient.addColorStop(zero, token(given));
  gradient.addColorStop(1, token(given));
  return gradient;
}

// Light fills where the chart is drawn from zero.
export const from_zero: uPlot.Series.FillTo = () => 0;
