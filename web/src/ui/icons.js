// icons.js - our own line icons on a 24 px grid; decoration only, never the
// sole carrier of a meaning.
import { svg, html } from 'lit';

const PATHS = {
  overview: 'M4 13h6V4H4zM14 9h6V4h-6zM14 20h6v-7h-6zM4 20h6v-3H4z',
  budgets: 'M12 3 4 6v6c0 4.500 3.400 7.600 8 9 4.600-1.400 8-4.500 8-9V6zM8.500 13a3.500 3.500 0 0 1 7 0M12 13l2-2.500',
  tenants: 'M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3 20c0-3.500 2.500-6 6-6s6 2.500 6 6M16 4.500a3.500 3.500 0 0 1 0 6.500M17.500 14.500c2.200.8 3.500 2.800 3.500 5.500',
  usage: 'M4 20V10M10 20V4M16 20v-8M21 20H3',
  sessions: 'M4 5h16v11H9l-5 4z',
  tags: 'M4 4h8l8 8-8 8-8-8zM8.500 8.500v.01',
  prices: 'M6 3h12v18l-3-2-3 2-3-2-3 2zM9.500 8h5M9.500 12h5',
  tokens: 'M8 15a4 4 0 1 1 3.800-5.200L20 10v4h-3v-2h-2v2h-3.500A4 4 0 0 1 8 15zM8 11v.01',
  policy: 'M7 3h7l5 5v13H7zM14 3v5h5M10 13h6M10 17h6',
  reports: 'M12 3v9h9a9 9 0 1 1-9-9zM16 3.500A9 9 0 0 1 20.500 8H16z',
  alerts: 'M6 17V11a6 6 0 1 1 12 0v6l1.500 2h-15zM10 21h4',
  audit: 'M9 4h6v3H9zM7 5H5v16h14V5h-2M9 13l2 2 4-4',
  settings: 'M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 3v3M12 18v3M3 12h3M18 12h3M5.600 5.600l2.200 2.200M16.200 16.200l2.200 2.200M5.600 18.400l2.200-2.200M16.200 7.800l2.200-2.200',
  menu: 'M4 7h16M4 12h16M4 17h16',
  close: 'M6 6l12 12M18 6 6 18',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'M5 12.500 10 17.500 19.500 7',
  add: 'M12 5v14M5 12h14',
  edit: 'M4 20h4L19 9l-4-4L4 16z',
  delete: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  out: 'M10 4H5v16h5M14 8l4 4-4 4M18 12H9',
  warn: 'M12 4 2.500 20h19zM12 10v4M12 17v.01',
  refresh: 'M19 12a7 7 0 1 1-2-5M19 4v4h-4',
  up: 'M12 19V6M6 12l6-6 6 6',
  down: 'M12 5v13M6 12l6 6 6-6',
  search: 'M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500 20 20',
  filter: 'M4 6h16M7 12h10M10 18h4',
  download: 'M12 4v11M7 10l5 5 5-5M5 20h14',
  next: 'M9 5l7 7-7 7',
};

export const icon = (name) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${svg`<path d=${PATHS[name] ?? PATHS.overview}></path>`}</svg>`;
export const logo = () => html`<img class="logo" src="/dashboard/assets/logo.svg" alt="" width="32" height="32">`;
