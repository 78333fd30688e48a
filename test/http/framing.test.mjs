// framing.test.mjs - HTTP as hostile bytes (contract 1.1): no smuggling, no
// confusion, limits.
import { gtest, assert, flat, RawClient, waitUntil } from './fixture.mjs';
import { cuts } from './mock.mjs';

const body = JSON.stringify(flat());
const head = (key, more = '', line = 'POST /v1/chat/completions HTTP/1.1') => `${line}\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\n${more}\r\n`;

gtest('pipelined requests are answered in order', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const c = await RawClient.connect(gw.port);
  const one = (n) => { const b = JSON.stringify(flat({ max_tokens: n })); return head(t.key, `Content-Length: ${b.length}\r\n`) + b; };
  c.send(one(1) + one(2) + one(3));
  await waitUntil(() => [...c.text.matchAll(/"completion_tokens":(\d)/g)].length === 3, 'three answers');
  assert.deepEqual([...c.text.matchAll(/"completion_tokens":(\d)/g)].map((m) => m[1]), ['1', '2', '3']);
  c.destroy();
});

gtest('a request byte by byte, and a chunked body in odd pieces', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const c = await RawClient.connect(gw.port);
  for (const b of cuts(head(t.key, `Content-Length: ${body.length}\r\n`) + body, 3)) { c.send(b); await new Promise(setImmediate); }
  await c.until(/HTTP\/1\.1 200/);
  c.send(head(t.key, 'Transfer-Encoding: chunked\r\n'));
  for (const b of cuts(body, 5)) c.send(`${b.length.toString(16).toUpperCase()};ext=1\r\n${b}\r\n`);
  c.send('0\r\nX-Trailer: 1\r\n\r\n');
  await waitUntil(() => mock.seen.length === 2, 'the second arrives');
  assert.equal(mock.seen[1].body.toString(), body);
  assert.equal(mock.seen[1].headers['x-trailer'], undefined);
  c.destroy();
});

const evil = (k) => ({
  'two different lengths': head(k, `Content-Length: ${body.length}\r\nContent-Length: 5\r\n`) + body,
  'the same length twice': head(k, `Content-Length: ${body.length}\r\nContent-Length: ${body.length}\r\n`) + body,
  'a list of lengths': head(k, `Content-Length: ${body.length}, ${body.length}\r\n`) + body,
  'length and chunked': head(k, `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n`) + `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  'a negative length': head(k, 'Content-Length: -1\r\n') + body,
  'a signed length': head(k, `Content-Length: +${body.length}\r\n`) + body,
  'a length in hex': head(k, `Content-Length: 0x${body.length.toString(16)}\r\n`) + body,
  'a length beyond 64 bits': head(k, 'Content-Length: 99999999999999999999999\r\n') + body,
  'an unknown transfer coding': head(k, 'Transfer-Encoding: xchunked\r\n') + body,
  'a coding after chunked': head(k, 'Transfer-Encoding: chunked, identity\r\n') + body,
  'bare CR in a header': head(k, `X-A: b\rContent-Length: 0\r\nContent-Length: ${body.length}\r\n`) + body,
  'a bare LF header line': head(k, `X-A: b\nX-B: c\r\nContent-Length: ${body.length}\r\n`) + body,
  'a space before the colon': head(k, `Content-Length : ${body.length}\r\n`) + body,
  'a folded header': head(k, `X-A: b\r\n c\r\nContent-Length: ${body.length}\r\n`) + body,
  'a NUL in a header': head(k, `X-A: b\0c\r\nContent-Length: ${body.length}\r\n`) + body,
  'a bad chunk size': head(k, 'Transfer-Encoding: chunked\r\n') + `zz\r\n${body}\r\n0\r\n\r\n`,
  'a chunk size beyond 64 bits': head(k, 'Transfer-Encoding: chunked\r\n') + `fffffffffffffffff\r\n${body}\r\n0\r\n\r\n`,
});

gtest('conflicting or malformed framing is 400 and closes; nothing smuggled reaches the provider', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const smuggled = head(t.key, 'Content-Length: 0\r\n', 'GET /v1/files/smuggled HTTP/1.1');
  for (const [name, bytes] of Object.entries(evil(t.key))) {
    const c = await RawClient.connect(gw.port);
    c.send(Buffer.from(bytes + smuggled, 'latin1'));
    await c.untilClosed().catch((e) => { throw new Error(`${name}: ${e.message}; got ${c.text.slice(0, 200)}`); });
    // The HTTP library sends the head of its own 400 twice before it closes:
    // what counts is that no request got any other answer.
    const st = c.statuses();
    assert.ok(st.every((s) => s >= 400 && s < 500), `${name}: ${st} ${c.text.slice(0, 300)}`);
    c.destroy();
  }
  assert.equal(mock.seen.length, 0);
  assert.equal((await gw.chat(t.key, flat())).status, 200, 'others go on');
});

gtest('header blocks above 64 KiB are 431, bodies of refused requests are not waited for', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const c = await RawClient.connect(gw.port);
  c.send(head(t.key, `X-Big: ${'a'.repeat(70000)}\r\nContent-Length: 2\r\n`) + '{}');
  await c.until(/HTTP\/1\.1 431/);
  const d = await RawClient.connect(gw.port);
  d.send(head('bg_wrong', 'Content-Length: 1000000\r\n'));
  await d.until(/HTTP\/1\.1 401/, 'the refusal does not wait for the body');
  const e = await RawClient.connect(gw.port);
  e.send(head(t.key, 'Content-Length: 99000000\r\n'));
  await e.until(/HTTP\/1\.1 413/, 'the length alone refuses');
  for (const x of [c, d, e]) x.destroy();
  assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-mid': 'a'.repeat(12000) } })).status, 200);
});

gtest('Expect: 100-continue, HTTP/1.0 and Connection: close', {}, async ({ gw }) => {
  const t = await gw.tenant();
  const c = await RawClient.connect(gw.port);
  c.send(head(t.key, `Expect: 100-continue\r\nContent-Length: ${body.length}\r\n`));
  await c.until(/HTTP\/1\.1 100/);
  c.send(body);
  await c.until(/HTTP\/1\.1 200/);
  c.destroy();
  const d = await RawClient.connect(gw.port);
  d.send(head(t.key, `Connection: close\r\nContent-Length: ${body.length}\r\n`) + body);
  await d.until(/HTTP\/1\.1 200/);
  await d.untilClosed();
  const e = await RawClient.connect(gw.port);
  e.send(head(t.key, `Content-Length: ${body.length}\r\n`, 'POST /v1/chat/completions HTTP/1.0') + body);
  await e.until(/HTTP\/1\.[01] 200/);
  await e.untilClosed();
});

gtest('a websocket upgrade is 400', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const c = await RawClient.connect(gw.port);
  c.send(head(t.key, 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n', 'GET /v1/realtime HTTP/1.1'));
  await c.until(/HTTP\/1\.1 4(00|03)/);
  assert.equal(mock.seen.length, 0);
  c.destroy();
});

gtest('hundreds of half-open and slow heads do not stop others', {}, async ({ gw }) => {
  const t = await gw.tenant();
  const slow = await Promise.all(Array.from({ length: 300 }, () => RawClient.connect(gw.port)));
  for (const c of slow) c.send('POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  assert.equal((await gw.chat(t.key, flat(), { agent: false })).status, 200);
  for (const c of slow) c.destroy();
  assert.equal((await gw.chat(t.key, flat(), { agent: false })).status, 200);
});
