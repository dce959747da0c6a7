import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '../../deploy/local/stack.ts';

/** How long a service uses its last reading of the file, ms. */
const BELIEVED_MS = 20;

/** Makes handlers of running services throw. Start the services with `env`. */
export interface Failpoints {
  readonly env: Readonly<Record<string, string>>;
  /** Sets lines of `<group> <order id>`, or `<group> *` for every event; none clears all. In force when it resolves. */
  set(...lines: string[]): Promise<void>;
}

export function createFailpoints(stack: Stack): Failpoints {
  const file = join(stack.dir, 'failpoints');
  writeFileSync(file, '');
  return {
    env: { SHOP_FAILPOINTS: 'on', FAILPOINT_FILE: file },
    async set(...lines) {
      writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
      // There is no signal for a file that has been read: a service reads it again after this time, not before.
      await sleep(BELIEVED_MS * 3);
    },
  };
}
