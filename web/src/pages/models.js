// models.js - what each model costs: the prices in force, the admin's own, and
// the calls that had to be charged without one.
//
// Prices are dollars for a million tokens.  They stay the API's decimal text
// from the list to the form and back: no figure here is computed from them.
import { html, nothing } from 'lit';
import { api, url } from '../api.js';
import { count, money, nano, plural, time, usdExact } from '../format.js';
import { Page } from '../page.js';
import { href, route, setQuery } from '../router.js';
import { confirm, formDialog, openDrawer } from '../ui/dialog.js';
import { snippet } from '../ui/copy.js';
import { field, isCount, needed } from '../ui/field.js';
import { icon } from '../ui/icons.js';
import { snack } from '../ui/snackbar.js';
import { card, chip, empty, problem, skeleton } from '../ui/states.js';
import '../ui/table.js';

const PATH = '/admin/model-pricing';
const PROVIDERS = ['openai', 'azure', 'anthropic', 'google', 'mistral', 'deepseek', 'xai', 'groq', 'cohere', 'openrouter', 'demo'];
const SOURCES = { builtin: 'built in', file: 'from a file', admin: 'set here' };
const FILTERS = ['q', 'provider', 'source'];
const DAYS = 30, LOOK = 200; // calls looked through for assumed prices, at a time
const BASIS = { assumed: 'at the provider’s dearest', free: 'as free' };
const UNKNOWN = {
  dearest: 'are charged at the dearest rates of their provider (UNKNOWN_PRICE=dearest)',
  refuse: 'are refused with 400 (UNKNOWN_PRICE=refuse)',
  free: 'cost nothing in the ledger (UNKNOWN_PRICE=free)',
};

const keyOf = (p) => `${p.provider}/${p.model}`;
const rate = (text) => (text === null || text === undefined ? html`<span class="muted">–</span>` : html`<span class="num">${usdExact(text)}</span>`);
const byRate = (name) => (p) => nano(p[name] ?? '-1');
const whence = (p) => chip(SOURCES[p.source] ?? p.source, p.source === 'admin' ? 'good' : '');

/* ---- forms */

const isPrice = (optional) => (v) => {
  if (!v) return optional ? null : 'A price is needed';
  return /^\d{1,9}(\.\d{1,6})?$/.test(v) ? null : 'Dollars for a million tokens, such as 2.50, with six decimals at most';
};
const isName = (what) => (v) => needed(what)(v) ?? (/\s/.test(v) || new TextEncoder().encode(v).length > 200 ? 'At most 200 characters, without spaces' : null);
const rates = [
  { name: 'inputPrice', label: 'Input', type: 'money', required: true, check: isPrice() },
  { name: 'outputPrice', label: 'Output', type: 'money', required: true, check: isPrice() },
  { name: 'cachedInputPrice', label: 'Cached input', type: 'money', check: isPrice(true), hint: 'Empty: as input' },
  { name: 'cacheWritePrice', label: 'Cache write', type: 'money', check: isPrice(true), hint: 'Empty: as input' },
  { name: 'cacheWrite1hPrice', label: 'Cache write, 1 h', type: 'money', check: isPrice(true), hint: 'Empty: as cache write' },
  { name: 'maxOutputTokens', label: 'Longest answer, tokens', type: 'number', check: isCount(true), hint: 'Bounds the hold of calls without max_tokens' },
  { name: 'contextTokens', label: 'Context, tokens', type: 'number', check: isCount(true) },
];
const tag = { name: 'versionTag', label: 'Name of this version', required: true, check: isName('A name'), hint: 'For you: a date, a contract, a ticket' };
const number = (v) => (v ? Number(v) : null);
const bodyOf = (v) => ({
  versionTag: v.versionTag, inputPrice: v.inputPrice, outputPrice: v.outputPrice, cachedInputPrice: v.cachedInputPrice || null,
  cacheWritePrice: v.cacheWritePrice || null, cacheWrite1hPrice: v.cacheWrite1hPrice || null,
  maxOutputTokens: number(v.maxOutputTokens), contextTokens: number(v.contextTokens),
});
/** A price as the form shows it; a cached price equal to input is the rule, not a figure. */
const valuesOf = (p) => ({
  versionTag: p.source === 'admin' ? p.versionTag ?? '' : '', inputPrice: p.inputPrice ?? '', outputPrice: p.outputPrice ?? '',
  cachedInputPrice: p.cachedInputPrice === p.inputPrice ? '' : p.cachedInputPrice ?? '', cacheWritePrice: p.cacheWritePrice ?? '', cacheWrite1hPrice: p.cacheWrite1hPrice ?? '',
  maxOutputTokens: p.maxOutputTokens ?? '', contextTokens: p.contextTokens ?? '',
});
const HOLDS = 'Dollars for a million tokens. Holds from the next call on; rows already in the ledger keep the price they were charged by.';

