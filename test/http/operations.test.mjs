// operations.test.mjs - the subcommands: check, backup, restore, export,
// tenant, key, budget; beside a running server and without one.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { test } from 'node:test';
import path from 'node:path';
import { Gateway, gtest, assert, flat, nano, sumNano, waitUntil, BIN, ADMIN, SLOW } from './fixture.mjs';

/** Runs the binary beside the gateway's own configuration. */
function cli(gw, args, env = {}) {
  const r = spawnSync(BIN, args, { cwd: gw.dir, env: { ...gw.fullEnv(), ...env }, encoding: 'utf8', timeout: 60000 * SLOW, maxBuffer: 1 << 28 });
  return { code: r.status ?? r.signal, out: r.stdout, err: r.stderr };
}
/** The same without blocking this process: the mock upstream lives in it. */
const cliAsync = (gw, args, env = {}) => new Promise((res) => {
  const p = spawn(BIN, args, { cwd: gw.dir, env: { ...gw.fullEnv(), ...env } });
  let out = '', err = '';
  p.stdout.on('data', (b) => (out += b)); p.stderr.on('data', (b) => (err += b));
  p.on('close', (code, signal) => res({ code: code ?? signal, out, err }));
});
const good = (r) => { assert.equal(r.code, 0, r.out + r.err); return r; };
const table = (text) => text.trim().split('\n').map((l) => l.trim().split(/ {2,}/));

gtest('check: says ok of everything, beside a server and before the first start; changes nothing', {}, async ({ gw }) => {
  const none = good(cli(gw, ['check']));
  assert.match(none.out, /DATA_DIR +ok +not there yet/);
  assert.ok(!fs.existsSync(gw.data));
  await gw.start();
  const t = await gw.tenant();
  await gw.chat(t.key, flat());
  await gw.rows(1);
  const r = good(cli(gw, ['check']));
  for (const what of ['configuration', 'time zone', 'proxies', 'certificate', 'policy', 'prices', 'fallbacks', 'providers', 'DATA_DIR', 'secret.key', 'ledger', 'counters']) assert.match(r.out, new RegExp(`^${what} +ok`, 'm'));
  assert.match(r.out, /^ledger +ok +version \d+, 1 rows$/m);
  assert.match(r.out, /^counters +ok +a server uses them$/m);
  assert.equal((await gw.chat(t.key, flat())).status, 200);
}, { noStart: true });

gtest('check: names every part that is wrong, exit 1', {}, async ({ gw }) => {
  await gw.start();
  await gw.stop();
  const policy = path.join(gw.dir, 'p.rego'), bad = (env, what, text) => {
    const r = cli(gw, ['check'], env);
    assert.equal(r.code, 1, r.out + r.err);
    assert.match(r.out, new RegExp(`^${what} +WRONG +.*${text}`, 'm'));
    return r;
  };
  fs.writeFileSync(policy, 'package budgetguard.policy\nallow := \n');
  const all = bad({ OPA_POLICY_PATH: policy, OPENAI_BASE_URL: 'ftp://x', MODEL_PRICING_JSON: '{', TRUSTED_PROXIES: 'nowhere', BUDGET_TIMEZONE: 'Mars/Olympus', ALERT_WEBHOOK_URL: 'x' }, 'policy', '');
  for (const what of ['time zone', 'proxies', 'prices', 'providers', 'alerts']) assert.match(all.out, new RegExp(`^${what} +WRONG`, 'm'));
  assert.match(all.out, /^6 of these would keep it/m);
  bad({ TLS_CERT_FILE: '/nowhere.pem', TLS_KEY_FILE: '/nowhere.key' }, 'certificate', '');
  bad({ BUDGET_PERIODS: 'fortnightly' }, 'configuration', 'fortnightly');
  fs.chmodSync(path.join(gw.data, 'secret.key'), 0o644);
  bad({}, 'secret.key', 'others can read');
  fs.chmodSync(path.join(gw.data, 'secret.key'), 0o600);
  const file = path.join(gw.data, 'ledger.sqlite'), whole = fs.readFileSync(file), cut = Buffer.from(whole);
  cut.fill(0xaa, 4096 * 3, 4096 * 5);
  fs.writeFileSync(file, cut);
  bad({}, 'ledger', 'damaged');
  fs.writeFileSync(file, whole);
  good(cli(gw, ['check']));
  await gw.start();
}, { noStart: true });

