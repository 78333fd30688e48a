// alerts.js - thresholds that were reached, how each channel took the news, and
// a test of the channels.
//
// Deliveries go on while somebody looks: each poll brings the newest alerts,
// which are laid over those in the table, so that nothing jumps.
import { html, nothing } from 'lit';
import { api } from '../api.js';
import { PERIODS, SCOPES, budgetName, kindChip, periodText, thing } from '../budget.js';
import { money, plural, relative, share, time, usdExact } from '../format.js';
import { Page } from '../page.js';
import { href, route, setQuery } from '../router.js';
import { openDrawer } from '../ui/dialog.js';
import { field } from '../ui/field.js';
import { snack } from '../ui/snackbar.js';
import { card, chip, empty } from '../ui/states.js';
import '../ui/table.js';

const PAGE = 100, SEARCHED = 1000, ROUNDS = 10, LISTED = 500, OWN = 5;
const FILTERS = ['tenantId', 'scope', 'period', 'delivery'];
const CHANNELS = [ // what a channel needs, the variable that switches it on first
  { name: 'webhook', title: 'Webhook', vars: ['ALERT_WEBHOOK_URL'], more: html`<code>ALERT_WEBHOOK_SECRET</code> signs what is sent.` },
  { name: 'slack', title: 'Slack', vars: ['ALERT_SLACK_URL'], more: 'The address of an incoming webhook; whatever understands Slack’s will do.' },
  { name: 'email', title: 'Mail', vars: ['ALERT_SMTP_URL', 'ALERT_EMAIL_FROM', 'ALERT_EMAIL_TO'], more: html`<code>ALERT_SMTP_USER</code> and <code>ALERT_SMTP_PASSWORD</code>, if the server asks for them.` },
];
const channelTitle = (name) => CHANNELS.find((c) => c.name === name)?.title ?? name;
const DELIVERIES = [['', 'Any'], ['delivered', 'Delivered'], ['pending', 'Under way'], ['failed', 'Given up'], ['none', 'To nobody']];
const WORDS = { delivered: ['delivered', 'good'], pending: ['under way', 'warn'], failed: ['given up', 'bad'] };
const wordOf = (d) => (d.state === 'pending' && d.attempts > 0 ? ['retrying', 'warn'] : WORDS[d.state] ?? [d.state, '']);
/* An alert does not say how wide a rolling window was. */
const periodOf = (a) => PERIODS.find(([p]) => p === a.period)?.[1] ?? a.period;
const percents = (list) => (list.length ? list.map((n) => `${n} %`).join(', ') : 'nothing');
const codes = (names) => names.map((n, i) => html`${i ? (i === names.length - 1 ? ' and ' : ', ') : ''}<code>${n}</code>`);

/** The filters that the server does not know. */
const fits = (a, f) => (!f.scope || a.scope.kind === f.scope) && (!f.period || a.period === f.period)
  && (!f.delivery || (f.delivery === 'none' ? a.deliveries.length === 0 : a.deliveries.some((d) => d.state === f.delivery)));
/** `fresh` over `old`, both newest first. */
function laid(old, fresh) {
  const known = new Set(old.map((a) => a.id)), now = new Map(fresh.map((a) => [a.id, a]));
  return [...fresh.filter((a) => !known.has(a.id) && (old.length === 0 || a.id > old[0].id)), ...old.map((a) => now.get(a.id) ?? a)];
}

class PageAlerts extends Page {
  static title = 'Alerts';
  static every = 10000;
  static properties = { ...Page.properties, trying: { state: true }, results: { state: true }, refused: { state: true } };

  constructor() {
    super();
    Object.assign(this, { trying: null, results: new Map(), refused: null });
  }

  disconnectedCallback() {
    this.drawer?.close();
    super.disconnectedCallback();
  }

  async load(signal) {
    const { query } = route(), tenantId = query.get('tenantId') ?? '';
    const [newest, tenants, settings, budgets] = await Promise.all([
      api.get('/admin/alerts', { signal, query: { tenantId, limit: PAGE } }),
      api.get('/admin/tenant', { signal }),
      this.data?.settings ?? api.get('/admin/settings', { signal }),
      api.get('/admin/budgets', { signal }),
    ]);
    this.freshen(tenantId, newest.data);
    return { newest: newest.data, tenants, settings, budgets };
  }

  /** The newest over those that the table has. */
  freshen(tenantId, newest) {
    const table = this.querySelector('bg-table');
    if (!table || table.busy || this.filter?.tenantId !== tenantId) return;
    const overlap = table.loaded.length === 0 || newest.length < PAGE || newest.some((a) => a.id === table.loaded[0].id);
    if (overlap || this.filter.scope || this.filter.period || this.filter.delivery)
      table.loaded = laid(table.loaded, newest.filter((a) => fits(a, this.filter) || table.loaded.some((b) => b.id === a.id)));
    else table.restart();
  }

