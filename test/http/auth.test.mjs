// auth.test.mjs - who may call what (contract 1.2), limits per tenant (9.5).
import fs from 'node:fs';
import path from 'node:path';
import { gtest, assert, flat, hello, call, waitUntil, ADMIN, Gateway, SLOW } from './fixture.mjs';
import { Barrier, chatBody, chatStream } from './mock.mjs';
import http from 'node:http';

const walk = (d) => fs.readdirSync(d, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(path.join(d, e.name)) : [path.join(d, e.name)]));

gtest('a key is accepted in each of its five places and in no other form', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  assert.match(t.key, /^bg_[A-Za-z0-9_-]{43}$/);
  const post = (headers, q = '') => call(`${gw.url}/v1/chat/completions${q}`, { json: flat(), headers });
  for (const h of [{ authorization: `Bearer ${t.key}` }, { authorization: `bearer ${t.key}` }, { 'x-api-key': t.key }, { 'x-goog-api-key': t.key }, { 'api-key': t.key }])
    assert.equal((await post(h)).status, 200, JSON.stringify(Object.keys(h)));
  assert.equal((await post({}, `?key=${t.key}`)).status, 200);
  const none = await post({});
  assert.equal(none.status, 401);
  assert.equal(none.error.code, 'missing_api_key');
  assert.match(none.error.message, /^Authentication required\. Provide API key via Authorization header or X-API-Key header/);
  const bad = await post({ authorization: 'Bearer bg_' + 'A'.repeat(43) });
  assert.equal(bad.status, 401);
  assert.equal(bad.error.code, 'invalid_api_key');
  assert.equal(bad.error.message, 'Invalid API key');
  assert.equal((await post({ authorization: `Basic ${Buffer.from(`u:${t.key}`).toString('base64')}` })).status, 401);
  assert.equal((await post({ 'x-api-key': t.key.slice(0, -1) })).status, 401);
  assert.equal(mock.calls().length, 6);
  assert.ok(!mock.everything().includes(t.key), 'the key never travels on');
  assert.ok(mock.seen.every((r) => r.headers.authorization === 'Bearer sk-gateway-openai-key'));
});

gtest('R27: no secret occurs in logs, ledger, audit table, metrics or error bodies', { INGEST_KEY: 'ingest-secret-987654', LOG_LEVEL: 'debug' }, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const secrets = { tenant: t.key, admin: ADMIN, ingest: 'ingest-secret-987654', own: 'sk-client-own-openai-key-1', gateway: 'sk-gateway-openai-key', wrongAdmin: 'wrong-admin-secret-42', wrongKey: 'bg_' + 'Zq9'.repeat(14) + 'x', anthropic: 'sk-ant-client-7', google: 'AIzaClientGoogle8' };
  const bodies = [];
  const go = async (headers, q = '', json = flat()) => bodies.push((await call(`${gw.url}/v1/chat/completions${q}`, { json, headers })).text);
  for (const k of [t.key, secrets.wrongKey]) {
    await go({ authorization: `Bearer ${k}` });
    await go({ 'x-api-key': k });
    await go({ 'x-goog-api-key': k });
    await go({ 'api-key': k });
    await go({}, `?key=${k}&x=1`);
    await go({}, `?key=${k}`, { nonsense: 1 });
  }
  await go({ authorization: `Bearer ${secrets.own}`, 'x-api-key': t.key });
  await go({ authorization: `Bearer ${t.key}`, 'x-openai-key': secrets.own, 'x-anthropic-key': secrets.anthropic, 'x-google-api-key': secrets.google, 'x-admin-key': ADMIN });
  mock.once((rec, res) => mock.json(res, 401, { error: { message: `Incorrect API key provided: ${secrets.gateway}` } }));
  await go({ authorization: `Bearer ${t.key}` });
  mock.once((rec, res) => res.socket.destroy());
  await go({}, `?key=${t.key}`);
  for (const h of [{ 'x-admin-key': secrets.wrongAdmin }, { 'x-admin-token': secrets.wrongAdmin }, { 'x-admin-key': ADMIN }])
    bodies.push((await call(`${gw.url}/admin/tenant`, { headers: h })).text);
  bodies.push((await call(`${gw.url}/ingest`, { json: {}, headers: { 'x-ingest-key': secrets.ingest } })).text);
  bodies.push((await gw.admin('POST', `/admin/keys/${t.key}/revoke`)).text.replaceAll(t.key, ''));
  bodies.push((await gw.admin('GET', `/admin/usage/${t.key}`)).text.replaceAll(t.key, ''));
  const metrics = (await gw.admin('GET', '/metrics')).text;
  const ledger = JSON.stringify(await gw.ledger());
  await gw.stop();
  const dump = gw.sql('.dump').out;
  assert.ok(dump.includes('CREATE TABLE'), 'the dump has content');
  for (const [what, s] of Object.entries(secrets)) for (const [where, text] of Object.entries({ log: gw.log, metrics, ledger, dump, errors: bodies.join('\n') }))
    assert.ok(!text.includes(s), `${what} secret is in ${where}: ...${text.slice(Math.max(0, text.indexOf(s) - 200), text.indexOf(s) + 60)}`);
  await gw.start();
});

