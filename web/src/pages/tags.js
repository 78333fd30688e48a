// tags.js - the tag tree of a tenant: what each costs, its budgets, and what
// happens to calls when one is changed.
import { html, nothing } from 'lit';
import { api, url } from '../api.js';
import { bodyOf, commonFields, periodText } from '../budget.js';
import { count, money, nano, plain, plural, relative, usdExact } from '../format.js';
import { Page } from '../page.js';
import { href, route, setQuery } from '../router.js';
import { confirm, formDialog, openDrawer } from '../ui/dialog.js';
import { field, isMoney } from '../ui/field.js';
import { icon } from '../ui/icons.js';
import { meter } from '../ui/meter.js';
import { snack } from '../ui/snackbar.js';
import { chip, empty, tile } from '../ui/states.js';
import { styled } from '../ui/styled.js';
import '../ui/table.js';
import { chosenTenant, noTenant, tenantPicker } from './of_tenant.js';

const DAYS = 30;
const INHERIT = [['LENIENT', 'Calls with this tag or one below it'], ['NONE', 'Only calls that name this tag']];
const order = (t) => t.path.replaceAll('/', '\u0001');
const tagName = (v) => (!v ? 'A name is needed' : /[/,]/.test(v) || v.length > 64 ? 'At most 64 characters, without / and ,' : null);
const color = (c) => (/^#[0-9a-f]{6}$/i.test(c ?? '') ? html`<i class="dot" ${styled({ background: c })}></i>` : nothing);
const used = (b) => nano(b.spentUsd) + nano(b.heldUsd);

/* ---- forms */

const tagFields = (parents) => [
  { name: 'name', label: 'Name', required: true, maxlength: 64, check: tagName, hint: 'As it stands in X-Tags' },
  ...(parents ? [{ name: 'parentId', label: 'Below', type: 'select', options: [['', 'Nothing: a tag of its own'], ...parents.map((p) => [p.id, p.path])] }] : []),
  { name: 'description', label: 'Description' },
  { name: 'color', label: 'Colour', type: 'color' },
  { name: 'sessionBudgetUsd', label: 'Budget of each session', type: 'money', check: isMoney(true), hint: 'Caps every session that uses the tag. Empty: none' },
];
const NO_COLOR = '#777777';
const tagBody = (v) => ({ name: v.name, description: v.description || null, color: v.color === NO_COLOR ? null : v.color, sessionBudgetUsd: v.sessionBudgetUsd || null });

const newTag = (tenant, tags, parentId = '') => formDialog({
  title: 'New tag', action: 'Make it', values: { name: '', parentId, description: '', color: NO_COLOR, sessionBudgetUsd: '' },
  fields: () => tagFields(tags.filter((t) => t.isActive)),
  submit: (v) => api.post(url`/admin/tenant/${tenant.id}/tags`, { ...tagBody(v), ...(v.parentId ? { parentId: Number(v.parentId) } : {}) }),
});

const editTag = (tenant, t) => formDialog({
  title: `Change ${t.name}`, values: { name: t.name, description: t.description ?? '', color: t.color ?? NO_COLOR, sessionBudgetUsd: t.sessionBudgetUsd === null ? '' : plain(t.sessionBudgetUsd) },
  intro: html`<p>A new name holds from the next call on: calls that still send the old one are refused. Rows in the ledger keep the name they were written with.</p>`,
  fields: () => tagFields(null),
  submit: (v) => api.put(url`/admin/tenant/${tenant.id}/tags/${t.id}`, tagBody(v)),
});

const inherit = { name: 'inheritanceMode', label: 'Counts', type: 'select', options: INHERIT };
const newBudget = (tenant, t) => formDialog({
  title: `Budget of ${t.name}`, action: 'Add', values: { period: 'monthly', window: '24h', amountUsd: '', mode: 'hard', alertThresholds: '80, 100', startDate: '', endDate: '', inheritanceMode: 'LENIENT' },
  fields: (v) => [...commonFields(v), inherit],
  submit: (v) => api.post(url`/admin/tenant/${tenant.id}/tags/${t.id}/budgets`, { ...bodyOf(v), inheritanceMode: v.inheritanceMode }),
});
const editBudget = (t, b) => formDialog({
  title: `Budget of ${t.name}, ${periodText(b).toLowerCase()}`,
  values: { period: b.period, window: b.window ?? '', startDate: b.startDate?.slice(0, 10) ?? '', endDate: b.endDate?.slice(0, 10) ?? '', amountUsd: plain(b.amountUsd), mode: b.mode, alertThresholds: (b.alertThresholds ?? []).join(', '), inheritanceMode: ['NONE', 'BYPASS'].includes(b.inheritanceMode) ? 'NONE' : 'LENIENT', isActive: b.isActive !== false },
  fields: (v) => [...commonFields(v).filter((f) => !['period', 'window'].includes(f.name)), inherit, { name: 'isActive', label: 'In force', type: 'checkbox' }],
  submit: (v) => {
    const { period, window: _, ...body } = bodyOf({ ...v, window: b.window, period: b.period });
    return api.put(url`/admin/budget/tag/${b.id}`, { ...body, inheritanceMode: v.inheritanceMode, isActive: v.isActive });
  },
});

/* ---- page */

class PageTags extends Page {
  static title = 'Tags';
  static every = 30000;

  disconnectedCallback() {
    this.shown?.d.close();
    super.disconnectedCallback();
  }

  async load(signal) {
    const chosen = await chosenTenant(signal), { tenant } = chosen;
    if (!tenant) return chosen;
    const [tags, budgets, spend] = await Promise.all([
      api.get(url`/admin/tenant/${tenant.id}/tags`, { query: { includeInactive: 'true' }, signal }),
      api.get('/admin/budgets', { query: { scope: 'tag', tenantId: tenant.id }, signal }),
      api.get('/admin/usage/insights', { query: { by: 'tag', tenantId: tenant.id, days: DAYS, limit: 1000 }, signal }),
    ]);
    const costs = new Map(spend.groups.map((g) => [g.id, g])), views = new Map(budgets.map((b) => [b.id, b]));
    for (const t of tags) {
      t.cost = costs.get(t.id) ?? { usd: '0', treeUsd: '0', requests: 0 };
      t.limits = t.budgets.map((b) => ({ ...b, ...views.get(b.id), inheritanceMode: b.inheritanceMode }));
    }
    return { ...chosen, tags: tags.sort((a, b) => (order(a) < order(b) ? -1 : 1)), total: spend.total };
  }

  updated() {
    super.updated();
    this.syncTag(route().query.get('tag') ?? '');
  }

  /** The drawer follows the address and shows what was loaded last. */
  syncTag(id) {
    if (this.shown?.id === id) { if (this.find(id)) this.shown.d.draw(); else this.shown.d.close(); return; }
    const before = this.shown;
    this.shown = null;
    before?.d.close();
    if (!this.find(id)) return;
    const d = openDrawer({ title: 'Tag', body: () => { const t = this.find(id); return t ? this.one(t) : nothing; } });
    const mine = (this.shown = { id, d });
    d.closed.then(() => {
      if (this.shown !== mine) return;
      this.shown = null;
      if (this.isConnected && route().query.get('tag') === id) setQuery({ tag: '' });
    });
  }

  find(id) { return this.data?.tags?.find((t) => String(t.id) === id); }

  actions() {
    return this.data?.tenant ? html`<button class="filled" @click=${() => this.add()}>${icon('add')}New tag</button>` : nothing;
  }

  /** Runs `fn` (a dialog or a call), says `text`, and shows what is now. */
  async change(fn, text, undo) {
    try {
      const made = await fn();
      if (made === undefined) return;
      snack(text, { undo: undo && (async () => { try { await undo(); } catch (e) { snack(e.message); } this.refresh(); }) });
    } catch (e) { snack(e.message); }
    this.refresh();
  }

  add(parent) { const { tenant, tags } = this.data; return this.change(() => newTag(tenant, tags, parent), 'Tag made'); }

  async toggle(t) {
    const path = (verb) => url`/admin/tenant/${this.data.tenant.id}/tags/${t.id}/${verb}`;
    if (!t.isActive) return this.change(() => api.patch(path('activate')), `${t.name} is active`);
    if (!(await confirm({ title: `Deactivate ${t.name}?`, text: `Calls that name it are refused with 400 until it is active again. Its ${plural(t.budgets.length, 'budget')} and its history stay.`, action: 'Deactivate', danger: true }))) return undefined;
    return this.change(() => api.patch(path('deactivate')), `${t.name} is not active`, () => api.patch(path('activate')));
  }

  async removeTag(t) {
    const text = `Gone for good: the tag${t.budgets.length ? ` and ${t.budgets.length === 1 ? 'its budget' : `its ${t.budgets.length} budgets`}` : ''}${t.sessionBudgetUsd === null ? '' : `, and the cap of ${usdExact(t.sessionBudgetUsd)} on its sessions`}. Calls that still name it are refused with 400. Rows in the ledger keep its name.`;
    if (await confirm({ title: `Delete ${t.name}?`, text, action: 'Delete', danger: true })) await this.change(() => api.del(url`/admin/tenant/${this.data.tenant.id}/tags/${t.id}`), `${t.name} deleted`);
  }

  async removeBudget(t, b) {
    if (await confirm({ title: 'Delete this budget?', text: `Calls with ${t.name} are no longer limited by the ${periodText(b).toLowerCase()} ${usdExact(b.amountUsd)}. What was spent stays in the ledger.`, action: 'Delete', danger: true })) await this.change(() => api.del(url`/admin/budget/tag/${b.id}`), 'Budget deleted');
  }

  one(t) {
    const { tenant } = this.data, ledger = href('usage', 'ledger', { tenantId: tenant.id, tag: t.name, days: DAYS });
    const budget = (b) => html`<li><span class="name"><b>${periodText(b)}</b> ${b.mode === 'soft' ? chip('only warns') : nothing}${b.isActive === false ? chip('off', 'warn') : nothing}${['NONE', 'BYPASS'].includes(b.inheritanceMode) ? chip('without tags below') : nothing}
        ${b.spentUsd === undefined ? html`<p>${usdExact(b.amountUsd)}</p>` : html`${meter({ spent: b.spentUsd, held: b.heldUsd, amount: b.amountUsd, label: `${periodText(b)} budget` })}<small class="muted">${usdExact(b.spentUsd)} of ${usdExact(b.amountUsd)} spent${nano(b.heldUsd) > 0n ? `, ${usdExact(b.heldUsd)} held` : ''}${b.resetsAt ? `, resets ${relative(b.resetsAt)}` : ''}</small>`}</span>
      <span><button class="icon-button" aria-label=${`Change the ${periodText(b).toLowerCase()} budget`} @click=${() => this.change(() => editBudget(t, b), 'Budget changed')}>${icon('edit')}</button><button class="icon-button" aria-label=${`Delete the ${periodText(b).toLowerCase()} budget`} @click=${() => this.removeBudget(t, b)}>${icon('delete')}</button></span></li>`;
    const below = t.children ?? [], live = below.filter((c) => c.isActive).length;
    return html`<p class="row-head">${color(t.color)}<b>${t.name}</b>${t.isActive ? nothing : chip('not active', 'warn')}</p>${t.path === t.name ? nothing : html`<p class="muted">${t.path.replaceAll('/', ' › ')}</p>`}${t.description ? html`<p>${t.description}</p>` : nothing}
      <div class="tiles">${tile(`Spend, ${DAYS} days`, money(t.cost.treeUsd), below.length ? html`${money(t.cost.usd)} with the tag itself` : nothing)}${tile('Calls with it', count(t.cost.requests), html`<a href=${ledger}>In the ledger</a>`)}</div>
      ${t.sessionBudgetUsd === null ? nothing : html`<p>Each session with this tag may cost ${usdExact(t.sessionBudgetUsd)}.</p>`}
      <section><h3>Budgets</h3>${t.limits.length ? html`<ul class="plain rows">${t.limits.map(budget)}</ul>` : html`<p class="muted">None: calls with this tag are limited by other budgets only.</p>`}<button class="tonal" @click=${() => this.change(() => newBudget(tenant, t), 'Budget added')}>${icon('add')}Add a budget</button></section>
      <section><h3>Change</h3><div class="actions"><button class="outlined" @click=${() => this.change(() => editTag(tenant, t), 'Tag changed')}>${icon('edit')}Edit</button>${t.isActive ? html`<button class="outlined" @click=${() => this.add(t.id)}>${icon('add')}Add below</button>` : nothing}
        ${t.isActive && live ? nothing : html`<button class="outlined" @click=${() => this.toggle(t)}>${t.isActive ? 'Deactivate' : 'Activate'}</button>`}${below.length ? nothing : html`<button class="outlined danger" @click=${() => this.removeTag(t)}>${icon('delete')}Delete</button>`}</div>
        ${below.length ? html`<p class="hint">It can be deleted once ${below.length === 1 ? 'the tag below it is gone' : `the ${below.length} tags below it are gone`}${live && t.isActive ? `, and deactivated once ${live === 1 ? 'that one is' : 'they are'} not active` : ''}.</p>` : nothing}</section>`;
  }

  view(data) {
    if (!data.tenant) return noTenant(data, 'Tags');
    const { tenant, tags } = data, find = route().query.get('q') ?? '', match = find.toLowerCase();
    const rows = tags.filter((t) => t.path.toLowerCase().includes(match));
    const columns = [
      { key: 'path', label: 'Tag', render: (t) => html`<span class="branch" ${styled({ 'padding-left': `${(t.path.split('/').length - 1) * 1.25}rem` })}>${color(t.color)}<span class="short">${t.name}</span></span>${t.isActive ? nothing : html` ${chip('not active', 'warn')}`}` },
      { key: 'spend', label: `Spend, ${DAYS} days`, num: true, render: (t) => money(t.cost.treeUsd) },
      { key: 'calls', label: 'Calls', num: true, wide: true, render: (t) => count(t.cost.requests) },
      { key: 'budget', label: 'Fullest budget', wide: true, render: (t) => this.fullest(t) },
      { key: 'session', label: 'Session budget', num: true, wide: true, render: (t) => (t.sessionBudgetUsd === null ? '–' : money(t.sessionBudgetUsd)) },
    ];
    return html`<section class="filter-bar" aria-label="Filters"><div class="filters">${tenantPicker(data)}${field({ id: 'q-q', name: 'q', label: 'Search', value: find, placeholder: 'any part of the path', onchange: (v) => setQuery({ q: v }) })}<a class="button text more" href=${href('usage', 'tags', { tenantId: tenant.id })}>${icon('usage')}Spend as a map</a></div></section>
      <bg-table .columns=${columns} .rows=${rows} .onrow=${(t) => setQuery({ tag: t.id }, { push: true })} label=${`Tags of ${tenant.name}`}
        .none=${tags.length ? empty('No tag matches', 'Search for a part of its name or of a name above it.') : empty('No tags yet', 'Tags say which work a call belongs to: a project, a feature, a customer. Make one, send its name in X-Tags, and its spend can be seen and capped.', html`<button class="filled" @click=${() => this.add()}>Make the first tag</button>`)}></bg-table>`;
  }

  fullest(t) {
    const live = t.limits.filter((b) => b.isActive !== false && b.spentUsd !== undefined);
    if (!live.length) return html`<span class="muted">none</span>`;
    const left = (b) => nano(b.amountUsd) - used(b), b = live.reduce((x, y) => (left(y) < left(x) ? y : x));
    return html`<span class="meter-line">${meter({ spent: b.spentUsd, held: b.heldUsd, amount: b.amountUsd, label: `${t.name}, ${periodText(b).toLowerCase()}` })}<span>${money(b.remainingUsd)} left, ${periodText(b).toLowerCase()}</span></span>`;
  }
}
customElements.define('page-tags', PageTags);
