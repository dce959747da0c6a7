import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { migratedSchema, type TestDatabase } from '@shop/chassis/testing';
import { root } from '../../deploy/local/paths.ts';
import type { DeadLetter } from '../../ops/src/dead-letters/read.ts';
import { requestDiscard, requestRedrive } from '../../ops/src/dead-letters/resolve.ts';
import { connectSql, type SqlConnection } from '../../ops/src/sql.ts';

let schema: TestDatabase;
let service: SqlConnection;
beforeAll(async () => {
  schema = await migratedSchema(join(root, 'services/payment/prisma'));
  service = await connectSql(schema.url);
});
afterAll(async () => {
  await service?.close();
  await schema?.drop();
});

const EVENT = 'a1b2c3d4-0000-4000-8000-000000000001';
const letter: DeadLetter = {
  ...{ ref: 'payment/1', service: 'payment', id: 1, group: 'payment', key: 'order-1', status: 'DEAD' },
  ...{ topic: 'catalog-events', partition: 3, offset: 17, eventId: EVENT, type: 'stock-reserved' },
  ...{ reason: 'HANDLER_ERROR', error: 'Error', attempts: 3, failedAt: new Date(0), resolvedAt: null },
  resolution: null,
};

beforeEach(async () => {
  await service.execute('DELETE FROM dead_letter');
  await service.execute('DELETE FROM processed_event');
});

async function write(own: DeadLetter): Promise<void> {
  await service.execute(
    `INSERT INTO dead_letter (id, consumer_group, topic, \`partition\`, \`offset\`, message_key, status, event_id, event_type,
       reason, error, attempts, payload, headers, failed_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '{}', UTC_TIMESTAMP(3))`,
    [
      ...[own.id, own.group, own.topic, own.partition, own.offset, own.key, own.status, own.eventId, own.type],
      ...[own.reason, own.error, own.attempts],
    ],
  );
}

const statuses = () => service.query<{ status: string }>('SELECT status FROM dead_letter');
const processed = () => service.query<{ id: string }>('SELECT event_id AS id FROM processed_event');

describe('a dead letter that an operator has chosen', () => {
  it.each<[string, Partial<DeadLetter>]>([
    ['of another event', { eventId: 'a1b2c3d4-0000-4000-8000-000000000002' }],
    ['unreadable', { eventId: null }],
    ['of another group', { group: 'data-platform' }],
    ['of another topic', { topic: 'coupon-events' }],
    ['of another partition', { partition: 4 }],
    ['at another offset', { offset: 18 }],
  ])('when the row of its number is %s, then neither redrive nor discard changes anything', async (_, other) => {
    await write({ ...letter, ...other });
    expect(await requestDiscard(service, letter, 'rubbish')).toBe(false);
    expect(await requestRedrive(service, letter)).toBe(false);
    expect(await statuses()).toEqual([{ status: 'DEAD' }]);
    expect(await processed()).toEqual([]);
  });

  it('when its row is there, then it is redriven, or discarded and its event counts as processed', async () => {
    await write(letter);
    expect(await requestRedrive(service, letter)).toBe(true);
    expect(await statuses()).toEqual([{ status: 'REDRIVE' }]);
    expect(await requestDiscard(service, letter, 'rubbish')).toBe(false);
    await service.execute(`UPDATE dead_letter SET status = 'DEAD'`);
    expect(await requestDiscard(service, letter, 'rubbish')).toBe(true);
    expect(await statuses()).toEqual([{ status: 'DISCARDED' }]);
    expect(await processed()).toEqual([{ id: EVENT }]);
  });

  it('when it is unreadable, then its row is found all the same, and no event counts as processed', async () => {
    const unreadable = { ...letter, eventId: null, key: null, type: null, reason: 'UNDECODABLE' };
    await write(unreadable);
    expect(await requestDiscard(service, unreadable, 'rubbish')).toBe(true);
    expect(await statuses()).toEqual([{ status: 'DISCARDED' }]);
    expect(await processed()).toEqual([]);
  });
});
