// native.test.mjs - Anthropic's and Google's own routes, with their own SDKs.
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { gtest, assert, nano, events, RawClient } from './fixture.mjs';
import { Barrier } from './mock.mjs';
import { everywhere, claudeStream, geminiStream } from './families.mjs';

const anthropic = (gw, t, more = {}) => new Anthropic({ baseURL: gw.url, apiKey: t.key, maxRetries: 0, ...more });
const google = (gw, t) => new GoogleGenAI({ apiKey: t.key, httpOptions: { baseUrl: gw.url } });
const HAIKU = 'claude-haiku-4-5'; // 1 / 0.1 / 1.25 / 2 / 5 USD per 1M
const FLASH = 'gemini-2.5-flash'; // 0.3 / 0.03 / 2.5, audio in 1
const ask = { model: HAIKU, max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] };
const cached = { input_tokens: 45, cache_creation_input_tokens: 15, cache_read_input_tokens: 40, cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 5 }, output_tokens: 20, output_tokens_details: { thinking_tokens: 4 }, service_tier: 'standard' };
const CACHED_NANO = 45n * 1000n + 40n * 100n + 10n * 1250n + 5n * 2000n + 20n * 5000n;

gtest('Anthropic SDK: plain, streamed and counted; cache reads and writes have their prices (R15, R19)', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const c = anthropic(gw, t);
  mock.report = cached;
  const r = await c.messages.create(ask);
  assert.equal(r.content[0].text, 'Hello from Claude');
  const sent = mock.seen.at(-1);
  assert.equal(sent.headers['x-api-key'], 'sk-ant-gateway-key');
  assert.equal(sent.headers.authorization, undefined);
  assert.ok(sent.headers['anthropic-version']);
  assert.deepEqual(sent.json, ask);
  let text = '';
  for await (const e of await c.messages.create({ ...ask, stream: true })) text += e.delta?.text ?? '';
  assert.equal(text, 'Hello from Claude');
  assert.equal((await c.messages.countTokens({ model: HAIKU, messages: ask.messages })).input_tokens, 42);
  const rows = await gw.rows(3);
  const billed = rows.filter((x) => x.route === '/v1/messages');
  assert.equal(billed.length, 2);
  for (const x of billed) {
    assert.equal(nano(x.usd), CACHED_NANO);
    assert.equal(x.promptTok, 100);
    assert.equal(x.compTok, 20);
    assert.equal(x.provider, 'anthropic');
  }
  assert.equal(nano(rows.find((x) => x.route.includes('count_tokens')).usd), 0n);
  assert.ok(!mock.everything().includes(t.key));
});

gtest('Anthropic: both credential styles and versions; foreign headers go through', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  for (const headers of [{ 'x-api-key': t.key, 'anthropic-version': '2023-06-01', 'anthropic-beta': 'a-1,b-2' }, { authorization: `Bearer ${t.key}`, 'anthropic-version': '2026-10-21' }, { 'x-api-key': t.key }]) {
    const r = await gw.call('/v1/messages?beta=true', { json: ask, headers });
    assert.equal(r.status, 200, r.text);
    const sent = mock.seen.at(-1);
    assert.equal(sent.url, '/v1/messages?beta=true');
    assert.equal(sent.headers['x-api-key'], 'sk-ant-gateway-key');
    assert.equal(sent.headers['anthropic-version'], headers['anthropic-version'] ?? '2023-06-01');
    assert.equal(sent.headers['anthropic-beta'], headers['anthropic-beta']);
  }
});

gtest('Anthropic: web searches, fast mode, region and compaction are billed as served', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const c = anthropic(gw, t);
  mock.report = { input_tokens: 100, output_tokens: 10, server_tool_use: { web_search_requests: 2 } };
  await c.messages.create({ ...ask, tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 3 }] });
  assert.equal(nano((await gw.rows(1))[0].usd), 100n * 1000n + 10n * 5000n + 2n * 10000000n);
  mock.report = { input_tokens: 100, output_tokens: 10, speed: 'fast', inference_geo: 'us' };
  await c.messages.create({ ...ask, model: 'claude-opus-4-6', speed: 'fast', inference_geo: 'us' });
  const fast = (await gw.rows(2)).find((x) => x.model === 'claude-opus-4-6');
  assert.equal(nano(fast.usd), 100n * 33000n + 10n * 165000n);
  mock.report = { input_tokens: 100, output_tokens: 10, iterations: [{ type: 'compaction', input_tokens: 1000, output_tokens: 50 }, { type: 'message', input_tokens: 100, output_tokens: 10 }] };
  await c.messages.create({ ...ask, model: 'claude-opus-4-5' });
  const compacted = (await gw.rows(3)).find((x) => x.model === 'claude-opus-4-5');
  assert.equal(nano(compacted.usd), 1100n * 5000n + 60n * 25000n);
});

