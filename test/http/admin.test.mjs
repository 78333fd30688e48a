// admin.test.mjs - contract 4.1 to 4.3, 7 and 8: every listed answer and error.
import { gtest, assert, flat, hello, call, waitUntil, nano, sumNano, ADMIN } from './fixture.mjs';

const bad = async (gw, m, p, json, status, text, code) => {
  const r = await gw.admin(m, p, json);
  assert.equal(r.status, status, `${m} ${p} ${JSON.stringify(json)}: ${r.text}`);
  const said = r.json.statusCode ? r.json.message : r.json.error;
  if (text) assert.ok(text instanceof RegExp ? text.test(said) : said === text, `${m} ${p}: ${r.text}`);
  if (code) assert.equal(r.json.code, code);
  return r;
};

gtest('tenants: made, listed, read, changed, deleted', {}, async ({ gw }) => {
  const t = await gw.ok('POST', '/admin/tenant', { name: 'acme', rateLimitPerMin: 7, tokensPerMin: '100', maxConcurrent: 3, defaultSessionBudgetUsd: 1.5 });
  assert.deepEqual(Object.keys(t).sort(), ['id', 'name']);
  const one = await gw.ok('GET', `/admin/tenant/${t.id}`);
  assert.equal(one.name, 'acme');
  assert.equal(one.rateLimitPerMin, 7);
  assert.match(one.createdAt, /^\d{4}-\d\d-\d\dT.*Z$/);
  await gw.ok('POST', '/admin/tenant', { name: 'beta' });
  assert.deepEqual((await gw.ok('GET', '/admin/tenant')).map((x) => x.name), ['acme', 'beta']);
  const p = await gw.ok('PUT', `/admin/tenant/${t.id}`, { name: 'acme 2', defaultSessionBudgetUsd: null });
  assert.equal(p.name, 'acme 2');
  assert.equal(p.defaultSessionBudgetUsd, null);
  await bad(gw, 'POST', '/admin/tenant', { name: '' }, 400, 'Missing name');
  await bad(gw, 'POST', '/admin/tenant', {}, 400);
  await bad(gw, 'POST', '/admin/tenant', { name: 'beta' }, 400, 'Tenant already exists');
  await bad(gw, 'POST', '/admin/tenant', { name: 'x'.repeat(129) }, 400);
  await bad(gw, 'POST', '/admin/tenant', { name: 'a\u0007b' }, 400);
  await bad(gw, 'PUT', `/admin/tenant/${t.id}`, { name: '' }, 400, 'Name cannot be empty');
  await bad(gw, 'PUT', `/admin/tenant/${t.id}`, { name: 'beta' }, 400, 'Unable to update tenant');
  await bad(gw, 'GET', '/admin/tenant/999', undefined, 404, 'Tenant not found');
  await bad(gw, 'PUT', '/admin/tenant/999', { name: 'x' }, 404, 'Tenant not found');
  assert.deepEqual(await gw.ok('DELETE', `/admin/tenant/${t.id}`), { ok: true });
  await bad(gw, 'GET', `/admin/tenant/${t.id}`, undefined, 404, 'Tenant not found');
});

gtest('all or nothing: a tenant with one bad budget is not made', {}, async ({ gw }) => {
  await bad(gw, 'POST', '/admin/tenant', { name: 'acme', budgets: [{ period: 'daily', amountUsd: 1 }, { period: 'fortnightly', amountUsd: 1 }] }, 400);
  assert.deepEqual(await gw.ok('GET', '/admin/tenant'), []);
});

gtest('keys: shown once, listed masked, revoked repeatably', {}, async ({ gw }) => {
  const t = await gw.tenant();
  const k = await gw.ok('POST', `/admin/tenant/${t.id}/apikeys`, { name: 'ci' });
  assert.equal(k.isActive, true);
  assert.equal(k.name, 'ci');
  assert.equal(k.masked, `${k.key.slice(0, 4)}\u2026${k.key.slice(-4)}`);
  const l = await gw.ok('GET', `/admin/tenant/${t.id}/apikeys`);
  assert.equal(l.length, 2);
  assert.ok(!JSON.stringify(l).includes(k.key));
  for (let i = 0; i < 2; i++) assert.deepEqual(await gw.ok('DELETE', `/admin/apikey/${k.id}`), { ok: true });
  assert.equal((await gw.ok('GET', `/admin/tenant/${t.id}/apikeys`)).find((x) => x.id === k.id).isActive, false);
  await bad(gw, 'DELETE', '/admin/apikey/999', undefined, 404, 'API key not found');
  await bad(gw, 'POST', '/admin/tenant/999/apikeys', undefined, 404, 'Tenant not found');
});

