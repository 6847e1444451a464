// A clamp is calibrated on the page: with a hub made of paper, and with a hub, a broker and a simulated meter on a
// workbench, whose wattmeter says what is true.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { serve } from '../../web/mock.mjs';
import { barriers, desktop, open_browser, open_page, overflow, phone, program } from './demo.mjs';

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

describe('The guide', { timeout: 200_000 }, () => {
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
      await card.getByText('Waiting until the load is steady.').waitFor();
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

  test('only the owner sees it', async () => {
    const page = await open_page(browser, `http://127.0.0.1:${server.address().port}/many/#link=demo`);
    await page.evaluate(() => { location.hash = '#/meters'; });
    await page.getByRole('region', { name: /^Wiring/ }).waitFor();
    assert.equal(await page.getByRole('region', { name: /^Calibration/ }).count(), 0);
    await page.context().close();
  });
});
