// Whether the fake node keeps to what ESPHome publishes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as open } from 'node:net';
import { test } from 'node:test';
import { start as start_broker } from './broker.mjs';
import { fields } from './esphome_api.mjs';
import { key_of, object_id_of, sensors } from './esphome_entities.mjs';
import { start } from './esphome_node.mjs';
import { connect } from './mqtt.mjs';
import { Initiator, Responder, private_key } from './noise.mjs';

const key = Buffer.alloc(32, 7);

// The vector of cacophony for Noise_NNpsk0_25519_ChaChaPoly_SHA256, as published.
const vector = {
  prologue: Buffer.from('John Galt'),
  psk: Buffer.from('This is my Austrian perspective!'),
  initiator: private_key(Buffer.from('893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a', 'hex')),
  responder: private_key(Buffer.from('bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b', 'hex')),
  first: 'ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c794479b962b8aff8485742ac32f905ba45369e2465fb59e138a93d67a0d1266b6a54',
  second: '95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843d6062704d5a9c422a8e834423f8c1feada7e8d0d910a1a2cd030fb584221e3',
  third: 'e632c3763d7669067383433197a3baddf146e9e70ad4b4e9e59e0f',
  fourth: '64c6bee32ea91c8474bb4c21d7a700109ad45af77b29764ba5eb1e',
};

test('The encryption gives the messages that are published for it', () => {
  const initiator = new Initiator(vector.psk, vector.prologue, vector.initiator);
  const responder = new Responder(vector.psk, vector.prologue, vector.responder);

  const first = initiator.write(Buffer.from('Ludwig von Mises'));
  assert.equal(first.toString('hex'), vector.first);
  assert.equal(`${responder.read(first)}`, 'Ludwig von Mises');
  const { message, open, seal } = responder.write(Buffer.from('Murray Rothbard'));
  assert.equal(message.toString('hex'), vector.second);
  const there = initiator.read(message);
  assert.equal(there.seal.encrypt(Buffer.from('F. A. Hayek')).toString('hex'), vector.third);
  assert.equal(`${open.decrypt(Buffer.from(vector.third, 'hex'))}`, 'F. A. Hayek');
  assert.equal(seal.encrypt(Buffer.from('Carl Menger')).toString('hex'), vector.fourth);
});

test('Names become object ids and keys as ESPHome makes them', () => {
  assert.equal(object_id_of('Meter 1-3 Chip Temp'), 'meter_1-3_chip_temp');
  assert.equal(object_id_of('Küche & Bad'), 'k_che___bad');
  assert.equal(key_of(''), 0x811c9dc5); // FNV's offset basis.
  assert.equal(key_of('a'), 0x050c5d7e); // Published for FNV-1, 32 bits.
  assert.equal(sensors(42).filter(({ unit }) => unit === 'W').length, 43); // One a clamp and the total.
});

// A client as small as can be. `key`: speaks Noise. The next message is awaited with next().
async function call(node, { key } = {}) {
  const socket = open({ port: node.port, host: '127.0.0.1' });
  await once(socket, 'connect');
  const heard = [];
  let rest = Buffer.alloc(0), wake = () => {}, ciphers = null, initiator = null;
  const said = [];
  const frame = (body) => Buffer.concat([Buffer.from([1, body.length >> 8, body.length & 0xff]), body]);
  const small = (value) => (value < 128 ? Buffer.from([value]) : Buffer.from([(value & 127) | 128, value >> 7]));
  if (key) {
    initiator = new Initiator(key, Buffer.from('NoiseAPIInit\0\0'));
    socket.write(Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.concat([Buffer.from([0]), initiator.write()]))]));
  }
  const plain_length = (at) => (rest[at] < 128 ? [rest[at], at + 1] : [(rest[at] & 127) + (rest[at + 1] << 7), at + 2]);
  const take_noise = () => {
    while (rest.length >= 3 && rest.length >= 3 + rest.readUInt16BE(1)) {
      const body = rest.subarray(3, 3 + rest.readUInt16BE(1));
      rest = rest.subarray(3 + body.length);
      said.push(body);
      if (said.length === 2 && body[0] === 0) ciphers = initiator.read(body.subarray(1));
      if (said.length <= 2) continue;
      const plain = ciphers.open.decrypt(body);
      heard.push({ type: plain.readUInt16BE(0), fields: fields(plain.subarray(4)) });
    }
  };
  const take_plain = () => {
    while (rest.length >= 3) {
      const [length, after] = plain_length(1);
      const [type, begin] = plain_length(after);
      if (rest.length < begin + length) return;
      heard.push({ type, fields: fields(rest.subarray(begin, begin + length)) });
      rest = rest.subarray(begin + length);
    }
  };
  socket.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    if (key) take_noise();
    else if (rest[0] === 0) take_plain();
    wake();
  });
  socket.on('close', () => wake());
  socket.on('error', () => {});
  const until = async (condition) => {
    while (!condition() && !socket.destroyed) await new Promise((resolve) => { wake = resolve; });
  };
  return {
    said, heard, socket,
    async send(type, body = Buffer.alloc(0)) {
      if (!key) return socket.write(Buffer.concat([Buffer.from([0]), small(body.length), small(type), body]));
      await until(() => ciphers);
      return socket.write(frame(ciphers.seal.encrypt(Buffer.concat([Buffer.from([0, type, body.length >> 8, body.length]), body]))));
    },
    // The first message of a type that came since the last one that was awaited.
    async next(type) {
      const is_it = (one) => one.type === type;
      await until(() => heard.some(is_it));
      const at = heard.findIndex(is_it);
      return at < 0 ? null : heard.splice(0, at + 1).at(-1).fields;
    },
    async all(type, last) {
      await until(() => heard.some((one) => one.type === last));
      return heard.filter((one) => one.type === type).map((one) => one.fields);
    },
    closed: () => until(() => false),
    rest: () => rest,
  };
}