gtest('R62: the data directory contains no issued key in plain text', {}, async ({ gw }) => {
  const t = await gw.tenant();
  await gw.chat(t.key, flat());
  await gw.rows(1);
  const look = () => { for (const f of walk(gw.data)) assert.ok(!fs.readFileSync(f).includes(t.key.slice(3)), `${f} contains the key`); };
  look();
  await gw.stop();
  look();
  assert.equal(fs.statSync(gw.data).mode & 0o777, 0o700);
  assert.equal(fs.statSync(path.join(gw.data, 'secret.key')).mode & 0o777, 0o600);
  assert.equal(fs.statSync(path.join(gw.data, 'secret.key')).size, 32);
  await gw.start();
  assert.equal((await gw.chat(t.key, flat())).status, 200, 'and the key still works');
});

gtest('R63: no prompt and no answer occurs in the logs or in the data directory', { LOG_LEVEL: 'debug' }, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const ask = 'PROMPT-8f3a1c-unique', said = 'ANSWER-77b2e0-unique';
  for (const stream of [false, true]) {
    mock.once((rec, res) => (stream ? mock.sse(res, chatStream('gpt-flat', { input: 1, output: 1 }, { words: [said] })) : mock.json(res, 200, { ...chatBody('gpt-flat', { input: 1, output: 1 }), choices: [{ index: 0, message: { role: 'assistant', content: said }, finish_reason: 'stop' }] })));
    const r = await gw.chat(t.key, flat({ stream, messages: [{ role: 'user', content: ask }] }));
    assert.ok(r.text.includes(said));
  }
  mock.once((rec, res) => mock.json(res, 400, { error: { message: `cannot read ${ask}` } }));
  await gw.chat(t.key, flat({ messages: [{ role: 'user', content: ask }] }));
  await gw.chat(t.key, undefined, { body: `{"model":"gpt-flat","x":"${ask}"`, method: 'POST', headers: { 'content-type': 'application/json' } });
  await gw.rows(4);
  await gw.stop();
  for (const f of walk(gw.data)) for (const s of [ask, said]) assert.ok(!fs.readFileSync(f).includes(s), `${f} contains ${s}`);
  for (const s of [ask, said]) assert.ok(!gw.log.includes(s));
  assert.equal((await gw.start()).port, gw.port);
  assert.equal((await gw.call('/debug/last-response')).status, 404);
});

