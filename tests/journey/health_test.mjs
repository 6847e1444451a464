// Somebody wants to be told: of what was found, of rules, and of what fails of the hub itself.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { barriers, desktop, open_browser, overflow, phone } from './demo.mjs';
import { start as start_broker } from './fakes/broker.mjs';
import { start as start_node } from './fakes/esphome_node.mjs';
import { start as start_home_assistant } from './fakes/home_assistant.mjs';
import { start as start_mail } from './fakes/mail_server.mjs';
import { home_file, make_place, open_as_owner, start_hub, until } from './partners_world.mjs';

// A webhook whose first answer is that it is not well.
async function start_webhook() {
  const bodies = [], tokens = [];
  let tries = 0;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.writeHead(++tries === 1 ? 500 : 204).end();
    if (tries === 1) return;
    bodies.push(JSON.parse(body));
    tokens.push(request.headers.authorization);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port, bodies, tokens, tries: () => tries, stop: () => new Promise((done) => server.close(done)) };
}

// What watches of equipment would have put there, in a hub's file while it is off.
function put_findings(file) {
  const script = `
import sqlite3, struct, sys, time
now = int(time.time() * 1000)
day = 86400000
book = sqlite3.connect(sys.argv[1])
course = struct.pack('<fff', .31, .40, .02) + b''.join(struct.pack('<qf', now - (30 - i) * day, .31 if i < 20 else .40) for i in range(30))
for asset, change, suspects in (('circuit kitchen', 'works_harder', 'gasket_leak 700 warm_place 200'), ('supply', 'open_neutral', 'loose_contact 900')):
    number = book.execute("INSERT INTO finding (asset, change, since, found, confidence, extra, suspects, told, feedback, answered, who) VALUES (?, ?, ?, ?, 900, 210000, ?, 0, '', 0, '')", (asset, change, now - 10 * day, now, suspects)).lastrowid
    book.execute("INSERT INTO evidence VALUES (?, 0, 'duty', ?)", (number, course))
book.execute("INSERT INTO condition VALUES ('supply', 'watched', ?, 'Neutral not watched: one leg is measured.')", (now - 30 * day,))
book.commit()`;
  const { status, stderr } = spawnSync('python3', ['-c', script, file], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

describe('What people want to be told', { timeout: 300_000 }, () => {
  const world = {};
  before(async () => {
    world.place = make_place();
    [world.broker, world.mail, world.webhook, world.browser] = await Promise.all([start_broker(), start_mail(), start_webhook(), open_browser()]);
    const broker = { host: '127.0.0.1', port: world.broker.port };
    world.panel = await start_node({ over: 'mqtt', name: 'panel', broker, channels: 6, period_ms: 1000 });
    world.panel.set('ct1_watts', 20);
    world.home_assistant = await start_home_assistant({ broker });
    const { data } = world.place;
    writeFileSync(join(data, 'home.toml'), home_file([{ id: 'kitchen', name: 'Kitchen', device: 'panel', channel: 0 }]));
    writeFileSync(join(data, 'secrets/email.password'), 'secret\n');
    writeFileSync(join(data, 'secrets/webhook.token'), 'hook-token\n');
    writeFileSync(join(data, 'partners.toml'), `[mqtt]\nhost = "127.0.0.1"\nport = ${broker.port}\n
[[esphome]]\ndevice = "panel"\nperiod_s = 1\n
[home_assistant]\n
[email]\nhost = "127.0.0.1"\nport = ${world.mail.port}\nuser = "ann"\npassword_file = "secrets/email.password"\nfrom = "lenz@example.org"\nto = ["ann@example.org"]\n
[webhook]\nurl = "http://127.0.0.1:${world.webhook.port}/hook"\ntoken_file = "secrets/webhook.token"\n`);
    const first = await start_hub(world.place);
    await until(() => first.ask('/api/homes/home/health').then((health) => Array.isArray(health.open)), 'there is a book of findings');
    await first.stop();
    put_findings(join(data, 'health.db'));
    world.hub = await start_hub(world.place);
    world.hub_page = (screen) => open_as_owner(world.browser, world.hub, screen);
  });
  after(async () => {
    await world.browser?.close();
    for (const one of [world.hub, world.home_assistant, world.panel, world.mail, world.webhook, world.broker]) await one?.stop?.();
    world.place?.remove();
  });

  test('a danger goes out at once, whatever the hour, and says whom to call', async () => {
    await until(() => world.mail.mails.length > 0, 'a mail comes', 30_000);
    const [mail] = world.mail.mails;
    assert.deepEqual(mail.to, ['ann@example.org']);
    assert.deepEqual(world.mail.users[0], ['ann', 'secret']);
    assert.equal(mail.subject, 'DANGER: Oak Street: The supply has lost its neutral.');
    assert.match(mail.text, /Switch off at the main switch now.*Call the utility at any hour, and an electrician\./s);
  });

  test('the slow change waits for the digest', () => {
    assert.ok(!world.mail.mails.some((mail) => mail.text.includes('works harder')));
  });

  test('Home Assistant has a problem for each asset, and the notice as an event', async () => {
    const { home_assistant } = world;
    await home_assistant.until(() => home_assistant.state('binary_sensor.lenz_home_health_supply') === 'on', 30_000);
    await home_assistant.until(() => home_assistant.state('event.lenz_home_notice') === 'danger', 30_000);
    assert.deepEqual(home_assistant.complaints, []);
  });

  test('a webhook that failed is tried again', async () => {
    await until(() => world.webhook.bodies.length > 0, 'it is tried again', 90_000);
    assert.equal(world.webhook.tokens[0], 'Bearer hook-token');
    assert.equal(world.webhook.bodies[0].event_type, 'danger');
    assert.equal(world.webhook.bodies[0].title, 'The supply has lost its neutral.');
  });

  test('the page shows the danger first, then and now, on every screen', async () => {
    const health = await world.hub.ask('/api/homes/home/health');
    assert.equal(health.open.length, 2);
    for (const screen of [phone, desktop]) {
      const page = await world.hub_page(screen);
      await page.getByRole('link', { name: /^Health/ }).click();
      await page.getByRole('heading', { name: 'The supply has lost its neutral', exact: false }).first().waitFor();
      await page.getByText('Do this now.').waitFor();
      await page.getByRole('img', { name: /share of the time on.*31 % before, 40 % now/ }).first().waitFor();
      const words = await page.locator('main').innerText();
      assert.doesNotMatch(words, /\bsafe\b|no fault/i);
      assert.deepEqual(await barriers(page), []);
      assert.ok((await overflow(page)) <= 0);
      assert.deepEqual(page.troubles, []);
      await page.context().close();
    }
  });

  test('a rule that somebody sets comes true, and is told by mail', async () => {
    const page = await world.hub_page(desktop);
    await page.getByRole('link', { name: /^Health/ }).click();
    await page.getByText('Add a rule').click();
    await page.getByLabel('Name').fill('Stove <b>on</b>');
    await page.getByRole('combobox', { name: 'Of', exact: true }).selectOption({ label: 'Kitchen' });
    await page.getByLabel('Watts').fill('500');
    await page.getByLabel('For minutes').fill('1');
    await page.getByRole('combobox', { name: 'Tell it' }).selectOption('at_once');
    await page.getByRole('button', { name: 'Keep it' }).click();
    await page.getByText('The circuit Kitchen has drawn more than 500 W for 1 min.').waitFor();
    world.panel.set('ct1_watts', 900);

    await page.getByRole('button', { name: 'Test Stove <b>on</b>' }).click();
    await until(() => world.mail.mails.some((mail) => mail.subject === 'Oak Street: A test of Stove <b>on</b>'), 'the test comes');

    const told = await until(() => world.mail.mails.find((mail) => mail.subject === 'Oak Street: Stove <b>on</b>'), 'the rule comes true', 100_000);
    assert.match(told.text, /The circuit Kitchen has drawn more than 500 W for 1 min\./);
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  });

  test('an answer ends a finding, here and in Home Assistant', async () => {
    const page = await world.hub_page(desktop);
    await page.getByRole('link', { name: /^Health/ }).click();
    const card = page.getByRole('article').filter({ hasText: 'lost its neutral' });
    await card.getByRole('button', { name: 'It is fixed' }).click();
    await card.waitFor({ state: 'detached' });
    await page.getByText('The circuit Kitchen works harder than it used to.').first().waitFor();
    await page.context().close();
    const { home_assistant } = world;
    await home_assistant.until(() => home_assistant.state('binary_sensor.lenz_home_health_supply') === 'off', 30_000);
  });

  test('a rule that cannot be is refused in one sentence, and a stranger may set none', async () => {
    const address = new URL('/api/homes/home/rules', world.hub.link);
    const bare = await fetch(address, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{}' });
    assert.equal(bare.status, 401);
    assert.equal(await world.hub.tell('/api/homes/home/rules/test', { rule: 'none' }), 400);
  });
});
