// A hub made of paper, to look at the page without one: `npm run build && npm run mock [port]`.
// Each path is a world of its own, so relative addresses are tried as well:
//   /us/ /eu/      a house each, one that buys and one that gives
//   /many/         a tenant with 42 circuits, and names that are long, empty, right to left, or look like HTML
//   /first/        a meter that has not reported yet
//   /stale/        a meter that fell silent when the mock was started
// Sign in with <world>/#link=demo, or as ann with "correct horse".

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as meters from './meters_mock.mjs';
import * as money from './money_mock.mjs';

const dist = join(dirname(fileURLToPath(import.meta.url)), 'dist');
const started = Date.now();
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

const circuit = (position, id, name, kind, rating_a, poles, watts, more = {}) => ({
  id, name, kind, parent: kind === 'grid' ? null : 'grid', rating_a, poles, legs: [1], position, room: '', metered: true, watts, ...more,
});

// Smooth noise from 0 to 1 that depends only on the time, so that any range can be asked for again.
const hash = (n) => { const x = Math.sin(n * 127.1) * 43758.5453; return x - Math.floor(x); };
const wave = (time, seed) => hash(Math.floor(time / 1000) + seed * 7919);
const on = (time, period_s, share, seed) => (((time / 1000 + seed * 977) % period_s) / period_s < share ? 1 : 0);
const local_hour = (time, ahead) => ((time / 3_600_000 + ahead) % 24 + 24) % 24;
const sun = (time, ahead) => Math.max(0, Math.sin(((local_hour(time, ahead) - 7) / 10) * Math.PI)) * (0.85 + 0.15 * wave(time / 20, 3));

const us_circuits = [
  circuit(0, 'grid', 'Main', 'grid', 200, 2, null),
  circuit(1, 'range', 'Range', 'load', 40, 2, (t) => on(t, 21600, 0.04, 1) * 2600 * on(t, 40, 0.6, 1)),
  circuit(2, 'dryer', 'Dryer', 'load', 30, 2, (t) => on(t, 1500, 0.45, 2) * (2040 + 40 * wave(t, 2))),
  circuit(5, 'kitchen', 'Kitchen', 'load', 20, 1, (t) => 140 + 56 * wave(t / 9, 5) + on(t, 1700, 0.06, 5) * 1750),
  circuit(6, 'heat_pump', 'Heat pump', 'load', 40, 2, (t) => on(t, 5400, 0.4, 6) * (1900 + 60 * wave(t, 6))),
  circuit(7, 'fridge', 'Fridge', 'load', 15, 1, (t) => on(t, 2700, 0.45, 7) * (112 + 8 * wave(t, 7)) + 2),
  circuit(9, 'living_room', 'Living room', 'load', 15, 1, (t) => 220 + 24 * wave(t / 5, 9)),
  circuit(10, 'roof', 'Roof', 'solar', 20, 2, (t) => -1400 * Math.max(0.75, sun(t, -5))),
  circuit(11, 'office', 'Office', 'load', 15, 1, (t) => 130 + 22 * wave(t, 11)),
  circuit(13, 'bedrooms', 'Bedrooms', 'load', 15, 1, (t) => 36 + 4 * wave(t, 13)),
  circuit(14, 'ev', 'EV charger', 'ev', 50, 2, (t) => on(t, 86400, 0.12, 14) * 9600),
  circuit(15, 'space_heater', 'Space heater', 'load', 15, 1, (t) => 1480 + 14 * wave(t, 15)),
  circuit(17, 'well_pump', 'Well pump', 'load', 15, 1, () => 0),
  circuit(18, 'outside', 'Outside lights', 'load', 15, 1, null, { metered: false }),
  circuit(19, 'garage', 'Garage', 'load', 20, 1, null, { metered: false }),
];

