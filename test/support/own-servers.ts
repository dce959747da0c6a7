import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { untilReady } from '../../deploy/local/part.ts';
import type { Server } from '../../deploy/local/parts/server.ts';
import { freePort } from '../../deploy/local/ports.ts';
import { endProcess, launch, type PidRecord, tail } from '../../deploy/local/processes.ts';

/** A server that a test started for itself, beside those of its stack. */
export interface OwnServer {
  readonly port: number;
  readonly data: string;
  /** Ends it without warning, like a crash. */
  kill9(): Promise<void>;
  /** The last lines of its log. */
  output(): string;
}

export interface OwnServerWish {
  readonly name: string;
  readonly server: Server;
  /** Changes the files that the server was prepared with. */
  readonly prepared?: (data: string, port: number) => Promise<void> | void;
  /** The arguments, from those of a server of the stack. */
  readonly args: (usual: readonly string[], data: string, port: number) => readonly string[];
  /** Rejects while it does not answer. */
  readonly probe: (port: number) => Promise<unknown>;
}

/** The servers of one test. Their data is in a temporary folder. */
export interface OwnServers {
  start(wish: OwnServerWish): Promise<OwnServer>;
  /** Writes a file that servers and services read. @returns its path */
  file(name: string, content: string): string;
  stop(): Promise<void>;
}

const GRACE_MS = 20_000;

export function ownServers(): OwnServers {
  const folder = mkdtempSync(join(tmpdir(), 'shop-own-servers-'));
  const records: PidRecord[] = [];
  return {
    file(name, content) {
      const path = join(folder, name);
      writeFileSync(path, content, { mode: 0o600 });
      return path;
    },

    async start({ name, server, prepared, args, probe }) {
      const port = await freePort();
      const data = join(folder, name);
      mkdirSync(data, { recursive: true });
      const site = { data, port, load: false };
      await server.install();
      await server.prepare(site);
      await prepared?.(data, port);
      const { env, ...usual } = await server.command(site);
      const record = await launch({
        ...{ name, ...usual, args: [...args(usual.args, data, port)] },
        env: { ...process.env, ...env },
        log: join(folder, `${name}.log`),
        pids: join(folder, 'pids'),
      });
      records.push(record);
      await untilReady(name, record, async () => void (await probe(port)));
      const kill9 = async () => void (await endProcess(record, 'SIGKILL', GRACE_MS));
      return { port, data, kill9, output: () => tail(record) };
    },

    async stop() {
      await Promise.all(records.map((record) => endProcess(record, 'SIGTERM', GRACE_MS)));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
