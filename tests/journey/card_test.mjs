// The Home Assistant card as it was built, in a browser, on a dashboard made of paper.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { serve, states_of } from '../../web/card_mock.mjs';
import { barriers, desktop, open_browser, overflow, phone } from './demo.mjs';

const fridge_power = 'sensor.lenz_maple_fridge_power';
let server, browser, page;

before(async () => {
  server = await serve();
  browser = await open_browser();
  page = await browser.newPage({ viewport: desktop });
  page.troubles = [];
  page.on('pageerror', (error) => page.troubles.push(error.message));
  page.on('dialog', (dialog) => { page.troubles.push(`dialog: ${dialog.message()}`); return dialog.dismiss(); });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction('window.ready');
});

after(async () => {
  await browser?.close();
  server?.close();
});

const show = (states, config = {}, dark = false) => page.evaluate((scene) => window.show(scene), { states, config, dark });
const tell = (states) => page.evaluate((states) => window.tell(states), states);
const breaker = (name) => page.getByRole('button', { name });
const with_state = (states, id, state) => ({ ...states, [id]: { ...states[id], state } });

test('A breaker shows the watts that Home Assistant has, and no reading when it has none', async () => {
  const states = with_state(states_of('us'), fridge_power, '118.4');
  await show(states);
  assert.match(await breaker('Fridge').innerText(), /118.W/u);

  for (const silent of ['unavailable', 'unknown']) {
    await tell(states);
    await breaker('Fridge').filter({ hasText: /118.W/u }).waitFor();
    await tell(with_state(states, fridge_power, silent));
    await breaker('Fridge').filter({ hasText: 'no reading' }).waitFor();
  }
  await tell(with_state(states, fridge_power, '0'));
  await breaker('Fridge').filter({ hasText: /\b0.W/u }).waitFor();
});

test('A click on a breaker, or its key, asks for the history of its own sensor', async () => {
  await show(states_of('us'), { entities: { kitchen: 'sensor.renamed' } });

  await breaker('Fridge').click();
  await breaker('Kitchen').focus();
  await page.keyboard.press('Enter');

  assert.deepEqual(await page.evaluate(() => window.asked.splice(0)), [fridge_power, 'sensor.renamed']);
});

test('When the sensor of the panel falls silent the wall stays as it was', async () => {
  const states = states_of('us');
  await show(states);
  await tell({ ...states, 'sensor.lenz_maple_panel': { state: 'unavailable', attributes: {} } });

  assert.equal(await breaker(/./).count(), 13); // 15 breakers, of which two carry no clamp.
  assert.equal(await page.getByRole('alert').count(), 0);
});

test('Without a panel the card says what to do, and draws it once it comes', async () => {
  await show({});
  assert.match(await page.getByRole('alert').innerText(), /MQTT/);

  await tell(states_of('us'));
  await breaker('Fridge').waitFor();
  assert.equal(await page.getByRole('alert').count(), 0);
});

test('A configuration that cannot be meant is refused in one sentence', async () => {
  await assert.rejects(show(states_of('us'), { panel: 'Maple' }), /`panel` must be the entity id of a Lenz panel sensor/);
});

test('Names are text, whoever wrote them, and 42 breakers fit a phone', async () => {
  await page.setViewportSize(phone);
  await show(states_of('many'));

  assert.equal(await breaker(/./).count(), 43);
  assert.match(await breaker(/<b onclick/).innerText(), /<b onclick="alert\(1\)">bold<\/b>/);
  assert.equal(await breaker('مطبخ البيت الكبير').count(), 1);
  assert.equal(await overflow(page), 0);
  await page.setViewportSize(desktop);
});

test('Home Assistant finds the card in its list, and gives it the panel that is there', async () => {
  const [card] = await page.evaluate(() => window.customCards);
  assert.equal(card.type, 'lenz-panel-card');

  const stub = await page.evaluate((states) => customElements.get('lenz-panel-card').getStubConfig({ states }), states_of('eu'));
  assert.deepEqual(stub, { panel: 'sensor.lenz_linde_panel' });
});

for (const dark of [false, true]) {
  test(`Everybody can read the card, ${dark ? 'in the dark' : 'in daylight'}`, async () => {
    for (const size of [phone, desktop]) {
      await page.setViewportSize(size);
      for (const world of ['us', 'eu', 'many']) {
        await show(states_of(world), {}, dark);
        assert.deepEqual(await barriers(page), []);
      }
    }
  });
}

test('The card complained about nothing', () => assert.deepEqual(page.troubles, []));
