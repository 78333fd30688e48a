// matrix_faults.test.mjs - what the wire does to an answer: every SDK gets it
// whole or raises an error, and the ledger is the provider's account.
import { gtest, assert, nano } from './fixture.mjs';
import { Barrier } from './mock.mjs';
import { CLIENTS } from './clients.mjs';
import { threeFamilies, settled, owe, streamText, LIST, CLAUDE, GEMINI, GPT, SUM } from './speak.mjs';

const BUDGET = { budgets: [{ period: 'total', amountUsd: '1000' }] };
const HELLO = { [GPT]: 'Hello from GPT', [CLAUDE]: 'Hello from Claude', [GEMINI]: 'Hello from Gemini' };
const caught = async (p) => { try { await p; } catch (e) { return e; } return assert.fail('no error was raised'); };
const WIRES = { 'one byte at a time': { cut: 1 }, CRLF: { crlf: true }, 'CRLF, cut': { crlf: true, cut: 3 }, gzip: { gzip: true }, 'gzip, cut': { gzip: true, cut: 5 } };
/** What an answer's usage leaves out or the wire takes away: the bytes kept. */
const beforeEnd = (text) => text.slice(0, text.length - Math.min(300, text.length >> 1));

for (const client of CLIENTS) for (const model of client.models) {
  const say = (r) => ({ ...r, cached: undefined });
  gtest(`${client.name} → ${model}: cut at any byte, CRLF, gzip, slow, 5 MB`, threeFamilies(), async ({ gw, mock }) => {
    const t = await gw.tenant('acme', BUDGET), c = client.make({ url: gw.url, key: t.key });
    const want = say({ text: HELLO[model], ...SUM, input: client.input ?? SUM.input });
    for (const [name, wire] of Object.entries(WIRES)) {
      mock.wire = wire;
      for (const verb of ['stream', 'plain']) if (verb === 'stream' || wire.gzip) assert.deepEqual(say(await c[verb](model)), want, `${verb}, ${name}`);
    }
    mock.wire = {};
    const gate = new Barrier();
    mock.once(async (rec, res) => {
      owe(mock, rec);
      const text = await streamText(mock, model, rec.path, rec.json);
      const half = text.indexOf(HELLO[model].slice(0, 3)) + 2;
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(text.slice(0, half));
      await gate.wait();
      res.end(text.slice(half));
    });
    const slow = c.stream(model);
    setTimeout(() => gate.open(), 100);
    assert.deepEqual(say(await slow), want, 'slow');
    const big = 'äöü "x"\n'.repeat(480000);
    mock.say = { text: big };
    for (const verb of ['plain', 'stream']) assert.equal((await c[verb](model)).text.length, big.length, `5 MB, ${verb}`);
    for (const r of await settled(gw, mock, mock.seen.length)) assert.deepEqual([r.status, r.meteredBy], ['success', 'provider']);
  });

  gtest(`${client.name} → ${model}: a stream that breaks is an error of the SDK, never a short success; no hold is left`, threeFamilies(), async ({ gw, mock }) => {
    const t = await gw.tenant('acme', BUDGET), c = client.make({ url: gw.url, key: t.key });
    mock.say = { tools: [{ name: 'weather', input: { city: 'Bern' } }] };
    const breaks = { reset: (s) => s.resetAndDestroy(), close: (s) => s.destroy(), 'end of a length': null };
    for (const [name, end] of Object.entries(breaks)) {
      mock.once(async (rec, res) => {
        const text = beforeEnd(await streamText(mock, model, rec.path, rec.json));
        res.writeHead(200, { 'content-type': 'text/event-stream', ...(end ? {} : { 'content-length': Buffer.byteLength(text) + 900, connection: 'close' }) });
        res.write(text);
        setTimeout(() => (end ?? ((s) => s.end()))(res.socket), 30);
      });
      const e = await caught(c.streamTools(model));
      assert.ok(e, name); // the AI SDK hands on the event's own object
    }
    for (const r of await gw.rows(3)) {
      assert.deepEqual([r.status, r.reason], ['interrupted', 'upstream_cut']);
      assert.ok(nano(r.usd) > 0n, 'what was said is charged');
    }
    if (model !== GEMINI) { // Google has no error event of its own
      mock.say = { error: true };
      const e = await caught(c.stream(model));
      assert.match(`${e.message} ${JSON.stringify(e.error ?? e.data ?? e.cause ?? '')}`, /Overloaded|overloaded|server_error|No output generated/);
      const row = (await gw.rows(4)).find((x) => x.reason !== 'upstream_cut') ?? (await gw.rows(4))[0];
      assert.equal(row.status, 'interrupted');
    } else {
      mock.once((rec, res) => mock.pieces(res, ['data: {"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9,"totalTokenCount":9},"modelVersion":"gemini-2.5-flash"}\r\n\r\n', 'data: {"error":{"code":503,"message":"Overloaded","status":"UNAVAILABLE"}}\r\n\r\n']));
      await caught(c.stream(model));
      assert.equal((await gw.rows(4)).filter((x) => x.status === 'interrupted').length, 4);
    }
    for (const b of await gw.budgets()) assert.equal(b.heldUsd, '0');
  });

  gtest(`${client.name} → ${model}: an answer without usage is counted by the tokenizer`, threeFamilies(), async ({ gw, mock }) => {
    const t = await gw.tenant('acme', BUDGET), c = client.make({ url: gw.url, key: t.key });
    const strip = (text) => text.replace(/,?"usage(Metadata)?":\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}/g, '').replace(/\{,/g, '{').replace(/data: \{"id":"chatcmpl-mock"[^\n]*"choices":\[\]\}\n\n/g, '');
    let text = '';
    mock.once(async (rec, res) => { text = strip(await streamText(mock, model, rec.path, rec.json)); assert.ok(!/"usage(Metadata)?":\{/.test(text)); await mock.pieces(res, [text]); });
    // some SDKs need the usage and say so; the bill does not depend on it
    await c.stream(model).catch(() => {});
    const [r] = await gw.rows(1);
    assert.deepEqual([r.meteredBy, r.reason ?? null], ['tokenizer', null]);
    assert.ok(r.promptTok > 0 && r.promptTok < 100 && r.compTok >= 2 && r.compTok < 20, `${r.promptTok} in, ${r.compTok} out`);
    const p = LIST[model];
    assert.equal(nano(r.usd), BigInt(r.promptTok) * p.in + BigInt(r.compTok) * p.out);
    for (const b of await gw.budgets()) assert.equal(b.heldUsd, '0');
  });
}
