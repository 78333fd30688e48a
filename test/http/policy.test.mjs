// policy.test.mjs - Rego decides at step 7 (contract 10, 4.7, R35).
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gtest, assert, flat, hello, call, waitUntil, nano } from './fixture.mjs';
import { Barrier } from './mock.mjs';

const dirs = [];
const folder = (files) => { const d = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-policy-')); dirs.push(d); for (const [n, t] of Object.entries(files)) fs.writeFileSync(path.join(d, n), t); return d; };
process.on('exit', () => { for (const d of dirs) fs.rmSync(d, { recursive: true, force: true }); });
const V1 = (body) => `package budgetguard.policy\n${body}\n`;
const seeds = `package budgetguard.policy

default allow = false

# by day, everything
allow {
  input.time >= 8
  input.time < 18
}

# at any time, while every budget has something left
allow {
  count(over) == 0
}

over[b.period] {
  b := input.budgets[_]
  b.usage >= b.budget
}
`;
const policyOf = (gw) => gw.admin('GET', '/admin/policy');

gtest('R35: over budget is 402, a policy denial 403 with its reasons; the hold is released and a row written', { OPA_POLICY_PATH: folder({ 'p.rego': V1('default allow := false\nallow if count(deny) == 0\ndeny contains "no demo models" if startswith(input.model, "gpt-f")\ndeny contains sprintf("%s is watched", [input.tenant]) if input.tenant == "acme"\nreason := "ask finance"') }) }, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '1' }] });
  const r = await gw.chat(t.key, flat());
  assert.equal(r.status, 403);
  assert.equal(r.json.error.code, 'policy_denied');
  assert.match(r.json.error.message, /^Request denied by policy: acme is watched; no demo models$/);
  assert.deepEqual(r.json.error.details ?? r.json.details, { reason: 'ask finance', deny: ['acme is watched', 'no demo models'] });
  assert.equal(mock.seen.length, 0, 'nothing left');
  const [row] = await gw.rows(1);
  assert.deepEqual([row.status, row.reason, row.usd], ['blocked', 'policy', '0']);
  assert.deepEqual((await gw.ok('GET', `/admin/usage/ledger/${row.id}`)).refusal, { reason: 'ask finance', deny: ['acme is watched', 'no demo models'] }, 'the ledger keeps what the caller was told');
  const [b] = await gw.budgets();
  assert.deepEqual([b.spentUsd, b.heldUsd], ['0', '0']);
  const poor = await gw.tenant('poor', { budgets: [{ period: 'total', amountUsd: '0.000001' }] });
  const over = await gw.chat(poor.key, flat());
  assert.equal(over.status, 402);
  const [blocked] = await gw.rows(2);
  assert.deepEqual((await gw.ok('GET', `/admin/usage/ledger/${blocked.id}`)).refusal, over.json.error.details);
  assert.equal((await gw.ok('GET', `/admin/usage/ledger/${blocked.id}`)).refusal.scopes[0].scope, 'tenant');
});

// Only what a policy refers to is built: however it refers to it, it is there.
for (const [how, text, said] of [
  ['by name', 'deny contains input.model', 'gpt-flat'],
  ['by a name in brackets', 'deny contains input["tenant"]', 'acme'],
  ['by a variable', 'deny contains input[k] if k := concat("", ["rou", "te"])', '/v1/chat/completions'],
  ['by iteration', 'deny contains k if { some k, v in input; v == "POST" }', 'method'],
  ['as a whole', 'deny contains object.get(input, "provider", "none")', 'openai'],
  ['through a function', 'f(x) := x.source_ip\ndeny contains f(input)', '127.0.0.1'],
  ['through a rule, a comprehension and `with`', 'm := [t | t := input.tenant]\ndeny contains x if { x := m[0] with input.model as "z" }', 'acme'],
  ['in the reason alone', 'allow := false\nreason := input.model', 'gpt-flat'],
]) {
  gtest(`a policy reads its input ${how}`, { OPA_POLICY_PATH: folder({ 'p.rego': V1(text) }) }, async ({ gw }) => {
    const r = await gw.chat((await gw.tenant('acme')).key, flat());
    assert.equal(r.status, 403);
    assert.equal(r.json.error.message, `Request denied by policy: ${said}`);
  });
}

gtest('the embedded policy allows; the gateway shows it', {}, async ({ gw }) => {
  const t = await gw.tenant();
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  const p = (await policyOf(gw)).json;
  assert.deepEqual([p.source, p.files, p.dialect, p.error], ['embedded', [], 'v1', null]);
  assert.match(p.hash, /^[0-9a-f]{64}$/);
  assert.ok(Math.abs(Date.parse(p.loadedAt) - Date.now()) < 60000 * 10);
});

