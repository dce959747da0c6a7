import { join, resolve } from 'node:path';

/** The checkout. */
export const root = resolve(import.meta.dirname, '../..');

/** Everything downloaded or stored on this machine; ignored by git. */
export const localDir = join(root, '.local');

/** Downloaded servers; `SHOP_TOOLS_DIR` lets several checkouts share them. */
export const toolsDir = process.env.SHOP_TOOLS_DIR ?? join(localDir, 'tools');

/** The data, logs and pid records of one named stack. */
export function stackDir(name: string): string {
  return join(localDir, name);
}

/** The stack of three brokers that a test starts beside its own. */
export function brokersStack(testStack: string): string {
  return testStack.replace(/test$/, 'brokers-test');
}
