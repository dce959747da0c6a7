import type { Addresses } from '../addresses.ts';
import { reconcileIn } from './internal.ts';
import type { Findings, Reconciler } from './reconciler.ts';

/** The ranking service's answer. */
interface Answer {
  readonly days: number;
  readonly differences: readonly { readonly id: string; readonly detail: string }[];
}

/** Compares the sorted sets of the last business days (Redis) with the totals (MySQL). */
export const ranking: Reconciler = {
  name: 'ranking',
  plan: (addresses) => ask(addresses, false),
  execute: (addresses) => ask(addresses, true),
};

async function ask(addresses: Addresses, execute: boolean): Promise<Findings> {
  const { days, differences } = await reconcileIn<Answer>(addresses, 'ranking', execute);
  return { compared: `${days} business days`, differences: differences.map(({ id, detail }) => `${id}: ${detail}`) };
}
