import type { Waiters } from '@shop/events';
import { hasEnded, isRefunded, type OrderView } from './order-view.ts';

/** Every order ends with one of these events. */
const END_EVENTS = ['order-completed', 'order-cancelled'] as const;
/** Time until the first look without a wake-up, ms; it doubles each time. Wake-ups are hints and may be lost. */
const FIRST_LOOK_MS = 2_000;
/** The same for a refund: no wake-up comes from another instance that has heard of it. */
const FIRST_LOOK_AT_REFUND_MS = 100;

/** What a request waits for: the order's end, or the points of a cancelled order. */
export type Awaited = 'end' | 'refund';

/** One request that waits for one order. It is registered from its creation on. */
export interface OrderWait {
  /**
   * Resolves with the order once it has ended (or is refunded), or in its present state when the time is over;
   * undefined if there is no such order, or when the wait was cancelled. `justPlaced`: the order was placed after this
   * wait began, so the first look is not needed.
   */
  ended(options?: { readonly justPlaced?: boolean }): Promise<OrderView | undefined>;
  /** Called when the client has gone. */
  cancel(): void;
}

export interface OrderWaits {
  /** Registers at once, so that no end is missed between placing or reading the order and waiting for it. */
  open(orderId: string, waitMs: number, awaited?: Awaited): OrderWait;
  /** Called with orders that have just ended, or were refunded, in this process. */
  wake(orderIds: readonly string[]): void;
  /** Number of waiting requests. */
  readonly waiting: number;
  /** Ends every wait now, with the order in its present state. */
  close(): void;
}

export interface OrderWaitsOptions {
  /** Wake-ups from other instances. */
  readonly waiters: Pick<Waiters, 'waitFor'>;
  readonly read: (orderId: string) => Promise<OrderView | undefined>;
  /** Called when a look finds an order's end of which no wake-up had told. */
  readonly missed?: () => void;
}

/** The waiting requests of this process. */
interface Work extends OrderWaitsOptions {
  /** Order id → functions that end the waits for it. */
  readonly wakers: Map<string, Set<() => void>>;
  waiting: number;
  closed: boolean;
}

/** One request's wait. */
interface Wait {
  readonly orderId: string;
  readonly isOver: (order: OrderView) => boolean;
  /** On the clock of `performance.now()`. */
  readonly end: number;
  /** Time until the next look without a wake-up, ms. */
  patience: number;
  /** True at the order's end here or elsewhere, or when stopped; false when it is time for another look. */
  woken: Promise<boolean>;
  stop: () => void;
  cancelled: boolean;
  /** True while it counts as waiting. */
  counted: boolean;
}

export function createOrderWaits(options: OrderWaitsOptions): OrderWaits {
  const work: Work = { ...options, wakers: new Map(), waiting: 0, closed: false };
  return {
    open: (orderId, waitMs, awaited = 'end') => open(work, orderId, waitMs, awaited),
    wake(orderIds) {
      for (const orderId of orderIds) for (const wake of work.wakers.get(orderId) ?? []) wake();
    },
    get waiting() {
      return work.waiting;
    },
    close() {
      work.closed = true;
      for (const here of work.wakers.values()) for (const wake of here) wake();
    },
  };
}

function open(work: Work, orderId: string, waitMs: number, awaited: Awaited): OrderWait {
  const end = performance.now() + waitMs;
  const wait: Wait = {
    orderId,
    isOver: awaited === 'end' ? hasEnded : isRefunded,
    end,
    patience: awaited === 'end' ? FIRST_LOOK_MS : FIRST_LOOK_AT_REFUND_MS,
    woken: Promise.resolve(false),
    stop: () => undefined,
    cancelled: false,
    counted: true,
  };
  register(work, wait);
  work.waiting++;
  return {
    async ended({ justPlaced = false } = {}) {
      try {
        return await waitForEnd(work, wait, justPlaced);
      } finally {
        leave(work, wait);
      }
    },
    cancel() {
      wait.cancelled = true;
      leave(work, wait);
    },
  };
}

async function waitForEnd(work: Work, wait: Wait, justPlaced: boolean): Promise<OrderView | undefined> {
  if (!justPlaced) {
    const order = await work.read(wait.orderId);
    if (!order || wait.isOver(order)) return order;
  }
  for (;;) {
    const woken = await wait.woken;
    if (wait.cancelled) return undefined;
    // A timer may fire up to a millisecond early.
    const last = timeLeft(work, wait) <= 1;
    wait.patience *= 2;
    // Registered again before the look, so that no end is missed between the two.
    if (!last) register(work, wait);
    const order = await work.read(wait.orderId);
    const over = order !== undefined && wait.isOver(order);
    if (over && !woken && wait.isOver === hasEnded) work.missed?.();
    if (!order || over || last) return order;
  }
}

/** Listens for the order's end, here and elsewhere, until the next look. */
function register(work: Work, wait: Wait): void {
  const { orderId } = wait;
  const abort = new AbortController();
  // With a given reason: without one, each abort creates an exception with a stack that is never used.
  wait.stop = () => abort.abort('woken');
  const leaveHere = enter(work.wakers, orderId, wait.stop);
  const timeoutMs = Math.max(0, Math.ceil(Math.min(wait.patience, timeLeft(work, wait))));
  const options = { types: END_EVENTS, timeoutMs, signal: abort.signal };
  const event = work.waiters.waitFor(orderId, options).finally(leaveHere);
  wait.woken = event.then((came) => came || abort.signal.aborted);
}

function enter(wakers: Work['wakers'], orderId: string, wake: () => void): () => void {
  const here = wakers.get(orderId) ?? new Set();
  wakers.set(orderId, here.add(wake));
  return () => {
    here.delete(wake);
    if (here.size === 0 && wakers.get(orderId) === here) wakers.delete(orderId);
  };
}

function timeLeft({ closed }: Work, { end }: Wait): number {
  return closed ? 0 : end - performance.now();
}

function leave(work: Work, wait: Wait): void {
  wait.stop();
  if (wait.counted) work.waiting--;
  wait.counted = false;
}
