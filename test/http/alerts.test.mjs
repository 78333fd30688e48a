// Alerts: once per budget, window and threshold, delivered at least once, over
// a webhook, a chat and mail, whatever the receivers do in between.
import { test } from 'node:test';
import { gtest, assert, flat, waitUntil, ADMIN, Gateway, nano, call, SLOW } from './fixture.mjs';
import http from 'node:http';
import net from 'node:net';
import crypto from 'node:crypto';
import { once } from 'node:events';

const SECRET = 'hook-secret-that-nobody-may-see';

/** An HTTP receiver whose answers are scripted: a status, or a function. */
class Receiver {
  constructor() { this.got = []; this.script = []; this.sockets = new Set(); }
  static async start(port = 0) {
    const r = new Receiver();
    r.server = http.createServer((q, s) => {
      const parts = [];
      q.on('data', (b) => parts.push(b));
      q.on('end', () => {
        const m = { method: q.method, url: q.url, headers: q.headers, text: Buffer.concat(parts).toString() };
        try { m.json = JSON.parse(m.text); } catch { /* not JSON */ }
        r.got.push(m);
        const next = r.script.length ? r.script.shift() : 200;
        m.answered = typeof next === 'number' ? next : 'own';
        if (typeof next === 'function') next(q, s); else s.writeHead(next).end('ok');
      });
    });
    r.server.on('connection', (c) => { r.sockets.add(c); c.on('close', () => r.sockets.delete(c)); });
    r.server.listen(port, '127.0.0.1');
    await once(r.server, 'listening');
    r.port = r.server.address().port;
    r.url = `http://127.0.0.1:${r.port}/hook/path-is-a-secret`;
    return r;
  }
  accepted() { return this.got.filter((m) => m.answered === 200); }
  async stop() { for (const c of this.sockets) c.destroy(); await new Promise((d) => this.server.close(d)); }
}

function signatureOk(m, secret = SECRET) {
  const want = crypto.createHmac('sha256', secret).update(`${m.headers['x-budgetguard-timestamp']}.${m.text}`).digest('hex');
  return m.headers['x-budgetguard-signature'] === `sha256=${want}`;
}

const PLAIN = Buffer.from('\0mailer\0smtp-password-hidden').toString('base64');
/** A small SMTP server (RFC 5321): keeps every mail it takes. */
class Smtp {
  constructor() { this.mails = []; this.commands = []; this.sockets = new Set(); this.refuse = []; }
  static async start({ auth = false } = {}) {
    const s = new Smtp();
    s.server = net.createServer((c) => s.serve(c, auth));
    s.server.listen(0, '127.0.0.1');
    await once(s.server, 'listening');
    s.url = `smtp://127.0.0.1:${s.server.address().port}`;
    return s;
  }
  serve(c, auth) {
    let buf = '', data = null, mail = { to: [] };
    this.sockets.add(c);
    c.on('close', () => this.sockets.delete(c));
    c.on('error', () => {});
    const say = (t) => c.write(`${t}\r\n`);
    say('220 test ESMTP');
    c.on('data', (b) => {
      buf += b.toString('latin1');
      for (;;) {
        if (data !== null) {
          const end = buf.indexOf('\r\n.\r\n');
          if (end < 0) return;
          mail.text = buf.slice(0, end + 2).replace(/^\.\./gm, '.');
          buf = buf.slice(end + 5);
          data = null;
          if (this.refuse.length) { say(this.refuse.shift()); } else { this.mails.push(mail); say('250 taken'); }
          mail = { to: [] };
          continue;
        }
        const at = buf.indexOf('\r\n');
        if (at < 0) return;
        const line = buf.slice(0, at);
        buf = buf.slice(at + 2);
        this.commands.push(line);
        const verb = line.split(' ')[0].toUpperCase();
        if (verb === 'EHLO') { c.write(`250-test\r\n${auth ? '250-AUTH PLAIN\r\n' : ''}250 8BITMIME\r\n`); }
        else if (line === 'AUTH PLAIN') say('334 ');
        else if (verb === 'AUTH' || line === PLAIN) { this.login = line.split(' ').pop(); say('235 welcome'); }
        else if (verb === 'MAIL') { mail.from = line; say('250 ok'); }
        else if (verb === 'RCPT') { mail.to.push(line); say('250 ok'); }
        else if (verb === 'DATA') { data = ''; say('354 go on'); }
        else if (verb === 'QUIT') { say('221 bye'); c.end(); }
        else say('500 what');
      }
    });
  }
  async stop() { for (const c of this.sockets) c.destroy(); await new Promise((d) => this.server.close(d)); }
}

