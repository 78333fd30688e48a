// ingest.test.mjs - usage that applications report (contract 5).
import { gtest, assert, nano, hello, call, waitUntil, ADMIN } from './fixture.mjs';

const KEY = 'ingest-secret-1';
const env = { INGEST_KEY: KEY, RATE_LIMIT_RPM: '0', INGEST_RPM: '0' };
const post = (gw, body, opt = {}) => call(`${gw.url}/ingest`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...opt, headers: { 'content-type': 'application/json', 'x-ingest-key': KEY, ...opt.headers } });
const admin = (gw, m, p, json, headers = { 'x-api-key': ADMIN }) => call(gw.url + p, { method: m, json, headers });
const token = async (gw, label = 'app', more = {}) => { const r = await admin(gw, 'POST', '/ingest/tokens', { label, ...more }); assert.equal(r.status, 201, r.text); assert.match(r.json.token, /^tok_[A-Za-z0-9_-]{30}$/); return r.json; };
const AGES = 'startDate=2025-12-01&endDate=2099-01-01';
const said = (r) => [r.status, r.json.message];

gtest('R54: usage is booked at the real price of its model, in the same ledger and budgets', { ...env }, async ({ gw }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '5' }] });
  const k = await token(gw, 'app', { tenant: 'acme' });
  const r = await post(gw, { tracking_token: k.token, model: 'gpt-4o', prompt_tokens: 1000000, completion_tokens: 1000000, user: 'u-1', session_id: 's-1' });
  assert.equal(r.status, 201);
  assert.equal(r.json.ok, true);
  const [row] = await gw.rows(1);
  assert.deepEqual([nano(row.usd), row.status, row.meteredBy, row.priceBasis, row.tenant, row.promptTok, row.compTok, row.user, row.sessionId], [12500000000n, 'success', 'ingest', 'table', 'acme', 1000000, 1000000, 'u-1', 's-1']);
  assert.equal((await gw.budgets())[0].spentUsd, '12.5', 'ingest is never refused');
  assert.equal((await gw.chat(t.key, { model: 'gpt-4o', messages: hello, max_tokens: 10 })).status, 402, 'but it counts');
  await post(gw, { trackingToken: k.token, model: 'gpt-4o', promptTokens: 10, completionTokens: 5, totalTokens: 40, costUsd: 0.125 });
  const named = (await gw.rows(3)).find((x) => x.priceBasis === 'client');
  assert.deepEqual([named.usd, named.promptTok, named.compTok], ['0.125', 10, 30]);
});

gtest('R52: twenty parallel posts of one event give one row, also after a crash', { ...env }, async ({ gw }) => {
  const k = await token(gw), event = { tracking_token: k.token, model: 'gpt-4o', prompt_tokens: 1000, event_id: 'e-1' };
  const all = await Promise.all(Array.from({ length: 20 }, () => post(gw, event)));
  assert.deepEqual(all.map((r) => r.status).sort(), [...Array(19).fill(200), 201]);
  for (const r of all.filter((x) => x.status === 200)) assert.deepEqual(r.json, { duplicate: true });
  await gw.kill9();
  await gw.start();
  assert.deepEqual((await post(gw, event)).json, { duplicate: true });
  const other = await token(gw, 'other');
  assert.equal((await post(gw, { ...event, tracking_token: other.token })).status, 201, 'ids are the token’s own');
  assert.equal((await gw.rows(2)).length, 2);
  const [a, b] = (await admin(gw, 'GET', '/ingest/tokens')).json.tokens;
  assert.deepEqual([a.usage_count, b.usage_count, a.active, a.tenant], [1, 1, 1, 'ingest']);
});

