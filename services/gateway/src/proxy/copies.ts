import { formatTraceparent, isUnchanged, type Metrics, wantsNow } from '@shop/chassis';
import { LRUCache } from 'lru-cache';
import type { Passage } from '../passage.ts';
import type { UpstreamName } from '../routes.ts';
import type { NoAnswer } from './no-answer.ts';

/** A good answer (status 200), as it is given to others. */
export interface SharedAnswer {
  readonly contentType: string;
  readonly body: Buffer;
  readonly etag?: string | undefined;
  readonly cacheControl?: string | undefined;
  /** Its age when it came, s. */
  readonly age?: string | undefined;
}

/** One question to a service, whose answer others wait for too. What it is told first counts. */
export interface Flight {
  /** Only what the service reads from now on will do: an operator has just changed something. */
  readonly fresh: boolean;
  answered(answer: SharedAnswer): void;
  /** The service has no answer: then it has none for those who wait either. */
  failed(reason: NoAnswer): void;
  /** The fault was this client's own: each of those who wait asks alone. */
  refused(): void;
}

/** Of a request, all that an answer needs. */
export type Answerable = Pick<Passage, 'request' | 'response' | 'route' | 'trace' | 'headers'>;

/** How a request is asked, or told that there is no answer, where there is nothing to share. */
export interface Asking {
  ask(flight: Flight | undefined): void;
  failed(reason: NoAnswer): void;
}

/** Answers to reads that are the same for everybody (`isShared`), for a moment. Nothing that depends on who asks. */
export interface Copies {
  /** Answers a shared read from a copy that is good enough. @returns whether it did; nothing else is done where not */
  hit(of: Answerable): boolean;
  /** Answers from a copy, or with what another request is being answered, or has it asked. */
  answer(passage: Passage, asking: Asking): void;
  /** A service may show something else from now on: an operator has changed it through this gateway. */
  changed(service: UpstreamName): void;
  /** Bytes that are kept. */
  readonly bytes: number;
}

export interface CopiesOptions {
  /** Oldest copy given, ms, from when it was asked for; 0 gives none. */
  readonly maxAgeMs?: number;
  readonly maxBytes?: number;
  readonly metrics: Metrics;
  /** ms, on a clock that runs forward. */
  readonly now?: () => number;
}

/** With the half second of the services it stays below the second that the API promises. */
const MAX_AGE_MS = 250;
const MAX_BYTES = 16 * 1024 * 1024;
/** Memory of an entry besides its key and body, roughly, bytes. */
const ENTRY_BYTES = 400;
/** For so long after an operator's change services are asked to read anew, ms: longer than their copies last. */
const FRESH_MS = 1_000;

interface Kept {
  readonly askedAt: number;
  /** How many changes its service had seen when it was asked for. */
  readonly changes: number;
}
type Copy = SharedAnswer & Kept;
interface Waiting extends Asking {
  readonly passage: Passage;
}
interface Open extends Kept {
  readonly waiting: Waiting[];
}

/** A read that is the same for everybody. */
export function isShared({ request, route }: Pick<Passage, 'request' | 'route'>): boolean {
  return route.lastGood === true && request.method === 'GET';
}

/**
 * A question that comes again within a quarter of a second is answered from here, and one that several ask at once is
 * asked once. The age counts from when the request went out. A client that sends `Cache-Control: no-cache` gets
 * neither.
 */
