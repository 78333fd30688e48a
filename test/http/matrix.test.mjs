// matrix.test.mjs - every SDK × every model: what its caller sees, and that
// the ledger is the provider's own account to the nano-dollar.
import fs from 'node:fs';
import { gtest, assert, waitUntil } from './fixture.mjs';
import { Barrier } from './mock.mjs';
import { CLIENTS, PNG } from './clients.mjs';
import { threeFamilies, settled, owe, streamText, GPT, CLAUDE, GEMINI, SUM } from './speak.mjs';

const HELLO = { [GPT]: 'Hello from GPT', [CLAUDE]: 'Hello from Claude', [GEMINI]: 'Hello from Gemini' };
const WEATHER = { name: 'weather', input: { city: 'Zürich "HB"' } };
const BUDGET = { budgets: [{ period: 'total', amountUsd: '1000' }] };

/** verb → what the mock says, and what the caller must see. */
const VERBS = {
  plain: { see: (r, m, sent, client) => assert.deepEqual(r, { text: HELLO[m], ...SUM, input: client.input ?? SUM.input }) },
  stream: { see: (r, m, sent, client) => assert.deepEqual(r, { text: HELLO[m], ...SUM, input: client.input ?? SUM.input }) },
  tools: { say: { text: 'Let me look.', tools: [WEATHER, { name: 'weather', input: { city: 'Bern' } }] }, see: (r) => assert.deepEqual(r, [WEATHER, { name: 'weather', input: { city: 'Bern' } }]) },
  streamTools: { say: { text: null, tools: [WEATHER, { name: 'weather', input: { city: 'Bern' } }] }, see: (r) => assert.deepEqual(r, [WEATHER, { name: 'weather', input: { city: 'Bern' } }]) },
  result: { see: (r, m, sent) => { assert.equal(r, HELLO[m]); assert.match(sent, /sunny/); assert.match(sent, /HB/); } },
  image: { see: (r, m, sent) => { assert.equal(r, HELLO[m]); assert.ok(sent.includes(PNG), 'the picture is sent whole'); } },
  json: { say: { text: '{"a":1}' }, see: (r, m, sent) => { assert.equal(r, '{"a":1}'); assert.match(sent, /json/i); } },
  schema: { say: { text: '{"a":1}' }, see: (r, m, sent) => { assert.deepEqual(JSON.parse(r), { a: 1 }); assert.match(sent, /"required":\["a"\]/, 'the schema is sent'); } },
  embed: { once: true, see: (r) => { assert.equal(r.length, 2); for (const v of r) assert.deepEqual([...v], [0.5, 1]); } },
};

/** Remote ports of the connections to `port` that both sides hold open. */
const established = (port) => fs.readFileSync('/proc/net/tcp', 'utf8').split('\n').map((l) => l.trim().split(/\s+/))
  .filter((f) => f[3] === '01' && f[1]?.endsWith(`:${port.toString(16).toUpperCase().padStart(4, '0')}`)).map((f) => f[2]);

for (const client of CLIENTS) for (const model of client.models) {
  gtest(`${client.name} → ${model}: plain, streamed, tools, pictures, JSON, schema, embeddings; the ledger is the provider's account`, threeFamilies(), async ({ gw, mock }) => {
    const t = await gw.tenant('acme', BUDGET), c = client.make({ url: gw.url, key: t.key });
    for (const [verb, v] of Object.entries(VERBS)) {
      if (!c[verb] || (v.once && model !== client.models[0])) continue;
      mock.say = v.say ?? {};
      const r = await c[verb](model, WEATHER).catch((e) => assert.fail(`${verb}: ${e.stack} ${e.responseBody ?? ''}`));
      const rec = mock.seen.at(-1);
      try { v.see(r, model, rec.body.toString(), client); } catch (e) { e.message = `${verb}: ${e.message}\nsent: ${rec.body.toString().slice(0, 1500)}`; throw e; }
      assert.ok(!JSON.stringify(rec.headers).includes(t.key), `${verb}: the tenant's key is sent`);
    }
    for (const row of await settled(gw, mock, mock.seen.length)) assert.deepEqual([row.status, row.meteredBy, row.httpStatus], ['success', 'provider', 200], `${row.route} ${row.model}`);
  });

  gtest(`${client.name} → ${model}: a caller that leaves in the middle is billed what the provider reports (R16)`, threeFamilies({ WORKERS: '1' }), async ({ gw, mock }) => {
    const t = await gw.tenant('acme', BUDGET), c = client.make({ url: gw.url, key: t.key });
    const gate = new Barrier();
    mock.say = { tools: [WEATHER] }; // something follows the text
    mock.once(async (rec, res) => {
      owe(mock, rec);
      const text = await streamText(mock, model, rec.path, rec.json);
      const end = /\r?\n\r?\n/g;
      end.lastIndex = text.indexOf(HELLO[model].slice(0, 3));
      end.exec(text);
      const at = end.lastIndex;
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(text.slice(0, at));
      await gate.wait();
      res.end(text.slice(at));
    });
    const before = established(gw.port), s = await c.begin(model);
    assert.ok(HELLO[model].startsWith(s.first) && s.first !== '', s.first);
    s.abort();
    await s.rest().catch(() => {});
    await waitUntil(() => established(gw.port).every((p) => before.includes(p)), 'its connection is closed');
    assert.equal((await gw.call('/ping')).status, 200); // the only loop has seen it
    gate.open();
    const [row] = await settled(gw, mock, 1);
    assert.deepEqual([row.status, row.reason, row.meteredBy], ['interrupted', 'client_gone', 'provider']);
  }, { timeout: 30000 });
}
