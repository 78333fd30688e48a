// dashboard_seed.mjs - a small world for the dashboard's tests: two tenants,
// tags three deep, sessions, refusals of three kinds, hostile names.
import { assert, call, flat } from './fixture.mjs';
import { HOSTILE } from './browser.mjs';

export async function world(gw) {
  const acme = await gw.tenant('acme'), other = await gw.tenant(HOSTILE);
  const tag = async (name, parentId) => (await gw.ok('POST', `/admin/tenant/${acme.id}/tags`, { name, parentId })).id;
  const tags = { engineering: await tag('engineering') };
  tags.backend = await tag('backend', tags.engineering);
  tags.search = await tag('search', tags.backend);
  tags.support = await tag('support');
  const hostileTag = HOSTILE.replace(/[/,]/g, '');
  tags.hostile = await tag(hostileTag, tags.support);
  await gw.ok('PUT', `/admin/tenant/${acme.id}/tags/${tags.support}`, { color: '#b03a48', description: HOSTILE });
  await gw.ok('PUT', `/admin/tenant/${acme.id}/tags/${tags.hostile}`, { sessionBudgetUsd: '2' });
  const send = async (key, more, headers, status = 200) => assert.equal((await gw.chat(key, flat(more), { headers })).status, status);
  await send(acme.key, { user: '1000/200/400', model: 'gpt-both' }, { 'x-tags': 'search', 'x-session-id': 'run-1', 'x-session-name': HOSTILE });
  await send(acme.key, { user: '500/50', model: 'gpt-both' }, { 'x-tags': 'backend,support', 'x-session-id': 'run-1' });
  await send(acme.key, {}, { 'x-tags': 'engineering' });
  await send(acme.key, { model: 'gpt-cent' }, { 'x-tags': hostileTag, 'x-session-id': 'run/2 ü'.replace(' ü', '') });
  await send(other.key, { user: HOSTILE });
  await gw.ok('PUT', `/admin/tenant/${other.id}/ratelimit`, { rateLimitPerMin: 1 });
  await send(other.key, {}, {}, 429);
  await gw.budget(acme.id, 'monthly', '0.02');
  await send(acme.key, {}, {}, 402);
  assert.equal((await call(`${gw.url}/v1/chat/completions`, { json: flat({ model: HOSTILE }) })).status, 401);
  await gw.ok('POST', `/admin/tenant/${acme.id}/tags/${tags.engineering}/budgets`, { period: 'monthly', amountUsd: '0.02' });
  await gw.rows(8);
  return { acme, other, tags, hostileTag };
}
