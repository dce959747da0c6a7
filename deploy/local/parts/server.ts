import { connect } from 'node:net';

/** The location of one server of one stack. */
export interface Site {
  /** Its data folder. */
  data: string;
  port: number;
  /** Settings for load instead of a quick start and little memory. */
  load: boolean;
  /** The servers of its kind that work together, this one included. Absent: it works alone. */
  cluster?: Cluster;
}

export interface Cluster {
  /** The same for all of them and at each start. */
  id: string;
  /** This one's place among the ports. */
  index: number;
  ports: number[];
}

export interface Command {
  command: string;
  args: string[];
  cwd: string;
  env?: Record<string, string>;
}

/** How a server is installed, run, and recognized as ready. */
export interface Server {
  /** Fetches missing programs; does nothing on later runs. */
  install(): Promise<void>;
  /** Creates the data folder and the configuration. */
  prepare(site: Site): Promise<void>;
  command(site: Site): Promise<Command>;
  /** Rejects while the server does not answer properly. */
  probe(site: Site): Promise<void>;
  /** How long the server may take to stop after SIGTERM, ms. */
  graceMs: number;
}

/** Sends bytes to a port and returns the first bytes of the answer. */
export function exchange(port: number, message: Uint8Array | string, timeoutMs = 1000): Promise<Buffer> {
  return new Promise((done, failed) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const finish = (act: () => void) => {
      socket.destroy();
      act();
    };
    socket.setTimeout(timeoutMs, () => finish(() => failed(new Error(`no answer on port ${port}`))));
    socket.once('error', (error) => finish(() => failed(error)));
    socket.once('close', () => failed(new Error(`port ${port} closed the connection`)));
    socket.once('connect', () => socket.write(message));
    socket.once('data', (answer) => finish(() => done(answer)));
  });
}

/** Rejects unless the address answers with success. */
export async function expectOk(url: string, timeoutMs = 2000): Promise<void> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
}
