// proxy.test.mjs - what goes through, byte by byte (contract 3.4, 9.4, 9.7).
import zlib from 'node:zlib';
import http from 'node:http';
import { gtest, assert, flat, hello, call, waitUntil, events, nano, RawClient } from './fixture.mjs';
import { get_encoding } from 'tiktoken';
import { Barrier, chatStream, chatBody, responsesStream, cuts } from './mock.mjs';

const both = (more = {}) => ({ model: 'gpt-both', messages: hello, max_tokens: 50, ...more });
// gpt-both: 2 and 8 micro-dollars per token
const cost = (u) => BigInt(u.input * 2000 + u.output * 8000);
const post = (gw, t, path, json, opt = {}) => call(gw.url + path, { json, ...opt, headers: { authorization: `Bearer ${t.key}`, ...opt.headers } });

gtest("R15: a streamed chat completion answers 200 with the provider's events and books the reported usage", {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '1' }] });
  mock.usage = { input: 12, output: 7 };
  const r = await gw.chat(t.key, both({ stream: true, stream_options: { include_usage: true } }));
  assert.equal(r.status, 200);
  assert.match(r.headers['content-type'], /^text\/event-stream/);
  assert.equal(r.headers['content-length'], undefined);
  assert.equal(r.headers['cache-control'], 'no-cache');
  assert.equal(r.headers['x-accel-buffering'], 'no');
  assert.notEqual(r.headers.connection, 'close');
  assert.equal(r.text, chatStream('gpt-both', mock.usage), "the provider's events byte by byte");
  const [row] = await gw.rows(1);
  assert.equal(nano(row.usd), cost(mock.usage));
  assert.deepEqual([row.promptTok, row.compTok, row.status, row.meteredBy, Boolean(row.stream)], [12, 7, 'success', 'provider', true]);
  assert.equal(nano((await gw.budgets())[0].spentUsd), cost(mock.usage));
});

gtest('usage is asked for when the client did not, and the extra chunk is taken out', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 3, output: 4 };
  const body = '{"model":"gpt-both", "stream" : true ,"messages":[{"role":"user","content":"x"}],"max_tokens":50}';
  const r = await gw.chat(t.key, undefined, { body, method: 'POST', headers: { 'content-type': 'application/json' } });
  assert.equal(mock.seen[0].json.stream_options.include_usage, true);
  const sent = mock.seen[0].body.toString();
  assert.equal(sent.replace(/,?\s*"stream_options"\s*:\s*\{[^}]*\}\s*,?/, (m) => (m.startsWith(',') && m.endsWith(',') ? ',' : '')), body, 'nothing else was touched');
  const ev = events(r.text);
  assert.equal(ev.at(-1).data, '[DONE]');
  for (const e of ev.slice(0, -1)) assert.ok(JSON.parse(e.data).choices.length > 0, 'no usage-only chunk');
  assert.equal(nano((await gw.rows(1))[0].usd), cost(mock.usage));
});

gtest('stream_options of the client are kept when include_usage is added', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  for (const so of [{ include_obfuscation: false }, { include_usage: false }, {}, null]) {
    const r = await gw.chat(t.key, both({ stream: true, stream_options: so }));
    assert.equal(r.status, 200, JSON.stringify(so));
    const sent = mock.seen.at(-1).json.stream_options;
    assert.equal(sent.include_usage, true);
    if (so?.include_obfuscation === false) assert.equal(sent.include_obfuscation, false);
    assert.ok(!/"choices":\[\]/.test(r.text), 'no usage-only chunk');
  }
});

gtest('a stream cut at every byte is relayed whole and metered exactly', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const u = (mock.usage = { input: 21, output: 9 });
  const text = chatStream('gpt-both', u);
  for (const n of [1, 2, 3, 7]) {
    mock.once((rec, res) => mock.pieces(res, cuts(text, n)));
    const r = await gw.chat(t.key, both({ stream: true, stream_options: { include_usage: true } }));
    assert.equal(r.text, text, `pieces of ${n}`);
  }
  for (const row of await gw.rows(4)) assert.equal(nano(row.usd), cost(u));
});

