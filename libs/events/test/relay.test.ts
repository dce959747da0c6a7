import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Broker,
  createOutbox,
  createSqlRelayLock,
  type OutgoingRecord,
  type Relay,
  startRelay,
} from '../src/index.ts';
import { orderCancelled, orderCreated } from '../src/testing/samples.ts';
import { type Bench, eventually, newOrderId, openBench, testLogger } from './support.ts';

let bench: Bench;
let relays: Relay[] = [];
let sent: OutgoingRecord[] = [];
let away = false;

beforeAll(async () => {
  bench = await openBench();
});
afterEach(async () => {
  away = false;
  await Promise.all(relays.map((relay) => relay.stop()));
  relays = [];
  sent = [];
});
afterAll(() => bench.close());

/** Stands for the log, and can be switched off. */
const log: Pick<Broker, 'send'> = {
  async send(records) {
    if (away) throw new Error('the broker is away');
    sent.push(...records);
  },
};

function relay(broker = log): Relay {
  const lock = createSqlRelayLock(bench.database);
  const started = startRelay({
    store: bench.store,
    broker,
    lock,
    standbyMs: 50,
    batch: 10,
    logger: testLogger('relay'),
  });
  relays.push(started);
  return started;
}

const drained = () => eventually('an empty outbox', async () => (await bench.store.readOutbox(1)).length === 0);
const keys = () => sent.map((record) => record.key);

