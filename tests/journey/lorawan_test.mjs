// A meter in a cellar without Wi-Fi: its uplinks as a radio would send them, made and opened again by
// `lora-packet`, published by either network server, counted by a real hub. The summaries are written
// here from their page alone (docs/summary_format.md).

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { start as start_broker } from './fakes/broker.mjs';
import { connect } from './fakes/mqtt.mjs';
import { home_file, make_place, start_hub, until } from './partners_world.mjs';

const lora_packet = createRequire(new URL('../../web/package.json', import.meta.url))('lora-packet');

const dev_eui = 'ac1f09fffe010203';
const network_key = Buffer.from('44024241ed4ce9a68c6a8bc055233fd3', 'hex');
const app_key = Buffer.from('ec925802ae430ca77fd3dd73cb2cc588', 'hex');
const boot = Buffer.from('efcdab8967452301', 'hex');

const varint = (value) => {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
};
const zigzag = (value) => (value < 0 ? -2 * value - 1 : 2 * value);
const number = (value, width) => Array.from({ length: width }, (_, i) => Math.floor(value / 256 ** i) % 256);

// `entries`: [channel, form (0 to 2), Wh, W?].
function summary({ uptime_s, introduces = false, booted_at_s, entries }) {
  const form = 0x20 + (introduces ? 1 : 0) + (booted_at_s ? 2 : 0);
  const head = introduces
    ? [form, ...boot, ...number(Math.floor(uptime_s / 60), 2), ...(booted_at_s ? number(booted_at_s, 4) : [])]
    : [form, ...boot.subarray(0, 2)];
  const body = entries.flatMap(([channel, kind, wh, watts]) =>
    [(kind + (watts === undefined ? 0 : 3)) * 42 + channel, ...varint(wh), ...(watts === undefined ? [] : varint(zigzag(watts)))]);
  return Buffer.from([...head, ...number(uptime_s, 2), ...body]);
}

// Through the air: encrypted and signed by the meter, checked and opened by the network server.
function over_the_air(payload, counter) {
  const sent = lora_packet.fromFields({
    MType: 'Unconfirmed Data Up', DevAddr: Buffer.from('49be7df1', 'hex'), FCnt: counter, FPort: 10, payload,
    FCtrl: { ADR: true, ADRACKReq: false, ACK: false, FPending: false },
  }, app_key, network_key).getPHYPayload();
  const heard = lora_packet.fromWire(sent);
  assert.ok(lora_packet.verifyMIC(heard, network_key), 'the frame is whole');
  assert.ok(!sent.includes(payload), 'it is encrypted');
  return lora_packet.decrypt(heard, app_key, network_key);
}

const chirpstack = (payload, time) => ({
  topic: `application/5/device/${dev_eui}/event/up`,
  body: { time: time.toISOString(), deviceInfo: { devEui: dev_eui, deviceName: 'cellar' }, dr: 3, fPort: 10, data: payload.toString('base64') },
});
const things_stack = (payload, time) => ({
  topic: 'v3/lenz@home/devices/cellar/up',
  body: {
    end_device_ids: { device_id: 'cellar', dev_eui: dev_eui.toUpperCase() }, received_at: time.toISOString(),
    uplink_message: { f_port: 10, frm_payload: payload.toString('base64'), received_at: time.toISOString() },
  },
});

test('the golden summary passes through a frame unchanged, and is what its page says', () => {
  const golden = readFileSync(new URL('../golden/summary_v1.bin', import.meta.url));

  assert.deepEqual(over_the_air(golden, 1), golden);

  assert.deepEqual(summary({
    uptime_s: 172_805, introduces: true, booted_at_s: 1_700_000_000,
    entries: [[0, 1, 1_234_567, 2345], [0, 2, 300], [41, 0, 127, -1]],
  }), golden);
});

describe('A meter over LoRaWAN', { timeout: 120_000 }, () => {
  const world = {};
  before(async () => {
    world.place = make_place();
    world.broker = await start_broker();
    world.server = await connect({ port: world.broker.port, id: 'network-server' });
    writeFileSync(join(world.place.data, 'home.toml'), home_file([
      { id: 'mains', name: 'Mains', device: 'cellar', channel: 0 }, { id: 'oven', name: 'Oven', device: 'cellar', channel: 1 }]));
    writeFileSync(join(world.place.data, 'partners.toml'), `[mqtt]\nhost = "127.0.0.1"\nport = ${world.broker.port}\n
[[lorawan]]\ndev_eui = "${dev_eui}"\ndevice = "cellar"\n`);
    world.hub = await start_hub(world.place);
  });
  after(async () => {
    await world.server?.end();
    for (const one of [world.hub, world.broker]) await one?.stop();
    world.place?.remove();
  });

  test('what both network servers publish is the energy of its circuits', async () => {
    const begin = Date.now() - 3_600_000;
    const say = (server, minutes, wh, counter, introduces) => {
      const payload = summary({ uptime_s: minutes * 60, introduces, entries: [[0, 0, wh, 1200], [1, 0, wh / 2, 600]] });
      const { topic, body } = server(over_the_air(payload, counter), new Date(begin + minutes * 60_000));
      world.server.publish(topic, JSON.stringify(body));
    };
    const energy = async (circuit) => {
      const range = `begin=${begin - 3_600_000}&end=${Date.now()}&step=3600&columns=total`;
      const { circuits } = await world.hub.ask(`/api/homes/home/history?circuits=${circuit}&${range}`);
      return circuits[circuit].imported_wh;
    };

    await until(async () => {
      // Again and again, until the hub listens: what comes twice counts once.
      say(chirpstack, 5, 100, 0, true);
      say(chirpstack, 15, 300, 0);
      say(things_stack, 10, 200, 65_535);
      say(things_stack, 20, 400, 3);
      return await energy('mains') === 400;
    }, 'the mains have taken 400 Wh');

    assert.equal(await energy('oven'), 200);
    assert.deepEqual(world.hub.said.filter((line) => line.includes('cellar')), []);
  });
});
