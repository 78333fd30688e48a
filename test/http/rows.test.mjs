// rows.test.mjs - pages, counts and reports over many rows say what the rows
// say: every filter is compared with plain SQL over the ledger.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gtest, assert, nano, BIN, ROOT } from './fixture.mjs';

const TOOL = path.join(path.dirname(BIN), 'test/bench/ledger_rows');
const ROWS = Number(process.env.ROWS ?? 50000), DAY = 86400e3;
const env = { INGEST_KEY: 'ingest-key-0123456789', DEFAULT_BUDGET_USD: 'none', RATE_LIMIT_RPM: '0' };

/** Fills the data folder; returns what the tool says it made. */
function fill(gw, rows = ROWS) {
  if (!fs.existsSync(TOOL)) assert.equal(spawnSync('make', [`O=${path.relative(ROOT, path.dirname(BIN))}`, path.relative(ROOT, TOOL)], { cwd: ROOT, stdio: 'inherit' }).status, 0);
  const r = spawnSync(TOOL, [gw.data, String(rows), '40', '20'], { encoding: 'utf8' });
  assert.equal(r.status, 0, r.stderr);
  return JSON.parse(r.stdout);
}
const quote = (s) => `'${s.replaceAll("'", "''")}'`;
const contains = (c) => (v) => `instr(lower(${c}),lower(${quote(v)}))>0`;
const equals = (c) => (v) => `${c}=${quote(v)}`;
const WHERE = {
  tenant: contains('tenant'), model: contains('model'), route: contains('route'), status: equals('status'), provider: equals('provider'), reason: equals('reason'), requestId: equals('request_id'), sessionId: equals('session'), user: equals('user'),
  tenantId: (v) => `tenant_id=${v}`, keyId: (v) => `key_id=${v}`, minUsd: (v) => `usd>=${nano(v)}`, maxUsd: (v) => `usd<=${nano(v)}`,
  tag: (v) => `id IN (SELECT ledger_id FROM ledger_tag WHERE direct=1 AND name=${quote(v)})`,
  startDate: (v) => `ts>=${Date.parse(v)}`, endDate: (v) => `ts<${v.length === 10 ? Date.parse(v) + DAY : Date.parse(v) + 1}`,
};
const sqlWhere = (f) => Object.entries(f).map(([k, v]) => WHERE[k](String(v))).concat('1').join(' AND ');
const query = (f) => new URLSearchParams(f).toString();
const ids = (d) => d.data.map((x) => Number(x.id));

function filters(gw, made) {
  const day = (i) => new Date(made.from + i * DAY).toISOString().slice(0, 10);
  const all = { startDate: day(-1) };
  const instant = (i) => new Date(made.from + i * DAY + 1234567).toISOString();
  const one = gw.sql('SELECT request_id FROM ledger WHERE id=777').out, corrected = gw.sql("SELECT request_id FROM ledger WHERE kind='correction' LIMIT 1").out;
  const session = gw.sql('SELECT session FROM ledger WHERE session IS NOT NULL ORDER BY id LIMIT 1 OFFSET 500').out;
  return [{}, { tenantId: 2 }, { tenantId: 40 }, { tenantId: 4711 }, { tenant: 'nant-00' }, { tenant: 'TENANT-0' }, { tenant: 'tenant-039' }, { tenant: 'nobody' }, { tenant: 'nant-00', model: 'gpt' },
    { model: 'gpt-4.1' }, { model: 'CLAUDE' }, { model: 'rare' }, { model: 'nothing' }, { model: '-' }, { model: 'gpt', status: 'interrupted' }, { model: 'gpt', provider: 'anthropic' }, { provider: 'google' },
    { status: 'success' }, { status: 'blocked' }, { status: 'failed', tenantId: 1 }, { status: 'interrupted', model: 'o' }, { reason: 'policy' }, { reason: 'bench' }, { reason: 'invalid_key' }, { reason: 'policy', tenantId: 1 },
    { keyId: 1 }, { keyId: 4711 }, { keyId: 3, status: 'blocked' }, { keyId: 1, tenantId: 2 }, { tag: 'api' }, { tag: 'api', tenantId: 1 }, { tag: 'engineering', status: 'interrupted' }, { tag: 'sales', model: 'gpt' }, { tag: 'none' }, { tag: 'web', tenant: 'nant-01' },
    { sessionId: session }, { sessionId: session, tenantId: 1 }, { user: 'user-7' }, { user: 'user-7', tenantId: 2 }, { user: 'user-7', status: 'blocked' }, { requestId: one }, { requestId: corrected }, { requestId: 'ff' },
    { route: 'ingest' }, { route: 'CHAT', tenantId: 3 }, { minUsd: '0.01' }, { minUsd: '0.001', maxUsd: '0.0011', model: 'gpt' }, { tenantId: 2, model: 'mini', status: 'success', keyId: 5 }]
    .map((f) => ({ ...all, ...f })).concat([{ startDate: day(7), endDate: day(7) }, { startDate: day(3), endDate: day(9), tenantId: 1 }, { startDate: instant(5), endDate: instant(6) }, { startDate: instant(2), endDate: instant(15), model: 'gpt-4o' },
    { startDate: instant(2), endDate: instant(15), tag: 'web', tenantId: 1 }, { startDate: instant(1), endDate: instant(19), status: 'failed' }, { startDate: instant(4), endDate: instant(4.001) }]);
}

