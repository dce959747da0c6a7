import { describe, expect, it } from '@jest/globals';
import { deriveEventId, EVENTS, type EventType, REPUBLISHED } from '@shop/events';
import { createEventTally } from './event-tally.ts';
import { compare, impliedEvents, type OrderRows } from './implied-events.ts';
import type { LogRecord } from './log.ts';
import { createOffsetTally } from './offset-tally.ts';
import { typeSet, typesIn } from './type-set.ts';

const orderId = '0193b5a0-0000-7000-8000-000000000001';
const rows = (change: Partial<OrderRows> = {}): OrderRows => ({
  orderId,
  order: 'COMPLETED',
  completed: true,
  reservation: 'SOLD',
  redemption: null,
  payment: 'COMPLETED',
  ...change,
});
let offset = 0;
const event = (type: EventType, change: Partial<LogRecord> = {}): LogRecord => ({
  topic: EVENTS[type].topic,
  partition: 0,
  offset: offset++,
  key: orderId,
  id: deriveEventId(orderId, type),
  type,
  headers: {},
  timestamp: 0,
  ...change,
});
const completed: EventType[] = ['order-created', 'stock-reserved', 'payment-completed', 'order-completed'];

describe('the events that rows imply', () => {
  it.each([
    [rows(), completed],
    [rows({ order: 'PENDING', completed: false, reservation: null, payment: null }), ['order-created']],
    [
      rows({ order: 'CANCELLED', reservation: 'RELEASED', payment: 'REFUNDED' }),
      [...completed, 'order-cancelled', 'payment-refunded'],
    ],
    [
      rows({ order: 'CANCELLED', completed: false, reservation: 'REJECTED', payment: 'VOID' }),
      ['order-created', 'order-cancelled', 'stock-rejected'],
    ],
    [
      rows({ order: 'CANCELLED', completed: false, reservation: 'RELEASED', payment: 'FAILED' }),
      ['order-created', 'order-cancelled', 'stock-reserved', 'payment-failed'],
    ],
    [rows({ reservation: 'SOLD after a wait' }), [...completed, 'stock-awaited']],
    [rows({ redemption: 'REDEEMED' }), [...completed, 'coupon-redeemed']],
    [
      rows({ order: 'CANCELLED', reservation: 'RELEASED', redemption: 'RETURNED', payment: 'REFUNDED' }),
      [...completed, 'coupon-redeemed', 'order-cancelled', 'payment-refunded'],
    ],
    [
      rows({ order: 'CANCELLED', completed: false, reservation: 'RELEASED', redemption: 'REJECTED', payment: 'VOID' }),
      ['order-created', 'stock-reserved', 'coupon-rejected', 'order-cancelled'],
    ],
    [
      rows({ order: 'CANCELLED', completed: false, reservation: 'VOID', redemption: 'VOID', payment: 'VOID' }),
      ['order-created', 'order-cancelled'],
    ],
    [rows({ order: null, completed: false, reservation: 'ACTIVE', payment: null }), ['stock-reserved']],
  ] as const)('when rows are %o, then they imply %o', (state, types) => {
    expect(typesIn(impliedEvents(state)).sort()).toEqual([...types].sort());
  });
});

