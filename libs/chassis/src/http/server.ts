import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { listenWith } from './listen.ts';
import { answerUnread, refuseExpectation } from './unread-request.ts';

/** Longer than our clients keep an idle connection, so that it is never closed while a request is being sent. */
const KEEP_ALIVE_MS = 75_000;

/** How long a closing server waits for the first request of an open connection. */
const HANG_UP_MS = 500;

export interface ServeOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Most connections at once; further ones are closed at once. Default: no limit. */
  readonly maxConnections?: number;
  /** Sockets that listen on the port: each accepts one connection a turn of the event loop. Default: 1. */
  readonly sockets?: number;
  /** Longest time for a request's headers, and for the whole request, ms. Default: 10,000 and 30,000. */
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  /** The variables that say where, for the words of an error. Default: HOST and PORT. */
  readonly variables?: { readonly host: string; readonly port: string };
  /** Called with the server before it listens. */
  readonly prepare?: (server: Server) => void;
}

export interface RunningServer {
  readonly server: Server;
  readonly port: number;
  /** e.g. `http://127.0.0.1:3001` */
  readonly url: string;
  /**
   * Accepts no new connection, lets current requests finish within `graceMs` (default 10,000), then closes the rest.
   */
  close(graceMs?: number): Promise<void>;
}

/** Listens. Rejects with one sentence when the port is taken or not permitted. */
export async function serve(app: RequestListener, options: ServeOptions): Promise<RunningServer> {
  const { host, port, maxConnections, sockets = 1, headersTimeoutMs = 10_000, requestTimeoutMs = 30_000 } = options;
  const { variables = { host: 'HOST', port: 'PORT' }, prepare } = options;
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      // Node checks request time-outs only at this interval, by default twice a minute.
      connectionsCheckingInterval: Math.min(2_000, headersTimeoutMs),
      maxHeaderSize: 16_384,
      noDelay: true,
    },
    app,
  );
  server.maxRequestsPerSocket = 0;
  server.on('clientError', answerUnread);
  server.on('checkExpectation', refuseExpectation);
  // Node counts a connection as idle only after its first request: connections without a request are tracked here.
  const unused = new Set<Socket>();
  server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', (request) => unused.delete(request.socket));
  prepare?.(server);
  const listening = await listenWith(server, { host, port, sockets, maxConnections }).catch(
    (error: NodeJS.ErrnoException) => {
      throw listenError(error, host, port, variables);
    },
  );
  const actual = (server.address() as AddressInfo).port;
  return {
    server,
    port: actual,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    close: (graceMs = 10_000) => close(server, listening, unused, graceMs),
  };
}

async function close(
  server: Server,
  listening: readonly NetServer[],
  unused: ReadonlySet<Socket>,
  graceMs: number,
): Promise<void> {
  const closed = Promise.all(listening.map((each) => new Promise<void>((resolve) => void each.close(() => resolve()))));
  // A keep-alive connection whose request has just ended is idle: the next turn of this timer closes it.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const hangUp = setTimeout(() => {
    for (const socket of unused) socket.destroy();
  }, HANG_UP_MS);
  const limit = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(hangUp);
  clearTimeout(limit);
}

function listenError(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
  variables: { readonly host: string; readonly port: string },
): Error {
  const reasons: Record<string, string> = {
    EADDRINUSE: `port ${port} on ${host} is in use: stop what listens there, or set ${variables.port} to another`,
    EACCES: `port ${port} on ${host} needs more rights: set ${variables.port} to one above 1023`,
    EADDRNOTAVAIL: `${host} is not an address of this machine: set ${variables.host} to one that is`,
  };
  return new Error(reasons[error.code ?? ''] ?? error.message, { cause: error });
}
