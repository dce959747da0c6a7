import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Transaction } from '@shop/chassis';
import { v7 as uuidv7 } from 'uuid';
import { frontLetter } from '../src/dead-letters/redrive-store.ts';
import { type DeadLetterEntry, purgeInbox, rememberLonger } from '../src/index.ts';
import { readSetAside } from '../src/replay/index.ts';
import { type Bench, openBench } from './support.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const now = new Date();
const claim = (group: string, ids: readonly string[]) =>
  bench.store.transaction((tx) => bench.store.claim(tx, group, [...ids].sort(), now));

const letter = (key: string | null, offset: number): DeadLetterEntry => ({
  record: {
    topic: 't',
    partition: 0,
    offset: String(offset),
    key,
    value: Buffer.from('x'),
    headers: { a: 'ä' },
    timestamp: 0,
  },
  status: 'DEAD',
  reason: 'HANDLER_ERROR',
  eventId: null,
  eventType: null,
  error: 'no',
  attempts: 3,
});

describe('the inbox', () => {
  it('when ids are claimed, then each id goes to one claim only, and the claim tells which are new', async () => {
    const [a, b, c] = [uuidv7(), uuidv7(), uuidv7()];
    expect(await claim('g', [a, b])).toEqual(new Set([a, b]));
    expect(await claim('g', [a, b])).toEqual(new Set());
    expect(await claim('g', [b, c])).toEqual(new Set([c]));
    expect(await claim('other', [a])).toEqual(new Set([a]));
  });

  it('when many claim an id at once, then one of them gets it', async () => {
    const ids = Array.from({ length: 50 }, () => uuidv7());
    const claims = await Promise.all(Array.from({ length: 6 }, () => claim('race', ids)));
    expect(claims.flatMap((set) => [...set]).sort()).toEqual([...ids].sort());
  });

  it('when a claim rolls back, then the id is free again', async () => {
    const id = uuidv7();
    const failing = bench.store.transaction(async (tx) => {
      await bench.store.claim(tx, 'g', [id], now);
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow();
    expect(await claim('g', [id])).toEqual(new Set([id]));
  });

  it('when the inbox is purged, then rows older than the retention go, except those processed since', async () => {
    const day = 86_400_000;
    const at = (days: number) => new Date(now.getTime() - days * day);
    const old = Array.from({ length: 2_500 }, () => uuidv7({ msecs: at(12).getTime() }));
    const replayed = uuidv7({ msecs: at(12).getTime() });
    const recent = uuidv7({ msecs: at(9).getTime() });
    await bench.store.transaction(async (tx) => {
      await bench.store.claim(tx, 'purge', old.sort(), at(12));
      await bench.store.claim(tx, 'purge', [replayed], at(1));
      await bench.store.claim(tx, 'purge', [recent], at(9));
    });
    expect(await purgeInbox(bench.database, now.getTime())).toBe(2_500);
    const left = await bench.database.query<{ id: string }>(
      `SELECT event_id AS id FROM processed_event WHERE consumer_group = 'purge' ORDER BY id`,
    );
    expect(left.map((row) => row.id)).toEqual([replayed, recent].sort());
  });

  it('when all rows of a group are old, then the last one stays: it shows that the group is no new one', async () => {
    const at = new Date(now.getTime() - 12 * 86_400_000);
    const old = Array.from({ length: 3 }, (_, n) => uuidv7({ msecs: at.getTime() + n })).sort();
    await bench.store.transaction((tx) => bench.store.claim(tx, 'resting', old, at));
    expect(await purgeInbox(bench.database, now.getTime())).toBe(2);
    expect(await bench.store.hasApplied('resting')).toBe(true);
    expect(await bench.store.hasApplied('never seen')).toBe(false);
  });

  it('when an open dead letter names an event, then the purge keeps its id until the letter is closed', async () => {
    const at = new Date(now.getTime() - 12 * 86_400_000);
    const ids = Array.from({ length: 3 }, (_, n) => uuidv7({ msecs: at.getTime() + n })).sort();
    const place = { topic: 't', partition: 0, offset: '1', key: 'k', value: null, headers: {}, timestamp: 0 };
    const rest = { eventType: 'order-created', error: null, attempts: 0 };
    const copy = {
      record: place,
      status: 'PARKED',
      reason: 'BEHIND_DEAD_LETTER',
      eventId: ids[0] ?? '',
      ...rest,
    } as const;
    await bench.store.transaction(async (tx) => {
      await bench.store.claim(tx, 'copies', ids, at);
      await bench.store.writeDeadLetters(tx, 'copies', [copy], at, true);
    });
    const left = () =>
      bench.database.query(`SELECT event_id FROM processed_event WHERE consumer_group = 'copies' ORDER BY event_id`);
    await purgeInbox(bench.database, now.getTime());
    // The last one stays in any case.
    expect(await left()).toEqual([ids[0], ids[2]].map((event_id) => ({ event_id })));
    await bench.database.execute(`UPDATE dead_letter SET status = 'DISCARDED' WHERE consumer_group = 'copies'`);
    await purgeInbox(bench.database, now.getTime());
    expect(await left()).toEqual([{ event_id: ids[2] }]);
  });

  it('when a letter was redriven lately, however old its event, then the purge keeps the id: an audit asks for it', async () => {
    const at = new Date(now.getTime() - 15 * 86_400_000);
    const ids = Array.from({ length: 3 }, (_, n) => uuidv7({ msecs: at.getTime() + n })).sort();
    const letters = ids.map((eventId, n) => ({ ...letter(null, n), eventId }));
    await bench.store.transaction(async (tx) => {
      await bench.store.claim(tx, 'late', ids, at);
      await bench.store.writeDeadLetters(tx, 'late', letters, at, true);
    });
    for (const [n, hours] of [1, 11 * 24].entries())
      await bench.database.execute(
        `UPDATE dead_letter SET status = 'REDRIVEN', resolved_at = ? WHERE consumer_group = 'late' AND event_id = ?`,
        [new Date(now.getTime() - hours * 3_600_000), ids[n] ?? null],
      );
    await purgeInbox(bench.database, now.getTime());
    const left = await bench.database.query<{ id: string }>(
      `SELECT event_id AS id FROM processed_event WHERE consumer_group = 'late' ORDER BY id`,
    );
    expect(left.map(({ id }) => ids.indexOf(id))).toEqual([0, 2]);
  });

  it('when events are sent again, then the group remembers them as long as the log will hold them', async () => {
    const at = new Date(now.getTime() - 8 * 86_400_000);
    const ids = Array.from({ length: 3 }, (_, n) => uuidv7({ msecs: at.getTime() + n })).sort();
    await bench.store.transaction(async (tx) => {
      await bench.store.claim(tx, 'again', ids, at);
      await rememberLonger(tx, 'again', ids.slice(0, 1), now);
    });
    const inSixDays = now.getTime() + 6 * 86_400_000;
    await purgeInbox(bench.database, inSixDays);
    const left = await bench.database.query<{ id: string }>(
      `SELECT event_id AS id FROM processed_event WHERE consumer_group = 'again' ORDER BY id`,
    );
    // The last one stays in any case.
    expect(left.map((row) => row.id)).toEqual([ids[0], ids[2]]);
  });
});

describe('parked keys', () => {
  const write = (group: string, entries: readonly DeadLetterEntry[], parks = true) =>
    bench.store.transaction((tx) => bench.store.writeDeadLetters(tx, group, entries, now, parks));

  it('when keys are parked, then they are found among many, and only by their group', async () => {
    await write('parking', [letter('k1', 1), letter('k2', 2), letter(null, 3)]);
    const lock = (group: string) =>
      bench.store.transaction((tx) => bench.store.lockParkedKeys(tx, group, ['k0', 'k1', 'k2', 'k3']));
    expect(await lock('parking')).toEqual(new Set(['k1', 'k2']));
    expect(await lock('nobody')).toEqual(new Set());
  });

  it('when letters are written of which some are there, then those that were new are told', async () => {
    const offsets = (entries: readonly DeadLetterEntry[]) => entries.map(({ record }) => record.offset);
    expect(offsets(await write('told', [letter('k1', 1), letter('k2', 3)]))).toEqual(['1', '3']);
    const again = [0, 1, 2, 2, 3, 4].map((offset) => letter(`k${offset}`, offset));
    expect(offsets(await write('told', again))).toEqual(['0', '2', '4']);
    expect(offsets(await write('told', again))).toEqual([]);
    // The same positions of another group are others.
    expect(offsets(await write('told too', [letter('k1', 1)]))).toEqual(['1']);
  });

  it('when it is asked which letters are written, then each is found by its group, position and event, or value', async () => {
    const withId = (offset: number, eventId: string) => ({ ...letter(null, offset), eventId });
    await write('found', [letter('k1', 1), withId(2, 'event-2'), letter(null, 5)]);
    await bench.database.execute(`UPDATE dead_letter SET status = 'DISCARDED' WHERE consumer_group = 'found'`);
    const another = { ...letter(null, 5), record: { ...letter(null, 5).record, value: Buffer.from('y') } };
    const asked = [letter('k1', 1), withId(1, 'event-1'), withId(2, 'event-2'), withId(2, 'event-3'), another];
    const find = (group: string, entries: readonly DeadLetterEntry[]) =>
      bench.store.transaction((tx) => bench.store.lettered(tx, group, entries));
    expect((await find('found', asked)).map((entry) => asked.indexOf(entry as DeadLetterEntry))).toEqual([0, 2]);
    expect([await find('others', asked), await find('found', [])]).toEqual([[], []]);
  });

  it('when a group does not park, then it has no parked keys', async () => {
    await write('free', [letter('k1', 1)], false);
    expect(await bench.store.transaction((tx) => bench.store.lockParkedKeys(tx, 'free', ['k1']))).toEqual(new Set());
  });

  it('when one transaction releases a key and another parks behind it, then they wait for each other', async () => {
    await write('locking', [letter('k', 1)]);
    const order: string[] = [];
    const locked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const releasing = bench.store.transaction(async (tx) => {
      await bench.store.lockParkedKeys(tx, 'locking', ['k']);
      locked.resolve();
      await release.promise;
      await tx.execute(`DELETE FROM parked_key WHERE consumer_group = 'locking'`);
      order.push('released');
    });
    await locked.promise;
    const consuming = bench.store.transaction(async (tx) => {
      const parked = await bench.store.lockParkedKeys(tx, 'locking', ['k']);
      order.push(`consumer sees ${parked.size}`);
    });
    // Enough time to answer, if it did not wait for the lock.
    await Promise.race([consuming, sleep(200)]);
    expect(order).toEqual([]);
    release.resolve();
    await Promise.all([releasing, consuming]);
    expect(order).toEqual(['released', 'consumer sees 0']);
  });

  it('when one key is locked with its first letter, then another key and its letter are locked without a wait', async () => {
    await write('apart', [letter('a', 1), letter('b', 2), letter('c', 3)]);
    const front = async (tx: Transaction, key: string) => {
      await bench.store.lockParkedKeys(tx, 'apart', [key, `${key} that is not parked`]);
      return (await frontLetter(tx, { group: 'apart', key }))?.record.key?.toString();
    };
    // The transactions of the earlier keys are open all the while; a wait for their locks would last to the time limit.
    const found = await bench.store.transaction(async (one) => [
      await front(one, 'a'),
      ...(await bench.store.transaction(async (two) => [
        await front(two, 'c'),
        await bench.store.transaction((three) => front(three, 'b')),
      ])),
    ]);
    expect(found).toEqual(['a', 'c', 'b']);
  });

  it('when a dead letter is written twice for a position, then the row stays as the operator left it', async () => {
    await write('again', [letter('k', 7)]);
    await bench.database.execute(`UPDATE dead_letter SET status = 'REDRIVEN' WHERE consumer_group = 'again'`);
    await write('again', [letter('k', 7)]);
    const rows = await bench.database.query<{ status: string }>(
      `SELECT status FROM dead_letter WHERE consumer_group = 'again'`,
    );
    expect(rows).toEqual([{ status: 'REDRIVEN' }]);
  });

  describe('the topics were made anew, and a position has a letter of the former log', () => {
    const rows = (group: string) =>
      bench.database.query(
        `SELECT \`partition\` = -2 AND \`offset\` = id AS isFormer, \`offset\` = 7 AS isHere, status, event_id AS id, payload
           FROM dead_letter WHERE consumer_group = ? ORDER BY dead_letter.id`,
        [group],
      );
    const former = { isFormer: 1, isHere: 0 };
    const here = { isFormer: 0, isHere: 1 };

    it('when another event has to be set aside there, then both letters are kept, also when it is repeated', async () => {
      const [old, young] = [uuidv7(), uuidv7()];
      await write('anew', [{ ...letter('k', 7), eventId: old }, letter('k', 8)]);
      await bench.database.execute(`UPDATE dead_letter SET status = 'REDRIVEN' WHERE consumer_group = 'anew'`);
      const entries = [{ ...letter('j', 7), eventId: young }, letter('k', 8), letter('j', 9)];
      for (let times = 0; times < 2; times++) await write('anew', entries);
      expect(await rows('anew')).toMatchObject([
        { ...former, status: 'REDRIVEN', id: old },
        { isFormer: 0, status: 'REDRIVEN', id: null },
        { ...here, status: 'DEAD', id: young },
        // Letters of a key are redriven in the order of their numbers.
        { isFormer: 0, isHere: 0, status: 'DEAD', id: null },
      ]);
    });

    it('when a replay or a recovery comes by, then only the letter of the event itself says that it is set aside', async () => {
      const [old, own] = [uuidv7(), uuidv7()];
      await write('replayed', [
        { ...letter('k', 7), eventId: old },
        { ...letter('k', 8), eventId: own },
        letter('k', 9),
      ]);
      const recordsOf = (...ids: (string | undefined)[]) =>
        ids.map((id, i) => ({ ...letter('k', 7 + i).record, headers: { ...(id && { ce_id: id }) } }));
      const setAside = (records: ReturnType<typeof recordsOf>) => readSetAside(bench.database, 'replayed', records);
      const open = (...offsets: string[]) => new Map(offsets.map((offset) => [offset, true]));
      expect(await setAside(recordsOf(old, own, undefined))).toEqual(open('7', '8', '9'));
      expect(await setAside(recordsOf(uuidv7(), own, undefined))).toEqual(open('8', '9'));
      expect(await setAside(recordsOf(undefined, uuidv7(), uuidv7()))).toEqual(open());
    });

    it('when records without an id differ in their value, then they are different messages', async () => {
      const other = letter('k', 7);
      await write('rubbish anew', [letter('k', 7)]);
      for (const value of [Buffer.from('y'), Buffer.from('y'), null])
        await write('rubbish anew', [{ ...other, record: { ...other.record, value } }]);
      await write('rubbish anew', [{ ...other, eventId: uuidv7() }]);
      expect(await rows('rubbish anew')).toMatchObject([
        { ...former, payload: Buffer.from('x') },
        { ...former, payload: Buffer.from('y') },
        { ...former, payload: null },
        here,
      ]);
    });
  });

  it('when an unreadable record is of any size, then long keys and headers are shortened and the value is kept', async () => {
    const record = {
      ...letter('k'.repeat(400), 9).record,
      headers: { big: 'h'.repeat(100_000) },
      value: Buffer.alloc(2_000_000, 1),
    };
    await write('rubbish', [{ ...letter(null, 9), record }]);
    const [row] = await bench.database.query<{ n: number; k: string }>(
      `SELECT LENGTH(payload) AS n, message_key AS k FROM dead_letter WHERE consumer_group = 'rubbish'`,
    );
    expect(row).toEqual({ n: 2_000_000, k: 'k'.repeat(255) });
  });
});

describe('permits to set messages aside', () => {
  const place = { topic: 'order-events', partition: 3 };
  const give = (group: string, values: string) =>
    bench.database.execute(
      `INSERT INTO set_aside_permit (consumer_group, requested_by, reason, requested_at, topic, \`partition\`, most, expires_at)
       VALUES ('${group}', 'a test', 'a test', UTC_TIMESTAMP(3), ${values})`,
    );
  const inAnHour = 'UTC_TIMESTAMP(3) + INTERVAL 1 HOUR';
  const use = (id: number, letters: number, left = letters) =>
    bench.store.transaction((tx) => bench.store.usePermit(tx, { id, left }, letters, new Date()));

  it('when permits are for all, for a topic or for a partition, then the newest that covers the partition counts', async () => {
    await give('covered', `'payment-events', NULL, 10, ${inAnHour}`);
    await give('covered', `'order-events', 4, 20, ${inAnHour}`);
    await give('covered', `NULL, NULL, 30, UTC_TIMESTAMP(3) - INTERVAL 1 SECOND`);
    await give('others', `NULL, NULL, 40, ${inAnHour}`);
    expect(await bench.store.findPermit('covered', place, new Date())).toBeUndefined();
    await give('covered', `NULL, NULL, 50, ${inAnHour}`);
    expect(await bench.store.findPermit('covered', place, new Date())).toMatchObject({ left: 50 });
    await give('covered', `'order-events', 3, 60, ${inAnHour}`);
    expect(await bench.store.findPermit('covered', place, new Date())).toMatchObject({ left: 60 });
  });

  it('when two instances use a permit at once, then it never gives more than it has', async () => {
    await give('shared', `NULL, NULL, 100, ${inAnHour}`);
    const permit = await bench.store.findPermit('shared', place, new Date());
    const used = await Promise.all([60, 60, 40].map((letters) => use(permit?.id ?? 0, letters)));
    expect(used.filter((ok) => ok).length).toBeLessThan(3);
    const left = (await bench.store.findPermit('shared', place, new Date()))?.left ?? 0;
    const taken = [60, 60, 40].reduce((sum, letters, index) => sum + (used[index] ? letters : 0), 0);
    expect(left).toBe(100 - taken);
  });

  it('when the transaction that used a permit rolls back, then nothing of the permit is used', async () => {
    await give('undone', `NULL, NULL, 10, ${inAnHour}`);
    const permit = await bench.store.findPermit('undone', place, new Date());
    const failing = bench.store.transaction(async (tx) => {
      await bench.store.usePermit(tx, permit ?? { id: 0, left: 0 }, 10, new Date());
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    expect(await bench.store.findPermit('undone', place, new Date())).toEqual(permit);
  });
});