gtest('backup while requests run, restored elsewhere: verify is clean, sums agree, the server goes on', { SYNC_INTERVAL_MS: '20' }, async ({ gw }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: 1000 }] });
  let stop = false, sent = 0;
  const clients = Array.from({ length: 8 }, async () => { while (!stop) { assert.equal((await gw.chat(t.key, flat({ user: 'u' }), { headers: { 'x-session-id': `s${sent % 5}` } })).status, 200); sent++; } });
  await waitUntil(() => sent > 100, 'the load runs');
  const dirs = [];
  for (let i = 0; i < 3; i++) {
    const dir = path.join(gw.dir, `backup-${i}`), before = sent;
    const r = good(await cliAsync(gw, ['backup', dir]));
    dirs.push([dir, before, Number(/^(\d+) rows/.exec(r.out)[1])]);
    await waitUntil(() => sent > before + 50, 'requests go on');
  }
  stop = true;
  await Promise.all(clients);
  for (const [dir, before] of dirs) {
    const manifest = JSON.parse(fs.readFileSync(path.join(dir, 'manifest.json')));
    assert.deepEqual(manifest.files.map((f) => f.name).sort(), ['counters.lmdb/data.mdb', 'counters.lmdb/sent.map', 'ledger.sqlite', 'secret.key']);
    assert.ok(manifest.rows <= sent);
    const there = path.join(gw.dir, `there-${path.basename(dir)}`), env = { DATA_DIR: there };
    good(cli(gw, ['restore', dir], env));
    good(cli(gw, ['verify'], env));
    // what the requests cost is in both: every one answered before it is there
    const rows = Number(gw.sql('SELECT 1').out) && spawnSync('sqlite3', [path.join(there, 'ledger.sqlite'), 'SELECT count(*),sum(usd) FROM ledger'], { encoding: 'utf8' }).stdout.trim().split('|').map(Number);
    assert.equal(rows[1], rows[0] * 7500000);
    const list = JSON.parse(good(cli(gw, ['budget', 'list', '--json'], env)).out); // opens it: rows of the outbox come in
    const after = spawnSync('sqlite3', [path.join(there, 'ledger.sqlite'), "SELECT count(*) FILTER (WHERE status='success'),sum(usd) FROM ledger"], { encoding: 'utf8' }).stdout.trim().split('|');
    assert.ok(Number(after[0]) >= before, `${after[0]} rows of the ${before} requests answered before`);
    assert.equal(nano(list[0].spentUsd), BigInt(after[1]));
    good(cli(gw, ['verify'], env));
  }
  // a restored folder serves, with the same keys
  await gw.stop();
  const first = path.join(gw.dir, 'there-backup-0');
  gw.env.DATA_DIR = first;
  gw.data = first;
  await gw.start();
  assert.equal((await gw.chat(t.key, flat())).status, 200);
});

