// A month in a house whose fridge has a door that does not seal since the tenth day.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { barriers, desktop, open_browser, overflow, phone } from './demo.mjs';
import { make_place, open_as_owner, start_lenz, until } from './partners_world.mjs';

describe('A fridge whose door does not seal', { timeout: 420_000 }, () => {
  let place, demo, browser, found;
  before(async () => {
    place = make_place();
    browser = await open_browser();
    demo = await start_lenz(place.folder, 'demo', '--port', '0', '--data', place.data, '--history', '30', '--fault', 'fridge-gasket@day10');
  });
  after(async () => {
    await browser?.close();
    await demo?.stop();
    place?.remove();
  });

  test('is found in what was stored, with the right cause first', async () => {
    found = await until(async () => {
      const { open } = await demo.ask('/api/homes/home/health');
      return open.find((one) => one.change === 'works_harder');
    }, 'the fridge is found', 360_000);
    assert.match(found.text.changed, /fridge works harder than it used to/i);
    assert.equal(found.suspects[0].cause, 'gasket_leak');
    const days = (Date.now() - found.since) / 86_400_000;
    assert.ok(days > 16 && days < 24, `since ${days} days`);
    assert.ok(found.extra_wh_per_day > 150, `${found.extra_wh_per_day} Wh a day`);
  });

  test('and nothing else is', async () => {
    const { open } = await demo.ask('/api/homes/home/health');
    assert.deepEqual(open.map((one) => [one.asset, one.change]), [[found.asset, 'works_harder']]);
  });

  test('the page says what to look at first, on every screen', async () => {
    for (const screen of [desktop, phone]) {
      const page = await open_as_owner(browser, demo, screen);
      await page.getByRole('link', { name: /^Health/ }).click();
      await page.getByText(found.text.check).first().waitFor();
      assert.deepEqual(await barriers(page), []);
      assert.ok((await overflow(page)) <= 0);
      assert.deepEqual(page.troubles, []);
      await page.context().close();
    }
  });
});
