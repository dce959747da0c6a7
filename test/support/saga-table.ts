import type { EventType } from '@shop/events';

/** The answer of one service to one input in one state. */
export type Outcome =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'changed'; readonly status: string; readonly says: readonly EventType[] }
  /** The decision threw: the message becomes a dead letter, and an operator looks at it. */
  | { readonly kind: 'contradiction' };

/** The answers of one service, for every state and input, found by running its decisions. */
export interface SagaTable {
  /** The row that the service keeps. */
  readonly keeps: string;
  /** The orders for which it keeps a row; absent: the row is the order. */
  readonly note?: string;
  /** The files, in the service's `src`: its decisions, and the use case that applies them to a batch. */
  readonly files: readonly [decides: string, applies: string];
  readonly inputs: readonly string[];
  readonly rows: readonly { readonly state: string; readonly outcomes: readonly Outcome[] }[];
}

export const NOTHING: Outcome = { kind: 'nothing' };

export const changed = (status: string, events: readonly { readonly type: EventType }[]): Outcome => ({
  kind: 'changed',
  status,
  says: events.map(({ type }) => type),
});

/** Runs `decide` for every pair of a state and an input. An error is a contradiction. */
export function runDecisions<S, I>(
  about: Pick<SagaTable, 'keeps' | 'note' | 'files'>,
  states: Readonly<Record<string, S>>,
  inputs: Readonly<Record<string, I>>,
  decide: (state: S, input: I) => Outcome,
): SagaTable {
  const outcome = (state: S, input: I): Outcome => {
    try {
      return decide(state, input);
    } catch {
      return { kind: 'contradiction' };
    }
  };
  return {
    ...about,
    inputs: Object.keys(inputs),
    rows: Object.entries(states).map(([state, value]) => ({
      state,
      outcomes: Object.values(inputs).map((input) => outcome(value, input)),
    })),
  };
}
