// overview.js - what is spent, what is left, and whether all is well.
import { html, nothing } from 'lit';
import { api } from '../api.js';
import { Page } from '../page.js';
import { axis, count, dollars, money, ms, nano, percent, plural, relative, timeIn } from '../format.js';
import { hasPage } from '../pages.js';
import { href, route, setQuery } from '../router.js';
import { budgetName, budgetTitle, periodText } from '../budget.js';
import { histogram } from '../histogram.js';
import { meter } from '../ui/meter.js';
import { reasonText } from '../ui/reasons.js';
import { card, chip, empty, tile } from '../ui/states.js';
import '../ui/chart.js';
import '../guide.js';

const DAYS = 30;

class PageOverview extends Page {
  static title = 'Overview';
  static every = 15000;
  static properties = { ...Page.properties, state: { state: true } };

  async load(signal) {
    // providers may be slow to say how they are; the money need not wait
    api.maybe('/health/detailed', { signal }).then((h) => { this.state = h; }, () => {});
    const [sums, budgets, metrics] = await Promise.all([
      api.get('/admin/overview', { signal, query: { days: DAYS - 1 } }),
      api.get('/admin/budgets', { signal, query: { effective: 1, forecast: 1 } }),
      api.maybe('/metrics', { signal, accept: 'text/plain' }),
    ]);
    return { sums, budgets, overhead: histogram(metrics, 'budgetguard_overhead_seconds') };
  }

  actions() {
    const open = route().query.get('guide') === '1';
    if (!open && this.data?.sums.days.every((x) => x.requests === 0)) return nothing; // it is open anyway
    return html`<button class="tonal" aria-expanded=${open} @click=${() => setQuery({ guide: open ? '' : '1' })}>${open ? 'Close the guide' : 'Connect an app'}</button>`;
  }

  view(d) {
    const { sums } = d, fresh = sums.days.every((x) => x.requests === 0), guide = fresh || route().query.get('guide') === '1';
    return html`${guide ? html`<bg-guide .first=${fresh} .health=${this.state}></bg-guide>` : nothing}
      ${this.tiles(d)}
      ${card('Spend per day', fresh ? empty('Nothing was spent yet', `The first call shows here within seconds.`) : html`<bg-chart kind="bars" label=${`Spend per day, last ${DAYS} days, ${sums.timezone}`} .labels=${sums.days.map((x) => x.date)} .series=${[{ label: 'Spend', values: sums.days.map((x) => dollars(x.usd)) }]} .fmt=${axis}></bg-chart>`, html`<span class="muted">${sums.timezone}</span>`)}
      <div class="flow">${this.budgets(d.budgets)}${this.top('Top tenants', sums.tenants.map((t) => ({ name: t.name, to: href('tenants', t.id), ...t })), 'Who spends most shows here.')}
      ${this.top('Top models', sums.models.map((m) => ({ name: m.model, to: hasPage('usage') ? href('usage', '', { model: m.model }) : null, ...m })), 'What is asked most shows here.')}${this.refusals(sums)}${this.health()}</div>`;
  }

  tiles({ sums, overhead }) {
    const f = sums.forecast, zone = sums.timezone;
    const refused = sums.refusals.reduce((n, r) => n + r.requests, 0);
    return html`<div class="tiles">
      ${tile('Spent today', money(sums.today.usd), `resets ${relative(sums.today.end)}`)}
      ${tile('Spent this month', money(sums.month.usd), `until ${timeIn(sums.month.end, zone)}`)}
      ${tile('Burn rate', html`${money(f?.burnUsdPerDay ?? 0)}<small> a day</small>`, f?.basisHours ? `as in the last ${f.basisHours > 48 ? plural(Math.round(f.basisHours / 24), 'day') : plural(f.basisHours, 'hour')}` : 'nothing was spent lately')}
      ${tile('Forecast', money(f?.projectedUsd ?? sums.month.usd), 'this month at that rate')}
      ${tile('Calls today', count(sums.today.requests), `${count(sums.today.inputTokens + sums.today.outputTokens)} tokens`)}
      ${tile('Refused', count(refused), 'in 24 hours')}
      ${tile('Latency added', overhead ? ms(overhead.p50 * 1000) : '–', overhead ? `95 % below ${ms(overhead.p95 * 1000)}, since start` : 'no call since start')}
      ${tile('Under way', count(this.state?.holds_open ?? 0), 'calls that hold money')}</div>`;
  }

