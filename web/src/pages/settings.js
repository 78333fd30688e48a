// settings.js - what is in force, whether the providers answer, and the theme.
import { html, nothing } from 'lit';
import { api } from '../api.js';
import { ms, relative, time } from '../format.js';
import { Page } from '../page.js';
import { setTheme, theme, themes } from '../theme.js';
import { field } from '../ui/field.js';
import { card, chip, empty } from '../ui/states.js';
import '../ui/table.js';

class PageSettings extends Page {
  static title = 'Settings';
  static properties = { ...Page.properties, search: { state: true }, onlyChanged: { state: true }, checking: { state: true }, checked: { state: true }, state: { state: true } };

  constructor() {
    super();
    Object.assign(this, { search: '', onlyChanged: true, checking: false, checked: null });
  }

  async load(signal) {
    api.maybe('/health/detailed', { signal }).then((h) => { this.state = h; }, () => {}); // providers may be slow
    return { settings: await api.get('/admin/settings', { signal }) };
  }

  /* Asked only by the button: it calls the providers (never a paid call). */
  async check() {
    this.checking = true;
    try {
      const r = await api.maybe('/admin/providers/status');
      this.checked = r?.providers ?? (await api.get('/health/detailed')).providers;
    } catch (e) { this.error = e; }
    this.checking = false;
  }

  appearance() {
    return card('Theme', html`<div class="segmented" role="group" aria-label="Theme">${themes.map(([k, text]) => html`<button aria-pressed=${theme() === k} @click=${() => { setTheme(k); this.requestUpdate(); }}>${text}</button>`)}</div><p class="muted">Kept in this browser only.</p>`);
  }

  about({ settings }) {
    const health = this.state;
    return card('This gateway', html`<dl class="pairs"><dt>Version</dt><dd>${settings.version}${settings.demo ? html` ${chip('demo')}` : nothing}</dd><dt>Address</dt><dd><code>${location.origin}</code></dd><dt>Running since</dt><dd>${time(settings.startedAt)} (${relative(settings.startedAt)})</dd><dt>Zone of budgets</dt><dd>${settings.timezone}</dd>
      ${health ? html`<dt>State</dt><dd>${health.ok ? chip('healthy', 'good') : chip('unhealthy', 'bad')}</dd>` : nothing}</dl>`);
  }

  providers() {
    if (!this.state && !this.checked) return card('Providers', html`<p class="muted">Asking them…</p>`);
    const list = Object.entries({ ...this.state?.providers, ...this.checked }).sort(([, a], [, b]) => b.configured - a.configured);
    const state = (p) => (p.healthy === true ? chip('healthy', 'good') : p.healthy === false ? chip('failing', 'bad') : chip('not checked'));
    return card('Providers', list.length === 0 ? empty('Unknown', 'The gateway did not say which providers it has.') : html`<ul class="plain rows">${list.filter(([, p]) => p.configured).map(([name, p]) => html`<li><span class="name">${name}</span>${p.configured && p.error ? html`<span class="error">${p.error}</span>` : nothing}<span>${p.responseTime !== null && p.responseTime !== undefined ? html`<span class="muted">${ms(p.responseTime)}</span> ` : nothing}${state(p)}</span></li>`)}</ul><p class="muted">Without a key: ${list.filter(([, p]) => !p.configured).map(([n]) => n).join(', ') || 'none'}</p>`,
      html`<button class="tonal" ?disabled=${this.checking} @click=${() => this.check()}>${this.checking ? 'Checking…' : 'Check now'}</button>`);
  }

  view(d) {
    const text = this.search.toLowerCase();
    const rows = d.settings.settings.filter((s) => (text || !this.onlyChanged || (s.set && (s.secret || s.value !== s.default))) && (s.name.toLowerCase().includes(text) || s.meaning.toLowerCase().includes(text)));
    const columns = [
      { key: 'name', label: 'Variable', sort: true, render: (s) => html`<code>${s.name}</code>` },
      { key: 'value', label: 'In force', render: (s) => (!s.set ? html`<span class="muted">unset</span>` : s.secret ? chip('set, not shown') : html`<code>${s.value}</code>${s.value !== s.default ? html` ${chip('not the default')}` : nothing}`) },
      { key: 'meaning', label: 'Meaning', wide: true, render: (s) => html`<span class="muted wraps">${s.meaning || '–'}</span>` },
    ];
    return html`<div class="grid">${this.appearance()}${this.about(d)}${this.providers()}</div>
      ${card('Configuration', html`<p class="muted">Read once at start from the environment, <code>.env.local</code>, <code>.env</code> or <code>--config</code>. Secrets are never shown.</p>
        <div class="filters">${field({ name: 'search', label: 'Find a variable', type: 'search', value: this.search, onchange: (v) => { this.search = v; } })}${field({ name: 'only', label: 'Only what was changed (a search looks at all)', type: 'checkbox', value: this.onlyChanged, onchange: (v) => { this.onlyChanged = v; } })}</div>
        <bg-table label="Configuration" .columns=${columns} .rows=${rows} .none=${empty('No variable fits', 'Change the search, or show those with their defaults, too.')}></bg-table>
        ${d.settings.ignored.length ? html`<p>Recognised, but without effect: ${d.settings.ignored.map((n) => html`<code>${n}</code> `)}</p>` : nothing}`)}`;
  }
}
customElements.define('page-settings', PageSettings);
