import {
  type ConnectionConfig,
  type Database,
  type DedicatedConnection,
  kafkaSecurity,
  type Logger,
  registryAccess,
  type Shutdown,
  type Transaction,
} from '@shop/chassis';
import { type Clock, createBackoff, systemClock } from '../clock.ts';
import { createCodec } from '../codec/index.ts';
import { failpointFromEnvironment } from '../consumer/index.ts';
import type { EventType } from '../contracts/index.ts';
import { describe, OutageError, StaleBatchError } from '../errors.ts';
import { classify } from '../failure.ts';
import { createKafkaAdmin } from '../kafka/index.ts';
import { createOutbox, type Outbox } from '../outbox/index.ts';
import { createSqlRelayLock, openLiveMark, type RelayLock, someoneIsLive } from '../relay/index.ts';
import { anyEvents } from '../replay/index.ts';
import { createSqlMessagingStore } from '../store/index.ts';
import { recover } from './recovery.ts';
import { type OwnFacts, RecoveryError, type RecoverySubscription, type ReplayedGroup } from './recovery-options.ts';
import { isRecovered, lastRecovery, unfinishedSince } from './recovery-store.ts';

/** How often an instance that waits for another one's recovery looks again, ms. */
const LOOK_MS = 300;
/** How often a database that is away is asked again whether the schema may go live, ms. */
const ASK_AGAIN_MS = 1_000;
/** How often the locks are shown to be alive during a step that takes long, ms: the server ends a silent session. */
const KEEP_MS = 2_000;
/** A process that died may hold the relay's lock, or its mark, for as long as the server keeps its session, ms. */
const DEAD_FOR_MS = 15_000;
/** The relay begins, and marks its own session, right after a start. The session of the start's mark ends then, ms. */
const START_MARK_MS = 5_000;
/** A recovery that was done so short a time ago is that of an instance which is about to go live, ms. */
const JUST_DONE_MS = 60_000;

export interface RecoverableService<O extends EventType, T extends EventType> {
  readonly service: string;
  readonly config: ConnectionConfig & {
    readonly KAFKA_BROKERS: readonly string[];
    readonly SCHEMA_REGISTRY_URL: string;
    readonly INSTANCE_ID: string;
    readonly RECOVERY: boolean;
    readonly RECOVERY_FROM?: Date | undefined;
    readonly RECOVERY_ACCEPT_GAPS: boolean;
    readonly RECOVERY_BATCH: number;
  };
  readonly database: Database;
  readonly logger: Logger;
  readonly shutdown: Pick<Shutdown, 'onStop' | 'stop'>;
  readonly own: OwnFacts<O>;
  /** The subscriptions that go live later, made here with the outbox and the clock of the recovery, or their likes. */
  readonly subscriptions: (deps: {
    readonly outbox: Outbox<Transaction>;
    readonly now: () => Date;
  }) => readonly RecoverySubscription<T>[];
  /** Groups that act outside of the schema, so that the recovery cannot decide for them: what they lack is replayed. */
  readonly replayed?: readonly ReplayedGroup[];
}

/**
 * With RECOVERY=on, brings the schema forward before anything else of the service starts. One of several instances
 * recovers, the others wait for it. Without it, returns at once, unless the schema is in the midst of a recovery: live
 * work on it would be on a part of what happened. While another instance has only taken the locks of a recovery, this
 * waits until that one has begun or given up; a dead one loses them after ten seconds. An error that a retry cannot
 * mend ends the process with 1.
 */
export async function recoverWhenAsked<O extends EventType, T extends EventType>(
  service: RecoverableService<O, T>,
): Promise<void> {
  const { config, database, logger, shutdown } = service;
  const endSoon = (mark: DedicatedConnection) => {
    const timer = setTimeout(() => void mark.end(), START_MARK_MS);
    shutdown.onStop('live mark', async () => {
      clearTimeout(timer);
      await mark.end();
    });
  };
  if (!config.RECOVERY) {
    const mark = await goLive(service);
    if (mark) return endSoon(mark);
    void shutdown.stop('a recovery of the schema is not done', 1);
    await new Promise(() => {}); // The shutdown ends the process.
  }
  const stopping = new AbortController();
  const locks: Locks = {
    recovery: createSqlRelayLock(database, { name: recoveryLock(database) }),
    live: createSqlRelayLock(database),
  };
  const ended = recoverOnce(service, locks, stopping.signal).finally(async () => {
    await locks.live.release();
    await locks.recovery.release();
  });
  shutdown.onStop('recovery', async () => {
    stopping.abort();
    await ended.catch(() => {});
  });
  try {
    endSoon(await ended);
  } catch (error) {
    if (!stopping.signal.aborted) {
      logger.error({ error: describe(error) }, 'recovery failed: the service does not start');
      void shutdown.stop('recovery failed', 1);
    }
    await new Promise(() => {}); // The shutdown ends the process.
  }
}

