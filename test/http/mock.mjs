// mock.mjs - a provider that does what a test tells it, and remembers.
//
// Speaks the OpenAI family.  What it answers is taken from the request itself
// (see `plan`), so that a test can mix prices in one run, or from a script:
//   mock.script = (req, res) => ...      for every request
//   mock.once(fn, fn, ...)               for the next requests
// Every request is kept byte by byte in mock.seen.
import http from 'node:http';
import zlib from 'node:zlib';
import { once } from 'node:events';

export class Barrier {
  constructor() {
    this.promise = new Promise((r) => (this.open = r));
  }
  wait() { return this.promise; }
}

/** What the answer will report: the `user` field "in/out[/cached]" if it looks
 *  like that, else what the mock was told, else the output limit. */
export function plan(mock, body) {
  const m = /^(\d+)\/(\d+)(?:\/(\d+))?$/.exec(body?.metadata?.use ?? body?.user ?? '');
  if (m) return { input: +m[1], output: +m[2], cached: +(m[3] ?? 0) };
  if (mock.usage) return { cached: 0, ...mock.usage };
  const limit = body?.max_completion_tokens ?? body?.max_tokens ?? body?.max_output_tokens;
  return { input: 10, output: Math.min(limit ?? 5, 1000000), cached: 0 };
}

export const chatUsage = (u) => ({
  prompt_tokens: u.input, completion_tokens: u.output, total_tokens: u.input + u.output,
  prompt_tokens_details: { cached_tokens: u.cached ?? 0 },
  completion_tokens_details: { reasoning_tokens: u.reasoning ?? 0 },
});
export const inOutUsage = (u) => ({
  input_tokens: u.input, input_tokens_details: { cached_tokens: u.cached ?? 0 },
  output_tokens: u.output, output_tokens_details: { reasoning_tokens: u.reasoning ?? 0 },
  total_tokens: u.input + u.output,
});

export function chatBody(model, u, extra = {}) {
  return {
    id: 'chatcmpl-mock', object: 'chat.completion', created: 1763670000, model,
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello from the mock', refusal: null },
      logprobs: null, finish_reason: 'stop' }],
    usage: chatUsage(u), ...extra,
  };
}

const data = (o) => `data: ${typeof o === 'string' ? o : JSON.stringify(o)}\n\n`;

/** The text of a chat stream; `usage` false leaves the usage chunk out. */
export function chatStream(model, u, { words = ['Hel', 'lo ', 'wörld ✓'], usage = true, done = true, tools } = {}) {
  const chunk = (delta, finish_reason = null) => ({
    id: 'chatcmpl-mock', object: 'chat.completion.chunk', created: 1763670000, model,
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...(usage ? { usage: null } : {}),
  });
  let s = data(chunk({ role: 'assistant', content: '' }));
  if (tools) {
    s += data(chunk({ tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: tools, arguments: '' } }] }));
    s += data(chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] }));
    s += data(chunk({ tool_calls: [{ index: 0, function: { arguments: '"Paris"}' } }] }));
  } else for (const w of words) s += data(chunk({ content: w }));
  s += data(chunk({}, tools ? 'tool_calls' : 'stop'));
  if (usage) s += data({ id: 'chatcmpl-mock', object: 'chat.completion.chunk', created: 1763670000, model, choices: [], usage: chatUsage(u) });
  if (done) s += data('[DONE]');
  return s;
}

