// rows.mjs BINARY TOOL - pages and reports over many ledger rows, under load.
//
// TOOL makes a ledger of ROWS rows (10 M) of TENANTS tenants over DAYS days;
// the gateway serves it while LOAD requests/s pass through the proxy to an
// upstream that answers at once.  Every report, analytics and ledger page is
// asked for SAMPLES times, one every PACE ms, as dashboards do.  Target: p99
// at most 50 ms each, and the proxy's p99 moves by less than a tenth: windows
// with and without reports are interleaved, since a shared machine is noisy.
// With LOAD=0 the CPU time of each page is shown too, which other work on the
// machine does not change.  ROWS_DIR names a data folder to keep and use again.  ONLY=text picks pages.
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const ms = () => Number(process.hrtime.bigint()) / 1e6;
const rank = (a, p) => { const s = Float64Array.from(a).sort(); return s.length ? s[Math.min(s.length - 1, Math.ceil(p * s.length) - 1)] : NaN; };
const f = (x, d = 1) => (Number.isFinite(x) ? x.toFixed(d) : '-');

// ---- the load, on a thread of its own: LOAD requests/s whatever they take ----
if (!isMainThread) {
  const { url, key, rate, body } = workerData;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
  let took = [], bad = 0, open = 0, stop = false;
  const one = () => {
    const from = ms(); open++;
    const end = (good) => { open--; if (good) took.push(ms() - from); else bad++; };
    const q = http.request(`${url}/v1/chat/completions`, { method: 'POST', agent, headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, 'content-length': Buffer.byteLength(body) } }, (s) => { s.resume(); s.on('end', () => end(s.statusCode === 200)); s.on('error', () => end(false)); });
    q.on('error', () => end(false));
    q.end(body);
  };
  const start = ms(); let sent = 0;
  const tick = () => {
    if (stop) return;
    for (const due = (ms() - start) * rate / 1000; sent < due; sent++) if (open < 256) one();
    setTimeout(tick, 1);
  };
  tick();
  parentPort.on('message', (m) => { if (m === 'stop') { stop = true; agent.destroy(); process.exit(0); } parentPort.postMessage({ took, bad }); took = []; bad = 0; });
} else await main();

