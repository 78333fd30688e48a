// router.js - /dashboard/<page>[/<id>]?filters, with the browser's own history.
//
// Links are plain <a href>; a click on one of ours changes the page without a
// load.  Filters live in the query, so that every view can be sent to someone.
const ROOT = '/dashboard';

/** {page, id, query}; page '' is the overview. */
export function route() {
  const [page = '', id = ''] = location.pathname.slice(ROOT.length).split('/').filter(Boolean).map(decodeURIComponent);
  return { page, id, query: new URLSearchParams(location.search) };
}

/** The address of a page: href('usage', '', {tenantId: 3}). */
export function href(page = '', id = '', query = {}) {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(query)) if (v !== undefined && v !== null && v !== '') q.set(k, v);
  return [ROOT, page, id].filter((s) => s !== '').join('/') + (q.size ? `?${q}` : '');
}

const changed = (moved) => window.dispatchEvent(new CustomEvent('route', { detail: { moved } }));

export function go(to) {
  history.pushState(null, '', to);
  changed(true);
}

/** Sets (or with '' removes) filters of the page that is open.  `push`: the
 *  browser's back button takes it back. */
export function setQuery(values, { push = false } = {}) {
  const q = new URLSearchParams(location.search);
  for (const [k, v] of Object.entries(values)) if (v === '' || v === null || v === undefined) q.delete(k); else q.set(k, v);
  history[push ? 'pushState' : 'replaceState'](null, '', location.pathname + (q.size ? `?${q}` : ''));
  changed(false);
}

window.addEventListener('popstate', () => changed(true));
document.addEventListener('click', (e) => {
  const a = e.target.closest?.('a[href]');
  if (!a || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || a.target || a.hasAttribute('download')) return;
  const to = new URL(a.href);
  if (to.origin !== location.origin || !(to.pathname === ROOT || to.pathname.startsWith(`${ROOT}/`)) || to.pathname.startsWith(`${ROOT}/assets/`)) return;
  e.preventDefault();
  go(to.pathname + to.search);
});
