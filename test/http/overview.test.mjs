// overview.test.mjs - the dashboard's own admin routes: figures of the whole
// gateway, settings in force, budgets of the environment.
import { gtest, assert, flat, call, ADMIN, nano } from './fixture.mjs';

gtest('overview: sums, days, models, tenants, statuses and refusals are the ledger’s', { DEFAULT_BUDGET_USD: '5', BUDGET_PERIODS: 'daily,monthly' }, async ({ gw }) => {
  const empty = await gw.ok('GET', '/admin/overview');
  assert.deepEqual([empty.today.usd, empty.models, empty.tenants, empty.refusals, empty.days.length, empty.timezone], ['0', [], [], [], 30, 'UTC']);
  const a = await gw.tenant('acme'), b = await gw.tenant('beta');
  for (let i = 0; i < 3; i++) assert.equal((await gw.chat(a.key, flat())).status, 200);
  assert.equal((await gw.chat(b.key, flat({ model: 'gpt-cent', max_tokens: 50 }))).status, 200);
  await gw.budget(b.id, 'daily', '0');
  for (let i = 0; i < 2; i++) assert.equal((await gw.chat(b.key, flat())).status, 402);
  const rows = await gw.rows(6), o = await gw.ok('GET', '/admin/overview');
  const all = rows.reduce((s, r) => s + nano(r.usd), 0n);
  assert.ok(all > 0n);
  for (const p of [o.today, o.month, ...o.days.slice(-1)]) assert.equal(nano(p.usd), all);
  assert.equal(o.days.reduce((s, d) => s + nano(d.usd), 0n), all);
  assert.deepEqual(o.models.map((m) => m.model), ['gpt-flat', 'gpt-cent']);
  assert.deepEqual(o.tenants.map((t) => [t.id, t.name, t.requests]), [[a.id, 'acme', 3], [b.id, 'beta', 3]]);
  assert.equal(nano(o.tenants[0].usd), nano(o.models[0].usd));
  assert.deepEqual(o.statuses.map((s) => [s.status, s.requests]), [['success', 4], ['blocked', 2]]);
  assert.deepEqual(o.refusals.map((r) => [r.reason, r.requests]), [['budget', 2]]);
  assert.ok(nano(o.forecast.projectedUsd) >= all && nano(o.forecast.burnUsdPerDay) >= all, 'all was spent within a day');
  assert.ok(o.forecast.basisHours >= 1);
  assert.deepEqual(empty.forecast, { burnUsdPerDay: '0', basisHours: empty.forecast.basisHours, projectedUsd: '0' });
  const metrics = (await gw.admin('GET', '/metrics')).text;
  assert.match(metrics, /^budgetguard_overhead_seconds_count 4$/m, 'what was forwarded, not what was refused');
  assert.match(metrics, /^budgetguard_overhead_seconds_bucket\{le="5"\} 4$/m);
  await gw.ok('DELETE', `/admin/tenant/${a.id}`);
  assert.equal((await gw.ok('GET', '/admin/overview?days=6')).tenants[0].name, 'acme', 'a deleted tenant keeps its name');
  assert.equal((await gw.admin('GET', '/admin/overview?days=x')).status, 400);
  assert.equal((await gw.admin('GET', '/admin/overview?startDate=2030-01-02&endDate=2030-01-01')).status, 400);
  assert.equal((await call(`${gw.url}/admin/overview`)).status, 401);
});

gtest('a key shows when it was used last, also for a call that was refused', {}, async ({ gw }) => {
  const t = await gw.tenant('acme'), other = await gw.ok('POST', `/admin/tenant/${t.id}/apikeys`), keys = () => gw.ok('GET', `/admin/tenant/${t.id}/apikeys`);
  const used = async (id) => (await keys()).find((k) => k.id === id).lastUsedAt;
  for (let i = 0; i < 3; i++) assert.equal((await gw.chat(t.key, flat())).status, 200);
  const rows = await gw.rows(3);
  assert.equal(Date.parse(await used(t.keyId)), Math.max(...rows.map((r) => Date.parse(r.ts))));
  assert.equal(await used(other.id), null);
  await gw.budget(t.id, 'daily', '0');
  assert.equal((await gw.chat(other.key, flat())).status, 402);
  const last = (await gw.rows(4)).find((r) => r.keyId === other.id || String(r.keyId) === String(other.id));
  assert.equal(Date.parse(await used(other.id)), Date.parse(last.ts));
});

gtest('settings: every variable, its meaning and value; no secret', { INGEST_KEY: 'ingest-secret-987', BUDGET_TIMEZONE: 'Europe/Berlin' }, async ({ gw }) => {
  const r = await gw.admin('GET', '/admin/settings');
  for (const secret of [ADMIN, 'ingest-secret-987', 'sk-gateway-openai-key']) assert.ok(!r.text.includes(secret));
  const of = (name) => r.json.settings.find((s) => s.name === name);
  assert.deepEqual(of('BUDGET_TIMEZONE'), { name: 'BUDGET_TIMEZONE', secret: false, set: true, value: 'Europe/Berlin', default: 'UTC', meaning: 'IANA zone of calendar windows' });
  assert.deepEqual([of('INGEST_KEY').secret, of('INGEST_KEY').set, of('INGEST_KEY').value], [true, true, null]);
  assert.equal(of('ANTHROPIC_API_KEY').set, false);
  assert.equal(of('MAX_REQS_PER_MIN').value, '0');
  assert.deepEqual([r.json.timezone, r.json.demo], ['Europe/Berlin', false]);
  assert.match(r.json.version, /^\d+\.\d+\.\d+/);
  assert.equal((await call(`${gw.url}/admin/settings`)).status, 401);
});

gtest('budgets: ?effective=1 lists what the environment sets, too', { BUDGET_PERIODS: 'monthly', DEFAULT_BUDGET_USD: '7', BUDGET_MONTHLY_BETA: '9' }, async ({ gw }) => {
  const a = await gw.tenant('acme'), b = await gw.tenant('beta');
  await gw.budget(a.id, 'daily', '1');
  assert.equal((await gw.budgets()).length, 1);
  const env = (await gw.budgets('effective=1')).filter((x) => x.source === 'env');
  assert.deepEqual(env.map((x) => [x.id, x.scope.kind, x.scope.tenantId, x.scope.name, x.period, x.amountUsd]).sort(), [[null, 'tenant', a.id, 'acme', 'monthly', '7'], [null, 'tenant', b.id, 'beta', 'monthly', '9']]);
  assert.deepEqual((await gw.budgets(`effective=1&tenantId=${b.id}`)).map((x) => x.amountUsd), ['9']);
  assert.deepEqual((await gw.budgets('effective=1&period=daily')).map((x) => x.amountUsd), ['1']);
  assert.deepEqual(await gw.budgets('effective=1&scope=key'), []);
  assert.ok((await gw.budgets('effective=1&forecast=1')).every((b) => b.forecast.projectedUsd === '0' && b.forecast.runsOutAt === null));
});
