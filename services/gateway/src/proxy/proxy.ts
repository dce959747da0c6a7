import type { IncomingHttpHeaders } from 'node:http';
import { BODY_LIMIT, DomainError, type Logger, type Metrics } from '@shop/chassis';
import type { Admission } from '../admission/admission.ts';
import type { Refusal } from '../admission/gate.ts';
import { TOO_MUCH } from '../admission/quick-refusal.ts';
import type { Passage } from '../passage.ts';
import { PAUSE_MS } from '../protect/unread.ts';
import { refuse } from '../refuse.ts';
import type { Upstreams } from '../routes.ts';
import { readBody } from './body.ts';
import { type Copies, type Flight, isShared } from './copies.ts';
import { Exchange } from './exchange.ts';
import type { LastGood } from './last-good.ts';
import { createWarning, type NoAnswer, toProblem } from './no-answer.ts';
import { type OutgoingOptions, outgoingOf } from './outgoing.ts';
import { createRetryCount } from './retry-budget.ts';
import { createStandIns, type StandIn } from './stand-in.ts';
import type { Upstream } from './upstream.ts';
import { isWaiting, repeatable, type Waits, withoutWait } from './waits.ts';

export interface ForwardOptions extends OutgoingOptions {
  readonly upstreams: Upstreams;
  readonly lastGood: LastGood;
  readonly copies: Copies;
  readonly waits: Waits;
  readonly admission: Admission;
  /** Longest time for which a service waits until a client has taken a piece of its answer, ms; default 10 s. */
  readonly pauseMs?: number | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Forwards requests to their services, and the answers back. */
export function createForward(options: ForwardOptions): (passage: Passage) => void {
  const { lastGood, logger, metrics } = options;
  const forwarding: Forwarding = {
    ...options,
    warn: createWarning(logger),
    retried: createRetryCount(metrics),
    standInFor: createStandIns(lastGood, metrics),
  };
  return (passage) => receive(forwarding, passage);
}

interface Forwarding extends ForwardOptions {
  readonly warn: ReturnType<typeof createWarning>;
  readonly retried: ReturnType<typeof createRetryCount>;
  readonly standInFor: ReturnType<typeof createStandIns>;
}

/** Reads the body, then sends the request. */
function receive(forwarding: Forwarding, passage: Passage): void {
  const { request, response, headers } = passage;
  // A client that sends slowly holds no place at the service meanwhile.
  readBody(request, BODY_LIMIT, (body) => {
    if (body.kind === 'aborted' || response.closed) return;
    if (body.kind === 'whole') {
      if (!passage.place || passage.place.begin()) send(forwarding, passage, body.bytes);
      else enterAnew(forwarding, passage, body.bytes);
      return;
    }
    if (!body.discarded) headers.push('connection', 'close');
    const detail = `At most ${BODY_LIMIT} bytes are accepted.`;
    refuse(passage, new DomainError('PAYLOAD_TOO_LARGE', detail), forwarding.logger);
  });
}

/** Called when its place was given to another while its body or token was on the way. */
function enterAnew(forwarding: Forwarding, passage: Passage, body: Buffer | null): void {
  const { admission, logger } = forwarding;
  const { request, response, route } = passage;
  const refused = (reason: Refusal) => {
    admission.countRefusal(route, reason);
    const retryAfterSeconds = admission.retryAfter();
    refuse(passage, new DomainError('SERVICE_UNAVAILABLE', TOO_MUCH, { retryAfterSeconds }), logger);
  };
  const place = admission.enter(route, request.headers.prefer as string | undefined);
  if (typeof place === 'string') {
    refused(place);
    return;
  }
  passage.place = place;
  response.once('close', () => place?.leave());
  const startedAt = performance.now();
  const start = () => {
    passage.waitedMs += performance.now() - startedAt;
    place?.begin();
    send(forwarding, passage, body);
  };
  if (place?.waiting) place.whenDecided((refusal) => (refusal ? refused(refusal) : start()));
  else start();
}

function send(forwarding: Forwarding, passage: Passage, body: Buffer | null): void {
  const { copies, standInFor } = forwarding;
  if (isWaiting(passage)) {
    sendWaiting(forwarding, passage, body);
    return;
  }
  if (!isShared(passage)) {
    const standIn = isChange(passage) ? dropCopiesWhenAnswered(copies, passage) : undefined;
    exchange(forwarding, passage, body, { standIn });
    return;
  }
  copies.answer(passage, {
    ask: (flight) => exchange(forwarding, passage, body, { standIn: standInFor(passage, flight), flight }),
    failed: (reason) => noAnswer(forwarding, passage, reason, standInFor(passage)),
  });
}

/**
 * Sends a request that waits for an order. When the gateway stops meanwhile, the request is sent again without its wish
 * to wait: the client then gets the order in its present state, and where it is. When too many wait already, it is sent
 * so from the beginning: waiting clients never take the places of all others.
 */
function sendWaiting(forwarding: Forwarding, passage: Passage, body: Buffer | null): void {
  const { waits, upstreams } = forwarding;
  const headers = repeatable(passage.request);
  const askNow = () => void exchange(forwarding, passage, body, { headers: withoutWait(headers) });
  if (waits.closed || !upstreams[passage.route.service]?.mayWait) {
    askNow();
    return;
  }
  const waiting = exchange(forwarding, passage, body, { headers, waits: true });
  waits.enter(passage.response, () => {
    if (waiting?.leave()) askNow();
  });
}

/** For an operator's write: copies of the service's answers become invalid before the write's own answer is sent. */
function dropCopiesWhenAnswered(copies: Copies, { response, route }: Passage): StandIn {
  const changed = () => copies.changed(route.service);
  // Without an answer the write may still have happened.
  response.once('close', changed);
  const nothing = () => undefined;
  return { begin: changed, add: nothing, end: nothing, broke: nothing, answer: () => false };
}

interface ExchangeWith {
  readonly standIn?: StandIn | undefined;
  readonly flight?: Flight | undefined;
  /** Sent in place of the client's. */
  readonly headers?: IncomingHttpHeaders;
  /** Whether it waits for an outcome. */
  readonly waits?: boolean;
}

/** @returns the exchange; undefined when the request is refused without one */
function exchange(
  forwarding: Forwarding,
  passage: Passage,
  body: Buffer | null,
  { standIn, flight, headers: sent, waits }: ExchangeWith,
): Exchange | undefined {
  const { request, response, route, trace, headers, place } = passage;
  const upstream = forwarding.upstreams[route.service];
  if (!upstream) throw new Error(`nobody answers ${route.path}`);
  const failed = (reason: NoAnswer): void => {
    if ('error' in reason) forwarding.warn(reason, upstream.name, trace);
    noAnswer(forwarding, passage, reason, standIn);
    if (reason.kind === 'malformed') flight?.refused();
    else flight?.failed(reason);
  };
  const cannot = notSent(upstream);
  if (cannot) {
    failed({ kind: cannot });
    return undefined;
  }
  const over = upstream.enter(waits);
  // The client left: its request is aborted, or was between two tries.
  response.once('close', over);
  const own = isShared(passage) ? wholeAnswer(passage, flight) : sent;
  const outgoing = (spentMs: number) => outgoingOf(passage, body, forwarding, { headers: own, spentMs });
  const { retried, pauseMs = PAUSE_MS } = forwarding;
  const made = new Exchange({
    ...{ request, response, ownHeaders: headers, upstream, outgoing, place, standIn, retried, failed, over, pauseMs },
  });
  made.start();
  return made;
}

function noAnswer({ logger }: Forwarding, passage: Passage, reason: NoAnswer, standIn: StandIn | undefined): void {
  // The client may take its answer much later, or never.
  passage.place?.leave();
  if (reason.kind === 'malformed' || !standIn?.answer()) {
    refuse(passage, toProblem(reason, passage.route.service), logger);
  }
}

/** Why a service gets no request at present. */
function notSent({ breaker, inFlight, maxInFlight }: Upstream): 'open' | 'busy' | undefined {
  if (!breaker.closed) return 'open';
  return inFlight >= maxInFlight ? 'busy' : undefined;
}

function isChange({ request, route }: Passage): boolean {
  return route.access === 'ops' && request.method !== 'GET' && request.method !== 'HEAD';
}

/** Removes the client's own conditions: its copy of the answer, and its wish to wait. */
function wholeAnswer({ request }: Passage, flight: Flight | undefined): IncomingHttpHeaders {
  const { 'if-none-match': _tag, prefer: _wait, ...headers } = request.headers;
  return flight?.fresh ? { ...headers, 'cache-control': 'no-cache' } : headers;
}
