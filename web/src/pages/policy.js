// policy.js - the policy in force, an editor for it, and what it would say.
//
// Drafts live in this module's memory, so that a look at another page loses
// nothing; a file that changes under a draft is said, never overwritten.
import { html, nothing } from 'lit';
import { api } from '../api.js';
import { plural, relative, time } from '../format.js';
import { Page } from '../page.js';
import { hasPage } from '../pages.js';
import { href, route, setQuery } from '../router.js';
import { confirm } from '../ui/dialog.js';
import { copyButton, copyable } from '../ui/copy.js';
import { field } from '../ui/field.js';
import { icon } from '../ui/icons.js';
import { snack } from '../ui/snackbar.js';
import { card, chip } from '../ui/states.js';
import { faultOf } from './policy_try.js';

const drafts = new Map(); // file name -> {text, hash it began with}
const short = (name) => name.split('/').at(-1);
const dirty = () => drafts.size > 0;
window.addEventListener('beforeunload', (e) => { if (dirty()) e.preventDefault(); });

class PagePolicy extends Page {
  static title = 'Policy';
  static every = 15000;
  static properties = { fault: { state: true }, busy: { state: true }, checked: { state: true }, failed: { state: true } };

  constructor() {
    super();
    Object.assign(this, { fault: null, busy: '', checked: false, failed: null });
  }

  async load(signal) {
    const [policy, text, tenants] = await Promise.all([api.get('/admin/policy', { signal }), api.get('/admin/policy/text', { signal }), this.data?.tenants ?? api.get('/admin/tenant', { signal })]);
    return { policy, text, tenants };
  }

  get file() {
    const { files } = this.data.text;
    return files.find((f) => short(f.name) === route().query.get('file')) ?? files[0] ?? { name: 'policy.rego', text: '' };
  }
  get draft() { return drafts.get(this.file.name); }
  get text() { return this.draft?.text ?? this.file.text ?? ''; }
  /** What try and replay ask with; null: the policy in force. */
  get asked() { return this.draft ? this.draft.text : null; }

  edit(text) {
    const f = this.file;
    if (text === f.text) drafts.delete(f.name);
    else drafts.set(f.name, { text, hash: this.draft?.hash ?? this.data.text.hash });
    Object.assign(this, { fault: null, checked: false, failed: null });
    this.requestUpdate();
  }

  async revert() {
    if (!await confirm({ title: 'Drop your changes?', text: `The text of ${short(this.file.name)} comes back as the gateway has it.`, action: 'Drop them', danger: true })) return;
    this.edit(this.file.text);
    await this.refresh();
  }

  /** Runs `fn`, and shows where a text is wrong. */
  async compiling(what, fn) {
    Object.assign(this, { busy: what, fault: null, failed: null, checked: false });
    try { await fn(); } catch (e) {
      this.fault = faultOf(e);
      this.failed = this.fault ? null : e;
    }
    this.busy = '';
  }

  check() { return this.compiling('check', async () => { await api.post('/admin/policy/test', { input: {}, policy: this.text }); this.checked = true; }); }

  async save() {
    if (!await confirm({ title: 'Put this policy in force?', text: `${short(this.file.name)} is replaced. The next call of every tenant is decided by the new text; calls under way go on.`, action: 'Save' })) return;
    await this.compiling('save', async () => {
      await api.put('/admin/policy', { policy: this.text, hash: this.draft?.hash });
      drafts.delete(this.file.name);
      await this.refresh();
      snack('Saved: in force from the next call on');
    });
  }

  download() {
    const a = Object.assign(document.createElement('a'), { href: URL.createObjectURL(new Blob([this.text], { type: 'text/plain' })), download: short(this.file.name) });
    a.click();
    URL.revokeObjectURL(a.href);
  }

  show(f) { this.fault = f; this.updateComplete.then(() => this.querySelector('bg-editor')?.jump(f.row || 1, f.col || 1)); }

