// From the simulated house over chips, meter, broker and hub to what a person sees.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { barriers, open_browser, open_page, overflow, phone, sentence, start_demo } from './demo.mjs';

const houses = [
  { name: 'us', where: 'a US home', breakers: 14, currency: /\$|cent/ },
  { name: 'eu3', where: 'a European home', breakers: 14, currency: /€|cent/ },
];

for (const house of houses) {
  describe(`In ${house.where}`, { timeout: 300_000 }, () => {
    let demo;
    let browser;
    let page;
    before(async () => {
      [demo, browser] = await Promise.all([start_demo('--house', house.name), open_browser()]);
      page = await open_page(browser, demo.link);
    });
    after(async () => {
      await browser?.close();
      await demo?.stop();
      demo?.remove();
    });

    test('a sentence says within a minute what the home uses and costs', async () => {
      const said = await sentence(page);
      assert.match(said, /^Your home (uses|takes|gives)|^The roof/);
      if (!said.startsWith("Your home gives")) assert.match(said, house.currency);
    });

    test('the link is gone from the address once it was used', async () => {
      assert.ok(!page.url().includes('link='), page.url());
    });

    test('the panel shows every breaker', async () => {
      assert.equal(await page.locator('.breaker').count(), house.breakers);
    });

    test('the numbers are alive', async () => {
      const watts = () => page.locator('.breaker output').allInnerTexts();
      const first = (await watts()).join();
      await page.waitForFunction((before) => [...document.querySelectorAll('.breaker output')]
        .map((output) => output.innerText).join() !== before, first, { timeout: 30_000 });
      assert.match((await watts()).join(), /\d/);
    });

    test('History shows what a month took', async () => {
      await page.getByRole('link', { name: 'History' }).click();
      await page.getByRole('button', { name: '30 d', exact: true }).click();
      const energies = page.locator('table.energies');
      await page.waitForFunction(() => /[\d,.]+\s*[kM]Wh/.test(document.querySelector('table.energies')?.innerText ?? ''),
        undefined, { timeout: 120_000 });
      assert.match(await energies.innerText(), /kWh|MWh/);
    });

    test('the keyboard zooms, pans and opens the table behind the chart', async () => {
      const range = () => page.locator('section.card h2').first().innerText();
      const month = await range();
      await page.keyboard.press('+');
      await page.waitForFunction((before) => document.querySelector('section.card h2').innerText !== before, month);
      const closer = await range();
      await page.keyboard.press('ArrowLeft');
      await page.waitForFunction((before) => document.querySelector('section.card h2').innerText !== before, closer);
      const tables = await page.locator('table').count();
      await page.keyboard.press('t');
      await page.waitForFunction((before) => document.querySelectorAll('table').length > before, tables);
    });

    test('nobody is shut out: axe finds no barrier on any view', async () => {
      for (const view of ['Now', 'History', 'Settings']) {
        await page.getByRole('link', { name: view }).click();
        await page.locator(`header [aria-current="page"]`, { hasText: view }).waitFor();
        assert.deepEqual(await barriers(page), [], view);
      }
    });

    test('a phone never scrolls sideways', async () => {
      await page.setViewportSize(phone);
      for (const view of ['Now', 'History', 'Settings']) {
        await page.getByRole('link', { name: view }).click();
        await page.locator(`header [aria-current="page"]`, { hasText: view }).waitFor();
        assert.ok((await overflow(page)) <= 0, `${view} is ${await overflow(page)} px too wide`);
      }
    });

    test('the page had nothing to complain about', () => {
      assert.deepEqual(page.troubles, []);
    });
  });
}