const newPrice = (values = {}) => formDialog({
  title: 'Set a price', action: 'Set it', intro: html`<p>${HOLDS}</p>`, values: { model: '', provider: 'openai', versionTag: '', ...values },
  fields: () => [
    { name: 'model', label: 'Model', required: true, check: isName('A model'), hint: 'As calls name it' },
    { name: 'provider', label: 'Provider', type: 'select', options: (PROVIDERS.includes(values.provider ?? 'openai') ? PROVIDERS : [...PROVIDERS, values.provider]).map((p) => [p, p]) },
    tag, ...rates,
  ],
  submit: (v) => api.post(PATH, { model: v.model, provider: v.provider, ...bodyOf(v) }),
});

const changePrice = (p) => formDialog({
  title: p.source === 'admin' ? `New version for ${p.model}` : `Own price for ${p.model}`, action: 'Put in force', values: valuesOf(p),
  intro: html`<p>${HOLDS}</p>${p.source === 'admin' ? nothing : html`<p>An own price has only the rates below: prices by tier, long context, image or second that this model may have in the list no longer apply to it.</p>`}`,
  fields: () => [tag, ...rates],
  submit: (v) => (p.source === 'admin' ? api.put(url`/admin/model-pricing/${p.id}`, bodyOf(v)) : api.post(PATH, { model: p.model, provider: p.provider, ...bodyOf(v) })),
});

/* ---- page */

class PageModels extends Page {
  static title = 'Models and prices';
  static properties = { ...Page.properties, seen: { state: true } };

  constructor() {
    super();
    this.seen = null; // {rows, groups, total, cursor, error, busy}: calls looked through
  }

  disconnectedCallback() {
    this.looking?.abort();
    this.shown?.d.close();
    super.disconnectedCallback();
  }

  async load(signal) {
    const q = route().query;
    const [prices, settings] = await Promise.all([
      api.get(PATH, { query: Object.fromEntries(FILTERS.map((n) => [n, q.get(n)])), signal }),
      api.get('/admin/settings', { signal }),
    ]);
    const unknown = settings.settings.find((s) => s.name === 'UNKNOWN_PRICE');
    if (!this.seen) this.look();
    return { prices, unknown: unknown?.set ? unknown.value : unknown?.default };
  }

  /** Looks through the next LOOK successful calls, newest first. */
  async look() {
    const before = this.seen ?? { rows: 0, groups: new Map(), cursor: null };
    if (before.busy) return;
    this.looking = new AbortController();
    this.seen = { ...before, error: null, busy: true };
    try {
      const r = await api.get('/admin/usage/ledger', { query: { days: DAYS, status: 'success', limit: LOOK, cursor: before.cursor }, signal: this.looking.signal });
      const groups = new Map(before.groups);
      for (const e of r.data) {
        if (!(e.priceBasis in BASIS) || e.kind !== 'usage') continue;
        const k = JSON.stringify([e.provider, e.model, e.priceBasis]), g = groups.get(k) ?? { provider: e.provider, model: e.model, basis: e.priceBasis, rows: 0, nano: 0n };
        groups.set(k, { ...g, rows: g.rows + 1, nano: g.nano + (nano(e.usd) ?? 0n) });
      }
      this.seen = { rows: before.rows + r.data.length, groups, total: before.total ?? r.total, cursor: r.nextCursor, error: null, busy: false };
    } catch (e) {
      if (e.name !== 'AbortError') this.seen = { ...before, error: e, busy: false };
    }
  }

  updated() {
    super.updated();
    if (this.data !== undefined) this.syncPrice(route().query.get('price') ?? '');
  }

