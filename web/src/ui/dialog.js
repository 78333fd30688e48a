// dialog.js - native <dialog>: focus stays inside, Escape closes, focus goes
// back to where it was.
import { html, nothing, render } from 'lit';
import { icon } from './icons.js';
import { field, readForm } from './field.js';

let n = 0;

/** Opens a dialog (kind 'drawer': a sheet at the side).  `body(d)` is drawn
 *  again by d.draw(); d.close(value) resolves d.closed. */
export function openDialog({ title, body, actions, kind = '' }) {
  const el = document.createElement('dialog'), id = `dialog-${++n}`;
  el.className = `dialog ${kind}`;
  el.setAttribute('aria-labelledby', id);
  const d = { el };
  d.closed = new Promise((resolve) => { el.addEventListener('close', () => { document.body.append(...el.querySelectorAll('.snack-area')); el.remove(); resolve(d.value); }); });
  d.close = (value) => { d.value = value; el.close(); };
  d.draw = () => render(html`<header><h2 id=${id}>${title}</h2><button type="button" class="icon-button" aria-label="Close" @click=${() => d.close()}>${icon('close')}</button></header>
    <div class="body">${body(d)}</div>${actions ? html`<footer>${actions(d)}</footer>` : nothing}`, el);
  document.body.append(el);
  d.draw();
  el.showModal();
  return d;
}

export const openDrawer = (o) => openDialog({ ...o, kind: 'drawer' });

/** true if the viewer says yes.  `text` names the consequences. */
export const confirm = ({ title, text, action = 'OK', danger = false }) => openDialog({
  title,
  body: () => html`<p>${text}</p>`,
  actions: (d) => html`<button class="text" @click=${() => d.close(false)} autofocus>Cancel</button><button class=${danger ? 'danger' : 'filled'} @click=${() => d.close(true)}>${action}</button>`,
}).closed.then((v) => v === true);

/** A form in a dialog.  `fields(values, draw)` gives the list for field();
 *  `draw()` asks for it again (options that came later); `submit`
 *  gets the values as text and may throw: an ApiError's text is shown, an
 *  error with .field at that field.  Resolves to what submit returned. */
export function formDialog({ title, fields, values = {}, submit, action = 'Save', intro = nothing }) {
  const state = { values: { ...values }, errors: {}, error: null, busy: false };
  // the page behind may have a field of that name, and ids are unique
  const idOf = (name, d) => { const e = document.getElementById(`f-${name}`); return e && !d.el.contains(e) ? `d-${name}` : `f-${name}`; };
  async function send(e, d) {
    e.preventDefault();
    if (state.busy) return;
    state.values = { ...state.values, ...readForm(e.target) };
    const list = fields(state.values, d.draw);
    state.errors = Object.fromEntries(list.filter((f) => f.check).map((f) => [f.name, f.check(state.values[f.name], state.values)]).filter(([, text]) => text));
    state.error = null;
    if (Object.keys(state.errors).length === 0) {
      state.busy = true;
      d.draw();
      try { d.close(await submit(state.values)); return; } catch (x) {
        if (x.field) state.errors[x.field] = x.message; else state.error = x.message;
      }
      state.busy = false;
    }
    d.draw();
    d.el.querySelector('[aria-invalid="true"]')?.focus();
  }
  const changed = (e, d) => { state.values = { ...state.values, ...readForm(e.currentTarget) }; d.draw(); };
  return openDialog({
    title,
    body: (d) => html`<form novalidate @submit=${(e) => send(e, d)} @change=${(e) => changed(e, d)}>${intro}
      ${fields(state.values, d.draw).map((f) => field({ id: idOf(f.name, d), ...f, value: state.values[f.name] ?? '', error: state.errors[f.name] }))}
      <p class="form-error" role="alert">${state.error ?? ''}</p>
      <div class="form-actions"><button type="button" class="text" @click=${() => d.close()}>Cancel</button><button class="filled" ?disabled=${state.busy}>${state.busy ? 'Saving…' : action}</button></div></form>`,
  }).closed;
}
