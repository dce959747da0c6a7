/**
 * The data platform of a local stack: takes batches of events, keeps each event once, by its id, and tells what it has.
 *
 *   POST /events          {events: [{id, type, time, data}]} → 200 {accepted, duplicates}; 400, and none kept, if one
 *                         is unfit
 *   GET  /events/ids?from=0&limit=20000   {ids, next}: in the order of arrival; go on at `next` until no more come
 *   GET  /stats           {events, duplicates, batches}: kept in all; repeated and received since this start
 *   GET  /health/ready
 *
 * HOST, PORT and SINK_FILE say where it listens and keeps the events. For tests: events of the orders whose ids stand
 * in the file SINK_REJECTS are refused, and SINK_ANSWER_AFTER_MS holds back the answer for what is already kept.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEvents, type PlatformEvent } from './store.ts';

const {
  HOST = '127.0.0.1',
  PORT = '3006',
  SINK_FILE = 'events.jsonl',
  SINK_REJECTS,
  SINK_ANSWER_AFTER_MS = '0',
} = process.env;
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_IDS = 50_000;

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const events = await openEvents(SINK_FILE);
let duplicates = 0;
let batches = 0;

async function take(request: IncomingMessage): Promise<object> {
  const batch = parse(await read(request));
  const rejected = rejectedOrders();
  const unfit = batch.find(({ data }) => rejected.has(String((data as { orderId?: unknown }).orderId)));
  if (unfit) throw new Refusal(400, `the event ${unfit.id} is refused`);
  const accepted = await events.append(batch);
  batches += 1;
  duplicates += batch.length - accepted;
  await sleep(Number(SINK_ANSWER_AFTER_MS));
  return { accepted, duplicates: batch.length - accepted };
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Refusal(413, `more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): PlatformEvent[] {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Refusal(400, 'the body is not JSON');
  }
  const list = (body as { events?: unknown } | null)?.events;
  if (!Array.isArray(list) || !list.every(isEvent))
    throw new Refusal(400, 'expected {events: [{id, type, time, data}]}');
  return list;
}

function isEvent(value: unknown): value is PlatformEvent {
  if (typeof value !== 'object' || value === null) return false;
  const { id, type, time, data } = value as Record<string, unknown>;
  const texts = [id, type, time].every((each) => typeof each === 'string' && each !== '');
  return texts && typeof data === 'object' && data !== null;
}

function rejectedOrders(): Set<string> {
  if (!SINK_REJECTS || !existsSync(SINK_REJECTS)) return new Set();
  return new Set(readFileSync(SINK_REJECTS, 'utf8').split('\n').filter(Boolean));
}

function page(query: URLSearchParams): object {
  const number = (name: string, fallback: number) => {
    const value = Number(query.get(name) ?? fallback);
    if (!Number.isInteger(value) || value < 0) throw new Refusal(400, `${name} must be a whole number`);
    return value;
  };
  const from = number('from', 0);
  const ids = events.ids(from, Math.min(number('limit', 20_000), MAX_IDS));
  return { ids, next: from + ids.length };
}

async function answer(request: IncomingMessage): Promise<object> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sink');
  switch (`${request.method} ${pathname}`) {
    case 'POST /events':
      return await take(request);
    case 'GET /events/ids':
      return page(searchParams);
    case 'GET /stats':
      return { events: events.count, duplicates, batches };
    case 'GET /health/live':
    case 'GET /health/ready':
      return { status: 'ok' };
    default:
      throw new Refusal(404, `there is no ${request.method} ${pathname}`);
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const server = createServer((request, response) => {
  answer(request).then(
    (body) => send(response, 200, body),
    (error: unknown) => {
      const status = error instanceof Refusal ? error.status : 500;
      if (status === 500) console.error(error);
      // Otherwise the unread rest of the body would be taken for the next request.
      if (!request.complete) response.setHeader('connection', 'close');
      send(response, status, { error: error instanceof Error ? error.message : String(error) });
    },
  );
});
server.listen(Number(PORT), HOST, () =>
  console.log(`the data platform listens on ${HOST}:${PORT}, ${events.count} events kept`),
);

function stop(): void {
  server.close(() => void events.close().then(() => process.exit(0)));
  server.closeIdleConnections();
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
