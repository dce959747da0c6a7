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
   * Longest time between two looks at the outbox while nobody wakes it, ms, asked before each rest; default POLL_MS.
   * `inVain`: so many looks in a row have found nothing.
   */
  readonly pollMs?: (inVain: number) => number;
  /** Under load a turn waits so long at most to fill, ms; default 30. See `createPace`. */
  readonly paceMs?: number;
  /** How often a process that stands by asks for the lock, ms; default 700. */
  readonly standbyMs?: number;
  /** Rows a turn; default 500. */
  readonly batch?: number;
  /** How long sent rows may stay in the table, so that many are deleted together, ms; default 200. */
  readonly keepMs?: number;
  /** How long a gap in the numbers is waited for, ms; see `OutboxLedger`. For the simulation, whose time is its own. */
  readonly quietMs?: number;
}

/** How often it looks at the outbox by itself, ms, where it may only hear of commits in its own process. */
export const POLL_MS = 40;
/** However much comes from memory, the table is looked at so often, ms. */
const LOOK_MS = 1_000;
/** Longest time for the last rows when the process stops, ms. */
const FINISH_MS = 2_000;

export interface Relay {
  /** Something was committed to the outbox: these rows, where it was this process and their numbers are known. */
  wake(rows?: readonly NumberedRow[]): void;
  /** True while this process is the one that relays. */
  readonly holding: boolean;
  /** True when it relays and its last look found the outbox empty. */
  readonly drained: boolean;
  /** Finishes the turn at work and lets the lock go. */
  stop(): Promise<void>;
}

/** What one relay works with, and where it stands. */
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
  /** So many looks in a row have found nothing. */
  inVain: number;
}

/**
 * Sends the outbox in order and deletes exactly what it sent. It keeps no cursor: a lower id may commit later. Dying
 * between the send and the deletion sends again with the same ids; every consumer drops those.
 *
 * Rows that this process has just committed are sent from memory, as far as the ledger can tell that nothing stands
 * before them. Everything else is read from the table: another process's rows, those behind a gap, those of before.
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
    ...{ store, broker, lock, pollMs, standbyMs, batch, logger, metrics, clock, random, stopping },
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

/** Turns while this process holds the lock, until it stops. It never rejects. */
async function run(work: Work): Promise<void> {
  const { lock, logger, clock, random, standbyMs, backoff, stopping } = work;
  while (!stopping.aborted) {
    try {
      setHolding(work, await lock.hold());
      if (!work.holding) {
        // Wake-ups are for the holder; here they would only turn the loop.
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
  // What is committed meanwhile goes with the next turn: the first event after a pause never waits here.
  const early = pace.wait(clock.now());
  if (early > 0) await clock.sleep(early, stopping);
  return false;
}

/** From memory where that is safe, else from the table, which then holds only what is not known to be sent. */
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

/** Until there is more to send; what was sent is deleted on the way. */
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
  // Whatever happened before, or happens while another relays, is learnt from the table.
  ledger.reset();
  // Whoever relays measures the backlog; what was measured here before must not stand as if it still were.
  metrics.outbox(0, 0);
}

/** What the last requests committed goes out with this process rather than with its successor, if that is quick. */
async function finish(work: Work): Promise<void> {
  const sendAll = async () => {
    while (await turn(work));
    await work.sent.settle();
  };
  // What is not sent in time stays in its rows; the next holder sends it.
  await atMost(work.clock, FINISH_MS, sendAll());
}
