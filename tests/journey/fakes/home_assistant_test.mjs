// Whether the fake Home Assistant keeps to what is documented of the real one.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { start as start_broker } from './broker.mjs';
import { read_bundle, render } from './discovery.mjs';
import { start } from './home_assistant.mjs';
import { connect } from './mqtt.mjs';
import { Statistics, hour_ms, period_ms } from './statistics.mjs';

const WebSocket = createRequire(join(import.meta.dirname, '../../../web/package.json'))('ws');
const monday = Date.UTC(2026, 0, 5);
const energy = { id: 'sensor.fridge_energy', state_class: 'total_increasing', unit: 'kWh' };

// ---- The compiler ----------------------------------------------------------------------------

// One value at the start of each period of five minutes.
function compiled(values) {
  const statistics = new Statistics();
  values.forEach((value, i) => {
    const start = monday + i * period_ms;
    statistics.compile(energy, value === null ? [] : [{ time: start, state: `${value}` }], start, start + period_ms);
    if ((i + 1) % 12 === 0) statistics.compile_hour(start + period_ms - hour_ms);
  });
  return statistics;
}
const states_and_sums = (statistics) => statistics.during(statistics.short, energy.id, 0).map(({ state, sum }) => [state, +sum.toFixed(6)]);

test('The first value of a counter is its zero point, and the sum rises with it from there', () => {
  assert.deepEqual(states_and_sums(compiled([100, 101, 101.5])), [[100, 0], [101, 1], [101.5, 1.5]]);
});

test('A fall by a tenth or less is a dip that takes energy back and is warned of; a greater one is a new meter', () => {
  const dip = compiled([100, 90]); // 0.9 * 100 is not below itself.
  assert.deepEqual([states_and_sums(dip), dip.dips, dip.resets], [[[100, 0], [90, -10]], 1, 0]);

  const reset = compiled([100, 104, 2, 3]);
  assert.deepEqual([states_and_sums(reset), reset.dips, reset.resets], [[[100, 0], [104, 4], [2, 6], [3, 7]], 0, 1]);
});

test('An hour has the last sum of its periods, and an hour without a reading has no row', () => {
  const hour = (first) => Array.from({ length: 12 }, (_, i) => first + i / 10);
  const statistics = compiled([...hour(10), ...Array(12).fill(null), ...hour(20)]);

  assert.deepEqual(statistics.during(statistics.long, energy.id, 0).map((row) => [(row.start - monday) / hour_ms, row.state, +row.sum.toFixed(6)]),
    [[0, 11.1, 1.1], [2, 21.1, 11.1]]);
  assert.deepEqual([...statistics.energy_by_hour(energy.id).values()].map((kwh) => +kwh.toFixed(6)), [1.1, 10]);
});

test('Power is the mean over the time that each value held', () => {
  const statistics = new Statistics();
  const power = { id: 'sensor.p', state_class: 'measurement', unit: 'W' };
  // 100 W from before, 400 W from the second minute on: (100 * 1 + 400 * 4) / 5 = 340 W.
  statistics.compile(power, [{ time: 0, state: '100' }, { time: monday + 60_000, state: '400' }, { time: monday + 61_000, state: 'unavailable' }], monday, monday + period_ms);

  assert.deepEqual(statistics.during(statistics.short, power.id, 0), [{ start: monday, mean: 340, min: 100, max: 400 }]);
});

// ---- Discovery -------------------------------------------------------------------------------

const component = (more = {}) => ({
  p: 'sensor', unique_id: 'maple_fridge_energy', default_entity_id: 'sensor.fridge_energy', name: 'Energy', device_class: 'energy',
  state_class: 'total_increasing', unit_of_measurement: 'kWh', state_topic: 'maple/fridge', value_template: '{{ value_json.kwh }}', ...more,
});
const bundle = (components, more = {}) => JSON.stringify({
  dev: { ids: ['maple_fridge'], name: 'Fridge' }, o: { name: 'test' }, availability: [{ topic: 'maple/status' }], cmps: components, ...more,
});
const wrong = (more) => read_bundle(bundle({ e: component(more) })).problems;

test('A right bundle is taken, whether its keys are long or short', () => {
  const { problems, components } = read_bundle(bundle({ e: component(), gone: { p: 'sensor' } }));

  assert.deepEqual(problems, []);
  assert.equal(components.get('gone'), null);
  assert.deepEqual(components.get('e').availability, [{ topic: 'maple/status' }]);
  assert.deepEqual(read_bundle(bundle({ e: component({ availability: [] }) })).components.get('e').availability, []);
});

