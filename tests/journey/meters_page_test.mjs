// A new meter on the page, with a meter at the end of the cable that is a script, and a hub made of paper.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { serve } from '../../web/mock.mjs';
import { barriers, open_browser, open_page, overflow, phone } from './demo.mjs';

// In the browser: navigator.serial with one port, behind which a meter speaks Improv and notes what it is told.
function meter_on_a_cable() {
  const magic = [...'IMPROV'].map((letter) => letter.charCodeAt(0));
  const text = (words) => [...new TextEncoder().encode(words)];
  const framed = (type, data) => {
    const frame = [...magic, 1, type, data.length, ...data];
    return Uint8Array.from([...frame, frame.reduce((sum, byte) => (sum + byte) & 255, 0), 10]);
  };
  const result = (command, ...strings) => {
    const bytes = strings.flatMap((string) => [text(string).length, ...text(string)]);
    return framed(4, [command, bytes.length, ...bytes]);
  };
  const strings = (bytes) => {
    const found = [];
    for (let at = 0; at < bytes.length; at += 1 + bytes[at]) found.push(new TextDecoder().decode(Uint8Array.from(bytes.slice(at + 1, at + 1 + bytes[at]))));
    return found;
  };
  const told = { join: [], certificate: '', hub: [], opened: [], set: {} };
  globalThis.told = told;
  let out;
  const port = {
    readable: null,
    writable: null,
    async open({ baudRate }) {
      told.opened.push(baudRate);
      port.readable = new ReadableStream({ start: (controller) => void (out = controller) });
      port.writable = new WritableStream({
        write(frame) {
          const [command, , ...payload] = frame.slice(9, 9 + frame[8]);
          const say = (...frames) => frames.forEach((one) => out.enqueue(one));
          say(Uint8Array.from(text('I (512) wifi: a line of the log\r\n')), framed(2, [0]));
          if (command === 4) say(result(4, 'Maple', '-44', 'YES'), result(4, 'Far', '-81', 'NO'), result(4));
          if (command === 1) {
            told.join.push(strings(payload));
            if (told.join.at(-1)[1] === 'wrong') say(framed(2, [3]), framed(1, [2]));
            else say(framed(1, [4]), result(1));
          }
          if (command === 0x81) {
            told.certificate += new TextDecoder().decode(Uint8Array.from(payload.slice(4)));
            say(result(0x81));
          }
          if (command === 0x80) {
            told.hub = strings(payload);
            say(result(0x80));
          }
          // Bluetooth is on, LoRaWAN off, and there is no cellular modem in the image.
          if (command === 0x86) say(result(0x86, '010000000000', '', '-', '6ch', `003cffff0c23${'ff'.repeat(14)}`));
          if (command >= 0x82 && command <= 0x84) {
            told.set[command] = payload.map((byte) => byte.toString(16).padStart(2, '0')).join('');
            if (command === 0x82 && payload[4] === 6) say(framed(2, [255]), result(0x82, 'Add-on 6 has no pins left.'));
            else say(...(command === 0x82 ? [result(0x82, 'One AT modem fits.')] : [result(command)]));
          }
        },
      });
    },
    async close() {},
  };
  Object.defineProperty(navigator, 'serial', { value: { requestPort: async () => port }, configurable: true });
}

