import { readFileSync } from 'node:fs';

const closers = new Set<() => Promise<void>>();

/** Whether a file of tests shares the shop of other files (`sharedSystem`). These files run one after the other. */
export function sharesShop(file: string): boolean {
  return readFileSync(file, 'utf8').includes('sharedSystem(');
}

/** Has `close` called when all files that share have run. */
export function afterSharing(close: () => Promise<void>): void {
  closers.add(close);
}

/** Called before a file that shares nothing, and by Jest when all files have run. */
export default async function endSharing(): Promise<void> {
  const closing = [...closers];
  closers.clear();
  await Promise.all(closing.map((close) => close()));
}
