import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { toolsDir } from './paths.ts';
import { progress } from './progress.ts';

const arriving = new Map<string, Promise<string>>();

/**
 * The folder of a tool; `fetch` fills it if it is not there yet. A tool is complete or absent: it is fetched into a
 * folder beside its place and then renamed, so an interrupted first run leaves no half tool.
 */
export function ensureTool(name: string, fetch: (into: string) => Promise<void>): Promise<string> {
  const target = join(toolsDir, name);
  if (existsSync(target)) return Promise.resolve(target);
  const known = arriving.get(target);
  if (known) return known;
  const arrival = bring(name, target, fetch).finally(() => arriving.delete(target));
  arriving.set(target, arrival);
  return arrival;
}

async function bring(name: string, target: string, fetch: (into: string) => Promise<void>): Promise<string> {
  mkdirSync(toolsDir, { recursive: true });
  removeAbandoned(target);
  const part = `${target}.part-${process.pid}`;
  mkdirSync(part);
  const started = Date.now();
  progress(name, 'fetching');
  try {
    await fetch(part);
    // Another checkout that shares the tools folder may have been quicker.
    if (!existsSync(target)) renameSync(part, target);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  progress(name, `fetched in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return target;
}

/** Removes half-fetched folders whose fetcher has ended. */
function removeAbandoned(target: string): void {
  for (const entry of readdirSync(dirname(target))) {
    const pid = entry.startsWith(`${basename(target)}.part-`) ? Number(entry.split('.part-')[1]) : Number.NaN;
    if (pid && !existsSync(`/proc/${pid}`)) rmSync(join(dirname(target), entry), { recursive: true, force: true });
  }
}
