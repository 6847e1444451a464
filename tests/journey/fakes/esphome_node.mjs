// A CircuitSetup board with ESPHome, as a hub meets it: over MQTT, or as the server of the native
// API, plain or encrypted. Written from what ESPHome publishes (esphome.io, api.proto of
// esphome/aioesphomeapi, the Noise specification), and it knows nothing of Lenz.
//
//   const node = await start({ over: 'api', channels: 6, key, period_ms: 1000 });
//   node.set('ct1_watts', 118);   what the clamp sees from now on; NaN: the chip gives nothing
//   await node.restart();         its counters begin at 0
//   await node.stop();

import { randomBytes } from 'node:crypto';
import { key_of, object_id_of, sensors, text_sensors } from './esphome_entities.mjs';
import { serve_api } from './esphome_api.mjs';
import { connect } from './mqtt.mjs';

const hour_ms = 3_600_000;
const retry_ms = 200; // A real node waits a second and more.

// Options:
//   over          'mqtt' or 'api'
//   name, mac     of the node; mac like 'aa:bb:cc:dd:ee:ff'
//   channels      6 to 42, six a board
//   period_ms     between two walls of states; 0: only when tell() is called
//   counts        whether it counts each clamp's energy (the stock package does not)
//   broker        {host, port, user, password}, over MQTT
//   nan           what it says over MQTT for no number: 'nan', or 'None' with publish_nan_as_none
//   key           32 bytes in base64: the native API speaks Noise; absent: plain
//   password      of nodes before ESPHome 2026.1, which want message 3; absent: a newer node
//   object_ids    whether the native API sends them (API before 1.14), or names only
// Returns {port (of the native API), set(), tell(), ...}: see below.
export async function start(options = {}) {
  const {
    over = 'mqtt', name = 'energy-meter-ddeeff', mac = 'AA:BB:CC:DD:EE:FF', channels = 6, period_ms = 1000, counts = false, broker,
    nan = 'nan', key, password, object_ids = true,
  } = options;
  const world = {
    name, mac, key: key === undefined ? null : Buffer.from(key, 'base64'), password, object_ids, version: '2025.5.0',
    sensors: sensors(channels, { counts }).map((one) => ({ ...one, key: key_of(one.object_id), value: NaN, has_state: false })),
    texts: text_sensors.map((one) => ({ ...one, key: key_of(one.object_id), value: 'Okay' })),
    time: null, // Seconds since 1970, as the hub said; null: the node has no clock.
    restarts: 0,
  };
  const truth = { imported_wh: Array(channels).fill(0), exported_wh: Array(channels).fill(0) };
  let counted = 0; // Milliseconds since the start, of which the counters have heard.
  let line = null;
  let timer = null;
  let stopped = false;
  let wants_line = true;

  // Found by the object id of the stock list, whatever the person called it afterwards.
  const stock = new Map(world.sensors.map((one) => [one.object_id, one]));
  const sensor = (id) => {
    const one = stock.get(id);
    if (!one) throw new Error(`the node has no sensor ${id}`);
    return one;
  };
  const add = (id, amount) => {
    const one = stock.get(id);
    if (one) one.value = (Number.isNaN(one.value) ? 0 : one.value) + amount;
  };
  const begin_counters = () => {
    for (const one of world.sensors.filter(({ state_class }) => state_class === 'total_increasing')) one.value = 0;
  };

  // What the chip and the node's sums make of the time that has passed.
  function count(ms) {
    counted += ms;
    let watts = 0, amps = 0;
    for (let n = 1; n <= channels; ++n) {
      const drawn = sensor(`ct${n}_watts`).value;
      if (!Number.isNaN(drawn)) {
        const wh = (Math.abs(drawn) * ms) / hour_ms;
        add(drawn >= 0 ? `ct${n}_forward_active_energy` : `ct${n}_reverse_active_energy`, wh);
        truth[drawn >= 0 ? 'imported_wh' : 'exported_wh'][n - 1] += wh;
      }
      watts += drawn;
      amps += sensor(`ct${n}_amps`).value;
    }
    sensor('circuitsetup_energy_meter_total_watts_main').value = watts;
    sensor('circuitsetup_energy_meter_total_amps_main').value = amps;
    if (!Number.isNaN(watts)) add('circuitsetup_energy_meter_total_kwh', (watts * ms) / hour_ms / 1000);
    add('uptime', ms / 1000);
  }

  // One wall of states: every sensor says what it has.
  function tell() {
    for (const one of world.sensors) one.has_state = true;
    line?.tell();
  }

  function run() {
    if (period_ms === 0) return;
    timer = setInterval(() => {
      count(period_ms);
      tell();
    }, period_ms);
  }

  const join = async () => {
    wants_line = true;
    line = over === 'api'
      ? await serve_api(world, line?.port ?? options.port ?? 0)
      : await speak_mqtt(world, { ...broker, nan, restart: () => node.restart(), lost });
  };
  const leave = async (how) => {
    wants_line = false;
    await line?.[how]();
  };
  // A broker that went away is sought until it is back.
  const lost = async () => {
    while (wants_line && !stopped) {
      await new Promise((resolve) => setTimeout(resolve, retry_ms));
      if (wants_line && !stopped && (await join().then(() => true, () => false))) return;
    }
  };

  const node = {
    get port() { return line?.port ?? 0; },
    get name() { return name; },
    get time() { return world.time; },
    get clients() { return line?.clients ?? 0; },
    get sensors() { return world.sensors; },
    truth, // Watt-hours of each clamp since the start, across restarts.

    // By the object id of the stock list.
    set(id, value) { sensor(id).value = value; },
    get(id) { return sensor(id).value; },

    // Lets time pass at once: the counters count it.
    count,
    tell,

    // Calls the sensor something else, as after an edit of the YAML and an upload.
    async rename(id, called) {
      const one = sensor(id);
      Object.assign(one, { name: called, object_id: object_id_of(called) });
      one.key = key_of(one.object_id);
      await node.restart();
    },

    // The daily sum of the stock package begins at 0.
    midnight() { sensor('circuitsetup_energy_meter_total_kwh').value = 0; },

    // As a power cut: no goodbye, counters at 0, no clock, no states until the next wall.
    async restart() {
      clearInterval(timer);
      await leave('drop');
      begin_counters();
      for (const one of world.sensors) one.has_state = false;
      world.time = null;
      ++world.restarts;
      if (stopped) return;
      await join();
      run();
    },

    // Asks the readers of the native API whether they are there; resolves once all have answered.
    ping: () => line.ping(),

    // The network goes away and comes back; the node runs on.
    async disconnect() { await leave('drop'); },
    async reconnect() { await join(); },

    // Says goodbye first, as before an update over the air.
    async leave() { await leave('leave'); },

    async stop() {
      stopped = true;
      clearInterval(timer);
      await leave('leave');
    },
  };

  begin_counters();
  await join();
  run();
  return node;
}

