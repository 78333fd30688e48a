// providers.test.mjs - contract 4.4, 5, 6 and 7: the providers' state, the
// models of a signed-in user, metrics as JSON, the bucket of B's paths.
import { gtest, assert, flat, call, waitUntil, ADMIN } from './fixture.mjs';

const NAMES = ['openai', 'azure', 'anthropic', 'google', 'mistral', 'deepseek', 'xai', 'groq', 'openrouter', 'cohere'];
const modelsOf = (mock) => mock.seen.filter((r) => r.path.endsWith('/models'));

gtest('providers: status of all, free calls, kept for a minute', {}, async ({ gw, mock }) => {
  const { providers } = await gw.ok('GET', '/admin/providers/status');
  assert.deepEqual(Object.keys(providers), NAMES);
  const o = providers.openai;
  assert.equal(o.configured, true);
  assert.equal(o.healthy, true);
  assert.ok(Number.isInteger(o.responseTime) && o.responseTime >= 0);
  assert.ok(Math.abs(o.lastChecked - Date.now()) < 600000);
  assert.equal('error' in o, false);
  for (const n of NAMES.slice(1)) {
    const { lastChecked, ...rest } = providers[n];
    assert.deepEqual(rest, { configured: false, healthy: false, error: 'Provider not configured' }, n);
    assert.ok(lastChecked > 0);
  }
  await gw.ok('GET', '/admin/providers/status');
  await gw.ok('GET', '/health/detailed');
  assert.equal(modelsOf(mock).length, 1, 'asked once');
  assert.deepEqual(mock.seen.map((r) => `${r.method} ${r.path}`), ['GET /v1/models'], 'never a paid call');
  assert.equal(mock.seen[0].headers.authorization, 'Bearer sk-gateway-openai-key');
});

gtest('providers: a provider that is down, slow to refuse, or answers nonsense is unhealthy', {}, async ({ gw, mock }) => {
  const health = () => gw.ok('GET', '/admin/providers/openai/health');
  const said = async (status, text, script) => {
    mock.once(script);
    const h = await health();
    assert.deepEqual([h.provider, h.configured, h.healthy, h.error], ['openai', true, false, text], String(status));
  };
  await said(401, 'Provider rejected the key', (r, s) => mock.json(s, 401, { error: { message: 'Incorrect API key provided: sk-gateway-openai-key' } }));
  await said(403, 'Provider rejected the key', (r, s) => mock.json(s, 403, {}));
  await said(429, 'Provider is limiting the key', (r, s) => mock.json(s, 429, {}));
  await said(500, 'Provider answered with an error', (r, s) => mock.json(s, 500, 'secret stack'));
  await said('cut', 'Provider unreachable', (r, s) => s.destroy());
  const h = await health();
  assert.deepEqual(Object.keys(h), ['provider', 'configured', 'healthy', 'responseTime', 'lastChecked']);
  assert.equal(h.healthy, true);
  assert.deepEqual((({ responseTime, configured, error }) => [responseTime, configured, error])(await gw.ok('GET', '/admin/providers/groq/health')), [null, false, 'Provider not configured']);
  for (const p of ['nonsense', 'OpenAI', 'none', 'demo', 'x%20y']) {
    const r = await gw.admin('GET', `/admin/providers/${p}/health`);
    assert.equal(r.status, 400, p);
    assert.deepEqual(r.json, { statusCode: 400, code: 'FST_ERR_VALIDATION', error: 'Bad Request', message: 'params/provider must be equal to one of the allowed values' });
  }
});

gtest('providers: while one caller waits for a provider that hangs, others get what is known', {}, async ({ gw, mock }) => {
  const { providers: first } = await gw.ok('GET', '/admin/providers/status');
  const held = [];
  mock.script = (r, s) => { held.push(s); };
  const slow = gw.ok('GET', '/admin/providers/openai/health');
  await waitUntil(() => held.length === 1, 'the provider is asked');
  const others = await Promise.all(Array.from({ length: 8 }, () => gw.ok('GET', '/admin/providers/openai/health')));
  for (const o of others) assert.deepEqual([o.healthy, o.lastChecked], [true, first.openai.lastChecked]);
  assert.equal((await gw.call('/health')).status, 200);
  assert.equal(held.length, 1);
  mock.json(held[0], 500, {});
  assert.equal((await slow).error, 'Provider answered with an error');
});

