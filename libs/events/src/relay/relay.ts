import { createPace, type Pace } from '@shop/chassis';
import type { Broker } from '../broker.ts';
import { atMost, type Clock, createBackoff, systemClock } from '../clock.ts';
import { describe } from '../errors.ts';
import { type EventLogger, silentLogger } from '../log.ts';
import { type EventMetrics, noMetrics } from '../metrics.ts';
import type { MessagingStore, NumberedRow } from '../store/index.ts';
import { type Alarm, createAlarm } from './alarm.ts';
import { deliver, type Refusal } from './deliver.ts';
import { createHolds, type Holds } from './holds.ts';
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
  /**
   * A clock that never jumps, ms since any moment; default performance.now. How long a gap in the numbers has lasted is
   * measured by it: the other one may jump by minutes when it is first compared with the database's.
   */
  readonly monotonic?: () => number;
  readonly random?: () => number;
  /**
   * Longest time between two polls of the outbox without a wake-up, ms, asked before each rest; default POLL_MS.
   * `inVain`: the number of empty polls in a row.
   */
  readonly pollMs?: (inVain: number) => number;
  /** Under load a turn waits at most this long for more rows, ms; default 90. See `createPace`. */
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
  readonly holds: Holds;
  readonly sent: SentRows;
  readonly alarm: Alarm;
  readonly stopping: AbortSignal;
  /** When the table was last read, by `monotonic`, ms. */
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
 *
 * What the broker refuses is held back: a topic, or the key of a refused record. Its rows stay in the table, all others
 * are sent meanwhile, and it is tried again with back-off.
 */