  /** The drawer follows the address and shows what was loaded last. */
  syncPrice(id) {
    if (this.shown?.id === id) { if (this.find(id)) this.shown.d.draw(); else this.shown.d.close(); return; }
    const before = this.shown;
    this.shown = null;
    before?.d.close();
    if (!this.find(id)) return;
    const d = openDrawer({ title: 'Price', body: () => { const p = this.find(id); return p ? this.one(p) : nothing; } });
    const mine = (this.shown = { id, d });
    d.closed.then(() => {
      if (this.shown !== mine) return;
      this.shown = null;
      if (this.isConnected && route().query.get('price') === id) setQuery({ price: '' });
    });
  }

  find(id) { return this.data?.prices.find((p) => keyOf(p) === id); }

  actions() {
    return html`<button class="filled" @click=${() => this.change(newPrice(), 'Price set')}>${icon('add')}Set a price</button>`;
  }

  /** Says `text` when `made` (a dialog or a call) did something. */
  async change(made, text, undo) {
    try {
      if ((await made) === undefined) return;
      snack(text, { undo: undo && (() => this.change(undo(), 'Price is back')) });
    } catch (e) { snack(e.message); }
    this.refresh();
  }

  async removePrice(p) {
    const { unknown } = this.data;
    const text = `From the next call on ${p.model} costs what the built-in list or an imported file says, if one of them has it. If none has, its calls ${UNKNOWN[unknown] ?? 'are treated as UNKNOWN_PRICE says'}. Rows in the ledger keep the price they were charged by.`;
    if (!(await confirm({ title: `Delete the price of ${p.model}?`, text, action: 'Delete', danger: true }))) return;
    await this.change(api.del(url`/admin/model-pricing/${p.id}`), 'Price deleted', () => api.post(PATH, { model: p.model, provider: p.provider, ...bodyOf(valuesOf(p)) }));
  }

  one(p) {
    const admin = p.source === 'admin';
    return html`<p class="row-head"><b>${p.model}</b>${whence(p)}</p>
      <dl class="pairs"><dt>Provider</dt><dd>${p.provider}</dd><dt>Input</dt><dd>${rate(p.inputPrice)}</dd><dt>Cached input</dt><dd>${rate(p.cachedInputPrice)}</dd><dt>Cache write</dt><dd>${rate(p.cacheWritePrice)}</dd><dt>Cache write, 1 h</dt><dd>${rate(p.cacheWrite1hPrice)}</dd><dt>Output</dt><dd>${rate(p.outputPrice)}</dd>
        <dt>Longest answer</dt><dd>${p.maxOutputTokens === null ? '–' : plural(p.maxOutputTokens, 'token')}</dd><dt>Context</dt><dd>${p.contextTokens === null ? '–' : plural(p.contextTokens, 'token')}</dd></dl>
      <p class="muted">Dollars for a million tokens.${p.cacheWritePrice === null ? ' Cache writes cost as much as input.' : ''}</p>
      <div class="actions"><button class="filled" @click=${() => this.change(changePrice(p), 'Price in force')}>${icon('edit')}${admin ? 'New version' : 'Set an own price'}</button>${admin ? html`<button class="outlined danger" @click=${() => this.removePrice(p)}>Delete</button>` : nothing}</div>
      <section><h3>Version</h3><dl class="pairs"><dt>Named</dt><dd>${p.versionTag || '–'}</dd><dt>In the ledger</dt><dd><code>${p.version}</code></dd>${admin ? html`<dt>Set</dt><dd>${time(p.createdAt)}</dd><dt>This version since</dt><dd>${time(p.updatedAt)}</dd>` : nothing}</dl>
        <p>Each call keeps the version it was charged by. <a href=${href('usage', 'ledger', { days: DAYS, model: p.model })}>Its calls of the last ${DAYS} days</a></p></section>`;
  }