export function responsesStream(model, u) {
  let n = 0;
  const ev = (type, o) => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: n++, ...o })}\n\n`;
  const resp = (status, extra) => ({ id: 'resp_mock', object: 'response', created_at: 1763670000, model, status, output: [], usage: null, ...extra });
  const item = { id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content: [{ type: 'output_text', text: 'Hi', annotations: [] }] };
  return ev('response.created', { response: resp('in_progress') }) +
    ev('response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress', content: [] } }) +
    ev('response.output_text.delta', { item_id: 'msg_1', output_index: 0, content_index: 0, delta: 'Hi' }) +
    ev('response.output_item.done', { output_index: 0, item }) +
    ev('response.completed', { response: resp('completed', { output: [item], usage: inOutUsage(u) }) });
}

export class MockUpstream {
  seen = [];
  usage = null;    // {input, output, cached?} for every answer
  script = null;   // (req, res) => void | Promise
  #next = [];
  active = 0;

  static async start(port = 0) {
    const m = new MockUpstream();
    m.server = http.createServer({ keepAliveTimeout: 60000, maxHeaderSize: 262144 }, (q, s) => m.#take(q, s));
    m.sockets = new Set();
    m.connections = 0;
    m.server.on('connection', (s) => { m.connections++; s.setNoDelay(); m.sockets.add(s); s.on('close', () => m.sockets.delete(s)); s.on('error', () => {}); });
    m.server.listen(port, '127.0.0.1');
    await once(m.server, 'listening');
    m.port = m.server.address().port;
    m.url = `http://127.0.0.1:${m.port}`;
    return m;
  }
  stop() {
    for (const s of this.sockets) s.destroy();
    return new Promise((r) => this.server.close(r));
  }
  once(...fns) { this.#next.push(...fns); }
  /** Requests that reached a billable route. */
  calls(path) { return this.seen.filter((r) => (path ? r.path === path : !r.path.endsWith('/models'))); }
  /** All bytes of all requests as one text: for "was never sent" checks. */
  everything() {
    return this.seen.map((r) => `${r.method} ${r.url}\n${r.rawHeaders.join('\n')}\n${r.body.toString('latin1')}`).join('\n\n');
  }

  #take(q, s) {
    const rec = { method: q.method, url: q.url, path: q.url.split('?')[0], headers: q.headers, rawHeaders: q.rawHeaders,
      body: Buffer.alloc(0), ended: false, aborted: false, at: Date.now(), reported: null };
    this.seen.push(rec);
    const parts = [];
    q.on('data', (b) => parts.push(b));
    q.on('error', () => (rec.aborted = true));
    s.on('error', () => {});
    s.on('close', () => { this.active--; rec.closed = true; if (!s.writableEnded) rec.aborted = true; });
    this.active++;
    q.on('end', async () => {
      rec.body = Buffer.concat(parts);
      rec.ended = true;
      try { rec.json = JSON.parse(rec.body.toString()); } catch { rec.json = undefined; }
      const fn = this.#next.shift() ?? this.script ?? ((r, t) => this.normal(r, t));
      try { await fn(rec, s, this); } catch (e) { if (!s.destroyed) s.destroy(); rec.error = e; }
    });
  }

  /** The ordinary, well-behaved answer. */
  normal(rec, res, opt = {}) {
    const b = rec.json ?? {};
    const u = (rec.reported = plan(this, b));
    const model = opt.model ?? b.model ?? '';
    const p = rec.path;
    if (p.endsWith('/chat/completions')) {
      if (b.stream) return this.sse(res, chatStream(model, u, { usage: b.stream_options?.include_usage === true, ...opt }));
      return this.json(res, 200, chatBody(model, u, opt.extra));
    }
    if (p.endsWith('/completions')) {
      const o = { id: 'cmpl-1', object: 'text_completion', created: 1763670000, model, choices: [{ index: 0, text: 'Hi', logprobs: null, finish_reason: 'stop' }] };
      if (b.stream) return this.sse(res, data({ ...o, usage: null }) + (b.stream_options?.include_usage ? data({ ...o, choices: [], usage: chatUsage(u) }) : '') + data('[DONE]'));
      return this.json(res, 200, { ...o, usage: chatUsage(u) });
    }
    if (p.endsWith('/responses') || p.endsWith('/responses/compact')) {
      if (b.stream) return this.sse(res, responsesStream(model, u));
      return this.json(res, 200, { id: 'resp_mock', object: 'response', created_at: 1763670000, model, status: 'completed',
        output: [{ id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content: [{ type: 'output_text', text: 'Hi', annotations: [] }] }], usage: inOutUsage(u) });
    }
    if (/\/responses\/[^/]+/.test(p)) return this.json(res, 200, { id: 'resp_mock', object: 'response', model: 'gpt-4.1', status: 'completed', usage: inOutUsage(u), input_tokens: 3 });
    if (p.endsWith('/embeddings')) return this.json(res, 200, { object: 'list', model, data: [{ object: 'embedding', index: 0, embedding: [0.1, -0.2] }], usage: { prompt_tokens: u.input, total_tokens: u.input } });
    if (p.includes('/images/')) return this.json(res, 200, { created: 1, data: [{ b64_json: 'AA==' }], usage: { ...inOutUsage(u), input_tokens_details: { text_tokens: u.input, image_tokens: 0 } } });
    if (p.endsWith('/audio/transcriptions') || p.endsWith('/audio/translations'))
      return this.json(res, 200, { text: 'spoken', usage: { type: 'tokens', input_tokens: u.input, input_token_details: { audio_tokens: u.input, text_tokens: 0 }, output_tokens: u.output, total_tokens: u.input + u.output } });
    if (p.endsWith('/audio/speech')) { res.writeHead(200, { 'content-type': 'audio/mpeg' }); return res.end(Buffer.from([0xff, 0xfb, 0, 1, 2, 3])); }
    if (p.endsWith('/moderations')) return this.json(res, 200, { id: 'modr-1', model: 'omni-moderation-latest', results: [{ flagged: false }] });
    if (p.endsWith('/models')) return this.json(res, 200, { object: 'list', data: [{ id: 'gpt-4.1', object: 'model', created: 1, owned_by: 'openai' }] });
    return this.json(res, 200, { ok: true, path: p });
  }

  json(res, status, body, headers = {}) {
    const b = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    res.writeHead(status, { 'content-type': 'application/json', 'content-length': b.length, 'x-request-id': 'req_mock', ...headers });
    res.end(b);
  }
  /** A whole event stream at once. */
  sse(res, text, headers = {}) {
    res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-request-id': 'req_mock', ...headers });
    res.end(text);
  }
  /** An event stream in given pieces, one write and one turn of the loop each. */
  async pieces(res, parts, headers = {}) {
    res.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
    for (const p of parts) {
      if (res.destroyed) return;
      if (!res.write(p)) await Promise.race([once(res, 'drain'), once(res, 'close')]).catch(() => {});
      await new Promise(setImmediate);
    }
    res.end();
  }
}

/** `b` cut after every `n` bytes. */
export function cuts(b, n = 1) {
  b = Buffer.from(b);
  const out = [];
  for (let i = 0; i < b.length; i += n) out.push(b.subarray(i, i + n));
  return out;
}
export const gzip = (s) => zlib.gzipSync(Buffer.from(s));
