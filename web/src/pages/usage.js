// usage.js - where the money went: insights, every row of the ledger, tags.
//
// The view is the address' second part (/dashboard/usage/ledger), everything
// else its query; a row that is open is `row` there.
import { html, nothing } from 'lit';
import { styled } from '../ui/styled.js';
import { api } from '../api.js';
import { count, dollars, money, nano, percent, share, time, usd } from '../format.js';
import { Page } from '../page.js';
import { href, route, setQuery } from '../router.js';
import '../ui/chart.js';
import { field } from '../ui/field.js';
import { icon } from '../ui/icons.js';
import { card, empty, status, tile } from '../ui/states.js';
import '../ui/table.js';
import { treemap } from '../ui/treemap.js';
import { reasonText } from '../ui/reasons.js';
import { filterBar, filterChips, ignored, insightQuery, kept, ledgerQuery, period } from './usage_filters.js';
import { openRow } from './usage_row.js';

const VIEWS = [['', 'Insights'], ['ledger', 'Ledger'], ['tags', 'Tag map']];
const BY = [['model', 'Model'], ['tenant', 'Tenant'], ['key', 'Key'], ['tag', 'Tag'], ['provider', 'Provider'], ['status', 'Status']];
const PAGE = 100, MAP_BOXES = 40;

const tenantName = (tenants, id) => tenants.find((t) => t.id === id)?.name ?? `tenant ${id}`;

