import { mkdirSync } from 'node:fs';
import { osRelease, unpackedCommand, unpackPackages } from '../fetch/apt.ts';
import { ensureTool } from '../fetch.ts';
import { installed } from '../run.ts';
import { StackError } from '../stack-error.ts';
import { exchange, type Server } from './server.ts';

async function program(): Promise<string[]> {
  const own = installed('redis-server');
  if (own) return [own];
  const folder = await ensureTool(`redis-${osRelease().VERSION_CODENAME ?? 'own'}`, (into) =>
    unpackPackages(['redis-server'], 'own', into).catch((error: Error) => {
      throw new StackError(
        `Redis could not be fetched; install redis-server, or set REDIS_URL to one that exists. (${error.message})`,
      );
    }),
  );
  return unpackedCommand(folder, 'usr/bin/redis-server');
}

export const redis: Server = {
  graceMs: 5000,
  install: async () => void (await program()),
  prepare: async (site) => void mkdirSync(site.data, { recursive: true }),
  async command(site) {
    const [command = '', ...args] = await program();
    const settings = {
      port: site.port,
      bind: '127.0.0.1',
      dir: site.data,
      // The coupons' door and the sorted sets should survive a restart. A second of them may be lost, since MySQL is
      // the source of truth.
      appendonly: 'yes',
      appendfsync: 'everysec',
      save: '',
      'maxmemory-policy': 'noeviction',
    };
    return {
      command,
      args: [...args, ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])],
      cwd: site.data,
    };
  },
  async probe(site) {
    const answer = (await exchange(site.port, 'PING\r\n')).toString();
    if (!answer.startsWith('+PONG')) throw new Error(`redis answered ${answer.trim()}`);
  },
};