gtest('R28: a request without a valid key and with X-Tenant-Id creates no tenant', {}, async ({ gw }) => {
  for (const headers of [{ 'x-tenant-id': 'new' }, { 'x-tenant-id': 'new', authorization: 'Bearer bg_nope' }, { 'x-tenant-id': 'new', authorization: 'Bearer sk-x' }])
    assert.equal((await call(`${gw.url}/v1/chat/completions`, { json: flat(), headers })).status, 401);
  assert.ok(!(await gw.ok('GET', '/admin/tenant')).some((t) => t.name === 'new'));
});

gtest('X-Tenant-Id with a key must name its tenant', {}, async ({ gw, mock }) => {
  const a = await gw.tenant('a'), b = await gw.tenant('b');
  for (const id of ['a', String(a.id)]) assert.equal((await gw.chat(a.key, flat(), { headers: { 'x-tenant-id': id } })).status, 200);
  for (const id of ['b', String(b.id), 'A', 'nobody']) {
    const r = await gw.chat(a.key, flat(), { headers: { 'x-tenant-id': id } });
    assert.equal(r.status, 403, id);
    assert.equal(r.error.code, 'tenant_mismatch');
  }
  assert.ok(mock.seen.every((r) => r.headers['x-tenant-id'] === undefined));
});

gtest("R29: varying X-Tenant-Id neither raises the caller's limit nor uses up another's", {}, async ({ gw }) => {
  const a = await gw.tenant('a', { rateLimitPerMin: 3 }), b = await gw.tenant('b', { rateLimitPerMin: 3 });
  const st = [];
  for (const id of ['a', 'b', 'c', String(a.id), 'b', 'a', 'a', 'b']) st.push((await gw.chat(a.key, flat(), { headers: { 'x-tenant-id': id } })).status);
  assert.equal(st.filter((s) => s === 200).length, 3);
  for (let i = 0; i < 3; i++) assert.equal((await gw.chat(b.key, flat())).status, 200);
  assert.equal((await gw.chat(b.key, flat())).status, 429);
});

gtest('429 carries kind, limit, Retry-After and x-ratelimit headers', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('a', { rateLimitPerMin: 2 });
  const first = await gw.chat(t.key, flat());
  assert.equal(first.headers['x-ratelimit-limit'], '2');
  assert.equal(first.headers['x-ratelimit-remaining'], '1');
  assert.ok(+first.headers['x-ratelimit-reset'] >= 1 && +first.headers['x-ratelimit-reset'] <= 60);
  await gw.chat(t.key, flat());
  const r = await gw.chat(t.key, flat());
  assert.equal(r.status, 429);
  assert.equal(r.error.code, 'rate_limit_exceeded');
  assert.match(r.error.message, /^Rate limit exceeded/);
  assert.equal(r.error.type, 'requests');
  assert.equal(r.error.details.kind, 'requests');
  assert.equal(r.error.details.limit, 2);
  assert.equal(r.error.details.window_s, 60);
  assert.ok(+r.headers['retry-after'] >= 1 && +r.headers['retry-after'] <= 60);
  assert.equal(r.headers['x-ratelimit-remaining'], '0');
  assert.equal(mock.calls().length, 2);
  const row = (await gw.rows(3))[0];
  assert.equal(row.status, 'blocked');
  assert.equal(row.reason, 'rate_limit');
});

gtest('R30: the limiter slides: N calls at second 59 and one at second 61 give a 429', { ENV: 'development' }, async ({ gw }) => {
  const into = new Date().getUTCSeconds();
  await gw.restart({ CLOCK_OFFSET_S: 59 - into });
  const t = await gw.tenant('a', { rateLimitPerMin: 4 });
  for (let i = 0; i < 4; i++) assert.equal((await gw.chat(t.key, flat())).status, 200);
  await gw.restart({ CLOCK_OFFSET_S: 59 - into + 3 });
  assert.equal((await gw.chat(t.key, flat())).status, 429);
  await gw.restart({ CLOCK_OFFSET_S: 59 - into + 61 });
  assert.equal((await gw.chat(t.key, flat())).status, 200, 'a minute later they have left');
});