gtest('restore: refuses a folder in use, one that has a ledger, and a backup that was changed', {}, async ({ gw }) => {
  const t = await gw.tenant();
  await gw.chat(t.key, flat());
  await gw.rows(1);
  const dir = path.join(gw.dir, 'b');
  good(cli(gw, ['backup', dir]));
  let r = cli(gw, ['backup', dir]);
  assert.deepEqual([r.code, /is not empty/.test(r.err)], [1, true], r.err);
  r = cli(gw, ['restore', dir, '--force']);
  assert.deepEqual([r.code, /a server uses/.test(r.err)], [1, true], r.err);
  await gw.stop();
  r = cli(gw, ['restore', dir]);
  assert.deepEqual([r.code, /--force/.test(r.err)], [1, true], r.err);
  const spoil = (name, fn) => {
    const f = path.join(dir, name), was = fs.readFileSync(f);
    fs.writeFileSync(f, fn(Buffer.from(was)));
    const s = cli(gw, ['restore', dir, '--force'], { DATA_DIR: path.join(gw.dir, 'x') });
    assert.equal(s.code, 1, `${name}: ${s.out}`);
    assert.ok(!fs.existsSync(path.join(gw.dir, 'x')), 'nothing was made');
    fs.writeFileSync(f, was);
    return s.err;
  };
  assert.match(spoil('ledger.sqlite', (b) => { b[5000] ^= 1; return b; }), /ledger\.sqlite is not what the manifest says/);
  assert.match(spoil('secret.key', (b) => b.subarray(1)), /secret\.key is not/);
  assert.match(spoil('manifest.json', () => Buffer.from('[]')), /manifest/);
  assert.match(spoil('manifest.json', (b) => Buffer.from(b.toString().replace('secret.key', 'other.key'))), /does not name secret\.key/);
  assert.equal(cli(gw, ['restore', path.join(gw.dir, 'nothing')], { DATA_DIR: path.join(gw.dir, 'x') }).code, 1);
  // the log of a ledger that is gone would be played onto the restored one
  const left = path.join(gw.dir, 'left'), wal = path.join(left, 'ledger.sqlite-wal');
  fs.mkdirSync(left);
  fs.writeFileSync(wal, 'x');
  assert.equal(cli(gw, ['restore', dir], { DATA_DIR: left }).code, 1);
  good(cli(gw, ['restore', dir, '--force'], { DATA_DIR: left }));
  assert.ok(!fs.existsSync(wal));
  assert.equal(fs.readFileSync(path.join(dir, 'ledger.sqlite'))[18], 1, 'no WAL: it can be read from a read-only place');
  r = good(cli(gw, ['restore', dir, '--force']));
  const old = /what was there is in (.*)/.exec(r.out)[1];
  assert.ok(fs.existsSync(path.join(gw.dir, old, 'ledger.sqlite')) || fs.existsSync(path.join(old, 'ledger.sqlite')));
  await gw.start();
  assert.equal((await gw.ledger()).length, 1);
  assert.equal((await gw.chat(t.key, flat())).status, 200, 'the same keys');
});

gtest('export: the same bytes as the admin API, beside the server; filters, formats, a file', {}, async ({ gw }) => {
  const a = await gw.tenant('acme'), b = await gw.tenant('=beta');
  for (const t of [a, b, a]) await gw.chat(t.key, flat());
  await gw.chat(a.key, flat({ model: 'gpt-cent' }));
  await gw.rows(4);
  const over = async (q) => (await gw.admin('GET', `/admin/usage/export?${q}`)).text;
  assert.equal(good(cli(gw, ['export'])).out, await over('format=csv'));
  const r = good(cli(gw, ['export', '--format', 'jsonl', '--tenant', 'acme', '--model', 'gpt-flat']));
  assert.equal(r.out, await over('format=jsonl&tenant=acme&model=gpt-flat'));
  assert.equal(r.err, '2 rows\n', 'no progress where stderr is no terminal');
  assert.equal(r.out.trim().split('\n').map((l) => JSON.parse(l)).reduce((x, e) => x + nano(e.usd), 0n), 15000000n);
  const today = new Date().toISOString().slice(0, 10);
  for (const [args, n] of [[['--tenant-id', String(b.id)], 1], [['--key-id', String(a.keyId)], 3], [['--status', 'blocked'], 0], [['--since', today, '--until', today], 4], [['--until', '2020-01-01'], 0], [['--since', '2020-01-01T00:00:00Z'], 4]])
    assert.equal(good(cli(gw, ['export', '--format', 'jsonl', ...args])).out.split('\n').length - 1, n, args.join(' '));
  const file = path.join(gw.dir, 'out.csv');
  good(cli(gw, ['export', '--output', file, '--quiet']));
  assert.equal(fs.readFileSync(file, 'utf8'), await over('format=csv'));
  assert.equal(cli(gw, ['export', '--output', file]).code, 1, 'a file that is there stays');
  for (const bad of [['--format', 'xml'], ['--since', 'yesterday'], ['--tenant-id', 'x'], ['--nonsense', '1'], ['--since'], ['word']]) assert.equal(cli(gw, ['export', ...bad]).code, 2, bad.join(' '));
  assert.equal(cli(gw, ['export'], { DATA_DIR: '/nowhere' }).code, 1);
});