/** What a group is called, and the ledger's filter for it. */
function groupOf(by, g, tenants) {
  switch (by) {
    case 'tenant': return g.id ? [g.name ?? `tenant ${g.id}`, { tenantId: g.id }] : ['Without a tenant', null];
    case 'key': return g.id ? [`${g.name || 'Key'} ${g.masked ?? `#${g.id}`}${g.tenantId ? ` · ${tenantName(tenants, g.tenantId)}` : ''}`, { keyId: g.id }] : ['Without a key', null];
    case 'tag': return [`${g.path ?? g.name ?? `tag ${g.id}`}${g.tenantId ? ` · ${tenantName(tenants, g.tenantId)}` : ''}`, g.name ? { tag: g.name, tenantId: g.tenantId } : null];
    default: return [g.name || `No ${by}`, g.name ? { [by]: g.name } : null];
  }
}

function bucketOf(q) {
  const p = period(q), span = p.days !== undefined ? Number(p.days) : (Date.parse(p.endDate ?? new Date()) - Date.parse(p.startDate ?? new Date())) / 86400000;
  const hoursFit = span <= 31;
  return { hoursFit, bucket: (q.get('bucket') ?? (span <= 2 ? 'hour' : 'day')) === 'hour' && hoursFit ? 'hour' : 'day' };
}

/** Points' labels: days in the budgets' zone, hours in the viewer's. */
function labels(data) {
  const f = data.bucket === 'day' ? new Intl.DateTimeFormat('en-CA', { timeZone: data.timezone, year: 'numeric', month: '2-digit', day: '2-digit' }) : new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
  return data.points.map((p) => f.format(new Date(p.start)));
}

/** Tags by path as a tree; `own` is what a tag was named with itself. */
export function tagTree(groups) {
  const root = { name: '', path: '', total: 0n, own: 0n, children: new Map() };
  for (const g of groups) {
    let at = root, path = '';
    for (const name of (g.path ?? g.name ?? `tag ${g.id}`).split('/').filter(Boolean)) {
      path = path ? `${path}/${name}` : name;
      if (!at.children.has(name)) at.children.set(name, { name, path, total: 0n, own: 0n, children: new Map() });
      at = at.children.get(name);
    }
    at.total += nano(g.treeUsd);
    at.own += nano(g.usd);
  }
  root.total = [...root.children.values()].reduce((a, c) => a + c.total, 0n);
  return root;
}

class PageUsage extends Page {
  static title = 'Usage';
  static every = 60000;
  static properties = { ...Page.properties, more: { state: true } };

  constructor() {
    super();
    this.more = false;
    this.shown = null; // the drawer, and which row it shows
  }

  disconnectedCallback() {
    this.shown?.d.close();
    super.disconnectedCallback();
  }

  async load(signal) {
    const { id, query } = route();
    this.syncRow(query.get('row') ?? '');
    const names = api.get('/admin/tenant', { signal });
    if (id === 'ledger') return { view: id, tenants: await names };
    const by = id === 'tags' ? 'tag' : BY.some(([v]) => v === query.get('by')) ? query.get('by') : 'model';
    const [tenants, insights] = await Promise.all([names, api.get('/admin/usage/insights', { query: { ...insightQuery(query, by), by, bucket: id === 'tags' ? 'day' : bucketOf(query).bucket, limit: by === 'tag' ? 1000 : 200 }, signal })]);
    return { view: id, tenants, insights };
  }

  /** The drawer follows the address, and closing it takes the row out. */
  syncRow(id) {
    if (this.shown?.id === id || (!this.shown && !id)) return;
    const before = this.shown;
    this.shown = null;
    before?.d.close();
    if (!/^\d{1,18}$/.test(id)) return;
    const mine = (this.shown = { id, d: openRow(id) });
    mine.d.closed.then(() => {
      if (this.shown !== mine) return;
      this.shown = null;
      if (this.isConnected && route().query.get('row') === id) setQuery({ row: '' });
    });
  }

  actions() {
    const q = route().query, exports = (format) => `/admin/usage/export?${new URLSearchParams(Object.entries({ ...ledgerQuery(q), format }).filter(([, v]) => v))}`;
    return html`<a class="button outlined" href=${exports('csv')} download="ledger.csv">${icon('download')}CSV</a><a class="button outlined" href=${exports('jsonl')} download="ledger.jsonl">${icon('download')}JSONL</a>`;
  }

  view(data) {
    const { id, query: q } = route(), all = id === 'ledger', view = VIEWS.some(([v]) => v === id) ? id : '';
    return html`<nav class="tabs" aria-label="Views of usage">${VIEWS.map(([v, text]) => html`<a href=${href('usage', v, kept(q))} aria-current=${v === view ? 'page' : nothing}>${text}</a>`)}</nav>
      ${filterBar(q, data.tenants, { all, open: this.more, ontoggle: () => { this.more = !this.more; } })}${filterChips(q, data.tenants)}
      ${all ? this.ledger(q, data.tenants) : data.view !== id || !data.insights ? nothing : id === 'tags' ? this.tagMap(q, data) : this.insights(q, data)}`;
  }

  /* ---- insights */

  insights(q, { insights: x, tenants }) {
    const t = x.total, refused = t.requests - t.served;
    const left = ignored(q, x.by);
    return html`${left.length ? html`<p class="banner"><span>${left.join(', ')} ${left.length === 1 ? 'narrows' : 'narrow'} the ledger only; these figures go without.</span></p>` : nothing}
      <div class="tiles">${tile('Spend', money(t.usd), `${count(x.points.length)} ${x.bucket}s`)}${tile('Requests', count(t.requests), `${count(t.served)} served`)}
        ${tile('Refused or failed', count(refused), refused > 0 ? html`<a href=${href('usage', 'ledger', { ...kept(q), status: 'blocked' })}>Blocked</a>, <a href=${href('usage', 'ledger', { ...kept(q), status: 'failed' })}>failed</a>` : 'none')}
        ${tile('Tokens', count(t.promptTok + t.compTok), `${count(t.promptTok)} in${t.cachedTok ? ` (${count(t.cachedTok)} cached)` : ''}, ${count(t.compTok)} out`)}</div>
      ${t.requests === 0 && nano(t.usd) === 0n ? empty('Nothing was used in this time', 'Choose a longer period or fewer filters. A first call appears here at once.', html`<a class="button tonal" href=${href('usage', '', { days: 365 })}>Show the last year</a>`)
        : html`${this.trend(q, x, tenants)}${this.groups(q, x, tenants)}`}`;
  }

  trend(q, x, tenants) {
    const { hoursFit } = bucketOf(q), split = q.get('split') === '1' && x.groups.length > 1;
    const top = x.groups.filter((g) => g.points).slice(0, 7);
    const lines = top.map((g) => ({ label: groupOf(x.by, g, tenants)[0], values: g.points.map(dollars) }));
    const rest = x.points.map((p, i) => nano(p.usd) - top.reduce((a, g) => a + nano(g.points[i]), 0n));
    if (split && x.by !== 'tag' && rest.some((r) => r !== 0n)) lines.push({ label: 'Others', values: rest.map(dollars) });
    const press = (name, value, on, text, off) => html`<button aria-pressed=${on ? 'true' : 'false'} ?disabled=${off} @click=${() => setQuery({ [name]: value }, { push: true })}>${text}</button>`;
    return card('Spend over time', html`<bg-chart .labels=${labels(x)} .series=${split ? lines : [{ label: 'Spend', values: x.points.map((p) => dollars(p.usd)) }]} kind=${split && x.by === 'tag' ? 'line' : 'bars'} ?stacked=${split && x.by !== 'tag'} .fmt=${(v) => usd(v.toFixed(9))} .height=${260} label=${`Spend by ${x.bucket}`}></bg-chart>`,
      html`<div class="actions"><span class="segmented" role="group" aria-label="Steps">${press('bucket', 'day', x.bucket === 'day', 'Days')}${press('bucket', 'hour', x.bucket === 'hour', 'Hours', !hoursFit)}</span>
        <span class="segmented" role="group" aria-label="Lines">${press('split', '', !split, 'Total')}${press('split', '1', split, `By ${x.by}`, x.groups.length < 2)}</span></div>`);
  }

  groups(q, x, tenants) {
    const whole = nano(x.total.usd);
    const columns = [
      { key: 'name', label: BY.find(([v]) => v === x.by)[1], sort: (g) => groupOf(x.by, g, tenants)[0], render: (g) => { const [name, f] = groupOf(x.by, g, tenants); return f ? html`<a href=${href('usage', 'ledger', { ...kept(q), ...f })}>${name}</a>` : name; } },
      { key: 'usd', label: 'Spend', num: true, sort: (g) => nano(g.usd), render: (g) => money(g.usd) },
      { key: 'share', label: 'Share', wide: true, sort: (g) => nano(g.usd), render: (g) => html`<span class="bar"><i ${styled({ width: `${Math.min(100, Math.max(0, percent(g.usd, whole)))}%` })}></i></span><span class="num">${share(g.usd, whole)}</span>` },
      ...(x.by === 'tag' ? [{ key: 'treeUsd', label: 'With tags below', num: true, wide: true, sort: (g) => nano(g.treeUsd), render: (g) => money(g.treeUsd) }] : []),
      { key: 'requests', label: 'Requests', num: true, sort: true, render: (g) => count(g.requests) },
      { key: 'refused', label: 'Not served', num: true, wide: true, sort: (g) => g.requests - g.served, render: (g) => count(g.requests - g.served) },
      { key: 'promptTok', label: 'Tokens in', num: true, wide: true, sort: true, render: (g) => count(g.promptTok) },
      { key: 'compTok', label: 'Tokens out', num: true, wide: true, sort: true, render: (g) => count(g.compTok) },
    ];
    return card(html`By ${x.by}`, html`<bg-table .columns=${columns} .rows=${x.groups} label=${`Spend by ${x.by}`} .none=${empty(x.by === 'tag' ? 'No tagged requests' : 'Nothing here', x.by === 'tag' ? 'Send X-Tags with your calls to see which work costs what.' : 'No request matches.', x.by === 'tag' ? html`<a class="button tonal" href=${href('tags')}>Make tags</a>` : nothing)}></bg-table>
      ${x.groupCount > x.groups.length ? html`<p class="muted">The ${count(x.groups.length)} dearest of ${count(x.groupCount)}.</p>` : nothing}`,
    field({ id: 'q-by', name: 'by', label: html`<span class="sr">Break down by</span>`, type: 'select', options: BY.map(([v, text]) => [v, `by ${text.toLowerCase()}`]), value: x.by, onchange: (v) => setQuery({ by: v }, { push: true }) }));
  }

  /* ---- tags */

  tagMap(q, { insights: x, tenants }) {
    const owner = q.get('tenantId') ? Number(q.get('tenantId')) : [...new Set(x.groups.map((g) => g.tenantId))].length === 1 ? x.groups[0].tenantId : null;
    if (x.groups.length === 0) return empty('No tagged requests in this time', 'Make tags for a tenant and send their names in X-Tags; each tag’s area is then its share of the spend.', html`<a class="button tonal" href=${href('tags')}>Make tags</a>`);
    const crumbs = [['All tags', { ...kept(q), tenantId: '', path: '' }]];
    let items;
    if (owner === null) {
      const by = Map.groupBy(x.groups, (g) => g.tenantId);
      items = [...by].map(([id, list]) => ({ name: tenantName(tenants, id), usd: tagTree(list).total, href: href('usage', 'tags', { ...kept(q), tenantId: id }) }));
    } else {
      crumbs.push([tenantName(tenants, owner), { ...kept(q), tenantId: owner }]);
      let at = tagTree(x.groups.filter((g) => g.tenantId === owner)), path = [];
      for (const name of (q.get('path') ?? '').split('/').filter(Boolean)) {
        if (!at.children.has(name)) break;
        at = at.children.get(name);
        path.push(name);
        crumbs.push([name, { ...kept(q), tenantId: owner, path: path.join('/') }]);
      }
      const below = [...at.children.values()];
      items = below.map((c) => ({ name: c.name, usd: c.total, href: c.children.size ? href('usage', 'tags', { ...kept(q), tenantId: owner, path: c.path }) : href('usage', 'ledger', { ...kept(q), tenantId: owner, tag: c.name }) }));
      const rest = at.total - below.reduce((a, c) => a + c.total, 0n);
      if (path.length && rest > 0n) items.push({ name: `${at.name} itself`, usd: rest, href: href('usage', 'ledger', { ...kept(q), tenantId: owner, tag: at.name }) });
    }
    items.sort((a, b) => (a.usd < b.usd ? 1 : a.usd > b.usd ? -1 : 0));
    const whole = items.reduce((a, i) => a + i.usd, 0n), shown = items.filter((i) => i.usd > 0n).slice(0, MAP_BOXES);
    const box = (i) => ({ name: i.name, text: `${usd(i.usd)} · ${share(i.usd, whole)}`, weight: dollars(i.usd), href: i.href });
    return html`<nav class="crumbs" aria-label="Where in the tree"><ol>${crumbs.map(([text, f], i) => html`<li>${i === crumbs.length - 1 ? html`<b aria-current="page">${text}</b>` : html`<a href=${href('usage', 'tags', f)}>${text}</a>`}</li>`)}</ol></nav>
      ${shown.length === 0 ? empty('Nothing was spent here', 'The requests with these tags cost nothing in this time.') : html`<section class="card">${treemap(shown.map(box), 'Spend by tag')}</section>`}
      ${card('The same as a table', html`<bg-table label="Spend by tag" .rows=${items} .columns=${[{ key: 'name', label: owner === null ? 'Tenant' : 'Tag', sort: true, render: (i) => html`<a href=${i.href}>${i.name}</a>` }, { key: 'usd', label: 'Spend', num: true, sort: true, render: (i) => money(i.usd) }, { key: 'share', label: 'Share', num: true, render: (i) => share(i.usd, whole) }]}></bg-table>`)}
      <p class="muted">A tag’s area is what requests with it or a tag below it cost, each once. A request with two tags is in both.</p>`;
  }

  /* ---- ledger */

  ledger(q, tenants) {
    const filter = ledgerQuery(q), key = JSON.stringify(filter);
    if (key !== this.sourceKey) {
      this.sourceKey = key;
      let total = null;
      this.source = async ({ cursor, signal }) => {
        const r = await api.get('/admin/usage/ledger', { query: { ...filter, limit: PAGE, cursor }, signal });
        total ??= r.total;
        return { rows: r.data, total, cursor: r.nextCursor };
      };
    }
    const columns = [
      { key: 'ts', label: 'Time', render: (e) => time(e.ts) },
      { key: 'status', label: 'Status', render: (e) => status(e.kind === 'usage' ? e.status : e.kind) },
      { key: 'model', label: 'Model', render: (e) => e.model ?? html`<span class="muted">${e.route ?? '–'}</span>` },
      { key: 'usd', label: 'Cost', num: true, render: (e) => money(e.usd) },
      { key: 'tenant', label: 'Tenant', wide: true, render: (e) => html`<span class="short">${e.tenant ?? '–'}</span>` },
      { key: 'reason', label: 'Reason', wide: true, render: (e) => (e.reason ? html`<span class="short">${e.kind === 'usage' ? reasonText(e.reason) : e.reason}</span>` : '–') },
      { key: 'tokens', label: 'Tokens in / out', num: true, wide: true, render: (e) => (e.promptTok || e.compTok ? `${count(e.promptTok)} / ${count(e.compTok)}` : '–') },
      { key: 'user', label: 'User', wide: true, render: (e) => html`<span class="short">${e.user ?? '–'}</span>` },
      { key: 'sessionId', label: 'Session', wide: true, render: (e) => html`<span class="short">${e.sessionId ?? '–'}</span>` },
      { key: 'tags', label: 'Tags', wide: true, render: (e) => html`<span class="short">${e.tags.length ? e.tags.map((t) => t.name).join(', ') : '–'}</span>` },
    ];
    return html`<bg-table .columns=${columns} .source=${this.source} .onrow=${(e) => setQuery({ row: e.id }, { push: true })} label="Ledger rows, newest first"
      .none=${empty('No rows match', 'Choose a longer period or fewer filters.', html`<a class="button tonal" href=${href('usage', 'ledger', { days: 365 })}>Show the last year</a>`)}></bg-table>`;
  }
}
customElements.define('page-usage', PageUsage);
