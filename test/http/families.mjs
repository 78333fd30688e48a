// families.mjs - Anthropic's and Google's side of the mock provider.
//
// Each answer reports the usage it is given in its family's own terms, so that
// a test can say in nano-dollars what the ledger must show.
import { cuts, gzip } from './mock.mjs';

const blocks = (o) => [
  ...(o.thinking ? [{ type: 'thinking', thinking: o.thinking, signature: 'c2ln' }] : []),
  ...(o.text === null ? [] : [{ type: 'text', text: o.text ?? 'Hello from Claude' }]),
  ...(o.tools ?? []).map((t, i) => ({ type: 'tool_use', id: `toolu_${i + 1}`, name: t.name, input: t.input })),
];
const stopOf = (o) => o.stop ?? (o.tools?.length ? 'tool_use' : 'end_turn');

/** The body of POST /v1/messages. */
export function claudeBody(model, usage, o = {}) {
  return { id: 'msg_mock', type: 'message', role: 'assistant', model, content: blocks(o), stop_reason: stopOf(o), stop_sequence: null, usage };
}
/** Its event stream; the usage of message_start has a placeholder output. */
export function claudeStream(model, usage, o = {}) {
  const ev = (type, x) => `event: ${type}\ndata: ${JSON.stringify({ type, ...x })}\n\n`;
  let s = ev('message_start', { message: { id: 'msg_mock', type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: 1 } } });
  blocks(o).forEach((b, index) => {
    const empty = b.type === 'text' ? { type: 'text', text: '' } : b.type === 'thinking' ? { type: 'thinking', thinking: '', signature: '' } : { ...b, input: {} };
    s += ev('content_block_start', { index, content_block: empty });
    if (index === 0) s += ev('ping', {});
    const deltas = b.type === 'text' ? [b.text.slice(0, 3), b.text.slice(3)].map((text) => ({ type: 'text_delta', text }))
      : b.type === 'thinking' ? [{ type: 'thinking_delta', thinking: b.thinking }, { type: 'signature_delta', signature: b.signature }]
        : ['', ...(JSON.stringify(b.input).match(/.{1,7}/gs))].map((partial_json) => ({ type: 'input_json_delta', partial_json }));
    for (const delta of deltas) s += ev('content_block_delta', { index, delta });
    s += ev('content_block_stop', { index });
  });
  if (o.error) return s + ev('error', { error: { type: 'overloaded_error', message: 'Overloaded' } });
  s += ev('message_delta', { delta: { stop_reason: stopOf(o), stop_sequence: null }, usage: { output_tokens: usage.output_tokens } });
  return s + ev('message_stop', {});
}

const parts = (o) => [
  ...(o.thinking ? [{ text: o.thinking, thought: true }] : []),
  ...(o.text === null ? [] : [{ text: o.text ?? 'Hello from Gemini' }]),
  ...(o.tools ?? []).map((t) => ({ functionCall: { name: t.name, args: t.input }, ...(o.signature ? { thoughtSignature: o.signature } : {}) })),
];
/** The body of :generateContent. */
export function geminiBody(model, usageMetadata, o = {}) {
  return { candidates: [{ content: { parts: parts(o), role: 'model' }, finishReason: o.stop ?? 'STOP', index: 0 }], usageMetadata, modelVersion: model, responseId: 'resp-mock' };
}
/** Chunks of a stream; usage grows from chunk to chunk. */
export function geminiChunks(model, usageMetadata, o = {}) {
  const all = parts(o);
  return all.map((p, i) => ({
    candidates: [{ content: { parts: [p], role: 'model' }, index: 0, ...(i === all.length - 1 ? { finishReason: o.stop ?? 'STOP' } : {}) }],
    usageMetadata: i === all.length - 1 ? usageMetadata : { promptTokenCount: usageMetadata.promptTokenCount, totalTokenCount: usageMetadata.promptTokenCount },
    modelVersion: model, responseId: 'resp-mock',
  }));
}
export const geminiStream = (...a) => geminiChunks(...a).map((c) => `data: ${JSON.stringify(c)}\r\n\r\n`).join('');
export const geminiArray = (...a) => `[${geminiChunks(...a).map((c) => JSON.stringify(c)).join('\r\n,\r\n')}]`;

/** Makes the mock speak all three families; `mock.say` is what answers say,
 *  `mock.report` the usage, `mock.wire` {cut: bytes, gzip: true}. */
export function families(mock) {
  mock.say = {};
  mock.wire = {};
  mock.script = (rec, res) => {
    const p = rec.path, b = rec.json ?? {};
    const stream = (text, type = 'text/event-stream') => {
      const bytes = mock.wire.gzip ? gzip(text) : Buffer.from(text);
      const head = { 'content-type': type, ...(mock.wire.gzip ? { 'content-encoding': 'gzip' } : {}) };
      return mock.pieces(res, mock.wire.cut ? cuts(bytes, mock.wire.cut) : [bytes], head);
    };
    if (p.endsWith('/messages')) {
      const u = (rec.reported = mock.report ?? { input_tokens: 20, output_tokens: 10 });
      return b.stream ? stream(claudeStream(b.model, u, mock.say)) : mock.json(res, 200, claudeBody(b.model, u, mock.say), { 'request-id': 'req_claude' });
    }
    if (p.endsWith('/messages/count_tokens')) return mock.json(res, 200, { input_tokens: 42 });
    const m = /\/models\/([^:/]+):(\w+)$/.exec(p);
    if (m) {
      const u = (rec.reported = mock.report ?? { promptTokenCount: 20, candidatesTokenCount: 10, totalTokenCount: 30 });
      if (m[2] === 'generateContent') return mock.json(res, 200, geminiBody(m[1], u, mock.say));
      if (m[2] === 'streamGenerateContent') return rec.url.includes('alt=sse') ? stream(geminiStream(m[1], u, mock.say)) : stream(geminiArray(m[1], u, mock.say), 'application/json');
      if (m[2] === 'countTokens') return mock.json(res, 200, { totalTokens: 42 });
      if (m[2] === 'embedContent') return mock.json(res, 200, { embedding: { values: [0.5, 1] } });
      if (m[2] === 'batchEmbedContents') return mock.json(res, 200, { embeddings: b.requests.map(() => ({ values: [0.5, 1] })) });
    }
    return mock.normal(rec, res);
  };
}

/** The environment with all three providers at the mock. */
export const everywhere = ({ mock }) => {
  families(mock);
  return {
    ANTHROPIC_API_KEY: 'sk-ant-gateway-key', ANTHROPIC_BASE_URL: mock.url,
    GOOGLE_API_KEY: 'google-gateway-key', GOOGLE_BASE_URL: mock.url,
  };
};
