// money.test.mjs - budgets, holds, settlement: contract 9 and its R lines.
import { test } from 'node:test';
import { gtest, Gateway, assert, flat, hello, nano, sumNano, waitUntil, SLOW } from './fixture.mjs';
import { Barrier, chatBody } from './mock.mjs';

const all = (n, fn) => Promise.all(Array.from({ length: n }, (_, i) => fn(i)));
const count = (rs, s) => rs.filter((r) => r.status === s).length;

gtest('R1: of 50 parallel calls of $0.0075 under a budget of $0.01 exactly one reaches the provider', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '0.01' }] });
  const rs = await all(50, () => gw.chat(t.key, flat()));
  assert.equal(count(rs, 200), 1);
  assert.equal(count(rs, 402), 49);
  assert.equal(mock.calls().length, 1);
  const refused = rs.find((r) => r.status === 402);
  assert.match(refused.error.message, /^Budget exceeded/);
  assert.equal(refused.error.code, 'budget_exceeded');
  assert.equal(refused.error.type, 'insufficient_quota');
  const rows = await gw.rows(50);
  assert.equal(sumNano(rows), 7500000n);
});

gtest('R2: a call whose worst case exceeds what is left and has a client limit is 402 and is not sent', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'daily', amountUsd: '0.01' }] });
  const r = await gw.chat(t.key, flat({ max_tokens: 200 }));
  assert.equal(r.status, 402);
  assert.equal(mock.seen.length, 0);
  assert.equal(r.headers['retry-after'], undefined);
  const s = r.error.details.scopes[0];
  assert.equal(s.scope, 'tenant');
  assert.equal(s.period, 'daily');
  assert.equal(s.limit_usd, '0.01');
  assert.equal(s.spent_usd, '0');
  assert.equal(s.held_usd, '0');
  assert.equal(s.needed_usd, '0.015');
  assert.ok(Date.parse(s.resets_at) > Date.now() - 1000);
  assert.equal(r.error.details.request_id, r.headers['x-budgetguard-request-id']);
  // a refused call holds nothing: one that fits still does
  assert.equal((await gw.chat(t.key, flat())).status, 200);
});

// Shifts the process's clock so that a boundary of `period` is `s` seconds away.
function offsetToBoundary(period, before) {
  const now = new Date();
  const d = new Date(now);
  if (period === 'hourly') d.setUTCMinutes(60, 0, 0);
  else if (period === 'daily') d.setUTCHours(24, 0, 0, 0);
  else if (period === 'weekly') { d.setUTCHours(0, 0, 0, 0); d.setUTCDate(d.getUTCDate() + ((8 - d.getUTCDay()) % 7 || 7)); }
  else { d.setUTCHours(0, 0, 0, 0); d.setUTCDate(1); d.setUTCMonth(d.getUTCMonth() + 1); }
  return Math.round((d - now) / 1000) - before;
}

for (const period of ['hourly', 'daily', 'weekly', 'monthly'])
  gtest(`R3: the first request after a ${period} boundary is checked against and counted in the new period`,
    { ENV: 'development' }, async ({ gw, mock }) => {
      await gw.start({ CLOCK_OFFSET_S: offsetToBoundary(period, 120) });
      const t = await gw.tenant('acme', { budgets: [{ period, amountUsd: '0.01' }] });
      assert.equal((await gw.chat(t.key, flat())).status, 200);
      assert.equal((await gw.chat(t.key, flat())).status, 402);
      // the rest of the clock's way to the boundary and past it
      await gw.restart({ CLOCK_OFFSET_S: offsetToBoundary(period, -1) });
      const rs = await all(10, () => gw.chat(t.key, flat()));
      assert.equal(count(rs, 200), 1, 'one fits the new window, also under load');
      const b = (await gw.budgets(`tenantId=${t.id}`))[0];
      assert.equal(b.spentUsd, '0.0075', 'only the new window counts');
      assert.equal(mock.calls().length, 2);
    }, { noStart: true });

