// fixture.mjs - one gateway process per test, and what must hold after each.
//
// After every test: the process ends by itself with 0 on SIGTERM, no sanitizer
// report is in its log, and `budgetguard verify` finds counters = ledger and
// no hold left.  On failure the log is printed.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import http from 'node:http';
import https from 'node:https';
import { MockUpstream } from './mock.mjs';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const BIN = path.resolve(ROOT, process.env.BG_BIN ?? 'build-test/budgetguard');
export const SLOW = /asan|tsan/.test(BIN) ? 4 : 1;
export const ADMIN = 'admin-secret-0123456789';
const SANITIZER = /(AddressSanitizer|ThreadSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:|Assertion .* failed|stack smashing)/;

/** Prices that make sums easy: USD per 1K tokens.  gpt-flat costs 0.0075 for
 *  100 output tokens and nothing for input. */
export const PRICES = {
  'gpt-flat': { input: 0, output: 0.075 },
  'gpt-cent': { input: 0, output: 0.01 },
  'gpt-both': { input: 0.002, output: 0.008 },
  'gpt-tiny': { input: 0.00015, output: 0.0006 },
};

/** Polls until `fn` is truthy and returns its value. */
export async function waitUntil(fn, why, ms = 10000 * SLOW) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    try { const v = await fn(); if (v) return v; last = undefined; } catch (e) { last = e; }
    if (Date.now() > end) throw new Error(`waited ${ms} ms until ${why}${last ? `: ${last.message}` : ''}`);
    await new Promise((r) => setTimeout(r, 10));
  }
}

/** A port below the ephemeral range that nobody listens on now. */
export async function freePort() {
  for (;;) {
    const p = 10000 + Math.floor(Math.random() * 22000);
    const s = net.createServer();
    const ok = await new Promise((r) => { s.once('error', () => r(false)); s.listen(p, '127.0.0.1', () => r(true)); });
    if (ok) { await new Promise((r) => s.close(r)); return p; }
  }
}

export const agent = new http.Agent({ keepAlive: true, maxSockets: 2000 });

/** One HTTP request; no retries, no redirects, bodies as bytes. */
export function call(url, { method, headers = {}, body, json, raw, agent: ag = agent, signal } = {}) {
  if (json !== undefined) { body = JSON.stringify(json); headers = { 'content-type': 'application/json', ...headers }; }
  method ??= body === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const tls = String(url).startsWith('https:');
    const q = (tls ? https : http).request(url, { method, headers, agent: tls ? undefined : ag, rejectUnauthorized: false, signal, ...(raw ?? {}) }, (s) => {
      const parts = [];
      s.on('data', (b) => parts.push(b));
      s.on('error', reject);
      s.on('end', () => {
        const b = Buffer.concat(parts);
        let j; try { j = JSON.parse(b.toString()); } catch { /* not JSON */ }
        resolve({ status: s.statusCode, headers: s.headers, rawHeaders: s.rawHeaders, body: b, text: b.toString(), json: j, complete: s.complete, error: j?.error });
      });
      s.on('aborted', () => reject(Object.assign(new Error('cut'), { cut: true, body: Buffer.concat(parts), status: s.statusCode })));
    });
    q.on('error', reject);
    if (body !== undefined) q.end(body); else q.end();
  });
}

