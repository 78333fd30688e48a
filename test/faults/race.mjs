// race.mjs - 1,000 parallel calls of mixed price in 16 rounds, with budgets at
// tenant, key, tag parent (or user, where tag routes are missing) and session
// at once: never a nano-dollar over any limit, afterwards counters = ledger.
import { gtest, assert, hello, nano, sumNano, waitUntil, call } from '../http/fixture.mjs';
import http from 'node:http';

const ROUNDS = Number(process.env.RACE_ROUNDS ?? 16);
const CALLS = Number(process.env.RACE_CALLS ?? 1000);

gtest(`race: ${ROUNDS} rounds of ${CALLS} parallel calls, no limit is passed by a nano-dollar`, {}, async ({ gw, mock }) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 128 });
  let seed = Number(process.env.SEED ?? Date.now() % 1e9);
  console.error(`race: SEED=${seed}`);
  const rnd = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor((seed / 2147483648) * n); };
  // limits that no multiple of a price hits, so that the last calls collide
  const t = await gw.tenant('race', { budgets: [{ period: 'total', amountUsd: '1.234567891' }] });
  await gw.ok('POST', '/admin/budgets', { scope: { kind: 'key', id: String(t.keyId) }, period: 'daily', amountUsd: '1.2' }, 201);
  await gw.ok('POST', '/admin/budgets', { scope: { kind: 'user', id: 'u', tenantId: t.id }, period: 'monthly', amountUsd: '1.19' }, 201);
  for (let r = 0; r < ROUNDS; r++)
    await gw.ok('POST', '/admin/budgets', { scope: { kind: 'session', id: `s${r}`, tenantId: t.id }, period: 'total', amountUsd: '0.0771' }, 201);
  let tags;
  const T = `/admin/tenant/${t.id}/tags`;
  if ((await gw.admin('GET', T)).status === 200) {
    const parent = await gw.ok('POST', T, { name: 'parent' });
    await gw.ok('POST', T, { name: 'left', parentId: parent.id });
    await gw.ok('POST', T, { name: 'right', parentId: parent.id });
    await gw.ok('POST', `${T}/${parent.id}/budgets`, { period: 'total', amountUsd: '1.15' });
    tags = ['left', 'right', 'left,right', 'left,parent'];
  }
  const over = async (when) => {
    for (const b of await gw.budgets()) assert.ok(nano(b.spentUsd) + nano(b.heldUsd) <= nano(b.amountUsd), `${when}: ${b.scope.kind} ${b.scope.id}: ${b.spentUsd} + ${b.heldUsd} > ${b.amountUsd}`);
  };
  let ok = 0, total = 0;
  for (let r = 0; r < ROUNDS; r++) {
    const watch = { on: true };
    const watcher = (async () => { while (watch.on) { await over(`round ${r}`); await new Promise((x) => setTimeout(x, 5)); } })();
    const rs = await Promise.all(Array.from({ length: CALLS }, () => {
      const max = 1 + rnd(40), out = rnd(max + 1);
      // gpt-cent: 10 micro-dollars per output token; the answer uses `out` of `max`
      return gw.chat(t.key, { model: 'gpt-cent', messages: hello, max_tokens: max, user: 'u', stream: rnd(4) === 0, metadata: { use: `${1 + rnd(9)}/${out}` } },
        { agent, headers: { 'x-session-id': `s${r}`, ...(tags ? { 'x-tags': tags[rnd(tags.length)] } : {}) } });
    }));
    watch.on = false;
    await watcher;
    total += rs.length;
    const n = rs.filter((x) => x.status === 200).length;
    ok += n;
    assert.equal(n + rs.filter((x) => x.status === 402).length, CALLS, JSON.stringify(rs.find((x) => x.status !== 200 && x.status !== 402)?.text));
    assert.ok(n > 0, `round ${r} spends something`);
  }
  agent.destroy();
  assert.equal(mock.calls().length, ok, 'what was refused was not sent');
  await waitUntil(async () => (await gw.ok('GET', '/admin/usage/ledger?limit=1')).total === total, 'all rows are there', 60000);
  const own = mock.calls().reduce((a, r) => a + BigInt(r.reported.output) * 10000n, 0n);
  const sql = BigInt(gw.sql('SELECT sum(usd) FROM ledger').out);
  assert.equal(sql, own, "the ledger's sum is the provider's own account");
  for (const b of await gw.budgets()) {
    assert.equal(b.heldUsd, '0');
    assert.ok(nano(b.spentUsd) <= nano(b.amountUsd));
    if (b.scope.kind === 'tenant') assert.equal(nano(b.spentUsd), own);
  }
  console.error(`race: ${total} calls, ${ok} served, ${own} nano-dollars, seed kept above`);
}, { timeout: 900000 });
