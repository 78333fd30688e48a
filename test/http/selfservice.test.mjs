// selfservice.test.mjs - contract 6: issued keys, sign-in, own keys, reports.
import fs from 'node:fs';
import path from 'node:path';
import { gtest, assert, flat, call, ADMIN } from './fixture.mjs';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const form = (o) => new URLSearchParams(o).toString();

/** The cookie of somebody who signed in. */
async function signIn(gw, username) {
  const r = await gw.call('/login', { method: 'POST', headers: FORM, body: form({ username }) });
  assert.equal(r.status, 303, r.text);
  return r.headers['set-cookie'][0].split(';')[0];
}
async function refused(r, status, detail) {
  assert.equal(r.status, status, r.text);
  assert.deepEqual(Object.keys(r.json), ['detail']);
  if (detail) assert.equal(r.json.detail, detail);
}
const own = (gw, cookie, json, headers) => gw.call('/public/keys', { json, method: 'POST', headers: { cookie, ...headers } });

gtest('admin keys: issued under a label, used, revoked once, usage by model', {}, async ({ gw }) => {
  await refused(await gw.call('/admin/keys', { json: { label: 5 } }), 401, 'Invalid admin token');
  await refused(await gw.call('/admin/keys', { json: {}, headers: { 'x-admin-key': 'wrong' } }), 401, 'Invalid admin token');
  const k = await gw.ok('POST', '/admin/keys', { label: 'alice', note: 'ci' });
  assert.deepEqual(Object.keys(k), ['token', 'label', 'note']);
  assert.match(k.token, /^bg_[A-Za-z0-9_-]{43}$/);
  assert.deepEqual([k.label, k.note], ['alice', 'ci']);
  const d = await gw.ok('POST', '/admin/keys', { label: null, note: null });
  assert.deepEqual([d.label, d.note], ['user', null]);
  assert.equal((await gw.admin('POST', '/admin/keys')).json.label, 'user');
  for (const body of [{ label: 5 }, { note: {} }, { label: ['x'] }]) await refused(await gw.admin('POST', '/admin/keys', body), 400);
  for (const body of ['[]', '"x"', '{', '{"label":"a","label":"b"}'])
    await refused(await gw.call('/admin/keys', { method: 'POST', body, headers: { 'x-admin-key': ADMIN, 'content-type': 'application/json' } }), 400);
  assert.equal(gw.sql("SELECT origin FROM tenant WHERE name='alice'").out, 'issued');

  assert.equal((await gw.chat(k.token, flat())).status, 200);
  const u = await gw.ok('GET', `/admin/usage/${k.token}`);
  assert.equal(u.token, k.token);
  assert.equal(u.models.length, 1);
  assert.deepEqual(Object.keys(u.models[0]), ['model', 'prompt_tokens', 'completion_tokens', 'total_tokens', 'cost']);
  assert.equal(u.models[0].model, 'gpt-flat');
  assert.equal(u.models[0].total_tokens, u.models[0].prompt_tokens + u.models[0].completion_tokens);
  assert.ok(u.models[0].cost > 0);
  const id = gw.sql("SELECT id FROM api_key WHERE name='ci'").out;
  assert.deepEqual((await gw.ok('GET', `/admin/usage/${id}`)).models, u.models);
  assert.deepEqual((await gw.ok('GET', '/admin/usage/bg_unknown')).models, []);
  assert.ok(Array.isArray((await gw.ok('GET', '/admin/usage/ledger')).data), 'the fixed path wins');
  await refused(await gw.call(`/admin/usage/${k.token}`), 401, 'Invalid admin token');

  await refused(await gw.call(`/admin/keys/${k.token}/revoke`, { method: 'POST' }), 401, 'Invalid admin token');
  assert.deepEqual(await gw.ok('POST', `/admin/keys/${k.token}/revoke`), { status: 'revoked', token: k.token });
  await refused(await gw.admin('POST', `/admin/keys/${k.token}/revoke`), 404, 'Token not found or already revoked');
  await refused(await gw.admin('POST', '/admin/keys/99999/revoke'), 404, 'Token not found or already revoked');
  assert.equal((await gw.chat(k.token, flat())).status, 401, 'R31: revoked from the next request on');
  assert.ok(!gw.logContains(k.token), 'no key in the log');
  const m = await gw.admin('PUT', '/admin/keys');
  assert.equal(m.status, 405);
  assert.equal(m.headers.allow, 'POST');
});