gtest('the input document has every field of the contract', { OPA_POLICY_PATH: folder({ 'p.rego': V1('deny contains json.marshal(input)') }), BUDGET_TIMEZONE: 'Asia/Tokyo' }, async ({ gw }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '10' }, { period: 'total', amountUsd: '2.5', mode: 'soft' }] });
  await gw.admin('POST', `/admin/tenant/${t.id}/tags`, { name: 'engineering' });
  const r = await gw.chat(t.key, { model: 'gpt-4o', messages: hello, max_tokens: 100, user: 'u-17', stream: true }, { headers: { 'x-tags': 'engineering', 'x-session-id': 's-1', 'x-team': 'red', 'X-Odd': '"quoted"', cookie: 'a=b', 'x-api-key': 'sk-foreign' } });
  assert.equal(r.status, 403);
  const i = JSON.parse((r.json.error.details ?? r.json.details).deny[0]);
  const now = new Date(i.now), tokyo = new Date(now.getTime() + 9 * 3600000);
  assert.ok(Math.abs(now.getTime() - Date.now()) < 600000);
  assert.equal(i.time, tokyo.getUTCHours());
  assert.equal(i.day_of_week, ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'][tokyo.getUTCDay()]);
  assert.deepEqual([i.tenant, i.tenant_id, i.route, i.method, i.model, i.provider, i.stream, i.max_tokens, i.tags, i.session, i.user, i.source_ip], ['acme', Number(t.id), '/v1/chat/completions', 'POST', 'gpt-4o', 'openai', true, 100, ['engineering'], 's-1', 'u-17', '127.0.0.1']);
  assert.ok(i.key_id > 0 && i.prompt_tokens > 0 && i.estimated_usd > 0.001);
  assert.equal(i.headers['x-team'], 'red');
  assert.equal(i.headers['x-odd'], '"quoted"');
  for (const h of ['cookie', 'x-api-key', 'authorization']) assert.equal(i.headers[h], undefined);
  assert.ok(!JSON.stringify(i).includes(t.key) && !JSON.stringify(i).includes('sk-foreign'));
  assert.equal(i.budgets.length, 2);
  const m = i.budgets.find((b) => b.period === 'monthly'), total = i.budgets.find((b) => b.period === 'total');
  assert.deepEqual([m.usage, m.budget, m.held, m.mode, m.scope, m.scope_id], [0, 10, 0, 'hard', 'tenant', String(t.id)]);
  assert.match(m.start, /T\d\d:00:00\.000Z$/);
  assert.match(m.end, /\.999Z$/);
  assert.deepEqual([total.budget, total.mode, total.start, total.end], [2.5, 'soft', null, null]);
  assert.deepEqual([i.usage, i.budget], [0, 2.5]);
});

gtest('usage shows what others spent and hold', { OPA_POLICY_PATH: folder({ 'p.rego': V1('default allow := true\ndeny contains json.marshal(input.budgets) if input.model == "gpt-4o-mini"') }) }, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '10' }] });
  mock.usage = { input: 1000, output: 10 };
  assert.equal((await gw.chat(t.key, { model: 'gpt-4o', messages: hello, max_tokens: 100 })).status, 200);
  const b = new Barrier();
  mock.once(async (rec, res) => { await b.wait(); mock.json(res, 500, { error: { message: 'x' } }); });
  const going = gw.chat(t.key, { model: 'gpt-4o', messages: hello, max_tokens: 1000 });
  await waitUntil(() => mock.seen.length === 2, 'the second is under way');
  const r = await gw.chat(t.key, { model: 'gpt-4o-mini', messages: hello, max_tokens: 10 });
  const [m] = JSON.parse((r.json.error.details ?? r.json.details).deny[0]);
  const spent = 0.0025 + 0.0001;
  assert.ok(m.held > 0.01 && m.held < 0.0101, `held ${m.held}`);
  assert.ok(Math.abs(m.usage - m.held - spent) < 1e-9, `usage ${m.usage}`);
  b.open();
  await going;
});

