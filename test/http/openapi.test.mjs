// openapi.test.mjs - /openapi.json: lint, the route table both ways, every
// example carried out, every answer held against its schema; and what holds
// for every route of it (contract 1.1 to 1.3, R4, R26, R43, R44, R48, R61).
import fs from 'node:fs';
import path from 'node:path';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { gtest, assert, flat, call, waitUntil, ADMIN, ROOT } from './fixture.mjs';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const INGEST = 'ingest-key-0123';
const ENV = ({ mock }) => ({ INGEST_KEY: INGEST, SELF_SERVICE: '1', RATE_LIMIT_RPM: '0', INGEST_RPM: '0', AUTH_FAIL_PER_MIN: '100000', ALERT_WEBHOOK_URL: `${mock.url}/hook`,
  ANTHROPIC_API_KEY: 'sk-ant', ANTHROPIC_BASE_URL: mock.url, GOOGLE_API_KEY: 'g-key', GOOGLE_BASE_URL: mock.url,
  AZURE_OPENAI_API_KEY: 'az-key', AZURE_OPENAI_ENDPOINT: mock.url });
const load = async (gw) => (await gw.call('/openapi.json')).json;

/** [{method, path, op}] in the document's order. */
const operations = (doc) => Object.entries(doc.paths).flatMap(([p, item]) => METHODS.filter((m) => item[m]).map((m) => ({ method: m.toUpperCase(), path: p, op: item[m] })));
const isProxy = (x) => x.op.tags[0] === 'Proxy';
const fill = (p, params, pick = (q) => q.example) => p.replace(/\{(\w+)\}/g, (_, n) => encodeURIComponent(pick(params.find((q) => q.in === 'path' && q.name === n))));

