import type { TraceSpan } from './read.ts';

// Pure: it runs in Jaeger's page too.

const WIDTH = 1_180;
/** Left of the bars: service and name. */
const NAMES = 370;
/** Right of the bars: durations. */
const TIMES = 70;
const ROW = 20;
const TOP = 62;
const FONT = '12px ui-sans-serif, system-ui, sans-serif';

/** Fill of a service's bars. */
const COLOURS: Readonly<Record<string, string>> = {
  gateway: '#475569',
  order: '#2563eb',
  catalog: '#059669',
  coupon: '#d97706',
  payment: '#9333ea',
  ranking: '#db2777',
};
/** Fills of the services that are not listed, each by its name. */
const OTHERS = ['#65a30d', '#0891b2', '#a16207', '#94a3b8', '#be123c'];
const FAILED = '#dc2626';

/** A span on its line. */
interface Line {
  readonly span: TraceSpan;
  /** Number of spans above it in its branch. */
  readonly depth: number;
}

/** A trace as SVG: a line for each span, under its parent, with time to the right. @param title one line of text */
export function drawTrace(spans: readonly TraceSpan[], title: string): string {
  const lines = inTree(spans);
  const from = Math.min(...spans.map(({ startedAt }) => startedAt));
  const to = Math.max(...spans.map(({ startedAt, duration }) => startedAt + duration));
  const length = Math.max(1, to - from);
  const scale = (WIDTH - NAMES - TIMES) / length;
  const height = TOP + lines.length * ROW + 12;
  const body = lines.map((line, n) => drawLine(line, TOP + n * ROW, { from, scale }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" style="font:${FONT}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="12" y="22" font-size="14" font-weight="600" fill="#0f172a">${escaped(title)}</text>`,
    legend(spans),
    ticks(length, height, scale),
    ...body,
    '</svg>\n',
  ].join('\n');
}

/** Every span after its parent, siblings in order of their start. */
function inTree(spans: readonly TraceSpan[]): Line[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const isRoot = ({ parentId }: TraceSpan) => parentId === undefined || !ids.has(parentId);
  const lines: Line[] = [];
  const visit = (span: TraceSpan, depth: number): void => {
    lines.push({ span, depth });
    for (const child of spans) if (child.parentId === span.spanId) visit(child, depth + 1);
  };
  for (const span of spans) if (isRoot(span)) visit(span, 0);
  return lines;
}

function drawLine({ span, depth }: Line, y: number, { from, scale }: { from: number; scale: number }): string {
  const { service, name, kind, attributes, error } = span;
  const x = NAMES + (span.startedAt - from) * scale;
  const width = Math.max(1.5, span.duration * scale);
  const colour = colourOf(service);
  const type = kind === 'producer' || kind === 'consumer' ? attributes['shop.event.type'] : undefined;
  const words = type === undefined ? name : `${name.split(' ', 1)[0]} ${type}`;
  const middle = y + ROW / 2;
  return [
    `<g><title>${escaped(detailsOf(span))}</title>`,
    `<circle cx="${14 + depth * 9}" cy="${middle}" r="3.5" fill="${colour}"/>`,
    `<text x="${22 + depth * 9}" y="${middle + 4}" fill="#0f172a">${escaped(words)}</text>`,
    `<rect x="${round(x)}" y="${y + 4}" width="${round(width)}" height="${ROW - 8}" rx="2" fill="${colour}"`,
    `${error === undefined ? '' : ` stroke="${FAILED}" stroke-width="2"`} fill-opacity="${kind === 'internal' ? 0.45 : 0.9}"/>`,
    `<text x="${round(x + width + 4)}" y="${middle + 4}" font-size="10" fill="#64748b">${milliseconds(span.duration)}</text></g>`,
  ].join('');
}

function colourOf(service: string): string | undefined {
  const sum = [...service].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return COLOURS[service] ?? OTHERS[sum % OTHERS.length];
}

function detailsOf({ service, name, attributes, error }: TraceSpan): string {
  const all = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
  return [`${service}: ${name}`, ...(error === undefined ? [] : [`failed: ${error}`]), ...all].join('\n');
}

function legend(spans: readonly TraceSpan[]): string {
  const services = [...new Set(spans.map(({ service }) => service))];
  return services
    .map((service, n) => {
      const x = 14 + n * 84;
      return `<circle cx="${x}" cy="40" r="4" fill="${colourOf(service)}"/><text x="${x + 8}" y="44" fill="#334155">${escaped(service)}</text>`;
    })
    .join('');
}

/** A line for each round number of milliseconds, at most ten of them. */
function ticks(length: number, height: number, scale: number): string {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 60_000].map((ms) => ms * 1_000);
  const step = steps.find((each) => length / each <= 10) ?? length;
  const lines: string[] = [];
  for (let at = 0; at <= length; at += step) {
    const x = round(NAMES + at * scale);
    lines.push(
      `<line x1="${x}" y1="${TOP - 4}" x2="${x}" y2="${height - 8}" stroke="#e2e8f0"/>`,
      `<text x="${x}" y="${TOP - 8}" font-size="10" text-anchor="middle" fill="#64748b">${at / 1_000} ms</text>`,
    );
  }
  return lines.join('');
}

function milliseconds(microseconds: number): string {
  return `${microseconds < 10_000 ? (microseconds / 1_000).toFixed(1) : Math.round(microseconds / 1_000)} ms`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