gtest('limits: effective number, null = default, 0 = unlimited', { MAX_REQS_PER_MIN: '77' }, async ({ gw }) => {
  const t = await gw.tenant();
  const L = `/admin/tenant/${t.id}/ratelimit`;
  assert.equal((await gw.ok('GET', L)).rateLimitPerMin, 77);
  await gw.ok('PUT', L, { rateLimitPerMin: 5 });
  assert.equal((await gw.ok('GET', L)).rateLimitPerMin, 5);
  await gw.ok('PUT', L, { rateLimitPerMin: null });
  assert.equal((await gw.ok('GET', L)).rateLimitPerMin, 77);
  await gw.ok('PUT', L, { rateLimitPerMin: 0 });
  assert.equal((await gw.ok('GET', L)).rateLimitPerMin, 0);
  await bad(gw, 'PUT', L, { rateLimitPerMin: -1 }, 400, 'body/rateLimitPerMin must be >= 0', 'FST_ERR_VALIDATION');
  await bad(gw, 'PUT', L, { rateLimitPerMin: 'many' }, 400);
});

gtest('R37: rateLimitPerMin and budgets in POST /admin/tenant, and limitUsd, take effect', {}, async ({ gw }) => {
  const a = await gw.tenant('a', { rateLimitPerMin: 1 });
  assert.equal((await gw.chat(a.key, flat())).status, 200);
  assert.equal((await gw.chat(a.key, flat())).status, 429);
  const b = await gw.tenant('b', { budgets: [{ period: 'monthly', limitUsd: 0.01 }] });
  assert.equal((await gw.chat(b.key, flat())).status, 200);
  assert.equal((await gw.chat(b.key, flat())).status, 402);
  const c = await gw.tenant('c');
  await gw.ok('POST', `/admin/tenant/${c.id}/budgets`, { period: 'monthly', limitUsd: '0.001' });
  assert.equal((await gw.chat(c.key, flat())).status, 402);
});

gtest('R38: POST T/budgets with one bad item changes nothing; negative amounts are 400', {}, async ({ gw }) => {
  const t = await gw.tenant();
  const B = `/admin/tenant/${t.id}/budgets`;
  const good = { period: 'daily', amountUsd: 1 };
  for (const [item, text] of [[{ period: 'fortnightly', amountUsd: 1 }, 'Invalid period. Allowed: hourly, daily, weekly, monthly, total, custom, rolling'],
    [{ period: 'custom', amountUsd: 1 }, 'Custom period requires valid startDate and endDate'],
    [{ period: 'custom', amountUsd: 1, startDate: '2026-02-30', endDate: '2026-03-01' }, 'Custom period requires valid startDate and endDate'],
    [{ period: 'custom', amountUsd: 1, startDate: '2026-03-02', endDate: '2026-03-01' }, 'endDate must be equal to or after startDate'],
    [{ period: 'weekly', amountUsd: -1 }, 'Invalid amount'], [{ period: 'weekly', amountUsd: '0.0000000001' }, 'Invalid amount'],
    [{ period: 'weekly', amountUsd: 'x' }, 'Invalid amount'], [{ period: 'weekly', amountUsd: '1000000000.1' }, 'Invalid amount'], [{ period: 'weekly' }, undefined],
    [{ period: 'rolling', amountUsd: 1, window: '9000h' }, undefined], [{ period: 'rolling:0h', amountUsd: 1 }, undefined]])
    await bad(gw, 'POST', B, { budgets: [good, item] }, 400, text);
  await bad(gw, 'POST', B, {}, 400);
  await bad(gw, 'POST', B, { budgets: [] }, 400, 'Missing budgets');
  assert.deepEqual(await gw.ok('GET', B), []);
});