gtest('the extra usage chunk is removed wherever the stream is cut', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const u = (mock.usage = { input: 2, output: 3 });
  const text = chatStream('gpt-both', u, { words: ['a'] });
  const at = Buffer.from(text).indexOf('"choices":[]');
  const b = Buffer.from(text);
  for (let i = at - 80; i < at + 60; i += 7) {
    mock.once((rec, res) => mock.pieces(res, [b.subarray(0, i), b.subarray(i)]));
    const r = await gw.chat(t.key, both({ stream: true }));
    assert.ok(!r.text.includes('"choices":[]'), `cut at ${i}`);
    assert.ok(r.text.endsWith('data: [DONE]\n\n'));
  }
});

for (const [name, form] of [['CRLF', (s) => s.replaceAll('\n', '\r\n')], ['CR', (s) => s.replaceAll('\n', '\r')],
  ['comments and ids', (s) => ': keep-alive\n\n' + s.replaceAll('data: {', 'id: 7\nretry: 10\n: note\ndata:{')], ['a BOM', (s) => '\ufeff' + s]])
  gtest(`streams with ${name} are metered and relayed as they are`, {}, async ({ gw, mock }) => {
    const t = await gw.tenant();
    const u = (mock.usage = { input: 8, output: 6 });
    const text = form(chatStream('gpt-both', u));
    mock.script = (rec, res) => mock.pieces(res, cuts(text, 11));
    const r = await gw.chat(t.key, both({ stream: true, stream_options: { include_usage: true } }));
    assert.equal(r.text, text);
    assert.equal(nano((await gw.rows(1))[0].usd), cost(u));
  });

gtest('usage on every chunk is not summed: the last value of each field counts', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const chunk = (u) => `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'gpt-both', choices: [{ index: 0, delta: { content: 'x' }, finish_reason: null }], usage: u })}\n\n`;
  mock.script = (rec, res) => mock.sse(res, chunk({ prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 }) + chunk({ prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 }) + chunk({ prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 }) + 'data: [DONE]\n\n');
  await gw.chat(t.key, both({ stream: true }));
  assert.equal(nano((await gw.rows(1))[0].usd), cost({ input: 10, output: 3 }));
});

gtest('reasoning outside completion_tokens is billed: total minus prompt if larger', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.script = (rec, res) => mock.json(res, 200, { ...chatBody('gpt-both', { input: 10, output: 5 }), usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 40 } });
  await gw.chat(t.key, both());
  const [row] = await gw.rows(1);
  assert.equal(row.compTok, 30);
  assert.equal(nano(row.usd), cost({ input: 10, output: 30 }));
});