  budgets(list) {
    const rows = list.filter((b) => b.isActive !== false && nano(b.amountUsd) !== null)
      .map((b) => ({ b, used: percent((nano(b.spentUsd) ?? 0n) + (nano(b.heldUsd) ?? 0n), b.amountUsd) })).sort((x, y) => y.used - x.used).slice(0, 6);
    return card('Tightest budgets', rows.length === 0 ? empty('No budget caps the spend', 'Set one: calls that could exceed it are refused before they cost anything.', html`<a class="button tonal" href=${href('budgets', '', { new: 1 })}>Add a budget</a>`)
      : html`<ul class="plain rows">${rows.map(({ b, used }) => html`<li><span class="name">${budgetTitle(b)} <span class="muted">${periodText(b)}</span></span><span class="num">${used.toFixed(0)} %</span>
        <div class="full">${meter({ spent: b.spentUsd, held: b.heldUsd, amount: b.amountUsd, label: budgetName(b) })}<span class="muted">${money(b.remainingUsd)} left of ${money(b.amountUsd)}${b.forecast?.runsOutAt ? html`, <span class="warning">runs out ${relative(b.forecast.runsOutAt)}</span>` : b.resetsAt && b.period !== 'rolling' ? html`, resets ${relative(b.resetsAt)}` : nothing}</span></div></li>`)}</ul>`,
      html`<a href=${href('budgets')}>All budgets</a>`);
  }

  top(title, rows, none) {
    const most = rows.reduce((m, r) => (nano(r.usd) > m ? nano(r.usd) : m), 0n);
    return card(title, rows.length === 0 ? empty('Nothing yet', none) : html`<ul class="plain rows">${rows.slice(0, 6).map((r) => html`<li><span class="name">${r.to ? html`<a href=${r.to}>${r.name}</a>` : r.name}</span><span>${money(r.usd)} <span class="muted">${plural(r.requests, 'call')}</span></span>
      <div class="full">${meter({ spent: r.usd, amount: most, label: `Share of ${r.name}`, plain: true })}</div></li>`)}</ul>`, html`<span class="muted">${DAYS} days</span>`);
  }

  refusals(sums) {
    const good = sums.statuses.find((s) => s.status === 'success')?.requests ?? 0, all = sums.statuses.reduce((n, s) => n + s.requests, 0);
    return card('Refusals by reason', sums.refusals.length === 0 ? empty('Nothing was refused', all === 0 ? 'Calls beyond a budget, limit or policy show here.' : `${count(good)} of ${plural(all, 'call')} succeeded in ${DAYS} days.`)
      : html`<ul class="plain rows">${sums.refusals.slice(0, 8).map((r) => html`<li><span class="name">${hasPage('usage') ? html`<a href=${href('usage', 'ledger', { status: 'blocked', reason: r.reason })}>${reasonText(r.reason)}</a>` : reasonText(r.reason)}</span><span class="num">${count(r.requests)}</span></li>`)}</ul>`,
      html`<span class="muted">since ${relative(sums.refusalsSince)}</span>`);
  }

  health() {
    const health = this.state;
    if (!health) return card('Health', html`<p class="muted">Asking the providers…</p>`);
    const word = (ok) => (ok ? chip('well', 'good') : chip('failing', 'bad')), d = health.dependencies;
    const on = Object.entries(health.providers ?? {}).filter(([, p]) => p.configured);
    return card('Health', html`<ul class="plain rows">
      <li><span class="name">Ledger</span>${word(d.database)}</li><li><span class="name">Counters</span>${word(d.counters)}</li>
      <li><span class="name">Ledger queue</span><span>${plural(health.queue_depth, 'row')} waiting ${word(d.ledger_queue)}</span></li>
      <li><span class="name">Policy</span>${health.policy?.error ? chip('failed to load', 'bad') : chip('well', 'good')}</li>
      <li><span class="name">Providers</span>${on.length === 0 ? chip('none configured', 'warn') : html`<span>${on.map(([name, p]) => html`${chip(name, p.healthy === false ? 'bad' : p.healthy ? 'good' : '')} `)}</span>`}</li>
      <li><span class="name">Version</span><span>${health.version}, started ${relative(Date.now() - health.uptime_s * 1000)}</span></li></ul>`,
      html`<a href=${href('settings')}>Details</a>`);
  }
}
customElements.define('page-overview', PageOverview);
