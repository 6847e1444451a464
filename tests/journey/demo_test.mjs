// What the demo leaves behind, what it does with strange names, and who gets in.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open_browser, open_page, processes_in, sentence, start_demo } from './demo.mjs';

const timeout = 180_000;

test('Ctrl-C ends every part of the demo and leaves no file behind', { timeout }, async () => {
  const demo = await start_demo('--history', '1');
  try {
    assert.ok(processes_in(demo.folder).length >= 4, 'demo, broker, hub and meter run');
    assert.notDeepEqual(readdirSync(demo.folder), []);

    const code = await demo.stop();

    assert.equal(code, 0);
    assert.deepEqual(processes_in(demo.folder), []);
    assert.deepEqual(readdirSync(demo.folder), []);
  } finally {
    await demo.stop();
    demo.remove();
  }
});

test('when the demo is killed outright, its parts do not stay', { timeout }, async () => {
  const demo = await start_demo('--history', '1');
  try {
    process.kill(demo.pid, 'SIGKILL');

    for (let i = 0; i < 100 && processes_in(demo.folder).length > 0; ++i) {
      await new Promise((wait) => setTimeout(wait, 100));
    }
    assert.deepEqual(processes_in(demo.folder), []);
  } finally {
    await demo.stop();
    demo.remove();
  }
});

test('a circuit with a name made of HTML shows its name, and runs nothing', { timeout }, async () => {
  const name = '<img src=x onerror=alert(1)>';
  const data = mkdtempSync(join(tmpdir(), 'lenz-journey-'));
  const first = await start_demo('--data', data, '--history', '0');
  await first.stop();
  first.remove();
  const file = join(data, 'home.toml');
  const home = readFileSync(file, 'utf8');
  const renamed = home.replace(/^(\s*name = ).*EV charger.*$/m, (_, key) => `${key}'${name}'`);
  assert.notEqual(renamed, home);
  writeFileSync(file, renamed);

  const demo = await start_demo('--data', data, '--history', '0');
  const browser = await open_browser();
  try {
    const page = await open_page(browser, demo.link);
    await sentence(page);
    await page.getByText(name, { exact: true }).first().waitFor();
    await page.getByRole('link', { name: 'History' }).click();
    await page.getByRole('button', { name, exact: true }).click();
    assert.equal(await page.locator('img').count(), 0);
    assert.deepEqual(page.troubles, []);
  } finally {
    await browser.close();
    await demo.stop();
    demo.remove();
    rmSync(data, { recursive: true });
  }
});

test('the link opens the page once, and a stranger gets a form', { timeout }, async () => {
  const demo = await start_demo('--history', '0');
  const browser = await open_browser();
  try {
    await open_page(browser, demo.link);

    const stranger = await (await browser.newContext()).newPage();
    await stranger.goto(demo.link);

    await stranger.getByRole('heading', { name: 'Sign in' }).waitFor();
    const home = await stranger.request.get(new URL('api/homes', demo.link.split('#')[0]).href);
    assert.equal(home.status(), 401);
  } finally {
    await browser.close();
    await demo.stop();
    demo.remove();
  }
});
