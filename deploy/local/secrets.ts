import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The keys that this stack's gateway signs its calls with, drawn once for each stack: a restart goes on with them.
 * `dir` exists.
 */
export function makeInternalKeys(dir: string): void {
  if (existsSync(internalKeysFile(dir))) return;
  writeFileSync(internalKeysFile(dir), `local:${randomBytes(32).toString('hex')}`, { mode: 0o600 });
}

/** As the environment of a process; empty for a stack that was never started. */
export function internalKeysEnv(dir: string): Record<string, string> {
  const file = internalKeysFile(dir);
  return existsSync(file) ? { INTERNAL_KEYS: readFileSync(file, 'utf8') } : {};
}

function internalKeysFile(dir: string): string {
  return join(dir, 'internal-keys');
}