gtest("events reach the client as they come, before the provider ends", {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const b = new Barrier();
  const text = chatStream('gpt-both', { input: 1, output: 1 });
  const cut = text.indexOf('\n\n') + 2;
  mock.script = async (rec, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write(text.slice(0, cut)); await b.wait(); res.end(text.slice(cut)); };
  const c = await RawClient.connect(gw.port);
  const body = JSON.stringify(both({ stream: true, stream_options: { include_usage: true } }));
  c.send(`POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${t.key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await c.until(/"role":"assistant"/, 'the first event is there while the provider still waits');
  b.open();
  await c.until(/\r\n0\r\n\r\n$/, 'the stream ends');
  c.destroy();
});

gtest('R16: a client that disconnects before the last chunk is billed the reported usage (drain)', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '1' }] });
  const b = new Barrier();
  const u = { input: 30, output: 20 };
  const text = chatStream('gpt-both', u);
  mock.script = async (rec, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write(text.slice(0, 200)); await b.wait(); res.end(text.slice(200)); };
  const c = await RawClient.connect(gw.port);
  const body = JSON.stringify(both({ stream: true }));
  c.send(`POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${t.key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await c.until(/data: /);
  c.destroy();
  b.open();
  const [row] = await gw.rows(1);
  assert.equal(nano(row.usd), cost(u));
  assert.deepEqual([row.status, row.reason, row.meteredBy], ['interrupted', 'client_gone', 'provider']);
  assert.equal((await gw.budgets())[0].heldUsd, '0');
});

gtest('CLIENT_GONE=abort closes the provider and books what was seen, by tokenizer', { CLIENT_GONE: 'abort' }, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const text = chatStream('gpt-both', { input: 30, output: 20 });
  mock.script = (rec, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write(text.slice(0, 400)); };
  const c = await RawClient.connect(gw.port);
  const body = JSON.stringify(both({ stream: true }));
  c.send(`POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${t.key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await c.until(/data: /);
  c.destroy();
  await waitUntil(() => mock.seen[0].aborted, 'the provider sees the connection close');
  const [row] = await gw.rows(1);
  assert.deepEqual([row.status, row.reason, row.meteredBy], ['interrupted', 'client_gone', 'tokenizer']);
  assert.ok(nano(row.usd) > 0n);
});

gtest('a drain that outlives DRAIN_TIMEOUT_S is ended and booked by tokenizer', { DRAIN_TIMEOUT_S: '1' }, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const text = chatStream('gpt-both', { input: 30, output: 20 });
  mock.script = (rec, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write(text.slice(0, 400)); };
  const c = await RawClient.connect(gw.port);
  const body = JSON.stringify(both({ stream: true }));
  c.send(`POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${t.key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await c.until(/data: /);
  c.destroy();
  const [row] = await gw.rows(1);
  assert.deepEqual([row.status, row.reason, row.meteredBy], ['interrupted', 'client_gone', 'tokenizer']);
});

gtest('R17: provider errors, 429, 402, 400 and 401 each leave one row with status and reason', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { rateLimitPerMin: 4 });
  mock.once((rec, res) => mock.json(res, 500, { error: { message: 'boom' } }));
  assert.equal((await gw.chat(t.key, flat())).status, 500);
  mock.once((rec, res) => mock.json(res, 400, { error: { message: 'bad' } }));
  assert.equal((await gw.chat(t.key, flat())).status, 400);
  await gw.budget(t.id, 'total', '0.001');
  assert.equal((await gw.chat(t.key, flat())).status, 402);
  assert.equal((await gw.chat(t.key, { messages: hello })).status, 400);
  assert.equal((await gw.chat(t.key, flat())).status, 402);
  assert.equal((await gw.chat(t.key, flat())).status, 429);
  assert.equal((await call(`${gw.url}/v1/chat/completions`, { json: flat() })).status, 401);
  assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-tenant-id': 'other' } })).status, 403);
  const rows = (await gw.rows(8)).reverse();
  assert.deepEqual(rows.map((r) => [r.httpStatus, r.status, r.reason]), [
    [500, 'failed', 'upstream_500'], [400, 'failed', 'upstream_400'], [402, 'blocked', 'budget'], [400, 'failed', 'validation'],
    [402, 'blocked', 'budget'], [429, 'blocked', 'rate_limit'], [401, 'failed', 'missing_key'], [403, 'blocked', 'tenant_mismatch']]);
  assert.equal(new Set(rows.map((r) => r.requestId)).size, 8);
  assert.ok(rows.every((r) => r.usd === '0' && /^[0-9a-f]{32}$/.test(r.requestId)));
});

gtest('R36: /metrics, /health/detailed, /v1/completions and /v1/models exist', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  assert.equal((await call(`${gw.url}/metrics`)).status, 200);
  assert.equal((await gw.admin('GET', '/health/detailed')).status, 200);
  mock.usage = { input: 4, output: 5 };
  assert.equal((await post(gw, t, '/v1/completions', { model: 'gpt-both', prompt: 'x', max_tokens: 5 })).status, 200);
  const m = await post(gw, t, '/v1/models', undefined);
  assert.equal(m.status, 200);
  assert.equal(m.json.object, 'list');
  assert.ok(m.json.data.some((x) => x.id === 'gpt-4.1' && x.object === 'model'));
  assert.equal((await post(gw, t, '/v1/models/gpt-4.1', undefined)).json.id, 'gpt-4.1');
  const rows = await gw.rows(1);
  assert.equal(rows[0].route, '/v1/completions', 'lists leave no row');
  assert.equal(nano(rows[0].usd), cost(mock.usage));
});

