import { createPace, type Pace } from '@shop/chassis';
import type { Broker } from '../broker.ts';
import { atMost, type Clock, createBackoff, systemClock } from '../clock.ts';
import { withSequence } from '../codec/index.ts';
import { describe } from '../errors.ts';
import { type EventLogger, silentLogger } from '../log.ts';
import { type EventMetrics, noMetrics } from '../metrics.ts';
import type { MessagingStore, NumberedRow } from '../store/index.ts';
import { type Alarm, createAlarm } from './alarm.ts';
import { createOutboxLedger, type OutboxLedger } from './outbox-ledger.ts';
import type { RelayLock } from './relay-lock.ts';
import { createSentRows, type SentRows } from './sent-rows.ts';

export interface RelayOptions {
  readonly store: Pick<MessagingStore<never>, 'readOutbox' | 'deleteOutbox'>;
  readonly broker: Pick<Broker, 'send'>;
  readonly lock: RelayLock;
  readonly logger?: EventLogger;
  readonly metrics?: EventMetrics;
  readonly clock?: Clock;
  readonly random?: () => number;
  /**
   * Longest time between two polls of the outbox without a wake-up, ms, asked before each rest; default POLL_MS.
   * `inVain`: the number of empty polls in a row.
   */
  readonly pollMs?: (inVain: number) => number;
  /** Under load a turn waits at most this long for more rows, ms; default 30. See `createPace`. */
  readonly paceMs?: number;
  /** How often a standby process asks for the lock, ms; default 700. */
  readonly standbyMs?: number;
  /** Rows a turn; default 500. */
  readonly batch?: number;
  /** How long sent rows may stay in the table, so that many are deleted at once, ms; default 200. */
  readonly keepMs?: number;
  /**
   * How long a gap in the numbers is waited for, ms; see `OutboxLedger`. Set by the simulation, which has its own time.
   */
  readonly quietMs?: number;
}

/** Poll interval of the outbox, ms, for a relay that hears only of commits in its own process. */
export const POLL_MS = 40;
/** The table is read at least this often, however many rows come from memory, ms. */
const LOOK_MS = 1_000;
/** Longest time to send the last rows when the process stops, ms. */
const FINISH_MS = 2_000;

export interface Relay {
  /** Called after a commit to the outbox, with the rows where this process wrote them and their numbers are known. */
  wake(rows?: readonly NumberedRow[]): void;
  /** True while this process is the one that relays. */
  readonly holding: boolean;
  /** True when this process relays and its last look found the outbox empty. */
  readonly drained: boolean;
  /** Finishes the current turn and releases the lock. */
  stop(): Promise<void>;
}

/** The state of one relay. */
interface Work extends Required<Omit<RelayOptions, 'paceMs' | 'keepMs' | 'quietMs'>> {
  readonly backoff: ReturnType<typeof createBackoff>;
  readonly pace: Pace;
  readonly ledger: OutboxLedger;
  readonly sent: SentRows;
  readonly alarm: Alarm;
  readonly stopping: AbortSignal;
  /** When the table was last read, ms. */
  lookedAt: number;
  holding: boolean;
  failing: boolean;
  /** Number of looks in a row that found nothing. */
  inVain: number;
}

/**
 * Sends the outbox in order and deletes exactly the rows it sent. It keeps no cursor: a lower id may commit later.
 * After a crash between send and deletion the rows are sent again with the same ids; every consumer drops them.
 *
 * Rows that this process has just committed are sent from memory, as far as the ledger knows that no earlier row is
 * missing. All other rows are read from the table: another process's, those behind a gap, and those from before the
 * start.
 */
