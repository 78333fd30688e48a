// editor.js - <bg-editor>: a textarea for code, coloured by what lies behind it.
//
// The textarea is the editor (undo, selection, readers, spell checkers are the
// browser's); its glyphs are transparent and a <pre> of the same size below it
// is painted by our own scanner.  Both stand in one grid cell, so that nothing
// has to be kept in step while scrolling.  Tab indents; Escape and then Tab
// leaves.
import { html, nothing } from 'lit';
import { Element } from '../page.js';

const PAINTED_MAX = 200000; // beyond, text is plain: typing stays fast
const REGO = [
  ['comment', /#[^\n]*/y], ['string', /"(?:[^"\\\n]|\\.)*"?|`[^`]*`?/y], ['number', /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y],
  ['keyword', /(?:package|import|default|not|some|every|in|if|contains|else|with|as)\b/y], ['literal', /(?:true|false|null)\b/y],
  ['root', /(?:input|data)\b/y], ['call', /[A-Za-z_][\w.]*(?=\()/y], ['', /[A-Za-z_]\w*/y], ['mark', /:=|==|!=|<=|>=|[=<>+\-*/%|&]/y],
];
const JSON_ = [['key', /"(?:[^"\\\n]|\\.)*"(?=\s*:)/y], ['string', /"(?:[^"\\\n]|\\.)*"?/y], ['number', /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y], ['literal', /(?:true|false|null)\b/y]];

/** [[class, text], …] of the whole text. */
export function scan(text, language = 'rego') {
  const kinds = language === 'json' ? JSON_ : REGO, out = [];
  let plain = 0, at = 0;
  const flush = () => { if (at > plain) out.push(['', text.slice(plain, at)]); };
  while (at < text.length) {
    const hit = kinds.find(([, re]) => { re.lastIndex = at; return re.test(text); });
    if (!hit) { at++; continue; }
    if (hit[0] === '') { at = hit[1].lastIndex; continue; }
    flush();
    out.push([hit[0], text.slice(at, hit[1].lastIndex)]);
    plain = at = hit[1].lastIndex;
  }
  flush();
  return out;
}

export class BgEditor extends Element {
  static properties = { value: { attribute: false }, language: {}, label: {}, about: {}, at: { attribute: false }, readonly: { type: Boolean }, short: { type: Boolean } };

  constructor() {
    super();
    Object.assign(this, { value: '', language: 'rego', label: 'Text', about: '', at: null, readonly: false, short: false });
    this.leaving = false;
  }

  get area() { return this.querySelector('textarea'); }

  updated(changed) {
    if (this.area.value !== this.value) this.area.value = this.value;
    if (changed.has('value') || changed.has('language') || changed.has('at')) this.paint();
  }

  paint() {
    const text = this.value, pre = this.querySelector('.paint'), lines = text.split('\n').length, big = text.length > PAINTED_MAX;
    this.toggleAttribute('plain', big);
    pre.replaceChildren(...(big ? [text] : scan(text, this.language).map(([kind, t]) => (kind ? Object.assign(document.createElement('span'), { className: `t-${kind}`, textContent: t }) : t))), '\n');
    const gutter = this.querySelector('.gutter'), wrong = this.at?.row;
    gutter.replaceChildren(...Array.from({ length: lines }, (_, i) => (i + 1 === wrong ? Object.assign(document.createElement('b'), { textContent: `${i + 1}\n` }) : `${i + 1}\n`)));
  }

  edited() {
    this.value = this.area.value;
    this.dispatchEvent(new CustomEvent('edit', { detail: this.value }));
  }

  /** As if typed, so that undo knows it. */
  insert(text) { if (!document.execCommand('insertText', false, text)) { this.area.setRangeText(text, this.area.selectionStart, this.area.selectionEnd, 'end'); this.edited(); } }

  keys(e) {
    if (this.readonly || e.isComposing) return;
    if (e.key === 'Escape') { this.leaving = true; e.stopPropagation(); return; }
    if (e.key === 'Tab' && !this.leaving && !e.shiftKey && !e.ctrlKey && !e.altKey) {
      e.preventDefault();
      this.insert(this.language === 'json' ? '  ' : '\t');
    } else if (e.key === 'Enter' && !e.ctrlKey && !e.metaKey) {
      const before = this.value.slice(0, this.area.selectionStart), line = before.slice(before.lastIndexOf('\n') + 1);
      const indent = /^[\t ]*/.exec(line)[0] + (/[{[(]\s*$/.test(line) ? (this.language === 'json' ? '  ' : '\t') : '');
      if (indent) { e.preventDefault(); this.insert(`\n${indent}`); }
    }
    if (e.key !== 'Tab' && e.key !== 'Shift') this.leaving = false;
  }

  /** Puts the caret at a row and column (both from 1; columns in characters). */
  jump(row, col = 1) {
    const lines = this.value.split('\n'), n = Math.min(Math.max(row, 1), lines.length);
    const from = lines.slice(0, n - 1).reduce((a, l) => a + l.length + 1, 0) + Math.min(Math.max(col - 1, 0), lines[n - 1].length);
    this.area.focus();
    this.area.setSelectionRange(from, from);
    const box = this.querySelector('.editor'), height = this.area.scrollHeight / lines.length;
    box.scrollTop = Math.max(0, (n - 3) * height);
    box.scrollLeft = 0;
  }

  render() {
    return html`<div class=${`editor ${this.short ? 'low' : ''}`}><pre class="gutter" aria-hidden="true"></pre><div class="code"><pre class="paint" aria-hidden="true"></pre>
      <textarea aria-label=${this.label} aria-describedby=${this.about || nothing} aria-invalid=${this.at ? 'true' : nothing} ?readonly=${this.readonly} spellcheck="false" autocapitalize="off" autocomplete="off" wrap="off"
        @input=${this.edited} @keydown=${this.keys} @blur=${() => { this.leaving = false; }}></textarea></div></div>`;
  }
}
customElements.define('bg-editor', BgEditor);
