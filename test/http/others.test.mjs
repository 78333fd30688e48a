// others.test.mjs - Azure and the OpenAI-compatible providers, each with its
// quirks (wire.md 0-1), and what errors never say (R32).
import OpenAI, { AzureOpenAI } from 'openai';
import { gtest, assert, nano, hello, call, events } from './fixture.mjs';
import { chatStream, chatBody } from './mock.mjs';

const azure = ({ mock }) => ({ AZURE_OPENAI_API_KEY: 'azure-gateway-key', AZURE_OPENAI_ENDPOINT: `${mock.url}/`, AZURE_OPENAI_API_VERSION: '2024-10-21' });
const others = ({ mock }) => Object.fromEntries(['MISTRAL', 'DEEPSEEK', 'XAI', 'GROQ', 'OPENROUTER'].flatMap((p) => [[`${p}_API_KEY`, `${p.toLowerCase()}-gateway-key`], [`${p}_BASE_URL`, `${mock.url}/${p.toLowerCase()}/v1`]]));
const USE = { input: 1000, output: 100, cached: 200 };
const data = (o) => `data: ${JSON.stringify(o)}\n\n`;

gtest("Azure SDK: deployments, the client's api-version, streams; priced by the model that answered", azure, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const c = new AzureOpenAI({ endpoint: gw.url, apiKey: t.key, apiVersion: '2025-01-01-preview', deployment: 'prod-4o', maxRetries: 0 });
  mock.usage = USE;
  mock.script = (rec, res) => mock.normal(rec, res, { model: 'gpt-4o-2024-08-06' });
  const r = await c.chat.completions.create({ model: 'prod-4o', messages: hello, max_tokens: 200 });
  assert.equal(r.choices[0].message.content, 'Hello from the mock');
  const sent = mock.seen.at(-1);
  assert.equal(sent.url, '/openai/deployments/prod-4o/chat/completions?api-version=2025-01-01-preview');
  assert.equal(sent.headers['api-key'], 'azure-gateway-key');
  assert.equal(sent.headers.authorization, undefined);
  let text = '';
  for await (const x of await c.chat.completions.create({ model: 'prod-4o', messages: hello, max_tokens: 200, stream: true })) text += x.choices[0]?.delta?.content ?? '';
  assert.equal(text, 'Hello wörld ✓');
  // gpt-4o: 2.5, 1.25 cached, 10
  for (const x of await gw.rows(2)) assert.deepEqual([nano(x.usd), x.provider, x.route], [800n * 2500n + 200n * 1250n + 100n * 10000n, 'azure', '/openai/deployments/{deployment}/chat/completions']);
});

gtest('Azure by model prefix, by /openai/responses and /openai/v1, and in the place of OpenAI', (x) => ({ ...azure(x), OPENAI_API_KEY: null, OPENAI_BASE_URL: null }), async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = USE;
  const post = (p, json) => call(gw.url + p, { json, headers: { 'api-key': t.key } });
  assert.equal((await post('/v1/chat/completions', { model: 'azure/gpt-4o', messages: hello, max_tokens: 50 })).status, 200);
  assert.equal(mock.seen.at(-1).url, '/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21');
  assert.equal((await post('/v1/chat/completions', { model: 'gpt-4o', messages: hello, max_tokens: 50 })).status, 200);
  assert.equal(mock.seen.at(-1).url, '/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21');
  assert.equal((await post('/openai/responses?api-version=2025-03-01-preview', { model: 'gpt-4o', input: 'Hi' })).status, 200);
  assert.equal(mock.seen.at(-1).url, '/openai/responses?api-version=2025-03-01-preview');
  assert.equal((await post('/openai/v1/chat/completions', { model: 'gpt-4o', messages: hello, max_tokens: 50 })).status, 200);
  assert.equal(mock.seen.at(-1).url, '/openai/v1/chat/completions');
  assert.equal((await post('/openai/deployments/emb/embeddings?api-version=x', { input: 'Hi' })).status, 200);
  assert.equal((await post('/openai/unheard/of', {})).status, 404);
  for (const x of await gw.rows(5)) assert.equal(x.provider, 'azure');
});

gtest('compatibles: prefix removed, own base and key; usage as each reports it', others, async ({ gw, mock }) => {
  const t = await gw.tenant(), c = new OpenAI({ baseURL: `${gw.url}/v1`, apiKey: t.key, maxRetries: 0 });
  const ask = async (model, body) => {
    mock.once((rec, res) => mock.json(res, 200, body));
    await c.chat.completions.create({ model, messages: hello, max_tokens: 2000 });
    return mock.seen.at(-1);
  };
  const base = (model, usage, more) => ({ ...chatBody(model, USE), usage, ...more });
  const d = await ask('deepseek/deepseek-chat', base('deepseek-chat', { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100, prompt_cache_hit_tokens: 400, prompt_cache_miss_tokens: 600 }));
  assert.deepEqual([d.url, d.headers.authorization, d.json.model], ['/deepseek/v1/chat/completions', 'Bearer deepseek-gateway-key', 'deepseek-chat']);
  // reasoning outside of completion_tokens: total says so
  await ask('xai/grok-4', base('grok-4', { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1400, completion_tokens_details: { reasoning_tokens: 300 } }));
  await ask('groq/llama-3.3-70b-versatile', base('llama-3.3-70b-versatile', { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100, queue_time: 0.1 }, { x_groq: { id: 'req_1', usage: { prompt_tokens: 1000, completion_tokens: 100 } } }));
  const rows = await gw.rows(3), usd = (m) => nano(rows.find((x) => x.model === m).usd);
  assert.equal(usd('deepseek-chat'), 600n * 280n + 400n * 28n + 100n * 420n);
  assert.equal(rows.find((x) => x.model === 'grok-4').compTok, 400);
  assert.equal(usd('llama-3.3-70b-versatile'), 1000n * 590n + 100n * 790n);
});