/** The same story online and offline. */
async function manage(run) {
  const one = (args) => good(run(args)).out, json = (args) => JSON.parse(one([...args, '--json']));
  assert.match(one(['tenant', 'add', 'acme', '--rate-limit', '7', '--session-budget', '1.5']), /acme +7 +2\d{3}-/);
  one(['tenant', 'add', '77']);
  const [t] = json(['tenant', 'list']);
  assert.deepEqual([t.name, t.rateLimitPerMin], ['acme', 7]);
  let r = run(['tenant', 'add', 'acme']);
  assert.deepEqual([r.code, /Tenant already exists/.test(r.err)], [1, true], r.err);
  assert.equal(json(['tenant', 'set', 'acme', '--name', 'Acme Ltd', '--rate-limit', 'none']).name, 'Acme Ltd');
  assert.equal(run(['tenant', 'show', 'acme']).code, 1);
  assert.equal(json(['tenant', 'show', '77']).name, '77', 'a name wins over an id');
  const key = json(['key', 'add', 'Acme Ltd', '--name', 'ci']);
  assert.match(key.key, /^bg_[A-Za-z0-9_-]{43}$/);
  const keys = table(one(['key', 'list', String(t.id)]));
  assert.deepEqual([keys.length, keys[1][1], keys[1][2], keys[1][3]], [2, `${key.key.slice(0, 4)}…${key.key.slice(-4)}`, 'ci', 'yes']);
  const b = json(['budget', 'add', 'Acme Ltd', 'monthly', '12.50']);
  assert.deepEqual([b.amountUsd, b.scope.kind, b.period], ['12.5', 'tenant', 'monthly']);
  json(['budget', 'add', '--scope', 'global', '--period', 'rolling', '--window', '24h', '--amount', '3', '--mode', 'soft']);
  json(['budget', 'add', '--scope', 'user', '--scope-id', 'u-1', '--tenant', 'Acme Ltd', '--period', 'daily', '--amount', '1']);
  assert.deepEqual(json(['budget', 'list']).map((x) => [x.scope.kind, x.amountUsd, x.mode]), [['tenant', '12.5', 'hard'], ['global', '3', 'soft'], ['user', '1', 'hard']]);
  assert.equal(json(['budget', 'list', '--scope', 'global']).length, 1);
  assert.equal(json(['budget', 'list', '--tenant', 'Acme Ltd']).length, 2);
  assert.equal(json(['budget', 'set', String(b.id), '--amount', '0.25']).amountUsd, '0.25');
  assert.equal(one(['budget', 'delete', String(b.id)]), 'deleted\n');
  assert.equal(run(['budget', 'delete', String(b.id)]).code, 1);
  r = run(['budget', 'add', 'Acme Ltd', 'fortnightly', '1']);
  assert.deepEqual([r.code, /Invalid period/.test(r.err)], [1, true], r.err);
  for (const bad of [['tenant'], ['tenant', 'frobnicate'], ['tenant', 'add'], ['key', 'list'], ['key', 'revoke', 'x'], ['budget', 'add', 'x'], ['budget', 'set', 'x'], ['tenant', 'list', '--frob'], ['budget', 'list', '--scope', 'a&b=c']]) assert.equal(run(bad).code, 2, bad.join(' '));
  return key;
}

