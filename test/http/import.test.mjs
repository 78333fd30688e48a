// import.test.mjs - budgetguard import: the predecessors' files, made here.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gtest, assert, flat, nano, sumNano, BIN, SLOW } from './fixture.mjs';

const env = { INGEST_KEY: 'ingest-key-0123456789', RATE_LIMIT_RPM: '0' };
function cli(gw, args) {
  const r = spawnSync(BIN, args, { cwd: gw.dir, env: gw.fullEnv(), encoding: 'utf8', timeout: 60000 * SLOW });
  return { code: r.status ?? r.signal, out: r.stdout, err: r.stderr };
}
const good = (r) => { assert.equal(r.code, 0, r.out + r.err); return r.out; };
function sqlite(file, sql) {
  const r = spawnSync('sqlite3', ['-bail', file], { input: sql, encoding: 'utf8' });
  assert.equal(r.status, 0, r.stderr);
}

gtest('import b: usage and tracking tokens, to the nano-dollar, once however often', env, async ({ gw }) => {
  const file = path.join(gw.dir, 'guardian.db');
  sqlite(file, `CREATE TABLE ingest_tokens(id INTEGER PRIMARY KEY, label TEXT, token TEXT, active INTEGER, created_at TEXT, last_seen_at TEXT, usage_count INTEGER);
INSERT INTO ingest_tokens VALUES(3,'app one','tok_first_0123456789',1,'2026-10-01 10:00:00',NULL,2),(9,'app two','tok_second_0123456789',0,'2026-10-01 10:00:00',NULL,0),(10,'','tok_x',1,NULL,NULL,0);
CREATE TABLE "usage data"(id INTEGER PRIMARY KEY, model TEXT, promptTokens INTEGER, completionTokens INTEGER, totalTokens INTEGER, estimatedCostUSD REAL, timestamp TEXT, ingest_token_id INTEGER);
INSERT INTO "usage data" VALUES(1,'gpt-flat',100,10,110,0.0075,'2026-10-02T10:00:00Z',3),(2,'gpt-flat',1,1,2,0.0000045,'2026-10-02 11:00:00',3),(3,'gpt-x',5,5,20,1.1,'1760000000',NULL),(4,'gpt-x',5,5,10,123456.123456789,'1760000000123',9),
 (5,'gpt-x',-5,5,10,1,'2026-10-02',3),(6,'',5,5,10,1,'2026-10-02',3),(7,'gpt-x',5,5,10,-1,'2026-10-02',3),(8,'gpt-x',5,5,10,1,'soon',3),(9,'gpt-x',0,0,0,NULL,'2026-10-03',3),(10,'gpt-x',1,1,2,0.00000000049,'2026-10-04',NULL),(11,'gpt-x',1,1,2,'0.0000000005','2026-10-04',NULL);`);
  const dry = good(cli(gw, ['import', 'b', file, '--dry-run']));
  assert.match(dry, /usage +7 imported, 0 there already/);
  assert.match(dry, /nothing was changed/);
  const out = good(cli(gw, ['import', 'b', file]));
  assert.match(out, /tracking tokens +2 imported, 0 there already/);
  assert.match(out, /tracking tokens +1 NOT imported: no token or label/);
  assert.match(out, /usage +7 imported, 0 there already/);
  for (const why of ['no model', 'no time, or one to come', 'token counts that are none', 'a cost that is none, or negative']) assert.match(out, new RegExp(`usage +1 NOT imported: ${why}`));
  assert.match(out, /2 costs had more than nine decimals/);
  assert.match(out, /1 rows had no cost/);
  const again = good(cli(gw, ['import', 'b', file]));
  assert.match(again, /tracking tokens +0 imported, 2 there already/);
  assert.match(again, /usage +0 imported, 7 there already/);
  await gw.start();
  const rows = await gw.ledger('startDate=2025-01-01');
  assert.deepEqual(rows.map((r) => [r.ts, r.model, r.usd, r.promptTok, r.compTok]).sort(), [['2025-10-09T08:53:20.000Z', 'gpt-x', '1.1', 5, 15], ['2025-10-09T08:53:20.123Z', 'gpt-x', '123456.123456789', 5, 5], ['2026-10-02T10:00:00.000Z', 'gpt-flat', '0.0075', 100, 10], ['2026-10-02T11:00:00.000Z', 'gpt-flat', '0.0000045', 1, 1],
    ['2026-10-03T00:00:00.000Z', 'gpt-x', '0', 0, 0], ['2026-10-04T00:00:00.000Z', 'gpt-x', '0', 1, 1], ['2026-10-04T00:00:00.000Z', 'gpt-x', '0.000000001', 1, 1]].sort());
  for (const r of rows) assert.deepEqual([r.tenant, r.status, r.meteredBy, r.priceBasis, r.kind], ['ingest', 'success', 'ingest', 'client', 'usage']);
  const data = await gw.ok('GET', '/data');
  assert.deepEqual([data.total, nano(data.totals.estimatedCostUSD.toFixed(9))], [7, sumNano(rows)]);
  const tokens = (await gw.ok('GET', '/ingest/tokens')).tokens;
  assert.deepEqual(tokens.map((t) => [t.label, t.active, t.usage_count]).sort(), [['app one', 1, 3], ['app two', 0, 1], ['import b', 0, 3]]);
  const post = (tracking_token) => gw.call('/ingest', { json: { tracking_token, model: 'gpt-flat', cost_usd: 0.5 }, headers: { 'x-ingest-key': env.INGEST_KEY } });
  assert.equal((await post('tok_first_0123456789')).status, 201, 'clients go on with the tokens they have');
  assert.equal((await post('tok_second_0123456789')).status, 403);
  assert.match(cli(gw, ['import', 'b', file]).err, /a server uses/);
  // another file with the same numbers hides nothing
  await gw.stop();
  sqlite(file, 'UPDATE "usage data" SET estimatedCostUSD=2 WHERE id=1;');
  assert.match(good(cli(gw, ['import', 'b', file])), /usage +1 imported, 6 there already/);
  await gw.start();
}, { noStart: true });

