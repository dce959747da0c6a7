import type { Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type ListenOptions, type Server } from 'node:net';

/**
 * Connections that may wait to be accepted, for each socket. A client that finds the backlog full tries again after a
 * whole second. The kernel limits the backlog to its net.core.somaxconn, 4,096 by default.
 */
const BACKLOG = 8_192;

export interface ListenWith {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Number of sockets that listen on the port. */
  readonly sockets: number;
  readonly maxConnections?: number | undefined;
}

/**
 * Listens for `server`. Node accepts one connection a turn of its event loop from each socket (libuv 1.45 and later),
 * so new clients of a busy process wait for seconds. With several sockets on the port (SO_REUSEPORT) it accepts as many
 * a turn.
 *
 * @returns all listening sockets, each to be closed. Rejects when the port is taken
 */
export async function listenWith(server: HttpServer, options: ListenWith): Promise<readonly Server[]> {
  const { host, port, sockets, maxConnections } = options;
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  if (sockets === 1) {
    await listen(server, { host, port });
    return [server];
  }
  // A socket with a shared port would not notice that the port is taken, so an exclusive one tries first.
  const probe = createServer();
  await listen(probe, { host, port });
  const { port: found } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => void probe.close(() => resolve()));
  try {
    await listen(server, { host, port: found, reusePort: true });
  } catch (error) {
    // The system has no shared ports.
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

/** Accepts connections for `server`, with the options that an HTTP server sets itself. */
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
