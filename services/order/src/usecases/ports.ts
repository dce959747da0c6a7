import type { ClaimOutcome, IdempotencyClaim } from '@shop/chassis';
import type { Outbox } from '@shop/events';
import type { Changes, Step } from '../domain/batch.ts';
import type { Order, PendingOrder } from '../domain/order.ts';

/** The orders of one schema. `Tx` is SQL's transaction in production, memory's in the simulation. */
export interface OrderStore<Tx> {
  /** Of `orderIds` (each once), the orders that exist; their rows are locked, in order-id order, until `tx` ends. */
  load(tx: Tx, orderIds: readonly string[]): Promise<ReadonlyMap<string, Order>>;
  /**
   * At most `limit` orders PENDING since `createdBefore` or longer, locked; those that another transaction holds are
   * left out.
   */
  loadExpired(tx: Tx, createdBefore: Date, limit: number): Promise<ReadonlyMap<string, Order>>;
  insert(tx: Tx, orders: readonly PendingOrder[], steps: readonly Step[]): Promise<void>;
  /** Writes changes of orders that this transaction has loaded. */
  save(tx: Tx, changes: Changes): Promise<void>;
}

/** The idempotency keys of one schema. An order's own id is the request id of the request that placed it. */
export interface IdempotencyKeys<Tx> {
  /** Request id → whether its key is new, a repeat, or another request's. */
  claim(tx: Tx, claims: readonly IdempotencyClaim[], now: Date): Promise<ReadonlyMap<string, ClaimOutcome>>;
  /** Gives keys back, in the transaction that claimed them, when there was nothing to do. */
  release(tx: Tx, claims: readonly IdempotencyClaim[]): Promise<void>;
}

/** What a claim of a key would find now, outside any transaction. */
export type FindKey = (key: Omit<IdempotencyClaim, 'requestId'>) => Promise<ClaimOutcome>;

/** What every use case that changes orders needs. */
export interface OrderDeps<Tx> {
  readonly store: OrderStore<Tx>;
  readonly outbox: Outbox<Tx>;
  readonly now: () => Date;
  /** Told of all orders that `tx` has changed: tells those who follow one, once `tx` has committed. */
  readonly changed?: (tx: Tx, orders: readonly Order[]) => void;
  /** Told of orders that reached an end state in `tx`: wakes those who wait, once `tx` has committed. */
  readonly ended?: (tx: Tx, orders: readonly Order[]) => void;
}