gtest('Anthropic: refusals are typed errors of its SDK', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '0.000001' }] });
  const e = await anthropic(gw, t).messages.create(ask).catch((x) => x);
  assert.equal(e.status, 402);
  assert.equal(e.error.error.type, 'billing_error');
  assert.ok(e instanceof Anthropic.APIError);
  const e401 = await anthropic(gw, { key: 'bg_nope' }).messages.create(ask).catch((x) => x);
  assert.ok(e401 instanceof Anthropic.AuthenticationError);
  const e400 = await anthropic(gw, t).messages.create({ model: HAIKU, messages: ask.messages }).catch((x) => x);
  assert.ok(e400 instanceof Anthropic.BadRequestError);
  assert.match(e400.message, /max_tokens/);
  const eFall = await anthropic(gw, t).messages.create({ ...ask, fallbacks: [{ model: 'claude-opus-4-6' }] }).catch((x) => x);
  assert.equal(eFall.status, 400);
  assert.equal(mock.calls().length, 0);
});

gtest("Anthropic: a provider's 429 and 529 reach the client as they are (R42)", everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  for (const [status, type] of [[429, 'rate_limit_error'], [529, 'overloaded_error']]) {
    const body = { type: 'error', error: { type, message: 'slow down' }, request_id: 'req_1' };
    mock.once((rec, res) => mock.json(res, status, body, { 'retry-after': '7', 'request-id': 'req_1' }));
    const r = await gw.call('/v1/messages', { json: ask, headers: { 'x-api-key': t.key } });
    assert.equal(r.status, status);
    assert.deepEqual(r.json, body);
    assert.equal(r.headers['retry-after'], '7');
    assert.equal(r.headers['request-id'], 'req_1');
  }
  for (const x of await gw.rows(2)) assert.equal(nano(x.usd), 0n);
});

gtest('Anthropic: a stream cut at any byte, gzipped, or broken by an error event is metered', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.report = cached;
  const whole = claudeStream(HAIKU, cached);
  for (const wire of [{ cut: 1 }, { cut: 7, gzip: true }, { gzip: true }]) {
    mock.wire = wire;
    const r = await gw.call('/v1/messages', { json: { ...ask, stream: true }, headers: { 'x-api-key': t.key, 'accept-encoding': 'gzip' } });
    assert.equal(r.text, whole);
    assert.equal(r.headers['content-encoding'], undefined);
  }
  for (const x of await gw.rows(3)) assert.equal(nano(x.usd), CACHED_NANO);
  mock.wire = {};
  mock.say = { error: true };
  const e = await gw.call('/v1/messages', { json: { ...ask, stream: true }, headers: { 'x-api-key': t.key } }).catch((x) => x);
  assert.match((e.body ?? e.text).toString(), /overloaded_error/);
  const row = (await gw.rows(4)).find((x) => x.status !== 'success');
  assert.equal(row.status, 'interrupted');
  assert.equal(nano(row.usd), 45n * 1000n + 40n * 100n + 10n * 1250n + 5n * 2000n + 1n * 5000n);
});

gtest('Anthropic: a client that leaves is billed what the provider reports (R16)', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const text = claudeStream(HAIKU, cached);
  const b = new Barrier();
  mock.once(async (rec, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write(text.slice(0, 700)); await b.wait(); res.end(text.slice(700)); });
  const c = await RawClient.connect(gw.port);
  const body = JSON.stringify({ ...ask, stream: true });
  c.send(`POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: ${t.key}\r\nanthropic-version: 2023-06-01\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await c.until(/message_start/);
  c.destroy();
  b.open();
  const [row] = await gw.rows(1);
  assert.equal(row.status, 'interrupted');
  assert.equal(row.reason, 'client_gone');
  assert.equal(nano(row.usd), CACHED_NANO);
});

gtest('a client that closes at the last event, before the provider does, had the whole answer', (c) => ({ ...everywhere(c), CLIENT_GONE: 'abort' }), async ({ gw, mock }) => {
  const t = await gw.tenant();
  const text = claudeStream(HAIKU, cached);
  const b = new Barrier();
  mock.once(async (rec, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write(text); await b.wait(); res.end(); });
  const c = await RawClient.connect(gw.port);
  const body = JSON.stringify({ ...ask, stream: true });
  c.send(`POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: ${t.key}\r\nanthropic-version: 2023-06-01\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await c.until(/event: message_stop\n.*\n\n/);
  c.destroy();
  const [row] = await gw.rows(1); // while the provider's connection is open
  b.open();
  assert.deepEqual([row.status, row.reason, nano(row.usd)], ['success', null, CACHED_NANO]);
});

