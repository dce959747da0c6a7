import { createPace } from '@shop/chassis';
import type { Broker } from '../broker.ts';
import { atMost, type Clock, createBackoff, systemClock, WOKEN } from '../clock.ts';
import { withSequence } from '../codec/index.ts';
import { describe } from '../errors.ts';
import { type EventLogger, silentLogger } from '../log.ts';
import { type EventMetrics, noMetrics } from '../metrics.ts';
import type { MessagingStore, NumberedRow } from '../store/index.ts';
import { createOutboxLedger } from './outbox-ledger.ts';
import type { RelayLock } from './relay-lock.ts';

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

/**
 * Sends the outbox in order and deletes exactly what it sent. It keeps no cursor: a lower id may commit later. Dying
 * between the send and the deletion sends again with the same ids; every consumer drops those.
 *
 * Rows that this process has just committed are sent from memory, as far as the ledger can tell that nothing stands
 * before them. Everything else is read from the table: another process's rows, those behind a gap, those of before.
 */
export function startRelay(options: RelayOptions): Relay {
  const { store, broker, lock, pollMs = () => POLL_MS, paceMs = 30, standbyMs = 700, batch = 500 } = options;
  const { keepMs = 200, quietMs } = options;
  const { logger = silentLogger, metrics = noMetrics, clock = systemClock, random = Math.random } = options;
  const backoff = createBackoff(50, 1_000, random);
  const stopping = new AbortController();
  const pace = createPace(paceMs);
  const ledger = createOutboxLedger(quietMs);
  /** Sent, but not known to be deleted: deleted before the table is read again. */
  let unsettled: NumberedRow[] = [];
  /** When the first of them was sent, ms. */
  let unsettledSince = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let holding = false;
  let failing = false;
  let woken = false;
  let inVain = 0;
  let nap: AbortController | undefined;

  function wake(rows?: readonly NumberedRow[]): void {
    if (rows && holding) ledger.add(rows, clock.now());
    woken = true;
    nap?.abort(WOKEN);
  }
  stopping.signal.addEventListener('abort', () => wake());

  /** Sleeps until woken, but no longer than `ms`. A wake-up since the last sleep counts: none is lost. */
  async function rest(ms: number): Promise<void> {
    if (!woken && !stopping.signal.aborted) {
      nap = new AbortController();
      await clock.sleep(ms, nap.signal);
      nap = undefined;
    }
    woken = false;
  }

  /** @returns true if there may be more. */
  async function turn(): Promise<boolean> {
    pace.started(clock.now());
    const rows = await nextRows();
    if (rows.length === 0) return false;
    pace.had(rows.length);
    await broker.send(
      rows.map(({ topic, key, payload, headers, seq }) => ({
        ...{ topic, key, value: payload },
        headers: withSequence(headers, seq),
      })),
    );
    metrics.relayed(rows.length);
    if (unsettled.length === 0) unsettledSince = clock.now();
    unsettled.push(...rows);
    ledger.sent(rows, clock.now());
    if (unsettled.length >= batch || clock.now() - unsettledSince >= keepMs) await settle();
    if (rows.length === batch) return true;
    // What is committed meanwhile goes with the next turn: the first event after a pause never waits here.
    const early = pace.wait(clock.now());
    if (early > 0) await clock.sleep(early, stopping.signal);
    return false;
  }

  /** From memory where that is safe, else from the table, which then holds only what is not known to be sent. */
  async function nextRows(): Promise<NumberedRow[]> {
    const known = clock.now() - lookedAt < LOOK_MS ? ledger.take(batch, clock.now()) : undefined;
    if (known) {
      inVain = 0;
      return known;
    }
    await settle();
    lookedAt = clock.now();
    const rows = await store.readOutbox(batch);
    inVain = rows.length === 0 ? inVain + 1 : 0;
    return rows;
  }

  async function settle(): Promise<void> {
    if (unsettled.length === 0) return;
    await store.deleteOutbox(unsettled);
    unsettled = [];
  }

  /** Until there is more to send; what was sent is deleted on the way. */
  async function restOrSettle(): Promise<void> {
    if (unsettled.length === 0) return rest(pollMs(inVain));
    await rest(Math.max(0, unsettledSince + keepMs - clock.now()));
    if (clock.now() - unsettledSince >= keepMs) await settle();
  }

  function setHolding(now: boolean): void {
    if (now !== holding) logger.info({ holding: now }, now ? 'relaying the outbox' : 'standing by for the relay');
    holding = now;
    // Whatever happened before, or happens while another relays, is learnt from the table.
    if (!now) ledger.reset();
    metrics.relaying(now);
    // Whoever relays measures the backlog; what was measured here before must not stand as if it still were.
    if (!now) metrics.outbox(0, 0);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        setHolding(await lock.hold());
        if (!holding) {
          // Wake-ups are for the holder; here they would only turn the loop.
          await clock.sleep(standbyMs * (0.75 + random() / 2), stopping.signal);
          continue;
        }
        const more = await turn();
        if (failing) logger.info({}, 'relay goes on');
        failing = false;
        backoff.reset();
        if (!more) await restOrSettle();
      } catch (error) {
        if (!failing) logger.error({ error: describe(error) }, 'relay waits: broker or database is away');
        failing = true;
        inVain = 0;
        await clock.sleep(backoff.next(), stopping.signal);
      }
    }
    if (holding) await finish();
    setHolding(false);
    await lock.release().catch((error: unknown) => logger.warn({ error: describe(error) }, 'releasing the relay lock'));
  }

  /** What the last requests committed goes out with this process rather than with its successor, if that is quick. */
  async function finish(): Promise<void> {
    const sendAll = async () => {
      while (await turn());
      await settle();
    };
    // What is not sent in time stays in its rows; the next holder sends it.
    await atMost(clock, FINISH_MS, sendAll());
  }

  const ended = run();
  return {
    wake,
    get holding() {
      return holding;
    },
    get drained() {
      return holding && inVain > 0;
    },
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