for (const [name, text] of Object.entries({
  'undefined allow': 'x := 1',
  'a value that is not true': 'allow := 1',
  'a conflict': 'allow := true if input.tenant\nallow := false if input.model',
  'deny that is no set': 'allow := true\ndeny := "no"',
  'a run without end': 'allow := true if count([1 | some i in numbers.range(1, 1000000); some j in numbers.range(1, 1000000); i == j]) > 0',
})) {
  gtest(`fails closed: ${name}`, { OPA_POLICY_PATH: folder({ 'p.rego': V1(text) }), POLICY_TIMEOUT_MS: '100' }, async ({ gw, mock }) => {
    const t = await gw.tenant();
    const r = await gw.chat(t.key, flat());
    assert.equal(r.status, 403);
    assert.equal(mock.seen.length, 0);
    assert.equal((await gw.rows(1))[0].reason, 'policy');
  });
}

gtest("the predecessors' policy, flat and array form, in the older dialect", { OPA_POLICY_PATH: folder({ 'p.rego': seeds }) }, async ({ gw }) => {
  const t = await gw.tenant();
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  assert.equal((await policyOf(gw)).json.dialect, 'v0');
  const ask = async (input) => (await gw.admin('POST', '/admin/policy/test', { input })).json;
  assert.equal((await ask({ time: 20, budgets: [{ period: 'daily', usage: 1, budget: 2 }] })).allow, true);
  assert.equal((await ask({ time: 20, budgets: [{ period: 'daily', usage: 2, budget: 2 }] })).allow, false);
  assert.equal((await ask({ time: 9, budgets: [{ period: 'daily', usage: 2, budget: 2 }] })).allow, true);
});

gtest('a saved file is in force from the next request on; one that does not compile changes nothing', () => ({ OPA_POLICY_PATH: folder({ 'p.rego': V1('allow := true'), 'names.json': '{"banned": ["nobody"]}' }) }), async ({ gw }) => {
  const dir = gw.env.OPA_POLICY_PATH;
  const t = await gw.tenant();
  const save = (name, text) => { fs.writeFileSync(path.join(dir, `.${name}.new`), text); fs.renameSync(path.join(dir, `.${name}.new`), path.join(dir, name)); };
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  const before = (await policyOf(gw)).json;
  assert.deepEqual(before.files.map((f) => path.basename(f)), ['names.json', 'p.rego']);
  save('p.rego', V1('allow := true\ndeny contains "banned" if input.tenant in data.banned'));
  await waitUntil(async () => (await policyOf(gw)).json.hash !== before.hash, 'the new file is in force');
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  save('names.json', '{"banned": ["acme"]}');
  await waitUntil(async () => (await gw.chat(t.key, flat())).status === 403, 'data is reloaded too');
  const good = (await policyOf(gw)).json.hash;
  save('p.rego', V1('allow := true\ndeny contains if {'));
  await waitUntil(async () => (await policyOf(gw)).json.error !== null, 'the fault is shown');
  const p = (await policyOf(gw)).json;
  assert.equal(p.hash, good);
  assert.equal(path.basename(p.error.file), 'p.rego');
  assert.equal(p.error.line, 3);
  assert.match(p.error.message, /rego_parse_error/);
  assert.equal((await gw.chat(t.key, flat())).status, 403, 'the old one stays');
  save('p.rego', V1('allow := true'));
  await waitUntil(async () => (await gw.chat(t.key, flat())).status === 200, 'mended');
  assert.equal((await policyOf(gw)).json.error, null);
});

gtest('a policy changed 100 times under load: every answer is by one whole policy', () => ({ OPA_POLICY_PATH: folder({ 'p.rego': V1('allow := false\nreason := "0-0"') }), MAX_REQS_PER_MIN: '0' }), async ({ gw }) => {
  const file = path.join(gw.env.OPA_POLICY_PATH, 'p.rego');
  const t = await gw.tenant();
  let stop = false, answers = 0;
  const seen = new Set();
  const client = async () => {
    while (!stop || answers < 1000) {
      const r = await gw.chat(t.key, flat());
      assert.equal(r.status, 403);
      const said = (r.json.error.details ?? r.json.details).reason;
      const [a, b] = said.split('-');
      assert.equal(a, b, said);
      seen.add(said);
      answers++;
    }
  };
  const clients = Promise.all(Array.from({ length: 4 }, client));
  for (let i = 1; i <= 100; i++) {
    fs.writeFileSync(`${file}.new`, V1(`allow := false\na := "${i}"\nb := "${i}"\nreason := concat("-", [a, b])`));
    fs.renameSync(`${file}.new`, file);
    await new Promise((r) => setTimeout(r, 20)); // saving takes people longer
  }
  stop = true;
  await clients;
  assert.ok(seen.size > 3, `${seen.size} policies were seen`);
});

