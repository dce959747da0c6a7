import { drawTrace } from './picture.ts';
import { readTrace } from './read.ts';

// Runs in a browser: the page of Jaeger. Its own is not part of the program that Go builds.

/** The parts of a browser that the page uses: programs here are checked without a browser's types. */
interface Browser {
  readonly location: { readonly pathname: string; readonly origin: string };
  readonly document: { getElementById(id: string): { innerHTML: string } };
}

interface Listed {
  readonly traceID: string;
  readonly spans: readonly {
    readonly operationName: string;
    readonly startTime: number;
    readonly references: readonly object[];
  }[];
}

const LIST = '/api/traces?service=gateway&lookback=1h&limit=50';
const { location, document } = globalThis as unknown as Browser;

/** The trace that the address names, or else the newest ones, as HTML. */
async function content(): Promise<string> {
  const [, traceId] = /^\/trace\/([0-9a-f]{32})$/.exec(location.pathname) ?? [];
  if (!traceId) return await list();
  const spans = await readTrace(location.origin, traceId);
  if (spans.length === 0) return `There is no trace ${traceId} here. Spans come after a second: load this page again.`;
  return drawTrace(spans, `Trace ${traceId}: ${spans.length} spans`);
}

async function list(): Promise<string> {
  const answer = await fetch(LIST);
  const { data } = (await answer.json()) as { data: readonly Listed[] | null };
  const rows = (data ?? []).map(({ traceID, spans }) => {
    const root = spans.find(({ references }) => references.length === 0) ?? spans[0];
    return { traceID, spans: spans.length, name: root?.operationName ?? '', at: (root?.startTime ?? 0) / 1_000 };
  });
  if (rows.length === 0) return 'No trace yet: order something, and load this page again.';
  const items = rows
    .sort((a, b) => b.at - a.at)
    .map(({ traceID, spans, name, at }) => {
      const words = `${new Date(at).toISOString()} ${name.replaceAll('<', '&lt;')}, ${spans} spans`;
      return `<li><a href="/trace/${traceID}">${words}</a></li>`;
    });
  return `<ul>${items.join('')}</ul>`;
}

document.getElementById('page').innerHTML = await content();
