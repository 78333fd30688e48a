// speak.mjs - a mock provider that speaks all three families and keeps accounts.
//
// `speak(mock)` makes every answer say `mock.say` ({text, tools, thinking,
// error}) and report USE in its family's own terms.  `mock.owed` is what the
// provider would put on the bill, in nano-dollars, reckoned here from its own
// price list and from nothing the gateway knows.
import { families } from './families.mjs';
import { chatBody, chatUsage, inOutUsage, cuts, gzip } from './mock.mjs';
import { waitUntil, assert, nano, sumNano } from './fixture.mjs';

export const GPT = 'gpt-4.1', CLAUDE = 'claude-haiku-4-5', GEMINI = 'gemini-2.5-flash';
export const EMBED = 'text-embedding-3-small', GEMBED = 'gemini-embedding-001';
/** Nano-dollars per token: input, read from a cache, written for 5 m and 1 h,
 *  output.  The providers' price pages, November 2026. */
export const LIST = {
  [GPT]: { in: 2000n, cached: 500n, out: 8000n },
  [CLAUDE]: { in: 1000n, cached: 100n, w5: 1250n, w1: 2000n, out: 5000n },
  [GEMINI]: { in: 300n, cached: 30n, out: 2500n },
  [EMBED]: { in: 20n, cached: 0n, out: 0n },
  [GEMBED]: { in: 150n, cached: 0n, out: 0n },
};
/** What each family reports. */
export const USE = {
  [GPT]: { input: 100, cached: 40, output: 20, reasoning: 5 },
  [CLAUDE]: { input_tokens: 45, cache_creation_input_tokens: 15, cache_read_input_tokens: 40, cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 5 }, output_tokens: 20, output_tokens_details: { thinking_tokens: 4 }, service_tier: 'standard' },
  [GEMINI]: { promptTokenCount: 90, cachedContentTokenCount: 40, toolUsePromptTokenCount: 10, candidatesTokenCount: 15, thoughtsTokenCount: 5, totalTokenCount: 120 },
};
/** The same in the words every SDK maps to: all three come to 100 in, 20 out. */
export const SUM = { input: 100, cached: 40, output: 20 };

/** What one answer costs. */
export function bill(model, u) {
  const p = LIST[model], n = (x) => BigInt(x ?? 0);
  if (u.promptTokenCount !== undefined) {
    const input = n(u.promptTokenCount) + n(u.toolUsePromptTokenCount), hit = n(u.cachedContentTokenCount);
    return (input - hit) * p.in + hit * p.cached + (n(u.candidatesTokenCount) + n(u.thoughtsTokenCount)) * p.out;
  }
  if (u.input_tokens !== undefined) {
    const w1 = n(u.cache_creation?.ephemeral_1h_input_tokens), w5 = n(u.cache_creation_input_tokens) - w1;
    return n(u.input_tokens) * p.in + n(u.cache_read_input_tokens) * p.cached + w5 * (p.w5 ?? 0n) + w1 * (p.w1 ?? 0n) + n(u.output_tokens) * p.out;
  }
  return (n(u.input) - n(u.cached)) * p.in + n(u.cached) * p.cached + n(u.output) * p.out;
}

const data = (o) => `data: ${JSON.stringify(o)}\n\n`;
const said = (say) => say.text === undefined ? 'Hello from GPT' : say.text;
const callsOf = (say) => (say.tools ?? []).map((t, i) => ({ id: `call_${i + 1}`, name: t.name, args: JSON.stringify(t.input) }));