gtest('import c: keys go on working, their usage is theirs, revoked stay revoked', { ...env, SELF_SERVICE: '1' }, async ({ gw }) => {
  const file = path.join(gw.dir, 'proxy.sqlite');
  sqlite(file, `CREATE TABLE api_keys(token TEXT PRIMARY KEY, username TEXT, note TEXT, created_at REAL, revoked INTEGER DEFAULT 0);
INSERT INTO api_keys VALUES('sk-proxy-alice-000000000001','alice','laptop',1760000000.25,0),('sk-proxy-alice-000000000002','alice',NULL,1760000001,1),('sk-proxy-bob-0000000000003','bob','=cmd()',1760000002,0),('short','eve',NULL,1,0);
CREATE TABLE usage_log(id INTEGER PRIMARY KEY, token TEXT, model TEXT, prompt_tokens INTEGER, completion_tokens INTEGER, total_tokens INTEGER, cost REAL, created_at REAL);
INSERT INTO usage_log VALUES(1,'sk-proxy-alice-000000000001','gpt-flat',10,100,110,0.0075,1760000000.5),(2,'sk-proxy-alice-000000000002','gpt-cent',10,10,20,0.0001,1760000100),(3,'sk-proxy-bob-0000000000003','gpt-flat',1,2,3,0.00015,1760000200),(4,'nobody','gpt-flat',1,2,3,9,1760000200),(5,'short','gpt-flat',1,2,3,9,1760000200);`);
  const out = good(cli(gw, ['import', 'c', file]));
  assert.match(out, /keys +3 imported, 0 there already/);
  assert.match(out, /keys +1 NOT imported: shorter than 16 characters/);
  assert.match(out, /usage +3 imported, 0 there already/);
  assert.match(out, /usage +2 NOT imported: of a key that the file does not have/);
  const again = good(cli(gw, ['import', 'c', file]));
  assert.match(again, /keys +0 imported, 3 there already/);
  assert.match(again, /usage +0 imported, 3 there already/);
  await gw.start();
  assert.equal((await gw.chat('sk-proxy-alice-000000000001', flat())).status, 200);
  assert.equal((await gw.chat('sk-proxy-bob-0000000000003', flat())).status, 200);
  assert.equal((await gw.chat('sk-proxy-alice-000000000002', flat())).status, 401);
  const r = await gw.ok('GET', '/reports/data?scope=key&bucket=all');
  assert.deepEqual(r.rows.map((x) => [x.label, x.cost, x.requests]).sort(), [['alice :: (no note)', 0.0001, 1], ['alice :: laptop', 0.015, 2], ['bob :: =cmd()', 0.00765, 2]].sort());
  assert.equal((await gw.ledger('startDate=2025-01-01&tenant=alice')).find((x) => x.usd === '0.0075' && x.route === '/import').ts, '2025-10-09T08:53:20.500Z');
  for (const dir of fs.readdirSync(gw.data)) { // R62: no key in plain text
    const f = path.join(gw.data, dir);
    if (fs.statSync(f).isFile()) assert.ok(!fs.readFileSync(f).includes('sk-proxy-alice'), dir);
  }
}, { noStart: true });