/** A bare socket: sends bytes, collects what comes back. */
export class RawClient {
  static async connect(port) {
    const c = new RawClient();
    c.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    c.got = Buffer.alloc(0);
    c.closed = false;
    c.socket.on('data', (b) => (c.got = Buffer.concat([c.got, b])));
    c.socket.on('end', () => (c.closed = true));
    c.socket.on('close', () => (c.closed = true));
    c.socket.on('error', () => (c.closed = true));
    await once(c.socket, 'connect');
    return c;
  }
  send(b) { this.socket.write(b); return this; }
  get text() { return this.got.toString('latin1'); }
  until(re, why = `bytes match ${re}`) { return waitUntil(() => re.exec(this.text), why); }
  untilClosed() { return waitUntil(() => this.closed, 'the server closes the connection'); }
  statuses() { return [...this.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((m) => +m[1]); }
  destroy() { this.socket.destroy(); }
}

export class Gateway {
  constructor(env = {}) {
    this.dir = fs.mkdtempSync(path.join(process.env.BG_TMP ?? os.tmpdir(), 'bg-'));
    this.data = env.DATA_DIR ?? path.join(this.dir, 'data');
    this.env = env;
    this.log = '';
    this.args = [];
  }
  /** Starts without waiting for readiness: for start-up errors. */
  static async run(env, args = [], { timeout = 20000 * SLOW } = {}) {
    const g = new Gateway(env);
    const r = spawnSync(BIN, args, { cwd: g.dir, env: g.fullEnv(), timeout, encoding: 'utf8' });
    fs.rmSync(g.dir, { recursive: true, force: true });
    return { code: r.status, signal: r.signal, out: r.stdout, err: r.stderr };
  }
  fullEnv() {
    const e = {};
    for (const k of ['PATH', 'HOME', 'TMPDIR', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'LSAN_OPTIONS']) if (process.env[k]) e[k] = process.env[k];
    Object.assign(e, { HOST: '127.0.0.1', PORT: String(this.port ?? 0), DATA_DIR: this.data, ADMIN_API_KEY: ADMIN, WORKERS: '2',
      MODEL_PRICING_JSON: JSON.stringify(PRICES), MAX_REQS_PER_MIN: '0', DEFAULT_BUDGET_USD: 'none', SHUTDOWN_GRACE_S: '10' });
    for (const [k, v] of Object.entries(this.env)) if (v === null) delete e[k]; else e[k] = String(v);
    return e;
  }
  async start(env) {
    if (env) Object.assign(this.env, env);
    this.port ??= await freePort();
    this.url = `${this.env.TLS_CERT_FILE ? 'https' : 'http'}://127.0.0.1:${this.port}`;
    this.exited = null;
    this.proc = spawn(BIN, this.args, { cwd: this.dir, env: this.fullEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.proc.stdout.on('data', (b) => (this.log += b));
    this.proc.stderr.on('data', (b) => (this.log += b));
    this.proc.on('exit', (code, signal) => (this.exited = { code, signal }));
    this.proc.on('close', () => (this.drained = true));
    await waitUntil(async () => {
      if (this.exited) return true;
      try { return (await call(`${this.url}/ping`, { agent: false })).status === 200; } catch { return false; }
    }, 'the gateway answers /ping');
    if (this.exited) throw new Error(`the gateway ended at start: ${JSON.stringify(this.exited)}`);
    return this;
  }
  async ended() { await waitUntil(() => this.exited, 'the process ends', 40000 * SLOW); return this.exited; }
  async stop() { if (!this.exited) this.proc.kill('SIGTERM'); return this.ended(); }
  async kill9() { if (!this.exited) this.proc.kill('SIGKILL'); return this.ended(); }
  async restart(env) { await this.stop(); return this.start(env); }
  logContains(s) { return typeof s === 'string' ? this.log.includes(s) : s.test(this.log); }

  verify() {
    const r = spawnSync(BIN, ['verify'], { cwd: this.dir, env: { ...this.fullEnv(), BG_FAULT: '' }, encoding: 'utf8', timeout: 60000 * SLOW });
    return { code: r.status ?? r.signal, out: r.stdout + r.stderr };
  }
  /** SQL in the ledger, as an operator would. */
  sql(q, mode = []) {
    const r = spawnSync('sqlite3', [...mode, path.join(this.data, 'ledger.sqlite'), q], { encoding: 'utf8', maxBuffer: 1 << 28 });
    return { code: r.status, out: r.stdout.trim(), err: r.stderr };
  }

  call(p, opt) { return call(this.url + p, opt); }
  async admin(method, p, json, { headers } = {}) {
    return call(this.url + p, { method, json, headers: { 'x-admin-key': ADMIN, ...headers } });
  }
  /** The admin call must answer `status`; returns the body. */
  async ok(method, p, json, status = 200) {
    const r = await this.admin(method, p, json);
    assert.equal(r.status, status, `${method} ${p}: ${r.status} ${r.text}`);
    return r.json;
  }
  /** A tenant with a key: {id, name, key, keyId}. */
  async tenant(name = 'acme', opt = {}) {
    const t = await this.ok('POST', '/admin/tenant', { name, ...opt });
    const k = await this.ok('POST', `/admin/tenant/${t.id}/apikeys`);
    return { id: t.id, name, key: k.key, keyId: k.id };
  }
  chat(key, json, { headers, ...opt } = {}) {
    return call(this.url + '/v1/chat/completions', { json, headers: { authorization: `Bearer ${key}`, ...headers }, ...opt });
  }
  budget(tenantId, period, amountUsd, more = {}) {
    return this.ok('POST', `/admin/tenant/${tenantId}/budgets`, { period, amountUsd, ...more });
  }
  async ledger(query = '') {
    const j = await this.ok('GET', `/admin/usage/ledger?limit=10000&${query}`);
    return j.data;
  }
  /** Waits until the ledger shows exactly `n` rows for `query`; returns them. */
  rows(n, query = '') {
    return waitUntil(async () => {
      const d = await this.ledger(query);
      if (d.length > n) throw Object.assign(new Error(`more rows than ${n}: ${d.length}`), { fatal: true });
      return d.length === n && d;
    }, `the ledger shows ${n} rows (${query})`, 5000 * SLOW);
  }
  /** The gateway's own budget view. */
  async budgets(query = '') { return this.ok('GET', `/admin/budgets?${query}`); }
}

export const hello = [{ role: 'user', content: 'Hello' }];
export const flat = (more = {}) => ({ model: 'gpt-flat', messages: hello, max_tokens: 100, ...more });

async function closeAndCheck(gw) {
  if (!gw.proc) return;
  if (!gw.expectDead) {
    assert.equal(gw.exited, null, `the gateway died by itself: ${JSON.stringify(gw.exited)}`);
    const e = await gw.stop();
    assert.deepEqual(e, { code: 0, signal: null }, 'the process ends by itself with 0 on SIGTERM');
  }
  await waitUntil(() => gw.drained || gw.expectDead, 'the log is read to its end');
  const san = SANITIZER.exec(gw.log);
  assert.equal(san, null, `the log has a sanitizer report: ${san && gw.log.slice(san.index, san.index + 3000)}`);
  if (gw.skipVerify) return;
  const v = gw.verify();
  assert.equal(v.code, 0, `budgetguard verify: ${v.out}`);
}

/** A test with its own mock provider and gateway. */
export function gtest(name, env, fn, opt = {}) {
  test(name, { timeout: 120000 * SLOW, ...opt }, async (t) => {
    const mock = await MockUpstream.start();
    const gw = new Gateway({ OPENAI_API_KEY: 'sk-gateway-openai-key', OPENAI_BASE_URL: `${mock.url}/v1`, ...(typeof env === 'function' ? env({ mock }) : env) });
    try {
      if (!opt.noStart) await gw.start();
      await fn({ gw, mock, t });
      await closeAndCheck(gw);
    } catch (e) {
      if (gw.log) console.error(`---- log of the gateway in "${name}"\n${gw.log.slice(-6000)}\n----`);
      throw e;
    } finally {
      if (gw.proc && !gw.exited) { gw.proc.kill('SIGKILL'); await gw.ended(); }
      await mock.stop();
      if (!process.env.BG_KEEP) fs.rmSync(gw.dir, { recursive: true, force: true });
    }
  });
}

/** Nano-dollars of a decimal string. */
export function nano(s) {
  const m = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(String(s));
  assert.ok(m, `an exact decimal: ${s}`);
  const v = BigInt(m[2]) * 1000000000n + BigInt((m[3] ?? '').padEnd(9, '0'));
  return m[1] ? -v : v;
}
export const sumNano = (rows) => rows.reduce((a, r) => a + nano(r.usd), 0n);

/** Reads a stream's answer event by event: [{event?, data}] and whether it
 *  ended well. */
export function events(text) {
  return text.replace(/\r\n?/g, '\n').split('\n\n').filter((x) => x.trim() !== '').map((x) => {
    const o = { data: [] };
    for (const l of x.split('\n')) {
      if (l.startsWith('data:')) o.data.push(l.slice(l[5] === ' ' ? 6 : 5));
      else if (l.startsWith('event:')) o.event = l.slice(6).trim();
    }
    o.data = o.data.join('\n');
    return o;
  });
}
export { assert };
