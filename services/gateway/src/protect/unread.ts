import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * How long a connection may take nothing of the output that waits for it, ms. The kernel reports room in lumps of up to
 * a megabyte, so that a client that reads slowly shows progress only now and then: it needs more than a few seconds.
 */
const UNREAD_MS = 60_000;

/**
 * How long a service may wait until a client has taken a piece of its answer, ms: shorter, since the request holds its
 * place at the service meanwhile. It is seldom: answers of the usual size fit into the buffers of a connection.
 */
export const PAUSE_MS = 10_000;

/** The part of a connection's handle that tells how much the kernel has taken, also of a single large write. */
interface Handle {
  readonly bytesWritten: number;
  readonly writeQueueSize: number;
}

/**
 * Breaks connections whose client has stopped reading while output waits for it; otherwise it would be kept in memory,
 * and its service's connection with it, for as long as the client likes. A stream without output has nothing waiting.
 */
export function breakUnread(server: Server, afterMs = UNREAD_MS, now = performance.now.bind(performance)): void {
  const seen = new Map<Socket, { taken: number; at: number }>();
  server.on('connection', (socket) => {
    seen.set(socket, { taken: 0, at: now() });
    socket.once('close', () => seen.delete(socket));
  });
  const timer = setInterval(() => {
    for (const [socket, last] of seen) {
      const taken = bytesTaken(socket);
      if (taken !== last.taken || socket.writableLength === 0) seen.set(socket, { taken, at: now() });
      else if (now() - last.at >= afterMs) socket.destroy();
    }
  }, afterMs / 4);
  timer.unref();
  server.once('close', () => clearInterval(timer));
}

function bytesTaken(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle?: Handle | null };
  return handle ? handle.bytesWritten - handle.writeQueueSize : socket.bytesWritten;
}
