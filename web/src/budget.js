// budget.js - what a budget is called, and the form that makes or changes one.
import { html, nothing } from 'lit';
import { api, url } from './api.js';
import { plain } from './format.js';
import { formDialog } from './ui/dialog.js';
import { isMoney, needed } from './ui/field.js';
import { snack } from './ui/snackbar.js';
import { chip } from './ui/states.js';

export const SCOPES = [['tenant', 'Tenant'], ['global', 'Everything'], ['key', 'API key'], ['tag', 'Tag'], ['session', 'Session'], ['user', 'User'], ['model', 'Model']];
export const PERIODS = [['hourly', 'Hourly'], ['daily', 'Daily'], ['weekly', 'Weekly'], ['monthly', 'Monthly'], ['total', 'Total'], ['custom', 'Custom dates'], ['rolling', 'Rolling']];
const word = (list, v) => list.find(([k]) => k === v)?.[1] ?? v;

export const periodText = (b) => (b.period === 'rolling' ? `Last ${b.window}` : word(PERIODS, b.period));
/* What the budget is for, without its kind. */
export const thing = (b) => (b.scope.kind === 'global' ? 'Everything' : b.scope.kind === 'key' ? `#${b.scope.id}` : b.scope.name ?? b.scope.id);
export const budgetName = (b) => (b.scope.kind === 'global' ? 'Everything' : `${word(SCOPES, b.scope.kind)} ${thing(b)}`);
export const kindChip = (b) => (['tenant', 'global'].includes(b.scope.kind) ? nothing : html`${chip(word(SCOPES, b.scope.kind))} `);
export const budgetTitle = (b) => html`${kindChip(b)}${thing(b)}`;

const window_ = (v) => (/^\d+[hd]$/.test(v ?? '') ? null : 'Hours or days, such as 24h or 30d');
const limits = (v) => (v === '' || v.split(/[\s,]+/).every((x) => /^\d{1,4}$/.test(x) && x > 0 && x <= 1000) ? null : 'Percent, such as 80, 100');
const date = (v) => (v ? null : 'A date is needed');

/* The amount and the time, as every form of a budget has them. */
export function commonFields(v) {
  return [
    { name: 'period', label: 'Period', type: 'select', options: PERIODS, hint: v.period === 'total' ? 'Never starts again.' : undefined },
    ...(v.period === 'rolling' ? [{ name: 'window', label: 'Width', required: true, check: window_, hint: 'Hours or days, such as 24h or 30d' }] : []),
    ...(v.period === 'custom' ? [{ name: 'startDate', label: 'First day', type: 'date', required: true, check: date }, { name: 'endDate', label: 'Last day', type: 'date', required: true, check: (x, all) => date(x) ?? (x < all.startDate ? 'Not before the first day' : null) }] : []),
    { name: 'amountUsd', label: 'Amount', type: 'money', required: true, check: isMoney() },
    { name: 'mode', label: 'When it is used up', type: 'select', options: [['hard', 'Refuse calls'], ['soft', 'Only warn']] },
    { name: 'alertThresholds', label: 'Warn at', check: limits, hint: 'Percent, separated by commas' },
  ];
}

export const bodyOf = (v) => ({
  period: v.period, amountUsd: v.amountUsd, mode: v.mode, alertThresholds: v.alertThresholds.split(/[\s,]+/).filter(Boolean).map(Number),
  ...(v.period === 'rolling' ? { window: v.window } : {}), ...(v.period === 'custom' ? { startDate: v.startDate, endDate: v.endDate } : {}),
});

/** Changes budget `b`; resolves to it, or undefined if the viewer left. */
export const editBudget = (b) => formDialog({
  title: `Budget of ${budgetName(b)}`,
  values: { period: b.period, window: b.window ?? '24h', startDate: b.startDate?.slice(0, 10) ?? '', endDate: b.endDate?.slice(0, 10) ?? '', amountUsd: plain(b.amountUsd), mode: b.mode, alertThresholds: (b.alertThresholds ?? []).join(', '), isActive: b.isActive !== false },
  fields: (v) => [...commonFields(v), { name: 'isActive', label: 'In force', type: 'checkbox' }],
  submit: (v) => api.put(url`/admin/budgets/${b.id}`, { ...bodyOf(v), isActive: v.isActive }),
});

