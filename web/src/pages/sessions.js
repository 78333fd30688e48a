// sessions.js - what each session of a tenant costs, and its budget.
//
// Session ids are the clients' words: they stand in the address as a query,
// and in the API's paths only through url``.
import { html, nothing } from 'lit';
import { api, url } from '../api.js';
import { count, money, nano, plain, time, usdExact } from '../format.js';
import { Page } from '../page.js';
import { href, route, setQuery } from '../router.js';
import { confirm, formDialog, openDrawer } from '../ui/dialog.js';
import { copyable } from '../ui/copy.js';
import { field, isMoney } from '../ui/field.js';
import { icon } from '../ui/icons.js';
import { meter } from '../ui/meter.js';
import { snack } from '../ui/snackbar.js';
import { card, empty, problem, skeleton, status } from '../ui/states.js';
import '../ui/table.js';
import { chosenTenant, noTenant, tenantPicker } from './of_tenant.js';

const STATUSES = [['', 'Any'], ['active', 'Active'], ['budget_exceeded', 'Budget exceeded']];
const FILTERS = ['search', 'status', 'startDate', 'endDate'];
const PAGE = 100, USES = 10;
const budgetText = (b) => (b === null || b === undefined ? 'no budget' : usdExact(b));

/** One session in a drawer; `changed` is called after its budget was. */
function openSession(tenant, id, changed) {
  const state = { s: null, uses: null, error: null };
  const stop = new AbortController(), path = url`/admin/tenant/${tenant.id}/sessions/${id}/budget`;
  async function load() {
    state.error = null;
    try {
      const [s, u] = await Promise.all([api.get(path, { signal: stop.signal }), api.get(url`/admin/sessions/${id}/usage`, { query: { tenantId: tenant.id, limit: USES }, signal: stop.signal })]);
      Object.assign(state, { s, uses: u });
    } catch (e) {
      if (e.name === 'AbortError') return;
      state.error = e;
    }
    if (d.el.isConnected) d.draw();
  }
  async function setBudget() {
    const { s } = state;
    const made = await formDialog({
      title: 'Budget of this session', values: { amount: s.budgetSource.hasCustomBudget ? plain(s.budgetSource.customBudget) : '' },
      intro: html`<p>Holds from the next call on. The session has cost ${usdExact(s.currentCostUsd)} so far; with a budget at or below that it is refused at once.</p>`,
      fields: () => [{ name: 'amount', label: 'May cost in all', type: 'money', required: true, check: isMoney() }],
      submit: (v) => api.put(path, { budgetUsd: v.amount }),
    });
    if (!made) return;
    snack(`Budget set to ${budgetText(made.effectiveBudgetUsd)}`);
    load();
    changed();
  }
  async function removeBudget() {
    const before = state.s.budgetSource;
    const next = before.tenantDefaultBudget;
    if (!(await confirm({ title: 'Remove this session’s own budget?', text: `It is ${budgetText(before.customBudget)} now. Without it a tag’s session budget applies, else the tenant’s default (${budgetText(next)}).`, action: 'Remove it', danger: true }))) return;
    try {
      await api.del(path);
      snack('Budget removed', { undo: async () => { try { await api.put(path, { budgetUsd: plain(before.customBudget) }); load(); changed(); } catch (e) { snack(e.message); } } });
      load();
      changed();
    } catch (e) { snack(e.message); }
  }
  const origin = (s) => (s.budgetSource.hasCustomBudget ? 'set for this session' : s.effectiveBudgetUsd === null ? 'neither own, nor of a tag, nor the tenant’s default' : nano(s.effectiveBudgetUsd) === nano(s.budgetSource.tenantDefaultBudget ?? -1) ? 'the tenant’s default' : 'the lowest of its tags');
  const d = openDrawer({
    title: 'Session',
    body: () => {
      const { s, uses } = state;
      if (!s) return state.error ? problem(state.error, load) : skeleton(3);
      return html`<p class="row-head">${status(s.status)}<b title=${usdExact(s.currentCostUsd)}>${usdExact(s.currentCostUsd)}</b>${uses.session.name ? html`<span class="muted">${uses.session.name}</span>` : nothing}</p>
        ${s.effectiveBudgetUsd === null ? nothing : meter({ spent: s.currentCostUsd, amount: s.effectiveBudgetUsd, label: 'Session budget' })}
        <dl class="pairs"><dt>Session</dt><dd>${copyable(id, 'Copy the session id')}</dd><dt>Tenant</dt><dd><a href=${href('tenants', tenant.id)}>${tenant.name}</a></dd><dt>Budget</dt><dd>${budgetText(s.effectiveBudgetUsd)} <span class="muted">(${origin(s)})</span></dd></dl>
        <div class="actions"><button class="filled" @click=${setBudget}>${icon('edit')}Set a budget</button>${s.budgetSource.hasCustomBudget ? html`<button class="outlined danger" @click=${removeBudget}>Remove its own</button>` : nothing}</div>
        <section><h3>Latest calls</h3>${uses.usage.length === 0 ? html`<p class="muted">None.</p>` : html`<ul class="plain rows">${uses.usage.map((u) => html`<li><a class="name" href=${href('usage', 'ledger', { days: 365, tenantId: tenant.id, sessionId: id, row: u.id })}>${u.model ?? u.route}<br><small class="muted">${time(u.timestamp)}</small></a><span>${status(u.status)} ${money(u.usd)}</span></li>`)}</ul>`}
        <p><a href=${href('usage', 'ledger', { days: 365, tenantId: tenant.id, sessionId: id })}>All its calls in the ledger (${count(uses.pagination.total)})</a></p></section>${state.error ? problem(state.error, load) : nothing}`;
    },
  });
  d.closed.then(() => stop.abort());
  load();
  return d;
}