const alerts = async (gw, q = '') => (await gw.ok('GET', `/admin/alerts?${q}`)).data;
const settled = (gw, n) => waitUntil(async () => {
  const a = await alerts(gw);
  return a.length === n && a.every((x) => x.deliveries.every((d) => d.state === 'delivered')) && a;
}, `${n} alerts are delivered`, 20000 * SLOW);
/** The detector has looked past everything that was booked. */
async function looked(gw, rows) {
  await gw.rows(rows);
  // it says how far it is within seconds; before that its alerts are there
  await waitUntil(() => Number(gw.sql("SELECT value FROM setting WHERE name='alerts_seen'").out) >= Number(gw.sql('SELECT max(id) FROM ledger').out), 'every row was looked at', 15000 * SLOW);
}

const withHook = (extra = {}) => ({ ALERT_WEBHOOK_URL: 'set below', ALERT_WEBHOOK_SECRET: SECRET, ...extra });
/** gtest with a receiver that lives as long as the test. */
function atest(name, env, fn) {
  gtest(name, {}, async (x) => {
    const r = await Receiver.start();
    try {
      await x.gw.start({ ...withHook(env), ALERT_WEBHOOK_URL: r.url });
      await fn({ ...x, hook: r });
      assert.ok(!x.gw.log.includes(SECRET), 'the signing secret is not in the log');
      assert.ok(!x.gw.log.includes('path-is-a-secret'), 'the address is not in the log');
    } finally { await r.stop(); }
  }, { noStart: true });
}

atest('fifty parallel calls raise each threshold exactly once, signed, after two failures', {}, async ({ gw, mock, hook }) => {
  hook.script = [500, (q, s) => q.socket.destroy()];
  const t = await gw.tenant('acme');
  const b = (await gw.budget(t.id, 'monthly', '1', { alertThresholds: [10, 20, 30, 200] }))[0];
  // 50 x 0.0075 = 0.375 USD
  const rs = await Promise.all(Array.from({ length: 50 }, () => gw.chat(t.key, flat())));
  assert.deepEqual([...new Set(rs.map((r) => r.status))], [200]);
  const rows = await settled(gw, 3);
  await looked(gw, 50);
  assert.deepEqual((await alerts(gw)).map((a) => a.threshold).sort(), [10, 20, 30], 'and none came later');
  const sent = hook.accepted();
  assert.deepEqual(sent.map((m) => m.json.threshold).sort(), [10, 20, 30]);
  assert.equal(hook.got.length, 5, 'three and the two that failed');
  for (const m of hook.got) assert.ok(signatureOk(m), 'signed over time and body');
  assert.equal(new Set(hook.got.map((m) => m.headers['x-budgetguard-delivery'])).size, 3, 'a repetition has the same id');
  for (const a of rows) {
    const m = sent.find((x) => x.json.id === a.id);
    assert.equal(m.method, 'POST');
    assert.match(m.headers['content-type'], /^application\/json/);
    assert.equal(m.json.type, 'budget.threshold');
    for (const k of ['ts', 'budgetId', 'scope', 'period', 'threshold', 'spentUsd', 'amountUsd']) assert.deepEqual(m.json[k], a[k], k);
    assert.equal(a.budgetId, b.id);
    assert.deepEqual(a.scope, { kind: 'tenant', id: String(t.id), tenantId: t.id, name: 'acme' });
    assert.equal(a.period, 'monthly');
    assert.equal(a.amountUsd, '1');
    assert.ok(nano(a.spentUsd) >= BigInt(a.threshold) * 10000000n);
    assert.equal(m.json.text, `BudgetGuard: ${a.threshold}% of the monthly budget of tenant "acme" reached: $${a.spentUsd} of $1 spent`);
    assert.deepEqual(a.deliveries.map((d) => [d.channel, d.state, d.nextAttemptAt, d.lastError]), [['webhook', 'delivered', null, null]]);
  }
  assert.equal(rows.reduce((n, a) => n + a.deliveries[0].attempts, 0), 5);
  const said = gw.log.split('\n').filter((l) => l.includes('budget threshold reached'));
  assert.equal(said.length, 3, 'one log line each');
});