export function startRelay(options: RelayOptions): Relay {
  const stopping = new AbortController();
  const work = prepare(options, stopping.signal);
  const ended = run(work);
  return {
    wake(rows) {
      if (rows && work.holding) work.ledger.add(rows, work.monotonic());
      work.alarm.wake();
    },
    get holding() {
      return work.holding;
    },
    get drained() {
      return work.holding && work.inVain > 0 && work.holds.parts.length === 0;
    },
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

function prepare(options: RelayOptions, stopping: AbortSignal): Work {
  const { store, broker, lock, pollMs = () => POLL_MS, paceMs = 90, standbyMs = 700, batch = 500 } = options;
  const { keepMs = 200, quietMs, monotonic = () => performance.now() } = options;
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
    monotonic,
    random,
    stopping,
    backoff: createBackoff(50, 1_000, random),
    pace: createPace(paceMs),
    ledger: createOutboxLedger(quietMs),
    holds: createHolds(random),
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
  const { clock, pace, ledger, sent, batch, stopping } = work;
  const begunAt = clock.now();
  pace.started(begunAt);
  const wentOn = await retryHeld(work);
  const { rows, isFull, readToEndAt } = await nextRows(work);
  if (rows.length > 0) {
    pace.had(rows.length);
    await send(work, rows);
  }
  if (readToEndAt !== undefined) ledger.sentAll(readToEndAt);
  if (sent.count > 0 && (sent.count >= batch || sent.dueIn() <= 0)) await sent.settle();
  if (rows.length > 0) pace.took(clock.now() - begunAt);
  if (isFull || wentOn) return true;
  // Rows committed meanwhile go with the next turn. The first event after a pause never waits here.
  const early = rows.length > 0 ? pace.wait(clock.now()) : 0;
  if (early > 0) await clock.sleep(early, stopping);
  return false;
}

/** Rows that are not held back, in order. */
interface NextRows {
  readonly rows: NumberedRow[];
  /** Whether there may be more. */
  readonly isFull: boolean;
  /** When the table was read, by `monotonic`, ms, if it had no more rows than these and the held ones. */
  readonly readToEndAt?: number;
}

/** Rows from memory where that is safe, else from the table, which then holds only rows not known to be sent. */
async function nextRows(work: Work): Promise<NextRows> {
  const { store, monotonic, ledger, holds, sent, batch } = work;
  const known = monotonic() - work.lookedAt < LOOK_MS ? ledger.take(batch) : undefined;
  if (known) {
    work.inVain = 0;
    const held = known.filter((row) => holds.has(row));
    if (held.length > 0) ledger.sent(held, monotonic());
    return { rows: known.filter((row) => !holds.has(row)), isFull: known.length === batch };
  }
  await sent.settle();
  work.lookedAt = monotonic();
  const { lookedAt } = work;
  const rows = await store.readOutbox(batch, { except: holds.parts });
  work.inVain = rows.length === 0 ? work.inVain + 1 : 0;
  return { rows, isFull: rows.length === batch, ...(rows.length < batch && { readToEndAt: lookedAt }) };
}

/** Sends rows; what the broker refuses is held back from now on, and left to the table. */
async function send(work: Work, rows: readonly NumberedRow[]): Promise<void> {
  const { broker, monotonic, ledger, sent, metrics } = work;
  const { taken, refusals } = await deliver(broker, rows);
  metrics.relayed(taken.length);
  sent.add(taken);
  ledger.sent(rows, monotonic());
  if (refusals.length > 0) hold(work, refusals);
}

/**
 * Tries one held part again, with its rows of the table. Once they are taken, the part is not held any more, and the
 * ledger is reset: rows of the part may have come to the table meanwhile, and are read from there, in order.
 * @returns true if the part has more rows
 */
async function retryHeld(work: Work): Promise<boolean> {
  const { store, broker, clock, ledger, holds, sent, metrics, logger, batch } = work;
  const part = holds.due(clock.now());
  if (!part) return false;
  // If the broker is away now, the next turn is the others'.
  holds.wait(part, clock.now());
  await sent.settle();
  const rows = await store.readOutbox(batch, { only: part });
  const { taken, refusals } = await deliver(broker, rows, true);
  metrics.relayed(taken.length);
  sent.add(taken);
  const isSame = refusals.some(({ topic, key }) => topic === part.topic && key === part.key);
  if (!isSame && rows.length === batch && refusals.length === 0) {
    holds.goOn(part, clock.now());
    return true;
  }
  if (!isSame) {
    holds.release(part);
    ledger.reset();
    const { topic, key, reason } = part;
    if (refusals.length === 0) logger.info({ topic, key, reason }, 'the broker takes again what it had refused');
  }
  hold(work, refusals);
  return false;
}

/** Holds back what the broker refuses; each part is named once in the log. */
function hold(work: Work, refusals: readonly Refusal[]): void {
  const { holds, clock, logger } = work;
  for (const { topic, key, reason, row } of holds.add(refusals, clock.now())) {
    const { id, seq, type } = row;
    logger.error(
      { topic, key, reason, event: id, seq, type },
      key === undefined
        ? 'the broker refuses a topic: its events wait in the outbox, all others go on'
        : 'the broker refuses an event: it waits in the outbox with what follows of its key, all others go on',
    );
  }
  tellRefusals(work);
}

/** Sets the measure of each refused topic. */
function tellRefusals({ holds, metrics }: Pick<Work, 'holds' | 'metrics'>): void {
  metrics.refused(holds.parts.map(({ topic, reason }) => ({ topic, reason })));
}

/** Rests until there is more to send, and deletes sent rows on the way. */
async function restOrSettle({ sent, alarm, pollMs, inVain }: Work): Promise<void> {
  if (sent.count === 0) return alarm.sleep(pollMs(inVain));
  await alarm.sleep(Math.max(0, sent.dueIn()));
  if (sent.dueIn() <= 0) await sent.settle();
}

function setHolding(work: Work, holding: boolean): void {
  const { logger, ledger, holds, metrics } = work;
  if (holding !== work.holding) logger.info({ holding }, holding ? 'relaying the outbox' : 'standing by for the relay');
  work.holding = holding;
  metrics.relaying(holding);
  if (holding) return;
  // When the holder changes, the table is the only source: another process may have relayed.
  ledger.reset();
  holds.clear();
  tellRefusals(work);
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
