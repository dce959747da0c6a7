import type { Transaction } from '@shop/chassis';
import type { DeadLetterEntry, MessagingStore } from '@shop/events';
import { claimDiscarded, freeKey, lockKey } from '../../../libs/events/src/dead-letters/redrive-store.ts';
import { createSqlMessagingStore } from '../../../libs/events/src/store/index.ts';
import type { MemoryDatabase, MemoryTransaction } from '../../simulation/memory-database.ts';
import { createMemoryMessagingStore, MessagingTables } from '../../simulation/memory-messaging-store.ts';
import { redriveSql } from '../../simulation/memory-redrive.ts';
import type { Random } from '../../simulation/random.ts';
import type { Actor } from '../../simulation/scheduler.ts';
import type { Compared } from '../compare.ts';
import { AT, clear, rowsOf } from '../rows.ts';
import { type Call, type Drawing, idOf, someOf } from '../script.ts';

interface Ports {
  readonly store: MessagingStore<Transaction>;
}

const KEYS = ['a', 'b', 'c'];
const TOPIC = 'order-events';

const groupOf = (space: number): string => `group-${space}`;

function letter(key: string, offset: number, space: number, status: 'DEAD' | 'PARKED'): DeadLetterEntry {
  const record = { topic: TOPIC, partition: 0, offset: String(offset), key, value: null, headers: {}, timestamp: 0 };
  const reason = status === 'DEAD' ? 'HANDLER_ERROR' : 'BEHIND_DEAD_LETTER';
  return {
    record,
    status,
    reason,
    eventId: idOf(space, 1, offset),
    eventType: 'order-created',
    error: null,
    attempts: 1,
  };
}

/** Offset n has key KEYS[n % 3] and event n. */
const keyAt = (offset: number): string => KEYS[offset % KEYS.length] ?? '';

/** As in consumer/apply.ts: the parked keys, the claims, dead letters of some, the outbox. */
function applyBatch({ random, space }: Drawing): Call<Ports>[] {
  const group = groupOf(space);
  const offsets = someOf(random, [1, 2, 3, 4, 5, 6], random.pick([1, 2, 3])).sort();
  const ids = offsets.map((offset) => idOf(space, 1, offset));
  const keys = [...new Set(offsets.map(keyAt))];
  const lock: Call<Ports> = {
    label: `lock the parked ones of ${keys}`,
    run: ({ store }, tx) => store.lockParkedKeys(tx, group, keys),
  };
  const claim: Call<Ports> = { label: `claim ${offsets}`, run: ({ store }, tx) => store.claim(tx, group, ids, AT) };
  const look: Call<Ports> = {
    label: `which of ${offsets} are applied`,
    run: ({ store }, tx) => store.applied(tx, group, ids),
  };
  // Before it sets failures aside, a consumer looks whether another has applied them; where they are too many, also
  // which were set aside before.
  if (random.chance(0.15)) return [look, lettered(space, offsets), lock, look, writeLetters(random, space, offsets)];
  const calls = random.chance(0.85) ? [lock, claim] : [claim];
  if (random.chance(0.5)) calls.push(writeLetters(random, space, offsets));
  if (random.chance(0.5)) calls.push(append(random, space, offsets));
  return calls;
}

function writeLetters(random: Random, space: number, offsets: readonly number[]): Call<Ports> {
  const parks = random.chance(0.8);
  const entries = offsets.map((offset) => letter(keyAt(offset), offset, space, random.pick(['DEAD', 'PARKED'])));
  return {
    label: `set aside ${entries.map((it) => `${it.record.offset} ${it.status}`).join(', ')}${parks ? '' : ', unparked'}`,
    async run({ store }, tx) {
      const fresh = await store.writeDeadLetters(tx, groupOf(space), entries, AT, parks);
      return fresh.map(({ record }) => record.offset);
    },
  };
}

function lettered(space: number, offsets: readonly number[]): Call<Ports> {
  const entries = offsets.map((offset) => letter(keyAt(offset), offset, space, 'DEAD'));
  return {
    label: `which of ${offsets} are set aside`,
    run: async ({ store }, tx) =>
      (await store.lettered(tx, groupOf(space), entries)).map(({ record }) => record.offset),
  };
}

function append(random: Random, space: number, offsets: readonly number[]): Call<Ports> {
  const rows = offsets.map((offset) => ({
    ...{ id: idOf(space, 2, offset * 16 + random.int(1, 9)), topic: TOPIC, key: keyAt(offset) },
    ...{ type: 'order-created', payload: Buffer.from('x'), headers: {} },
  }));
  return {
    label: `append ${rows.map(({ id }) => id.slice(-2)).join(', ')}`,
    async run({ store }, tx) {
      return (await store.appendOutbox(tx, rows))?.map(({ seq: _, ...row }) => row);
    },
  };
}

