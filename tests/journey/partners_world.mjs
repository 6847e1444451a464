// What a journey with partners needs: a hub in a folder of its own, a real InfluxDB, patience.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { open_page, program } from './demo.mjs';

const influxd = '/usr/bin/influxd';
export const has_influx = existsSync(influxd);

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(condition, what, patience_ms = 20_000) {
  const deadline = Date.now() + patience_ms;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${patience_ms} ms: ${what}`);
    await pause(200);
  }
}

async function free_port() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

// {folder, data, remove()}: a place for a hub's data, with a secrets folder.
export function make_place() {
  const folder = mkdtempSync(join(tmpdir(), 'lenz-partners-'));
  chmodSync(folder, 0o711); // A broker that root starts runs under its own account.
  const data = join(folder, 'data');
  mkdirSync(join(data, 'secrets'), { recursive: true });
  return { folder, data, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

async function end(child, signal) {
  const ended = child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await ended;
  clearTimeout(timer);
  return child.exitCode ?? child.signalCode;
}

// `lenz WORDS…` that serves a page, with what it prints: {pid, said, link, cookie, ask(path), tell(path, what)
// (its status), stop()}.
export async function start_lenz(folder, ...words) {
  const child = spawn(program, words, { env: { ...process.env, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line));
  const link = await new Promise((found, failed) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const seen = /http:\/\/\S+#link=\S+/.exec(line);
      if (seen) found(new URL(seen[0]));
    });
    child.once('exit', (code) => failed(new Error(`lenz ${words[0]} ended with ${code}: ${said.join('\n')}`)));
  });
  const session = await fetch(new URL('/api/session', link), {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ link: link.hash.slice('#link='.length) }),
  });
  const cookie = session.headers.get('set-cookie').split(';')[0];
  return {
    pid: child.pid, said, link, cookie,
    ask: async (path) => (await fetch(new URL(path, link), { headers: { Cookie: cookie } })).json(),
    tell: async (path, what) => (await fetch(new URL(path, link), {
      method: 'POST', headers: { 'Content-Type': 'application/json', Cookie: cookie }, body: JSON.stringify(what),
    })).status,
    stop: () => end(child, 'SIGTERM'),
  };
}

export const start_hub = ({ folder, data }) => start_lenz(folder, 'hub', '--data', data, '--port', '0');

// The page of what start_lenz() gave, signed in: its one-time link was used for the session.
export function open_as_owner(browser, { link, cookie }, screen) {
  const [name, value] = cookie.split('=');
  const cookies = [{ name, value, domain: '127.0.0.1', path: '/', expires: -1, httpOnly: true, secure: false, sameSite: 'Strict' }];
  return open_page(browser, new URL('/', link).href, screen, { storageState: { cookies, origins: [] } });
}

// A real InfluxDB 1.x with a database "lenz": {port, query(q), stop()}.
export async function start_influx(folder) {
  const port = await free_port();
  const file = join(folder, 'influx.conf');
  const under = (name) => join(folder, 'influx', name);
  writeFileSync(file, `reporting-disabled = true
bind-address = "127.0.0.1:${await free_port()}"
[meta]
dir = "${under('meta')}"
[data]
dir = "${under('data')}"
wal-dir = "${under('wal')}"
index-version = "tsi1"
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:${port}"
log-enabled = false
`);
  const child = spawn(influxd, ['run', '-config', file], { stdio: 'ignore' });
  const query = async (q) => {
    const answer = await fetch(`http://127.0.0.1:${port}/query?${new URLSearchParams({ db: 'lenz', epoch: 'ms', q })}`, { method: 'POST' });
    const { results, error } = await answer.json();
    assert.equal(error, undefined);
    return results[0].series ?? [];
  };
  await until(() => fetch(`http://127.0.0.1:${port}/ping`).then(() => true, () => false), 'InfluxDB answers');
  await query('CREATE DATABASE lenz');
  return { port, query, stop: () => end(child, 'SIGTERM') };
}

// home.toml of a home in Berlin with these circuits, each {id, name, device, channel, more}.
export function home_file(circuits, home = { id: 'home', name: 'Oak Street' }) {
  const rows = circuits.map(({ id, name, device, channel, more = '' }) =>
    `[[panel.circuit]]\nid = "${id}"\nname = '${name}'\n${more}channels = [{ device = "${device}", channel = ${channel} }]\n`);
  return `[home]
id = "${home.id}"
name = "${home.name}"
zone = "Europe/Berlin"
country = "DE"
currency = "EUR"
nominal_voltage_v = 230
line_frequency_hz = 50
phases = 1

[[panel]]
valid_from = 2024-01-01T00:00:00Z
style = "din"

${rows.join('\n')}`;
}
