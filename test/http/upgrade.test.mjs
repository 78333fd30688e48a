// upgrade.test.mjs - a ledger of an older version is brought to this one, a
// newer one is left alone.  The older file is made here from the schema text
// of its time (test/upgrade/) and rows whose hashes are real.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gtest, assert, BIN, ROOT, flat } from './fixture.mjs';

const TOOL = path.join(path.dirname(BIN), 'test/bench/ledger_rows');
// every version there has been, but the second, which was never released
const VERSIONS = fs.readdirSync(path.join(ROOT, 'test/upgrade')).map((f) => Number(/^schema-(\d+)\.sql$/.exec(f)[1])).sort();
const VERSION = Number(/PRAGMA user_version = (\d+)/.exec(fs.readFileSync(path.join(ROOT, 'schema.sql'), 'utf8'))[1]);
const env = { DEFAULT_BUDGET_USD: 'none', RATE_LIMIT_RPM: '0' };

function sqlite(file, input) {
  const r = spawnSync('sqlite3', ['-bail', file], { input, encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.equal(r.status, 0, r.stderr);
  return r.stdout.trim();
}
/** Tables, indexes, triggers and views as text, spaces apart. */
const shape = (file) => sqlite(file, "SELECT type||' '||name||' '||coalesce(sql,'') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type,name;").replace(/--[^\n]*/g, '').replace(/\s+/g, ' ').replace(/\( /g, '(');
const tables = (file) => sqlite(file, "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%' ORDER BY 1;").split('\n');

/** A file of an older version in gw.data with the rows of a new one beside it. */
function older(gw, rows, version) {
  const old = fs.readFileSync(path.join(ROOT, `test/upgrade/schema-${version}.sql`), 'utf8');
  if (!fs.existsSync(TOOL)) assert.equal(spawnSync('make', [`O=${path.relative(ROOT, path.dirname(BIN))}`, path.relative(ROOT, TOOL)], { cwd: ROOT, stdio: 'inherit' }).status, 0);
  const r = spawnSync(TOOL, [path.join(gw.dir, 'new'), String(rows), '7', '9'], { encoding: 'utf8' });
  assert.equal(r.status, 0, r.stderr);
  fs.mkdirSync(gw.data);
  const fresh = path.join(gw.dir, 'new/ledger.sqlite'), file = path.join(gw.data, 'ledger.sqlite');
  sqlite(file, `PRAGMA journal_mode=WAL;\n${old}`);
  const copy = tables(file).map((t) => `INSERT INTO main.${t} SELECT * FROM n.${t};`).join('\n');
  sqlite(file, `ATTACH '${fresh}' AS n;\nBEGIN;\n${copy}\nCOMMIT;`);
  if (version === 1) sqlite(file, 'DELETE FROM rollup_tag_hour WHERE tag_id<0; DELETE FROM rollup_tag_day WHERE tag_id<0;'); // version 2 has these
  assert.equal(sqlite(file, 'PRAGMA user_version;'), String(version));
  return { fresh, file };
}

for (const version of VERSIONS) gtest(`upgrade: a version ${version} ledger becomes this version: same shape, same rows, rollups filled, verify clean`, env, async ({ gw }) => {
  const { fresh, file } = older(gw, 6000, version);
  if (version === 1) sqlite(file, "INSERT INTO setting VALUES('epoch',2500);"); // a reset of its time
  await gw.start();
  assert.ok(gw.logContains('ledger is brought to a newer version'));
  assert.equal(gw.sql('PRAGMA user_version').out, String(VERSION));
  assert.equal(shape(file), shape(fresh), 'both ways lead to one schema');
  for (const t of tables(file)) {
    if (['setting', 'epoch_data', 'audit'].includes(t)) continue;
    const n = gw.sql(`ATTACH '${fresh}' AS n; SELECT (SELECT count(*) FROM (SELECT * FROM main.${t} EXCEPT SELECT * FROM n.${t}))+(SELECT count(*) FROM (SELECT * FROM n.${t} EXCEPT SELECT * FROM main.${t}))`).out;
    assert.equal(n, '0', `table ${t}`);
  }
  assert.equal(gw.sql('SELECT count(*) FROM ledger').out, '6000');
  const d = await gw.ok('GET', '/data?limit=1'), all = await gw.ok('GET', '/data?limit=1&epoch=all');
  const used = (cond) => Number(gw.sql(`SELECT count(*) FROM ledger WHERE kind='usage' AND status IN ('success','interrupted') AND ${cond}`).out);
  assert.deepEqual([d.total, all.total], [used(version === 1 ? 'id>2500' : '1'), used('1')]);
  const t = await gw.tenant('new');
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  await gw.rows(1, 'tenant=new');
  await gw.restart(); // a second start has nothing to do
  assert.equal((await gw.ledger('tenant=new')).length, 1);
}, { noStart: true });

gtest('upgrade: a step that fails leaves the file at its version, untouched', env, async ({ gw }) => {
  const { file } = older(gw, 300, 1);
  sqlite(file, 'CREATE TABLE seen_tag(x);'); // in the way of the last table
  const before = shape(file);
  const r = spawnSync(BIN, [], { cwd: gw.dir, env: gw.fullEnv(), encoding: 'utf8', timeout: 20000 });
  assert.equal(r.status, 1, r.stderr);
  assert.equal(shape(file), before);
  assert.equal(sqlite(file, 'PRAGMA user_version;'), '1');
  sqlite(file, 'DROP TABLE seen_tag;');
  await gw.start();
  assert.equal(gw.sql('PRAGMA user_version').out, String(VERSION));
}, { noStart: true });

gtest('upgrade: a ledger of a newer version is refused with status 2, and not changed', env, async ({ gw }) => {
  await gw.start();
  await gw.stop();
  gw.sql(`PRAGMA user_version=${VERSION + 1}`);
  const file = path.join(gw.data, 'ledger.sqlite'), before = fs.readFileSync(file);
  for (const args of [[], ['verify']]) {
    const r = spawnSync(BIN, args, { cwd: gw.dir, env: gw.fullEnv(), encoding: 'utf8', timeout: 20000 });
    assert.equal(r.status, 2, `${args}: ${r.stderr}`);
    assert.match(r.stderr, new RegExp(`version ${VERSION + 1}, this program knows ${VERSION}: it was written by a newer BudgetGuard`));
  }
  assert.ok(before.equals(fs.readFileSync(file)));
  gw.sql(`PRAGMA user_version=${VERSION}`);
  await gw.start();
}, { noStart: true });

gtest('upgrade: who reads beside a server of the older version does not change its file', env, async ({ gw }) => {
  const { file } = older(gw, 50, 1);
  const before = shape(file);
  const policy = path.join(gw.dir, 'p.rego');
  fs.writeFileSync(policy, 'package budgetguard.policy\ndefault allow = true\n');
  for (const args of [['export'], ['policy', 'replay', policy, '--since', '2020-01-01']]) {
    const r = spawnSync(BIN, args, { cwd: gw.dir, env: gw.fullEnv(), encoding: 'utf8', timeout: 20000 });
    assert.notEqual(r.status, 0, `${args}: ${r.stderr}`);
    assert.match(r.stderr, new RegExp(`version 1, this program reads ${VERSION}`));
  }
  assert.equal(sqlite(file, 'PRAGMA user_version;'), '1');
  assert.equal(shape(file), before, 'rows of the running server would miss in new tables');
  await gw.start();
}, { noStart: true });