gtest('50 event ids, 500 posts, a kill -9 in between: 50 rows', { ...env }, async ({ gw }) => {
  const k = await token(gw);
  const send = () => Promise.allSettled(Array.from({ length: 250 }, (_, i) => post(gw, { tracking_token: k.token, model: 'gpt-4o', prompt_tokens: 1, event_id: `e-${i % 50}` })));
  const first = send();
  await waitUntil(async () => true, 'some are under way');
  await gw.kill9();
  await first;
  await gw.start();
  const done = await send();
  assert.ok(done.every((r) => r.status === 'fulfilled' && [200, 201].includes(r.value.status)));
  assert.equal((await gw.rows(50)).length, 50);
});

gtest('R50, R51, R61: what is wrong is 400 and books nothing', { ...env, UNKNOWN_PRICE: 'refuse' }, async ({ gw }) => {
  const k = await token(gw), ok = { tracking_token: k.token, model: 'gpt-4o' };
  for (const body of ['', '{', 'null', '[]', '"x"', '{}', '17']) assert.deepEqual(said(await post(gw, body)), [400, 'JSON body required'], body);
  assert.deepEqual(said(await post(gw, '{}', { headers: { 'content-type': 'text/plain' } })), [400, 'Content-Type must be application/json']);
  for (const x of [undefined, null, '', 5, []]) assert.deepEqual(said(await post(gw, { ...ok, tracking_token: x })), [400, 'tracking_token is required'], String(x));
  const counts = 'prompt_tokens and completion_tokens must be non-negative integers', cost = 'cost_usd must be a number ≥ 0', time = 'timestamp must be ISO-8601 or a Unix epoch';
  for (const [more, text] of [[{ model: '' }, 'model is required'], [{ model: 5 }, 'model is required'], [{ prompt_tokens: -1 }, counts], [{ completion_tokens: 1.5 }, counts], [{ prompt_tokens: '5' }, counts], [{ prompt_tokens: 1e13 }, counts], [{ total_tokens: -1 }, 'total_tokens must be a non-negative integer'], [{ cost_usd: -0.1 }, cost], [{ cost_usd: 1e30 }, cost], [{ cost_usd: 'NaN' }, 'cost_usd must be a number'], [{ timestamp: 'soon' }, time], [{ timestamp: new Date(Date.now() + 25 * 3600000).toISOString() }, time], [{ timestamp: -5 }, time], [{ timestamp: true }, time], [{ event_id: '' }, 'event_id must be 1-128 characters'], [{ event_id: 'x'.repeat(129) }, 'event_id must be 1-128 characters'], [{ event_id: 5 }, 'event_id must be 1-128 characters'], [{ model: 'unheard-of' }, 'No price for model: unheard-of']]) assert.deepEqual(said(await post(gw, { ...ok, ...more })), [400, text], JSON.stringify(more));
  assert.deepEqual(said(await post(gw, { ...ok, tracking_token: 'tok_none' })), [404, 'Unknown tracking token']);
  await admin(gw, 'PATCH', `/ingest/tokens/${k.id}/active`, { active: false });
  assert.deepEqual(said(await post(gw, ok)), [403, 'Tracking token is inactive']);
  assert.deepEqual(said(await post(gw, ok, { headers: { 'x-ingest-key': 'wrong' } })), [401, 'Invalid or missing X-Ingest-Key']);
  const shape = (await post(gw, '')).json;
  assert.match(shape.requestId, /^[0-9a-f]{8}$/);
  assert.equal(shape.status, 'error');
  assert.equal((await admin(gw, 'GET', '/data')).json.total, 0);
});

gtest('without INGEST_KEY nothing is taken', {}, async ({ gw }) => {
  assert.deepEqual(said(await post(gw, {})), [500, 'Ingest authentication not configured']);
});