gtest('import a: tenants, budgets, tags, prices and usage of the admin API\'s answers', { ...env, DEFAULT_BUDGET_USD: 'none' }, async ({ gw }) => {
  const tag = (id, name, level, parentId, tenantId = 7) => ({ id, tenantId, name, description: `d ${name}`, parentId, path: name, level, isActive: true, color: '#abc', metadata: null, sessionBudgetUsd: null });
  const api = tag(2, 'api', 1, 1);
  const a = { tenants: [{ id: 7, name: 'acme', createdAt: '2025-01-01T00:00:00.000Z', rateLimitPerMin: 55 }, { id: 8, name: 'beta', rateLimitPerMin: 100 }, { id: 9, name: '', rateLimitPerMin: 1 }],
    budgets: [{ id: 1, tenantId: 7, period: 'monthly', amountUsd: '10.5', startDate: null, endDate: null }, { id: 2, tenantId: 8, period: 'fortnightly', amountUsd: '1' }, { id: 3, tenantId: 70, period: 'daily', amountUsd: '1' }],
    tags: [api, tag(1, 'engineering', 0, null), tag(4, 'a,b', 0, null)], tagBudgets: [{ id: 1, tagId: 2, period: 'daily', amountUsd: '3', weight: 1, inheritanceMode: 'LENIENT', tag: api }],
    prices: [{ id: 1, model: 'house-model', versionTag: 'v1', inputPrice: '2', cachedInputPrice: '0.5', outputPrice: '8', provider: 'openai' }],
    ledger: { data: [{ id: '98', ts: '2025-06-01T12:00:00.000Z', tenant: 'acme', route: '/v1/chat/completions', model: 'gpt-flat', usd: '0.0075', promptTok: 10, compTok: 100, tenantId: 7, sessionId: 's-1', status: 'success', tags: [] }, { id: '99', ts: '2025-06-01T12:00:01.000Z', tenant: 'acme', route: '/v1/chat/completions', model: 'gpt-flat', usd: '0', promptTok: 0, compTok: 0, tenantId: 7, sessionId: null, status: 'blocked', tags: [] },
      { id: '100', ts: '2025-06-02T12:00:00.000Z', tenant: 'gone', route: '/v1/messages', model: 'claude-x', usd: '1.000000001', promptTok: 1, compTok: 1, tenantId: 70, sessionId: null, status: 'success', tags: [] }], total: 3 } };
  const file = path.join(gw.dir, 'core.json');
  fs.writeFileSync(file, JSON.stringify(a));
  const out = good(cli(gw, ['import', 'a', file]));
  for (const [what, n] of [['tenants', 2], ['budgets', 1], ['tags', 2], ['tag budgets', 1], ['prices', 1], ['usage', 3]]) assert.match(out, new RegExp(`^${what} +${n} imported, 0 there already`, 'm'), out);
  for (const [what, why] of [['tenants', ''], ['budgets', 'Invalid period'], ['budgets', 'of a tenant that'], ['tags', 'Invalid tag name'], ['keys', 'the admin API shows none']]) assert.match(out, new RegExp(`^${what} +(1 )?NOT imported: ${why}`, 'm'), out);
  const again = good(cli(gw, ['import', 'a', file]));
  for (const [what, n] of [['tenants', 2], ['budgets', 1], ['tags', 2], ['tag budgets', 1], ['prices', 1], ['usage', 3]]) assert.match(again, new RegExp(`^${what} +0 imported, ${n} there already`, 'm'), again);
  await gw.start();
  const tenants = (await gw.ok('GET', '/admin/tenant')).filter((t) => t.name !== 'ingest');
  assert.deepEqual(tenants.map((t) => [t.name, t.rateLimitPerMin]), [['acme', 55], ['beta', 100], ['gone', 0]]);
  const id = tenants[0].id;
  assert.deepEqual((await gw.ok('GET', `/admin/tenant/${id}/budgets`)).map((b) => [b.period, b.amountUsd]), [['monthly', '10.5']]);
  assert.deepEqual((await gw.ok('GET', `/admin/tenant/${id}/tags`)).map((t) => [t.name, t.path, t.level, t.budgets.length]), [['engineering', 'engineering', 0, 0], ['api', 'engineering/api', 1, 1]]);
  assert.equal((await gw.ok('GET', '/admin/model-pricing?q=house-model'))[0].outputPrice, '8');
  const rows = await gw.ledger('startDate=2025-01-01');
  assert.deepEqual(rows.map((r) => [r.tenant, r.usd, r.status, r.sessionId, r.provider]), [['gone', '1.000000001', 'success', null, rows[0].provider], ['acme', '0', 'blocked', null, 'openai'], ['acme', '0.0075', 'success', 's-1', 'openai']]);
}, { noStart: true });

