import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Transaction } from '@shop/chassis';
import {
  createKafkaAdmin,
  createSqlRelayLock,
  deriveEventId,
  FactsIncompleteError,
  type KafkaAdmin,
  type OwnFacts,
  type ReceivedEvent,
  type RecoverySubscription,
  type ReplayedGroup,
  recover,
  recoverWhenAsked,
  recoveryPlan,
  rememberLonger,
  StaleBatchError,
  type Subscription,
  silentLogger,
  systemClock,
} from '../src/index.ts';
import { createClient } from '../src/kafka/index.ts';
import { goLive } from '../src/recovery/recovery-start.ts';
import { orderCancelled, orderCreated } from '../src/testing/samples.ts';
import { type Bench, eventually, newOrderId, openBench } from './support.ts';

const GROUP = 'recovered';

let bench: Bench;
let relay: ReturnType<Bench['relay']>;
let log: KafkaAdmin;
let brokers: string[];

beforeAll(async () => {
  bench = await openBench();
  relay = bench.relay();
  brokers = (bench.stack.env.KAFKA_BROKERS ?? '').split(',');
  log = await createKafkaAdmin({ brokers });
});
afterAll(async () => {
  await log.close();
  await bench.close();
});

// The inbox tells how old the schema is, so each test starts with an empty one.
beforeEach(() => bench.database.execute('DELETE FROM processed_event').then(() => {}));

type Handled = 'order-created' | 'order-cancelled';

interface Wanted {
  readonly from: Date;
  readonly own?: Partial<OwnFacts>;
  readonly handle?: (tx: Transaction, events: readonly ReceivedEvent[], now: Date) => Promise<void>;
  readonly acceptGaps?: boolean;
  readonly batch?: number;
  readonly replayed?: readonly ReplayedGroup[];
  /** In place of the one that `handle` belongs to. */
  readonly subscriptions?: readonly RecoverySubscription<Handled>[];
}

/** Recovers the bench's schema: coupon-redeemed stands for its own events, orders for the consumed ones. */
function recoverFrom(wanted: Wanted) {
  const { from, own, handle = async () => {}, acceptGaps = false, batch = 2, subscriptions, replayed = [] } = wanted;
  const subscription = (now: () => Date): Subscription<Transaction, Handled> => ({
    group: GROUP,
    handles: ['order-created', 'order-cancelled'],
    handle: (tx, events) => handle(tx, events, now()),
  });
  return recover({
    ...{ database: bench.database, store: bench.store, codec: bench.codec, log, from, acceptGaps, batch },
    own: { group: GROUP, types: ['coupon-rejected'], apply: async () => {}, ...own },
    subscriptions: (now) => (subscriptions ?? [subscription(now)]) as readonly never[],
    replayed,
    mayGoOn: async () => {},
    instance: 'test',
    logger: silentLogger,
    clock: systemClock,
    signal: new AbortController().signal,
  });
}

/**
 * The inbox of a backup that is taken now: the group has handled all that is on the log. @returns a time just before
 * the backup
 */
async function backUpInbox(
  handled: (record: { readonly id: string; readonly sentAt: number }) => boolean = () => true,
) {
  const ids: string[] = [];
  await log.read(await log.ranges(['coupon-events', 'order-events']), ({ headers, timestamp }) => {
    if (headers.ce_id && handled({ id: headers.ce_id, sentAt: timestamp })) ids.push(headers.ce_id);
  });
  const from = new Date();
  await bench.store.transaction((tx) =>
    bench.store.claim(tx, GROUP, [...new Set(ids)].sort(), new Date(from.getTime() + 1)).then(() => {}),
  );
  return from;
}

const rejected = (orderId: string, cause: string) => ({
  type: 'coupon-rejected' as const,
  data: { orderId, userId: 1, couponId: newOrderId(), reason: 'UNKNOWN' },
  cause: { eventId: cause },
});

const untilSent = () => eventually('an empty outbox', async () => (await bench.store.readOutbox(1)).length === 0);