const eu_circuits = [
  circuit(1, 'grid', 'Hausanschluss', 'grid', 63, 3, null),
  circuit(25, 'herd', 'Herd', 'load', 16, 3, (t) => on(t, 21600, 0.05, 21) * 3100 * on(t, 30, 0.5, 1)),
  circuit(4, 'wallbox', 'Wallbox', 'ev', 16, 3, (t) => on(t, 86400, 0.1, 22) * 10900),
  circuit(7, 'pv', 'Dach', 'solar', 20, 3, (t) => -3600 * Math.max(0.7, sun(t, 1))),
  circuit(10, 'kuehlen', 'Kühlschrank', 'load', 16, 1, (t) => on(t, 2700, 0.4, 23) * (84 + 6 * wave(t, 23)) + 1),
  circuit(11, 'bad', 'Bad', 'load', 16, 1, (t) => 12 + 3 * wave(t, 24)),
  circuit(13, 'kueche', 'Küche Steckdosen', 'load', 16, 1, (t) => 90 + 30 * wave(t / 9, 25) + on(t, 1900, 0.07, 25) * 2050),
  circuit(14, 'wohnen', 'Wohnzimmer', 'load', 16, 1, (t) => 180 + 20 * wave(t / 5, 26)),
  circuit(15, 'buero', 'Büro', 'load', 16, 1, (t) => 120 + 16 * wave(t, 27)),
  circuit(16, 'kinder', 'Kinderzimmer', 'load', 16, 1, (t) => 40 + 6 * wave(t, 28)),
  circuit(17, 'wasch', 'Waschmaschine', 'load', 16, 1, (t) => on(t, 7200, 0.4, 29) * (160 + 1900 * on(t, 1200, 0.3, 29))),
  circuit(18, 'trockner', 'Trockner', 'load', 16, 1, (t) => on(t, 10800, 0.3, 30) * 780),
  circuit(19, 'flur', 'Flur und Treppe', 'load', 10, 1, null, { metered: false }),
  circuit(20, 'keller', 'Keller', 'load', 16, 1, null, { metered: false }),
  circuit(22, 'waermepumpe', 'Wärmepumpe', 'load', 16, 3, (t) => on(t, 4800, 0.5, 31) * (1400 + 60 * wave(t, 31))),
];

const odd_names = ['', 'مطبخ البيت الكبير', 'The very long name of a circuit that nobody would ever shorten by himself',
  '<b onclick="alert(1)">bold</b>', 'חדר שינה', '🏠 Küche', 'Donaudampfschifffahrtsgesellschaftskabine'];
const many_circuits = [
  circuit(0, 'grid', 'Main', 'grid', 200, 2, null),
  ...Array.from({ length: 42 }, (_, i) =>
    circuit(i + 1, `c${i + 1}`, odd_names[i] ?? `Circuit ${i + 1}`, 'load', 15, 1, (t) => (i % 5 === 4 ? 0 : (i * 37) % 190 + 9 * wave(t, i)))),
];

const homes = {
  us: { id: 'maple', name: 'Maple Street', zone: 'America/New_York', country: 'US', currency: 'USD', nominal_voltage_v: 120, line_frequency_hz: 60, phases: 2, price_per_kwh: 0.171, style: 'us', circuits: us_circuits },
  eu: { id: 'linde', name: 'Lindenweg', zone: 'Europe/Berlin', country: 'DE', currency: 'EUR', nominal_voltage_v: 230, line_frequency_hz: 50, phases: 3, price_per_kwh: 0.31, style: 'din', circuits: eu_circuits },
  many: { id: 'many', name: 'Many', zone: 'America/New_York', country: 'US', currency: 'USD', nominal_voltage_v: 120, line_frequency_hz: 60, phases: 2, price_per_kwh: null, style: 'us', circuits: many_circuits },
};
homes.first = { ...homes.us };
homes.stale = { ...homes.eu };
export const worlds = homes;

const silent = [[-7 * 3600_000, -6.4 * 3600_000], [-250_000, -222_000], [-3.2 * 86400_000, -2.9 * 86400_000]]
  .map(([begin, end]) => ({ device: 'meter-1', channel: null, begin: started + begin, end: started + end }));

export function power(home, one, time) {
  if (home === homes.first || (home === homes.stale && time > started - 60_000)) return null;
  if (silent.some((gap) => time >= gap.begin && time < gap.end) || !one.metered) return null;
  if (one.kind !== 'grid') return one.watts(time);
  return home.circuits.reduce((sum, other) => sum + (other.watts ? other.watts(time) : 0), 290 + 40 * wave(time / 7, 50));
}