// The model's name stands in the path, which lives in the connection's memory.
gtest('Google: a client that leaves is billed for the model it asked (R16)', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const text = geminiStream(FLASH, think);
  const b = new Barrier();
  mock.once(async (rec, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write(text.slice(0, 200)); await b.wait(); res.end(text.slice(200)); });
  const c = await RawClient.connect(gw.port);
  const body = JSON.stringify({ contents: [{ parts: [{ text: 'Hello' }] }] });
  c.send(`POST /v1beta/models/${FLASH}:streamGenerateContent?alt=sse HTTP/1.1\r\nHost: x\r\nx-goog-api-key: ${t.key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await c.until(/data:/);
  c.destroy();
  // others take the memory
  for (let i = 0; i < 20; i++) assert.equal((await gw.call(`/v1beta/${'z'.repeat(200)}?${i}`, { agent: false })).status, 401);
  b.open();
  const [row] = (await gw.rows(21)).filter((x) => x.model === FLASH);
  assert.deepEqual([row?.status, row?.reason, nano(row.usd)], ['interrupted', 'client_gone', THINK_NANO]);
});

const think = { promptTokenCount: 70, cachedContentTokenCount: 20, candidatesTokenCount: 18, thoughtsTokenCount: 12, toolUsePromptTokenCount: 5, totalTokenCount: 105 };
const THINK_NANO = 55n * 300n + 20n * 30n + 30n * 2500n;

gtest('Google SDK: plain, streamed, counted and embedded; thoughts are output (R15, R19)', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const ai = google(gw, t);
  mock.report = think;
  const config = { maxOutputTokens: 100 };
  const r = await ai.models.generateContent({ model: FLASH, contents: 'Hello', config });
  assert.equal(r.text, 'Hello from Gemini');
  const sent = mock.seen.at(-1);
  assert.equal(sent.headers['x-goog-api-key'], 'google-gateway-key');
  assert.ok(!mock.everything().includes(t.key));
  let text = '';
  for await (const ch of await ai.models.generateContentStream({ model: FLASH, contents: 'Hello', config })) text += ch.text ?? '';
  assert.equal(text, 'Hello from Gemini');
  assert.equal((await ai.models.countTokens({ model: FLASH, contents: 'Hello' })).totalTokens, 42);
  const rows = await gw.rows(3);
  for (const x of rows.filter((y) => !y.route.includes('countTokens'))) {
    assert.equal(nano(x.usd), THINK_NANO);
    assert.equal(x.promptTok, 75);
    assert.equal(x.compTok, 30);
  }
  const e = await ai.models.embedContent({ model: 'gemini-embedding-001', contents: 'Hello' });
  assert.deepEqual(e.embeddings[0].values, [0.5, 1]);
  const embedded = (await gw.rows(4)).find((x) => x.model === 'gemini-embedding-001');
  assert.ok(nano(embedded.usd) > 0n);
});

gtest('Google: a stream as a JSON array passes as it comes and is metered', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.report = think;
  const json = { contents: [{ role: 'user', parts: [{ text: 'Hello' }] }], generationConfig: { maxOutputTokens: 50 } };
  for (const cut of [1, 13, 0]) {
    mock.wire = { cut };
    const r = await gw.call(`/v1beta/models/${FLASH}:streamGenerateContent?key=${t.key}`, { json });
    assert.equal(r.status, 200, r.text);
    assert.equal(r.json.length, 1);
    assert.ok(!mock.seen.at(-1).url.includes('key='));
    const s = await gw.call(`/v1alpha/models/${FLASH}:streamGenerateContent?alt=sse&key=${t.key}`, { json });
    assert.equal(s.text, geminiStream(FLASH, think));
  }
  for (const x of await gw.rows(6)) assert.equal(nano(x.usd), THINK_NANO);
});

gtest('Google: audio input and generated images have their own rates', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.report = { promptTokenCount: 100, candidatesTokenCount: 10, totalTokenCount: 110, promptTokensDetails: [{ modality: 'TEXT', tokenCount: 40 }, { modality: 'AUDIO', tokenCount: 60 }] };
  const json = { contents: [{ parts: [{ text: 'What is said?' }, { inlineData: { mimeType: 'audio/wav', data: 'AAAA' } }] }], generationConfig: { maxOutputTokens: 50 } };
  await gw.call(`/v1beta/models/${FLASH}:generateContent`, { json, headers: { 'x-goog-api-key': t.key } });
  assert.equal(nano((await gw.rows(1))[0].usd), 40n * 300n + 60n * 1000n + 10n * 2500n);
});

gtest('Google: a limit is written into generationConfig when only a smaller one fits', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '0.01' }] });
  const contents = [{ role: 'user', parts: [{ text: 'Hello' }] }];
  for (const more of [{}, { generationConfig: {} }, { generation_config: { temperature: 0.5 } }, { generationConfig: { max_output_tokens: null } }]) {
    const r = await gw.call(`/v1beta/models/${FLASH}:generateContent`, { json: { contents, ...more }, headers: { 'x-goog-api-key': t.key } });
    assert.equal(r.status, 200, r.text);
    const cfg = mock.seen.at(-1).json.generationConfig ?? mock.seen.at(-1).json.generation_config;
    const n = cfg.maxOutputTokens ?? cfg.max_output_tokens;
    assert.ok(n >= 64 && n <= 4000, JSON.stringify(cfg));
    assert.equal(+r.headers['x-budgetguard-max-tokens'], n);
    if (more.generation_config) assert.equal(cfg.temperature, 0.5);
  }
  const twice = await gw.call(`/v1beta/models/${FLASH}:generateContent`, { json: { contents, generationConfig: {}, generation_config: {} }, headers: { 'x-goog-api-key': t.key } });
  assert.equal(twice.status, 400);
});

gtest('gemini-2.5-pro-low and -high are sent as gemini-2.5-pro (R21)', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const json = { contents: [{ role: 'user', parts: [{ text: 'Hello' }] }], generationConfig: { maxOutputTokens: 50 } };
  for (const name of ['gemini-2.5-pro', 'gemini-2.5-pro-low', 'gemini-2.5-pro-high']) {
    const r = await gw.call(`/v1beta/models/${name}:generateContent`, { json, headers: { 'x-goog-api-key': t.key } });
    assert.equal(r.status, 200, r.text);
    assert.equal(mock.seen.at(-1).path, '/v1beta/models/gemini-2.5-pro:generateContent');
  }
});

gtest("Google: errors in its own shape; a provider's error is not wrapped (R42)", everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '0.000001' }] });
  const e = await google(gw, t).models.generateContent({ model: FLASH, contents: 'Hello', config: { maxOutputTokens: 10000 } }).catch((x) => x);
  assert.equal(e.status, 402);
  assert.equal(JSON.parse(e.message).error.status, 'FAILED_PRECONDITION');
  const t2 = await gw.tenant('rich');
  const body = { error: { code: 429, message: 'quota', status: 'RESOURCE_EXHAUSTED', details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '36s' }] } };
  mock.once((rec, res) => mock.json(res, 429, body));
  const r = await gw.call(`/v1beta/models/${FLASH}:generateContent`, { json: { contents: [{ parts: [{ text: 'x' }] }] }, headers: { 'x-goog-api-key': t2.key } });
  assert.equal(r.status, 429);
  assert.deepEqual(r.json, body);
  const other = await gw.call('/v1beta/models/gpt-4.1:generateContent', { json: { contents: [] }, headers: { 'x-goog-api-key': t2.key } });
  assert.equal(other.status, 400);
  assert.equal(other.json.error.details[0].reason, 'MODEL_NOT_FOUND');
  const early = await gw.call('/v1beta/nothing', { json: {}, headers: { 'x-goog-api-key': t2.key } });
  assert.equal(early.status, 404);
  assert.equal(early.json.error.status, 'NOT_FOUND');
});

gtest('an upstream that breaks mid-stream ends with the error of that family', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const broken = (text) => (rec, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write(text, () => res.destroy()); };
  const claude = claudeStream(HAIKU, cached).split('\n\n').slice(0, 4).join('\n\n') + '\n\n';
  mock.once(broken(claude));
  const a = await gw.call('/v1/messages', { json: { ...ask, stream: true }, headers: { 'x-api-key': t.key } }).catch((x) => x);
  assert.ok(a.cut, 'the answer must not look complete');
  const last = events(a.body.toString()).at(-1);
  assert.equal(last.event, 'error');
  assert.equal(JSON.parse(last.data).type, 'error');
  mock.once(broken(geminiStream(FLASH, think, { thinking: 'hm' }).split('\r\n\r\n')[0] + '\r\n\r\n'));
  const b = await gw.call(`/v1beta/models/${FLASH}:streamGenerateContent?alt=sse`, { json: { contents: [{ parts: [{ text: 'x' }] }] }, headers: { 'x-goog-api-key': t.key } }).catch((x) => x);
  assert.ok(b.cut);
  assert.ok(JSON.parse(events(b.body.toString()).at(-1).data).error.code >= 500);
  for (const x of await gw.rows(2)) assert.equal(x.status, 'interrupted');
});
