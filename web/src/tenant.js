// tenant.js - one tenant in full: budgets, keys, limits, sessions, tags, spend.
// The page of tenants.js shows it at /dashboard/tenants/<id>.
import { html, nothing } from 'lit';
import { api, url } from './api.js';
import { budgetName, deleteBudget, editBudget, newBudget, periodText } from './budget.js';
import { axis, count, dollars, money, nano, percent, plain, plural, relative, time, usdExact } from './format.js';
import { modelToTry, snippets } from './guide.js';
import { hasPage } from './pages.js';
import { go, href } from './router.js';
import { confirm, formDialog, openDialog } from './ui/dialog.js';
import { isCount, isMoney, needed } from './ui/field.js';
import { copyable, copyButton, snippet } from './ui/copy.js';
import { icon } from './ui/icons.js';
import { meter } from './ui/meter.js';
import { snack } from './ui/snackbar.js';
import { card, chip, empty, status, tile } from './ui/states.js';
import './ui/table.js';
import './ui/chart.js';

/** What tenantView shows. */
export async function loadTenant(id, signal) {
  const t = url`/admin/tenant/${id}`, get = (path, query) => api.get(t + path, { signal, query });
  const [tenant, budgets, keys, session, sessions, tags, history, models, limits] = await Promise.all([
    get(''), api.get('/admin/budgets', { signal, query: { effective: 1, tenantId: id } }), get('/apikeys'), get('/default-session-budget'),
    get('/sessions', { limit: 5 }), get('/tags', { includeInactive: 'true' }), get('/usage/history', { days: 29 }), get('/usage/models', { days: 29 }), get('/ratelimit'),
  ]);
  return { tenant, budgets, keys, session, sessions, tags, history, models, limits };
}

/** Runs a change, says so, shows the new state. */
async function change(page, work, text) {
  try { await work(); snack(text); } catch (e) { snack(e.message); }
  page.refresh();
}

async function rename(page, t) {
  const done = await formDialog({ title: `Rename ${t.name}`, values: { name: t.name }, fields: () => [{ name: 'name', label: 'Name', required: true, maxlength: 128, check: needed('A name'), hint: 'Keys, budgets and limits stay; earlier rows of the ledger keep the old name.' }], submit: (v) => api.put(url`/admin/tenant/${t.id}`, { name: v.name }) });
  if (done) { snack('Renamed'); page.refresh(); }
}

async function remove(page, { tenant, keys, budgets, tags, sessions }) {
  const live = keys.filter((k) => k.isActive).length, own = budgets.filter((b) => b.id !== null).length;
  const text = `Gone for good: ${plural(live, 'active key')} (calls with ${live === 1 ? 'it' : 'them'} get 401 at once), ${plural(own, 'budget')}, ${plural(tags.length, 'tag')}, ${plural(sessions.pagination?.total ?? sessions.sessions.length, 'session')}. The rows of the ledger stay, with the name ${tenant.name}.`;
  if (!await confirm({ title: `Delete ${tenant.name}?`, text, action: 'Delete the tenant', danger: true })) return;
  try { await api.del(url`/admin/tenant/${tenant.id}`); } catch (e) { snack(e.message); return; }
  snack(`${tenant.name} was deleted`);
  go(href('tenants'));
}

export const tenantActions = (page) => html`<button class="text" @click=${() => rename(page, page.data.tenant)}>${icon('edit')}Rename</button><button class="outlined danger" @click=${() => remove(page, page.data)}>${icon('delete')}Delete</button>`;

/* ---- keys */

async function addKey(page, t) {
  const key = await formDialog({ title: 'New key', action: 'Make key', values: { name: '' }, fields: () => [{ name: 'name', label: 'Note', maxlength: 128, hint: 'Where it is used; may stay empty' }], submit: (v) => api.post(url`/admin/tenant/${t.id}/apikeys`, v.name ? { name: v.name } : {}) });
  if (!key) return;
  page.refresh();
  const model = modelToTry(await api.maybe('/health/detailed').catch(() => null), page.data?.models);
  await openDialog({
    title: 'The new key', body: () => html`<p>It is shown only now. Keep it where your app keeps its secrets.</p><p class="secret">${copyable(key.key, 'Copy the key')}</p><h3>Try it</h3>${snippet(snippets(location.origin, key.key, model).curl, 'Copy the curl example')}`,
    actions: (d) => html`<button class="filled" @click=${() => d.close()}>I have copied it</button>`,
  }).closed;
}

