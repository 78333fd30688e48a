// audit.js - who changed what, and whether the ledger is what was written.
import { html, nothing } from 'lit';
import { api } from '../api.js';
import { count, percent, plural, relative, time } from '../format.js';
import { Page } from '../page.js';
import { href, route, setQuery } from '../router.js';
import { copyable, snippet } from '../ui/copy.js';
import { openDrawer } from '../ui/dialog.js';
import { field } from '../ui/field.js';
import { snack } from '../ui/snackbar.js';
import { card, chip, empty } from '../ui/states.js';
import { styled } from '../ui/styled.js';
import '../ui/table.js';

const PAGE = 100, LISTED = 500, SOON = 400;
const THINGS = { tenant: 'Tenant', key: 'API key', budget: 'Budget', tag: 'Tag', session: 'Session', price: 'Price', ingest_token: 'Ingest token', ledger: 'Ledger', alert: 'Alert', policy: 'Policy' };
const VERBS = { create: 'made', update: 'changed', set: 'set', delete: 'deleted', revoke: 'revoked', activate: 'activated', deactivate: 'deactivated', correct: 'corrected', check: 'checked', test: 'tried' };
const STATES = { never: ['not checked since the start', ''], running: ['checking', 'warn'], failed: ['could not be finished', 'bad'], broken: ['broken', 'bad'], intact: ['intact', 'good'] };

/** "Tenant made" of "tenant.create". */
export function eventText(event) {
  const [thing, verb] = String(event ?? '').split('.');
  return `${THINGS[thing] ?? thing} ${VERBS[verb] ?? verb ?? ''}`.trim();
}
/** The name, or the number, of what was changed. */
function what({ details: d }) {
  if (!d || typeof d !== 'object') return String(d ?? '');
  const id = Object.entries(d).find(([k, v]) => /id$/i.test(k) && v)?.[1];
  return String(d.name || (id ? `#${id}` : ''));
}

