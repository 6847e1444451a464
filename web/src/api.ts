// What the page asks of the hub, in the words of docs/http_api.yaml. Every address is relative, so
// that the page works under any path.

import type { Advice, Facts } from './advice';
import type { Appliances, Outlet, Run } from './appliances';
import type { Answered, BillAnswer, Plan, Replay, Room, Tariff } from './bill';
import type { Calibration, Step } from './calibration';
import type { Build } from './flash';
import type { Feedback, Health, Rules } from './health';
import type { Home } from './home';
import type { Credential } from './improv';
import { unpack } from './packed';
import type { Decimal } from './units';
import type { Wiring } from './wiring';

export interface Status {
  version: string;
  signed_in: boolean;
  name: string | null;
  is_owner: boolean;
  has_password: boolean;
}

export interface Meter {
  device: string;
  first: number | null;
  last: number | null;
  reports: number;
  duplicate: number;
  lost: number;
  timed_on_arrival: boolean; // The meter tells no times.
  integrated_channels: number[]; // Whose energy the hub had to make from power.
  heard: number | null; // When the newest report came, since the hub's start.
  is_paired: boolean;
  diagnostics: Diagnostics | null;
  update: MeterUpdate | null; // The newest since the hub's start.
}

export interface MeterUpdate {
  version: string;
  stage: 'sending' | 'starting' | 'on_trial' | 'confirmed' | 'went_back' | 'failed';
  bytes: number;
  written: number;
  why: string;
}

// A signed update that the hub keeps.
export interface Update {
  update: string;
  project: string;
  version: string;
  chip: string;
  added: number;
  bytes: number;
  is_checked: boolean; // The hub has the key, and the signature is of it.
}

export interface Diagnostics {
  time: number;
  firmware: string;
  uptime_s: number;
  chips: number;
  chips_missing: number[];
  resets: number;
  garbled: number;
  doubtful: number;
  free_heap_bytes: number | null;
  signal_dbm: number | null;
  waiting: number; // Samples that the hub has not confirmed.
  dropped: number;
}

export interface Window {
  home: string;
  device: string;
  code: string;
  until: number;
}
export interface Pairing {
  trouble: string;
  host: string;
  window: Window | null;
}

export interface Act {
  time: number;
  who: string;
  home: string;
  what: string;
  outcome: string;
}

export interface Gap {
  device: string;
  channel: number | null;
  begin: number;
  end: number;
}

export type Column = (number | null)[];

export interface History {
  begin: number;
  step_ms: number;
  circuits: Record<
    string,
    { mean: Column; min: Column | null; max: Column | null; imported_wh: number | null; exported_wh: number | null }
  >;
}

// What circuits took and cost in a range, and all of them together. The amount is of this energy.
export interface Cost {
  amount: Decimal;
  imported_wh: number;
  exported_wh: number;
  unpriced_wh: number; // Of what is imported: its price is not known, and not in the amount.
}
export interface Costs {
  circuits: Record<string, Cost>;
  total: Cost;
  unpriced: string; // Of which hours that is, as a sentence; empty: of none.
}

// What the hub refused, or that it did not answer (status 0). `message` is one sentence for people.
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const packed = 'application/octet-stream';

// Bytes are sent as they are, everything else as JSON.
async function answer(method: string, path: string, body?: unknown, signal?: AbortSignal, accept = '*/*'): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      signal: signal ?? null,
      credentials: 'same-origin',
      ...(method === 'GET'
        ? { headers: { Accept: accept } }
        : body instanceof Uint8Array
          ? { headers: { 'Content-Type': packed }, body: body as Uint8Array<ArrayBuffer> }
          : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body ?? {}) }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, 'The hub does not answer. Check that it runs and that this device is on the same network.');
  }
  if (!response.ok) throw new Refused(response.status, await reason(response));
  return response;
}

async function ask(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
  const response = await answer(method, path, body, signal);
  return response.status === 204 ? undefined : response.json();
}

async function reason(response: Response): Promise<string> {
  if (response.status === 429) {
    const seconds = Number(response.headers.get('Retry-After'));
    return `Too many tries. Try again in ${seconds > 0 ? `${seconds} seconds` : 'a minute'}.`;
  }
  const said = await response.json().catch(() => null);
  const sentence = said !== null && typeof said === 'object' && 'error' in said ? said.error : null;
  return typeof sentence === 'string' ? sentence : `The hub refused (${response.status}). Try again.`;
}

