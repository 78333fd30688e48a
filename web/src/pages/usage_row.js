// usage_row.js - one row of the ledger in a drawer: each cent, each refusal,
// each correction.
//
// Amounts are computed as tokens × price in BigInt pico-dollars, so that the
// arithmetic on the screen is the gateway's own.
import { html, nothing } from 'lit';
import { api, url } from '../api.js';
import { count, ms, nano, plural, time, usd, usdExact } from '../format.js';
import { href } from '../router.js';
import { confirm, formDialog, openDrawer } from '../ui/dialog.js';
import { copyable } from '../ui/copy.js';
import { icon } from '../ui/icons.js';
import { snack } from '../ui/snackbar.js';
import { problem, skeleton, status } from '../ui/states.js';
import { reasonWhy } from './reason_why.js';

const KINDS = { input: 'Input', cached: 'Cached input', cache_write: 'Cache write', cache_write_1h: 'Cache write, 1 h', audio_in: 'Audio in', image_in: 'Images in', output: 'Output', audio_out: 'Audio out', image_out: 'Images out', web_search: 'Web searches', images: 'Images', audio_ms: 'Audio', characters: 'Characters' };
const EACH = { web_search: 'search', images: 'image', audio_ms: 'ms', characters: 'character' };
const METERED = { provider: 'the provider’s own figures', tokenizer: 'counted by our tokenizer', ingest: 'as reported by the client', hold: 'the whole hold, because no usage arrived' };
const BASIS = { table: 'the price list', assumed: 'assumed: the provider’s dearest price, because the model has none', free: 'free, because the model has no price', client: 'the cost that the client named' };

/** Pico-dollars with every digit. */
export function pico(p) {
  const whole = p / 1000000000000n, rest = String(p % 1000000000000n).padStart(12, '0').replace(/0+$/, '').padEnd(2, '0');
  return `$${String(whole).replace(/\B(?=(\d{3})+$)/g, ',')}.${rest}`;
}
const amount = (l) => BigInt(l.tokens) * BigInt(l.picoUsdPerToken);
const price = (l) => (EACH[l.kind] ? `${pico(BigInt(l.picoUsdPerToken))} a ${EACH[l.kind]}` : `${usdExact(BigInt(l.picoUsdPerToken) * 1000n)} / 1M`);

function whyNoLines(e) {
  if (e.kind === 'correction') return 'A correction: its amount was named by who made it.';
  if (e.meteredBy === 'hold') return 'No usage ever arrived, so the whole hold was booked.';
  if (e.priceBasis === 'client') return 'The client named the cost of this call itself.';
  if (e.priceBasis === 'free') return 'The model has no price and UNKNOWN_PRICE is free.';
  if (e.status === 'blocked') return 'Refused before it reached a provider: it cost nothing.';
  if (nano(e.usd) === 0n) return 'Nothing was metered, so nothing was booked.';
  return 'The price version behind this row is no longer known.';
}

function cost(e) {
  const lines = e.cost?.lines ?? [], sum = lines.reduce((a, l) => a + amount(l), 0n), rounded = (sum + 500n) / 1000n;
  if (lines.length === 0) return html`<p>${whyNoLines(e)}</p><p class="bill-total"><span>Booked</span><b>${usdExact(e.usd)}</b></p>`;
  return html`<div class="table-scroll" role="region" aria-label="Cost lines" tabindex="0"><table class="bill"><caption class="sr">What was charged</caption><thead><tr><th scope="col">What</th><th scope="col" class="num">Quantity</th><th scope="col" class="num">× price</th><th scope="col" class="num">= amount</th></tr></thead>
    <tbody>${lines.map((l) => html`<tr><th scope="row">${KINDS[l.kind] ?? l.kind}</th><td class="num">${count(l.tokens)}</td><td class="num">${price(l)}</td><td class="num">${pico(amount(l))}</td></tr>`)}</tbody>
    <tfoot><tr><th scope="row" colspan="3">Sum${sum === rounded * 1000n ? '' : ', rounded half up to a nano-dollar'}</th><td class="num">${usdExact(rounded)}</td></tr></tfoot></table></div>
    ${rounded === nano(e.usd) ? nothing : html`<p class="muted">Booked was ${usdExact(e.usd)}: the row was charged by ${BASIS[e.priceBasis] ?? 'another price'}.</p>`}
    <p class="bill-total"><span>Booked</span><b>${usdExact(e.usd)}</b></p>`;
}