export function createCopies(options: CopiesOptions): Copies {
  const { maxAgeMs = MAX_AGE_MS, maxBytes = MAX_BYTES, metrics, now = performance.now.bind(performance) } = options;
  const shared = metrics.counter('gateway_shared_answers_total', "Reads answered with a copy or another's answer", [
    'route',
  ]);
  const copies = new LRUCache<string, Copy>({
    maxSize: maxBytes,
    maxEntrySize: Math.floor(maxBytes / 8),
    sizeCalculation: ({ body }, key) => key.length + body.length + ENTRY_BYTES,
  });
  const flights = new Map<string, Open>();
  const changes = new Map<UpstreamName, { readonly count: number; readonly at: number }>();

  const changesOf = (service: UpstreamName) => changes.get(service)?.count ?? 0;
  const isGood = ({ askedAt, changes: then }: Kept, service: UpstreamName) =>
    now() - askedAt <= maxAgeMs && then === changesOf(service);

  function keep(key: string, copy: Copy): void {
    const before = copies.peek(key);
    if (before && before.askedAt > copy.askedAt) return;
    copies.set(key, copy);
    // Looks (`peek`) leave the order as it is, that in which copies came: those that are too old come first here.
    for (const oldest of copies.rkeys()) {
      const it = copies.peek(oldest);
      if (it && now() - it.askedAt <= maxAgeMs) return;
      copies.delete(oldest);
    }
  }

  function give({ request, response, route, trace, headers }: Answerable, answer: SharedAnswer): void {
    if (response.destroyed) return;
    const { contentType, body, etag, cacheControl, age } = answer;
    const unchanged = isUnchanged(request.headers, etag);
    const all = unchanged ? [] : ['content-type', contentType, 'content-length', String(body.length)];
    if (etag !== undefined) all.push('etag', etag);
    if (cacheControl !== undefined) all.push('cache-control', cacheControl);
    if (age !== undefined) all.push('age', age);
    if (trace) all.push('traceparent', formatTraceparent(trace));
    all.push(...headers);
    shared.inc({ route: route.path });
    response.writeHead(unchanged ? 304 : 200, all).end(unchanged ? undefined : body);
  }

  function hit(of: Answerable): boolean {
    const { request, route } = of;
    if (maxAgeMs === 0 || wantsNow(request.headers)) return false;
    const copy = copies.peek(request.url ?? '/');
    if (!copy || !isGood(copy, route.service)) return false;
    give(of, copy);
    return true;
  }

  function answer(passage: Passage, asking: Asking): void {
    const { request, response, route } = passage;
    if (hit(passage)) return;
    if (maxAgeMs === 0 || wantsNow(request.headers)) {
      asking.ask(undefined);
      return;
    }
    const key = request.url ?? '/';
    const open = flights.get(key);
    if (open && isGood(open, route.service)) {
      open.waiting.push({ passage, ...asking });
      return;
    }
    const flight = begin(key, route.service);
    response.once('close', () => {
      if (response.writableFinished) flight.refused();
      else flight.left();
    });
    asking.ask(flight);
  }

  function begin(key: string, service: UpstreamName): Flight & { /** Its client has gone. */ left(): void } {
    const { count = 0, at = Number.NEGATIVE_INFINITY } = changes.get(service) ?? {};
    const open: Open = { askedAt: now(), changes: count, waiting: [] };
    flights.set(key, open);
    let ended = false;
    const end = (tell: (waiting: Waiting) => void): void => {
      if (ended) return;
      ended = true;
      if (flights.get(key) === open) flights.delete(key);
      for (const waiting of open.waiting) if (!waiting.passage.response.destroyed) tell(waiting);
    };
    return {
      fresh: open.askedAt - at < FRESH_MS,
      answered(given) {
        // The bytes may be a small part of what was read from the socket, all of which would stay.
        const copy = { ...given, body: Buffer.from(given.body), askedAt: open.askedAt, changes: count };
        if (!ended) keep(key, copy);
        end(({ passage }) => give(passage, copy));
      },
      failed: (reason) => end(({ failed }) => failed(reason)),
      refused: () => end(({ ask }) => ask(undefined)),
      // The first of those who wait asks in its place, the others wait for that.
      left: () => end(({ passage, ...asking }) => answer(passage, asking)),
    };
  }

  return {
    hit,
    answer,
    changed(service) {
      changes.set(service, { count: changesOf(service) + 1, at: now() });
    },
    get bytes() {
      return copies.calculatedSize;
    },
  };
}