gtest('sign-in: form, cookie, next, sign-out; pages ask for it', {}, async ({ gw }) => {
  for (const p of ['/', '/request-key', '/reports']) {
    const r = await gw.call(p);
    assert.equal(r.status, 302);
    assert.equal(r.headers.location, `/login?next=${p}`);
  }
  const f = await gw.call('/login?next=/reports');
  assert.equal(f.status, 200);
  assert.match(f.headers['content-type'], /^text\/html/);
  assert.match(f.text, /name="next" value="\/reports"/);
  await refused(await gw.call('/login', { method: 'POST', headers: FORM, body: '' }), 400, 'username is required');
  await refused(await gw.call('/login', { method: 'POST', headers: FORM, body: form({ username: 'a b' }) }), 400, 'Invalid username');
  await refused(await gw.call('/login', { method: 'POST', headers: FORM, body: form({ username: 'x'.repeat(65) }) }), 400, 'Invalid username');
  const r = await gw.call('/login', { method: 'POST', headers: FORM, body: form({ username: 'alice', next: '/reports' }) });
  assert.equal(r.status, 303);
  assert.equal(r.headers.location, '/reports');
  assert.match(r.headers['set-cookie'][0], /^proxy_session=[^;]+; HttpOnly; SameSite=Lax; Path=\/; Max-Age=604800$/);
  const cookie = await signIn(gw, 'alice');
  for (const p of ['/', '/request-key', '/reports']) assert.equal((await gw.call(p, { headers: { cookie } })).status, 200);
  const again = await gw.call('/login?next=/reports', { headers: { cookie } });
  assert.deepEqual([again.status, again.headers.location], [302, '/reports']);
  const out = await gw.call('/logout', { method: 'POST', headers: { cookie } });
  assert.deepEqual([out.status, out.headers.location], [303, '/login']);
  assert.match(out.headers['set-cookie'][0], /^proxy_session=;.*Max-Age=0/);
});

gtest('own keys: issued, listed masked, revoked; only one\'s own', { SELF_SERVICE_MAX_KEYS: '2' }, async ({ gw }) => {
  const a = await signIn(gw, 'alice');
  const b = await signIn(gw, 'bob');
  const k = (await own(gw, a, { username: 'alice', note: 'laptop' })).json;
  assert.deepEqual(Object.keys(k), ['token', 'username', 'note', 'masked']);
  assert.equal(k.masked, `${k.token.slice(0, 4)}\u2026${k.token.slice(-4)}`);
  assert.equal((await gw.chat(k.token, flat())).status, 200);
  await refused(await own(gw, a, { username: 'bob' }), 403, 'Cannot create keys for another user');
  await refused(await own(gw, a, { note: 5 }), 400);
  await refused(await gw.call('/public/keys', { method: 'POST', body: 'note=x', headers: { cookie: a, ...FORM } }), 415);
  assert.equal((await own(gw, a, {})).status, 200);
  await refused(await own(gw, a, {}), 409, 'Key limit reached');
  const l = (await gw.call('/public/keys/alice', { headers: { cookie: a } })).json;
  assert.equal(l.username, 'alice');
  assert.deepEqual(l.keys.map((x) => x.note), [null, 'laptop'], 'newest first');
  assert.deepEqual(Object.keys(l.keys[0]), ['id', 'token_masked', 'note', 'created_at']);
  assert.ok(Math.abs(l.keys[0].created_at - Date.now() / 1000) < 120);
  assert.ok(!JSON.stringify(l).includes(k.token));
  await refused(await gw.call('/public/keys/alice', { headers: { cookie: b } }), 403, 'Cannot list keys for another user');
  await refused(await gw.call('/public/keys/alice'), 401, 'Login required');
  const id = l.keys[1].id;
  const del = (i, cookie) => gw.call(`/public/keys/${i}`, { method: 'DELETE', headers: cookie ? { cookie } : {} });
  await refused(await del(id), 401, 'Login required');
  await refused(await del(id, b), 404);
  await refused(await del('abc', a), 400);
  assert.deepEqual((await del(id, a)).json, { status: 'revoked' });
  await refused(await del(id, a), 404);
  assert.equal((await gw.chat(k.token, flat())).status, 401);
  assert.equal((await gw.call('/public/keys/alice', { headers: { cookie: a } })).json.keys.length, 1);
});