describe('the relay', () => {
  it('when the outbox has rows, then all are sent in order, in batches, and the outbox is empty', async () => {
    const ids = Array.from({ length: 35 }, newOrderId);
    for (const id of ids) await bench.publish(orderCreated(id), orderCancelled(id));
    relay();
    await drained();
    expect(keys()).toEqual(ids.flatMap((id) => [id, id]));
  });

  it('when the relaying process stops, then another takes over, and only one relays a schema', async () => {
    const first = relay();
    await eventually('the first to relay', () => first.holding);
    const second = relay();
    const ids = Array.from({ length: 20 }, newOrderId);
    for (const id of ids) await bench.publish(orderCreated(id));
    await drained();
    expect([first.holding, second.holding]).toEqual([true, false]);
    await first.stop();
    await eventually('the second to take over', () => second.holding);
    const late = newOrderId();
    await bench.publish(orderCreated(late));
    await drained();
    expect(keys()).toEqual([...ids, late]);
  });

  it('when the holder silently lost its connection, then another relay takes over', async () => {
    const first = relay();
    await eventually('the first to relay', () => first.holding);
    const second = relay();
    const connections = await bench.database.query<{ id: number }>('SELECT IS_USED_LOCK(?) AS id', [
      `relay:${bench.database.schema}`,
    ]);
    await bench.database.execute(`KILL ${connections[0]?.id}`);
    await eventually('someone to relay', () => first.holding || second.holding);
    const id = newOrderId();
    await bench.publish(orderCreated(id));
    await drained();
    expect(keys()).toContain(id);
  });

  it('when the broker is away, then the relay waits and loses nothing', async () => {
    away = true;
    const ids = Array.from({ length: 30 }, newOrderId);
    for (const id of ids) await bench.publish(orderCreated(id));
    relay();
    await eventually('rows that wait', async () => (await bench.store.outboxBacklog()).rows === 30);
    expect(sent).toEqual([]);
    away = false;
    await drained();
    expect(keys()).toEqual(ids);
  });

  it('when sent rows could not be deleted, then they are sent again: duplicates, never a gap', async () => {
    let failures = 1;
    const store = {
      readOutbox: bench.store.readOutbox,
      async deleteOutbox(rows: Parameters<typeof bench.store.deleteOutbox>[0]) {
        if (failures-- > 0) throw new Error('died after the send');
        await bench.store.deleteOutbox(rows);
      },
    };
    const id = newOrderId();
    await bench.publish(orderCreated(id), orderCancelled(id));
    const lock = createSqlRelayLock(bench.database);
    relays.push(startRelay({ store, broker: log, lock }));
    await drained();
    expect(new Set(keys())).toEqual(new Set([id]));
    expect(sent.map((record) => record.headers.ce_type).slice(0, 2)).toEqual(['order-created', 'order-cancelled']);
  });

  it("when the relay's own process commits, then rows are sent without reading the table, and exactly those are deleted", async () => {
    const steps: string[] = [];
    const store = {
      readOutbox: (limit: number) => {
        steps.push('read');
        return bench.store.readOutbox(limit);
      },
      deleteOutbox: bench.store.deleteOutbox,
    };
    const broker: Pick<Broker, 'send'> = {
      send: (records) => {
        steps.push('send');
        return log.send(records);
      },
    };
    const lock = createSqlRelayLock(bench.database);
    const started = startRelay({ store, broker, lock, quietMs: 0, keepMs: 60_000, batch: 4 });
    relays.push(started);
    await eventually('it to relay', () => started.holding);
    const outbox = createOutbox({ store: bench.store, codec: bench.codec, source: 'test', wake: started.wake });
    const ids: string[] = [];
    await eventually('two sends with no look at the table between them', async () => {
      ids.push(newOrderId());
      const id = ids.at(-1) ?? '';
      await bench.database.transaction((tx) => outbox.append(tx, [orderCreated(id), orderCancelled(id)]));
      return steps.join(' ').includes('send send');
    });
    await eventually('all of them', () => sent.length >= 2 * ids.length);
    await started.stop();
    expect(keys()).toEqual(ids.flatMap((id) => [id, id]));
    expect(await bench.store.readOutbox(1)).toEqual([]);
  });

  it("when another process's row comes before its own, then that row is sent first", async () => {
    const lock = createSqlRelayLock(bench.database);
    let later = 0;
    const monotonic = () => performance.now() + later;
    const quietMs = 1_000_000;
    const started = startRelay({ store: bench.store, broker: log, lock, monotonic, quietMs, pollMs: () => 60_000 });
    relays.push(started);
    await eventually('it to relay', () => started.holding);
    const own = createOutbox({ store: bench.store, codec: bench.codec, source: 'test', wake: started.wake });
    await bench.database.transaction((tx) => own.append(tx, [orderCreated(newOrderId())]));
    await eventually('the first to be sent', () => sent.length === 1);
    // From here on the relay sends from memory.
    later = quietMs;
    await bench.database.transaction((tx) => own.append(tx, [orderCreated(newOrderId())]));
    await eventually('the second to be sent', () => sent.length === 2);
    const id = newOrderId();
    // The relay is not told of this row: its only trace is a gap in the numbers.
    await bench.publish(orderCreated(id));
    await bench.database.transaction((tx) => own.append(tx, [orderCancelled(id)]));
    await eventually('both', () => sent.length === 4);
    expect(sent.slice(2).map(({ key, headers }) => [key, headers.ce_type])).toEqual([
      [id, 'order-created'],
      [id, 'order-cancelled'],
    ]);
  });

  it("when a row's number and id do not belong together, then it is not deleted", async () => {
    const id = newOrderId();
    await bench.publish(orderCreated(id));
    const [row] = await bench.store.readOutbox(1);
    if (!row) throw new Error('no row');
    await bench.store.deleteOutbox([{ seq: row.seq, id: newOrderId() }]);
    expect((await bench.store.readOutbox(1)).map(({ seq }) => seq)).toEqual([row.seq]);
    await bench.store.deleteOutbox([row]);
    expect(await bench.store.readOutbox(1)).toEqual([]);
  });

  it('when rows are appended, then they are reported as the relay reads them', async () => {
    const { database, store } = bench;
    const rows = await database.transaction(async (tx) => {
      const one = { id: newOrderId(), topic: 't', key: 'k', type: 'order-created', headers: { a: '가' } };
      return await store.appendOutbox(tx, [
        { ...one, payload: Buffer.from([1, 2]) },
        { ...one, key: null, payload: null },
        { ...one, key: 'x'.repeat(300), payload: Buffer.alloc(0) },
      ]);
    });
    expect(rows).toEqual(await store.readOutbox(10));
    await store.deleteOutbox(rows ?? []);
  });

  it('when a transaction commits, then the relay is woken and does not wait for its next poll', async () => {
    const pollMs = 5_000;
    const lock = createSqlRelayLock(bench.database);
    const started = startRelay({ store: bench.store, broker: bench.connect(), lock, pollMs: () => pollMs });
    relays.push(started);
    await eventually('it to relay', () => started.holding);
    const outbox = createOutbox({ store: bench.store, codec: bench.codec, source: 'test', wake: started.wake });
    const began = performance.now();
    for (let i = 0; i < 10; i += 1) {
      await bench.database.transaction((tx) => outbox.append(tx, [orderCreated(newOrderId())]));
      await drained();
    }
    expect(performance.now() - began).toBeLessThan(pollMs);
  });
});
