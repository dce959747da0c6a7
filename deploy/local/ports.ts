import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether a server could listen on this port of 127.0.0.1 now. */
export function portIsFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => done(true)));
  });
}

/**
 * Waits a little for a port: a process that was just killed keeps its port for some milliseconds.
 * @returns whether the port is free
 */
export async function portComesFree(port: number, withinMs = 3000): Promise<boolean> {
  for (const end = Date.now() + withinMs; Date.now() < end; await sleep(50)) if (await portIsFree(port)) return true;
  return false;
}

/**
 * The ports that `freePort` chooses from. They lie below those that the system gives to outgoing connections: such a
 * port may be taken by a connection before the server that shall listen on it has started.
 */
const FREE_PORTS = { first: 10_000, count: 8_000 } as const;

/**
 * A port that is not in use at the moment, drawn at random so that two who ask at once get different ones.
 * @throws where a hundred ports in turn are taken
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = FREE_PORTS.first + Math.floor(Math.random() * FREE_PORTS.count);
    if (await portIsFree(port)) return port;
  }
  throw new Error(`no free port was found from ${FREE_PORTS.first} to ${FREE_PORTS.first + FREE_PORTS.count - 1}`);
}

/** The socket inodes that listen on a port, from the text of /proc/net/tcp or tcp6. */
export function listeningInodes(procNetTcp: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return procNetTcp
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(`:${hex}`) && columns[3] === '0A')
    .map((columns) => columns[9] ?? '');
}

/** The process that listens on a port, in words, as far as this user may know it (Linux only). */
export function whoListens(port: number): string | undefined {
  try {
    const inodes = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
      listeningInodes(readFileSync(file, 'utf8'), port),
    );
    const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`));
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (holdsSocket(pid, wanted)) {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
        return `process ${pid} (${command.length > 80 ? `${command.slice(0, 80)}…` : command})`;
      }
    }
  } catch {
    // Not Linux, or not readable for this user.
  }
  return undefined;
}

function holdsSocket(pid: string, wanted: Set<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => wanted.has(readlinkSync(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false;
  }
}

/** The message about a port taken by another process. */
export function takenPort(part: string, port: number, holder: string | undefined, instead: string | undefined): string {
  return (
    `Port ${port}, which ${part} needs, is taken by ${holder ?? 'another process'}. Stop that, ` +
    `or move this stack with SHOP_PORT_OFFSET (for example SHOP_PORT_OFFSET=2000)` +
    `${instead ? `, or use the server that is there: ${instead}` : ''}.`
  );
}

/**
 * Ports from 3,000 on that `fetch` refuses to call, whoever listens (https://fetch.spec.whatwg.org/#port-blocking). The
 * stack, the gateway's tools and the tests ask a service by `fetch`.
 */
const REFUSED_BY_FETCH: ReadonlySet<number> = new Set([
  ...[3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080],
]);

/** The message about a port that no client would call; undefined for all others. */
export function uncallablePort(part: string, port: number): string | undefined {
  if (!REFUSED_BY_FETCH.has(port)) return undefined;
  return (
    `Port ${port}, which ${part} needs, is one that HTTP clients refuse to call. ` +
    'Move this stack with SHOP_PORT_OFFSET (for example SHOP_PORT_OFFSET=2100), or start fewer instances.'
  );
}
