// analytics.test.mjs - GET T/tag-analytics (contract 4.3).
import { gtest, assert, flat } from './fixture.mjs';

const tag = (gw, t, name, more = {}) => gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name, ...more });
const spend = async (gw, t, tags, n = 1) => {
  for (let i = 0; i < n; i++) assert.equal((await gw.chat(t.key, flat(), tags ? { headers: { 'x-tags': tags } } : {})).status, 200);
};

gtest('tag analytics: direct use, subtree, each request once in the totals', {}, async ({ gw }) => {
  const t = await gw.tenant();
  const A = `/admin/tenant/${t.id}/tag-analytics`;
  const eng = await tag(gw, t, 'eng', { color: '#ff0000' });
  const web = await tag(gw, t, 'web', { parentId: eng.id });
  const ops = await tag(gw, t, 'ops');
  const idle = await tag(gw, t, 'idle');
  const B = await gw.ok('POST', `/admin/tenant/${t.id}/tags/${eng.id}/budgets`, { period: 'monthly', amountUsd: '0.05', weight: 2 });
  await gw.ok('POST', `/admin/tenant/${t.id}/tags/${ops.id}/budgets`, { period: 'daily', amountUsd: '1' });
  await spend(gw, t, 'web', 2);
  await spend(gw, t, 'eng,web', 1);
  await spend(gw, t, 'web,ops', 2);
  await spend(gw, t, null, 3);
  await gw.rows(8);
  const a = await gw.ok('GET', A);
  assert.deepEqual(Object.keys(a), ['usage', 'budgetHealth', 'trends', 'hierarchy', 'totalUsage', 'totalRequests', 'activeTags', 'criticalBudgets']);
  assert.deepEqual(a.usage, [
    { tagId: web.id, tagName: 'web', path: web.path, usage: 0.0375, requests: 5, percentage: 100 },
    { tagId: ops.id, tagName: 'ops', path: ops.path, usage: 0.015, requests: 2, percentage: 40 },
    { tagId: eng.id, tagName: 'eng', path: eng.path, usage: 0.0075, requests: 1, percentage: 20, color: '#ff0000' }]);
  assert.equal(a.totalUsage, 0.0375);
  assert.equal(a.totalRequests, 5);
  assert.equal(a.activeTags, 4);
  assert.equal(a.trends.length, 31);
  assert.deepEqual(a.trends.at(-1), { date: new Date().toISOString().slice(0, 10), usage: 0.0375, requests: 5 });
  assert.ok(a.trends.slice(0, -1).every((d) => d.usage === 0 && d.requests === 0));
  assert.deepEqual(a.budgetHealth[0], { tagId: eng.id, tagName: 'eng', budgetId: B.id, period: 'monthly', budget: 0.05, usage: 0.0375, percentage: 75, weight: 2, inheritanceMode: 'LENIENT', status: 'warning' });
  assert.equal(a.budgetHealth[1].status, 'healthy');
  assert.equal(a.criticalBudgets, 0);
  const root = a.hierarchy.find((x) => x.id === eng.id);
  assert.deepEqual(root, { id: eng.id, name: 'eng', path: 'eng', usage: 0.0075, totalUsage: 0.0375, budget: 0.05, children: [{ id: web.id, name: 'web', path: 'eng/web', usage: 0.0375, totalUsage: 0.0375, children: [] }] });
  assert.equal(a.hierarchy.length, 3);
  // chosen tags only
  const one = await gw.ok('GET', `${A}?tagId=${ops.id}`);
  assert.deepEqual([one.totalUsage, one.totalRequests, one.usage.length, one.activeTags, one.budgetHealth.length, one.hierarchy.length], [0.015, 2, 1, 1, 1, 1]);
  const two = await gw.ok('GET', `${A}?tagId=${ops.id}&tagId=${web.id}&days=1`);
  assert.deepEqual([two.totalUsage, two.totalRequests, two.trends.length], [0.0375, 5, 2], 'a request with both counts once');
  assert.deepEqual(await gw.ok('GET', `${A}?tagId=${idle.id}`).then((x) => [x.usage, x.totalUsage]), [[], 0]);
  const withIdle = await gw.ok('GET', `${A}?tagId=${ops.id}&tagId=${idle.id}`);
  assert.deepEqual([withIdle.totalUsage, withIdle.totalRequests, withIdle.activeTags], [0.015, 2, 2]);
  await spend(gw, t, 'eng', 1);
  await gw.rows(9);
  assert.equal((await gw.ok('GET', A)).budgetHealth[0].status, 'critical');
  assert.equal((await gw.ok('GET', A)).criticalBudgets, 1);
});

gtest('tag analytics: refused calls cost nothing, corrections count, dates select', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const A = `/admin/tenant/${t.id}/tag-analytics`;
  await tag(gw, t, 'a');
  await tag(gw, t, 'b');
  await spend(gw, t, 'a,b', 2);
  mock.once((r, s) => mock.json(s, 500, { error: { message: 'no' } }));
  assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-tags': 'a' } })).status, 500);
  const rows = await gw.rows(3);
  await gw.ok('POST', `/admin/usage/ledger/${rows.find((x) => x.status === 'success').id}/corrections`, { usd: '-0.0025', reason: 'refund' }, 201);
  await gw.rows(4);
  const a = await gw.ok('GET', A);
  assert.deepEqual([a.totalUsage, a.totalRequests], [0.0125, 2]);
  assert.deepEqual(a.usage.map((u) => [u.tagName, u.usage, u.requests]), [['a', 0.0125, 2], ['b', 0.0125, 2]]);
  const past = await gw.ok('GET', `${A}?startDate=2020-01-01&endDate=2020-01-31`);
  assert.deepEqual([past.usage, past.totalUsage, past.totalRequests, past.trends.length], [[], 0, 0, 31]);
});

