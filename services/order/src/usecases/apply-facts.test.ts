import { describe, expect, it } from '@jest/globals';
import type { IdempotencyClaim } from '@shop/chassis';
import { deriveEventId, FactsIncompleteError, type NewEvent, type ReceivedEvent } from '@shop/events';
import { COUPON_ID, CREATED, inputs, ORDER_ID, payment, reservation } from '../../test/examples.ts';
import { type BatchInput, decideBatch, type Step } from '../domain/batch.ts';
import { ContradictingEvent, SAGA_EVENTS, type SagaEvent } from '../domain/decide.ts';
import { ContradictingFact, type OrderFact } from '../domain/facts.ts';
import type { Order } from '../domain/order.ts';
import { place } from '../domain/place.ts';
import { createApplyFacts } from './apply-facts.ts';

const KEY = { key: 'placing', requestHash: 'hash of the order' };
const CANCELLING = { requestId: 'a request', key: 'cancelling', requestHash: 'hash of the cancellation' };
const PLACEMENT = {
  ...{ orderId: ORDER_ID, userId: 7, couponId: COUPON_ID, expectedTotal: 2_500, traceparent: '00-a-b-01' },
  lines: reservation.lines.map(({ productId, quantity }) => ({ productId, quantity })),
};

/** Orders, history and keys in memory. */
class Schema {
  readonly orders = new Map<string, Order>();
  readonly history = new Map<number, Step>();
  readonly keys = new Map<string, IdempotencyClaim>();
  warnings = 0;

  readonly applyFacts = createApplyFacts<Schema>({
    newOrders: { insert: async (_, orders, steps) => this.write(orders, steps) },
    store: {
      load: async () => new Map(this.orders),
      save: async (_, { orders, steps }) => this.write(orders, steps),
    },
    restoreKeys: async (_, keys) => {
      for (const { createdAt, ...claim } of keys) this.keys.set(claim.scope, claim);
    },
    logger: { warn: () => void this.warnings++ },
  });

  write(orders: readonly Order[], steps: readonly Step[]): void {
    for (const order of orders) this.orders.set(order.orderId, order);
    for (const step of steps) {
      if (this.history.has(step.seq)) throw new Error(`two steps ${step.seq}`);
      this.history.set(step.seq, step);
    }
  }

  hear(input: BatchInput): readonly NewEvent[] {
    const { orders, steps, events } = decideBatch(this.orders, [input], CREATED);
    this.write(orders, steps);
    return events;
  }

  copy(): Schema {
    const copy = new Schema();
    copy.write([...this.orders.values()], [...this.history.values()]);
    for (const [scope, key] of this.keys) copy.keys.set(scope, key);
    return copy;
  }

  rows() {
    const steps = [...this.history.values()].sort((a, b) => a.seq - b.seq);
    return { orders: [...this.orders.values()], steps, keys: this.keys };
  }
}

const eventOf = (event: NewEvent, time: Date) =>
  ({ ...event, id: deriveEventId(ORDER_ID, event.type), time, ...event.cause }) as unknown as OrderFact;

/** A life of the order, by chance: what it hears in any order, and perhaps its cancellation by its user. */
function live(random: () => number) {
  const schema = new Schema();
  const facts: OrderFact[] = [];
  const heard: BatchInput[] = [];
  const backups: { readonly schema: Schema; readonly heard: number }[] = [];
  const { order, step, event } = place(PLACEMENT, CREATED, KEY);
  schema.write([order], [step]);
  schema.keys.set('POST /orders', { userId: 7, scope: 'POST /orders', requestId: ORDER_ID, ...KEY });
  facts.push(eventOf(event, new Date(CREATED.getTime() + 3)));
  const wishes = shuffled(random).slice(0, 1 + Math.floor(random() * 7));
  for (const [i, input] of wishes.entries()) {
    backups.push({ schema: schema.copy(), heard: heard.length });
    const at = new Date(CREATED.getTime() + 10 * (i + 1));
    const isEvent = 'data' in input;
    const wish = { orderId: ORDER_ID, input, eventId: isEvent ? deriveEventId(ORDER_ID, input.type) : null, at };
    const before = facts.length;
    try {
      facts.push(...schema.hear(wish).map((it) => eventOf(it, at)));
    } catch (error) {
      if (error instanceof ContradictingEvent) continue;
      throw error;
    }
    if (isEvent) heard.push(wish);
    else if (facts.length > before) {
      const scope = `POST /orders/${ORDER_ID}/cancel`;
      schema.keys.set(scope, { userId: 7, scope, ...CANCELLING });
    }
  }
  return { schema, facts, heard, backups: [{ schema: new Schema(), heard: 0 }, ...backups] };
}

/** What can happen, each once: mostly in the order of the saga. */
function shuffled(random: () => number): (SagaEvent | { type: 'cancel-requested'; request: typeof CANCELLING })[] {
  const all = [...SAGA_EVENTS.map((type) => inputs[type]), { type: 'cancel-requested', request: CANCELLING } as const];
  const weight = new Map(all.map((input, i) => [input, i + random() * (random() < 0.5 ? 3 : 12)]));
  return all.filter(() => random() < 0.7).sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0));
}

/** As the recovery hears it: topic by topic, and each in its order. */
function byTopic(heard: readonly BatchInput[]): BatchInput[] {
  const topics = ['stock', 'coupon', 'payment'];
  const topicOf = ({ input }: BatchInput) => topics.indexOf(input.type.split('-')[0] ?? '');
  return heard.toSorted((a, b) => topicOf(a) - topicOf(b));
}