async function revoke(page, k) {
  if (await confirm({ title: 'Revoke this key?', text: `Calls with ${k.masked}${k.name ? ` (${k.name})` : ''} get 401 from now on. This cannot be taken back; its rows stay in the ledger.`, action: 'Revoke', danger: true }))
    await change(page, () => api.del(url`/admin/apikey/${k.id}`), 'Key revoked');
}

const keyColumns = (page) => [
  { key: 'masked', label: 'Key', render: (k) => html`<code>${k.masked}</code>` },
  { key: 'name', label: 'Note', render: (k) => k.name ?? html`<span class="muted">–</span>` },
  { key: 'isActive', label: 'State', wide: true, render: (k) => (k.isActive ? chip('active', 'good') : chip('revoked')) },
  { key: 'lastUsedAt', label: 'Last used', wide: true, render: (k) => (k.lastUsedAt ? html`<span title=${k.lastUsedAt}>${relative(k.lastUsedAt)}</span>` : html`<span class="muted">never</span>`) },
  { key: 'act', label: '', num: true, render: (k) => (k.isActive ? html`<button class="text danger" @click=${() => revoke(page, k)}>Revoke</button>` : chip('revoked')) },
];

/* ---- limits and session budgets */

async function editLimits(page, t, l) {
  const field = (name, label) => ({ name, label, type: 'number', check: isCount(true), hint: 'Empty: the default; 0: no limit' }), text = (v) => (v === null || v === undefined ? '' : String(v));
  const before = { rate: text(l.rateLimitPerMin), tokens: text(l.tokensPerMin), many: text(l.maxConcurrent) };
  const api_ = { rate: 'rateLimitPerMin', tokens: 'tokensPerMin', many: 'maxConcurrent' };
  const done = await formDialog({
    title: `Limits of ${t.name}`, values: before,
    fields: () => [field('rate', 'Calls a minute'), field('tokens', 'Tokens a minute'), field('many', 'Calls at once')],
    // only what was changed: the figures shown may be the gateway's defaults
    submit: (v) => api.put(url`/admin/tenant/${t.id}`, Object.fromEntries(Object.entries(api_).filter(([k]) => v[k] !== before[k]).map(([k, name]) => [name, v[k] === '' ? null : Number(v[k])]))),
  });
  if (done) { snack('Limits changed'); page.refresh(); }
}

async function editSession(page, t, now) {
  const path = url`/admin/tenant/${t.id}/default-session-budget`;
  const done = await formDialog({
    title: 'Budget of each session', values: { amount: now === null || now === undefined ? '' : plain(now) }, intro: html`<p>Applies to sessions without a budget of their own or of a tag.</p>`,
    fields: () => [{ name: 'amount', label: 'Amount', type: 'money', check: isMoney(true), hint: 'Empty: no default' }],
    submit: (v) => (v.amount ? api.put(path, { budgetUsd: v.amount }) : api.del(path)),
  });
  if (done) { snack('Default session budget changed'); page.refresh(); }
}

const limit = (n, unit) => (n ? `${count(n)} ${unit}` : 'no limit');

/* ---- the view */

async function removeBudget(page, t, b) {
  if (await confirm({ title: 'Delete this budget?', text: `Calls of ${t.name} are no longer limited by the ${periodText(b).toLowerCase()} ${usdExact(b.amountUsd)}. What was spent stays in the ledger.`, action: 'Delete', danger: true }))
    await deleteBudget(b, () => page.refresh());
}

const budgetLine = (page, t, b) => html`<li><span class="name">${b.scope.kind === 'tenant' ? periodText(b) : `${budgetName(b)}, ${periodText(b).toLowerCase()}`} ${b.mode === 'soft' ? chip('warns') : nothing}${b.isActive === false ? chip('off', 'warn') : nothing}${b.source === 'env' ? chip('env') : nothing}</span>
  <span class="end"><span>${money(b.remainingUsd)} left</span>${b.id === null ? nothing : html` <button class="icon-button" aria-label=${`Change the ${periodText(b)} budget`} @click=${async () => { if (await editBudget(b)) { snack('Budget changed'); page.refresh(); } }}>${icon('edit')}</button><button class="icon-button" aria-label=${`Delete the ${periodText(b)} budget`} @click=${() => removeBudget(page, t, b)}>${icon('delete')}</button>`}</span>
  <div class="full">${meter({ spent: b.spentUsd, held: b.heldUsd, amount: b.amountUsd, label: `${periodText(b)} budget` })}<span class="muted">${money(b.spentUsd)} of ${money(b.amountUsd)} spent${nano(b.heldUsd) ? html`, ${money(b.heldUsd)} held` : nothing}${b.resetsAt ? html`, starts again ${relative(b.resetsAt)}` : nothing}</span></div></li>`;