atest('after a restart nothing is raised again, and a new threshold still is', {}, async ({ gw, hook }) => {
  const t = await gw.tenant('acme');
  await gw.budget(t.id, 'daily', '0.008');
  assert.equal((await gw.chat(t.key, flat())).status, 200); // 93.75 %
  await settled(gw, 1);
  const before = (await alerts(gw)).map((a) => [a.id, a.threshold]);
  const count = hook.got.length;
  await gw.restart();
  const b = (await gw.budgets())[0];
  await gw.ok('PUT', `/admin/budgets/${b.id}`, { alertThresholds: [1, 80, 100] });
  await settled(gw, before.length + 1);
  assert.deepEqual((await alerts(gw)).slice(1).map((a) => [a.id, a.threshold]), before);
  assert.equal((await alerts(gw))[0].threshold, 1);
  assert.equal(hook.got.length, count + 1);
});

gtest('killed between detection and delivery, it delivers after the restart', {}, async ({ gw }) => {
  const r = await Receiver.start();
  const { port } = r;
  try {
    r.script = Array(1000).fill(503);
    await gw.start({ ALERT_WEBHOOK_URL: r.url, ALERT_WEBHOOK_SECRET: SECRET });
    const t = await gw.tenant('acme');
    await gw.budget(t.id, 'total', '0.0075');
    assert.equal((await gw.chat(t.key, flat())).status, 200);
    await waitUntil(async () => (await alerts(gw)).some((a) => a.deliveries[0].lastError === 'HTTP 503' && a.deliveries[0].attempts >= 1), 'a failed attempt shows');
    const pending = await alerts(gw);
    assert.equal(pending.length, 2);
    for (const a of pending) assert.equal(a.deliveries[0].state, 'pending');
    assert.ok(pending.some((a) => Date.parse(a.deliveries[0].nextAttemptAt) > Date.parse(a.ts)));
    await gw.kill9();
    await r.stop();
    const r2 = await Receiver.start(port);
    try {
      await gw.start();
      await settled(gw, 2);
      assert.deepEqual(r2.accepted().map((m) => m.json.threshold).sort((a, b) => a - b), [80, 100]);
    } finally { await r2.stop(); }
  } finally { if (r.server.listening) await r.stop(); }
}, { noStart: true });

atest('killed right behind the answer, before anybody looked, it raises after the restart', {}, async ({ gw }) => {
  const t = await gw.tenant('acme');
  await gw.budget(t.id, 'hourly', '0.0075');
  await gw.chat(t.key, flat());
  await gw.kill9();
  await gw.start();
  await settled(gw, 2);
});

atest('default thresholds come from ALERT_THRESHOLDS, a budget may have its own or none', { ALERT_THRESHOLDS: '50, 100', BUDGET_DAILY_USD: '0.015', BUDGET_PERIODS: 'daily' }, async ({ gw }) => {
  const t = await gw.tenant('acme');
  const [a] = await gw.budget(t.id, 'monthly', '0.015');
  const [b] = await gw.budget(t.id, 'weekly', '0.015', { alertThresholds: { warn: 25, page: 40 } });
  const [c] = await gw.budget(t.id, 'total', '0.015', { alertThresholds: [] });
  assert.deepEqual([a, b, c].map((x) => x.alertThresholds), [[50, 100], [25, 40], []]);
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  const rows = await settled(gw, 4);
  assert.deepEqual(rows.map((x) => [x.period, x.threshold, x.budgetId]).sort(), [['daily', 50, null], ['monthly', 50, a.id], ['weekly', 25, b.id], ['weekly', 40, b.id]].sort());
});