gtest('tag analytics: a deleted tag leaves the list and stays in the totals', {}, async ({ gw }) => {
  const t = await gw.tenant();
  const a = await tag(gw, t, 'a');
  await spend(gw, t, 'a', 2);
  await gw.rows(2);
  await gw.ok('DELETE', `/admin/tenant/${t.id}/tags/${a.id}`);
  const x = await gw.ok('GET', `/admin/tenant/${t.id}/tag-analytics`);
  assert.deepEqual([x.usage, x.hierarchy, x.totalUsage, x.totalRequests, x.activeTags], [[], [], 0.015, 2, 0]);
  assert.equal((await gw.admin('GET', `/admin/tenant/${t.id}/tag-analytics?tagId=${a.id}`)).json.error, 'Tag not found');
});

gtest('tag analytics: half-hour zones cut days within the hour', { BUDGET_TIMEZONE: 'Asia/Kolkata' }, async ({ gw }) => {
  const t = await gw.tenant();
  await tag(gw, t, 'a');
  await tag(gw, t, 'b');
  await spend(gw, t, 'a,b', 2);
  await spend(gw, t, 'b', 1);
  await gw.rows(3);
  const A = `/admin/tenant/${t.id}/tag-analytics`;
  const x = await gw.ok('GET', `${A}?days=2`);
  assert.deepEqual([x.trends.length, x.totalUsage, x.totalRequests], [3, 0.0225, 3]);
  assert.equal(x.trends.at(-1).date, new Date(Date.now() + 5.5 * 3600e3).toISOString().slice(0, 10));
  const [from, to] = [Date.now() - 60e3 * 20, Date.now() + 60e3 * 20].map((ms) => new Date(ms).toISOString());
  const within = await gw.ok('GET', `${A}?startDate=${from}&endDate=${to}`);
  assert.deepEqual([within.totalUsage, within.totalRequests, within.usage.map((u) => [u.tagName, u.requests])], [0.0225, 3, [['b', 3], ['a', 2]]]);
  const before = await gw.ok('GET', `${A}?startDate=${new Date(Date.now() - 60e3 * 40).toISOString()}&endDate=${from}`);
  assert.deepEqual([before.totalUsage, before.usage], [0, []]);
});

gtest('tag analytics: 400, 401 and 404', {}, async ({ gw }) => {
  const t = await gw.tenant();
  const A = `/admin/tenant/${t.id}/tag-analytics`;
  assert.deepEqual(await gw.ok('GET', A).then(({ trends, ...x }) => x), { usage: [], budgetHealth: [], hierarchy: [], totalUsage: 0, totalRequests: 0, activeTags: 0, criticalBudgets: 0 });
  for (const [q, status, text] of [['days=0', 400, 'querystring/days must be >= 1'], ['days=366', 400, 'querystring/days must be <= 365'], ['days=x', 400, 'querystring/days must be integer'],
    ['tagId=x', 400, 'Invalid tag ID'], ['tagId=0', 400, 'Invalid tag ID'], ['tagId=999', 404, 'Tag not found'], ['startDate=junk', 400, 'Invalid date format'],
    ['startDate=2026-02-02&endDate=2026-02-01', 400, 'startDate must be before endDate'], ['startDate=1990-01-01&endDate=2026-01-01', 400, 'Date range too long']]) {
    const r = await gw.admin('GET', `${A}?${q}`);
    assert.equal(r.status, status, `${q}: ${r.text}`);
    assert.equal(r.json.message ?? r.json.error, text, q);
  }
  assert.equal((await gw.admin('GET', '/admin/tenant/99/tag-analytics')).json.error, 'Tenant not found');
  assert.equal((await gw.admin('GET', '/admin/tenant/x/tag-analytics')).json.error, 'Invalid tenant ID');
  assert.equal((await gw.call(A)).status, 401);
});

gtest('tags that fill a request\'s memory are refused, whatever is left of it', { DEFAULT_BUDGET_USD: 'none' }, async ({ gw }) => {
  const t = await gw.ok('POST', '/admin/tenant', { name: 'acme' });
  for (let i = 0; i < 67; i++) await gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name: `t${i}` });
  gw.sql(`UPDATE tag SET metadata='"'||hex(zeroblob(500000))||'"' WHERE name<>'t0'`); // as long as a body may be
  const seen = new Set();
  for (let n = 250_000; n < 560_000; n += 24_000) {
    gw.sql(`UPDATE tag SET description=hex(zeroblob(${n})) WHERE name='t0'`);
    seen.add((await gw.admin('GET', `/admin/tenant/${t.id}/tag-analytics`)).status);
  }
  assert.ok(seen.has(200) && [...seen].every((s) => [200, 500, 503].includes(s)), [...seen].join());
});