gtest('twenty sign-ups at once never make a key too many', { SELF_SERVICE_MAX_KEYS: '3' }, async ({ gw }) => {
  const a = await signIn(gw, 'alice');
  const s = (await Promise.all(Array.from({ length: 20 }, () => own(gw, a, {})))).map((r) => r.status).sort();
  assert.deepEqual(s, [...Array(3).fill(200), ...Array(17).fill(409)]);
});

gtest('R64: a forged cookie, proxy_username or an identity header from an untrusted peer gives no identity', {}, async ({ gw }) => {
  const good = await signIn(gw, 'alice');
  const value = good.split('=')[1];
  const [mac, when] = value.split('.');
  const forged = [`${mac}.${when}.bob`, `${mac}.${+when + 1}.alice`, `${'0'.repeat(64)}.${when}.alice`, 'alice', '', `.${when}.alice`, `${mac}..alice`, value.slice(0, -1), `${value}x`];
  for (const v of forged) await refused(await own(gw, `proxy_session=${v}`, {}), 401, 'Login required');
  await refused(await own(gw, 'proxy_username=alice', {}), 401, 'Login required');
  for (const h of ['x-user', 'x-forwarded-user', 'x-remote-user', 'remote-user']) await refused(await own(gw, '', {}, { [h]: 'alice' }), 401, 'Login required');
  assert.equal((await own(gw, `other=1; ${good}`, {})).status, 200);
});

gtest('identity headers of a trusted proxy count', { TRUSTED_PROXIES: '127.0.0.1' }, async ({ gw }) => {
  for (const h of ['x-user', 'x-forwarded-user', 'x-remote-user', 'remote-user']) assert.equal((await own(gw, '', {}, { [h]: `u-${h}` })).json.username, `u-${h}`);
  const r = await gw.call('/login', { method: 'POST', headers: { ...FORM, 'x-forwarded-proto': 'https' }, body: form({ username: 'x' }) });
  assert.match(r.headers['set-cookie'][0], /; Secure$/);
});

gtest('a cookie outlives its seven days never, and a restart always', { ENV: 'development' }, async ({ gw }) => {
  const cookie = await signIn(gw, 'alice');
  await gw.restart({ CLOCK_OFFSET_S: String(604800 - 600) });
  assert.equal((await gw.call('/public/keys/alice', { headers: { cookie } })).status, 200);
  await gw.restart({ CLOCK_OFFSET_S: '604900' });
  await refused(await gw.call('/public/keys/alice', { headers: { cookie } }), 401, 'Login required');
});

gtest('R65: no sign-in, no key; an admin-made tenant\'s name mints none', {}, async ({ gw }) => {
  await refused(await gw.call('/public/keys', { json: {} }), 401, 'Login required');
  const t = await gw.tenant('acme');
  const cookie = await signIn(gw, 'acme');
  await refused(await own(gw, cookie, {}), 403, 'Username is reserved');
  assert.deepEqual((await gw.call('/public/keys/acme', { headers: { cookie } })).json.keys, []);
  await refused(await gw.call(`/public/keys/${t.keyId}`, { method: 'DELETE', headers: { cookie } }), 404);
  assert.equal((await gw.ok('GET', `/admin/tenant/${t.id}/apikeys`)).length, 1);
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  // a name that /admin/keys made may be used
  await gw.ok('POST', '/admin/keys', { label: 'carol' });
  assert.equal((await own(gw, await signIn(gw, 'carol'), {})).status, 200);
});

gtest('R66: next leads nowhere else', {}, async ({ gw }) => {
  const cookie = await signIn(gw, 'alice');
  for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', '/a\r\nSet-Cookie: x=1', '', 'reports', '/\u007f']) {
    const r = await gw.call('/login', { method: 'POST', headers: FORM, body: form({ username: 'a', next }) });
    assert.deepEqual([r.status, r.headers.location], [303, '/'], JSON.stringify(next));
    const g = await gw.call(`/login?${form({ next })}`, { headers: { cookie } });
    assert.deepEqual([g.status, g.headers.location], [302, '/'], JSON.stringify(next));
  }
});

