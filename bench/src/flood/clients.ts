import { connect, type Socket } from 'node:net';
import { type Answer, createResponseReader, type ResponseReader } from './response.ts';

/** How a request of one client ended. */
export type Outcome =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** The client's patience ended without an answer: its connection was destroyed. */
  | { readonly kind: 'gone' }
  /** No connection: refused, not accepted, or the limit of connections is reached. */
  | { readonly kind: 'unconnected' }
  /** The connection ended before the answer did. */
  | { readonly kind: 'cut' };

export interface Ask {
  /** The whole request in wire format. */
  readonly text: string;
  /** How long the client waits, ms. */
  readonly patienceMs: number;
  keepsBody(status: number): boolean;
  done(outcome: Outcome): void;
}

export interface Clients {
  ask(ask: Ask): void;
  /** Number of clients waiting for an answer. */
  waiting(): number;
  close(): void;
}

interface Connection {
  readonly socket: Socket;
  readonly reader: ResponseReader;
  ask: Ask | undefined;
  gone: boolean;
  connected: boolean;
}

/** Precision of the end of a patience, ms. */
const SWEEP_MS = 50;

/**
 * Clients of one server, each with its own connection while it waits, so that requests never queue here. A connection
 * whose answer came serves the next client. All connections share one read buffer, since each read is used up at once.
 */
export function createClients({ host, port, most }: { host: string; port: number; most: number }): Clients {
  const idle: Connection[] = [];
  /** By patience, in the order of their coming, which is the order in which their patience ends. */
  const queues = new Map<number, { readonly connection: Connection; readonly ask: Ask; readonly until: number }[]>();
  const open = new Set<Connection>();
  const buffer = Buffer.alloc(64 << 10);
  let waiting = 0;

  function connection(): Connection {
    const reader = createResponseReader(
      (answer) => answered(it, answer),
      (status) => it.ask?.keepsBody(status) ?? false,
    );
    const socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer,
        callback(length) {
          try {
            reader.push(buffer, length);
          } catch {
            socket.destroy();
          }
          return true;
        },
      },
    });
    const it: Connection = { socket, reader, ask: undefined, gone: false, connected: false };
    open.add(it);
    socket.once('connect', () => {
      it.connected = true;
    });
    socket.on('error', () => undefined);
    socket.once('end', () => reader.end());
    socket.once('close', () => {
      it.gone = true;
      open.delete(it);
      finish(it, { kind: it.connected ? 'cut' : 'unconnected' });
    });
    return it;
  }

  function answered(it: Connection, answer: Answer): void {
    // An answer without a request: the connection is out of step and is closed.
    if (!it.ask || answer.closes) it.socket.destroy();
    else idle.push(it);
    finish(it, { kind: 'answered', answer });
  }

  function finish(it: Connection, outcome: Outcome): void {
    const { ask } = it;
    if (!ask) return;
    it.ask = undefined;
    waiting--;
    ask.done(outcome);
  }

  const sweep = setInterval(() => {
    const now = performance.now();
    for (const queue of queues.values()) {
      let past = 0;
      for (; past < queue.length; past++) {
        const entry = queue[past];
        if (!entry) break;
        if (entry.connection.ask !== entry.ask) continue;
        if (entry.until > now) break;
        entry.connection.gone = true;
        finish(entry.connection, entry.connection.connected ? { kind: 'gone' } : { kind: 'unconnected' });
        entry.connection.socket.destroy();
      }
      if (past > 0) queue.splice(0, past);
    }
  }, SWEEP_MS);

  return {
    ask(ask) {
      let free = idle.pop();
      while (free && (free.gone || !free.socket.writable)) free = idle.pop();
      if (!free && open.size >= most) {
        ask.done({ kind: 'unconnected' });
        return;
      }
      const it = free ?? connection();
      it.ask = ask;
      waiting++;
      const queue = queues.get(ask.patienceMs) ?? [];
      if (queue.length === 0) queues.set(ask.patienceMs, queue);
      queue.push({ connection: it, ask, until: performance.now() + ask.patienceMs });
      it.socket.write(ask.text, 'latin1');
    },
    waiting: () => waiting,
    close() {
      clearInterval(sweep);
      for (const { socket } of open) socket.destroy();
    },
  };
}
