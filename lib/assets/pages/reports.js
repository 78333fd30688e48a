// reports.js - the reports page.  Labels come from clients: always set as text.
'use strict';
const at = (id) => document.getElementById(id);
const COLOURS = 8; // series beyond these are added up as "others"
const iso = (d) => d.toISOString().slice(0, 10);
const whole = (n) => n.toLocaleString('en-US');

function problem(text) {
  at('problem').hidden = !text;
  at('problem').textContent = text || '';
}

async function ask(params) {
  const r = await fetch('/reports/data?' + new URLSearchParams(params));
  if (r.status === 401) { location.assign('/login?next=/reports'); throw new Error('Sign in again'); }
  const j = await r.json().catch(() => ({}));
  if (!r.ok) throw new Error(j.detail || 'The server answered ' + r.status);
  return j;
}

function shape(name, attributes) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return e;
}

// Stacked bars in a 1000 x 240 box; the table below says the same in words.
function chart({ days, series }) {
  const shown = series.slice(0, series.length > COLOURS ? COLOURS - 1 : COLOURS);
  const rest = series.slice(shown.length);
  if (rest.length) shown.push({ label: `${rest.length} others`, costs: days.map((_, i) => rest.reduce((a, s) => a + s.costs[i], 0)) });
  const sums = days.map((_, i) => shown.reduce((a, s) => a + Math.max(0, s.costs[i]), 0));
  const top = Math.max(...sums, 0) || 1;
  const wide = 1000 / days.length;
  const svg = at('chart');
  svg.setAttribute('viewBox', '0 0 1000 240');
  svg.replaceChildren();
  days.forEach((day, i) => {
    let y = 240;
    shown.forEach((s, k) => {
      const h = (Math.max(0, s.costs[i]) / top) * 230;
      if (!h) return;
      y -= h;
      const bar = shape('rect', { x: i * wide + wide * 0.1, y, width: wide * 0.8, height: h, class: 'c' + k });
      const tip = shape('title', {});
      tip.textContent = `${day} · ${s.label} · $${s.costs[i]}`;
      bar.append(tip);
      svg.append(bar);
    });
  });
  at('legend').replaceChildren(...shown.map((s, k) => {
    const li = document.createElement('li');
    const box = document.createElement('i');
    box.className = 'c' + k;
    li.append(box, document.createTextNode(s.label));
    return li;
  }));
}

function table(rows) {
  at('none').hidden = rows.length > 0;
  at('rows').replaceChildren(...rows.map((r) => {
    const tr = document.createElement('tr');
    const texts = [['Period', r.period], ['Label', r.label], ['Cost, USD', String(r.cost)], ['Tokens in', whole(r.prompt_tokens)],
      ['Tokens out', whole(r.completion_tokens)], ['Requests', whole(r.requests)]];
    texts.forEach(([label, text], i) => {
      const td = tr.insertCell();
      td.textContent = text;
      td.dataset.label = label;
      if (i > 1) td.className = 'num';
    });
    return tr;
  }));
}

function people(users) {
  const kept = at('who').value;
  at('who').replaceChildren(new Option('everybody', ''), ...users.map((u) => new Option(u, u)));
  at('who').value = users.includes(kept) ? kept : '';
}

async function show() {
  const range = { start: at('start').value, end: at('end').value };
  const query = { ...range, scope: at('scope').value, bucket: at('bucket').value };
  if (at('who').value) query.user = at('who').value;
  try {
    const [rows, overview] = await Promise.all([ask(query), ask(range)]);
    problem('');
    at('cost').textContent = '$' + rows.summary.cost;
    at('requests').textContent = whole(rows.summary.requests);
    at('in').textContent = whole(rows.summary.prompt_tokens);
    at('out').textContent = whole(rows.summary.completion_tokens);
    table(rows.rows);
    people(rows.users);
    const only = at('who').value;
    chart(only ? { days: overview.stacked.days, series: overview.stacked.series.filter((s) => s.label === only) } : overview.stacked);
  } catch (e) { problem(e.message); }
}

const now = Date.now();
at('end').value = iso(new Date(now));
at('start').value = iso(new Date(now - 29 * 86400000));
at('query').addEventListener('submit', (e) => { e.preventDefault(); show(); });
show();
