// What the mock knows of meters: those that report and one that is silent, firmware, a pairing window and what was done.

const parts = [['0x1000', 'bootloader/bootloader.bin', 26_112], ['0x8000', 'partition_table/partition-table.bin', 3072], ['0xf000', 'ota_data_initial.bin', 8192], ['0x20000', 'lenz_meter.bin', 1_004_928]];
const build = {
  build: '4be1f6a2c3d97705', project: 'lenz_meter', version: '0.3.1', chip: 'esp32', added: Date.now() - 86_400_000, flash_mode: 'dio', flash_size: '4MB', flash_freq: '40m',
  parts: parts.map(([offset, name, bytes], i) => ({ offset: Number(offset), name, bytes, sha256: String(i).repeat(64) })),
  command: `esptool.py --chip esp32 --baud 460800 write_flash --flash_mode dio --flash_size 4MB --flash_freq 40m ${parts.map(([offset, name]) => `${offset} ${name}`).join(' ')}`,
};
const told = { firmware: '0.3.1', uptime_s: 777_600, chips: 2, chips_missing: [], resets: 0, garbled: 3, doubtful: 1, free_heap_bytes: 143_000, signal_dbm: -61, waiting: 0, dropped: 0 };
const day = 86_400_000;
const worlds = {}; // By world: the window that is open.

// An update of paper: written in two seconds, on trial for one.
const update = { update: '9f86d081884c7d65', project: 'lenz_meter', version: '0.4.0', chip: 'esp32', added: Date.now() - 3_600_000, bytes: 1_004_928, is_checked: true };
const kept = {}; // By world: whether somebody sent it.
const given = {}; // By world: when meter-1 was given it.
export const updates = (world) => (kept[world] ?? world === 'many' ? [update] : []);
export const put_update = (world, size) => {
  if (size < 100) return [400, { error: 'This is no update of Lenz firmware: give what sign_update wrote.' }];
  kept[world] = true;
  return [200, update];
};
export const remove_update = (world) => void (kept[world] = false);
export const give_update = (world) => {
  given[world] = Date.now();
  return { version: update.version };
};
function update_of(world) {
  const since = Date.now() - given[world];
  const stage = since < 2000 ? 'sending' : since < 2500 ? 'starting' : since < 3500 ? 'on_trial' : 'confirmed';
  return given[world] ? { version: update.version, stage, bytes: update.bytes, written: Math.min(update.bytes, Math.floor((update.bytes * since) / 2000)), why: '' } : null;
}
const failed = { version: update.version, stage: 'went_back', bytes: update.bytes, written: update.bytes, why: 'The meter found 0.4.0 not sound within five minutes and runs 0.3.1 again: look at its chips, its log and its way to the hub.' };

