// budgets.js - every budget: what is spent, held and left, and until when.
import { html, nothing } from 'lit';
import { api } from '../api.js';
import { PERIODS, SCOPES, budgetName, deleteBudget, editBudget, kindChip, newBudget, periodText, thing } from '../budget.js';
import { dollars, money, nano, percent, relative, time, timeIn, usdExact } from '../format.js';
import { Page } from '../page.js';
import { href, route, setQuery } from '../router.js';
import { confirm, openDrawer } from '../ui/dialog.js';
import { field } from '../ui/field.js';
import { icon } from '../ui/icons.js';
import { meter } from '../ui/meter.js';
import { snack } from '../ui/snackbar.js';
import { chip, empty } from '../ui/states.js';
import '../ui/table.js';

const used = (b) => percent((nano(b.spentUsd) ?? 0n) + (nano(b.heldUsd) ?? 0n), b.amountUsd);

class PageBudgets extends Page {
  static title = 'Budgets';
  static every = 10000;

  async load(signal) {
    const { query } = route();
    const [budgets, tenants, settings] = await Promise.all([
      api.get('/admin/budgets', { signal, query: { effective: 1, forecast: 1, scope: query.get('scope'), period: query.get('period'), tenantId: query.get('tenantId') } }),
      api.get('/admin/tenant', { signal }),
      this.data?.settings ?? api.get('/admin/settings', { signal }),
    ]);
    if (query.get('new')) { setTimeout(() => { setQuery({ new: '' }); this.add(); }); }
    return { budgets, tenants, settings, names: new Map(tenants.map((t) => [t.id, t.name])) };
  }

  actions() { return this.data ? html`<button class="filled" @click=${() => this.add()}>${icon('add')}Add budget</button>` : nothing; }

  async add() {
    const tenantId = route().query.get('tenantId');
    const b = await newBudget(this.data.tenants, tenantId ? { tenantId } : {});
    if (b) { snack('Budget added'); this.refresh(); }
  }

  async edit(b) {
    if (await editBudget(b)) { snack('Budget changed'); this.refresh(); }
  }

  async removeBudget(b) {
    if (!await confirm({ title: 'Delete this budget?', text: `Calls are no longer limited by the ${periodText(b).toLowerCase()} budget of ${budgetName(b)} (${usdExact(b.amountUsd)}), from the next call on. What was spent stays in the ledger.`, action: 'Delete', danger: true })) return false;
    return deleteBudget(b, () => this.refresh());
  }

  open(b) {
    const zone = this.data.settings.timezone, d = openDrawer({
      title: budgetName(b),
      body: () => html`<p>${chip(periodText(b))} ${chip(b.mode === 'soft' ? 'only warns' : 'refuses calls')} ${b.isActive === false ? chip('not in force', 'warn') : nothing} ${b.source === 'env' ? chip('set by the environment') : nothing}</p>
        ${meter({ spent: b.spentUsd, held: b.heldUsd, amount: b.amountUsd, label: budgetName(b) })}
        <dl class="pairs"><dt>Amount</dt><dd class="num">${usdExact(b.amountUsd)}</dd><dt>Spent</dt><dd class="num">${usdExact(b.spentUsd)}</dd><dt>Held for calls under way</dt><dd class="num">${usdExact(b.heldUsd)}</dd><dt>Left</dt><dd class="num">${usdExact(b.remainingUsd)}</dd>
        <dt>Began</dt><dd>${time(b.currentPeriodStartDate)}</dd><dt>Starts again, your time</dt><dd>${b.period === 'rolling' ? 'never; spend leaves as it grows old' : b.resetsAt ? html`${time(b.resetsAt)} (${relative(b.resetsAt)})` : 'never'}</dd><dt>In the budget’s zone</dt><dd>${b.resetsAt && b.period !== 'rolling' ? timeIn(b.resetsAt, zone) : zone}</dd>
        ${b.forecast ? html`<dt>At the present rate</dt><dd>${b.forecast.runsOutAt ? html`<span class="warning">runs out ${relative(b.forecast.runsOutAt)}</span>, ${time(b.forecast.runsOutAt)}` : 'lasts'}${b.forecast.projectedUsd ? html`; ${money(b.forecast.projectedUsd)} at the end of the period` : nothing}</dd>` : nothing}
        <dt>Warns at</dt><dd>${(b.alertThresholds ?? []).map((t) => `${t} %`).join(', ') || 'nothing'}</dd>
        ${b.scope.tenantId ? html`<dt>Tenant</dt><dd><a href=${href('tenants', b.scope.tenantId)} @click=${() => d.close()}>${this.data.names.get(b.scope.tenantId) ?? b.scope.tenantId}</a></dd>` : nothing}</dl>
        ${b.source === 'env' ? html`<p class="muted">It comes from BUDGET_… or DEFAULT_BUDGET_USD. A budget added here for the same tenant and period takes its place.</p>` : nothing}`,
      actions: () => (b.source === 'env' ? nothing : html`<button class="outlined danger" @click=${async () => { if (await this.removeBudget(b)) d.close(); }}>Delete</button><button class="tonal" @click=${() => { d.close(); this.edit(b); }}>Change</button>`),
    });
  }

