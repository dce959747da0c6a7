import type { Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type ListenOptions, type Server } from 'node:net';

/**
 * Connections that may wait to be accepted, each socket's. A client whose connection finds no room there tries again
 * after a whole second. The kernel allows no more than its own net.core.somaxconn, 4,096 by default.
 */
const BACKLOG = 8_192;

export interface ListenWith {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Sockets that listen on the port. */
  readonly sockets: number;
  readonly maxConnections?: number | undefined;
}

/**
 * Listens for `server`. Node accepts one connection a turn of its event loop from each socket (libuv 1.45 and later),
 * so that new clients of a busy process wait for seconds; with several sockets on the port (SO_REUSEPORT) it accepts as
 * many a turn.
 *
 * @returns everything that listens, each to be closed. Rejects when the port is taken
 */
export async function listenWith(server: HttpServer, options: ListenWith): Promise<readonly Server[]> {
  const { host, port, sockets, maxConnections } = options;
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  if (sockets === 1) {
    await listen(server, { host, port });
    return [server];
  }
  // One that shares the port would not find that it is taken.
  const probe = createServer();
  await listen(probe, { host, port });
  const { port: found } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => void probe.close(() => resolve()));
  try {
    await listen(server, { host, port: found, reusePort: true });
  } catch (error) {
    // A system without such sockets.
    if ((error as NodeJS.ErrnoException).code !== 'ENOTSUP') throw error;
    await listen(server, { host, port: found });
    return [server];
  }
  const others = Array.from({ length: sockets - 1 }, () =>
    acceptorFor(server, Math.ceil((maxConnections ?? 0) / sockets)),
  );
  if (maxConnections !== undefined) server.maxConnections = Math.ceil(maxConnections / sockets);
  await Promise.all(others.map((other) => listen(other, { host, port: found, reusePort: true })));
  return [server, ...others];
}

/** Hands its connections to `server`. The options are those that an HTTP server gives itself. */
function acceptorFor(server: HttpServer, maxConnections: number): Server {
  const acceptor = createServer({ allowHalfOpen: true, noDelay: true });
  if (maxConnections > 0) acceptor.maxConnections = maxConnections;
  acceptor.on('connection', (socket) => void server.emit('connection', socket));
  return acceptor;
}

async function listen(server: Server, options: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...options, backlog: BACKLOG }, resolve);
  });
}
