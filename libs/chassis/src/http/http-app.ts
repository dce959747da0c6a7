import express, { type Express, type NextFunction, type Request, type Response, Router } from 'express';
import type { Logger } from 'pino';
import { CALLER_HEADER, type Caller, type VerifyCaller } from '../callers/index.ts';
import { DomainError, type ProblemTable, renderProblem, toDomainError } from '../errors/index.ts';
import {
  childTrace,
  type EdgeTrace,
  edgeTrace,
  formatTraceparent,
  type Health,
  isRecorded,
  type Metrics,
  noteOnSpan,
  parseTraceparent,
  runInTrace,
  type TraceContext,
} from '../process/index.ts';
import { readJsonBody } from './json-body.ts';
import { recordRequest } from './request-span.ts';
import { noteTimeLeft } from './time-left.ts';

export interface HttpAppOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /**
   * Finds the caller of a request; without one it is refused. `public` admits all. /health/* is always open.
   */
  readonly callers: VerifyCaller | 'public';
  /** The codes of this service's refusals, besides the common ones. */
  readonly problems: ProblemTable;
  /** Adds the service's routes. Handlers may be async: an error they throw becomes a problem. */
  readonly routes: (router: Router) => void;
}

const OPEN = /^\/health\/(live|ready)$/;

/**
 * The Express 5 application of a service: trace context, callers, JSON bodies up to 64 KiB, the service's routes,
 * /health/live, /health/ready, and problem+json for every error. It does not listen: `serve` does.
 */
export function createHttpApp({ logger, metrics, health, callers, problems, routes }: HttpAppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');

  app.use(createEntrance({ logger, metrics, callers }));

  const router = Router({ caseSensitive: true, strict: true });
  routes(router);
  app.use(router);

  addOpenRoutes(app, health);

  app.use((request, response) => {
    const allowed = allowedMethods(router, request.path);
    if (allowed.length === 0) throw new DomainError('NOT_FOUND', 'There is no such path.');
    response.setHeader('Allow', allowed.join(', '));
    throw new DomainError('METHOD_NOT_ALLOWED', `Allowed here: ${allowed.join(', ')}.`);
  });

  // Express knows an error handler by its four parameters.
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    sendProblem(error, { request, response, logger, problems });
  });
  return app;
}

/** The first steps of every request: its trace, its metrics, its caller, its body. */
function createEntrance({ logger, metrics, callers }: Pick<HttpAppOptions, 'logger' | 'metrics' | 'callers'>) {
  const duration = metrics.histogram('http_request_duration_seconds', 'Requests by route template and status', [
    'method',
    'route',
    'status',
  ]);
  const underWay = requestsUnderWay(metrics);
  const countError = requestErrors(metrics);
  return (request: Request, response: Response, next: NextFunction): void => {
    const place = traceOf(request, callers === 'public');
    const { trace } = place;
    response.locals.trace = trace;
    response.setHeader('traceparent', formatTraceparent(trace));
    const start = performance.now();
    underWay.inc();
    response.on('close', () => {
      underWay.dec();
      const ms = performance.now() - start;
      const route = routeTemplate(request);
      // 499: the client left before the answer.
      const status = response.writableFinished ? response.statusCode : 499;
      duration.observe({ method: request.method, route, status }, ms / 1000);
      countError(status);
      const isAdmitted = callers === 'public' || (request as { caller?: Caller }).caller !== undefined;
      if (isRecorded(trace) && isAdmitted && !OPEN.test(request.path))
        recordRequest({ ...place, startedAt: start, method: request.method, route, status, path: request.path });
      if (logger.isLevelEnabled('debug')) {
        const { traceId, spanId } = trace;
        logger.debug({ traceId, spanId, method: request.method, route, path: request.path, status, ms }, 'request');
      }
    });
    if (callers !== 'public' && !OPEN.test(request.path)) {
      const caller = callers(request.headers[CALLER_HEADER], request.method, request.url);
      if (!caller) {
        response.setHeader('WWW-Authenticate', 'Shop-Caller');
        runInTrace(trace, () => next(new DomainError('UNAUTHENTICATED', 'The call is not signed: ask the gateway.')));
        return;
      }
      (request as { caller?: Caller }).caller = caller;
      noteTimeLeft(request, start);
    }
    readBody(request, trace, next);
  };
}

