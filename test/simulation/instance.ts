import {
  type Broker,
  type Clock,
  type Codec,
  createOutbox,
  type EventLogger,
  type Outbox,
  type Subscription,
} from '@shop/events';
import { type ComparedClock, createDatabaseClock } from '../../libs/chassis/src/database/database-clock.ts';
import type { Failpoint } from '../../libs/events/src/consumer/apply.ts';
import { startConsumer } from '../../libs/events/src/consumer/consumer.ts';
import { startRedriver } from '../../libs/events/src/dead-letters/redriver.ts';
import { startRelay } from '../../libs/events/src/relay/relay.ts';
import type { RelayLock } from '../../libs/events/src/relay/relay-lock.ts';
import type { MemoryDatabase, MemoryTransaction } from './memory-database.ts';
import { createMemoryMessagingStore, type MessagingTables } from './memory-messaging-store.ts';
import type { Random } from './random.ts';
import type { Actor, Scheduler } from './scheduler.ts';
import type { SimulatedLog } from './simulated-log.ts';
import { START } from './world.ts';

/** Longer than any transaction of the simulation lives, virtual ms: see OutboxLedger. */
const QUIET_MS = 1_000;

/** The parts of a service's process, used at each start. */
export interface Parts<UseCases> {
  readonly service: string;
  readonly database: MemoryDatabase;
  readonly messaging: MessagingTables;
  readonly locks: RelayLocks;
  /** Puts the service together, as its main.ts does. */
  readonly wire: (process: Process) => Wired<UseCases>;
}

/** A real service, wired like its main.ts, on memory. */
export interface Wired<UseCases> {
  readonly subscriptions: readonly Subscription<MemoryTransaction>[];
  readonly useCases: UseCases;
  /** The service's periodic jobs. */
  readonly jobs?: readonly Job[];
}

interface Job {
  readonly name: string;
  readonly everyMs: number;
  run(): Promise<unknown>;
}

/** The arguments of a service's wiring. */
export interface Process {
  readonly actor: Actor;
  readonly outbox: Outbox<MemoryTransaction>;
  readonly clock: Clock;
  readonly logger: EventLogger;
  /** ms since the epoch, by no machine's clock. */
  readonly trueTime: () => number;
  transaction<T>(work: (tx: MemoryTransaction) => Promise<T>): Promise<T>;
}

export interface Surroundings {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly log: SimulatedLog;
  readonly codec: Codec;
  readonly failpoint: Failpoint;
  /** How far the wall clock of the instance's machine is ahead of the true time, ms. */
  readonly skewMs: number;
}

/** One instance of a service: it starts, crashes and starts again. */
export class Instance<UseCases> {
  readonly name: string;
  readonly parts: Parts<UseCases>;
  useCases: UseCases | undefined;
  readonly #surroundings: Surroundings;
  #actor: { readonly name: string; alive: boolean } | undefined;
  #onCrash: (() => void)[] = [];
  #runs = 0;

  constructor(name: string, parts: Parts<UseCases>, surroundings: Surroundings) {
    this.name = name;
    this.parts = parts;
    this.#surroundings = surroundings;
  }

  get alive(): boolean {
    return this.#actor !== undefined;
  }

