// What goes wrong at start is said in one clear sentence.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { program } from './demo.mjs';

const timeout = 60_000;

let folder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lenz-journey-'));
  chmodSync(folder, 0o711);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

// Starts the command; `said(pattern)` waits until its output matches.
function start(words) {
  const child = spawn(program, words, { env: { ...process.env, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const ended = once(child, 'exit').then(([code]) => code);
  const said = (pattern) => new Promise((found, failed) => {
    const look = () => { if (pattern.test(output)) found(output); };
    for (const stream of [child.stdout, child.stderr]) stream.on('data', look);
    ended.then(() => setTimeout(() => (pattern.test(output) ? found(output) : failed(new Error(`"${output}" does not match ${pattern}`))), 100));
    look();
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { output += text; });
  const stop = async () => {
    child.kill('SIGINT');
    return ended;
  };
  return { ended, said, stop, output: () => output };
}

test('a port that is taken is named with what to do', { timeout }, async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address();

  const hub = start(['hub', '--data', join(folder, 'data'), '--port', `${port}`]);

  const code = await hub.ended;
  other.close();
  assert.equal(code, 1);
  assert.match(hub.output(), new RegExp(`Port ${port} .*: stop the program that uses it, or choose another port`));
});

test('a hub whose broker is absent says so and goes on', { timeout }, async () => {
  const hub = start(['hub', '--data', join(folder, 'data'), '--port', '0', '--broker', '127.0.0.1:1']);

  await hub.said(/The broker at 127\.0\.0\.1:1 does not answer .* meters keep their samples/);
  await hub.said(/Lenz is at/);

  assert.equal(await hub.stop(), 0);
});

test('a meter that finds no hub says what to do', { timeout }, async () => {
  const meter = start(['meter', '--data', join(folder, 'nothing')]);

  assert.equal(await meter.ended, 1);
  assert.match(meter.output(), /No hub was found in .*nothing: start `lenz hub` first/);
});

test('a spelling mistake in home.toml is named with its line', { timeout }, async () => {
  const data = join(folder, 'data');
  const first = start(['hub', '--data', data, '--port', '0']);
  await first.said(/Lenz is at/);
  await first.stop();
  writeFileSync(join(data, 'home.toml'), '[home]\nid = "home"\nnmae = "Maple Street"\n');

  const hub = start(['hub', '--data', data, '--port', '0']);

  assert.equal(await hub.ended, 1);
  assert.match(hub.output(), /home\.toml.*3/);
  assert.match(hub.output(), /nmae/);
});

test('an unknown word on the command line is refused with help', { timeout }, async () => {
  const lenz = start(['demo', '--hosue', 'us']);

  assert.notEqual(await lenz.ended, 0);
  assert.match(lenz.output(), /hosue/);
});
