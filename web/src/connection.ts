// Speaks with the hub and hands what it says to apply(). Nothing else in the page starts a timer
// that asks the hub for live data.

import * as api from './api';
import { has_strangers } from './appliances';
import type { Feedback } from './health';
import { total_circuits, type Home } from './home';
import { apply, fresh_ms, live, recent_ms, type Energy, type State } from './live';
import { midnight, minute } from './times';

let known: State;
live.subscribe((state) => (known = state));

let source: EventSource | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;
let patience_ms = 1000; // Until the next try; doubles up to a minute.

export async function start(): Promise<void> {
  apply({ kind: 'tick', at: Date.now() });
  setInterval(() => apply({ kind: 'tick', at: Date.now() }), 1000);
  setInterval(() => {
    void fetch_recent(); // What a meter sends late belongs into the picture, too.
    void fetch_today();
    void fetch_appliances();
    void fetch_health();
  }, minute);
  // A device that slept may hold a line that is long dead.
  document.addEventListener('visibilitychange', () => {
    const old = known.newest === null || Date.now() + known.ahead - known.newest > fresh_ms;
    if (document.visibilityState === 'visible' && known.session === 'signed_in' && known.home && old) listen(known.home);
  });
  addEventListener('hashchange', () => void use_link());
  await use_link();
  if (known.session === 'unknown') await check_session();
}

// The one-time link is <page>#link=TOKEN. It leaves the address before anybody can copy it.
async function use_link(): Promise<void> {
  const link = /^#link=(.+)$/.exec(location.hash)?.[1];
  if (link === undefined) return;
  history.replaceState(null, '', location.pathname + location.search);
  try {
    await api.sign_in({ link: decodeURIComponent(link) });
  } catch (error) {
    const used = error instanceof api.Refused && error.status === 401;
    say(used ? new Error('This link was used before or is too old. Get a new one from the terminal.') : error);
  }
  await check_session();
}

export async function sign_in(name: string, password: string): Promise<void> {
  await api.sign_in({ name, password });
  await check_session();
}

export async function sign_out(): Promise<void> {
  await api.sign_out();
  forget_session();
}

// Whether this page may see a home; then the homes, the first that is served, and its live readings.
export async function check_session(): Promise<void> {
  try {
    const status = await api.status();
    if (!status.signed_in) {
      hang_up();
      apply({ kind: 'status', status });
      return;
    }
    apply({ kind: 'trouble', sentence: null });
    apply({ kind: 'status', status });
    const homes = await api.homes();
    apply({ kind: 'homes', homes });
    const wanted = homes.find((home) => home.id === known.home?.id) ?? homes.find((home) => !home.error) ?? homes[0];
    if (wanted?.error) apply({ kind: 'trouble', sentence: wanted.error });
    else if (wanted) await show_home(wanted.id);
    else apply({ kind: 'trouble', sentence: 'The hub has no home yet. Name one in its configuration, then reload this page.' });
  } catch (error) {
    if (known.session !== 'signed_in') say(error);
    try_again(check_session);
  }
}

export async function show_home(id: string): Promise<void> {
  const home = await api.home(id);
  apply({ kind: 'home', home });
  listen(home);
}

function listen(home: Home): void {
  hang_up();
  apply({ kind: 'connection', connection: known.lost_at === null ? 'connecting' : 'lost' });
  source = new EventSource(api.live_path(home.id));
  source.onopen = () => {
    patience_ms = 1000;
    apply({ kind: 'connection', connection: 'open' });
    void fetch_recent();
    void fetch_today();
    void fetch_appliances();
    void fetch_health();
  };
  source.addEventListener('appliances', (event: MessageEvent<string>) => {
    const told = JSON.parse(event.data);
    const is_new = known.appliances !== null && has_strangers(known.appliances, told.channels);
    apply({ kind: 'shares', ...told });
    if (is_new) void fetch_appliances();
  });
  source.onmessage = (event: MessageEvent<string>) => {
    apply({ kind: 'sample', received: Date.now(), ...JSON.parse(event.data) });
  };
  // The browser's own retry would not notice that the session has ended.
  source.onerror = () => try_again(check_session);
}

