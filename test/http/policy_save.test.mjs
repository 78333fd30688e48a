// policy_save.test.mjs - the policy's text, and a new one in its place.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gtest, assert, call, flat, waitUntil } from './fixture.mjs';

const dirs = [];
const folder = (files) => { const d = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-save-')); dirs.push(d); for (const [n, t] of Object.entries(files)) fs.writeFileSync(path.join(d, n), t); return d; };
process.on('exit', () => { for (const d of dirs) { fs.chmodSync(d, 0o700); fs.rmSync(d, { recursive: true, force: true }); } });
const V1 = (body) => `package budgetguard.policy\n${body}\n`;
const file = (text) => path.join(folder({ 'p.rego': text }), 'p.rego');

gtest('PUT /admin/policy: compiled, written whole, in force at once, audited', () => ({ OPA_POLICY_PATH: file(V1('allow := true')) }), async ({ gw }) => {
  const where = gw.env.OPA_POLICY_PATH, t = await gw.tenant();
  fs.chmodSync(where, 0o640);
  const old = await gw.ok('GET', '/admin/policy/text');
  assert.deepEqual([old.writable, old.readOnlyBecause, old.error, old.files], [true, null, null, [{ name: where, text: V1('allow := true') }]]);
  assert.equal(old.hash, (await gw.ok('GET', '/admin/policy')).hash);
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  const text = V1('allow := false\nreason := "ünder repair 😀"');
  const r = await gw.ok('PUT', '/admin/policy', { policy: text, hash: old.hash });
  assert.deepEqual([r.source, r.error], ['path', null]);
  assert.notEqual(r.hash, old.hash);
  assert.equal(fs.readFileSync(where, 'utf8'), text);
  assert.equal(fs.statSync(where).mode & 0o777, 0o640, 'the mode stays');
  assert.equal((await gw.ok('GET', '/admin/policy/text')).hash, r.hash);
  const no = await gw.chat(t.key, flat());
  assert.deepEqual([no.status, (no.json.error.details ?? no.json.details).reason], [403, 'ünder repair 😀']);
  const [audit] = (await gw.ok('GET', '/admin/audit?limit=1')).data;
  assert.deepEqual([audit.event, audit.actor, audit.details], ['policy.save', 'admin', { bytes: Buffer.byteLength(text), name: where }]);
  assert.deepEqual(fs.readdirSync(path.dirname(where)), ['p.rego'], 'nothing left beside it');
});

gtest('PUT /admin/policy: what does not compile changes nothing, and says where it is wrong', () => ({ OPA_POLICY_PATH: file(V1('allow := true')) }), async ({ gw }) => {
  const where = gw.env.OPA_POLICY_PATH;
  const bad = await gw.admin('PUT', '/admin/policy', { policy: V1('allow if {\n  input.x ==\n}') });
  assert.deepEqual([bad.status, bad.json.code, bad.json.details.line > 1, bad.json.details.column > 0], [400, 'policy_error', true, true]);
  assert.match(bad.json.details.message, /rego_parse_error/);
  for (const policy of [undefined, null, 3, ['x']]) assert.equal((await gw.admin('PUT', '/admin/policy', { policy })).status, 400);
  assert.equal((await gw.admin('PUT', '/admin/policy', { policy: '' })).status, 400, 'an empty text is no policy');
  const stale = await gw.admin('PUT', '/admin/policy', { policy: V1('allow := false'), hash: '00' });
  assert.deepEqual([stale.status, stale.json.code], [409, 'policy_changed']);
  assert.equal((await call(`${gw.url}/admin/policy`, { method: 'PUT', json: { policy: V1('allow := false') } })).status, 401);
  assert.equal((await call(`${gw.url}/admin/policy/text`)).status, 401);
  assert.equal(fs.readFileSync(where, 'utf8'), V1('allow := true'));
  assert.equal((await gw.ok('GET', '/admin/audit')).data.filter((x) => x.event === 'policy.save').length, 0);
  const { hash } = await gw.ok('GET', '/admin/policy/text');
  const many = await Promise.all(Array.from({ length: 8 }, (_, i) => gw.admin('PUT', '/admin/policy', { policy: V1(`allow := ${i} == 0`), hash })));
  assert.deepEqual(many.map((r) => r.status).sort(), [200, 409, 409, 409, 409, 409, 409, 409], 'one of those who began with the same text');
  fs.writeFileSync(where, V1('allow := '));
  const broken = await waitUntil(async () => { const r = await gw.ok('GET', '/admin/policy'); return r.error && r; }, 'the broken file is seen');
  assert.equal(broken.error.line, 3);
  assert.equal((await gw.ok('GET', '/admin/policy/text')).files[0].text, V1('allow := '), 'the text that must be mended');
  await gw.ok('PUT', '/admin/policy', { policy: V1('allow := true') });
  assert.equal((await gw.ok('GET', '/admin/policy')).error, null);
});

gtest('PUT /admin/policy: the built-in policy, a folder and links', () => ({ OPA_POLICY_PATH: folder({ 'a.rego': V1('allow := true'), 'b.rego': 'package other\nx := 1\n', 'd.json': '{"k":1}' }) }), async ({ gw }) => {
  const t = await gw.ok('GET', '/admin/policy/text');
  assert.deepEqual([t.writable, t.files.map((f) => path.basename(f.name))], [false, ['a.rego', 'b.rego']]);
  assert.match(t.readOnlyBecause, /folder/);
  const r = await gw.admin('PUT', '/admin/policy', { policy: V1('allow := false') });
  assert.deepEqual([r.status, r.json.code], [409, 'policy_read_only']);
  const real = file(V1('allow := true')), link = path.join(folder({}), 'link.rego');
  fs.symlinkSync(real, link);
  await gw.restart({ OPA_POLICY_PATH: link });
  await gw.ok('PUT', '/admin/policy', { policy: V1('allow := false') });
  assert.ok(fs.lstatSync(link).isSymbolicLink(), 'the link stays');
  assert.equal(fs.readFileSync(real, 'utf8'), V1('allow := false'));
  await gw.restart({ OPA_POLICY_PATH: null });
  const built = await gw.ok('GET', '/admin/policy/text');
  assert.deepEqual([built.writable, built.files.length], [false, 1]);
  assert.match(built.files[0].text, /^# The policy in force when/);
  assert.equal((await gw.admin('PUT', '/admin/policy', { policy: V1('allow := false') })).status, 409);
});
