// start.test.mjs - configuration, start and stop, demo, the README's commands.
import { test } from 'node:test';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { Gateway, gtest, assert, flat, call, waitUntil, freePort, BIN, ROOT, ADMIN, SLOW, RawClient } from './fixture.mjs';
import { everywhere } from './families.mjs';
import { Barrier, MockUpstream } from './mock.mjs';

const wrong = [
  [{ PORT: 'abc' }, /PORT/], [{ PORT: '70000' }, /PORT/], [{ WORKERS: '-1' }, /WORKERS/], [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL/], [{ TENANT_AUTH: 'none' }, /TENANT_AUTH/],
  [{ MAX_BODY_BYTES: '1x' }, /MAX_BODY_BYTES/], [{ BUDGET_TIMEZONE: 'Mars/Olympus' }, /BUDGET_TIMEZONE/], [{ BUDGET_FORTNIGHTLY_USD: '1' }, /BUDGET_FORTNIGHTLY_USD/],
  [{ BUDGET_MONTHLY_USD: '-1' }, /BUDGET_MONTHLY_USD/], [{ BUDGET_MONTHLY_USD: 'NaN' }, /BUDGET_MONTHLY_USD/], [{ DEFAULT_BUDGET_USD: '1e3' }, /DEFAULT_BUDGET_USD/], [{ CLOCK_OFFSET_S: '5' }, /CLOCK_OFFSET_S/],
  [{ TLS_CERT_FILE: '/nonexistent' }, /TLS_(CERT|KEY)_FILE/], [{ CRASH_SETTLE: 'maybe' }, /CRASH_SETTLE/], [{ UNKNOWN_PRICE: 'x' }, /UNKNOWN_PRICE/], [{ PASSTHROUGH: 'x' }, /PASSTHROUGH/], [{ CLIENT_GONE: 'x' }, /CLIENT_GONE/],
  [{ USE_LDAP: 'true' }, /USE_LDAP/], [{ OPENAI_BASE_URL: 'not a url' }, /OPENAI_BASE_URL/], [{ DEFAULT_TENANT: 'x', DEFAULT_API_KEY: 'short' }, /DEFAULT_API_KEY/], [{ TRUSTED_PROXIES: '10.0.0.0/99' }, /TRUSTED_PROXIES/],
];
for (const [env, re] of wrong)
  test(`an invalid ${Object.keys(env).at(-1)} (${Object.values(env).at(-1)}) ends start-up with 2 and is named in one line`, async () => {
    const r = await Gateway.run(env);
    assert.equal(r.code, 2, `${r.code} ${r.out} ${r.err}`);
    assert.match(r.out + r.err, re);
    assert.ok(r.err.trim().split('\n').length <= 2, r.err);
  });

test('--version and --help; an unknown flag is an error', async () => {
  const v = await Gateway.run({}, ['--version']);
  assert.equal(v.code, 0);
  assert.match(v.out, /\d+\.\d+\.\d+/);
  const h = await Gateway.run({}, ['--help']);
  assert.equal(h.code, 0);
  assert.match(h.out, /--config/);
  assert.notEqual((await Gateway.run({}, ['--nonsense'])).code, 0);
});

gtest('.env.local wins over .env, the environment over both; quotes, export, comments', { PORT: null, ADMIN_API_KEY: null }, async ({ gw }) => {
  const port = (gw.port = await freePort());
  fs.writeFileSync(path.join(gw.dir, '.env'), `# comment\nexport PORT=1\nADMIN_API_KEY='from env file'\nMAX_REQS_PER_MIN=5 \n`);
  fs.writeFileSync(path.join(gw.dir, '.env.local'), `PORT="${port}"\n`);
  delete gw.env.MAX_REQS_PER_MIN;
  gw.env.MAX_REQS_PER_MIN = null;
  await gw.start();
  const r = await call(`${gw.url}/admin/tenant`, { json: { name: 'a' }, headers: { 'x-admin-key': 'from env file' } });
  assert.equal(r.status, 200, r.text);
  const l = await call(`${gw.url}/admin/tenant/${r.json.id}/ratelimit`, { headers: { 'x-admin-key': 'from env file' } });
  assert.equal(l.json.rateLimitPerMin, 5);
}, { noStart: true });