const recoveries = () =>
  bench.database.query<{ status: string; facts: number; applied: number; error: string | null }>(
    `SELECT status, facts, applied, error FROM replay WHERE kind = 'RECOVERY' ORDER BY id DESC`,
  );

/** Leaves the schema as a restore does: no instance goes live before a recovery has ended. */
async function wantRecovery(): Promise<void> {
  await bench.database.execute(
    `INSERT INTO replay (kind, consumer_group, status, requested_by, reason, filters, ranges, plan, progress, rate,
       max_lag, error, requested_at, started_at, updated_at, finished_at)
     VALUES ('RECOVERY', ?, 'FAILED', 'test', 'restored', '{}', '[]', ?, '{}', 0, 0, '', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
    [GROUP, await recoveryPlan(bench.database)],
  );
}

const lettersOf = async (key: string) =>
  (
    await bench.database.query<{ status: string }>('SELECT status FROM dead_letter WHERE message_key = ? ORDER BY id', [
      key,
    ])
  ).map(({ status }) => status);

describe('own events', () => {
  it('when own events lie on several partitions, then they come in the order of sending, and their causes are not decided', async () => {
    const from = await backUpInbox();
    const ids = Array.from({ length: 12 }, newOrderId);
    for (const id of ids) {
      await bench.publish(orderCreated(id), rejected(id, `cause-${id.slice(-12)}`));
      await untilSent();
    }
    const seen: string[] = [];
    const apply: OwnFacts['apply'] = async (_, events) => void seen.push(...events.map((event) => event.key));
    const decided: string[] = [];
    const handle: Wanted['handle'] = async (_, events) => void decided.push(...events.map((event) => event.key));
    expect(await recoverFrom({ from, own: { apply }, handle })).toMatchObject({ facts: 12, decided: 12 });
    expect(seen).toEqual(ids);
    expect(decided.sort()).toEqual([...ids].sort());
    const causes = await bench.database.query(
      `SELECT 1 FROM processed_event WHERE consumer_group = ? AND event_id LIKE 'cause-%'`,
      [GROUP],
    );
    expect(causes.length).toBe(12);

    // The second recovery finds nothing left to decide.
    expect(await recoverFrom({ from, handle })).toMatchObject({ facts: 12, decided: 0 });
    expect((await recoveries())[0]).toMatchObject({ status: 'DONE', facts: 12, applied: 0 });
  });

  it('when events were sent again to a new log behind younger ones, then they come before those', async () => {
    const from = new Date();
    const [young, old] = [newOrderId(), newOrderId()];
    await bench.publish(rejected(young, newOrderId()));
    await untilSent();
    await relay.stop();
    await bench.publish(rejected(old, newOrderId()));
    await bench.database.execute(
      `UPDATE outbox SET headers = JSON_SET(headers, '$.ce_republished', ?) WHERE aggregateid = ?`,
      [from.toISOString(), old],
    );
    relay = bench.relay();
    await untilSent();
    const seen: string[] = [];
    await recoverFrom({ from, own: { apply: async (_, events) => void seen.push(...events.map(({ key }) => key)) } });
    expect(seen).toEqual([old, young]);
  });

  it('when another run has begun since, then what a frozen one still writes is undone', async () => {
    const from = new Date();
    await bench.publish(orderCreated(newOrderId()), rejected(newOrderId(), newOrderId()));
    await untilSent();
    const takenOver = () =>
      bench.database.execute(`UPDATE replay SET status = 'FAILED' WHERE kind = 'RECOVERY' AND status = 'RUNNING'`);
    const write = async (tx: Transaction) => {
      await takenOver();
      await tx.execute(`INSERT INTO effect (what) VALUES ('too late')`);
    };
    await expect(recoverFrom({ from, own: { apply: (tx) => write(tx) } })).rejects.toThrow('another run');
    await expect(recoverFrom({ from, handle: (tx) => write(tx) })).rejects.toThrow('another run');
    // It freezes while it looks for poison: what is tried after that, and the letter of what failed, are undone too.
    let tries = 0;
    const failing = (times: number) => async (tx: Transaction) => {
      if (tries++ < times) {
        await takenOver();
        throw new Error('cannot handle it');
      }
      await write(tx);
    };
    await expect(recoverFrom({ from, handle: failing(1) })).rejects.toThrow('another run');
    await expect(recoverFrom({ from, handle: failing(Number.MAX_SAFE_INTEGER) })).rejects.toThrow('another run');
    // The last step of all: a service that takes long in `atEnd` freezes there.
    const refused: unknown[] = [];
    const atEnd: OwnFacts['atEnd'] = async (_, fence) => {
      await takenOver();
      await bench.database.transaction(fence).catch((error: unknown) => void refused.push(String(error)));
    };
    await expect(recoverFrom({ from, own: { atEnd } })).rejects.toThrow('another run');
    expect(refused.join()).toContain('another run');
    expect((await recoveries())[0]).toMatchObject({ status: 'FAILED' });
    expect((await bench.effects()).filter((what) => what === 'too late')).toEqual([]);
    expect(await bench.database.query('SELECT 1 FROM dead_letter WHERE consumer_group = ?', [GROUP])).toEqual([]);
    await recoverFrom({ from });
  });

  it('when a service has several groups, then each inbox gets the causes of its own, and what jobs had done comes before what is open', async () => {
    const from = new Date();
    const [id, cause] = [newOrderId(), newOrderId()];
    await bench.publish(orderCreated(id), rejected(id, cause));
    await untilSent();
    const steps: string[] = [];
    const own: Wanted['own'] = {
      causeGroup: () => 'another',
      apply: async () => void steps.push('facts'),
      afterFacts: async () => void steps.push('after facts'),
      atEnd: async () => void steps.push('end'),
    };
    await recoverFrom({ from, own, handle: async () => void steps.push('open') });
    expect(steps).toEqual(['facts', 'after facts', 'open', 'end']);
    const inboxes = await bench.database.query('SELECT consumer_group FROM processed_event WHERE event_id = ?', [
      cause,
    ]);
    expect(inboxes).toEqual([{ consumer_group: 'another' }]);
  });

  it('when own events do not follow the present state, then they wait for the next; at the end the recovery is refused', async () => {
    const from = await backUpInbox();
    for (let i = 0; i < 3; i++) {
      await bench.publish(rejected(newOrderId(), newOrderId()), rejected(newOrderId(), newOrderId()));
      await untilSent();
    }
    const calls: number[] = [];
    const whenAtLeast = (least: number): OwnFacts['apply'] => {
      return async (_, events) => {
        calls.push(events.length);
        if (events.length < least) throw new FactsIncompleteError(`only ${events.length}`);
      };
    };
    await recoverFrom({ from, own: { apply: whenAtLeast(6) } });
    expect(calls).toEqual([2, 4, 6]);
    await expect(recoverFrom({ from, own: { apply: whenAtLeast(7) } })).rejects.toThrow('only 6');
    expect((await recoveries())[0]).toMatchObject({ status: 'FAILED', facts: 0 });

    // With gaps accepted, facts are taken for incomplete only when no more come.
    const gaps: [number, boolean][] = [];
    const apply: OwnFacts['apply'] = async (_, events, { acceptGaps }) => {
      gaps.push([events.length, acceptGaps]);
      if (!acceptGaps) throw new FactsIncompleteError(`only ${events.length}`);
    };
    expect(await recoverFrom({ from, own: { apply }, acceptGaps: true })).toMatchObject({ facts: 6 });
    expect(gaps).toEqual([
      [2, false],
      [4, false],
      [6, false],
      [6, true],
    ]);
  });
});

describe('events consumed but not answered', () => {
  it('when a fact does not answer its cause, then the cause is decided too', async () => {
    const from = new Date();
    const id = newOrderId();
    await bench.publish(orderCreated(id), rejected(id, deriveEventId(id, 'order-created')));
    await untilSent();
    const decided: string[] = [];
    const handle: Wanted['handle'] = async (_, events) => void decided.push(...events.map((event) => event.key));
    expect(await recoverFrom({ from, own: { answers: () => [] }, handle })).toMatchObject({ facts: 1, decided: 1 });
    expect(decided).toEqual([id]);
  });

  it('when there are several subscriptions, then each begins after the one before, and one that takes many gets all at once', async () => {
    const from = new Date();
    const ids = Array.from({ length: 3 }, newOrderId);
    await bench.publish(...ids.map((id) => orderCreated(id)));
    await untilSent();
    const steps: string[] = [];
    const subscription = (name: string, type: Handled, takesMany: boolean) => ({
      ...{ group: GROUP, handles: [type], takesMany },
      before: async () => void steps.push(`before ${name}`),
      handle: async (_: Transaction, events: readonly ReceivedEvent[]) => void steps.push(`${name} ${events.length}`),
    });
    await bench.publish(...ids.map((id) => orderCancelled(id)));
    await untilSent();
    await recoverFrom({
      from,
      batch: 100,
      subscriptions: [subscription('first', 'order-cancelled', true), subscription('second', 'order-created', false)],
    });
    expect(steps.filter((step) => step.startsWith('before'))).toEqual(['before first', 'before second']);
    const sizes = (name: string) => steps.filter((step) => step.startsWith(name)).map((step) => Number(step.at(-1)));
    expect(sizes('first').reduce((sum, size) => sum + size, 0)).toBe(3);
    expect(sizes('second')).toEqual([1, 1, 1]);
    expect(steps.findIndex((step) => step.startsWith('second'))).toBeGreaterThan(steps.indexOf('before second'));
  });

  it('when open events are decided, then at their own time, and a cancellation before the other events of its order', async () => {
    const from = new Date();
    const id = newOrderId();
    await bench.publish(orderCreated(id));
    await untilSent();
    await bench.publish(orderCancelled(id));
    await untilSent();
    const decided: [string, number][] = [];
    const times: number[] = [];
    const handle: Wanted['handle'] = async (_, events, now) => {
      for (const event of events.filter(({ key }) => key === id)) {
        decided.push([event.type, now.getTime()]);
        times.push(event.time.getTime());
      }
    };
    await recoverFrom({ from, handle });
    expect(decided).toEqual([
      ['order-cancelled', times[0]],
      ['order-created', times[1]],
    ]);
  });

  it('when a group acts outside of the schema, then nothing is decided for it, and its replay is asked for', async () => {
    const from = new Date();
    await bench.publish(orderCreated(newOrderId()));
    await untilSent();
    await recoverFrom({ from, replayed: [{ group: 'outside', handles: ['order-created'] }] });
    const replays = await bench.database.query<{ status: string; ranges: string }>(
      `SELECT status, ranges FROM replay WHERE kind = 'REPLAY' AND consumer_group = 'outside'`,
    );
    const ranges = (await log.ranges(['order-events'], from)).map(({ topic, partition, from: first, to }) => ({
      ...{ topic, partition, from: `${first}`, to: `${to}` },
    }));
    expect(replays.map((row) => [row.status, JSON.parse(row.ranges)])).toEqual([['REQUESTED', ranges]]);
  });

  it('when an open event is poison, then only it is dead-lettered, and the recovery is done', async () => {
    const from = new Date();
    const [bad, ...good] = Array.from({ length: 4 }, newOrderId);
    await bench.publish(...[bad as string, ...good].map((id) => orderCreated(id)));
    await untilSent();
    const handle: Wanted['handle'] = async (_, events) => {
      if (events.some((event) => event.key === bad)) throw new Error('cannot handle it');
    };
    expect(await recoverFrom({ from, handle })).toMatchObject({ decided: 3, dead: 1 });
    const letters = await bench.database.query('SELECT message_key FROM dead_letter WHERE consumer_group = ?', [GROUP]);
    expect(letters).toEqual([{ message_key: bad }]);
  });

  it('when a key was parked at the time of the backup, then who does not park hears its events all the same', async () => {
    const from = new Date();
    const id = newOrderId();
    await bench.publish(orderCreated(id), orderCancelled(id));
    await untilSent();
    const heard: string[] = [];
    const subscription: RecoverySubscription<Handled> = {
      ...{ group: GROUP, handles: ['order-created'] },
      handle: async () => {
        throw new Error('poison');
      },
    };
    const ends: RecoverySubscription<Handled> = {
      ...{ group: GROUP, handles: ['order-cancelled'], parks: false },
      handle: async (_, events) => void heard.push(...events.map((event) => `${event.type} ${event.key}`)),
    };
    // The order-created is dead, the order-cancelled parked behind it; both were redriven after the backup.
    await recoverFrom({ from, subscriptions: [subscription, { ...ends, parks: true }] });
    expect(await lettersOf(id)).toEqual(['DEAD', 'PARKED']);
    expect(heard).toEqual([]);
    await recoverFrom({ from, subscriptions: [{ ...ends, parks: true }] });
    expect(heard).toEqual([]);
    await recoverFrom({ from, subscriptions: [ends] });
    expect(heard).toEqual([`order-cancelled ${id}`]);
    expect(await lettersOf(id)).toEqual(['DEAD', 'PARKED']);
  });
});

describe('a recovery that would leave a gap', () => {
  it('when the beginning is after what the schema knows, or in the future, then the recovery is refused and nothing changes', async () => {
    const before = new Date();
    await bench.publish(orderCreated(newOrderId()));
    await untilSent();
    await recoverFrom({ from: before });
    const known = (await recoveries()).length;
    await expect(recoverFrom({ from: new Date() })).rejects.toThrow(
      'is after the last event that this schema has handled',
    );
    await expect(recoverFrom({ from: new Date(Date.now() + 60_000) })).rejects.toThrow('is in the future');
    expect((await recoveries()).length).toBe(known);
  });

  it('when a run from the right time broke off, then a run from a time after the backup is still refused', async () => {
    await bench.publish(orderCreated(newOrderId()));
    await untilSent();
    // After the backup the service went on; then its data was lost.
    const from = await backUpInbox();
    const afterBackup = new Date(from.getTime() + 2);
    const stopsAfterTheFirst: Wanted['handle'] = async () => {
      if ((await recoveries())[0]?.applied) throw new StaleBatchError('killed');
    };
    await bench.publish(orderCreated(newOrderId()), orderCreated(newOrderId()), orderCreated(newOrderId()));
    await untilSent();
    await expect(recoverFrom({ from, handle: stopsAfterTheFirst })).rejects.toThrow('killed');
    expect((await recoveries())[0]).toMatchObject({ status: 'RUNNING' });

    await expect(recoverFrom({ from: afterBackup })).rejects.toThrow('is after the last event that this schema');
    await recoverFrom({ from });
    // The schema is complete now and live: events handled from here on count again.
    await recoverFrom({ from: afterBackup });
    expect((await recoveries()).slice(0, 2)).toMatchObject([{ status: 'DONE' }, { status: 'DONE' }]);
  });

  it('when the inbox was made to remember longer after the restore, then the time of the backup still counts', async () => {
    const [old, late] = [newOrderId(), newOrderId()];
    const from = new Date(Date.now() - 3_600_000);
    const claim = (id: string, at: number) =>
      bench.store.transaction((tx) => bench.store.claim(tx, GROUP, [id], new Date(at)).then(() => {}));
    // An older shop: some rows of the inbox are older than any record.
    await claim(old, Date.now() - 8 * 86_400_000);
    await claim(late, from.getTime() + 1_000);
    await wantRecovery();
    await bench.store.transaction((tx) => rememberLonger(tx, GROUP, [late], new Date()));
    const stopsAtOnce: Partial<OwnFacts> = { afterFacts: () => Promise.reject(new StaleBatchError('killed')) };
    await expect(recoverFrom({ from, own: stopsAtOnce })).rejects.toThrow('killed');
    await bench.store.transaction((tx) => rememberLonger(tx, GROUP, [late], new Date()));
    await expect(recoverFrom({ from: new Date(from.getTime() + 2_000) })).rejects.toThrow(
      `is after the last event that this schema has handled (${new Date(from.getTime() + 1_000).toISOString()})`,
    );
    await recoverFrom({ from });
    expect((await recoveries())[0]).toMatchObject({ status: 'DONE' });
  });

  it('when a group was behind at the backup, then a beginning after what it had not handled is refused; an earlier one brings it', async () => {
    const early = await backUpInbox();
    await bench.publish(orderCreated(newOrderId()));
    await untilSent();
    const unread = newOrderId();
    await bench.publish(orderCreated(unread));
    await untilSent();
    // All was sent before the backup, and one event was still to be read. Since then its offset was committed.
    await bench.database.execute('DELETE FROM processed_event');
    const from = await backUpInbox(({ id }) => id !== deriveEventId(unread, 'order-created'));
    const decided: string[] = [];
    const handle: Wanted['handle'] = async (_, events) => void decided.push(...events.map((event) => event.key));
    const before = (await recoveries()).length;
    const refusal = /recovered order-events\/\d@\d+, sent at .*: the group was behind when the backup was taken/;
    await expect(recoverFrom({ from, handle })).rejects.toThrow(refusal);
    expect((await recoveries()).length).toBe(before);
    await recoverFrom({ from: early, handle });
    expect(decided).toEqual([unread]);
    await recoverFrom({ from, handle });
    expect(decided).toEqual([unread]);
  });

  it('when a group had set its last event aside, or never handled any, then it was not behind', async () => {
    const unread = newOrderId();
    await bench.publish(orderCreated(unread));
    await untilSent();
    const from = await backUpInbox(({ id }) => id !== deriveEventId(unread, 'order-created'));
    const outside: ReplayedGroup = { group: 'never', handles: ['order-created'] };
    const ends = await log.ranges(['order-events']);
    let letter: { partition: number; offset: string } | undefined;
    await log.read(ends, ({ key, partition, offset }) => {
      if (key === unread) letter = { partition, offset };
    });
    await bench.database.execute(
      `INSERT INTO dead_letter (consumer_group, topic, \`partition\`, \`offset\`, message_key, event_id, status, reason, error, attempts,
         payload, headers, failed_at) VALUES (?, 'order-events', ?, ?, ?, ?, 'PARKED', 'TEST', '', 1, '', '{}', ?)`,
      [GROUP, letter?.partition ?? -1, letter?.offset ?? '', unread, deriveEventId(unread, 'order-created'), from],
    );
    await recoverFrom({ from, replayed: [outside] });
    await expect(recoverFrom({ from, replayed: [{ ...outside, group: GROUP }] })).resolves.toMatchObject({
      decided: 0,
    });
  });

  it('when whole topics hold less than the schema has handled, then they were made anew, and the recovery is refused', async () => {
    const from = new Date(Date.now() - 3_600_000);
    const ranges = await log.ranges(['coupon-events', 'order-events']);
    const held = ranges.reduce((sum, range) => sum + Number(range.to - range.from), 0);
    const ids = Array.from({ length: held + 1 }, () => newOrderId()).sort();
    const claim = (some: string[]) =>
      bench.store.transaction((tx) => bench.store.claim(tx, GROUP, some, new Date()).then(() => {}));
    await claim(ids.slice(1));
    await recoverFrom({ from });
    await claim(ids.slice(0, 1));
    await expect(recoverFrom({ from })).rejects.toThrow(/hold \d+ events, and this schema has handled more/);
    await recoverFrom({ from, acceptGaps: true });
  });

  it('when the topics no longer hold the beginning, then the recovery is refused, unless the operator accepts it', async () => {
    const from = new Date(Date.now() - 3_600_000);
    await trim('coupon-events');
    await expect(recoverFrom({ from })).rejects.toThrow(/coupon-events\/\d begins at offset \d+, after/);
    await recoverFrom({ from, acceptGaps: true });
    expect((await recoveries())[0]).toMatchObject({ status: 'DONE', error: null });
    // Every partition begins before the next test does: no later recovery is refused for what was trimmed.
    await bench.publish(...Array.from({ length: 40 }, () => rejected(newOrderId(), newOrderId())));
    await untilSent();
  });
});

