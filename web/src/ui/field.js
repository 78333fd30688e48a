// field.js - a labelled input with hint and error text.
import { html, nothing } from 'lit';
import { live } from 'lit/directives/live.js';
import { nano } from '../format.js';

/** {name, label, type, value, error, hint, options, required, onchange, …}.
 *  type: text, password, money, number, date, select, checkbox, textarea;
 *  options: [[value, text], …]. */
export function field(f) {
  const id = f.id ?? `f-${f.name}`, about = f.error || f.hint ? `${id}-about` : nothing;
  const invalid = f.error ? 'true' : nothing;
  const change = f.onchange ? (e) => f.onchange(e.target.type === 'checkbox' ? e.target.checked : e.target.value) : nothing;
  let input;
  if (f.type === 'checkbox')
    return html`<label class="check"><input type="checkbox" id=${id} name=${f.name} .checked=${live(f.value === true)} @change=${change}><span>${f.label}</span>${f.hint ? html`<small class="hint">${f.hint}</small>` : nothing}</label>`;
  if (f.type === 'select')
    input = html`<select id=${id} name=${f.name} aria-invalid=${invalid} aria-describedby=${about} @change=${change} ?disabled=${f.disabled}>${f.options.map(([v, text]) => html`<option value=${v} .selected=${live(String(v) === String(f.value))}>${text}</option>`)}</select>`;
  else if (f.type === 'textarea')
    input = html`<textarea id=${id} name=${f.name} rows=${f.rows ?? 4} .value=${live(f.value ?? '')} aria-invalid=${invalid} aria-describedby=${about} @change=${change}></textarea>`;
  else
    input = html`<input id=${id} name=${f.name} type=${{ money: 'text', number: 'text' }[f.type] ?? f.type ?? 'text'} inputmode=${{ money: 'decimal', number: 'numeric' }[f.type] ?? nothing} .value=${live(f.value ?? '')} placeholder=${f.placeholder ?? nothing} list=${f.list ?? nothing}
      autocomplete=${f.autocomplete ?? 'off'} maxlength=${f.maxlength ?? nothing} ?disabled=${f.disabled} aria-required=${f.required ? 'true' : nothing} aria-invalid=${invalid} aria-describedby=${about} @change=${change}>`;
  return html`<div class=${`field ${f.error ? 'invalid' : ''}`}><label for=${id}>${f.label}${f.required ? html`<span aria-hidden="true"> *</span>` : nothing}</label>
    ${f.type === 'money' ? html`<div class="prefixed"><span aria-hidden="true">$</span>${input}</div>` : input}
    ${about === nothing ? nothing : html`<small id=${about} class=${f.error ? 'error' : 'hint'}>${f.error || f.hint}</small>`}</div>`;
}

/** The values of a form by name; checkboxes as true and false. */
export function readForm(form) {
  const out = {};
  for (const el of form.elements) if (el.name) out[el.name] = el.type === 'checkbox' ? el.checked : el.value.trim();
  return out;
}

/* Checks for formDialog: a text, or nothing. */
export const needed = (what) => (v) => (v ? null : `${what} is needed`);
export const isMoney = (optional) => (v) => {
  if (!v) return optional ? null : 'An amount is needed';
  const n = nano(v);
  if (n === null) return 'An amount in dollars, such as 10.50';
  return n < 0n ? 'Not below zero' : null;
};
export const isCount = (optional) => (v) => (!v ? (optional ? null : 'A number is needed') : /^\d{1,9}$/.test(v) ? null : 'A whole number');