test('What is on or off is taken too, and has no unit', () => {
  const binary = { p: 'binary_sensor', unique_id: 'maple_cut', device_class: 'problem', state_topic: 'maple/cut', value_template: '{{ value_json.cut }}' };

  assert.deepEqual(read_bundle(bundle({ e: binary })).problems, []);
  assert.match(read_bundle(bundle({ e: { ...binary, unit_of_measurement: 'W' } })).problems.join(), /has unit_of_measurement, which no binary_sensor has/);
  assert.match(read_bundle(bundle({ e: { ...binary, device_class: 'energy' } })).problems.join(), /a device class of its platform/);
});

for (const [what, more, sentence] of [
  ['energy that is a measurement', { state_class: 'measurement' }, /state class measurement, which energy must not have/],
  ['energy in watts', { unit_of_measurement: 'W' }, /measures energy in W/],
  ['a sensor without a unique id', { unique_id: undefined }, /needs a text as unique_id/],
  ['the old object_id', { object_id: 'fridge' }, /has object_id, which no sensor has/],
  ['a name in a template', { value_template: '{{ value_json["Fridge"] }}' }, /not of a name/],
  ['a topic with a wildcard', { state_topic: 'maple/#' }, /without wildcards/],
]) test(`A bundle is refused for ${what}`, () => assert.match(wrong(more).join(), sentence));

test('A bundle needs an origin and a device that can be told from others', () => {
  assert.match(read_bundle(bundle({ e: component() }, { o: undefined })).problems.join(), /origin with a name/);
  assert.match(read_bundle(bundle({ e: component() }, { dev: { name: 'x' } })).problems.join(), /identifiers or connections/);
});

test('A template gives what Home Assistant would have: a value, None, or nothing', () => {
  assert.equal(render('{{ value_json.kwh }}', '{"kwh": 12.5}'), '12.5');
  assert.equal(render('{{ value_json.kwh }}', '{"kwh": null}'), 'None');
  assert.equal(render('{{ value_json.kwh }}', '{}'), '');
  assert.equal(render('{{ value_json.circuits | length }}', '{"circuits": [1, 2]}'), '2');
});

// ---- The whole -------------------------------------------------------------------------------

let broker, hub, ha, time;

before(async () => {
  time = monday;
  broker = await start_broker();
  hub = await connect({ port: broker.port, id: 'hub' });
  ha = await start({ broker: { port: broker.port }, now: () => time });
});

after(async () => {
  await ha?.stop();
  await hub?.end();
  await broker?.stop();
});

const topic = 'homeassistant/device/maple_fridge/config';
const say = (kwh) => hub.publish('maple/fridge', JSON.stringify({ kwh }), { retain: true });

async function sign_in(token = 'token') {
  const socket = new WebSocket(ha.url);
  let id = 0;
  const next = async () => JSON.parse((await once(socket, 'message'))[0]);
  assert.equal((await next()).type, 'auth_required');
  socket.send(JSON.stringify({ type: 'auth', access_token: token }));
  const { type } = await next();
  return {
    type, socket,
    async ask(message, number = ++id) {
      socket.send(JSON.stringify({ id: number, ...message }));
      const answer = await next();
      return answer.success ? answer.result : answer.error?.code;
    },
  };
}

test('A sensor is made, follows its availability, and keeps the id that a person gave it', async () => {
  hub.publish(topic, bundle({ e: component() }), { retain: true });
  await ha.until(() => ha.state('sensor.fridge_energy') === 'unavailable');
  hub.publish('maple/status', 'online', { retain: true });
  await ha.until(() => ha.state('sensor.fridge_energy') === 'unknown');
  say(10);
  await ha.until(() => ha.state('sensor.fridge_energy') === '10');

  ha.rename('sensor.fridge_energy', 'sensor.kitchen');
  hub.publish(topic, bundle({ e: component({ name: 'Energy of the fridge' }) }), { retain: true });
  await ha.until(() => ha.config('sensor.kitchen')?.name === 'Energy of the fridge');
  assert.equal(ha.state('sensor.kitchen'), '10');

  hub.publish(topic, bundle({ e: { p: 'sensor' } }), { retain: true });
  await ha.until(() => ha.state('sensor.kitchen') === undefined);
  hub.publish(topic, bundle({ e: component() }), { retain: true });
  await ha.until(() => ha.state('sensor.kitchen') === '10');
  ha.rename('sensor.kitchen', 'sensor.fridge_energy');
  assert.deepEqual(ha.complaints, []);
});

test('A hub that falls silent is unavailable once its reading has expired', async () => {
  const power = component({ unique_id: 'p', default_entity_id: 'sensor.p', device_class: 'power', state_class: 'measurement', unit_of_measurement: 'W', expire_after: 60 });
  hub.publish('homeassistant/device/p/config', bundle({ p: power }, { dev: { ids: ['p'], name: 'P' } }));
  await ha.until(() => ha.state('sensor.p') === '10');
  time += 59_000;
  assert.equal(ha.state('sensor.p'), '10');
  time += 1000;
  assert.equal(ha.state('sensor.p'), 'unavailable');
  hub.publish('homeassistant/device/p/config', '');
  await ha.until(() => ha.state('sensor.p') === undefined);
});