gtest('R4: reading every admin view changes no decision on later requests', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { rateLimitPerMin: 100, budgets: [{ period: 'monthly', amountUsd: '0.02' }] });
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  const before = await gw.budgets();
  const T = `/admin/tenant/${t.id}`;
  const paths = ['/admin/tenant', T, `${T}/ratelimit`, `${T}/apikeys`, `${T}/budgets`, `${T}/budgets?effective=1`, '/admin/budgets', `/admin/budgets/${before[0].id}`,
    `${T}/usage`, `${T}/usage/history`, `${T}/usage/models`, `${T}/usage/ledger`, '/admin/usage/ledger',
    '/admin/usage/export?format=csv', '/health', '/health/detailed', '/healthz', '/ping', '/metrics'];
  for (let i = 0; i < 3; i++) for (const p of paths) {
    const r = await gw.admin('GET', p);
    assert.equal(r.status, 200, `${p}: ${r.status} ${r.text.slice(0, 200)}`);
    const h = await gw.admin('HEAD', p);
    assert.equal(h.status, 200, `HEAD ${p}`);
    assert.equal(h.body.length, 0);
  }
  assert.deepEqual(await gw.budgets(), before);
  const next = await gw.chat(t.key, flat());
  assert.equal(next.status, 200);
  assert.equal(next.headers['x-ratelimit-remaining'], '98', 'the views used up nothing');
  assert.equal((await gw.chat(t.key, flat())).status, 402);
  assert.equal(mock.calls().length, 2);
});

for (const period of ['weekly', 'daily'])
  gtest(`R5: a stored ${period} budget is enforced with BUDGET_PERIODS=monthly`, { BUDGET_PERIODS: 'monthly' }, async ({ gw }) => {
    const t = await gw.tenant('acme');
    await gw.budget(t.id, period, '0.008');
    assert.equal((await gw.chat(t.key, flat())).status, 200);
    assert.equal((await gw.chat(t.key, flat())).status, 402);
  });

test('R6: BUDGET_PERIODS=fortnightly ends start-up with status 2 and names the value', async () => {
  const r = await Gateway.run({ BUDGET_PERIODS: 'fortnightly' });
  assert.equal(r.code, 2);
  assert.match(r.err + r.out, /fortnightly/);
  assert.match(r.err + r.out, /BUDGET_PERIODS/);
});

test('R7: BUDGET_PERIODS=custom without dates is a start-up error', async () => {
  const r = await Gateway.run({ BUDGET_PERIODS: 'custom' });
  assert.equal(r.code, 2);
  assert.match(r.err + r.out, /BUDGET_(PERIODS|START_DATE|END_DATE)/);
});

gtest('R8: renaming a tenant keeps its spend; so does deleting counters.lmdb after a clean stop', {}, async ({ gw }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '0.01' }] });
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  await gw.ok('PUT', `/admin/tenant/${t.id}`, { name: 'acme renamed' });
  assert.equal((await gw.chat(t.key, flat())).status, 402);
  await gw.stop();
  const fs = await import('node:fs');
  fs.rmSync(`${gw.data}/counters.lmdb`, { recursive: true });
  await gw.start();
  const b = (await gw.budgets(`tenantId=${t.id}`))[0];
  assert.equal(b.spentUsd, '0.0075');
  assert.equal((await gw.chat(t.key, flat())).status, 402);
});

gtest('R18: a call that costs $0.0000045 is that in the ledger and in the counter', {
  MODEL_PRICING_JSON: JSON.stringify({ 'gpt-mini-price': { input: 0.00015, output: 0.0006 } }),
}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '1' }] });
  mock.usage = { input: 10, output: 5 };
  const r = await gw.chat(t.key, { model: 'gpt-mini-price', messages: hello, max_tokens: 5 });
  assert.equal(r.status, 200);
  assert.equal(r.headers['x-budgetguard-cost-usd'], '0.0000045');
  const [row] = await gw.rows(1);
  assert.equal(row.usd, '0.0000045');
  assert.equal((await gw.budgets())[0].spentUsd, '0.0000045');
  const view = (await gw.ok('GET', `/admin/tenant/${t.id}/budgets`))[0];
  assert.equal(view.currentUsage, 0.0000045);
});

