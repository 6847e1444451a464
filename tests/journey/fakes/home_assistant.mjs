// Home Assistant as a hub meets it: a client of the broker that follows MQTT discovery, a recorder
// that compiles statistics on a clock which the test moves, and the WebSocket API. Written from its
// documentation (www.home-assistant.io, developers.home-assistant.io) and the behaviour published in
// home-assistant/core; it knows nothing of Lenz.
//
//   let time = Date.UTC(2026, 0, 5);
//   const ha = await start({ broker: { port }, now: () => time });
//   await ha.until(() => ha.state('sensor.fridge_energy') === '12.5');
//   time += 3_600_000; ha.advance();      the recorder compiles what has passed
//   ha.statistics.energy_by_hour('sensor.fridge_energy')
//   await ha.stop();

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { read_bundle, render } from './discovery.mjs';
import { commands } from './home_assistant_commands.mjs';
import { connect } from './mqtt.mjs';
import { Statistics, hour_ms, period_ms } from './statistics.mjs';

const { WebSocketServer } = createRequire(join(import.meta.dirname, '../../../web/package.json'))('ws');
const largest_message = 4 * 1024 * 1024;
const version = '2026.8.0';

// Options:
//   broker            {port, host, user, password}; absent: no MQTT
//   now               milliseconds UTC, as the test has them
//   token             of an administrator; `guest_token` of somebody who is none
//   discovery_prefix  'homeassistant'
//   energy_form       how energy/save_prefs wants a grid: 'unified', or 'flows' as before 2026
//   prefs             what the Energy dashboard holds at the start; null: nothing was set up yet
export async function start(options = {}) {
  const { broker, now = Date.now, token = 'token', guest_token = 'guest', discovery_prefix = 'homeassistant', energy_form = 'unified', prefs = null } = options;
  const statistics = new Statistics();
  const registry = new Map(); // By unique id: {entity_id, unique_id, name, device}. Renamed ids stay.
  const removed = new Map();  // Of entities that are gone: who comes back gets the same id.
  const devices = new Map();  // By first identifier.
  const entities = new Map(); // By unique id: what lives now.
  const retained = new Map(); // The last message of each availability topic.
  const complaints = [];
  let line = null;
  let compiled_to = Math.floor(now() / period_ms) * period_ms;
  let wake = () => {};

  const complain = (sentence) => complaints.push(sentence);

  // ---- States -------------------------------------------------------------------------------

  const is_available = (entity) => {
    if (!line) return false;
    const topics = entity.config.availability;
    if (topics.length === 0) return true;
    const is_on = ({ topic, payload_available = 'online' }) => retained.get(topic) === payload_available;
    return entity.config.availability_mode === 'any' ? topics.some(is_on) : topics.every(is_on);
  };

  const state_at = (entity, time) => {
    if (!is_available(entity)) return 'unavailable';
    const { expire_after } = entity.config;
    if (expire_after && (entity.heard_at === null || time >= entity.heard_at + expire_after * 1000)) return 'unavailable';
    return entity.value ?? 'unknown';
  };

  function refresh(entity, time) {
    const state = state_at(entity, time);
    if (entity.history.at(-1)?.state !== state) entity.history.push({ time, state });
  }

  // What has expired since is unavailable from the moment on when it did.
  function expire(time) {
    for (const entity of entities.values()) {
      const { expire_after } = entity.config;
      const at = expire_after && entity.heard_at !== null ? entity.heard_at + expire_after * 1000 : Infinity;
      if (at <= time) refresh(entity, Math.max(at, entity.history.at(-1)?.time ?? at));
    }
  }

  const of_id = (entity_id) => [...entities.values()].find(({ unique_id }) => registry.get(unique_id).entity_id === entity_id);

  // ---- Discovery ----------------------------------------------------------------------------

  function free_id(wanted) {
    const taken = new Set([...registry.values()].map(({ entity_id }) => entity_id));
    for (let n = 1; ; ++n) {
      const id = n === 1 ? wanted : `${wanted}_${n}`;
      if (!taken.has(id)) return id;
    }
  }
  const slug = (text) => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_').replaceAll(/^_+|_+$/g, '') || 'unknown';

  function add(topic, key, config, device) {
    const { unique_id } = config;
    const there = entities.get(unique_id);
    if (there && (there.topic !== topic || there.key !== key)) {
      return complain(`${topic}: component ${key} has the unique id ${unique_id} of ${there.topic}, ${there.key}`);
    }
    const wanted = config.default_entity_id ?? `sensor.${slug(`${device?.name ?? ''} ${config.name ?? ''}`)}`;
    const known = registry.get(unique_id) ?? { entity_id: free_id(removed.get(unique_id) ?? wanted), unique_id };
    registry.set(unique_id, { ...known, name: config.name, device: device?.identifiers[0] ?? null });
    entities.set(unique_id, { history: [], value: null, heard_at: null, attributes: {}, ...there, topic, key, unique_id, config });
    refresh(entities.get(unique_id), now());
    for (const wanted_topic of [config.state_topic, config.json_attributes_topic, ...config.availability.map((one) => one.topic)]) {
      if (wanted_topic !== undefined) hear(wanted_topic);
    }
  }

  function remove(entity) {
    removed.set(entity.unique_id, registry.get(entity.unique_id).entity_id);
    registry.delete(entity.unique_id);
    entities.delete(entity.unique_id);
  }

  function take_bundle(topic, payload) {
    const of_topic = () => [...entities.values()].filter((entity) => entity.topic === topic);
    if (payload === '') return of_topic().forEach(remove);
    const { problems, device, components } = read_bundle(payload);
    if (problems.length > 0) return problems.forEach((problem) => complain(`${topic}: ${problem}`));
    devices.set(device.identifiers[0] ?? topic, device);
    for (const [key, config] of components) {
      const there = of_topic().find((entity) => entity.key === key);
      if (config) add(topic, key, config, device);
      else if (there) remove(there);
    }
  }

  // ---- The broker ---------------------------------------------------------------------------

  const bundle_topic = new RegExp(`^${discovery_prefix}/device/(?:[\\w-]+/)?[\\w-]+/config$`);
  const asked_for = new Set();
  // Subscribing anew makes the broker send what it keeps, also where another sensor has the topic.
  function hear(topic) {
    asked_for.add(topic);
    line?.subscribe(topic).catch(() => {});
  }

  // An event has its type as the state's word, and the rest as attributes.
  function take_event(entity, payload) {
    const event = JSON.parse(payload);
    if (!entity.config.event_types.includes(event.event_type)) return complain(`${registry.get(entity.unique_id).entity_id} has no event ${event.event_type}`);
    entity.value = event.event_type;
    entity.attributes = event;
    entity.heard_at = now();
  }

  function take_state(entity, payload) {
    if (entity.config.platform === 'event') return take_event(entity, payload);
    const rendered = render(entity.config.value_template, payload);
    if (rendered === '') return; // Home Assistant passes over what renders to nothing.
    if (entity.config.platform === 'binary_sensor') {
      const { payload_on = 'ON', payload_off = 'OFF' } = entity.config;
      if (![payload_on, payload_off, 'None'].includes(rendered)) {
        return complain(`${registry.get(entity.unique_id).entity_id} has ${JSON.stringify(rendered)}, which is neither on nor off`);
      }
      entity.value = rendered === 'None' ? null : rendered === payload_on ? 'on' : 'off';
      entity.heard_at = now();
      return;
    }
    const is_measure = ['unit_of_measurement', 'state_class', 'suggested_display_precision'].some((key) => entity.config[key] !== undefined);
    if (rendered !== 'None' && is_measure && !(rendered.trim() !== '' && Number.isFinite(Number(rendered)))) {
      return complain(`${registry.get(entity.unique_id).entity_id} has ${JSON.stringify(rendered)}, which is no number`);
    }
    entity.value = rendered === 'None' ? null : rendered;
    entity.heard_at = now();
  }

  function take_attributes(entity, payload) {
    try {
      const attributes = JSON.parse(payload);
      if (typeof attributes === 'object' && attributes !== null && !Array.isArray(attributes)) entity.attributes = attributes;
      else complain(`${entity.config.json_attributes_topic} is no JSON object`);
    } catch {
      complain(`${entity.config.json_attributes_topic} is no JSON`);
    }
  }

  function heard({ topic, payload }) {
    const text = `${payload}`;
    expire(now());
    if (bundle_topic.test(topic)) take_bundle(topic, text);
    for (const entity of entities.values()) {
      const { config } = entity;
      if (config.availability.some((one) => one.topic === topic)) retained.set(topic, text);
      if (config.state_topic === topic) take_state(entity, text);
      if (config.json_attributes_topic === topic) take_attributes(entity, text);
      refresh(entity, now());
    }
    wake();
  }

  const status = `${discovery_prefix}/status`;
  async function join() {
    if (!broker) return;
    const will = { topic: status, payload: 'offline', retain: false };
    line = await connect({ ...broker, id: `homeassistant-${randomBytes(3).toString('hex')}`, will, heard, lost: broker_lost });
    await line.subscribe(`${discovery_prefix}/#`);
    for (const topic of asked_for) await line.subscribe(topic);
    line.publish(status, 'online');
  }
  function broker_lost() {
    line = null;
    retained.clear();
    for (const entity of entities.values()) refresh(entity, now());
    wake();
  }

  // ---- The recorder -------------------------------------------------------------------------

  function compile(begin, end) {
    for (const entity of entities.values()) {
      const { state_class, unit_of_measurement = null } = entity.config;
      const before = entity.history.findLastIndex((one) => one.time <= begin);
      const seen = entity.history.slice(Math.max(0, before)).filter((one) => one.time < end);
      if (state_class) statistics.compile({ id: registry.get(entity.unique_id).entity_id, state_class, unit: unit_of_measurement }, seen, begin, end);
      entity.history.splice(0, entity.history.findLastIndex((one) => one.time <= end));
    }
    if (end % hour_ms === 0) statistics.compile_hour(end - hour_ms);
  }

  // ---- The WebSocket ------------------------------------------------------------------------

  let hangs = false;
  async function serve(port) {
    const server = new WebSocketServer({ host: '127.0.0.1', port, path: '/api/websocket', maxPayload: largest_message });
    await once(server, 'listening');
    server.on('connection', talk);
    return server;
  }
  async function close_server() {
    for (const client of server.clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  }

  function talk(socket) {
    let role = null;
    let last_id = 0;
    const say = (message) => { if (!hangs) socket.send(JSON.stringify(message)); };
    const refuse = (id, code, message) => say({ id, type: 'result', success: false, error: { code, message } });
    const sign_in = (message) => {
      role = message.type !== 'auth' ? null : { [token]: 'admin', [guest_token]: 'guest' }[message.access_token] ?? null;
      if (role) return say({ type: 'auth_ok', ha_version: version });
      say({ type: 'auth_invalid', message: 'Invalid access token or password' });
      socket.close();
    };
    const answer = (message) => {
      const { id, type } = message;
      if (!Number.isInteger(id) || id < 1 || typeof type !== 'string') return refuse(id ?? null, 'invalid_format', 'Message incorrectly formatted.');
      if (id <= last_id) return refuse(id, 'id_reuse', 'Identifier values have to increase.');
      last_id = id;
      if (type === 'ping') return say({ id, type: 'pong' });
      const command = commands[type];
      if (!command) return refuse(id, 'unknown_command', 'Unknown command.');
      if (command.admin && role !== 'admin') return refuse(id, 'unauthorized', 'Unauthorized');
      try {
        say({ id, type: 'result', success: true, result: command.run(ha, message) ?? null });
      } catch (error) {
        if (!error.code) throw error; // Ours.
        refuse(id, error.code, error.message);
      }
    };
    say({ type: 'auth_required', ha_version: version });
    socket.on('message', (text) => {
      ha.asked.push(JSON.parse(text));
      (role ? answer : sign_in)(ha.asked.at(-1));
      wake();
    });
    socket.on('error', () => {});
  }
  let server = await serve(options.port ?? 0);
  const { port } = server.address();

  const ha = {
    port,
    url: `ws://127.0.0.1:${port}/api/websocket`,
    statistics, registry, devices, complaints, energy_form, prefs,
    asked: [], // Every message that came over the WebSocket, oldest first.
    now,

    // 'unavailable', 'unknown', a value as text; undefined where there is no such entity.
    state(entity_id) {
      const entity = of_id(entity_id);
      expire(now());
      return entity && state_at(entity, now());
    },
    // What an unavailable entity has none of.
    attributes(entity_id) {
      const entity = of_id(entity_id);
      if (!entity) return undefined;
      const { unit_of_measurement, device_class, state_class } = entity.config;
      return { ...(state_at(entity, now()) === 'unavailable' ? {} : entity.attributes), unit_of_measurement, device_class, state_class, friendly_name: entity.config.name };
    },
    config: (entity_id) => of_id(entity_id)?.config,

    // As `hass.states` of the frontend.
    states() {
      return Object.fromEntries([...registry.values()].map(({ entity_id }) => [entity_id, { state: ha.state(entity_id), attributes: ha.attributes(entity_id) }]));
    },

    // As a person does it in the settings. Statistics go with the entity.
    rename(entity_id, to) {
      const entry = [...registry.values()].find((one) => one.entity_id === entity_id);
      if (!entry) throw new Error(`there is no ${entity_id}`);
      entry.entity_id = to;
      for (const table of [statistics.metadata, statistics.short, statistics.long]) {
        if (!table.has(entity_id)) continue;
        table.set(to, table.get(entity_id));
        table.delete(entity_id);
      }
    },

    // Compiles the periods that have ended.
    advance() {
      for (; compiled_to + period_ms <= now(); compiled_to += period_ms) {
        expire(compiled_to + period_ms);
        if (ha.runs) compile(compiled_to, compiled_to + period_ms);
      }
    },

    // Resolves once the condition holds; it is looked at whenever something was heard.
    async until(condition, patience_ms = 10_000) {
      const deadline = Date.now() + patience_ms;
      while (!condition()) {
        if (Date.now() > deadline) throw new Error(`it never came that ${condition}`);
        await new Promise((resolve) => {
          wake = resolve;
          setTimeout(resolve, 100);
        });
      }
    },

    runs: true,
    // Home Assistant ends; its database stays.
    async go_down() {
      ha.advance();
      ha.runs = false;
      line?.publish(status, 'offline');
      await line?.end();
      await close_server();
    },
    // Nothing is compiled of the time between. Everything is unavailable until it is heard of again.
    async come_up() {
      compiled_to = Math.floor(now() / period_ms) * period_ms;
      for (const entity of entities.values()) Object.assign(entity, { value: null, heard_at: null, attributes: {}, history: [] });
      ha.runs = true;
      server = await serve(port);
      await join();
    },

    // It accepts and hears, and never answers.
    hang(is_hanging = true) { hangs = is_hanging; },

    async stop() {
      await line?.end();
      if (ha.runs) await close_server();
    },
  };
  await join();
  return ha;
}