const capacity = (home, one) =>
  one.rating_a && one.rating_a * home.nominal_voltage_v * (home.style === 'us' ? Math.min(2, one.poles) : one.poles);

export const panel = (home) => ({
  valid_from: 0, style: home.style,
  circuits: home.circuits.map(({ watts: _, ...one }) => ({ ...one, capacity_w: capacity(home, one) })),
});

function costs(home, query) {
  const [status, told] = history(home, query);
  if (status !== 200) return [status, told];
  const paid = Object.entries(told.circuits).map(([id, { imported_wh }]) => [id, (imported_wh / 1000) * (home.price_per_kwh ?? 0)]);
  const total = paid.reduce((sum, [, amount]) => sum + amount, 0);
  return [200, home.price_per_kwh === null ? { trouble: 'No tariff is set.' }
    : { trouble: '', circuits: Object.fromEntries(paid.map(([id, amount]) => [id, amount.toFixed(2)])), total: total.toFixed(2) }];
}

function history(home, query) {
  const [begin, end, step] = ['begin', 'end', 'step'].map((name) => Number(query.get(name)));
  if (!(end > begin)) return [400, { error: 'end must be after begin.' }];
  if (!(step >= 1) || (step > 59 && step % 60 !== 0)) return [400, { error: 'step must be 1 to 59, or a multiple of 60.' }];
  const steps = Math.ceil((end - begin) / step / 1000);
  if (steps > 20000) return [400, { error: 'step is too small for this range: at most 20,000 steps.' }];
  const circuits = {};
  for (const id of query.get('circuits').split(',')) {
    const one = home.circuits.find((other) => other.id === id);
    if (!one) return [404, { error: `There is no circuit ${id}.` }];
    const sums = { mean: [], min: [], max: [], imported_wh: 0, exported_wh: 0 };
    const looks = Math.min(12, step);
    for (let i = 0; i < steps; ++i) {
      const seen = Array.from({ length: looks }, (_, look) => begin + i * step * 1000 + (look * step * 1000) / looks)
        .filter((time) => time <= Date.now()).map((time) => power(home, one, time)).filter((watts) => watts !== null);
      const mean = seen.length ? seen.reduce((a, b) => a + b, 0) / seen.length : null;
      sums.mean.push(mean);
      sums.min.push(seen.length ? Math.min(...seen) : null);
      sums.max.push(seen.length ? Math.max(...seen) : null);
      sums[mean > 0 ? 'imported_wh' : 'exported_wh'] += (Math.abs(mean ?? 0) * step) / 3600;
    }
    if (one.poles > 1 && step >= 60) sums.min = sums.max = null;
    circuits[id] = sums;
  }
  return [200, { begin, step_ms: step * 1000, circuits }];
}

