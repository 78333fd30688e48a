// tenants.js - all tenants as cards or table; one tenant in full is tenant.js.
import { html, nothing } from 'lit';
import { api } from '../api.js';
import { count, day, dollars, money, nano, percent, plural, time } from '../format.js';
import { Page } from '../page.js';
import { href, go, route, setQuery } from '../router.js';
import { formDialog } from '../ui/dialog.js';
import { field, isCount, isMoney, needed } from '../ui/field.js';
import { icon } from '../ui/icons.js';
import { meter } from '../ui/meter.js';
import { card, empty } from '../ui/states.js';
import { loadTenant, tenantActions, tenantView } from '../tenant.js';
import '../ui/table.js';

const CARDS = 60; // more are a table's business
const limitText = (n) => (n ? `${plural(n, 'call')} a minute` : 'No limit of calls a minute');

class PageTenants extends Page {
  static title = 'Tenants';
  static every = 15000;

  async load(signal) {
    const { id } = route();
    if (id) return loadTenant(id, signal);
    const month = `${day().slice(0, 7)}-01`;
    const [tenants, budgets, report] = await Promise.all([
      api.get('/admin/tenant', { signal }), api.get('/admin/budgets', { signal, query: { effective: 1, scope: 'tenant' } }),
      api.maybe('/reports/data', { signal, query: { scope: 'user', bucket: 'month', start: month, end: day() } }),
    ]);
    const spent = new Map((report?.rows ?? []).map((r) => [r.label, r])), worst = new Map();
    for (const b of budgets) {
      const u = percent((nano(b.spentUsd) ?? 0n) + (nano(b.heldUsd) ?? 0n), b.amountUsd), before = worst.get(b.scope.tenantId);
      if (b.isActive !== false && (!before || u > before.used)) worst.set(b.scope.tenantId, { b, used: u });
    }
    return { list: tenants.map((t) => ({ ...t, budget: worst.get(t.id) })), spent };
  }

  heading() { return route().id && this.data?.tenant ? this.data.tenant.name : route().id ? 'Tenant' : 'Tenants'; }
  above() { return route().id ? html`<a class="up" href=${href('tenants')}>Tenants</a>` : nothing; }

  actions() {
    if (route().id) return this.data?.tenant ? tenantActions(this) : nothing;
    const as = route().query.get('as') ?? 'cards';
    return html`<div class="segmented" role="group" aria-label="Show as">${[['cards', 'Cards'], ['table', 'Table']].map(([k, text]) => html`<button aria-pressed=${as === k} @click=${() => setQuery({ as: k === 'cards' ? '' : k })}>${text}</button>`)}</div><button class="filled" @click=${() => this.add()}>${icon('add')}New tenant</button>`;
  }

  async add() {
    const t = await formDialog({
      title: 'New tenant', action: 'Make it',
      values: { name: '', daily: '', monthly: '', rate: '', session: '' },
      fields: () => [
        { name: 'name', label: 'Name', required: true, maxlength: 128, check: needed('A name'), hint: 'An app, a team or a customer' },
        { name: 'daily', label: 'Daily budget', type: 'money', check: isMoney(true) },
        { name: 'monthly', label: 'Monthly budget', type: 'money', check: isMoney(true) },
        { name: 'rate', label: 'Calls a minute', type: 'number', check: isCount(true), hint: 'Empty: the default; 0: no limit' },
        { name: 'session', label: 'Budget of each session', type: 'money', check: isMoney(true) },
      ],
      submit: (v) => api.post('/admin/tenant', {
        name: v.name, ...(v.rate ? { rateLimitPerMin: Number(v.rate) } : {}), ...(v.session ? { defaultSessionBudgetUsd: v.session } : {}),
        budgets: [['daily', v.daily], ['monthly', v.monthly]].filter(([, a]) => a).map(([period, amountUsd]) => ({ period, amountUsd })),
      }),
    });
    if (t) go(href('tenants', t.id));
  }

  spentOf(t) { return this.data.spent.get(t.name)?.cost ?? '0'; }

  cards(list) {
    return html`<div class="grid">${list.slice(0, CARDS).map((t) => card(html`<a href=${href('tenants', t.id)}>${t.name}</a>`, html`
      <p><b class="big num">${money(this.spentOf(t))}</b> <span class="muted">this month, ${plural(this.data.spent.get(t.name)?.requests ?? 0, 'call')}</span></p>
      ${t.budget ? html`${meter({ spent: t.budget.b.spentUsd, held: t.budget.b.heldUsd, amount: t.budget.b.amountUsd, label: `${t.budget.b.period} budget of ${t.name}` })}<p class="muted">${money(t.budget.b.remainingUsd)} left of the ${t.budget.b.period} ${money(t.budget.b.amountUsd)}</p>` : html`<p class="muted">No budget of its own</p>`}
      <p class="muted">${limitText(t.rateLimitPerMin)}</p>`))}</div>
      ${list.length > CARDS ? html`<p class="muted">${plural(list.length - CARDS, 'more tenant')}: search, or see the <a href=${href('tenants', '', { as: 'table' })}>table</a>.</p>` : nothing}`;
  }

  table(list) {
    const columns = [
      { key: 'name', label: 'Name', sort: (t) => t.name.toLowerCase(), render: (t) => html`<a href=${href('tenants', t.id)}>${t.name}</a>` },
      { key: 'spent', label: 'This month', num: true, sort: (t) => dollars(this.spentOf(t)), render: (t) => money(this.spentOf(t)) },
      { key: 'calls', label: 'Calls', num: true, wide: true, sort: (t) => this.data.spent.get(t.name)?.requests ?? 0, render: (t) => count(this.data.spent.get(t.name)?.requests ?? 0) },
      { key: 'left', label: 'Left', num: true, sort: (t) => dollars(t.budget?.b.remainingUsd ?? '1e12'), render: (t) => (t.budget ? html`<span class="num">${money(t.budget.b.remainingUsd)} <span class="muted">${t.budget.b.period}</span></span>` : html`<span class="muted">–</span>`) },
      { key: 'rate', label: 'Calls a minute', num: true, wide: true, sort: (t) => t.rateLimitPerMin, render: (t) => (t.rateLimitPerMin === 0 ? 'no limit' : count(t.rateLimitPerMin)) },
      { key: 'createdAt', label: 'Since', wide: true, sort: true, render: (t) => time(t.createdAt) },
    ];
    return html`<bg-table label="Tenants" .columns=${columns} .rows=${list} .onrow=${(t) => go(href('tenants', t.id))}></bg-table>`;
  }

  view(d) {
    if (d.tenant) return tenantView(this, d);
    if (!d.list) return nothing; // the list's figures are on their way
    const q = (route().query.get('q') ?? '').toLowerCase(), list = d.list.filter((t) => t.name.toLowerCase().includes(q));
    if (d.list.length === 0) return empty('No tenants yet', 'A tenant is an app, a team or a customer, with its own keys, limits and budgets.', html`<button class="filled" @click=${() => this.add()}>Make the first tenant</button>`);
    return html`<div class="filters">${field({ name: 'q', label: 'Find a tenant', type: 'search', value: route().query.get('q') ?? '', onchange: (v) => setQuery({ q: v }) })}</div>
      ${list.length === 0 ? empty('No tenant has such a name', 'Try a part of it.') : route().query.get('as') === 'table' || d.list.length > 2000 ? this.table(list) : this.cards(list)}`;
  }
}
customElements.define('page-tenants', PageTenants);
