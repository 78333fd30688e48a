// matrix_errors.test.mjs - every SDK raises its own typed error, with status
// and message, for what a provider refuses and for what the gateway refuses.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gtest, assert, freePort, nano } from './fixture.mjs';
import { CLIENTS } from './clients.mjs';
import { threeFamilies, settled, CLAUDE, GEMINI } from './speak.mjs';

const BUDGET = { budgets: [{ period: 'total', amountUsd: '1000' }] };
const TYPES = { // status → type in OpenAI's, Anthropic's and Google's words
  400: ['invalid_request_error', 'invalid_request_error', 'INVALID_ARGUMENT'],
  401: ['invalid_request_error', 'authentication_error', 'UNAUTHENTICATED'],
  402: ['insufficient_quota', 'billing_error', 'FAILED_PRECONDITION'],
  403: ['permission_error', 'permission_error', 'PERMISSION_DENIED'],
  404: ['invalid_request_error', 'not_found_error', 'NOT_FOUND'],
  429: ['requests', 'rate_limit_error', 'RESOURCE_EXHAUSTED'],
  500: ['server_error', 'api_error', 'INTERNAL'],
  529: ['server_error', 'overloaded_error', 'UNAVAILABLE'],
};
/** A provider's error as it says it itself. */
function fails(mock, model, status) {
  const message = `upstream says ${status}`, [o, a, g] = TYPES[status];
  const body = model === CLAUDE ? { type: 'error', error: { type: a, message }, request_id: 'req_1' }
    : model === GEMINI ? { error: { code: status, message, status: g, details: [] } }
      : { error: { message, type: o, param: null, code: null } };
  mock.once((rec, res) => mock.json(res, status, body, status === 429 ? { 'retry-after': '7' } : {}));
}
const caught = async (p) => { try { await p; } catch (e) { return e; } return assert.fail('no error was raised'); };

/** The error is the SDK's own, and says what it should. */
function isTyped(client, e, status, message, where) {
  const t = client.typed(e);
  assert.deepEqual([t.status, t.name], [status, client.kind(status)], `${where}: ${e.stack}`);
  assert.ok(t.message.includes(message), `${where}: ${t.message}`);
  return t;
}

for (const client of CLIENTS) for (const model of client.models) {
  gtest(`${client.name} → ${model}: the provider's 400 … 529 are typed errors, whole and streamed; nothing is billed (R42)`, threeFamilies(), async ({ gw, mock }) => {
    const t = await gw.tenant('acme', BUDGET);
    const own = { 'x-openai-key': 'sk-own', 'x-anthropic-key': 'sk-own', 'x-google-api-key': 'sk-own' };
    const mine = client.make({ url: gw.url, key: t.key, headers: own }), ours = client.make({ url: gw.url, key: t.key });
    for (const verb of ['plain', 'stream']) {
      for (const status of Object.keys(TYPES).map(Number)) {
        fails(mock, model, status);
        const e = isTyped(client, await caught(mine[verb](model)), status, `upstream says ${status}`, `${verb} ${status}`);
        if (status === 429 && client.typed !== CLIENTS[3].typed) assert.equal(e.retryAfter, '7', `${verb}: retry-after`);
      }
      for (const status of [401, 403]) {
        fails(mock, model, status);
        const e = isTyped(client, await caught(ours[verb](model)), 502, "Provider rejected the gateway's key", `${verb} ${status}, our key`);
        assert.ok(!e.message.includes('upstream says'), 'what it said about our key is not the tenant\'s');
      }
    }
    const rows = await settled(gw, mock, 20);
    for (const r of rows) assert.deepEqual([r.status, nano(r.usd)], ['failed', 0n]);
    assert.deepEqual([...new Set(rows.map((r) => r.reason))].sort(), Object.keys(TYPES).map((s) => `upstream_${s}`).sort());
  });
}

