// What a hub costs that hears ten ESPHome boards of 42 clamps and tells everybody: `node
// bench/partners.mjs [seconds] [period_s]`. Five boards speak MQTT, five the encrypted native API;
// Home Assistant (a fake, with broker and WebSocket), a real InfluxDB with steps of 10 s and
// Prometheus every 15 s listen. CPU and memory are the hub's own, from /proc, after a warm-up that
// does not count.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start as start_broker } from '../tests/journey/fakes/broker.mjs';
import { start as start_node } from '../tests/journey/fakes/esphome_node.mjs';
import { start as start_home_assistant } from '../tests/journey/fakes/home_assistant.mjs';
import { has_influx, home_file, make_place, pause, start_hub, start_influx, until } from '../tests/journey/partners_world.mjs';

const seconds = Number(process.argv[2] ?? 120);
const period_s = Number(process.argv[3] ?? 10); // The CircuitSetup package's own is 10 s.
const warm_up_ms = 60_000;
const boards = 10;
const channels = 42;
const key = Buffer.alloc(32, 7).toString('base64');

if (!has_influx) throw new Error('influxd is not installed');
const place = make_place();
const running = [];
const keep = (one) => (running.unshift(one), one);
try {
  const broker = keep(await start_broker());
  const home_assistant = keep(await start_home_assistant({ broker: { host: '127.0.0.1', port: broker.port }, token: 'token' }));
  const influx = keep(await start_influx(place.folder));

  const nodes = [];
  for (let i = 0; i < boards; ++i) {
    const mac = `AA:BB:CC:DD:EE:${(16 + i).toString(16)}`;
    const over = i % 2 ? { over: 'api', key } : { over: 'mqtt', broker: { host: '127.0.0.1', port: broker.port } };
    nodes.push(keep(await start_node({ ...over, name: `board-${i}`, mac, channels, period_ms: period_s * 1000, counts: i % 4 < 2 })));
  }
  // Every clamp carries something that is never still.
  const stir = setInterval(() => {
    for (const node of nodes) {
      node.set('voltage_1', 229 + Math.random() * 3);
      for (let n = 1; n <= channels; ++n) {
        const amps = Math.random() * 8;
        node.set(`ct${n}_amps`, Math.round(amps * 1000) / 1000);
        node.set(`ct${n}_watts`, Math.round(amps * 2300) / 10);
      }
    }
  }, period_s * 1000);
  keep({ stop: () => clearInterval(stir) });

  const circuits = nodes.flatMap((_, i) => Array.from({ length: channels }, (_, c) => ({ id: `c${i}-${c}`, name: `Board ${i}, clamp ${c + 1}`, device: `board-${i}`, channel: c })));
  writeFileSync(join(place.data, 'home.toml'), home_file(circuits));
  writeFileSync(join(place.data, 'secrets/node.key'), `${key}\n`);
  writeFileSync(join(place.data, 'secrets/ha.token'), 'token\n');
  const esphome = nodes.map((node, i) => `[[esphome]]\ndevice = "board-${i}"\nperiod_s = ${period_s}\n` +
    (i % 2 ? `address = "127.0.0.1"\nport = ${node.port}\nkey_file = "secrets/node.key"\n` : ''));
  writeFileSync(join(place.data, 'partners.toml'), `[mqtt]\nport = ${broker.port}\n${esphome.join('')}
[home_assistant]\nurl = "${home_assistant.url}"\ntoken_file = "secrets/ha.token"\n
[influxdb]\nurl = "http://127.0.0.1:${influx.port}"\ndatabase = "lenz"\n`);
  const hub = keep(await start_hub(place));
  const token = readFileSync(join(place.data, 'secrets/metrics.token'), 'utf8').trim();
  const scrape = setInterval(() => fetch(new URL('/metrics', hub.link), { headers: { Authorization: `Bearer ${token}` } }).then((answer) => answer.text()), 15_000);
  keep({ stop: () => clearInterval(scrape) });

  await until(async () => (await hub.ask('/api/homes/home/meters')).filter((meter) => meter.reports > 0).length === boards, 'every board is heard', 60_000);
  await until(() => home_assistant.state(`sensor.lenz_home_c9_41_power`) !== undefined, 'Home Assistant knows the last clamp', 60_000);
  await pause(warm_up_ms);

  const hertz = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const ticks = () => {
    const fields = readFileSync(`/proc/${hub.pid}/stat`, 'latin1').replace(/.*\) /, '').split(' ');
    return Number(fields[11]) + Number(fields[12]);
  };
  const latencies = [];
  const before = ticks();
  const begin = Date.now();
  while (Date.now() - begin < seconds * 1000) {
    const asked = performance.now();
    await hub.ask('/api/homes/home/meters');
    latencies.push(performance.now() - asked);
    await pause(1000);
  }
  const share = (100 * (ticks() - before)) / hertz / ((Date.now() - begin) / 1000);
  const peak = Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${hub.pid}/status`, 'utf8'))[1]) / 1024;
  latencies.sort((a, b) => a - b);
  const rows = await influx.query('SELECT count("imported_mwh") FROM "energy"');
  console.log(`${boards} boards of ${channels} clamps every ${period_s} s, all outputs on, ${seconds} s`);
  console.log(`hub          ${share.toFixed(2)} % of a core, ${peak.toFixed(1)} MiB at most`);
  console.log(`page         a request waits ${latencies[Math.floor(latencies.length / 2)].toFixed(1)} ms in the median, ${latencies.at(-1).toFixed(1)} ms at most`);
  console.log(`InfluxDB     ${rows[0]?.values[0][1] ?? 0} minutes of energy; Home Assistant: ${home_assistant.registry.size} sensors, ${home_assistant.complaints.length} complaints`);
  for (const line of hub.said) console.log(`hub said     ${line}`);
} finally {
  for (const one of running) await one.stop();
  place.remove();
}