gtest('R41: a 4 MiB image request is accepted, one above MAX_BODY_BYTES is 413', { MAX_BODY_BYTES: String(5 << 20) }, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const image = (n) => ({ model: 'gpt-flat', max_tokens: 10, messages: [{ role: 'user', content: [{ type: 'text', text: 'see' }, { type: 'image_url', image_url: { url: 'data:image/png;base64,' + 'A'.repeat(n) } }] }] });
  const json = image(4 << 20);
  assert.equal((await gw.chat(t.key, json)).status, 200);
  assert.equal(mock.seen[0].body.toString(), JSON.stringify(json));
  const r = await gw.chat(t.key, image(5 << 20)).catch((e) => e);
  assert.equal(r.status, 413, String(r));
  assert.equal(r.error.code, 'request_too_large');
  assert.equal(mock.seen.length, 1);
  // chunked, without a length in the head
  const c = await new Promise((resolve) => {
    const q = http.request(`${gw.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${t.key}`, 'content-type': 'application/json', 'transfer-encoding': 'chunked' } }, (s) => { s.resume(); resolve(s.statusCode); });
    q.on('error', () => resolve('closed'));
    for (let i = 0; i < 6; i++) q.write(Buffer.alloc(1 << 20, 32));
    q.end();
  });
  assert.ok(c === 413 || c === 'closed', String(c));
  assert.equal(mock.seen.length, 1);
});

gtest("R42: a provider's 429 reaches the client with the same body and its retry-after", {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const body = '{\n  "error": {"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}\n}\n';
  mock.script = (rec, res) => mock.json(res, 429, body, { 'retry-after': '7', 'retry-after-ms': '7100', 'x-ratelimit-limit-requests': '60', 'x-should-retry': 'true' });
  const r = await gw.chat(t.key, flat());
  assert.equal(r.status, 429);
  assert.equal(r.text, body);
  assert.equal(r.headers['retry-after'], '7');
  assert.equal(r.headers['retry-after-ms'], '7100');
  assert.equal(r.headers['x-ratelimit-limit-requests'], '60');
  assert.equal(r.headers['x-should-retry'], 'true');
  assert.equal(r.headers['x-request-id'], 'req_mock');
  assert.deepEqual((await gw.rows(1)).map((x) => [x.status, x.reason, x.usd]), [['failed', 'upstream_429', '0']]);
});

gtest('R45: a silent upstream gives 504 after UPSTREAM_TIMEOUT_S and one interrupted row', { UPSTREAM_TIMEOUT_S: '1' }, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '1' }] });
  mock.script = () => {};
  const r = await gw.chat(t.key, flat());
  assert.equal(r.status, 504);
  assert.equal(r.error.code, 'upstream_timeout');
  assert.match(r.error.message, /^Provider timed out/);
  const rows = await gw.rows(1);
  assert.deepEqual([rows[0].status, rows[0].reason, rows[0].usd, rows[0].meteredBy], ['interrupted', 'upstream_timeout', '0.0075', 'hold']);
  assert.equal(mock.calls().length, 1, 'no retry of what was sent');
});

for (const stream of [false, true])
  gtest(`R58: a gzip-compressed provider answer reaches clients with and without gzip support intact (stream ${stream})`, {}, async ({ gw, mock }) => {
    const t = await gw.tenant();
    const u = { input: 9, output: 8 };
    const text = stream ? chatStream('gpt-both', u) : JSON.stringify(chatBody('gpt-both', u));
    for (const [coding, bytes] of [['gzip', zlib.gzipSync(text)], ['deflate', zlib.deflateSync(text)]]) for (const accept of [undefined, 'gzip', 'identity']) {
      mock.once(async (rec, res) => mock.pieces(res, cuts(bytes, 13), { 'content-encoding': coding, 'content-type': stream ? 'text/event-stream' : 'application/json' }));
      const r = await gw.chat(t.key, both({ stream, ...(stream ? { stream_options: { include_usage: true } } : {}) }), { headers: accept ? { 'accept-encoding': accept } : {} });
      assert.equal(r.status, 200);
      const plain = r.headers['content-encoding'] === 'gzip' ? zlib.gunzipSync(r.body) : r.headers['content-encoding'] === 'deflate' ? zlib.inflateSync(r.body) : r.body;
      if (r.headers['content-encoding']) assert.ok(accept?.includes(r.headers['content-encoding']));
      assert.equal(plain.toString(), text);
    }
    for (const row of await gw.rows(6)) assert.equal(nano(row.usd), cost(u));
  });