/** The locks that a recovery holds until it is done. */
export interface Locks {
  /** One instance at a time recovers. */
  readonly recovery: RelayLock;
  /**
   * The relay's: one of the live instances holds it, also one of a release that does not mark its sessions. A recovery
   * beside a live instance would overwrite what that one writes.
   */
  readonly live: RelayLock;
}

const recoveryLock = (database: Database) => `recovery:${database.schema}`;

/**
 * Marks this process as live. Undefined on a schema whose recovery is at work elsewhere, has died or was refused. While
 * the database is away this is not known, and waits: the first work after its return would be on a part of what
 * happened.
 */
export async function goLive(
  { database, logger }: Pick<RecoverableService<never, never>, 'database' | 'logger'>,
  clock: Clock = systemClock,
): Promise<DedicatedConnection | undefined> {
  const told = new Set<string>();
  const tellOnce = (words: string, details: object = {}) => {
    if (!told.has(words)) logger.warn(details, words);
    told.add(words);
  };
  for (;;) {
    let mark: DedicatedConnection | undefined;
    try {
      const since = await unfinishedSince(database);
      if (since) {
        const words = 'a recovery of this schema is not done: the service starts with RECOVERY=on only, until one is';
        logger.error({ since: since.toISOString() }, words);
        return undefined;
      }
      if (!(await isRecovering(database))) {
        // A recovery takes its lock and looks for marks after it; here the mark comes first and the lock is looked at
        // after it. So one of the two sees the other. The row comes last: who died meanwhile has left one.
        mark = await openLiveMark(database);
        if (!(await isRecovering(database)) && !(await unfinishedSince(database))) return mark;
        await mark.end();
      }
      tellOnce('another instance is about to recover this schema: the start waits until it has begun or given up');
      await clock.sleep(LOOK_MS);
    } catch (error) {
      await mark?.end();
      if (classify(error) === 'poison') throw error;
      const words = 'the database is away: the start waits until it tells whether the schema is in a recovery';
      tellOnce(words, { error: describe(error) });
      await clock.sleep(ASK_AGAIN_MS);
    }
  }
}

async function isRecovering(database: Database): Promise<boolean> {
  const [row] = await database.query<{ holder: number | null }>('SELECT IS_USED_LOCK(?) AS holder', [
    recoveryLock(database),
  ]);
  return row !== undefined && row.holder !== null;
}

/**
 * Recovers, or waits for the instance that does.
 * @returns the mark of this process as live, taken while nobody else could begin a recovery
 */
export async function recoverOnce<O extends EventType, T extends EventType>(
  service: RecoverableService<O, T>,
  locks: Locks,
  signal: AbortSignal,
  { clock = systemClock, recover: bringForward = recoverHere<O, T> } = {},
): Promise<DedicatedConnection> {
  const { config, database, logger } = service;
  const from = config.RECOVERY_FROM;
  if (!from) throw new RecoveryError('RECOVERY=on needs RECOVERY_FROM, a time before the backup was taken');
  const backoff = createBackoff(200, 5_000);
  let before: number | undefined;
  let waits = false;
  for (;;) {
    if (signal.aborted) throw new StaleBatchError('the service is stopping');
    try {
      before ??= await lastRecovery(database);
      if (!(await locks.recovery.hold())) {
        if (!waits) logger.info({}, 'recovery: another instance is at it, waiting');
        waits = true;
        await locks.live.release(); // That one needs it, and so does whoever is live after it.
        await clock.sleep(LOOK_MS, signal);
        continue;
      }
      if (await isDone(database, from, before)) logger.info({}, 'recovery: another instance has done it');
      else if (await nobodyIsLive(database, locks, signal, clock)) await bringForward(service, from, locks, signal);
      else if (await isRecovered(database, from, 0)) logger.info({}, 'recovery: done, and an instance is live');
      else throw new RecoveryError('an instance of this service is live: stop every instance, then begin again');
      const mark = await openLiveMark(database);
      // This process may have been frozen, and another one may have begun since: then that one is waited for.
      const stillHeld = await locks.recovery
        .hold()
        .catch((error: unknown) => mark.end().then(() => Promise.reject(error)));
      if (stillHeld) return mark;
      await mark.end();
    } catch (error) {
      if (classify(error) === 'poison') throw error;
      logger.warn({ error: describe(error) }, 'recovery waits: something is away; then it begins again');
      await clock.sleep(backoff.next(), signal);
    }
  }
}