function scope(s, e) {
  const what = html`<b>${s.scope}${s.scope === 'tenant' ? ` ${e.tenant}` : s.scope_id ? ` ${s.scope_id}` : ''} · ${s.period}</b>`;
  if (s.limit_usd === undefined || s.limit_usd === null) return html`<li>${what}<p>A budget shared with others is used up.</p></li>`;
  const left = nano(s.limit_usd) - nano(s.spent_usd) - nano(s.held_usd);
  return html`<li>${what}<p>The call may cost up to <b>${usdExact(s.needed_usd)}</b>, but only <b>${usdExact(left > 0n ? left : 0n)}</b> was left.</p>
    <dl class="pairs"><dt>Limit</dt><dd>${usdExact(s.limit_usd)}</dd><dt>Spent</dt><dd>${usdExact(s.spent_usd)}</dd><dt>Held by calls under way</dt><dd>${usdExact(s.held_usd)}</dd><dt>Needed</dt><dd>${usdExact(s.needed_usd)}</dd><dt>Resets</dt><dd>${s.resets_at ? time(s.resets_at) : 'never'}</dd></dl></li>`;
}

const RATE = { requests: 'requests', tokens: 'tokens', concurrency: 'calls at the same time' };
function refusal(e) {
  const r = e.refusal;
  if (e.status === 'success' || e.kind === 'correction') return nothing;
  return html`<section><h3>${e.status === 'interrupted' ? 'Why it broke off' : e.status === 'failed' ? 'Why it failed' : 'Why it was refused'}</h3><p>${reasonWhy(e.reason) || 'No reason was kept.'}${e.httpStatus ? html` The client got HTTP ${e.httpStatus}.` : nothing}</p>
    ${r?.scopes ? html`<ul class="plain scopes">${r.scopes.map((s) => scope(s, e))}</ul>` : nothing}
    ${r?.kind ? html`<p>Limit: <b>${count(r.limit)}</b> ${RATE[r.kind] ?? r.kind}${r.kind === 'concurrency' ? '' : ` in any ${r.window_s} s`}. It was told to try again after ${plural(r.retry_after_s, 'second')}.</p>` : nothing}
    ${r?.deny ? html`${r.reason ? html`<p>Reason: <b>${r.reason}</b></p>` : nothing}${r.deny.length ? html`<ul>${r.deny.map((t) => html`<li>${t}</li>`)}</ul>` : nothing}` : nothing}</section>`;
}

/** " (400 cached)" of what is not zero. */
function parts(...list) {
  const some = list.filter(([n]) => n > 0).map(([n, word]) => `${count(n)} ${word}`);
  return some.length ? ` (${some.join(', ')})` : '';
}

