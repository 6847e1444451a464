// A clamp is calibrated on the page: with a hub made of paper, and with a hub, a broker and a simulated meter on a
// workbench, whose wattmeter says what is true.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { serve } from '../../web/mock.mjs';
import { barriers, desktop, open_browser, open_page, overflow, phone, program } from './demo.mjs';
import { home_file } from './partners_world.mjs';

const type = async (card, shown) => {
  for (const [unit, text] of Object.entries(shown)) await card.getByLabel(unit, { exact: true }).fill(text);
};

async function begin(page, name) {
  await page.evaluate(() => { location.hash = '#/meters'; });
  const card = page.getByRole('region', { name: /^Calibration/ });
  await card.getByRole('button', { name: `Calibrate ${name}` }).click();
  await card.getByLabel(/model, printed on it/).selectOption('SCT-006');
  await card.getByLabel(/Its name/).fill('Wattmeter, checked in 2026');
  await card.getByRole('button', { name: 'Begin' }).click();
  await card.getByRole('heading', { name: 'No load' }).waitFor();
  return card;
}

// A film for the browser's camera (YUV4MPEG2, in a loop): a dim room, in the middle of it a light that comes on for 100 ms
// every second.
function film(file) {
  const [width, height, fps, seconds] = [64, 48, 30, 10];
  const frames = Array.from({ length: fps * seconds }, (_, i) => {
    const luma = Buffer.alloc(width * height, 50);
    if (i % fps < 3) for (let y = 21; y < 27; ++y) luma.fill(230, y * width + 29, y * width + 35);
    return Buffer.concat([Buffer.from('FRAME\n'), luma, Buffer.alloc((width * height) / 2, 128)]);
  });
  writeFileSync(file, Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420jpeg\n`), ...frames]));
}

describe('The light of the utility\u2019s meter', { timeout: 200_000 }, () => {
  let folder;
  let server;
  let browser;
  const open = async (name) => {
    const page = await open_page(browser, `http://127.0.0.1:${server.address().port}/us/#link=demo`, phone);
    await page.evaluate(() => { location.hash = '#/meters'; });
    const card = page.getByRole('region', { name: /^Calibration/ });
    await card.getByRole('button', { name: /Main: by the light/ }).click();
    await card.getByRole('button', { name }).click();
    return { page, card };
  };
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lenz-journey-'));
    film(join(folder, 'light.y4m'));
    [server, browser] = await Promise.all([serve(), open_browser('--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
      `--use-file-for-fake-video-capture=${join(folder, 'light.y4m')}`)]);
  });
  after(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('is counted by the camera, and sets the mains', async () => {
    const { page, card } = await open('Count with the camera');
    const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/calibration'));
    await card.getByRole('button', { name: 'Enough already' }).click();
    const { blinks, within_s } = (await sent).postDataJSON();
    assert.ok(blinks.length >= 10);
    // A frame that a busy machine lets fall or shows late is a blink that is missed or off: the hub counts on.
    const between = blinks.slice(1).map((at, i) => (at - blinks[i]) / 1000);
    const on_time = between.filter((seconds) => seconds > 0.5 && Math.abs(seconds - Math.round(seconds)) < 0.25);
    assert.ok(on_time.length >= 0.7 * between.length, `${between} s between two blinks`);
    assert.ok(within_s < 0.05);

    await card.getByRole('button', { name: 'Set the 2 clamps so' }).click();
    await card.getByText('The meter is set. Count once more to check it.').waitFor();
    assert.deepEqual(await barriers(page), []);
    assert.equal(await overflow(page), 0);
    await page.context().close();
  });

  test('is counted by hand, with a key as well', async () => {
    const { page, card } = await open('Count by hand');
    const button = card.getByRole('button', { name: 'It blinks now' });
    for (let i = 0; i < 6; ++i) await button.click({ delay: 20 });
    await button.focus();
    for (let i = 0; i < 6; ++i) await page.keyboard.press('Space');
    await card.getByText('12 blinks').waitFor();
    await card.getByRole('button', { name: 'Enough already' }).click();
    await card.getByText(/blinked 11 times/).waitFor();
    await page.context().close();
  });
});