gtest('a gzip bomb from the provider does not fill the memory', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const bomb = zlib.gzipSync(Buffer.alloc(256 << 20, 32), { level: 9 });
  mock.script = (rec, res) => { res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }); res.end(bomb); };
  const fs = await import('node:fs');
  await gw.chat(t.key, both()).catch(() => {});
  const hwm = +/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${gw.proc.pid}/status`, 'utf8'))[1];
  if (!/asan|tsan/.test(process.env.BG_BIN ?? '')) assert.ok(hwm < 160 * 1024, `peak ${hwm} KiB`);
});

gtest('compressed requests are accepted, other codings are 415', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const body = JSON.stringify(both());
  const send = (b, coding) => gw.chat(t.key, undefined, { body: b, method: 'POST', headers: { 'content-type': 'application/json', 'content-encoding': coding } });
  assert.equal((await send(zlib.gzipSync(body), 'gzip')).status, 200);
  assert.equal((await send(zlib.deflateSync(body), 'deflate')).status, 200);
  for (const r of mock.seen) {
    const got = r.headers['content-encoding'] === 'gzip' ? zlib.gunzipSync(r.body) : r.headers['content-encoding'] === 'deflate' ? zlib.inflateSync(r.body) : r.body;
    assert.equal(got.toString(), body);
  }
  const br = await send(zlib.brotliCompressSync(body), 'br');
  assert.equal(br.status, 415);
  assert.equal(br.error.code, 'unsupported_media_type');
  assert.equal((await send(Buffer.from('not gzip at all'), 'gzip')).status, 400);
  assert.equal((await send(zlib.gzipSync(body).subarray(0, 20), 'gzip')).status, 400);
  const big = await send(zlib.gzipSync(Buffer.alloc(40 << 20, 32)), 'gzip');
  assert.equal(big.status, 413, 'the limit is on the decoded bytes');
  assert.equal(mock.seen.length, 2);
});

gtest('R59: a multipart transcription upload arrives byte-identical with one Content-Type', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const bytes = Buffer.concat([Buffer.from('--BoUnD\r\nContent-Disposition: form-data; name="model"\r\n\r\ngpt-4o-mini-transcribe\r\n--BoUnD\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'),
    Buffer.from(Array.from({ length: 70000 }, (_, i) => (i * 31) & 255)), Buffer.from('\r\n--BoUnD--\r\n')]);
  mock.usage = { input: 40, output: 5 };
  const r = await call(`${gw.url}/v1/audio/transcriptions`, { body: bytes, headers: { authorization: `Bearer ${t.key}`, 'content-type': 'multipart/form-data; boundary=BoUnD' } });
  assert.equal(r.status, 200);
  assert.ok(mock.seen[0].body.equals(bytes));
  const types = mock.seen[0].rawHeaders.filter((h, i) => i % 2 === 0 && h.toLowerCase() === 'content-type');
  assert.equal(types.length, 1);
  assert.equal(mock.seen[0].headers['content-type'], 'multipart/form-data; boundary=BoUnD');
  const [row] = await gw.rows(1);
  assert.equal(row.model, 'gpt-4o-mini-transcribe');
  assert.ok(nano(row.usd) > 0n);
});

gtest('R60: usage with input_tokens/output_tokens is booked with its numbers', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 81, output: 35 };
  for (const stream of [false, true]) {
    const r = await post(gw, t, '/v1/responses', { model: 'gpt-both', input: 'hi', max_output_tokens: 50, stream });
    assert.equal(r.status, 200);
    if (stream) assert.equal(r.text, responsesStream('gpt-both', mock.usage));
    assert.equal(mock.seen.at(-1).json.stream_options, undefined, 'never asked of responses');
  }
  for (const row of await gw.rows(2)) assert.deepEqual([row.promptTok, row.compTok, nano(row.usd)], [81, 35, cost(mock.usage)]);
});

gtest('R61: a body that is a JSON array or string is 400', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const bad = ['[]', '"x"', '1', 'null', 'true', '', '{', '{"model":"gpt-flat"', '{"model":"gpt-flat",}', '[{"model":"gpt-flat"}]', '{"model":"gpt-flat","messages":[]} x', '{"model":"gpt-flat","messages":"no"}', '{"model":7,"messages":[]}',
    '{"model":"gpt-flat","messages":[{"role":"user","content":"\xff"}]}'];
  for (const b of bad) {
    const r = await gw.chat(t.key, undefined, { body: Buffer.from(b, 'latin1'), method: 'POST', headers: { 'content-type': 'application/json' } });
    assert.equal(r.status, 400, JSON.stringify(b));
    assert.ok(['invalid_json', 'invalid_request'].includes(r.error.code), `${b}: ${r.text}`);
    assert.equal(r.error.type, 'invalid_request_error');
  }
  const deep = await gw.chat(t.key, undefined, { body: '{"model":"gpt-flat","messages":' + '['.repeat(200) + ']'.repeat(200) + '}', method: 'POST', headers: { 'content-type': 'application/json' } });
  assert.equal(deep.status, 400, 'nesting above 128');
  assert.equal(mock.seen.length, 0);
});

gtest('R71: a body with model twice is 400, escaped spellings too', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  for (const b of ['{"model":"gpt-flat","messages":[],"model":"gpt-4.1"}', '{"model":"gpt-flat","messages":[],"mod\\u0065l":"gpt-4.1"}', '{"stream":true,"model":"gpt-flat","messages":[],"stream":false}', '{"max_tokens":1,"model":"gpt-flat","messages":[],"max_tokens":100000}']) {
    const r = await gw.chat(t.key, undefined, { body: b, method: 'POST', headers: { 'content-type': 'application/json' } });
    assert.equal(r.status, 400, b);
  }
  assert.equal(mock.seen.length, 0);
});

gtest("R70: while a provider's model list is down, requests are not delayed and it is refetched at most once a minute", {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.script = (rec, res) => (rec.path.endsWith('/models') ? mock.json(res, 500, {}) : mock.normal(rec, res));
  for (let i = 0; i < 5; i++) assert.equal((await post(gw, t, '/v1/models', undefined)).status, 502);
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  assert.equal(mock.calls('/v1/models').length, 1);
});

gtest('R33: /health makes no outgoing connection and costs nothing', {}, async ({ gw, mock }) => {
  for (let i = 0; i < 30; i++) {
    const r = await call(`${gw.url}/health`);
    assert.equal(r.status, 200);
    assert.equal(r.json.ok, true);
    assert.equal(r.json.status, 'healthy');
    assert.deepEqual([r.json.dependencies.database, r.json.dependencies.counters, r.json.dependencies.ledger_queue], [true, true, true]);
    assert.match(r.json.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  }
  assert.equal(mock.connections, 0);
});

gtest('headers: ours and hop-by-hop ones are stripped, the rest goes through both ways', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.script = (rec, res) => mock.json(res, 200, chatBody('gpt-flat', { input: 1, output: 1 }), { 'openai-processing-ms': '12', 'openai-version': '2020-10-01', 'x-ratelimit-remaining-tokens': '9', 'set-cookie': 'a=b', 'x-hop': '1', connection: 'X-Hop, keep-alive' });
  const r = await gw.chat(t.key, flat(), { agent: false, headers: { cookie: 'secret=1', 'x-session-id': 's', 'x-session-name': 'n', 'x-tenant-id': 'acme', 'x-admin-key': 'nope', 'x-custom': 'kept', 'openai-organization': 'org', 'user-agent': 'ua/1', te: 'trailers', 'proxy-authorization': 'Basic eA==', connection: 'x-drop-me', 'x-drop-me': '1', 'x-stainless-lang': 'js' } });
  assert.equal(r.status, 200);
  const h = mock.seen[0].headers;
  for (const k of ['cookie', 'x-session-id', 'x-session-name', 'x-tenant-id', 'x-admin-key', 'te', 'proxy-authorization', 'x-drop-me', 'x-tags', 'transfer-encoding', 'expect']) assert.equal(h[k], undefined, k);
  assert.equal(h['x-custom'], 'kept');
  assert.equal(h['openai-organization'], 'org');
  assert.equal(h['user-agent'], 'ua/1');
  assert.equal(h['x-stainless-lang'], 'js');
  assert.equal(h.host, `127.0.0.1:${mock.port}`);
  assert.equal(r.headers['openai-processing-ms'], '12');
  assert.equal(r.headers['openai-version'], '2020-10-01');
  assert.equal(r.headers['x-ratelimit-remaining-tokens'], '9');
  assert.equal(r.headers['x-request-id'], 'req_mock');
  assert.equal(r.headers['set-cookie'], undefined);
  assert.equal(r.headers['x-hop'], undefined);
  assert.match(r.headers['x-budgetguard-request-id'], /^[0-9a-f]{32}$/);
  assert.equal((await gw.rows(1))[0].requestId, r.headers['x-budgetguard-request-id']);
});

gtest('a provider prefix picks the provider and is removed, nothing else changes', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const body = '{"messages":[{"role":"user","content":"openai/gpt-flat"}],  "model" : "openai/gpt-flat","max_tokens":5}';
  const r = await gw.chat(t.key, undefined, { body, method: 'POST', headers: { 'content-type': 'application/json' } });
  assert.equal(r.status, 200);
  assert.equal(mock.seen[0].body.toString(), body.replace('"model" : "openai/gpt-flat"', '"model" : "gpt-flat"'));
});

gtest('embeddings, images, speech, moderations and stored responses', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 100, output: 20 };
  assert.equal((await post(gw, t, '/v1/embeddings', { model: 'text-embedding-3-small', input: ['a', 'b'] })).status, 200);
  assert.equal((await post(gw, t, '/v1/images/generations', { model: 'gpt-image-1', prompt: 'a cat' })).status, 200);
  const sp = await post(gw, t, '/v1/audio/speech', { model: 'tts-1', input: 'hello there', voice: 'alloy' });
  assert.equal(sp.status, 200);
  assert.ok(sp.body.equals(Buffer.from([0xff, 0xfb, 0, 1, 2, 3])));
  assert.equal((await post(gw, t, '/v1/moderations', { input: 'x' })).status, 200);
  assert.equal((await post(gw, t, '/v1/responses/resp_1', undefined)).status, 200);
  const rows = (await gw.rows(5)).reverse();
  assert.equal(rows[0].usd, '0.000002');
  assert.ok(nano(rows[1].usd) > 0n, 'image tokens cost');
  assert.ok(nano(rows[2].usd) > 0n, 'speech costs');
  assert.deepEqual(rows.slice(3).map((r) => r.usd), ['0', '0'], 'free routes, usage of stored answers included');
});

gtest('missing fields are 400 and name the field', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  for (const [p, b] of [['/v1/chat/completions', { messages: hello }], ['/v1/chat/completions', { model: 'gpt-flat' }], ['/v1/completions', { model: 'gpt-flat' }], ['/v1/embeddings', { model: 'text-embedding-3-small' }], ['/v1/responses', { input: 'x' }]]) {
    const r = await post(gw, t, p, b);
    assert.equal(r.status, 400, p);
  }
  const bg = await post(gw, t, '/v1/responses', { model: 'gpt-both', input: 'x', background: true });
  assert.equal(bg.status, 400);
  assert.equal(bg.error.code, 'unsupported_parameter');
  assert.equal(mock.seen.length, 0);
});

gtest('PASSTHROUGH=safe forwards other paths, refuses those without a bound', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  assert.equal((await post(gw, t, '/v1/files', undefined)).status, 200);
  assert.equal(mock.seen.at(-1).url, '/v1/files');
  for (const p of ['/v1/batches', '/v1/fine_tuning/jobs', '/v1/realtime/sessions', '/v1/videos', '/v1/threads/t_1/runs', '/v1/assistants', '/v1/containers']) {
    const r = await post(gw, t, p, { model: 'gpt-4.1' });
    assert.equal(r.status, 403, p);
    assert.equal(r.error.code, 'unmetered_route');
  }
  mock.once((rec, res) => mock.json(res, 200, { ok: true, model: 'gpt-both', usage: { prompt_tokens: 5, completion_tokens: 6, total_tokens: 11 } }));
  assert.equal((await post(gw, t, '/v1/new/thing', { model: 'gpt-both' })).status, 200);
  const rows = await gw.rows(9);
  assert.equal(nano(rows[0].usd), cost({ input: 5, output: 6 }), 'usage in a POST answer is booked');
  await gw.budget(t.id, 'total', '0.0000001');
  assert.equal((await post(gw, t, '/v1/files', undefined)).status, 402, 'a hard budget is used up');
});

gtest('PASSTHROUGH=all forwards every path, off none', { PASSTHROUGH: 'all' }, async ({ gw, mock }) => {
  const t = await gw.tenant();
  assert.equal((await post(gw, t, '/v1/batches', { x: 1 })).status, 200);
  assert.equal((await gw.rows(1))[0].reason, 'unmetered');
  await gw.restart({ PASSTHROUGH: 'off' });
  const r = await post(gw, t, '/v1/files', undefined);
  assert.equal(r.status, 404);
  assert.equal(r.error.code, 'not_found');
});

gtest('PROXY_ERRORS=plain gives the bare text', { PROXY_ERRORS: 'plain' }, async ({ gw }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '0.001' }] });
  assert.deepEqual((await gw.chat(t.key, flat())).json, { error: 'Budget exceeded' });
});

gtest('an answer without usage is metered by tokenizer', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.script = (rec, res) => { const b = chatBody('gpt-both', { input: 1, output: 1 }); delete b.usage; mock.json(res, 200, b); };
  assert.equal((await gw.chat(t.key, both())).status, 200);
  const [row] = await gw.rows(1);
  assert.equal(row.meteredBy, 'tokenizer');
  assert.ok(row.promptTok > 0 && row.compTok > 0 && nano(row.usd) > 0n);
});

gtest('a 5 MB answer and a 2 MB event pass whole and are metered', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const u = { input: 7, output: 7 };
  const big = chatBody('gpt-both', u);
  big.choices[0].message.content = 'x'.repeat(5 << 20);
  mock.once((rec, res) => mock.json(res, 200, big));
  const r = await gw.chat(t.key, both());
  assert.equal(r.text, JSON.stringify(big));
  const text = chatStream('gpt-both', u, { words: ['y'.repeat(2 << 20)] });
  mock.once((rec, res) => mock.sse(res, text));
  const s = await gw.chat(t.key, both({ stream: true, stream_options: { include_usage: true } }));
  assert.equal(s.text, text);
  for (const row of await gw.rows(2)) assert.equal(nano(row.usd), cost(u));
});

gtest('AZURE: an OpenAI-compatible base with a path and an api-version', ({ mock }) => ({ OPENAI_BASE_URL: `${mock.url}/custom/v1/`, UPSTREAM_API_VERSION: '2024-10-21' }), async ({ gw, mock }) => {
  const t = await gw.tenant();
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  assert.equal(mock.seen[0].url, '/custom/v1/chat/completions?api-version=2024-10-21');
  await post(gw, t, '/v1/chat/completions?api-version=x', flat());
  assert.equal(mock.seen[1].url, '/custom/v1/chat/completions?api-version=x', "the client's own wins");
});

gtest("the hold and the count without usage are tiktoken's, exactly", {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'monthly', amountUsd: '1' }] });
  const said = 'Die Antwort lautet: 42 \u{1F680}. 答えは四十二です。', asked = "It's 25 °C in Übersee, isn't it?\n\n\tdef f(x):\u2028 今日は良い天気ですね。";
  const o200k = get_encoding('o200k_base'), n = (x) => o200k.encode_ordinary(x).length;
  const b = new Barrier();
  mock.once(async (rec, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    await b.wait();
    for (const piece of said.match(/.{1,3}/gsu)) res.write(`data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'gpt-4o', choices: [{ index: 0, delta: { content: piece } }] })}\n\n`);
    res.end(`data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`);
  });
  const going = gw.chat(t.key, { model: 'gpt-4o', messages: [{ role: 'user', content: asked }], max_tokens: 100, stream: true });
  await waitUntil(() => mock.seen.length === 1, 'the provider is asked');
  // gpt-4o: 2.5 and 10 micro-dollars a token; 8 more for the message
  assert.equal(nano((await gw.budgets())[0].heldUsd), BigInt((n(asked) + 8) * 2500 + 100 * 10000));
  b.open();
  assert.equal((await going).status, 200);
  const [row] = await gw.rows(1);
  assert.deepEqual([row.meteredBy, row.promptTok, row.compTok], ['tokenizer', n(asked) + 4 + 2, n(said)]);
  assert.equal(nano(row.usd), BigInt((n(asked) + 6) * 2500 + n(said) * 10000));
  o200k.free();
});
