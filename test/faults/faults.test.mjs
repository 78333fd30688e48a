// faults.test.mjs - broken disks, broken peers: nothing goes out unmetered,
// nothing leaks, others go on.
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { execFileSync, spawnSync } from 'node:child_process';
import { gtest, assert, flat, hello, nano, waitUntil, RawClient, call, SLOW } from '../http/fixture.mjs';
import { Barrier, chatStream, chatBody } from '../http/mock.mjs';

const ROOT_USER = process.getuid() === 0;
const fds = (gw) => fs.readdirSync(`/proc/${gw.proc.pid}/fd`).length;
const rss = (gw) => +/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${gw.proc.pid}/status`, 'utf8'))[1];
const raw = (t, json) => { const b = JSON.stringify(json); return `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${t.key}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(b)}\r\n\r\n${b}`; };
const isLow = (st) => st === 503;

// A small file system of its own, so that it can be full.
function tmpfs(size) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-disk-'));
  const r = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir]);
  if (r.status !== 0) { fs.rmdirSync(dir); return null; }
  return { dir, free() { spawnSync('umount', ['-l', dir]); fs.rmdirSync(dir); } };
}

const disk = ROOT_USER ? tmpfs('256m') : null;
gtest('R13: with a full disk requests are 503 and the provider sees none; with room again they go on', () => ({ DATA_DIR: path.join(disk.dir, 'data') }), async ({ gw, mock }) => {
  try {
    const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '100' }] });
    assert.equal((await gw.chat(t.key, flat())).status, 200);
    const fill = path.join(disk.dir, 'fill');
    const fd = fs.openSync(fill, 'w');
    const block = Buffer.alloc(1 << 20, 1);
    try { for (;;) fs.writeSync(fd, block); } catch (e) { assert.equal(e.code, 'ENOSPC'); }
    try { for (;;) fs.writeSync(fd, block, 0, 1); } catch (e) { assert.equal(e.code, 'ENOSPC'); }
    fs.closeSync(fd);
    // rows wait in the outbox until it is full as well: then 503, never unmetered
    let served = 0, refused = 0;
    for (let i = 0; i < 400; i++) {
      const r = await gw.chat(t.key, flat());
      if (r.status === 200) served++;
      else { assert.ok(isLow(r.status), `${r.status} ${r.text}`); refused++; }
    }
    assert.equal(mock.calls().length, served + 1, 'what is refused is not sent');
    fs.rmSync(fill);
    await waitUntil(async () => (await gw.chat(t.key, flat())).status === 200, 'requests go on');
    await waitUntil(async () => { const b = (await gw.budgets())[0]; return nano(b.spentUsd) === BigInt(gw.sql('SELECT coalesce(sum(usd),0) FROM ledger').out) && b.heldUsd === '0'; }, 'ledger and counters agree again');
    await gw.stop();
    const v = gw.verify();
    assert.equal(v.code, 0, v.out);
    await gw.start();
    gw.verify = () => ({ code: 0 }); // done above; the file system goes away now
    await gw.stop();
    gw.expectDead = true;
  } finally { disk.free(); }
}, { skip: disk === null ? 'needs root to mount a small tmpfs' : false });

for (const point of ['counters.put', 'admit.before_commit'])
  gtest(`R13: a failing write at "${point}" is 503 and nothing is sent`, { BG_FAULT: `${point}:failall:40` }, async ({ gw, mock }) => {
    const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '100' }] });
    let served = 0, refused = 0;
    for (let i = 0; i < 80; i++) { const r = await gw.chat(t.key, flat()); if (r.status === 200) served++; else { assert.equal(r.status, 503, r.text); assert.equal(r.error.code, 'storage_unavailable'); refused++; } }
    assert.ok(refused > 0, 'the point was reached');
    assert.ok(mock.calls().length <= served + 1);
    await gw.kill9();
    await gw.start({ BG_FAULT: '' });
    assert.equal((await gw.chat(t.key, flat())).status, 200);
  });

for (const point of ['ledger.begin', 'ledger.inserted', 'ledger.commit', 'ledger.trim', 'outbox.trim', 'counters.sync'])
  gtest(`a ledger writer that fails once at "${point}" writes each row once all the same`, { BG_FAULT: `${point}:fail:2` }, async ({ gw }) => {
    const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '100' }] });
    for (let i = 0; i < 12; i++) assert.equal((await gw.chat(t.key, flat())).status, 200);
    await gw.rows(12);
    assert.equal(gw.sql('SELECT count(*), count(DISTINCT request_id), sum(usd) FROM ledger').out, '12|12|90000000');
  });

gtest('a data directory that cannot be written is a start-up error', {}, async ({ gw }) => {
  const { Gateway } = await import('../http/fixture.mjs');
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-ro-'));
  fs.writeFileSync(path.join(dir, 'file'), '');
  const r = await Gateway.run({ DATA_DIR: path.join(dir, 'file', 'data') });
  assert.notEqual(r.code, 0);
  assert.notEqual(r.code, null);
  fs.rmSync(dir, { recursive: true });
});

const after = { // what the provider does -> status, row
  'nothing listens': { env: { OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' }, status: 502, code: 'upstream_unreachable', row: ['failed', 'upstream_unreachable', '0'] },
  'resets after the request': { script: (rec, res) => res.socket.resetAndDestroy?.() ?? res.socket.destroy(), status: 502, code: 'upstream_invalid', row: ['interrupted', 'upstream_invalid', '0.0075'] },
  'closes without an answer': { script: (rec, res) => res.socket.end(), status: 502, code: 'upstream_invalid', row: ['interrupted', 'upstream_invalid', '0.0075'] },
  'sends garbage': { script: (rec, res) => res.socket.end('\0\x01garbage that is not HTTP\r\n\r\n'), status: 502, code: 'upstream_invalid', row: ['interrupted', 'upstream_invalid', '0.0075'] },
  'sends a head without an end': { script: (rec, res) => res.socket.end('HTTP/1.1 200 OK\r\nContent-Ty'), status: 502, code: 'upstream_invalid', row: ['interrupted', 'upstream_invalid', '0.0075'] },
  'half-closes inside a JSON body': { script: (rec, res) => { res.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 }); res.write('{"id":"x",'); setTimeout(() => res.socket.end(), 10); }, cut: true, row: ['interrupted', null, null] },
  'sends 200 with a body that is not JSON': { script: (rec, res) => res.end('<html>oops</html>'), any: true },
  'sends an endless head': { script: (rec, res) => { const s = res.socket; s.write('HTTP/1.1 200 OK\r\n'); const iv = setInterval(() => { if (s.destroyed) return clearInterval(iv); s.write(`X-${Math.random()}: ${'a'.repeat(8000)}\r\n`); }, 1); s.on('close', () => clearInterval(iv)); s.on('error', () => {}); }, status: 502, code: 'upstream_invalid', row: ['interrupted', 'upstream_invalid', '0.0075'] },
};
for (const [name, c] of Object.entries(after))
  gtest(`an upstream that ${name} leaves one row, no hold, and others go on`, { UPSTREAM_TIMEOUT_S: '5', ...(c.env ?? {}) }, async ({ gw, mock }) => {
    const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '100' }] });
    if (c.script) mock.once(c.script);
    const r = await gw.chat(t.key, flat()).catch((e) => e);
    if (c.status) { assert.equal(r.status, c.status, `${r} ${r.text}`); assert.equal(r.error.code, c.code); }
    if (c.cut) assert.ok(r.cut || r.status === 502 || r.code === 'ECONNRESET', 'a cut body is not a success');
    const [row] = await gw.rows(1);
    if (c.row) { assert.equal(row.status, c.row[0]); if (c.row[1]) assert.equal(row.reason, c.row[1]); if (c.row[2]) assert.equal(row.usd, c.row[2]); }
    assert.equal((await gw.budgets())[0].heldUsd, '0');
    if (!c.env) assert.equal((await gw.chat(t.key, flat())).status, 200);
  });

gtest('a keep-alive connection that the provider closed is not the client\'s problem', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  for (let i = 0; i < 10; i++) {
    assert.equal((await gw.chat(t.key, flat())).status, 200);
    for (const s of mock.sockets) s.destroy();
    await waitUntil(() => mock.sockets.size === 0, 'the provider has closed');
  }
  const rows = await gw.rows(10);
  assert.ok(rows.every((r) => r.status === 'success'));
});

gtest('a slow reader holds the provider back instead of filling memory', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  const total = 48 << 20;
  let sent = 0;
  mock.once(async (rec, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    const ev = `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'gpt-flat', choices: [{ index: 0, delta: { content: 'x'.repeat(60000) }, finish_reason: null }] })}\n\n`;
    while (sent < total && !res.destroyed) { sent += ev.length; if (!res.write(ev)) await new Promise((r) => { res.once('drain', r); res.once('close', r); }); }
    res.end(chatStream('gpt-flat', { input: 1, output: 50 }));
  });
  const before = rss(gw);
  const c = net.connect(gw.port, '127.0.0.1');
  c.on('error', () => {});
  c.write(raw(t, flat({ stream: true })));
  c.pause();
  let last = -1;
  await waitUntil(async () => { const same = sent === last && sent > 0; last = sent; await new Promise((r) => setTimeout(r, 150)); return same; }, 'the provider is held back');
  assert.ok(sent < total, `${sent} bytes went into the buffers`);
  assert.ok(rss(gw) - before < 24 * 1024 * SLOW, `memory grew by ${rss(gw) - before} KiB`);
  assert.equal((await gw.chat(t.key, flat())).status, 200, 'others go on');
  let got = 0;
  c.on('data', (b) => (got += b.length));
  c.resume();
  await waitUntil(() => got > total, 'the reader gets everything', 60000);
  const rows = await gw.rows(2);
  assert.ok(rows.some((r) => r.compTok === 50 && r.status === 'success'));
  c.destroy();
});

gtest('a client that leaves at any stage leaves one row and no hold, descriptor or memory', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '1000' }] });
  const req = raw(t, flat());
  const stages = {
    'in the head': async (c) => { c.send(req.slice(0, 40)); },
    'in the body': async (c) => { c.send(req.slice(0, -10)); },
    'after the request': async (c) => { const n = mock.calls().length; c.send(req); await waitUntil(() => mock.calls().length > n, 'it is sent'); },
    'in the stream': async (c) => { c.send(raw(t, flat({ stream: true }))); await c.until(/data: /); },
  };
  mock.script = async (rec, res) => {
    if (!rec.json.stream) { await new Promise((r) => setTimeout(r, 15)); return mock.normal(rec, res); }
    const text = chatStream('gpt-flat', { input: 1, output: 100 });
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(text.slice(0, 250));
    await new Promise((r) => setTimeout(r, 15));
    res.end(text.slice(250));
  };
  await gw.chat(t.key, flat());
  const settle = () => waitUntil(async () => { const m = (await gw.admin('GET', '/metrics')).text; return /^budgetguard_holds_open 0$/m.test(m) && /^budgetguard_ledger_queue_depth 0$/m.test(m); }, 'nothing is in flight');
  const round = async () => { for (const [, f] of Object.entries(stages)) for (let i = 0; i < 10; i++) { const c = await RawClient.connect(gw.port); await f(c); c.destroy(); } await settle(); };
  await round();
  const base = fds(gw);
  const mem = rss(gw);
  for (let i = 0; i < 8; i++) await round();
  await waitUntil(() => fds(gw) <= base + 8, `descriptors are given back (${base} at first, ${fds(gw)} now)`, 15000);
  if (SLOW === 1) assert.ok(rss(gw) - mem < 12 * 1024, `memory grew by ${rss(gw) - mem} KiB`);
  const b = (await gw.budgets())[0];
  assert.equal(b.heldUsd, '0');
  const sent = mock.calls().length;
  const rows = await gw.ledger('status=success');
  const cut = await gw.ledger('status=interrupted');
  // Who left within its body is a request too: one row, nothing booked.
  const unsent = cut.filter((r) => !r.model);
  assert.ok(unsent.length > 0 && unsent.length <= 9 * 10, 'a reset may overtake the head');
  assert.ok(unsent.every((r) => r.usd === '0'));
  assert.equal(rows.length + cut.length - unsent.length, sent, 'every request that was sent has one row');
});

gtest('two thousand connections that come and go leave no descriptor behind', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  await gw.chat(t.key, flat());
  const base = fds(gw);
  for (let i = 0; i < 20; i++) {
    const cs = await Promise.all(Array.from({ length: 100 }, () => RawClient.connect(gw.port)));
    for (const c of cs) c.destroy();
  }
  await waitUntil(() => fds(gw) <= base + 8, 'descriptors are given back');
  assert.equal((await gw.chat(t.key, flat())).status, 200);
});