for (const way of [{}, { key }]) {
  test(`A reader learns what the node measures over the native API, ${way.key ? 'encrypted' : 'plain'}`, async () => {
    const node = await start({ over: 'api', period_ms: 0, key: way.key?.toString('base64') });
    const reader = await call(node, way);

    await reader.send(1);
    assert.equal(`${(await reader.next(2)).get(4)}`, 'energy-meter-ddeeff');
    await reader.next(36); // It asks for the time.
    await reader.send(37, Buffer.from([0x0d, 0x00, 0xca, 0x9a, 0x3b])); // 1,000,000,000 s
    await reader.send(9);
    assert.equal(`${(await reader.next(10)).get(3)}`, 'AA:BB:CC:DD:EE:FF');
    await reader.send(11);
    const list = await reader.all(16, 19);
    const watts = list.find((one) => `${one.get(1)}` === 'ct1_watts');
    assert.deepEqual([`${watts.get(3)}`, `${watts.get(6)}`, watts.get(7), watts.get(10)], ['CT1 Watts', 'W', 2, 1]);
    assert.equal(node.time, 1_000_000_000);

    node.set('ct1_watts', 118.5);
    await reader.send(20);
    assert.equal((await reader.next(25)).get(3), 1, 'before the first wall a state is missing');
    node.tell();
    await reader.all(25, 27);
    await reader.send(7);
    await reader.next(8);
    const answered = node.ping();
    await reader.next(7);
    await reader.send(8);
    await answered;
    await node.stop();
    await reader.closed();
  });
}

test('A wrong key is told so, and so is who does not speak as the node does', async () => {
  const node = await start({ over: 'api', period_ms: 0, key: key.toString('base64') });
  const stranger = await call(node, { key: Buffer.alloc(32, 8) });
  await stranger.closed();
  assert.equal(`${stranger.said[1].subarray(1)}`, 'Handshake MAC failure');

  const plain = await call(node);
  await plain.send(1);
  await plain.closed();
  assert.equal(`${plain.rest().subarray(4)}`, 'Bad indicator byte');
  await node.stop();
});

test('Over MQTT a new reader finds the last states, and hears when the node goes', async () => {
  const broker = await start_broker();
  const node = await start({ broker, period_ms: 0, counts: true });
  node.set('ct1_watts', 360);
  node.set('ct2_watts', NaN);
  node.count(3_600_000);
  node.tell();

  const topics = new Map();
  let wake = () => {};
  const reader = await connect({ port: broker.port, id: 'reader', heard: ({ topic, payload }) => { topics.set(topic, `${payload}`); wake(); } });
  await reader.subscribe('#');
  const until = async (topic, payload) => { while (topics.get(topic) !== payload) await new Promise((resolve) => { wake = resolve; }); };
  const prefix = 'energy-meter-ddeeff';
  await until(`${prefix}/status`, 'online');
  await until(`${prefix}/sensor/ct1_watts/state`, '360.00');
  await until(`${prefix}/sensor/ct2_watts/state`, 'nan');
  await until(`${prefix}/sensor/ct1_forward_active_energy/state`, '360.00'); // 360 W for an hour.
  const about = JSON.parse(topics.get(`homeassistant/sensor/${prefix}/ct1_watts/config`));
  assert.equal(about.unit_of_meas, 'W');

  await node.disconnect();
  await until(`${prefix}/status`, 'offline'); // The will.
  await node.restart();
  await until(`${prefix}/status`, 'online');
  node.tell();
  await until(`${prefix}/sensor/ct1_forward_active_energy/state`, '0.00');
  assert.equal(node.truth.imported_wh[0], 360);

  await node.rename('ct1_watts', 'Fridge Watts');
  node.tell();
  await until(`${prefix}/sensor/fridge_watts/state`, '360.00');
  await node.stop();
  await reader.end();
  await broker.stop();
});

test('A node finds its broker again by itself', async () => {
  const first = await start_broker();
  const node = await start({ broker: first, period_ms: 0 });
  await first.stop();
  const second = await start_broker({ port: first.port });

  const came_back = new Promise((resolve) => {
    void connect({ port: first.port, id: 'reader', heard: ({ topic, payload }) => { if (topic.endsWith('/status') && `${payload}` === 'online') resolve(); } })
      .then((reader) => reader.subscribe('+/status').then(() => came_back.then(() => reader.end())));
  });
  await came_back;
  await node.stop();
  await second.stop();
});