for (const [name, files, message] of [
  ['a file that does not compile', { 'p.rego': V1('allow if {') }, /p\.rego:\d+:\d+: rego_parse_error/],
  ['http.send', { 'p.rego': V1('allow if http.send({"method": "get", "url": "http://x"}).status_code == 200') }, /http\.send/],
  ['a folder without policies', { 'a.json': '{}' }, /no \.rego file/],
  ['compiled WebAssembly', { 'p.wasm': '\0asm' }, /wasm|compiled policies are not read|no \.rego file/],
]) gtest(`start-up error: ${name}`, { OPA_POLICY_PATH: name === 'compiled WebAssembly' ? path.join(folder(files), 'p.wasm') : folder(files) }, async ({ gw }) => {
  await assert.rejects(gw.start(), /ended at start/);
  await waitUntil(() => gw.drained, 'its last words');
  assert.equal(gw.exited.code, 2);
  assert.match(gw.log, /OPA_POLICY_PATH/);
  assert.match(gw.log, message);
  gw.expectDead = true;
  gw.skipVerify = true;
}, { noStart: true });

gtest('POST /admin/policy/test tries an input, and a text before it is saved', {}, async ({ gw }) => {
  const ask = (json) => gw.admin('POST', '/admin/policy/test', json);
  const r = await ask({ input: { budgets: [{ scope: 'tenant', period: 'daily', mode: 'hard', usage: 3, budget: 2 }] } });
  assert.equal(r.status, 200);
  assert.deepEqual([r.json.allow, r.json.deny, r.json.reason], [false, ['tenant budget (daily) is used up: 3 of 2 USD'], 'tenant budget (daily) is used up: 3 of 2 USD']);
  assert.ok(r.json.durationUs > 0 && r.json.durationUs < 1e6);
  assert.deepEqual([(await ask({ input: {}, policy: V1('allow := input.x == 1') })).json.allow, (await ask({ input: { x: 1 }, policy: V1('allow := input.x == 1') })).json.allow], [false, true]);
  const bad = await ask({ input: {}, policy: V1('allow := ') });
  assert.equal(bad.status, 400);
  assert.equal(bad.json.code, 'policy_error');
  assert.equal(bad.json.details.line, 3);
  assert.equal((await ask({})).status, 400);
  assert.equal((await ask({ input: [] })).status, 400);
  assert.match((await ask({ input: {}, policy: V1('allow := true if input.a\nallow := false if not input.b') })).json.error ?? 'none', /none|eval_conflict_error/);
  assert.equal((await call(`${gw.url}/admin/policy/test`, { json: { input: {} } })).status, 401);
});

gtest('POST /admin/policy/replay says who would have been denied, and for how much', {}, async ({ gw, mock }) => {
  const a = await gw.tenant('acme'), b = await gw.tenant('beta');
  mock.usage = { input: 1000, output: 100 };
  for (const [t, model, n] of [[a, 'gpt-4o', 3], [b, 'gpt-4o', 1], [b, 'gpt-4o-mini', 4]]) for (let i = 0; i < n; i++) assert.equal((await gw.chat(t.key, { model, messages: hello, max_tokens: 200 })).status, 200);
  await gw.rows(8);
  const r = await gw.admin('POST', '/admin/policy/replay', { policy: V1('default allow := true\ndeny contains sprintf("%s is dear", [input.model]) if input.model == "gpt-4o"') });
  assert.equal(r.status, 200);
  assert.deepEqual([r.json.rows, r.json.denied, r.json.errors, r.json.truncated], [8, 4, 0, false]);
  assert.equal(nano(r.json.deniedUsd), 4n * 3500000n);
  assert.deepEqual(r.json.reasons, [{ reason: 'gpt-4o is dear', requests: 4, usd: '0.014' }]);
  assert.deepEqual(r.json.tenants.map((x) => [x.tenant, x.requests]), [['acme', 3], ['beta', 1]]);
  assert.equal(r.json.examples.length, 4);
  assert.ok(r.json.missing.includes('headers'));
  const one = await gw.admin('POST', '/admin/policy/replay', { tenantId: Number(b.id), policy: V1('allow := false') });
  assert.deepEqual([one.json.rows, one.json.denied], [5, 5]);
  const now = await gw.admin('POST', '/admin/policy/replay', {});
  assert.deepEqual([now.json.rows, now.json.denied], [8, 0], 'the policy in force');
  assert.equal((await gw.admin('POST', '/admin/policy/replay', { since: 'yesterday' })).status, 400);
});
