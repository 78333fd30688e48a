// resilience.test.mjs - other keys, other models; off unless configured.
import OpenAI from 'openai';
import { gtest, assert, nano, hello, waitUntil } from './fixture.mjs';
import { everywhere } from './families.mjs';
import { Barrier } from './mock.mjs';

const both = (more) => (x) => ({ ...everywhere(x), ...more });
/** The mock answers these statuses first, then as usual. */
function first(mock, ...statuses) {
  mock.once(...statuses.map((s) => (rec, res) => (s === 'reset' ? (res.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 }), res.write('{'), setTimeout(() => res.socket.destroy(), 20)) : mock.json(res, s.status ?? s, { error: { message: `no ${s.status ?? s}` } }, s.headers ?? {}))));
}
const ask = { model: 'gpt-4o', messages: hello, max_tokens: 50 };

gtest('without configuration nothing is tried twice', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  first(mock, 503, 429);
  assert.equal((await gw.chat(t.key, ask)).status, 503);
  assert.equal((await gw.chat(t.key, ask)).status, 429);
  assert.equal(mock.seen.length, 2);
});

gtest('UPSTREAM_ATTEMPTS: 5xx is tried again, with one row; 4xx and broken answers are not; a 429 waits', { UPSTREAM_ATTEMPTS: '3' }, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '1' }] });
  mock.usage = { input: 10, output: 5 };
  first(mock, 500, 529);
  const r = await gw.chat(t.key, ask);
  assert.equal(r.status, 200);
  assert.equal(mock.seen.length, 3);
  assert.deepEqual(mock.seen[0].body, mock.seen[2].body);
  first(mock, 500, 503, 502);
  assert.equal((await gw.chat(t.key, ask)).status, 502, 'the last word is what the client gets');
  assert.equal(mock.seen.length, 6);
  first(mock, 400);
  assert.equal((await gw.chat(t.key, ask)).status, 400);
  first(mock, { status: 429, headers: { 'retry-after': '7' } });
  const slow = await gw.chat(t.key, ask);
  assert.deepEqual([slow.status, slow.headers['retry-after']], [429, '7'], 'the only key is told to wait');
  first(mock, 'reset');
  assert.equal((await gw.chat(t.key, ask)).status, 502, 'it may have been billed');
  assert.equal(mock.seen.length, 9);
  const rows = await gw.rows(5);
  assert.equal(rows.length, 5);
  assert.equal(nano(rows.find((x) => x.status === 'success').usd), 10n * 2500n + 5n * 10000n);
  assert.equal((await gw.budgets())[0].heldUsd, '0');
});

gtest('weighted keys take turns; one that is refused or slowed down rests', { OPENAI_API_KEY: 'sk-one*3, sk-two', UPSTREAM_ATTEMPTS: '2' }, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const used = () => mock.seen.map((x) => x.headers.authorization.replace('Bearer ', ''));
  for (let i = 0; i < 8; i++) assert.equal((await gw.chat(t.key, ask)).status, 200);
  assert.deepEqual(used().filter((k) => k === 'sk-one').length, 6);
  assert.deepEqual(used().filter((k) => k === 'sk-two').length, 2);
  mock.seen.length = 0;
  mock.script = (rec, res) => (rec.headers.authorization === 'Bearer sk-one' ? mock.json(res, 401, { error: { message: 'revoked' } }) : mock.normal(rec, res));
  for (let i = 0; i < 6; i++) assert.equal((await gw.chat(t.key, ask)).status, 200);
  assert.equal(used().filter((k) => k === 'sk-one').length, 1, 'tried once, then it rests');
  assert.ok(!gw.log.includes('sk-one') && !gw.log.includes('sk-two'));
});

