// clients.mjs - every SDK behind one set of verbs, for the matrix.
//
// A client is made of a gateway's address, a tenant's key and header fields.
// Its verbs return what the caller of that SDK would see:
//   plain, stream            → {text, input, output}   (tokens, if the SDK tells)
//   tools, streamTools       → [{name, input}]
//   result                   → text, after a tool's result was handed back
//   image, json, schema      → text
//   embed                    → [[number]]
//   begin                    → {first, abort(), rest()}  a stream in its middle
// and `typed(e)` reads an SDK's error: {status, name, message, retryAfter}.
import OpenAI from 'openai';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI, ApiError } from '@google/genai';
import { generateText, streamText, generateObject, embedMany, tool, jsonSchema, stepCountIs, APICallError } from 'ai';
import { createOpenAI } from '@ai-sdk/openai';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { GPT, CLAUDE, GEMINI, EMBED, GEMBED } from './speak.mjs';

export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const params = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
const answerSchema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false };
const MAX = 300;
const user = (content) => [{ role: 'user', content }];
const names = { 400: 'BadRequestError', 401: 'AuthenticationError', 403: 'PermissionDeniedError', 404: 'NotFoundError', 429: 'RateLimitError' };
const all = async (s) => { const out = []; for await (const x of s) out.push(x); return out; };

/** An iterator that has given its first text and can be left. */
async function begun(iterator, text, abort) {
  let first = '';
  while (first === '') {
    const { value, done } = await iterator.next();
    if (done) break;
    first = text(value);
  }
  return { first, abort, rest: async () => { for (;;) if ((await iterator.next()).done) return; } };
}

