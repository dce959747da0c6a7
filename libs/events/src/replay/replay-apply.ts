import type { Database } from '@shop/chassis';
import type { IncomingRecord } from '../broker.ts';
import type { Clock } from '../clock.ts';
import { type Codec, type Message, readMessage } from '../codec/index.ts';
import {
  type ApplyDeps,
  applyMessages,
  createDeadLetterRate,
  createPersistence,
  isolate,
  MAX_DEAD_LETTERS_A_MINUTE,
  type Subscription,
} from '../consumer/index.ts';
import type { EventType } from '../contracts/index.ts';
import { describe, HandlerBrokenError, StaleBatchError } from '../errors.ts';
import type { EventLogger } from '../log.ts';
import type { Applied } from '../metrics.ts';
import { createRepeats } from '../repeats.ts';
import { letterIdOf } from '../store/index.ts';

/** The replay was cancelled, or its generation is gone; found at the next look at its row. */
export class ReplayCancelledError extends Error {
  override readonly name = 'ReplayCancelledError';
}

interface ReplayApplierOptions<Tx> extends Omit<ApplyDeps<Tx>, 'now' | 'finish'> {
  readonly codec: Pick<Codec, 'decode'>;
  readonly clock: Clock;
  readonly logger: EventLogger;
  /** After an abort the current batch ends, and `apply` rejects with StaleBatchError. */
  readonly signal: AbortSignal;
  /**
   * Asked between two attempts while something is away. Resolves with why the replay must end, and all work then
   * rejects with that error; rejects when this cannot be told now. Absent: it waits for as long as it takes.
   */
  readonly endedBy?: () => Promise<Error | undefined>;
  /** Called last in each transaction that isolates poison. Rejects when the replay has ended: that undoes it. */
  readonly fence: (tx: Tx) => Promise<void>;
}

export type ReplayApplier<Tx> = ReturnType<typeof createReplayApplier<Tx>>;

/**
 * Applies records read from the log, outside of any group, to a group's handler, as its consumer would: duplicates are
 * dropped by the inbox, parked keys park, poison is isolated, an outage is waited for, as long as the replay may go on.
 */
// One function: both ways of applying share the limits, the repeats and what has ended the replay.
export function createReplayApplier<Tx>(options: ReplayApplierOptions<Tx>) {
  const { subscription, codec, clock, logger, signal, endedBy, fence } = options;
  const { group } = subscription;
  const rate = createDeadLetterRate();
  const repeats = createRepeats();
  const deps = { ...options, now: () => new Date(clock.now()) };
  let ended: Error | undefined;
  const isFinal = (error: unknown) =>
    error === ended || error instanceof StaleBatchError || error instanceof ReplayCancelledError;
  const untilEnded = createPersistence({
    clock,
    signal,
    random: Math.random,
    isStale: () => ended !== undefined,
    async heartbeat() {
      ended ??= await endedBy?.();
    },
    waiting: (reason) => {
      if (reason === undefined) return repeats.forget('waits');
      const leftOut = repeats.due('waits');
      if (leftOut === undefined) return;
      const details = { group, error: reason, ...(leftOut > 0 && { leftOut }) };
      logger.warn(details, 'a replay waits: something is away');
    },
  });

  async function persist<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await untilEnded(work);
    } catch (error) {
      throw error instanceof StaleBatchError && ended ? ended : error;
    }
  }

  return {
    persist,

    decode: (records: readonly IncomingRecord[]): Promise<Message[]> =>
      persist(() => Promise.all(records.map((record) => readMessage(record, codec)))),

    /**
     * `finish` is called last in the transaction that applies the messages; after isolating poison, in a separate
     * transaction at the end, and the `fence` in those before. Rejects with HandlerBrokenError when the handler or the
     * registry is broken.
     */
    async apply(messages: readonly Message[], finish: (tx: Tx, outcome: Applied) => Promise<void>): Promise<Applied> {
      const unknown = messages.filter((message) => !message.event && message.schemaFault).length;
      if (rate.count(clock.now()) + unknown > MAX_DEAD_LETTERS_A_MINUTE)
        throw new HandlerBrokenError(`the registry does not know the schemas of ${unknown} messages, or knows others`);
      rate.add(clock.now(), unknown);
      try {
        return await persist(() => applyMessages({ ...deps, finish }, messages));
      } catch (error) {
        if (isFinal(error)) throw error;
        logger.warn({ group, messages: messages.length, error: describe(error) }, 'a replayed batch failed: isolating');
      }
      const { outcome, guilty } = await isolate({ ...deps, clock, rate, persist, isFinal, fence }, messages);
      for (const { message, error } of guilty) {
        const { id, type, key } = message.event;
        logger.error({ group, key, eventId: id, type, error }, 'dead letter of a replay: its handler fails');
      }
      await persist(() => deps.store.transaction((tx) => finish(tx, outcome)));
      return outcome;
    },
  };
}

/**
 * The records of one partition that the group has in its dead letters: offset → whether the letter is still open. A
 * letter of another event at the same position is of a log that was deleted.
 * @param redriven false: leave out letters that were redriven
 * @param parked true: also those that wait behind a dead letter. Without, whoever applies the records decides: a
 *   subscription that parks finds the key parked and leaves the letter as it is; one that does not handles the event.
 */
export async function readSetAside(
  database: Database,
  group: string,
  records: readonly IncomingRecord[],
  { redriven = true, parked = false }: { redriven?: boolean; parked?: boolean } = {},
): Promise<Map<string, boolean>> {
  const [first, last] = [records.at(0), records.at(-1)];
  if (!first || !last) return new Map();
  const rows = await database.query<{ position: number; status: string; id: string | null }>(
    `SELECT \`offset\` AS position, status, event_id AS id FROM dead_letter
      WHERE consumer_group = ? AND topic = ? AND \`partition\` = ? AND \`offset\` BETWEEN ? AND ?`,
    [group, first.topic, first.partition, first.offset, last.offset],
  );
  const ids = new Map(records.map((record) => [record.offset, letterIdOf(record)]));
  return new Map(
    rows
      .filter(({ position, id }) => ids.get(String(position)) === id)
      .filter(({ status }) => (redriven || status !== 'REDRIVEN') && (parked || status !== 'PARKED'))
      .map(({ position, status }) => [String(position), !['REDRIVEN', 'DISCARDED'].includes(status)]),
  );
}

/** A subscription without its event types. Its handler still gets only the types that it named. */
export function anyEvents<Tx, T extends EventType>(subscription: Subscription<Tx, T>): Subscription<Tx, EventType> {
  return subscription as unknown as Subscription<Tx, EventType>;
}
