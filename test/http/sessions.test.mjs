// sessions.test.mjs - sessions and their budgets (contract 4.6).
import { gtest, assert, flat, hello, waitUntil } from './fixture.mjs';
import { Barrier } from './mock.mjs';

const ask = (gw, t, session, more = {}) => gw.chat(t.key, { model: 'gpt-4o', messages: hello, max_tokens: 200 }, { headers: { 'x-session-id': session, ...more } });

gtest('R9: sessions are listed with what they cost; a budget of their own wins and is enforced at once', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme'), T = `/admin/tenant/${t.id}`;
  mock.usage = { input: 1000, output: 100 }; // 0.0035
  assert.equal((await ask(gw, t, 's-1', { 'x-session-name': 'Night run', 'x-session-path': 'jobs/night' })).status, 200);
  assert.equal((await ask(gw, t, 's-1')).status, 200);
  assert.equal((await ask(gw, t, 's-2')).status, 200);
  await gw.rows(3);
  const all = await gw.ok('GET', `${T}/sessions`);
  assert.deepEqual(all.pagination, { page: 1, limit: 50, total: 2, totalPages: 1 });
  const s = all.sessions.find((x) => x.sessionId === 's-1');
  assert.deepEqual([s.name, s.path, s.effectiveBudgetUsd, s.currentCostUsd, s.status, s.requestCount], ['Night run', 'jobs/night', null, 0.007, 'active', 2]);
  assert.equal((await gw.ok('GET', `${T}/sessions?search=NIGHT`)).sessions.length, 1);
  assert.equal((await gw.ok('GET', `${T}/sessions?limit=1&page=2`)).sessions.length, 1);
  assert.equal((await gw.ok('GET', `${T}/sessions?status=budget_exceeded`)).sessions.length, 0);
  await gw.ok('PUT', `${T}/default-session-budget`, { budgetUsd: 5 });
  assert.deepEqual(await gw.ok('GET', `${T}/sessions/s-1/budget`), { sessionId: 's-1', effectiveBudgetUsd: 5, currentCostUsd: 0.007, status: 'active', budgetSource: { tenantName: 'acme', tenantDefaultBudget: 5, hasCustomBudget: false, customBudget: null } });
  assert.deepEqual(await gw.ok('PUT', `${T}/sessions/s-1/budget`, { budgetUsd: 0.007 }), { sessionId: 's-1', effectiveBudgetUsd: 0.007, currentCostUsd: 0.007, status: 'budget_exceeded' });
  const r = await ask(gw, t, 's-1');
  assert.equal(r.status, 402);
  assert.equal((await ask(gw, t, 's-2')).status, 200);
  assert.deepEqual((await gw.ok('GET', `${T}/sessions?status=budget_exceeded`)).sessions.map((x) => x.sessionId), ['s-1']);
  assert.equal((await gw.ok('GET', `${T}/sessions?status=completed`)).sessions.length, 0);
  await gw.restart();
  assert.equal((await ask(gw, t, 's-1')).status, 402);
  const back = await gw.ok('DELETE', `${T}/sessions/s-1/budget`);
  assert.deepEqual([back.reverted, back.effectiveBudgetUsd, back.budgetSource.hasCustomBudget], [true, 5, false]);
  assert.equal((await ask(gw, t, 's-1')).status, 200);
});

gtest("a tenant's default for sessions counts what they have spent already", {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme');
  mock.usage = { input: 1000, output: 100 };
  for (let i = 0; i < 3; i++) assert.equal((await ask(gw, t, 's-1')).status, 200);
  await gw.ok('PUT', `/admin/tenant/${t.id}/default-session-budget`, { budgetUsd: 0.011 });
  assert.equal((await ask(gw, t, 's-1')).status, 402, '0.0105 of 0.011 are spent');
  assert.equal((await ask(gw, t, 's-2')).status, 200);
});