gtest('tenant, key, budget on a data folder: no server, the same handlers', {}, async ({ gw }) => {
  const key = await manage((args) => cli(gw, args));
  await gw.start();
  const r = await gw.chat(key.key, flat());
  assert.equal(r.status, 200, r.text);
  await gw.rows(1);
  assert.match(gw.sql("SELECT group_concat(event) FROM audit").out, /tenant\.create/);
  for (const args of [['tenant', 'list'], ['key', 'add', '77'], ['budget', 'list']]) {
    const s = cli(gw, args);
    assert.equal(s.code, 1);
    assert.match(s.err, /a server uses .*: ask it with --url/);
  }
  assert.equal(good(cli(gw, ['key', 'revoke', String(key.id), '--url', gw.url])).out, 'revoked\n');
  assert.equal((await gw.chat(key.key, flat())).status, 401);
}, { noStart: true });

gtest('tenant, key, budget on a running server: --url and ADMIN_API_KEY', { AUTH_FAIL_PER_MIN: '1000' }, async ({ gw }) => {
  const key = await manage((args) => cli(gw, [...args, '--url', `${gw.url}/`], { DATA_DIR: '/nowhere' }));
  assert.equal((await gw.chat(key.key, flat())).status, 200);
  await gw.rows(1);
  const bad = cli(gw, ['tenant', 'list', '--url', gw.url], { ADMIN_API_KEY: 'wrong-secret' });
  assert.deepEqual([bad.code, bad.err], [1, 'budgetguard: Unauthorized (401)\n']);
  const down = cli(gw, ['tenant', 'list', '--url', 'http://127.0.0.1:9']);
  assert.equal(down.code, 1);
  assert.ok(!down.err.includes(ADMIN));
  assert.equal(cli(gw, ['tenant', 'list', '--url', 'file:///etc/passwd']).code, 1);
});

gtest('every subcommand has --help, and is in --help', {}, async ({ gw }) => {
  const all = good(cli(gw, ['--help'])).out;
  for (const c of ['check', 'backup', 'restore', 'export', 'tenant', 'key', 'budget', 'import']) {
    assert.match(all, new RegExp(`^ +budgetguard ${c} `, 'm'));
    const r = good(cli(gw, [c, '--help']));
    assert.match(r.out, new RegExp(`^usage: budgetguard ${c} `));
    assert.equal(cli(gw, [c, '--nonsense']).code, 2);
  }
}, { noStart: true });

test('a DATA_DIR without a ledger is an error for what reads it, and stays away', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-none-')), env = { DATA_DIR: path.join(dir, 'typo') };
  for (const args of [['verify'], ['backup', path.join(dir, 'copy')], ['tenant', 'list'], ['key', 'add', 'acme'], ['budget', 'list']]) {
    const r = await Gateway.run(env, args);
    assert.notEqual(r.code, 0, args.join(' '));
    assert.match(r.err, /no ledger in .*typo: is DATA_DIR right\?/, args.join(' '));
    assert.deepEqual(fs.readdirSync(dir), [], args.join(' '));
  }
  assert.equal((await Gateway.run(env, ['budget', 'add', '--scope', 'global', '--period', 'daily', '--amount', '5'])).code, 0);
  assert.equal((await Gateway.run(env, ['tenant', 'list'])).out, 'ID  NAME  REQUESTS/MIN  CREATED\n');
  assert.equal((await Gateway.run(env, ['tenant', 'add', 'first'])).code, 0, 'a first tenant may come before the first start');
  const kept = path.join(dir, 'copy');
  assert.equal((await Gateway.run(env, ['backup', kept])).code, 0);
  for (const f of ['', ...fs.readdirSync(kept)]) assert.equal(fs.statSync(path.join(kept, f)).mode & 0o077, 0, `${f} is the owner's alone`);
  fs.rmSync(dir, { recursive: true, force: true });
});

test('a word that is not known is named in one line', async () => {
  for (const [args, said] of [[['frob'], /frob: not a command/], [['--frob'], /--frob: not known here/], [['--config', '/dev/null', 'backup', 'x'], /backup: comes before its options/],
    [['export', '--format', 'xml'], /--format: 'xml' is neither csv nor jsonl/]]) {
    const r = await Gateway.run({}, args);
    assert.deepEqual([r.code, r.err.trim().split('\n').length], [2, 1], r.err);
    assert.match(r.err, said);
  }
});
