import type { Addresses } from '../addresses.ts';

/** A copy that can be made equal to the database again. */
export interface Reconciler {
  readonly name: string;
  /** Finds the differences; changes nothing. */
  plan(addresses: Addresses): Promise<Findings>;
  /** Repairs the differences and returns them. */
  execute(addresses: Addresses): Promise<Findings>;
}

export interface Findings {
  /** The number of compared things, in words: `3 policies`. */
  readonly compared: string;
  /** One line for each difference; empty when all is equal. */
  readonly differences: readonly string[];
}