/** Requests that have begun and have no answer yet, streams included. */
export function requestsUnderWay(metrics: Metrics): ReturnType<Metrics['gauge']> {
  return metrics.gauge('http_requests_under_way', 'Requests that have come and are not answered yet');
}

/** Counts, by their status, requests that failed. The series is there from the beginning, so its first burst shows. */
export function requestErrors(metrics: Metrics): (status: number) => void {
  // 501 and 503 say when to come back: they are refusals.
  const errors = metrics.counter('http_errors_total', 'Requests answered with 500, 502 or 504');
  errors.inc(0);
  return (status) => {
    if (status === 500 || status === 502 || status === 504) errors.inc();
  };
}

/** The gateway's own pages are the edge: there the client's word does not decide what is recorded. */
function traceOf({ headers }: Request, isEdge: boolean): EdgeTrace {
  const header = headers.traceparent as string | undefined;
  if (isEdge) return edgeTrace(header);
  const parent = parseTraceparent(header);
  return { trace: childTrace(parent), parent, links: [] };
}

function readBody(request: Request, trace: TraceContext, next: NextFunction): void {
  const body = request.method === 'GET' || request.method === 'HEAD' ? undefined : readJsonBody(request);
  if (!body) {
    runInTrace(trace, next);
    return;
  }
  // Body events arrive outside of any async context, so the trace is entered after them.
  body.then(
    (value) => {
      request.body = value;
      runInTrace(trace, next);
    },
    (error: unknown) => runInTrace(trace, () => next(error)),
  );
}

/** Adds the routes that need no caller. */
function addOpenRoutes(app: Express, health: Health): void {
  app.get('/health/live', (_request, response) => void response.json(health.live()));
  app.get('/health/ready', async (_request, response) => {
    const report = await health.ready();
    response.status(report.status === 'ok' ? 200 : 503).json(report);
  });
}

interface Refused extends Pick<HttpAppOptions, 'logger' | 'problems'> {
  readonly request: Request;
  readonly response: Response;
}

/**
 * Answers with the problem of `error`. An error of our own is logged once, with its stack; an outage of a dependency by
 * its message. A refusal is not logged, even a 503: under overload a line for each would only add to the load.
 */
function sendProblem(error: unknown, { request, response, logger, problems }: Refused): void {
  const trace = response.locals.trace as TraceContext | undefined;
  const shown = isBadUrl(error)
    ? new DomainError('VALIDATION_FAILED', 'The path is malformed.')
    : toDomainError(error, problems);
  const { body, headers } = renderProblem(shown, trace?.traceId, problems);
  noteOnSpan({ 'error.type': body.code }, trace);
  if (body.status >= 500 && shown !== error) {
    const fields = { traceId: trace?.traceId, method: request.method, route: routeTemplate(request), code: body.code };
    if (shown.code === 'SERVICE_UNAVAILABLE') logger.warn({ ...fields, error: String(error) }, 'request not served');
    else logger.error({ ...fields, err: error }, 'request failed');
  }
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  // The connection closes: the unread rest of the body would be taken for the next request.
  if (!request.complete && request.readableEnded === false && body.status === 413)
    response.setHeader('Connection', 'close');
  response.status(body.status).setHeader('Content-Type', 'application/problem+json');
  response.end(JSON.stringify(body));
}

/** The route's template, e.g. `/orders/:id`; never the raw path, which would make a time series for each order. */
function routeTemplate(request: Request): string {
  const path = (request.route as { path?: unknown } | undefined)?.path;
  return typeof path === 'string' ? request.baseUrl + path : 'unmatched';
}

/** Express's own error for a path such as `/orders/%zz`. */
function isBadUrl(error: unknown): boolean {
  return error instanceof URIError || (error as { status?: unknown } | null)?.status === 400;
}

interface RouteLayer {
  readonly route?: { readonly methods: Readonly<Record<string, boolean>> };
  match(path: string): boolean;
}

/** The methods of routes with exactly this path; none if the path is unknown. */
function allowedMethods(router: Router, path: string): string[] {
  const layers = (router as unknown as { stack: readonly RouteLayer[] }).stack;
  const methods = new Set<string>();
  for (const layer of layers) {
    if (!layer.route || !matches(layer, path)) continue;
    for (const method of Object.keys(layer.route.methods)) methods.add(method.toUpperCase());
  }
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].sort();
}

function matches(layer: RouteLayer, path: string): boolean {
  try {
    return layer.match(path);
  } catch {
    return false;
  }
}
