// docs.test.mjs - the API browser at /docs (contract 7, R67).
import zlib from 'node:zlib';
import { gtest, assert, ADMIN } from './fixture.mjs';
import { browse, needsBrowser } from './browser.mjs';

gtest('R67: /docs and its files come from here alone, compressed or not; /redoc leads there', {}, async ({ gw }) => {
  const page = await gw.call('/docs');
  assert.equal(page.status, 200);
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  const csp = page.headers['content-security-policy'];
  assert.match(csp, /default-src 'none'; script-src 'self'; style-src 'self';.*frame-ancestors 'none'/);
  assert.doesNotMatch(csp, /unsafe|http|\*/);
  assert.doesNotMatch(page.text, /<script(?![^>]* src=)|<style|\son[a-z]+=|\sstyle=|javascript:|https?:/i);
  const files = [...page.text.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)].map((m) => m[1]);
  assert.deepEqual(files.sort(), ['/docs/docs.css', '/docs/docs.js', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css']);
  for (const f of files) {
    const plain = await gw.call(f);
    const packed = await gw.call(f, { headers: { 'accept-encoding': 'br, gzip' } });
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.ok(plain.body.length < 1000 || packed.body.length < plain.body.length / 2, f);
    assert.deepEqual(zlib.gunzipSync(packed.body), plain.body, f);
    assert.equal((await gw.call(f, { headers: { 'accept-encoding': 'gzip;q=0' } })).headers['content-encoding'], undefined);
  }
  for (const n of ['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt']) assert.equal((await gw.call(`/docs/${n}`)).status, 200, `${n} of Swagger UI`);
  const redoc = await gw.call('/redoc');
  assert.deepEqual([redoc.status, redoc.headers.location], [302, '/docs']);
  for (const n of ['x', 'docs.html', 'docs.js.gz', '..%2fdocs.js', '%2e%2e%2f%2e%2e%2fetc%2fpasswd', '..%252f..%252fetc%252fpasswd'])
    assert.equal((await gw.call(`/docs/${n}`)).status, 404, n);
});

gtest('browser: /docs finds an operation, takes a key and carries it out', {}, async ({ gw }) => {
  await gw.tenant('acme');
  await browse(gw, {}, async (page) => {
    await page.goto('/docs');
    await page.waitForSelector('#swagger-ui .opblock-tag');
    assert.equal(await page.textContent('.info .title').then((s) => s.startsWith('BudgetGuard')), true);
    await page.fill('.filter input', 'Tenants');
    await page.waitForFunction(() => document.querySelectorAll('.opblock-tag').length === 1);
    await page.click('.opblock-tag');
    await page.click('.authorize');
    const key = page.locator('.auth-container', { hasText: 'adminKey' }).first();
    await key.locator('input').fill(ADMIN);
    await key.locator('button.authorize').click();
    await page.click('.btn-done');
    await page.click('#operations-Tenants-getAdminTenant .opblock-summary-control');
    await page.click('#operations-Tenants-getAdminTenant button.execute');
    await page.waitForSelector('#operations-Tenants-getAdminTenant .live-responses-table tr.response .response-col_status');
    assert.match(await page.textContent('#operations-Tenants-getAdminTenant .live-responses-table tr.response .response-col_status'), /200/);
    assert.match(await page.textContent('#operations-Tenants-getAdminTenant .live-responses-table tr.response .highlight-code'), /"name": "acme"/);
    // R26: nothing typed in is kept
    assert.deepEqual(await page.evaluate(() => [Object.keys(localStorage), Object.keys(sessionStorage), document.cookie]), [[], [], '']);
  });
}, needsBrowser);
