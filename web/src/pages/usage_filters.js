// usage_filters.js - the filters of Usage: from the address to the API, and as
// controls.  What is not in the address is not a filter.
import { html, nothing } from 'lit';
import { day } from '../format.js';
import { setQuery } from '../router.js';
import { field } from '../ui/field.js';
import { icon } from '../ui/icons.js';
import { reasonText } from '../ui/reasons.js';
import { REASONS } from './reason_why.js';

const DAYS_DEFAULT = '30';
const PERIODS = [['0', 'Today'], ['7', 'Last 7 days'], ['30', 'Last 30 days'], ['90', 'Last 90 days'], ['365', 'Last year'], ['dates', 'From … to …']];
const STATUSES = [['', 'Any'], ['success', 'Success'], ['blocked', 'Blocked'], ['failed', 'Failed'], ['interrupted', 'Interrupted']];
const PROVIDERS = ['openai', 'azure', 'anthropic', 'google', 'mistral', 'deepseek', 'xai', 'groq', 'openrouter'];
const TENANTS_LISTED = 500;

/** Names of the contract's ledger filters, and what chips call them. */
const LEDGER = { status: 'Status', tenantId: 'Tenant', model: 'Model', reason: 'Reason', provider: 'Provider', keyId: 'Key', user: 'User', sessionId: 'Session', tag: 'Tag', route: 'Route', requestId: 'Request', minUsd: 'At least $', maxUsd: 'At most $' };
const INSIGHTS = ['tenantId', 'keyId', 'model', 'provider', 'status'];

/** {days} or {startDate, endDate}, always one of them.  The last 30 days are
 *  today and the 29 before it, which is what the API's `days` counts. */
export function period(q) {
  const [from, to] = [q.get('startDate'), q.get('endDate')], days = q.get('days') || DAYS_DEFAULT;
  return from || to ? { startDate: from, endDate: to } : { days: /^[1-9]\d{0,5}$/.test(days) ? String(days - 1) : days };
}
const pick = (q, names) => Object.fromEntries(names.map((n) => [n, q.get(n)]).filter(([, v]) => v));
export const ledgerQuery = (q) => ({ ...period(q), ...pick(q, Object.keys(LEDGER)) });
/** Tags are rolled up without keys, models and providers. */
export const insightQuery = (q, by) => ({ ...period(q), ...pick(q, by === 'tag' ? ['tenantId', 'status'] : INSIGHTS) });
/** Filters in the address that insights by `by` leave out. */
export const ignored = (q, by) => Object.keys(LEDGER).filter((n) => q.get(n) && !(n in insightQuery(q, by))).map((n) => LEDGER[n]);
/** As the address keeps them: for links to another view of the same rows. */
export const kept = (q) => ({ ...pick(q, ['days', 'startDate', 'endDate', ...Object.keys(LEDGER)]) });

const set = (name) => (v) => setQuery({ [name]: v }, { push: true });
const control = (q, name, more) => field({ id: `q-${name}`, name, label: LEDGER[name], value: q.get(name) ?? '', onchange: set(name), ...more });

function periodControls(q) {
  const dates = q.has('startDate') || q.has('endDate'), days = q.get('days') || DAYS_DEFAULT;
  const options = PERIODS.some(([v]) => v === days) ? PERIODS : [...PERIODS, [days, `Last ${days} days`]];
  return html`${field({ id: 'q-period', name: 'period', label: 'Period', type: 'select', options, value: dates ? 'dates' : days, onchange: (v) => setQuery(v === 'dates' ? { days: '', startDate: day(-30), endDate: day() } : { days: v, startDate: '', endDate: '', bucket: '' }, { push: true }) })}
    ${dates ? html`${field({ id: 'q-startDate', name: 'startDate', label: 'From', type: 'date', value: q.get('startDate') ?? '', onchange: set('startDate') })}${field({ id: 'q-endDate', name: 'endDate', label: 'To', type: 'date', value: q.get('endDate') ?? '', onchange: set('endDate') })}` : nothing}`;
}

function tenantControl(q, tenants) {
  if (tenants.length > TENANTS_LISTED) return control(q, 'tenantId', { type: 'number', label: 'Tenant id' });
  const chosen = q.get('tenantId') ?? '', list = tenants.map((t) => [String(t.id), t.name]);
  if (chosen && !list.some(([v]) => v === chosen)) list.push([chosen, `Tenant ${chosen} (deleted)`]);
  return control(q, 'tenantId', { type: 'select', options: [['', 'All tenants'], ...list] });
}

const choose = (list, name = (x) => x) => [['', 'Any'], ...list.map((v) => [v, name(v)])];
const some = (list, q, name) => (q.get(name) && !list.includes(q.get(name)) ? [...list, q.get(name)] : list);

/** The bar of controls; `all`: those that only the ledger has, too. */
export function filterBar(q, tenants, { all, open, ontoggle }) {
  const more = ['model', 'provider', 'keyId', ...(all ? ['reason', 'user', 'sessionId', 'tag', 'route', 'requestId', 'minUsd', 'maxUsd'] : [])].filter((n) => q.get(n)).length;
  return html`<section class="filter-bar" aria-label="Filters"><div class="filters">
      ${periodControls(q)}${tenantControl(q, tenants)}${control(q, 'status', { type: 'select', options: STATUSES })}
      <button class="text more" aria-expanded=${open} aria-controls="more-filters" @click=${ontoggle}>${icon('filter')}${open ? 'Fewer filters' : more ? `More filters (${more})` : 'More filters'}</button></div>
    <div id="more-filters" class="filters" ?hidden=${!open}>
      ${control(q, 'model', { placeholder: all ? 'any part of the name' : 'the whole name' })}
      ${control(q, 'provider', { type: 'select', options: choose(some(PROVIDERS, q, 'provider')) })}
      ${control(q, 'keyId', { label: 'Key id', type: 'number' })}
      ${all ? html`${control(q, 'reason', { type: 'select', options: choose(some(REASONS, q, 'reason'), reasonText) })}
      ${control(q, 'user')}${control(q, 'sessionId')}${control(q, 'tag')}${control(q, 'route', { placeholder: 'any part of the path' })}${control(q, 'requestId')}
      ${control(q, 'minUsd', { type: 'money', label: 'Cost at least' })}${control(q, 'maxUsd', { type: 'money', label: 'Cost at most' })}` : nothing}</div></section>`;
}

/** What is filtered by, each with a button that takes it away. */
export function filterChips(q, tenants) {
  const set_ = Object.keys(LEDGER).filter((n) => q.get(n));
  if (set_.length === 0) return nothing;
  const text = (n) => (n === 'tenantId' ? tenants.find((t) => String(t.id) === q.get(n))?.name ?? q.get(n) : n === 'reason' ? reasonText(q.get(n)) : q.get(n));
  return html`<ul class="chips" aria-label="Filters in force">${set_.map((n) => html`<li><span>${LEDGER[n]}: <b>${text(n)}</b></span><button class="icon-button" aria-label=${`Remove the filter ${LEDGER[n]}`} @click=${() => set(n)('')}>${icon('close')}</button></li>`)}
    <li class="bare"><button class="text" @click=${() => setQuery(Object.fromEntries(Object.keys(LEDGER).map((n) => [n, ''])), { push: true })}>Remove all</button></li></ul>`;
}
