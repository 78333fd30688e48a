// hostile.test.mjs - texts of a size that only an attacker sends: the request
// is refused, the process and its books stay whole.
import { gtest, assert, hello } from './fixture.mjs';

const LIMIT = 4 << 20; // what one exchange may keep of its texts
const PRICED = { model: 'gpt-both', messages: hello, max_tokens: 5 };
const post = (gw, t, json, headers = {}) => gw.call('/v1/chat/completions', { json, headers: { authorization: `Bearer ${t.key}`, ...headers } });

gtest('texts that fill an exchange\'s memory end the request, not the process', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '10' }] });
  await gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name: 'red' });
  const long = (left) => `\n${'u'.repeat(LIMIT - left)}`; // escaped, so it is copied
  for (let left = 0; left <= 12_000; left += 1200) {
    for (const json of [{ ...PRICED, user: long(left) }, { ...PRICED, [long(left)]: 1 }, { ...PRICED, service_tier: long(left) }]) {
      const r = await post(gw, t, json, left % 2400 === 0 ? { 'x-tags': 'red', 'x-session-id': 's' } : {});
      assert.ok([400, 413, 503].includes(r.status), `${r.status} ${r.text.slice(0, 200)}`);
    }
  }
  assert.equal(mock.seen.length, 0);
  assert.equal((await gw.chat(t.key, PRICED)).status, 200);
  assert.equal((await gw.budgets())[0].heldUsd, '0');
});

gtest('as many repeated fields as a head may have are served or refused', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '10' }] });
  const seen = new Set();
  mock.script = (rec, res) => mock.json(res, 400, { error: { message: 'no' } });
  for (let n = 40; n < 200; n += 12) for (const size of [10, 60, 90]) {
    // joined one by one they take a megabyte and more
    const r = await gw.call('/v1/chat/completions', { json: { ...PRICED, user: 'u' }, agent: false, headers: { authorization: `Bearer ${t.key}`, a: Array(n).fill('b'.repeat(size)) } });
    seen.add(r.status);
  }
  assert.deepEqual([...seen].sort(), [400, 431]);
  assert.equal((await gw.budgets())[0].heldUsd, '0');
});

gtest('a user of any length is either in the row or refused, never half booked', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '10' }] });
  const user = (n) => 'ü'.repeat(n / 2);
  // a queued row is a mebibyte at most; a settled one is longer than its hold
  const sizes = [1026, 100_000, 10_000_000, ...Array.from({ length: 12 }, (_, i) => (1 << 20) - 100 - 20 * i)];
  for (const n of sizes) {
    const r = await post(gw, t, { ...PRICED, user: user(n) });
    assert.deepEqual([r.status, r.json?.error?.param], [400, 'user'], `${n}: ${r.text.slice(0, 200)}`);
  }
  assert.equal(mock.seen.length, 0);
  assert.equal((await post(gw, t, { ...PRICED, user: user(1024) })).status, 200);
  const rows = await gw.rows(sizes.length + 1);
  assert.deepEqual([...new Set(rows.map((x) => x.status))].sort(), ['failed', 'success']);
  assert.equal(rows.find((x) => x.status === 'success').user, user(1024));
  assert.equal((await gw.budgets())[0].heldUsd, '0');
});

gtest('cookies that nobody signed are no sign-in, whatever their numbers', {}, async ({ gw }) => {
  for (const v of ['f'.repeat(60), '7fffffffffffffff', 'ffffffffffffff', '', '-', '0'.repeat(90)]) for (const rest of ['', '-', '-a-b', `-${'a'.repeat(32)}-`]) {
    const r = await gw.call('/admin/tenant', { headers: { cookie: `bg_admin=${v}${rest}` } });
    assert.ok([401, 429].includes(r.status), `${v}${rest}: ${r.status}`);
  }
  assert.equal((await gw.call('/ping')).status, 200);
});
