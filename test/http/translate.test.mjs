// translate.test.mjs - any SDK, any model (contract 3.5): what the provider is
// asked, what the client gets, and that the bill is the provider's own.
import OpenAI from 'openai';
import Anthropic from '@anthropic-ai/sdk';
import { generateText, streamText, tool, jsonSchema } from 'ai';
import { createOpenAI } from '@ai-sdk/openai';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { ChatOpenAI } from '@langchain/openai';
import { gtest, assert, nano, events, waitUntil, RawClient } from './fixture.mjs';
import { everywhere, claudeStream, geminiStream } from './families.mjs';
import { Barrier, chatStream } from './mock.mjs';

const openai = (gw, t) => new OpenAI({ baseURL: `${gw.url}/v1`, apiKey: t.key, maxRetries: 0 });
const anthropic = (gw, t) => new Anthropic({ baseURL: gw.url, apiKey: t.key, maxRetries: 0 });
const HAIKU = 'claude-haiku-4-5', FLASH = 'gemini-2.5-flash', GPT = 'gpt-4.1'; // 1/5, 0.3/2.5, 2/8 USD per 1M
const claudeUse = { input_tokens: 45, cache_creation_input_tokens: 15, cache_read_input_tokens: 40, cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 5 }, output_tokens: 20 };
const CLAUDE_NANO = 45n * 1000n + 40n * 100n + 10n * 1250n + 5n * 2000n + 20n * 5000n;
const geminiUse = { promptTokenCount: 70, cachedContentTokenCount: 20, candidatesTokenCount: 18, thoughtsTokenCount: 12, totalTokenCount: 100 };
const GEMINI_NANO = 50n * 300n + 20n * 30n + 30n * 2500n;
const GPT_NANO = 10n * 2000n + 5n * 8000n;
const hello = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Hello' }];
const PNG = 'data:image/png;base64,iVBORw0KGgo=';
const weather = { type: 'function', function: { name: 'weather', description: 'The weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } };
const sides = { [HAIKU]: { report: claudeUse, nano: CLAUDE_NANO, text: 'Hello from Claude', input: 100, cached: 40, output: 20 }, [FLASH]: { report: geminiUse, nano: GEMINI_NANO, text: 'Hello from Gemini', input: 70, cached: 20, output: 30 } };
const collect = async (s) => { const out = []; for await (const e of s) out.push(e); return out; };

for (const [model, side] of Object.entries(sides)) {
  gtest(`R40: chat → ${model}: plain, streamed, tools, pictures, schemas; the bill is the provider's`, everywhere, async ({ gw, mock }) => {
    const t = await gw.tenant(), c = openai(gw, t);
    mock.report = side.report;
    const r = await c.chat.completions.create({ model, messages: hello, temperature: 0.5, stop: ['END'], user: 'u-1' });
    assert.equal(r.object, 'chat.completion');
    assert.equal(r.choices[0].message.content, side.text);
    assert.equal(r.choices[0].finish_reason, 'stop');
    assert.deepEqual([r.usage.prompt_tokens, r.usage.completion_tokens, r.usage.total_tokens, r.usage.prompt_tokens_details.cached_tokens], [side.input, side.output, side.input + side.output, side.cached]);
    const sent = mock.seen.at(-1);
    assert.ok(!JSON.stringify(sent.headers).includes(t.key));
    if (model === HAIKU) {
      assert.deepEqual(sent.json, { model, max_tokens: 4096, system: [{ type: 'text', text: 'Be brief.' }], messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }], temperature: 0.5, stop_sequences: ['END'], metadata: { user_id: 'u-1' } });
      assert.equal(sent.headers['x-api-key'], 'sk-ant-gateway-key');
    } else {
      assert.match(sent.url, /\/v1beta\/models\/gemini-2\.5-flash:generateContent$/);
      assert.deepEqual(sent.json, { systemInstruction: { parts: [{ text: 'Be brief.' }] }, contents: [{ role: 'user', parts: [{ text: 'Hello' }] }], generationConfig: { temperature: 0.5, stopSequences: ['END'] } });
    }
    for (const wire of [{}, { cut: 1 }, { cut: 13, gzip: true }]) {
      mock.wire = wire;
      const chunks = await collect(await c.chat.completions.create({ model, messages: hello, stream: true, stream_options: { include_usage: true } }));
      assert.equal(chunks[0].choices[0].delta.role, 'assistant');
      assert.equal(chunks.map((x) => x.choices[0]?.delta.content ?? '').join(''), side.text);
      assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
      assert.deepEqual([chunks.at(-1).choices, chunks.at(-1).usage.prompt_tokens, chunks.at(-1).usage.completion_tokens], [[], side.input, side.output]);
    }
    mock.wire = {};
    const bare = await gw.chat(t.key, { model, messages: hello, stream: true });
    const ev = events(bare.text);
    assert.equal(ev.at(-1).data, '[DONE]');
    for (const e of ev.slice(0, -1)) assert.ok(JSON.parse(e.data).choices.length === 1 && JSON.parse(e.data).usage === undefined);

    mock.say = { text: 'Let me look.', tools: [{ name: 'weather', input: { city: 'Bern' } }, { name: 'weather', input: { city: 'Zürich "HB"' } }], signature: 'c2lnbmF0dXJl' };
    const asked = await c.chat.completions.create({ model, messages: hello, tools: [weather], tool_choice: 'auto', parallel_tool_calls: true });
    const calls = asked.choices[0].message.tool_calls;
    assert.equal(asked.choices[0].finish_reason, 'tool_calls');
    assert.deepEqual(calls.map((x) => [x.type, x.function.name, JSON.parse(x.function.arguments)]), [['function', 'weather', { city: 'Bern' }], ['function', 'weather', { city: 'Zürich "HB"' }]]);
    assert.notEqual(calls[0].id, calls[1].id);
    const streamed = await collect(await c.chat.completions.create({ model, messages: hello, tools: [weather], stream: true }));
    const got = {};
    for (const x of streamed) for (const d of x.choices[0]?.delta.tool_calls ?? []) { got[d.index] ??= { id: d.id, name: d.function.name, args: '' }; got[d.index].args += d.function.arguments; }
    assert.deepEqual(Object.values(got).map((x) => [x.name, JSON.parse(x.args)]), [['weather', { city: 'Bern' }], ['weather', { city: 'Zürich "HB"' }]]);
    mock.say = {};
    await c.chat.completions.create({ model, max_completion_tokens: 99, tools: [weather], tool_choice: { type: 'function', function: { name: 'weather' } }, messages: [...hello, asked.choices[0].message, { role: 'tool', tool_call_id: calls[0].id, content: 'sunny' }, { role: 'tool', tool_call_id: calls[1].id, content: [{ type: 'text', text: 'rain' }] }, { role: 'user', content: [{ type: 'text', text: 'And this?' }, { type: 'image_url', image_url: { url: PNG } }, { type: 'image_url', image_url: { url: 'https://a.example/b.png' } }] }] });
    const back = mock.seen.at(-1).json;
    if (model === HAIKU) {
      assert.equal(back.max_tokens, 99);
      assert.deepEqual(back.tools, [{ name: 'weather', description: 'The weather', input_schema: weather.function.parameters }]);
      assert.deepEqual(back.tool_choice, { type: 'tool', name: 'weather' });
      assert.deepEqual(back.messages.map((m) => [m.role, m.content.map((x) => x.type)]), [['user', ['text']], ['assistant', ['text', 'tool_use', 'tool_use']], ['user', ['tool_result', 'tool_result', 'text', 'image', 'image']]]);
      assert.deepEqual(back.messages[2].content[0], { type: 'tool_result', tool_use_id: calls[0].id, content: 'sunny' });
      assert.deepEqual(back.messages[2].content[3].source, { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' });
      assert.deepEqual(back.messages[2].content[4].source, { type: 'url', url: 'https://a.example/b.png' });
    } else {
      assert.equal(back.generationConfig.maxOutputTokens, 99);
      assert.deepEqual(back.toolConfig, { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['weather'] } });
      assert.equal(back.contents[1].parts[1].thoughtSignature, 'c2lnbmF0dXJl', 'the signature came back');
      assert.deepEqual(back.contents[2].parts[0], { functionResponse: { name: 'weather', response: { output: 'sunny' } } });
      assert.deepEqual(back.contents[2].parts[3], { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } });
    }
    const schema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false };
    mock.say = { text: '{"a":1}' };
    const j = await c.chat.completions.create({ model, messages: hello, reasoning_effort: 'low', response_format: { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } } });
    assert.equal(j.choices[0].message.content, '{"a":1}');
    const asJson = mock.seen.at(-1).json;
    if (model === HAIKU) assert.deepEqual(asJson.output_config?.format, { type: 'json_schema', schema });
    else assert.deepEqual([asJson.generationConfig.responseMimeType, asJson.generationConfig.responseJsonSchema, asJson.generationConfig.thinkingConfig], ['application/json', schema, { thinkingBudget: 1024, includeThoughts: true }]);
    mock.say = { thinking: 'Hmm.', stop: model === HAIKU ? 'max_tokens' : 'MAX_TOKENS' };
    const th = await c.chat.completions.create({ model, messages: hello });
    assert.deepEqual([th.choices[0].message.reasoning_content, th.choices[0].finish_reason], ['Hmm.', 'length']);
    const rows = await gw.rows(mock.seen.length);
    for (const x of rows) {
      assert.equal(nano(x.usd), side.nano);
      assert.deepEqual([x.status, x.meteredBy, x.route, x.model, x.promptTok, x.compTok], ['success', 'provider', '/v1/chat/completions', model, side.input, side.output]);
    }
  });

  gtest(`R39: responses → ${model}: plain, streamed, tools`, everywhere, async ({ gw, mock }) => {
    const t = await gw.tenant(), c = openai(gw, t);
    mock.report = side.report;
    const r = await c.responses.create({ model, instructions: 'Be brief.', input: 'Hello', max_output_tokens: 50 });
    assert.deepEqual([r.object, r.status, r.output_text, r.usage.input_tokens, r.usage.input_tokens_details.cached_tokens, r.usage.output_tokens], ['response', 'completed', side.text, side.input, side.cached, side.output]);
    const seen = await collect(await c.responses.create({ model, input: [{ role: 'user', content: [{ type: 'input_text', text: 'Hi' }, { type: 'input_image', image_url: PNG }] }], stream: true }));
    assert.deepEqual([...new Set(seen.map((e) => e.type))], ['response.created', 'response.in_progress', 'response.output_item.added', 'response.content_part.added', 'response.output_text.delta', 'response.output_text.done', 'response.content_part.done', 'response.output_item.done', 'response.completed']);
    assert.equal(seen.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join(''), side.text);
    assert.deepEqual(seen.map((e) => e.sequence_number), seen.map((_, i) => i));
    assert.equal(seen.at(-1).response.usage.total_tokens, side.input + side.output);
    assert.equal(seen.at(-1).response.output[0].content[0].text, side.text);
    const fn = { type: 'function', name: 'weather', parameters: weather.function.parameters, strict: true };
    mock.say = { text: null, tools: [{ name: 'weather', input: { city: 'Bern' } }] };
    const s = c.responses.stream({ model, input: 'Weather?', tools: [fn] });
    const final = await s.finalResponse();
    const call = final.output.find((o) => o.type === 'function_call');
    assert.deepEqual([call.name, JSON.parse(call.arguments)], ['weather', { city: 'Bern' }]);
    mock.say = {};
    const next = await c.responses.create({ model, input: [{ role: 'user', content: 'Weather?' }, call, { type: 'function_call_output', call_id: call.call_id, output: 'sunny' }], tools: [fn] });
    assert.equal(next.output_text, side.text);
    assert.match(JSON.stringify(mock.seen.at(-1).json), /sunny/);
    for (const more of [{ previous_response_id: 'resp_1' }, { conversation: 'conv_1' }, { input: [{ type: 'computer_call', id: 'x' }] }, { tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] }]) await assert.rejects(c.responses.create({ model, input: 'x', ...more }), (e) => e instanceof OpenAI.BadRequestError && e.code === 'unsupported_parameter', JSON.stringify(more));
    for (const x of (await gw.rows(8)).filter((x) => x.status === 'success')) assert.equal(nano(x.usd), side.nano);
  });

  gtest(`chat → ${model}: the provider's errors raise the client's typed errors; a broken stream is no success`, everywhere, async ({ gw, mock }) => {
    const t = await gw.tenant(), c = openai(gw, t);
    const kinds = { 400: OpenAI.BadRequestError, 404: OpenAI.NotFoundError, 429: OpenAI.RateLimitError, 500: OpenAI.InternalServerError, 529: OpenAI.InternalServerError };
    for (const [status, kind] of Object.entries(kinds)) for (const stream of [false, true]) {
      mock.once((rec, res) => mock.json(res, Number(status), model === HAIKU ? { type: 'error', error: { type: 'some_error', message: `no: ${status}` } } : { error: { code: Number(status), message: `no: ${status}`, status: 'X' } }, { 'retry-after': '3' }));
      await assert.rejects(c.chat.completions.create({ model, messages: hello, stream }), (e) => e instanceof kind && e.message.includes(`no: ${status}`) && e.headers.get('retry-after') === '3' && typeof e.type === 'string', `${status} ${stream}`);
    }
    mock.once((rec, res) => mock.json(res, 401, { error: { message: 'bad key' } }));
    await assert.rejects(c.chat.completions.create({ model, messages: hello }), (e) => e.status === 502 && e.code === 'upstream_auth');
    const text = model === HAIKU ? claudeStream(model, claudeUse) : geminiStream(model, geminiUse, { text: 'Hello from Gemini', tools: [{ name: 'x', input: {} }] });
    mock.once((rec, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write(text.slice(0, text.length - 220)); setTimeout(() => res.socket.destroy(), 50); });
    const s = await c.chat.completions.create({ model, messages: hello, stream: true });
    await assert.rejects(collect(s), 'the stream must not look whole');
    if (model === HAIKU) {
      mock.report = claudeUse;
      mock.say = { error: true };
      await assert.rejects(collect(await c.chat.completions.create({ model, messages: hello, stream: true })), /Overloaded|error/i);
      mock.say = {};
    }
    const rows = await gw.rows(mock.seen.length);
    for (const x of rows.filter((x) => x.status === 'failed')) assert.equal(nano(x.usd), 0n);
    assert.ok(rows.some((x) => x.status === 'interrupted' && x.reason === 'upstream_cut'));
  });

  gtest(`messages → ${model === HAIKU ? GPT : FLASH}: Anthropic's SDK asks another model`, everywhere, async ({ gw, mock }) => {
    const t = await gw.tenant(), c = anthropic(gw, t);
    const other = model === HAIKU ? GPT : FLASH, isGpt = other === GPT;
    const want = isGpt ? { text: 'Hello from the mock', nano: GPT_NANO, input: 10, output: 5 } : { text: 'Hello from Gemini', nano: GEMINI_NANO, input: 50, output: 30 };
    mock.usage = { input: 10, output: 5 };
    if (!isGpt) mock.report = geminiUse;
    const ask = { model: other, max_tokens: 77, system: 'Be brief.', messages: [{ role: 'user', content: 'Hello' }] };
    const r = await c.messages.create({ ...ask, stop_sequences: ['END'], temperature: 0.2 });
    assert.deepEqual([r.type, r.role, r.content, r.stop_reason], ['message', 'assistant', [{ type: 'text', text: want.text }], 'end_turn']);
    assert.deepEqual([r.usage.input_tokens, r.usage.output_tokens], [want.input, want.output]);
    const sent = mock.seen.at(-1);
    assert.equal(sent.headers['anthropic-version'], undefined);
    if (isGpt) {
      assert.match(sent.url, /\/chat\/completions$/);
      assert.deepEqual(sent.json, { model: other, messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Hello' }], max_tokens: 77, temperature: 0.2, stop: ['END'] });
    }
    const s = c.messages.stream(ask);
    let text = '';
    s.on('text', (x) => (text += x));
    const m = await s.finalMessage();
    assert.equal(text, isGpt ? 'Hello wörld ✓' : want.text);
    assert.deepEqual([m.usage.input_tokens, m.usage.output_tokens, m.stop_reason], [want.input, want.output, 'end_turn']);
    const tools = [{ name: 'weather', description: 'The weather', input_schema: weather.function.parameters }];
    const turn = [{ role: 'user', content: 'Weather?' }, { role: 'assistant', content: [{ type: 'thinking', thinking: 'x', signature: 'y' }, { type: 'tool_use', id: 'toolu_9', name: 'weather', input: { city: 'Bern' } }] }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_9', content: [{ type: 'text', text: 'sunny' }] }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }] }];
    if (isGpt) mock.once((rec, res) => mock.pieces(res, [Buffer.from(chatStream(other, { input: 10, output: 5 }, { tools: 'weather' }))]));
    else mock.say = { tools: [{ name: 'weather', input: { city: 'Bern' } }] };
    const called = await c.messages.stream({ ...ask, tools, messages: turn }).finalMessage();
    assert.equal(called.stop_reason, 'tool_use');
    const use = called.content.find((b) => b.type === 'tool_use');
    assert.equal(use.name, 'weather');
    assert.equal(typeof use.input, 'object');
    const asked = mock.seen.at(-1).json;
    if (isGpt) {
      assert.deepEqual(asked.messages.slice(2).map((x) => x.role), ['assistant', 'tool', 'user']);
      assert.deepEqual(asked.messages[2].tool_calls, [{ id: 'toolu_9', type: 'function', function: { name: 'weather', arguments: '{"city":"Bern"}' } }]);
      assert.deepEqual(asked.stream_options, { include_usage: true });
    } else assert.deepEqual(asked.contents[2].parts[0], { functionResponse: { name: 'weather', response: { output: 'sunny' } } });
    mock.say = {};
    mock.once((rec, res) => mock.json(res, 429, { error: { message: 'slow down', code: 429, status: 'RESOURCE_EXHAUSTED' } }));
    await assert.rejects(c.messages.create(ask), (e) => e instanceof Anthropic.RateLimitError && /slow down/.test(e.message));
    await assert.rejects(c.messages.create({ ...ask, tools: [{ type: 'bash_20250124', name: 'bash' }] }), (e) => e instanceof Anthropic.BadRequestError && /Unsupported parameter/.test(e.message));
    const rows = (await gw.rows(5)).filter((x) => x.status === 'success');
    assert.equal(rows.length, 3);
    for (const x of rows) assert.equal(nano(x.usd), want.nano);
  });
}

gtest('what cannot be mapped is refused before anything is spent', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant(), c = openai(gw, t);
  for (const [model, more] of [[HAIKU, { n: 2 }], [HAIKU, { modalities: ['audio'], audio: { voice: 'x', format: 'mp3' } }], [HAIKU, { tools: [{ type: 'custom', custom: { name: 'x' } }] }], [HAIKU, { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }] }] }], [FLASH, { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] }] }]]) await assert.rejects(c.chat.completions.create({ model, messages: hello, ...more }), (e) => e instanceof OpenAI.BadRequestError && e.code === 'unsupported_parameter', JSON.stringify(more));
  await assert.rejects(c.chat.completions.create({ model: 'google/x?key=1', messages: hello }), (e) => e.status === 400);
  await assert.rejects(c.completions.create({ model: HAIKU, prompt: 'x' }), (e) => e.code === 'model_not_found');
  assert.equal(mock.seen.length, 0);
  mock.report = geminiUse;
  await c.chat.completions.create({ model: FLASH, n: 2, messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }] }] });
  assert.equal(mock.seen[0].json.generationConfig.candidateCount, 2);
});

