// A month's bill, what it would be under other tariffs, and whether there is room for more: what to
// say first, and in which words.

import { about, amount, count, energy, percent, text, type Decimal } from './units';

// As docs/http_api.yaml has it, here and below.
export interface Tariff {
  text: string; // Of its file; empty: there is none.
  trouble: string;
  name: string;
  currency: string;
  price_now: Decimal | null;
  prices_until: number | null;
  templates: { id: string; name: string; country: string; text: string }[];
}

export interface BillLine {
  words: string;
  quantity: Decimal;
  unit: string;
  price: Decimal;
  amount: Decimal;
  begin: string;
  end: string;
}

// Amount of the whole bill that one circuit or appliance has; without an id: what is of none.
export interface Share {
  id: string | number | null;
  name: string;
  circuit?: string;
  energy_wh: number | null; // Null: no energy caused it.
  amount: Decimal;
  share: number;
}

export interface Bill {
  period: { begin: string; end: string; is_running: boolean };
  tariff: string;
  currency: string;
  lines: BillLine[];
  total: Decimal;
  imported_wh: number;
  exported_wh: number;
  unpriced: string; // Of which hours no price is known, and what the amounts are without; empty: of none.
  covered: number;
  has_mains: boolean;
  standing: Decimal;
  feed_in: Decimal;
  circuits: Share[];
  appliances: Share[];
  forecast: { low: Decimal; median: Decimal; high: Decimal } | null;
}

// With a trouble there is no bill, and it says why.
export type BillAnswer = { note: string; periods?: string[] } & ({ trouble: '' } & Bill | { trouble: string });

export interface ReplayRow {
  tariff: string;
  source: string;
  trouble: string; // Why there is no total.
  total: Decimal | null;
  difference: Decimal | null;
  shifted_total: Decimal | null;
  shifted_kwh: number;
}

export interface Carbon {
  kg: number;
  known: number; // Share of the energy of which it is known.
  shifted_kg: number;
  shifted_kwh: number;
}

export interface Replay {
  begin: string;
  end: string;
  currency: string;
  covered: number;
  now: Decimal;
  now_shifted: Decimal;
  rows: ReplayRow[];
  shiftable: string[];
  carbon: Carbon | null; // Of what was imported; null where no intensity is known.
}

// With a trouble there is nothing else; what is being read may be asked for again in some seconds.
export type Answered<Value> = { trouble: string; is_being_read: boolean } & Partial<Value>;

export type PlannedLoad = 'charger' | 'heat_pump' | 'battery';

export interface Plan {
  what: PlannedLoad;
  power_w: number;
  legs: number[]; // From 1.
  hours: { begin: number; end: number } | null; // Null: at any hour.
  kwh_a_day: number | null; // Null: its bill is not asked for.
  unseen_w: number | null; // Of heating or cooling that did not run while it was measured.
}

export interface Room {
  sentence: string;
  fits: boolean;
  days: number;
  quarters_over: number;
  legs: { leg: number; rating_a: number; peak_a: number; peak_at: number; left_a: number }[];
  shift: string[];
  sheet: { is_within: boolean; refused: string[]; lines: string[] } | null;
  contracted: { highest: number; sufficient: number; unit: string; rule: string; source: string } | null;
  bill: { before: Decimal; after: Decimal } | null;
}

export const is_whole = <Value>(answer: Answered<Value>): answer is Answered<Value> & Value => answer.trouble === '' && !answer.is_being_read;
export const is_bill = (answer: BillAnswer): answer is BillAnswer & { trouble: '' } & Bill => answer.trouble === '';

const month_format = new Intl.DateTimeFormat('en', { month: 'long', year: 'numeric', timeZone: 'UTC' });
const day_format = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });

// "October 2026" of "2026-10".
export const month_name = (month: string): string => month_format.format(new Date(`${month}-01T00:00:00Z`));

// "1 Oct 2026 to 31 Oct 2026" of local days of which the last is not included.
export function period_words(begin: string, end: string): string {
  const last = new Date(Date.parse(`${end}T00:00:00Z`) - 1);
  return `${day_format.format(new Date(`${begin}T00:00:00Z`))} to ${day_format.format(last)}`;
}

export interface Headline {
  before: string; // "November so far"
  amount: string; // Drawn big.
  after: string; // ", about €92 ± 8 by its end"; may be empty.
}

// The one sentence that a person came for.
export function headline(bill: Bill): Headline {
  const month = month_name(bill.period.begin.slice(0, 7));
  const before = bill.period.is_running ? `${month.split(' ')[0]} so far` : month;
  const expected = bill.forecast ? `, ${forecast_words(bill.forecast, bill.currency)} by its end` : '';
  return { before, amount: amount(bill.total, bill.currency), after: bill.period.is_running ? expected : '' };
}

// "about €92 ± 8"; where it lies to one side of its interval, "about €92, €84 to €120".
export function forecast_words(forecast: NonNullable<Bill['forecast']>, currency: string): string {
  const [low, median, high] = [forecast.low, forecast.median, forecast.high].map(Number) as [number, number, number];
  const wide = (high - low) / 2;
  if (Math.abs(high + low - 2 * median) > 0.5 * wide) return `about ${about(median, currency)}, ${about(low, currency)} to ${about(high, currency)}`;
  return `about ${about(median, currency)} ± ${Math.max(1, Math.round(wide))}`;
}

// Enough for a phone before somebody asks for all.
const most_shown = 8;