// The node's side of ESPHome's MQTT: retained states, a last will, discovery for Home Assistant.
async function speak_mqtt(world, { host, port, user, password, nan, restart, lost }) {
  const prefix = world.name;
  const status = `${prefix}/status`;
  const mac = world.mac.toLowerCase().replaceAll(':', '');
  const line = await connect({
    host, port, user, password, id: `${world.name}-${randomBytes(3).toString('hex')}`,
    will: { topic: status, payload: 'offline', retain: true }, lost,
    heard: ({ topic, payload }) => { if (topic === `${prefix}/button/restart/command` && `${payload}` === 'PRESS') void restart(); },
  });
  const say = (topic, payload) => line.publish(topic, payload, { retain: true });
  say(status, 'online');
  say(`esphome/discover/${world.name}`, JSON.stringify({ ip: '127.0.0.1', name: world.name, port: 6053, version: world.version, mac }));
  await line.subscribe(`${prefix}/button/restart/command`);
  const about = (kind, one, more) => say(`homeassistant/${kind}/${world.name}/${one.object_id}/config`, JSON.stringify({
    ...more, name: one.name, stat_t: `${prefix}/${kind}/${one.object_id}/state`, avty_t: status, uniq_id: `ESP${kind}${one.object_id}`,
    dev: { ids: mac, name: world.name, sw: `esphome v${world.version}`, mdl: '6c-energy-meter', mf: 'circuitsetup', cns: [['mac', mac]] },
  }));
  for (const one of world.sensors) {
    about('sensor', one, { dev_cla: one.device_class, unit_of_meas: one.unit, stat_cla: one.state_class });
  }
  for (const one of world.texts) about('text_sensor', one, {});

  return {
    port: 0,
    clients: 1,
    tell() {
      for (const one of world.sensors) {
        say(`${prefix}/sensor/${one.object_id}/state`, Number.isNaN(one.value) ? nan : one.value.toFixed(one.decimals));
      }
      for (const one of world.texts) say(`${prefix}/text_sensor/${one.object_id}/state`, one.value);
    },
    drop: () => line.drop(),
    async leave() {
      say(status, 'offline');
      await line.end();
    },
  };
}

