// Somebody has a smart plug of another make behind a circuit of the panel.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { start as start_broker } from './fakes/broker.mjs';
import { start as start_node } from './fakes/esphome_node.mjs';
import { connect } from './fakes/mqtt.mjs';
import { home_file, make_place, pause, start_hub, until } from './partners_world.mjs';

describe('A smart plug over MQTT', { timeout: 180_000 }, () => {
  const world = {};
  before(async () => {
    world.place = make_place();
    world.broker = await start_broker();
    const broker = { host: '127.0.0.1', port: world.broker.port };
    world.panel = await start_node({ over: 'mqtt', name: 'panel', broker, channels: 6, period_ms: 1000 });
    world.panel.set('ct1_watts', 20);
    world.plug = await connect({ ...broker, id: 'plug' });
    writeFileSync(join(world.place.data, 'home.toml'), home_file([{ id: 'kitchen', name: 'Kitchen', device: 'panel', channel: 0 }]));
    writeFileSync(join(world.place.data, 'partners.toml'), `[mqtt]\nhost = "127.0.0.1"\nport = ${broker.port}\n
[[esphome]]\ndevice = "panel"\nperiod_s = 1\n
[[plug]]\nname = "Red toaster"\nkind = "toaster"\ncircuit = "kitchen"\ntopic = "toaster/status/switch:0"\npower = "apower"\n
[[plug]]\nname = "Lamp"\ncircuit = "nowhere"\ntopic = "lamp"\n`);
    world.hub = await start_hub(world.place);
  });
  after(async () => {
    await world.plug?.end();
    for (const one of [world.hub, world.panel, world.broker]) await one?.stop();
    world.place?.remove();
  });

  const toaster = async () => (await world.hub.ask('/api/homes/home/appliances')).appliances.find((one) => one.running_since !== null);

  test('a circuit that is not there is said', async () => {
    await until(() => world.hub.said.some((line) => line.includes('The plug "Lamp" is not used: home.toml has no circuit "nowhere"')), 'it is said');
  });

  test('what it measures is the power of the appliance that has its name', async () => {
    await until(async () => (await world.hub.ask('/api/homes/home/appliances')).channels[0]?.power_w === 20, 'the circuit is heard');
    await pause(5000);
    world.panel.set('ct1_watts', 1020);
    await until(toaster, 'something runs', 40_000);
    const said = await world.hub.tell('/api/homes/home/appliances/switched_on', { kind: 'toaster', name: 'Red toaster' });
    assert.equal(said, 200);
    assert.equal((await toaster()).certainty, 'confirmed');

    await until(async () => {
      world.plug.publish('toaster/status/switch:0', JSON.stringify({ id: 0, output: true, apower: 987.6 }));
      return (await toaster()).certainty === 'measured';
    }, 'it is measured');

    assert.equal((await toaster()).name, 'Red toaster');
    const channel = await until(async () => {
      const { channels } = await world.hub.ask('/api/homes/home/appliances');
      return Object.values(channels[0].appliances).includes(987.6) && channels[0];
    }, 'its power is the plug\'s');
    assert.equal(channel.unexplained_w, 32.4);
  });
});
