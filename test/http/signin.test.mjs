// signin.test.mjs - the dashboard's cookie (contract 1.2): a secret for a
// cookie, CSRF for what changes things, sign-out that holds.
import { gtest, assert, call, ADMIN } from './fixture.mjs';

const sign = (gw, key = ADMIN) => call(`${gw.url}/dashboard/session`, { method: 'POST', json: { key } });
const cookieOf = (r) => /bg_admin=([^;]*)/.exec([].concat(r.headers['set-cookie'])[0])[1];
const as = (gw, m, p, cookie, json, csrf) => call(gw.url + p, { method: m, json, headers: { cookie: `theme=dark; bg_admin=${cookie}; other=1`, ...(csrf ? { 'x-csrf-token': csrf } : {}) } });

gtest('signing in, reading, changing with a CSRF token, signing out', {}, async ({ gw }) => {
  const r = await sign(gw);
  assert.equal(r.status, 200);
  const set = [].concat(r.headers['set-cookie'])[0], cookie = cookieOf(r), { csrfToken } = r.json;
  assert.match(set, /HttpOnly; SameSite=Strict; Path=\//);
  assert.doesNotMatch(set, /Secure/);
  assert.ok(Math.abs(Date.parse(r.json.expiresAt) - Date.now() - 12 * 3600000) < 60000);
  assert.ok(!set.includes(ADMIN) && !r.text.includes(ADMIN));
  const me = await as(gw, 'GET', '/dashboard/session', cookie);
  assert.deepEqual(me.json, { authenticated: true, csrfToken, expiresAt: r.json.expiresAt });
  assert.equal((await as(gw, 'GET', '/admin/tenant', cookie)).status, 200);
  assert.equal((await as(gw, 'GET', '/data', cookie)).status, 200, 'B’s admin paths too');
  const bad = await as(gw, 'POST', '/admin/tenant', cookie, { name: 'acme' });
  assert.deepEqual([bad.status, bad.json], [403, { error: 'CSRF token missing or invalid', code: 'csrf' }]);
  assert.equal((await as(gw, 'POST', '/admin/tenant', cookie, { name: 'acme' }, 'x'.repeat(32))).status, 403);
  assert.equal((await as(gw, 'POST', '/admin/tenant', cookie, { name: 'acme' }, csrfToken)).status, 200);
  assert.equal((await gw.admin('POST', '/admin/tenant', { name: 'beta' })).status, 200, 'headers need none');
  assert.equal((await as(gw, 'DELETE', '/dashboard/session', cookie)).status, 403);
  const other = cookieOf(await sign(gw));
  assert.equal((await as(gw, 'DELETE', '/dashboard/session', cookie, undefined, csrfToken)).status, 204);
  for (const restart of [false, true]) {
    if (restart) await gw.restart();
    assert.equal((await as(gw, 'GET', '/admin/tenant', cookie)).status, 401, 'signed out for good');
    assert.equal((await as(gw, 'GET', '/dashboard/session', cookie)).status, 401);
    assert.equal((await as(gw, 'GET', '/admin/tenant', other)).status, 200, 'others stay');
  }
});

gtest('forged, changed and expired cookies are nobody', { ADMIN_SESSION_HOURS: '1', ENV: 'development' }, async ({ gw }) => {
  const cookie = cookieOf(await sign(gw)), [exp, nonce, mac] = cookie.split('-');
  const later = (BigInt(`0x${exp}`) + 3600000n).toString(16);
  for (const c of ['', 'x', `${later}-${nonce}-${mac}`, `${exp}-${nonce}-${'0'.repeat(64)}`, `${exp}-${nonce}`, `${cookie}0`, cookie.slice(0, -1), `-${nonce}-${mac}`, 'a'.repeat(5000)]) assert.equal((await as(gw, 'GET', '/admin/tenant', c)).status, 401, c.slice(0, 40));
  assert.equal((await as(gw, 'GET', '/admin/tenant', cookie)).status, 200);
  await gw.restart({ CLOCK_OFFSET_S: '3700' });
  assert.equal((await as(gw, 'GET', '/admin/tenant', cookie)).status, 401);
});

gtest('failures are limited by address; a valid cookie keeps working', { AUTH_FAIL_PER_MIN: '3' }, async ({ gw }) => {
  const cookie = cookieOf(await sign(gw));
  for (let i = 0; i < 3; i++) assert.deepEqual([(await sign(gw, 'wrong')).status], [401]);
  const r = await sign(gw);
  assert.equal(r.status, 429, 'before the secret is looked at');
  assert.ok(Number(r.headers['retry-after']) >= 1);
  assert.equal((await as(gw, 'GET', '/admin/tenant', cookie)).status, 200);
  for (const json of [{}, { key: 5 }, { key: null }]) assert.ok([401, 429].includes((await call(`${gw.url}/dashboard/session`, { method: 'POST', json })).status));
});
