// run.mjs BINARY - ratios against nginx in the same run.
//
// Upstream: nginx `return 200` with a 600-byte chat answer that has usage.
// Load: wrk, the same 1 KB chat request for both.  The gateway does everything
// it does in production: key, input bound, price, rate limit, a tenant and a
// key budget, a ledger row.  Rounds are interleaved and medians shown, since a
// shared machine is noisy.
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { spawn, spawnSync, execFile } from 'node:child_process';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const bin = path.resolve(process.argv[2]);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const ADMIN = 'bench-admin-secret';
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-bench-'));
const TICK = 1e6 / Number(spawnSync('getconf', ['CLK_TCK']).stdout.toString());
const kids = [];
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const median = (a) => [...a].sort((x, y) => x - y)[Math.floor(a.length / 2)];

async function port() {
  for (;;) {
    const p = 10000 + Math.floor(Math.random() * 20000);
    const s = net.createServer();
    if (await new Promise((r) => { s.once('error', () => r(false)); s.listen(p, '127.0.0.1', () => r(true)); })) { await new Promise((r) => s.close(r)); return p; }
  }
}
async function ready(url) {
  for (let i = 0; i < 1000; i++) { try { const r = await fetch(url); await r.arrayBuffer(); return; } catch { await sleep(10); } }
  throw new Error(`${url} does not answer`);
}
function cpu(pids) { // user + system, microseconds
  return pids.reduce((a, p) => { const f = fs.readFileSync(`/proc/${p}/stat`, 'utf8').replace(/^.*\) /, '').split(' '); return a + (Number(f[11]) + Number(f[12])) * TICK; }, 0);
}
const rssKb = (pids) => pids.reduce((a, p) => a + Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${p}/status`, 'utf8'))[1]), 0);
const children = (pid) => spawnSync('pgrep', ['-P', String(pid)]).stdout.toString().trim().split('\n').filter(Boolean).map(Number);

// ---- the cast ---------------------------------------------------------------
const answer = (() => {
  const o = { id: 'chatcmpl-bench', object: 'chat.completion', created: 1763670000, model: 'gpt-4.1-2025-04-14', choices: [{ index: 0, message: { role: 'assistant', content: '', refusal: null }, logprobs: null, finish_reason: 'stop' }], usage: { prompt_tokens: 230, completion_tokens: 40, total_tokens: 270, prompt_tokens_details: { cached_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 0 } } };
  o.choices[0].message.content = 'x'.repeat(600 - JSON.stringify(o).length);
  return JSON.stringify(o);
})();
const body = (() => { const o = { model: 'gpt-4.1', max_tokens: 64, messages: [{ role: 'user', content: '' }] }; o.messages[0].content = 'word '.repeat(300).slice(0, 1008 - JSON.stringify(o).length); return JSON.stringify(o); })();

async function nginx(name, p, server, workers) {
  const d = path.join(dir, name);
  fs.mkdirSync(d);
  fs.writeFileSync(path.join(d, 'conf'), `worker_processes ${workers}; pid ${d}/pid; error_log ${d}/err; daemon off;
events { worker_connections 16384; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_body_temp_path ${d}/b; proxy_temp_path ${d}/p; fastcgi_temp_path ${d}/f; uwsgi_temp_path ${d}/u; scgi_temp_path ${d}/s;
${server} }`);
  const proc = spawn('nginx', ['-c', path.join(d, 'conf'), '-p', d], { stdio: 'ignore', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
  kids.push(proc);
  await ready(`http://127.0.0.1:${p}/v1/x`);
  return { url: `http://127.0.0.1:${p}`, pids: [proc.pid, ...children(proc.pid)] };
}
const mockPort = await port();
const mock = await nginx('mock', mockPort, `server { listen 127.0.0.1:${mockPort}; location / { default_type application/json; return 200 '${answer}'; } }`, 2);
async function proxyTo(name, target) {
  const p = await port();
  return nginx(name, p, `upstream u { server 127.0.0.1:${target}; keepalive 512; keepalive_requests 100000000; }
server { listen 127.0.0.1:${p}; location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering ${name === 'stream' ? 'off' : 'on'}; } }`, 2);
}
const proxy = await proxyTo('proxy', mockPort);

