// texts.test.mjs - contract 4 to 7, route by route: every listed error with
// its status and exact text, and the members of every listed answer.
import { gtest, assert, flat, waitUntil, ADMIN } from './fixture.mjs';

const MiB = 1 << 20;
/** Rows of [method, path, body, status, text]; text of error, message or detail. */
async function table(gw, rows, headers = { 'x-admin-key': ADMIN }) {
  const faults = [];
  for (const [m, p, body, status, text, code] of rows) {
    const raw = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const r = await gw.call(p, { method: m, body: raw, headers: { ...headers, ...(raw === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(raw) }) } });
    const said = r.json?.statusCode || r.json?.requestId ? r.json.message : r.json?.error ?? r.json?.detail;
    if (r.status !== status || said !== text || (code && r.json.code !== code)) faults.push(`${m} ${p} ${raw ?? ''}: ${r.status} ${r.text.slice(0, 200)}; not ${status} ${text} ${code ?? ''}`);
  }
  assert.deepEqual(faults, []);
}
const keys = (o) => Object.keys(o).sort().join();
const has = (o, list) => assert.deepEqual(list.split(',').filter((k) => !(k in o)), [], JSON.stringify(o));

gtest('4.1 tenants, keys and limits: every error', {}, async ({ gw }) => {
  const t = await gw.tenant('acme');
  await gw.tenant('beta');
  const T = `/admin/tenant/${t.id}`, X = '/admin/tenant/999';
  const absent = (...paths) => paths.map(([m, p, b]) => [m, X + p, b, 404, 'Tenant not found', 'not_found']);
  await table(gw, [
    ['POST', '/admin/tenant', {}, 400, "body must have required property 'name'", 'FST_ERR_VALIDATION'],
    ['POST', '/admin/tenant', { name: '' }, 400, 'Missing name'],
    ['POST', '/admin/tenant', { name: 'acme' }, 400, 'Tenant already exists'],
    ['POST', '/admin/tenant', { name: 'x'.repeat(129) }, 400, 'Unable to create tenant'],
    ['POST', '/admin/tenant', { name: 'a\u0007b' }, 400, 'Unable to create tenant'],
    ['POST', '/admin/tenant', { name: 'n', budgets: [{ period: 'fortnightly', amountUsd: 1 }] }, 400, 'Invalid period. Allowed: hourly, daily, weekly, monthly, total, custom, rolling'],
    ['POST', '/admin/tenant', { name: 'n', budgets: [{ period: 'daily', amountUsd: -1 }] }, 400, 'Invalid amount'],
    ['PUT', T, { name: '' }, 400, 'Name cannot be empty'],
    ['PUT', T, { name: 'beta' }, 400, 'Unable to update tenant'],
    ['PUT', `${T}/ratelimit`, { rateLimitPerMin: -1 }, 400, 'body/rateLimitPerMin must be >= 0', 'FST_ERR_VALIDATION'],
    ['PUT', `${T}/ratelimit`, { rateLimitPerMin: 'many' }, 400, 'body/rateLimitPerMin must be number', 'FST_ERR_VALIDATION'],
    ['DELETE', '/admin/apikey/999', undefined, 404, 'API key not found'],
    ['DELETE', '/admin/apikey/x', undefined, 400, 'Invalid key ID', 'invalid_id'],
    ['PUT', `${T}/default-session-budget`, {}, 400, "body must have required property 'budgetUsd'", 'FST_ERR_VALIDATION'],
    ['PUT', `${T}/default-session-budget`, { budgetUsd: -1 }, 400, 'body/budgetUsd must be >= 0', 'FST_ERR_VALIDATION'],
    ...absent(['GET', ''], ['PUT', '', { name: 'n' }], ['DELETE', ''], ['GET', '/ratelimit'], ['PUT', '/ratelimit', { rateLimitPerMin: 1 }], ['POST', '/apikeys', {}], ['GET', '/apikeys'], ['GET', '/budgets'],
      ['POST', '/budgets', { period: 'daily', amountUsd: 1 }], ['GET', '/usage'], ['GET', '/usage/history'], ['GET', '/usage/models'], ['GET', '/usage/ledger'], ['GET', '/tag-analytics'], ['GET', '/tags'], ['POST', '/tags', { name: 'x' }],
      ['GET', '/sessions'], ['GET', '/default-session-budget'], ['PUT', '/default-session-budget', { budgetUsd: 1 }], ['DELETE', '/default-session-budget']),
  ]);
  assert.equal((await gw.ok('GET', '/admin/tenant')).length, 2, 'nothing was made');
  assert.equal(keys(await gw.ok('PUT', T, { rateLimitPerMin: null })).includes('rateLimitPerMin'), true);
  has(await gw.ok('PUT', T, {}), 'id,name,rateLimitPerMin,defaultSessionBudgetUsd,createdAt,updatedAt');
});

