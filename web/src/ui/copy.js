// copy.js - a value with a button that copies it.
import { html } from 'lit';
import { icon } from './icons.js';
import { snack } from './snackbar.js';

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // plain HTTP from another host has no clipboard API
    const t = document.createElement('textarea');
    t.value = text;
    (document.querySelector('dialog[open]') ?? document.body).append(t);
    t.select();
    document.execCommand('copy');
    t.remove();
  }
  snack('Copied');
}

export const copyButton = (text, label = 'Copy') => html`<button type="button" class="icon-button" aria-label=${label} title=${label} @click=${() => copy(text)}>${icon('copy')}</button>`;
/** A secret or id on one line. */
export const copyable = (text, label) => html`<span class="copyable"><code>${text}</code>${copyButton(text, label)}</span>`;
/** A snippet of several lines. */
export const snippet = (text, label = 'Copy') => html`<div class="snippet"><pre tabindex="0">${text}</pre>${copyButton(text, label)}</div>`;
