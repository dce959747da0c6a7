import type { Database, Logger, Shutdown, Transaction } from '@shop/chassis';
import { createBackoff, systemClock } from '../clock.ts';
import { createCodec } from '../codec/index.ts';
import { failpointFromEnvironment } from '../consumer/index.ts';
import type { EventType } from '../contracts/index.ts';
import { describe, OutageError, StaleBatchError } from '../errors.ts';
import { classify } from '../failure.ts';
import { createKafkaAdmin } from '../kafka/index.ts';
import { createOutbox, type Outbox } from '../outbox/index.ts';
import { createSqlRelayLock, type RelayLock } from '../relay/index.ts';
import { anyEvents } from '../replay/index.ts';
import { createSqlMessagingStore } from '../store/index.ts';
import { recover } from './recovery.ts';
import { type OwnFacts, RecoveryError, type RecoverySubscription, type ReplayedGroup } from './recovery-options.ts';
import { isRecovered, lastRecovery, unfinishedSince } from './recovery-store.ts';

/** How often an instance that waits for another one's recovery looks again, ms. */
const LOOK_MS = 300;

export interface RecoverableService<O extends EventType, T extends EventType> {
  readonly service: string;
  readonly config: {
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
 * work on it would be on a part of what happened. An error that a retry cannot mend ends the process with 1.
 */
export async function recoverWhenAsked<O extends EventType, T extends EventType>(
  service: RecoverableService<O, T>,
): Promise<void> {
  const { config, database, logger, shutdown } = service;
  if (!config.RECOVERY) {
    if (await mayGoLive(service)) return;
    void shutdown.stop('a recovery of the schema is not done', 1);
    await new Promise(() => {}); // The shutdown ends the process.
  }
  const stopping = new AbortController();
  const lock = createSqlRelayLock(database, `recovery:${database.schema}`);
  const ended = recoverOnce(service, lock, stopping.signal).finally(() => lock.release());
  shutdown.onStop('recovery', async () => {
    stopping.abort();
    await ended.catch(() => {});
  });
  try {
    await ended;
  } catch (error) {
    if (!(error instanceof StaleBatchError)) {
      logger.error({ error: describe(error) }, 'recovery failed: the service does not start');
      void shutdown.stop('recovery failed', 1);
    }
    await new Promise(() => {}); // The shutdown ends the process.
  }
}

/** False on a schema whose recovery is at work elsewhere, has died or was refused. */
async function mayGoLive({ database, logger }: Pick<RecoverableService<never, never>, 'database' | 'logger'>) {
  try {
    const since = await unfinishedSince(database);
    if (since) {
      const words = 'a recovery of this schema is not done: the service starts with RECOVERY=on only, until one is';
      logger.error({ since: since.toISOString() }, words);
    }
    return !since;
  } catch (error) {
    if (classify(error) === 'poison') throw error;
    logger.warn({ error: describe(error) }, 'the database is away: not known whether a recovery of the schema is done');
    return true;
  }
}

async function recoverOnce<O extends EventType, T extends EventType>(
  service: RecoverableService<O, T>,
  lock: RelayLock,
  signal: AbortSignal,
): Promise<void> {
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
      if (!(await lock.hold())) {
        if (!waits) logger.info({}, 'recovery: another instance is at it, waiting');
        waits = true;
        await systemClock.sleep(LOOK_MS, signal);
        continue;
      }
      if (await isRecovered(database, from, before)) return logger.info({}, 'recovery: another instance has done it');
      return await recoverHere(service, from, lock, signal);
    } catch (error) {
      if (classify(error) === 'poison') throw error;
      logger.warn({ error: describe(error) }, 'recovery waits: something is away; then it begins again');
      await systemClock.sleep(backoff.next(), signal);
    }
  }
}

async function recoverHere<O extends EventType, T extends EventType>(
  service: RecoverableService<O, T>,
  from: Date,
  lock: RelayLock,
  signal: AbortSignal,
): Promise<void> {
  const { config, database, logger, own } = service;
  const store = createSqlMessagingStore(database);
  const codec = createCodec({ registryUrl: config.SCHEMA_REGISTRY_URL, logger });
  const clock = { ...systemClock, now: database.clock.now };
  const outbox = createOutbox({ store, codec, source: service.service, clock });
  const clientId = `${service.service}-${config.INSTANCE_ID}-recovery`;
  const log = await createKafkaAdmin({ brokers: config.KAFKA_BROKERS, clientId, logger });
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
        if (!(await lock.hold())) throw new OutageError('the lock of the recovery is lost');
      },
      instance: config.INSTANCE_ID,
      logger,
      clock,
      signal,
      failpoint: failpointFromEnvironment(),
    });
  } finally {
    await log.close().catch(() => {});
  }
}