gtest('providers: a key is tried without being kept or shown', {}, async ({ gw, mock }) => {
  const T = '/admin/providers/openai/test';
  const KEY = 'sk-tried-once-0123456789';
  const good = await gw.ok('POST', T, { apiKey: KEY });
  assert.deepEqual(Object.keys(good), ['provider', 'healthy', 'responseTime', 'lastChecked']);
  assert.equal(good.healthy, true);
  assert.equal(mock.seen.at(-1).headers.authorization, `Bearer ${KEY}`);
  mock.once((r, s) => mock.json(s, 401, { error: { message: `Incorrect key ${KEY}` } }));
  const bad = await gw.ok('POST', T, { apiKey: KEY });
  assert.equal(bad.error, 'Provider rejected the key');
  assert.ok(!JSON.stringify(bad).includes(KEY));
  assert.ok(!gw.log.includes(KEY));
  const n = mock.seen.length;
  assert.equal((await gw.ok('POST', T, { apiKey: 'a\r\nX-Evil: 1' })).healthy, false);
  assert.equal(mock.seen.length, n, 'no key with a line end leaves');
  for (const [body, text] of [[{}, "body must have required property 'apiKey'"], [{ apiKey: 5 }, 'body/apiKey must be string'], [{ apiKey: '' }, 'body/apiKey must NOT have fewer than 1 characters']]) {
    const r = await gw.admin('POST', T, body);
    assert.deepEqual([r.status, r.json.message], [400, text]);
  }
  assert.equal((await gw.admin('POST', '/admin/providers/nope/test', { apiKey: 'x' })).status, 400);
  // a key in the head counts for the status, and is not kept either
  mock.once((r, s) => mock.json(s, 401, {}));
  const sent = await gw.admin('GET', '/admin/providers/status', undefined, { headers: { 'x-openai-key': KEY } });
  assert.equal(sent.json.providers.openai.healthy, false);
  assert.equal((await gw.ok('GET', '/admin/providers/status')).providers.openai.healthy, true);
  const noAzure = await gw.ok('POST', '/admin/providers/azure/test', { apiKey: 'x' });
  assert.equal(noAzure.error, 'Provider not configured');
});