const policy = () => {
  const f = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'bg-policy-')), 'p.rego');
  fs.writeFileSync(f, 'package budgetguard.policy\nimport rego.v1\ndefault allow := true\ndeny contains "not for you" if input.tenant == "barred"\n');
  return f;
};
for (const client of CLIENTS) {
  const model = client.models[0];
  gtest(`${client.name}: the gateway's own refusals are typed errors; nothing is sent, nothing is billed`, (x) => threeFamilies({ OPA_POLICY_PATH: policy(), UNKNOWN_PRICE: 'refuse' })(x), async ({ gw, mock }) => {
    const at = (key) => client.make({ url: gw.url, key });
    const rich = await gw.tenant('rich', BUDGET);
    const poor = await gw.tenant('poor', { budgets: [{ period: 'total', amountUsd: '0.000001' }] });
    const barred = await gw.tenant('barred', BUDGET);
    const hasty = await gw.tenant('hasty', { ...BUDGET, rateLimitPerMin: 1 });
    const nobody = { gemini: 'gemini-nobody', anthropic: 'claude-nobody', openai: 'gpt-nobody' }[client.shape];
    let n = 0;
    for (const verb of ['plain', 'stream']) {
      const fail = async (key, status, message, m = model) => { n++; return isTyped(client, await caught(at(key)[verb](m)), status, message, `${verb} ${status}`); };
      await fail('bg_nope', 401, 'Invalid API key');
      await fail(poor.key, 402, 'Budget exceeded');
      await fail(barred.key, 403, 'Request denied by policy: not for you');
      await fail(rich.key, 400, 'No provider configured for model', nobody);
      if (verb === 'plain') { await at(hasty.key).plain(model); n++; }
      const slow = await fail(hasty.key, 429, 'Rate limit exceeded');
      if (client.typed !== CLIENTS[3].typed) assert.ok(Number(slow.retryAfter) >= 1 && Number(slow.retryAfter) <= 60, `retry-after ${slow.retryAfter}`);
    }
    assert.equal(mock.seen.length, 1, 'only the call before the rate limit was sent');
    const rows = await gw.rows(n);
    assert.deepEqual([...new Set(rows.map((r) => r.reason))].sort(), [null, 'budget', 'invalid_key', 'policy', 'rate_limit', 'unknown_model'].sort());
    await settled(gw, mock, n);
  });

  gtest(`${client.name}: a provider that is down, silent or cannot be read is a typed error`, (x) => threeFamilies({ UPSTREAM_TIMEOUT_S: '1' })(x), async ({ gw, mock }) => {
    const t = await gw.tenant('acme', BUDGET), c = client.make({ url: gw.url, key: t.key });
    const scripts = [
      [504, 'Provider timed out', 'upstream_timeout', () => {}],
      [502, 'Provider sent an invalid response', 'upstream_invalid', (rec, res) => res.socket.end('HTTP/9 what is this\r\n\r\n')],
    ];
    for (const [status, message, , script] of scripts) {
      mock.once(script);
      isTyped(client, await caught(c.plain(model)), status, message, message);
    }
    const rows = await gw.rows(2);
    for (const [status, , reason] of scripts) {
      const r = rows.find((x) => x.reason === reason);
      assert.deepEqual([r.status, r.meteredBy, r.httpStatus], ['interrupted', 'hold', status], 'it may have been billed: the whole hold');
      assert.ok(nano(r.usd) > 0n);
    }
    for (const b of await gw.budgets()) assert.equal(b.heldUsd, '0');
    await gw.restart({ OPENAI_BASE_URL: `http://127.0.0.1:${await freePort()}/v1`, ANTHROPIC_BASE_URL: `http://127.0.0.1:${await freePort()}`, GOOGLE_BASE_URL: `http://127.0.0.1:${await freePort()}` });
    for (const verb of ['plain', 'stream']) isTyped(client, await caught(c[verb](model)), 502, 'Provider unreachable', verb);
    for (const r of (await gw.rows(4)).filter((x) => x.reason === 'upstream_unreachable')) assert.equal(nano(r.usd), 0n);
  });
}
