// snackbar.js - a word about what just happened, with undo where that exists.
import { html, nothing, render } from 'lit';

let box, timer;

/** `undo`: called if the viewer asks within `ms`. */
export function snack(text, { undo, ms = undo ? 8000 : 4000 } = {}) {
  if (!box) {
    box = Object.assign(document.createElement('div'), { className: 'snack-area' });
    box.setAttribute('role', 'status');
  }
  const top = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body;
  if (box.parentNode !== top) top.append(box); // above a modal dialog, too
  const done = () => render(nothing, box);
  clearTimeout(timer);
  render(html`<div class="snack"><span>${text}</span>${undo ? html`<button class="text" @click=${() => { done(); undo(); }}>Undo</button>` : nothing}</div>`, box);
  timer = setTimeout(done, ms);
}
