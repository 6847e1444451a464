// Somebody owns two ESPHome boards, a Home Assistant and an InfluxDB, and points all of them at the
// hub: no chip of ours, no browser. The partners are fakes written from their documentation, the
// InfluxDB is a real one.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { program } from './demo.mjs';
import { start as start_broker } from './fakes/broker.mjs';
import { start as start_node } from './fakes/esphome_node.mjs';
import { start as start_home_assistant } from './fakes/home_assistant.mjs';
import { has_influx, home_file, make_place, pause, start_hub, start_influx, start_lenz, until } from './partners_world.mjs';

const hour_ms = 3_600_000;
const guide = readFileSync(join(import.meta.dirname, '../../docs/home-assistant.md'), 'utf8');
const key = Buffer.alloc(32, 7).toString('base64');
const circuits = [
  { id: 'mains', name: 'Mains', device: 'cellar', channel: 0, more: 'kind = "grid"\n' },
  { id: 'fridge', name: 'Fridge "cold" <b>', device: 'cellar', channel: 1, more: 'parent = "mains"\nroom = "Kitchen"\n' },
  { id: 'solar', name: 'Roof', device: 'attic', channel: 0, more: 'kind = "solar"\n' },
];

describe('Two ESPHome boards, Home Assistant and InfluxDB', { timeout: 400_000 }, () => {
  const world = {};
  before(async () => {
    world.place = make_place();
    const { data, folder } = world.place;
    world.broker = await start_broker();
    const broker = { host: '127.0.0.1', port: world.broker.port };
    world.home_assistant = await start_home_assistant({ broker, token: 'a-long-lived-token' });
    world.cellar = await start_node({ over: 'mqtt', name: 'cellar', broker, channels: 6, period_ms: 1000 });
    world.attic = await start_node({ over: 'api', name: 'attic', key, channels: 6, period_ms: 1000, counts: true });
    for (const [node, id, value] of [[world.cellar, 'voltage_1', 230.2], [world.cellar, 'ct1_watts', 1520], [world.cellar, 'ct1_amps', 6.8],
      [world.cellar, 'ct2_watts', 118], [world.cellar, 'ct2_amps', 0.7], [world.attic, 'ct1_watts', -900], [world.attic, 'ct1_amps', 3.9]]) {
      node.set(id, value);
    }

    if (has_influx) world.influx = await start_influx(folder);

    writeFileSync(join(data, 'home.toml'), home_file(circuits));
    writeFileSync(join(data, 'secrets/attic.key'), `${key}\n`);
    writeFileSync(join(data, 'secrets/home-assistant.token'), 'a-long-lived-token\n');
    const influx = world.influx ? `[influxdb]\nurl = "http://127.0.0.1:${world.influx.port}"\ndatabase = "lenz"\n` : '';
    writeFileSync(join(data, 'partners.toml'), `[mqtt]\nhost = "127.0.0.1"\nport = ${broker.port}\n
[[esphome]]\ndevice = "cellar"\nperiod_s = 1\n
[[esphome]]\ndevice = "attic"\naddress = "127.0.0.1"\nport = ${world.attic.port}\nkey_file = "secrets/attic.key"\nperiod_s = 1\n
[home_assistant]\nurl = "${world.home_assistant.url}"\ntoken_file = "secrets/home-assistant.token"\n\n${influx}`);
    world.hub = await start_hub(world.place);
  });
  after(async () => {
    for (const one of [world.hub, world.cellar, world.attic, world.home_assistant, world.broker, world.influx]) await one?.stop();
    world.place?.remove();
  });

  const state = (id) => world.home_assistant.state(`sensor.lenz_home_${id}`);

  test('both boards are heard, and what they cannot do is told', async () => {
    const meters = await until(async () => {
      const all = await world.hub.ask('/api/homes/home/meters');
      return all.every((meter) => meter.reports > 2) && all;
    }, 'both meters have reported');

    const [attic, cellar] = meters;
    assert.deepEqual([attic.device, cellar.device], ['attic', 'cellar']);
    assert.ok(attic.timed_on_arrival && cellar.timed_on_arrival);
    assert.deepEqual(attic.integrated_channels, [], 'this node counts energy itself');
    assert.deepEqual(cellar.integrated_channels, [0, 1], 'the stock package counts none');
  });

  test('the node over the native API is told the time', async () => {
    await until(() => Math.abs((world.attic.time ?? 0) - Date.now() / 1000) < 5, 'the node has a clock');
  });

  test('Home Assistant shows every circuit', async () => {
    await until(() => Number(state('fridge_power')) === 118, 'the fridge takes 118 W');
    await until(() => Number(state('mains_power')) === 1520, 'the mains give 1520 W');
    await until(() => Number(state('solar_power')) === -900 || Number(state('solar_power')) === 900, 'the roof gives 900 W');
    assert.ok(Math.abs(Number(state('fridge_voltage')) - 230.2) < 0.11, state('fridge_voltage'));
    assert.deepEqual(world.home_assistant.complaints, []);
  });

  test('its counters rise with what was used', async () => {
    const values = () => ['fridge', 'mains', 'solar'].map((circuit) => Number(state(`${circuit}_energy`)));
    await until(() => values().every((kwh) => kwh > 0), 'each counter has begun', 200_000);
    const first = values();
    await until(() => values().every((kwh, i) => kwh > first[i]), 'each counter has risen', 100_000);

    // 1520 W on the mains for as long as 118 W on the fridge, but for the time between their reports
    // and the kWh's three decimals.
    const [fridge, mains] = values();
    assert.ok(Math.abs(mains / 1.52 - fridge / 0.118) < 1 / 60, `${mains} kWh and ${fridge} kWh`);
  });

  test('InfluxDB has the same energy as the hub, minute by minute', { skip: !has_influx && 'influxd is not installed' }, async () => {
    const end = Math.floor(Date.now() / 60_000) * 60_000;
    const begin = end - 60_000;
    const rows = await until(async () => {
      const series = await world.influx.query(`SELECT sum("imported_mwh") FROM "energy" WHERE time >= ${begin}ms AND time < ${end}ms AND "circuit" = 'mains'`);
      return series[0]?.values;
    }, 'the minute is in InfluxDB', 150_000);
    const { circuits } = await world.hub.ask(`/api/homes/home/history?circuits=mains&begin=${begin}&end=${end}&step=60`);
    assert.ok(Math.abs(rows[0][1] / 1000 - circuits.mains.imported_wh) < 0.002, `${rows[0][1]} mWh and ${circuits.mains.imported_wh} Wh`);
  });

  test('Prometheus reads with its token, and nobody without', async () => {
    const token = readFileSync(join(world.place.data, 'secrets/metrics.token'), 'utf8').trim();
    const url = new URL('/metrics', world.hub.link);
    assert.equal((await fetch(url)).status, 401);
    const text = await (await fetch(url, { headers: { Authorization: `Bearer ${token}` } })).text();
    assert.match(text, /lenz_circuit_active_power_watts\{[^}]*circuit="fridge"[^}]*\} 118/);
  });

  test('a board that falls silent leaves a gap, and no energy is made up for it', async () => {
    await world.cellar.disconnect();
    const from = Date.now();
    await pause(12_000);
    await world.cellar.reconnect();
    const gap = await until(async () => (await world.hub.ask(`/api/homes/home/gaps?begin=${from - 20_000}&end=${Date.now() + 1000}`))
      .find((one) => one.device === 'cellar' && one.channel === null), 'the gap is listed', 40_000);
    assert.ok(gap.end - gap.begin > 9_000 && gap.end - gap.begin < 20_000, `${gap.end - gap.begin} ms`);

    const inside = await world.hub.ask(`/api/homes/home/history?circuits=mains&begin=${gap.begin + 3000}&end=${gap.end - 3000}&step=1`);
    assert.ok(inside.circuits.mains.mean.every((watts) => watts === null), 'nothing is shown in the gap');
    const around = await world.hub.ask(`/api/homes/home/history?circuits=mains&begin=${gap.begin}&end=${gap.end + 1000}&step=1`);
    assert.ok(around.circuits.mains.imported_wh < (1520 * 4) / 3600, `${around.circuits.mains.imported_wh} Wh`);
  });

  test('Home Assistant says unavailable while the hub is away, and the counters go on after', async () => {
    const before_kwh = Number(state('fridge_energy'));
    assert.equal(await world.hub.stop(), 0);
    await until(() => state('fridge_energy') === 'unavailable', 'the hub is gone');
    world.hub = await start_hub(world.place);
    await until(() => Number(state('fridge_energy')) >= before_kwh, 'the counter is back, and no lower', 60_000);
    assert.equal(world.home_assistant.statistics.dips, 0);
    assert.deepEqual(world.home_assistant.complaints, []);
  });
});