gtest('requests refused with 429 or earlier do not count, those refused later do', {}, async ({ gw }) => {
  const t = await gw.tenant('a', { rateLimitPerMin: 3, budgets: [{ period: 'total', amountUsd: '0.0075' }] });
  for (let i = 0; i < 5; i++) assert.equal((await gw.chat(t.key, { messages: hello })).status, 400);
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  assert.equal((await gw.chat(t.key, flat())).status, 402);
  assert.equal((await gw.chat(t.key, flat())).status, 402);
  assert.equal((await gw.chat(t.key, flat())).status, 429);
});

gtest('R31: a lowered limit and a revoked key take effect on the next request on every connection', {}, async ({ gw }) => {
  const t = await gw.tenant('a', { rateLimitPerMin: 0 });
  const agents = Array.from({ length: 8 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  for (const agent of agents) assert.equal((await gw.chat(t.key, flat(), { agent })).status, 200);
  await gw.ok('PUT', `/admin/tenant/${t.id}/ratelimit`, { rateLimitPerMin: 1 });
  for (const agent of agents) assert.equal((await gw.chat(t.key, flat(), { agent })).status, 429);
  await gw.ok('PUT', `/admin/tenant/${t.id}/ratelimit`, { rateLimitPerMin: 0 });
  for (const agent of agents) assert.equal((await gw.chat(t.key, flat(), { agent })).status, 200);
  await gw.ok('DELETE', `/admin/apikey/${t.keyId}`);
  for (const agent of agents) assert.equal((await gw.chat(t.key, flat(), { agent })).status, 401);
  for (const a of agents) a.destroy();
});

gtest('tokens per minute count the bound at admission and the real use after settlement', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('a', { tokensPerMin: 1000 });
  mock.usage = { input: 5, output: 10 };
  assert.equal((await gw.chat(t.key, flat({ max_tokens: 900 }))).status, 200);
  await gw.rows(1);
  const r = await gw.chat(t.key, flat({ max_tokens: 900 }));
  assert.equal(r.status, 200, 'settled at 15');
  mock.usage = { input: 5, output: 900 };
  assert.equal((await gw.chat(t.key, flat({ max_tokens: 900 }))).status, 200);
  await gw.rows(3);
  const x = await gw.chat(t.key, flat({ max_tokens: 900 }));
  assert.equal(x.status, 429);
  assert.equal(x.error.details.kind, 'tokens');
  assert.equal(x.error.type, 'tokens');
});

gtest('concurrency: the third of two allowed is 429 until one ends', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('a', { maxConcurrent: 2 });
  const b = new Barrier();
  mock.script = async (rec, res) => { await b.wait(); mock.normal(rec, res); };
  const two = [gw.chat(t.key, flat()), gw.chat(t.key, flat())];
  await waitUntil(() => mock.seen.length === 2, 'two are at the provider');
  const r = await gw.chat(t.key, flat());
  assert.equal(r.status, 429);
  assert.equal(r.error.details.kind, 'concurrency');
  b.open();
  for (const x of await Promise.all(two)) assert.equal(x.status, 200);
  assert.equal((await gw.chat(t.key, flat())).status, 200);
});

gtest('R34: a Bearer with an OpenAI key plus X-API-Key with a tenant key: the provider receives that OpenAI key', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const r = await call(`${gw.url}/v1/chat/completions`, { json: flat(), headers: { authorization: 'Bearer sk-client-own', 'x-api-key': t.key } });
  assert.equal(r.status, 200);
  assert.equal(mock.seen[0].headers.authorization, 'Bearer sk-client-own');
  assert.equal(mock.seen[0].headers['x-api-key'], undefined);
  await call(`${gw.url}/v1/chat/completions`, { json: flat(), headers: { authorization: `Bearer ${t.key}`, 'x-openai-key': 'sk-other' } });
  assert.equal(mock.seen[1].headers.authorization, 'Bearer sk-other');
  assert.equal(mock.seen[1].headers['x-openai-key'], undefined);
});

