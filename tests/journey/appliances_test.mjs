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

describe('Appliances of the demo', { timeout: 900_000 }, () => {
  let demo;
  let browser;
  let page;
  let known;
  const ran_twice = (all) => all.appliances.find((other) => !other.is_past && other.timeline.filter(([, end]) => end !== null).length >= 2);
  const ask = async () => (await page.request.get(new URL('api/homes/home/appliances', page.url()).href)).json();

  before(async () => {
    [demo, browser] = await Promise.all([start_demo('--house', 'us', '--history', '8'), open_browser()]);
    page = await open_page(browser, demo.link);
    // The past arrives in some minutes, by the speed of the disk, and is then studied.
    for (let i = 0; i < 480; ++i) {
      known = await ask();
      const circuits = new Set(known.appliances.map((one) => one.circuit));
      const named = known.appliances.filter((one) => one.certainty !== 'unknown');
      if (!known.is_studying && ran_twice(known) && circuits.size >= 6 && named.length >= 3 && known.question) break;
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

  // One with several runs that are over, opened on the page.
  const open_row = async (id) => {
    const one = (await ask()).appliances.find((other) => other.id === id);
    const name = one.name || one.kind_name || one.description;
    for (const closed of await page.locator('details:not([open]) > summary').all()) await closed.click();
    const row = page.locator('li', { has: page.locator(`bdi.name:text-is("${name.charAt(0).toUpperCase() + name.slice(1)}")`) }).first();
    await row.getByRole('button', { name: /^Correct / }).click();
    return row;
  };

  test('a run that was something else leaves its appliance, and comes back when that is taken back', async () => {
    await page.evaluate(() => { location.hash = '#/appliances'; });
    await page.reload();
    const before = await ask();
    const one = ran_twice(before);
    assert.ok(one, 'nothing ran twice');
    const runs_of = async (id) => (await (await page.request.get(
      new URL(`api/homes/home/appliances/runs?begin=${before.now - 86_400_000}&end=${before.now}`, page.url()).href)).json())
      .filter((run) => run.appliance === id).length;

    // A name of its own, so that the row is found again.
    let row = await open_row(one.id);
    await row.locator('input').fill('First of two');
    await row.getByRole('button', { name: 'Rename' }).click();
    await page.locator('bdi.name:text-is("First of two")').waitFor();
    const had = await runs_of(one.id);
    row = await open_row(one.id);
    await row.getByRole('button', { name: 'Not this' }).first().click();
    await page.waitForFunction((ids) => fetch('api/homes/home/appliances').then((answer) => answer.json())
      .then((all) => all.appliances.some((other) => !ids.includes(other.id))), before.appliances.map((other) => other.id));
    assert.equal(await runs_of(one.id), had - 1);

    // Others may have been found on the circuit meanwhile: it is the one that has the run.
    let split;
    for (const other of (await ask()).appliances) {
      const is_new = other.circuit === one.circuit && !before.appliances.some((old) => old.id === other.id);
      if (is_new && await runs_of(other.id) === 1) split = other;
    }
    row = await open_row(one.id);
    const same = row.locator('form', { hasText: 'The same as' });
    await same.locator('select').selectOption(String(split.id));
    await same.getByRole('button', { name: 'Merge' }).click();
    await page.waitForFunction((id) => fetch('api/homes/home/appliances').then((answer) => answer.json())
      .then((all) => !all.appliances.some((other) => other.id === id)), one.id);
    assert.equal(await runs_of(split.id), had, 'it has all of them');
    assert.equal((await ask()).appliances.find((other) => other.id === split.id).name, 'First of two', 'and the name');

    for (const left of [had - 1, had]) {
      const act = (await ask()).last_act.id;
      await page.getByRole('button', { name: 'Take it back' }).click();
      await page.waitForFunction((last) => fetch('api/homes/home/appliances').then((answer) => answer.json())
        .then((all) => all.last_act?.id !== last), act);
      assert.equal(await runs_of(one.id), left);
    }
  });

  test('what was switched on just now can be said', async () => {
    const form = page.locator('section', { hasText: 'I switched it on just now' });
    await form.locator('select').selectOption('iron');
    await form.getByRole('button', { name: 'It is on' }).click();
    // In a house that lives something came on, or nothing did, or on several circuits; each is said.
    await page.waitForFunction(() => /Kept: iron|Several were switched on|Nothing of 30 W/.test(document.body.innerText));
    const nothing = await page.getByText('Nothing of 30 W').count();
    assert.deepEqual(page.troubles, nothing ? ['400 /api/homes/home/appliances/switched_on'] : []);
    page.troubles.length = 0;
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