async function gateway(upstream, { dataDir = fs.mkdtempSync(path.join(dir, 'data-')), tenant = true } = {}) {
  const p = await port();
  const env = { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: String(p), DATA_DIR: dataDir, ADMIN_API_KEY: ADMIN, OPENAI_API_KEY: 'sk-bench', OPENAI_BASE_URL: `${upstream}/v1`, WORKERS: '2', LOG_LEVEL: 'warn' };
  const started = process.hrtime.bigint();
  const proc = spawn(bin, [], { cwd: dir, env, stdio: ['ignore', 'inherit', 'inherit'] });
  kids.push(proc);
  const g = { url: `http://127.0.0.1:${p}`, pids: [proc.pid], proc, dataDir };
  await ready(`${g.url}/ping`);
  g.startMs = Number(process.hrtime.bigint() - started) / 1e6;
  g.admin = async (m, q, j) => { const r = await fetch(g.url + q, { method: m, headers: { 'x-admin-key': ADMIN, ...(j ? { 'content-type': 'application/json' } : {}) }, body: j && JSON.stringify(j) }); if (!r.ok) throw new Error(`${m} ${q}: ${r.status} ${await r.text()}`); return r.json(); };
  if (tenant) {
    const t = await g.admin('POST', '/admin/tenant', { name: 'bench', rateLimitPerMin: 1000000000, budgets: [{ period: 'monthly', amountUsd: 100000000 }] });
    const k = await g.admin('POST', `/admin/tenant/${t.id}/apikeys`);
    await g.admin('POST', '/admin/budgets', { scope: { kind: 'key', id: String(k.id) }, period: 'daily', amountUsd: '100000000' });
    g.key = k.key;
  }
  g.stop = () => new Promise((r) => { proc.on('exit', r); proc.kill('SIGTERM'); });
  return g;
}
// Rows still on their way to the ledger; what is left over by one round must
// not be paid for by the next.
const queued = async (g) => Number(/^budgetguard_ledger_queue_depth (\d+)/m.exec(await (await fetch(`${g.url}/metrics`, { headers: { 'x-admin-key': ADMIN } })).text())[1]);
const drained = async (g) => { while ((await queued(g)) > 0) await sleep(50); };
const gw = await gateway(mock.url);
const idleRss = rssKb(gw.pids);

// ---- load -------------------------------------------------------------------
const lua = path.join(dir, 'post.lua');
const script = (key) => fs.writeFileSync(lua, `wrk.method="POST" wrk.body='${body}' wrk.headers["Content-Type"]="application/json" wrk.headers["Authorization"]="Bearer ${key}"
done = function(s, l, r) io.write(string.format("R %d %d %d %d %d %d\\n", s.requests, s.duration, l:percentile(50), l:percentile(99), s.errors.status, s.errors.connect+s.errors.read+s.errors.write+s.errors.timeout)) end`);
async function wrk(target, c, seconds = SECONDS) {
  const before = cpu(target.pids);
  const { stdout } = await exec('wrk', ['-t', String(Math.min(2, c)), '-c', String(c), '-d', `${seconds}s`, '--latency', '-s', lua, `${target.url}/v1/chat/completions`], { maxBuffer: 1 << 24 });
  const [, n, us, p50, p99, bad, broken] = /^R (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)/m.exec(stdout).map(Number);
  if (bad || broken) throw new Error(`${target.url}: ${bad} refused, ${broken} broken of ${n}\n${stdout}`);
  return { rps: n / (us / 1e6), p50, p99, cpu: (cpu(target.pids) - before) / n };
}
const f = (x, d = 0) => x.toFixed(d);
async function compare(g, c, rounds = ROUNDS) {
  const a = [], b = [];
  for (let i = 0; i < rounds; i++) { a.push(await wrk(proxy, c)); b.push(await wrk(g, c)); await drained(g); }
  const m = (l, k) => median(l.map((x) => x[k]));
  return { nginx: { rps: m(a, 'rps'), p50: m(a, 'p50'), p99: m(a, 'p99'), cpu: m(a, 'cpu') }, bg: { rps: m(b, 'rps'), p50: m(b, 'p50'), p99: m(b, 'p99'), cpu: m(b, 'cpu') } };
}

