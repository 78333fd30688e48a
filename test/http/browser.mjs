// browser.mjs - pages in a real browser (Debian's chromium).
//
// browse() fails on page errors, console errors, CSP reports and requests to
// another origin; audit() runs axe-core and fails on any violation.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { assert, ADMIN } from './fixture.mjs';

const CHROMIUM = process.env.BG_CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((p) => fs.existsSync(p));
const { chromium } = await import('playwright-core');
const AXE = fs.readFileSync(path.join(path.dirname(createRequire(import.meta.url).resolve('axe-core')), 'axe.min.js'), 'utf8');

/** For gtest's last argument. */
export const needsBrowser = { skip: CHROMIUM ? false : 'chromium is not installed' };
/** R49: markup and script in every name that a client can choose. */
export const HOSTILE = '<img src=x onerror=document.title="owned">';
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** Runs `fn(page, wrong)`; `wrong` collects what must not be there (a test may
 *  splice what it provoked). */
export async function browse(gw, opt, fn) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  const wrong = [];
  try {
    const page = await browser.newPage({ baseURL: gw.url, reducedMotion: 'reduce', ...opt });
    page.setDefaultTimeout(20000);
    page.on('pageerror', (e) => wrong.push(String(e)));
    page.on('console', (m) => { if (m.type() === 'error') wrong.push(`${m.text()} ${m.location().url ?? ''}`); });
    page.on('request', (r) => { if (!r.url().startsWith(`${gw.url}/`)) wrong.push(`foreign: ${r.url()}`); });
    await fn(page, wrong);
    assert.deepEqual(wrong, []);
  } finally { await browser.close(); }
}

/** Signed in, at /dashboard/<to>, figures there (or an error shown). */
export async function enter(page, to = '') {
  await page.goto(`/dashboard${to}`);
  await page.fill('#key', ADMIN);
  await page.press('#key', 'Enter');
  await ready(page);
}

/** The open page has its answer. */
export const ready = (page) => page.waitForSelector('#main .page[ready]');
export async function visit(page, to) {
  await page.goto(`/dashboard${to}`);
  await ready(page);
}

export const fits = async (page, where) => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${where} scrolls sideways`);

/** 0 violations, or the list of them.  Nothing is preloaded: that would write
 *  inline styles, which the CSP stops and the test would see. */
export async function audit(page, where) {
  const cdp = await page.context().newCDPSession(page); // past the CSP, which holds for the page alone
  await cdp.send('Runtime.evaluate', { expression: AXE });
  const { result } = await cdp.send('Runtime.evaluate', { awaitPromise: true, returnByValue: true, expression: `axe.run(document, { preload: false, resultTypes: ['violations'] }).then((r) => r.violations.map((v) => v.id + ': ' + v.help + ' ' + v.nodes.map((n) => n.target.join(' ') + ' ' + (n.any[0] ? n.any[0].message : '')).slice(0, 4).join(' | ')))` });
  assert.deepEqual(result.value, [], where);
}
