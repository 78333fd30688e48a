// When budgets run out at the rate money burns: figures are reckoned here
// again, in BigInt, from rows with known times and costs.
import { gtest, assert, nano, call } from './fixture.mjs';

const KEY = 'ingest-secret-1';
const HOUR = 3600000, DAY = 24 * HOUR;
const NOW = Date.parse('2026-12-16T12:30:00Z'); // a Wednesday
const env = () => ({ ENV: 'development', CLOCK_OFFSET_S: Math.round((NOW - Date.now()) / 1000), INGEST_KEY: KEY, RATE_LIMIT_RPM: '0', INGEST_RPM: '0' });

/** Books costs in the past: [[ms before NOW, USD], …]. */
async function history(gw, label, tenant, rows) {
  const k = (await call(`${gw.url}/ingest/tokens`, { json: { label, tenant }, headers: { 'x-api-key': 'admin-secret-0123456789' } })).json;
  for (const [ago, usd] of rows) {
    const r = await call(`${gw.url}/ingest`, { json: { tracking_token: k.token, model: 'gpt-4o', prompt_tokens: 1, cost_usd: usd, timestamp: new Date(NOW - ago).toISOString() }, headers: { 'x-ingest-key': KEY } });
    assert.equal(r.status, 201, r.text);
  }
}
const hour = (ms) => ms - (ms % HOUR);
/** B and E of the formula for a base of `base` ms. */
function measure(rows, now, base) {
  const to = hour(now) + HOUR;
  let from = to - base;
  const sum = (a, b) => rows.reduce((n, [ago, usd]) => n + (NOW - ago >= a && NOW - ago < b ? nano(String(usd)) : 0n), 0n);
  while (to - from > HOUR) {
    const mid = hour(from + Math.floor((to - from) / 2));
    if (mid <= from) break;
    if (sum(from, mid) > 0n) return { B: sum(from, to), E: BigInt(now - from) };
    from = mid;
  }
  return { B: sum(from, to), E: BigInt(HOUR) };
}
function runsOut(now, amount, spent, { B, E }, end) {
  const left = nano(amount) - spent;
  if (left <= 0n) return new Date(now).toISOString();
  if (B === 0n) return null;
  const at = now + Number((left * E + B - 1n) / B);
  return at < end ? new Date(at).toISOString() : null;
}
const perDay = ({ B, E }) => { const pico = B * BigInt(DAY) * 1000n / E; return (pico + 500n) / 1000n; };

gtest('a steady burn gives the date, the rate and the projection to the nano-dollar', env, async ({ gw }) => {
  const t = await gw.tenant('acme');
  const rows = [];
  for (let d = 6; d >= 0; d--) rows.push([d * DAY + 2 * HOUR, 1.25], [d * DAY + HOUR / 4, 0.5]);
  await history(gw, 'a', 'acme', rows);
  await gw.rows(rows.length, 'startDate=2026-12-01&endDate=2027-01-01');
  await gw.budget(t.id, 'monthly', '20');
  await gw.budget(t.id, 'weekly', '100');
  await gw.budget(t.id, 'daily', '2');
  await gw.budget(t.id, 'hourly', '0.5');
  await gw.budget(t.id, 'total', '1000');
  await gw.budget(t.id, 'custom', '13', { startDate: '2026-12-10', endDate: '2026-12-20' });
  const f = await gw.ok('GET', `/admin/tenant/${t.id}/forecast`);
  const now = Date.parse(f.ts);
  assert.ok(now >= NOW - 2000 && now < NOW + 120000);
  const of = (p) => f.budgets.find((b) => b.period === p);
  const since = (from) => rows.reduce((n, [ago, usd]) => n + (NOW - ago >= from ? nano(String(usd)) : 0n), 0n);
  const week = measure(rows, now, 7 * DAY), day = measure(rows, now, DAY), six = measure(rows, now, 6 * HOUR);
  for (const [p, amount, from, end, m] of [
    ['monthly', '20', Date.parse('2026-12-01'), Date.parse('2027-01-01'), week],
    ['weekly', '100', Date.parse('2026-12-14'), Date.parse('2026-12-21'), week],
    ['daily', '2', Date.parse('2026-12-16'), Date.parse('2026-12-17'), day],
    ['hourly', '0.5', Date.parse('2026-12-16T12:00:00Z'), Date.parse('2026-12-16T13:00:00Z'), six],
    ['custom', '13', Date.parse('2026-12-10'), Date.parse('2026-12-21'), week],
  ]) {
    const x = of(p).forecast, spent = since(from);
    assert.equal(nano(of(p).spentUsd), spent, `${p} spent`);
    assert.equal(x.runsOutAt, runsOut(now, amount, spent, m, end), p);
    assert.equal(nano(x.burnUsdPerDay), perDay(m), `${p} rate`);
    const more = m.B * BigInt(end - now) * 1000n / m.E;
    assert.equal(nano(x.projectedUsd), spent + (more + 500n) / 1000n, `${p} projection`);
  }
  assert.notEqual(of('monthly').forecast.runsOutAt, null);
  assert.equal(of('weekly').forecast.runsOutAt, null, 'not before it resets');
  assert.equal(of('hourly').forecast.runsOutAt, f.ts, 'it has: now');
  assert.deepEqual([of('total').forecast.projectedUsd, of('total').forecast.runsOutAt], [null, runsOut(now, '1000', since(0), week, Infinity)]);
  assert.equal(f.runsOutAt, f.ts, 'the first of the hard ones');
  assert.equal(f.runsOutBudgetId, of('hourly').id);
  assert.equal(nano(f.burnUsdPerDay), perDay(week));
  assert.equal(f.basisHours, 168);
  const one = await gw.ok('GET', `/admin/budgets/${of('monthly').id}`);
  assert.ok(Math.abs(Date.parse(one.forecast.runsOutAt) - Date.parse(of('monthly').forecast.runsOutAt)) < 120000);
  assert.equal((await gw.budgets())[0].forecast, undefined, 'the list has it on demand');
  assert.ok((await gw.budgets('forecast=1')).every((b) => 'runsOutAt' in b.forecast));
});