describe("Two days that Home Assistant did not see", { timeout: 200_000 }, () => {
  let place, home_assistant, broker;
  const lenz = (...words) => new Promise((done) => {
    execFile(program, words, { env: { ...process.env, TMPDIR: place.folder } }, (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
  });
  const id = 'sensor.lenz_home_fridge_energy';
  const token_file = () => join(place.data, 'secrets/home_assistant.token');
  const this_hour = Math.floor(Date.now() / hour_ms) * hour_ms;
  let hours; // Of the fridge, in kWh, oldest first, as the hub's own page has them.

  before(async () => {
    place = make_place();
    const { data, folder } = place;
    broker = await start_broker();
    home_assistant = await start_home_assistant({ broker: { host: '127.0.0.1', port: broker.port }, token: 'a-long-lived-token' });
    // As the guide says, but for the addresses.
    writeFileSync(join(data, 'secrets/mqtt.password'), 'a-password\n');
    writeFileSync(token_file(), 'a-long-lived-token\n');
    const partners = /```toml\n(.*?)```/s.exec(guide)[1].replaceAll(/^ +/gm, '')
      .replace('host = "homeassistant.local"', `host = "127.0.0.1"\nport = ${broker.port}`)
      .replace('ws://homeassistant.local:8123/api/websocket', home_assistant.url);
    writeFileSync(join(data, 'partners.toml'), `${partners}statistics = "none"\n`);

    // The demo makes two days of history; the statistics are left to the commands.
    const demo = await start_lenz(folder, 'demo', '--port', '0', '--data', data, '--history', '2');
    const energy = async (begin, end) =>
      (await demo.ask(`/api/homes/home/history?circuits=fridge&begin=${begin}&end=${end}&step=3600`)).circuits.fridge;
    await until(async () => {
      const { mean } = await energy(this_hour - 40 * hour_ms, this_hour);
      return mean.every((watts) => watts !== null);
    }, 'the history is there', 100_000);
    await until(() => home_assistant.state(id) !== undefined, 'the sensor is known');
    hours = [];
    for (let begin = this_hour - 40 * hour_ms; begin < this_hour; begin += hour_ms) {
      hours.push({ start: begin, kwh: (await energy(begin, begin + hour_ms)).imported_wh / 1000 });
    }
    await demo.stop();
    writeFileSync(join(data, 'partners.toml'), readFileSync(join(data, 'partners.toml'), 'utf8').replace('statistics = "none"\n', ''));

    // Home Assistant had begun the series 40 hours ago, and saw nothing since.
    home_assistant.statistics.import({ statistic_id: id, source: 'recorder', name: null, unit_of_measurement: 'kWh', unit_class: 'energy', mean_type: 0, has_sum: true },
      [{ start: this_hour - 41 * hour_ms, state: 0.25, sum: 0.1 }]);
  });
  after(async () => {
    await home_assistant?.stop();
    await broker?.stop();
    place?.remove();
  });

  const has = () => {
    const rows = home_assistant.statistics.energy_by_hour(id);
    return hours.map(({ start }) => rows.get(start));
  };

  test('a dry run writes nothing and says what it would', async () => {
    const { code, stdout, stderr } = await lenz('home-assistant', 'backfill', '--data', place.data, '--dry-run');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Would write \d+ rows/);
    assert.equal(has()[5], undefined);
  });

  test('a backfill gives each hour what the hub measured', async () => {
    const { code, stdout, stderr } = await lenz('home-assistant', 'backfill', '--data', place.data, '--undo', join(place.folder, 'undo.json'));
    assert.equal(code, 0, stderr);
    assert.match(stdout, /To take it back/);
    // The last hour may be too young to be closed for Home Assistant.
    has().slice(0, -1).forEach((kwh, i) => assert.ok(Math.abs(kwh - hours[i].kwh) < 2e-6, `hour ${i}: ${kwh} and ${hours[i].kwh} kWh`));
    assert.deepEqual(home_assistant.statistics.complaints, []);
  });

  test('a second one changes nothing', async () => {
    const was = has();
    const { stdout } = await lenz('home-assistant', 'backfill', '--data', place.data, '--all');
    assert.match(stdout, /Nothing to write/);
    assert.deepEqual(has(), was);
  });

  test('the Energy dashboard is proposed, and saved when asked', async () => {
    const shown = await lenz('home-assistant', 'energy', '--data', place.data);
    assert.equal(shown.code, 0, shown.stderr);
    assert.equal(home_assistant.prefs, null);
    const saved = await lenz('home-assistant', 'energy', '--data', place.data, '--save');
    assert.match(saved.stdout, /Saved/, saved.stderr);
    const consumers = home_assistant.prefs.device_consumption.map((one) => one.stat_consumption);
    assert.ok(consumers.includes(id), consumers.join());
    assert.ok(!consumers.some((one) => one.includes('mains')), 'the grid is no device');
  });

  test('an undo takes the hours back', async () => {
    const { code, stderr } = await lenz('home-assistant', 'undo', join(place.folder, 'undo.json'), '--data', place.data);
    assert.equal(code, 0, stderr);
    assert.ok(has().every((kwh) => kwh === undefined || Math.abs(kwh) < 1e-9), `${has()}`);
  });

  test('every command of the guide works as it stands there', async () => {
    const old = 'sensor.old_fridge_energy';
    home_assistant.statistics.import({ statistic_id: old, source: 'recorder', name: null, unit_of_measurement: 'kWh', unit_class: 'energy', mean_type: 0, has_sum: true },
      [60, 59, 58].map((ago, i) => ({ start: this_hour - ago * hour_ms, state: 7 + i, sum: 7 + i })));
    const commands = [...guide.matchAll(/^ *lenz (.*?)(?: +#.*)?$/gm)].map((found) => found[1].split(' '));
    assert.ok(commands.length >= 8, `${commands.length} commands`);
    for (const words of commands) {
      const newest = () => readdirSync(join(place.data, 'undo')).sort().at(-1);
      const real = words.map((word) => (word === 'DATA' ? place.data : word === 'DATA/undo/FILE' ? join(place.data, 'undo', newest()) : word));
      const { code, stderr } = await lenz(...real);
      assert.equal(code, 0, `lenz ${real.join(' ')}: ${stderr}`);
    }
    const rows = home_assistant.statistics.energy_by_hour(id);
    assert.ok(Math.abs(rows.get(this_hour - 58 * hour_ms) - 1) < 1e-9, 'the old sensor\'s hours are under ours');
    assert.deepEqual(home_assistant.statistics.complaints, []);
  });

  test('a wrong token is told in one sentence', async () => {
    writeFileSync(token_file(), 'wrong\n');
    const { code, stderr } = await lenz('home-assistant', 'backfill', '--data', place.data);
    assert.equal(code, 1);
    assert.match(stderr, /token/);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });
});