function figures({ tenant, history, keys, sessions }) {
  const sum = history.reduce((s, h) => s + (nano(h.usage) ?? 0n), 0n);
  return html`<p class="muted under">Tenant id ${tenant.id} ${copyButton(String(tenant.id), 'Copy the id')} since ${time(tenant.createdAt)}</p><div class="tiles">${tile('Spent today', money(history.at(-1)?.usage ?? 0))}${tile('Spent in 30 days', money(sum))}${tile('Active keys', count(keys.filter((k) => k.isActive).length))}${tile('Sessions', count(sessions.pagination?.total ?? 0))}</div>`;
}

function spend({ history, models }) {
  const some = history.some((h) => nano(h.usage));
  return card('Spend per day', !some ? empty('Nothing was spent in 30 days', 'Calls with a key of this tenant show here.') : html`<bg-chart kind="bars" label="Spend per day, last 30 days" .labels=${history.map((h) => h.date)} .series=${[{ label: 'Spend', values: history.map((h) => dollars(h.usage)) }]} .fmt=${axis} height="180"></bg-chart>
    ${models.length ? html`<h3>By model</h3><ul class="plain rows">${models.slice(0, 6).map((m) => html`<li><span class="name">${m.model}</span><span>${money(m.usage)} <span class="muted">${m.percentage} %</span></span></li>`)}</ul>` : nothing}`);
}

/** `page`: for refresh(). */
export function tenantView(page, d) {
  const t = d.tenant, used = (b) => percent((nano(b.spentUsd) ?? 0n) + (nano(b.heldUsd) ?? 0n), b.amountUsd);
  const budgets = [...d.budgets].sort((a, b) => used(b) - used(a)), now = d.session.defaultSessionBudgetUsd;
  const more = (name, text) => (hasPage(name) ? html`<a href=${href(name, '', { tenantId: t.id })}>${text}</a>` : nothing);
  return html`${figures(d)}${spend(d)}
    ${card('Keys', d.keys.length === 0 ? empty('No key yet', 'Apps of this tenant sign their calls with a key.') : html`<bg-table label="Keys" .columns=${keyColumns(page)} .rows=${d.keys}></bg-table>`, html`<button class="tonal" @click=${() => addKey(page, t)}>${icon('add')}New key</button>`)}
    <div class="flow">${card('Budgets', budgets.length === 0 ? empty('No budget', 'Nothing caps what this tenant spends.') : html`<ul class="plain rows">${budgets.slice(0, 20).map((b) => budgetLine(page, t, b))}</ul>${budgets.length > 20 ? more('budgets', `All ${budgets.length} budgets`) : nothing}`,
      html`<button class="tonal" @click=${async () => { if (await newBudget([t], { tenantId: t.id })) { snack('Budget added'); page.refresh(); } }}>${icon('add')}Add</button>`)}
    ${card('Limits', html`<dl class="pairs"><dt>Calls a minute</dt><dd>${limit(d.limits.rateLimitPerMin, 'calls')}</dd><dt>Tokens a minute</dt><dd>${limit(d.limits.tokensPerMin, 'tokens')}</dd><dt>Calls at once</dt><dd>${limit(d.limits.maxConcurrent, 'calls')}</dd><dt>Budget of each session</dt><dd>${now === null || now === undefined ? 'none' : money(now)}</dd></dl>`,
      html`<div class="actions"><button class="text" @click=${() => editLimits(page, t, d.limits)}>Change</button><button class="text" @click=${() => editSession(page, t, now)}>Session budget</button></div>`)}
    ${card('Latest sessions', d.sessions.sessions.length === 0 ? empty('No sessions', 'Calls with the header X-Session-Id are gathered here.') : html`<ul class="plain rows">${d.sessions.sessions.map((s) => html`<li><span class="name">${s.name ?? s.sessionId}</span><span>${money(s.currentCostUsd)} ${status(s.status)}</span></li>`)}</ul>`, more('sessions', 'All sessions'))}
    ${card('Tags', d.tags.length === 0 ? empty('No tags', 'Calls with the header X-Tags are counted by tag.') : html`<p>${d.tags.slice(0, 40).map((g) => html`${chip(g.path ?? g.name, g.isActive ? 'good' : '')} `)}</p>`, more('tags', 'All tags'))}</div>`;
}
