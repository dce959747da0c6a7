import type { ClaimOutcome, IdempotencyClaim } from '@shop/chassis';
import type { Outbox } from '@shop/events';
import type { Changes, Step } from '../domain/batch.ts';
import type { Order, PendingOrder } from '../domain/order.ts';

/** Where an order begins. `Tx` is SQL's transaction in production, memory's in the simulation. */
export interface NewOrders<Tx> {
  insert(tx: Tx, orders: readonly PendingOrder[], steps: readonly Step[]): Promise<void>;
}

/**
 * What becomes of the orders of one schema.
 *
 * Lock order, for everything that locks in this schema: idempotency keys, then orders by order id. An order's lock also
 * guards its lines and its history, which have no locks of their own.
 */
export interface OrderStore<Tx> {
  /** Locks the rows of `orderIds` (each once) in order-id order until `tx` ends. @returns the orders that exist */
  load(tx: Tx, orderIds: readonly string[]): Promise<ReadonlyMap<string, Order>>;
  /**
   * At most `limit` orders PENDING since `createdBefore` or longer, locked; rows held by another transaction are
   * skipped.
   */
  loadExpired(tx: Tx, createdBefore: Date, limit: number): Promise<ReadonlyMap<string, Order>>;
  /** Writes changes of orders loaded by this transaction. */
  save(tx: Tx, changes: Changes): Promise<void>;
}

/** The idempotency keys of one schema. An order's id is the request id of its placing request. */
export interface IdempotencyKeys<Tx> {
  /** Request id → whether its key is new, a repeat, or another request's. */
  claim(tx: Tx, claims: readonly IdempotencyClaim[], now: Date): Promise<ReadonlyMap<string, ClaimOutcome>>;
  /** Releases keys, in the transaction that claimed them, of requests that turned out to change nothing. */
  release(tx: Tx, claims: readonly IdempotencyClaim[]): Promise<void>;
}

/** The outcome that a claim of a key would have now, outside any transaction. */
export type FindKey = (key: Omit<IdempotencyClaim, 'requestId'>) => Promise<ClaimOutcome>;

/** The dependencies of every use case that changes orders. */
export interface OrderDeps<Tx> {
  readonly store: OrderStore<Tx>;
  readonly outbox: Outbox<Tx>;
  /** The database's clock. */
  readonly now: () => Date;
  /** Called with all orders that `tx` has changed: informs followers once `tx` has committed. */
  readonly changed?: (tx: Tx, orders: readonly Order[]) => void;
  /** Called with orders that reached an end state in `tx`: wakes waiters once `tx` has committed. */
  readonly ended?: (tx: Tx, orders: readonly Order[]) => void;
}
