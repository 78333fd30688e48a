// /metrics: the names, labels and types of contract 7 and of OpenTelemetry,
// read by a parser that takes nothing the format does not allow, and the
// dashboard and alert rules in packaging/, which may use nothing else.
import { gtest, assert, flat, call, waitUntil, ROOT } from './fixture.mjs';
import { test } from 'node:test';
import fs from 'node:fs';
import path from 'node:path';

/** Strict reader of text format 0.0.4: {family: {type, help, samples}}. */
export function parse(text) {
  const families = new Map(), seen = new Set();
  let now = null;
  assert.ok(text.endsWith('\n'), 'ends with a line feed');
  assert.ok(!text.includes('\ufffd'), 'well-formed UTF-8');
  for (const line of text.slice(0, -1).split('\n')) {
    let m;
    if ((m = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line))) {
      assert.ok(!families.has(m[1]), `HELP of ${m[1]} once, its lines together`);
      assert.ok(!/\\(?![\\n])/.test(m[2]), 'escapes in HELP');
      now = { name: m[1], help: m[2], samples: [] };
      families.set(m[1], now);
      continue;
    }
    if ((m = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$/.exec(line))) {
      assert.equal(m[1], now.name, 'TYPE follows HELP');
      assert.equal(now.type, undefined, 'TYPE once');
      assert.equal(now.samples.length, 0, 'TYPE before samples');
      now.type = m[2];
      continue;
    }
    m = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    assert.ok(m, `a sample: ${line}`);
    const labels = {};
    let rest = m[2];
    while (rest) {
      const l = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=[a-zA-Z_])|$)/.exec(rest);
      assert.ok(l, `labels: ${rest}`);
      assert.ok(!(l[1] in labels), `label ${l[1]} once: ${line}`);
      assert.ok(!/[\x00-\x09\x0b-\x1f]/.test(l[2]), 'no control characters');
      labels[l[1]] = l[2].replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
      rest = rest.slice(l[0].length);
    }
    assert.match(m[3], /^(?:[+-]?\d+(?:\.\d+)?)$/, `a number: ${line}`);
    const suffix = now.type === 'histogram' ? m[1].slice(now.name.length) : '';
    assert.equal(m[1], now.name + suffix, `belongs to ${now.name}`);
    if (now.type === 'histogram') assert.ok(['_bucket', '_sum', '_count'].includes(suffix), line);
    else assert.ok(!('le' in labels));
    const key = m[1] + JSON.stringify(Object.entries(labels).sort());
    assert.ok(!seen.has(key), `twice: ${line}`);
    seen.add(key);
    if (now.type === 'counter') assert.ok(Number(m[3]) >= 0, `a counter is not negative: ${line}`);
    now.samples.push({ name: m[1], suffix, labels, value: Number(m[3]), text: m[3] });
  }
  for (const f of families.values()) {
    assert.ok(f.type, `${f.name} has a type`);
    if (f.type === 'histogram') histogram(f);
  }
  return families;
}
function histogram(f) {
  const series = new Map();
  for (const s of f.samples) {
    const { le, ...own } = s.labels;
    const key = JSON.stringify(Object.entries(own).sort());
    if (!series.has(key)) series.set(key, { buckets: [] });
    const x = series.get(key);
    if (s.suffix === '_bucket') x.buckets.push({ le: le === '+Inf' ? Infinity : Number(le), n: s.value });
    else x[s.suffix.slice(1)] = s.value;
  }
  for (const x of series.values()) {
    assert.ok(x.buckets.length > 1 && x.sum >= 0);
    for (let i = 1; i < x.buckets.length; i++) {
      assert.ok(x.buckets[i].le > x.buckets[i - 1].le, `${f.name}: bounds ascend`);
      assert.ok(x.buckets[i].n >= x.buckets[i - 1].n, `${f.name}: buckets are cumulative`);
    }
    assert.equal(x.buckets.at(-1).le, Infinity);
    assert.equal(x.buckets.at(-1).n, x.count, `${f.name}: +Inf equals the count`);
    if (x.count === 0) assert.equal(x.sum, 0);
  }
}

