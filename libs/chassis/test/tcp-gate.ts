import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy that a test can cut or silence, to simulate an outage without touching the server behind it. */
export interface TcpGate {
  readonly port: number;
  /** Swallows bytes in both directions; connections stay open. */
  silence(): void;
  /** Resets every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Lets everything through again. */
  open(): Promise<void>;
  close(): Promise<void>;
}

export async function openTcpGate(host: string, port: number): Promise<TcpGate> {
  const sockets = new Set<Socket>();
  let silent = false;
  let server = listen();
  await listening(server, 0);
  const own = (server.address() as { port: number }).port;

  function listen(): Server {
    return createServer((client) => {
      const upstream = connect(port, host);
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(from);
        from.on('data', (chunk) => void (silent || to.write(chunk)));
        from.on('error', () => undefined);
        from.on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  const cut = async () => {
    const closed = new Promise((resolve) => void server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port: own,
    silence() {
      silent = true;
    },
    cut,
    async open() {
      silent = false;
      if (server.listening) return;
      server = listen();
      await listening(server, own);
    },
    close: cut,
  };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}
