// guide.js - <bg-guide>: from nothing to a first metered call in a minute.
//
// Makes a tenant with a key and a daily budget, shows the key once inside
// snippets that work as they are, and waits for the first row of that tenant.
import { html, nothing } from 'lit';
import { api, url } from './api.js';
import { money } from './format.js';
import { Element } from './page.js';
import { poll } from './poll.js';
import { href, setQuery } from './router.js';
import { copyable, snippet } from './ui/copy.js';
import { field, isMoney, needed, readForm } from './ui/field.js';
import { status } from './ui/states.js';

const MODELS = [['demo', 'demo-small'], ['openai', 'gpt-4o-mini'], ['anthropic', 'claude-haiku-4-5'], ['google', 'gemini-2.5-flash']];
const LANGUAGES = [['curl', 'curl'], ['node', 'Node'], ['python', 'Python']];

/** A model that is there: the tenant's dearest, or one of a provider with a key. */
export const modelToTry = (health, used = []) => used[0]?.model ?? MODELS.find(([p]) => health?.providers?.[p]?.configured)?.[1] ?? 'gpt-4o-mini';
export const snippets = (base, key, model) => ({
  curl: `curl ${base}/v1/chat/completions \\\n  -H "Authorization: Bearer ${key}" \\\n  -H "Content-Type: application/json" \\\n  -d '{"model":"${model}","messages":[{"role":"user","content":"Hello"}]}'`,
  node: `// npm install openai\nimport OpenAI from 'openai';\n\nconst client = new OpenAI({\n  baseURL: '${base}/v1',\n  apiKey: '${key}',\n});\nconst answer = await client.chat.completions.create({\n  model: '${model}',\n  messages: [{ role: 'user', content: 'Hello' }],\n});\nconsole.log(answer.choices[0].message.content);`,
  python: `# pip install openai\nfrom openai import OpenAI\n\nclient = OpenAI(\n    base_url="${base}/v1",\n    api_key="${key}",\n)\nanswer = client.chat.completions.create(\n    model="${model}",\n    messages=[{"role": "user", "content": "Hello"}],\n)\nprint(answer.choices[0].message.content)`,
});

class BgGuide extends Element {
  static properties = { first: { type: Boolean }, health: { attribute: false }, made: { state: true }, errors: { state: true }, failed: { state: true }, busy: { state: true }, language: { state: true }, row: { state: true }, values: { state: true } };

  constructor() {
    super();
    Object.assign(this, { first: false, health: null, made: null, errors: {}, failed: null, busy: false, language: 'curl', row: null, values: { amount: '1' } });
  }

  disconnectedCallback() {
    this.poller?.stop();
    super.disconnectedCallback();
  }

  get model() {
    return modelToTry(this.health);
  }

  async make(e) {
    e.preventDefault();
    if (this.busy) return;
    const v = (this.values = readForm(e.target));
    this.errors = { name: needed('A name')(v.name), amount: isMoney(true)(v.amount) };
    this.failed = null;
    if (this.errors.name || this.errors.amount) return;
    this.busy = true;
    try {
      const t = await api.post('/admin/tenant', { name: v.name, ...(v.amount ? { budgets: [{ period: 'daily', amountUsd: v.amount }] } : {}) });
      this.made = { ...t, model: v.model || this.model, key: (await api.post(url`/admin/tenant/${t.id}/apikeys`, { name: 'first key' })).key };
      setQuery({ guide: '1' }); // stays open when the first call is there
      this.watch(t.id);
    } catch (x) { this.failed = x.message; }
    this.busy = false;
  }

  watch(id) {
    this.poller = poll(async (signal) => {
      const { data } = await api.get(url`/admin/tenant/${id}/usage/ledger`, { query: { limit: 1 }, signal });
      if (data.length === 0) return;
      this.row = data[0];
      this.poller.stop();
    }, 2000);
  }

  form() {
    return html`<form novalidate @submit=${this.make}><p>A tenant is an app, a team or a customer: it has its own keys, limits and budgets.</p><div class="two">
      ${field({ id: 'guide-name', name: 'name', label: 'Name of the tenant', required: true, maxlength: 128, error: this.errors.name, value: this.values.name, placeholder: 'my-app' })}
      ${field({ id: 'guide-amount', name: 'amount', label: 'Daily budget', type: 'money', error: this.errors.amount, value: this.values.amount, hint: 'Empty: no budget of its own' })}
      ${field({ id: 'guide-model', name: 'model', label: 'Model to try', value: this.values.model ?? this.model })}</div>
      <p class="form-error" role="alert">${this.failed ?? ''}</p><button class="filled" ?disabled=${this.busy}>${this.busy ? 'Making it…' : 'Make tenant and key'}</button></form>`;
  }

  done() {
    const { key, model, name, id } = this.made, all = snippets(location.origin, key, model);
    return html`<p>This is the key of <b>${name}</b>. It is shown only now; keep it where your app keeps its secrets.</p><p class="secret">${copyable(key, 'Copy the key')}</p>
      <h3>Make the first call</h3><div class="segmented" role="group" aria-label="Language">${LANGUAGES.map(([k, text]) => html`<button type="button" aria-pressed=${k === this.language} @click=${() => { this.language = k; }}>${text}</button>`)}</div>
      ${snippet(all[this.language], `Copy the ${this.language} example`)}
      <div role="status">${this.row ? html`<p>${status(this.row.status)} The first call is in the ledger: ${this.row.model}, ${money(this.row.usd)}${this.row.status === 'success' ? nothing : html`, reason ${this.row.reason}`}. <a href=${href('tenants', id)}>See the tenant</a></p>` : html`<p class="muted">Waiting for the first call of ${name}…</p>`}</div>`;
  }

  render() {
    return html`<section class="card guide"><header><h2>${this.first ? 'Welcome: your first metered call' : 'Connect an app'}</h2></header>${this.made ? this.done() : this.form()}</section>`;
  }
}
customElements.define('bg-guide', BgGuide);
