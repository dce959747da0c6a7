import type { Transaction, Transactor } from '@shop/chassis';
import type { DescribedGroup, Outbox, OwnFacts, RecoverySubscription, Subscription } from '@shop/events';
import { answersOf, CATALOG_FACTS } from '../domain/facts.ts';
import type { Limits } from '../domain/waiting.ts';
import { createApplyEnds, createApplyFacts, type FactStore } from '../usecases/apply-facts.ts';
import type { Companions } from '../usecases/companions.ts';
import type { CatalogStore } from '../usecases/ports.ts';
import { createRecoverStock, type RecoveryStore } from '../usecases/recover-stock.ts';
import { createReserveStock } from '../usecases/reserve-stock.ts';

/** Its groups, as the audit, the operators' commands and the documents know them. */
export const GROUPS: readonly DescribedGroup[] = [
  { subscription: catalogSubscription, summary: 'Reserves stock, sells it, or takes it back.' },
];

interface Dependencies {
  readonly store: CatalogStore<Transaction>;
  readonly companions: Companions;
  readonly outbox: Outbox<Transaction>;
  readonly limits: Limits;
  readonly now: () => Date;
}

type Heard = 'order-created' | 'order-completed' | 'order-cancelled';

const GROUP = 'catalog';

/** The catalog consumes created orders (reserve stock), completed ones (sell it) and cancelled ones (give it back). */
export function catalogSubscription(dependencies: Dependencies): Subscription<Transaction, Heard> {
  return {
    group: GROUP,
    handles: ['order-created', 'order-completed', 'order-cancelled'],
    handle: createReserveStock(dependencies),
  };
}

/** The events the catalog has published, for a schema restored from a backup. */
export function catalogFacts(store: FactStore<Transaction>): OwnFacts<(typeof CATALOG_FACTS)[number]> {
  return { group: GROUP, types: CATALOG_FACTS, apply: createApplyFacts(store), answers: answersOf };
}

interface RecoveryDependencies extends Dependencies {
  readonly facts: FactStore<Transaction>;
  readonly recovery: RecoveryStore<Transaction>;
  readonly transactor: Transactor<Transaction>;
  readonly acceptGaps: boolean;
  /** The present time; `now` is that of the event that is decided. */
  readonly present: () => Date;
  readonly warn: (words: string) => void;
}

/**
 * How a restored schema hears what it has not answered. No event tells that pieces were sold or given back, and pieces
 * that came back were reserved again by facts. So all ends of orders are applied first, and only then is the stock
 * counted and anything new decided.
 *
 * An end is heard though its key is parked: the key may have been redriven after the backup, and others have got the
 * pieces since. Where the order-created is dead still, a redrive finds the order VOID and does nothing.
 */
export function catalogRecovery(dependencies: RecoveryDependencies): RecoverySubscription<Heard>[] {
  const ends = createApplyEnds(dependencies.facts, dependencies);
  return [
    { group: GROUP, handles: ['order-cancelled', 'order-completed'], takesMany: true, parks: false, handle: ends },
    { group: GROUP, handles: ['order-created'], ...createRecoverStock(dependencies) },
  ];
}
