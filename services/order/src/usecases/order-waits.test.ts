import { describe, expect, it } from '@jest/globals';
import type { Waiters } from '@shop/events';
import type { OrderView } from './order-view.ts';
import { createOrderWaits } from './order-waits.ts';

/** Waiters of Kafka that never get an event: they only time out or stop. */
function deafWaiters() {
  const registered = new Set<string>();
  const waiters: Pick<Waiters, 'waitFor'> = {
    waitFor: (key, { timeoutMs, signal }) =>
      new Promise((resolve) => {
        registered.add(key);
        const finish = () => {
          clearTimeout(timer);
          registered.delete(key);
          resolve(false);
        };
        const timer = setTimeout(finish, timeoutMs);
        signal?.addEventListener('abort', finish, { once: true });
      }),
  };
  return { waiters, registered };
}

function room(status: () => OrderView['status'] | undefined) {
  const { waiters, registered } = deafWaiters();
  let reads = 0;
  const read = async (orderId: string): Promise<OrderView | undefined> => {
    reads++;
    const current = status();
    return current && ({ orderId, status: current } as OrderView);
  };
  return { waits: createOrderWaits({ waiters, read }), registered, reads: () => reads };
}

describe('order waits', () => {
  it('when an order ends in this process, then its waiters get it, and no others wake', async () => {
    let status: OrderView['status'] = 'PENDING';
    const { waits, registered, reads } = room(() => status);
    const first = waits.open('a', 10_000).ended({ justPlaced: true });
    const other = waits.open('b', 10_000);
    const second = waits.open('a', 10_000).ended();
    status = 'COMPLETED';
    waits.wake(['a']);
    expect(await first).toMatchObject({ orderId: 'a', status: 'COMPLETED' });
    expect(await second).toMatchObject({ status: 'COMPLETED' });
    expect(registered).toEqual(new Set(['b']));
    other.cancel();
    expect(waits.waiting).toBe(0);
    // Read once when the second wait began, and once for each that woke.
    expect(reads()).toBe(3);
  });

  it('when an order ended before the wait, then it is answered at once', async () => {
    const { waits, registered } = room(() => 'CANCELLED');
    expect(await waits.open('a', 10_000).ended()).toMatchObject({ status: 'CANCELLED' });
    await Promise.resolve();
    expect(registered.size).toBe(0);
    expect(waits.waiting).toBe(0);
  });

  it('when the time is over, then the order is read once more, in its present state', async () => {
    const { waits, reads } = room(() => 'PENDING');
    expect(await waits.open('a', 30).ended({ justPlaced: true })).toMatchObject({ status: 'PENDING' });
    expect(reads()).toBe(1);
  });

  it('when a refund is awaited, then the end is not enough, and it is looked for soon', async () => {
    const refund = { status: 'PENDING', amount: 5 } as { status: 'PENDING' | 'DONE'; amount: number };
    const { waiters } = deafWaiters();
    let reads = 0;
    const read = async (orderId: string) => {
      reads++;
      return { orderId, status: 'CANCELLED', refund: { ...refund } } as OrderView;
    };
    const waits = createOrderWaits({ waiters, read });
    expect(await waits.open('a', 10_000).ended()).toMatchObject({ refund: { status: 'PENDING' } });
    expect(await waits.open('a', 20, 'refund').ended()).toMatchObject({ refund: { status: 'PENDING' } });
    const woken = waits.open('a', 10_000, 'refund').ended({ justPlaced: true });
    const looking = waits.open('b', 10_000, 'refund').ended();
    refund.status = 'DONE';
    waits.wake(['a']);
    expect(await woken).toMatchObject({ refund: { status: 'DONE' } });
    // Nobody wakes this one: it looks by itself.
    expect(await looking).toMatchObject({ orderId: 'b', refund: { status: 'DONE' } });
    expect(reads).toBeLessThan(10);
  });

  it('when there is no such order, then the wait ends at once', async () => {
    const { waits } = room(() => undefined);
    expect(await waits.open('a', 10_000).ended()).toBeUndefined();
  });

  it('when an order ends and no wake-up comes, then the next look finds it, and it is counted as missed', async () => {
    const { waiters } = deafWaiters();
    let status: OrderView['status'] = 'PENDING';
    let missed = 0;
    const waits = createOrderWaits({
      waiters,
      read: async (orderId) => ({ orderId, status }) as OrderView,
      missed: () => missed++,
    });
    const woken = waits.open('a', 10_000).ended({ justPlaced: true });
    const overlooked = waits.open('b', 20).ended({ justPlaced: true });
    const unfinished = waits.open('c', 10).ended({ justPlaced: true });
    expect([await unfinished, missed]).toMatchObject([{ status: 'PENDING' }, 0]);
    status = 'COMPLETED';
    waits.wake(['a']);
    expect([await woken, missed]).toMatchObject([{ status: 'COMPLETED' }, 0]);
    expect([await overlooked, missed]).toMatchObject([{ status: 'COMPLETED' }, 1]);
  });

  it('when the client leaves, then nothing is left behind', async () => {
    const { waits, registered } = room(() => 'PENDING');
    const wait = waits.open('a', 10_000);
    const ended = wait.ended({ justPlaced: true });
    wait.cancel();
    wait.cancel();
    expect(await ended).toBeUndefined();
    expect(registered.size).toBe(0);
    expect(waits.waiting).toBe(0);
  });

  it('when the process stops, then every wait ends with the order in its present state', async () => {
    const { waits } = room(() => 'PENDING');
    const ended = waits.open('a', 30_000).ended({ justPlaced: true });
    waits.close();
    expect(await ended).toMatchObject({ status: 'PENDING' });
  });
});
