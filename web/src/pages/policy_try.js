// policy_try.js - what a policy would say: to one input, and to past calls.
//
// `policy` is the text to ask with, or null for the policy in force.
import { html, nothing } from 'lit';
import { api } from '../api.js';
import { count, money, nano, plural, share, time, usdExact } from '../format.js';
import { Element } from '../page.js';
import { href } from '../router.js';
import { field } from '../ui/field.js';
import { icon } from '../ui/icons.js';
import { chip, empty, tile } from '../ui/states.js';
import '../ui/editor.js';
import '../ui/table.js';

/* Contract 10's example; the others differ from it in a word. */
const BASE = {
  tenant: 'acme', tenant_id: 2, key_id: 5, route: '/v1/chat/completions', method: 'POST', time: 20, day_of_week: 'friday', now: '2026-11-20T20:10:53.672Z',
  budgets: [{ period: 'monthly', usage: 3.25, budget: 10, start: '2026-11-01T00:00:00.000Z', end: '2026-11-30T23:59:59.999Z', scope: 'tenant', scope_id: '2', mode: 'hard', held: 0.5 }],
  usage: 3.25, budget: 10, model: 'gpt-4.1', provider: 'openai', stream: false, max_tokens: 100, prompt_tokens: 24, estimated_usd: 0.000848,
  tags: ['engineering'], session: null, user: 'u-17', headers: { 'user-agent': 'curl/8' }, source_ip: '127.0.0.1',
};
const SAMPLES = [
  ['A call', () => BASE],
  ['Budget used up', () => ({ ...BASE, usage: 10.5, budgets: [{ ...BASE.budgets[0], usage: 10.5, held: 0 }] })],
  ['Saturday night', () => ({ ...BASE, time: 3, day_of_week: 'saturday', now: '2026-11-21T03:00:00.000Z' })],
];
const pretty = (v) => JSON.stringify(v, null, 2);
/** The newest row as an input, as far as the ledger knows. */
const fromRow = (e) => ({ ...BASE, tenant: e.tenant, tenant_id: e.tenantId, key_id: e.keyId, route: e.route, model: e.model, provider: e.provider, stream: e.stream, prompt_tokens: e.promptTok, now: e.ts, tags: e.tags.map((t) => t.name), session: e.sessionId, user: e.user, budgets: [], usage: 0, budget: 0 });

/** The place in the details of a policy_error. */
export const faultOf = (e) => (e?.details?.message ? { file: e.details.file, row: e.details.line, col: e.details.column, message: e.details.message } : null);

class PolicyTry extends Element {
  static properties = { policy: { attribute: false }, input: { state: true }, said: { state: true }, error: { state: true }, busy: { state: true } };

  constructor() {
    super();
    Object.assign(this, { policy: null, input: pretty(BASE), said: null, error: null, busy: false });
  }

  willUpdate(changed) { if (changed.has('policy')) { this.said = null; this.error = null; } }

  set(value) { this.input = value; this.said = null; this.error = null; }

  async last() {
    try {
      const { data } = await api.get('/admin/usage/ledger', { query: { limit: 1 } });
      if (data.length) this.set(pretty(fromRow(data[0]))); else this.error = { message: 'No call has been made yet.' };
    } catch (e) { this.error = e; }
  }

  async ask() {
    if (this.busy) return;
    let input;
    this.said = null;
    try { input = JSON.parse(this.input); } catch (e) { this.error = { message: `The input is no JSON: ${e.message}` }; return; }
    this.busy = true;
    this.error = null;
    try { this.said = await api.post('/admin/policy/test', { input, ...(this.policy === null ? {} : { policy: this.policy }) }); } catch (e) {
      this.error = e;
      if (faultOf(e)) this.dispatchEvent(new CustomEvent('fault', { detail: faultOf(e) }));
    }
    this.busy = false;
  }

  verdict() {
    const s = this.said;
    return html`<div class="verdict" role="status"><p>${s.allow ? chip('Allowed', 'good') : chip('Denied', 'bad')} <span class="muted">in ${Math.max(1, Math.round(s.durationUs))} µs</span></p>
      ${s.reason ? html`<p>${s.reason}</p>` : nothing}${s.deny.length && !(s.deny.length === 1 && s.deny[0] === s.reason) ? html`<ul>${s.deny.map((d) => html`<li>${d}</li>`)}</ul>` : nothing}
      ${s.error ? html`<p class="error">${icon('warn')} ${s.error}</p>` : nothing}</div>`;
  }

  render() {
    return html`<p class="muted">Asks ${this.policy === null ? 'the policy in force' : 'the text in the editor'}; nothing is sent or booked.</p>
      <div class="actions" role="group" aria-label="Inputs to start from">${SAMPLES.map(([name, make]) => html`<button class="outlined" @click=${() => this.set(pretty(make()))}>${name}</button>`)}<button class="outlined" @click=${this.last}>The last call</button></div>
      <div class="spaced"><bg-editor short language="json" label="Input as JSON" .value=${this.input} @edit=${(e) => { this.input = e.detail; this.said = null; }}></bg-editor></div>
      <p class="form-error" role="alert">${this.error?.message ?? ''}</p>
      ${this.said ? this.verdict() : nothing}
      <div class="foot"><button class="filled" ?disabled=${this.busy} @click=${this.ask}>${this.busy ? 'Asking…' : 'Try'}</button></div>`;
  }
}
customElements.define('policy-try', PolicyTry);