gtest('FALLBACKS: another model of the same family, another family, streamed; priced as served; one row names it', both({ FALLBACKS: '{"gpt-4o":["gpt-4.1","claude-haiku-4-5"]}' }), async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '1' }] });
  const c = new OpenAI({ baseURL: `${gw.url}/v1`, apiKey: t.key, maxRetries: 0 });
  mock.usage = { input: 10, output: 5 };
  mock.report = { input_tokens: 100, output_tokens: 20 };
  first(mock, 503);
  const r = await c.chat.completions.create(ask);
  assert.equal(r.model, 'gpt-4.1');
  assert.equal(mock.seen[1].body.toString(), mock.seen[0].body.toString().replace('gpt-4o', 'gpt-4.1'), 'only the name differs');
  first(mock, 503, 429);
  const s = await c.chat.completions.create({ ...ask, max_tokens: undefined });
  assert.equal(s.choices[0].message.content, 'Hello from Claude');
  assert.equal(mock.seen.at(-1).json.model, 'claude-haiku-4-5');
  first(mock, 500, 500);
  let text = '';
  for await (const x of await c.chat.completions.create({ ...ask, stream: true })) text += x.choices[0]?.delta.content ?? '';
  assert.equal(text, 'Hello from Claude');
  first(mock, 500, 500, 529);
  await assert.rejects(c.chat.completions.create(ask), (e) => e.status === 529 && /no 529/.test(e.message));
  const rows = await gw.rows(4), usd = (m) => rows.filter((x) => x.status === 'success' && (x.modelAnswered ?? x.model) === m).map((x) => nano(x.usd));
  assert.equal(rows.length, 4);
  for (const x of rows) assert.equal(x.model, 'gpt-4o');
  assert.deepEqual(usd('gpt-4.1'), [10n * 2000n + 5n * 8000n]);
  assert.deepEqual(usd('claude-haiku-4-5'), [100n * 1000n + 20n * 5000n, 100n * 1000n + 20n * 5000n]);
  assert.deepEqual(rows.filter((x) => x.status === 'success').map((x) => x.provider).sort(), ['anthropic', 'anthropic', 'openai']);
});

gtest('the hold covers the dearest candidate', both({ FALLBACKS: '{"gpt-4o-mini":["gpt-4o"]}' }), async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '1' }] });
  const b = new Barrier();
  mock.once(async (rec, res) => { await b.wait(); mock.json(res, 503, { error: { message: 'x' } }); });
  mock.usage = { input: 10, output: 1000 };
  const going = gw.chat(t.key, { ...ask, model: 'gpt-4o-mini', max_tokens: 1000 });
  await waitUntil(() => mock.seen.length === 1, 'the first is asked');
  assert.ok(nano((await gw.budgets())[0].heldUsd) >= 1000n * 10000n, 'gpt-4o output');
  const poor = await gw.tenant('poor', { budgets: [{ period: 'total', amountUsd: '0.005' }] });
  assert.equal((await gw.chat(poor.key, { ...ask, model: 'gpt-4o-mini', max_tokens: 1000 })).status, 402);
  b.open();
  assert.equal((await going).status, 200);
  const row = (await gw.rows(2)).find((x) => x.status === 'success');
  assert.equal(nano(row.usd), 10n * 2500n + 1000n * 10000n);
  assert.ok(!/overrun/.test(gw.log));
});

gtest('a provider that cannot be reached is left for the next', (x) => ({ ...everywhere(x), OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', FALLBACKS: '{"gpt-4o":["gemini-2.5-flash"]}' }), async ({ gw, mock }) => {
  const t = await gw.tenant();
  const r = await gw.chat(t.key, ask);
  assert.equal(r.status, 200);
  assert.equal(r.json.choices[0].message.content, 'Hello from Gemini');
  assert.equal((await gw.rows(1))[0].provider, 'google');
});

for (const bad of ['[]', '{"a":"b"}', '{"a":[]}', '{"a":[1]}', '{', '{"a":["b","c","d","e","f"]}']) gtest(`start-up error: FALLBACKS=${bad}`, { FALLBACKS: bad }, async ({ gw }) => {
  await assert.rejects(gw.start(), /ended at start/);
  await waitUntil(() => gw.drained, 'its last words');
  assert.equal(gw.exited.code, 2);
  assert.match(gw.log, /FALLBACKS/);
  gw.expectDead = gw.skipVerify = true;
}, { noStart: true });

/** HTTP's date, in whole seconds. */
const httpDate = (ms) => new Date(ms).toUTCString();

gtest('Retry-After that is short is waited for, with one key: seconds, milliseconds, a date; every loop serves meanwhile', { UPSTREAM_ATTEMPTS: '3', WORKERS: '1' }, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '1' }] });
  mock.usage = { input: 10, output: 5 };
  const at = () => mock.seen.filter((r) => r.json?.user === 'w').map((r) => r.at);
  for (const [headers, least] of [[{ 'retry-after': '1' }, 990], [{ 'retry-after-ms': '300', 'retry-after': '9' }, 290], [{ 'retry-after': '0.4' }, 390], [{ 'retry-after': httpDate(Date.now() + 2000) }, 0], [{ 'retry-after': httpDate(Date.now() - 60000) }, 0]]) {
    mock.seen.length = 0;
    first(mock, { status: 429, headers });
    const going = gw.chat(t.key, { ...ask, user: 'w' });
    await waitUntil(() => mock.seen.length >= 1, 'the first try');
    if (least > 900) {
      assert.equal((await gw.chat(t.key, ask)).status, 200, 'the only loop is not blocked');
      assert.equal(at().length, 1, 'it still waits');
      assert.notEqual(nano((await gw.budgets())[0].heldUsd), 0n, 'its hold stands');
    }
    assert.equal((await going).status, 200, JSON.stringify(headers));
    assert.ok(at()[1] - at()[0] >= least, `${JSON.stringify(headers)}: ${at()[1] - at()[0]}`);
  }
  first(mock, { status: 503, headers: { 'retry-after-ms': '50' } }, { status: 529, headers: { 'retry-after-ms': '50' } });
  assert.equal((await gw.chat(t.key, ask)).status, 200, 'twice, as often as it may');
  for (const headers of [{ 'retry-after': '6' }, { 'retry-after': httpDate(Date.now() + 3600000) }, { 'retry-after': '99999999999999999999' }, { 'retry-after': 'soon' }, { 'retry-after-ms': '50', 'x-should-retry': 'false' }]) {
    mock.seen.length = 0;
    first(mock, { status: 429, headers });
    assert.equal((await gw.chat(t.key, ask)).status, 429, JSON.stringify(headers));
    assert.equal(mock.seen.length, 1);
  }
  for (const r of await gw.rows(12)) assert.equal(nano(r.usd), r.status === 'success' ? 10n * 2500n + 5n * 10000n : 0n);
  assert.equal((await gw.budgets())[0].heldUsd, '0');
});