const home_path = (home: string, rest = ''): string => `api/homes/${encodeURIComponent(home)}${rest}`;

const query = (parameters: Record<string, string | number>): string =>
  '?' + new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)])).toString();

export const status = () => ask('GET', 'api/status') as Promise<Status>;
export const sign_in = (proof: { link: string } | { name: string; password: string }) =>
  ask('POST', 'api/session', proof) as Promise<void>;
export const sign_out = () => ask('DELETE', 'api/session') as Promise<void>;
export const set_account = (name: string, password: string) =>
  ask('PUT', 'api/account', { name, password }) as Promise<void>;
// One that cannot be served says why, in a sentence.
export interface HomeName {
  id: string;
  name: string;
  error?: string;
}
export const homes = () => ask('GET', 'api/homes') as Promise<HomeName[]>;
export const home = (id: string) => ask('GET', home_path(id)) as Promise<Home>;
export const meters = (id: string) => ask('GET', home_path(id, '/meters')) as Promise<Meter[]>;
export type MeterRequest = 'identify' | 'restart' | 'diagnostics';
export const ask_meter = (id: string, device: string, kind: MeterRequest) =>
  ask('POST', home_path(id, `/meters/${encodeURIComponent(device)}/requests`), { kind }) as Promise<{ outcome: string; sentence: string; diagnostics: Diagnostics | null }>;
export const update_meter = (id: string, device: string, update: string) =>
  ask('POST', home_path(id, `/meters/${encodeURIComponent(device)}/update`), { update }) as Promise<{ version: string }>;
export const take_credential_back = (id: string, device: string) =>
  ask('DELETE', home_path(id, `/meters/${encodeURIComponent(device)}/credential`)) as Promise<void>;
export const wiring = (id: string) => ask('GET', home_path(id, '/wiring')) as Promise<Wiring>;
export const wiring_changed = (id: string) => ask('POST', home_path(id, '/wiring')) as Promise<Wiring>;
export const calibration = (id: string) => ask('GET', home_path(id, '/calibration')) as Promise<Calibration>;
// Answers once the meter has: readings take 9 to 14 seconds.
export const calibrate = (id: string, step: Step) => ask('POST', home_path(id, '/calibration'), step) as Promise<Calibration>;
export const acts = () => ask('GET', 'api/acts') as Promise<Act[]>;

export const pairing = (id: string) => ask('GET', home_path(id, '/pairing')) as Promise<Pairing>;
export const open_pairing = (id: string, device: string) => ask('POST', home_path(id, '/pairing'), { device }) as Promise<Pairing>;
export const close_pairing = (id: string) => ask('DELETE', home_path(id, '/pairing')) as Promise<void>;
export const claim = (code: string) => ask('POST', 'api/pairing', { code }) as Promise<Credential>;

export const builds = () => ask('GET', 'api/firmware') as Promise<Build[]>;
export const put_build = (tar: Uint8Array) => ask('POST', 'api/firmware', tar) as Promise<Build>;
export const remove_build = (build: string) => ask('DELETE', 'api/firmware' + query({ build })) as Promise<void>;
export const updates = () => ask('GET', 'api/updates') as Promise<Update[]>;
export const put_update = (file: Uint8Array) => ask('POST', 'api/updates', file) as Promise<Update>;
export const remove_update = (update: string) => ask('DELETE', 'api/updates' + query({ update })) as Promise<void>;
export const part = async (build: string, offset: number): Promise<Uint8Array> =>
  new Uint8Array(await (await answer('GET', 'api/firmware/part' + query({ build, offset }))).arrayBuffer());

export const live_path = (id: string): string => home_path(id, '/live');

// Begin and end in milliseconds, step in seconds: 1 to 59, or a multiple of 60.
export async function history(
  id: string,
  circuits: string[],
  begin: number,
  end: number,
  step: number,
  signal?: AbortSignal,
): Promise<History> {
  const path = home_path(id, '/history') + query({ circuits: circuits.join(','), begin, end, step });
  const response = await answer('GET', path, undefined, signal, packed);
  const is_packed = response.headers.get('Content-Type') === packed;
  return is_packed ? unpack(new Uint8Array(await response.arrayBuffer())) : response.json();
}

// Null: there is no bill to tell them by.
export async function costs(
  id: string,
  circuits: string[],
  begin: number,
  end: number,
  step: number,
  signal?: AbortSignal,
): Promise<Costs | null> {
  const path = home_path(id, '/costs') + query({ circuits: circuits.join(','), begin, end, step });
  const told = (await ask('GET', path, undefined, signal)) as Costs & { trouble: string };
  return told.trouble === '' ? told : null;
}

