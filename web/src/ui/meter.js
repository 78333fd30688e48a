// meter.js - spent, held and left of one amount as a bar with its words.
import { html } from 'lit';
import { styled } from './styled.js';
import { nano, percent, usd, usdExact } from '../format.js';

/** `label` names the bar for readers.  Held is drawn after spent.  `plain`: a
 *  share, of which nothing is left or over. */
export function meter({ spent, held = 0n, amount, label = 'Budget', plain = false }) {
  const s = nano(spent) ?? 0n, h = nano(held) ?? 0n, a = nano(amount) ?? 0n;
  const used = percent(s + h, a), ps = Math.min(100, Math.max(0, percent(s, a))), ph = Math.max(0, Math.min(100 - ps, percent(h, a)));
  const level = plain ? '' : used >= 90 ? 'bad' : used >= 70 ? 'warn' : '';
  const text = plain ? usd(s) : `${usd(s)} of ${usd(a)} spent${h > 0n ? `, ${usd(h)} held` : ''}, ${usd(a - s - h)} left`;
  return html`<div class="meter" role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.min(100, used)} aria-valuetext=${text} title=${plain ? usdExact(s) : `${usdExact(s)} spent, ${usdExact(h)} held of ${usdExact(a)}`}>
    <i class=${`spent ${level}`} ${styled({ width: `${ps}%` })}></i><i class="held" ${styled({ width: `${ph}%` })}></i></div>`;
}