async function comparePages(gw, f) {
  const where = sqlWhere(f), name = JSON.stringify(f);
  const want = gw.sql(`SELECT id FROM ledger NOT INDEXED WHERE ${where} ORDER BY ts DESC,id DESC`).out.split('\n').filter(Boolean).map(Number);
  const page = async (extra) => gw.ok('GET', `/admin/usage/ledger?${query({ ...f, ...extra })}`);
  const first = await page({ limit: 50 });
  assert.equal(first.total, want.length, `total of ${name}`);
  assert.deepEqual(ids(first), want.slice(0, 50), `newest of ${name}`);
  for (const n of [1, 3, Math.floor(want.length / 74), Math.floor((want.length - 1) / 37)]) {
    if (n < 1) continue;
    assert.deepEqual(ids(await page({ limit: 37, page: n })), want.slice(n * 37, n * 37 + 37), `page ${n} of ${name}`);
  }
  let cursor = first.nextCursor, at = 50;
  for (let i = 0; cursor && i < 2; i++, at += 500) {
    const next = await page({ limit: 500, cursor });
    assert.deepEqual(ids(next), want.slice(at, at + 500), `behind the cursor of ${name}`);
    cursor = next.nextCursor;
  }
  if (want.length > 3) {
    const near = want[want.length - 4], ts = gw.sql(`SELECT ts FROM ledger WHERE id=${near}`).out;
    const last = await page({ limit: 100, cursor: `${ts}-${near}` });
    assert.deepEqual(ids(last), want.slice(-3), `last page of ${name}`);
    assert.equal(last.nextCursor, null);
  }
  return want;
}

gtest('50,000 rows: every filter of the ledger pages and counts as plain SQL does', env, async ({ gw }) => {
  const made = fill(gw);
  await gw.start();
  for (const f of filters(gw, made)) await comparePages(gw, f);
  // the same behind renames: rows keep the name of their time
  await gw.ok('PUT', '/admin/tenant/1', { name: 'renamed' });
  const tag = (await gw.ok('GET', '/admin/tenant/1/tags')).find((x) => x.name === 'api');
  await gw.ok('PUT', `/admin/tenant/1/tags/${tag.id}`, { name: 'interface' });
  for (const k of [1, 2]) { // and rows under the new names
    const j = { tracking_token: gw.sql('SELECT token FROM ingest_token WHERE tenant_id=1').out, model: 'gpt-4.1', prompt_tokens: 10, cost_usd: 0.5, event_id: `e${k}` };
    assert.equal((await gw.call('/ingest', { json: j, headers: { 'x-ingest-key': 'ingest-key-0123456789' } })).status, 201);
  }
  const startDate = new Date(made.from - DAY).toISOString().slice(0, 10);
  await gw.rows(2, 'tenant=renamed');
  for (const f of [{ tenant: 'renamed' }, { tenant: 'tenant-000' }, { tenant: 'na' }, { tag: 'api' }, { tag: 'interface' }, { tenant: 'renamed', model: 'gpt' }]) await comparePages(gw, { startDate, ...f });
  await gw.ok('DELETE', '/admin/tenant/1');
  await comparePages(gw, { startDate, keyId: 1 });
  await comparePages(gw, { startDate, tag: 'api', tenantId: 1 });
}, { noStart: true });