gtest('PORT=0 takes a free port and prints it', { PORT: '0' }, async ({ gw }) => {
  gw.proc = spawn(BIN, [], { cwd: gw.dir, env: gw.fullEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
  gw.exited = null;
  gw.proc.stdout.on('data', (b) => (gw.log += b));
  gw.proc.stderr.on('data', (b) => (gw.log += b));
  gw.proc.on('exit', (code, signal) => (gw.exited = { code, signal }));
  gw.proc.on('close', () => (gw.drained = true));
  const port = await waitUntil(async () => {
    for (const m of gw.log.matchAll(/\b(\d{4,5})\b/g)) try { if ((await call(`http://127.0.0.1:${m[1]}/ping`, { agent: false })).json?.message === 'pong') return m[1]; } catch { /* not a port */ }
    return null;
  }, 'a port is printed that answers');
  assert.ok(port > 0);
}, { noStart: true });

gtest('a second process on the same data directory refuses to start', {}, async ({ gw }) => {
  const r = await Gateway.run({ DATA_DIR: gw.data });
  assert.notEqual(r.code, 0);
});

gtest('SIGTERM: no new connections, requests in flight finish and are booked, exit 0', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const b = new Barrier();
  mock.script = async (rec, res) => { await b.wait(); mock.normal(rec, res); };
  const flying = gw.chat(t.key, flat(), { agent: false });
  await waitUntil(() => mock.seen.length === 1, 'the call is at the provider');
  gw.proc.kill('SIGTERM');
  await waitUntil(async () => { try { await call(`${gw.url}/ping`, { agent: false }); return false; } catch { return true; } }, 'new connections are refused');
  b.open();
  assert.equal((await flying).status, 200);
  assert.deepEqual(await gw.ended(), { code: 0, signal: null });
  await gw.start();
  assert.equal((await gw.rows(1))[0].status, 'success');
});

gtest('SIGTERM: what does not finish within SHUTDOWN_GRACE_S is cut and booked', { SHUTDOWN_GRACE_S: '1' }, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '1' }] });
  mock.script = () => {};
  const flying = gw.chat(t.key, flat(), { agent: false }).catch((e) => e);
  await waitUntil(() => mock.seen.length === 1, 'the call is at the provider');
  gw.proc.kill('SIGTERM');
  assert.deepEqual(await gw.ended(), { code: 0, signal: null });
  await flying;
  await gw.start();
  const [row] = await gw.rows(1);
  assert.equal(row.status, 'interrupted');
  assert.equal(row.usd, '0.0075');
  assert.equal((await gw.budgets())[0].heldUsd, '0');
});

gtest('SIGHUP opens a rotated LOG_FILE anew and stops nothing', {}, async ({ gw }) => {
  const file = path.join(gw.dir, 'gw.log'), old = path.join(gw.dir, 'gw.log.1'), pid = gw.proc.pid;
  gw.proc.kill('SIGHUP');
  await waitUntil(() => gw.logContains('no LOG_FILE to open anew'), 'a hangup without a log file is told');
  await gw.restart({ LOG_FILE: file });
  assert.notEqual(gw.proc.pid, pid);
  fs.renameSync(file, old);
  gw.proc.kill('SIGHUP');
  await waitUntil(() => fs.existsSync(file) && fs.readFileSync(file, 'utf8').includes('log opened anew'), 'the file is there again');
  const before = fs.readFileSync(old, 'utf8');
  await gw.chat('bg_nobody', flat());
  await waitUntil(() => fs.readFileSync(file, 'utf8').includes('"refused"'), 'lines go to the new file');
  assert.equal(fs.readFileSync(old, 'utf8'), before);
});

test('a port that is taken is named with what to do', async () => {
  const gw = new Gateway({});
  await gw.start();
  try {
    const r = await Gateway.run({ PORT: String(gw.port) });
    assert.deepEqual([r.code, r.err.trim().split('\n').at(-1)], [1, `budgetguard: port ${gw.port} is taken; PORT chooses another`]);
    const v = spawnSync(BIN, ['verify'], { cwd: gw.dir, env: gw.fullEnv(), encoding: 'utf8' });
    assert.equal(v.status, 1);
    assert.match(v.stderr, /a server uses .*: stop it first, verify a backup, or ask it with POST \/admin\/ledger\/integrity/);
  } finally { await gw.stop(); fs.rmSync(gw.dir, { recursive: true, force: true }); }
});