gtest('budgets: upsert per period and window, view, change, delete', {}, async ({ gw }) => {
  const t = await gw.tenant();
  const B = `/admin/tenant/${t.id}/budgets`;
  await gw.ok('POST', B, { budgets: [{ period: 'daily', amountUsd: '10.50' }, { period: 'rolling', window: '24h', amountUsd: 3, mode: 'soft', alertThresholds: [50] }] });
  await gw.ok('POST', B, { period: 'daily', amountUsd: 11 });
  const v = await gw.ok('GET', B);
  assert.equal(v.length, 2);
  const daily = v.find((x) => x.period === 'daily'), roll = v.find((x) => x.period === 'rolling');
  assert.equal(daily.amountUsd, '11');
  assert.equal(daily.isRecurring, true);
  assert.equal(daily.currentUsage, 0);
  assert.equal(daily.held, 0);
  assert.ok(Date.parse(daily.currentPeriodEndDate) > Date.parse(daily.currentPeriodStartDate));
  assert.equal(roll.window, '24h');
  assert.equal(roll.mode, 'soft');
  assert.equal((await gw.ok('PUT', `/admin/budget/${daily.id}`, { amountUsd: '0.25', isActive: false })).amountUsd, '0.25');
  await bad(gw, 'PUT', '/admin/budget/999', { amountUsd: 1 }, 404, 'Budget not found');
  await bad(gw, 'PUT', `/admin/budget/${daily.id}`, { amountUsd: -1 }, 400, 'Invalid amount');
  assert.deepEqual(await gw.ok('DELETE', `/admin/budget/${daily.id}`), { ok: true });
  await bad(gw, 'DELETE', `/admin/budget/${daily.id}`, undefined, 404, 'Budget not found');
});

gtest('general budgets: scopes, conflicts, filters', {}, async ({ gw }) => {
  const t = await gw.tenant();
  const mk = (scope, more = {}) => gw.admin('POST', '/admin/budgets', { scope, period: 'daily', amountUsd: '2', ...more });
  const r = await mk({ kind: 'tenant', id: String(t.id) });
  assert.equal(r.status, 201);
  const o = r.json;
  assert.deepEqual([o.scope.kind, String(o.scope.id), o.amountUsd, o.spentUsd, o.heldUsd, o.remainingUsd, o.mode, o.isActive], ['tenant', String(t.id), '2', '0', '0', '2', 'hard', true]);
  assert.equal((await mk({ kind: 'tenant', id: String(t.id) })).json.error, 'Budget already exists for this scope and period');
  assert.equal((await mk({ kind: 'nonsense', id: '1' })).json.error, 'Invalid scope');
  assert.equal((await mk({ kind: 'user', id: 'u' })).status, 400, 'tenantId is required');
  assert.equal((await mk({ kind: 'tenant', id: '999' })).status, 404);
  assert.equal((await mk({ kind: 'key', id: '999' })).status, 404);
  assert.equal((await mk({ kind: 'global', id: null })).status, 201);
  assert.equal((await gw.budgets('scope=global')).length, 1);
  assert.equal((await gw.budgets(`tenantId=${t.id}`)).length, 1);
  assert.equal((await gw.budgets('period=weekly')).length, 0);
  assert.equal((await gw.ok('GET', `/admin/budgets/${o.id}`)).id, o.id);
  assert.equal((await gw.ok('PUT', `/admin/budgets/${o.id}`, { amountUsd: 3 })).amountUsd, '3');
  await bad(gw, 'GET', '/admin/budgets/999', undefined, 404, 'Budget not found');
  assert.deepEqual(await gw.ok('DELETE', `/admin/budgets/${o.id}`), { ok: true });
});