class PageAudit extends Page {
  static title = 'Audit and integrity';
  static every = 15000;

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.drawer?.close();
    super.disconnectedCallback();
  }

  async load(signal) {
    const [integrity, tenants] = await Promise.all([api.get('/admin/ledger/integrity', { signal }), api.get('/admin/tenant', { signal })]);
    return { integrity, tenants };
  }

  updated() {
    super.updated();
    clearTimeout(this.timer);
    if (this.data?.integrity.check.state === 'running') this.timer = setTimeout(() => this.refresh(), SOON);
  }

  async check() {
    try {
      const integrity = await api.post('/admin/ledger/integrity');
      this.data = { ...this.data, integrity };
      this.again();
    } catch (e) { snack(e.message); }
  }

  /** Asks the table's source again. */
  again() {
    this.sourceKey = null;
    this.requestUpdate();
  }

  open(a, tenants) {
    const tenant = tenants.find((t) => t.id === a.tenantId);
    this.drawer = openDrawer({
      title: eventText(a.event),
      body: () => html`<dl class="pairs"><dt>When</dt><dd>${time(a.ts)} <span class="muted">(${relative(a.ts)})</span></dd><dt>By</dt><dd>${a.actor}</dd><dt>Event</dt><dd><code>${a.event}</code></dd>
        ${a.tenantId ? html`<dt>Tenant</dt><dd>${tenant ? html`<a href=${href('tenants', a.tenantId)}>${tenant.name}</a>` : `#${a.tenantId} (deleted)`}</dd>` : nothing}<dt>Entry</dt><dd>#${a.id}</dd></dl>
        ${a.event === 'ledger.correct' && a.details?.id ? html`<p><a href=${href('usage', 'ledger', { row: a.details.id })}>Show the row that was corrected</a></p>` : nothing}
        ${a.details ? html`<h3>Details</h3>${snippet(typeof a.details === 'string' ? a.details : JSON.stringify(a.details, null, 2), 'Copy the details')}` : nothing}`,
    });
  }

  chain({ rows, head, check }) {
    const [word, kind] = STATES[check.state] ?? [check.state, ''], running = check.state === 'running';
    return card('The ledger’s chain', html`<p>Each row carries a hash over its own content and the hash before it. Whoever changes, removes or inserts a row breaks the chain from there on. Keep the head’s hash elsewhere to prove later that nothing before it was touched.</p>
      <dl class="pairs"><dt>Rows</dt><dd>${count(rows)}</dd>${head ? html`<dt>Head</dt><dd>row #${head.id}, ${time(head.recordedAt)}</dd><dt>Its hash</dt><dd class="hash">${copyable(head.hash, 'Copy the hash')}</dd>` : nothing}
        <dt>Last check</dt><dd><span role="status">${chip(word, kind)} ${running ? `${count(check.rows)} of ${plural(rows, 'row')}` : check.finishedAt ? html`${plural(check.rows, 'row')}, ${time(check.finishedAt)}` : nothing}</span></dd></dl>
      ${running ? html`<div class="meter" role="progressbar" aria-label="Rows checked" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.floor(percent(BigInt(check.rows), BigInt(rows || 1)))}><i class="spent" ${styled({ width: `${Math.min(100, percent(BigInt(check.rows), BigInt(rows || 1)))}%` })}></i></div>` : nothing}
      ${check.badRows > 0 ? html`<p class="error" role="alert">${plural(check.badRows, 'row')} differ${check.badRows === 1 ? 's' : ''} from what was written, the first is ${check.firstBadId ? html`<a href=${href('usage', 'ledger', { row: check.firstBadId })}>row #${check.firstBadId}</a>` : 'unknown'}. Compare with a backup before you rely on these figures.</p>` : nothing}`,
    html`<button class="tonal" ?disabled=${running} @click=${() => this.check()}>${running ? 'Checking…' : 'Check every row'}</button>`);
  }

  view({ integrity, tenants }) {
    const tenantId = route().query.get('tenantId') ?? '';
    if (this.sourceKey !== tenantId) {
      this.sourceKey = tenantId;
      this.source = async ({ cursor, signal }) => {
        const r = await api.get('/admin/audit', { query: { tenantId, limit: PAGE, cursor }, signal });
        return { rows: r.data, cursor: r.nextCursor };
      };
    }
    const onchange = (v) => setQuery({ tenantId: v }, { push: true }), gone = tenantId && !tenants.some((t) => String(t.id) === tenantId);
    const name = (id) => (id ? tenants.find((t) => t.id === id)?.name ?? `#${id}` : null);
    const columns = [
      { key: 'ts', label: 'When', render: (a) => time(a.ts) },
      { key: 'event', label: 'What', render: (a) => eventText(a.event) },
      { key: 'details', label: 'Which', render: (a) => html`<span class="short">${what(a)}</span>` },
      { key: 'tenantId', label: 'Tenant', wide: true, render: (a) => html`<span class="short">${name(a.tenantId) ?? '–'}</span>` },
      { key: 'actor', label: 'By', wide: true, render: (a) => html`<span class="short">${a.actor}</span>` },
    ];
    return html`${this.chain(integrity)}
      <section class="filter-bar" aria-label="Filters"><h2>What was changed</h2><div class="filters">${tenants.length > LISTED ? field({ id: 'q-tenantId', name: 'tenantId', label: 'Tenant id', type: 'number', value: tenantId, onchange })
        : field({ id: 'q-tenantId', name: 'tenantId', label: 'Tenant', type: 'select', options: [['', 'All tenants'], ...tenants.map((t) => [t.id, t.name]), ...(gone ? [[tenantId, `Tenant ${tenantId} (deleted)`]] : [])], value: tenantId, onchange })}</div></section>
      <bg-table .columns=${columns} .source=${this.source} .onrow=${(a) => this.open(a, tenants)} label="Changes, newest first"
        .none=${empty('Nothing was changed yet', 'Each tenant, key, budget, tag and price that is made, changed or deleted is noted here.')}></bg-table>`;
  }
}
customElements.define('page-audit', PageAudit);