gtest('a translated stream whose client leaves is billed what the provider reports (R16)', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const text = claudeStream(HAIKU, claudeUse), b = new Barrier();
  mock.once(async (rec, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write(text.slice(0, 700)); await b.wait(); res.end(text.slice(700)); });
  const c = await RawClient.connect(gw.port);
  const body = JSON.stringify({ model: HAIKU, messages: hello, stream: true });
  c.send(`POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${t.key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await c.until(/"role":"assistant"/);
  c.destroy();
  b.open();
  const [row] = await gw.rows(1);
  assert.deepEqual([row.status, row.reason, nano(row.usd)], ['interrupted', 'client_gone', CLAUDE_NANO]);
});

gtest("a budget holds for a translated call: clamped, or refused", everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '0.003' }] });
  mock.report = { input_tokens: 20, output_tokens: 10 };
  const r = await gw.chat(t.key, { model: HAIKU, messages: hello });
  assert.equal(r.status, 200, r.text);
  const sent = mock.seen[0].json.max_tokens;
  assert.ok(sent >= 64 && sent < 4096, `clamped to ${sent}`);
  assert.equal(Number(r.headers['x-budgetguard-max-tokens']), sent);
  assert.equal((await gw.chat(t.key, { model: HAIKU, messages: hello, max_tokens: 4000 })).status, 402);
});

gtest('a 5 MB translated answer passes whole', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant(), c = openai(gw, t);
  const text = 'äöü "x"\n'.repeat(500000);
  mock.report = { input_tokens: 20, output_tokens: 30 };
  mock.say = { text };
  assert.equal((await c.chat.completions.create({ model: HAIKU, messages: hello, max_tokens: 1000 })).choices[0].message.content, text);
  const s = await collect(await c.chat.completions.create({ model: HAIKU, messages: hello, max_tokens: 1000, stream: true }));
  assert.equal(s.map((x) => x.choices[0]?.delta.content ?? '').join(''), text);
});

gtest('Vercel AI SDK and LangChain reach other families', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const o = createOpenAI({ baseURL: `${gw.url}/v1`, apiKey: t.key }), a = createAnthropic({ baseURL: `${gw.url}/v1`, apiKey: t.key });
  mock.report = claudeUse;
  assert.equal((await generateText({ model: o.chat(HAIKU), prompt: 'Hi', maxRetries: 0 })).text, 'Hello from Claude');
  assert.equal((await generateText({ model: o.responses(HAIKU), prompt: 'Hi', maxRetries: 0 })).text, 'Hello from Claude');
  let text = '';
  for await (const x of streamText({ model: o.chat(HAIKU), prompt: 'Hi', maxRetries: 0 }).textStream) text += x;
  assert.equal(text, 'Hello from Claude');
  mock.say = { text: null, tools: [{ name: 'weather', input: { city: 'Bern' } }] };
  const w = await generateText({ model: o.chat(HAIKU), prompt: 'Weather?', maxRetries: 0, tools: { weather: tool({ description: 'w', inputSchema: jsonSchema(weather.function.parameters) }) } });
  assert.deepEqual(w.toolCalls.map((x) => [x.toolName, x.input]), [['weather', { city: 'Bern' }]]);
  mock.say = {};
  mock.report = undefined;
  mock.usage = { input: 10, output: 5 };
  assert.equal((await generateText({ model: a(GPT), prompt: 'Hi', maxRetries: 0, maxOutputTokens: 50 })).text, 'Hello from the mock');
  mock.report = geminiUse;
  const g = createGoogleGenerativeAI({ baseURL: `${gw.url}/v1beta`, apiKey: t.key });
  assert.equal((await generateText({ model: g(FLASH), prompt: 'Hi', maxRetries: 0 })).text, 'Hello from Gemini');
  text = '';
  for await (const x of streamText({ model: g(FLASH), prompt: 'Hi', maxRetries: 0 }).textStream) text += x;
  assert.equal(text, 'Hello from Gemini');
  const lc = new ChatOpenAI({ model: FLASH, apiKey: t.key, maxRetries: 0, configuration: { baseURL: `${gw.url}/v1` } });
  assert.equal((await lc.invoke('Hi')).content, 'Hello from Gemini');
  let parts = '';
  for await (const x of await lc.stream('Hi')) parts += x.content;
  assert.equal(parts, 'Hello from Gemini');
});