atest('every scope raises: global, key, tag, user, model, soft and rolling', {}, async ({ gw }) => {
  const t = await gw.tenant('acme');
  const tag = await gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name: 'eng' });
  const make = (scope, more = {}) => gw.ok('POST', '/admin/budgets', { scope, period: 'daily', amountUsd: '0.01', alertThresholds: [70], mode: 'soft', ...more }, 201);
  await make({ kind: 'global' });
  await make({ kind: 'key', id: t.keyId });
  await make({ kind: 'tag', id: tag.id });
  await make({ kind: 'user', id: 'u-1', tenantId: t.id });
  await make({ kind: 'model', id: 'gpt-*' });
  await make({ kind: 'tenant', id: t.id }, { period: 'rolling:24h' });
  for (let i = 0; i < 3; i++) await gw.chat(t.key, flat({ user: 'u-1' }), { headers: { 'x-tags': 'eng' } });
  const rows = await settled(gw, 6);
  await looked(gw, 3);
  assert.equal((await alerts(gw)).length, 6, 'once each, the rolling one too');
  assert.deepEqual(rows.map((a) => `${a.scope.kind} ${a.scope.name}`).sort(), ['global null', `key ${t.keyId}`, 'model gpt-*', 'tag eng', 'tenant acme', 'user u-1']);
  assert.deepEqual((await alerts(gw, `tenantId=${t.id}`)).length, 4);
  const page = await gw.ok('GET', '/admin/alerts?limit=4');
  const rest = await gw.ok('GET', `/admin/alerts?limit=4&cursor=${page.nextCursor}`);
  assert.deepEqual([...page.data, ...rest.data].map((a) => a.id), rows.map((a) => a.id));
  assert.equal(rest.nextCursor, null);
});

atest('ingested usage and a lowered amount raise, too', { INGEST_KEY: 'ingest-secret-0123456789' }, async ({ gw }) => {
  const tok = await gw.ok('POST', '/ingest/tokens', { label: 'app' }, 201);
  const r = await call(`${gw.url}/ingest`, { json: { tracking_token: tok.token, model: 'gpt-flat', event_id: 'e1', prompt_tokens: 0, completion_tokens: 100 }, headers: { 'x-ingest-key': 'ingest-secret-0123456789' } });
  assert.equal(r.status, 201, r.text);
  await gw.rows(1);
  const tenant = (await gw.ledger())[0].tenantId;
  const [b] = await gw.budget(tenant, 'daily', '1');
  await gw.ok('PUT', `/admin/budgets/${b.id}`, { amountUsd: '0.008' });
  const rows = await settled(gw, 1);
  assert.equal(rows[0].threshold, 80);
});

gtest('a chat gets mrkdwn with its three characters escaped, and no other request waits for a slow one', {}, async ({ gw }) => {
  const slack = await Receiver.start(), slow = await Receiver.start();
  try {
    slow.script = [() => {}]; // never answers
    await gw.start({ ALERT_SLACK_URL: slack.url, ALERT_WEBHOOK_URL: slow.url, ALERT_TIMEOUT_S: '100' });
    const t = await gw.tenant('<!channel> & "co"');
    await gw.budget(t.id, 'daily', '0.0075', { alertThresholds: [100] });
    await gw.chat(t.key, flat());
    await waitUntil(() => slack.got.length === 1, 'the chat has it');
    assert.deepEqual(Object.keys(slack.got[0].json), ['text']);
    assert.equal(slack.got[0].json.text, 'BudgetGuard: 100% of the daily budget of tenant "&lt;!channel&gt; &amp; \\"co\\"" reached: $0.0075 of $0.0075 spent');
    await waitUntil(async () => (await alerts(gw))[0].deliveries.find((d) => d.channel === 'slack').state === 'delivered', 'noted');
    await waitUntil(() => slow.got.length === 1, 'the slow one has it, too');
    assert.equal((await alerts(gw))[0].deliveries.find((d) => d.channel === 'webhook').state, 'pending');
    // the fixture stops the gateway now: it must not wait for the slow one
    assert.deepEqual(await gw.stop(), { code: 0, signal: null });
    assert.equal(gw.sql("SELECT state,attempts FROM alert_delivery WHERE channel='webhook'").out, 'pending|0', 'it is tried again after a start');
    slow.script = [];
    await gw.start();
    await settled(gw, 1);
  } finally { await slack.stop(); await slow.stop(); }
}, { noStart: true });