// What is known of appliances: each circuit's own, in every state that a page must draw.
const kind = (word) => ({ kind: word, name: word.replaceAll('_', ' ') });
const found = {
  dryer: ['confirmed', 'tumble_dryer', 'Dryer'], fridge: ['measured', 'fridge', ''], heat_pump: ['likely', 'heat_pump', ''],
  kitchen: ['unknown', null, ''], living_room: ['likely', 'television', ''], space_heater: ['likely', 'electric_heater', ''],
  kuehlen: ['likely', 'fridge', ''], kueche: ['unknown', null, ''], waermepumpe: ['confirmed', 'heat_pump', 'Wärmepumpe'],
  c1: ['confirmed', 'lamp', odd_names[1]], c2: ['likely', 'lamp', odd_names[2]], c3: ['confirmed', 'lamp', odd_names[3]], c6: ['unknown', null, ''],
};
function channels_of(home, time) {
  return home.circuits.filter((one) => one.metered && one.kind !== 'solar').map((one) => {
    const under = one.kind === 'grid' ? home.circuits.filter((other) => other !== one && other.metered) : [];
    const watts = [one, ...under].map((other) => power(home, other, time));
    const power_w = watts.includes(null) ? null : Math.round(10 * (watts[0] - watts.slice(1).reduce((a, b) => a + b, 0))) / 10;
    const always_on_w = Math.min(one.kind === 'grid' ? 180 : 12, power_w ?? 0);
    const share = found[one.id] && power_w > 100 ? power_w - always_on_w : 0;
    return { circuit: one.id, is_rest: under.length > 0, time, power_w, appliances: share > 0 ? { [one.position]: share } : {},
      unexplained_w: power_w === null ? null : power_w - share, always_on_w: power_w === null ? null : always_on_w };
  });
}
function appliances(world, home) {
  const now = Date.now();
  const channels = world === 'first' ? [] : channels_of(home, world === 'stale' ? started - 61_000 : now);
  const all = home.circuits.filter((one) => found[one.id] && world !== 'first').map((one, index) => {
    const [certainty, word, name] = found[one.id];
    const watts = channels.find((channel) => channel.circuit === one.id)?.appliances[one.position] ?? 0;
    const timeline = Array.from({ length: 3 + index }, (_, run) => [now - (run + 1) * 5_400_000 - index * 700_000, now - (run + 1) * 5_400_000 + 1_200_000]).reverse();
    return { id: one.position, circuit: one.id, certainty, kind: word, kind_name: word && kind(word).name, probability: word && 0.97, name,
      description: `about ${(1.8 - index / 10).toFixed(1)} kW heater, ${9 - index} times this week`, is_past: false, power_w: watts,
      running_since: watts > 0 ? now - 34 * 60_000 : null, today_wh: 2100 / (index + 1), runs_today: 3 + index, timeline, is_left_on: one.id === 'space_heater',
      course: one.id === 'dryer' ? { state: watts > 0 ? 'running' : 'done', minutes_left: watts > 0 ? 24 : null, ended: watts > 0 ? null : now - 1_200_000, went_on: false } : null };
  });
  if (world === 'us') all.push({ ...all[0], id: 99, name: 'Old freezer', kind: 'freezer', kind_name: 'freezer', is_past: true, today_wh: 0, power_w: 0, running_since: null, timeline: [], runs_today: 0 });
  const asked = all.find((one) => one.certainty === 'unknown');
  return { now, until: now, has_model: world !== 'eu', is_studying: world === 'eu', channels, appliances: all,
    question: asked ? { appliance: asked.id, example: { begin: now - 7_200_000, end: now - 7_000_000, energy_wh: 90, peak_w: 1810 }, guesses: ['kettle', 'toaster', 'microwave'].map(kind), weekly_wh: 800 } : null,
    last_act: world === 'us' ? { id: 4, time: now - 3_600_000, who: 'ann', text: 'answer 2: tumble_dryer' } : null,
    outlets: world === 'us' ? [{ circuit: 'kitchen', room: 'Kitchen', name: 'left of the sink' }] : [],
    power_cut: world === 'us' ? { begin: now - 9_000_000, end: now - 7_200_000, not_back: [], waited_for: [], dark: [] } : null,
    kinds: ['fridge', 'freezer', 'kettle', 'toaster', 'microwave', 'tumble_dryer', 'washing_machine', 'television', 'lamp', 'heat_pump', 'electric_heater', 'other'].map(kind) };
}