function gptChat(model, say) {
  const b = chatBody(model, USE[GPT]), calls = callsOf(say);
  b.choices[0].message.content = said(say);
  if (calls.length) {
    b.choices[0].message.tool_calls = calls.map((c) => ({ id: c.id, type: 'function', function: { name: c.name, arguments: c.args } }));
    b.choices[0].finish_reason = 'tool_calls';
  }
  return b;
}
/** A chat stream; `usage` false: without the last chunk. */
export function gptChunks(model, say, usage = true) {
  const chunk = (delta, finish_reason = null) => data({ id: 'chatcmpl-mock', object: 'chat.completion.chunk', created: 1763670000, model, choices: [{ index: 0, delta, logprobs: null, finish_reason }], ...(usage ? { usage: null } : {}) });
  const text = said(say), calls = callsOf(say);
  let s = chunk({ role: 'assistant', content: '' });
  for (const w of text?.match(/.{1,4096}/gs) ?? []) s += chunk({ content: w });
  calls.forEach((c, index) => {
    s += chunk({ tool_calls: [{ index, id: c.id, type: 'function', function: { name: c.name, arguments: '' } }] });
    for (const part of c.args.match(/.{1,5}/gs)) s += chunk({ tool_calls: [{ index, function: { arguments: part } }] });
  });
  if (say.error) return s + data({ error: { message: 'Overloaded', type: 'server_error', param: null, code: null } });
  s += chunk({}, calls.length ? 'tool_calls' : 'stop');
  if (usage) s += data({ id: 'chatcmpl-mock', object: 'chat.completion.chunk', created: 1763670000, model, choices: [], usage: chatUsage(USE[GPT]) });
  return s + 'data: [DONE]\n\n';
}
function gptItems(say) {
  const text = said(say);
  return [
    ...(text === null ? [] : [{ id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content: [{ type: 'output_text', text, annotations: [], logprobs: [] }] }]),
    ...callsOf(say).map((c) => ({ id: `fc_${c.id}`, type: 'function_call', status: 'completed', call_id: c.id, name: c.name, arguments: c.args })),
  ];
}
const gptResponse = (model, say, status = 'completed') => ({ id: 'resp_mock', object: 'response', created_at: 1763670000, model, status, error: null, incomplete_details: null, instructions: null, metadata: {}, parallel_tool_calls: true, temperature: 1, tool_choice: 'auto', tools: [], top_p: 1, output: status === 'completed' ? gptItems(say) : [], usage: status === 'completed' ? inOutUsage(USE[GPT]) : null });
function gptEvents(model, say) {
  let n = 0;
  const ev = (type, o) => `event: ${type}\n${data({ type, sequence_number: n++, ...o })}`;
  let s = ev('response.created', { response: gptResponse(model, say, 'in_progress') });
  gptItems(say).forEach((item, output_index) => {
    const at = { item_id: item.id, output_index };
    if (item.type === 'message') {
      const part = item.content[0];
      s += ev('response.output_item.added', { output_index, item: { ...item, status: 'in_progress', content: [] } });
      s += ev('response.content_part.added', { ...at, content_index: 0, part: { ...part, text: '' } });
      for (const delta of part.text.match(/.{1,4096}/gs) ?? []) s += ev('response.output_text.delta', { ...at, content_index: 0, delta, logprobs: [] });
      s += ev('response.output_text.done', { ...at, content_index: 0, text: part.text, logprobs: [] });
      s += ev('response.content_part.done', { ...at, content_index: 0, part });
    } else {
      s += ev('response.output_item.added', { output_index, item: { ...item, status: 'in_progress', arguments: '' } });
      for (const delta of item.arguments.match(/.{1,5}/gs)) s += ev('response.function_call_arguments.delta', { ...at, delta });
      s += ev('response.function_call_arguments.done', { ...at, arguments: item.arguments });
    }
    s += ev('response.output_item.done', { output_index, item });
  });
  if (say.error) return s + ev('error', { code: 'server_error', message: 'Overloaded', param: null });
  return s + ev('response.completed', { response: gptResponse(model, say) });
}

const familyOf = (m) => m.startsWith('claude') ? CLAUDE : m.startsWith('gemini') ? GEMINI : GPT;
/** The whole event stream a provider of `model` sends. */
export async function streamText(mock, model, path, asked = {}) {
  let text = '';
  const res = { writeHead() {}, write: (b) => ((text += b), true), end: () => {}, destroyed: false };
  await answer(mock, { path, url: `${path}?alt=sse`, json: { ...asked, model, stream: true } }, res);
  return text;
}

