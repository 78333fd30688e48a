// overview.js - what is spent, what is left, and whether all is well.
import { html } from 'lit';
import { api } from '../api.js';
import { Page } from '../page.js';
import { money, relative } from '../format.js';
import { meter } from '../ui/meter.js';
import { card, empty } from '../ui/states.js';

class PageOverview extends Page {
  static title = 'Overview';
  static every = 15000;

  async load(signal) {
    return { budgets: await api.get('/admin/budgets', { signal }) };
  }

  view({ budgets }) {
    return card('Budgets', budgets.length === 0 ? empty('No budgets yet', 'A budget caps what may be spent.')
      : html`<div class="rows">${budgets.map((b) => html`<div><span class="name">${b.scope.name ?? b.scope.kind} · ${b.period}</span><span>${money(b.remainingUsd)} left, resets ${relative(b.resetsAt)}</span>${meter({ spent: b.spentUsd, held: b.heldUsd, amount: b.amountUsd, label: b.scope.name ?? b.scope.kind })}</div>`)}</div>`);
  }
}
customElements.define('page-overview', PageOverview);