// The largest, and what stands behind "All".
export const split_shares = (shares: Share[]): [shown: Share[], more: Share[]] =>
  shares.length <= most_shown + 1 ? [shares, []] : [shares.slice(0, most_shown), shares.slice(most_shown)];

// What no use caused stands at the end, so that all rows add up to the bill.
export function with_rest(bill: Bill, shares: Share[]): Share[] {
  const of = (name: string, amount: Decimal): Share => ({ id: null, name, energy_wh: null, amount, share: Number(amount) / Number(bill.total) || 0 });
  const rest = [of('Standing charges', bill.standing), of('Given to the grid', bill.feed_in)];
  return [...shares, ...rest.filter((one) => Number(one.amount) !== 0)];
}

// The days of a line, where they are not those of the bill; else empty.
export const days_of = (line: BillLine, bill: Bill): string =>
  line.begin === bill.period.begin && bill.lines.every((one) => one.end <= line.end) ? '' : period_words(line.begin, line.end);

// Width of a share's bar, of 100, where the largest has all of it. A credit has none.
export function bar(share: Share, all: Share[]): number {
  const most = Math.max(...all.map((one) => one.share));
  return most > 0 ? Math.max(0, (100 * share.share) / most) : 0;
}

// What is said of a bill for whose time not all was measured; empty: enough was.
export const covered_words = (covered: number): string =>
  covered >= 0.995 ? '' : `${percent(Math.min(0.99, covered))} of this time was measured. What ran in the rest is not counted.`;

// "About 812 kg of CO₂, or 790 kg had 120 kWh of it run when the grid was cleanest."
export function carbon_words({ kg, known, shifted_kg, shifted_kwh }: Carbon): string {
  const shifted = shifted_kwh > 0 ? `, or ${count(Math.round(shifted_kg))} kg had ${text(energy(1000 * shifted_kwh))} of it run when the grid was cleanest` : '';
  return `About ${count(Math.round(kg))} kg of CO₂${shifted}.${known < 0.995 ? ` Of ${percent(1 - known)} of the energy it is not known.` : ''}`;
}

// "€55.20 less", "€3.00 more", "the same".
export function difference_words(difference: Decimal, currency: string): string {
  const [, sign, digits] = /^([-+]?)(.*)$/.exec(difference) as unknown as [string, string, Decimal];
  if (Number(digits) === 0) return 'the same';
  return `${amount(digits, currency)} ${sign === '-' ? 'less' : 'more'}`;
}

// The home's own tariff among the others, where its total puts it; those without a total last.
export function ranked(replay: Replay): (ReplayRow & { is_own: boolean })[] {
  const is_shifted = replay.now_shifted !== replay.now;
  const own = { tariff: 'Yours', source: '', trouble: '', total: replay.now, difference: null, shifted_total: is_shifted ? replay.now_shifted : null, shifted_kwh: 0, is_own: true };
  const total = (row: ReplayRow): number => (row.total === null ? Infinity : Number(row.total));
  return [...replay.rows.map((row) => ({ ...row, is_own: false })), own].sort((a, b) => total(a) - total(b) || 0);
}

// The sentence above the table of other tariffs.
export function replay_headline(replay: Replay): string {
  const best = replay.rows.find((one) => one.difference !== null);
  if (!best || best.difference === null) return 'There is no other tariff to compare with.';
  if (!best.difference.startsWith('-')) return 'None of these would have been cheaper.';
  return `${best.tariff} would have cost ${difference_words(best.difference, replay.currency)}.`;
}

// Which line of a file a sentence of the hub complains about, from 1.
export function line_of(trouble: string): number | null {
  const found = /\bline (\d+)/.exec(trouble);
  return found ? Number(found[1]) : null;
}

// Where a line stands in a text; at its end where there is no such line.
export function range_of_line(text: string, line: number): [begin: number, end: number] {
  const lines = text.split('\n');
  const begin = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return [Math.min(begin, text.length), Math.min(begin + (lines[line - 1]?.length ?? 0), text.length)];
}

export const load_words: Record<PlannedLoad, string> = { charger: 'A car charger', heat_pump: 'A heat pump', battery: 'A battery' };

// How many watts such a load commonly has, to begin with.
export function usual_power(what: PlannedLoad, phases: number, country: string): number {
  const north_america = country === 'US' || country === 'CA';
  if (what === 'charger') return north_america ? 9600 : phases === 3 ? 11_000 : 7400;
  return what === 'heat_pump' ? (north_america ? 6000 : 4000) : 5000;
}

// What it may take in a day, for its bill, where that is much the same everywhere: a car's 15,000 km a year.
export const usual_kwh_a_day = (what: PlannedLoad): number | null => (what === 'charger' ? 7 : null);

export interface Sheet {
  title: string;
  rows: [words: string, value: string][];
  note: string;
}

// The lines of the hub's sheet: its title first, whom it is for last, and "words: value" between.
export function sheet_of(lines: string[]): Sheet {
  const rows = lines.slice(1, -1).map((line): [string, string] => {
    const colon = line.indexOf(': ');
    return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 2)];
  });
  return { title: lines[0] ?? '', rows, note: lines.length > 1 ? lines.at(-1)! : '' };
}

// Parts of 100 of a leg's rating: what its peak took, and what the load takes with the reserve for it.
export function leg_bars(leg: Room['legs'][number]): { peak: number; load: number } {
  const peak = (100 * leg.peak_a) / leg.rating_a;
  const both = (100 * (leg.rating_a - leg.left_a)) / leg.rating_a;
  return { peak: Math.min(100, peak), load: Math.max(0, Math.min(100, both) - Math.min(100, peak)) };
}