  /** A page of rows that pass the filters; looks at some pages for them. */
  async rows(filter, { cursor, signal }) {
    const searching = Boolean(filter.scope || filter.period || filter.delivery), out = [];
    for (let i = 0; i < (searching ? ROUNDS : 1); i++) {
      const r = await api.get('/admin/alerts', { query: { tenantId: filter.tenantId, limit: searching ? SEARCHED : PAGE, cursor }, signal });
      out.push(...r.data.filter((a) => fits(a, filter)));
      cursor = r.nextCursor;
      if (!cursor || out.length >= PAGE) break;
    }
    return { rows: out, cursor };
  }

  value(name) { return this.data.settings.settings.find((s) => s.name === name); }
  isOn(c) { return Boolean(this.value(c.vars[0])?.set); }

  async test(channel) {
    if (this.trying) return;
    this.trying = channel ?? 'all';
    this.refused = null;
    try {
      const { results } = await api.post('/admin/alerts/test', channel ? { channel } : {});
      const at = new Date();
      this.results = new Map([...this.results, ...results.map((r) => [r.channel, { ...r, at }])]);
      const bad = results.filter((r) => !r.delivered).length;
      snack(bad ? `${plural(bad, 'channel')} did not take the test message` : 'The test message was taken');
    } catch (e) { this.refused = e; }
    this.trying = null;
  }

  channels() {
    const on = CHANNELS.filter((c) => this.isOn(c));
    return card('Channels', html`<ul class="plain rows" aria-label="Channels">${CHANNELS.map((c) => {
      const r = this.results.get(c.name), busy = this.trying === c.name || this.trying === 'all';
      return html`<li data-channel=${c.name}><span class="name">${c.title} ${this.isOn(c) ? chip('on', 'good') : chip('off')}</span>${this.isOn(c)
        ? html`<span class="end"><button class="outlined" ?disabled=${this.trying !== null} aria-label=${`Test ${c.title}`} @click=${() => this.test(c.name)}>${busy ? 'Sending…' : 'Test'}</button></span>` : nothing}
        ${this.isOn(c) ? nothing : html`<span class="full"><span class="muted">Set ${codes(c.vars)}. ${c.more}</span></span>`}
        <span class="full" role="status">${r ? html`${r.delivered ? chip('taken', 'good') : chip('not taken', 'bad')} <span class=${r.delivered ? 'muted' : 'error'}>${r.error ?? ''}</span> <span class="muted">test of ${time(r.at)}</span>` : nothing}</span></li>`;
    })}</ul><p class="form-error" role="alert">${this.refused?.message ?? ''}</p>`,
    on.length > 1 ? html`<button class="tonal" ?disabled=${this.trying !== null} @click=${() => this.test()}>${this.trying === 'all' ? 'Sending…' : 'Test all'}</button>` : nothing);
  }

  thresholds({ budgets }) {
    const general = String(this.value('ALERT_THRESHOLDS')?.value ?? '').split(',').map((t) => Number(t.trim())).filter((n) => n > 0).sort((a, b) => a - b);
    const same = JSON.stringify(general), own = budgets.filter((b) => b.isActive !== false && JSON.stringify(b.alertThresholds ?? []) !== same);
    return card('Thresholds in force', html`<dl class="pairs"><dt>By default</dt><dd>${percents(general)} of its amount <span class="muted">(<code>ALERT_THRESHOLDS</code>)</span></dd><dt>With their own</dt><dd>${own.length ? plural(own.length, 'budget') : 'no budget'}</dd></dl>
      ${own.length ? html`<ul class="plain rows">${own.slice(0, OWN).map((b) => html`<li><span class="name">${budgetName(b)}, ${periodText(b).toLowerCase()}</span><span>${percents(b.alertThresholds ?? [])}</span></li>`)}</ul>` : nothing}
      <p class="muted">One alert per budget, threshold and window, when what was spent first reaches it.</p>`,
    html`<a class="button text" href=${href('budgets')}>Budgets</a>`);
  }

