import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { drawTrace } from './picture.ts';
import type { TraceSpan } from './read.ts';
import { writeTracePage } from './site.ts';

const span = (spanId: string, parentId: string | undefined, more: Partial<TraceSpan> = {}): TraceSpan => ({
  ...{ traceId: 't', spanId, parentId, name: `span ${spanId}`, kind: 'internal', service: 'order' },
  ...{ startedAt: 1_000, duration: 2_000, attributes: {}, links: [], error: undefined, ...more },
});

/** The names as they are drawn, from top to bottom. */
const namesIn = (svg: string) => [...svg.matchAll(/fill="#0f172a">(span [^<]*)</g)].map(([, name]) => name);

it('when spans are drawn, then each stands under its parent, and one whose parent is missing by itself', () => {
  const spans = [span('root', undefined), span('late', 'root'), span('lost', 'gone'), span('child', 'late')];
  expect(namesIn(drawTrace(spans, 'one order'))).toEqual(['span root', 'span late', 'span child', 'span lost']);
});

it('when a span holds text from outside, then it is shown as text', () => {
  const svg = drawTrace([span('a', undefined, { name: '<script>', attributes: { x: '"&<' }, error: '</g>' })], '<b>');
  expect(svg).not.toMatch(/<script>|<b>|failed: <\/g>/);
  expect(svg).toContain('&lt;script&gt;');
});

it('when the page is written, then its scripts have no types and find each other', () => {
  const folder = mkdtempSync(join(tmpdir(), 'shop-traces-'));
  try {
    writeTracePage(folder);
    expect(readFileSync(join(folder, 'index.html'), 'utf8')).toContain('static/page.js');
    const script = readFileSync(join(folder, 'static/page.js'), 'utf8');
    expect(script).toContain("from './picture.js'");
    expect(script).not.toContain('interface');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