gtest('R55: tokens are made once, switched, deleted; their rows stay', { ...env }, async ({ gw }) => {
  const k = await token(gw);
  assert.deepEqual(said(await admin(gw, 'POST', '/ingest/tokens', { label: 'app' })), [400, "Label 'app' already exists"]);
  for (const label of ['', 'x'.repeat(65), 5, null]) assert.deepEqual(said(await admin(gw, 'POST', '/ingest/tokens', { label })), [400, 'Label must be 1-64 characters']);
  assert.deepEqual(said(await admin(gw, 'POST', '/ingest/tokens', { label: 'x', tenant: 'nobody' })), [404, 'Tenant not found']);
  const [t] = (await admin(gw, 'GET', '/ingest/tokens')).json.tokens;
  assert.match(t.created_at, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  assert.equal(t.token_masked, `${k.token.slice(0, 8)}…${k.token.slice(-4)}`);
  assert.equal(t.last_seen_at, null);
  assert.equal((await post(gw, { tracking_token: k.token, model: 'gpt-4o', prompt_tokens: 10 })).status, 201);
  for (const [m, p, b] of [['PATCH', '/ingest/tokens/99/active', { active: true }], ['DELETE', '/ingest/tokens/99']]) assert.deepEqual(said(await admin(gw, m, p, b)), [404, 'Tracking token not found']);
  assert.deepEqual(said(await admin(gw, 'PATCH', `/ingest/tokens/${k.id}/active`, { active: 'no' })), [400, "JSON body with 'active' field required"]);
  assert.deepEqual((await admin(gw, 'DELETE', `/ingest/tokens/${k.id}`)).json, { ok: true });
  assert.equal((await admin(gw, 'GET', '/data')).json.total, 1);
  assert.equal((await admin(gw, 'GET', '/ingest/tokens', undefined, {})).status, 401);
  for (const h of ['x-admin-key', 'x-admin-token', 'x-api-key']) assert.equal((await admin(gw, 'GET', '/models', undefined, { [h]: ADMIN })).status, 200, h);
});

gtest('R53, R56: pages to the end, totals of all; a reset hides and loses nothing', { ...env }, async ({ gw, mock }) => {
  const k = await token(gw), day = (d) => `2026-0${d}-15T12:00:00Z`;
  for (let i = 0; i < 25; i++) assert.equal((await post(gw, { tracking_token: k.token, model: i % 2 ? 'gpt-4o' : 'gpt-4.1', prompt_tokens: 100 + i, completion_tokens: 10, timestamp: day(1 + (i % 5)) })).status, 201);
  const t = await gw.tenant();
  mock.usage = { input: 7, output: 3 };
  assert.equal((await gw.chat(t.key, { model: 'gpt-4o', messages: hello, max_tokens: 10 })).status, 200);
  const get = async (q) => (await admin(gw, 'GET', `/data${q}`)).json;
  const all = await get('');
  assert.deepEqual([all.total, all.data.length, all.totals.completionTokens, all.totals.promptTokens], [26, 26, 253, 2500 + 300 + 7]);
  const seen = [];
  for (let page = 1, q = '?limit=10'; ; page++) { const r = await get(q); seen.push(...r.data); assert.equal(r.total, 26); assert.deepEqual(r.totals, all.totals); if (!r.nextCursor) break; q = `?limit=10&cursor=${r.nextCursor}`; }
  assert.deepEqual(seen, all.data);
  assert.deepEqual((await get('?page=2&limit=10')).data, all.data.slice(10, 20));
  assert.equal((await get('?model=gpt-4.1')).total, 13);
  assert.equal((await get('?source=proxy')).total, 1);
  assert.equal((await get(`?ingest_token_id=${k.id}`)).total, 25);
  assert.equal((await get('?start=2026-02-01&end=2026-02-15')).total, 5, 'the whole last day');
  assert.deepEqual((await admin(gw, 'GET', '/models')).json, { models: ['gpt-4.1', 'gpt-4o'] });
  for (const [q, text] of [['?start=x', 'Invalid start date format: x. Use YYYY-MM-DD or ISO-8601.'], ['?end=y', 'Invalid end date format: y. Use YYYY-MM-DD or ISO-8601.'], ['?start=2026-02-02&end=2026-02-01', 'Start date cannot be after end date.'], ['?ingest_token_id=0', 'ingest_token_id must be a positive integer.'], ['?ingest_token_id=x', 'ingest_token_id must be a valid integer.']]) assert.deepEqual(said(await admin(gw, 'GET', `/data${q}`)), [400, text]);
  assert.deepEqual(said(await admin(gw, 'DELETE', '/reset')), [400, 'Confirmation required: {"confirm":"reset"}']);
  assert.deepEqual((await admin(gw, 'DELETE', '/reset', { confirm: 'reset' }, { 'x-api-key': ADMIN, 'content-length': 19 })).json, { message: 'Database reset successfully' });
  assert.equal((await get('')).total, 0);
  assert.equal((await get('?epoch=all')).total, 26);
  assert.equal((await admin(gw, 'GET', '/ingest/tokens')).json.tokens[0].usage_count, 0);
  assert.equal((await gw.ok('GET', `/admin/usage/ledger?${AGES}`)).total, 26, 'the ledger has every row');
  assert.equal((await post(gw, { tracking_token: k.token, model: 'gpt-4o', prompt_tokens: 1 })).status, 201);
  assert.equal((await get('')).total, 1);
});

gtest('R46: the bucket of the admin paths, and that of a token', { INGEST_KEY: KEY, RATE_LIMIT_RPM: '60', RATE_LIMIT_BURST: '20', INGEST_RPM: '60', INGEST_BURST: '5' }, async ({ gw }) => {
  const k = await token(gw);
  const all = await Promise.all(Array.from({ length: 65 }, () => admin(gw, 'GET', '/data')));
  const passed = all.filter((r) => r.status === 200).length;
  assert.ok(passed >= 19 && passed <= 22, `${passed} passed`);
  for (const r of all.filter((x) => x.status !== 200)) { assert.equal(r.status, 429); assert.ok(Number(r.headers['retry-after']) >= 1); assert.equal(r.json.message, 'Rate limit exceeded'); }
  assert.equal(all[0].headers['x-ratelimit-limit'], '20');
  const posts = await Promise.all(Array.from({ length: 12 }, () => post(gw, { tracking_token: k.token, model: 'gpt-4o' })));
  const taken = posts.filter((r) => r.status === 201).length;
  assert.ok(taken >= 5 && taken <= 7, `${taken} taken`);
});

gtest('R57: CORS for listed origins, never on POST /ingest; /log is kept for old clients', { ...env, ALLOWED_ORIGINS: 'https://ok.example' }, async ({ gw }) => {
  const k = await token(gw);
  const origin = async (p, o, m = 'GET') => (await call(gw.url + p, { method: m, body: m === 'POST' ? JSON.stringify({ tracking_token: k.token, model: 'gpt-4o' }) : undefined, headers: { origin: o, 'x-api-key': ADMIN, 'x-ingest-key': KEY, ...(m === 'POST' ? { 'content-type': 'application/json' } : {}) } })).headers['access-control-allow-origin'];
  assert.equal(await origin('/data', 'https://ok.example'), 'https://ok.example');
  assert.equal(await origin('/data', 'https://bad.example'), undefined);
  assert.equal(await origin('/ingest', 'https://ok.example', 'POST'), undefined);
  const r = await admin(gw, 'POST', '/log', { model: 'gpt-4o', promptTokens: 10, completionTokens: 5, totalTokens: 15, estimatedCostUSD: 0.5, timestamp: 1767225600 });
  assert.equal(r.status, 200);
  assert.match(r.json.warning, /^DEPRECATED/);
  const row = (await gw.ok('GET', `/admin/usage/ledger?${AGES}`)).data.find((x) => x.reason === 'legacy');
  assert.deepEqual([row.usd, row.tenant, new Date(row.ts).toISOString()], ['0.5', 'ingest', '2026-01-01T00:00:00.000Z']);
  assert.deepEqual(said(await admin(gw, 'GET', '/data/none')), [404, 'Not found']);
  assert.deepEqual(said(await admin(gw, 'PUT', '/ingest', {})), [405, 'Method not allowed']);
});
