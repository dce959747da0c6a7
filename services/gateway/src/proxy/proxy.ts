import { DomainError, type Logger, type Metrics } from '@shop/service';
import type { Admission } from '../admission/admission.ts';
import type { Refusal } from '../admission/gate.ts';
import type { Passage } from '../pipeline.ts';
import { refuse } from '../refuse.ts';
import type { Upstreams } from '../routes.ts';
import { readBody } from './body.ts';
import { Exchange, type NoAnswer } from './exchange.ts';
import type { LastGood } from './last-good.ts';
import { createWarning, toProblem } from './no-answer.ts';
import { type OutgoingOptions, outgoingOf } from './outgoing.ts';
import { createRetryCount } from './retry-budget.ts';
import { createStandIns } from './stand-in.ts';
import type { Upstream } from './upstream.ts';

/** Largest body passed on, bytes. */
export const BODY_LIMIT = 64 * 1024;

export interface ForwardOptions extends OutgoingOptions {
  readonly upstreams: Upstreams;
  readonly lastGood: LastGood;
  readonly admission: Admission;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Passes requests on to their services, and the answers back. */
export function createForward(options: ForwardOptions): (passage: Passage) => void {
  const { upstreams, lastGood, admission, logger, metrics } = options;
  const warn = createWarning(logger);
  const retried = createRetryCount(metrics);
  const standInFor = createStandIns(lastGood, metrics);

  function send(passage: Passage, body: Buffer | null): void {
    const { request, response, route, trace, headers, place } = passage;
    const upstream = upstreams[route.service];
    if (!upstream) throw new Error(`nobody answers ${route.path}`);
    const standIn = standInFor(passage);
    const failed = (reason: NoAnswer): void => {
      if ('error' in reason) warn(reason, upstream.name, trace);
      if (reason.kind === 'malformed' || !standIn?.answer()) refuse(passage, toProblem(reason, upstream.name), logger);
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
    const outgoing = outgoingOf(passage, body, options);
    new Exchange({
      request,
      response,
      ownHeaders: headers,
      upstream,
      outgoing,
      place,
      standIn,
      retried,
      failed,
    }).start();
  }

  /** Its place was given to another while its body or its token was on the way. */
  function enterAnew(passage: Passage, body: Buffer | null): void {
    const { request, response, route } = passage;
    const refused = (reason: Refusal) => {
      admission.countRefusal(route, reason);
      const retryAfterSeconds = admission.retryAfter();
      const detail = 'Too much is asked for at the moment; nothing was done.';
      refuse(passage, new DomainError('SERVICE_UNAVAILABLE', detail, { retryAfterSeconds }), logger);
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
      send(passage, body);
    };
    if (place?.waiting) place.whenDecided((refusal) => (refusal ? refused(refusal) : start()));
    else start();
  }

  return (passage) => {
    const { request, response, headers } = passage;
    // A client that sends slowly takes no place at the service meanwhile.
    readBody(request, BODY_LIMIT, (body) => {
      if (body.kind === 'aborted' || response.closed) return;
      if (body.kind === 'whole') {
        if (!passage.place || passage.place.begin()) send(passage, body.bytes);
        else enterAnew(passage, body.bytes);
        return;
      }
      if (!body.discarded) headers.push('connection', 'close');
      refuse(passage, new DomainError('PAYLOAD_TOO_LARGE', `At most ${BODY_LIMIT} bytes are accepted.`), logger);
    });
  };
}

/** Why a service gets no request now. */
function notSent({ breaker, inFlight, maxInFlight }: Upstream): 'open' | 'busy' | undefined {
  if (!breaker.closed) return 'open';
  return inFlight >= maxInFlight ? 'busy' : undefined;
}