gtest('R19: cached input is charged at the cached rate', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 1000, cached: 600, output: 10 };
  assert.equal((await gw.chat(t.key, { model: 'gpt-4.1', messages: hello, max_tokens: 10 })).status, 200);
  const [row] = await gw.rows(1);
  // 400 x 2 + 600 x 0.5 + 10 x 8 micro-dollars
  assert.equal(row.usd, '0.00118');
  assert.equal(row.cachedTok, 600);
  assert.equal(row.promptTok, 1000);
});

gtest('R20: dated names asked and answered get a price', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 1000, output: 100 };
  assert.equal((await gw.chat(t.key, { model: 'gpt-4o-2024-08-06', messages: hello, max_tokens: 100 })).status, 200);
  mock.once((rec, res) => mock.json(res, 200, chatBody('gpt-4o-mini-2024-07-18', { input: 1000, output: 100 })));
  assert.equal((await gw.chat(t.key, { model: 'gpt-4o-mini', messages: hello, max_tokens: 100 })).status, 200);
  const rows = await gw.rows(2);
  assert.equal(rows[1].usd, '0.0035');
  assert.equal(rows[0].usd, '0.00021');
  assert.equal(rows[0].modelAnswered, 'gpt-4o-mini-2024-07-18');
  assert.equal(rows[0].priceBasis, 'table');
});

gtest('R22: a model without a price is booked at the dearest price of its provider and flagged', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 10, output: 1 };
  assert.equal((await gw.chat(t.key, { model: 'gpt-nobody-knows', messages: hello, max_tokens: 1 })).status, 200);
  const [row] = await gw.rows(1);
  assert.equal(row.priceBasis, 'assumed');
  assert.ok(nano(row.usd) > 0n);
});

gtest('R22: with UNKNOWN_PRICE=refuse such a model is 400 and not sent', { UNKNOWN_PRICE: 'refuse' }, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const r = await gw.chat(t.key, { model: 'gpt-nobody-knows', messages: hello, max_tokens: 1 });
  assert.equal(r.status, 400);
  assert.equal(r.error.code, 'model_not_found');
  assert.equal(mock.seen.length, 0);
  assert.equal((await gw.rows(1))[0].reason, 'unknown_model');
});

gtest('with UNKNOWN_PRICE=free it is booked as 0 and flagged', { UNKNOWN_PRICE: 'free' }, async ({ gw }) => {
  const t = await gw.tenant();
  assert.equal((await gw.chat(t.key, { model: 'gpt-nobody-knows', messages: hello, max_tokens: 1 })).status, 200);
  const [row] = await gw.rows(1);
  assert.equal(row.priceBasis, 'free');
  assert.equal(row.usd, '0');
});

gtest('R69: MODEL_PRICING_JSON adds to and overrides prices and leaves the others', {
  MODEL_PRICING_JSON: JSON.stringify({ 'gpt-4.1': { input: 1, output: 2 }, 'gpt-new': { input: 0.5, output: 0.5 } }),
}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 1000, output: 1000 };
  for (const model of ['gpt-4.1', 'gpt-new', 'gpt-4o'])
    assert.equal((await gw.chat(t.key, { model, messages: hello, max_tokens: 1000 })).status, 200);
  const rows = (await gw.rows(3)).reverse();
  assert.deepEqual(rows.map((r) => r.usd), ['3', '1', '0.0125']);
});

test('R69: bad MODEL_PRICING_JSON is a start-up error', async () => {
  for (const bad of ['{', '[]', '{"m":{"input":"x"}}', '{"m":{"input":-1,"output":1}}']) {
    const r = await Gateway.run({ MODEL_PRICING_JSON: bad });
    assert.equal(r.code, 2, bad);
    assert.match(r.err + r.out, /MODEL_PRICING_JSON/);
  }
});