gtest('mail reaches every recipient with a safe subject and body, after a refusal', {}, async ({ gw }) => {
  const smtp = await Smtp.start({ auth: true });
  try {
    smtp.refuse = ['451 try later'];
    await gw.start({ ALERT_SMTP_URL: smtp.url, ALERT_SMTP_USER: 'mailer', ALERT_SMTP_PASSWORD: 'smtp-password-hidden', ALERT_SMTP_TLS: 'off', ALERT_EMAIL_FROM: 'guard@example.com', ALERT_EMAIL_TO: 'a@example.com, b@example.org' });
    const name = 'Ünïcode änd "quotes" – Straße Çelik Örnek Müller';
    const t = await gw.tenant(name);
    await gw.budget(t.id, 'monthly', '0.0075', { alertThresholds: [100] });
    await gw.chat(t.key, flat());
    const [a] = await settled(gw, 1);
    assert.equal(a.deliveries[0].attempts, 2);
    assert.equal(a.deliveries[0].channel, 'email');
    const [m] = smtp.mails;
    assert.equal(smtp.mails.length, 1);
    assert.match(m.from, /^MAIL FROM:<guard@example\.com>/);
    assert.deepEqual(m.to.map((x) => /<(.*)>/.exec(x)[1]), ['a@example.com', 'b@example.org']);
    assert.equal(smtp.login, PLAIN);
    const [head, body] = m.text.split('\r\n\r\n');
    assert.ok(head.split('\r\n').every((l) => l.length <= 78 && /^[\x20-\x7e]*$/.test(l)), head);
    const unfolded = head.replace(/\r\n /g, ' ');
    const subject = /^Subject: (.*)$/m.exec(unfolded)[1];
    const words = subject.split(' ').map((w) => /^=\?UTF-8\?B\?(.*)\?=$/.exec(w)[1]);
    for (const w of words) assert.ok(!Buffer.from(w, 'base64').toString().includes('\ufffd'), 'no character is cut');
    const text = words.map((w) => Buffer.from(w, 'base64').toString()).join('');
    assert.equal(text, `BudgetGuard: 100% of the monthly budget of tenant ${JSON.stringify(name)} reached: $0.0075 of $0.0075 spent`);
    assert.ok(Buffer.from(body, 'base64').toString().startsWith(text));
    assert.match(unfolded, /^Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000\r?$/m);
    const date = new Date(/^Date: (.*?)\r?$/m.exec(unfolded)[1]);
    assert.equal(date.toUTCString().slice(0, 3), /^Date: (...)/m.exec(unfolded)[1]);
    assert.match(unfolded, /^Message-ID: <[0-9a-f]{32}@example\.com>\r?$/m);
    assert.ok(!gw.log.includes('smtp-password-hidden'));
  } finally { await smtp.stop(); }
}, { noStart: true });

atest('redirects are not followed, and a long or cut answer is still a receipt', { ALERT_TIMEOUT_S: '5' }, async ({ gw, hook }) => {
  const elsewhere = await Receiver.start();
  try {
    hook.script = [(q, s) => s.writeHead(302, { location: elsewhere.url }).end(), (q, s) => { s.writeHead(200); s.end('x'.repeat(1 << 20)); }];
    const t = await gw.tenant('acme');
    await gw.budget(t.id, 'daily', '0.0075', { alertThresholds: [100] });
    await gw.chat(t.key, flat());
    const [a] = await settled(gw, 1);
    assert.equal(a.deliveries[0].attempts, 2);
    assert.equal(elsewhere.got.length, 0);
    assert.equal(hook.got.length, 2);
  } finally { await elsewhere.stop(); }
});