async function main() {
  const bin = path.resolve(process.argv[2]), tool = path.resolve(process.argv[3]);
  const ROWS = Number(process.env.ROWS ?? 10_000_000), TENANTS = Number(process.env.TENANTS ?? 200), DAYS = Number(process.env.DAYS ?? 365);
  const SAMPLES = Number(process.env.SAMPLES ?? 20), RATE = Number(process.env.LOAD ?? 1000), PACE = Number(process.env.PACE ?? 50);
  const ADMIN = 'bench-admin-secret';
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-rows-'));
  const data = process.env.ROWS_DIR ?? path.join(dir, 'data');
  const kids = [];
  const port = async () => { for (;;) { const p = 10000 + Math.floor(Math.random() * 20000); const s = net.createServer(); if (await new Promise((r) => { s.once('error', () => r(false)); s.listen(p, '127.0.0.1', () => r(true)); })) { await new Promise((r) => s.close(r)); return p; } } };
  const ready = async (url) => { for (let i = 0; i < 6000; i++) { try { const r = await fetch(url); await r.arrayBuffer(); return; } catch { await sleep(10); } } throw new Error(`${url} does not answer`); };
  const TICK = 1000 / Number(spawnSync('getconf', ['CLK_TCK']).stdout.toString());
  const cpuMs = (pid) => { const v = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' '); return (Number(v[11]) + Number(v[12])) * TICK; };
  const rssMb = (pid, what = 'VmRSS') => Number(new RegExp(`${what}:\\s+(\\d+)`).exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
  try {
    let made = { seconds: 0 };
    if (!fs.existsSync(path.join(data, 'ledger.sqlite'))) {
      const r = spawnSync(tool, [data, ROWS, TENANTS, DAYS].map(String), { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
      if (r.status !== 0) throw new Error('the rows were not made');
      made = JSON.parse(r.stdout);
      if (process.env.ROWS_DIR) fs.writeFileSync(path.join(data, 'made.json'), r.stdout);
    } else made = JSON.parse(fs.readFileSync(path.join(data, 'made.json'), 'utf8'));
    console.log(`## ${(made.rows / 1e6).toFixed(made.rows < 1e6 ? 2 : 0)} M rows, ${made.tenants} tenants, ${Math.round((made.to - made.from) / 864e5)} days; ${os.cpus().length} cores\n`);
    console.log(`made in ${made.seconds} s; ledger.sqlite ${(fs.statSync(path.join(data, 'ledger.sqlite')).size / 2 ** 30).toFixed(2)} GB`);

    // ---- the cast: an upstream that answers at once, and the gateway ----------
    const answer = JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'gpt-4.1-2025-04-14', choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(300) }, finish_reason: 'stop' }], usage: { prompt_tokens: 230, completion_tokens: 40, total_tokens: 270 } });
    const up = await port(), conf = path.join(dir, 'nginx.conf');
    fs.writeFileSync(conf, `daemon off; worker_processes 1; error_log ${dir}/n.log; pid ${dir}/n.pid; events { worker_connections 4096; }
http { access_log off; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s; keepalive_requests 100000000;
server { listen 127.0.0.1:${up}; location / { default_type application/json; return 200 '${answer}'; } } }`);
    kids.push(spawn('nginx', ['-c', conf, '-p', dir], { stdio: 'ignore' }));
    await ready(`http://127.0.0.1:${up}/`);
    const p = await port(), url = `http://127.0.0.1:${p}`;
    const env = { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: String(p), DATA_DIR: data, ADMIN_API_KEY: ADMIN, OPENAI_API_KEY: 'sk-bench', OPENAI_BASE_URL: `http://127.0.0.1:${up}/v1`, WORKERS: '2', LOG_LEVEL: 'warn', DEFAULT_BUDGET_USD: 'none', RATE_LIMIT_RPM: '0', MAX_REQS_PER_MIN: '0' };
    const t0 = ms();
    const gw = spawn(bin, [], { cwd: dir, env, stdio: ['ignore', 'inherit', 'inherit'] });
    kids.push(gw);
    await ready(`${url}/ping`);
    console.log(`ready ${f(ms() - t0, 0)} ms after its start, RSS ${f(rssMb(gw.pid))} MB`);
    const agent = new http.Agent({ keepAlive: true });
    const get = (q, { method = 'GET', json } = {}) => new Promise((res, rej) => {
      const from = ms(), b = json && JSON.stringify(json);
      const r = http.request(url + q, { method, agent, headers: { 'x-admin-key': ADMIN, ...(b ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(b) } : {}) } }, (s) => { const parts = []; s.on('data', (x) => parts.push(x)); s.on('end', () => { const took = ms() - from; let j; try { j = JSON.parse(Buffer.concat(parts)); } catch { /* text */ } res({ status: s.statusCode, took, json: j }); }); s.on('error', rej); });
      r.on('error', rej); r.end(b);
    });
    const ok = async (q, o) => { const r = await get(q, o); if (r.status >= 300) throw new Error(`${q}: ${r.status} ${JSON.stringify(r.json)}`); return r.json; };
    const name = `load-${Date.now()}`;
    const t = await ok('/admin/tenant', { method: 'POST', json: { name, rateLimitPerMin: 0, budgets: [{ period: 'monthly', amountUsd: 100000000 }] } });
    const key = (await ok(`/admin/tenant/${t.id}/apikeys`, { method: 'POST', json: {} })).key;

    // ---- what is asked for ------------------------------------------------------
    const L = '/admin/usage/ledger', T = '/admin/tenant/1', day = (x) => new Date(x).toISOString().slice(0, 10);
    const all = `startDate=${day(made.from)}`, mid = (made.from + made.to) / 2;
    const first = (await ok(`${L}?${all}&limit=1`)), lastPage = Math.floor((first.total - 1) / 100);
    const key1 = (await ok(`${T}/apikeys`))[0]?.id ?? 1;
    const session = `s-0-${Math.floor(mid / (6 * 3600e3))}`;
    const rid = first.data[0].requestId, oldest = `${made.from + 60000}-100`;
    const pages = [
      ['ledger, newest page, 30 days', `${L}`], ['ledger, newest page, all', `${L}?${all}`], ['ledger, oldest page by cursor', `${L}?${all}&cursor=${oldest}`],
      ['ledger, middle by cursor', `${L}?${all}&cursor=${Math.floor(mid)}-${Math.floor(made.rows / 2)}`], ['ledger, last page by number', `${L}?${all}&page=${lastPage}`], ['ledger, middle page by number', `${L}?${all}&page=${Math.floor(lastPage / 2)}`],
      ['ledger, 1000 rows', `${L}?limit=1000`], ['ledger, one day', `${L}?startDate=${day(mid)}&endDate=${day(mid)}`],
      ['ledger, tenantId', `${L}?${all}&tenantId=3`], ['ledger, rarest tenantId', `${L}?${all}&tenantId=${made.tenants}`], ['ledger, tenant contains', `${L}?${all}&tenant=nant-01`], ['ledger, tenant contains one', `${L}?${all}&tenant=tenant-199`], ['ledger, tenant nobody has', `${L}?${all}&tenant=nobody`],
      ['ledger, model', `${L}?${all}&model=gpt-4.1`], ['ledger, rare model', `${L}?${all}&model=rare-model`], ['ledger, rare model, oldest', `${L}?${all}&model=rare-model&cursor=${oldest}`], ['ledger, model nobody asked', `${L}?${all}&model=nothing`], ['ledger, provider', `${L}?${all}&provider=anthropic`],
      ['ledger, status', `${L}?${all}&status=blocked`], ['ledger, status, last page', `${L}?${all}&status=blocked&cursor=${oldest}`], ['ledger, reason', `${L}?${all}&reason=policy`],
      ['ledger, keyId', `${L}?${all}&keyId=${key1}`], ['ledger, tag', `${L}?${all}&tag=api`], ['ledger, tag, oldest', `${L}?${all}&tag=api&cursor=${oldest}`], ['ledger, session', `${L}?${all}&sessionId=${session}`], ['ledger, user', `${L}?${all}&user=user-7`], ['ledger, requestId', `${L}?${all}&requestId=${rid}`],
      ['ledger, tenant + model + status', `${L}?${all}&tenantId=2&model=claude&status=failed`],
      ['tenant ledger, newest', `${T}/usage/ledger?${all}`], ['tenant ledger, last page', `${T}/usage/ledger?${all}&cursor=${oldest}`], ['tenant ledger, model', `${T}/usage/ledger?${all}&model=gpt-4.1-mini`], ['tenant ledger, rare model', `${T}/usage/ledger?${all}&model=rare`], ['tenant ledger, tag', `${T}/usage/ledger?${all}&tag=sales`], ['tenant ledger, session', `${T}/usage/ledger?${all}&sessionId=${session}`], ['tenant ledger, user', `${T}/usage/ledger?${all}&user=user-7`], ['tenant ledger, key + status', `${T}/usage/ledger?${all}&keyId=${key1}&status=interrupted`],
      ['one entry, explained', `${L}/${Math.floor(made.rows / 2)}`], ['usage per period', `${T}/usage`], ['usage history, 30 days', `${T}/usage/history`], ['usage history, all', `${T}/usage/history?${all}`], ['usage by model, 30 days', `${T}/usage/models`], ['usage by model, all', `${T}/usage/models?${all}`],
      ['tag analytics, 30 days', `${T}/tag-analytics`], ['tag analytics, a year', `${T}/tag-analytics?days=365`], ['tags', `${T}/tags`],
      ['sessions', `${T}/sessions`], ['sessions, last page', `${T}/sessions?page=20`], ['sessions, search', `${T}/sessions?search=9`], ['sessions, over budget', `${T}/sessions?status=budget_exceeded`], ['session usage', `/admin/sessions/${session}/usage`],
      ['data, newest page', `/data?limit=100`], ['data, 5000 rows', `/data`], ['data, oldest', `/data?limit=100&cursor=${oldest.replace('-', '.')}`], ['data, model', `/data?limit=100&model=gpt-4.1`], ['data, ingested', `/data?limit=100&source=ingest`], ['data, token', `/data?limit=100&ingest_token_id=2`], ['data, dates', `/data?limit=100&start=${day(mid)}&end=${day(made.to)}`], ['models', `/models`], ['tracking tokens', `/ingest/tokens`],
      ['report, 30 days', `/reports/data`], ['report, all', `/reports/data?start=${day(made.from)}`], ['report, users by month', `/reports/data?scope=user&bucket=month&start=${day(made.from)}`], ['report, keys, whole history', `/reports/data?scope=key&bucket=all`], ['report, everybody by week', `/reports/data?scope=all_users&bucket=week&start=${day(made.from)}`],
      ['key usage', `/admin/usage/${key1}`], ['budgets', '/admin/budgets'], ['tenants', '/admin/tenant'], ['alerts', '/admin/alerts'], ['forecasts of budgets', '/admin/budgets?forecast=1'], ['forecast of a tenant', `${T}/forecast`], ['audit', '/admin/audit'], ['metrics', '/metrics'], ['metrics, JSON', '/metrics?format=json'],
    ].filter(([n]) => !process.env.ONLY || n.includes(process.env.ONLY));

    // ---- under load ----------------------------------------------------------------
    const body = JSON.stringify({ model: 'gpt-4.1', max_tokens: 64, messages: [{ role: 'user', content: 'word '.repeat(180) }] });
    const load = RATE > 0 ? new Worker(new URL(import.meta.url), { workerData: { url, key, rate: RATE, body } }) : null;
    const lap = () => (load ? new Promise((r) => { load.once('message', r); load.postMessage('lap'); }) : { took: [], bad: 0 });
    const quiet = [], busy = []; let refused = 0;
    const took = new Map(pages.map(([n]) => [n, []])), cpu = new Map(pages.map(([n]) => [n, 0])), missing = [];
    for (const [n, q] of pages) { const r = await get(q); if (r.status !== 200) missing.push([n, r.status]); } // and the cache is warm
    await sleep(500); await lap();
    for (let i = 0; i < SAMPLES; i++) {
      for (const [n, q] of pages) {
        if (missing.some((x) => x[0] === n)) continue;
        const from = ms(), c0 = cpuMs(gw.pid); took.get(n).push((await get(q)).took); cpu.set(n, cpu.get(n) + cpuMs(gw.pid) - c0);
        await sleep(Math.max(1, PACE - (ms() - from)));
      }
      let l = await lap(); busy.push(...l.took); refused += l.bad;
      if (load) await sleep(Math.min(3000, pages.length * PACE));
      l = await lap(); quiet.push(...l.took); refused += l.bad;
    }
    console.log(`\n| page | p50 ms | p99 ms |${load ? '' : ' CPU ms |'} |\n|---|---|---|${load ? '' : '---|'}---|`);
    let slow = 0;
    for (const [n] of pages) { const a = took.get(n); if (!a.length) continue; const late = rank(a, 0.99) > 50; slow += late; console.log(`| ${n} | ${f(rank(a, 0.5))} | ${f(rank(a, 0.99))} |${load ? '' : ` ${f(cpu.get(n) / a.length)} |`} ${late ? 'over 50' : ''} |`); }
    for (const [n, s] of missing) console.log(`| ${n} | - | - | answered ${s} |`);
    if (load) {
      console.log(`\n${slow} of ${pages.length - missing.length} over 50 ms; ${refused} requests not answered with 200`);
      console.log(`proxy at ${RATE} requests/s: p50 ${f(rank(quiet, 0.5), 2)} ms alone, ${f(rank(busy, 0.5), 2)} ms beside a page every ${PACE} ms; p99 ${f(rank(quiet, 0.99), 2)} and ${f(rank(busy, 0.99), 2)} ms (${f((rank(busy, 0.99) / rank(quiet, 0.99) - 1) * 100, 0)} %)`);
      load.postMessage('stop');
    }
    // ---- export -----------------------------------------------------------------------
    if (!process.env.ONLY) {
      const rss = [rssMb(gw.pid)], own = [rssMb(gw.pid, 'RssAnon')], from = ms(); let lines = 0, bytes = 0;
      await new Promise((res, rej) => http.get(`${url}/admin/usage/export?format=jsonl`, { agent, headers: { 'x-admin-key': ADMIN } }, (s) => { let next = 0; s.on('data', (b) => { bytes += b.length; for (let i = b.indexOf(10); i >= 0; i = b.indexOf(10, i + 1)) lines++; if (lines > next) { rss.push(rssMb(gw.pid)); own.push(rssMb(gw.pid, 'RssAnon')); next += made.rows / 50; } }); s.on('end', res); s.on('error', rej); }).on('error', rej));
      const s = (ms() - from) / 1000;
      console.log(`\nexport: ${lines} rows, ${(bytes / 2 ** 30).toFixed(2)} GB in ${f(s)} s (${f(lines / s / 1000, 0)} k rows/s); RSS ${f(rss[0])} MB before, at most ${f(Math.max(...rss))} MB while it ran (pages of the file are mapped); memory of its own ${f(own[0])} and ${f(Math.max(...own))} MB`);
    }
    agent.destroy();
    gw.kill('SIGTERM');
    await new Promise((r) => gw.on('exit', r));
    if (slow) process.exitCode = 1;
  } finally {
    for (const k of kids) if (k.exitCode === null) k.kill('SIGTERM');
    await sleep(200);
    fs.rmSync(dir, { recursive: true, force: true });
  }
}
