import type { Admin, Kafka } from 'kafkajs';
import type { BrokerConsumer, ConsumeOptions } from '../broker.ts';
import { atMost, type Clock, createBackoff } from '../clock.ts';
import { describe, withCauses } from '../errors.ts';
import type { EventLogger } from '../log.ts';
import type { EventMetrics } from '../metrics.ts';
import { logRanges, outOfRange } from './offsets.ts';
import { OffsetOutOfRangeError } from './patches.ts';
import { type Session, startSession } from './session.ts';

/** How often a halted group looks whether an operator has mended its offsets, ms. */
const HALTED_MS = 15_000;

export interface SupervisorOptions {
  readonly kafka: Kafka;
  /** A connected admin client, made anew by the owner when it fails. */
  readonly admin: <T>(work: (admin: Admin) => Promise<T>) => Promise<T>;
  readonly consume: ConsumeOptions;
  readonly logger: EventLogger;
  readonly metrics: EventMetrics;
  readonly clock: Clock;
}

/**
 * A consumer that never dies in silence: whatever ends the KafkaJS client, a new one is made, with back-off. Before
 * each start the group's committed offsets are compared with the log; if it no longer holds them the group halts and
 * alerts.
 */
export function superviseConsumer(options: SupervisorOptions): BrokerConsumer {
  const { kafka, admin, consume, logger, metrics, clock } = options;
  const { groupId, topics, fromBeginning } = consume;
  const stopping = new AbortController();
  const joined = Promise.withResolvers<void>();
  const backoff = createBackoff(100, 1_000);
  let positions: Map<string, string> | undefined;
  let session: Session | undefined;
  let member: string | undefined;

  /**
   * A group that starts at the end stands exactly where the log ended before it joined: what comes after is not missed.
   */
  async function findEnds(): Promise<Map<string, string>> {
    const ends = new Map<string, string>();
    for (const topic of topics) {
      for (const { partition, high } of await admin((client) => logRanges(client, topic))) {
        ends.set(`${topic}/${partition}`, high);
      }
    }
    return ends;
  }

  async function checkOffsets(): Promise<void> {
    if (!fromBeginning) return;
    const problems = await admin((client) => outOfRange(client, groupId, topics));
    metrics.groupHalted(groupId, problems.length > 0);
    if (problems.length > 0) throw new OffsetOutOfRangeError(problems.join('; '));
  }

  async function live(): Promise<void> {
    await checkOffsets();
    if (!fromBeginning) positions ??= await findEnds();
    if (stopping.signal.aborted) return;
    const formerMember = member;
    const onJoin = (memberId: string) => {
      member = memberId;
      backoff.reset();
      joined.resolve();
    };
    const current = await startSession({ kafka, consume, logger, clock, positions, formerMember, onJoin });
    session = current;
    if (stopping.signal.aborted) return current.stop();
    const stopped = Promise.withResolvers<undefined>();
    stopping.signal.addEventListener('abort', () => stopped.resolve(undefined), { once: true });
    const error = await Promise.race([current.ended, stopped.promise]);
    if (!error) return;
    current.abandon();
    throw error;
  }

  async function supervise(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await live();
      } catch (error) {
        const halted = isOutOfRange(error);
        metrics.consumerRestarted(groupId);
        if (halted) {
          metrics.groupHalted(groupId, true);
          logger.error(
            { groupId, error: describe(error) },
            'group halted: its offsets are out of the log, messages are lost to it',
          );
        } else logger.warn({ groupId, error: describe(error) }, 'consumer ended, starting it again');
        await clock.sleep(halted ? HALTED_MS : backoff.next(), stopping.signal);
      }
    }
  }

  const ended = supervise();
  return {
    ready: () => joined.promise,
    async stop() {
      stopping.abort();
      await session?.stop();
      // A client that is just trying to connect to a broker that is away is not waited for.
      await atMost(clock, 3_000, ended);
    },
  };
}

function isOutOfRange(error: unknown): boolean {
  for (const cause of withCauses(error)) {
    if (cause instanceof OffsetOutOfRangeError || cause.name === 'OffsetOutOfRangeError') return true;
  }
  return false;
}
