import type { Addresses } from '../addresses.ts';

/** One thing that can be made equal to the database again. */
export interface Reconciler {
  readonly name: string;
  /** What differs; changes nothing. */
  plan(addresses: Addresses): Promise<Findings>;
  /** Mends what differs, and says what that was. */
  execute(addresses: Addresses): Promise<Findings>;
}

export interface Findings {
  /** How many things were compared, in words: `3 policies`. */
  readonly compared: string;
  /** One line each; none: all is equal. */
  readonly differences: readonly string[];
}