  open(a) {
    const { tenants } = this.data, id = a.id;
    // what the poll brought in the meantime
    const now = () => this.querySelector('bg-table')?.loaded.find((x) => x.id === id) ?? a;
    const mine = (this.drawer = openDrawer({
      title: `${a.threshold} % of ${budgetName(a)}`,
      body: () => {
        const t = now(), tenant = tenants.find((x) => x.id === t.scope.tenantId);
        return html`<dl class="pairs"><dt>When</dt><dd>${time(t.ts)} <span class="muted">(${relative(t.ts)})</span></dd><dt>Spent</dt><dd class="num">${usdExact(t.spentUsd)} <span class="muted">(${share(t.spentUsd, t.amountUsd)})</span></dd><dt>Amount</dt><dd class="num">${usdExact(t.amountUsd)}</dd>
          <dt>Budget</dt><dd>${t.budgetId === null ? 'of the environment' : html`#${t.budgetId}`}, ${periodOf(t).toLowerCase()}</dd>${t.windowStart ? html`<dt>Its window began</dt><dd>${time(t.windowStart)}</dd>` : nothing}
          ${t.scope.tenantId ? html`<dt>Tenant</dt><dd>${tenant ? html`<a href=${href('tenants', tenant.id)}>${tenant.name}</a>` : `#${t.scope.tenantId} (deleted)`}</dd>` : nothing}<dt>Alert</dt><dd>#${t.id}</dd></dl>
          <section><h3>Deliveries</h3>${t.deliveries.length === 0 ? html`<p class="muted">None: no channel was set up when it was raised. It is in the log.</p>` : html`<ul class="plain rows">${t.deliveries.map((d) => html`<li><span class="name">${channelTitle(d.channel)}</span><span>${chip(...wordOf(d))}</span>
            <span class="full"><span class="muted">${plural(d.attempts, 'attempt')}${d.deliveredAt ? html`, taken ${time(d.deliveredAt)}` : nothing}${d.nextAttemptAt ? html`, next ${time(d.nextAttemptAt)}` : nothing}</span>${d.lastError ? html` <span class="error">${d.lastError}</span>` : nothing}</span></li>`)}</ul>`}</section>`;
      },
    }));
    mine.closed.then(() => { if (this.drawer === mine) this.drawer = null; });
  }

  updated() {
    super.updated();
    this.drawer?.draw();
  }

  filters({ tenants }) {
    const f = this.filter, gone = f.tenantId && !tenants.some((t) => String(t.id) === f.tenantId);
    const control = (name, label, more) => field({ id: `q-${name}`, name, label, type: 'select', value: f[name], onchange: (v) => setQuery({ [name]: v }, { push: true }), ...more });
    return html`<section class="filter-bar" aria-label="Filters"><h2>Raised</h2><div class="filters">
      ${tenants.length > LISTED ? control('tenantId', 'Tenant id', { type: 'number' }) : control('tenantId', 'Tenant', { options: [['', 'All tenants'], ...tenants.map((t) => [t.id, t.name]), ...(gone ? [[f.tenantId, `Tenant ${f.tenantId} (deleted)`]] : [])] })}
      ${control('scope', 'For', { options: [['', 'Every kind'], ...SCOPES] })}${control('period', 'Period', { options: [['', 'Every period'], ...PERIODS] })}${control('delivery', 'Delivery', { options: DELIVERIES })}</div></section>`;
  }

  nothingRaised() {
    if (FILTERS.some((n) => this.filter[n])) return empty('No alert fits these filters', 'Choose fewer.', html`<a class="button tonal" href=${href('alerts')}>Show all</a>`);
    if (!CHANNELS.some((c) => this.isOn(c)))
      return empty('No alerts yet, and nobody would be told', html`Alerts are listed here and logged. To have them sent, set ${codes(['ALERT_WEBHOOK_URL'])} for a webhook, ${codes(['ALERT_SLACK_URL'])} for Slack, or ${codes(CHANNELS[2].vars)} for mail, and start the gateway again.`, html`<a class="button tonal" href=${href('settings')}>All variables</a>`);
    return empty('No alerts yet', 'None of the budgets has reached a threshold. Send a test above to see that the channels work.');
  }

  view(data) {
    const q = route().query;
    this.filter = Object.fromEntries(FILTERS.map((n) => [n, q.get(n) ?? '']));
    const key = JSON.stringify(this.filter);
    if (key !== this.sourceKey) {
      const filter = this.filter;
      this.sourceKey = key;
      this.source = (o) => this.rows(filter, o);
    }
    const columns = [
      { key: 'scope', label: 'Reached', render: (a) => html`${chip(`${a.threshold} %`, a.threshold >= 100 ? 'bad' : 'warn')} ${kindChip(a)}<span class="short">${thing(a)}</span><br><small class="muted">${time(a.ts)}</small>` },
      { key: 'period', label: 'Period', wide: true, render: (a) => periodOf(a) },
      { key: 'spent', label: 'Spent', num: true, wide: true, render: (a) => html`${money(a.spentUsd)} <span class="muted">of ${money(a.amountUsd)}</span>` },
      { key: 'deliveries', label: 'Delivered', render: (a) => (a.deliveries.length === 0 ? html`<span class="muted">to nobody</span>` : html`<span class="chip-line">${a.deliveries.map((d) => chip(`${channelTitle(d.channel)} ${wordOf(d)[0]}`, wordOf(d)[1]))}</span>`) },
    ];
    return html`<div class="grid">${this.channels()}${this.thresholds(data)}</div>${this.filters(data)}
      <bg-table .columns=${columns} .source=${this.source} .onrow=${(a) => this.open(a)} label="Alerts, newest first" .none=${this.nothingRaised()}></bg-table>`;
  }
}
customElements.define('page-alerts', PageAlerts);
