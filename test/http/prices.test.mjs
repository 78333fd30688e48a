// prices.test.mjs - the admin's prices (contract 4.4): in force at once, kept by
// version, the built-in ones shown again when they go.
import { gtest, assert, nano, hello } from './fixture.mjs';

const P = '/admin/model-pricing';
gtest('a price is set, changed and removed; each row keeps the one it was booked under', { UNKNOWN_PRICE: 'refuse' }, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 1000, output: 100 };
  const call = (model) => gw.chat(t.key, { model, messages: hello, max_tokens: 2000 });
  assert.equal((await call('house-model')).status, 400);
  const p = await gw.ok('POST', P, { model: 'house-model', versionTag: 'v1', inputPrice: 2, cachedInputPrice: '0.5', outputPrice: '8', maxOutputTokens: 4000 });
  assert.deepEqual([p.model, p.versionTag, p.inputPrice, p.cachedInputPrice, p.outputPrice, p.provider, p.source, p.maxOutputTokens, p.contextTokens], ['house-model', 'v1', '2', '0.5', '8', 'openai', 'admin', 4000, null]);
  assert.ok(p.id > 0 && Date.parse(p.createdAt) > 0);
  assert.equal((await call('house-model')).status, 200);
  const q = await gw.ok('PUT', `${P}/${p.id}`, { inputPrice: '4' });
  assert.deepEqual([q.id, q.inputPrice, q.outputPrice, q.createdAt], [p.id, '4', '8', p.createdAt]);
  assert.notEqual(q.version, p.version);
  assert.equal((await call('house-model')).status, 200);
  const rows = (await gw.rows(3)).filter((x) => x.status === 'success').sort((a, b) => a.id - b.id);
  assert.deepEqual(rows.map((x) => nano(x.usd)), [1000n * 2000n + 100n * 8000n, 1000n * 4000n + 100n * 8000n]);
  assert.deepEqual(rows.map((x) => String(x.priceVersion)), [p.version, q.version]);
  const first = await gw.ok('GET', `/admin/usage/ledger/${rows[0].id}`);
  assert.equal(BigInt(first.cost.nanoUsd), nano(rows[0].usd), 'the old row is still explained');
  await gw.restart();
  assert.equal((await call('house-model')).status, 200);
  assert.deepEqual(await gw.ok('DELETE', `${P}/house-model`), { ok: true });
  assert.equal((await call('house-model')).status, 400);
  assert.deepEqual((await gw.ok('GET', '/admin/audit')).data.filter((x) => x.event.startsWith('price.')).map((x) => x.event), ['price.delete', 'price.update', 'price.create']);
});

gtest('a built-in price becomes an admin row, and shows again', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 1000, output: 100 };
  const find = async () => (await gw.ok('GET', `${P}?q=gpt-4.1&provider=openai`)).find((x) => x.model === 'gpt-4.1');
  const builtin = await find();
  assert.deepEqual([builtin.source, builtin.id, builtin.inputPrice, builtin.outputPrice], ['builtin', null, '2', '8']);
  const p = await gw.ok('PUT', `${P}/gpt-4.1`, { inputPrice: '1', versionTag: 'deal' });
  assert.deepEqual([p.source, p.inputPrice, p.outputPrice, p.maxOutputTokens], ['admin', '1', '8', builtin.maxOutputTokens]);
  assert.equal((await find()).source, 'admin');
  assert.equal((await gw.chat(t.key, { model: 'gpt-4.1', messages: hello, max_tokens: 200 })).status, 200);
  assert.equal(nano((await gw.rows(1))[0].usd), 1000n * 1000n + 100n * 8000n);
  await gw.ok('DELETE', `${P}/${p.id}`);
  assert.equal((await find()).inputPrice, '2');
  const all = await gw.ok('GET', P);
  assert.ok(all.length > 300);
  const page = await gw.ok('GET', `${P}?page=1&limit=10`);
  assert.deepEqual(page.map((x) => x.model), all.slice(10, 20).map((x) => x.model));
  assert.equal((await gw.ok('GET', `${P}?source=admin`)).length, 0);
});

gtest('prices: what is wrong is refused with one text', {}, async ({ gw }) => {
  const good = { model: 'm', versionTag: 'v', inputPrice: 1, cachedInputPrice: 1, outputPrice: 1 };
  await gw.ok('POST', P, good);
  for (const bad of [good, { ...good, model: '' }, { ...good, model: 'a b' }, { ...good, model: 'x', inputPrice: -1 }, { ...good, model: 'x', inputPrice: '1e99' }, { ...good, model: 'x', inputPrice: '0.0000001' }, { ...good, model: 'x', outputPrice: 'NaN' }, { ...good, model: 'x', inputPrice: undefined }, { ...good, model: 'x', provider: 'nobody' }, { ...good, model: 'x', versionTag: undefined }, { ...good, model: 'x', maxOutputTokens: 1.5 }, { ...good, model: 'x'.repeat(201) }]) {
    const r = await gw.admin('POST', P, bad);
    assert.deepEqual([r.status, r.json.error], [400, 'Unable to create model pricing'], JSON.stringify(bad).slice(0, 100));
  }
  for (const [m, p] of [['PUT', `${P}/nothing`], ['PUT', `${P}/999`], ['DELETE', `${P}/999`], ['DELETE', `${P}/gpt-4.1`]]) {
    const r = await gw.admin(m, p, m === 'PUT' ? { inputPrice: 1 } : undefined);
    assert.deepEqual([r.status, r.json.error], [404, 'Model pricing not found'], `${m} ${p}`);
  }
  assert.equal((await gw.admin('GET', `${P}?source=x`)).status, 400);
  assert.equal((await gw.admin('GET', `${P}?provider=x`)).status, 400);
  assert.equal((await gw.admin('PATCH', P)).status, 405);
});
