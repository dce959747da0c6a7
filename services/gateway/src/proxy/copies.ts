import { formatTraceparent, isUnchanged, type Metrics, wantsNow } from '@shop/chassis';
import { LRUCache } from 'lru-cache';
import type { Passage } from '../passage.ts';
import type { UpstreamName } from '../routes.ts';
import type { NoAnswer } from './no-answer.ts';

/** A good answer (status 200), in the form given to other clients. */
export interface SharedAnswer {
  readonly contentType: string;
  readonly body: Buffer;
  readonly etag?: string | undefined;
  readonly cacheControl?: string | undefined;
  /** Its age on arrival, s. */
  readonly age?: string | undefined;
}

/**
 * One request to a service whose answer others wait for too. The first outcome counts. It is told when the service has
 * answered: the client that asked may read its own answer much later, or never.
 */
export interface Flight {
  /** True when only a new reading of the service will do: an operator has just changed something. */
  readonly fresh: boolean;
  answered(answer: SharedAnswer): void;
  /** The service gave no answer, or none but 500 and above: the waiting clients get none either. */
  failed(reason: NoAnswer): void;
  /** The fault was this client's own: each waiting client asks alone. */
  refused(): void;
  /** The client has gone, or its answer broke off: the first waiting client asks in its place, for the others too. */
  left(): void;
}

/** The parts of a request that an answer needs. */
export type Answerable = Pick<Passage, 'request' | 'response' | 'route' | 'trace' | 'headers'>;

/** How a request is sent, or told that there is no answer, when nothing can be shared. */
export interface Asking {
  ask(flight: Flight | undefined): void;
  failed(reason: NoAnswer): void;
}

/**
 * Keeps answers to reads that are the same for all clients (`isShared`), for a moment. Nothing that depends on the
 * caller.
 */
export interface Copies {
  /** Answers a shared read from a valid copy. @returns whether it did; otherwise nothing happens */
  hit(of: Answerable): boolean;
  /** Answers from a copy, or with the answer to another request under way, or sends the request. */
  answer(passage: Passage, asking: Asking): void;
  /** An operator has changed the service through this gateway, so its answers may differ from now on. */
  changed(service: UpstreamName): void;
  /** Bytes of all copies. */
  readonly bytes: number;
}

export interface CopiesOptions {
  /** Oldest copy given, ms, counted from its request; 0 gives none. */
  readonly maxAgeMs?: number;
  readonly maxBytes?: number;
  readonly metrics: Metrics;
  /** A clock that runs forward, ms. */
  readonly now?: () => number;
}

/** Together with the services' half second this stays below the second that the API promises. */
const MAX_AGE_MS = 250;
const MAX_BYTES = 16 * 1024 * 1024;
/** Approximate memory of an entry besides its key and body, bytes. */
const ENTRY_BYTES = 400;
/** How long services are asked for fresh reads after an operator's change, ms: longer than their copies last. */
const FRESH_MS = 1_000;
/** By how much less time than its own a request may have that a client waits for, ms. */
const LESS_TIME_MS = 500;

interface Kept {
  readonly askedAt: number;
  /** The number of changes its service had seen at the request. */
  readonly changes: number;
}
type Copy = SharedAnswer & Kept;
interface Waiting extends Asking {
  readonly passage: Passage;
  readonly since: number;
}
interface Open extends Kept {
  /** How long the asking client had waited before, ms: the service has so much less time. */
  readonly waitedMs: number;
  readonly waiting: Waiting[];
}

/** True for a read that is the same for all clients. */
export function isShared({ request, route }: Pick<Passage, 'request' | 'route'>): boolean {
  return route.shared === true && request.method === 'GET';
}

/** The state of one gateway's copies, shared by the functions below. */
interface State {
  readonly maxAgeMs: number;
  readonly now: () => number;
  /** Counts the answers that were shared. */
  readonly shared: ReturnType<Metrics['counter']>;
  readonly copies: LRUCache<string, Copy>;
  /** Requests under way, by their URL. */
  readonly flights: Map<string, Open>;
  /** Changes that each service has seen, and the time of the last one. */
  readonly changes: Map<UpstreamName, { readonly count: number; readonly at: number }>;
}

/**
 * A read repeated within a quarter of a second is answered from here, and simultaneous equal reads are sent once. The
 * age counts from the sending of the request. A client that sends `Cache-Control: no-cache` gets neither.
 */