gtest('4.2 budgets: every error', {}, async ({ gw }) => {
  const t = await gw.tenant('acme');
  const T = `/admin/tenant/${t.id}/budgets`;
  const [b] = await gw.ok('POST', T, { period: 'daily', amountUsd: 1 });
  const tag = await gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name: 'a' });
  const tb = await gw.ok('POST', `/admin/tenant/${t.id}/tags/${tag.id}/budgets`, { period: 'daily', amountUsd: 1 });
  const period = 'Invalid period. Allowed: hourly, daily, weekly, monthly, total, custom, rolling';
  const N = '/admin/budgets', day = { period: 'daily', amountUsd: '1' };
  await table(gw, [
    ['POST', T, { budgets: [] }, 400, 'Missing budgets'],
    ['POST', T, {}, 400, 'Missing budgets'],
    ['POST', T, { period: 'x', amountUsd: 1 }, 400, period],
    ['POST', T, { period: 'custom', amountUsd: 1 }, 400, 'Custom period requires valid startDate and endDate'],
    ['POST', T, { period: 'custom', amountUsd: 1, startDate: '2026-02-02', endDate: '2026-02-01' }, 400, 'endDate must be equal to or after startDate'],
    ...[-1, 'x', '0.0000000001', 1000000001, 'NaN', true, [1]].map((amountUsd) => ['POST', T, { period: 'weekly', amountUsd }, 400, 'Invalid amount']),
    ['PUT', '/admin/budget/999', { amountUsd: 1 }, 404, 'Budget not found'],
    ['PUT', `/admin/budget/${tb.id}`, { amountUsd: 1 }, 404, 'Budget not found'],
    ['PUT', `/admin/budget/${b.id}`, { amountUsd: -1 }, 400, 'Invalid amount'],
    ['PUT', `/admin/budget/${b.id}`, { period: 'x' }, 400, period],
    ['DELETE', '/admin/budget/999', undefined, 404, 'Budget not found'],
    ['DELETE', `/admin/budget/${tb.id}`, undefined, 404, 'Budget not found'],
    ['POST', N, { ...day, scope: { kind: 'planet' } }, 400, 'Invalid scope'],
    ['POST', N, { ...day }, 400, 'Invalid scope'],
    ['POST', N, { ...day, scope: { kind: 'user', id: 'u' } }, 400, 'Invalid scope'],
    ['POST', N, { ...day, scope: { kind: 'session', id: 's' } }, 400, 'Invalid scope'],
    ['POST', N, { ...day, scope: { kind: 'tenant', id: String(t.id) } }, 400, 'Budget already exists for this scope and period'],
    ['POST', N, { ...day, period: 'x', scope: { kind: 'global' } }, 400, period],
    ['POST', N, { period: 'daily', amountUsd: -1, scope: { kind: 'global' } }, 400, 'Invalid amount'],
    ['GET', `${N}/999`, undefined, 404, 'Budget not found'],
    ['PUT', `${N}/999`, { amountUsd: 1 }, 404, 'Budget not found'],
    ['DELETE', `${N}/999`, undefined, 404, 'Budget not found'],
    ['PUT', `/admin/budget/tag/${b.id}`, { amountUsd: 1 }, 404, 'Tag budget not found'],
    ['DELETE', `/admin/budget/tag/${b.id}`, undefined, 404, 'Tag budget not found'],
  ]);
  for (const scope of [{ kind: 'tenant', id: '999' }, { kind: 'key', id: '999' }, { kind: 'tag', id: '999' }]) assert.equal((await gw.admin('POST', N, { ...day, scope })).status, 404, JSON.stringify(scope));
  has((await gw.ok('GET', T))[0], 'id,tenantId,period,amountUsd,startDate,endDate,createdAt,window,mode,alertThresholds,isActive,currentPeriodStartDate,currentPeriodEndDate,currentUsage,held,isRecurring');
  has((await gw.ok('GET', N))[0], 'id,scope,period,window,startDate,endDate,amountUsd,mode,alertThresholds,isActive,createdAt,updatedAt,currentPeriodStartDate,currentPeriodEndDate,spentUsd,heldUsd,remainingUsd,resetsAt');
});

