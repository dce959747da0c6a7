import { parseTraceparent } from '@shop/chassis';
import type { RecordBatch } from '../broker.ts';
import type { Clock } from '../clock.ts';
import type { Message } from '../codec/index.ts';
import type { EventLogger } from '../log.ts';
import type { Applied, EventMetrics } from '../metrics.ts';
import { createRepeats } from '../repeats.ts';
import type { Place } from '../store/index.ts';
import type { GuiltyMessage } from './apply.ts';
import { partitionName } from './pending.ts';

export interface ConsumerStatus {
  readonly group: string;
  /** The dependency that the consumer waits for, while it is away. */
  readonly waitingFor: string | undefined;
  /** `topic/partition` → why the partition's handler counts as broken. */
  readonly halted: Readonly<Record<string, string>>;
}

interface ReporterOptions {
  readonly group: string;
  readonly logger: EventLogger;
  readonly metrics: EventMetrics;
  readonly clock: Clock;
}

export type Reporter = ReturnType<typeof createReporter>;

/** Reports a consumer's state: logs, metrics, readiness detail. */
// One function: it is a list of messages and measures, a method each.
export function createReporter({ group, logger, metrics, clock }: ReporterOptions) {
  const halted = new Map<string, Place & { readonly error: string; readonly oldest: number }>();
  const repeats = createRepeats(() => clock.now());
  let waitingFor: string | undefined;

  /** @returns whether the partition was halted */
  function end({ topic, partition }: Place): boolean {
    if (!halted.delete(partitionName({ topic, partition }))) return false;
    metrics.partitionHalted(group, topic, partition, false);
    repeats.forget(partitionName({ topic, partition }));
    return true;
  }

  return {
    outcome({ applied, duplicate, parked, deadLettered }: Applied): void {
      metrics.handled(group, 'applied', applied);
      metrics.handled(group, 'duplicate', duplicate);
      metrics.handled(group, 'parked', parked);
      metrics.handled(group, 'dead_lettered', deadLettered);
      if (parked > 0) logger.warn({ group, parked }, 'messages were parked behind a dead letter');
    },

    batch(messages: readonly Message[], milliseconds: number): void {
      metrics.batch(group, messages.length, milliseconds / 1_000);
    },

    /** Measures the delay whenever it is read. A halted partition's messages count, though they are given back. */
    delayOf(inHand: () => Iterable<number>): void {
      metrics.delay(group, () => {
        let oldest = Number.POSITIVE_INFINITY;
        for (const timestamp of inHand()) oldest = Math.min(oldest, timestamp);
        for (const place of halted.values()) oldest = Math.min(oldest, place.oldest);
        return oldest === Number.POSITIVE_INFINITY ? 0 : Math.max(0, clock.now() - oldest) / 1_000;
      });
    },

    unreadable(messages: readonly Message[]): void {
      for (const message of messages) {
        if (message.event) continue;
        const { topic, partition, offset, key } = message.record;
        logger.error(
          { group, topic, partition, offset, key, error: message.error },
          'a message cannot be read: a dead letter, unless applied before',
        );
      }
    },

    deadLetters(guilty: readonly GuiltyMessage[]): void {
      for (const { message, error, attempts } of guilty) {
        const { topic, partition, offset, key, id, type, traceparent } = message.event;
        const { traceId } = parseTraceparent(traceparent) ?? {};
        const details = { group, topic, partition, offset, key, eventId: id, type, traceId, attempts, error };
        logger.error(details, 'dead letter: its handler fails');
      }
    },

    waiting(reason: string | undefined): void {
      if (reason && reason !== waitingFor) logger.error({ group, error: reason }, 'consumer waits: something is away');
      if (!reason && waitingFor) logger.info({ group }, 'consumer goes on');
      waitingFor = reason;
      metrics.waiting(group, reason !== undefined);
    },

    /**
     * Marks the partition as halted (its handler or the registry is broken) and alerts until `resume`. A partition that
     * was lost meanwhile is reported by its new owner.
     */
    halt(batch: RecordBatch, error: Error): void {
      if (batch.isStale()) return;
      const { topic, partition, records } = batch;
      const oldest = records[0]?.timestamp ?? clock.now();
      halted.set(partitionName(batch), { topic, partition, error: error.message, oldest });
      metrics.partitionHalted(group, topic, partition, true);
      const leftOut = repeats.due(partitionName(batch));
      if (leftOut === undefined) return;
      logger.error(
        { group, topic, partition, error: error.message, ...(leftOut > 0 && { leftOut }) },
        'partition halted: its handler or the schema registry is broken, or so many messages cannot be taken',
      );
    },

    resume({ topic, partition }: RecordBatch): void {
      if (end({ topic, partition })) logger.info({ group, topic, partition }, 'partition resumed');
    },

    /** Forgets halted partitions that are no longer this consumer's: whoever has them reports them. */
    keepOnly(partitions: ReadonlySet<string>): void {
      for (const [name, place] of halted) if (!partitions.has(name)) end(place);
    },

    halted: (): ReadonlySet<string> => new Set(halted.keys()),
    status: (): ConsumerStatus => ({
      group,
      waitingFor,
      halted: Object.fromEntries([...halted].map(([name, { error }]) => [name, error])),
    }),
  };
}