// What was found of equipment: a slow change in the us world, a danger in the eu one.
const days = (n, value) => Array.from({ length: n }, (_, i) => [started - (n - i) * 86_400_000, value(i)]);
const share = { unit: '', feature: 'duty', name: 'share of the time on', before: 0.31, now: 0.4, usual_spread: 0.02 };
const leaks = {
  id: 3, asset: 'appliance 7', change: 'works_harder', urgency: 'digest', since: started - 12 * 86_400_000, found: started - 4 * 86_400_000, told: null, ended: null,
  confidence: 0.9, suspects: [], extra_wh_per_day: 210, feedback: null, answered: null, who: '',
  evidence: [
    { ...share, course: days(40, (i) => (i === 20 || i === 21 ? null : 0.31 + 0.015 * wave(i * 1000, 1) + (i > 28 ? 0.08 : 0))) },
    { ...share, feature: 'run_power', name: 'power while it runs', unit: 'W', before: 96, now: 97, usual_spread: 2, course: days(40, (i) => 96 + 2 * wave(i * 1000, 2)) },
  ],
  text: { changed: 'The fridge works harder than it used to.', since: 'Since about 18 November 2026.', sure: 'Quite sure: 9 of 10 such findings were right in tests.',
    evidence: 'Share of the time on: 40 %, before 31 % (± 2 %).', cost: 'About 6.39 kWh a month more, or 1.92 USD.', danger: '',
    check: 'Shut a sheet of paper in the door: where it slips out, clean or renew the gasket.', causes: 'Likely a door that does not seal; it could also be a warmer place.' },
};
const neutral = {
  ...leaks, id: 4, asset: 'supply', change: 'open_neutral', urgency: 'danger', extra_wh_per_day: null,
  evidence: [{ feature: 'leg_voltage', name: 'voltage of the leg', unit: 'V', before: 230, now: 251, usual_spread: 3, course: days(12, (i) => 230 + (i > 9 ? 20 : 2 * wave(i * 1000, 3))) }],
  text: { ...leaks.text, changed: 'The supply has lost its neutral.', since: 'Since 30 November 2026, 14:02.', cost: '', check: 'Switch both circuits off, and call an electrician.', causes: 'Perhaps a contact that has come loose.',
    danger: 'Switch off at the main switch now: voltages may rise beyond what devices bear. Call the utility at any hour, and an electrician.' },
};
function health(world) {
  const stands = (asset, name, watch, note = '', trends = []) => ({ asset, name, watch, since: started - 30 * 86_400_000, note, trends });
  const first = world === 'first';
  const many = world === 'many' ? odd_names.map((name, i) => ({ ...leaks, id: 10 + i, asset: `circuit c${i}`, evidence: [], text: { ...leaks.text, changed: `${name || 'It'} works harder than it used to.` } })) : [];
  return { now: Date.now(), open: world === 'us' ? [leaks] : world === 'eu' ? [leaks, neutral] : many,
    ended: world === 'us' ? [{ ...leaks, id: 1, ended: started - 86_400_000, feedback: 'fixed', who: 'ann' }] : [],
    assets: first ? [] : [
      stands('appliance 7', 'The fridge', 'watched', '', [{ ...share, course: leaks.evidence[0].course }]),
      stands('appliance 10', 'The heat pump', 'outside', 'It is colder than it has ever been here.'), stands('appliance 17', 'The pump', 'learning'),
      stands('supply', 'The supply', 'watched', 'Neutral not watched: one leg is measured.', [{ feature: 'supply_ohm', name: 'resistance of the supply', unit: 'ohm', before: 0.12, now: 0.121, usual_spread: 0.004, course: days(30, (i) => 0.12 + 0.003 * wave(i * 1000, 4)) }]),
      stands('circuit kitchen', 'The circuit Kitchen', 'not_visible', 'No plug reports the voltage at the load.'),
      ...many.map((one) => stands(one.asset, one.text.changed.replace(' works harder than it used to.', ''), 'watched')),
    ],
    troubles: world === 'stale' ? [{ what: 'meter meter-1', sentence: 'The meter meter-1 has been silent since 14:02: look whether it has power and reaches the hub.', since: started }] : [],
    notices: first ? [] : [{ id: 2, time: started - 3_600_000, sending: 'today', is_danger: false, title: 'Stove left on', text: 'The circuit Kitchen has drawn more than 500 W for 30 min.' }],
    channels: world === 'us' ? ['mqtt', 'email'] : [], waiting: 0, lost: 0 };
}
const rules = (world) => ({
  times: { quiet_begin: '22:00', quiet_end: '07:00', digest_day: 'monday', digest_at: '08:00' }, trouble: world === 'stale' ? 'rules.toml, line 3: "when" must be one of "above", "below".' : '',
  rules: world === 'us' ? [
    { name: 'Stove left on', when: 'above', asset: 'circuit kitchen', power_w: 500, for_min: 30, sending: 'today', says: 'The circuit Kitchen has drawn more than 500 W for 30 min.', is_true: true },
    { name: '<b>Dryer</b>', when: 'finished', asset: 'appliance 2', sending: 'at_once', says: 'The tumble dryer has finished.', is_true: false }] : [],
});

