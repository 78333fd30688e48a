// tags.test.mjs - tag, parent and session budgets; the admin routes that make
// tags and sessions (contract 4.5, 4.6) are used where they exist, else the
// general budgets route of 4.2.
import { gtest, assert, flat } from './fixture.mjs';

const hasTags = async (gw, t) => (await gw.admin('GET', `/admin/tenant/${t.id}/tags`)).status === 200;

gtest('a session budget caps the session and is told apart by tenant', {}, async ({ gw, mock }) => {
  const a = await gw.tenant('a', { defaultSessionBudgetUsd: '0.01' });
  const b = await gw.tenant('b');
  const s = { headers: { 'x-session-id': 'S-1' } };
  assert.equal((await gw.chat(a.key, flat(), s)).status, 200);
  const r = await gw.chat(a.key, flat(), s);
  assert.equal(r.status, 402);
  assert.match(r.error.message, /^Session budget exceeded/);
  assert.equal(r.error.details.scopes[0].scope, 'session');
  assert.equal((await gw.chat(a.key, flat(), { headers: { 'x-session-id': 'S-2' } })).status, 200, 'another session');
  for (let i = 0; i < 3; i++) assert.equal((await gw.chat(b.key, flat(), s)).status, 200, 'same id, other tenant');
  const rows = await gw.rows(6);
  assert.equal(rows.filter((x) => x.reason === 'session_budget').length, 1);
  assert.equal(rows.filter((x) => x.sessionId === 'S-1').length, 5);
  assert.equal(mock.calls().length, 5);
});

gtest('a stored session budget of the general route is enforced', {}, async ({ gw }) => {
  const t = await gw.tenant();
  assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-session-id': 'S' } })).status, 200);
  await gw.ok('POST', '/admin/budgets', { scope: { kind: 'session', id: 'S', tenantId: t.id }, period: 'total', amountUsd: '0.01' }, 201);
  assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-session-id': 'S' } })).status, 402);
  assert.equal((await gw.chat(t.key, flat())).status, 200);
});

gtest('session ids that are not visible ASCII of 1-200 characters are 400', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  for (const id of ['a b', 'x'.repeat(201), 'sch\u00f6n']) {
    const r = await gw.chat(t.key, flat(), { headers: { 'x-session-id': id } });
    assert.equal(r.status, 400, JSON.stringify(id));
    assert.match(r.error.message, /^Invalid session id/);
    assert.equal(r.error.code, 'invalid_session');
  }
  assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-session-id': 'x'.repeat(200) } })).status, 200);
  assert.equal(mock.calls().length, 1);
});

gtest('unknown tags are 400 and name themselves', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const r = await gw.chat(t.key, flat(), { headers: { 'x-tags': ' nope , other,nope' } });
  assert.equal(r.status, 400);
  assert.match(r.error.message, /^Tags not found for this tenant: nope, other/);
  assert.equal(mock.seen.length, 0);
  assert.equal((await gw.rows(1))[0].reason, 'unknown_tag');
});

gtest("R12: spend of a child tag counts in its parent's budget, once for both", {}, async ({ gw, t: test }) => {
  const t = await gw.tenant();
  if (!(await hasTags(gw, t))) return test.skip('tag routes are not there yet');
  const T = `/admin/tenant/${t.id}/tags`;
  const parent = await gw.ok('POST', T, { name: 'eng' });
  const child = await gw.ok('POST', T, { name: 'ml', parentId: parent.id });
  await gw.ok('POST', `${T}/${parent.id}/budgets`, { period: 'total', amountUsd: '0.02' });
  assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-tags': 'ml' } })).status, 200);
  assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-tags': 'ml,eng' } })).status, 200);
  const v = (await gw.budgets('scope=tag'))[0];
  assert.equal(v.spentUsd, '0.015');
  const r = await gw.chat(t.key, flat(), { headers: { 'x-tags': 'ml' } });
  assert.equal(r.status, 402);
  assert.match(r.error.message, /^Parent tag budget exceeded: eng/);
  await gw.ok('POST', `${T}/${child.id}/budgets`, { period: 'total', amountUsd: '0.001' });
  assert.match((await gw.chat(t.key, flat(), { headers: { 'x-tags': 'ml' } })).error.message, /^Tag budget exceeded: ml/);
});

gtest('R10: X-Tags and X-Session-Id together work on every repeated request', {}, async ({ gw, t: test }) => {
  const t = await gw.tenant();
  if (!(await hasTags(gw, t))) return test.skip('tag routes are not there yet');
  await gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name: 'eng' });
  for (let i = 0; i < 5; i++) assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-tags': 'eng', 'x-session-id': 's' } })).status, 200);
  for (const r of await gw.rows(5)) assert.deepEqual(r.tags.map((x) => x.name), ['eng']);
});