gtest('R74: a request without an output limit that does not fit is forwarded with one that does', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '0.0075' }] });
  const r = await gw.chat(t.key, { model: 'gpt-flat', messages: hello });
  assert.equal(r.status, 200);
  const sent = mock.seen[0].json;
  const limit = sent.max_completion_tokens ?? sent.max_tokens;
  assert.equal(limit, 100);
  assert.equal(r.headers['x-budgetguard-max-tokens'], '100');
  assert.equal((await gw.rows(1))[0].usd, '0.0075');
  // nothing is left: less than MIN_COMPLETION_TOKENS fit
  assert.equal((await gw.chat(t.key, { model: 'gpt-flat', messages: hello })).status, 402);
});

gtest('R74: a clamp below MIN_COMPLETION_TOKENS is a refusal; n counts', { MIN_COMPLETION_TOKENS: '64' }, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '0.0075' }] });
  assert.equal((await gw.chat(t.key, { model: 'gpt-flat', messages: hello, n: 2 })).status, 402, '50 per choice are too few');
  assert.equal(mock.seen.length, 0);
});

gtest("R75: a client's own output limit is never altered on the wire", {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '100' }] });
  const body = '{ "max_tokens" : 77,\n "model":"gpt-flat", "messages":[{"role":"user","content":"a\\u00e9b"}], "temperature": 1.0e0 }';
  const r = await gw.chat(t.key, undefined, { body, headers: { 'content-type': 'application/json' }, method: 'POST' });
  assert.equal(r.status, 200);
  assert.equal(mock.seen[0].body.toString(), body, 'every byte as sent');
  assert.equal(r.headers['x-budgetguard-max-tokens'], undefined);
});

gtest('an amount of 0 refuses every metered request, a soft budget none', {}, async ({ gw, mock }) => {
  const a = await gw.tenant('zero', { budgets: [{ period: 'total', amountUsd: 0 }] });
  assert.equal((await gw.chat(a.key, flat())).status, 402);
  const b = await gw.tenant('soft', { budgets: [{ period: 'total', amountUsd: '0.001', mode: 'soft' }] });
  for (let i = 0; i < 3; i++) assert.equal((await gw.chat(b.key, flat())).status, 200);
  const v = (await gw.budgets(`tenantId=${b.id}`))[0];
  assert.equal(v.spentUsd, '0.0225');
  assert.equal(mock.calls().length, 3);
});

gtest('key, user, model and global budgets refuse and name themselves', {}, async ({ gw }) => {
  const t = await gw.tenant();
  const cases = [
    [{ kind: 'key', id: String(t.keyId) }, 'key'], [{ kind: 'user', id: 'u-1', tenantId: t.id }, 'user'],
    [{ kind: 'model', id: 'gpt-fl*' }, 'model'], [{ kind: 'global', id: null }, 'global'],
  ];
  for (const [scope, name] of cases) {
    const b = await gw.ok('POST', '/admin/budgets', { scope, period: 'total', amountUsd: '0.001' }, 201);
    const r = await gw.chat(t.key, flat({ user: 'u-1' }));
    assert.equal(r.status, 402, name);
    const s = r.error.details.scopes;
    assert.deepEqual(s.map((x) => x.scope), [name]);
    if (name === 'global' || name === 'model') assert.equal(s[0].limit_usd, undefined, 'amounts of wide scopes stay private');
    assert.equal(s[0].resets_at, null);
    await gw.ok('DELETE', `/admin/budgets/${b.id}`);
  }
  assert.equal((await gw.chat(t.key, flat({ user: 'u-1' }))).status, 200);
});

