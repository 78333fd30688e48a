// app.js - the frame: sign-in screen, or navigation and the page that is open.
import { html, nothing } from 'lit';
import { html as shtml, unsafeStatic } from 'lit/static-html.js';
import { keyed } from 'lit/directives/keyed.js';
import { isSignedIn, signIn, signOut } from './api.js';
import { Element } from './page.js';
import { PAGES } from './pages.js';
import { href, route } from './router.js';
import { field } from './ui/field.js';
import { icon, logo } from './ui/icons.js';
import { snack } from './ui/snackbar.js';
import { empty, problem, skeleton } from './ui/states.js';

class BgApp extends Element {
  static properties = { here: { state: true }, signedIn: { state: true }, menu: { state: true }, failed: { state: true }, busy: { state: true }, broken: { state: true } };

  constructor() {
    super();
    Object.assign(this, { here: route(), signedIn: isSignedIn(), menu: false, failed: null, busy: false, broken: null });
    window.addEventListener('route', (e) => this.moved(e.detail.moved));
    window.addEventListener('signed-out', () => {
      if (this.signedIn) for (const d of document.querySelectorAll('dialog[open]')) d.close();
      this.signedIn = false;
    });
  }

  moved(moved) {
    const before = this.here;
    this.here = route();
    this.menu = false;
    if (moved && (before.page !== this.here.page || before.id !== this.here.id)) {
      this.broken = null;
      window.scrollTo(0, 0);
      this.refocus = true;
    }
  }

  /* A new page is read from its heading on, once its file is there. */
  async updated() {
    const page = this.refocus ? this.querySelector('.page') : null;
    if (!page) return;
    this.refocus = false;
    await page.updateComplete;
    page.querySelector('h1')?.focus();
  }

  async enter(e) {
    e.preventDefault();
    if (this.busy) return;
    const key = e.target.elements.key.value;
    this.failed = key ? null : 'Enter the admin key';
    if (!key) return;
    this.busy = true;
    try {
      await signIn(key);
      this.signedIn = this.refocus = true;
    } catch (x) {
      this.failed = x.status === 401 ? 'This is not the admin key' : x.message;
    }
    this.busy = false;
    await this.updateComplete;
    this.querySelector('#key')?.focus();
  }

  async leave() {
    try { await signOut(); } catch (e) { if (e.status !== 401) snack(e.message); }
    await this.updateComplete;
    this.querySelector('#key')?.focus();
  }

  signIn() {
    document.title = 'Sign in · BudgetGuard';
    return html`<main class="sign-in"><form class="card" @submit=${this.enter}>
      ${logo()}<h1>BudgetGuard</h1><p class="muted">Sign in with the admin key of this gateway.</p>
      ${field({ id: 'key', name: 'key', label: 'Admin key', type: 'password', autocomplete: 'current-password', error: this.failed, hint: 'It stands in ADMIN_API_KEY, or was printed when the demo started.' })}
      <button class="filled" ?disabled=${this.busy}>${this.busy ? 'Signing in…' : 'Sign in'}</button></form></main>`;
  }

  outlet() {
    const page = PAGES.find((p) => p.name === this.here.page);
    if (!page || !customElements.get(page.tag)) document.title = `${page?.title ?? 'No such page'} · BudgetGuard`;
    if (!page) return html`<header class="page-head"><h1 tabindex="-1">No such page</h1></header>${empty('There is nothing at this address', 'It may have been mistyped.', html`<a class="button tonal" href=${href()}>Go to the overview</a>`)}`;
    if (this.broken === page) return html`<h1 tabindex="-1">${page.title}</h1>${problem({ message: 'The page could not be fetched.' }, () => location.reload())}`;
    if (!customElements.get(page.tag)) {
      page.load().then(() => this.requestUpdate(), () => { this.broken = page; });
      return html`<header class="page-head"><h1 tabindex="-1">${page.title}</h1></header>${skeleton()}`;
    }
    const tag = unsafeStatic(page.tag); // a name from PAGES, never from outside
    return keyed(page.name, shtml`<${tag} class="page"></${tag}>`);
  }

  nav() {
    return html`<ul>${PAGES.map((p) => html`<li><a href=${href(p.name)} aria-current=${p.name === this.here.page ? 'page' : nothing}>${icon(p.icon)}<span>${p.title}</span></a></li>`)}</ul>
      <button class="nav-out" @click=${this.leave}>${icon('out')}<span>Sign out</span></button>`;
  }

  render() {
    if (!this.signedIn) return this.signIn();
    return html`<a class="skip" href="#main" @click=${(e) => { e.preventDefault(); this.querySelector('#main').focus(); }}>Skip to the page</a>
      <header class="top"><button class="icon-button" aria-label="Menu" aria-expanded=${this.menu} aria-controls="rail" @click=${() => { this.menu = !this.menu; if (this.menu) this.updateComplete.then(() => this.querySelector('#rail a')?.focus()); }}>${icon('menu')}</button><a class="brand" href=${href()}>${logo()}<b>BudgetGuard</b></a></header>
      ${this.menu ? html`<div class="scrim" @click=${() => { this.menu = false; }}></div>` : nothing}
      <nav id="rail" aria-label="Pages" class=${`rail ${this.menu ? 'open' : ''}`} @keydown=${(e) => { if (e.key === 'Escape' && this.menu) { this.menu = false; this.querySelector('.top button').focus(); } }}><a class="brand" href=${href()}>${logo()}<b>BudgetGuard</b></a>${this.nav()}</nav>
      <main id="main" tabindex="-1" ?inert=${this.menu}>${this.outlet()}</main>`;
  }
}
customElements.define('bg-app', BgApp);
