// styled.js - <i ${styled({ width: '40%' })}>: computed styles under a CSP that
// forbids style attributes.  (Lit's styleMap writes the attribute once at first.)
import { noChange } from 'lit';
import { Directive, directive } from 'lit/directive.js';

class Styled extends Directive {
  render() { return noChange; }
  update(part, [styles]) {
    for (const [k, v] of Object.entries(styles)) part.element.style.setProperty(k, v);
    return noChange;
  }
}
export const styled = directive(Styled);