describe('several instances of a restored service', () => {
  const service = (instance: string, recovers: boolean, from: Date): Parameters<typeof recoverWhenAsked>[0] => ({
    service: 'test',
    config: {
      KAFKA_BROKERS: brokers,
      SCHEMA_REGISTRY_URL: bench.stack.env.SCHEMA_REGISTRY_URL ?? '',
      INSTANCE_ID: instance,
      ...{ RECOVERY: recovers, RECOVERY_FROM: from, RECOVERY_ACCEPT_GAPS: true, RECOVERY_BATCH: 100 },
    },
    database: bench.database,
    logger: silentLogger as never,
    shutdown: { onStop: () => {}, stop: async () => {} },
    own: { group: GROUP, types: ['coupon-rejected'], apply: async () => {} },
    subscriptions: () => [],
  });

  it('when one starts without RECOVERY in the midst of a recovery, or after it died, then it ends at once', async () => {
    // Partitions that a test before this one has trimmed may begin after `from`.
    const from = new Date();
    await bench.publish(rejected(newOrderId(), newOrderId()));
    await untilSent();
    const plainStart = async () => {
      const ended = Promise.withResolvers<string>();
      const stop = async (reason: string, code?: number) => ended.resolve(`${reason}: ${code}`);
      const live = recoverWhenAsked({ ...service('plain', false, from), shutdown: { onStop: () => {}, stop } });
      return await Promise.race([ended.promise, live.then(() => 'live')]);
    };
    expect(await plainStart()).toBe('live');
    const seen: string[] = [];
    const own: Wanted['own'] = { apply: async () => void seen.push(await plainStart()) };
    await recoverFrom({ from, own, acceptGaps: true });
    expect([...seen, await plainStart()]).toEqual(['a recovery of the schema is not done: 1', 'live']);

    const dies: Wanted['own'] = {
      apply: async () => {
        throw new StaleBatchError('killed');
      },
    };
    await expect(recoverFrom({ from, own: dies, acceptGaps: true })).rejects.toThrow('killed');
    expect(await plainStart()).toBe('a recovery of the schema is not done: 1');
    await recoverFrom({ from, acceptGaps: true });
    expect(await plainStart()).toBe('live');
  });

  it('when the binary log has brought later recoveries that were done, then the one before it is still to come', async () => {
    const from = new Date();
    await bench.publish(rejected(newOrderId(), newOrderId()));
    await untilSent();
    const connection = await bench.database.dedicatedConnection();
    await connection.execute("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')");
    await connection.execute(
      `INSERT INTO replay (id, kind, consumer_group, status, requested_by, reason, filters, ranges, plan, progress, rate,
         max_lag, error, requested_at, started_at, updated_at, finished_at)
       SELECT 0, kind, consumer_group, 'FAILED', 'test', 'restored', '{}', '[]', '{}', '{}', 0, 0, '',
              UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)
         FROM replay WHERE kind = 'RECOVERY' AND status = 'DONE' LIMIT 1`,
    );
    await connection.end();
    const goes = () => goLive({ database: bench.database, logger: silentLogger as never });
    expect(await goes()).toBeUndefined();
    await recoverFrom({ from, acceptGaps: true });
    const mark = await goes();
    expect(mark).toBeDefined();
    await mark?.end();
  });

  it('when an instance is live, then a recovery is refused; when it is live on what was recovered, then nothing is done twice', async () => {
    const from = new Date();
    await bench.publish(rejected(newOrderId(), newOrderId()));
    await untilSent();
    const stopped = Promise.withResolvers<string>();
    const lines: string[] = [];
    const note = (details: object, message: string) =>
      void lines.push(`${message} ${(details as { error?: string }).error ?? ''}`);
    const logger = { ...silentLogger, info: note, error: note } as never;
    const stop = async (reason: string) => stopped.resolve(reason);
    // The bench's relay is a live instance.
    void recoverWhenAsked({ ...service('beside', true, from), logger, shutdown: { onStop: () => {}, stop } });
    expect(await stopped.promise).toBe('recovery failed');
    expect(lines.join()).toContain('an instance of this service is live: stop every instance');
    expect((await recoveries()).filter(({ status }) => status === 'RUNNING')).toEqual([]);

    await recoverFrom({ from });
    const done = (await recoveries()).length;
    await bench.database.execute(`UPDATE replay SET finished_at = '2026-01-01' WHERE kind = 'RECOVERY'`);
    await recoverWhenAsked({ ...service('late', true, from), logger });
    expect(lines.at(-1)).toContain('done, and an instance is live');
    expect(await recoveries()).toHaveLength(done);
  });

  it('when the instance that relayed has gone and another one stood by, then that one is live too', async () => {
    await relay.stop();
    const [relays, standsBy] = [1, 2].map(() => createSqlRelayLock(bench.database, { marksLive: true }));
    expect([await relays?.hold(), await standsBy?.hold()]).toEqual([true, false]);
    await relays?.release();
    const stopped = Promise.withResolvers<string>();
    const stop = async (reason: string) => stopped.resolve(reason);
    // As a relay on standby does: its questions keep its session.
    const proves = setInterval(() => void standsBy?.hold().catch(() => {}), 700);
    void recoverWhenAsked({ ...service('beside', true, new Date()), shutdown: { onStop: () => {}, stop } });
    expect(await stopped.promise).toBe('recovery failed');
    clearInterval(proves);
    await standsBy?.release();
    relay = bench.relay();
  });

  it('when one was just done, then an instance that comes now takes it for its own', async () => {
    await relay.stop();
    const from = new Date();
    await recoverFrom({ from });
    const done = (await recoveries()).length;
    await recoverWhenAsked(service('just after', true, from));
    expect(await recoveries()).toHaveLength(done);
    relay = bench.relay();
  });

  it('when they start at once, then one recovers and the others wait for it', async () => {
    const from = new Date();
    await bench.publish(rejected(newOrderId(), newOrderId()));
    await untilSent();
    await relay.stop();
    const before = (await recoveries()).length;
    const waits = Promise.withResolvers<void>();
    let applied = 0;
    const logger = {
      ...silentLogger,
      info: (_: object, message: string) => message.includes('another instance is at it') && waits.resolve(),
    };
    const own: OwnFacts<'coupon-rejected'> = {
      group: GROUP,
      types: ['coupon-rejected'],
      // Waits until the other instance has come.
      apply: async (_, events) => {
        applied += events.length;
        await waits.promise;
      },
    };
    const start = (instance: string) =>
      recoverWhenAsked({ ...service(instance, true, from), logger: logger as never, own: own as never });
    await Promise.all([start('a'), start('b')]);
    expect(applied).toBe(1);
    const done = (await recoveries()).slice(0, -before || undefined);
    expect(done.map((row) => row.status)).toEqual(['DONE']);
    relay = bench.relay();
  });
});

/** Deletes the first record of each partition, as retention does. */
async function trim(topic: string): Promise<void> {
  const admin = createClient({ brokers, clientId: 'retention', logger: silentLogger }).admin();
  await admin.connect();
  try {
    const ends = (await admin.fetchTopicOffsets(topic)).filter((end) => end.high !== '0');
    expect(ends.length).toBeGreaterThan(0);
    await admin.deleteTopicRecords({ topic, partitions: ends.map(({ partition }) => ({ partition, offset: '1' })) });
  } finally {
    await admin.disconnect();
  }
}