describe('Meters', { timeout: 300_000 }, () => {
  let server;
  let browser;
  const base = () => `http://127.0.0.1:${server.address().port}`;
  const open = async (world, size) => {
    const page = await open_page(browser, `${base()}/${world}/#link=demo`, size);
    await page.getByRole('navigation', { name: 'Views' }).waitFor();
    return page;
  };
  const go = (page) => page.evaluate(() => { location.hash = '#/meters'; });

  before(async () => {
    [server, browser] = await Promise.all([serve(), open_browser()]);
  });
  after(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  test('one sentence says how they are, and what a meter says of itself is shown', async () => {
    const page = await open('us', phone);
    await go(page);
    await page.getByRole('heading', { level: 1, name: /meter-2 has been silent since/ }).waitFor();
    await page.getByRole('button', { name: 'Blink' }).first().click();
    await page.getByText('Its light blinks now.').waitFor();
    await page.getByRole('button', { name: 'Restart' }).last().click();
    await page.getByText('meter-2 does not reply').waitFor();
    assert.equal(await overflow(page), 0);
    await page.context().close();
  });

  test('a meter gets its network, and only then its hub and the whole certificate', async () => {
    const page = await open('us');
    await page.evaluate(meter_on_a_cable);
    await go(page);

    await page.getByRole('button', { name: 'Which networks does it hear?' }).click();
    await page.waitForFunction(() => document.querySelector('input[list=networks]').value === 'Maple');
    await page.getByLabel('Password of the Wi-Fi').fill('wrong');
    await page.getByRole('button', { name: 'Give it network and hub' }).click();
    await page.getByText('could not join this network').waitFor();
    assert.deepEqual(await page.evaluate(() => globalThis.told.hub), [], 'no credential was drawn for a meter without a network');

    await page.getByLabel('Password of the Wi-Fi').fill('right');
    await page.getByRole('button', { name: 'Give it network and hub' }).click();
    await page.getByText('meter-3 has its network and hub.').waitFor();

    const told = await page.evaluate(() => globalThis.told);
    assert.deepEqual(told.join, [['Maple', 'wrong'], ['Maple', 'right']]);
    assert.deepEqual(told.hub, ['mqtts://hub.local:8883', 'home', 'meter-3', 'secret']);
    assert.match(told.certificate, /^-----BEGIN CERTIFICATE-----\nc{600}\n-----END CERTIFICATE-----\n$/);
    assert.deepEqual([...new Set(told.opened)], [115200]);
    await page.context().close();
  });

  test('an update is sent, given to a meter and watched until it stays', async () => {
    const page = await open('us', phone);
    await go(page);
    const card = page.getByRole('region', { name: 'New firmware' });
    const file = card.getByLabel(/the file that sign_update wrote/);
    await file.setInputFiles({ name: 'x.update', mimeType: 'application/octet-stream', buffer: Buffer.from('x') });
    await card.getByText('This is no update of Lenz firmware').waitFor();
    await file.setInputFiles({ name: 'meter.update', mimeType: 'application/octet-stream', buffer: Buffer.alloc(2000, 1) });
    await card.getByText('Its signature is of the key that the hub has.').waitFor();
    assert.deepEqual(await barriers(page), []);
    assert.equal(await overflow(page), 0);

    await card.getByRole('button', { name: 'Update meter-1 to 0.4.0' }).click();
    await card.getByText(/^0\.4\.0 is being written/).waitFor();
    await card.getByRole('progressbar', { name: 'Written to meter-1' }).waitFor();
    await card.getByText('It runs 0.4.0, which stays.').waitFor();

    await card.getByRole('button', { name: 'Forget 0.4.0' }).click();
    await card.getByText(/goes back where it is not sound/).waitFor();
    await page.context().close();
  });

  test('board and radios are read and set over the cable, and what the image lacks is said', async () => {
    for (const size of [phone, undefined]) {
      const page = await open('us', size);
      await page.evaluate(meter_on_a_cable);
      await go(page);
      const card = page.getByRole('region', { name: 'Board and radios' });
      await card.getByRole('button', { name: 'Read them over the cable' }).click();

      await card.getByText('Cellular: not built in').click();
      await card.getByText("This meter's image was built without a cellular modem.").waitFor();
      await card.getByText('LoRaWAN: off').click();
      await card.getByLabel('DevEUI').fill('0a0b0c0d0e0f1011');
      await card.getByLabel('AppKey, 32 digits').fill('1e1f');
      await card.getByRole('button', { name: 'Switch LoRaWAN on' }).click();
      await card.getByRole('alert').getByText('has 32 hexadecimal digits').waitFor();
      await card.getByLabel('AppKey, 32 digits').fill('1e1f202122232425262728292a2b2c2d');
      assert.deepEqual(await barriers(page), []);
      assert.equal(await overflow(page), 0);
      if (process.env.LENZ_PICTURES) await card.screenshot({ path: `${process.env.LENZ_PICTURES}/radios-${size ? 'phone' : 'desktop'}.png` });
      await card.getByRole('button', { name: 'Switch LoRaWAN on' }).click();
      await card.getByText('It is set. The meter starts anew.').waitFor();
      await card.getByText('LoRaWAN: on').waitFor();

      await card.getByText('Bluetooth: on').click();
      await card.getByRole('button', { name: 'Switch Bluetooth off' }).click();
      await card.getByText('Bluetooth: off').waitFor();

      await card.getByText('The board: 6 channels').click();
      await card.getByLabel('Add-ons on it').fill('6');
      await card.getByRole('button', { name: 'Set the board' }).click();
      await card.getByRole('alert').getByText('Add-on 6 has no pins left.').waitFor();
      await card.getByLabel('Add-ons on it').fill('1');
      await card.getByRole('button', { name: 'Set the board' }).click();
      await card.getByText('It is set. The meter starts anew. One AT modem fits.').waitFor();

      const { set } = await page.evaluate(() => globalThis.told);
      assert.equal(set[0x84], '0300000000000a0b0c0d0e0f101100000000000000001e1f202122232425262728292a2b2c2d000000000a1e000000');
      assert.equal(set[0x83], '');
      assert.equal(set[0x82], '0336636801' + '3cffff0c23');
      await page.context().close();
    }
  });

  test('what is wrong with the wiring stands with what to do, on the meters and on the circuit', async () => {
    const page = await open('us', phone);
    await go(page);
    const card = page.getByRole('region', { name: /^Wiring/ });
    await card.getByRole('heading', { name: 'CT5 (Dryer): the wrong way round' }).waitFor();
    await card.getByText('Turn the clamp around on its wire').waitFor();
    await card.getByText('CT10 (Well pump)').waitFor();
    await card.getByText('Outside lights').waitFor();
    assert.deepEqual(await barriers(page), []);
    assert.equal(await overflow(page), 0);

    await page.evaluate(() => { location.hash = '#/history/dryer'; });
    await page.getByText('CT5 (Dryer): the wrong way round. Turn the clamp around').waitFor();

    await go(page);
    await card.getByRole('button', { name: /I have changed it/ }).click();
    await card.getByText('what was sampled before does not count').waitFor();
    assert.equal(await card.getByRole('heading', { name: /CT5/ }).count(), 0);
    await page.context().close();
  });

  test('where nothing was found the page promises nothing', async () => {
    const page = await open('eu');
    await go(page);
    const card = page.getByRole('region', { name: /^Wiring/ });
    await card.getByText(/In 31.min of samples nothing wrong showed\./).waitFor();
    assert.doesNotMatch(await card.innerText(), /\bsafe\b|no fault|all is well/i);
    await page.context().close();
  });

  test('where no meter can reach the hub, and without Web Serial, the page says what to do', async () => {
    const page = await open('eu');
    await go(page);
    await page.getByText('start it with --meters NAME').waitFor();
    await page.context().close();

    const context = await browser.newContext();
    const other = await context.newPage();
    await other.addInitScript(() => { delete Object.getPrototypeOf(navigator).serial; });
    await other.goto(`${base()}/us/#link=demo`);
    await other.getByRole('navigation', { name: 'Views' }).waitFor();
    await go(other);
    await other.getByText('This browser cannot reach the cable.').waitFor();
    await other.getByText('esptool.py --chip esp32').waitFor();
    await context.close();
  });
});