gtest('a budget made in mid-window starts with what was spent in it, holds in flight included', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  const b = new Barrier();
  mock.once(async (rec, res) => { await b.wait(); mock.normal(rec, res); });
  const flying = gw.chat(t.key, flat());
  await waitUntil(() => mock.seen.length === 2, 'the second call is at the provider');
  await gw.budget(t.id, 'daily', '0.02');
  const v = (await gw.budgets(`tenantId=${t.id}`))[0];
  assert.equal(v.spentUsd, '0.0075');
  assert.equal(v.heldUsd, '0.0075');
  assert.equal((await gw.chat(t.key, flat())).status, 402, '0.015 are taken, 0.0075 do not fit in 0.02');
  b.open();
  assert.equal((await flying).status, 200);
  const w = (await gw.budgets(`tenantId=${t.id}`))[0];
  assert.equal(w.spentUsd, '0.015');
  assert.equal(w.heldUsd, '0');
});

gtest('a hold belongs to the window that admitted it and is settled there', { ENV: 'development' }, async ({ gw, mock }) => {
  await gw.start({ CLOCK_OFFSET_S: offsetToBoundary('hourly', 6 * SLOW) });
  const t = await gw.tenant('acme', { budgets: [{ period: 'hourly', amountUsd: '1' }] });
  const b = new Barrier();
  mock.once(async (rec, res) => { await b.wait(); mock.normal(rec, res); });
  const first = (await gw.budgets())[0].currentPeriodEndDate;
  const flying = gw.chat(t.key, flat());
  await waitUntil(() => mock.seen.length === 1, 'the call is at the provider');
  await waitUntil(async () => (await gw.budgets())[0].currentPeriodEndDate !== first, 'the hour ends', 30000 * SLOW);
  b.open();
  assert.equal((await flying).status, 200);
  await gw.rows(1);
  assert.equal((await gw.budgets())[0].spentUsd, '0', 'booked in the old hour');
}, { noStart: true });

gtest('rolling windows: old spend leaves late, never early', { ENV: 'development' }, async ({ gw }) => {
  const t = await gw.tenant();
  await gw.budget(t.id, 'rolling:1h', '0.01');
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  assert.equal((await gw.chat(t.key, flat())).status, 402);
  await gw.restart({ CLOCK_OFFSET_S: 3500 });
  assert.equal((await gw.chat(t.key, flat())).status, 402, 'still within the hour');
  await gw.restart({ CLOCK_OFFSET_S: 3600 + 90 });
  assert.equal((await gw.chat(t.key, flat())).status, 200, 'an hour and a half minute later it has left');
});

gtest('custom windows apply from their first to the end of their last day', { ENV: 'development' }, async ({ gw }) => {
  const t = await gw.tenant();
  const day = (n) => new Date(Date.now() + n * 86400000).toISOString().slice(0, 10);
  await gw.budget(t.id, 'custom', '0.001', { startDate: day(2), endDate: day(3) });
  assert.equal((await gw.chat(t.key, flat())).status, 200, 'before the window');
  await gw.restart({ CLOCK_OFFSET_S: 2 * 86400 });
  assert.equal((await gw.chat(t.key, flat())).status, 402, 'first day');
  await gw.restart({ CLOCK_OFFSET_S: 3 * 86400 });
  assert.equal((await gw.chat(t.key, flat())).status, 402, 'last day');
  await gw.restart({ CLOCK_OFFSET_S: 4 * 86400 });
  assert.equal((await gw.chat(t.key, flat())).status, 200, 'after it');
});

gtest('calendar windows follow BUDGET_TIMEZONE', { BUDGET_TIMEZONE: 'Asia/Kolkata' }, async ({ gw }) => {
  const t = await gw.tenant();
  await gw.budget(t.id, 'daily', '1');
  const v = (await gw.budgets())[0];
  assert.match(v.currentPeriodStartDate, /T18:30:00\.000Z$/, 'midnight in Kolkata');
  assert.equal(Date.parse(v.resetsAt) - Date.parse(v.currentPeriodStartDate), 86400000);
});