export function meters(world, started) {
  if (world === 'first') return [];
  return listed(world, started).map((meter, i) => ({ ...meter, update: i === 0 ? update_of(world) : world === 'many' ? failed : null }));
}
function listed(world, started) {
  return [
    { device: 'meter-1', first: started - 30 * day, last: world === 'stale' ? started - 60_000 : Date.now() - 600, reports: 2_591_882, duplicate: 14, lost: 0, timed_on_arrival: false, integrated_channels: [], heard: Date.now() - 600, is_paired: true, diagnostics: world === 'us' ? { time: Date.now() - 120_000, ...told } : null },
    { device: world === 'many' ? 'meter-with-the-longest-name-of-32' : 'meter-2', first: started - 9 * day, last: started - 26 * 3600_000, reports: 61_023, duplicate: 0, lost: 5120, timed_on_arrival: true, integrated_channels: [0, 1, 2, 3, 4, 5], heard: null, is_paired: false,
      diagnostics: world === 'many' ? { time: Date.now() - day, ...told, chips: 14, chips_missing: [3, 7], waiting: 1240, dropped: 88 } : null },
  ];
}
export const acts = (world) => (world === 'first' ? [] : [
  { time: Date.now() - 120_000, who: 'Ann', home: '', what: 'asked meter-1 how it is', outcome: 'done' },
  { time: Date.now() - 3 * 3600_000, who: 'Ann', home: '', what: 'asked meter-2 to restart', outcome: 'no reply' },
  { time: Date.now() - 30 * day, who: '127.0.0.1', home: '', what: 'got the credential of meter-1 in maple', outcome: 'done' },
]);
export const builds = (world) => (['us', 'many'].includes(world) ? [build, { ...build, build: 'aa00', project: '', version: '', chip: 'esp32s3' }] : []);
export const pairing = (world) => ({
  trouble: world === 'eu' ? 'Meters cannot reach the hub yet: start it with --meters NAME, the name or address of this machine in your network.' : '',
  host: 'hub.local', window: worlds[world] ?? null,
});
export function open(world, { device }) {
  worlds[world] = { home: 'home', device, code: '7KQ2-M4XD', until: Date.now() + 600_000 };
  return pairing(world);
}
export function claim(world, { code }) {
  const window = worlds[world];
  if (!window || code !== window.code) return [403, { error: 'No window is open, or this is not its code: open one under Meters and read the code again.' }];
  close(world);
  return [200, { home: window.home, device: window.device, host: 'hub.local', port: 8883, user: window.device, password: 'secret', certificate: `-----BEGIN CERTIFICATE-----\n${'c'.repeat(600)}\n-----END CERTIFICATE-----\n` }];
}
export const close = (world) => void delete worlds[world];
export const ask = (device, { kind }) =>
  device === 'meter-1' ? [200, { outcome: 'done', sentence: 'The meter did it.', diagnostics: kind === 'diagnostics' ? { time: Date.now(), ...told } : null }]
    : [504, { error: `${device} does not reply: look whether it has power and is in reach, or whether its firmware is too old to be asked.` }];

// The doctor has found something in the us world, nothing in the eu one, and looks for the first time in the first.
const too_little = 'Too little flows through it: switch something on and off behind it.';
const reversed = {
  fault: 'reversed', title: 'the wrong way round', channels: [4], circuits: ['dryer'], where: 'CT5 (Dryer)', confidence: 0.99,
  evidence: 'Its steps of 2,040 W are those of the mains, turned by 180\u00b0.', fix: 'Turn the clamp around on its wire, or enter it as reversed.',
};
const swapped = {
  fault: 'swapped', title: 'exchanged', channels: [2, 6], circuits: ['office', 'bedrooms'], where: 'CT3 (Office) and CT7 (Bedrooms)', confidence: 0.84,
  evidence: 'CT3 is found in leg 2 and CT7 in leg 1, where the other was entered.', fix: 'Exchange the two clamps.',
};
const changed = {}; // By world.
export const wiring_changed = (world) => {
  changed[world] = Date.now();
  return wiring(world);
};
export function wiring(world) {
  const meter = (more) => ({ device: 'meter-1', until: Date.now() - 40_000, minutes: 120, is_enough: true, findings: [], silent: [], not_seen: [], ...more });
  const meters_of = {
    us: [meter({ findings: [reversed, swapped], silent: [9], not_seen: [{ circuit: 'well_pump', where: 'CT10 (Well pump)', why: too_little }] })],
    eu: [meter({ minutes: 31 })], stale: [meter({ minutes: 4, is_enough: false })],
    many: [meter({ findings: Array.from({ length: 5 }, (_, i) => ({ ...reversed, where: `CT${i + 1} (${'Donaudampfschifffahrtsgesellschaftskabine'.repeat(i % 2 + 1)})` })),
      not_seen: Array.from({ length: 30 }, (_, i) => ({ circuit: `c${i + 1}`, where: `CT${i + 1} (<b>Circuit ${i + 1}</b>)`, why: too_little })) }), meter({ device: 'meter-2' })],
  };
  const since = changed[world] ?? null;
  if (since) meters_of[world] = [meter({ minutes: 0, is_enough: false })];
  return { now: Date.now(), since, is_looking: world === 'first', meters: meters_of[world] ?? [],
    without_clamp: world === 'us' ? ['Outside lights', 'Garage'].map((where) => ({ circuit: where.toLowerCase(), where, why: 'It has no clamp.' })) : [] };
}