const SCRAPED = {
  budgetguard_requests_total: ['counter', 'route,provider,status,reason'],
  budgetguard_request_seconds: ['histogram', ''],
  budgetguard_overhead_seconds: ['histogram', ''],
  budgetguard_ttft_seconds: ['histogram', ''],
  budgetguard_tokens_total: ['counter', 'kind,provider,model'],
  budgetguard_spend_usd_total: ['counter', 'tenant,provider,model'],
  budgetguard_budget_limit_usd: ['gauge', 'scope,scope_id,period'],
  budgetguard_budget_spent_usd: ['gauge', 'scope,scope_id,period'],
  budgetguard_budget_held_usd: ['gauge', 'scope,scope_id,period'],
  budgetguard_rate_limit_hits_total: ['counter', 'kind'],
  budgetguard_auth_failures_total: ['counter', 'kind'],
  budgetguard_policy_seconds: ['histogram', ''],
  budgetguard_policy_errors_total: ['counter', ''],
  budgetguard_ingest_total: ['counter', 'result'],
  budgetguard_ledger_queue_depth: ['gauge', ''],
  budgetguard_holds_open: ['gauge', ''],
  budgetguard_overruns_total: ['counter', ''],
  budgetguard_build_info: ['gauge', 'version'],
  budgetguard_alerts_total: ['counter', 'period'],
  budgetguard_alert_deliveries_total: ['counter', 'channel,result'],
  gen_ai_client_token_usage: ['histogram', 'gen_ai_operation_name,gen_ai_provider_name,gen_ai_request_model,gen_ai_token_type'],
  gen_ai_client_operation_duration_seconds: ['histogram', 'gen_ai_operation_name,gen_ai_provider_name,gen_ai_request_model,error_type'],
  gen_ai_server_request_duration_seconds: ['histogram', 'gen_ai_operation_name,gen_ai_provider_name,gen_ai_request_model,error_type'],
  gen_ai_server_time_to_first_token_seconds: ['histogram', 'gen_ai_operation_name,gen_ai_provider_name,gen_ai_request_model'],
  gen_ai_server_time_per_output_token_seconds: ['histogram', 'gen_ai_operation_name,gen_ai_provider_name,gen_ai_request_model'],
};
const scrape = async (gw) => { const r = await gw.call('/metrics'); assert.equal(r.status, 200); assert.equal(r.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8'); return parse(r.text); };
const count = (f, name, want = {}) => f.get(name).samples.filter((s) => s.suffix !== '_bucket' && s.suffix !== '_sum' && Object.entries(want).every(([k, v]) => s.labels[k] === v)).reduce((n, s) => n + s.value, 0);
const stream = (gw, t, more) => gw.chat(t.key, flat({ stream: true, ...more }));

/** Something of everything that is counted. */
async function everything(gw) {
  const hostile = 'a"b\\c <&> Ünï\u0001 x';
  const t = await gw.tenant('te"na\\nt', { rateLimitPerMin: 0 });
  await gw.budget(t.id, 'daily', '1', { alertThresholds: [1] });
  await gw.ok('POST', '/admin/budgets', { scope: { kind: 'user', id: hostile, tenantId: t.id }, period: 'daily', amountUsd: '1' }, 201);
  assert.equal((await gw.chat(t.key, flat({ user: hostile }))).status, 200);
  assert.equal((await stream(gw, t)).status, 200);
  assert.equal((await gw.chat('bg_wrong', flat())).status, 401);
  assert.equal((await gw.chat(t.key, flat({ model: 'a"b\\c <&> Ünï', max_tokens: 1 }))).status, 200);
  const slow = await gw.tenant('slow', { rateLimitPerMin: 1 });
  for (let i = 0; i < 2; i++) await gw.chat(slow.key, flat());
  const k = await gw.ok('POST', '/ingest/tokens', { label: 'app' }, 201);
  await call(`${gw.url}/ingest`, { json: { tracking_token: k.token, model: 'gpt-4o', prompt_tokens: 5 }, headers: { 'x-ingest-key': 'ingest-secret-1' } });
  await gw.call('/admin/tenant', { headers: { 'x-admin-key': 'wrong' } });
  await waitUntil(async () => (await gw.ok('GET', '/admin/alerts')).data.length > 0, 'an alert');
  return t;
}

gtest('every family of the contract is there with its labels and type, in a text a strict parser takes', { INGEST_KEY: 'ingest-secret-1', UNKNOWN_PRICE: 'dearest' }, async ({ gw }) => {
  await everything(gw);
  // alerts are raised by a watcher, a moment later
  await waitUntil(async () => (await scrape(gw)).get('budgetguard_alerts_total')?.samples.length > 0, 'an alert is counted');
  const f = await scrape(gw);
  for (const [name, [type, labels]] of Object.entries(SCRAPED)) {
    assert.ok(f.has(name), name);
    assert.equal(f.get(name).type, type, name);
    for (const s of f.get(name).samples) assert.equal(Object.keys(s.labels).filter((k) => k !== 'le').join(), labels, name);
  }
  assert.deepEqual([...f.keys()].filter((n) => !(n in SCRAPED)), [], 'and nothing that is not written down');
  for (const n of ['requests_total', 'tokens_total', 'spend_usd_total', 'budget_limit_usd', 'rate_limit_hits_total', 'auth_failures_total', 'ingest_total', 'alerts_total', 'overruns_total', 'policy_errors_total']) assert.ok(f.get(`budgetguard_${n}`).samples.length > 0, n);
  for (const n of ['request', 'overhead', 'ttft', 'policy']) assert.ok(count(f, `budgetguard_${n}_seconds`) > 0 || n === 'policy', n);
  assert.equal(f.get('budgetguard_spend_usd_total').samples.find((s) => s.labels.tenant === 'te"na\\nt').labels.provider, 'openai');
});

gtest('figures: requests, tokens, spend and OpenTelemetry agree with the ledger', {}, async ({ gw, mock }) => {
  const t = await gw.tenant('acme');
  mock.usage = { input: 100, output: 50 };
  for (let i = 0; i < 4; i++) assert.equal((await gw.chat(t.key, { ...flat(), model: 'gpt-both' })).status, 200);
  assert.equal((await stream(gw, t, { model: 'gpt-both' })).status, 200);
  const rows = await gw.rows(5);
  const f = await scrape(gw);
  const genai = { gen_ai_operation_name: 'chat', gen_ai_provider_name: 'openai', gen_ai_request_model: 'gpt-both' };
  assert.equal(count(f, 'budgetguard_requests_total', { route: '/v1/chat/completions', provider: 'openai', status: 'success', reason: '' }), 5);
  assert.equal(count(f, 'budgetguard_tokens_total', { kind: 'input' }), rows.reduce((n, r) => n + r.promptTok, 0));
  assert.equal(count(f, 'budgetguard_tokens_total', { kind: 'output' }), rows.reduce((n, r) => n + r.compTok, 0));
  assert.equal(count(f, 'budgetguard_spend_usd_total', { tenant: 'acme' }).toFixed(9), rows.reduce((n, r) => n + Number(r.usd), 0).toFixed(9));
  for (const n of ['request_seconds', 'overhead_seconds']) assert.equal(count(f, `budgetguard_${n}`), 5, n);
  assert.equal(count(f, 'gen_ai_client_token_usage', { ...genai, gen_ai_token_type: 'input' }), 5);
  const sum = (type) => f.get('gen_ai_client_token_usage').samples.find((s) => s.suffix === '_sum' && s.labels.gen_ai_token_type === type).value;
  assert.deepEqual([sum('input'), sum('output')], [rows.reduce((n, r) => n + r.promptTok, 0), rows.reduce((n, r) => n + r.compTok, 0)]);
  for (const n of ['gen_ai_client_operation_duration_seconds', 'gen_ai_server_request_duration_seconds']) assert.equal(count(f, n, { ...genai, error_type: '' }), 5, n);
  assert.equal(count(f, 'gen_ai_server_time_to_first_token_seconds', genai), 1, 'of streams alone');
  assert.equal(count(f, 'gen_ai_server_time_per_output_token_seconds', genai), 1);
  const of = (n) => f.get(n).samples.find((s) => s.suffix === '_sum').value;
  assert.ok(of('gen_ai_client_operation_duration_seconds') <= of('gen_ai_server_request_duration_seconds'), 'a provider takes part of the time');
  assert.ok(of('budgetguard_overhead_seconds') <= of('budgetguard_request_seconds'));
});

gtest('a call that is not forwarded makes no series of OpenTelemetry', {}, async ({ gw }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'daily', amountUsd: '0' }] });
  assert.equal((await gw.chat(t.key, flat())).status, 402);
  const f = await scrape(gw);
  for (const n of Object.keys(SCRAPED).filter((x) => x.startsWith('gen_ai'))) assert.equal(f.get(n).samples.length, 0, n);
  assert.equal(count(f, 'budgetguard_requests_total', { status: 'blocked' }), 1);
  assert.equal(count(f, 'budgetguard_overruns_total'), 0, 'what never happened is 0');
});

