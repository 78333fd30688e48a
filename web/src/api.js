// api.js - the admin routes: cookie, CSRF header, one kind of error.
//
// The CSRF token lives in this module's memory only.  A 401 means that the
// session ended: the shell hears 'signed-out' and shows the sign-in screen.
let csrf = null;

export class ApiError extends Error {
  /** status 0: the gateway did not answer. */
  constructor(status, message, code, retryAfter) {
    super(message);
    Object.assign(this, { status, code, retryAfter });
  }
}

/** The text of any of the API's error shapes. */
function textOf(body, status) {
  const e = body?.error;
  const text = typeof e === 'string' && !body.message ? e : e?.message ?? body?.message ?? body?.detail ?? e;
  return typeof text === 'string' && text ? text : `The gateway answered ${status}.`;
}

async function send(method, path, { query, json, signal, raw, accept = 'application/json' } = {}) {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(query ?? {}))
    for (const one of [].concat(v)) if (one !== undefined && one !== null && one !== '') q.append(k, one);
  const headers = { accept };
  if (json !== undefined) headers['content-type'] = 'application/json';
  if (method !== 'GET' && path !== '/dashboard/session') await token();
  if (method !== 'GET' && csrf) headers['x-csrf-token'] = csrf;
  let r;
  try {
    r = await fetch(path + (q.size ? `?${q}` : ''), { method, headers, signal, credentials: 'same-origin', body: json === undefined ? undefined : JSON.stringify(json) });
  } catch (e) {
    if (e.name === 'AbortError') throw e;
    throw new ApiError(0, 'The gateway cannot be reached. Is it running?', 'unreachable');
  }
  if (raw && r.ok) return r;
  const text = await r.text();
  let body = null;
  try { body = text ? JSON.parse(text) : null; } catch { body = text; }
  if (r.ok) return body;
  const error = new ApiError(r.status, r.status === 429 ? `${textOf(body, 429)}. Try again in ${r.headers.get('retry-after') ?? 'a few'} s.` : textOf(body, r.status), body?.code ?? body?.error?.code, r.headers.get('retry-after'));
  error.details = body?.details ?? null;
  if (r.status === 401 && path !== '/dashboard/session') signedOut();
  throw error;
}

/** Fetches the CSRF token once per session. */
async function token() {
  if (!csrf) csrf = (await send('GET', '/dashboard/session')).csrfToken;
}

function signedOut() {
  csrf = null;
  document.documentElement.dataset.session = 'out';
  window.dispatchEvent(new Event('signed-out'));
}

/** Paths are built with this: api.get(url`/admin/tenant/${id}`). */
export const url = (parts, ...values) => String.raw({ raw: parts }, ...values.map((v) => encodeURIComponent(v)));

export const api = {
  get: (path, o) => send('GET', path, o),
  post: (path, json, o) => send('POST', path, { json, ...o }),
  put: (path, json, o) => send('PUT', path, { json, ...o }),
  patch: (path, json, o) => send('PATCH', path, { json, ...o }),
  del: (path, o) => send('DELETE', path, o),
  /** null instead of an error where a route or thing does not exist. */
  maybe: (path, o) => send('GET', path, o).catch((e) => { if (e.status === 404 || e.status === 405) return null; throw e; }),
};

export const isSignedIn = () => document.documentElement.dataset.session === 'in';

export async function signIn(key) {
  csrf = (await send('POST', '/dashboard/session', { json: { key } })).csrfToken;
  document.documentElement.dataset.session = 'in';
}

export async function signOut() {
  await token();
  await send('DELETE', '/dashboard/session');
  signedOut();
}