gtest('R67: pages load nothing from elsewhere, and their CSP allows nothing else', {}, async ({ gw }) => {
  const cookie = await signIn(gw, 'alice');
  for (const p of ['/login', '/request-key', '/reports']) {
    const r = await gw.call(p, { headers: p === '/login' ? {} : { cookie } });
    assert.equal(r.status, 200);
    const csp = r.headers['content-security-policy'];
    assert.match(csp, /default-src 'none'; script-src 'self';.*frame-ancestors 'none'/);
    assert.ok(!/unsafe|http|\*/.test(csp));
    assert.ok(!/<script(?![^>]* src=)|<style|\son[a-z]+=|\sstyle=|javascript:/i.test(r.text), 'nothing inline');
    const links = [...r.text.matchAll(/(?:src|href|action)="([^"]*)"/g)].map((m) => m[1]);
    for (const l of links.filter((x) => !x.startsWith('#'))) {
      assert.match(l, /^\/[a-z]/);
      if (!l.startsWith('/pages/')) continue;
      const a = await gw.call(l);
      assert.equal(a.status, 200, l);
      assert.ok(!/(?:https?:)?\/\/[a-z0-9-]+\.[a-z]|@import (?!"tokens\.css")|innerHTML|eval\(/i.test(a.text.replace('http://www.w3.org/', '')), l);
    }
  }
  for (const n of ['login.html', 'x', '..%2f..%2f..%2fetc%2fpasswd']) await refused(await gw.call(`/pages/${n}`), 404);
});

gtest('R49: markup in names, notes and next is shown as text', {}, async ({ gw }) => {
  const X = '<img src=x onerror=alert(1)>';
  const cookie = await signIn(gw, 'alice');
  const k = await gw.ok('POST', '/admin/keys', { label: X, note: X });
  assert.equal((await gw.chat(k.token, flat())).status, 200);
  const r = await gw.call(`/login?${form({ next: `/"${X}` })}`);
  assert.ok(!r.text.includes('<img'), r.text);
  assert.ok(r.text.includes('/&quot;&lt;img src=x onerror=alert(1)&gt;'));
  const d = await gw.call('/reports/data?scope=key&bucket=all', { headers: { cookie } });
  assert.match(d.headers['content-type'], /^application\/json/);
  assert.equal(d.headers['x-content-type-options'], 'nosniff');
  assert.equal(d.json.rows[0].label, `${X} :: ${X}`);
});

gtest('R62: the data directory holds no issued key in plain text', {}, async ({ gw }) => {
  const k = await gw.ok('POST', '/admin/keys', { label: 'a' });
  const o = (await own(gw, await signIn(gw, 'b'), {})).json;
  for (const t of [k.token, o.token]) assert.equal((await gw.chat(t, flat())).status, 200);
  const walk = (d) => fs.readdirSync(d, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(path.join(d, e.name)) : [path.join(d, e.name)]));
  for (const f of walk(gw.data)) for (const t of [k.token, o.token]) assert.ok(!fs.readFileSync(f).includes(t), f);
});

gtest('R63: /debug/last-response is 404', {}, async ({ gw }) => {
  assert.equal((await gw.call('/debug/last-response')).status, 404);
  assert.equal((await gw.admin('GET', '/debug/last-response')).status, 404);
});

gtest('without self-service pages are 404; reports stay for admins', { SELF_SERVICE: '0' }, async ({ gw }) => {
  for (const [m, p] of [['GET', '/login'], ['POST', '/login'], ['POST', '/logout'], ['GET', '/request-key'], ['POST', '/public/keys'], ['GET', '/public/keys/a'], ['DELETE', '/public/keys/1']])
    assert.equal((await gw.call(p, { method: m })).status, 404, `${m} ${p}`);
  const home = await gw.call('/');
  assert.deepEqual([home.status, home.headers.location], [302, '/dashboard']);
  await refused(await gw.call('/reports/data'), 401, 'Login required');
  assert.equal((await gw.admin('GET', '/reports/data')).status, 200);
  assert.equal((await gw.admin('GET', '/reports')).status, 200);
  assert.notEqual((await gw.call('/reports')).status, 200);
});

gtest('reports: the overview adds up; users see open tenants, admins all', {}, async ({ gw }) => {
  await refused(await gw.call('/reports/data'), 401, 'Login required');
  await refused(await gw.call('/reports/data', { headers: { 'x-admin-key': 'wrong' } }), 401);
  const t = await gw.tenant('acme');
  const k = await gw.ok('POST', '/admin/keys', { label: 'alice', note: 'ci' });
  for (let i = 0; i < 2; i++) assert.equal((await gw.chat(t.key, flat())).status, 200);
  assert.equal((await gw.chat(k.token, flat())).status, 200);
  const cookie = await signIn(gw, 'alice');
  const as = async (q, headers) => (await gw.call(`/reports/data${q}`, { headers })).json;
  const adm = await as('', { 'x-admin-key': ADMIN });
  assert.deepEqual(Object.keys(adm), ['period', 'cost_by_user', 'total_by_day', 'cumulative', 'stacked']);
  assert.deepEqual(adm.cost_by_user.map((x) => x.label), ['acme', 'alice'], 'dearest first');
  const today = new Date().toISOString().slice(0, 10);
  assert.equal(adm.total_by_day.length, 30);
  assert.equal(adm.total_by_day.at(-1).day, today);
  assert.equal(adm.period.end - adm.period.start, 30 * 86400);
  const whole = adm.cost_by_user.reduce((a, x) => a + x.cost, 0);
  assert.ok(whole > 0 && Math.abs(adm.cumulative.at(-1).cost - whole) < 1e-9);
  assert.deepEqual(adm.stacked.series.map((s) => s.label), ['acme', 'alice']);
  assert.equal(adm.stacked.series[0].costs.length, adm.stacked.days.length);
  const user = await as('', { cookie });
  assert.deepEqual(user.cost_by_user.map((x) => x.label), ['alice']);
  const rows = await as('?scope=key&bucket=day', { cookie });
  assert.deepEqual(rows.users, ['alice']);
  assert.deepEqual(rows.rows.map((x) => [x.period, x.label, x.requests]), [[today, 'alice :: ci', 1]]);
  assert.deepEqual(Object.keys(rows), ['query', 'period', 'users', 'rows', 'summary']);
  const all = await as('?scope=all_users&bucket=all', { 'x-admin-key': ADMIN });
  assert.deepEqual(all.rows.map((x) => [x.period, x.label, x.requests]), [['All time', 'All users', 3]]);
  assert.equal(all.summary.cost, all.rows[0].cost);
  assert.equal(all.summary.total_tokens, all.summary.prompt_tokens + all.summary.completion_tokens);
  const keys = await as('?scope=user_key&bucket=month', { 'x-admin-key': ADMIN });
  assert.deepEqual(keys.rows.map((x) => [x.period, x.label]), [[today.slice(0, 7), 'acme :: (no note)'], [today.slice(0, 7), 'alice :: ci']]);
  const one = await as('?scope=user&bucket=year&user=acme', { 'x-admin-key': ADMIN });
  assert.deepEqual(one.rows.map((x) => [x.period, x.label, x.requests]), [[today.slice(0, 4), 'acme', 2]]);
  assert.deepEqual((await as('?scope=user&bucket=year&user=acme', { cookie })).rows, []);
  assert.deepEqual((await as('?start=2001-01-01&end=2001-01-02', { cookie })).total_by_day, [{ day: '2001-01-01', cost: 0 }, { day: '2001-01-02', cost: 0 }]);
  for (const [q, d] of [['start=x', "Invalid date 'x'. Use YYYY-MM-DD."], ['end=2026-13-01', "Invalid date '2026-13-01'. Use YYYY-MM-DD."], ['start=2026-11-20T00:00:00Z', "Invalid date '2026-11-20T00:00:00Z'. Use YYYY-MM-DD."],
    ['scope=x', "Invalid scope 'x'"], ['bucket=x', "Invalid bucket 'x'"], ['start=2026-02-02&end=2026-02-01']]) await refused(await gw.call(`/reports/data?${q}`, { headers: { cookie } }), 400, d);
});

gtest('reports: weeks are ISO weeks, and a deleted tenant keeps its usage', { ENV: 'development' }, async ({ gw }) => {
  // the clock is put to noon of three days around a turn of the year
  const noon = (d) => String(Math.round((Date.parse(`${d}T12:00:00Z`) - Date.now()) / 1000));
  const days = ['2027-01-01', '2027-01-03', '2027-01-04'];
  await gw.restart({ CLOCK_OFFSET_S: noon(days[0]) });
  const t = await gw.tenant('acme');
  for (const d of days) {
    await gw.restart({ CLOCK_OFFSET_S: noon(d) });
    assert.equal((await gw.chat(t.key, flat())).status, 200);
  }
  const rows = async (b) => (await gw.ok('GET', `/reports/data?scope=user&bucket=${b}&start=2026-12-01&end=2027-01-31`)).rows.map((x) => [x.period, x.requests]);
  assert.deepEqual(await rows('week'), [['2026-W53', 2], ['2027-W01', 1]]);
  assert.deepEqual(await rows('month'), [['2027-01', 3]]);
  assert.deepEqual(await rows('day'), days.map((d) => [d, 1]));
  assert.deepEqual(await rows('all'), [['All time', 3]]);
  await gw.ok('DELETE', `/admin/tenant/${t.id}`);
  const d = await gw.ok('GET', '/reports/data?scope=user&bucket=all');
  assert.deepEqual(d.rows.map((x) => [x.label, x.requests]), [['acme', 3]]);
  assert.deepEqual(d.users, ['acme']);
});

gtest('R4: the reports\' GET routes change no decision', {}, async ({ gw }) => {
  const k = await gw.ok('POST', '/admin/keys', { label: 'alice' });
  const id = +gw.sql("SELECT id FROM tenant WHERE name='alice'").out;
  await gw.budget(id, 'monthly', 0.01);
  const cookie = await signIn(gw, 'alice');
  for (const p of ['/', '/login', '/request-key', '/reports', '/reports/data', '/reports/data?scope=key', '/public/keys/alice', `/admin/usage/${k.token}`])
    for (const headers of [{ cookie }, { 'x-admin-key': ADMIN }]) assert.ok((await gw.call(p, { headers })).status < 500);
  assert.equal((await gw.chat(k.token, flat())).status, 200);
  assert.equal((await gw.chat(k.token, flat())).status, 402);
});

gtest('R44/R47: wrong admin secrets are 401, then 429; a cookie keeps working', { AUTH_FAIL_PER_MIN: '3' }, async ({ gw }) => {
  const cookie = await signIn(gw, 'alice');
  const wrong = (p, method, more) => gw.call(p, { method, headers: { 'x-admin-key': 'no', ...more }, body: method === 'POST' ? '{' : undefined });
  for (let i = 0; i < 3; i++) await refused(await wrong('/admin/keys', 'POST'), 401, 'Invalid admin token');
  const r = await wrong('/admin/keys', 'POST');
  await refused(r, 429);
  assert.ok(+r.headers['retry-after'] >= 1);
  await refused(await wrong('/reports/data', 'GET'), 429);
  assert.equal((await wrong('/reports/data', 'GET', { cookie })).status, 200);
});

gtest('C\'s paths: wrong methods, big bodies, no CORS', { ALLOWED_ORIGINS: 'https://app.example' }, async ({ gw }) => {
  const m = await gw.call('/login', { method: 'DELETE' });
  await refused(m, 405);
  assert.equal(m.headers.allow, 'GET, HEAD, POST');
  assert.equal((await gw.call('/login', { method: 'HEAD' })).status, 200);
  const cookie = await signIn(gw, 'alice');
  await refused(await gw.call('/public/keys', { method: 'POST', headers: { cookie, 'content-type': 'application/json' }, body: Buffer.alloc((1 << 20) + 1, 32) }), 413);
  const o = await gw.call('/reports/data', { headers: { cookie, origin: 'https://app.example' } });
  assert.equal(o.headers['access-control-allow-origin'], undefined);
});