class PageSessions extends Page {
  static title = 'Sessions';

  disconnectedCallback() {
    this.shown?.d.close();
    super.disconnectedCallback();
  }

  async load(signal) {
    const chosen = await chosenTenant(signal);
    const standard = chosen.tenant ? await api.get(url`/admin/tenant/${chosen.tenant.id}/default-session-budget`, { signal }) : null;
    this.syncSession(chosen.tenant, route().query.get('session') ?? '');
    return { ...chosen, standard };
  }

  /** The drawer follows the address. */
  syncSession(tenant, id) {
    if (this.shown?.id === id || (!this.shown && !id)) return;
    const before = this.shown;
    this.shown = null;
    before?.d.close();
    if (!id || !tenant) return;
    const mine = (this.shown = { id, d: openSession(tenant, id, () => this.again()) });
    mine.d.closed.then(() => {
      if (this.shown !== mine) return;
      this.shown = null;
      if (this.isConnected && route().query.get('session') === id) setQuery({ session: '' });
    });
  }

  /** Asks the table's source again. */
  again() {
    this.sourceKey = null;
    this.requestUpdate();
  }

  async setStandard({ tenant, standard }) {
    const path = url`/admin/tenant/${tenant.id}/default-session-budget`, now = standard.defaultSessionBudgetUsd;
    const made = await formDialog({
      title: `Default budget of ${tenant.name}’s sessions`, values: { amount: now === null ? '' : plain(now) },
      intro: html`<p>Applies to each session without a budget of its own or of a tag, from the next call on. Empty: none.</p>`,
      fields: () => [{ name: 'amount', label: 'Each may cost', type: 'money', check: isMoney(true) }],
      submit: (v) => (v.amount ? api.put(path, { budgetUsd: v.amount }) : api.del(path)),
    });
    if (!made) return;
    snack(`Default is ${budgetText(made.defaultSessionBudgetUsd)}`);
    this.again();
    this.refresh();
  }

  view(data) {
    const { tenant, standard } = data;
    if (!tenant) return noTenant(data, 'Sessions');
    const q = route().query, filter = Object.fromEntries(FILTERS.map((n) => [n, q.get(n) ?? '']));
    const key = JSON.stringify([tenant.id, filter]);
    if (key !== this.sourceKey) {
      this.sourceKey = key;
      this.source = async ({ cursor, signal }) => {
        const r = await api.get(url`/admin/tenant/${tenant.id}/sessions`, { query: { ...filter, page: cursor ?? 1, limit: PAGE }, signal });
        return { rows: r.sessions, total: r.pagination.total, cursor: r.pagination.page < r.pagination.totalPages ? r.pagination.page + 1 : null };
      };
    }
    const control = (name, label, more) => field({ id: `q-${name}`, name, label, value: filter[name], onchange: (v) => setQuery({ [name]: v }, { push: true }), ...more });
    const filtered = FILTERS.some((n) => filter[n]);
    const columns = [
      { key: 'sessionId', label: 'Session', render: (s) => html`<span class="short">${s.name ?? s.sessionId}</span>` },
      { key: 'status', label: 'Status', render: (s) => status(s.status) },
      { key: 'currentCostUsd', label: 'Cost', num: true, render: (s) => money(s.currentCostUsd) },
      { key: 'budget', label: 'Budget', num: true, wide: true, render: (s) => (s.effectiveBudgetUsd === null ? html`<span class="muted">none</span>` : money(s.effectiveBudgetUsd)) },
      { key: 'requestCount', label: 'Calls', num: true, wide: true, render: (s) => count(s.requestCount) },
      { key: 'lastActiveAt', label: 'Last active', wide: true, render: (s) => time(s.lastActiveAt) },
      { key: 'path', label: 'Path', wide: true, render: (s) => html`<span class="short">${s.path ?? '–'}</span>` },
      { key: 'id', label: 'Id', wide: true, render: (s) => html`<code class="short">${s.sessionId}</code>` },
    ];
    return html`<section class="filter-bar" aria-label="Filters"><div class="filters">${tenantPicker(data)}${control('search', 'Search', { placeholder: 'id, name or path' })}${control('status', 'Status', { type: 'select', options: STATUSES })}${control('startDate', 'Active from', { type: 'date' })}${control('endDate', 'to', { type: 'date' })}</div></section>
      ${card('Default budget of a session', html`<p>${standard.defaultSessionBudgetUsd === null ? 'None: a session without a budget of its own or of a tag is not capped.' : html`${money(standard.defaultSessionBudgetUsd)} each, for sessions without a budget of their own or of a tag.`}</p>`, html`<button class="text" @click=${() => this.setStandard(data)}>Change</button>`)}
      <bg-table .columns=${columns} .source=${this.source} .onrow=${(s) => setQuery({ session: s.sessionId }, { push: true })} label=${`Sessions of ${tenant.name}`}
        .none=${filtered ? empty('No session matches', 'Choose fewer filters.', html`<a class="button tonal" href=${href('sessions', '', { tenantId: tenant.id })}>Show all</a>`) : empty('No sessions yet', 'Send the header X-Session-Id with your calls: what belongs together is then summed and can be capped here.')}></bg-table>`;
  }
}
customElements.define('page-sessions', PageSessions);