atest('POST /admin/alerts/test tries the channels and says how it went', {}, async ({ gw, hook }) => {
  assert.deepEqual(await gw.ok('POST', '/admin/alerts/test', {}), { results: [{ channel: 'webhook', delivered: true, error: null }] });
  assert.equal(hook.got[0].json.type, 'test');
  assert.ok(signatureOk(hook.got[0]));
  hook.script = [401];
  assert.deepEqual(await gw.ok('POST', '/admin/alerts/test', { channel: 'webhook' }), { results: [{ channel: 'webhook', delivered: false, error: 'HTTP 401' }] });
  const bad = await gw.admin('POST', '/admin/alerts/test', { channel: 'pager' });
  assert.deepEqual([bad.status, bad.json], [400, { error: 'Unknown alert channel', code: 'invalid_channel' }]);
  assert.equal((await alerts(gw)).length, 0, 'a test is no alert');
  await hook.stop();
  const r = await gw.ok('POST', '/admin/alerts/test', {});
  assert.equal(r.results[0].delivered, false);
  assert.ok(!JSON.stringify(r).includes('127.0.0.1'), 'no address in an error');
  for (const [m, p] of [['GET', '/admin/alerts'], ['POST', '/admin/alerts/test']]) {
    const no = await gw.call(p, { method: m, json: m === 'POST' ? {} : undefined });
    assert.deepEqual([no.status, no.json], [401, { error: 'Unauthorized', code: 'unauthorized' }]);
  }
  const put = await gw.admin('PUT', '/admin/alerts', {});
  assert.equal(put.status, 405);
  assert.ok((await gw.ok('GET', '/admin/audit')).data.some((x) => x.event === 'alert.test'));
  await Receiver.start(hook.port).then((x) => { hook.server = x.server; hook.sockets = x.sockets; });
});

gtest('without a channel alerts are rows all the same', {}, async ({ gw }) => {
  const t = await gw.tenant('acme');
  await gw.budget(t.id, 'daily', '0.0075', { alertThresholds: [100] });
  await gw.chat(t.key, flat());
  const [a] = await settled(gw, 1);
  assert.deepEqual(a.deliveries, []);
  const r = await gw.admin('POST', '/admin/alerts/test', {});
  assert.deepEqual([r.status, r.json.error], [400, 'No alert channel is configured']);
});

test('a wrong alert variable is a start-up error that names it and shows no secret', async () => {
  for (const [env, name] of [
    [{ ALERT_WEBHOOK_URL: 'ftp://h/secret-part' }, 'ALERT_WEBHOOK_URL'],
    [{ ALERT_SLACK_URL: 'not a url secret-part' }, 'ALERT_SLACK_URL'],
    [{ ALERT_SMTP_URL: 'http://h/' }, 'ALERT_SMTP_URL'],
    [{ ALERT_SMTP_URL: 'smtp://h', ALERT_EMAIL_FROM: 'a@b' }, 'ALERT_EMAIL_TO'],
    [{ ALERT_SMTP_URL: 'smtp://h', ALERT_EMAIL_FROM: 'a@b', ALERT_EMAIL_TO: 'x@y>\r\nDATA' }, 'ALERT_EMAIL_TO'],
    [{ ALERT_SMTP_URL: 'smtp://h', ALERT_EMAIL_FROM: 'nobody', ALERT_EMAIL_TO: 'x@y' }, 'ALERT_EMAIL_FROM'],
    [{ ALERT_SMTP_URL: 'smtp://h', ALERT_EMAIL_FROM: 'a@b', ALERT_EMAIL_TO: 'x@y', ALERT_SMTP_USER: 'u' }, 'ALERT_SMTP_USER'],
    [{ ALERT_SMTP_URL: 'smtp://h', ALERT_EMAIL_FROM: 'a@b', ALERT_EMAIL_TO: 'x@y', ALERT_SMTP_TLS: 'maybe' }, 'ALERT_SMTP_TLS'],
    [{ ALERT_EMAIL_TO: 'x@y' }, 'ALERT_SMTP_URL'],
    [{ ALERT_THRESHOLDS: '50,zero' }, 'ALERT_THRESHOLDS'],
    [{ ALERT_THRESHOLDS: '50,50' }, 'ALERT_THRESHOLDS'],
    [{ ALERT_TIMEOUT_S: '0' }, 'ALERT_TIMEOUT_S'],
  ]) {
    const r = await Gateway.run({ PORT: '0', ...env });
    assert.equal(r.code, 2, `${name}: ${r.code} ${r.err}`);
    assert.ok((r.err + r.out).includes(name), `${name}: ${r.err}`);
    assert.ok(!(r.err + r.out).includes('secret-part'));
  }
});

