// What the page knows, and apply(), the one place that changes it. Views only read.

import { writable, type Readable } from 'svelte/store';
import type { History, HomeName, Status } from './api';
import { with_shares, type Appliances, type Channel } from './appliances';
import type { Health } from './health';
import { sum, total_circuits, type Home } from './home';
import type { Decimal } from './units';

export interface Point {
  time: number; // Milliseconds UTC, by the meter.
  watts: number;
}

export interface Energy {
  imported_wh: number;
  exported_wh: number;
  paid: Decimal | null; // For what was imported; null: not known.
  unpriced_wh: number; // Of what was imported: it is not in `paid`, as its price is not known.
  unpriced: string; // Of which hours that is, as a sentence; empty: of none.
}

export interface State {
  session: 'unknown' | 'signed_in' | 'signed_out';
  status: Status | null;
  homes: HomeName[];
  home: Home | null;
  readings: Record<string, { time: number; watts: number | null }>; // By circuit id, the newest.
  recent: Point[]; // The home's total over the last ten minutes, oldest first. Only what was measured.
  today: Energy | null; // Of the total since midnight.
  newest: number | null; // Time of the newest sample.
  appliances: Appliances | null; // As they were fetched, with what runs since.
  health: Health | null; // As it was fetched.
  connection: 'connecting' | 'open' | 'lost';
  lost_at: number | null; // Since when the connection is lost, by the hub's clock.
  now: number; // The hub's clock, moved on once a second.
  ahead: number; // The hub's clock is so much ahead of this device's, in milliseconds.
  trouble: string | null; // One sentence that says what is wrong and what to do.
}

export type Message =
  | { kind: 'status'; status: Status }
  | { kind: 'homes'; homes: HomeName[] }
  | { kind: 'home'; home: Home }
  | { kind: 'sample'; received: number; now: number; time: number; circuits: Record<string, number | null> }
  | { kind: 'recent'; history: History }
  | { kind: 'today'; energy: Energy | null }
  | { kind: 'appliances'; appliances: Appliances | null }
  | { kind: 'health'; health: Health }
  | { kind: 'shares'; now: number; channels: Channel[] }
  | { kind: 'connection'; connection: State['connection'] }
  | { kind: 'tick'; at: number } // By this device's clock.
  | { kind: 'trouble'; sentence: string | null }
  | { kind: 'signed_out' };

export const recent_ms = 10 * 60 * 1000;

// A reading that is older than this is no longer shown as if it were true now.
export const fresh_ms = 15_000;

const blank: State = {
  session: 'unknown',
  status: null,
  homes: [],
  home: null,
  readings: {},
  recent: [],
  today: null,
  newest: null,
  appliances: null,
  health: null,
  connection: 'connecting',
  lost_at: null,
  now: 0,
  ahead: 0,
  trouble: null,
};

const state = writable<State>(blank);
export const live: Readable<State> = state;

export function apply(message: Message): void {
  state.update((known) => ({ ...known, ...change(known, message) }));
}

function change(known: State, message: Message): Partial<State> {
  switch (message.kind) {
    case 'status':
      return { status: message.status, session: message.status.signed_in ? 'signed_in' : 'signed_out' };
    case 'homes':
      return { homes: message.homes };
    case 'home': {
      const same = known.home?.id === message.home.id;
      return same ? { home: message.home } : { home: message.home, readings: {}, recent: [], today: null, newest: null, appliances: null, health: null };
    }
    case 'sample':
      return take_sample(known, message);
    case 'recent':
      return { recent: merge(points_of(known, message.history), known.recent) };
    case 'today':
      return { today: message.energy };
    case 'appliances':
      return { appliances: message.appliances };
    case 'health':
      return { health: message.health };
    case 'shares':
      return known.appliances ? { appliances: with_shares(known.appliances, message.channels, message.now) } : {};
    case 'connection':
      return {
        connection: message.connection,
        lost_at: message.connection === 'lost' ? (known.lost_at ?? known.now) : null,
      };
    case 'tick':
      return { now: message.at + known.ahead };
    case 'trouble':
      return { trouble: message.sentence };
    case 'signed_out':
      return { ...blank, session: 'signed_out', now: known.now, status: known.status };
  }
}

function take_sample(known: State, sample: Extract<Message, { kind: 'sample' }>): Partial<State> {
  const readings = { ...known.readings };
  for (const [id, watts] of Object.entries(sample.circuits)) {
    if ((readings[id]?.time ?? 0) <= sample.time) readings[id] = { time: sample.time, watts };
  }
  const watts = total({ ...known, readings, now: sample.now });
  const counts = known.home && total_circuits(known.home).some((circuit) => circuit.id in sample.circuits);
  return {
    readings,
    now: sample.now,
    ahead: sample.now - sample.received,
    newest: Math.max(known.newest ?? 0, sample.time),
    ...(counts && watts !== null ? { recent: merge(known.recent, [{ time: sample.time, watts }]) } : {}),
  };
}

// By time, one a second, the later list first where both have it; what is older than ten minutes
// before the newest falls out.
function merge(older: Point[], newer: Point[]): Point[] {
  const by_second = new Map<number, Point>();
  for (const point of [...older, ...newer]) by_second.set(Math.round(point.time / 1000), point);
  const points = [...by_second.values()].sort((a, b) => a.time - b.time);
  const newest = points.at(-1)?.time ?? 0;
  return points.filter((point) => point.time > newest - recent_ms);
}

function points_of(known: State, history: History): Point[] {
  if (!known.home) return [];
  const circuits = total_circuits(known.home);
  const steps = Math.max(0, ...Object.values(history.circuits).map((circuit) => circuit.mean.length));
  const points: Point[] = [];
  for (let step = 0; step < steps; ++step) {
    const watts = sum(circuits, (id) => history.circuits[id]?.mean[step] ?? null);
    if (watts !== null) points.push({ time: history.begin + step * history.step_ms, watts });
  }
  return points;
}

// Watts of a circuit as far as they are known and not old.
export function reading(known: State, id: string): number | null {
  const newest = known.readings[id];
  return newest && known.now - newest.time <= fresh_ms ? newest.watts : null;
}

export function total(known: State): number | null {
  return known.home && sum(total_circuits(known.home), (id) => reading(known, id));
}

// When the home was last heard of, live or from the store; null: never.
export function last_heard(known: State): number | null {
  return known.newest === null && known.recent.length === 0 ? null : Math.max(known.newest ?? 0, known.recent.at(-1)?.time ?? 0);
}

// What there is to say about the readings as a whole.
export type Freshness = 'waiting' | 'live' | 'stale' | 'offline';

export function freshness(known: State): Freshness {
  if (known.connection === 'lost') return 'offline';
  const last = last_heard(known);
  if (last === null) return 'waiting';
  return known.now - last <= fresh_ms ? 'live' : 'stale';
}
