// sdk.test.mjs - OpenAI's own Node SDK against the gateway.
import OpenAI from 'openai';
import { gtest, assert, hello, nano } from './fixture.mjs';
import { chatStream, chatBody } from './mock.mjs';

const sdk = (gw, t, more = {}) => new OpenAI({ baseURL: `${gw.url}/v1`, apiKey: t.key, maxRetries: 0, ...more });

gtest('OpenAI SDK: plain, streamed and with usage', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 11, output: 6 };
  const c = sdk(gw, t);
  const r = await c.chat.completions.create({ model: 'gpt-both', messages: hello, max_tokens: 50 });
  assert.equal(r.choices[0].message.content, 'Hello from the mock');
  assert.equal(r.usage.total_tokens, 17);
  let text = '', usage;
  for await (const ch of await c.chat.completions.create({ model: 'gpt-both', messages: hello, max_tokens: 50, stream: true, stream_options: { include_usage: true } })) { text += ch.choices[0]?.delta?.content ?? ''; usage = ch.usage ?? usage; }
  assert.equal(text, 'Hello wörld ✓');
  assert.equal(usage.completion_tokens, 6);
  let n = 0;
  for await (const ch of await c.chat.completions.create({ model: 'gpt-both', messages: hello, max_tokens: 50, stream: true })) { assert.equal(ch.choices.length, 1); n++; }
  assert.ok(n > 3);
  for (const row of await gw.rows(3)) assert.equal(nano(row.usd), 11n * 2000n + 6n * 8000n);
});

gtest('OpenAI SDK: tool calls plain and streamed', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const c = sdk(gw, t);
  const tools = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }];
  mock.once((rec, res) => { const b = chatBody('gpt-both', { input: 5, output: 5 }); b.choices[0].message = { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } }] }; b.choices[0].finish_reason = 'tool_calls'; mock.json(res, 200, b); });
  const r = await c.chat.completions.create({ model: 'gpt-both', messages: hello, tools, max_tokens: 20 });
  assert.equal(r.choices[0].message.tool_calls[0].function.arguments, '{"city":"Paris"}');
  assert.deepEqual(mock.seen[0].json.tools, tools);
  mock.once((rec, res) => mock.sse(res, chatStream('gpt-both', { input: 5, output: 5 }, { tools: 'get_weather' })));
  const s = c.chat.completions.stream({ model: 'gpt-both', messages: hello, tools, max_tokens: 20 });
  const f = await s.finalChatCompletion();
  assert.equal(f.choices[0].message.tool_calls[0].function.arguments, '{"city":"Paris"}');
});

gtest('OpenAI SDK: responses, embeddings, models', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const c = sdk(gw, t);
  mock.usage = { input: 4, output: 3 };
  assert.equal((await c.responses.create({ model: 'gpt-both', input: 'x', max_output_tokens: 20 })).output_text, 'Hi');
  let done;
  for await (const e of await c.responses.create({ model: 'gpt-both', input: 'x', max_output_tokens: 20, stream: true })) if (e.type === 'response.completed') done = e.response;
  assert.equal(done.usage.total_tokens, 7);
  mock.once((rec, res) => mock.json(res, 200, { object: 'list', model: 'text-embedding-3-small', data: [{ object: 'embedding', index: 0, embedding: Buffer.from(new Float32Array([0.5, 1]).buffer).toString('base64') }], usage: { prompt_tokens: 4, total_tokens: 4 } }));
  assert.deepEqual((await c.embeddings.create({ model: 'text-embedding-3-small', input: 'x' })).data[0].embedding, [0.5, 1]);
  const ids = [];
  for await (const m of c.models.list()) ids.push(m.id);
  assert.ok(ids.includes('gpt-4.1'));
});

gtest('OpenAI SDK: refusals are typed errors, 402 included and never retried', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { rateLimitPerMin: 2, budgets: [{ period: 'total', amountUsd: '0.0001' }] });
  const c = sdk(gw, t, { maxRetries: 2 });
  const ask = (client = c, model = 'gpt-flat') => client.chat.completions.create({ model, messages: hello, max_tokens: 100 }).catch((e) => e);
  const e402 = await ask();
  assert.equal(e402.status, 402);
  assert.equal(e402.code, 'budget_exceeded');
  assert.equal(e402.type, 'insufficient_quota');
  assert.match(e402.message, /Budget exceeded/);
  assert.equal((await gw.rows(1)).length, 1, 'no retry');
  const e401 = await ask(new OpenAI({ baseURL: `${gw.url}/v1`, apiKey: 'bg_nope', maxRetries: 0 }));
  assert.ok(e401 instanceof OpenAI.AuthenticationError);
  assert.equal(e401.code, 'invalid_api_key');
  await ask();
  const e429 = await ask(sdk(gw, t));
  assert.ok(e429 instanceof OpenAI.RateLimitError);
  assert.equal(e429.code, 'rate_limit_exceeded');
  assert.equal(mock.seen.length, 0);
});

gtest('OpenAI SDK: a stream that the provider cuts is an error, never a short success', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const text = chatStream('gpt-both', { input: 5, output: 5 });
  mock.script = (rec, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write(text.slice(0, 420)); setTimeout(() => res.socket.resetAndDestroy?.() ?? res.socket.destroy(), 20); };
  let err;
  try { for await (const _ of await sdk(gw, t).chat.completions.create({ model: 'gpt-both', messages: hello, max_tokens: 50, stream: true })); } catch (e) { err = e; }
  assert.ok(err, 'the SDK must not take it for success');
  const [row] = await gw.rows(1);
  assert.deepEqual([row.status, row.reason, row.meteredBy], ['interrupted', 'upstream_cut', 'tokenizer']);
  assert.ok(nano(row.usd) > 0n);
});
