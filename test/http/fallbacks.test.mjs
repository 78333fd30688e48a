// fallbacks.test.mjs - chains set by an admin: in force with the next request
// on every loop, kept over a restart, noted in the audit.
import { gtest, assert, hello, nano, waitUntil } from './fixture.mjs';
import { everywhere } from './families.mjs';
import { Barrier } from './mock.mjs';

const both = (more) => (x) => ({ ...everywhere(x), ...more });
const ask = (model = 'gpt-4o') => ({ model, messages: hello, max_tokens: 50 });
const put = (gw, fallbacks) => gw.ok('PUT', '/admin/fallbacks', { fallbacks });

/** gpt-4o fails; everything else answers. */
const downFor = (mock, model) => {
  const rest = mock.script;
  mock.script = (rec, res) => (rec.json?.model === model ? mock.json(res, 503, { error: { message: 'down' } }) : rest(rec, res));
};

gtest('GET, PUT, DELETE /admin/fallbacks: the next request on every loop, no restart', both({ WORKERS: '4', FALLBACKS: '{"gpt-4o":["gpt-4.1"]}' }), async ({ gw, mock }) => {
  const t = await gw.tenant();
  downFor(mock, 'gpt-4o');
  assert.deepEqual(await gw.ok('GET', '/admin/fallbacks'), { source: 'config', fallbacks: { 'gpt-4o': ['gpt-4.1'] } });
  // 24 connections at once reach all four loops
  const served = async () => [...new Set((await Promise.all(Array.from({ length: 24 }, () => gw.chat(t.key, ask(), { agent: false })))).map((r) => (r.status === 200 ? r.json.model : r.status)))];
  assert.deepEqual(await served(), ['gpt-4.1']);
  const chains = { 'gpt-4o': ['claude-haiku-4-5', 'gpt-4.1'], 'a "b" ü': ['gpt-4.1-mini'] };
  assert.deepEqual(await put(gw, chains), { source: 'admin', fallbacks: chains });
  assert.deepEqual(await served(), ['claude-haiku-4-5']);
  assert.deepEqual(await put(gw, {}), { source: 'admin', fallbacks: {} }, 'an empty set is a set: nothing falls back');
  assert.deepEqual(await served(), [503]);
  assert.deepEqual(await gw.ok('DELETE', '/admin/fallbacks'), { source: 'config', fallbacks: { 'gpt-4o': ['gpt-4.1'] } });
  assert.deepEqual(await gw.ok('DELETE', '/admin/fallbacks'), { source: 'config', fallbacks: { 'gpt-4o': ['gpt-4.1'] } });
  assert.deepEqual(await served(), ['gpt-4.1']);
  const events = (await gw.ok('GET', '/admin/audit?limit=10')).data.map((e) => [e.event, e.actor, e.details.models ?? 0]).filter((e) => e[0].startsWith('fallbacks'));
  assert.deepEqual(events, [['fallbacks.delete', 'admin', 0], ['fallbacks.delete', 'admin', 0], ['fallbacks.set', 'admin', 0], ['fallbacks.set', 'admin', 2]]);
});

gtest('an admin\'s chains outlive a restart and win over the configured ones', both({ FALLBACKS: '{"gpt-4o":["gpt-4.1"]}' }), async ({ gw, mock }) => {
  const t = await gw.tenant();
  downFor(mock, 'gpt-4o');
  await put(gw, { 'gpt-4o': ['gemini-2.5-flash'] });
  await gw.restart();
  assert.deepEqual(await gw.ok('GET', '/admin/fallbacks'), { source: 'admin', fallbacks: { 'gpt-4o': ['gemini-2.5-flash'] } });
  const r = await gw.chat(t.key, ask());
  assert.equal(r.json.choices[0].message.content, 'Hello from Gemini');
  assert.equal((await gw.rows(1))[0].provider, 'google');
});

gtest('a request under way keeps the chain it was admitted with', both({}), async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '1' }] });
  await put(gw, { 'gpt-4o': ['gpt-4.1'] });
  const gate = new Barrier();
  mock.once(async (rec, res) => { await gate.wait(); mock.json(res, 503, { error: { message: 'down' } }); });
  mock.usage = { input: 10, output: 5 };
  const going = gw.chat(t.key, ask());
  await waitUntil(() => mock.seen.length === 1, 'the first is asked');
  for (let i = 0; i < 5; i++) await put(gw, { 'gpt-4o': ['claude-opus-4-6'] });
  for (let i = 0; i < 8; i++) await gw.chat(t.key, ask('gpt-4.1'), { agent: false }); // every loop drops the old snapshot
  gate.open();
  const r = await going;
  assert.deepEqual([r.status, r.json.model], [200, 'gpt-4.1']);
  const row = (await gw.rows(9)).find((x) => x.model === 'gpt-4o');
  assert.equal(nano(row.usd), 10n * 2000n + 5n * 8000n);
});

gtest('what is no set of chains is refused and changes nothing', both({ FALLBACKS: '{"gpt-4o":["gpt-4.1"]}' }), async ({ gw }) => {
  const bad = [[], 1, 'x', null, { a: 'b' }, { a: [] }, { a: [1] }, { a: [''] }, { a: ['b', 'c', 'd', 'e', 'f'] }, { '': ['b'] }, { a: ['x'.repeat(201)] }, { ['x'.repeat(201)]: ['a'] }, { 'a\u0000b': ['c'] }, Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`m${i}`, ['x']]))];
  for (const fallbacks of bad) {
    const r = await gw.admin('PUT', '/admin/fallbacks', { fallbacks });
    assert.deepEqual([r.status, r.json?.code], [400, 'FST_ERR_VALIDATION'], `${JSON.stringify(fallbacks).slice(0, 80)}: ${r.text}`);
  }
  assert.equal((await gw.admin('PUT', '/admin/fallbacks', {})).status, 400);
  const twice = await gw.call('/admin/fallbacks', { method: 'PUT', body: '{"fallbacks":{"a":["b"],"a":["c"]}}', headers: { 'content-type': 'application/json', 'x-admin-key': 'admin-secret-0123456789' } });
  assert.equal(twice.status, 400);
  const full = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`m${i}`.padEnd(200, 'ü').slice(0, 100), Array(4).fill(`"${'\\'.repeat(100)}`)]));
  assert.equal(Object.keys((await put(gw, full)).fallbacks).length, 1000, 'the most there may be');
  await gw.ok('DELETE', '/admin/fallbacks');
  assert.equal((await gw.ok('GET', '/admin/fallbacks')).source, 'config');
  assert.equal((await gw.call('/admin/fallbacks')).status, 401);
  const r = await gw.admin('POST', '/admin/fallbacks', {});
  assert.deepEqual([r.status, r.headers.allow], [405, 'GET, HEAD, PUT, DELETE']);
});