  status({ policy: p }) {
    return card('In force', html`<dl class="pairs"><dt>Comes from</dt><dd>${p.source === 'embedded' ? html`the program itself. It denies a call when a hard budget is used up. ${hasPage('settings') ? html`<a href=${href('settings')}>OPA_POLICY_PATH</a>` : 'OPA_POLICY_PATH'} names a file or folder of your own.` : html`<code>${p.path}</code>`}</dd>
      ${p.files.length > 1 ? html`<dt>Files</dt><dd>${p.files.map((f) => short(f)).join(', ')}</dd>` : nothing}
      <dt>In force since</dt><dd>${time(p.loadedAt)} (${relative(p.loadedAt)})</dd><dt>Language</dt><dd>Rego ${p.dialect}</dd><dt>SHA-256</dt><dd>${copyable(p.hash, 'Copy the hash')}</dd></dl>
      ${p.error ? html`<div class="fault" role="alert">${icon('warn')}<span><b>The file was changed and does not compile; the policy above stays in force.</b>\n${short(p.error.file)}${p.error.line ? `:${p.error.line}:${p.error.column}` : ''} ${p.error.message}</span>
        ${p.error.line && this.data.text.files.some((f) => f.name === p.error.file) ? html`<button class="text" @click=${() => { setQuery({ file: short(p.error.file) }); this.show({ file: p.error.file, row: p.error.line, col: p.error.column, message: p.error.message }); }}>Show the place</button>` : nothing}</div>` : nothing}`,
    p.error ? chip('last change not in force', 'bad') : chip('in force', 'good'));
  }

  faultLine() {
    const f = this.fault;
    return f ? html`<div class="fault" role="alert">${icon('warn')}<span>${f.row ? `Line ${f.row}, column ${f.col}: ` : ''}${f.message}</span>${f.row ? html`<button class="text" @click=${() => this.show(f)}>Show the place</button>` : nothing}</div>` : nothing;
  }

  editor({ text }) {
    const f = this.file, many = text.files.length > 1, changed = Boolean(this.draft), moved = changed && this.draft.hash !== text.hash;
    if (f.text === null) return card('Text', html`<p>${short(f.name)} is too large to be shown here.</p>`);
    return card('Text', html`${many ? html`<div class="filters">${field({ name: 'file', label: 'File', type: 'select', options: text.files.map((x) => [short(x.name), `${short(x.name)}${drafts.has(x.name) ? ' (changed)' : ''}`]), value: short(f.name), onchange: (v) => { this.fault = null; setQuery({ file: v }); } })}</div>` : nothing}
      ${moved ? html`<div class="banner" role="status">${icon('warn')}<span>The file was changed elsewhere while you edited it.</span><button class="text" @click=${() => this.revert()}>Take the new text</button></div>` : nothing}
      <bg-editor label=${`Text of ${short(f.name)}`} about="policy-keys" .value=${this.text} .at=${this.fault} @edit=${(e) => this.edit(e.detail)}></bg-editor>
      ${this.faultLine()}<p class="form-error" role="alert">${this.failed?.message ?? ''}</p>
      <div class="foot"><button class="tonal" ?disabled=${this.busy !== ''} @click=${this.check}>${this.busy === 'check' ? 'Checking…' : 'Check'}</button>
        ${text.writable ? html`<button class="filled" ?disabled=${!changed || moved || this.busy !== ''} @click=${this.save}>${this.busy === 'save' ? 'Saving…' : 'Save'}</button>` : nothing}
        ${changed ? html`<button class="text" @click=${this.revert}>Drop changes</button>` : nothing}
        ${copyButton(this.text, 'Copy the text')}<button class="icon-button" aria-label="Download the text" title="Download the text" @click=${this.download}>${icon('download')}</button>
        <span role="status">${this.checked ? chip('It compiles', 'good') : nothing}</span>
        <small class="hint" id="policy-keys">Tab indents; Escape, then Tab leaves. ${text.writable ? '' : `${text.readOnlyBecause}. Copy or download your text instead.`}${many && changed ? ' Check, try and replay ask this file alone, without the others.' : ''}</small></div>`,
    changed ? chip('changed, not saved', 'warn') : many ? chip(plural(text.files.length, 'file')) : nothing);
  }

  view(data) {
    return html`${this.status(data)}${this.editor(data)}
      <section class="card"><header><h2>Try an input</h2></header><policy-try .policy=${this.asked} @fault=${(e) => this.show(e.detail)}></policy-try></section>
      <section class="card"><header><h2>Replay past calls</h2></header><policy-replay .policy=${this.asked} .tenants=${data.tenants} @fault=${(e) => this.show(e.detail)}></policy-replay></section>`;
  }
}
customElements.define('page-policy', PagePolicy);