async function recover(backup: Schema, facts: readonly OrderFact[], heard: readonly BatchInput[]): Promise<Schema> {
  const schema = backup.copy();
  await schema.applyFacts(schema, facts, { acceptGaps: false });
  for (const input of byTopic(heard)) expect(schema.hear(input)).toEqual([]);
  return schema;
}

describe('the facts of an order', () => {
  it('when any backup of any life is recovered, then orders, history and keys are as they were', async () => {
    let ends = 0;
    for (let seed = 1; seed <= 3_000; seed++) {
      const random = randomOf(seed);
      const { schema, facts, heard, backups } = live(random);
      const backup = backups[Math.floor(random() * backups.length)] as (typeof backups)[number];
      const recovered = await recover(backup.schema, facts, heard.slice(backup.heard));
      // Steps after the last own event come topic by topic: nothing tells their order any more.
      const last = Math.max(...[...schema.history.values()].filter(isOwn).map(({ seq }) => seq));
      const lastOf = ({ orders, steps, keys }: ReturnType<Schema['rows']>) => ({
        keys,
        orders: orders.map(({ updatedAt, steps: types, ...order }) => ({ ...order, types: types?.toSorted() })),
        until: steps.filter(({ seq }) => seq <= last),
        after: steps
          .filter(({ seq }) => seq > last)
          .map(({ seq, ...step }) => step)
          .sort(byType),
      });
      expect({ seed, ...lastOf(recovered.rows()) }).toEqual({ seed, ...lastOf(schema.rows()) });
      if (facts.length > 1) ends++;
    }
    expect(ends).toBeGreaterThan(1_000);
  });

  it('when they come a second time, or in another order, then nothing is different', async () => {
    const { schema, facts } = life();
    const recovered = new Schema();
    await recovered.applyFacts(recovered, facts.toReversed(), { acceptGaps: false });
    const once = recovered.rows();
    await recovered.applyFacts(recovered, facts, { acceptGaps: false });
    expect(recovered.rows()).toEqual(once);
    expect(once.steps.map(({ seq, type }) => [seq, type])).toEqual([
      [1, 'order-created'],
      [4, 'order-completed'],
      [5, 'order-cancelled'],
    ]);
    expect(once.orders).toMatchObject([{ status: 'CANCELLED', version: 5, payment, reservation }]);
    expect(once.keys).toEqual(schema.keys);
  });

  it('when what comes before a fact is missing, then it waits, and is restored as far as known when gaps are accepted', async () => {
    const [, completed, cancelled] = life().facts as [OrderFact, OrderFact, OrderFact];
    const schema = new Schema();
    const apply = (fact: OrderFact, acceptGaps: boolean) => schema.applyFacts(schema, [fact], { acceptGaps });
    await expect(apply(completed, false)).rejects.toThrow(FactsIncompleteError);
    await expect(apply(cancelled, false)).rejects.toThrow(FactsIncompleteError);
    await apply(cancelled, true);
    expect(schema.rows().orders).toMatchObject([{ status: 'CANCELLED', lines: PLACEMENT.lines, version: 1 }]);
  });

  it('when a fact contradicts the schema, then the recovery is refused', async () => {
    const [created, completed] = life().facts as [OrderFact, OrderFact];
    const schema = new Schema();
    const refused = { ...completed, type: 'order-cancelled', data: { ...completed.data, wasCompleted: false } };
    await schema.applyFacts(schema, [created, completed], { acceptGaps: false });
    const act = schema.applyFacts(schema, [refused as ReceivedEvent<'order-cancelled'>], { acceptGaps: false });
    await expect(act).rejects.toThrow(ContradictingFact);
  });

  it('when events are older than their fields, then the order comes back without key, and the log says so', async () => {
    const { facts } = life();
    const older = facts.slice(0, 2).map((fact) => {
      const untold = { createdAt: null, idempotencyKey: null, requestHash: null, steps: null };
      return { ...fact, data: { ...fact.data, ...untold } } as OrderFact;
    });
    const schema = new Schema();
    await schema.applyFacts(schema, older, { acceptGaps: false });
    expect([schema.keys.size, schema.warnings]).toEqual([0, 1]);
    const reserved = { orderId: ORDER_ID, input: inputs['stock-reserved'], eventId: 'e' };
    expect(schema.hear(reserved)).toEqual([]);
    expect(schema.rows().steps.map(({ type }) => type)).toEqual(['order-created', 'order-completed', 'stock-reserved']);
    expect(schema.rows().orders).toMatchObject([{ status: 'COMPLETED', version: 3 }]);
  });
});

/** An order that was completed, and then cancelled by its user. */
function life() {
  const schema = new Schema();
  const { order, step, event } = place(PLACEMENT, CREATED, KEY);
  schema.write([order], [step]);
  const facts = [eventOf(event, CREATED)];
  const cancel = { type: 'cancel-requested', request: CANCELLING } as const;
  for (const input of [inputs['stock-reserved'], inputs['payment-completed'], cancel])
    facts.push(
      ...schema
        .hear({ orderId: ORDER_ID, input, eventId: 'data' in input ? input.type : null })
        .map((it) => eventOf(it, CREATED)),
    );
  const scope = `POST /orders/${ORDER_ID}/cancel`;
  schema.keys.set('POST /orders', { userId: 7, scope: 'POST /orders', requestId: ORDER_ID, ...KEY });
  schema.keys.set(scope, { userId: 7, scope, ...CANCELLING });
  return { schema, facts };
}

const isOwn = ({ type }: Step) => type.startsWith('order-');
const byType = (a: { readonly type: string }, b: { readonly type: string }) => (a.type < b.type ? -1 : 1);

/** Mulberry32: small, seeded, the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