try {
  script(gw.key);
  await wrk(gw, 8, 1); await wrk(proxy, 8, 1);
  console.log(`## Full enforcement beside nginx as a plain reverse proxy (${os.cpus().length} cores, ${ROUNDS} rounds of ${SECONDS} s, medians)\n`);
  console.log('| connections | nginx rps | BudgetGuard rps | ratio | p50 us (nginx) | p99 us (nginx) | p50 / p99 added us | CPU us per request (nginx) |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const c of [1, 8, 64]) {
    const { nginx: n, bg: b } = await compare(gw, c);
    console.log(`| ${c} | ${f(n.rps)} | ${f(b.rps)} | **${f(b.rps / n.rps, 2)}** | ${b.p50} (${n.p50}; x${f(b.p50 / n.p50, 2)}) | ${b.p99} (${n.p99}; x${f(b.p99 / n.p99, 2)}) | ${b.p50 - n.p50} / ${b.p99 - n.p99} | **${f(b.cpu, 1)}** (${f(n.cpu, 1)}) |`);
  }

  const c0 = cpu(gw.pids), long = await wrk(gw, 64, 3 * SECONDS), left = await queued(gw), t0 = Date.now();
  await drained(gw);
  console.log(`\n${3 * SECONDS} s at 64 connections: ${f(long.rps)} rps; ${left} rows of ${f(long.rps * 3 * SECONDS)} were still on their way to the ledger and took ${f((Date.now() - t0) / 1000, 1)} s; ${f((cpu(gw.pids) - c0) / (long.rps * 3 * SECONDS), 1)} us CPU per request with them`);

  console.log('\n## Memory\n');
  const fresh = await gateway(mock.url);
  const rss0 = rssKb(fresh.pids);
  const socks = [];
  const want = Number(process.env.BENCH_IDLE ?? 10000);
  for (let i = 0; i < want / 100; i++) await Promise.all(Array.from({ length: 100 }, () => new Promise((res, rej) => { const s = net.connect(Number(new URL(fresh.url).port), '127.0.0.1', () => { s.write('GET /ping HTTP/1.1\r\nHost: x\r\n\r\n'); }); s.once('data', res); s.once('error', rej); socks.push(s); })));
  await sleep(2500); // an idle connection gives its buffer back after a second
  const rss1 = rssKb(fresh.pids);
  console.log(`RSS just started ${f(idleRss / 1024, 1)} MB; with ${want} idle keep-alive connections ${f(rss1 / 1024, 1)} MB (${f((rss1 - rss0) / want, 2)} KB each); after the load above ${f(rssKb(gw.pids) / 1024, 1)} MB`);
  for (const s of socks) s.destroy();
  await fresh.stop();

  console.log('\n## Streaming\n');
  const STREAMS = 50, EVENTS = 400;
  const ev = `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'gpt-4.1', choices: [{ index: 0, delta: { content: ' word' }, finish_reason: null }], usage: null })}\n\n`;
  const tail = `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'gpt-4.1', choices: [], usage: { prompt_tokens: 9, completion_tokens: EVENTS, total_tokens: 9 + EVENTS } })}\n\ndata: [DONE]\n\n`;
  const sse = http.createServer((q, s) => { q.resume(); q.on('end', () => { s.socket.setNoDelay(); s.writeHead(200, { 'content-type': 'text/event-stream' }); let i = 0; const iv = setInterval(() => { if (i++ < EVENTS) s.write(ev); else { clearInterval(iv); s.end(tail); } }, 5); }); });
  await new Promise((r) => sse.listen(0, '127.0.0.1', r));
  const ssePort = sse.address().port;
  const sproxy = await proxyTo('stream', ssePort);
  const sgw = await gateway(`http://127.0.0.1:${ssePort}`);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1000 });
  const stream = (t) => new Promise((res, rej) => { const q = http.request(`${t.url}/v1/chat/completions`, { method: 'POST', agent, headers: { 'content-type': 'application/json', authorization: `Bearer ${sgw.key}` } }, (s) => { let n = 0; s.on('data', (b) => (n += b.length)); s.on('end', () => (s.statusCode === 200 && n > EVENTS * 50 ? res(n) : rej(new Error(`stream: ${s.statusCode} ${n}`)))); }); q.on('error', rej); q.end(JSON.stringify({ model: 'gpt-4.1', stream: true, stream_options: { include_usage: true }, max_tokens: 4000, messages: [{ role: 'user', content: 'x' }] })); });
  for (const [name, t] of [['nginx', sproxy], ['BudgetGuard', sgw]]) {
    await stream(t);
    const before = cpu(t.pids), from = Date.now();
    await Promise.all(Array.from({ length: STREAMS }, () => stream(t)));
    console.log(`${name}: ${STREAMS} streams of ${EVENTS} events in ${f((Date.now() - from) / 1000, 1)} s, ${f((cpu(t.pids) - before) / (STREAMS * EVENTS), 1)} us CPU per event`);
  }
  agent.destroy();
  await sgw.stop();
  sse.closeAllConnections();
  sse.close();

  console.log('\n## From 1 to 100,000 tenants\n');
  console.log('| tenants | rps at 64 connections | CPU us per request | RSS MB | ready after ms |');
  console.log('|---|---|---|---|---|');
  for (const n of [1, 1000, 100000]) {
    const first = await gateway(mock.url);
    await first.stop();
    if (n > 1) {
      const db = path.join(first.dataDir, 'ledger.sqlite');
      const sql = `BEGIN; WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s WHERE i<${n - 1})
INSERT INTO tenant(name,origin,created_at,updated_at) SELECT 'tenant-'||i,'admin',0,0 FROM s;
INSERT INTO api_key(tenant_id,hash,first4,last4,is_active,created_at) SELECT id, randomblob(32),'bg_x','xxxx',1,0 FROM tenant WHERE name LIKE 'tenant-%';
CREATE TEMP TABLE b AS SELECT * FROM budget WHERE scope_id=(SELECT CAST(id AS TEXT) FROM tenant WHERE name='bench') LIMIT 1;
INSERT INTO budget(scope_kind,scope_id,tenant_id,period,window,start_at,end_at,amount_nano,mode,alert_thresholds,is_active,weight,inheritance_mode,created_at,updated_at)
 SELECT b.scope_kind,CAST(t.id AS TEXT),CASE WHEN b.tenant_id=0 THEN 0 ELSE t.id END,b.period,b.window,b.start_at,b.end_at,b.amount_nano,b.mode,b.alert_thresholds,1,b.weight,b.inheritance_mode,0,0 FROM tenant t, b WHERE t.name LIKE 'tenant-%';
COMMIT;`;
      const r = spawnSync('sqlite3', [db], { input: sql });
      if (r.status !== 0) throw new Error(r.stderr.toString());
    }
    const g = await gateway(mock.url, { dataDir: first.dataDir, tenant: false });
    script(first.key);
    await wrk(g, 64, 1);
    const rs = [];
    for (let i = 0; i < ROUNDS; i++) rs.push(await wrk(g, 64, 2));
    console.log(`| ${n} | ${f(median(rs.map((x) => x.rps)))} | ${f(median(rs.map((x) => x.cpu)), 1)} | ${f(rssKb(g.pids) / 1024, 1)} | ${f(g.startMs)} |`);
    await g.stop();
  }
  await gw.stop();
  const v = spawnSync(bin, ['verify'], { cwd: dir, env: { PATH: process.env.PATH, DATA_DIR: gw.dataDir } });
  console.log(`\nverify after all that load: exit ${v.status}`);
  if (v.status !== 0) { console.log(v.stdout + '' + v.stderr); process.exitCode = 1; }
} finally {
  for (const k of kids) if (k.exitCode === null) k.kill('SIGTERM');
  await sleep(300);
  fs.rmSync(dir, { recursive: true, force: true });
}