test('budgetguard config documents the alert variables and shows no secret', async () => {
  const r = await Gateway.run({ ALERT_WEBHOOK_URL: 'https://hooks.example/abc', ALERT_WEBHOOK_SECRET: SECRET, ALERT_SLACK_URL: 'https://hooks.example/slack-abc', ALERT_SMTP_PASSWORD: 'pw-123456' }, ['config']);
  assert.equal(r.code, 0, r.err);
  for (const n of ['THRESHOLDS', 'WEBHOOK_URL', 'WEBHOOK_SECRET', 'SLACK_URL', 'EMAIL_TO', 'EMAIL_FROM', 'SMTP_URL', 'SMTP_USER', 'SMTP_PASSWORD', 'SMTP_TLS', 'TIMEOUT_S']) assert.ok(r.out.includes(`ALERT_${n}`), n);
  for (const s of ['hooks.example', SECRET, 'pw-123456']) assert.ok(!r.out.includes(s));
});

atest('a window that is over raises if its threshold was passed within a day, history does not', { INGEST_KEY: 'ingest-secret-1' }, async ({ gw }) => {
  const t = await gw.tenant('acme');
  await gw.budget(t.id, 'hourly', '1', { alertThresholds: [100] });
  const k = await gw.ok('POST', '/ingest/tokens', { label: 'app', tenant: 'acme' }, 201);
  const now = Date.now();
  for (const ago of [3600000, 3 * 86400000]) {
    const r = await call(`${gw.url}/ingest`, { json: { tracking_token: k.token, model: 'gpt-4o', prompt_tokens: 1, cost_usd: 2, timestamp: new Date(now - ago).toISOString() }, headers: { 'x-ingest-key': 'ingest-secret-1' } });
    assert.equal(r.status, 201, r.text);
  }
  await looked(gw, 2);
  const rows = await settled(gw, 1);
  const hour = new Date(now - 3600000);
  assert.equal(rows[0].windowStart, new Date(hour.setUTCMinutes(0, 0, 0)).toISOString());
  for (const q of ['limit=0', 'limit=1001', 'limit=x', 'cursor=0', 'tenantId=-1']) assert.equal((await gw.admin('GET', `/admin/alerts?${q}`)).status, 400, q);
});

atest('a correction lowers what was spent, and what is deleted keeps its alerts', {}, async ({ gw }) => {
  const t = await gw.tenant('acme');
  await gw.budget(t.id, 'daily', '0.0075', { alertThresholds: [100] });
  await gw.chat(t.key, flat());
  const [a] = await settled(gw, 1);
  const [row] = await gw.rows(1);
  await gw.ok('POST', `/admin/usage/ledger/${row.id}/corrections`, { usd: '-0.0075', reason: 'test' }, 201);
  await gw.chat(t.key, flat());
  await looked(gw, 3);
  assert.equal((await alerts(gw)).length, 1, 'the window has had this one');
  await gw.ok('DELETE', `/admin/tenant/${t.id}`);
  assert.deepEqual((await alerts(gw)).map((x) => [x.id, x.scope.name]), [[a.id, 'acme']]);
});

