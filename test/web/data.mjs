// data.mjs - a gateway with a month of life in it, for screenshots and pages:
// tenants, keys, budgets of every scope, tags, sessions, refusals.  The same
// each time.
import { call, hello } from '../http/fixture.mjs';

export const INGEST = 'ingest-secret-1';
export const ENV = { INGEST_KEY: INGEST, RATE_LIMIT_RPM: '0', INGEST_RPM: '0', AUTH_FAIL_PER_MIN: '10000', DEFAULT_BUDGET_USD: '400', BUDGET_TIMEZONE: 'Europe/Berlin', ANTHROPIC_API_KEY: 'sk-ant-x', ANTHROPIC_BASE_URL: 'http://127.0.0.1:9', MODEL_PRICING_JSON: null };

/* A fixed sequence in [0, 1). */
function dice(seed = 7) {
  return () => ((seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648);
}

const TEAMS = [
  { name: 'checkout-assistant', models: ['gpt-4o', 'gpt-4o-mini'], size: 1, daily: '25' },
  { name: 'support-copilot', models: ['claude-sonnet-4-5', 'gpt-4o-mini'], size: 1.6, daily: '60' },
  { name: 'search-embeddings', models: ['text-embedding-3-large'], size: 6, daily: '5' },
  { name: 'research', models: ['gpt-4o', 'claude-sonnet-4-5'], size: 0.7, daily: '15' },
  { name: 'internal-tools', models: ['gpt-4o-mini'], size: 0.5 },
];

async function month(gw, t, token, roll, days) {
  const jobs = [];
  for (let d = days; d >= 0; d--) {
    const date = new Date(Date.now() - d * 86400000), weekend = [0, 6].includes(date.getUTCDay());
    for (let i = 0; i < (weekend ? 2 : 5); i++) {
      const model = t.models[Math.floor(roll() * t.models.length)], much = t.size * (0.5 + roll());
      const ts = date.getTime() - Math.floor(roll() * 3 * 3600000) - 60000;
      jobs.push({ tracking_token: token, model, prompt_tokens: Math.round(900000 * much * roll()), completion_tokens: model.startsWith('text') ? 0 : Math.round(90000 * much * roll()), timestamp: new Date(ts).toISOString(), user: `user-${1 + Math.floor(roll() * 6)}`, session_id: `batch-${1 + Math.floor(roll() * 8)}` });
    }
  }
  for (const json of jobs) await call(`${gw.url}/ingest`, { json, headers: { 'x-ingest-key': INGEST } });
}

/** Fills a gateway started with ENV; `mock` is its OpenAI. */
export async function fill(gw, mock, { days = 29 } = {}) {
  const roll = dice();
  for (const t of TEAMS) {
    Object.assign(t, await gw.tenant(t.name, t.daily ? { budgets: [{ period: 'daily', amountUsd: t.daily }] } : {}));
    const r = await call(`${gw.url}/ingest/tokens`, { json: { label: `${t.name}-batch`, tenant: t.name }, headers: { 'x-admin-key': gw.fullEnv().ADMIN_API_KEY } });
    await month(gw, t, r.json.token, roll, days);
  }
  const [shop, support, , research] = TEAMS, T = (t) => `/admin/tenant/${t.id}`;
  await gw.ok('POST', `${T(shop)}/apikeys`, { name: 'production' });
  const old = await gw.ok('POST', `${T(shop)}/apikeys`, { name: 'laptop of Kim' });
  await gw.ok('DELETE', `/admin/apikey/${old.id}`);
  const web = await gw.ok('POST', `${T(shop)}/tags`, { name: 'web', color: '#1f6f5c' });
  const cart = await gw.ok('POST', `${T(shop)}/tags`, { name: 'cart', parentId: web.id, color: '#3b63b8' });
  await gw.ok('POST', `${T(shop)}/tags`, { name: 'mobile', color: '#b5620f' });
  await gw.ok('POST', `${T(shop)}/tags/${cart.id}/budgets`, { period: 'daily', amountUsd: '2' });
  await gw.ok('PUT', `${T(support)}/default-session-budget`, { budgetUsd: 3 });
  const wide = (scope, more) => gw.ok('POST', '/admin/budgets', { scope, ...more }, 201);
  await wide({ kind: 'global' }, { period: 'monthly', amountUsd: '2500' });
  await wide({ kind: 'model', id: 'gpt-4o*' }, { period: 'weekly', amountUsd: '300', mode: 'soft' });
  await wide({ kind: 'user', id: 'user-1', tenantId: support.id }, { period: 'rolling', window: '24h', amountUsd: '8' });
  await wide({ kind: 'key', id: shop.keyId }, { period: 'total', amountUsd: '100' });
  mock.usage = { input: 1200, output: 300 };
  const ask = (t, model, headers) => gw.chat(t.key, { model, messages: hello, max_tokens: 400 }, { headers });
  for (let i = 0; i < 6; i++) await ask(shop, 'gpt-4o', { 'x-session-id': `cart-${i % 3}`, 'x-session-name': `Cart ${1 + (i % 3)}`, 'x-tags': i % 2 ? 'cart' : 'mobile' });
  await gw.budget(research.id, 'hourly', '0.001');
  for (let i = 0; i < 3; i++) await ask(research, 'gpt-4o');
  await gw.ok('PUT', `${T(TEAMS[4])}/ratelimit`, { rateLimitPerMin: 1 });
  for (let i = 0; i < 3; i++) await ask(TEAMS[4], 'gpt-4o-mini');
  await gw.ledger('limit=1');
  return TEAMS;
}