function facts(e) {
  const at = { days: '', tenantId: e.tenantId };
  const pair = (name, value) => (value === null || value === undefined || value === '' ? nothing : html`<dt>${name}</dt><dd>${value}</dd>`);
  const link = (text, query) => html`<a href=${href('usage', 'ledger', { ...at, ...query })}>${text}</a>`;
  return html`<dl class="pairs">
    ${pair('When', time(e.ts))}${pair('Tenant', e.tenant && link(e.tenant, {}))}${pair('Key', e.keyId && link(`#${e.keyId}`, { keyId: e.keyId }))}
    ${pair('Session', e.sessionId && link(e.sessionId, { sessionId: e.sessionId }))}${pair('User', e.user && link(e.user, { user: e.user }))}
    ${pair('Tags', e.tags?.length ? html`<span class="chip-line">${e.tags.map((t) => html`<a class="chip" href=${href('usage', 'ledger', { ...at, tag: t.name })}>${t.path}</a>`)}</span>` : null)}
    ${pair('Route', e.route)}${pair('Provider', e.provider)}${pair('Model', e.model)}${pair('Answered by', e.modelAnswered !== e.model ? e.modelAnswered : null)}
    ${pair('Tokens', e.promptTok || e.compTok ? `${count(e.promptTok)} in${parts([e.cachedTok, 'cached'], [e.cacheWriteTok, 'written'])}, ${count(e.compTok)} out${parts([e.reasoningTok, 'reasoning'])}` : null)}
    ${pair('Metered by', METERED[e.meteredBy])}${pair('Priced by', e.priceBasis && `${BASIS[e.priceBasis] ?? e.priceBasis}${e.priceVersion ? ` (version ${e.priceVersion})` : ''}`)}
    ${pair('Duration', e.kind === 'usage' && e.latencyMs > 0 ? `${ms(e.latencyMs)}${e.ttftMs === null ? '' : `, first byte after ${ms(e.ttftMs)}`}${e.stream ? ', streamed' : ''}` : null)}
    ${pair('HTTP status', e.httpStatus)}${pair('Recorded', time(e.recordedAt))}${pair('Request', copyable(e.requestId, 'Copy the request id'))}${pair('Row', `#${e.id}`)}</dl>`;
}

const isAmount = (v) => {
  const n = v ? nano(v) : null;
  return n === null ? 'An amount in dollars; a refund begins with a minus' : n === 0n ? 'Not zero' : null;
};

/** Resolves to true if a correction was appended. */
async function addCorrection(e, left) {
  const made = await formDialog({
    title: 'Add a correction',
    intro: html`<p>The row itself never changes. A correction is appended, counts in every budget the row counts in, and cannot be taken back. The row stands at ${usdExact(left)} now.</p>`,
    values: { usd: '', reason: '' },
    fields: () => [{ name: 'usd', label: 'Amount', type: 'money', required: true, hint: 'Negative to refund, such as -0.25', check: isAmount }, { name: 'reason', label: 'Reason', required: true, maxlength: 200, hint: 'Kept in the ledger and the audit', check: (v) => (v ? null : 'A reason is needed') }],
    action: 'Continue',
    submit: async (v) => {
      const n = nano(v.usd);
      if (!(await confirm({ title: `Book ${usdExact(n)}?`, text: `Row #${e.id} then stands at ${usdExact(left + n)}. This is permanent.`, action: 'Book it' }))) throw new Error('Nothing was booked.');
      return api.post(url`/admin/usage/ledger/${e.id}/corrections`, { usd: v.usd, reason: v.reason });
    },
  });
  if (made) snack(`Correction of ${usdExact(made.usd)} booked`);
  return Boolean(made);
}

/** Opens row `id`; returns the drawer (d.closed, d.close()). */
export function openRow(id) {
  const state = { e: null, corrections: [], error: null };
  const stop = new AbortController();
  async function load() {
    state.error = null;
    try {
      const e = await api.get(url`/admin/usage/ledger/${id}`, { signal: stop.signal });
      state.e = e;
      d.draw();
      const near = (days) => new Date(Date.parse(e.ts) + days * 86400000).toISOString().slice(0, 10);
      const same = await api.get('/admin/usage/ledger', { query: { requestId: e.requestId, startDate: near(-1), endDate: near(1), limit: 1000 }, signal: stop.signal });
      state.corrections = same.data.filter((x) => x.kind === 'correction' && x.corrects === e.id).reverse();
    } catch (x) {
      if (x.name === 'AbortError') return;
      state.error = x;
    }
    if (d.el.isConnected) d.draw();
  }
  function corrections(e) {
    if (e.kind === 'correction') return html`<p>Corrects <a href=${href('usage', 'ledger', { row: e.corrects })}>row #${e.corrects}</a>: ${e.reason}</p>`;
    const left = state.corrections.reduce((a, c) => a + nano(c.usd), nano(e.usd));
    return html`<section><h3>Corrections</h3>${state.corrections.length === 0 ? html`<p class="muted">None.</p>` : html`<ul class="plain rows">${state.corrections.map((c) => html`<li><span class="name">${c.reason}<br><small class="muted">${time(c.recordedAt)}</small></span><b class="num">${usdExact(c.usd)}</b></li>`)}<li><span class="name">Stands at</span><b class="num">${usdExact(left)}</b></li></ul>`}
      ${e.kind === 'usage' ? html`<button class="tonal" @click=${async () => { if (await addCorrection(e, left)) load(); }}>${icon('edit')}Add a correction</button>` : nothing}</section>`;
  }
  const d = openDrawer({
    title: `Ledger row #${id}`,
    body: () => {
      const { e } = state;
      if (!e) return state.error ? problem(state.error, load) : skeleton(3);
      return html`<p class="row-head">${status(e.kind === 'usage' ? e.status : e.kind)}<b title=${usdExact(e.usd)}>${usd(e.usd)}</b><span class="muted">${e.model ?? ''}</span></p>
        ${refusal(e)}<section><h3>Where the money went</h3>${cost(e)}</section>${corrections(e)}<section><h3>The call</h3>${facts(e)}</section>${state.error ? problem(state.error, load) : nothing}`;
    },
  });
  d.closed.then(() => stop.abort());
  load();
  return d;
}