const fnTool = { type: 'function', function: { name: 'weather', description: 'The weather', parameters: params } };
function openaiChat({ url, key, headers }) {
  const c = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, defaultHeaders: headers });
  const ask = (model, more = {}, opt) => c.chat.completions.create({ model, messages: user('Hello'), max_tokens: MAX, ...more }, opt);
  const used = (u) => ({ input: u?.prompt_tokens, output: u?.completion_tokens, cached: u?.prompt_tokens_details?.cached_tokens });
  const calls = (m) => m.tool_calls.map((x) => ({ name: x.function.name, input: JSON.parse(x.function.arguments) }));
  return {
    plain: async (m) => { const r = await ask(m); return { text: r.choices[0].message.content, ...used(r.usage) }; },
    stream: async (m) => { const s = await all(await ask(m, { stream: true, stream_options: { include_usage: true } })); return { text: s.map((x) => x.choices[0]?.delta.content ?? '').join(''), ...used(s.at(-1).usage) }; },
    tools: async (m) => calls((await ask(m, { tools: [fnTool] })).choices[0].message),
    streamTools: async (m) => calls((await c.chat.completions.stream({ model: m, messages: user('Hello'), max_tokens: MAX, tools: [fnTool] }).finalChatCompletion()).choices[0].message),
    result: async (m, one) => (await ask(m, { tools: [fnTool], messages: [...user('Weather?'), { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: one.name, arguments: JSON.stringify(one.input) } }] }, { role: 'tool', tool_call_id: 'call_1', content: 'sunny' }] })).choices[0].message.content,
    image: async (m) => (await ask(m, { messages: user([{ type: 'text', text: 'What?' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}`, detail: 'low' } }]) })).choices[0].message.content,
    json: async (m) => (await ask(m, { response_format: { type: 'json_object' }, messages: user('In JSON') })).choices[0].message.content,
    schema: async (m) => (await ask(m, { response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema: answerSchema } } })).choices[0].message.content,
    embed: async () => (await c.embeddings.create({ model: EMBED, input: ['a', 'b'] })).data.map((x) => x.embedding),
    begin: async (m) => { const s = await ask(m, { stream: true }); return begun(s[Symbol.asyncIterator](), (x) => x.choices[0]?.delta.content ?? '', () => s.controller.abort()); },
  };
}
const typedOpenai = (e) => ({ status: e.status, name: e.constructor.name, message: e.message, retryAfter: e.headers?.get('retry-after') });
const classOpenai = (s) => names[s] ?? (s >= 500 ? 'InternalServerError' : 'APIError');

function openaiResponses({ url, key, headers }) {
  const c = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, defaultHeaders: headers });
  const fn = { type: 'function', name: 'weather', description: 'The weather', parameters: params, strict: true };
  const ask = (model, more = {}) => c.responses.create({ model, input: 'Hello', max_output_tokens: MAX, ...more });
  const used = (u) => ({ input: u?.input_tokens, output: u?.output_tokens, cached: u?.input_tokens_details?.cached_tokens });
  const calls = (r) => r.output.filter((o) => o.type === 'function_call').map((o) => ({ name: o.name, input: JSON.parse(o.arguments) }));
  const format = (f) => ({ text: { format: f } });
  return {
    plain: async (m) => { const r = await ask(m); return { text: r.output_text, ...used(r.usage) }; },
    stream: async (m) => { const s = await all(await ask(m, { stream: true })); return { text: s.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join(''), ...used(s.at(-1).response?.usage) }; },
    tools: async (m) => calls(await ask(m, { tools: [fn] })),
    streamTools: async (m) => calls(await c.responses.stream({ model: m, input: 'Hello', max_output_tokens: MAX, tools: [fn] }).finalResponse()),
    result: async (m, one) => (await ask(m, { tools: [fn], input: [...user('Weather?'), { type: 'function_call', call_id: 'call_1', name: one.name, arguments: JSON.stringify(one.input) }, { type: 'function_call_output', call_id: 'call_1', output: 'sunny' }] })).output_text,
    image: async (m) => (await ask(m, { input: user([{ type: 'input_text', text: 'What?' }, { type: 'input_image', detail: 'low', image_url: `data:image/png;base64,${PNG}` }]) })).output_text,
    json: async (m) => (await ask(m, { input: 'In JSON', ...format({ type: 'json_object' }) })).output_text,
    schema: async (m) => (await ask(m, format({ type: 'json_schema', name: 'x', strict: true, schema: answerSchema }))).output_text,
    begin: async (m) => { const s = await ask(m, { stream: true }); return begun(s[Symbol.asyncIterator](), (x) => (x.type === 'response.output_text.delta' ? x.delta : ''), () => s.controller.abort()); },
  };
}

function anthropic({ url, key, headers }) {
  const c = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0, defaultHeaders: headers });
  const ask = (model, more = {}) => c.messages.create({ model, max_tokens: MAX, messages: user('Hello'), ...more });
  const fn = { name: 'weather', description: 'The weather', input_schema: params };
  const text = (r) => r.content.filter((b) => b.type === 'text').map((b) => b.text).join('');
  const used = (u) => ({ input: u.input_tokens + (u.cache_read_input_tokens ?? 0) + (u.cache_creation_input_tokens ?? 0), output: u.output_tokens, cached: u.cache_read_input_tokens });
  const calls = (r) => r.content.filter((b) => b.type === 'tool_use').map((b) => ({ name: b.name, input: b.input }));
  return {
    plain: async (m) => { const r = await ask(m); return { text: text(r), ...used(r.usage) }; },
    stream: async (m) => { const r = await c.messages.stream({ model: m, max_tokens: MAX, messages: user('Hello') }).finalMessage(); return { text: text(r), ...used(r.usage) }; },
    tools: async (m) => calls(await ask(m, { tools: [fn] })),
    streamTools: async (m) => calls(await c.messages.stream({ model: m, max_tokens: MAX, messages: user('Hello'), tools: [fn] }).finalMessage()),
    result: async (m, one) => text(await ask(m, { tools: [fn], messages: [...user('Weather?'), { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: one.name, input: one.input }] }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'sunny' }] }] })),
    image: async (m) => text(await ask(m, { messages: user([{ type: 'text', text: 'What?' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } }]) })),
    schema: async (m) => text(await ask(m, { output_config: { format: { type: 'json_schema', schema: answerSchema } } })),
    begin: async (m) => { const s = await ask(m, { stream: true }); return begun(s[Symbol.asyncIterator](), (x) => x.delta?.text ?? '', () => s.controller.abort()); },
  };
}
const classAnthropic = (s) => ({ ...names, 402: 'PaymentRequiredError', 503: 'ServiceUnavailableError', 504: 'GatewayTimeoutError', 529: 'OverloadedError' })[s] ?? (s >= 500 ? 'InternalServerError' : 'APIError');

function genai({ url, key, headers }) {
  const c = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, headers } });
  const ask = (model, more = {}, contents = 'Hello') => c.models.generateContent({ model, contents, config: { maxOutputTokens: MAX, ...more } });
  const open = (model, more = {}) => c.models.generateContentStream({ model, contents: 'Hello', config: { maxOutputTokens: MAX, ...more } });
  const tools = [{ functionDeclarations: [{ name: 'weather', description: 'The weather', parametersJsonSchema: params }] }];
  const used = (u) => ({ input: u.promptTokenCount + (u.toolUsePromptTokenCount ?? 0), output: u.candidatesTokenCount + (u.thoughtsTokenCount ?? 0), cached: u.cachedContentTokenCount });
  const calls = (rs) => rs.flatMap((r) => r.functionCalls ?? []).map((x) => ({ name: x.name, input: x.args }));
  return {
    plain: async (m) => { const r = await ask(m); return { text: r.text, ...used(r.usageMetadata) }; },
    stream: async (m) => { const s = await all(await open(m)); return { text: s.map((x) => x.text ?? '').join(''), ...used(s.at(-1).usageMetadata) }; },
    tools: async (m) => calls([await ask(m, { tools })]),
    streamTools: async (m) => calls(await all(await open(m, { tools }))),
    result: async (m, one) => (await ask(m, { tools }, [{ role: 'user', parts: [{ text: 'Weather?' }] }, { role: 'model', parts: [{ functionCall: { name: one.name, args: one.input } }] }, { role: 'user', parts: [{ functionResponse: { name: one.name, response: { output: 'sunny' } } }] }])).text,
    image: async (m) => (await ask(m, {}, [{ role: 'user', parts: [{ text: 'What?' }, { inlineData: { mimeType: 'image/png', data: PNG } }] }])).text,
    json: async (m) => (await ask(m, { responseMimeType: 'application/json' })).text,
    schema: async (m) => (await ask(m, { responseMimeType: 'application/json', responseJsonSchema: answerSchema })).text,
    embed: async () => (await c.models.embedContent({ model: GEMBED, contents: ['a', 'b'] })).embeddings.map((x) => x.values),
    begin: async (m) => { const ctl = new AbortController(); const s = await open(m, { abortSignal: ctl.signal }); return begun(s[Symbol.asyncIterator](), (x) => x.text ?? '', () => ctl.abort()); },
  };
}

/** The Vercel AI SDK around one of its providers. */
const vercel = (make, embedder) => (at) => {
  const p = make(at), opt = { maxRetries: 0, maxOutputTokens: MAX, prompt: 'Hello' };
  const weather = { weather: tool({ description: 'The weather', inputSchema: jsonSchema(params) }) };
  const used = (u) => ({ input: u.inputTokens, output: u.outputTokens, cached: u.cachedInputTokens });
  const calls = (x) => x.map((c) => ({ name: c.toolName, input: c.input }));
  /** streamText keeps its errors in the stream: raised here as its callers do. */
  const open = (more) => { const s = streamText({ ...opt, onError() {}, ...more }); return { s, parts: (async function* () { for await (const x of s.fullStream) { if (x.type === 'error') throw x.error; yield x; } })() }; };
  return {
    plain: async (m) => { const r = await generateText({ ...opt, model: p(m) }); return { text: r.text, ...used(r.usage) }; },
    stream: async (m) => { const { s, parts } = open({ model: p(m) }); const text = (await all(parts)).filter((x) => x.type === 'text-delta').map((x) => x.text).join(''); return { text, ...used(await s.usage) }; },
    tools: async (m) => calls((await generateText({ ...opt, model: p(m), tools: weather })).toolCalls),
    streamTools: async (m) => calls((await all(open({ model: p(m), tools: weather }).parts)).filter((x) => x.type === 'tool-call')),
    result: async (m, one) => (await generateText({ ...opt, prompt: undefined, model: p(m), tools: weather, stopWhen: stepCountIs(1), messages: [...user('Weather?'), { role: 'assistant', content: [{ type: 'tool-call', toolCallId: 'call_1', toolName: one.name, input: one.input }] }, { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'call_1', toolName: one.name, output: { type: 'text', value: 'sunny' } }] }] })).text,
    image: async (m) => (await generateText({ ...opt, prompt: undefined, model: p(m), messages: user([{ type: 'text', text: 'What?' }, { type: 'image', image: Buffer.from(PNG, 'base64'), mediaType: 'image/png' }]) })).text,
    schema: async (m) => JSON.stringify((await generateObject({ ...opt, model: p(m), schema: jsonSchema(answerSchema) })).object),
    ...(embedder ? { embed: async () => (await embedMany({ model: embedder(at), values: ['a', 'b'], maxRetries: 0 })).embeddings } : {}),
    begin: async (m) => { const ctl = new AbortController(); const { parts } = open({ model: p(m), abortSignal: ctl.signal }); return begun(parts, (x) => (x.type === 'text-delta' ? x.text : ''), () => ctl.abort()); },
  };
};
const typedVercel = (e) => ({ status: e.statusCode, name: APICallError.isInstance(e) ? 'APICallError' : e.constructor.name, message: e.message, retryAfter: e.responseHeaders?.['retry-after'] });

function langchain({ url, key, headers }) {
  const made = (model, more = {}) => new ChatOpenAI({ model, apiKey: key, maxRetries: 0, maxTokens: MAX, configuration: { baseURL: `${url}/v1`, defaultHeaders: headers }, ...more });
  const bound = (m) => made(m).bindTools([fnTool]);
  const used = (u) => ({ input: u?.input_tokens, output: u?.output_tokens, cached: u?.input_token_details?.cache_read });
  const calls = (x) => x.tool_calls.map((c) => ({ name: c.name, input: c.args }));
  return {
    plain: async (m) => { const r = await made(m).invoke('Hello'); return { text: r.content, ...used(r.usage_metadata) }; },
    stream: async (m) => { const s = (await all(await made(m).stream('Hello'))).reduce((a, b) => a.concat(b)); return { text: s.content, ...used(s.usage_metadata) }; },
    tools: async (m) => calls(await bound(m).invoke('Hello')),
    streamTools: async (m) => calls((await all(await bound(m).stream('Hello'))).reduce((a, b) => a.concat(b))),
    result: async (m, one) => (await bound(m).invoke([...user('Weather?'), { role: 'assistant', content: '', tool_calls: [{ id: 'call_1', type: 'function', function: { name: one.name, arguments: JSON.stringify(one.input) } }] }, { role: 'tool', tool_call_id: 'call_1', content: 'sunny' }])).content,
    image: async (m) => (await made(m).invoke(user([{ type: 'text', text: 'What?' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } }]))).content,
    schema: async (m) => JSON.stringify(await made(m).withStructuredOutput(answerSchema, { name: 'x', method: 'jsonSchema', strict: true }).invoke('Hello')),
    embed: async () => new OpenAIEmbeddings({ model: EMBED, apiKey: key, maxRetries: 0, configuration: { baseURL: `${url}/v1`, defaultHeaders: headers } }).embedDocuments(['a', 'b']),
    begin: async (m) => { const ctl = new AbortController(); const s = await made(m).stream('Hello', { signal: ctl.signal }); return begun(s[Symbol.asyncIterator](), (x) => x.content, () => ctl.abort()); },
  };
}

const EVERY = [GPT, CLAUDE, GEMINI];
const base = ({ url, key, headers }) => ({ baseURL: `${url}/v1`, apiKey: key, headers });
/** SDK, the models it is pointed at, the family whose shapes it reads. */
export const CLIENTS = [
  { name: 'openai chat', models: EVERY, shape: 'openai', make: openaiChat, typed: typedOpenai, kind: classOpenai },
  { name: 'openai responses', models: EVERY, shape: 'openai', make: openaiResponses, typed: typedOpenai, kind: classOpenai },
  { name: '@anthropic-ai/sdk', models: EVERY, shape: 'anthropic', make: anthropic, typed: typedOpenai, kind: classAnthropic },
  { name: '@google/genai', models: [GEMINI], shape: 'gemini', make: genai, typed: (e) => ({ status: e.status, name: e instanceof ApiError ? 'ApiError' : e.constructor.name, message: e.message }), kind: () => 'ApiError' },
  { name: 'ai openai.chat', models: EVERY, shape: 'openai', make: vercel((at) => (m) => createOpenAI(base(at)).chat(m), (at) => createOpenAI(base(at)).embedding(EMBED)), typed: typedVercel, kind: () => 'APICallError' },
  { name: 'ai openai.responses', models: EVERY, shape: 'openai', make: vercel((at) => (m) => createOpenAI(base(at)).responses(m)), typed: typedVercel, kind: () => 'APICallError' },
  { name: 'ai anthropic', models: EVERY, shape: 'anthropic', make: vercel((at) => (m) => createAnthropic(base(at))(m)), typed: typedVercel, kind: () => 'APICallError' },
  { name: 'ai google', models: [GEMINI], shape: 'gemini', input: 90 /* it leaves toolUsePromptTokenCount out */, make: vercel((at) => (m) => createGoogleGenerativeAI({ ...base(at), baseURL: `${at.url}/v1beta` })(m), (at) => createGoogleGenerativeAI({ ...base(at), baseURL: `${at.url}/v1beta` }).embedding(GEMBED)), typed: typedVercel, kind: () => 'APICallError' },
  { name: 'langchain', models: EVERY, shape: 'openai', make: langchain, typed: typedOpenai, kind: classOpenai },
];
