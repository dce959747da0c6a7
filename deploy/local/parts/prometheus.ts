import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { osRelease, unpackedCommand, unpackPackages } from '../fetch/apt.ts';
import { ensureTool } from '../fetch.ts';
import { root } from '../paths.ts';
import { installed } from '../run.ts';
import { StackError } from '../stack-error.ts';
import { expectOk, type Server } from './server.ts';

/** The configuration that every Prometheus of the shop has; the rules are beside it. */
const observability = join(root, 'deploy/observability');

/** A program of Prometheus' package. */
export async function prometheusProgram(name: 'prometheus' | 'promtool'): Promise<string[]> {
  const own = installed(name);
  if (own) return [own];
  const folder = await ensureTool(`prometheus-${osRelease().VERSION_CODENAME ?? 'own'}`, (into) =>
    unpackPackages(['prometheus'], 'own', into).catch((error: Error) => {
      throw new StackError(`Prometheus could not be fetched; install it. (${error.message})`);
    }),
  );
  return unpackedCommand(folder, join('usr/bin', name));
}

/** What Prometheus scrapes: `labels` name the service, `targets` its instances (host:port). */
export interface Target {
  readonly targets: readonly string[];
  readonly labels: { readonly service: string };
}

/** Writes what Prometheus scrapes; one that runs follows within seconds. */
export function writeTargets(data: string, targets: readonly Target[]): void {
  mkdirSync(join(data, 'targets'), { recursive: true });
  writeFileSync(join(data, 'targets', 'local.json'), JSON.stringify(targets, undefined, 2));
}

/** Watches the services on demand. Its folder has the same files as one in production, at the same places. */
export const prometheus: Server = {
  graceMs: 10_000,
  install: async () => void (await prometheusProgram('prometheus')),
  async prepare({ data }) {
    mkdirSync(join(data, 'targets'), { recursive: true });
    rmSync(join(data, 'rules'), { recursive: true, force: true });
    symlinkSync(join(observability, 'rules'), join(data, 'rules'));
    cpSync(join(observability, 'prometheus.yml'), join(data, 'prometheus.yml'));
  },
  async command({ data, port }) {
    const [command = '', ...args] = await prometheusProgram('prometheus');
    const settings = [
      `--config.file=${join(data, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(data, 'data')}`,
      `--storage.tsdb.retention.time=3d`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-lifecycle',
    ];
    return { command, args: [...args, ...settings], cwd: data };
  },
  probe: (site) => expectOk(`http://127.0.0.1:${site.port}/-/ready`),
};

/** For tests: scrapes and evaluates so often. */
export function hurry(data: string, every: string): void {
  const file = join(data, 'prometheus.yml');
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/(_interval|_timeout): .*/g, `$1: ${every}`));
}