gtest('4.3 usage and ledger: every error', {}, async ({ gw }) => {
  const t = await gw.tenant('acme');
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  const [row] = await gw.rows(1);
  const T = `/admin/tenant/${t.id}/usage`, C = `/admin/usage/ledger/${row.id}/corrections`;
  const dates = (p) => [['GET', `${p}?startDate=2026-02-02&endDate=2026-02-01`, undefined, 400, 'startDate must be before endDate'], ['GET', `${p}?startDate=junk`, undefined, 400, 'Invalid date format'], ['GET', `${p}?endDate=2026-13-01`, undefined, 400, 'Invalid date format']];
  await table(gw, [
    ...dates(`${T}/history`), ...dates(`${T}/models`), ...dates(`${T}/ledger`), ...dates('/admin/usage/ledger'), ...dates(`/admin/tenant/${t.id}/tag-analytics`),
    ['GET', '/admin/tenant/x/usage/ledger', undefined, 400, 'Invalid tenant ID', 'invalid_id'],
    ['GET', `${T}/ledger?limit=10001`, undefined, 400, 'querystring/limit must be <= 10000', 'FST_ERR_VALIDATION'],
    ['GET', `${T}/ledger?limit=0`, undefined, 400, 'querystring/limit must be >= 1'],
    ['GET', `${T}/ledger?page=-1`, undefined, 400, 'querystring/page must be >= 0'],
    ['GET', `${T}/ledger?limit=x`, undefined, 400, 'querystring/limit must be integer'],
    ['GET', `${T}/ledger?status=nonsense`, undefined, 400, 'querystring/status must be equal to one of the allowed values'],
    ['GET', '/admin/usage/export?format=xml', undefined, 400, 'querystring/format must be equal to one of the allowed values'],
    ['GET', '/admin/usage/ledger/999', undefined, 404, 'Ledger entry not found'],
    ['POST', '/admin/usage/ledger/999/corrections', { usd: '-1', reason: 'x' }, 404, 'Ledger entry not found'],
  ]);
  assert.equal((await gw.admin('POST', C, { usd: '-0.0076', reason: 'x' })).status, 400, 'below 0');
  assert.equal((await gw.admin('POST', C, { usd: 'x', reason: 'x' })).status, 400);
  assert.equal((await gw.admin('POST', C, { reason: 'x' })).status, 400);
  const c = await gw.ok('POST', C, { usd: '-0.0075', reason: 'whole' }, 201);
  assert.deepEqual([c.kind, String(c.corrects), c.usd], ['correction', row.id, '-0.0075']);
  has(row, 'id,ts,tenant,route,model,usd,promptTok,compTok,tenantId,sessionId,status,tags,requestId,kind,keyId,provider,modelAnswered,cachedTok,cacheWriteTok,reasoningTok,reason,httpStatus,meteredBy,priceVersion,priceBasis,user,latencyMs,ttftMs,stream,corrects,recordedAt');
  const one = await gw.ok('GET', `/admin/usage/ledger/${row.id}`);
  has(one.cost, 'lines,nanoUsd');
  has(one.cost.lines[0], 'kind,tokens,picoUsdPerToken,picoUsd');
  assert.deepEqual(Object.keys(await gw.ok('GET', `${T}/ledger`)), ['data', 'total', 'page', 'limit', 'nextCursor']);
});

