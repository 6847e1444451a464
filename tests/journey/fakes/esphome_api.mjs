// The server of ESPHome's native API, as a node runs it: frames plain or in Noise, and the messages
// that a reader of sensors meets. Numbers are those of api.proto in esphome/aioesphomeapi.

import { once } from 'node:events';
import { createServer } from 'node:net';
import { Responder } from './noise.mjs';

const message = {
  hello: 1, hello_answer: 2, connect: 3, connect_answer: 4, disconnect: 5, disconnect_answer: 6, ping: 7, ping_answer: 8,
  device_info: 9, device_info_answer: 10, list_entities: 11, sensor: 16, text_sensor: 18, list_done: 19, subscribe_states: 20,
  sensor_state: 25, text_state: 27, get_time: 36, get_time_answer: 37,
};
const state_classes = { measurement: 1, total_increasing: 2, total: 3 };

// Protocol Buffers' wire format.
function varint(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  bytes.push(value);
  return Buffer.from(bytes);
}
const tag = (field, wire) => varint(field * 8 + wire);
const number = (field, value) => (value ? Buffer.concat([tag(field, 0), varint(value)]) : Buffer.alloc(0));
const text = (field, value) => Buffer.concat([tag(field, 2), varint(Buffer.byteLength(value)), Buffer.from(value)]);
function fixed32(field, value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return Buffer.concat([tag(field, 5), bytes]);
}
function float(field, value) {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([tag(field, 5), bytes]);
}

function read_varint(bytes, at) {
  let value = 0;
  for (let i = 0; at + i < bytes.length && i < 10; ++i) {
    value += (bytes[at + i] & 0x7f) * 128 ** i;
    if (bytes[at + i] < 0x80) return { value, next: at + i + 1 };
  }
  return null;
}

// Field number -> value: a number, or the bytes of a string or message. Throws when it is cut short.
export function fields(bytes) {
  const found = new Map();
  for (let at = 0; at < bytes.length;) {
    const head = read_varint(bytes, at);
    if (!head) throw new Error('a message was cut short');
    const [field, wire] = [Math.floor(head.value / 8), head.value % 8];
    at = head.next;
    if (wire === 0) {
      const read = read_varint(bytes, at);
      if (!read) throw new Error('a message was cut short');
      found.set(field, read.value);
      at = read.next;
    } else if (wire === 5) {
      found.set(field, bytes.readUInt32LE(at));
      at += 4;
    } else if (wire === 2) {
      const read = read_varint(bytes, at);
      if (!read || read.next + read.value > bytes.length) throw new Error('a message was cut short');
      found.set(field, bytes.subarray(read.next, read.next + read.value));
      at = read.next + read.value;
    } else {
      throw new Error(`a message has wire type ${wire}`);
    }
  }
  return found;
}

