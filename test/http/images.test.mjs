// images.test.mjs - what is held for pictures: by size and detail, on every
// family's route, and enough for whoever may answer.
import zlib from 'node:zlib';
import { gtest, assert, nano, waitUntil } from './fixture.mjs';
import { everywhere } from './families.mjs';
import { Barrier } from './mock.mjs';

const crc = (b) => { let c, r = ~0; for (const x of b) { c = (r ^ x) & 255; for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1; r = c ^ (r >>> 8); } return ~r >>> 0; };
const chunk = (type, data) => { const b = Buffer.concat([Buffer.from(type), data]), n = Buffer.alloc(4), c = Buffer.alloc(4); n.writeUInt32BE(data.length); c.writeUInt32BE(crc(b)); return Buffer.concat([n, b, c]); };
/** A real PNG of one colour. */
export function png(w, h) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(w); head.writeUInt32BE(h, 4); head[8] = 1;
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', zlib.deflateSync(Buffer.alloc((Math.ceil(w / 8) + 1) * h))), chunk('IEND', Buffer.alloc(0))]).toString('base64');
}
const LIMIT = 10;
const chat = (model, url, detail) => ['/v1/chat/completions', { model, max_tokens: LIMIT, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url, ...(detail ? { detail } : {}) } }] }] }];
const responses = (model, url) => ['/v1/responses', { model, max_output_tokens: LIMIT, input: [{ role: 'user', content: [{ type: 'input_image', image_url: url, detail: 'auto' }] }] }];
const messages = (model, data) => ['/v1/messages', { model, max_tokens: LIMIT, messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data } }] }] }];
const generate = (model, data) => [`/v1beta/models/${model}:generateContent`, { contents: [{ role: 'user', parts: [{ inlineData: { mimeType: 'image/png', data } }] }], generationConfig: { maxOutputTokens: LIMIT } }];
const url = (w, h) => `data:image/png;base64,${png(w, h)}`;

/** Nano-dollars held while the provider thinks about it. */
async function held(gw, mock, t, [path, json], budgets = () => gw.budgets()) {
  const gate = new Barrier(), seen = mock.seen.length;
  mock.once(async (rec, res) => { await gate.wait(); mock.json(res, 500, { error: { message: 'x' } }); });
  const going = gw.call(path, { json, headers: { authorization: `Bearer ${t.key}`, 'x-goog-api-key': t.key } });
  await waitUntil(() => mock.seen.length === seen + 1, 'it is sent');
  const n = nano((await budgets())[0].heldUsd);
  gate.open();
  await going;
  return n;
}

gtest('the hold knows a picture\'s size and detail', everywhere, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '100' }] });
  const cases = [ // request, tokens of the picture, nano-dollars per (dearest) input and output token
    [chat('gpt-4o', url(1024, 1024), 'high'), 765n, 2500n, 10000n],
    [chat('gpt-4o', url(1024, 1024)), 765n, 2500n, 10000n],
    [chat('gpt-4o', url(1024, 1024), 'low'), 85n, 2500n, 10000n],
    [chat('gpt-4o', 'https://a.example/b.png', 'high'), 1445n, 2500n, 10000n],
    [chat('gpt-4o', `data:image/png;base64,${Buffer.from('no picture').toString('base64')}`, 'high'), 1445n, 2500n, 10000n],
    [chat('gpt-4.1-mini', url(320, 64)), 33n, 400n, 1600n], // 20 patches of 1.62
    [responses('gpt-4o', url(100, 100)), 765n, 2500n, 10000n],
    [chat('claude-haiku-4-5', url(750, 100)), 108n, 1250n, 5000n],
    [messages('claude-haiku-4-5', png(750, 100)), 108n, 1250n, 5000n],
    [chat('gemini-2.5-flash', url(960, 540)), 1548n, 1000n, 2500n],
    [generate('gemini-2.5-flash', png(300, 300)), 258n, 1000n, 2500n],
  ];
  for (const [request, tokens, input, output] of cases) {
    const n = (await held(gw, mock, t, request)) - BigInt(LIMIT) * output;
    // besides the picture: the message, what translation adds, cache writes for 1 h
    assert.ok(n >= tokens * input && n <= (tokens + 120n) * input * 2n, `${JSON.stringify(request).slice(0, 120)}: ${n / input} tokens, ${tokens} expected`);
  }
  assert.equal((await gw.budgets())[0].heldUsd, '0');
});

gtest('the hold covers a picture for every model that may answer', (x) => ({ ...everywhere(x), FALLBACKS: '{"gpt-4.1-nano":["gemini-2.5-flash"]}' }), async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '100' }] });
  // 0.1 USD per 1M × 2.46 × 10 patches, or 0.3 × 24 tiles of 258
  mock.once((rec, res) => mock.json(res, 503, { error: { message: 'x' } }));
  mock.report = { promptTokenCount: 6200, candidatesTokenCount: LIMIT, totalTokenCount: 6210 };
  const [path, json] = chat('gpt-4.1-nano', url(3072, 384));
  const r = await gw.call(path, { json, headers: { authorization: `Bearer ${t.key}` } });
  assert.equal(r.status, 200, r.text);
  const [row] = await gw.rows(1);
  assert.deepEqual([row.provider, nano(row.usd)], ['google', 6200n * 300n + BigInt(LIMIT) * 2500n]);
  assert.ok(!gw.logContains('overrun'), 'the hold was enough');
});
