import { readFileSync, statSync } from 'node:fs';
import type { Failpoint } from './apply.ts';

/**
 * Makes a handler fail on purpose while the service runs, for tests and drills. Off unless SHOP_FAILPOINTS=on.
 * FAILPOINT_FILE holds lines of `<group> <key>` (`*` for every key), and the handling of those events throws. The file
 * is read again whenever it changes.
 */
export function failpointFromEnvironment(env: NodeJS.ProcessEnv = process.env): Failpoint | undefined {
  const path = env.FAILPOINT_FILE;
  return env.SHOP_FAILPOINTS === 'on' && path ? createFileFailpoint(path) : undefined;
}

/** How long the last reading of the file is used, ms. */
const BELIEVED_MS = 20;

export function createFileFailpoint(path: string): Failpoint {
  let version = '';
  let lookedAt = Number.NEGATIVE_INFINITY;
  let armed = new Set<string>();

  function look(): void {
    const stat = statSync(path, { throwIfNoEntry: false });
    const found = stat ? `${stat.mtimeMs} ${stat.size}` : '';
    if (found === version) return;
    version = found;
    armed = new Set(
      stat
        ? readFileSync(path, 'utf8')
            .split('\n')
            .map((line) => line.trim())
        : [],
    );
  }

  return (group, event) => {
    if (performance.now() - lookedAt > BELIEVED_MS) {
      look();
      lookedAt = performance.now();
    }
    if (armed.has(`${group} ${event.key}`) || armed.has(`${group} *`)) {
      throw new Error(`failpoint: ${group} ${event.key}`);
    }
  };
}
