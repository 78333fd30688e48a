// chart.js - <bg-chart>: lines or bars over days, drawn by uPlot.
//
// uPlot comes with this file, which only pages with charts load.  Readers get
// the same figures as a table; colours are the tokens' and change with the
// theme.
import { html } from 'lit';
import uPlot from 'uplot';
import { Element } from '../page.js';

const NAMES = ['--on-surface-variant', '--outline-variant', ...Array.from({ length: 8 }, (_, i) => `--series-${i}`)];
let colours = { theme: null };
/** The tokens' colours as they are now; asked of the page once per theme. */
function css(name) {
  const theme = `${document.documentElement.dataset.theme} ${matchMedia('(prefers-color-scheme: dark)').matches}`;
  if (colours.theme !== theme) {
    const probes = document.createElement('div');
    probes.append(...NAMES.map((n) => { const p = document.createElement('i'); p.style.color = `var(${n})`; return p; }));
    document.body.append(probes);
    colours = { theme, ...Object.fromEntries(NAMES.map((n, i) => [n, getComputedStyle(probes.children[i]).color])) };
    probes.remove();
  }
  return colours[name];
}

/** labels: ["2026-11-20", …] (or other text); series: [{label, values:
 *  [number]}]; kind: 'line' or 'bars'; fmt: number -> text; stacked: bars stand
 *  on each other, the first series lowest. */
export class BgChart extends Element {
  static properties = { labels: { attribute: false }, series: { attribute: false }, fmt: { attribute: false }, kind: {}, label: {}, height: { type: Number }, stacked: { type: Boolean } };

  constructor() {
    super();
    Object.assign(this, { labels: [], series: [], fmt: (v) => String(v), kind: 'line', label: 'Chart', height: 220, stacked: false });
    this.onTheme = () => this.draw();
  }

  connectedCallback() {
    super.connectedCallback();
    window.addEventListener('theme', this.onTheme);
  }

  disconnectedCallback() {
    window.removeEventListener('theme', this.onTheme);
    this.watch?.disconnect();
    this.plot?.destroy();
    this.plot = null;
    super.disconnectedCallback();
  }

  firstUpdated() {
    const box = this.querySelector('.plot');
    this.watch = new ResizeObserver(() => { if (this.plot && box.clientWidth) this.plot.setSize({ width: box.clientWidth, height: this.height }); });
    this.watch.observe(box);
  }

  updated() { this.draw(); }

  draw() {
    const box = this.querySelector('.plot');
    this.plot?.destroy();
    if (!box) return;
    const ink = css('--on-surface-variant'), grid = css('--outline-variant'), font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 } };
    // sums are drawn, highest first, so that each covers all but its own part
    let drawn = this.series.map((s, i) => ({ ...s, i }));
    if (this.stacked) {
      const sum = this.labels.map(() => 0);
      drawn = drawn.map((s) => ({ ...s, values: s.values.map((v, k) => (sum[k] += v)) })).reverse();
    }
    this.plot = new uPlot({
      width: box.clientWidth || 300, height: this.height, legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false },
      scales: { x: { time: false, range: this.kind === 'bars' ? (u, a, b) => [a - 0.6, b + 0.6] : undefined }, y: { range: (u, a, b) => [Math.min(0, a), b > 0 ? b * 1.08 : 1] } },
      axes: [
        { ...axis, size: 28, grid: { show: false }, space: 70, incrs: [1, 2, 5, 7, 10, 14, 30, 60, 90, 180, 365], values: (u, xs) => xs.map((x) => this.short(this.labels[x])) },
        { ...axis, size: 60, values: (u, ys) => ys.map((y) => this.fmt(y)) },
      ],
      series: [{}, ...drawn.map((s) => {
        const stroke = css(`--series-${s.i % 8}`);
        return this.kind === 'bars' ? { label: s.label, stroke, fill: stroke, width: 0, paths: uPlot.paths.bars({ size: [0.7, 36], radius: 0.2 }), points: { show: false } }
          : { label: s.label, stroke, width: 2, fill: this.series.length === 1 ? stroke.replace(')', ' / .12)').replaceAll(',', ' ') : undefined, points: { show: this.labels.length < 3 } };
      })],
      hooks: { setCursor: [(u) => this.say(u.cursor.idx)] },
    }, [this.labels.map((_, i) => i), ...drawn.map((s) => s.values)], box);
  }

  short(text) {
    const m = /^\d{4}-(\d\d)-(\d\d)$/.exec(text ?? '');
    return m ? `${Number(m[2])} ${['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][m[1] - 1]}` : text ?? '';
  }

  say(i) {
    const out = this.querySelector('.chart-tip');
    if (out) out.textContent = i === null || i === undefined ? '' : `${this.short(this.labels[i])}: ${this.series.map((s) => `${this.series.length > 1 ? `${s.label} ` : ''}${this.fmt(s.values[i] ?? 0)}`).join(' · ')}`;
  }

  render() {
    return html`<figure class="chart" aria-label=${this.label}><div class="plot" aria-hidden="true"></div><p class="chart-tip" aria-hidden="true"></p>
      ${this.series.length > 1 ? html`<ul class="legend">${this.series.map((s, i) => html`<li><i class=${`series-${i % 8}`}></i>${s.label}</li>`)}</ul>` : ''}
      <div class="sr"><table><caption>${this.label}</caption><thead><tr><th scope="col">When</th>${this.series.map((s) => html`<th scope="col">${s.label}</th>`)}</tr></thead>
      <tbody>${this.labels.map((l, i) => html`<tr><th scope="row">${l}</th>${this.series.map((s) => html`<td>${this.fmt(s.values[i] ?? 0)}</td>`)}</tr>`)}</tbody></table></div></figure>`;
  }
}
customElements.define('bg-chart', BgChart);
