// ingest.js - tokens with which applications report usage that did not pass
// through the gateway.
//
// A token is shown when it is made and never again; the list has it masked.
import { html, nothing } from 'lit';
import { api, url } from '../api.js';
import { count, plural, relative, time } from '../format.js';
import { Page } from '../page.js';
import { href, route, setQuery } from '../router.js';
import { confirm, formDialog, openDialog, openDrawer } from '../ui/dialog.js';
import { copyable, snippet } from '../ui/copy.js';
import { needed } from '../ui/field.js';
import { icon } from '../ui/icons.js';
import { snack } from '../ui/snackbar.js';
import { card, chip, empty } from '../ui/states.js';
import '../ui/table.js';

const PATH = '/ingest/tokens', DAYS = 365, LISTED = 500, LABEL_MAX = 64;
const OWN = 'ingest'; // the tenant of tokens that name none
const LANGUAGES = [['curl', 'curl'], ['python', 'Python'], ['node', 'Node']];

/** Programs that report one call; the ingest key comes from the environment. */
export const snippets = (base, token) => ({
  curl: `curl ${base}/ingest \\\n  -H "X-Ingest-Key: $INGEST_KEY" \\\n  -H "Content-Type: application/json" \\\n  -d '{"tracking_token":"${token}","event_id":"report-1","model":"gpt-4o-mini","prompt_tokens":1200,"completion_tokens":300}'`,
  python: `import json, os, urllib.request, uuid\n\nreport = {\n    "tracking_token": "${token}",\n    "event_id": str(uuid.uuid4()),  # sent twice, booked once\n    "model": "gpt-4o-mini",\n    "prompt_tokens": 1200,\n    "completion_tokens": 300,\n}\nrequest = urllib.request.Request(\n    "${base}/ingest",\n    data=json.dumps(report).encode(),\n    headers={"X-Ingest-Key": os.environ["INGEST_KEY"], "Content-Type": "application/json"},\n)\nprint(urllib.request.urlopen(request).read().decode())`,
  node: `const answer = await fetch('${base}/ingest', {\n  method: 'POST',\n  headers: { 'X-Ingest-Key': process.env.INGEST_KEY, 'Content-Type': 'application/json' },\n  body: JSON.stringify({\n    tracking_token: '${token}',\n    event_id: crypto.randomUUID(), // sent twice, booked once\n    model: 'gpt-4o-mini',\n    prompt_tokens: 1200,\n    completion_tokens: 300,\n  }),\n});\nconsole.log(answer.status, await answer.text());`,
});

/** "2026-11-20 20:10:53", which is UTC, as an instant. */
const utc = (t) => (t ? `${t.replace(' ', 'T')}Z` : null);
const state = (t) => (t.active ? chip('on', 'good') : chip('off', 'warn'));
const isLabel = (v) => needed('A label')(v) ?? (new TextEncoder().encode(v).length > LABEL_MAX ? `At most ${LABEL_MAX} characters` : null);

/** Examples with a choice of language; `s.language` is kept by the caller. */
const examples = (token, s, draw) => html`<div class="segmented" role="group" aria-label="Language">${LANGUAGES.map(([k, text]) => html`<button type="button" aria-pressed=${k === s.language} @click=${() => { s.language = k; draw(); }}>${text}</button>`)}</div>
  ${snippet(snippets(location.origin, token)[s.language], `Copy the ${s.language} example`)}`;

const newToken = (tenants) => formDialog({
  title: 'New ingest token', action: 'Make it', values: { label: '', tenant: '' },
  intro: html`<p>What is reported with it counts into the budgets of its tenant, and is never refused by them.</p>`,
  fields: () => [
    { name: 'label', label: 'Label', required: true, maxlength: LABEL_MAX, check: isLabel, hint: 'The application that reports' },
    tenants.length > LISTED ? { name: 'tenant', label: 'Tenant', hint: `Its name. Empty: ${OWN}` }
      : { name: 'tenant', label: 'Tenant', type: 'select', options: [['', `${OWN} (made when needed)`], ...tenants.filter((t) => t.name !== OWN).map((t) => [t.name, t.name])] },
  ],
  submit: async (v) => ({ label: v.label, ...(await api.post(PATH, { label: v.label, ...(v.tenant ? { tenant: v.tenant } : {}) })) }),
});

