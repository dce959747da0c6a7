import type { Waiters } from '@shop/events';
import type { OrderView } from './order-view.ts';

/** An order ends with one of these. */
const END_EVENTS = ['order-completed', 'order-cancelled'] as const;
/** The first look without having been woken, ms; then twice as long each time. Wake-ups are hints and may be lost. */
const FIRST_LOOK_MS = 2_000;

/** One request that waits for the end of one order. It is registered from the moment it exists. */
export interface OrderWait {
  /**
   * The order once it has ended, or as it is when the time is over; undefined if there is no such order, or when the
   * wait was cancelled. `fresh`: the order was placed after this wait began, so that the first look can be left out.
   */
  ended(options?: { readonly fresh?: boolean }): Promise<OrderView | undefined>;
  /** The client has gone. */
  cancel(): void;
}

export interface OrderWaits {
  /** Registers first, so that no end is missed between placing or reading the order and waiting for it. */
  open(orderId: string, waitMs: number): OrderWait;
  /** These orders have just ended in this process. */
  wake(orderIds: readonly string[]): void;
  /** Requests that wait now. */
  readonly waiting: number;
  /** Every wait ends now, with the order as it is. */
  close(): void;
}

export interface OrderWaitsOptions {
  /** Wake-ups from the other instances. */
  readonly waiters: Pick<Waiters, 'waitFor'>;
  readonly read: (orderId: string) => Promise<OrderView | undefined>;
}

export function createOrderWaits({ waiters, read }: OrderWaitsOptions): OrderWaits {
  const wakers = new Map<string, Set<() => void>>();
  let waiting = 0;
  let closed = false;

  function enter(orderId: string, wake: () => void): () => void {
    const here = wakers.get(orderId) ?? new Set();
    wakers.set(orderId, here.add(wake));
    return () => {
      here.delete(wake);
      if (here.size === 0 && wakers.get(orderId) === here) wakers.delete(orderId);
    };
  }

  function open(orderId: string, waitMs: number): OrderWait {
    const end = performance.now() + waitMs;
    const left = () => (closed ? 0 : end - performance.now());
    let patience = FIRST_LOOK_MS;
    let cancelled = false;
    let stop: () => void = () => undefined;
    let inRoom = true;
    let woken = register();
    waiting++;

    /** Resolves at the order's end here or elsewhere, at the time for another look, or when stopped. */
    function register(): Promise<unknown> {
      const abort = new AbortController();
      // A reason of its own: without one, each abort makes an exception with a stack, for nobody.
      stop = () => abort.abort('woken');
      const leave = enter(orderId, stop);
      const timeoutMs = Math.max(0, Math.ceil(Math.min(patience, left())));
      return waiters.waitFor(orderId, { types: END_EVENTS, timeoutMs, signal: abort.signal }).finally(leave);
    }

    function leaveRoom(): void {
      stop();
      if (inRoom) waiting--;
      inRoom = false;
    }

    return {
      async ended({ fresh = false } = {}) {
        try {
          if (!fresh) {
            const order = await read(orderId);
            if (order?.status !== 'PENDING') return order;
          }
          for (;;) {
            await woken;
            if (cancelled) return undefined;
            // A timer may be up to a millisecond early.
            const last = left() <= 1;
            patience *= 2;
            // Registered anew before the look, so that no end falls between the two.
            if (!last) woken = register();
            const order = await read(orderId);
            if (order?.status !== 'PENDING' || last) return order;
          }
        } finally {
          leaveRoom();
        }
      },
      cancel() {
        cancelled = true;
        leaveRoom();
      },
    };
  }

  return {
    open,
    wake(orderIds) {
      for (const orderId of orderIds) for (const wake of wakers.get(orderId) ?? []) wake();
    },
    get waiting() {
      return waiting;
    },
    close() {
      closed = true;
      for (const here of wakers.values()) for (const wake of here) wake();
    },
  };
}
