import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '../../deploy/local/stack.ts';

/** What a service believes of the file without looking again, ms. */
const BELIEVED_MS = 20;

/** Makes handlers of running services throw. Start the services with `env`. */
export interface Failpoints {
  readonly env: Readonly<Record<string, string>>;
  /** `<group> <order id>`, or `<group> *` for every event; none: all go on. In force when it resolves. */
  set(...lines: string[]): Promise<void>;
}

export function createFailpoints(stack: Stack): Failpoints {
  const file = join(stack.dir, 'failpoints');
  writeFileSync(file, '');
  return {
    env: { SHOP_FAILPOINTS: 'on', FAILPOINT_FILE: file },
    async set(...lines) {
      writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
      // There is no signal for a file that has been read: a service looks again after this time, and not before.
      await sleep(BELIEVED_MS * 3);
    },
  };
}
