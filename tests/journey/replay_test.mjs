// Recordings through chips, meter, broker, hub and store: small ones made here, and a real day where
// there is one.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { program } from './demo.mjs';

const timeout = 600_000; // A disk may take a tenth of a second for each of some thousand commits.
const data = process.env.LENZ_DATA ?? resolve(import.meta.dirname, '../../../shared/data');
const real_house = join(data, 'houses/redd-house-3');

let folder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lenz-journey-'));
  chmodSync(folder, 0o711); // A broker that root starts runs under its own account.
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

// Runs `lenz replay` to its end; its figures are those of --json.
async function replay(recording, ...words) {
  const file = join(folder, 'figures.json');
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary, { recursive: true });
  const run = await new Promise((done) => {
    const options = { env: { ...process.env, TMPDIR: temporary }, timeout: timeout / 3 };
    execFile(program, ['replay', recording, '--json', file, ...words], options,
      (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
  });
  assert.deepEqual(readdirSync(temporary), [], 'nothing is left behind');
  return { ...run, figures: existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined };
}

// Two hours of a kettle of 2,160 W that runs six minutes of each ten, a heater of 720 W, and an hour
// and a half without mains in between: 2 x 3,600 s of rows at 6 s.
function make_recording(rows = two_hours()) {
  const house = join(folder, 'house');
  mkdirSync(house);
  writeFileSync(join(house, 'recording.json'), JSON.stringify({
    name: 'house', source: 'made by a test', licence: 'CC0', country: 'GB', nominal_voltage: 230, line_frequency: 50,
    interval_s: 6, clock: 'none', start: null, notes: '',
    channels: ['kettle', 'heater'].map((name) => ({ column: `${name}_w`, role: 'circuit', quantity: 'active_power',
      unit: 'W', label: name, appliance: null, parent: null })),
  }));
  writeFileSync(join(house, 'samples.csv.gz'), gzipSync(['time_s,kettle_w,heater_w', ...rows, ''].join('\n')));
  return house;
}

function two_hours() {
  const rows = [];
  for (const begin of [0, 9_000]) {
    for (let s = 0; s < 3_600; s += 6) rows.push(`${begin + s},${s % 600 < 360 ? 2160 : ''},720`);
  }
  return rows;
}

const energies = (figures) => figures.channels.map(({ name, stored_wh }) => [name, Math.round(stored_wh * 1000)]);

test('a recording is stored to a tenth of a percent, and its gap is told', { timeout }, async () => {
  const { code, figures, stdout } = await replay(make_recording());

  assert.equal(code, 0, stdout);
  // Two hours at 60 % of 2,160 W are 2,592 Wh; two hours of 720 W are 1,440 Wh.
  const [kettle, heater] = figures.channels;
  assert.equal(kettle.recorded_wh, 2592);
  assert.equal(heater.recorded_wh, 1440);
  assert.ok(Math.abs(kettle.relative_error) < 0.001, `kettle ${kettle.relative_error}`);
  assert.ok(Math.abs(heater.relative_error) < 0.001, `heater ${heater.relative_error}`);
  assert.equal(figures.reports.lost, 0);
  assert.equal(figures.samples.taken, figures.samples.stored);
  const begin = Date.UTC(2020, 0, 1) / 1000; // Where recordings without a clock begin.
  const gap = figures.gaps.find((gap) => gap.channel === 'kettle_w' && gap.end - gap.begin > 60);
  assert.ok(Math.abs(gap.begin - (begin + 3_600)) <= 2 && Math.abs(gap.end - (begin + 9_000)) <= 3, JSON.stringify(gap));
});

test('with faults of bus, link, broker and hub the same energy is stored', { timeout }, async () => {
  const house = make_recording();
  const undisturbed = await replay(house, '--end', '3600');

  const disturbed = await replay(house, '--end', '3600', '--faults', '7');

  assert.equal(disturbed.code, 0, disturbed.stdout + disturbed.stderr);
  assert.deepEqual(energies(disturbed.figures), energies(undisturbed.figures));
  assert.ok(disturbed.figures.bus.flips > 100, `${disturbed.figures.bus.flips} bits were flipped`);
  assert.equal(disturbed.figures.reports.lost, 0);
});

test('a line that makes no sense is named with its file and number', { timeout }, async () => {
  const rows = two_hours();
  rows[9] = '54,2160,much';

  const { code, stderr, stdout } = await replay(make_recording(rows));

  assert.equal(code, 1);
  assert.match(stderr + stdout, /samples\.csv\.gz.*11/); // The header is line 1.
});

test('a folder that holds no recording is named', { timeout }, async () => {
  const { code, stderr } = await replay(join(folder, 'nowhere'));

  assert.equal(code, 1);
  assert.match(stderr, /nowhere/);
});

test('a day of a real house keeps every milliwatt-hour through faults',
  { timeout, skip: !existsSync(real_house) && `there is no recording ${real_house} (set LENZ_DATA)` }, async () => {
    const undisturbed = await replay(real_house, '--end', '86400');
    const disturbed = await replay(real_house, '--end', '86400', '--faults', '1');

    assert.equal(undisturbed.code, 0, undisturbed.stdout);
    assert.equal(disturbed.code, 0, disturbed.stdout);
    assert.deepEqual(energies(disturbed.figures), energies(undisturbed.figures));
  });
