import { DomainError, type EventStreams, parse, requireScope, uuidIn } from '@shop/chassis';
import type { Request, Response, Router } from 'express';
import type { Status } from '../ops/src/status/read.ts';
import type { Audits } from './audit/audits.ts';
import type { Verdict } from './audit/verdict.ts';
import { followRush } from './rush/follow.ts';
import type { Rush, Rushes } from './rush/rushes.ts';
import { auditBody, rushBody } from './schemas.ts';

/** How far back an audit looks by default, ms. */
const SINCE_MS = 900_000;

export interface ConsoleRoutes {
  readonly audits: Pick<Audits, 'begin' | 'find'>;
  readonly rushes: Pick<Rushes, 'start' | 'find'>;
  readonly status: () => Promise<ShownStatus>;
  readonly streams: EventStreams;
  readonly now: () => number;
}

export type ShownStatus = Status & {
  readonly problems: readonly string[];
  /** The last audit on schedule that was made to the end, since the console started. */
  readonly lastAudit?: {
    readonly endedAt: Date;
    readonly state: Verdict['state'];
    readonly violations: number;
    readonly notMade: readonly string[];
  };
};

/** Routes for operators. All require the scope `ops`. */
export function consoleRoutes({ audits, rushes, status, streams, now }: ConsoleRoutes): (router: Router) => void {
  const rushOf = (request: Request<{ id: string }>): Rush => {
    const rush = rushes.find(uuidIn(request.params.id) ?? '');
    if (!rush) throw new DomainError('NOT_FOUND', 'There is no such rush; a restarted console remembers none.');
    return rush;
  };
  return (router) => {
    router.use('/ops', (request, _response, next) => {
      requireScope(request, 'ops');
      next();
    });

    router.get('/ops/status', async (_request, response) => void response.json(await status()));

    router.post('/ops/audit', (request, response) => {
      const { since = new Date(now() - SINCE_MS) } = parse(auditBody, request.body === undefined ? {} : request.body);
      const state = audits.begin({ since, restMs: 0 });
      response.status(202).setHeader('Location', `/ops/audit/${state.auditId}`).json(state);
    });

    router.get('/ops/audit/:id', (request: Request<{ id: string }>, response: Response) => {
      const state = audits.find(uuidIn(request.params.id) ?? '');
      if (!state) throw new DomainError('NOT_FOUND', 'There is no such audit; a restarted console remembers none.');
      response.json(state);
    });

    router.post('/ops/rush', async (request, response) => {
      const state = await rushes.start(parse(rushBody, request.body));
      response.status(202).setHeader('Location', `/ops/rush/${state.rushId}`).json(state);
    });

    router.get('/ops/rush/:id', (request: Request<{ id: string }>, response: Response) => {
      response.json(rushOf(request).history.at(-1));
    });

    router.get('/ops/rush/:id/events', (request: Request<{ id: string }>, response: Response) => {
      const rush = rushOf(request);
      if (request.method === 'HEAD') response.end();
      else followRush(rush, streams.enter(response), request.get('last-event-id'), response);
    });
  };
}