gtest('50,000 rows: totals of tenants, models, reports and /data are the sums of the rows', env, async ({ gw }) => {
  const made = fill(gw);
  await gw.start();
  const start = new Date(made.from - DAY).toISOString().slice(0, 10), end = new Date(made.to).toISOString().slice(0, 10), range = `startDate=${start}&endDate=${end}`;
  const usd = (where) => BigInt(gw.sql(`SELECT coalesce(sum(usd),0) FROM ledger WHERE ${where}`).out);
  const near = (num, n, what) => assert.equal(nano(num.toFixed(9)), n, what);
  assert.equal(usd('1'), nano(made.usd));
  for (const t of [1, 2, 40]) {
    const h = await gw.ok('GET', `/admin/tenant/${t}/usage/history?${range}`);
    near(h.reduce((a, x) => a + Math.round(x.usage * 1e9), 0) / 1e9, usd(`tenant_id=${t}`), 'history');
    const m = await gw.ok('GET', `/admin/tenant/${t}/usage/models?${range}`);
    for (const x of m) near(x.usage, usd(`tenant_id=${t} AND model=${quote(x.model)}`), x.model);
    assert.equal(m.length, Number(gw.sql(`SELECT count(*) FROM (SELECT model FROM ledger WHERE tenant_id=${t} GROUP BY model HAVING sum(usd)<>0)`).out));
  }
  const rep = await gw.ok('GET', `/reports/data?start=${start}&end=${end}`);
  for (const x of rep.cost_by_user) near(x.cost, usd(`tenant=${quote(x.label)}`), x.label);
  const keys = await gw.ok('GET', '/reports/data?scope=key&bucket=all');
  near(keys.summary.cost, usd('tenant_id>0'), 'whole history');
  assert.equal(keys.summary.requests, Number(gw.sql("SELECT count(*) FROM ledger WHERE kind='usage' AND tenant_id>0 AND status IN ('success','interrupted')").out));
  const months = await gw.ok('GET', `/reports/data?scope=user&bucket=month&start=${start}&end=${end}`);
  near(months.rows.reduce((a, x) => a + Math.round(x.cost * 1e9), 0) / 1e9, usd('tenant_id>0'), 'months');
  const used = "kind='usage' AND status IN ('success','interrupted')";
  const compare = async (q, where, page = 'ORDER BY ts DESC,id DESC') => {
    const d = await gw.ok('GET', `/data?limit=70&${q}`);
    const [n, p, c, s] = gw.sql(`SELECT count(*),coalesce(sum(prompt_tok),0),coalesce(sum(comp_tok),0),coalesce(sum(usd),0) FROM ledger NOT INDEXED WHERE ${where}`).out.split('|');
    assert.equal(d.total, Number(n), `total of /data ${q}`);
    assert.deepEqual([d.totals.promptTokens, d.totals.completionTokens], [Number(p), Number(c)], q);
    near(d.totals.estimatedCostUSD, BigInt(s), q);
    const want = gw.sql(`SELECT id FROM ledger NOT INDEXED WHERE ${where} ${page}`).out.split('\n').filter(Boolean).map(Number);
    assert.deepEqual(ids(d), want.slice(0, 70), `newest of /data ${q}`);
    const last = Math.ceil(want.length / 70);
    if (last > 1) assert.deepEqual(ids(await gw.ok('GET', `/data?limit=70&page=${last}&${q}`)), want.slice((last - 1) * 70), `last page of /data ${q}`);
    if (d.nextCursor) assert.deepEqual(ids(await gw.ok('GET', `/data?limit=70&cursor=${d.nextCursor}&${q}`)), want.slice(70, 140), `cursor of /data ${q}`);
  };
  const day = (i) => new Date(made.from + i * DAY).toISOString().slice(0, 10), at = new Date(made.from + 7.3 * DAY).toISOString();
  const each = async (epoch) => {
    for (const [q, w] of [['', '1'], ['model=gpt-4.1', "model='gpt-4.1'"], ['model=rare-model', "model='rare-model'"], ['model=x', "model='x'"], ['source=ingest', "(ingest_token_id IS NOT NULL OR coalesce(reason,'')='legacy')"], ['source=proxy', "ingest_token_id IS NULL AND coalesce(reason,'')<>'legacy'"],
      ['ingest_token_id=3', 'ingest_token_id=3'], ['ingest_token_id=3&model=gpt-4.1', "ingest_token_id=3 AND model='gpt-4.1'"], ['ingest_token_id=99', '0'], [`start=${day(5)}&end=${day(8)}`, `ts>=${Date.parse(day(5))} AND ts<${Date.parse(day(9))}`], [`start=${at}&source=ingest`, `ts>=${Date.parse(at)} AND ingest_token_id IS NOT NULL`]])
      await compare(q, `${used} AND ${w} AND ${epoch}`);
    assert.deepEqual((await gw.ok('GET', '/models')).models, gw.sql(`SELECT DISTINCT model FROM ledger WHERE ${used} AND model<>'' AND ${epoch} ORDER BY model`).out.split('\n').filter(Boolean));
  };
  await each('1');
  const top = gw.sql('SELECT max(id) FROM ledger').out;
  assert.equal((await gw.admin('DELETE', '/reset', { confirm: 'reset' }, { headers: { 'content-length': '19' } })).status, 200);
  await each(`id>${top}`);
  const token = gw.sql('SELECT token FROM ingest_token WHERE id=3').out;
  for (let k = 0; k < 100; k++) { // some of them of a day long past
    const json = { tracking_token: token, model: k % 3 ? 'gpt-4.1' : 'new-model', prompt_tokens: 10 + k, completion_tokens: k, cost_usd: 0.25, event_id: `n${k}`, timestamp: k % 2 ? at : undefined };
    assert.equal((await gw.call('/ingest', { json, headers: { 'x-ingest-key': 'ingest-key-0123456789' } })).status, 201);
  }
  await each(`id>${top}`);
  await compare('epoch=all', used);
  await compare('epoch=all&model=gpt-4.1', `${used} AND model='gpt-4.1'`);
}, { noStart: true });