describe('The guide', { timeout: 400_000 }, () => {
  let server;
  let browser;
  before(async () => {
    [server, browser] = await Promise.all([serve(), open_browser()]);
  });
  after(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  for (const [screen, size] of Object.entries({ phone, desktop })) {
    test(`leads from the clamp to a check, and back, on a ${screen}`, async () => {
      const page = await open_page(browser, `http://127.0.0.1:${server.address().port}/${screen === 'phone' ? 'us' : 'eu'}/#link=demo`, size);
      const card = await begin(page, screen === 'phone' ? 'CT1 (Main)' : 'CT1 (Hausanschluss)');
      assert.deepEqual(await barriers(page), []);
      await card.getByRole('button', { name: /Nothing flows/ }).click();
      await card.getByText('Without load it shows').waitFor();

      await type(card, { Watts: '12' });
      await card.getByRole('button', { name: 'Take the reading' }).click();
      await card.getByText('which is no load').waitFor();
      assert.equal(await card.getByLabel('Watts', { exact: true }).inputValue(), '12', 'what was typed is not lost');
      await type(card, { Volts: '230.1', Amperes: '9.996', Watts: '2300' });
      await card.getByRole('button', { name: 'Take the reading' }).click();
      await card.getByRole('button', { name: 'Set the meter so' }).waitFor();
      assert.equal(await card.getByText('The meter is set.').count(), 0, 'nothing is set before it is asked for');

      await card.getByRole('button', { name: 'Set the meter so' }).click();
      await card.getByText('The meter is set.').waitFor();
      await type(card, { Watts: '2300' });
      await card.getByRole('button', { name: 'Check it' }).click();
      await card.getByText(/within the ±.0.24.% that was stated/).waitFor();
      assert.deepEqual(await barriers(page), []);
      assert.equal(await overflow(page), 0);

      await card.getByRole('button', { name: /^Undo/ }).click();
      await card.getByText('undone: Wattmeter').waitFor();
      await page.context().close();
    });
  }

  for (const [screen, size] of Object.entries({ phone, desktop })) {
    test(`leads through readings, a kettle and the sum with the panel closed, on a ${screen}`, async () => {
      const page = await open_page(browser, `http://127.0.0.1:${server.address().port}/${screen === 'phone' ? 'us' : 'eu'}/#link=demo`, size);
      await page.evaluate(() => { location.hash = '#/meters'; });
      const card = page.getByRole('region', { name: /^Calibration/ });
      const look = async (name) => {
        assert.deepEqual(await barriers(page), []);
        assert.equal(await overflow(page), 0);
        if (process.env.LENZ_PICTURES) await card.screenshot({ path: `${process.env.LENZ_PICTURES}/${name}-${screen}.png` });
      };
      await look('card');
      await card.getByRole('button', { name: /by readings of it/ }).click();
      const read = async (kwh) => {
        await card.getByLabel(/kWh drawn/).fill(kwh);
        await card.getByRole('button', { name: 'It shows that now' }).click();
      };
      await read('12 kWh');
      await card.getByText('with its decimals').waitFor();
      assert.equal(await card.getByLabel(/kWh drawn/).inputValue(), '12 kWh', 'what was typed is not lost');
      await read('1000,0');
      await card.getByText('the first', { exact: true }).waitFor();
      await read('1036.0');
      await card.getByText(/beyond the ±.1.4.% that was stated/).waitFor();
      await card.getByText(/36.0.kWh since the one before/).waitFor();
      await look('readings');
      await card.getByRole('button', { name: 'Set the 2 clamps so' }).click();
      await card.getByRole('button', { name: 'Done' }).click();

      await card.getByRole('button', { name: /a load that is switched/ }).click();
      await card.getByLabel('On which circuit').selectOption({ index: 1 });
      await card.getByRole('button', { name: 'Begin' }).click();
      await card.getByText(/Mains 2012.W/).first().waitFor();
      await card.getByText(/Its numbers would change by/).waitFor();
      await look('switched');
      await card.getByRole('button', { name: 'Set the clamp so' }).click();
      await card.getByText('The meter is set.').waitFor();
      await card.getByRole('button', { name: 'Done' }).click();

      await card.getByRole('button', { name: 'All circuits: by their sum' }).click();
      await card.getByText(/184.W on average are not measured/).waitFor();
      await card.getByRole('checkbox', { checked: true }).first().uncheck();
      await look('sum');
      await card.getByRole('button', { name: /^Set these/ }).click();
      await card.getByText('The meter is set.').waitFor();
      await page.context().close();
    });
  }

  test('only the owner sees it', async () => {
    const page = await open_page(browser, `http://127.0.0.1:${server.address().port}/many/#link=demo`);
    await page.evaluate(() => { location.hash = '#/meters'; });
    await page.getByRole('region', { name: /^Wiring/ }).waitFor();
    assert.equal(await page.getByRole('region', { name: /^Calibration/ }).count(), 0);
    await page.context().close();
  });
});

// One clamp of 20 A, and what the workbench has: a load a minute, one of them none.
const bench_home = home_file([{ id: 'bench', name: 'Bench', device: 'meter-1', channel: 0, more: 'kind = "grid"\nrating_a = 20\n' }]);

class Bench {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'lenz-journey-'));
    chmodSync(this.folder, 0o711); // A broker that root starts runs under its own account.
    writeFileSync(join(this.folder, 'home.toml'), bench_home);
    this.children = [];
    this.seen = 0; // Loads of the wattmeter.
    this.waiting = [];
  }
  run(told, ...words) {
    const child = spawn(program, [...words, '--data', this.folder], { env: { ...process.env, TMPDIR: this.folder }, stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: child.stdout }).on('line', told);
    this.children.push(child);
    return child;
  }
  async start() {
    const link = new Promise((found, failed) => {
      const hub = this.run((line) => { const link = /http:\/\/\S+#link=\S+/.exec(line); if (link) found(link[0]); }, 'hub', '--port', '0');
      hub.once('exit', (code) => failed(new Error(`lenz hub ended with ${code}`)));
    });
    this.link = await link;
    this.run((line) => {
      const shown = /shows ([\d.]+) V, ([\d.]+) A, ([\d.]+) W/.exec(line);
      if (!shown || this.seen++ === 0) return; // The first began before the meter did.
      const [, Volts, Amperes, Watts] = shown;
      const is_heater = Number(Watts) > 0.9 * Number(Volts) * Number(Amperes);
      if (is_heater) this.waiting.splice(0).forEach((found) => found({ Volts, Amperes, Watts }));
    }, 'meter', '--house', 'workbench', '--uncalibrated');
  }
  heater_begins() {
    return new Promise((found) => this.waiting.push(found));
  }
  async stop() {
    for (const child of this.children.reverse()) {
      const ended = child.exitCode === null ? once(child, 'exit') : null;
      child.kill('SIGINT');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test('a meter that is off is right afterwards, by what its own page leads to', { timeout: 330_000 }, async () => {
  const bench = new Bench();
  await bench.start();
  const browser = await open_browser();
  try {
    const page = await open_page(browser, bench.link, phone);
    const card = await begin(page, 'CT1 (Bench)');
    await card.getByRole('button', { name: 'Skip' }).click();
    const shown = await bench.heater_begins();
    // Until the meter, too, shows that load and no other.
    await page.waitForFunction((watts) => fetch('api/homes/home/calibration').then((answer) => answer.json())
      .then(({ guide: { reading } }) => reading?.is_steady && Math.abs(reading.watts / watts - 1) < 0.2), Number(shown.Watts), { polling: 500 });
    await type(card, shown);
    await card.getByRole('button', { name: 'Take the reading' }).click();
    await card.getByRole('button', { name: 'Set the meter so' }).click();
    await card.getByText('The meter is set.').waitFor();
    await type(card, shown);
    await card.getByRole('button', { name: 'Check it' }).click();
    await card.getByText(/within the ±.[\d.]+.% that was stated/).waitFor();
    await card.getByRole('button', { name: /^Undo/ }).click();
    await card.getByText('undone: Wattmeter, checked in 2026').waitFor();
    await page.getByText('the owner calibrated channel 0 of meter-1 against Wattmeter').waitFor();
    // The display of the utility's meter, typed and taken back.
    await card.getByRole('button', { name: /by readings of it/ }).click();
    await card.getByLabel(/kWh drawn/).fill('1000.0');
    await card.getByRole('button', { name: 'It shows that now' }).click();
    await card.getByText('the first', { exact: true }).waitFor();
    await card.getByRole('button', { name: 'Take this one back' }).click();
    await card.getByText(/Type what its display shows now/).waitFor();
    await page.getByText('took back the newest reading of bench').waitFor();
    assert.deepEqual(page.troubles, []);
  } finally {
    await browser.close();
    await bench.stop();
  }
});
