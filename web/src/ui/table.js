// table.js - a table that stays smooth at 100,000 rows.
//
// Only the rows near the viewport are in the document: rows have one height, a
// spacer row stands for those above and below.  Rows come as an array, or from
// `source({cursor, signal})` -> {rows, total, cursor}, asked for more when the
// end comes near.  On phones columns marked `wide` are left out; what a row
// holds in full belongs into what `onrow` opens.
//
// Keyboard: Tab to the table, arrows, Page and Home/End move between rows,
// Enter opens.
import { html, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { styled } from './styled.js';
import { Element } from '../page.js';
import { icon } from './icons.js';
import { problem } from './states.js';

const AHEAD = 12, ALL = 150; // below ALL rows everything is drawn

/* columns: [{key, label, num, wide, render(row), sort(row) or true}]; whole:
 * every row is drawn (for paper). */
export class BgTable extends Element {
  static properties = {
    columns: { attribute: false }, rows: { attribute: false }, source: { attribute: false }, onrow: { attribute: false },
    label: {}, whole: { type: Boolean }, none: { attribute: false }, foot: { attribute: false },
    order: { state: true }, from: { state: true }, active: { state: true }, busy: { state: true }, error: { state: true }, loaded: { state: true },
  };

  constructor() {
    super();
    Object.assign(this, { columns: [], rows: null, source: null, onrow: null, label: 'Table', none: nothing, foot: null, order: null, from: 0, active: 0, busy: false, error: null, loaded: [] });
    this.height = 45;
  }

  willUpdate(changed) {
    if (changed.has('source') && this.source) this.restart();
  }

  restart() {
    this.abort?.abort();
    this.loaded = [];
    this.cursor = null;
    this.total = null;
    this.ended = false;
    this.busy = false;
    this.more();
  }

  async more() {
    if (this.busy || this.ended) return;
    this.busy = true;
    this.error = null;
    const mine = (this.abort = new AbortController());
    try {
      const r = await this.source({ cursor: this.cursor, signal: mine.signal });
      if (mine.signal.aborted) return;
      this.loaded = [...this.loaded, ...r.rows];
      this.cursor = r.cursor ?? null;
      this.total = r.total ?? null;
      this.ended = !this.cursor;
    } catch (e) {
      if (mine.signal.aborted) return;
      this.error = e;
    }
    this.busy = false;
    this.setAttribute('ready', '');
  }

  disconnectedCallback() {
    this.abort?.abort();
    super.disconnectedCallback();
  }

  all() {
    const rows = this.source ? this.loaded : this.rows ?? [];
    if (!this.order || this.source) return rows;
    const c = this.columns.find((x) => x.key === this.order.key), by = typeof c.sort === 'function' ? c.sort : (r) => r[c.key];
    return rows.map((r) => [by(r), r]).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (this.order.down ? -1 : 1)).map(([, r]) => r);
  }

  scrolled(e) {
    const first = Math.max(0, Math.floor(e.target.scrollTop / this.height) - AHEAD);
    if (Math.abs(first - this.from) >= AHEAD / 2 || first === 0) this.from = first;
    this.near(e.target);
  }

  near(box) {
    if (this.source && !this.error && box.scrollTop + box.clientHeight > box.scrollHeight - 600) this.more();
  }

  updated() {
    const row = this.querySelector('tbody tr[data-i]');
    if (row && row.offsetHeight > 20) this.height = row.offsetHeight;
    if (this.wanted !== undefined) {
      const to = this.querySelector(`tr[data-i="${this.wanted}"]`);
      this.wanted = undefined;
      to?.focus({ preventScroll: true });
      to?.scrollIntoView({ block: 'nearest' });
    }
  }

  keys(e, rows) {
    if (e.target.closest('button, a, input, select') && e.key === 'Enter') return;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[e.key];
    if (e.key === 'Enter' && this.onrow && rows[this.active]) { e.preventDefault(); this.onrow(rows[this.active]); return; }
    if (step === undefined || rows.length === 0) return;
    e.preventDefault();
    this.active = Math.min(rows.length - 1, Math.max(0, this.active + step));
    if (rows.length > ALL) {
      this.from = Math.max(0, this.active - AHEAD);
      this.querySelector('.table-scroll').scrollTop = Math.max(0, this.active * this.height - 120);
    }
    this.wanted = this.active;
    this.requestUpdate();
  }

  sortBy(c) {
    this.order = this.order?.key === c.key ? { key: c.key, down: !this.order.down } : { key: c.key, down: Boolean(c.num) };
  }

  head(c) {
    const dir = this.order?.key === c.key ? (this.order.down ? 'descending' : 'ascending') : nothing;
    return html`<th scope="col" class=${`${c.num ? 'num' : ''} ${c.wide ? 'wide' : ''}`} aria-sort=${dir}>${c.sort && !this.source
      ? html`<button class="sort" @click=${() => this.sortBy(c)}>${c.label}${dir === nothing ? nothing : icon(this.order.down ? 'down' : 'up')}</button>` : c.label || html`<span class="sr">Actions</span>`}</th>`;
  }

  row(r, i) {
    const cell = (c) => (c.render ? c.render(r) : r[c.key] ?? '–');
    return html`<tr data-i=${i} tabindex=${i === this.active ? 0 : -1} aria-rowindex=${i + 2} class=${this.onrow ? 'opens' : ''}
      @focus=${() => { this.active = i; }} @click=${(e) => { if (this.onrow && !e.target.closest('button, a, input')) this.onrow(r); }}>
      ${this.columns.map((c) => html`<td class=${`${c.num ? 'num' : ''} ${c.wide ? 'wide' : ''}`}>${cell(c)}</td>`)}</tr>`;
  }

  render() {
    const rows = this.all(), many = rows.length > ALL && !this.whole, span = this.columns.length;
    if (this.error && rows.length === 0) return problem(this.error, () => this.more());
    if (rows.length === 0 && !this.busy && (this.ended || !this.source)) return this.none;
    const from = many ? Math.min(this.from, Math.max(0, rows.length - 20)) : 0, to = many ? Math.min(rows.length, from + 60) : rows.length;
    const gap = (n) => (n > 0 ? html`<tr class="gap" aria-hidden="true"><td colspan=${span} ${styled({ height: `${n * this.height}px` })}></td></tr>` : nothing);
    return html`<div class=${`table-scroll ${many || this.source ? 'tall' : ''}`} role="region" aria-label=${this.label} tabindex="0" @scroll=${this.scrolled}>
      <table aria-rowcount=${(this.total ?? rows.length) + 1} aria-busy=${this.busy ? 'true' : nothing}><caption class="sr">${this.label}</caption>
      <thead><tr aria-rowindex="1">${this.columns.map((c) => this.head(c))}</tr></thead>
      <tbody @keydown=${(e) => this.keys(e, rows)}>${gap(from)}${repeat(rows.slice(from, to), (r, k) => from + k, (r, k) => this.row(r, from + k))}${gap(rows.length - to)}</tbody></table></div>
      ${this.source ? html`<p class="table-foot" role="status">${this.busy ? 'Loading…' : this.error ? html`${this.error.message} <button class="text" @click=${() => this.more()}>Try again</button>`
        : html`${rows.length.toLocaleString('en')}${this.total === null ? '' : ` of ${this.total.toLocaleString('en')}`} rows${this.ended ? nothing : html` <button class="text" @click=${() => this.more()}>Load more</button>`}`}</p>` : nothing}`;
  }
}
customElements.define('bg-table', BgTable);