/** As the relay: it reads, and removes what it has sent. */
function relay({ random }: Drawing): Call<Ports>[] {
  const read: Call<Ports> = {
    label: 'read the outbox',
    alone: true,
    run: async ({ store }) => (await store.readOutbox(10)).map(({ seq: _, ...row }) => row),
  };
  const most = random.int(1, 3);
  const remove: Call<Ports> = {
    label: `remove the first ${most} of the outbox`,
    alone: true,
    run: async ({ store }) => store.deleteOutbox(await store.readOutbox(most)),
  };
  return random.chance(0.4) ? [read] : [remove];
}

/** As in redriver.ts: lock the key, claim what was discarded, perhaps free the key. */
function redrive({ random, space }: Drawing): Call<Ports>[] {
  const target = { group: groupOf(space), key: random.pick(KEYS) };
  const { key } = target;
  const lock: Call<Ports> = { label: `lock key ${key}`, run: (_, tx) => lockKey(tx, target) };
  const discard: Call<Ports> = {
    label: `claim what of ${key} is discarded`,
    run: (_, tx) => claimDiscarded(tx, target, AT),
  };
  const free: Call<Ports> = { label: `free key ${key}`, run: (_, tx) => freeKey(tx, target) };
  return [lock, ...(random.chance(0.5) ? [discard] : []), free];
}

/** Offset 0 of key a is dead, 3 behind it is asked for again, b's letter was discarded. Events 5 and 6 are applied. */
const LETTERS = [
  { offset: 10, key: 'a', status: 'DEAD' },
  { offset: 13, key: 'a', status: 'PARKED' },
  { offset: 11, key: 'b', status: 'DISCARDED' },
] as const;

/** Half of the scripts begin with letters, the others with nothing parked at all. */
const beginsWith = (space: number) => (space % 2 === 0 ? LETTERS : []);
const parkedAtFirst = (space: number) => (space % 2 === 0 ? ['a', 'b'] : []);
const APPLIED = [5, 6];

export const messagingPart: Compared<Ports> = {
  name: 'messaging',
  draw(drawing) {
    const kind = drawing.random.next();
    return kind < 0.6 ? applyBatch(drawing) : kind < 0.8 ? redrive(drawing) : relay(drawing);
  },

  async onServer(database, space) {
    await clear(database, ['outbox', 'processed_event', 'dead_letter', 'parked_key']);
    const group = groupOf(space);
    const store = createSqlMessagingStore(database);
    await database.transaction(async (tx) => {
      await store.claim(
        tx,
        group,
        APPLIED.map((offset) => idOf(space, 1, offset)),
        AT,
      );
      const begun = beginsWith(space).map((it) => letter(it.key, it.offset, space, 'DEAD'));
      if (begun.length > 0) await store.writeDeadLetters(tx, group, begun, AT, true);
      for (const { offset, status } of beginsWith(space))
        await tx.execute('UPDATE dead_letter SET status = ? WHERE `offset` = ?', [status, offset]);
    });
    const list = (sql: string) => database.query(sql);
    return {
      ports: (own) => ({ store: createSqlMessagingStore(own) }),
      contents: async () => ({
        outbox: await list('SELECT id FROM outbox ORDER BY seq'),
        processed: await list('SELECT event_id AS eventId FROM processed_event ORDER BY event_id'),
        letters: await list(
          'SELECT CAST(`offset` AS CHAR) AS `offset`, status, attempts FROM dead_letter ORDER BY dead_letter.`offset`',
        ),
        parked: await list('SELECT message_key AS `key` FROM parked_key ORDER BY message_key'),
      }),
    };
  },

  onModel(space) {
    const tables = new MessagingTables();
    fill(tables, space);
    return {
      sql: (tx) => redriveSql(tables, tx),
      ports: (database: MemoryDatabase, actor: Actor) => ({
        store: createMemoryMessagingStore(
          database,
          tables,
          actor,
        ) as MessagingStore<MemoryTransaction> as MessagingStore<Transaction>,
      }),
      contents: () => ({
        outbox: [...tables.outbox.committed.values()].sort((a, b) => a.seq - b.seq).map(({ id }) => ({ id })),
        processed: rowsOf(tables.processedEvents, (it) => it.eventId).map(({ eventId }) => ({ eventId })),
        letters: [...tables.deadLetters.committed.values()]
          .sort((a, b) => Number(a.record.offset) - Number(b.record.offset))
          .map(({ record, status, attempts }) => ({ offset: record.offset, status, attempts })),
        parked: rowsOf(tables.parkedKeys, (it) => it.key).map(({ key }) => ({ key })),
      }),
    };
  },
};

function fill(tables: MessagingTables, space: number): void {
  const group = groupOf(space);
  for (const offset of APPLIED) {
    const eventId = idOf(space, 1, offset);
    tables.processedEvents.committed.set(`${group}/${eventId}`, { group, eventId });
  }
  for (const [index, { offset, key, status }] of beginsWith(space).entries()) {
    const row = { ...letter(key, offset, space, 'DEAD'), group, status, id: index - 10 };
    tables.deadLetters.committed.set(`${group}/${TOPIC}/0/${offset}`, row);
  }
  for (const key of parkedAtFirst(space))
    tables.parkedKeys.committed.set(`${group}/${key}`, { group, key, topic: TOPIC });
}