export const gaps = (id: string, begin: number, end: number, signal?: AbortSignal) =>
  ask('GET', home_path(id, '/gaps') + query({ begin, end }), undefined, signal) as Promise<Gap[]>;

export const appliances = (id: string) => ask('GET', home_path(id, '/appliances')) as Promise<Appliances>;
export const appliance_runs = (id: string, begin: number, end: number) =>
  ask('GET', home_path(id, '/appliances/runs') + query({ begin, end })) as Promise<Run[]>;

// What somebody says of an appliance.
export type Saying =
  | ['answer', { appliance: number; kind: string }]
  | ['rename', { appliance: number; name: string }]
  | ['merge', { appliance: number; into: number }]
  | ['split', { run: string }]
  | ['rollback', { act: number }];
export const say_of_appliances = (id: string, [verb, body]: Saying) =>
  ask('POST', home_path(id, `/appliances/${verb}`), body) as Promise<void>;

// Gives the circuits to choose from; none: it is done.
export const switched_on = (id: string, what: { kind: string; name: string; circuit?: string | undefined }) =>
  ask('POST', home_path(id, '/appliances/switched_on'), what) as Promise<{ circuits: string[] }>;

export interface BreakerSearch {
  state: 'idle' | 'watching' | 'found' | 'unsure';
  circuit: string | null;
  is_rest: boolean;
  step_w: number | null;
}
export const breaker_search = (id: string) => ask('GET', home_path(id, '/breaker')) as Promise<BreakerSearch>;
export const begin_breaker_search = (id: string) => ask('POST', home_path(id, '/breaker')) as Promise<void>;
export const put_outlet = (id: string, outlet: Outlet) => ask('POST', home_path(id, '/outlets'), outlet) as Promise<void>;

export const health = (id: string) => ask('GET', home_path(id, '/health')) as Promise<Health>;
export const say_of_finding = (id: string, finding: number, feedback: Feedback) =>
  ask('POST', home_path(id, '/health/feedback'), { finding, feedback }) as Promise<void>;
export const rules = (id: string) => ask('GET', home_path(id, '/rules')) as Promise<Rules>;
export const put_rules = (id: string, { times, rules: all }: Pick<Rules, 'times' | 'rules'>) =>
  ask('PUT', home_path(id, '/rules'), { times, rules: all }) as Promise<void>;
// Without a rule: of the channels alone.
export const test_rule = (id: string, rule?: string) =>
  ask('POST', home_path(id, '/rules/test'), rule === undefined ? {} : { rule }) as Promise<void>;

export const tariff = (id: string) => ask('GET', home_path(id, '/tariff')) as Promise<Tariff>;
export const put_tariff = (id: string, text: string) => ask('PUT', home_path(id, '/tariff'), { text }) as Promise<void>;
export const put_prices = (id: string, text: string) => ask('PUT', home_path(id, '/tariff/prices'), { text }) as Promise<void>;
// Without a period ("2026-10"): of the month that runs.
export const bill = (id: string, period: string, signal?: AbortSignal) =>
  ask('GET', home_path(id, '/bill') + (period ? query({ period }) : ''), undefined, signal) as Promise<BillAnswer>;
export const replay = (id: string) => ask('GET', home_path(id, '/bill/replay')) as Promise<Answered<Replay>>;
export const room = (id: string, { what, power_w, legs, hours, kwh_a_day, unseen_w }: Plan) => {
  const given = { ...hours, ...(kwh_a_day === null ? {} : { kwh_a_day }), ...(unseen_w === null ? {} : { unseen_w }) };
  return ask('GET', home_path(id, '/room') + query({ what, power_w, legs: legs.join(','), ...given })) as Promise<Answered<Room>>;
};

export const advice = (id: string) => ask('GET', home_path(id, '/advice')) as Promise<Advice>;
export const put_facts = (id: string, appliance: number, facts: Facts) =>
  ask('POST', home_path(id, '/advice/facts'), { appliance, ...facts }) as Promise<void>;
export const say_done = (id: string, prediction: number) => ask('POST', home_path(id, '/advice/done'), { prediction }) as Promise<void>;

// A page of its own, of a month ("2026-10").
export const report = async (id: string, month: string, signal?: AbortSignal): Promise<string> =>
  (await answer('GET', home_path(id, '/report') + query({ month }), undefined, signal)).text();
