// integrity.test.mjs - /admin/ledger/integrity: the chain's head, and a check
// that finds what was tampered with.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { gtest, assert, call, flat, waitUntil } from './fixture.mjs';

const get = (gw) => gw.ok('GET', '/admin/ledger/integrity');
const check = async (gw) => {
  await gw.ok('POST', '/admin/ledger/integrity', undefined, 202);
  return waitUntil(async () => { const j = await get(gw); return j.check.state !== 'running' && j; }, 'the check ends');
};
/** What someone with the file can do, the triggers taken away. */
const tamper = (gw, sql) => {
  const db = path.join(gw.data, 'ledger.sqlite');
  const triggers = gw.sql("SELECT name FROM sqlite_master WHERE type='trigger'").out.split('\n').map((t) => `DROP TRIGGER "${t}";`).join('');
  const r = spawnSync('sqlite3', [db, triggers + sql], { encoding: 'utf8' });
  assert.equal(r.status, 0, r.stderr);
};

gtest('an empty ledger, rows, and a chain that is intact', {}, async ({ gw }) => {
  const empty = await get(gw);
  assert.deepEqual([empty.rows, empty.head, empty.check.state, empty.check.startedAt], [0, null, 'never', null]);
  assert.equal((await check(gw)).check.state, 'intact');
  const t = await gw.tenant(), tag = (await gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name: 'x' })).name;
  for (let i = 0; i < 3; i++) assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-tags': tag } })).status, 200);
  const j = await get(gw);
  assert.equal(j.rows, 3, 'every answered call is there');
  assert.equal(j.head.id, 3);
  assert.equal(j.head.hash, gw.sql('SELECT lower(hex(hash)) FROM ledger WHERE id=3').out);
  const done = await check(gw);
  assert.deepEqual([done.check.state, done.check.rows, done.check.badRows, done.check.firstBadId], ['intact', 3, 0, null]);
  assert.ok(Date.parse(done.check.finishedAt) >= Date.parse(done.check.startedAt));
  assert.ok((await gw.ok('GET', '/admin/audit')).data.some((a) => a.event === 'ledger.check'));
  assert.equal((await call(`${gw.url}/admin/ledger/integrity`)).status, 401);
  assert.equal((await call(`${gw.url}/admin/ledger/integrity`, { method: 'POST' })).status, 401);
});

for (const [what, sql, first] of [
  ['a changed amount', 'UPDATE ledger SET usd=1 WHERE id=2', 2], ['a row taken out', 'DELETE FROM ledger WHERE id=2', 3],
  ['a renamed tag', "UPDATE ledger_tag SET name='y' WHERE ledger_id=3", 3], ['a tag of no row', "INSERT INTO ledger_tag VALUES(99,1,'x','x',1)", 99]])
  gtest(`the check finds ${what}`, {}, async ({ gw }) => {
    gw.skipVerify = true; // it is broken on purpose
    const t = await gw.tenant(), tag = (await gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name: 'x' })).name;
    for (let i = 0; i < 4; i++) assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-tags': tag } })).status, 200);
    await gw.rows(4);
    await gw.stop();
    tamper(gw, sql);
    await gw.start();
    const j = await check(gw);
    assert.deepEqual([j.check.state, j.check.firstBadId], ['broken', first]);
    assert.ok(gw.logContains('chain is broken'));
    await gw.stop();
    gw.expectDead = true;
    assert.match(gw.verify().out, /BROKEN/);
  });

gtest('a check goes on while calls are served, and a stop does not wait for it', {}, async ({ gw }) => {
  const t = await gw.tenant();
  await gw.ok('POST', '/admin/ledger/integrity', undefined, 202);
  await Promise.all(Array.from({ length: 30 }, () => gw.chat(t.key, flat())));
  await gw.ok('POST', '/admin/ledger/integrity', undefined, 202);
  await gw.stop();
  await gw.start();
  assert.equal((await check(gw)).check.rows, 30);
});
