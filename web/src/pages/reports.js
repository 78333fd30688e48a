// reports.js - cost by tenant or key and day, week, month or year: to look at
// and to print.
//
// The figures are those of the self-service reports (UTC days, since the last
// reset), for all tenants.
import { html, nothing } from 'lit';
import { api } from '../api.js';
import { count, day, dollars, money, nano, percent, share, usd } from '../format.js';
import { Page } from '../page.js';
import { href, route, setQuery } from '../router.js';
import '../ui/chart.js';
import { field } from '../ui/field.js';
import { card, empty, tile } from '../ui/states.js';
import { styled } from '../ui/styled.js';
import '../ui/table.js';

const SCOPES = [['user', 'Tenant'], ['key', 'Key'], ['user_key', 'Tenant and key'], ['all_users', 'All together']];
const BUCKETS = [['day', 'Day'], ['week', 'Week'], ['month', 'Month'], ['year', 'Year'], ['all', 'All time']];
const SERIES = 7, BARS = 12, PEOPLE = 500, DAYS_DRAWN = 400;
const word = (list, v) => list.find(([k]) => k === v)?.[1] ?? v;

function asked() {
  const q = route().query, one = (name, list) => (list.some(([v]) => v === q.get(name)) ? q.get(name) : list[0][0]);
  return { start: q.get('start') || day(-29), end: q.get('end') || day(), scope: one('scope', SCOPES), bucket: one('bucket', BUCKETS), user: q.get('user') ?? '' };
}

/** Rows as labels by periods; the dearest labels first, the rest as one. */
export function pivot(rows, periods) {
  const by = new Map(), at = new Map(periods.map((p, i) => [p, i]));
  for (const r of rows) {
    if (!by.has(r.label)) by.set(r.label, { label: r.label, sum: 0n, values: periods.map(() => 0n) });
    const s = by.get(r.label), cost = nano(r.cost) ?? 0n;
    s.sum += cost;
    if (at.has(r.period)) s.values[at.get(r.period)] += cost;
  }
  return [...by.values()].sort((a, b) => (a.sum < b.sum ? 1 : a.sum > b.sum ? -1 : a.label < b.label ? -1 : 1));
}

const others = (list, label) => ({ label, sum: list.reduce((a, s) => a + s.sum, 0n), values: list[0].values.map((_, i) => list.reduce((a, s) => a + s.values[i], 0n)) });
const most = (list, n) => (list.length > n + 1 ? [...list.slice(0, n), others(list.slice(n), `${list.length - n} others`)] : list);

/** Every period between the first and the last; days without use, too. */
function periodsOf(rows, { bucket, start, end }) {
  const seen = [...new Map(rows.map((r) => [r.period, r.period_sort]))].sort((a, b) => a[1] - b[1]).map(([p]) => p);
  if (bucket !== 'day') return seen;
  const days = [];
  for (let t = Date.parse(start); t <= Date.parse(end) && days.length < DAYS_DRAWN; t += 86400000) days.push(new Date(t).toISOString().slice(0, 10));
  return days.length < DAYS_DRAWN ? days : seen;
}

class PageReports extends Page {
  static title = 'Reports';

  constructor() {
    super();
    // a dark page is printed as a light one, charts and all, and with every row
    this.printing = false;
    this.onPrint = (e) => {
      const root = document.documentElement.dataset, table = this.querySelector('bg-table');
      if (this.printing === (e.type === 'beforeprint')) return;
      this.printing = !this.printing;
      if (table) table.whole = e.type === 'beforeprint';
      if (e.type === 'beforeprint') { this.theme = root.theme ?? ''; root.theme = 'light'; } else if (this.theme) root.theme = this.theme; else delete root.theme;
      window.dispatchEvent(new Event('theme'));
    };
  }

  connectedCallback() {
    super.connectedCallback();
    for (const e of ['beforeprint', 'afterprint']) window.addEventListener(e, this.onPrint);
  }

  disconnectedCallback() {
    for (const e of ['beforeprint', 'afterprint']) window.removeEventListener(e, this.onPrint);
    super.disconnectedCallback();
  }

  async load(signal) {
    const query = asked();
    return { query, report: await api.get('/reports/data', { query, signal }) };
  }

  actions() { return html`<button class="outlined" @click=${() => window.print()}>Print</button>`; }