gtest('R43: non-numeric and unknown ids give 400 and 404, never 500', {}, async ({ gw }) => {
  for (const id of ['abc', '0', '-1', '1.5', '1e3', '99999999999999999999999', '%00', "1'--", '0x1']) {
    for (const [m, p, what] of [['GET', '/admin/tenant/ID', 'tenant'], ['PUT', '/admin/tenant/ID', 'tenant'], ['DELETE', '/admin/tenant/ID', 'tenant'], ['GET', '/admin/tenant/ID/usage', 'tenant'], ['GET', '/admin/tenant/ID/usage/ledger', 'tenant'],
      ['GET', '/admin/tenant/ID/budgets', 'tenant'], ['PUT', '/admin/budget/ID', 'budget'], ['DELETE', '/admin/budgets/ID', 'budget'], ['DELETE', '/admin/apikey/ID', 'key']]) {
      const r = await gw.admin(m, p.replace('ID', id), m === 'PUT' ? { name: 'x' } : undefined);
      assert.equal(r.status, 400, `${m} ${p} ${id}: ${r.status} ${r.text}`);
      assert.equal(r.json.code, 'invalid_id');
      if (what === 'tenant') assert.equal(r.json.error, 'Invalid tenant ID');
    }
  }
  for (const [m, p] of [['GET', '/admin/tenant/4242'], ['GET', '/admin/tenant/4242/usage'], ['GET', '/admin/tenant/4242/usage/models'], ['GET', '/admin/tenant/4242/budgets'], ['DELETE', '/admin/budget/4242'], ['GET', '/admin/usage/ledger/4242'], ['DELETE', '/admin/apikey/4242']])
    assert.equal((await gw.admin(m, p)).status, 404, `${m} ${p}`);
});

gtest('R23: deleting a tenant with budgets, sessions and usage keeps its ledger rows readable', {}, async ({ gw }) => {
  const t = await gw.tenant('gone', { budgets: [{ period: 'daily', amountUsd: 5 }] });
  for (let i = 0; i < 3; i++) await gw.chat(t.key, flat({ user: 'u' }), { headers: { 'x-session-id': 's' } });
  await gw.rows(3);
  await gw.ok('DELETE', `/admin/tenant/${t.id}`);
  assert.equal((await gw.chat(t.key, flat())).status, 401);
  const rows = await gw.ledger('tenant=gone');
  assert.equal(rows.length, 3);
  for (const r of rows) { assert.equal(r.tenant, 'gone'); assert.equal(r.tenantId, t.id); assert.equal(r.usd, '0.0075'); }
  assert.deepEqual(await gw.budgets(), []);
  const again = await gw.tenant('gone');
  assert.notEqual(again.id, t.id, 'an id is never used twice');
});

gtest('R24: UPDATE and DELETE on the ledger fail, also through the sqlite3 shell', {}, async ({ gw }) => {
  const t = await gw.tenant();
  await gw.chat(t.key, flat());
  await gw.rows(1);
  for (const q of ['UPDATE ledger SET usd=0', 'DELETE FROM ledger', 'UPDATE ledger_tag SET name=1 WHERE 1', 'INSERT OR REPLACE INTO ledger SELECT * FROM ledger', 'REPLACE INTO ledger SELECT * FROM ledger']) {
    const r = gw.sql(q);
    if (/ledger_tag/.test(q)) continue; // nothing to update: no row fires the trigger
    assert.notEqual(r.code, 0, q);
  }
  assert.equal(gw.sql('SELECT usd FROM ledger').out, '7500000');
  assert.equal(gw.sql('SELECT usd FROM "UsageLedger"').out, '0.0075');
  assert.match(gw.sql('SELECT ts FROM "UsageLedger"').out, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/);
  assert.match(gw.sql('PRAGMA journal_mode').out, /wal/);
});

gtest('verify reports a row that was changed behind the back of the triggers', {}, async ({ gw }) => {
  const t = await gw.tenant();
  for (let i = 0; i < 3; i++) await gw.chat(t.key, flat());
  await gw.rows(3);
  await gw.stop();
  assert.equal(gw.verify().code, 0);
  const drop = gw.sql("SELECT group_concat('DROP TRIGGER \"'||name||'\"',';') FROM sqlite_master WHERE type='trigger'").out;
  assert.equal(gw.sql(`${drop}; UPDATE ledger SET usd=usd-1 WHERE id=(SELECT min(id) FROM ledger)`).code, 0);
  const v = gw.verify();
  assert.notEqual(v.code, 0);
  assert.notEqual(v.out.trim(), '');
  gw.skipVerify = true;
  gw.expectDead = true;
});