export function startRelay(options: RelayOptions): Relay {
  const stopping = new AbortController();
  const work = prepare(options, stopping.signal);
  const ended = run(work);
  return {
    wake(rows) {
      if (rows && work.holding) work.ledger.add(rows, work.clock.now());
      work.alarm.wake();
    },
    get holding() {
      return work.holding;
    },
    get drained() {
      return work.holding && work.inVain > 0;
    },
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

function prepare(options: RelayOptions, stopping: AbortSignal): Work {
  const { store, broker, lock, pollMs = () => POLL_MS, paceMs = 30, standbyMs = 700, batch = 500 } = options;
  const { keepMs = 200, quietMs } = options;
  const { logger = silentLogger, metrics = noMetrics, clock = systemClock, random = Math.random } = options;
  return {
    store,
    broker,
    lock,
    pollMs,
    standbyMs,
    batch,
    logger,
    metrics,
    clock,
    random,
    stopping,
    backoff: createBackoff(50, 1_000, random),
    pace: createPace(paceMs),
    ledger: createOutboxLedger(quietMs),
    sent: createSentRows(store, keepMs, clock),
    alarm: createAlarm(clock, stopping),
    lookedAt: Number.NEGATIVE_INFINITY,
    holding: false,
    failing: false,
    inVain: 0,
  };
}

/** Takes turns while this process holds the lock, until it stops. Never rejects. */
async function run(work: Work): Promise<void> {
  const { lock, logger, clock, random, standbyMs, backoff, stopping } = work;
  while (!stopping.aborted) {
    try {
      setHolding(work, await lock.hold());
      if (!work.holding) {
        // Only the holder reacts to wake-ups; on standby they would only spin the loop.
        await clock.sleep(standbyMs * (0.75 + random() / 2), stopping);
        continue;
      }
      const more = await turn(work);
      if (work.failing) logger.info({}, 'relay goes on');
      work.failing = false;
      backoff.reset();
      if (!more) await restOrSettle(work);
    } catch (error) {
      if (!work.failing) logger.error({ error: describe(error) }, 'relay waits: broker or database is away');
      work.failing = true;
      work.inVain = 0;
      await clock.sleep(backoff.next(), stopping);
    }
  }
  if (work.holding) await finish(work);
  setHolding(work, false);
  await lock.release().catch((error: unknown) => logger.warn({ error: describe(error) }, 'releasing the relay lock'));
}

/** @returns true if there may be more. */
async function turn(work: Work): Promise<boolean> {
  const { broker, metrics, clock, pace, ledger, sent, batch, stopping } = work;
  pace.started(clock.now());
  const rows = await nextRows(work);
  if (rows.length === 0) return false;
  pace.had(rows.length);
  await broker.send(
    rows.map(({ topic, key, payload, headers, seq }) => ({
      ...{ topic, key, value: payload },
      headers: withSequence(headers, seq),
    })),
  );
  metrics.relayed(rows.length);
  sent.add(rows);
  ledger.sent(rows, clock.now());
  if (sent.count >= batch || sent.dueIn() <= 0) await sent.settle();
  if (rows.length === batch) return true;
  // Rows committed meanwhile go with the next turn. The first event after a pause never waits here.
  const early = pace.wait(clock.now());
  if (early > 0) await clock.sleep(early, stopping);
  return false;
}

/** Rows from memory where that is safe, else from the table, which then holds only rows not known to be sent. */
async function nextRows(work: Work): Promise<NumberedRow[]> {
  const { store, clock, ledger, sent, batch } = work;
  const known = clock.now() - work.lookedAt < LOOK_MS ? ledger.take(batch, clock.now()) : undefined;
  if (known) {
    work.inVain = 0;
    return known;
  }
  await sent.settle();
  work.lookedAt = clock.now();
  const rows = await store.readOutbox(batch);
  work.inVain = rows.length === 0 ? work.inVain + 1 : 0;
  return rows;
}

/** Rests until there is more to send, and deletes sent rows on the way. */
async function restOrSettle({ sent, alarm, pollMs, inVain }: Work): Promise<void> {
  if (sent.count === 0) return alarm.sleep(pollMs(inVain));
  await alarm.sleep(Math.max(0, sent.dueIn()));
  if (sent.dueIn() <= 0) await sent.settle();
}

function setHolding(work: Work, holding: boolean): void {
  const { logger, ledger, metrics } = work;
  if (holding !== work.holding) logger.info({ holding }, holding ? 'relaying the outbox' : 'standing by for the relay');
  work.holding = holding;
  metrics.relaying(holding);
  if (holding) return;
  // When the holder changes, the table is the only source: another process may have relayed.
  ledger.reset();
  // The relaying process measures the backlog. A former value of this process must not stay visible.
  metrics.outbox(0, 0);
}

/** Sends what the last requests committed before this process ends, rather than leave it to its successor, if quick. */
async function finish(work: Work): Promise<void> {
  const sendAll = async () => {
    while (await turn(work));
    await work.sent.settle();
  };
  // Rows not sent in time stay in the table; the next holder sends them.
  await atMost(work.clock, FINISH_MS, sendAll());
}
