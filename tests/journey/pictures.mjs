// node pictures.mjs FOLDER: what a visitor of the demo sees, for the README.

import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { desktop, open_browser, open_page, phone, sentence, start_demo } from './demo.mjs';

const folder = process.argv[2];
const filling_ms = 150_000; // Until the live chart shows something.
const month_ms = 300_000;   // At most, until the month is made and stored.

mkdirSync(folder, { recursive: true });
const demo = await start_demo('--house', 'us');
const browser = await open_browser();
try {
  const page = await open_page(browser, demo.link, desktop, { colorScheme: 'light' });
  await sentence(page);
  await page.waitForTimeout(filling_ms);
  const { origin } = new URL(page.url());
  const first_day = async () => {
    const begin = Date.now() - 29 * 86_400_000;
    const answer = await page.request.get(
      `${origin}/api/homes/home/history?circuits=grid&begin=${begin}&end=${Date.now()}&step=86400`);
    return (await answer.json()).circuits.grid.mean.slice(0, -1).every((watts) => watts !== null);
  };
  for (const end = Date.now() + month_ms; !(await first_day()) && Date.now() < end;) await page.waitForTimeout(2000);

  for (const [screen, size] of Object.entries({ desktop, phone })) {
    await page.setViewportSize(size);
    for (const view of ['now', 'history', 'bill']) {
      await page.evaluate((to) => { location.hash = `#/${to}`; }, view);
      if (view === 'history') {
        await page.getByRole('button', { name: '7 d', exact: true }).click();
        await page.waitForFunction(() => /Wh/.test(document.querySelector('table.energies')?.innerText ?? ''));
      }
      await page.mouse.move(0, 0);
      await page.waitForTimeout(2000);
      const file = join(folder, `${view}-${screen}.png`);
      await page.screenshot({ path: file });
      console.log(`${file}: ${Math.round(statSync(file).size / 1024)} KiB`);
    }
  }
} finally {
  await browser.close();
  await demo.stop();
  demo.remove();
}