gtest('4.4 prices: every error', {}, async ({ gw }) => {
  const P = '/admin/model-pricing', price = { model: 'm-1', versionTag: 'v', inputPrice: 2, cachedInputPrice: 1, outputPrice: 8 };
  const p = await gw.ok('POST', P, price);
  has(p, 'id,model,versionTag,inputPrice,cachedInputPrice,outputPrice,provider,createdAt,updatedAt,source,version,cacheWritePrice,cacheWrite1hPrice,maxOutputTokens,contextTokens');
  const no = 'Unable to create model pricing';
  await table(gw, [
    ['POST', P, price, 400, no],
    ...[-1, 'x', '0.0000001', null].map((inputPrice) => ['POST', P, { ...price, model: 'm-2', inputPrice }, 400, no]),
    ['PUT', `${P}/m-unknown`, { inputPrice: 1 }, 404, 'Model pricing not found'],
    ['PUT', `${P}/999999`, { inputPrice: 1 }, 404, 'Model pricing not found'],
    ['DELETE', `${P}/m-unknown`, undefined, 404, 'Model pricing not found'],
  ]);
  assert.equal((await gw.admin('PUT', `${P}/m-1`, { inputPrice: -1 })).status, 400);
  assert.equal((await gw.ok('PUT', `${P}/${p.id}`, { outputPrice: '9' })).outputPrice, '9', 'by id');
  assert.deepEqual(await gw.ok('DELETE', `${P}/m-1`), { ok: true });
});

gtest('4.5 tags: every error', {}, async ({ gw }) => {
  const t = await gw.tenant('acme');
  const T = `/admin/tenant/${t.id}/tags`;
  const a = await gw.ok('POST', T, { name: 'a' });
  const b = await gw.ok('POST', T, { name: 'b', parentId: a.id });
  const tb = await gw.ok('POST', `${T}/${a.id}/budgets`, { period: 'daily', amountUsd: 1 });
  await table(gw, [
    ['POST', T, { name: 'a' }, 400, 'Tag name already exists'],
    ['POST', T, { name: 'c', parentId: 999 }, 400, 'Parent tag not found'],
    ...['', 'x/y', 'x,y', 'x'.repeat(65), 'x\u0001'].map((name) => ['POST', T, { name }, 400, 'Invalid tag name']),
    ['GET', `${T}/999`, undefined, 404, 'Tag not found'],
    ['PUT', `${T}/999`, { name: 'x' }, 404, 'Tag not found'],
    ['PUT', `${T}/${b.id}`, { name: 'a' }, 400, 'Tag name already exists'],
    ['PUT', `${T}/${b.id}`, { name: 'x/y' }, 400, 'Invalid tag name'],
    ['DELETE', `${T}/999`, undefined, 404, 'Tag not found'],
    ['DELETE', `${T}/${a.id}`, undefined, 400, 'Cannot delete tag with children. Delete children first.'],
    ['PATCH', `${T}/${a.id}/deactivate`, undefined, 400, 'Cannot deactivate tag with active children. Deactivate children first.'],
    ['PATCH', `${T}/999/activate`, undefined, 404, 'Tag not found'],
    ['PATCH', `${T}/x/activate`, undefined, 400, 'Invalid tag ID', 'invalid_id'],
    ['POST', `${T}/999/budgets`, { period: 'daily', amountUsd: 1 }, 404, 'Tag not found'],
    ['GET', `${T}/999/budgets`, undefined, 404, 'Tag not found'],
    ['POST', `${T}/${a.id}/budgets`, { period: 'daily', amountUsd: 1 }, 400, 'Budget already exists for this tag and period'],
    ['POST', `${T}/${a.id}/budgets`, { period: 'x', amountUsd: 1 }, 400, 'Invalid period. Must be one of: hourly, daily, weekly, monthly, total, custom, rolling'],
    ['POST', `${T}/${a.id}/budgets`, { period: 'custom', amountUsd: 1 }, 400, 'startDate and endDate are required for custom periods'],
    ['POST', `${T}/${a.id}/budgets`, { period: 'custom', amountUsd: 1, startDate: '2026-02-02', endDate: '2026-02-01' }, 400, 'startDate must be before endDate'],
    ['PUT', '/admin/budget/tag/999', { amountUsd: 1 }, 404, 'Tag budget not found'],
    ['DELETE', '/admin/budget/tag/999', undefined, 404, 'Tag budget not found'],
  ]);
  has(await gw.ok('GET', `${T}/${a.id}`), 'id,tenantId,name,description,parentId,path,level,isActive,color,metadata,sessionBudgetUsd,createdAt,updatedAt,parent,children,budgets,_count');
  has((await gw.ok('GET', `${T}/${a.id}/budgets`))[0], 'id,tagId,period,amountUsd,startDate,endDate,isActive,weight,alertThresholds,inheritanceMode,createdAt,updatedAt,tag');
  assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-tags': 'b' } })).status, 200);
  await gw.rows(1);
  assert.deepEqual((await gw.ok('GET', T)).map((x) => [x.name, x._count.usage]), [['a', 0], ['b', 1]]);
  assert.deepEqual(await gw.ok('DELETE', `/admin/budget/tag/${tb.id}`), { success: true });
  assert.deepEqual(await gw.ok('DELETE', `${T}/${b.id}`), { success: true });
  assert.deepEqual(await gw.ok('PATCH', `${T}/${a.id}/deactivate`), { success: true });
});

