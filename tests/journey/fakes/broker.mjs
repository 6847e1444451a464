// A Mosquitto of one's own on loopback, which keeps nothing when it goes.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from './mqtt.mjs';

async function free_port() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// Options: port, else a free one.
export async function start(options = {}) {
  const port = options.port ?? (await free_port());
  const folder = mkdtempSync(join(tmpdir(), 'lenz-broker-'));
  chmodSync(folder, 0o711);
  const file = join(folder, 'mosquitto.conf');
  writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  const path = `${process.env.PATH}:/usr/sbin`; // Debian puts it there.
  const child = spawn('mosquitto', ['-c', file], { stdio: 'ignore', env: { ...process.env, PATH: path } });
  const ended = once(child, 'exit');
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      const line = await connect({ port, id: 'knock' });
      await line.end();
      break;
    } catch (error) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`mosquitto did not start on port ${port}: ${error.message}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return {
    port,
    async stop() {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