gtest('a burn that began lately is measured since it began, nothing burned is never', env, async ({ gw }) => {
  const t = await gw.tenant('acme');
  const rows = [[3 * HOUR, 2], [HOUR, 1]];
  await history(gw, 'a', 'acme', rows);
  const idle = await gw.tenant('idle');
  await gw.rows(2, 'startDate=2026-12-01&endDate=2027-01-01');
  await gw.budget(t.id, 'monthly', '30');
  await gw.budget(idle.id, 'monthly', '30');
  await gw.budget(t.id, 'daily', '3', { mode: 'soft' });
  const f = await gw.ok('GET', `/admin/tenant/${t.id}/forecast`);
  const now = Date.parse(f.ts), m = measure(rows, now, 7 * DAY);
  assert.ok(m.E < BigInt(8 * HOUR), 'since it began');
  const monthly = f.budgets.find((b) => b.period === 'monthly');
  assert.equal(monthly.forecast.runsOutAt, runsOut(now, '30', nano('3'), m, Date.parse('2027-01-01')));
  assert.ok(monthly.forecast.basisHours <= 8);
  assert.equal(f.budgets.find((b) => b.period === 'daily').forecast.runsOutAt, f.ts);
  assert.equal(f.runsOutAt, monthly.forecast.runsOutAt, 'a soft budget stops nothing');
  const g = await gw.ok('GET', `/admin/tenant/${idle.id}/forecast`);
  assert.deepEqual([g.runsOutAt, g.runsOutBudgetId, g.burnUsdPerDay, g.budgets[0].forecast.runsOutAt, g.budgets[0].forecast.projectedUsd], [null, null, '0', null, '0']);
});

gtest('a rolling budget runs out only if more comes than leaves', env, async ({ gw }) => {
  const t = await gw.tenant('acme');
  const steady = Array.from({ length: 24 }, (_, i) => [i * HOUR + HOUR / 4, 0.1]);
  await history(gw, 'a', 'acme', steady);
  await gw.rows(24, 'startDate=2026-12-01&endDate=2027-01-01');
  await gw.budget(t.id, 'rolling:24h', '3'); // 2.4 a day: never
  assert.equal((await gw.ok('GET', `/admin/tenant/${t.id}/forecast`)).budgets[0].forecast.runsOutAt, null);
  await history(gw, 'b', 'acme', [[HOUR / 5, 0.55]]); // 2.95 spent, and the burn is now higher
  await gw.rows(25, 'startDate=2026-12-01&endDate=2027-01-01');
  const f = await gw.ok('GET', `/admin/tenant/${t.id}/forecast`);
  const at = Date.parse(f.budgets[0].forecast.runsOutAt), now = Date.parse(f.ts);
  assert.ok(at > now && at <= now + DAY, f.budgets[0].forecast.runsOutAt);
  assert.equal((at - now) % HOUR, 0, 'the end of a part of the width');
});

gtest('environment budgets are foretold, and unknown tenants and callers are refused', () => ({ ...env(), BUDGET_MONTHLY_USD: '30' }), async ({ gw }) => {
  const t = await gw.tenant('acme');
  const rows = [[5 * DAY, 7], [DAY, 7]];
  await history(gw, 'a', 'acme', rows);
  await gw.rows(2, 'startDate=2026-12-01&endDate=2027-01-01');
  const f = await gw.ok('GET', `/admin/tenant/${t.id}/forecast`);
  const m = measure(rows, Date.parse(f.ts), 7 * DAY);
  assert.deepEqual([f.budgets.length, f.budgets[0].id, f.budgets[0].source], [1, null, 'env']);
  assert.equal(f.runsOutAt, runsOut(Date.parse(f.ts), '30', nano('14'), m, Date.parse('2027-01-01')));
  assert.equal(f.runsOutBudgetId, null);
  const none = await gw.admin('GET', '/admin/tenant/999/forecast');
  assert.deepEqual([none.status, none.json], [404, { error: 'Tenant not found', code: 'not_found' }]);
  assert.equal((await gw.admin('GET', '/admin/tenant/x/forecast')).status, 400);
  assert.equal((await gw.call(`/admin/tenant/${t.id}/forecast`)).status, 401);
  assert.equal((await gw.admin('POST', `/admin/tenant/${t.id}/forecast`, {})).status, 405);
});