describe('events on the topics against rows', () => {
  const tallyOf = (records: LogRecord[]) => {
    const tally = createEventTally();
    for (const record of records) tally.add(record);
    return tally;
  };

  it('when every event is there, some of them twice, then topics and rows agree', () => {
    const tally = tallyOf([...completed, 'order-created' as const].map((type) => event(type)));
    expect(compare(rows(), tally.take(orderId))).toEqual({ missing: 0, extra: 0 });
    expect(tally.outOfOrder).toEqual([]);
    expect(tally.wrongIds).toEqual([]);
    expect(tally.orderIds()).toEqual([]);
  });

  it('when events are missing or surplus, then both are shown', () => {
    const tally = tallyOf(
      ['order-created', 'stock-reserved', 'stock-rejected', 'payment-completed'].map((type) =>
        event(type as EventType),
      ),
    );
    expect(compare(rows(), tally.take(orderId))).toEqual({
      missing: typeSet('order-completed'),
      extra: typeSet('stock-rejected'),
    });
  });

  it('when an order has no row, then its id is shown', () => {
    expect(tallyOf([event('order-created')]).orderIds()).toEqual([orderId]);
  });

  it("when an event's id is not the derived one, then it is shown", () => {
    expect(tallyOf([event('order-created', { id: 'another' })]).wrongIds).toHaveLength(1);
  });

  it('when an event stands behind a later one, then it is shown, but not when it is a duplicate', () => {
    const tally = tallyOf([
      event('order-created'),
      event('order-cancelled'),
      event('order-completed'),
      event('order-created'),
    ]);
    expect(tally.outOfOrder.map(({ detail }) => detail)).toEqual([
      expect.stringContaining('order-completed at order-events/0@'),
    ]);
  });

  it('when an event was sent anew from the rows of its publisher, then it may stand behind later ones', () => {
    const headers = { [REPUBLISHED]: '2026-01-31T09:00:00.000Z' };
    const tally = tallyOf([event('order-completed'), event('order-created', { headers })]);
    expect(tally.outOfOrder).toEqual([]);
    expect(compare(rows(), tally.take(orderId)).missing).not.toBe(0);
  });

  it('when the later event lies in another partition, then nothing is out of order', () => {
    const tally = tallyOf([
      event('order-cancelled', { partition: 8 }),
      event('order-created', { partition: 2 }),
      event('order-completed', { partition: 2 }),
    ]);
    expect(tally.outOfOrder).toEqual([]);
  });
});

describe('consumed offsets', () => {
  const group = (change: object = {}) => ({
    group: 'payment',
    handles: ['stock-reserved', 'order-cancelled'] as EventType[],
    committed: new Map([['catalog-events/0', 1_000_000]]),
    processed: new Set<string>(),
    setAside: new Set<string>(),
    ...change,
  });
  const wanting = { wants: (headers: Readonly<Record<string, string>>) => headers.ce_x !== 'no' };
  const suspectsOf = (state: ReturnType<typeof group>, record: LogRecord) => {
    const tally = createOffsetTally([state]);
    tally.add(record);
    return tally.suspects.length;
  };

  it.each<[string, LogRecord, object, number]>([
    ['applied', event('stock-reserved'), { processed: new Set([deriveEventId(orderId, 'stock-reserved')]) }, 0],
    ['not for the group', event('stock-rejected'), {}, 0],
    ['not wanted by the group', event('stock-reserved', { headers: { ce_x: 'no' } }), wanting, 0],
    ['wanted, but forgotten', event('stock-reserved', { headers: { ce_x: 'yes' } }), wanting, 1],
    ['not consumed yet', event('stock-reserved', { offset: 1_000_000 }), {}, 0],
    [
      'parked, known by its id',
      event('stock-reserved'),
      { setAside: new Set([deriveEventId(orderId, 'stock-reserved')]) },
      0,
    ],
    [
      'dead, known by its position',
      event('stock-reserved', { offset: 7, type: undefined }),
      { setAside: new Set(['catalog-events/0@7']) },
      0,
    ],
    ['forgotten', event('stock-reserved'), {}, 1],
    ['rubbish that was forgotten', event('stock-reserved', { type: undefined }), {}, 1],
    [
      'of a topic the group does not read',
      event('payment-failed'),
      { committed: new Map([['payment-events/0', 99_999]]) },
      0,
    ],
  ])('when a record is %s, then it is a suspect only if it was forgotten', (_, record, change, suspects) => {
    expect(suspectsOf(group(change), record)).toBe(suspects);
  });

  it('when several groups forgot a record that is no event, then it is one suspect that names them', () => {
    const tally = createOffsetTally([group(), group({ group: 'coupon' })]);
    tally.add(event('stock-reserved', { type: undefined, id: undefined, offset: 7 }));
    expect(tally.suspects).toEqual([
      expect.objectContaining({ id: 'catalog-events/0@7', detail: expect.stringContaining('payment, coupon') }),
    ]);
    expect(tally.consumed).toBe(2);
  });

  it('when several groups forgot an event, then each of them is a suspect', () => {
    const tally = createOffsetTally([group(), group({ group: 'coupon' })]);
    tally.add(event('stock-reserved', { offset: 7 }));
    expect(tally.suspects.map(({ id }) => id)).toEqual(['payment: catalog-events/0@7', 'coupon: catalog-events/0@7']);
  });
});
