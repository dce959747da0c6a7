import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
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
  const program = unpackedCommand(folder, join('usr/bin', name));
  // Debian's looks for its own pages where it would be installed.
  return name === 'promtool' ? program : [...program, `--web.local-assets=${ownPages(folder)}`];
}

/** The pages of an unpacked Prometheus, complete: their links lead out of the package's folder. */
function ownPages(folder: string): string {
  return join(folder, 'usr/share/prometheus/web/');
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
    writePage(join(data, 'page'));
  },
  async command({ data, port }) {
    const [command = '', ...args] = await prometheusProgram('prometheus');
    const settings = [
      `--config.file=${join(data, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(data, 'data')}`,
      `--storage.tsdb.retention.time=3d`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--web.user-assets=${join(data, 'page')}`,
    ];
    return { command, args: [...args, ...settings], cwd: data };
  },
  probe: (site) => expectOk(`http://127.0.0.1:${site.port}/-/ready`),
};

/**
 * Writes the page that draws the dashboards without Grafana; Prometheus serves it at /user/. Browsers get its programs
 * without their types.
 */
function writePage(folder: string): void {
  const source = join(observability, 'page');
  mkdirSync(folder, { recursive: true });
  cpSync(join(source, 'index.html'), join(folder, 'index.html'));
  for (const name of ['page', 'draw']) {
    const script = stripTypeScriptTypes(readFileSync(join(source, `${name}.ts`), 'utf8'));
    writeFileSync(join(folder, `${name}.js`), script.replaceAll(/(from '\.\/\w+)\.ts'/g, "$1.js'"));
  }
  writeFileSync(join(folder, 'dashboards.json'), JSON.stringify(readDashboards()));
}

/** A dashboard of Grafana, as far as it is read here. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly datasource: { readonly uid: string };
    readonly targets: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
  }[];
}

/** The dashboards over Prometheus. */
export function readDashboards(): Dashboard[] {
  const folder = join(root, 'deploy/grafana/shop');
  return ['order-flow', 'queues', 'money'].map(
    (name) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Dashboard,
  );
}

/** For tests: scrapes every few seconds, which leaves a busy machine time to answer, and evaluates every second. */
export function hurry(data: string): void {
  const file = join(data, 'prometheus.yml');
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text
      .replaceAll(/scrape_(interval|timeout): .*/g, 'scrape_$1: 4s')
      .replace(/evaluation_interval: .*/, 'evaluation_interval: 1s'),
  );
}