/* ---- packaging ---------------------------------------------------------------- */

/** Names of metrics in a PromQL expression. */
function names(expr) {
  const bare = expr.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\{[^}]*\}/g, '{}').replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, '');
  return [...bare.matchAll(/[a-zA-Z_:][a-zA-Z0-9_:]*/g)].map((m) => m[0]).filter((n) => n.includes('_') && !/^(histogram_quantile|label_replace|predict_linear|bool|__rate_interval|predict_linear|clamp_min)$/.test(n));
}
const base = (n) => (n in SCRAPED ? n : n.replace(/_(bucket|sum|count)$/, ''));
const grafana = path.join(ROOT, 'packaging/grafana/budgetguard.json'), rules = path.join(ROOT, 'packaging/prometheus/alerts.yml');

gtest('every metric of the Grafana dashboard and of the alert rules is exported', { INGEST_KEY: 'ingest-secret-1' }, async ({ gw }) => {
  const f = await scrape(gw);
  const d = JSON.parse(fs.readFileSync(grafana, 'utf8'));
  const panels = d.panels.flatMap((p) => [p, ...(p.panels ?? [])]);
  const exprs = panels.flatMap((p) => (p.targets ?? []).map((t) => t.expr));
  exprs.push(...d.templating.list.filter((v) => v.type === 'query').map((v) => /label_values\(([^,]+),/.exec(v.query.query ?? v.query)[1]));
  assert.ok(exprs.length >= 15);
  const rule = [...fs.readFileSync(rules, 'utf8').matchAll(/^ {8}expr: (?:\|-?\n((?: {10}.*\n)+)|(.*)\n)/gm)].map((m) => m[1] ?? m[2]);
  assert.ok(rule.length >= 8);
  for (const e of [...exprs, ...rule]) {
    const used = names(e);
    assert.ok(used.length > 0, `names a metric: ${e}`);
    for (const n of used) {
      assert.ok(f.has(base(n)), `${n} in ${e}`);
      if (n !== base(n)) assert.equal(f.get(base(n)).type, 'histogram', n);
    }
    for (const m of e.matchAll(/([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}/g)) // labels exist, too
      for (const l of m[2].matchAll(/([a-z_]+)(?:=~|!~|!=|=)/g)) if (!['le', 'job', 'instance'].includes(l[1])) assert.ok(SCRAPED[base(m[1])][1].split(',').includes(l[1]), `${l[1]} of ${m[1]}`);
  }
});

test('the dashboard is one Grafana can import: ids, places and data source', () => {
  const d = JSON.parse(fs.readFileSync(grafana, 'utf8'));
  assert.ok(d.title && d.uid && d.schemaVersion >= 36);
  assert.equal(d.id, null);
  const ids = d.panels.map((p) => p.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const p of d.panels) {
    assert.ok(p.title && p.type && p.gridPos.x + p.gridPos.w <= 24, p.title);
    for (const o of d.panels) if (o !== p) assert.ok(p.gridPos.x + p.gridPos.w <= o.gridPos.x || o.gridPos.x + o.gridPos.w <= p.gridPos.x || p.gridPos.y + p.gridPos.h <= o.gridPos.y || o.gridPos.y + o.gridPos.h <= p.gridPos.y, `${p.title} over ${o.title}`);
    for (const t of p.targets ?? []) assert.equal((t.datasource ?? p.datasource).uid, '${datasource}');
  }
});