gtest('usage views: per period, per day, per model', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: 5 }, { period: 'weekly', amountUsd: 5 }] });
  const T = `/admin/tenant/${t.id}/usage`;
  await gw.chat(t.key, flat());
  mock.usage = { input: 1000, output: 0 };
  await gw.chat(t.key, { model: 'gpt-both', messages: hello, max_tokens: 5 });
  await gw.rows(2);
  const u = await gw.ok('GET', T);
  assert.equal(u.monthly, 0.0095);
  assert.equal(u.weekly, 0.0095);
  const h = await gw.ok('GET', `${T}/history?days=3`);
  assert.equal(h.length, 4);
  assert.equal(h.at(-1).usage, 0.0095);
  assert.equal(h[0].usage, 0);
  const m = await gw.ok('GET', `${T}/models`);
  assert.deepEqual(m, [{ model: 'gpt-flat', usage: 0.0075, percentage: 78.9 }, { model: 'gpt-both', usage: 0.002, percentage: 21.1 }]);
  await bad(gw, 'GET', `${T}/history?startDate=2026-02-02&endDate=2026-02-01`, undefined, 400, 'startDate must be before endDate');
  await bad(gw, 'GET', `${T}/history?startDate=garbage&endDate=2026-02-01`, undefined, 400, 'Invalid date format');
});

gtest('the ledger: filters, pages, cursor stable while rows are added', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  for (let i = 0; i < 25; i++) await gw.chat(t.key, flat({ max_tokens: i + 1, user: `u${i % 2}` }), { headers: i < 5 ? { 'x-session-id': 's1' } : {} });
  await gw.rows(25);
  const L = '/admin/usage/ledger';
  const p0 = await gw.ok('GET', `${L}?limit=10`);
  assert.deepEqual([p0.total, p0.page, p0.limit, p0.data.length], [25, 0, 10, 10]);
  assert.equal(p0.data[0].usd, '0.001875', 'newest first');
  const p1 = await gw.ok('GET', `${L}?limit=10&page=1`);
  assert.equal(new Set([...p0.data, ...p1.data].map((r) => r.id)).size, 20);
  await gw.chat(t.key, flat());
  await gw.rows(26);
  const c1 = await gw.ok('GET', `${L}?limit=10&cursor=${encodeURIComponent(p0.nextCursor)}`);
  assert.deepEqual(c1.data.map((r) => r.id), p1.data.map((r) => r.id), 'the cursor does not shift');
  assert.equal((await gw.ledger('user=u1')).length, 12);
  assert.equal((await gw.ledger('sessionId=s1')).length, 5);
  assert.equal((await gw.ledger('model=FLA')).length, 26);
  assert.equal((await gw.ledger('route=nothing')).length, 0);
  assert.equal((await gw.ledger('status=blocked')).length, 0);
  assert.equal((await gw.ledger('minUsd=0.0018&maxUsd=0.00187')).length, 1);
  assert.equal((await gw.ledger(`requestId=${p0.data[3].requestId}`)).length, 1);
  assert.equal((await gw.ledger(`keyId=${t.keyId}`)).length, 26);
  assert.equal((await gw.ok('GET', `/admin/tenant/${t.id}/usage/ledger`)).total, 26);
  await bad(gw, 'GET', `${L}?limit=10001`, undefined, 400, /querystring\/limit/, 'FST_ERR_VALIDATION');
  await bad(gw, 'GET', `${L}?page=-1`, undefined, 400);
  await bad(gw, 'GET', `${L}?status=weird`, undefined, 400, /querystring\/status must be equal to one of the allowed values/);
});

gtest('export: all rows as CSV and JSON lines; formulas are defused', {}, async ({ gw }) => {
  const t = await gw.tenant('=cmd|"x"!A1');
  for (let i = 0; i < 7; i++) await gw.chat(t.key, flat({ user: '+1,"q"' }));
  await gw.rows(7);
  const csv = await gw.admin('GET', '/admin/usage/export?format=csv');
  assert.equal(csv.status, 200);
  assert.match(csv.headers['content-type'], /text\/csv/);
  const lines = csv.text.trim().split(/\r?\n/);
  assert.equal(lines.length, 8);
  assert.ok(lines[1].includes(`'=cmd|""x""!A1`), lines[1]);
  assert.ok(lines[1].includes(`"'+1,""q"""`), lines[1]);
  const jl = await gw.admin('GET', '/admin/usage/export?format=jsonl');
  const rows = jl.text.trim().split('\n').map((l) => JSON.parse(l));
  assert.equal(sumNano(rows), 7n * 7500000n);
  await bad(gw, 'GET', '/admin/usage/export?format=xml', undefined, 400);
});

