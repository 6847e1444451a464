// What it costs, as a person sees it: the bill, the tariff behind it, advice, room and the report.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { barriers, desktop, open_browser, open_page, overflow, phone, start_demo } from './demo.mjs';

// A tariff of one line, whose bill anybody can work out: 0.25 of a kWh, and what is named looks like HTML.
const simple = `name = "<b>Simple</b>"
country = "US"
currency = "USD"
source = "made up"
source_date = 2026-01-01

[[version]]
from = 2020-01-01

[[version.energy]]
name = "All <i>energy</i>"
price = 0.25
`;

const cents = (text) => Math.round(100 * Number(text));

describe('Bill, Advice, Report and Is there room?', { timeout: 900_000 }, () => {
  let demo;
  let browser;
  let page;
  let month; // The newest with a bill: on its first day the running one has none.
  const ask = async (path) => (await page.request.get(new URL(`api/homes/home/${path}`, page.url()).href)).json();
  const go = (view) => page.evaluate((to) => { location.hash = `#/${to}`; }, view);
  const heading = async (pattern, timeout = 60_000) => {
    const found = page.getByRole('heading', { level: 1, name: pattern });
    await found.waitFor({ timeout });
    return (await found.innerText()).replaceAll(/\s+/g, ' ');
  };

  before(async () => {
    [demo, browser] = await Promise.all([start_demo('--house', 'us', '--history', '8'), open_browser()]);
    page = await open_page(browser, demo.link);
    // The past arrives in some minutes.
    for (let i = 0; i < 400 && !month; ++i) {
      for (const one of (await ask('bill')).periods) {
        if (!month && ((await ask(`bill?period=${one}`)).imported_wh ?? 0) > 20_000) month = one;
      }
      await page.waitForTimeout(1000);
    }
    assert.ok(month, 'there is a bill of some month');
  });
  after(async () => {
    await browser?.close();
    await demo?.stop();
    demo?.remove();
  });

  test('the first sentence says what the month cost so far', async () => {
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Bill' }).click();
    await page.getByLabel('Month', { exact: true }).selectOption(month);
    assert.match(await heading(/\$/), /^\w+ (so far|\d{4}) \$\d[\d,]*\.\d\d/);
    await page.getByText('Information, not a charge').waitFor();
  });

  test('its lines add up to its total, and so do all shares of it', async () => {
    const bill = await ask(`bill?period=${month}`);
    assert.equal(bill.trouble, '');
    const sum = (rows) => rows.reduce((all, row) => all + cents(row.amount), 0);
    assert.equal(sum(bill.lines), cents(bill.total));
    for (const rows of [bill.circuits, bill.appliances]) {
      assert.equal(sum(rows) + cents(bill.standing) + cents(bill.feed_in), cents(bill.total));
    }
  });

  test('a tariff with a mistake is refused where the mistake is', async () => {
    await page.getByText('Change the tariff').click();
    const editor = page.getByRole('textbox', { name: /tariff's file/ });
    await editor.fill(simple.replace('price = 0.25', 'prize = 0.25'));
    await page.getByRole('button', { name: 'Check and keep' }).click();
    const line = simple.split('\n').findIndex((one) => one.startsWith('price')) + 1;
    assert.match(await page.getByRole('alert').innerText(), new RegExp(`line ${line}\\b`));
    assert.equal(await editor.evaluate((area) => area.value.slice(area.selectionStart, area.selectionEnd)), 'prize = 0.25');
    page.troubles.length = 0; // The browser calls a refusal an error.
  });

  test('the owner sets another, and the bill is of it at once', async () => {
    await page.getByRole('textbox', { name: /tariff's file/ }).fill(simple);
    await page.getByRole('button', { name: 'Check and keep' }).click();
    await page.getByText('By the tariff').getByText('<b>Simple</b>').waitFor();
    await page.getByRole('rowheader', { name: /All <i>energy<\/i>.*kWh × \$0\.25/ }).waitFor();
    const bill = await ask(`bill?period=${month}`);
    assert.equal(bill.lines.length, 1);
    assert.ok(Math.abs(Number(bill.total) - 0.25 * bill.imported_wh / 1000) < 0.02, JSON.stringify(bill.lines));
  });

  test('Is there room? lays a charger over the measured peaks, in a sheet for the electrician', async () => {
    await page.getByRole('link', { name: 'Is there room?' }).click();
    await page.getByRole('button', { name: 'Look' }).click();
    assert.match(await heading(/There is (no )?room for 9\.6 kW/), /A on |A are|A too|A left/);
    // The demo has a roof that produces, and 8 days: the form of 220.87 is for neither.
    assert.match(await page.locator('.sheet').innerText(), /./);
    assert.equal(await page.getByRole('button', { name: 'Print the sheet' }).count(), 0);
    assert.deepEqual(await barriers(page), []);
  });

  test('Advice says for each appliance what to do, or why nothing can be said yet', async () => {
    await page.getByRole('link', { name: 'Advice' }).click();
    await heading(/Advice (?!One moment|Your appliances)/, 120_000);
    const advice = await ask('advice');
    for (const one of advice.appliances) await page.getByText(one.not_yet || one.why, { exact: false }).first().waitFor();
  });

  test('what a person knows of an appliance is kept', async () => {
    // Until the demo has an appliance of a known kind, which is weighed some minutes later.
    for (let i = 0; i < 300 && (await ask('advice')).appliances.length === 0; ++i) await page.waitForTimeout(1000);
    assert.ok((await ask('advice')).appliances.length > 0);
    await page.reload();
    const form = page.locator('details', { hasText: 'What you know of it' }).first();
    await form.getByText('What you know of it').click();
    await form.getByLabel('Age, years').fill('17');
    await form.getByRole('button', { name: 'Keep it' }).click();
    for (let i = 0; i < 60; ++i) {
      if ((await ask('advice')).appliances.some((one) => one.facts.age_years === 17)) return;
      await page.waitForTimeout(500);
    }
    assert.fail('the age is not kept');
  });

  test('the report is shown, downloaded as one file, and runs no script', async () => {
    await page.getByRole('link', { name: 'Report' }).click();
    const frame = page.frameLocator('iframe');
    await frame.locator('h1').waitFor({ timeout: 60_000 });
    assert.doesNotMatch(await page.locator('iframe').getAttribute('sandbox'), /allow-scripts|allow-forms|navigation/);
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download' }).click()]);
    assert.match(file.suggestedFilename(), /^energy-report-\d{4}-\d\d\.html$/);
    const html = readFileSync(await file.path(), 'utf8');
    assert.match(html, /<h1/);
    assert.doesNotMatch(html, /<script|src="http|href="http/);
  });

  test('nobody is shut out, and a phone never scrolls sideways', async () => {
    for (const screen of [phone, desktop]) {
      await page.setViewportSize(screen);
      for (const view of ['bill', 'advice', 'room', 'report']) {
        await go(view);
        await heading(/^(?!.*One moment)/);
        assert.deepEqual(await barriers(page), [], view);
        assert.ok((await overflow(page)) <= 0, `${view} is ${await overflow(page)} px too wide`);
      }
    }
  });

  test('the page had nothing to complain about', () => {
    assert.deepEqual(page.troubles, []);
  });
});
