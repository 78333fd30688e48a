// insights.test.mjs - GET /admin/usage/insights: its sums are the ledger's, by
// every dimension and filter, in zones whose days begin anywhere.
import { gtest, assert, call, flat, nano } from './fixture.mjs';

const total = (list) => list.reduce((a, x) => a + nano(x.usd), 0n);

async function spread(gw) {
  const a = await gw.tenant('a'), b = await gw.tenant('b');
  const second = (await gw.ok('POST', `/admin/tenant/${a.id}/apikeys`, { name: 'second' })).key;
  const top = await gw.ok('POST', `/admin/tenant/${a.id}/tags`, { name: 'top' });
  await gw.ok('POST', `/admin/tenant/${a.id}/tags`, { name: 'leaf', parentId: top.id });
  for (const [key, model, tags] of [[a.key, 'gpt-flat', 'leaf'], [a.key, 'gpt-cent', 'leaf,top'], [second, 'gpt-flat', ''], [b.key, 'gpt-cent', '']])
    assert.equal((await gw.chat(key, flat({ model }), tags ? { headers: { 'x-tags': tags } } : {})).status, 200);
  assert.equal((await gw.chat(b.key, flat(), { headers: { 'x-tags': 'nothing' } })).status, 400);
  assert.equal((await call(`${gw.url}/v1/chat/completions`, { json: flat() })).status, 401);
  return { a, b, rows: await gw.rows(6) };
}

for (const zone of ['UTC', 'Europe/Berlin', 'Asia/Kolkata'])
  gtest(`insights add up to the ledger in ${zone}`, { BUDGET_TIMEZONE: zone }, async ({ gw }) => {
    const { a, b, rows } = await spread(gw);
    for (const bucket of ['day', 'hour'])
      for (const by of ['tenant', 'key', 'model', 'provider', 'status', 'tag']) {
        const j = await gw.ok('GET', `/admin/usage/insights?by=${by}&bucket=${bucket}`);
        assert.deepEqual([nano(j.total.usd), j.total.requests, j.total.served], [total(rows), 6, 4], `${by} ${bucket}`);
        assert.equal(total(j.points), total(rows));
        assert.equal(j.timezone, bucket === 'hour' ? 'UTC' : zone);
        assert.equal(j.points.length, bucket === 'day' ? 31 : j.points.length);
        for (const g of j.groups) assert.equal(g.points.reduce((x, p) => x + nano(p), 0n), nano(g.usd), `${by} ${g.name}`);
        if (by !== 'tag') assert.equal(total(j.groups), total(rows), `${by} groups`);
      }
    const of = async (q) => (await gw.ok('GET', `/admin/usage/insights?${q}`)).groups.map((g) => [g.name, nano(g.usd), g.requests]);
    assert.deepEqual(await of('by=tenant'), [['a', 16000000n, 3], ['b', 1000000n, 2], [null, 0n, 1]].map(([n, u, c]) => [n, total(rows.filter((x) => x.tenant === n)), c]));
    assert.deepEqual((await of('by=tag')).map(([n, , c]) => [n, c]), [['leaf', 2], ['top', 1]], 'only tags that requests named');
    assert.deepEqual((await gw.ok('GET', '/admin/usage/insights?by=tag')).groups.map((g) => nano(g.treeUsd)), [8500000n, 8500000n], 'a request with both is once in the parent');
    assert.deepEqual(await of(`by=model&tenantId=${b.id}&status=success`), [['gpt-cent', 1000000n, 1]]);
    assert.equal((await of(`by=model&keyId=${a.keyId}`)).length, 2);
    assert.equal((await of('by=provider&model=gpt-flat&tenantId=' + a.id))[0][2], 2);
  });

gtest('insights: deleted tenants keep their name, corrections count, bad queries are 400', {}, async ({ gw }) => {
  const { a, rows } = await spread(gw);
  const one = rows.find((x) => x.tenant === 'a');
  await gw.ok('POST', `/admin/usage/ledger/${one.id}/corrections`, { usd: '-0.0005', reason: 'too much' }, 201);
  await gw.ok('DELETE', `/admin/tenant/${a.id}`);
  const j = await gw.ok('GET', '/admin/usage/insights?by=tenant');
  assert.equal(j.groups[0].name, 'a');
  assert.equal(nano(j.total.usd), total(rows) - 500000n);
  for (const q of ['by=colour', 'bucket=week', 'days=5000', 'bucket=hour&days=60', 'by=tag&model=x', 'status=fine', 'tenantId=x', 'startDate=2026-02-01&endDate=2026-01-01'])
    assert.equal((await gw.admin('GET', `/admin/usage/insights?${q}`)).status, 400, q);
  assert.equal((await call(`${gw.url}/admin/usage/insights`)).status, 401);
});