/** The table of routes.c as [method, pattern]. */
function table() {
  const text = fs.readFileSync(path.join(ROOT, 'lib/control/routes.c'), 'utf8');
  const body = text.slice(text.indexOf('table[] = {'), text.indexOf('\n};'));
  return [...body.matchAll(/[{(]"([A-Z]+)",\s+(T)?\s*(?:"([^"]*)")?,/g)].map((m) => [m[1], `${m[2] ? '/admin/tenant/:tenantId' : ''}${m[3] ?? ''}`]);
}
const toPattern = (p) => p.replace(/\{(\w+)\}/g, ':$1');

/** What is wrong with `v` under JSON Schema `s`: members nobody described, too. */
function wrong(doc, s, v, at = '$') {
  if (s.$ref) return wrong(doc, s.$ref.split('/').slice(1).reduce((o, k) => o[k], doc), v, at);
  if (s.anyOf) { const all = s.anyOf.map((x) => wrong(doc, x, v, at)); return all.some((x) => x.length === 0) ? [] : all[0]; }
  if (s.enum) return s.enum.includes(v) ? [] : [`${at}: ${JSON.stringify(v)} is none of ${s.enum}`];
  if (!s.type) return [];
  const is = v === null ? 'null' : Array.isArray(v) ? 'array' : Number.isInteger(v) ? 'integer' : typeof v;
  const types = [s.type].flat();
  if (!types.includes(is) && !(is === 'integer' && types.includes('number'))) return [`${at}: ${is} is not ${types}`];
  if (is === 'string' && s.pattern && !new RegExp(s.pattern).test(v)) return [`${at}: ${v} does not match ${s.pattern}`];
  if (is === 'string' && s.format === 'date-time' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(v)) return [`${at}: ${v} is no time`];
  if (is === 'array') return v.flatMap((x, i) => wrong(doc, s.items, x, `${at}[${i}]`));
  if (is !== 'object') return [];
  return [...(s.required ?? []).filter((k) => !(k in v)).map((k) => `${at}.${k}: missing`),
    ...Object.entries(v).flatMap(([k, x]) => (s.properties[k] ? wrong(doc, s.properties[k], x, `${at}.${k}`) : [`${at}.${k}: not described`]))];
}

/** What the examples speak of. */
async function seed(gw) {
  const t = await gw.tenant('acme');
  const T = `/admin/tenant/${t.id}`;
  const ci = await gw.ok('POST', `${T}/apikeys`, { name: 'old' });
  const issued = await gw.ok('POST', '/admin/keys', { label: 'bob', note: 'laptop' });
  const login = await gw.call('/login', { method: 'POST', body: 'username=alice', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  const user = login.headers['set-cookie'][0].split(';')[0];
  assert.equal((await gw.call('/public/keys', { json: { note: 'phone' }, headers: { cookie: user } })).status, 200);
  await gw.ok('POST', `${T}/tags`, { name: 'engineering', color: '#6750a4' });
  await gw.ok('POST', `${T}/tags`, { name: 'old' });
  const b = await gw.ok('POST', `${T}/budgets`, { period: 'monthly', amountUsd: 10 });
  const tb = await gw.ok('POST', `${T}/tags/1/budgets`, { period: 'monthly', amountUsd: 5 });
  const wb = await gw.ok('POST', '/admin/budgets', { scope: { kind: 'global' }, period: 'total', amountUsd: 1000 }, 201);
  await gw.ok('POST', '/admin/model-pricing', { model: 'acme-large', versionTag: '1', inputPrice: 2, cachedInputPrice: 1, outputPrice: 8 });
  const tok = await gw.ok('POST', '/ingest/tokens', { label: 'app' }, 201);
  await gw.ok('POST', '/ingest/tokens', { label: 'gone' }, 201);
  assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-tags': 'engineering', 'x-session-id': 'run-42' } })).status, 200);
  await gw.rows(1);
  const s = await gw.call('/dashboard/session', { json: { key: ADMIN } });
  const cookie = s.headers['set-cookie'][0].split(';')[0];
  assert.deepEqual([t.id, ci.id, issued.token.slice(0, 3), b[0].id, tb.id, wb.id], [1, 2, 'bg_', 1, 2, 3], 'the ids the examples name');
  return { t, user, tok, cookie, csrf: s.json.csrfToken };
}

/** Headers of the first credential the operation names. */
function credential(x, s) {
  const scheme = Object.keys(x.op.security?.[0] ?? {})[0];
  const of = { adminKey: { 'x-admin-key': ADMIN }, ingestKey: { 'x-ingest-key': INGEST }, tenantBearer: { authorization: `Bearer ${s.t.key}` }, user: { cookie: s.user } };
  if (x.path === '/dashboard/session' && x.method !== 'POST') return { cookie: s.cookie, 'x-csrf-token': s.csrf };
  if (['/', '/request-key', '/reports'].includes(x.path) || x.path === '/logout') return { cookie: s.user };
  assert.ok(scheme === undefined || of[scheme], scheme);
  return of[scheme] ?? {};
}

/** Node sends no framing with DELETE bodies by itself. */
const framed = (opt) => {
  if (opt.json !== undefined) { opt.body = JSON.stringify(opt.json); opt.headers['content-type'] = 'application/json'; delete opt.json; }
  if (opt.body !== undefined) opt.headers['content-length'] = Buffer.byteLength(opt.body);
  return opt;
};

/** The request of an operation's examples. */
function request(gw, x, s) {
  const params = x.op.parameters;
  const q = params.filter((p) => p.in === 'query' && 'example' in p).map((p) => `${p.name}=${encodeURIComponent(p.example)}`).join('&');
  const [type, content] = Object.entries(x.op.requestBody?.content ?? {})[0] ?? [];
  const opt = { method: x.method, headers: { ...credential(x, s) } };
  if (type === 'application/json') opt.json = JSON.parse(JSON.stringify(content.example).replace('$ADMIN_API_KEY', ADMIN).replace('$TRACKING_TOKEN', s.tok.token));
  else if (type) { opt.body = new URLSearchParams(content.example).toString(); opt.headers['content-type'] = type; }
  return call(gw.url + fill(x.path, params) + (q ? `?${q}` : ''), framed(opt));
}

gtest('OpenAPI: Redocly finds nothing to complain of', ENV, async ({ gw }) => {
  const r = await gw.call('/openapi.json');
  assert.equal(r.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(r.text, (await gw.call('/docs/json')).text);
  // redirects are the whole answer of some routes, and /a/:id beside /a/list
  // is told apart by the table's order
  const config = await createConfig({ extends: ['recommended'], rules: { 'operation-2xx-response': 'off', 'no-ambiguous-paths': 'off' } });
  const problems = await lintFromString({ source: r.text, absoluteRef: '/openapi.json', config });
  assert.deepEqual(problems.map((p) => `${p.severity} ${p.ruleId} ${p.message} ${p.location[0]?.pointer}`), []);
});

gtest('OpenAPI: every route of the table stands in it, and nothing else', ENV, async ({ gw }) => {
  const doc = await load(gw);
  const all = operations(doc);
  const rows = table();
  assert.ok(rows.length > 90, `the table was read: ${rows.length}`);
  const own = all.filter((x) => !isProxy(x)).map((x) => `${x.method} ${toPattern(x.path)}`);
  assert.deepEqual(own.sort(), rows.map((r) => r.join(' ')).sort());
  assert.deepEqual(all.filter((x) => x.op['x-undocumented']).map((x) => `${x.method} ${x.path}`), [], 'describe them in lib/control/openapi.txt');
  // and what the text describes is there
  const text = fs.readFileSync(path.join(ROOT, 'lib/control/openapi.txt'), 'utf8');
  const described = [...text.matchAll(/^(?:proxy )?(GET|POST|PUT|PATCH|DELETE) (\S+)$/gm)].map((m) => `${m[1]} ${m[2]}`);
  const known = new Set(all.map((x) => `${x.method} ${toPattern(x.path)}`));
  assert.deepEqual(described.filter((d) => !known.has(d)), []);
  assert.equal(new Set(all.map((x) => x.op.operationId)).size, all.length);
});

gtest('OpenAPI: every example works and every answer has its schema', ENV, async ({ gw, mock }) => {
  const policy = path.join(gw.dir, 'policy.rego');
  fs.writeFileSync(policy, 'package budgetguard.policy\nimport rego.v1\ndefault allow := true\n');
  await gw.start({ OPA_POLICY_PATH: policy });
  mock.script = (r, s, m) => {
    if (r.path.endsWith(':streamGenerateContent')) return m.sse(s, `data: ${JSON.stringify({ candidates: [{ content: { parts: [{ text: 'Hi' }], role: 'model' }, finishReason: 'STOP' }], usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 } })}\n\n`);
    if (r.path.endsWith(':generateContent')) return m.json(s, 200, { candidates: [{ content: { parts: [{ text: 'Hi' }], role: 'model' }, finishReason: 'STOP' }], usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 } });
    return m.normal(r, s);
  };
  const doc = await load(gw);
  const s = await seed(gw);
  // readers first, then makers, then what takes away, deepest first
  const rank = (x) => (x.method === 'GET' ? 0 : x.method !== 'DELETE' && x.path !== '/logout' ? 1 : 2);
  const late = (x) => (x.path === '/admin/tenant/{tenantId}' ? 2 : /sessions|\/reset|session$/.test(x.path) ? 1 : 0);
  const all = operations(doc).filter((x) => !x.op['x-undocumented']).sort((a, b) => rank(a) - rank(b) || (rank(a) === 2 ? late(a) - late(b) || b.path.length - a.path.length : 0));
  const faults = [];
  for (const x of all) {
    const r = await request(gw, x, s);
    const name = `${x.method} ${x.path}`;
    const want = Object.keys(x.op.responses).find((c) => c < '400');
    if (String(r.status) !== want) { faults.push(`${name}: ${r.status} is not ${want}: ${r.text.slice(0, 300)}`); continue; }
    const [type, content] = Object.entries(x.op.responses[want].content ?? {})[0] ?? [];
    if (type === undefined) continue;
    const got = r.headers['content-type'] ?? '';
    if (!got.startsWith(type)) faults.push(`${name}: ${got} is not ${type}`);
    else if (type === 'application/json') faults.push(...wrong(doc, content.schema, r.json).slice(0, 5).map((w) => `${name}: ${w}`));
  }
  assert.deepEqual(faults, []);
}, { noStart: true });

// ---- what holds for every route -------------------------------------------------

const bodied = (x) => x.op.requestBody?.content['application/json'];
const guarded = (x) => !isProxy(x) && x.op.responses['401'] && !['/dashboard/session', '/metrics'].includes(x.path);
const unauthorized = (x, doc) => {
  const schema = x.op.responses['401'].content['application/json'].schema;
  return schema.$ref?.endsWith('Detail') ? 'C' : schema.$ref?.endsWith('BriefError') ? 'B' : 'A';
};

gtest('R44, R48: every guarded route is 401 in its own words before the body is looked at, with and without a secret set', ENV, async ({ gw }) => {
  const doc = await load(gw);
  const check = async () => {
    let n = 0;
    for (const x of operations(doc).filter(guarded)) {
      for (const [body, type] of [[undefined], ['{"broken', 'application/json'], ['x', 'text/plain']]) {
        if (body !== undefined && !bodied(x)) continue;
        const r = await gw.call(fill(x.path, x.op.parameters, () => 'zz'), framed({ method: x.method, body, headers: type ? { 'content-type': type } : {} }));
        const name = `${x.method} ${x.path} ${body}`;
        if (x.path === '/ingest' && gw.env.INGEST_KEY === null) { assert.deepEqual([r.status, r.json.message], [500, 'Ingest authentication not configured'], name); continue; }
        assert.equal(r.status, 401, `${name}: ${r.text}`);
        const shape = unauthorized(x, doc);
        if (shape === 'A') assert.deepEqual(r.json, { error: 'Unauthorized', code: 'unauthorized' }, name);
        else if (shape === 'B') assert.deepEqual([r.json.message, r.json.status, Object.keys(r.json)], [x.path === '/ingest' ? 'Invalid or missing X-Ingest-Key' : 'Unauthorized', 'error', ['message', 'requestId', 'status']], name);
        else assert.deepEqual(r.json, { detail: x.op.security[0].user ? 'Login required' : 'Invalid admin token' }, name);
        n++;
      }
    }
    assert.ok(n > 80, `${n}`);
  };
  await check();
  await gw.restart({ ADMIN_API_KEY: null, INGEST_KEY: null, ENV: 'development' });
  await check();
});

gtest('every path answers 405 with Allow to other methods, HEAD like GET, and CORS to nobody', ENV, async ({ gw }) => {
  const doc = await load(gw);
  const s = await seed(gw);
  for (const [p, item] of Object.entries(doc.paths)) {
    const ops = METHODS.filter((m) => item[m]);
    const any = item[ops[0]];
    if (any.tags[0] === 'Proxy') continue;
    const url = fill(p, any.parameters);
    const allow = [...ops.map((m) => m.toUpperCase()), ...(item.get ? ['HEAD'] : [])].sort();
    for (const m of [...METHODS, 'propfind'].filter((x) => !item[x])) {
      // a fixed path may have a sibling with a parameter that takes the method
      const sibling = Object.entries(doc.paths).some(([o, it]) => o !== p && it[m] && new RegExp(`^${o.replace(/\{\w+\}/g, '[^/]+')}$`).test(url));
      if (sibling) continue;
      const r = await gw.call(url, { method: m.toUpperCase() });
      assert.equal(r.status, 405, `${m} ${p}: ${r.text}`);
      const got = r.headers.allow.split(', ').sort();
      for (const a of allow) assert.ok(got.includes(a), `${m} ${p}: Allow: ${got}`);
      assert.equal(r.json.message ?? r.json.error ?? r.json.detail, 'Method not allowed');
    }
    if (item.get) {
      const x = { method: 'GET', path: p, op: item.get };
      const head = await request(gw, { ...x, method: 'HEAD' }, s);
      const get = await request(gw, x, s);
      assert.equal(head.status, get.status, `HEAD ${p}`);
      assert.equal(head.body.length, 0);
      assert.equal(head.headers['content-type'], get.headers['content-type'], p);
    }
    const cors = await gw.call(url, { headers: { origin: 'https://evil.example', 'x-admin-key': ADMIN } });
    assert.equal(cors.headers['access-control-allow-origin'], undefined, p);
  }
});

gtest('R43: ids that are none are 400, unknown ones 404, never 500', ENV, async ({ gw }) => {
  const doc = await load(gw);
  const t = await gw.tenant();
  const texts = { tenantId: 'Invalid tenant ID', budgetId: 'Invalid budget ID', tagId: 'Invalid tag ID' };
  let bad = 0, missing = 0;
  for (const x of operations(doc).filter((o) => !isProxy(o))) {
    const ids = x.op.parameters.filter((p) => p.in === 'path' && p.schema.type === 'integer');
    if (ids.length === 0) continue;
    const headers = credential(x, { t, user: '', cookie: '', csrf: '' });
    const json = bodied(x)?.example;
    for (const p of ids)
      for (const v of ['abc', '0', '-1', '1.5', '1e3', '99999999999999999999', '%00', '1%20', "1'--"]) {
        const r = await gw.call(fill(x.path, x.op.parameters, (q) => (q === p ? 'VALUE' : q.example)).replace('VALUE', v), framed({ method: x.method, json, headers: { ...headers } }));
        assert.equal(r.status, 400, `${x.method} ${x.path} ${p.name}=${v}: ${r.text}`);
        const said = r.json.error ?? r.json.message;
        if (texts[p.name]) assert.deepEqual(r.json, { error: texts[p.name], code: 'invalid_id' }, x.path);
        else assert.match(said, /^Invalid (key |budget )?ID$/, `${x.method} ${x.path}`);
        bad++;
      }
    const r = await gw.call(fill(x.path, x.op.parameters, (q) => (ids.includes(q) ? 987654 : q.example)), framed({ method: x.method, json, headers: { ...headers } }));
    assert.equal(r.status, 404, `${x.method} ${x.path}: ${r.text}`);
    assert.match(r.json.error ?? r.json.message ?? r.json.detail, /not found/, x.path);
    missing++;
  }
  assert.ok(bad > 300 && missing > 40, `${bad} ${missing}`);
});

gtest('R61, R32: bodies that are no JSON object are 400, other media types 415, large ones 413, and no text leaks', ENV, async ({ gw }) => {
  const doc = await load(gw);
  const s = await seed(gw);
  const big = Buffer.from(`{"x":"${'y'.repeat(1 << 20)}"}`);
  let n = 0;
  for (const x of operations(doc).filter((o) => !isProxy(o) && bodied(o) && o.path !== '/dashboard/session')) {
    const url = fill(x.path, x.op.parameters);
    const send = (body, type = 'application/json') => gw.call(url, framed({ method: x.method, body, headers: { ...credential(x, s), 'content-type': type } }));
    const name = `${x.method} ${x.path}`;
    const strict = !x.op.responses['401'] || unauthorized(x, doc) === 'A';
    for (const body of ['{"a":', '[]', '"x"', 'null', '17', '{"a":1,"a":2}', '\u0000', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]), '['.repeat(200)]) {
      const r = await send(body);
      assert.equal(r.status, 400, `${name} ${body}: ${r.status} ${r.text}`);
      assert.doesNotMatch(r.text, /sqlite|SELECT|\.c:|\.c"|\/work|\/tmp|errno|lmdb/i, name);
      if (strict && body === '[]') assert.deepEqual(r.json, { statusCode: 400, code: 'FST_ERR_VALIDATION', error: 'Bad Request', message: 'body must be object' }, name);
      if (strict && body === '{"a":') assert.deepEqual([r.json.statusCode, r.json.code, r.json.error], [400, 'FST_ERR_CTP_INVALID_JSON_BODY', 'Bad Request'], name);
      n++;
    }
    if (strict) {
      const r = await send('a=b', 'text/plain');
      assert.deepEqual([r.status, r.json.code, r.json.message], [415, 'FST_ERR_CTP_INVALID_MEDIA_TYPE', 'Unsupported Media Type'], name);
      if (x.op.requestBody.required && !['PATCH', 'DELETE'].includes(x.method)) assert.equal((await send('')).json.code, 'FST_ERR_CTP_EMPTY_JSON_BODY', name);
    }
    const large = await send(big);
    assert.equal(large.status, 413, `${name}: ${large.text}`);
    if (strict) assert.deepEqual(large.json, { statusCode: 413, code: 'FST_ERR_CTP_BODY_TOO_LARGE', error: 'Payload Too Large', message: 'Request body is too large' }, name);
    assert.match(large.json.message ?? large.json.error ?? large.json.detail, /too large/, name);
  }
  assert.ok(n > 150, `${n}`);
});

gtest('every proxy route is 401 without a key, in the shape of its family, whatever the body is', ENV, async ({ gw, mock }) => {
  const doc = await load(gw);
  const text = 'Authentication required. Provide API key via Authorization header or X-API-Key header';
  const all = operations(doc).filter(isProxy);
  for (const x of all)
    for (const body of bodied(x) ? [JSON.stringify(bodied(x).example), '{"broken', '[]'] : [undefined]) {
      const r = await gw.call(fill(x.path, x.op.parameters), framed({ method: x.method, body, headers: body ? { 'content-type': 'application/json' } : {} }));
      assert.equal(r.status, 401, `${x.method} ${x.path} ${body}: ${r.text}`);
      assert.deepEqual(wrong(doc, x.op.responses['401'].content['application/json'].schema, r.json), [], `${x.method} ${x.path}`);
      assert.ok(r.json.error.message.startsWith(text), r.text);
      const bad = await gw.call(fill(x.path, x.op.parameters), framed({ method: x.method, body, headers: { 'x-api-key': 'bg_nobody', ...(body ? { 'content-type': 'application/json' } : {}) } }));
      assert.deepEqual([bad.status, bad.json.error.message.startsWith('Invalid API key')], [401, true], bad.text);
    }
  assert.ok(all.length > 20);
  assert.equal(mock.seen.length, 0, 'nothing reached a provider');
});

gtest('unknown paths are 404 in the words of their family; /debug/last-response is one (R63)', ENV, async ({ gw }) => {
  for (const p of ['/x', '/admin', '/admin/tenants', '/admin/tenant/1/nothing', '/debug/last-response', '/dashboardx', '/docsx', '/openapi.yaml', '/admin/providers/openai', '//', '/admin/tenant//apikeys']) {
    const r = await gw.admin('GET', p);
    assert.equal(r.status, 404, `${p}: ${r.text}`);
    assert.deepEqual(r.json, { message: `Route GET:${p} not found`, error: 'Not Found', statusCode: 404 }, p);
  }
  for (const p of ['/data/x', '/ingest/x', '/reset/x', '/log/x', '/keys', '/models/x']) {
    const r = await gw.admin('GET', p);
    assert.deepEqual([r.status, r.json.message, r.json.status], [404, 'Not found', 'error'], p);
    assert.match(r.json.requestId, /^[0-9a-f]{8}$/);
  }
  const b = await gw.admin('PUT', '/data', {});
  assert.deepEqual([b.status, b.json.message, b.headers.allow], [405, 'Method not allowed', 'GET, HEAD']);
});

gtest('R4: calling every GET route changes no decision on later requests', ENV, async ({ gw }) => {
  const doc = await load(gw);
  const s = await seed(gw);
  await gw.budget(s.t.id, 'daily', '0.03'); // four calls of 0.0075, one is spent
  const state = async () => JSON.stringify([await gw.ok('GET', `/admin/tenant/${s.t.id}/ratelimit`), (await gw.budgets()).map(({ spentUsd, heldUsd, amountUsd, id }) => [id, amountUsd, spentUsd, heldUsd]),
    gw.sql('SELECT count(*) FROM audit; SELECT count(*), sum(usd) FROM ledger; SELECT id, amount_nano, is_active FROM budget; SELECT id, is_active FROM tag').out]);
  const before = await state();
  for (let round = 0; round < 2; round++)
    for (const x of operations(doc).filter((o) => o.method === 'GET' && !isProxy(o))) await request(gw, x, s);
  assert.equal(await state(), before);
  const said = [];
  for (let i = 0; i < 4; i++) said.push((await gw.chat(s.t.key, flat())).status);
  assert.deepEqual(said, [200, 200, 200, 402]);
});

gtest('R26: no admin secret stands in any byte of the dashboard and the API browser', ENV, async ({ gw }) => {
  const doc = await load(gw);
  const s = await seed(gw);
  const seen = new Set(['/dashboard', '/docs', '/openapi.json', '/docs/json']);
  for (const x of operations(doc)) if (/^\/(dashboard|docs)/.test(x.path) && x.method === 'GET' && x.path !== '/dashboard/session') seen.add(fill(x.path, x.op.parameters));
  for (const p of seen) {
    const r = await gw.call(p, { headers: { cookie: s.cookie } });
    assert.equal(r.status, 200, p);
    for (const secret of [ADMIN, INGEST, s.t.key, 'sk-gateway-openai-key', 'sk-ant', 'g-key', s.csrf]) assert.ok(!r.body.includes(secret), `${p} has ${secret}`);
    for (const m of r.text.matchAll(/(?:src|href)="(\/(?:dashboard|docs|pages)[^"]*)"/g)) seen.add(m[1]);
  }
  assert.ok(seen.size >= 12, [...seen].join());
});