// Frames of one connection. `take(type, body)` is called for each; `refuse` ends the connection.
class PlainFrames {
  #rest = Buffer.alloc(0);
  constructor(socket, take) { Object.assign(this, { socket, take, ready: true }); }
  write(type, body) { this.socket.write(Buffer.concat([Buffer.from([0]), varint(body.length), varint(type), body])); }
  read(bytes) {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length > 0) {
      // A node that speaks plain tells who wants encryption so, in words.
      if (this.#rest[0] !== 0) return void this.socket.end('\0Bad indicator byte');
      const length = read_varint(this.#rest, 1);
      const type = length && read_varint(this.#rest, length.next);
      if (!type || this.#rest.length < type.next + length.value) return;
      const body = this.#rest.subarray(type.next, type.next + length.value);
      this.#rest = this.#rest.subarray(type.next + length.value);
      this.take(type.value, body);
    }
  }
}

class NoiseFrames {
  #rest = Buffer.alloc(0);
  #step = 'hello';
  #responder;
  #ciphers;
  constructor(socket, take, world) { Object.assign(this, { socket, take, world }); }
  get ready() { return this.#step === 'open'; }
  #frame(body) { this.socket.write(Buffer.concat([Buffer.from([1, body.length >> 8, body.length & 0xff]), body])); }
  #reject(reason) {
    this.#frame(Buffer.concat([Buffer.from([1]), Buffer.from(reason)]));
    this.socket.end();
    this.#step = 'closed';
  }
  write(type, body) {
    this.#frame(this.#ciphers.seal.encrypt(Buffer.concat([Buffer.from([type >> 8, type & 0xff, body.length >> 8, body.length & 0xff]), body])));
  }
  read(bytes) {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length > 0 && this.#step !== 'closed') {
      if (this.#rest[0] !== 1) return this.#reject('Bad indicator byte');
      if (this.#rest.length < 3 || this.#rest.length < 3 + this.#rest.readUInt16BE(1)) return;
      const end = 3 + this.#rest.readUInt16BE(1);
      const body = this.#rest.subarray(3, end);
      this.#rest = this.#rest.subarray(end);
      this.#take(body);
    }
  }
  #take(body) {
    if (this.#step === 'hello') {
      const length = Buffer.from([body.length >> 8, body.length & 0xff]);
      this.#responder = new Responder(this.world.key, Buffer.concat([Buffer.from('NoiseAPIInit'), length, body]));
      const mac = this.world.mac.toLowerCase().replaceAll(':', '');
      this.#frame(Buffer.concat([Buffer.from([1]), Buffer.from(`${this.world.name}\0${mac}\0`)]));
      this.#step = 'handshake';
    } else if (this.#step === 'handshake') {
      if (body.length === 0) return this.#reject('Empty handshake message');
      if (body[0] !== 0) return this.#reject('Bad handshake error byte');
      try {
        this.#responder.read(body.subarray(1));
      } catch {
        return this.#reject('Handshake MAC failure');
      }
      const { message, open, seal } = this.#responder.write();
      this.#ciphers = { open, seal };
      this.#frame(Buffer.concat([Buffer.from([0]), message]));
      this.#step = 'open';
    } else {
      let plain;
      try {
        plain = this.#ciphers.open.decrypt(body);
      } catch {
        this.#step = 'closed';
        return void this.socket.destroy();
      }
      this.take(plain.readUInt16BE(0), plain.subarray(4, 4 + plain.readUInt16BE(2)));
    }
  }
}

// One client: what it may ask, and what it is told.
class Client {
  constructor(socket, world) {
    Object.assign(this, { socket, world, greeted: false, allowed: false, listens: false, left: null });
    this.frames = new (world.key ? NoiseFrames : PlainFrames)(socket, (type, body) => this.take(type, body), world);
    socket.on('data', (bytes) => this.frames.read(bytes));
    socket.on('error', () => {});
  }
  say(type, ...parts) { if (this.frames.ready && !this.socket.destroyed) this.frames.write(type, Buffer.concat(parts)); }
  admit() {
    this.allowed = true;
    this.say(message.get_time); // The stock package has the time from whoever is connected.
  }
  take(type, body) {
    if (type === message.hello) return this.hello();
    if (!this.greeted) return this.socket.destroy();
    if (type === message.connect) return this.connect(body);
    if (type === message.disconnect) return void (this.say(message.disconnect_answer), this.socket.end());
    if (type === message.disconnect_answer) return void this.socket.end();
    if (type === message.ping) return this.say(message.ping_answer);
    if (type === message.ping_answer) return this.answered?.();
    if (type === message.device_info) return this.device_info();
    if (!this.allowed) return void this.socket.destroy();
    if (type === message.get_time_answer) this.world.time = fields(body).get(1) ?? 0;
    if (type === message.list_entities) this.list();
    if (type === message.subscribe_states) {
      this.listens = true;
      this.tell();
    }
  }
  hello() {
    this.greeted = true;
    this.say(message.hello_answer, number(1, 1), number(2, this.world.object_ids ? 12 : 14), text(3, `${this.world.name} (esphome v${this.world.version})`), text(4, this.world.name));
    if (this.world.password === undefined) this.admit();
  }
  connect(body) {
    if (this.world.password === undefined) return; // Newer nodes do not know this message.
    const is_wrong = `${fields(body).get(1) ?? ''}` !== this.world.password;
    this.say(message.connect_answer, number(1, is_wrong ? 1 : 0));
    if (!is_wrong) this.admit();
  }
  device_info() {
    this.say(message.device_info_answer, number(1, this.world.password ? 1 : 0), text(2, this.world.name), text(3, this.world.mac),
      text(4, this.world.version), text(6, 'nodemcu-32s'), text(8, 'circuitsetup.6c-energy-meter'), text(9, '1.7'), text(12, 'Espressif'),
      text(13, 'Energy Meter'));
  }
  list() {
    const id = (one) => (this.world.object_ids ? text(1, one.object_id) : Buffer.alloc(0));
    for (const one of this.world.sensors) {
      this.say(message.sensor, id(one), fixed32(2, one.key), text(3, one.name), text(6, one.unit), number(7, one.decimals), text(9, one.device_class), number(10, state_classes[one.state_class]));
    }
    for (const one of this.world.texts) this.say(message.text_sensor, id(one), fixed32(2, one.key), text(3, one.name));
    this.say(message.list_done);
  }
  tell() {
    if (!this.listens) return;
    for (const one of this.world.sensors) {
      this.say(message.sensor_state, fixed32(1, one.key), float(2, one.has_state ? one.value : NaN), number(3, one.has_state ? 0 : 1));
    }
    for (const one of this.world.texts) this.say(message.text_state, fixed32(1, one.key), text(2, one.value));
  }
  // Resolves once the client has answered.
  ping() {
    this.say(message.ping);
    return new Promise((resolve) => { this.answered = resolve; });
  }
  async close(politely) {
    if (this.socket.destroyed) return;
    const closed = once(this.socket, 'close');
    if (politely && this.frames.ready) {
      this.say(message.disconnect);
      const patience = setTimeout(() => this.socket.destroy(), 2000);
      await closed;
      clearTimeout(patience);
    } else {
      this.socket.destroy();
      await closed;
    }
  }
}

// Listens on loopback. `world` is the node: name, mac, key (32 bytes or null), password, object_ids,
// version, sensors, texts, time.
export async function serve_api(world, port) {
  const clients = new Set();
  const server = createServer({ noDelay: true }, (socket) => {
    const client = new Client(socket, world);
    clients.add(client);
    socket.on('close', () => clients.delete(client));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const taken = server.address().port;
  const close = async (politely) => {
    server.close();
    await Promise.all([...clients].map((client) => client.close(politely)));
  };
  return {
    port: taken,
    get clients() { return clients.size; },
    tell() { for (const client of clients) client.tell(); },
    ping: () => Promise.all([...clients].map((client) => client.ping())),
    drop: () => close(false),
    leave: () => close(true),
  };
}