const DAYS = [['1', 'the last day'], ['7', 'the last 7 days'], ['30', 'the last 30 days'], ['90', 'the last 90 days']];
const MISSING = { budgets: 'budgets', usage: 'usage', budget: 'budget', headers: 'headers', max_tokens: 'the output limit', source_ip: 'the caller’s address' };

class PolicyReplay extends Element {
  static properties = { policy: { attribute: false }, tenants: { attribute: false }, days: { state: true }, tenantId: { state: true }, said: { state: true }, error: { state: true }, busy: { state: true } };

  constructor() {
    super();
    Object.assign(this, { policy: null, tenants: [], days: '7', tenantId: '', said: null, error: null, busy: null });
  }

  willUpdate(changed) { if (changed.has('policy')) { this.said = null; this.error = null; } }

  disconnectedCallback() {
    this.busy?.abort();
    super.disconnectedCallback();
  }

  async run() {
    const mine = (this.busy = new AbortController());
    this.error = null;
    this.said = null;
    try {
      this.said = await api.post('/admin/policy/replay', { since: new Date(Date.now() - Number(this.days) * 86400000).toISOString(), ...(this.tenantId ? { tenantId: Number(this.tenantId) } : {}), ...(this.policy === null ? {} : { policy: this.policy }) }, { signal: mine.signal });
    } catch (e) {
      if (e.name !== 'AbortError') {
        this.error = e;
        if (faultOf(e)) this.dispatchEvent(new CustomEvent('fault', { detail: faultOf(e) }));
      }
    }
    if (this.busy === mine) this.busy = null;
  }

  groups(title, rows, name, link) {
    return html`<section><h3>${title}</h3><div class="rows">${rows.map((g) => html`<div><span class="name">${link ? link(g) : g[name]}</span><span>${plural(g.requests, 'call')}, ${money(g.usd)}</span></div>`)}</div></section>`;
  }

  report() {
    const s = this.said;
    if (s.rows === 0) return empty('No call in this time', 'Choose a longer time, or come back when calls have been made.');
    const denied = s.denied > 0;
    return html`<div role="status" class="sr">${plural(s.denied, 'call')} of ${count(s.rows)} would have been denied.</div>
      <div class="tiles">${tile('Would be denied', html`${count(s.denied)} <small>of ${count(s.rows)}</small>`, `${share(BigInt(s.denied) * 1000000000n, BigInt(s.rows) * 1000000000n)} of the calls`)}
        ${tile('Money of those', html`<span title=${usdExact(s.deniedUsd)}>${money(s.deniedUsd)}</span>`, html`of ${money(s.usd)} (${share(nano(s.deniedUsd), nano(s.usd))})`)}
        ${tile('Refused then, too', count(s.alreadyBlocked), 'by budgets, limits or the policy of that time')}${s.errors ? tile('Errors', count(s.errors), s.error ?? '') : nothing}</div>
      ${s.truncated ? html`<p class="banner">${icon('warn')}<span>Not all calls were looked at: only the newest ${count(s.rows)} in the time allowed.</span></p>` : nothing}
      ${denied ? html`<div class="grid">${this.groups('By reason', s.reasons, 'reason')}${this.groups('By tenant', s.tenants, 'tenant')}</div>
        <h3>Examples</h3><bg-table label="Calls that would be denied" .rows=${s.examples} .columns=${[
          { key: 'timestamp', label: 'When', wide: true, render: (e) => time(e.timestamp) }, { key: 'tenant', label: 'Tenant' }, { key: 'model', label: 'Model', wide: true }, { key: 'usd', label: 'Cost', num: true, render: (e) => money(e.usd) }, { key: 'reason', label: 'Reason', render: (e) => html`<span title=${e.reason}>${e.reason}</span>` },
        ]}></bg-table>` : html`<p>${chip('Nobody', 'good')} would have been denied.</p>`}
      <p class="hint">The ledger does not keep ${s.missing.map((m) => MISSING[m] ?? m).join(', ').replace(/, ([^,]*)$/, ' and $1')}; rules about these did not apply here.</p>`;
  }

  render() {
    return html`<p class="muted">Puts ${this.policy === null ? 'the policy in force' : 'the text in the editor'} to the calls of the past. Who would be denied, and how much money is that?</p>
      <div class="filters">${field({ id: 'replay-days', name: 'days', label: 'Time', type: 'select', options: DAYS, value: this.days, onchange: (v) => { this.days = v; } })}
        ${field({ id: 'replay-tenant', name: 'tenant', label: 'Tenant', type: 'select', options: [['', 'All tenants'], ...this.tenants.map((t) => [t.id, t.name])], value: this.tenantId, onchange: (v) => { this.tenantId = v; } })}
        ${this.busy ? html`<button class="outlined" @click=${() => this.busy.abort()}>Stop</button>` : html`<button class="filled" @click=${this.run}>Replay</button>`}</div>
      ${this.busy ? html`<p role="status" class="muted">Asking the policy about each call…</p>` : nothing}
      <p class="form-error" role="alert">${this.error?.message ?? ''}</p>${this.said ? this.report() : nothing}
      ${this.said?.denied ? html`<p><a href=${href('usage', '', { days: this.days })}>See all calls of this time</a></p>` : nothing}`;
  }
}
customElements.define('policy-replay', PolicyReplay);
