// Pictures of the Home Assistant card in every state, and what axe says about each: `npm run card && npm run look-card [folder]`.
// Ends with an error when axe finds something, the card complains, or something is wider than the window.

import { mkdtempSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { serve, states_of } from './card_mock.mjs';

const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'lenz-card-'));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const us = states_of('us');
const silent = Object.fromEntries(Object.entries(us).map(([id, one]) => [id, id.endsWith('_panel') ? one : { ...one, state: 'unavailable' }]));
const { 'sensor.lenz_maple_fridge_power': _, ...without_fridge } = us;
const scenes = [
  { name: 'us', states: us },
  { name: 'eu', states: states_of('eu') },
  { name: 'many', states: states_of('many') },
  { name: 'silent', states: silent },
  { name: 'one-missing', states: without_fridge, config: { title: '' } },
  { name: 'no-panel', states: {} },
  { name: 'two-panels', states: { ...us, ...states_of('eu') } },
];
const screens = [['phone', 390, 844, 0], ['column', 1280, 900, 500], ['desktop', 1280, 900, 1180]];

const server = await serve();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
let wrong = 0;
const complain = (where, what) => { ++wrong; console.log(`${where}: ${what}`); };

for (const [screen, width, height, card_width] of screens) {
  const page = await browser.newPage({ viewport: { width, height } });
  let name = screen;
  page.on('pageerror', (error) => complain(name, error.message));
  page.on('console', (line) => { if (line.type() === 'error') complain(name, line.text()); });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction('window.ready');
  for (const dark of [false, true]) {
    for (const scene of scenes) {
      name = `${scene.name}-${screen}-${dark ? 'dark' : 'light'}`;
      await page.evaluate((what) => window.show(what), { ...scene, config: scene.config ?? {}, dark, width: card_width });
      await page.waitForTimeout(300); // Until the bars stand.
      await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) complain(name, `${overflow} px wider than the window`);
      await page.evaluate(axe);
      for (const found of (await page.evaluate(() => globalThis.axe.run())).violations) {
        complain(name, `${found.id}: ${found.help} (${found.nodes.map((node) => node.target.flat().join(' ')).join(', ').slice(0, 300)})`);
      }
    }
  }
  await page.close();
}
await browser.close();
server.close();
console.log(`${folder}: ${wrong} complaints`);
process.exitCode = wrong ? 1 : 0;
