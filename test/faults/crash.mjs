// crash.mjs - kill -9 at random moments under load, and at every named point,
// with a provider that remembers what it saw.
//
// After each restart: every request the provider saw has exactly one row,
// every answer a client got in full has one, counters = ledger (verify), and
// no hold is left.
import { test } from 'node:test';
import { spawnSync } from 'node:child_process';
import http from 'node:http';
import { gtest, Gateway, assert, hello, nano, waitUntil, BIN, ROOT } from '../http/fixture.mjs';
import fs from 'node:fs';
import path from 'node:path';

const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 25);
const load = { model: 'gpt-cent', messages: hello };

// Names travel in `user`: the ledger keeps it, the provider sees it.
function checkRows(gw, mock, acked) {
  const rows = gw.sql("SELECT user, count(*), sum(usd), min(status) FROM ledger WHERE user LIKE 'c%' GROUP BY user").out.split('\n').filter(Boolean).map((l) => l.split('|'));
  const by = new Map(rows.map(([u, n, usd]) => [u, { n: +n, usd: BigInt(usd) }]));
  for (const [u, v] of by) assert.equal(v.n, 1, `${u} has ${v.n} rows`);
  for (const r of mock.calls()) if (r.json?.user) assert.ok(by.has(r.json.user), `the provider saw ${r.json.user} and it has no row`);
  for (const u of acked) assert.ok(by.has(u), `${u} was answered in full and has no row`);
  return by;
}

const restartClean = async (gw) => { gw.env.BG_FAULT = ''; await gw.start(); };

gtest(`R14: kill -9 ${ROUNDS} times at random moments under load loses and doubles nothing`, {}, async ({ gw, mock }) => {
  const t = await gw.tenant('crash', { budgets: [{ period: 'total', amountUsd: '1000' }, { period: 'hourly', amountUsd: '900' }] });
  await gw.ok('POST', '/admin/budgets', { scope: { kind: 'key', id: String(t.keyId) }, period: 'rolling:24h', amountUsd: '950' }, 201);
  mock.script = async (rec, res) => { if (Math.random() < 0.3) await new Promise((r) => setTimeout(r, Math.random() * 15)); mock.normal(rec, res); };
  const acked = new Set();
  let n = 0, max = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
    let on = true;
    const workers = Array.from({ length: 24 }, async () => {
      while (on) {
        const user = `c${n++}`;
        try {
          const r = await gw.chat(t.key, { ...load, max_tokens: 1 + (n % 50), user, stream: n % 5 === 0 }, { agent });
          if (r.status === 200 && r.complete) acked.add(user);
          else await new Promise((x) => setTimeout(x, 2));
        } catch { await new Promise((x) => setTimeout(x, 2)); }
      }
    });
    await new Promise((r) => setTimeout(r, 20 + Math.random() * 180));
    await gw.kill9();
    on = false;
    await Promise.all(workers);
    agent.destroy();
    await gw.start();
    await waitUntil(async () => (await gw.admin('GET', '/metrics')).text.match(/^budgetguard_ledger_queue_depth 0$/m), 'the outbox is drained', 30000);
    for (const b of await gw.budgets()) assert.equal(b.heldUsd, '0', `round ${round}: a hold is left`);
    checkRows(gw, mock, acked);
    if (round % 5 === 4 || round === ROUNDS - 1) {
      await gw.stop();
      const v = gw.verify();
      assert.equal(v.code, 0, `round ${round}: ${v.out}`);
      await gw.start();
    }
    max = Math.max(max, acked.size);
  }
  assert.ok(acked.size > ROUNDS, 'the load really ran');
  const sum = BigInt(gw.sql('SELECT sum(usd) FROM ledger').out);
  for (const b of await gw.budgets()) assert.equal(nano(b.spentUsd), sum, `${b.scope.kind} ${b.period}`);
  console.error(`crash: ${ROUNDS} kills, ${n} requests, ${mock.calls().length} seen upstream, ${acked.size} acknowledged`);
}, { timeout: 3600000 });

// The points are listed in lib/base/fault.c; the test reads them there so that
// a new point cannot be forgotten.
const points = [...fs.readFileSync(path.join(ROOT, 'lib/base/fault.c'), 'utf8').match(/points\[\] = \{([\s\S]*?)NULL/)[1].matchAll(/"([^"]+)"/g)].map((m) => m[1]);
const unreached = new Set();

for (const point of points) for (const nth of [1, 3])
  gtest(`kill -9 at "${point}", pass ${nth}: nothing is lost, nothing is counted twice`, {}, async ({ gw, mock }) => {
    const t = await gw.tenant('crash', { budgets: [{ period: 'total', amountUsd: '1000' }] });
    await gw.restart({ BG_FAULT: `${point}:kill:${nth}` }).catch(() => {});
    const acked = new Set();
    for (let i = 0; i < 30 && !gw.exited; i++) {
      const user = `c${i}`;
      await Promise.all([0, 1].map(async (k) => {
        try { const r = await gw.chat(t.key, { ...load, max_tokens: 10, user: user + (k ? 'b' : ''), stream: i % 2 === 1 }, { agent: false }); if (r.status === 200 && r.complete) acked.add(user + (k ? 'b' : '')); } catch { /* cut */ }
      }));
    }
    if (!gw.exited) { await new Promise((r) => setTimeout(r, 300)); }
    const died = gw.exited?.signal === 'SIGKILL';
    if (!died) { unreached.add(point); await gw.stop(); }
    await restartClean(gw);
    await waitUntil(async () => (await gw.admin('GET', '/metrics')).text.match(/^budgetguard_ledger_queue_depth 0$/m), 'the outbox is drained');
    const by = checkRows(gw, mock, acked);
    const b = (await gw.budgets())[0];
    assert.equal(b.heldUsd, '0');
    assert.equal(nano(b.spentUsd), [...by.values()].reduce((a, v) => a + v.usd, 0n));
    // What never left costs nothing; between the mark and the first byte
    // nobody can know, and the hold is booked.
    if (point === 'upstream.sending') return;
    const seen = new Set(mock.calls().map((r) => r.json?.user));
    for (const [u, v] of by) if (!seen.has(u)) assert.equal(v.usd, 0n, `${u} was never sent`);
  });

test('most named points are reached by the load above', () => {
  assert.ok(unreached.size <= points.length / 3, `never reached: ${[...unreached]}`);
});