gtest('validation and framework errors of the admin API', {}, async ({ gw }) => {
  const raw = (body, type = 'application/json') => call(`${gw.url}/admin/tenant`, { method: 'POST', body, headers: { 'x-admin-key': ADMIN, ...(type ? { 'content-type': type } : {}) } });
  const code = async (r) => [(await r).status, (await r).json.code];
  assert.deepEqual(await code(raw('{')), [400, 'FST_ERR_CTP_INVALID_JSON_BODY']);
  assert.deepEqual(await code(raw('')), [400, 'FST_ERR_CTP_EMPTY_JSON_BODY']);
  assert.deepEqual(await code(raw('a=b', 'application/x-www-form-urlencoded')), [415, 'FST_ERR_CTP_INVALID_MEDIA_TYPE']);
  const big = await raw(`{"name":"${'x'.repeat((1 << 20) + 10)}"}`).catch(() => null);
  if (big) { assert.equal(big.status, 413); assert.equal(big.json.code, 'FST_ERR_CTP_BODY_TOO_LARGE'); assert.equal(big.json.message, 'Request body is too large'); }
  for (const b of ['[]', '"x"', 'null', '3', '{"name":"a","name":"b"}']) assert.equal((await raw(b)).status, 400, b);
  const miss = await raw('{}');
  assert.equal(miss.status, 400);
});

gtest('unknown routes, wrong methods, HEAD', {}, async ({ gw }) => {
  const r = await call(`${gw.url}/nowhere/x?y=1`);
  assert.equal(r.status, 404);
  assert.deepEqual(r.json, { message: 'Route GET:/nowhere/x not found', error: 'Not Found', statusCode: 404 });
  const m = await gw.admin('PATCH', '/admin/tenant');
  assert.equal(m.status, 405);
  assert.match(m.headers.allow, /GET/);
  assert.match(m.headers.allow, /POST/);
  assert.equal((await gw.admin('POST', '/health', {})).status, 405);
  const h = await gw.call('/health', { method: 'HEAD' });
  assert.equal(h.status, 200);
  assert.equal(h.body.length, 0);
  const ok = await gw.call('/ping');
  assert.deepEqual(ok.json, { message: 'pong' });
  assert.equal(ok.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(ok.headers['cache-control'], 'no-store');
  assert.equal(ok.headers['x-content-type-options'], 'nosniff');
  assert.deepEqual((await gw.call('/healthz')).json, { status: 'ok' });
});

gtest('metrics: names, escaped labels, admin needed from behind a proxy', {}, async ({ gw }) => {
  const t = await gw.tenant('quo"te\\d', { budgets: [{ period: 'daily', amountUsd: '1.25' }] });
  await gw.chat(t.key, flat());
  await gw.rows(1);
  const m = await gw.call('/metrics');
  assert.match(m.headers['content-type'], /^text\/plain; version=0\.0\.4/);
  for (const n of ['requests_total', 'request_seconds_bucket', 'overhead_seconds_bucket', 'tokens_total', 'spend_usd_total', 'budget_limit_usd', 'budget_spent_usd', 'budget_held_usd', 'ledger_queue_depth', 'holds_open', 'build_info'])
    assert.match(m.text, new RegExp(`^budgetguard_${n}[{ ]`, 'm'), n);
  assert.match(m.text, /^budgetguard_spend_usd_total\{[^\n]*tenant="quo\\"te\\\\d"[^\n]*\} 0\.0075$/m);
  assert.match(m.text, /^budgetguard_holds_open 0$/m);
  assert.match(m.text, /^budgetguard_budget_limit_usd\{[^\n]*\} 1\.25$/m);
  assert.equal((await gw.call('/metrics', { headers: { 'x-forwarded-for': '1.2.3.4' } })).status, 401);
  assert.equal((await gw.call('/metrics', { headers: { 'x-forwarded-for': '1.2.3.4', authorization: `Bearer ${ADMIN}` } })).status, 200);
});

gtest('a row is visible within a second after its answer, and before the last byte durable', {}, async ({ gw }) => {
  const t = await gw.tenant();
  for (let i = 0; i < 20; i++) {
    await gw.chat(t.key, flat());
    await waitUntil(async () => (await gw.ledger()).length === i + 1, 'the row is visible', 1000 * 5);
  }
});