function answer(mock, rec, res) {
  const b = rec.json ?? {}, say = mock.say, p = rec.path;
  const send = (text) => {
    if (mock.wire.crlf) text = text.replace(/\r?\n/g, '\r\n');
    const bytes = mock.wire.gzip ? gzip(text) : Buffer.from(text);
    return mock.pieces(res, mock.wire.cut ? cuts(bytes, mock.wire.cut) : [bytes], { 'content-type': 'text/event-stream', ...(mock.wire.gzip ? { 'content-encoding': 'gzip' } : {}) });
  };
  const json = (o) => {
    const text = Buffer.from(JSON.stringify(o));
    if (!mock.wire.gzip) return mock.json(res, 200, text.toString());
    res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    res.end(gzip(text));
  };
  if (p.endsWith('/chat/completions')) return b.stream ? send(gptChunks(b.model, say, b.stream_options?.include_usage === true)) : json(gptChat(b.model, say));
  if (p.endsWith('/responses')) return b.stream ? send(gptEvents(b.model, say)) : json(gptResponse(b.model, say));
  if (p.endsWith('/embeddings')) {
    const vec = [0.5, 1], list = [b.input].flat();
    return json({ object: 'list', model: b.model, data: list.map((_, index) => ({ object: 'embedding', index, embedding: b.encoding_format === 'base64' ? Buffer.from(new Float32Array(vec).buffer).toString('base64') : vec })), usage: { prompt_tokens: 7, total_tokens: 7 } });
  }
  if (p.includes('mbedContent')) {
    const usageMetadata = { promptTokenCount: 7 };
    return json(p.endsWith(':embedContent') ? { embedding: { values: [0.5, 1] }, usageMetadata } : { embeddings: b.requests.map(() => ({ values: [0.5, 1] })), usageMetadata });
  }
  mock.report = USE[familyOf(p.includes('/models/') ? GEMINI : b.model)];
  return mock.byFamily(rec, res);
}

/** What the provider books for a request it answered in full. */
function owes(rec) {
  const model = /\/models\/([^:/]+):/.exec(rec.path)?.[1] ?? rec.json?.model;
  if (/mbed/.test(rec.path)) return bill(model, model === GEMBED ? { promptTokenCount: 7 } : { input: 7, output: 0, cached: 0 });
  return bill(model, USE[familyOf(model)]);
}

export function speak(mock) {
  families(mock);
  mock.byFamily = mock.script;
  mock.owed = 0n;
  mock.answered = 0;
  mock.script = async (rec, res) => {
    if (rec.path.endsWith('/models')) return mock.normal(rec, res);
    mock.owed += owes(rec);
    mock.answered++;
    return answer(mock, rec, res);
  };
}
/** For scripts that answer by themselves: the answer counts on the bill. */
export const owe = (mock, rec) => { mock.owed += owes(rec); mock.answered++; };

/** The environment with all three providers at the mock. */
export const threeFamilies = (more = {}) => ({ mock }) => {
  speak(mock);
  return { ANTHROPIC_API_KEY: 'sk-ant-gateway-key', ANTHROPIC_BASE_URL: mock.url, GOOGLE_API_KEY: 'google-gateway-key', GOOGLE_BASE_URL: mock.url, ...more };
};

/** The ledger equals the mock's own account, and nothing is held. */
export async function settled(gw, mock, n, query = '') {
  const rows = await gw.rows(n, query);
  assert.equal(sumNano(rows), mock.owed, `ledger and the provider's account differ: ${rows.map((r) => `${r.route} ${r.model} ${r.status} ${r.usd}`).join('; ')}`);
  const budgets = await gw.budgets(); // one for each tenant
  for (const b of budgets) assert.equal(b.heldUsd, '0', 'no hold is left');
  if (budgets.length) assert.equal(budgets.reduce((a, b) => a + nano(b.spentUsd), 0n), mock.owed, 'the counters are the ledger');
  return rows;
}
export { waitUntil };