test('Two hours on the clock of the test are two rows, and what is imported replaces one of them', async () => {
  time = monday + hour_ms;
  ha.advance(); // The first hour: 10 kWh, the zero point.
  say(12);
  await ha.until(() => ha.state('sensor.fridge_energy') === '12');
  time += hour_ms;
  ha.advance();
  const client = await sign_in();
  const rows = { type: 'recorder/statistics_during_period', start_time: '2026-01-05T00:00:00+00:00', statistic_ids: ['sensor.fridge_energy'], period: 'hour', types: ['state', 'sum'], units: { energy: 'Wh' } };

  const answer = (await client.ask(rows))['sensor.fridge_energy'];
  assert.deepEqual(answer, [
    { start: monday, end: monday + hour_ms, state: 10_000, sum: 0 },
    { start: monday + hour_ms, end: monday + 2 * hour_ms, state: 12_000, sum: 2000 },
  ]);
  const metadata = { statistic_id: 'sensor.fridge_energy', source: 'recorder', name: null, has_sum: true, mean_type: 0, unit_class: 'energy', unit_of_measurement: 'kWh' };
  const stats = [{ start: '2026-01-05T00:00:00+00:00', state: 10.5, sum: 0.5 }];
  assert.equal(await client.ask({ type: 'recorder/import_statistics', metadata, stats }), null);
  assert.deepEqual([...ha.statistics.energy_by_hour('sensor.fridge_energy').values()], [0.5, 1.5]);

  assert.equal(await client.ask({ type: 'recorder/import_statistics', metadata: { ...metadata, source: 'lenz' }, stats }), 'home_assistant_error');
  assert.equal(await client.ask({ type: 'recorder/import_statistics', metadata: { ...metadata, mean_type: undefined }, stats }), 'invalid_format');
  assert.equal(await client.ask({ type: 'recorder/import_statistics', metadata, stats: [{ ...stats[0], start: '2026-01-05T00:05:00+00:00' }] }), 'home_assistant_error');
  await client.ask({ type: 'recorder/adjust_sum_statistics', statistic_id: 'sensor.fridge_energy', start_time: '2026-01-05T01:00:00Z', adjustment: 3000, adjustment_unit_of_measurement: 'Wh' });
  assert.deepEqual([...ha.statistics.energy_by_hour('sensor.fridge_energy').values()], [0.5, 4.5]);
  client.socket.close();
});

test('Of the time while Home Assistant was down there are no rows, and the hour of its return has all of it', async () => {
  time = monday + 2 * hour_ms;
  await ha.go_down();
  time += 24 * hour_ms;
  say(50);
  await ha.come_up();
  await ha.until(() => ha.state('sensor.fridge_energy') === '50');
  time += hour_ms;
  ha.advance();

  const by_hour = [...ha.statistics.energy_by_hour('sensor.fridge_energy')].map(([start, kwh]) => [(start - monday) / hour_ms, kwh]);
  assert.deepEqual(by_hour.at(-1), [26, 38]); // 50 - 12 kWh in one hour: the spike that people complain about.
  assert.deepEqual(by_hour.length, 3);
});

test('Who has no token, or not that of an administrator, is refused', async () => {
  assert.equal((await sign_in('wrong')).type, 'auth_invalid');
  const guest = await sign_in('guest');
  assert.equal(await guest.ask({ type: 'energy/save_prefs' }), 'unauthorized');
  assert.equal(await guest.ask({ type: 'energy/get_prefs' }), 'not_found');
  assert.equal(await guest.ask({ type: 'nonsense' }), 'unknown_command');
  assert.equal(await guest.ask({ type: 'energy/get_prefs' }, 1), 'id_reuse');
  guest.socket.close();
});

test('The Energy dashboard takes what its schema allows, and nothing else', async () => {
  const client = await sign_in();
  const flows = { type: 'grid', flow_from: [{ stat_energy_from: 'sensor.a' }], flow_to: [], cost_adjustment_day: 0 };
  const unified = { type: 'grid', stat_energy_from: 'sensor.a', stat_energy_to: null, cost_adjustment_day: 0 };
  const device = { stat_consumption: 'sensor.b', included_in_stat: 'sensor.a' };
  assert.equal(await client.ask({ type: 'energy/save_prefs', energy_sources: [flows] }), 'invalid_format');
  assert.equal(await client.ask({ type: 'energy/save_prefs', energy_sources: [unified, unified] }), 'invalid_format');

  await client.ask({ type: 'energy/save_prefs', energy_sources: [unified] });
  await client.ask({ type: 'energy/save_prefs', device_consumption: [device] });

  assert.deepEqual(await client.ask({ type: 'energy/get_prefs' }), { energy_sources: [unified], device_consumption: [device], device_consumption_water: [] });
  client.socket.close();
});
