// keys.js - the "your keys" page.  Everything shown is set as text.
'use strict';
const at = (id) => document.getElementById(id);
const user = at('user').textContent;

function problem(text) {
  at('problem').hidden = !text;
  at('problem').textContent = text || '';
}

async function ask(method, path, body) {
  const r = await fetch(path, {
    method,
    headers: body ? { 'Content-Type': 'application/json' } : {},
    body: body && JSON.stringify(body),
  });
  if (r.status === 401) { location.assign('/login?next=' + location.pathname); throw new Error('Sign in again'); }
  const j = await r.json().catch(() => ({}));
  if (!r.ok) throw new Error(j.detail || 'The server answered ' + r.status);
  return j;
}

function cell(row, text, label) {
  const c = row.insertCell();
  c.textContent = text;
  c.dataset.label = label;
  return c;
}

async function list() {
  const { keys } = await ask('GET', '/public/keys/' + encodeURIComponent(user));
  const body = at('keys');
  body.replaceChildren();
  at('none').hidden = keys.length > 0;
  for (const k of keys) {
    const row = body.insertRow();
    cell(row, k.token_masked, 'Key').className = 'token';
    cell(row, k.note ?? '', 'Note');
    cell(row, new Date(k.created_at * 1000).toLocaleString(), 'Created');
    const b = document.createElement('button');
    b.type = 'button';
    b.className = 'quiet danger';
    b.textContent = 'Revoke';
    b.setAttribute('aria-label', 'Revoke ' + k.token_masked);
    b.addEventListener('click', () => revoke(b, k));
    row.insertCell().append(b);
  }
}

// The first press asks, the second one acts.
async function revoke(b, k) {
  if (!b.dataset.sure) {
    b.dataset.sure = '1';
    b.textContent = 'Really revoke?';
    return;
  }
  try {
    await ask('DELETE', '/public/keys/' + k.id);
    problem('');
    await list();
    at('note').focus();
  } catch (e) { problem(e.message); }
}

at('new').addEventListener('submit', async (e) => {
  e.preventDefault();
  const button = e.submitter ?? at('new').querySelector('button');
  button.disabled = true;
  try {
    const k = await ask('POST', '/public/keys', { username: user, note: at('note').value || null });
    problem('');
    at('token').textContent = k.token;
    at('base').textContent = location.origin + '/v1';
    at('fresh').hidden = false;
    at('note').value = '';
    await list();
    at('token').focus();
  } catch (x) { problem(x.message); }
  button.disabled = false;
});

at('copy').addEventListener('click', async () => {
  try {
    await navigator.clipboard.writeText(at('token').textContent);
    at('copy').textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(at('token'));
    at('copy').textContent = 'Selected';
  }
});

list().catch((e) => problem(e.message));