  filters({ tenants }) {
    const { query } = route(), set = (name) => (v) => setQuery({ [name]: v });
    return html`<div class="filters">
      ${field({ name: 'scope', label: 'For', type: 'select', value: query.get('scope') ?? '', options: [['', 'Every kind'], ...SCOPES], onchange: set('scope') })}
      ${field({ name: 'period', label: 'Period', type: 'select', value: query.get('period') ?? '', options: [['', 'Every period'], ...PERIODS], onchange: set('period') })}
      ${field({ name: 'tenantId', label: 'Tenant', type: 'select', value: query.get('tenantId') ?? '', options: [['', 'Every tenant'], ...tenants.map((t) => [t.id, t.name])], onchange: set('tenantId') })}</div>`;
  }

  view(d) {
    const filtered = [...route().query.keys()].length > 0;
    const columns = [
      { key: 'name', label: 'Budget of', sort: (b) => budgetName(b).toLowerCase(), render: (b) => html`${kindChip(b)}<button class="link" tabindex="-1" @click=${() => this.open(b)}>${thing(b)}</button>${b.scope.kind !== 'tenant' && b.scope.tenantId ? html` <span class="muted">${d.names.get(b.scope.tenantId) ?? ''}</span>` : nothing}` },
      { key: 'period', label: 'Period', sort: (b) => PERIODS.findIndex(([p]) => p === b.period), render: (b) => html`${periodText(b)}${b.mode === 'soft' ? html` ${chip('warns')}` : nothing}${b.isActive === false ? html` ${chip('off', 'warn')}` : nothing}${b.source === 'env' ? html` ${chip('env')}` : nothing}` },
      { key: 'used', label: 'Used', wide: true, sort: used, num: false, render: (b) => html`<div class="used">${meter({ spent: b.spentUsd, held: b.heldUsd, amount: b.amountUsd, label: budgetName(b) })}<span class="num">${used(b).toFixed(0)} %</span></div>` },
      { key: 'spent', label: 'Spent', num: true, wide: true, sort: (b) => dollars(b.spentUsd), render: (b) => html`${money(b.spentUsd)} <span class="muted">of ${money(b.amountUsd)}${nano(b.heldUsd) ? html`, ${money(b.heldUsd)} held` : nothing}</span>` },
      { key: 'left', label: 'Left', num: true, sort: (b) => dollars(b.remainingUsd), render: (b) => money(b.remainingUsd) },
      { key: 'next', label: 'What comes', wide: true, sort: (b) => b.forecast?.runsOutAt ?? b.resetsAt ?? '9', render: (b) => (b.forecast?.runsOutAt ? html`<span class="warning" title="at the rate of lately">runs out ${relative(b.forecast.runsOutAt)}</span>`
        : b.period === 'rolling' ? html`<span class="muted">moves on</span>` : b.resetsAt ? html`<span title=${timeIn(b.resetsAt, d.settings.timezone)}>resets ${relative(b.resetsAt)}</span>` : html`<span class="muted">never resets</span>`) },
    ];
    return html`${this.filters(d)}<bg-table label="Budgets" .columns=${columns} .rows=${d.budgets} .onrow=${(b) => this.open(b)}
      .none=${filtered ? empty('No budget fits these filters', 'Choose others, or add one.', html`<a class="button tonal" href=${href('budgets')}>Show all</a>`) : empty('No budgets yet', 'A budget caps what a tenant, key, tag, session, user or model may spend. A call that could exceed it is refused before it costs anything.', html`<button class="filled" @click=${() => this.add()}>Add the first budget</button>`)}></bg-table>`;
  }
}
customElements.define('page-budgets', PageBudgets);