gtest('environment budgets: precedence, tenant overrides, effective view', {
  BUDGET_PERIODS: 'monthly,daily', DEFAULT_BUDGET_USD: '50', BUDGET_DAILY_USD: '20', BUDGET_DAILY_ACME_CORP: '0.001', BUDGET_ROLLING_24H_USD: '7',
}, async ({ gw }) => {
  const a = await gw.tenant('acme corp');
  const b = await gw.tenant('beta');
  const view = async (t) => Object.fromEntries((await gw.ok('GET', `/admin/tenant/${t.id}/budgets?effective=1`)).map((x) => [x.window ? `${x.period}:${x.window}` : x.period, x]));
  const va = await view(a), vb = await view(b);
  assert.equal(va.daily.amountUsd, '0.001');
  assert.equal(va.daily.source, 'env');
  assert.equal(va.daily.id, null);
  assert.equal(vb.daily.amountUsd, '20');
  assert.equal(vb.monthly.amountUsd, '50');
  assert.equal((vb['rolling:24h'] ?? vb['rolling:1d'] ?? vb.rolling).amountUsd, '7');
  assert.equal((await gw.chat(a.key, flat())).status, 402);
  assert.equal((await gw.chat(b.key, flat())).status, 200);
  await gw.budget(a.id, 'daily', '5');
  assert.equal((await gw.chat(a.key, flat())).status, 200, 'a stored row wins');
  const u = await gw.ok('GET', `/admin/tenant/${b.id}/usage`);
  assert.equal(u.daily, 0.0075);
  assert.equal(u.monthly, 0.0075);
});

gtest('corrections change ledger and counters alike and cannot go below zero', {}, async ({ gw }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '0.01' }] });
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  const [row] = await gw.rows(1);
  const c = await gw.ok('POST', `/admin/usage/ledger/${row.id}/corrections`, { usd: '-0.0025', reason: 'provider refund' }, 201);
  assert.equal(c.kind, 'correction');
  assert.equal(String(c.corrects), String(row.id));
  assert.equal(c.usd, '-0.0025');
  assert.equal((await gw.budgets())[0].spentUsd, '0.005');
  const [note] = (await gw.ok('GET', '/admin/audit')).data;
  assert.deepEqual([note.event, note.tenantId, note.details.name], ['ledger.correct', t.id, 'provider refund']);
  const bad = await gw.admin('POST', `/admin/usage/ledger/${row.id}/corrections`, { usd: '-0.0051', reason: 'too much' });
  assert.equal(bad.status, 400);
  assert.equal((await gw.admin('POST', '/admin/usage/ledger/999999/corrections', { usd: '-1', reason: 'x' })).status, 404);
  assert.equal(sumNano(await gw.rows(2)), 5000000n);
  // what was given back can be spent
  assert.equal((await gw.chat(t.key, flat({ max_tokens: 60 }))).status, 200);
});

gtest('a provider that reports more than the worst case is booked in full and flagged', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '1' }] });
  mock.usage = { input: 5, output: 500 };
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  const [row] = await gw.rows(1);
  assert.equal(row.usd, '0.0375');
  assert.equal((await gw.budgets())[0].spentUsd, '0.0375');
  const m = await gw.admin('GET', '/metrics');
  assert.match(m.text, /^budgetguard_overruns_total(\{[^}]*\})? 1$/m);
});

gtest('the ledger explains a row by its price lines', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 100, output: 50, cached: 40 };
  await gw.chat(t.key, { model: 'gpt-4.1', messages: hello, max_tokens: 50 });
  const [row] = await gw.rows(1);
  const e = await gw.ok('GET', `/admin/usage/ledger/${row.id}`);
  const total = e.cost.lines.reduce((a, l) => a + BigInt(l.picoUsd), 0n);
  assert.equal((total + 500n) / 1000n, BigInt(e.cost.nanoUsd));
  assert.equal(nano(row.usd), BigInt(e.cost.nanoUsd));
  for (const l of e.cost.lines) assert.equal(BigInt(l.tokens) * BigInt(l.picoUsdPerToken), BigInt(l.picoUsd));
});
