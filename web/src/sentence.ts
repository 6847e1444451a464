// The first thing on the page: one sentence that a guest understands.

import { cost_an_hour, power, text, type Quantity } from './units';

export interface Sentence {
  before: string; // "Your home uses"
  amount: Quantity; // Drawn big.
  after: string; // ", about 14 cents an hour", " to the grid"; may be empty.
  more: string; // A second sentence about where it comes from; may be empty.
}

export interface Flows {
  total: number; // Watts at the grid, or of all that draws when nothing is measured there.
  at_grid: boolean; // Whether `total` is measured at the grid.
  produced: number | null; // Watts that the sun gives; null without solar circuits.
  discharged: number | null; // Watts that the battery gives, negative while it is charged.
  price_per_kwh: number | null;
  currency: string;
}

// Below this a flow is noise and not worth a word.
const noticeable_w = 5;

export function sentence(flows: Flows): Sentence {
  const sun = flows.produced !== null && flows.produced >= noticeable_w ? flows.produced : 0;
  const battery = flows.discharged !== null && Math.abs(flows.discharged) >= noticeable_w ? flows.discharged : 0;
  const cost = cost_an_hour(flows.total, flows.price_per_kwh, flows.currency);
  // Without a clamp on the grid nobody knows which part of it was bought.
  const after = cost && (flows.at_grid || (!sun && battery <= 0)) ? `, ${cost}` : '';
  if (flows.total <= -noticeable_w) {
    return {
      before: 'Your home gives',
      amount: power(-flows.total),
      after: ' to the grid',
      more: sources(flows, sun, battery),
    };
  }
  const mixed = flows.at_grid && (sun > 0 || battery !== 0);
  return {
    before: mixed ? 'Your home takes' : 'Your home uses',
    amount: power(Math.max(0, flows.total)),
    after: mixed ? ` from the grid${after}` : after,
    more: sources(flows, sun, battery),
  };
}

function sources(flows: Flows, sun: number, battery: number): string {
  const parts = [];
  if (sun > 0) parts.push(`The roof makes ${text(power(sun))}`);
  if (battery > 0) parts.push(`${parts.length ? 'the' : 'The'} battery gives ${text(power(battery))}`);
  if (battery < 0) parts.push(`${parts.length ? 'the' : 'The'} battery takes ${text(power(-battery))}`);
  if (parts.length === 0) return '';
  const used = flows.total + sun + battery;
  if (flows.at_grid && used >= noticeable_w) parts.push(`the home uses ${text(power(used))}`);
  const last = parts.pop() as string;
  return (parts.length ? `${parts.join(', ')} and ${last}` : last) + '.';
}