gtest('R11: the rows of a session; ids that several tenants have', {}, async ({ gw, mock }) => {
  const a = await gw.tenant('acme'), b = await gw.tenant('beta');
  mock.usage = { input: 1000, output: 100 };
  for (const [t, id] of [[a, 'shared'], [b, 'shared'], [a, 'own'], [a, 'own']]) assert.equal((await ask(gw, t, id)).status, 200);
  await gw.rows(4);
  const u = await gw.ok('GET', '/admin/sessions/own/usage?limit=1');
  assert.deepEqual([u.session.sessionId, u.session.tenantId, u.session.currentCostUsd, u.usage.length, u.pagination.total, u.pagination.totalPages], ['own', Number(a.id), 0.007, 1, 2, 2]);
  assert.deepEqual([u.usage[0].model, u.usage[0].usd, u.usage[0].promptTokens, u.usage[0].completionTokens, u.usage[0].status, u.usage[0].tags], ['gpt-4o', 0.0035, 1000, 100, 'success', []]);
  const err = async (m, p, body) => { const r = await gw.admin(m, p, body); return [r.status, r.json.error]; };
  assert.deepEqual(await err('GET', '/admin/sessions/shared/usage'), [400, 'tenantId is required']);
  assert.equal((await gw.ok('GET', `/admin/sessions/shared/usage?tenantId=${b.id}`)).usage.length, 1);
  assert.deepEqual(await err('GET', '/admin/sessions/none/usage'), [404, 'Session not found']);
  assert.deepEqual(await err('GET', `/admin/tenant/${b.id}/sessions/own/budget`), [403, 'Session does not belong to tenant']);
  assert.deepEqual(await err('GET', `/admin/tenant/${b.id}/sessions/none/budget`), [404, 'Session not found']);
  assert.deepEqual(await err('GET', '/admin/tenant/99/sessions'), [404, 'Tenant not found']);
  assert.deepEqual(await err('GET', '/admin/tenant/x/sessions'), [400, 'Invalid tenant ID']);
  for (const bad of [{}, { budgetUsd: -1 }, { budgetUsd: 'x' }, { budgetUsd: null }]) assert.equal((await gw.admin('PUT', `/admin/tenant/${a.id}/sessions/own/budget`, bad)).status, 400, JSON.stringify(bad));
  assert.equal((await gw.admin('GET', `/admin/tenant/${a.id}/sessions?status=x`)).status, 400);
});

// ---- a tag's session budget counts what the session spent before it ------------

const shown = (gw, t, id) => waitUntil(async () => (await gw.ok('GET', `/admin/tenant/${t.id}/sessions`)).sessions.find((s) => s.sessionId === id), `session ${id} is listed`);
const tagged = (gw, t, id, tags) => gw.chat(t.key, flat(), { headers: { 'x-session-id': id, ...(tags ? { 'x-tags': tags } : {}) } });

gtest('a tag’s session budget holds for a session that spent before it named the tag', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  await gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name: 'capped', sessionBudgetUsd: '0.01' });
  await gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name: 'free' });
  assert.equal((await tagged(gw, t, 's')).status, 200);
  assert.equal((await tagged(gw, t, 'other', 'free')).status, 200);
  assert.equal((await tagged(gw, t, 's', 'capped')).status, 402, '0.0075 spent + 0.0075 > 0.01');
  assert.equal((await tagged(gw, t, 'other', 'free')).status, 200, 'no cap without the tag');
  assert.equal((await tagged(gw, t, 'new', 'capped')).status, 200);
  assert.equal((await tagged(gw, t, 'new')).status, 402, 'the cap stays with the session');
  assert.equal(mock.calls().length, 4);
  assert.equal((await shown(gw, t, 'other')).effectiveBudgetUsd, null);
});

gtest('a session budget that a tag gets later counts what was spent before', {}, async ({ gw }) => {
  const t = await gw.tenant();
  const tag = await gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name: 'x' });
  const path = `/admin/tenant/${t.id}/tags/${tag.id}`;
  assert.equal((await tagged(gw, t, 's', 'x')).status, 200);
  await gw.ok('PUT', path, { sessionBudgetUsd: '0.01' });
  assert.equal((await tagged(gw, t, 's', 'x')).status, 402);
  await gw.ok('PUT', path, { sessionBudgetUsd: null });
  assert.equal((await tagged(gw, t, 'later')).status, 200, 'nothing is counted now');
  await gw.ok('PUT', path, { sessionBudgetUsd: '0.01' });
  assert.equal((await tagged(gw, t, 'later', 'x')).status, 402);
  await gw.kill9();
  await gw.start();
  assert.equal((await tagged(gw, t, 'later', 'x')).status, 402, 'after a crash, too');
});

gtest('calls under way when a tag gets a session budget are counted in it', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const tag = await gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name: 'x' });
  assert.equal((await tagged(gw, t, 's')).status, 200);
  const barrier = new Barrier();
  mock.once(async (req, res) => { await barrier.wait(); mock.normal(req, res); });
  const open = tagged(gw, t, 's');
  await waitUntil(() => mock.calls().length === 2, 'the call is at the provider');
  await gw.ok('PUT', `/admin/tenant/${t.id}/tags/${tag.id}`, { sessionBudgetUsd: '0.016' });
  assert.equal((await tagged(gw, t, 's', 'x')).status, 402, '0.0075 spent, 0.0075 held');
  barrier.open();
  assert.equal((await open).status, 200);
  await gw.rows(3);
});