gtest('logs are JSON lines with request ids; LOG_FILE is appended to (R68)', {}, async ({ gw }) => {
  const file = path.join(gw.dir, 'log.jsonl');
  fs.writeFileSync(file, '{"old":"line"}\n');
  await gw.restart({ LOG_FILE: file });
  const t = await gw.tenant();
  const r = await gw.chat(t.key, flat());
  await gw.restart();
  const text = fs.readFileSync(file, 'utf8');
  assert.ok(text.startsWith('{"old":"line"}\n'), 'never truncated');
  for (const l of text.trim().split('\n')) JSON.parse(l);
  assert.ok(text.includes(r.headers['x-budgetguard-request-id']));
});

gtest('TLS: serves 1.2 and 1.3, and takes up a changed certificate without a restart', {}, async ({ gw }) => {
  const tls = await import('node:tls');
  const make = (name) => {
    const r = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', `${gw.dir}/key.new`, '-out', `${gw.dir}/cert.new`], { encoding: 'utf8' });
    assert.equal(r.status, 0, r.stderr);
    fs.renameSync(`${gw.dir}/key.new`, `${gw.dir}/key.pem`);
    fs.renameSync(`${gw.dir}/cert.new`, `${gw.dir}/cert.pem`);
  };
  make('first');
  await gw.start({ TLS_CERT_FILE: `${gw.dir}/cert.pem`, TLS_KEY_FILE: `${gw.dir}/key.pem` });
  const look = (o) => new Promise((res, rej) => { const c = tls.connect({ port: gw.port, host: '127.0.0.1', rejectUnauthorized: false, ...o }, () => { res([c.getPeerCertificate().subject.CN, c.getProtocol()]); c.destroy(); }); c.on('error', rej); });
  assert.deepEqual(await look({ maxVersion: 'TLSv1.2' }), ['first', 'TLSv1.2']);
  assert.deepEqual(await look({ minVersion: 'TLSv1.3' }), ['first', 'TLSv1.3']);
  await assert.rejects(look({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }));
  const t = await gw.tenant();
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  make('second');
  await waitUntil(async () => (await look({}))[0] === 'second', 'the new certificate is served', 30000 * SLOW);
}, { noStart: true });

