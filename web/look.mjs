// Pictures of the page in every state, and what axe says about each: `npm run build && npm run look [folder]`.
// Ends with an error when axe finds something, the page complains, or something is wider than the window.

import { mkdtempSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { serve } from './mock.mjs';

const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'lenz-look-'));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const only = process.argv[3] ?? '';

const scenes = [
  ['us', 'now'], ['us', 'history/grid'], ['us', 'history/kitchen,fridge,dryer,roof'], ['us', 'settings'],
  ['us', 'meters'], ['eu', 'meters'], ['many', 'meters'], ['first', 'meters'],
  ['us', 'appliances'], ['us', 'directory'], ['eu', 'appliances'], ['many', 'appliances'], ['first', 'appliances'], ['stale', 'appliances'],
  ['us', 'health'], ['eu', 'health'], ['many', 'health'], ['first', 'health'], ['stale', 'health'],
  ['us', 'bill'], ['eu', 'bill'], ['many', 'bill'], ['first', 'bill'], ['stale', 'bill'],
  ['us', 'advice'], ['eu', 'advice'], ['many', 'advice'], ['first', 'advice'], ['stale', 'advice'],
  ['us', 'room'], ['eu', 'room'], ['many', 'room'], ['first', 'room'], ['us', 'report'], ['first', 'report'],
  ['eu', 'now'], ['eu', 'history'], ['many', 'now'], ['many', 'history/c1,c2,c3'],
  ['first', 'now'], ['first', 'sign-in'], ['stale', 'now'], ['us', 'sign-in'],
];

const server = await serve();
const base = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
let wrong = 0;
const provoked = /status of 503|Blocked script execution/; // By the mock: a home without advice, a report with a script.
const complain = (where, what) => { ++wrong; console.log(`${where}: ${what}`); };

for (const [width, height] of [[390, 844], [1280, 900]]) {
  for (const colorScheme of ['light', 'dark']) {
    for (const [world, view] of scenes) {
      const name = `${world}-${view.replaceAll(/[/,]/g, '-')}-${width}-${colorScheme}`;
      if (!name.includes(only)) continue;
      const context = await browser.newContext({ viewport: { width, height }, colorScheme, bypassCSP: false });
      const page = await context.newPage();
      page.on('pageerror', (error) => complain(name, error.message));
      page.on('console', (line) => { if (line.type() === 'error' && !provoked.test(line.text())) complain(name, line.text()); });
      if (view === 'sign-in') {
        await page.goto(`${base}/${world}/`);
        await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      } else {
        await page.goto(`${base}/${world}/#link=demo`);
        await page.getByRole('navigation').waitFor();
        await page.evaluate((to) => { location.hash = `#/${to}`; }, view);
        if (view === 'room') await page.getByRole('button', { name: 'Look' }).click();
        await page.waitForTimeout(view.startsWith('history') ? 1500 : 2500);
      }
      await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) complain(name, `${overflow} px wider than the window`);
      await page.evaluate(axe);
      for (const found of (await page.evaluate(() => globalThis.axe.run())).violations) {
        complain(name, `${found.id}: ${found.help} (${found.nodes.map((node) => node.target).join(', ').slice(0, 300)})`);
      }
      await context.close();
    }
  }
}
await browser.close();
server.closeAllConnections();
server.close();
console.log(`${folder}: ${wrong} complaints`);
process.exitCode = wrong ? 1 : 0;
