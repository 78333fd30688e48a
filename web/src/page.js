// page.js - what every page is: load, then show; skeleton, error and live
// figures come with it.
//
//   class PageThings extends Page {
//     static title = 'Things';          // heading and window title
//     static every = 10000;             // poll, ms; 0: only on navigation
//     async load(signal) { return api.get('/admin/things', { signal }); }
//     actions() { return html`<button class="filled" @click=…>Add</button>`; }
//     view(things) { return html`…`; }
//   }
//   customElements.define('page-things', PageThings);
import { LitElement, html, nothing } from 'lit';
import { poll } from './poll.js';
import { route } from './router.js';
import { skeleton, problem, stale } from './ui/states.js';

/** Light DOM: one stylesheet, labels and ids that reach across. */
export class Element extends LitElement {
  createRenderRoot() { return this; }
}

export class Page extends Element {
  static title = '';
  static every = 0;
  static properties = { data: { state: true }, error: { state: true } };

  constructor() {
    super();
    this.data = undefined;
    this.error = null;
    this.onRoute = () => {
      const { page, id } = route();
      if (page !== this.page) return;
      if (id !== this.id_) this.data = undefined; // another thing: nothing of the old one stays
      this.id_ = id;
      this.refresh();
    };
  }

  connectedCallback() {
    super.connectedCallback();
    this.page = route().page;
    this.id_ = route().id;
    window.addEventListener('route', this.onRoute);
    this.poller = poll((signal) => this.run(signal), this.constructor.every);
  }

  disconnectedCallback() {
    window.removeEventListener('route', this.onRoute);
    this.poller.stop();
    super.disconnectedCallback();
  }

  /** Overridden: what the page shows; reads route().query for filters. */
  async load() { return {}; }
  /** Overridden: buttons beside the heading. */
  actions() { return nothing; }
  /** May name the thing that is shown (this.data is undefined at first). */
  heading() { return this.constructor.title; }
  /** Where the thing belongs: a link above the heading. */
  above() { return nothing; }

  async run(signal) {
    try {
      const data = await this.load(signal);
      if (signal.aborted) return;
      this.data = data;
      this.error = null;
    } catch (e) {
      if (e.name === 'AbortError' || signal.aborted) return;
      if (!(e.status >= 0)) console.error(e);
      this.error = e;
    }
    this.setAttribute('ready', '');
  }

  updated() {
    if (route().page === this.page) document.title = `${this.heading()} · BudgetGuard`;
  }

  /** Asks again now; resolves when the new figures are there. */
  refresh() { return this.poller.now(); }

  render() {
    return html`
      <header class="page-head">${this.above()}<h1 tabindex="-1">${this.heading()}</h1><div class="actions">${this.actions()}</div></header>
      ${this.error && this.data !== undefined ? stale(this.error, () => this.refresh()) : nothing}
      ${this.data !== undefined ? this.view(this.data) : this.error ? problem(this.error, () => this.refresh()) : skeleton()}`;
  }
}