// Starts the demo in an empty directory and answers its output and a stop.
async function demo() {
  const port = await freePort();
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-demo-'));
  const d = { port, dir, out: '', exited: null };
  d.proc = spawn(BIN, ['--demo'], { cwd: dir, env: { PATH: process.env.PATH, PORT: String(port), DATA_DIR: path.join(dir, 'data'), ...(process.env.ASAN_OPTIONS ? { ASAN_OPTIONS: process.env.ASAN_OPTIONS, LSAN_OPTIONS: process.env.LSAN_OPTIONS } : {}) }, stdio: ['ignore', 'pipe', 'pipe'] });
  d.proc.stdout.on('data', (b) => (d.out += b));
  d.proc.stderr.on('data', (b) => (d.out += b));
  d.proc.on('exit', (code) => (d.exited = { code }));
  await waitUntil(async () => { try { return (await call(`http://127.0.0.1:${port}/ping`, { agent: false })).status === 200; } catch { return d.exited; } }, 'the demo answers');
  d.stop = async () => { d.proc.kill('SIGTERM'); await waitUntil(() => d.exited, 'the demo ends', 40000); fs.rmSync(dir, { recursive: true, force: true }); return d.exited.code; };
  return d;
}
// curl command lines in a text, continuation lines joined.
const curls = (text) => text.replace(/\\\r?\n\s*/g, ' ').split('\n').map((l) => l.trim().replace(/^\$\s+/, '')).filter((l) => l.startsWith('curl '));
// Not spawnSync: the mock upstream lives in this process.
const sh = async (cmd, env = {}) => {
  const p = spawn('sh', ['-c', cmd.replace(/^curl /, 'curl -sS -w "\\n%{http_code}" --max-time 30 ')], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const r = { stdout: '', stderr: '', status: null };
  p.stdout.on('data', (b) => (r.stdout += b));
  p.stderr.on('data', (b) => (r.stderr += b));
  r.status = await new Promise((res) => p.on('close', res));
  return r;
};

test('--demo: every printed curl line works as pasted', { timeout: 120000 * SLOW }, async () => {
  const d = await demo();
  try {
    const lines = await waitUntil(() => { const l = curls(d.out); return l.length >= 2 && l; }, 'the demo prints curl lines');
    for (const l of lines) {
      const r = await sh(l);
      assert.equal(r.status, 0, `${l}\n${r.stderr}`);
      assert.match(r.stdout.trim().split('\n').at(-1), /^20\d$/, `${l}\n${r.stdout}\n${d.out}`);
    }
    assert.match(d.out, /bg_[A-Za-z0-9_-]{43}/, 'a key is printed');
  } catch (e) { console.error(d.out); throw e; } finally { assert.equal(await d.stop(), 0); }
});

test('--demo: the OpenAI SDK works plain and streamed', { timeout: 120000 * SLOW }, async () => {
  const { default: OpenAI } = await import('openai');
  const d = await demo();
  try {
    const key = await waitUntil(() => /bg_[A-Za-z0-9_-]{43}/.exec(d.out)?.[0], 'a key is printed');
    const c = new OpenAI({ baseURL: `http://127.0.0.1:${d.port}/v1`, apiKey: key, maxRetries: 0 });
    const r = await c.chat.completions.create({ model: 'demo-small', messages: [{ role: 'user', content: 'Hello' }] });
    assert.ok(r.choices[0].message.content.length > 0);
    assert.ok(r.usage.total_tokens > 0);
    let text = '';
    for await (const ch of await c.chat.completions.create({ model: 'demo-small', messages: [{ role: 'user', content: 'Hello' }], stream: true })) text += ch.choices[0]?.delta?.content ?? '';
    assert.ok(text.length > 0);
  } catch (e) { console.error(d.out); throw e; } finally { assert.equal(await d.stop(), 0); }
});

test("--demo: Anthropic's SDK works too, Google's is told what its routes reach", { timeout: 120000 * SLOW }, async () => {
  const { default: Anthropic } = await import('@anthropic-ai/sdk');
  const d = await demo();
  try {
    const apiKey = (await waitUntil(() => /export BG_KEY=(\S+) ADMIN_API_KEY=\S+/.exec(d.out), 'the keys are printed'))[1], url = `http://127.0.0.1:${d.port}`;
    const c = new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
    const ask = { model: 'demo-small', max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] };
    const r = await c.messages.create(ask);
    assert.match(r.content[0].text, /demo provider/);
    assert.ok(r.usage.input_tokens > 0 && r.usage.output_tokens > 0);
    assert.equal((await c.messages.stream(ask).finalMessage()).content[0].text, r.content[0].text);
    const g = await call(`${url}/v1beta/models/demo-small:generateContent`, { json: { contents: [{ parts: [{ text: 'Hello' }] }] }, headers: { 'x-goog-api-key': apiKey } });
    assert.deepEqual([g.status, g.json.error.message], [400, "No provider configured for model: demo-small: Google's routes reach Google's models only"]);
    const m = await call(`${url}/v1/chat/completions`, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'text/plain' } });
    assert.deepEqual([m.status, m.json.error.message], [415, 'Unsupported Media Type: Content-Type must be application/json']);
  } catch (e) { console.error(d.out); throw e; } finally { assert.equal(await d.stop(), 0); }
});

gtest("the README's command lines work", (x) => ({ ...everywhere(x), INGEST_KEY: 'ingest-key-0123' }), async ({ gw, mock }) => {
  const t = await gw.tenant('readme');
  const readme = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const lines = curls([...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map((m) => m[1]).join('\n'));
  assert.ok(lines.length >= 3);
  let token = '';
  for (const l of lines) {
    const cmd = l.replaceAll('http://127.0.0.1:3000', gw.url).replaceAll('demo-small', 'gpt-flat');
    const r = await sh(cmd, { BG_KEY: t.key, ADMIN_API_KEY: ADMIN, INGEST_KEY: 'ingest-key-0123', TRACKING_TOKEN: token });
    assert.equal(r.status, 0, `${cmd}\n${r.stderr}`);
    assert.match(r.stdout.trim().split('\n').at(-1), /^20\d$/, `${cmd}\n${r.stdout}`);
    token = /"token":"(tok_[^"]+)"/.exec(r.stdout)?.[1] ?? token;
  }
});