  /** Calls that were charged without a price of their model. */
  assumed({ unknown }) {
    const s = this.seen, groups = [...(s?.groups.values() ?? [])].sort((a, b) => (a.nano < b.nano ? 1 : a.nano > b.nano ? -1 : b.rows - a.rows));
    const line = (g) => html`<li><span class="name"><a href=${href('usage', 'ledger', { days: DAYS, status: 'success', model: g.model })}>${g.model}</a> <small class="muted">${g.provider}</small></span><span>${plural(g.rows, 'call')} ${BASIS[g.basis]}, ${money(g.nano)}</span>
      <button class="text" aria-label=${`Set a price for ${g.model}`} @click=${() => this.change(newPrice({ model: g.model, provider: g.provider ?? 'openai' }), 'Price set')}>Set a price</button></li>`;
    let body;
    if (!s || (s.busy && s.rows === 0)) body = skeleton(1);
    else if (s.error && s.rows === 0) body = problem(s.error, () => this.look());
    else body = html`${groups.length ? html`<ul class="plain rows">${groups.map(line)}</ul>` : html`<p>${s.rows ? 'None: every one of them had a price.' : `No calls in the last ${DAYS} days.`}</p>`}
        ${s.rows ? html`<p class="muted" role="status">Among the newest ${count(s.rows)} of ${plural(s.total, 'successful call')} in ${DAYS} days.${s.error ? ` ${s.error.message}` : ''}${s.cursor ? html` <button class="text" ?disabled=${s.busy} @click=${() => this.look()}>${s.busy ? 'Looking…' : 'Look further back'}</button>` : nothing}</p>` : nothing}`;
    return card('Charged without a price', html`<p class="muted">Calls of a model that has no price ${UNKNOWN[unknown] ?? 'are treated as UNKNOWN_PRICE says'}.</p>${body}`);
  }

  files() {
    return card('Prices from a file', html`<p>LiteLLM’s <code>model_prices_and_context_window.json</code> or genai-prices’ <code>data.json</code>, on the gateway’s machine with its <code>DATA_DIR</code>:</p>
      ${snippet('budgetguard prices import FILE', 'Copy the command')}<p class="muted">It is in force from the next start on, over the built-in list. Prices set here win over both.</p>`);
  }

  view(data) {
    const q = route().query, filtered = FILTERS.some((n) => q.get(n));
    const control = (name, label, more) => field({ id: `q-${name}`, name, label, value: q.get(name) ?? '', onchange: (v) => setQuery({ [name]: v, price: '' }, { push: true }), ...more });
    const columns = [
      { key: 'model', label: 'Model', sort: true, render: (p) => html`<span class="short" title=${p.model}>${p.model}</span>` },
      { key: 'inputPrice', label: 'Input', num: true, sort: byRate('inputPrice'), render: (p) => rate(p.inputPrice) },
      { key: 'outputPrice', label: 'Output', num: true, sort: byRate('outputPrice'), render: (p) => rate(p.outputPrice) },
      { key: 'cachedInputPrice', label: 'Cached', num: true, wide: true, sort: byRate('cachedInputPrice'), render: (p) => rate(p.cachedInputPrice) },
      { key: 'cacheWritePrice', label: 'Cache write', num: true, wide: true, sort: byRate('cacheWritePrice'), render: (p) => rate(p.cacheWritePrice) },
      { key: 'provider', label: 'Provider', wide: true, sort: true },
      { key: 'source', label: 'Source', wide: true, sort: true, render: whence },
      { key: 'versionTag', label: 'Version', wide: true, render: (p) => html`<span class="short muted">${p.versionTag || '–'}</span>` },
    ];
    return html`<section class="filter-bar" aria-label="Filters"><div class="filters">${control('q', 'Search', { type: 'search', placeholder: 'any part of the name' })}${control('provider', 'Provider', { type: 'select', options: [['', 'Any'], ...PROVIDERS.map((p) => [p, p])] })}${control('source', 'Source', { type: 'select', options: [['', 'Any'], ...Object.entries(SOURCES)] })}</div></section>
      <p class="muted" role="status">${plural(data.prices.length, 'price')} in force${filtered ? ' fit' : ''}, in dollars for a million tokens</p>
      <bg-table .columns=${columns} .rows=${data.prices} .onrow=${(p) => setQuery({ price: keyOf(p) }, { push: true })} label="Prices in force"
        .none=${filtered ? empty('No price fits', 'Change the search, or set a price for that model.', html`<a class="button tonal" href=${href('models')}>Show all</a>`) : empty('No prices', 'Not even the built-in list was found. Set a price for each model you call.')}></bg-table>
      <div class="grid below">${this.assumed(data)}${this.files()}</div>`;
  }
}
customElements.define('page-models', PageModels);