gtest("a client's own rejected key passes the provider's 401 through; the gateway's becomes 502", {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const body = { error: { message: 'Incorrect API key', type: 'invalid_request_error', param: null, code: 'invalid_api_key' } };
  mock.script = (rec, res) => mock.json(res, 401, body);
  const own = await call(`${gw.url}/v1/chat/completions`, { json: flat(), headers: { authorization: 'Bearer sk-own', 'x-api-key': t.key } });
  assert.equal(own.status, 401);
  assert.deepEqual(own.json, body);
  const ours = await gw.chat(t.key, flat());
  assert.equal(ours.status, 502);
  assert.equal(ours.error.code, 'upstream_auth');
  assert.match(ours.error.message, /^Provider rejected the gateway's key/);
  const rows = await gw.rows(2);
  assert.deepEqual(rows.map((r) => [r.status, r.reason, r.usd]), [['failed', 'upstream_401', '0'], ['failed', 'upstream_401', '0']]);
});

gtest('without a provider key a call is 400 and says which', { OPENAI_API_KEY: null }, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const r = await gw.chat(t.key, flat());
  assert.equal(r.status, 400);
  assert.equal(r.error.code, 'provider_not_configured');
  assert.match(r.error.message, /^OpenAI API key not configured: .*: set OPENAI_KEY$/);
  assert.equal(mock.seen.length, 0);
  assert.equal((await gw.rows(1))[0].reason, 'no_provider_key');
});

gtest('R44: without a secret an admin route answers 401 whatever the body is', {}, async ({ gw }) => {
  for (const [m, p, body] of [['POST', '/admin/tenant', '{"name":"x"}'], ['POST', '/admin/tenant', '{'], ['POST', '/admin/tenant', ''], ['POST', '/admin/tenant', '[1]'],
    ['PUT', '/admin/tenant/abc', 'x'], ['GET', '/admin/usage/ledger?limit=-1'], ['DELETE', '/admin/tenant/0']]) {
    const r = await call(gw.url + p, { method: m, body, headers: body === undefined ? {} : { 'content-type': 'application/json' } });
    assert.equal(r.status, 401, `${m} ${p}`);
    assert.deepEqual(r.json, { error: 'Unauthorized', code: 'unauthorized' });
  }
});

gtest('R48: with no admin secret set every admin route is 401, in development too', { ADMIN_API_KEY: null, ENV: 'development' }, async ({ gw }) => {
  for (const h of [{}, { 'x-admin-key': '' }, { 'x-admin-key': 'undefined' }]) assert.equal((await call(`${gw.url}/admin/tenant`, { headers: h })).status, 401);
  await waitUntil(() => gw.logContains('ADMIN_API_KEY'), 'the log says which variable to set');
});

gtest('each admin secret works in each admin header', { ADMIN_API_KEY: 'first-secret-000', ADMIN_TOKEN: 'second-secret-00', API_KEY: 'third-secret-000' }, async ({ gw }) => {
  for (const s of ['first-secret-000', 'second-secret-00', 'third-secret-000']) for (const h of ['x-admin-key', 'x-admin-token'])
    assert.equal((await call(`${gw.url}/admin/tenant`, { headers: { [h]: s } })).status, 200);
});

