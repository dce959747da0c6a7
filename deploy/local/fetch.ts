import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
  if (await broughtByAnother(name, target)) return target;
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

/** How often it is looked whether another process has fetched a tool, ms. */
const LOOK_MS = 250;

/**
 * Waits while another process fetches the same tool: some are built for minutes. @returns false where nobody does, or
 * who did has ended without it
 */
async function broughtByAnother(name: string, target: string): Promise<boolean> {
  if (partsOf(target).length > 0) progress(name, 'another process is fetching it; waiting for that');
  while (partsOf(target).length > 0) {
    await sleep(LOOK_MS);
    removeAbandoned(target);
  }
  return existsSync(target);
}

/** Removes half-fetched folders whose fetcher has ended. */
function removeAbandoned(target: string): void {
  for (const { folder, pid } of partsOf(target))
    if (!existsSync(`/proc/${pid}`)) rmSync(folder, { recursive: true, force: true });
}

/** The half-fetched folders of a tool, with the process that fetches into each. */
function partsOf(target: string): { folder: string; pid: number }[] {
  const prefix = `${basename(target)}.part-`;
  return readdirSync(dirname(target))
    .filter((entry) => entry.startsWith(prefix))
    .map((entry) => ({ folder: join(dirname(target), entry), pid: Number(entry.slice(prefix.length)) }))
    .filter(({ pid }) => pid > 0);
}
