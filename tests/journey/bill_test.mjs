// Forty days in a house with a tariff: its bill, its report on screen, paper and by mail, its advice.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { barriers, desktop, open_browser, overflow, phone, program } from './demo.mjs';
import { start as start_mail } from './fakes/mail_server.mjs';
import { make_place, start_lenz, until } from './partners_world.mjs';

const cents = (amount) => Math.round(100 * Number(amount));
const sum = (amounts) => amounts.reduce((all, amount) => all + cents(amount), 0);

describe('A house with a tariff', { timeout: 900_000 }, () => {
  let place, demo, browser, bill, month;
  const api = (path) => `/api/homes/home/${path}`;
  const lenz = (...words) => spawnSync(program, [...words, '--data', place.data], { encoding: 'utf8', env: { ...process.env, TMPDIR: place.folder } });
  const fetched = (path) => fetch(new URL(path, demo.link), { headers: { Cookie: demo.cookie } });
  before(async () => {
    place = make_place();
    browser = await open_browser();
    demo = await start_lenz(place.folder, 'demo', '--port', '0', '--data', place.data, '--history', '40');
  });
  after(async () => {
    await browser?.close();
    await demo?.stop();
    place?.remove();
  });

  test('pays by one of its country, which its price comes from', async () => {
    const tariff = await demo.ask(api('tariff'));
    assert.equal(tariff.trouble, '');
    assert.equal(tariff.currency, 'USD');
    assert.ok(tariff.templates.length >= 6);
    const home = await demo.ask('/api/homes/home');
    assert.equal(home.price_per_kwh, Number(tariff.price_now));
  });

  test('has a bill whose lines and shares add up to the cent', async () => {
    bill = await until(async () => {
      const found = await demo.ask(api('bill'));
      return found.trouble === '' && found.covered > 0.9 && found;
    }, 'the running month is billed', 480_000);
    assert.ok(bill.period.is_running);
    assert.ok(cents(bill.total) > 0);
    assert.equal(sum(bill.lines.map((line) => line.amount)), cents(bill.total));
    for (const rows of [bill.circuits, bill.appliances]) {
      assert.equal(sum([...rows.map((row) => row.amount), bill.standing, bill.feed_in]), cents(bill.total));
    }
    assert.match(bill.note, /^Information, not a charge/);
    month = bill.periods[1];
    const last = await demo.ask(api(`bill?period=${month}`));
    assert.equal(last.trouble, '');
    assert.equal(last.period.is_running, false);
  });

  test('is told what other tariffs would have cost, and whether there is room', async () => {
    const replay = await until(async () => {
      const found = await demo.ask(api('bill/replay'));
      return !found.is_being_read && found;
    }, 'the past is replayed', 240_000);
    assert.equal(replay.trouble, '');
    assert.ok(replay.rows.length >= 2);
    for (const row of replay.rows.filter((row) => row.trouble === '')) {
      assert.equal(cents(row.total) - cents(replay.now), cents(row.difference));
      assert.ok(row.shifted_total === null || cents(row.shifted_total) <= cents(row.total));
    }
    const room = await demo.ask(api('room?what=charger&power_w=7200&begin=22&end=6'));
    assert.equal(room.trouble, '');
    assert.equal(room.legs.length, 2);
    assert.equal(typeof room.fits, 'boolean');
    assert.ok(room.sheet.refused.length > 0 || room.sheet.lines.length > 5);
  });

  test('is advised on its appliances', async () => {
    const advice = await until(async () => {
      const found = await demo.ask(api('advice'));
      return found.is_ready && found;
    }, 'the appliances are weighed', 240_000);
    assert.ok(Array.isArray(advice.appliances));
    assert.equal(await demo.tell(api('advice/facts'), { appliance: 9999, age_years: 3 }), 400);
  });

  test('has a report that runs nothing, fits each screen and everybody', async () => {
    const answer = await fetched(api(`report?month=${month}`));
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-security-policy'), /default-src 'none'.*sandbox/);
    const html = await answer.text();
    assert.doesNotMatch(html, /<script/i);
    for (const screen of [desktop, phone]) {
      const page = await (await browser.newContext({ viewport: screen })).newPage();
      await page.setContent(html);
      assert.ok(await overflow(page) <= 0);
      assert.deepEqual(await barriers(page), []);
      await page.context().close();
    }
  });

  test('has all of it on the command line too, beside the hub', async () => {
    const printed = lenz('bill', '--month', month);
    assert.equal(printed.status, 0, printed.stderr);
    const { total } = await demo.ask(api(`bill?period=${month}`));
    assert.match(printed.stdout, new RegExp(`Total +${total.replace('.', '\\.')} USD`));

    const mail = await start_mail();
    writeFileSync(join(place.data, 'partners.toml'), `[email]\nhost = "127.0.0.1"\nport = ${mail.port}\nfrom = "lenz@example.org"\nto = ["ann@example.org"]\n`);
    const [html, pdf] = ['html', 'pdf'].map((kind) => join(place.folder, `report.${kind}`));
    // Not spawnSync: the mail server is in this process.
    const child = spawn(program, ['report', '--month', month, '--html', html, '--pdf', pdf, '--mail', 'bob@example.org', '--data', place.data], { stdio: 'inherit' });
    const code = await new Promise((ended) => child.once('exit', ended));
    await mail.stop();
    assert.equal(code, 0);
    assert.match(readFileSync(html, 'utf8'), /<!doctype html>/i);
    assert.ok(existsSync(pdf) && readFileSync(pdf).subarray(0, 5).toString() === '%PDF-');
    assert.equal(mail.mails.length, 1);
    assert.deepEqual(mail.mails[0].to, ['bob@example.org']);
    assert.match(mail.mails[0].subject, /^Energy report of /);
  });
});