/** The only time the token is on a screen. */
function showToken(made) {
  const s = { language: 'curl' };
  return openDialog({
    title: `Token of ${made.label}`,
    body: (d) => html`<p>Shown only now. Keep it where the application keeps its secrets.</p><p class="secret">${copyable(made.token, 'Copy the token')}</p>
      <h3>Report a call</h3>${examples(made.token, s, d.draw)}<p class="muted"><code>INGEST_KEY</code> is the gateway’s own secret, the same for all tokens. An <code>event_id</code> that is sent again is booked once.</p>`,
    actions: (d) => html`<button class="filled" @click=${() => d.close()}>Done</button>`,
  }).closed;
}

class PageIngest extends Page {
  static title = 'Ingest tokens';
  static every = 15000;

  constructor() {
    super();
    this.choice = { language: 'curl' };
  }

  disconnectedCallback() {
    this.shown?.d.close();
    super.disconnectedCallback();
  }

  async load(signal) {
    const [{ tokens }, tenants, settings] = await Promise.all([api.get(PATH, { signal }), api.get('/admin/tenant', { signal }), api.get('/admin/settings', { signal })]);
    return { tokens: tokens.map(({ token: _, ...t }) => t), tenants, open: settings.settings.find((s) => s.name === 'INGEST_KEY')?.set === true };
  }

  updated() {
    super.updated();
    if (this.data !== undefined) this.syncToken(route().query.get('token') ?? '');
  }

  /** The drawer follows the address and shows what was loaded last. */
  syncToken(id) {
    if (this.shown?.id === id) { if (this.find(id)) this.shown.d.draw(); else this.shown.d.close(); return; }
    const before = this.shown;
    this.shown = null;
    before?.d.close();
    if (!this.find(id)) return;
    const d = openDrawer({ title: 'Ingest token', body: () => { const t = this.find(id); return t ? this.one(t) : nothing; } });
    const mine = (this.shown = { id, d });
    d.closed.then(() => {
      if (this.shown !== mine) return;
      this.shown = null;
      if (this.isConnected && route().query.get('token') === id) setQuery({ token: '' });
    });
  }

  find(id) { return this.data?.tokens.find((t) => String(t.id) === id); }

  actions() {
    return this.data ? html`<button class="filled" @click=${() => this.add()}>${icon('add')}New token</button>` : nothing;
  }

  async add() {
    const made = await newToken(this.data.tenants);
    if (!made) return;
    this.refresh();
    await showToken(made);
  }

  async change(fn, text, undo) {
    try {
      await fn();
      snack(text, { undo: undo && (() => this.change(undo, 'Undone')) });
    } catch (e) { snack(e.message); }
    this.refresh();
  }

  async toggle(t) {
    const set = (active) => () => api.patch(url`/ingest/tokens/${t.id}/active`, { active });
    if (!t.active) return this.change(set(true), `${t.label} is on`);
    if (!(await confirm({ title: `Switch ${t.label} off?`, text: 'Its reports are refused with 403 until it is on again. What it reported so far stays.', action: 'Switch off', danger: true }))) return undefined;
    return this.change(set(false), `${t.label} is off`, set(true));
  }

  async removeToken(t) {
    const text = `Gone for good: applications that report with it get 404 from then on, and their usage is no longer seen here. ${t.usage_count ? `The ${plural(t.usage_count, 'report')} it made ${t.usage_count === 1 ? 'stays' : 'stay'} in the ledger and in the budgets. ` : ''}Another token does not know the event ids of this one: what is sent again with it is booked again.`;
    if (await confirm({ title: `Delete ${t.label}?`, text, action: 'Delete', danger: true })) await this.change(() => api.del(url`/ingest/tokens/${t.id}`), `${t.label} deleted`);
  }