atest('a receiver that hangs, or drips, is given up after ALERT_TIMEOUT_S and tried again', { ALERT_TIMEOUT_S: '1' }, async ({ gw, hook }) => {
  hook.script = [() => {}, (q, s) => { s.writeHead(200, { 'content-length': '1000' }); const t = setInterval(() => (s.destroyed ? clearInterval(t) : s.write('x')), 100); }];
  const t = await gw.tenant('acme');
  await gw.budget(t.id, 'daily', '0.0075', { alertThresholds: [100] });
  await gw.chat(t.key, flat());
  await waitUntil(async () => (await alerts(gw))[0]?.deliveries[0].lastError === 'no answer in time', 'the first attempt shows', 20000 * SLOW);
  const [a] = await settled(gw, 1);
  assert.equal(a.deliveries[0].attempts, 3);
  assert.equal(hook.got.length, 3);
});

for (const point of ['alert.before_commit', 'alert.committed', 'alert.sent'])
  atest(`killed at ${point}, every threshold is raised once and arrives`, {}, async ({ gw, hook }) => {
    const t = await gw.tenant('acme');
    await gw.budget(t.id, 'daily', '0.0075');
    await gw.restart({ BG_FAULT: `${point}:kill` });
    assert.equal((await gw.chat(t.key, flat())).status, 200);
    assert.deepEqual(await gw.ended(), { code: null, signal: 'SIGKILL' });
    await gw.start({ BG_FAULT: '' });
    const rows = await settled(gw, 2);
    assert.deepEqual(rows.map((a) => a.threshold).sort(), [100, 80]);
    assert.equal(new Set(hook.got.map((m) => m.headers['x-budgetguard-delivery'])).size, 2);
    assert.equal(hook.got.length, point === 'alert.sent' ? 3 : 2, 'what was not noted is sent again under its number');
  });

atest('while alerts cannot be written calls go on, and nothing is forgotten', {}, async ({ gw }) => {
  const t = await gw.tenant('acme');
  await gw.budget(t.id, 'daily', '0.0225', { alertThresholds: [30, 60] });
  await gw.restart({ BG_FAULT: 'alert.before_commit:failall' });
  for (let i = 0; i < 2; i++) assert.equal((await gw.chat(t.key, flat())).status, 200);
  await waitUntil(() => gw.logContains('alerts cannot be looked for'), 'the log says so');
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  assert.deepEqual(await alerts(gw), []);
  await gw.restart({ BG_FAULT: '' });
  assert.deepEqual((await settled(gw, 2)).map((a) => a.threshold), [60, 30]);
});

gtest('a password is not sent to a server without TLS unless that is allowed', {}, async ({ gw }) => {
  const smtp = await Smtp.start({ auth: true });
  try {
    await gw.start({ ALERT_SMTP_URL: smtp.url, ALERT_SMTP_USER: 'mailer', ALERT_SMTP_PASSWORD: 'smtp-password-hidden', ALERT_EMAIL_FROM: 'guard@example.com', ALERT_EMAIL_TO: 'a@example.com' });
    const r = await gw.ok('POST', '/admin/alerts/test', {});
    assert.equal(r.results[0].delivered, false);
    assert.match(r.results[0].error, /SSL|TLS/);
    assert.ok(smtp.commands.length > 0);
    assert.ok(!smtp.commands.some((c) => /AUTH|MAIL/.test(c)), smtp.commands.join());
    await gw.restart({ ALERT_SMTP_USER: null, ALERT_SMTP_PASSWORD: null });
    assert.equal((await gw.ok('POST', '/admin/alerts/test', {})).results[0].delivered, true, 'without one it may go');
    assert.match(smtp.mails[0].text, /^Auto-Submitted: auto-generated\r$/m);
  } finally { await smtp.stop(); }
}, { noStart: true });