gtest('compatibles, streamed: comments, usage in the last chunk or beside it, no [DONE]', others, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const chunk = (model, delta, more = {}) => data({ id: 'c', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta, finish_reason: more.finish ?? null }], ...more.top });
  const u = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };
  const streams = {
    'mistral/mistral-small-latest': chunk('m', { role: 'assistant', content: 'Hi' }) + chunk('m', { content: '' }, { finish: 'stop', top: { usage: u } }) + data('[DONE]').replace('"[DONE]"', '[DONE]'),
    'openrouter/openai/gpt-4o': `: OPENROUTER PROCESSING\n\n${chunk('m', { role: 'assistant', content: 'Hi' })}: OPENROUTER PROCESSING\n\n${chunk('m', { content: '' }, { finish: 'stop' })}${data({ id: 'c', object: 'chat.completion.chunk', model: 'openai/gpt-4o', choices: [], usage: u })}data: [DONE]\n\n`,
    'groq/llama-3.3-70b-versatile': chunk('m', { role: 'assistant', content: 'Hi' }) + chunk('m', {}, { finish: 'stop', top: { x_groq: { usage: u } } }) + 'data: [DONE]\n\n',
    'deepseek/deepseek-chat': `: keep-alive\n\n${chunk('m', { role: 'assistant', reasoning_content: 'Hm' })}${chunk('m', { content: 'Hi' })}${chunk('m', {}, { finish: 'stop', top: { usage: u } })}`,
  };
  for (const [model, text] of Object.entries(streams)) {
    mock.once((rec, res) => mock.sse(res, text));
    const r = await gw.chat(t.key, { model, messages: hello, max_tokens: 2000, stream: true });
    assert.equal(r.status, 200);
    const out = events(r.text).filter((e) => e.data.startsWith('{')).map((e) => JSON.parse(e.data).choices?.[0]?.delta?.content ?? '').join('');
    assert.equal(out, 'Hi', model);
    const sent = mock.seen.at(-1).json;
    assert.equal(sent.stream_options?.include_usage, model.startsWith('mistral') ? undefined : true, model);
  }
  for (const x of await gw.rows(4)) assert.deepEqual([x.status, x.meteredBy, x.promptTok, x.compTok], ['success', 'provider', 1000, 100], x.model);
});

gtest('R32: errors contain no SQL, file names, stack traces or library texts', azure, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '0.00001' }] });
  const bad = /sqlite|lmdb|mdb_|libcurl|curl|errno|no such (table|file)|SELECT |INSERT |\.c:\d|\.h:\d|\/home\/|\/usr\/|\/tmp\/|at 0x|stack|malloc|ledger\.sqlite|counters\.|segfault|(?:[a-z_]+\/)+[a-z_]+\.(?:c|h|sql|rego)\b/i;
  const tries = [
    ...[undefined, 'x', '{', '[]', '{"model":1}', '{"model":"gpt-4o"}', `{"model":"${'x'.repeat(300)}","messages":[]}`, '{"model":"\\u0000","messages":[]}'].map((body) => ['POST', '/v1/chat/completions', body]),
    ['POST', '/v1/chat/completions', JSON.stringify({ model: 'gpt-4o', messages: hello, max_tokens: 10000 })],
    ['POST', '/v1/messages', '{}'], ['POST', '/v1beta/models/x:generateContent', '{'], ['GET', '/v1/none', undefined], ['PUT', '/v1/chat/completions', '{}'], ['POST', '/v1/batches', '{}'],
    ['GET', "/v1/models/' OR 1=1", undefined],
    ...[['GET', "/admin/tenant/1'--"], ['GET', '/admin/tenant/99'], ['POST', '/admin/tenant', '{"name":"acme"}'], ['POST', '/admin/tenant', '{"name":"\'; DROP TABLE tenant"}'], ['GET', '/admin/usage/ledger?limit=x'], ['GET', '/admin/usage/ledger?model=%27%22'], ['POST', '/admin/budgets', '{"scope":"x"}'], ['GET', '/admin/usage/export?format=../../x'], ['GET', '/admin/none'], ['POST', '/admin/policy/test', '{"input":{},"policy":"package x"}']],
  ];
  for (const [method, p, body] of tries) {
    for (const headers of [{ authorization: `Bearer ${t.key}`, 'x-admin-key': 'wrong' }, { authorization: `Bearer ${t.key}` }]) {
      const r = p.startsWith('/admin') ? await gw.admin(method, p, undefined, { headers: { 'content-type': 'application/json' } }).catch((e) => e) : await call(gw.url + p, { method, body, headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) } });
      assert.ok(r.status >= 200, `${method} ${p}`);
      if (r.status >= 400) assert.doesNotMatch(r.text.replace(p, ''), bad, `${method} ${p}: ${r.text}`);
    }
  }
  mock.script = (rec, res) => res.socket.end('HTTP/9 what is this\r\n\r\n');
  const rich = await gw.tenant('rich');
  const r = await gw.chat(rich.key, { model: 'gpt-4o', messages: hello, max_tokens: 10 });
  assert.ok(r.status >= 500);
  assert.doesNotMatch(r.text, bad);
});