function live(world, home, request, response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write(': hello\n\n');
  if (world === 'first') return;
  const tell = (time) => {
    const circuits = Object.fromEntries(home.circuits.filter((one) => one.metered).map((one) => [one.id, power(home, one, time)]));
    response.write(`data: ${JSON.stringify({ now: Date.now(), time, device: 'meter-1', circuits })}\n\n`);
    response.write(`event: appliances\ndata: ${JSON.stringify({ now: Date.now(), channels: channels_of(home, time) })}\n\n`);
  };
  tell(world === 'stale' ? started - 60_000 : Date.now());
  const timer = setInterval(() => world !== 'stale' && tell(Date.now()), 1000);
  request.on('close', () => clearInterval(timer));
}

let tries = 0;
async function body_of(request) {
  let body = '';
  for await (const chunk of request) body += chunk;
  return JSON.parse(body);
}
async function sign_in(request) {
  const proof = await body_of(request);
  if (proof.link === 'demo' || (proof.name === 'ann' && proof.password === 'correct horse')) return [204];
  return ++tries % 4 === 0 ? [429, { error: 'Too many tries.' }, { 'Retry-After': 30 }] : [401, { error: 'Wrong link, or wrong name or password.' }];
}

async function answer(request, response) {
  const url = new URL(request.url, 'http://mock');
  const [, world, ...rest] = url.pathname.split('/');
  const path = rest.join('/');
  const home = worlds[world];
  if (!home) return send(response, 200, Object.keys(worlds).map((name) => `/${name}/#link=demo`));
  if (!path.startsWith('api/')) return file(response, path);

  const signed_in = new RegExp(`session=${world}`).test(request.headers.cookie ?? '');
  const cookie = (value, age) => ({ 'Set-Cookie': `session=${value}; Path=/${world}; HttpOnly; SameSite=Strict; Max-Age=${age}` });
  if (path === 'api/status') return send(response, 200, { version: '0.1.0', signed_in, name: signed_in ? 'ann' : null, is_owner: signed_in && world !== 'many', has_password: world !== 'first' });
  if (path === 'api/session' && request.method === 'POST') {
    const [status, body, headers] = await sign_in(request);
    return send(response, status, body, status === 204 ? cookie(world, 86400) : headers);
  }
  if (!signed_in) return send(response, 401, { error: 'Sign in first.' });
  if (path === 'api/session') return send(response, 204, undefined, cookie('', 0));
  if (path === 'api/account') return send(response, 204);
  if (path === 'api/homes') return send(response, 200, [{ id: home.id, name: home.name }]);
  if (path === 'api/acts') return send(response, 200, meters.acts(world));
  if (path === 'api/pairing') return send(response, ...meters.claim(world, await body_of(request)));
  if (path === 'api/updates') {
    if (request.method === 'POST') return send(response, ...meters.put_update(world, Number(request.headers['content-length'])));
    if (request.method === 'DELETE') return send(response, 204, meters.remove_update(world));
    return send(response, 200, meters.updates(world));
  }
  if (path === 'api/firmware') return send(response, 200, meters.builds(world));
  const { circuits: _, style: __, ...about } = home;
  const base = `api/homes/${home.id}`;
  if (path === base) return send(response, 200, { ...about, panel: panel(home) });
  if (path === `${base}/live`) return live(world, home, request, response);
  if (path === `${base}/appliances`) return send(response, 200, appliances(world, home));
  if (path === `${base}/appliances/runs`) {
    const runs = appliances(world, home).appliances.flatMap((one) => one.timeline.map(([begin, end], index) => (
      { id: `${one.id}-1-${index}`, appliance: one.id, begin, end, energy_wh: 600, peak_w: 1810 })));
    return send(response, 200, runs);
  }
  if (path === `${base}/breaker` && request.method === 'GET') return send(response, 200, { state: 'found', circuit: home.circuits[3].id, is_rest: false, step_w: 61 });
  if (path === `${base}/appliances/switched_on`) return send(response, 200, { circuits: [home.circuits[3].id, home.circuits[4].id] });
  if (path.startsWith(`${base}/appliances/`) || path === `${base}/breaker` || path === `${base}/outlets`) return send(response, 204);
  if (path === `${base}/health`) return send(response, 200, health(world));
  if (path === `${base}/rules` && request.method === 'GET') return send(response, 200, rules(world));
  if (path.startsWith(`${base}/health/`) || path.startsWith(`${base}/rules`)) return send(response, 204);
  if (path === `${base}/tariff`) {
    return request.method === 'PUT' ? send(response, ...money.put_tariff(world, await body_of(request))) : send(response, 200, money.tariff(world, home));
  }
  if (path === `${base}/tariff/prices`) return send(response, 204);
  if (path === `${base}/bill`) return send(response, 200, money.bill(world, home, url.searchParams.get('period')));
  if (path === `${base}/bill/replay`) return send(response, 200, money.replay(world, home));
  if (path === `${base}/room`) return send(response, ...money.room(world, home, url.searchParams));
  if (path === `${base}/advice` && world === 'eu') return send(response, 503, { error: 'There is no advice in this home: its book could not be opened. Look into the hub\u2019s log.' });
  if (path === `${base}/advice`) return send(response, 200, money.advice(world, home));
  if (path === `${base}/advice/facts`) return send(response, 204, money.put_facts(world, await body_of(request)));
  if (path === `${base}/advice/done`) return send(response, 204, money.say_done(world));
  if (path === `${base}/report`) {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    return response.end(money.report(home, url.searchParams.get('month')));
  }
  if (path === `${base}/history`) return send(response, ...history(home, url.searchParams));
  if (path === `${base}/costs`) return send(response, ...costs(home, url.searchParams));
  if (path === `${base}/gaps`) {
    const [begin, end] = ['begin', 'end'].map((name) => Number(url.searchParams.get(name)));
    return send(response, 200, silent.filter((gap) => gap.end > begin && gap.begin < end));
  }
  if (path === `${base}/meters`) return send(response, 200, meters.meters(world, started));
  if (path === `${base}/calibration`) {
    return request.method === 'POST' ? send(response, ...meters.calibrate(world, home.circuits, await body_of(request))) : send(response, 200, meters.calibration(world, home.circuits));
  }
  if (path === `${base}/wiring`) return send(response, 200, request.method === 'POST' ? meters.wiring_changed(world) : meters.wiring(world));
  if (new RegExp(`^${base}/meters/[^/]+/update$`).test(path)) return send(response, 200, meters.give_update(world));
  const asked = new RegExp(`^${base}/meters/([^/]+)/requests$`).exec(path);
  if (asked) return send(response, ...meters.ask(asked[1], await body_of(request)));
  if (path === `${base}/pairing`) {
    if (request.method === 'DELETE') return send(response, 204, meters.close(world));
    return send(response, 200, request.method === 'POST' ? meters.open(world, await body_of(request)) : meters.pairing(world));
  }
  return send(response, 404, { error: 'There is nothing here.' });
}

function send(response, status, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function file(response, path) {
  const name = join(dist, normalize('/' + (path || 'index.html')));
  if (!existsSync(name) || !statSync(name).isFile()) return send(response, 404, { error: 'There is nothing here.' });
  response.writeHead(200, {
    'Content-Type': types[extname(name)] ?? 'application/octet-stream',
    'Content-Security-Policy': "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  });
  createReadStream(name).pipe(response);
}

// Returns the server once it listens on loopback; port 0 takes a free one.
export const serve = (port = 0) =>
  new Promise((resolve) => {
    const server = createServer((request, response) => {
      answer(request, response).catch((error) => send(response, 400, { error: String(error) }));
    });
    server.listen(port, '127.0.0.1', () => resolve(server));
  });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await serve(Number(process.argv[2] ?? 0));
  for (const world of Object.keys(worlds)) console.log(`http://127.0.0.1:${server.address().port}/${world}/#link=demo`);
}