/** Deletes `b`, says so, and offers to bring it back as it was (what was spent
 *  is counted from the ledger); `changed` is called after either.  A tag's
 *  budget stays gone: its weight and inheritance are not known here. */
export async function deleteBudget(b, changed) {
  const scope = { kind: b.scope.kind, ...(b.scope.kind === 'global' ? {} : { id: ['tenant', 'key', 'tag'].includes(b.scope.kind) ? Number(b.scope.id) : b.scope.id }), ...(b.scope.tenantId ? { tenantId: b.scope.tenantId } : {}) };
  const body = { scope, period: b.period, amountUsd: b.amountUsd, mode: b.mode, alertThresholds: b.alertThresholds, isActive: b.isActive, ...(b.period === 'rolling' ? { window: b.window } : {}), ...(b.period === 'custom' ? { startDate: b.startDate, endDate: b.endDate } : {}) };
  try { await api.del(url`/admin/budgets/${b.id}`); } catch (e) { if (e.status !== 404) { snack(e.message); return false; } }
  const undo = () => api.post('/admin/budgets', body).then(() => snack('Budget is back'), (e) => snack(e.message)).then(changed);
  snack('Budget deleted', b.scope.kind === 'tag' ? {} : { undo });
  changed();
  return true;
}

/** Makes one.  `tenants`: those to choose from; `scope`: what is chosen at
 *  first ({kind, tenantId, id}). */
export function newBudget(tenants, scope = {}) {
  const known = new Map(); // "keys 3" -> options
  function things(kind, tenantId, draw) {
    const at = `${kind} ${tenantId}`;
    if (!tenantId) return [['', 'Choose a tenant first']];
    if (!known.has(at)) {
      known.set(at, [['', 'Loading…']]);
      const path = kind === 'key' ? url`/admin/tenant/${tenantId}/apikeys` : url`/admin/tenant/${tenantId}/tags`;
      api.get(path).then((list) => known.set(at, [['', list.length ? 'Choose one' : 'There is none'], ...list.map((x) => [x.id, kind === 'key' ? `${x.name ?? 'Key'} ${x.masked ?? x.id}` : x.path ?? x.name])]), () => known.set(at, [['', 'Could not be loaded']])).then(draw);
    }
    return known.get(at);
  }
  const fields = (v, draw) => {
    const kind = v.kind, owners = tenants.map((t) => [t.id, t.name]);
    return [
      { name: 'kind', label: 'For', type: 'select', options: SCOPES },
      ...(kind === 'global' ? [] : [{ name: 'tenantId', label: 'Tenant', type: 'select', required: kind !== 'model', options: [['', kind === 'model' ? 'Every tenant' : 'Choose one'], ...owners], check: kind === 'model' ? undefined : needed('A tenant') }]),
      ...(kind === 'key' || kind === 'tag' ? [{ name: 'id', label: kind === 'key' ? 'API key' : 'Tag', type: 'select', required: true, options: things(kind, v.tenantId, draw), check: needed(kind === 'key' ? 'A key' : 'A tag') }] : []),
      ...(['session', 'user', 'model'].includes(kind) ? [{ name: 'id', label: { session: 'Session id', user: 'User', model: 'Model' }[kind], required: true, maxlength: 200, check: needed('A name'), hint: kind === 'model' ? 'May end in * for a family' : undefined }] : []),
      ...commonFields(v),
    ];
  };
  const submit = (v) => {
    const s = { kind: v.kind };
    if (v.kind === 'tenant') s.id = Number(v.tenantId);
    else if (v.kind !== 'global') s.id = v.kind === 'key' || v.kind === 'tag' ? Number(v.id) : v.id;
    if (v.kind !== 'global' && v.tenantId) s.tenantId = Number(v.tenantId);
    return api.post('/admin/budgets', { scope: s, ...bodyOf(v) });
  };
  return formDialog({ title: 'New budget', action: 'Add', fields, submit, values: { kind: scope.kind ?? 'tenant', tenantId: scope.tenantId ?? (tenants.length === 1 ? tenants[0].id : ''), id: scope.id ?? '', period: 'monthly', window: '24h', amountUsd: '', mode: 'hard', alertThresholds: '80, 100', startDate: '', endDate: '' } });
}
