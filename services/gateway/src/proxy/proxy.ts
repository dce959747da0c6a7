import type { IncomingHttpHeaders } from 'node:http';
import { BODY_LIMIT, DomainError, type Logger, type Metrics } from '@shop/chassis';
import type { Admission } from '../admission/admission.ts';
import type { Refusal } from '../admission/gate.ts';
import { TOO_MUCH } from '../admission/quick-refusal.ts';
import type { Passage } from '../passage.ts';
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

export interface ForwardOptions extends OutgoingOptions {
  readonly upstreams: Upstreams;
  readonly lastGood: LastGood;
  readonly copies: Copies;
  readonly admission: Admission;
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
  if (!isShared(passage)) {
    exchange(forwarding, passage, body, isChange(passage) ? dropCopiesWhenAnswered(copies, passage) : undefined);
    return;
  }
  copies.answer(passage, {
    ask: (flight) => exchange(forwarding, passage, body, standInFor(passage, flight), flight),
    failed: (reason) => noAnswer(forwarding, passage, reason, standInFor(passage)),
  });
}

/** For an operator's write: copies of the service's answers become invalid before the write's own answer is sent. */
function dropCopiesWhenAnswered(copies: Copies, { response, route }: Passage): StandIn {
  const changed = () => copies.changed(route.service);
  // Without an answer the write may still have happened.
  response.once('close', changed);
  return { begin: changed, add: () => undefined, end: () => undefined, answer: () => false };
}

function exchange(
  forwarding: Forwarding,
  passage: Passage,
  body: Buffer | null,
  standIn: StandIn | undefined,
  flight?: Flight,
): void {
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
    return;
  }
  upstream.inFlight++;
  response.once('close', () => {
    upstream.inFlight--;
  });
  const own = isShared(passage) ? wholeAnswer(passage, flight) : undefined;
  const outgoing = outgoingOf(passage, body, forwarding, own);
  const { retried } = forwarding;
  new Exchange({ request, response, ownHeaders: headers, upstream, outgoing, place, standIn, retried, failed }).start();
}

function noAnswer({ logger }: Forwarding, passage: Passage, reason: NoAnswer, standIn: StandIn | undefined): void {
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
