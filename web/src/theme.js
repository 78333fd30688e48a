// theme.js - light, dark or the system's; the only thing kept in the browser.
const KEY = 'bg-theme';
const read = () => { try { return localStorage.getItem(KEY); } catch { return null; } };

export const themes = [['system', 'System'], ['light', 'Light'], ['dark', 'Dark']];
export const theme = () => (['light', 'dark'].includes(read()) ? read() : 'system');

function apply() {
  if (theme() === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme();
  window.dispatchEvent(new Event('theme')); // canvases draw again
}

export function setTheme(name) {
  try { if (name === 'system') localStorage.removeItem(KEY); else localStorage.setItem(KEY, name); } catch { /* private mode: for this page only */ }
  apply();
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => window.dispatchEvent(new Event('theme')));
apply();