gtest('import: files that are none of theirs are refused and change nothing', env, async ({ gw }) => {
  const junk = path.join(gw.dir, 'junk'), other = path.join(gw.dir, 'other.db');
  fs.writeFileSync(junk, Buffer.alloc(9000, 0x5a));
  sqlite(other, 'CREATE TABLE "a""b"(x); CREATE TABLE t(id, model);');
  for (const [kind, file, text] of [['b', junk, 'no SQLite file'], ['c', junk, 'no SQLite file'], ['b', other, 'no table of usage'], ['c', other, 'no table of keys'], ['a', junk, ''], ['b', '/nowhere', 'cannot read'], ['a', '/nowhere', 'cannot read']]) {
    const r = cli(gw, ['import', kind, file]);
    assert.equal(r.code, 1, `${kind} ${file}: ${r.out}`);
    assert.ok(r.err.includes(text), r.err);
  }
  assert.equal(cli(gw, ['import', 'd', junk]).code, 2);
  const named = path.join(gw.dir, 'named.json');
  fs.writeFileSync(named, '{"tenant":[{"id":1,"name":"lost"}]}');
  const r = cli(gw, ['import', 'a', named]);
  assert.deepEqual([r.code, r.err], [1, "budgetguard: 'tenant' is none of tenants, budgets, tags, tagBudgets, prices, ledger\n"]);
  await gw.start();
  assert.deepEqual(await gw.ledger('startDate=2020-01-01'), []);
}, { noStart: true });