function hang_up(): void {
  clearTimeout(retry);
  source?.close();
  source = null;
}

function try_again(what: () => Promise<void>): void {
  hang_up();
  apply({ kind: 'connection', connection: 'lost' });
  retry = setTimeout(() => void what(), patience_ms);
  patience_ms = Math.min(2 * patience_ms, minute);
}

// Why something failed, in a sentence. Empty: it was given up; or the session has ended, which ends it here too.
export function why(error: unknown): string {
  if (error instanceof DOMException && error.name === 'AbortError') return '';
  if (error instanceof api.Refused && error.status === 401) {
    forget_session();
    return '';
  }
  return error instanceof Error ? error.message : String(error);
}

// Shows it above the view.
export function say(error: unknown): void {
  const sentence = why(error);
  if (sentence) apply({ kind: 'trouble', sentence });
}

// What was wrong is over, or somebody has gone elsewhere.
export function all_well(): void {
  if (known.trouble !== null) apply({ kind: 'trouble', sentence: null });
}

function forget_session(): void {
  hang_up();
  apply({ kind: 'signed_out' });
  void api.status().then((status) => apply({ kind: 'status', status }), () => undefined);
}

// They only add to the picture: what they could not fetch is asked again soon, so nothing is said.
async function fetch_recent(): Promise<void> {
  const home = known.home;
  const ids = home ? total_circuits(home).map((circuit) => circuit.id) : [];
  if (!home || ids.length === 0 || known.connection !== 'open') return;
  const now = Date.now() + known.ahead;
  const begin = Math.floor((now - recent_ms) / 1000) * 1000;
  const recent = await api.history(home.id, ids, begin, Math.ceil(now / 1000) * 1000, 1).catch(() => null);
  if (recent && known.home?.id === home.id) apply({ kind: 'recent', history: recent });
}

async function fetch_today(): Promise<void> {
  const home = known.home;
  const ids = home ? total_circuits(home).map((circuit) => circuit.id) : [];
  if (!home || ids.length === 0 || known.connection !== 'open') return;
  const begin = midnight(known.now, home.zone);
  const end = Math.ceil((known.now + 1) / minute) * minute;
  // Energy and cost are of one answer, or they might contradict each other while something comes in late.
  const costs = await api.costs(home.id, ids, begin, end, 900).catch(() => null);
  const energy: Energy = { imported_wh: 0, exported_wh: 0, paid: costs?.total.amount ?? null, unpriced_wh: costs?.total.unpriced_wh ?? 0, unpriced: costs?.unpriced ?? '' };
  const told = costs ?? (await api.history(home.id, ids, begin, end, 900).catch(() => null));
  if (!told) return;
  for (const circuit of Object.values(told.circuits)) {
    energy.imported_wh += circuit.imported_wh ?? 0;
    energy.exported_wh += circuit.exported_wh ?? 0;
  }
  if (known.home?.id !== home.id) return;
  apply({ kind: 'today', energy });
}

export async function fetch_appliances(): Promise<void> {
  const home = known.home;
  if (!home || known.connection !== 'open') return;
  const appliances = await api.appliances(home.id).catch(() => null);
  if (appliances && known.home?.id === home.id) apply({ kind: 'appliances', appliances });
}

// Tells the hub, and then what it makes of it.
export async function say_of_appliances(saying: api.Saying): Promise<void> {
  if (!known.home) return;
  await api.say_of_appliances(known.home.id, saying);
  all_well();
  await fetch_appliances();
}

export async function fetch_health(): Promise<void> {
  const home = known.home;
  if (!home || known.connection !== 'open') return;
  const health = await api.health(home.id).catch(() => null);
  if (health && known.home?.id === home.id) apply({ kind: 'health', health });
}

export async function say_of_finding(finding: number, feedback: Feedback): Promise<void> {
  if (!known.home) return;
  await api.say_of_finding(known.home.id, finding, feedback);
  all_well();
  await fetch_health();
}
