import {
  claimIdempotencyKeys,
  type Database,
  type IdempotencyClaim,
  releaseIdempotencyKeys,
  type Transaction,
} from '@shop/chassis';
import { sqlNewOrders } from '../../../services/order/src/db/new-orders.ts';
import { sqlOrderStore } from '../../../services/order/src/db/order-store.ts';
import { type BatchInput, decideBatch } from '../../../services/order/src/domain/batch.ts';
import type { Order } from '../../../services/order/src/domain/order.ts';
import { place } from '../../../services/order/src/domain/place.ts';
import type { NewOrders, OrderStore } from '../../../services/order/src/usecases/ports.ts';
import { IdempotencyTable, idempotencySql } from '../../simulation/memory-idempotency.ts';
import { createMemoryNewOrders, createMemoryOrderStore, OrderTables } from '../../simulation/memory-order-store.ts';
import type { Random } from '../../simulation/random.ts';
import type { Compared } from '../compare.ts';
import { AT, clear, rowsOf } from '../rows.ts';
import { type Call, type Drawing, idOf, numberOf, someOf } from '../script.ts';

interface Ports {
  readonly newOrders: NewOrders<Transaction>;
  readonly store: OrderStore<Transaction>;
}

/** Orders 1 to 3 are there at first, PENDING; 4 to 6 can be placed. */
const THERE = [1, 2, 3];
const PRICED = [{ productId: 1, name: 'p', unitPrice: 10, quantity: 1 }];

function orderOf(space: number, number: number) {
  const placement = {
    orderId: idOf(space, 1, number),
    userId: numberOf(space, number),
    lines: [{ productId: 1, quantity: 1 }],
  };
  const { order, step } = place({ ...placement, couponId: null, expectedTotal: null, traceparent: null }, AT);
  return { order: { ...order, createdAt: new Date(AT.getTime() + number) }, step };
}

function claimOf(random: Random, space: number, order: number): IdempotencyClaim {
  const key = random.pick(['k1', 'k2', 'k3']);
  const requestHash = random.pick(['a', 'a', 'b']).repeat(64);
  return { userId: numberOf(space, 1), scope: 'POST /orders', key, requestHash, requestId: idOf(space, 1, order) };
}

/** As in place-order.ts: claim the keys, insert; at times release what was refused. */
function placeOrders({ random, space }: Drawing): Call<Ports>[] {
  const orders = someOf(random, [3, 4, 5, 6], random.pick([1, 1, 2]));
  const claims = orders.map((order) => claimOf(random, space, order));
  const keys = claims
    .map((it) => `${it.key} of ${it.requestHash.slice(0, 1)} for ${it.requestId.slice(-1)}`)
    .join(', ');
  const claim: Call<Ports> = { label: `claim ${keys}`, run: (_, tx) => claimIdempotencyKeys(tx, claims, AT) };
  const insert: Call<Ports> = {
    label: `insert ${orders}`,
    run({ newOrders }, tx) {
      const placed = orders.map((order) => orderOf(space, order));
      return newOrders.insert(
        tx,
        placed.map((it) => it.order),
        placed.map((it) => it.step),
      );
    },
  };
  const release: Call<Ports> = { label: `release ${keys}`, run: (_, tx) => releaseIdempotencyKeys(tx, claims) };
  if (random.chance(0.3)) return [claim, release];
  return [claim, insert];
}

function drawInput(random: Random, space: number, number: number): BatchInput {
  const of = { orderId: idOf(space, 1, number), userId: numberOf(space, number) };
  const eventId = idOf(space, 2, number * 8 + random.int(0, 1));
  const kind = random.next();
  if (kind < 0.4) {
    const data = { ...of, couponId: null, lines: PRICED, totalAmount: 10 };
    return { orderId: of.orderId, eventId, input: { type: 'stock-reserved', data } };
  }
  if (kind < 0.7) {
    const data = { ...of, paidAmount: 10, discountAmount: 0, balanceAfter: 0 };
    return { orderId: of.orderId, eventId, input: { type: 'payment-completed', data } };
  }
  return { orderId: of.orderId, eventId: null, input: { type: 'cancel-requested' } };
}