gtest('4.6 sessions: every error', {}, async ({ gw }) => {
  const a = await gw.tenant('a'), b = await gw.tenant('b');
  const s = (id) => ({ headers: { 'x-session-id': id } });
  await gw.chat(a.key, flat(), s('mine'));
  await gw.chat(a.key, flat(), s('both'));
  await gw.chat(b.key, flat(), s('both'));
  await gw.rows(3);
  const X = (t, id) => `/admin/tenant/${t.id}/sessions/${id}/budget`;
  await waitUntil(async () => (await gw.admin('GET', X(b, 'both'))).status === 200, 'the sessions are known');
  const of = (t, id, status, text) => [['GET', X(t, id), undefined, status, text], ['PUT', X(t, id), { budgetUsd: 1 }, status, text], ['DELETE', X(t, id), undefined, status, text]];
  await table(gw, [
    ...of(a, 'none', 404, 'Session not found'),
    ...of(b, 'mine', 403, 'Session does not belong to tenant'),
    ...of({ id: 999 }, 'mine', 404, 'Tenant not found'),
    ['PUT', X(a, 'mine'), { budgetUsd: -1 }, 400, 'body/budgetUsd must be >= 0', 'FST_ERR_VALIDATION'],
    ['PUT', X(a, 'mine'), {}, 400, "body must have required property 'budgetUsd'", 'FST_ERR_VALIDATION'],
    ['GET', '/admin/sessions/none/usage', undefined, 404, 'Session not found'],
    ['GET', '/admin/sessions/both/usage', undefined, 400, 'tenantId is required'],
    ['GET', `/admin/tenant/${a.id}/sessions?limit=101`, undefined, 400, 'querystring/limit must be <= 100', 'FST_ERR_VALIDATION'],
    ['GET', `/admin/tenant/${a.id}/sessions?page=0`, undefined, 400, 'querystring/page must be >= 1'],
    ['GET', `/admin/tenant/${a.id}/sessions?status=x`, undefined, 400, 'querystring/status must be equal to one of the allowed values'],
    ['GET', '/admin/tenant/x/sessions', undefined, 400, 'Invalid tenant ID'],
  ]);
  has(await gw.ok('GET', X(a, 'mine')), 'sessionId,effectiveBudgetUsd,currentCostUsd,status,budgetSource');
  assert.equal((await gw.ok('DELETE', X(a, 'mine'))).reverted, true);
  const d = await gw.ok('GET', `/admin/tenant/${a.id}/default-session-budget`);
  assert.deepEqual(d, { tenantId: a.id, tenantName: 'a', defaultSessionBudgetUsd: null, sessionCount: 2 });
  assert.deepEqual(await gw.ok('DELETE', `/admin/tenant/${a.id}/default-session-budget`), { tenantId: a.id, tenantName: 'a', defaultSessionBudgetUsd: null, removed: true });
});