gtest('Retry-After: a longer bound, the request\'s timeout, and a chain that is asked first', both({ UPSTREAM_ATTEMPTS: '2', UPSTREAM_RETRY_MAX_MS: '60000', UPSTREAM_TIMEOUT_S: '2', FALLBACKS: '{"gpt-4o":["gpt-4.1"]}' }), async ({ gw, mock }) => {
  const t = await gw.tenant();
  first(mock, { status: 429, headers: { 'retry-after': '3' } });
  assert.equal((await gw.chat(t.key, { ...ask, model: 'gpt-4.1' })).status, 429, 'longer than the request may be silent');
  first(mock, { status: 429, headers: { 'retry-after': '1' } });
  const r = await gw.chat(t.key, ask);
  assert.deepEqual([r.status, r.json.model], [200, 'gpt-4.1']);
});

gtest('who leaves during the wait ends it: nothing more is sent, nothing is billed, no hold is left', { UPSTREAM_ATTEMPTS: '2', SHUTDOWN_GRACE_S: '1' }, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '1' }] });
  first(mock, { status: 429, headers: { 'retry-after': '4' } });
  const leave = new AbortController();
  const going = gw.chat(t.key, ask, { signal: leave.signal, agent: false }).catch((e) => e);
  await waitUntil(() => mock.seen.length === 1 && mock.seen[0].closed, 'the first try is answered');
  leave.abort();
  await going;
  const [row] = await gw.rows(1);
  assert.deepEqual([row.status, row.reason, nano(row.usd)], ['interrupted', 'client_gone', 0n]);
  assert.equal((await gw.budgets())[0].heldUsd, '0');
  // the process may end while another waits
  first(mock, { status: 429, headers: { 'retry-after': '4' } });
  const last = gw.chat(t.key, ask, { agent: false }).catch((e) => e);
  await waitUntil(() => mock.seen.length === 2 && mock.seen[1].closed, 'the second is answered');
  await gw.restart();
  await last;
  const rows = await gw.rows(2);
  assert.ok(rows.every((x) => nano(x.usd) === 0n), 'it cost nothing');
  assert.equal(mock.seen.length, 2);
});

gtest('a kept connection that dies over a request: it is not sent twice behind our back, and is booked as what it may have cost', { UPSTREAM_RETRIES: '3', UPSTREAM_ATTEMPTS: '3', WORKERS: '1' }, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '1' }] });
  for (const how of ['destroy', 'resetAndDestroy']) {
    assert.equal((await gw.chat(t.key, ask)).status, 200);
    const seen = mock.seen.length;
    // a reset within the time of a delayed acknowledgement looks like a closed port
    mock.once((rec, res) => setTimeout(() => res.socket[how](), 250));
    const r = await gw.chat(t.key, ask);
    assert.deepEqual([r.status, r.error?.code], [502, 'upstream_invalid'], how);
    assert.equal(mock.seen.length, seen + 1, 'it came once');
  }
  const rows = (await gw.rows(4)).filter((x) => x.status !== 'success');
  for (const x of rows) assert.deepEqual([x.status, x.reason, x.meteredBy, nano(x.usd) > 0n], ['interrupted', 'upstream_invalid', 'hold', true]);
  // closed while idle: the next request does not notice
  assert.equal((await gw.chat(t.key, ask)).status, 200);
  for (const s of mock.sockets) s.destroy();
  await waitUntil(() => mock.sockets.size === 0, 'they are closed');
  assert.equal((await gw.chat(t.key, ask)).status, 200);
});
