import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The keys with which this stack's gateway signs its calls, drawn once for each stack and kept over restarts. `dir`
 * must exist.
 */
export function makeInternalKeys(dir: string): void {
  if (existsSync(internalKeysFile(dir))) return;
  writeFileSync(internalKeysFile(dir), `local:${randomBytes(32).toString('hex')}`, { mode: 0o600 });
}

/** The keys as environment variables; empty for a stack that was never started. */
export function internalKeysEnv(dir: string): Record<string, string> {
  const file = internalKeysFile(dir);
  return existsSync(file) ? { INTERNAL_KEYS: readFileSync(file, 'utf8') } : {};
}

function internalKeysFile(dir: string): string {
  return join(dir, 'internal-keys');
}
