// policy_cli.test.mjs - `budgetguard policy …` as scripts use it.
import test from 'node:test';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { gtest, assert, hello, nano } from './fixture.mjs';

const BIN = path.resolve(process.env.BG_BIN ?? 'build/budgetguard');
const ROOT = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
const run = (args, { input, cwd = ROOT, env } = {}) => {
  const r = spawnSync(BIN, ['policy', ...args], { input, cwd, env: { ...process.env, ...env }, encoding: 'utf8', timeout: 60000 });
  return { code: r.status, out: r.stdout, err: r.stderr, json: (() => { try { return JSON.parse(r.stdout); } catch { return undefined; } })() };
};
const folder = (t, files) => { const d = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-policy-cli-')); t.after(() => fs.rmSync(d, { recursive: true })); for (const [n, x] of Object.entries(files)) fs.writeFileSync(path.join(d, n), x); return d; };
const expr = (text, value, row = 1, col = 1) => ({ value, text, location: { row, col } });

test('policy test: the default policy and every example pass their tests', () => {
  assert.deepEqual(run(['test', 'policy/default.rego', 'policy/default_test.rego']), { code: 0, out: 'PASS: 5/5\n', err: '', json: undefined });
  const examples = fs.readdirSync(path.join(ROOT, 'policy/examples')).filter((f) => f.endsWith('_test.rego'));
  assert.ok(examples.length >= 7);
  for (const f of examples) {
    const r = run(['test', 'policy/default.rego', `policy/examples/${f.replace('_test', '')}`, `policy/examples/${f}`]);
    assert.equal(r.code, 0, `${f}: ${r.out}${r.err}`);
    assert.match(r.out, /^PASS: (\d+)\/\1\n$/);
  }
  assert.equal(run(['check', 'policy/default.rego', 'policy/examples']).code, 0);
});

test('policy test: reports as opa does, and fails when a test fails or there is none', (t) => {
  const d = folder(t, { 'a.rego': 'package a\nx := 1\n', 'a_test.rego': 'package a_test\nimport data.a\ntest_good if a.x == 1\ntest_bad if a.x == 2\ntest_conflict if c == 1\nc := 1 if true\nc := 2 if true\n', 'broken.txt': 'package b\n\nx := \n' });
  const r = run(['test', '-v', d]);
  assert.equal(r.code, 1);
  assert.match(r.out, /data\.a_test\.test_good: PASS \([\d.]+µs\)/);
  assert.match(r.out, /data\.a_test\.test_bad: FAIL/);
  assert.match(r.out, /data\.a_test\.test_conflict: ERROR[^]*eval_conflict_error/);
  assert.match(r.out, /PASS: 1\/3\nFAIL: 1\/3\nERROR: 1\/3\n$/);
  assert.doesNotMatch(run(['test', d]).out, /test_good/);
  assert.equal(run(['test', path.join(d, 'a.rego')]).code, 1);
  const broken = run(['check', path.join(d, 'broken.txt')]);
  assert.equal(broken.code, 1);
  assert.match(broken.out, /^1 error occurred: .*broken\.txt:\d+: rego_parse_error: /);
  assert.equal(run(['check', path.join(d, 'none.rego')]).code, 1);
  for (const args of [[], ['check'], ['test'], ['eval'], ['eval', '-d'], ['eval', '1', '2'], ['what'], ['replay', 'x']]) assert.equal(run(args).code, 2, args.join(' '));
});

test("policy eval: opa's JSON of values, bindings, undefined and errors", (t) => {
  const d = folder(t, { 'p.rego': 'package p\nimport data.users\nallow if input.user in users\nnames contains u if some u in users\n', 'users.json': '{"users": ["a", "b"]}', 'old.rego': 'package old\nallow { input.x == 1 }\n', 'in.json': '{"user": "b", "n": 12345678901234567890.5}' });
  const [p, users, input] = ['p.rego', 'users.json', 'in.json'].map((f) => path.join(d, f));
  assert.deepEqual(run(['eval', '1 + 1']).json, { result: [{ expressions: [expr('1 + 1', 2)] }] });
  assert.deepEqual(run(['eval', '-d', p, '-d', users, '-i', input, 'data.p.allow']).json, { result: [{ expressions: [expr('data.p.allow', true)] }] });
  assert.deepEqual(run(['eval', '-d', p, '-d', users, 'data.p.allow']).json, {});
  assert.deepEqual(run(['eval', '-d', p, '-d', users, 'data.p.names']).json.result[0].expressions[0].value, ['a', 'b']);
  assert.deepEqual(run(['eval', '-d', users, 'x = data.users[i]']).json, { result: [{ expressions: [expr('x = data.users[i]', true)], bindings: { i: 0, x: 'a' } }, { expressions: [expr('x = data.users[i]', true)], bindings: { i: 1, x: 'b' } }] });
  assert.deepEqual(run(['eval', 'x := 1; y := x + 1\n"a;b"']).json.result[0], { expressions: [expr('x := 1', true), expr('y := x + 1', true, 1, 9), expr('"a;b"', 'a;b', 2, 1)], bindings: { x: 1, y: 2 } });
  assert.deepEqual(run(['eval', 'false']).json.result[0].expressions[0].value, false);
  assert.match(run(['eval', '-i', input, 'input.n']).out, /12345678901234567890\.5/);
  assert.deepEqual(run(['eval', '-i', '-', 'input'], { input: '[1,{"a":null}]' }).json.result[0].expressions[0].value, [1, { a: null }]);
  assert.deepEqual(run(['eval', '--v0-compatible', '-d', path.join(d, 'old.rego'), 'data.old.allow with input.x as 1']).json.result[0].expressions[0].value, true);
  const v1 = run(['eval', '-d', path.join(d, 'old.rego'), 'data.old.allow']);
  assert.equal(v1.code, 2);
  assert.equal(v1.json.errors[0].code, 'rego_parse_error');
  assert.equal(v1.json.errors[0].location.row, 2);
  assert.deepEqual(run(['eval', 'to_number("x")']).json, {});
  const strict = run(['eval', '--strict-builtin-errors', 'to_number("x")']);
  assert.equal(strict.code, 2);
  assert.equal(strict.json.errors[0].code, 'eval_builtin_error');
  const unsafe = run(['eval', 'x == 1']);
  assert.equal(unsafe.json.errors[0].code, 'rego_unsafe_var_error');
  assert.match(unsafe.json.errors[0].message, /var x is unsafe/);
  const bad = run(['eval', 'http.send({})']);
  assert.equal(bad.code, 2);
  assert.match(bad.json.errors[0].message, /http\.send/);
  assert.equal(run(['eval', '-i', path.join(d, 'none.json'), '1']).code, 2);
});

gtest('policy replay: the ledger of a stopped or running gateway', {}, async ({ gw, mock }) => {
  const a = await gw.tenant('acme'), b = await gw.tenant('beta');
  mock.usage = { input: 1000, output: 10 };
  for (const t of [a, a, b]) assert.equal((await gw.chat(t.key, { model: 'gpt-4o', messages: hello, max_tokens: 400 })).status, 200);
  await gw.rows(3);
  const p = path.join(gw.dir, 'strict.rego');
  fs.writeFileSync(p, 'package budgetguard.policy\ndefault allow := true\ndeny contains "beta is out" if input.tenant == "beta"\n');
  const day = new Date(Date.now() - 86400000).toISOString().slice(0, 10);
  const r = run(['replay', p, '--since', day], { cwd: gw.dir, env: gw.fullEnv() });
  assert.equal(r.code, 0, r.err);
  assert.deepEqual([r.json.rows, r.json.denied], [3, 1]);
  assert.equal(nano(r.json.deniedUsd), 2600000n);
  assert.deepEqual(run(['replay', p, '--since', day, '--tenant', 'acme'], { cwd: gw.dir, env: gw.fullEnv() }).json.denied, 0);
  assert.equal(run(['replay', p, '--since', day, '--tenant', 'cme'], { cwd: gw.dir, env: gw.fullEnv() }).json.rows, 0);
  assert.equal(run(['replay', p, '--since', 'monday'], { cwd: gw.dir, env: gw.fullEnv() }).code, 2);
  await gw.stop();
  assert.equal(run(['replay', p, '--since', day], { cwd: gw.dir, env: gw.fullEnv() }).json.rows, 3);
  await gw.start();
});