gtest('GET /models: the used ones for an admin, the providers\' for a signed-in user', { SELF_SERVICE: '1' }, async ({ gw, mock }) => {
  mock.script = (r, s) => (r.path.endsWith('/models') ? mock.json(s, 200, { object: 'list', data: [{ id: 'zeta' }, { id: 'alpha' }, { id: 'zeta' }].map((m) => ({ ...m, object: 'model', created: 1, owned_by: 'x' })) }) : mock.normal(r, s));
  const t = await gw.tenant();
  await gw.chat(t.key, flat());
  await gw.rows(1);
  assert.deepEqual(await gw.ok('GET', '/models'), { models: ['gpt-flat'] });
  const nobody = await gw.call('/models');
  assert.equal(nobody.status, 401);
  assert.deepEqual([nobody.json.message, nobody.json.status], ['Unauthorized', 'error']);
  const l = await gw.call('/login', { method: 'POST', body: 'username=alice', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  const cookie = l.headers['set-cookie'][0].split(';')[0];
  const mine = await gw.call('/models', { headers: { cookie } });
  assert.equal(mine.status, 200, mine.text);
  assert.deepEqual(mine.json.models, ['alpha', 'zeta']);
  assert.ok(Math.abs(mine.json.loaded_at - Date.now() / 1000) < 600);
  assert.deepEqual((await gw.call('/models', { headers: { cookie, 'x-admin-key': ADMIN } })).json, { models: ['gpt-flat'] });
  assert.equal((await gw.call('/models', { headers: { cookie: `${cookie}x` } })).status, 401);
  // the list stays while the provider is down
  mock.script = (r, s) => s.destroy();
  assert.deepEqual((await gw.call('/models', { headers: { cookie } })).json.models, ['alpha', 'zeta']);
  // a fresh process without an answer has none, and asks once
  await gw.restart();
  const before = modelsOf(mock).length;
  const none = await gw.call('/models', { headers: { cookie } });
  assert.deepEqual([none.status, none.json], [502, { detail: 'Models cache is empty' }]);
  await gw.call('/models', { headers: { cookie } });
  assert.equal(modelsOf(mock).length, before + 1);
});

gtest('metrics as JSON: configuration, counters by route pattern, ingestion health', { INGEST_KEY: 'ingest-key-0123', RATE_LIMIT_RPM: '120', RATE_LIMIT_BURST: '50', INGEST_RPM: '30' }, async ({ gw }) => {
  const tok = await gw.ok('POST', '/ingest/tokens', { label: 'app' }, 201);
  const post = (json, key = 'ingest-key-0123') => gw.call('/ingest', { json, headers: { 'x-ingest-key': key } });
  const ev = { tracking_token: tok.token, model: 'gpt-flat', prompt_tokens: 1, completion_tokens: 2, event_id: 'e1' };
  assert.equal((await post(ev)).status, 201);
  assert.equal((await post(ev)).status, 200);
  assert.equal((await post({ ...ev, prompt_tokens: -1 })).status, 400);
  assert.equal((await post(ev, 'wrong')).status, 401);
  await gw.tenant();
  assert.equal((await gw.admin('GET', '/admin/tenant/1')).status, 200);
  assert.equal((await gw.admin('GET', '/admin/tenant/999')).status, 404);
  const ask = () => gw.call('/metrics?format=json');
  const r = await ask();
  assert.equal(r.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(r.headers['x-ratelimit-limit'], '50');
  const m = r.json;
  assert.deepEqual(Object.keys(m), ['version', 'env', 'debug', 'rate_limit', 'ingest', 'counters', 'db', 'ingestion_health']);
  assert.deepEqual([m.version, m.env, m.debug], ['1', 'production', false]);
  assert.deepEqual(m.rate_limit, { rpm: 120, burst: 50, regen_rate: 2, exempt_paths: ['/ping', '/health', '/dashboard'], ingest: { rpm: 30, burst: 50, regen_rate: 0.5 } });
  assert.deepEqual(m.ingest, { rpm: 30, burst: 50, auth_enabled: true, tracking_token_length: 22 });
  const c = m.counters;
  assert.deepEqual([c.rate_limit_hits, c.ingest_success, c.ingest_duplicate, c.ingest_bad_auth, c.ingest_validation_error], [0, 1, 1, 1, 1]);
  assert.deepEqual(c.http_status['/ingest'], { 200: 1, 201: 1, 400: 1, 401: 1 });
  assert.deepEqual(c.http_status['/admin/tenant/:tenantId'], { 200: 1, 404: 1 });
  const l = c.latency['/ingest'];
  assert.equal(l.count, 4);
  assert.ok(l.mean_ms > 0 && l.p50_ms <= l.p95_ms && l.p95_ms > 0);
  await waitUntil(async () => (await ask()).json.db.usage_rows === 1, 'the row is counted');
  const { db, ingestion_health: h } = (await ask()).json;
  assert.deepEqual([db.usage_rows, db.active_tokens], [1, 1]);
  assert.match(db.last_usage_at, /^\d{4}-.*Z$/);
  assert.match(db.last_token_seen_at, /^\d{4}-.*Z$/);
  assert.deepEqual(h, { tokens_seen_1m: 1, tokens_seen_5m: 1, tokens_seen_1h: 1 });
  // Accept decides, too; without it the text
  assert.equal((await gw.call('/metrics', { headers: { accept: 'application/json' } })).json.version, '1');
  assert.match((await gw.call('/metrics', { headers: { accept: 'text/plain;version=0.0.4' } })).text, /^# HELP budgetguard_/);
  assert.match((await gw.call('/metrics')).text, /^# HELP budgetguard_/);
});

gtest('R46: beyond the burst /data and JSON metrics are 429 with Retry-After; text metrics are not counted', { RATE_LIMIT_RPM: '1', RATE_LIMIT_BURST: '2' }, async ({ gw }) => {
  const data = () => gw.admin('GET', '/data');
  assert.equal((await data()).headers['x-ratelimit-remaining'], '1');
  assert.equal((await data()).headers['x-ratelimit-remaining'], '0');
  const r = await data();
  assert.deepEqual([r.status, r.json.message, r.headers['x-ratelimit-limit'], r.headers['x-ratelimit-remaining']], [429, 'Rate limit exceeded', '2', '0']);
  assert.ok(+r.headers['retry-after'] >= 1);
  assert.equal((await gw.admin('GET', '/models')).status, 429, 'one bucket for all of them');
  const j = () => gw.call('/metrics?format=json');
  assert.deepEqual([(await j()).status, (await j()).status, (await j()).status], [200, 200, 429], 'its own: no secret was sent');
  for (let i = 0; i < 4; i++) assert.equal((await gw.call('/metrics')).status, 200);
});

gtest('RATE_LIMIT_EXEMPT lists paths, and folders with what is in them', { RATE_LIMIT_RPM: '1', RATE_LIMIT_BURST: '1', RATE_LIMIT_EXEMPT: '/data, /ingest/' }, async ({ gw }) => {
  for (let i = 0; i < 4; i++) {
    assert.equal((await gw.admin('GET', '/data')).status, 200);
    assert.equal((await gw.admin('GET', '/ingest/tokens')).status, 200);
  }
  assert.equal((await gw.admin('GET', '/models')).status, 200);
  assert.equal((await gw.admin('GET', '/models')).status, 429);
});

gtest('/health/detailed shows providers, queue, holds and policy', {}, async ({ gw, mock }) => {
  const h = await gw.ok('GET', '/health/detailed');
  assert.equal(h.ok, true);
  assert.equal(h.providers.openai.healthy, true);
  assert.equal(h.providers.google.error, 'Provider not configured');
  assert.match(h.policy.loadedAt, /^\d{4}-.*Z$/);
  assert.equal(h.policy.error, null);
  assert.ok(h.uptime_s >= 0 && h.holds_open === 0 && h.queue_depth === 0);
  assert.equal((await gw.call('/health/detailed')).status, 401);
  const n = mock.seen.length;
  for (let i = 0; i < 5; i++) assert.equal((await gw.call('/health')).status, 200);
  assert.equal(mock.seen.length, n, 'R33: /health makes no call');
});