  view({ query: q, report: r }) {
    const set = (name) => (v) => setQuery({ [name]: v }, { push: true });
    const people = q.user && !r.users.includes(q.user) ? [...r.users, q.user] : r.users;
    const who = people.length > PEOPLE ? field({ id: 'q-user', name: 'user', label: 'Tenant', value: q.user, placeholder: 'the whole name', onchange: set('user') })
      : field({ id: 'q-user', name: 'user', label: 'Tenant', type: 'select', options: [['', 'All tenants'], ...people.map((u) => [u, u])], value: q.user, onchange: set('user') });
    const whole = q.bucket === 'all';
    return html`<section class="filter-bar" aria-label="What is reported"><div class="filters">
        ${field({ id: 'q-start', name: 'start', label: 'From', type: 'date', value: q.start, disabled: whole, onchange: set('start') })}${field({ id: 'q-end', name: 'end', label: 'Through', type: 'date', value: q.end, disabled: whole, onchange: set('end') })}
        ${field({ id: 'q-scope', name: 'scope', label: 'By', type: 'select', options: SCOPES, value: q.scope, onchange: set('scope') })}${field({ id: 'q-bucket', name: 'bucket', label: 'Per', type: 'select', options: BUCKETS, value: q.bucket, onchange: set('bucket') })}${who}</div></section>
      <p class="muted report-line">${whole ? 'The whole history' : `${q.start} through ${q.end}`}, by ${word(SCOPES, q.scope).toLowerCase()}${q.user ? html`, only <b>${q.user}</b>` : nothing}. Days are UTC.</p>
      ${r.rows.length === 0 ? empty('Nothing was used in this time', 'Choose other dates, or look at the whole history.', html`<a class="button tonal" href=${href('reports', '', { bucket: 'all', scope: q.scope })}>Show all time</a>`) : this.figures(q, r)}`;
  }

  figures(q, r) {
    const periods = periodsOf(r.rows, q), list = pivot(r.rows, periods), sum = r.summary, fmt = (v) => usd(v.toFixed(9));
    const total = periods.map((_, i) => list.reduce((a, s) => a + s.values[i], 0n));
    let run = 0n;
    const growing = total.map((v) => dollars(run += v)), whole = nano(sum.cost) ?? 0n, per = word(BUCKETS, q.bucket).toLowerCase(), by = word(SCOPES, q.scope).toLowerCase();
    const bars = most(list, BARS), layers = most(list, SERIES).map((s) => ({ label: s.label, values: s.values.map(dollars) }));
    const columns = [
      { key: 'period', label: 'Period', sort: (x) => x.period_sort },
      { key: 'label', label: word(SCOPES, q.scope), sort: true, render: (x) => html`<span class="short">${x.label}</span>` },
      { key: 'cost', label: 'Cost', num: true, sort: (x) => nano(x.cost), render: (x) => money(x.cost) },
      { key: 'requests', label: 'Requests', num: true, wide: true, sort: true, render: (x) => count(x.requests) },
      { key: 'prompt_tokens', label: 'Tokens in', num: true, wide: true, sort: true, render: (x) => count(x.prompt_tokens) },
      { key: 'completion_tokens', label: 'Tokens out', num: true, wide: true, sort: true, render: (x) => count(x.completion_tokens) },
    ];
    return html`<div class="tiles">${tile('Cost', money(sum.cost))}${tile('Requests', count(sum.requests))}${tile('Tokens in', count(sum.prompt_tokens))}${tile('Tokens out', count(sum.completion_tokens))}</div>
      <div class="grid reports">
        ${q.scope === 'all_users' ? nothing : card(`Cost by ${by}`, html`<ul class="plain hbars">${bars.map((s, i) => html`<li><span class="name">${s.label}</span><span class="num">${money(s.sum)} <span class="muted">${share(s.sum, whole)}</span></span><span class="bar"><i class=${`series-${i % 8}`} ${styled({ width: `${Math.min(100, Math.max(0, percent(s.sum, bars[0].sum)))}%` })}></i></span></li>`)}</ul>`)}
        ${q.bucket === 'all' ? nothing : card('Cost, added up', html`<bg-chart kind="line" label="Cost, added up" .labels=${periods} .series=${[{ label: 'So far', values: growing }]} .fmt=${fmt} .height=${240}></bg-chart>`)}</div>
      ${q.bucket === 'all' ? nothing : card(q.scope === 'all_users' ? `Cost per ${per}` : `Cost per ${per} by ${by}`, html`<bg-chart kind="bars" ?stacked=${true} label=${`Cost per ${per}`} .labels=${periods} .series=${layers} .fmt=${fmt} .height=${260}></bg-chart>`)}
      ${card('Figures', html`<bg-table class="capped" .columns=${columns} .rows=${r.rows} label="Figures of the report"></bg-table>`)}`;
  }
}
customElements.define('page-reports', PageReports);
