// treemap.js - shares of a whole as areas (squarified, after Bruls, Huizing
// and van Wijk 2000).
//
// Boxes are links in the document, not shapes in a picture: their text wraps
// and is cut by the browser, Tab and Enter work, and each has an address.
import { html } from 'lit';
import { styled } from './styled.js';

/** Lays `items` ({weight: number > 0}, largest first) into a w × h rectangle;
 *  returns [{x, y, w, h}] in their order. */
export function squarify(items, w, h) {
  const sum = items.reduce((a, i) => a + i.weight, 0), out = [];
  let x = 0, y = 0, left = { w, h }, at = 0;
  const scale = sum > 0 ? (w * h) / sum : 0;
  while (at < items.length) {
    const side = Math.min(left.w, left.h) || 1;
    let n = 0, area = 0, worst = Infinity;
    // a row grows while its boxes get squarer
    for (let k = at; k < items.length; k++) {
      const grown = area + items[k].weight * scale, big = items[at].weight * scale, small = items[k].weight * scale;
      const ratio = Math.max((side * side * big) / (grown * grown), (grown * grown) / (side * side * small));
      if (ratio > worst) break;
      worst = ratio;
      area = grown;
      n++;
    }
    const thick = area / side, across = left.w >= left.h;
    let run = 0;
    for (let k = at; k < at + n; k++) {
      const length = (items[k].weight * scale) / (thick || 1);
      out.push(across ? { x, y: y + run, w: thick, h: length } : { x: x + run, y, w: length, h: thick });
      run += length;
    }
    if (across) { x += thick; left = { w: left.w - thick, h: left.h }; } else { y += thick; left = { w: left.w, h: left.h - thick }; }
    at += n;
  }
  return out;
}

/** items: [{name, weight, text, href}], largest first.  `shape`: width : height
 *  it is laid out for. */
export function treemap(items, label, shape = 2.2) {
  const boxes = squarify(items, shape * 100, 100), pc = (v) => `${Math.max(0, v).toFixed(3)}%`;
  return html`<ul class="treemap" aria-label=${label}>${items.map((it, i) => {
    const b = boxes[i], body = html`<b>${it.name}</b><span>${it.text}</span>`;
    const place = styled({ left: pc(b.x / shape), top: pc(b.y), width: pc(b.w / shape), height: pc(b.h) });
    return html`<li ${place}><a class=${`box series-${i % 8}`} href=${it.href} title=${`${it.name}: ${it.text}`}>${body}</a></li>`;
  })}</ul>`;
}
