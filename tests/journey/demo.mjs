// What every journey needs: a demo of its own, and a browser that looks at it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const root = resolve(import.meta.dirname, '../..');
const from_web = createRequire(join(root, 'web/package.json'));
const { chromium } = from_web('playwright-core');
const axe = readFileSync(from_web.resolve('axe-core/axe.min.js'), 'utf8');

export const program = process.env.LENZ_PROGRAM ?? join(root, 'build/release/lenz');

// Sizes of the screens that the page is looked at on.
export const phone = { width: 390, height: 844 };
export const desktop = { width: 1280, height: 900 };

// Processes of which the command line or the environment names this folder: whatever a demo started.
export function processes_in(folder) {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      readlinkSync(`/proc/${pid}/exe`); // A zombie has none.
      return ['cmdline', 'environ'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(folder));
    } catch {
      return false;
    }
  });
}

// Starts `lenz demo` with a folder for temporary files of its own, and waits for its link: that of TLS where it has one.
export async function start_demo(...words) {
  const folder = mkdtempSync(join(tmpdir(), 'lenz-journey-'));
  chmodSync(folder, 0o711); // A broker that root starts runs under its own account.
  const child = spawn(program, ['demo', '--port', '0', ...words], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit').then(([code, signal]) => code ?? signal);
  const wanted = words.includes('--https') ? /https:\/\/\S+#link=\S+/ : /http:\/\/\S+#link=\S+/;
  const said = [];
  const link = await new Promise((found, failed) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(line);
      const link = wanted.exec(line);
      if (link) found(link[0]);
    });
    ended.then((code) => failed(new Error(`${program} demo ended with ${code} before it gave its link`)));
  });
  const stop = async () => {
    child.kill('SIGINT'); // As Ctrl-C does.
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    const code = await ended;
    clearTimeout(timer);
    return code;
  };
  return { link, said, folder, pid: child.pid, stop, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

// `more` is what its command line has besides.
export function open_browser(...more) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', ...more],
  });
}

// A signed-in page on Now. `troubles` collects what the page complained about, and what was refused it: a refusal as
// '400 /api/...', which Chromium would tell without saying what it asked for.
export async function open_page(browser, link, viewport = desktop, options = {}) {
  const context = await browser.newContext({ viewport, ...options });
  const page = await context.newPage();
  page.troubles = [];
  page.on('pageerror', (error) => page.troubles.push(error.message));
  page.on('console', (line) => {
    const is_refusal = line.text().startsWith('Failed to load resource: the server responded');
    if (line.type() === 'error' && !is_refusal) page.troubles.push(line.text());
  });
  page.on('response', (response) => {
    if (response.status() >= 400) page.troubles.push(`${response.status()} ${new URL(response.url()).pathname}`);
  });
  page.on('dialog', (dialog) => { page.troubles.push(`dialog: ${dialog.message()}`); return dialog.dismiss(); });
  await page.goto(link);
  await page.getByRole('navigation', { name: 'Views' }).waitFor();
  return page;
}

// The sentence on Now, once it says watts.
export async function sentence(page, timeout = 60_000) {
  const heading = page.locator('h1', { hasText: /\d\s*k?W/ });
  await heading.waitFor({ timeout });
  return (await heading.innerText()).replaceAll(/\s+/g, ' ');
}

export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

// What axe finds wrong with the page as it stands.
export async function barriers(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map((found) => `${found.id}: ${found.help} (${found.nodes.map((node) => node.target).join(', ')})`);
}