  start(): void {
    const { scheduler, random, log, codec, failpoint } = this.#surroundings;
    const { database, messaging, service, locks } = this.parts;
    const actor = { name: `${this.name}.${++this.#runs}`, alive: true };
    this.#actor = actor;
    const broker: Broker = log.connect(actor);
    const compared = createClock(this.#surroundings, actor, database);
    const transaction: Process['transaction'] = async (work) => {
      // As in createDatabase.
      if (!compared.isCompared) await compared.compare();
      return await database.transaction(actor, work);
    };
    const store = { ...createMemoryMessagingStore(database, messaging, actor), transaction };
    const clock: Clock = {
      now: compared.now,
      sleep: (ms, signal) => scheduler.sleep(actor, ms, 'sleep', signal),
    };
    const logger = loggerOn(scheduler, actor);
    const trueTime = () => scheduler.now;
    const relay = startRelay({
      store,
      broker,
      lock: locks.of(actor),
      logger,
      clock,
      monotonic: trueTime,
      random: random.next,
      pollMs: () => 500,
      batch: 5,
      quietMs: QUIET_MS,
    });
    const outbox = createOutbox<MemoryTransaction>({
      store,
      codec,
      source: service,
      wake: (rows) => relay.wake(rows),
      clock,
    });
    const {
      subscriptions: wired,
      useCases,
      jobs = [],
    } = this.parts.wire({
      ...{ actor, outbox, clock, logger, transaction, trueTime },
    });
    const subscriptions = wired.map((subscription) => noting(messaging, subscription));
    this.useCases = useCases;
    for (const subscription of subscriptions) {
      void startConsumer({
        broker,
        store,
        codec,
        subscription,
        logger,
        failpoint,
        clock,
        random: random.next,
        maxBatch: 10,
      });
    }
    startRedriver({
      database: { ...database.asSql(actor), transaction },
      store,
      codec,
      subscriptions: () => subscriptions,
      logger,
      failpoint,
      clock,
      pauses: { first: 600, last: 600 },
    });
    for (const job of jobs) void repeat(actor, clock, job, logger);
  }

  /** Ends the process between two steps: its pending work never happens. */
  crash(): void {
    if (!this.#actor) return;
    this.#surroundings.scheduler.note(this.#actor, '*** crashes');
    this.#actor.alive = false;
    this.parts.database.disconnect(this.#actor);
    this.parts.locks.disconnect(this.#actor);
    this.#surroundings.log.disconnect(this.#actor);
    this.#actor = undefined;
    this.useCases = undefined;
    const callers = this.#onCrash;
    this.#onCrash = [];
    for (const hangUp of callers) hangUp();
  }

  /** An HTTP request; rejects when the process dies before it has answered. */
  async call<T>(request: (useCases: UseCases) => Promise<T>): Promise<T> {
    if (!this.useCases) throw new ConnectionLost(`${this.name} is down`);
    const answer = request(this.useCases);
    const hungUp = new Promise<never>((_, reject) => {
      this.#onCrash.push(() => reject(new ConnectionLost(`${this.name} died`)));
    });
    return await Promise.race([answer, hungUp]);
  }
}

/** The service's real clock, on a machine whose wall clock may be wrong. The database tells the true time. */
function createClock({ scheduler, skewMs }: Surroundings, actor: Actor, { schema }: MemoryDatabase): ComparedClock {
  return createDatabaseClock({
    database: {
      async query<Row>() {
        await scheduler.step(actor, `${schema}: tell the time`);
        return [{ at: new Date(scheduler.now) }] as Row[];
      },
    },
    monotonic: () => scheduler.now - START,
    wallClock: () => scheduler.now + skewMs,
  });
}

/** Records the handler's events, in the handler's own transaction. */
function noting(
  tables: MessagingTables,
  subscription: Subscription<MemoryTransaction>,
): Subscription<MemoryTransaction> {
  return {
    ...subscription,
    async handle(tx, events) {
      await subscription.handle(tx, events);
      for (const { id, type, topic, key } of events) {
        await tx.put(tables.handled, `${id}/${tx.nextId()}`, { id, type, topic, key });
      }
    },
  };
}

async function repeat(actor: Actor, clock: Clock, job: Job, logger: EventLogger): Promise<void> {
  while (actor.alive) {
    await clock.sleep(job.everyMs);
    await job.run().catch((error: unknown) => logger.error({ error }, `${job.name} failed`));
  }
}

export class ConnectionLost extends Error {
  override name = 'ConnectionLost';
}

/** The named lock of a schema's relay. It ends with the connection; sometimes its holder learns of that late. */
export class RelayLocks {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  #holder: Actor | undefined;

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  of(actor: Actor): RelayLock {
    let believed = false;
    return {
      hold: async () => {
        await this.#scheduler.step(actor, 'ask for the relay lock');
        // A successful check of the connection is trusted for a while, though the connection may have died since.
        if (believed && this.#random.chance(0.5)) return true;
        if (this.#holder === undefined || this.#random.chance(0.02)) this.#holder = actor;
        believed = this.#holder === actor;
        return believed;
      },
      release: async () => {
        if (this.#holder === actor) this.#holder = undefined;
      },
    };
  }

  disconnect(actor: Actor): void {
    if (this.#holder === actor) this.#holder = undefined;
  }
}

function loggerOn(scheduler: Scheduler, actor: Actor): EventLogger {
  const log = (details: object, message: string) => {
    const error = 'error' in details ? details.error : 'err' in details ? details.err : undefined;
    scheduler.note(actor, `  log: ${message}${error === undefined ? '' : ` (${String(error)})`}`);
  };
  return { debug: () => undefined, info: log, warn: log, error: log };
}
