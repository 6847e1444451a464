// As much of MQTT 3.1.1 as the fakes need: a client that publishes and hears at QoS 0. Written from
// the OASIS standard (mqtt-v3.1.1-os); section numbers are its own.

import { once } from 'node:events';
import { connect as open } from 'node:net';

const type = { connect: 1, connack: 2, publish: 3, subscribe: 8, suback: 9, pingreq: 12, disconnect: 14 };

const word = (text) => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

// 2.2.3: seven bits a byte, the lowest first.
function length_bytes(length) {
  const bytes = [];
  do {
    bytes.push((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
    length >>= 7;
  } while (length > 0);
  return Buffer.from(bytes);
}

const packet = (kind, flags, ...parts) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([(kind << 4) | flags]), length_bytes(body.length), body]);
};

// The first packet of a buffer, or null while it is not complete.
function first_packet(buffer) {
  let length = 0;
  for (let i = 1; i < Math.min(buffer.length, 5); ++i) {
    length += (buffer[i] & 0x7f) * 128 ** (i - 1);
    if (buffer[i] & 0x80) continue;
    const end = i + 1 + length;
    return buffer.length < end ? null : { kind: buffer[0] >> 4, flags: buffer[0] & 15, body: buffer.subarray(i + 1, end), end };
  }
  return null;
}

// Resolves once the broker has accepted. `will`: {topic, payload, retain}. `heard` is called with
// {topic, payload (a Buffer), retain}; `lost` once a line that was accepted is gone, however it went.
export async function connect({ host = '127.0.0.1', port, id, user, password, will, keep_alive_s = 15, heard = () => {}, lost = () => {} }) {
  const socket = open({ host, port, noDelay: true });
  await once(socket, 'connect');
  let rest = Buffer.alloc(0), packet_id = 0, accepted, was_open = false;
  const subscribed = new Map();
  const was_accepted = new Promise((resolve, reject) => { accepted = { resolve, reject }; });

  const take = ({ kind, flags, body }) => {
    if (kind === type.connack) {
      if (body[1] === 0) accepted.resolve();
      else accepted.reject(new Error(`the broker refused ${id}: return code ${body[1]}`));
    } else if (kind === type.suback) {
      subscribed.get(body.readUInt16BE(0))?.resolve(body[2]);
      subscribed.delete(body.readUInt16BE(0));
    } else if (kind === type.publish) {
      const end = 2 + body.readUInt16BE(0);
      heard({ topic: body.subarray(2, end).toString(), payload: Buffer.from(body.subarray(end)), retain: (flags & 1) === 1 });
    }
  };
  socket.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (let one = first_packet(rest); one; one = first_packet(rest)) {
      take(one);
      rest = rest.subarray(one.end);
    }
  });
  socket.on('error', () => {}); // 'close' follows.
  const alive = setInterval(() => socket.write(packet(type.pingreq, 0)), (keep_alive_s * 1000) / 2);
  socket.on('close', () => {
    clearInterval(alive);
    const gone = new Error(`the line of ${id} to the broker was lost`);
    for (const { reject } of [accepted, ...subscribed.values()]) reject(gone);
    if (was_open) lost();
  });
  was_accepted.catch(() => {});

  // 3.1.2: clean session; what is not given has no flag.
  const flags = 0x02 | (will ? 0x04 | (will.retain ? 0x20 : 0) : 0) | (password === undefined ? 0 : 0x40) | (user === undefined ? 0 : 0x80);
  socket.write(packet(type.connect, 0, word('MQTT'), Buffer.from([4, flags, keep_alive_s >> 8, keep_alive_s & 0xff]), word(id),
    ...(will ? [word(will.topic), word(will.payload)] : []), ...(user === undefined ? [] : [word(user)]),
    ...(password === undefined ? [] : [word(password)])));
  await was_accepted;
  was_open = true;

  return {
    publish(topic, payload, { retain = false } = {}) {
      socket.write(packet(type.publish, retain ? 1 : 0, word(topic), Buffer.from(payload)));
    },
    // Resolves once the broker has said that it will send.
    async subscribe(filter) {
      packet_id = (packet_id % 0xffff) + 1;
      const answer = new Promise((resolve, reject) => subscribed.set(packet_id, { resolve, reject }));
      socket.write(packet(type.subscribe, 2, Buffer.from([packet_id >> 8, packet_id & 0xff]), word(filter), Buffer.from([0])));
      if ((await answer) === 0x80) throw new Error(`the broker refused ${filter}`);
    },
    // Says goodbye: no will is sent. Resolves once the line is closed.
    async end() {
      if (socket.destroyed) return;
      socket.end(packet(type.disconnect, 0));
      await once(socket, 'close');
    },
    // As when the power goes: the broker sends the will.
    async drop() {
      if (socket.destroyed) return;
      socket.destroy();
      await once(socket, 'close');
    },
  };
}
