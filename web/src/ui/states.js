// states.js - waiting, nothing there, gone wrong: what each page says then.
import { html, nothing } from 'lit';
import { icon } from './icons.js';

/** Grey blocks in the shape of what comes; readers hear "Loading". */
export const skeleton = (rows = 4) => html`<div class="skeleton" role="status"><span class="sr">Loading…</span>${Array.from({ length: rows }, (_, i) => html`<div class=${`bone b${i % 3}`}></div>`)}</div>`;

/** Nothing there: what that means and what to do next (a template). */
export const empty = (title, text, action = nothing) => html`<div class="empty"><p class="title">${title}</p><p>${text}</p>${action}</div>`;

/** Could not be loaded: what happened, and once more. */
export const problem = (error, retry) => html`<div class="empty problem" role="alert">${icon('warn')}<p class="title">${error.status === 404 ? 'Not found' : 'This could not be loaded'}</p><p>${error.message}</p>${retry ? html`<button class="tonal" @click=${retry}>Try again</button>` : nothing}</div>`;

/** Old figures stay; a line above says so. */
export const stale = (error, retry) => html`<div class="banner" role="status">${icon('warn')}<span>Not up to date: ${error.message}</span><button class="text" @click=${retry}>Try again</button></div>`;

/** One figure: label, value, and a line below. */
export const tile = (label, value, below = nothing) => html`<div class="tile"><span class="label">${label}</span><b>${value}</b><span class="muted">${below}</span></div>`;
export const card = (title, body, action = nothing) => html`<section class="card"><header><h2>${title}</h2>${action}</header>${body}</section>`;
/** kind: good, warn, bad or nothing; always with its word. */
export const chip = (text, kind = '') => html`<span class=${`chip ${kind}`}>${text}</span>`;
const KINDS = { success: 'good', active: 'good', healthy: 'good', blocked: 'bad', failed: 'bad', error: 'bad', critical: 'bad', budget_exceeded: 'bad', interrupted: 'warn', warning: 'warn' };
export const status = (s) => chip(String(s ?? '–').replaceAll('_', ' '), KINDS[s] ?? '');