// A guide of paper: its load is a heater of 2,300 W that the meter sees 3 % too small until it is set, and that is not
// steady for the first two seconds.
const plus_minus = (resistive) => [1, 10, 30].map((amperes) => ({ amperes, resistive_percent: resistive, half_percent: resistive * 1.6 }));
const guides = {}; // By world.
const lights = {}; // The same.
const set_ones = {}; // By world and channel.
const raw = (watts) => ({ volts: 230.1, amperes: watts / 230.1, watts, vars: 4.2 });
const record = (reference, by, resistive) => ({ time: Date.now() - 3_600_000, reference, by, clamp: 'SCT-013-000', is_kept: true, plus_minus: plus_minus(resistive) });
export function calibration(world, circuits) {
  const clamped = circuits.filter((one) => one.metered);
  const begun = guides[world];
  const reading = begun && { time: Date.now(), volts: 230.12, amperes: 9.71, watts: 2231.4, unrest: Date.now() - begun.since < 2000 ? 0.034 : 0.0008, is_steady: Date.now() - begun.since >= 2000 };
  const { since: _, ...guide } = begun ?? {};
  return {
    now: Date.now(), clamps: [['SCT-006', 20, 1], ['SCT-013-000', 100, 3], ['SCT-024', 200, 1]].map(([name, rated_a, class_percent]) => ({ name, rated_a, class_percent })),
    channels: clamped.map((one, channel) => ({ device: 'meter-1', channel, circuit: one.id, uncalibrated: plus_minus(5.9),
      newest: set_ones[world + channel] ?? (channel === 2 && world !== 'first' ? record('Fluke 345, checked in 2026', 'ann', 0.24) : null) })),
    guide: begun ? { ...guide, reading } : null,
    light: lights[world] ?? null,
    readings: circuits.filter((one) => one.kind === 'grid' && one.metered).map((one) => standing(world, one.id)),
    switched: switching(world),
    sum: sums[world] ?? null,
  };
}
// Readings compare 2 % too little, from the second on; a kettle steps every three seconds.
const typed = {}; // By world.
const switches = {}; // The same.
const sums = {}; // The same.
function standing(world, circuit) {
  const rows = typed[world] ?? [];
  const compared = (from, to) => ({ utility_kwh: to - from, our_kwh: (to - from) * 0.98, off_percent: -2, plus_minus_percent: 1.04 });
  const told_rows = rows.map((row, i) => ({ ...row, since_last: i === 0 ? null : compared(Number(rows[i - 1].imported_kwh), Number(row.imported_kwh)) }));
  const gain = rows.length > 1 ? compared(Number(rows[0].imported_kwh), Number(rows.at(-1).imported_kwh)) : null;
  return { circuit, clamps: [{ device: 'meter-1', channel: 0 }, { device: 'meter-1', channel: 1 }], rows: told_rows, gain,
    drift: gain ? { off_percent: -2, plus_minus_percent: 0.1, stated_percent: 1.4, has_drifted: true } : null };
}
function switching(world) {
  const begun = switches[world];
  if (!begun) return null;
  const count = Math.min(Math.floor((Date.now() - begun.since) / 700), 10);
  const steps = Array.from({ length: count }, (_, i) => ({ time: begun.since + 3000 * i, mains_w: i % 2 === 0 ? 2012 : -2012, branch_w: i % 2 === 0 ? 1951 : -1951 }));
  const is_enough = count >= 4;
  return { circuit: begun.circuit, clamps: [{ device: 'meter-1', channel: 3 }], end: begun.since + 1_800_000, steps, set_aside: 0, wrong_legs: '', is_set: begun.is_set,
    why_not: is_enough ? null : `The branch stepped ${count} times by 50 W or more: switch one load of it on and off at least twice, 30 seconds apart.`,
    change_percent: is_enough ? 3.13 : null, before_percent: 5.9, after_percent: 1.3 };
}
const refuse = (error) => [409, { error }];
export function calibrate(world, circuits, body) {
  const guide = guides[world];
  const done = () => [200, calibration(world, circuits)];
  if (body.step === 'begin') {
    if (body.percents.every((one) => one === '')) return refuse('Three numbers or dashes are needed, watts or both of the others among them.');
    guides[world] = { device: body.device, channel: body.channel, clamp: body.clamp, reference: body.reference, no_load: null, loads: [], result: null, record: null, check: null, since: Date.now() };
    return done();
  }
  if (body.step === 'undo') {
    delete guides[world];
    set_ones[world + body.channel] = record('undone: Wattmeter', 'ann', 5.9);
    return done();
  }
  if (body.step === 'light') {
    const seconds = (body.blinks.at(-1) - body.blinks[0]) / 1000;
    const utility_wh = (1000 * (body.blinks.length - 1)) / body.per_kwh;
    lights[world] = { circuit: body.circuit, clamps: [{ device: 'meter-1', channel: 0 }, { device: 'meter-1', channel: 1 }], blinks: body.blinks.length - 1, missed: 0, doubled: 0,
      seconds, utility_wh, our_wh: utility_wh * 0.97, off_percent: -3, plus_minus_percent: body.class_percent, is_set: false };
    return done();
  }
  if (body.step === 'set_light') lights[world].is_set = true;
  if (body.step === 'reading') {
    if (!/^\d+([.,]\d+)?$/.test(body.imported_kwh)) return refuse('Type the kWh as the display shows them, with its decimals: 12345.6');
    (typed[world] ??= []).push({ time: Date.now(), imported_kwh: body.imported_kwh.replace(',', '.'), exported_kwh: body.exported_kwh, is_new_meter: body.is_new_meter, by: 'ann' });
  }
  if (body.step === 'take_back') typed[world]?.pop();
  if (body.step === 'set_readings') typed[world] = [];
  if (body.step === 'switch') switches[world] = { circuit: body.circuit, since: Date.now(), is_set: false };
  if (body.step === 'set_switched') switches[world].is_set = true;
  if (body.step === 'sum') {
    sums[world] = { begin: Date.now() - 6e8, end: Date.now(), minutes: 9840, unmeasured_w: 184, always_w: 61, plus_minus_w: 9, mains_percent: 1.05, is_set: false,
      branches: circuits.filter((one) => one.metered && one.kind !== 'grid').slice(0, 8).map((one, i) => ({ circuit: one.id, clamps: 1 + (i % 3 === 2 ? 1 : 0), mean_w: 40 * i, change_percent: i - 3, before_percent: i === 1 ? 0.24 : 5.9, after_percent: 1.1 + 0.1 * i, is_better: i !== 1 })) };
  }
  if (body.step === 'set_sum') sums[world].is_set = true;
  if (body.step === 'model') set_ones[world + body.channel] = record(`its model alone, ${body.clamp}`, 'ann', 5.9);
  if (body.step === 'end') {
    delete switches[world];
    delete sums[world];
    delete guides[world];
    delete lights[world];
  }
  if (['set_light', 'reading', 'take_back', 'set_readings', 'switch', 'set_switched', 'sum', 'set_sum', 'model', 'end'].includes(body.step)) return done();
  if (!guide) return refuse('Nothing is being calibrated: begin with the meter and clamp.');
  if (body.step === 'no_load') guide.no_load = { volts: 230.1, amperes: 0.011, watts: 0.3, vars: 0.1 };
  if (body.step === 'load') {
    const watts = Number(body.shown[2]);
    if (!(watts > 100)) return refuse('This clamp sees 1.2 VA, which is no load: switch the load on, and see that the clamp is closed around its wire.');
    guide.loads.push({ kind: body.kind, shown: body.shown.map((one) => (one === '' ? null : Number(one))), meter: raw(watts * 0.97) });
    guide.result = { plus_minus: plus_minus(0.24), changes: [{ word: 'current gain', before: 27_518, after: 28_369 }, { word: 'phase', before: 0, after: -23 }] };
  }
  if (body.step === 'set') set_ones[world + guide.channel] = guide.record = record(guide.reference, 'ann', 0.24);
  if (body.step === 'check') guide.check = { reference_w: Number(body.shown[2]), meter_w: Number(body.shown[2]) + 0.4, off_percent: 0.02, plus_minus_percent: 0.24, is_within: true };
  return done();
}
