import { Agent, get, type IncomingMessage } from 'node:http';
import { type Api, comingBack, type OrderBody } from './api.ts';

/** One event of GET /orders/:id/events. */
export interface OrderEvent {
  readonly eventId: string;
  readonly type: string;
  readonly happenedAt: string;
  readonly order: OrderBody;
}

/** A client that follows an order. */
export interface OrderStream {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** The events received so far. */
  readonly events: readonly OrderEvent[];
  /** The raw text received, including comments and `retry:`. */
  text(): string;
  types(): string[];
  /** The id of the last event, after which the next stream begins. */
  lastEventId(): string | undefined;
  /** Resolves once this many events have come, or an event of this type. Rejects when the stream ends before. */
  until(wanted: number | string): Promise<void>;
  /** `end`: ended by the server; `broken`: connection lost; `left`: closed by the client. */
  readonly over: Promise<'end' | 'broken' | 'left'>;
  leave(): void;
}

export interface FollowOptions {
  readonly lastEventId?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

// A separate connection for each stream, never reused.
const agent = new Agent({ keepAlive: false });

/** Opens a stream; resolves with its head, with any status. */
export async function followOrder(
  api: Api,
  { orderId, userId }: Pick<OrderBody, 'orderId' | 'userId'>,
  { lastEventId, headers = {} }: FollowOptions = {},
): Promise<OrderStream> {
  const url = new URL(`/orders/${orderId}/events?userId=${userId}`, api.baseUrl);
  const resumes = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const own = api.headersFor('GET', `${url.pathname}${url.search}`);
  const request = get(url, { agent, headers: { accept: 'text/event-stream', ...own, ...resumes, ...headers } });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
  request.on('error', () => undefined);

  const events: OrderEvent[] = [];
  let text = '';
  let unread = '';
  let left = false;
  let told: () => void = () => undefined;
  let isOver = false;
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    unread += chunk;
    const whole = unread.split('\n\n');
    unread = whole.pop() ?? '';
    for (const block of whole) {
      const event = parse(block);
      if (event) events.push(event);
    }
    told();
  });
  const over = new Promise<'end' | 'broken' | 'left'>((resolve) => {
    response.once('close', () => {
      isOver = true;
      told();
      resolve(left ? 'left' : response.complete ? 'end' : 'broken');
    });
    response.on('error', () => undefined);
  });

  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events,
    text: () => text,
    types: () => events.map(({ type }) => type),
    lastEventId: () => events.at(-1)?.eventId,
    async until(wanted) {
      const there = () =>
        typeof wanted === 'number' ? events.length >= wanted : events.some(({ type }) => type === wanted);
      while (!there()) {
        if (isOver) throw new Error(`the stream was over before ${wanted}: ${text}`);
        await new Promise<void>((resolve) => {
          told = resolve;
        });
      }
    },
    over,
    leave() {
      left = true;
      request.destroy();
    },
  };
}

/** Opens a stream, and comes back as Retry-After says while it is refused for load: a busy machine reads late. */
export function followPatiently(...args: Parameters<typeof followOrder>): Promise<OrderStream> {
  return comingBack(
    () => followOrder(...args),
    ({ status, headers }) => (status === 503 ? Number(headers['retry-after']) : 0),
  );
}

/** Parses a block as in the standard for server-sent events; a block without data is no event. */
function parse(block: string): OrderEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const data = fields.get('data');
  if (data === undefined) return undefined;
  const event = JSON.parse(data) as OrderEvent;
  if (fields.get('event') !== 'order' || fields.get('id') !== event.eventId) throw new Error(`no event: ${block}`);
  return event;
}
