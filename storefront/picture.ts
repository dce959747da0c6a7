import { html, svg, type TemplateResult } from 'lit-html';

/** A product's picture, drawn from its id: the shop has no photographs. */
export function picture(productId: number): TemplateResult {
  const hue = (productId * 47) % 360;
  const other = (hue + 40 + ((productId * 13) % 80)) % 360;
  const back = `hsl(${hue} 70% 88%)`;
  const front = `hsl(${other} 62% 46%)`;
  const light = `hsl(${hue} 75% 62%)`;
  const turn = (productId * 29) % 90;
  return html`<svg class="picture" viewBox="0 0 120 90" aria-hidden="true" focusable="false">
    <rect width="120" height="90" fill=${back} />
    <g transform="rotate(${turn} 60 45)">${shapes(productId % 5, front, light)}</g>
  </svg>`;
}

function shapes(kind: number, front: string, light: string): TemplateResult {
  switch (kind) {
    case 0:
      return svg`<circle cx="60" cy="45" r="26" fill=${front} /><circle cx="72" cy="36" r="12" fill=${light} />`;
    case 1:
      return svg`<rect x="36" y="21" width="48" height="48" rx="12" fill=${front} /><circle cx="60" cy="45" r="13" fill=${light} />`;
    case 2:
      return svg`<path d="M60 15 90 68H30z" fill=${front} /><circle cx="60" cy="50" r="11" fill=${light} />`;
    case 3:
      return svg`<path d="M60 17c20 0 28 12 28 28S76 73 60 73 32 61 32 45s8-28 28-28z" fill=${light} /><rect x="50" y="25" width="20" height="40" rx="10" fill=${front} />`;
    default:
      return svg`<rect x="34" y="33" width="52" height="24" rx="12" fill=${front} /><circle cx="46" cy="45" r="9" fill=${light} /><circle cx="74" cy="45" r="9" fill=${light} />`;
  }
}