  one(t) {
    const tenant = this.data.tenants.find((x) => x.name === t.tenant);
    return html`<p class="row-head"><b>${t.label}</b>${state(t)}</p>
      <dl class="pairs"><dt>Token</dt><dd><code>${t.token_masked}</code></dd><dt>Tenant</dt><dd>${tenant ? html`<a href=${href('tenants', tenant.id)}>${t.tenant}</a>` : t.tenant ?? '–'}</dd><dt>Made</dt><dd>${time(utc(t.created_at))}</dd><dt>Last use</dt><dd>${t.last_seen_at ? html`${time(utc(t.last_seen_at))} (${relative(utc(t.last_seen_at))})` : 'never'}</dd>
        <dt>Reports</dt><dd>${count(t.usage_count)}${tenant ? html` · <a href=${href('usage', 'ledger', { days: DAYS, tenantId: tenant.id, route: '/ingest' })}>what its tenant reported</a>` : nothing}</dd></dl>
      <div class="actions">${t.active ? html`<button class="tonal" @click=${() => this.toggle(t)}>Switch off</button>` : html`<button class="filled" @click=${() => this.toggle(t)}>Switch on</button>`}<button class="outlined danger" @click=${() => this.removeToken(t)}>Delete</button></div>
      <section><h3>Report a call</h3><p class="muted">Put the token in place of <code>YOUR_TOKEN</code>: it was shown when it was made.</p>${examples('YOUR_TOKEN', this.choice, () => this.shown?.d.draw())}</section>`;
  }

  view({ tokens, open }) {
    const columns = [
      { key: 'label', label: 'Label', sort: true, render: (t) => html`<span class="short" title=${t.label}>${t.label}</span>` },
      { key: 'active', label: 'State', sort: true, render: state },
      { key: 'usage_count', label: 'Reports', num: true, sort: true, render: (t) => count(t.usage_count) },
      { key: 'last_seen_at', label: 'Last use', wide: true, sort: (t) => t.last_seen_at ?? '', render: (t) => (t.last_seen_at ? time(utc(t.last_seen_at)) : html`<span class="muted">never</span>`) },
      { key: 'tenant', label: 'Tenant', wide: true, render: (t) => html`<span class="short">${t.tenant ?? '–'}</span>` },
      { key: 'token_masked', label: 'Token', wide: true, render: (t) => html`<code>${t.token_masked}</code>` },
      { key: 'created_at', label: 'Made', wide: true, sort: true, render: (t) => time(utc(t.created_at)) },
    ];
    return html`${open ? nothing : html`<div class="banner" role="status">${icon('warn')}<span>Reports are not taken: <code>INGEST_KEY</code> is not set. Set it in the gateway’s environment and restart it.</span></div>`}
      <bg-table .columns=${columns} .rows=${tokens} .onrow=${(t) => setQuery({ token: t.id }, { push: true })} label="Ingest tokens"
        .none=${empty('No ingest tokens yet', 'For usage that does not pass through the gateway: batch jobs, other regions, calls an application makes itself. Each application gets a token and reports what it used; it is priced and counted as any call.', html`<button class="filled" @click=${() => this.add()}>Make the first one</button>`)}></bg-table>
      ${card('How reports count', html`<p>An application posts what a call used to <code>${location.origin}/ingest</code>, with the gateway’s <code>INGEST_KEY</code> and its own token. The gateway prices it, unless the report names its cost, and books it into the ledger and the budgets of the token’s tenant. Reports are never refused for a budget. <a href=${href('usage', 'ledger', { days: 30, route: '/ingest' })}>Reports of the last 30 days</a></p>`)}`;
  }
}
customElements.define('page-ingest', PageIngest);
