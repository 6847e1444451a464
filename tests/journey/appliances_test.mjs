// The demo's house, of which every watt has a name (simulator/furnish.cc): what the page says runs
// there is held against it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { barriers, open_browser, open_page, overflow, phone, start_demo } from './demo.mjs';

// What hangs behind each breaker with a clamp of the US house, in the words of the recordings.
const truth = {
  ev: ['ev_charger'],
  heat_pump: ['heat_pump'],
  water_heater: ['water_heater'],
  range: ['cooktop', 'oven'],
  dryer: ['tumble_dryer'],
  kitchen: ['kettle', 'dishwasher', 'microwave', 'coffee_maker'],
  laundry: ['washing_machine'],
  fridge: ['fridge', 'freezer', 'fridge_freezer'],
  living: ['television', 'lighting', 'lamp', 'router'],
  grid: ['computer', 'lighting', 'lamp', 'outlets', 'pump'], // Breakers without a clamp.
};

describe('Appliances of the demo', { timeout: 600_000 }, () => {
  let demo;
  let browser;
  let page;
  let known;
  const ask = async () => (await page.request.get(new URL('api/homes/home/appliances', page.url()).href)).json();

  before(async () => {
    [demo, browser] = await Promise.all([start_demo('--house', 'us', '--history', '8'), open_browser()]);
    page = await open_page(browser, demo.link);
    // The past arrives in some minutes and is then studied.
    for (let i = 0; i < 240; ++i) {
      known = await ask();
      const circuits = new Set(known.appliances.map((one) => one.circuit));
      const named = known.appliances.filter((one) => one.certainty !== 'unknown');
      if (!known.is_studying && circuits.size >= 6 && named.length >= 3 && known.question) break;
      await new Promise((wait) => setTimeout(wait, 1000));
    }
  });
  after(async () => {
    await browser?.close();
    await demo?.stop();
    demo?.remove();
  });

  test('in its first minutes it has found something behind most breakers', () => {
    assert.ok(new Set(known.appliances.map((one) => one.circuit)).size >= 6, JSON.stringify(known.appliances));
  });

  test('on every clamp appliances and what is unexplained are what was measured', async () => {
    for (let i = 0; i < 5; ++i) {
      for (const channel of (await ask()).channels) {
        if (channel.power_w === null) continue;
        const sum = Object.values(channel.appliances).reduce((a, b) => a + b, channel.unexplained_w);
        assert.ok(Math.abs(sum - channel.power_w) < 0.11, JSON.stringify(channel));
      }
      await new Promise((wait) => setTimeout(wait, 500));
    }
  });

  test('several have a name without a question, and each is one that is really there', () => {
    const named = known.appliances.filter((one) => one.certainty !== 'unknown');
    const wrong = named.filter((one) => !truth[one.circuit]?.includes(one.kind));
    assert.deepEqual(wrong.map((one) => `${one.kind} on ${one.circuit}`), []);
    assert.ok(named.length >= 3, `only ${named.length} have a name`);
  });

  test('an answer gives a name, and can be taken back', async () => {
    await page.getByRole('link', { name: 'Appliances' }).click();
    const question = page.locator('section.ask');
    await question.waitFor();
    const { appliance } = (await ask()).question;
    await question.locator('select').selectOption('other');
    await page.getByRole('button', { name: 'Take it back' }).waitFor();
    const certainty = async () => (await ask()).appliances.find((one) => one.id === appliance).certainty;
    assert.equal(await certainty(), 'confirmed');
    await page.getByRole('button', { name: 'Take it back' }).click();
    await page.getByRole('button', { name: 'Take it back' }).waitFor({ state: 'detached' });
    assert.equal(await certainty(), 'unknown');
  });

  test('the view has no barrier and never scrolls sideways', async () => {
    for (const view of ['appliances', 'directory']) {
      await page.evaluate((to) => { location.hash = `#/${to}`; }, view);
      await page.locator('h1').first().waitFor();
      assert.deepEqual(await barriers(page), [], view);
    }
    await page.setViewportSize(phone);
    assert.ok((await overflow(page)) <= 0);
    await page.evaluate(() => { location.hash = '#/appliances'; });
    await page.getByRole('heading', { name: 'Find the breaker' }).waitFor();
    assert.ok((await overflow(page)) <= 0);
    assert.deepEqual(page.troubles, []);
  });
});
