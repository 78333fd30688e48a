// pages.js - the pages, in the order of the navigation.  One line per page; the
// file is loaded when somebody opens it.  `name` is the path, `tag` the element
// that the file defines.
export const PAGES = [
  { name: '', title: 'Overview', icon: 'overview', tag: 'page-overview', load: () => import('./pages/overview.js') },
  { name: 'usage', title: 'Usage', icon: 'usage', tag: 'page-usage', load: () => import('./pages/usage.js') },
];