/** As in apply-decisions.ts: load → decide → save. */
function advance({ random, space }: Drawing): Call<Ports>[] {
  const numbers = someOf(random, [1, 2, 3, 4], random.pick([1, 2, 3]));
  const inputs = numbers.map((number) => drawInput(random, space, number));
  const words = inputs.map((it) => `${it.input.type} ${it.orderId.slice(-1)}`).join(', ');
  const load: Call<Ports> = {
    label: `load ${numbers}`,
    async run({ store }, tx, notes) {
      const found = await store.load(
        tx,
        numbers.map((number) => idOf(space, 1, number)),
      );
      notes.set('orders', found);
      return [...found.values()].map(shown);
    },
  };
  return [load, save(words, (orders) => inputs.filter((it) => orders.has(it.orderId)))];
}

/** As in expire-orders.ts. */
function expire({ random }: Drawing): Call<Ports>[] {
  const limit = random.int(1, 3);
  const load: Call<Ports> = {
    label: `load ${limit} expired`,
    async run({ store }, tx, notes) {
      const found = await store.loadExpired(tx, new Date(AT.getTime() + 1_000), limit);
      notes.set('orders', found);
      return [...found.values()].map(shown);
    },
  };
  const inputOf = (orderId: string): BatchInput => ({
    ...{ orderId, eventId: null, input: { type: 'deadline-checked', deadlineMs: 1 } },
  });
  return [load, save('the expired', (orders) => [...orders.keys()].map(inputOf))];
}

function save(words: string, inputsFor: (orders: ReadonlyMap<string, Order>) => readonly BatchInput[]): Call<Ports> {
  return {
    label: `save ${words}`,
    async run({ store }, tx, notes) {
      const orders = (notes.get('orders') ?? new Map()) as ReadonlyMap<string, Order>;
      const changes = decideBatch(orders, inputsFor(orders), new Date(AT.getTime() + 10_000));
      if (changes.orders.length > 0) await store.save(tx, changes);
      return changes.orders.map(shown);
    },
  };
}

function shown({ orderId, status, version, reservation, payment }: Order) {
  return { orderId, status, version, reservation, payment };
}

export const orderPart: Compared<Ports> = {
  name: 'order',
  draw(drawing) {
    const kind = drawing.random.next();
    return kind < 0.4 ? placeOrders(drawing) : kind < 0.8 ? advance(drawing) : expire(drawing);
  },

  async onServer(database: Database, space) {
    await clear(database, ['orders', 'order_items', 'order_history', 'idempotency_key']);
    const placed = THERE.map((number) => orderOf(space, number));
    await database.transaction((tx) =>
      sqlNewOrders.insert(
        tx,
        placed.map((it) => it.order),
        placed.map((it) => it.step),
      ),
    );
    return {
      ports: () => ({ newOrders: sqlNewOrders, store: sqlOrderStore }),
      contents: async () => ({
        orders: await database.query('SELECT order_id AS orderId, status, version FROM orders ORDER BY order_id'),
        history: await database.query(
          'SELECT order_id AS orderId, seq, type FROM order_history ORDER BY order_id, seq',
        ),
        keys: await database.query(
          'SELECT idem_key AS `key`, request_id AS requestId FROM idempotency_key ORDER BY idem_key',
        ),
      }),
    };
  },

  onModel(space) {
    const tables = new OrderTables();
    const keys = new IdempotencyTable();
    for (const { order, step } of THERE.map((number) => orderOf(space, number))) {
      const { orderId } = order;
      tables.orders.committed.set(orderId, order);
      const row = { orderId, seq: step.seq, eventId: idOf(space, 3, 1), type: step.type };
      tables.history.committed.set(`${orderId}/${step.seq}`, row);
    }
    return {
      sql: (tx) => idempotencySql(keys, tx),
      ports: () => ({
        newOrders: createMemoryNewOrders(tables) as NewOrders<Transaction>,
        store: createMemoryOrderStore(tables) as OrderStore<Transaction>,
      }),
      contents: () => ({
        orders: rowsOf(tables.orders, (it) => it.orderId).map(({ orderId, status, version }) => ({
          orderId,
          status,
          version,
        })),
        history: rowsOf(tables.history, (it) => `${it.orderId}/${it.seq}`).map(({ orderId, seq, type }) => ({
          orderId,
          seq,
          type,
        })),
        keys: rowsOf(keys, (it) => it.key).map(({ key, requestId }) => ({ key, requestId })),
      }),
    };
  },
};
