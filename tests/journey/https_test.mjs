// The page over the network by TLS: whom curl and Chromium trust, and what a page may do that is trusted.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { open_browser, open_page, phone, sentence, start_demo } from './demo.mjs';

const name = 'lenz.local';

// Standard output, or what the program ended with.
const run = (program, ...words) => new Promise((told) => {
  execFile(program, words, (failed, stdout) => told({ code: failed?.code ?? 0, stdout }));
});

describe('The page by TLS', { timeout: 200_000 }, () => {
  let demo;
  let page_url;
  let port;
  let authority; // Its file.
  const curl = (...words) => run('curl', '-s', '--resolve', `*:${port}:127.0.0.1`, ...words);
  before(async () => {
    demo = await start_demo('--history', '0', '--https', name, '--https-port', '0', '--https-address', '127.0.0.1');
    page_url = demo.link.split('#')[0];
    port = new URL(page_url).port;
    authority = join(demo.folder, 'lenz-ca.crt');
    writeFileSync(authority, (await curl('--insecure', `${page_url}lenz-ca.crt`)).stdout);
  });
  after(async () => {
    await demo?.stop();
    demo?.remove();
  });

  test('is trusted by who trusts its authority, which the terminal names, and for no other name', async () => {
    const { fingerprint256 } = new X509Certificate(readFileSync(authority));
    assert.ok(demo.said.includes(fingerprint256), demo.said.join('\n'));

    const status = await curl('--cacert', authority, `${page_url}api/status`);
    assert.equal(JSON.parse(status.stdout).signed_in, false);
    const untrusted = 60; // curl's word for it.
    assert.equal((await curl(`${page_url}api/status`)).code, untrusted);
    assert.equal((await curl('--cacert', authority, `https://other.local:${port}/api/status`)).code, untrusted);
  });

  test('is where somebody arrives who types no https', async () => {
    const arrived = await curl('--cacert', authority, '--location', '--write-out', '\n%{url_effective}', `http://${name}:${port}/api/status`);
    const [body, url] = arrived.stdout.split('\n');
    assert.equal(url, `${page_url}api/status`);
    assert.equal(JSON.parse(body).signed_in, false);
  });

  test('signs a phone in, lives, and may have a camera', async () => {
    const resolver = `--host-resolver-rules=MAP ${name} 127.0.0.1`;
    const stranger = await open_browser(resolver);
    try {
      const page = await stranger.newPage();
      await assert.rejects(page.goto(page_url), /ERR_CERT_AUTHORITY_INVALID/);
    } finally {
      await stranger.close();
    }

    // What the phone is told to trust: the one who signed the page's certificate. Node finds him by the authority.
    const issuer = await new Promise((found, failed) => {
      const socket = connect({ host: '127.0.0.1', port, servername: name, ca: readFileSync(authority) }, () => {
        found(new X509Certificate(socket.getPeerCertificate(true).issuerCertificate.raw));
        socket.destroy();
      }).once('error', failed);
    });
    const key = createHash('sha256').update(issuer.publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
    const browser = await open_browser(resolver, `--ignore-certificate-errors-spki-list=${key}`);
    try {
      const page = await open_page(browser, demo.link, phone);
      const first = await sentence(page);
      await page.waitForFunction((old) => document.querySelector('h1').innerText.replaceAll(/\s+/g, ' ') !== old, first, { timeout: 60_000 });
      assert.equal(await page.evaluate(() => globalThis.isSecureContext), true);
      assert.equal(await page.evaluate(() => typeof navigator.mediaDevices?.getUserMedia), 'function');
      const [cookie, ...others] = await page.context().cookies();
      assert.deepEqual(others, []);
      assert.deepEqual([cookie.name, cookie.secure, cookie.httpOnly, cookie.sameSite], ['__Host-lenz_session', true, true, 'Strict']);
      assert.deepEqual(page.troubles, []);
    } finally {
      await browser.close();
    }
  });
});