gtest('4.7 policy and audit; 4.2 alerts: every error, and no secret in the audit', {}, async ({ gw }) => {
  const t = await gw.tenant('acme');
  await gw.admin('POST', '/admin/providers/openai/test', { apiKey: 'sk-not-to-be-seen' });
  await table(gw, [
    ['POST', '/admin/policy/test', {}, 400, 'body/input must be object', 'FST_ERR_VALIDATION'],
    ['POST', '/admin/policy/test', { input: {}, policy: 5 }, 400, 'body/policy must be string'],
    ['POST', '/admin/policy/test', { input: {}, policy: 'package' }, 400, 'Policy does not compile', 'policy_error'],
    ['POST', '/admin/policy/replay', { since: 'x' }, 400, 'body/since must be a date'],
    ['GET', '/admin/audit?limit=0', undefined, 400, 'querystring/limit must be >= 1'],
    ['GET', '/admin/audit?tenantId=x', undefined, 400, 'querystring/tenantId must be integer'],
    ['GET', '/admin/audit?cursor=x', undefined, 400, 'querystring/cursor must be integer'],
    ['GET', '/admin/alerts?limit=x', undefined, 400, 'querystring/limit must be integer'],
    ['POST', '/admin/alerts/test', {}, 400, 'No alert channel is configured'],
  ]);
  const { data, nextCursor } = await gw.ok('GET', '/admin/audit?limit=1');
  has(data[0], 'id,ts,tenantId,actor,event,details');
  assert.ok(nextCursor);
  const all = (await gw.call('/admin/audit?limit=1000', { headers: { 'x-admin-key': ADMIN } })).text;
  for (const secret of [t.key, ADMIN, 'sk-not-to-be-seen', 'sk-gateway-openai-key']) assert.ok(!all.includes(secret));
  has(await gw.ok('POST', '/admin/policy/test', { input: { tenant: 'acme' } }), 'allow,deny,reason,durationUs');
});

gtest('1.2, 1.3 the dashboard cookie: every error; a large and an odd body', {}, async ({ gw }) => {
  await table(gw, [
    ['POST', '/dashboard/session', { key: 'wrong' }, 401, 'Unauthorized', 'unauthorized'],
    ['GET', '/dashboard/session', undefined, 401, 'Unauthorized', 'unauthorized'],
  ], {});
  const s = await gw.call('/dashboard/session', { json: { key: ADMIN } });
  assert.equal(keys(s.json), 'csrfToken,expiresAt');
  assert.match(s.headers['set-cookie'][0], /^bg_admin=[^;]+; HttpOnly; SameSite=Strict; Path=\/(; Max-Age=\d+)?$/);
  const cookie = s.headers['set-cookie'][0].split(';')[0];
  assert.equal((await gw.call('/dashboard/session', { headers: { cookie } })).json.authenticated, true);
  await table(gw, [['POST', '/admin/tenant', { name: 'x' }, 403, 'CSRF token missing or invalid', 'csrf'], ['DELETE', '/dashboard/session', undefined, 403, 'CSRF token missing or invalid', 'csrf']], { cookie });
  await table(gw, [['POST', '/admin/tenant', { name: 'x' }, 403, 'CSRF token missing or invalid', 'csrf']], { cookie, 'x-csrf-token': `${s.json.csrfToken}x` });
  assert.equal((await gw.call('/admin/tenant', { json: { name: 'x' }, headers: { cookie, 'x-csrf-token': s.json.csrfToken } })).status, 200);
  assert.equal((await gw.call('/dashboard/session', { method: 'DELETE', headers: { cookie, 'x-csrf-token': s.json.csrfToken } })).status, 204);
  assert.equal((await gw.call('/admin/tenant', { headers: { cookie } })).status, 401, 'invalidated on the server');
  await table(gw, [
    ['POST', '/admin/tenant', `{"name":"${'x'.repeat(MiB)}"}`, 413, 'Request body is too large', 'FST_ERR_CTP_BODY_TOO_LARGE'],
    ['POST', '/admin/tenant', '', 400, "Body cannot be empty when content-type is set to 'application/json'", 'FST_ERR_CTP_EMPTY_JSON_BODY'],
    ['POST', '/admin/tenant', '{"a":', 400, 'Body is not valid JSON', 'FST_ERR_CTP_INVALID_JSON_BODY'],
    ['POST', '/admin/tenant', 'null', 400, 'body must be object', 'FST_ERR_VALIDATION'],
  ]);
  const enc = await gw.call('/admin/tenant', { method: 'POST', body: 'x', headers: { 'x-admin-key': ADMIN, 'content-type': 'application/json', 'content-encoding': 'br' } });
  assert.deepEqual([enc.status, enc.json.code], [415, 'FST_ERR_CTP_INVALID_MEDIA_TYPE']);
});