gtest('R47: wrong admin secrets are 429 after AUTH_FAIL_PER_MIN, and memory does not grow', { AUTH_FAIL_PER_MIN: '20' }, async ({ gw }) => {
  const rss = () => +/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${gw.proc.pid}/status`, 'utf8'))[1];
  const st = {};
  for (let i = 0; i < 40; i++) { const r = await call(`${gw.url}/admin/tenant`, { headers: { 'x-admin-key': `wrong-${i}` } }); st[r.status] = (st[r.status] ?? 0) + 1; if (r.status === 429) assert.ok(+r.headers['retry-after'] >= 1); }
  assert.deepEqual(st, { 401: 20, 429: 20 });
  const before = rss();
  for (let k = 0; k < 20; k++) await Promise.all(Array.from({ length: 100 }, (_, i) => call(`${gw.url}/admin/tenant`, { headers: { 'x-admin-key': `w-${k}-${i}` } })));
  assert.ok(rss() - before < 8192 * SLOW, `grew by ${rss() - before} KiB`);
});

gtest('TENANT_AUTH=header: the header names the tenant, a key wins, wrong keys are 401', { TENANT_AUTH: 'header', HEADER_MAX_TENANTS: '3' }, async ({ gw, mock }) => {
  const t = await gw.tenant('keyed');
  const post = (headers, json = flat()) => call(`${gw.url}/v1/chat/completions`, { json, headers });
  assert.equal((await post({})).status, 200);
  assert.equal((await post({ 'x-tenant-id': 'team a' })).status, 200);
  assert.ok([400, 403].includes((await post({ 'x-tenant-id': 'bad/name' })).status), 'a name outside the alphabet');
  assert.equal((await post({ 'x-tenant-id': 'never' }, { messages: hello })).status, 400);
  const names = () => gw.ok('GET', '/admin/tenant').then((l) => l.map((x) => x.name).sort());
  assert.deepEqual(await names(), ['keyed', 'public', 'team a'], 'no tenant from a request that fails before step 4');
  assert.equal((await post({ authorization: `Bearer ${t.key}` })).status, 200);
  assert.equal((await post({ authorization: 'Bearer bg_wrong' })).status, 401);
  assert.equal((await post({ 'x-api-key': 'whatever' })).status, 401);
  assert.equal((await post({ 'x-tenant-id': 'team a', authorization: 'Bearer sk-foreign' })).status, 200);
  assert.equal(mock.seen.at(-1).headers.authorization, 'Bearer sk-foreign');
  await post({ 'x-tenant-id': 'third' });
  const r = await post({ 'x-tenant-id': 'fourth' });
  assert.equal(r.status, 403);
  assert.equal(r.error.code, 'tenant_limit');
});

gtest('DEFAULT_TENANT and DEFAULT_API_KEY are made at start, once', { DEFAULT_TENANT: 'house', DEFAULT_API_KEY: 'a-key-of-sixteen-chars' }, async ({ gw }) => {
  assert.equal((await gw.chat('a-key-of-sixteen-chars', flat())).status, 200);
  await gw.restart();
  assert.equal((await gw.chat('a-key-of-sixteen-chars', flat())).status, 200);
  const l = await gw.ok('GET', '/admin/tenant');
  assert.deepEqual(l.map((x) => x.name), ['house']);
});

gtest('rows of 401 have no tenant, and only AUTH_FAIL_PER_MIN of them per minute are written', { AUTH_FAIL_PER_MIN: '5' }, async ({ gw }) => {
  for (let i = 0; i < 12; i++) await call(`${gw.url}/v1/chat/completions`, { json: flat(), headers: { authorization: 'Bearer bg_wrong' } });
  const rows = await gw.rows(5);
  for (const r of rows) { assert.equal(r.tenantId, null); assert.equal(r.reason, 'invalid_key'); assert.equal(r.httpStatus, 401); }
  assert.match((await gw.admin('GET', '/metrics')).text, /budgetguard_auth_failures_total\{[^}]*\} (\d+)/);
});

gtest('R72: ?key= reaches neither provider nor log; other query parameters do', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  await call(`${gw.url}/v1/chat/completions?a=1&key=${t.key}&b=%20x`, { json: flat() });
  await call(`${gw.url}/v1/files?key=${t.key}`, {});
  await call(`${gw.url}/nowhere?key=${t.key}`, {});
  assert.equal(mock.seen[0].url, '/v1/chat/completions?a=1&b=%20x');
  assert.ok(!mock.everything().includes(t.key));
  assert.ok(!gw.log.includes(t.key));
});