/**
 * Whether this recovery is done: since this process began to wait, or just now. A schema that `restore` has written has
 * an open recovery, whatever its backup says of earlier ones.
 */
async function isDone(database: Database, from: Date, before: number): Promise<boolean> {
  if (await isRecovered(database, from, before)) return true;
  if (await unfinishedSince(database)) return false;
  return await isRecovered(database, from, 0, JUST_DONE_MS);
}

/**
 * Looks for sessions that are marked as live, and takes the relay's lock. False when another process keeps either for
 * longer than a dead one could: a frozen one loses both after ten seconds, since the server ends silent sessions. The
 * lock is not kept from whoever is live: nothing would leave the outbox meanwhile.
 */
async function nobodyIsLive(
  database: Database,
  { recovery, live }: Locks,
  signal: AbortSignal,
  clock: Clock,
): Promise<boolean> {
  for (let waited = 0; waited < DEAD_FOR_MS && !signal.aborted; waited += LOOK_MS) {
    // This wait is longer than a session may be silent: the recovery's lock would be lost in it.
    if (!(await recovery.hold())) throw new OutageError('the lock of the recovery is lost');
    const free = !(await someoneIsLive(database)) && (await live.hold());
    // One may have gone live between the look and the lock.
    if (free && !(await someoneIsLive(database))) return true;
    await live.release();
    await clock.sleep(LOOK_MS, signal);
  }
  return false;
}

/**
 * Keeps the sessions of the locks from falling silent in a step that takes long. A lock that was lost meanwhile is
 * lost: another process may have had it. So it is when an instance has gone live: one that was frozen may wake.
 */
function keepHeld(
  database: Database,
  { recovery, live }: Locks,
): { readonly stillHeld: () => Promise<boolean>; stop(): void } {
  let lost = false;
  const look = async () => {
    try {
      const held = await Promise.all([recovery.hold(), live.hold()]);
      if (held.includes(false) || (await someoneIsLive(database))) lost = true;
    } catch {
      lost = true; // The next step says so: `mayGoOn`.
    }
    return !lost;
  };
  const timer = setInterval(() => void look(), KEEP_MS);
  timer.unref();
  return { stillHeld: async () => !lost && (await look()), stop: () => clearInterval(timer) };
}

async function recoverHere<O extends EventType, T extends EventType>(
  service: RecoverableService<O, T>,
  from: Date,
  locks: Locks,
  signal: AbortSignal,
): Promise<void> {
  const { config, database, logger, own } = service;
  const { stillHeld, stop } = keepHeld(database, locks);
  const store = createSqlMessagingStore(database);
  const codec = createCodec({
    registryUrl: config.SCHEMA_REGISTRY_URL,
    registryAccess: registryAccess(config),
    logger,
  });
  const clock = { ...systemClock, now: database.clock.now };
  const outbox = createOutbox({ store, codec, source: service.service, clock });
  const clientId = `${service.service}-${config.INSTANCE_ID}-recovery`;
  const log = await createKafkaAdmin({
    ...{ brokers: config.KAFKA_BROKERS, security: kafkaSecurity(config) },
    ...{ clientId, logger },
  }).catch((error: unknown) => {
    stop();
    throw error;
  });
  try {
    await codec.ready();
    await recover({
      database,
      store,
      codec,
      log,
      own: own as unknown as OwnFacts,
      subscriptions: (now) => service.subscriptions({ outbox, now }).map(anyEvents),
      replayed: service.replayed ?? [],
      from,
      acceptGaps: config.RECOVERY_ACCEPT_GAPS,
      batch: config.RECOVERY_BATCH,
      mayGoOn: async () => {
        if (!(await stillHeld())) throw new OutageError('a lock of the recovery is lost, or an instance is live');
      },
      instance: config.INSTANCE_ID,
      logger,
      clock,
      signal,
      failpoint: failpointFromEnvironment(),
    });
  } finally {
    stop();
    await log.close().catch(() => {});
  }
}
