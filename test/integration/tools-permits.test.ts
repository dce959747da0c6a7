import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { migratedSchema, type TestDatabase } from '@shop/chassis/testing';
import { root } from '../../deploy/local/paths.ts';
import { endPermits, insertPermit, type PermitWish } from '../../ops/src/dead-letters/set-aside.ts';
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
beforeEach(() => service.execute('DELETE FROM set_aside_permit'));

const wish: PermitWish = {
  ...{ group: 'payment', topic: 'order-events', partition: 3 },
  ...{ most: 1_000, minutes: 600, reason: 'a bad import' },
};

/** Numbers of the permits that a consumer may still use. */
async function open(): Promise<number[]> {
  const rows = await service.query<{ id: number }>(
    'SELECT id FROM set_aside_permit WHERE expires_at > UTC_TIMESTAMP(3) ORDER BY id',
  );
  return rows.map(({ id }) => id);
}

describe('permits of an operator', () => {
  it.each<[string, Partial<PermitWish>]>([
    ['of the same partition', {}],
    ['of the whole topic', { partition: undefined }],
    ['of the whole group', { topic: undefined, partition: undefined }],
  ])('when one %s is open and was too small, then another one takes its place', async (_, earlier) => {
    const first = await insertPermit(service, { ...wish, ...earlier });
    const second = await insertPermit(service, { ...wish, most: 3_000 });
    expect(second.ended).toEqual([first.id]);
    expect(await open()).toEqual([second.id]);
  });

  it('when one for the whole group is given, then the open ones of its partitions are over', async () => {
    const first = await insertPermit(service, wish);
    const second = await insertPermit(service, { ...wish, topic: 'catalog-events' });
    const all = await insertPermit(service, { ...wish, topic: undefined, partition: undefined });
    expect(all.ended).toEqual([first.id, second.id]);
    expect(await open()).toEqual([all.id]);
  });

  it.each<[string, Partial<PermitWish>]>([
    ['another partition', { partition: 4 }],
    ['another topic', { topic: 'catalog-events' }],
    ['another group', { group: 'data-platform' }],
  ])('when the open one is of %s, then it stays', async (_, other) => {
    const first = await insertPermit(service, { ...wish, ...other });
    const { id, ended } = await insertPermit(service, wish);
    expect(ended).toEqual([]);
    expect(await endPermits(service, wish)).toEqual([id]);
    expect(await open()).toEqual([first.id]);
  });

  it('when nothing is halted any more, then two that were given at the same moment are both over', async () => {
    const { id } = await insertPermit(service, wish);
    await service.execute(
      `INSERT INTO set_aside_permit (consumer_group, topic, \`partition\`, most, requested_by, reason, requested_at, expires_at)
       SELECT consumer_group, topic, \`partition\`, most, requested_by, reason, requested_at, expires_at FROM set_aside_permit`,
    );
    expect((await endPermits(service, wish))[0]).toBe(id);
    expect(await open()).toEqual([]);
  });
});
