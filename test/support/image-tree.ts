import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../../deploy/local/paths.ts';

/** What the image holds below /app, in a folder of this machine. */
export interface ImageTree {
  readonly dir: string;
  /** A Node that the image's user may run. */
  readonly node: string;
  /** The packages that are installed, by their path in the lock file. */
  readonly packages: readonly string[];
  remove(): void;
}

/**
 * Does what the Dockerfile's stages say, without an engine: copies the manifests, runs its `npm ci`, copies the folders
 * that it names. The clients of the databases are those of this working copy. In the end nobody may write there.
 */
export function buildImageTree(): ImageTree {
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  const dir = mkdtempSync(join(tmpdir(), 'shop-image-'));
  // The folder of a temporary file is its maker's alone.
  chmodSync(dir, 0o755);
  const base = dockerfile.slice(dockerfile.indexOf('AS base'), dockerfile.indexOf('AS clients'));
  const manifests = /^RUN mkdir \/manifests && (cp --parents .+) \/manifests$/m.exec(dockerfile)?.[1];
  if (!manifests || !base.includes('\nCOPY --from=manifests /manifests ./\n'))
    throw new Error('no manifests are copied');
  execFileSync('sh', ['-c', `${manifests} "${dir}"`], { cwd: root, stdio: 'pipe' });
  for (const [, from = '', to = ''] of base.matchAll(/^COPY (?!--from)(.*) (\S+)$/gm)) {
    mkdirSync(join(dir, to), { recursive: true });
    for (const file of from.split(' ')) copyFileSync(join(root, file), join(dir, to, file.split('/').at(-1) ?? ''));
  }
  const install = /^RUN (npm ci [^&\n]*)/m.exec(last)?.[1];
  if (!install) throw new Error('the last stage of the Dockerfile installs no packages');
  execFileSync('sh', ['-c', install], { cwd: dir, env: { ...process.env, NODE_ENV: 'production' }, stdio: 'pipe' });
  for (const [, from = '', to = ''] of last.matchAll(/^COPY (?:--from=clients \/app\/)?(\S+) (\S+)$/gm)) {
    const wanted = (path: string) => !/\.test\.ts$|(^|\/)node_modules(\/|$)/.test(path.slice(root.length));
    cpSync(join(root, from), join(dir, to), { recursive: true, filter: wanted });
  }
  const node = join(dir, 'bin/node');
  mkdirSync(dirname(node));
  copyFileSync(process.execPath, node);
  const installed = JSON.parse(readFileSync(join(dir, 'node_modules/.package-lock.json'), 'utf8')) as {
    packages: Record<string, unknown>;
  };
  execFileSync('chmod', ['-R', 'a+rX,a-w', dir]);
  return {
    dir,
    node,
    packages: Object.keys(installed.packages),
    remove() {
      execFileSync('chmod', ['-R', 'u+w', dir]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
