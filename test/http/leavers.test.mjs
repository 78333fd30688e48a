// leavers.test.mjs - who leaves while the provider says no pays nothing.
import { gtest, assert, nano, flat, waitUntil } from './fixture.mjs';
import { Barrier } from './mock.mjs';

for (const mode of ['abort', 'drain']) gtest(`CLIENT_GONE=${mode}: an answer of status 503 that is left costs nothing`, { CLIENT_GONE: mode, DRAIN_TIMEOUT_S: '1' }, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '1' }] });
  const gate = new Barrier();
  mock.once(async (rec, res) => {
    res.on('error', () => {});
    res.writeHead(503, { 'content-type': 'application/json' });
    res.write(`{"error":"${'x'.repeat(1_200_000)}`); // more than is kept: it is relayed
    await gate.wait();
    res.destroy();
  });
  const going = fetch(`${gw.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${t.key}`, 'content-type': 'application/json' }, body: JSON.stringify({ ...flat(), model: 'gpt-both' }) });
  const r = await going;
  assert.equal(r.status, 503);
  await r.body.cancel();
  const [row] = await gw.rows(1);
  gate.open();
  assert.deepEqual([row.status, row.reason, nano(row.usd)], ['interrupted', 'client_gone', 0n]);
  await waitUntil(async () => (await gw.budgets())[0].heldUsd === '0', 'nothing is held');
});
