// pages.js - the pages, in the order of the navigation.  One line per page; the
// file is loaded when somebody opens it.  `name` is the path, `tag` the element
// that the file defines.
export const PAGES = [
  { name: '', title: 'Overview', icon: 'overview', tag: 'page-overview', load: () => import('./pages/overview.js') },
  { name: 'usage', title: 'Usage', icon: 'usage', tag: 'page-usage', load: () => import('./pages/usage.js') },
  { name: 'budgets', title: 'Budgets', icon: 'budgets', tag: 'page-budgets', load: () => import('./pages/budgets.js') },
  { name: 'tenants', title: 'Tenants', icon: 'tenants', tag: 'page-tenants', load: () => import('./pages/tenants.js') },
  { name: 'sessions', title: 'Sessions', icon: 'sessions', tag: 'page-sessions', load: () => import('./pages/sessions.js') },
  { name: 'tags', title: 'Tags', icon: 'tags', tag: 'page-tags', load: () => import('./pages/tags.js') },
  { name: 'models', title: 'Models and prices', icon: 'prices', tag: 'page-models', load: () => import('./pages/models.js') },
  { name: 'ingest', title: 'Ingest tokens', icon: 'tokens', tag: 'page-ingest', load: () => import('./pages/ingest.js') },
  { name: 'policy', title: 'Policy', icon: 'policy', tag: 'page-policy', load: () => import('./pages/policy.js') },
  { name: 'reports', title: 'Reports', icon: 'reports', tag: 'page-reports', load: () => import('./pages/reports.js') },
  { name: 'alerts', title: 'Alerts', icon: 'alerts', tag: 'page-alerts', load: () => import('./pages/alerts.js') },
  { name: 'audit', title: 'Audit', icon: 'audit', tag: 'page-audit', load: () => import('./pages/audit.js') },
  { name: 'settings', title: 'Settings', icon: 'settings', last: true, tag: 'page-settings', load: () => import('./pages/settings.js') },
];

/** A link only if that page is there. */
export const hasPage = (name) => PAGES.some((p) => p.name === name);