export function createCopies(options: CopiesOptions): Copies {
  const { maxAgeMs = MAX_AGE_MS, maxBytes = MAX_BYTES, metrics, now = performance.now.bind(performance) } = options;
  const sharedHelp = "Reads answered with a copy or another's answer";
  const state: State = {
    maxAgeMs,
    now,
    shared: metrics.counter('gateway_shared_answers_total', sharedHelp, ['route']),
    copies: new LRUCache({
      maxSize: maxBytes,
      maxEntrySize: Math.floor(maxBytes / 8),
      sizeCalculation: ({ body }, key) => key.length + body.length + ENTRY_BYTES,
    }),
    flights: new Map(),
    changes: new Map(),
  };
  return {
    hit: (of) => hit(state, of),
    answer: (passage, asking) => answer(state, passage, asking),
    changed(service) {
      state.changes.set(service, { count: changesOf(state, service) + 1, at: now() });
    },
    get bytes() {
      return state.copies.calculatedSize;
    },
  };
}

function changesOf({ changes }: State, service: UpstreamName): number {
  return changes.get(service)?.count ?? 0;
}

/** True while it is young, and its service has seen no change since. */
function isGood(state: State, { askedAt, changes }: Kept, service: UpstreamName): boolean {
  return state.now() - askedAt <= state.maxAgeMs && changes === changesOf(state, service);
}

function hit(state: State, of: Answerable): boolean {
  const { request, route } = of;
  if (state.maxAgeMs === 0 || wantsNow(request.headers)) return false;
  const copy = state.copies.peek(request.url ?? '/');
  if (!copy || !isGood(state, copy, route.service)) return false;
  give(state, of, copy);
  return true;
}

function answer(state: State, passage: Passage, asking: Asking): void {
  const { request, response, route, waitedMs } = passage;
  if (hit(state, passage)) {
    // The client may take its answer much later, or never.
    passage.place?.leave();
    return;
  }
  if (state.maxAgeMs === 0 || wantsNow(request.headers)) {
    asking.ask(undefined);
    return;
  }
  const key = request.url ?? '/';
  const open = state.flights.get(key);
  if (open && isGood(state, open, route.service) && open.waitedMs - waitedMs <= LESS_TIME_MS) {
    open.waiting.push({ ...asking, passage, since: state.now() });
    return;
  }
  const flight = begin(state, key, passage);
  response.once('close', flight.left);
  asking.ask(flight);
}

/** Begins a request whose answer others may wait for. */
function begin(state: State, key: string, { route, waitedMs }: Passage): Flight {
  const { count = 0, at = Number.NEGATIVE_INFINITY } = state.changes.get(route.service) ?? {};
  const open: Open = { askedAt: state.now(), changes: count, waitedMs, waiting: [] };
  state.flights.set(key, open);
  let ended = false;
  const end = (tell: (waiting: Waiting) => void): void => {
    if (ended) return;
    ended = true;
    if (state.flights.get(key) === open) state.flights.delete(key);
    for (const waiting of open.waiting) if (!waiting.passage.response.destroyed) tell(waiting);
  };
  return {
    fresh: open.askedAt - at < FRESH_MS,
    answered(given) {
      // Copied, since the bytes may be a small part of a socket buffer that would stay in memory as a whole.
      const copy = { ...given, body: Buffer.from(given.body), askedAt: open.askedAt, changes: count };
      if (!ended) keep(state, key, copy);
      end(({ passage }) => {
        passage.place?.leave();
        give(state, passage, copy);
      });
    },
    failed: (reason) => end(({ failed }) => failed(reason)),
    refused: () =>
      end((waiting) => {
        countWait(state, waiting);
        waiting.ask(undefined);
      }),
    left: () =>
      end((waiting) => {
        countWait(state, waiting);
        answer(state, waiting.passage, waiting);
      }),
  };
}

/** Called before it asks after all: a client has one time, however many it has waited for. */
function countWait({ now }: State, { passage, since }: Waiting): void {
  passage.waitedMs += now() - since;
}

function keep({ copies, now, maxAgeMs }: State, key: string, copy: Copy): void {
  const before = copies.peek(key);
  if (before && before.askedAt > copy.askedAt) return;
  copies.set(key, copy);
  // `peek` keeps the order of arrival, in which outdated copies come first.
  for (const oldest of copies.rkeys()) {
    const it = copies.peek(oldest);
    if (it && now() - it.askedAt <= maxAgeMs) return;
    copies.delete(oldest);
  }
}

function give({ shared }: State, { request, response, route, trace, headers }: Answerable, answer: SharedAnswer): void {
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
