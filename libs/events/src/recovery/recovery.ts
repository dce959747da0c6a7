import { EVENTS } from '../contracts/index.ts';
import { describe, StaleBatchError } from '../errors.ts';
import { classify } from '../failure.ts';
import { type RecordRange, TOPIC_SETTINGS } from '../kafka/index.ts';
import { groupsBehind } from './recovery-behind.ts';
import { decideOpenEvents } from './recovery-decide.ts';
import { applyOwnFacts } from './recovery-facts.ts';
import {
  FactsIncompleteError,
  RecoveryError,
  type RecoveryFence,
  type RecoveryOptions,
  type ReplayedGroup,
} from './recovery-options.ts';
import {
  countApplied,
  expectStillRunning,
  failRecovery,
  finishRecovery,
  latestInboxTime,
  noteStep,
  requestReplays,
  startRecovery,
} from './recovery-store.ts';

export interface Recovered {
  /** Own events read, including those whose effect was already there. */
  readonly facts: number;
  /** Consumed events that were decided now. */
  readonly decided: number;
  readonly parked: number;
  readonly dead: number;
}

/**
 * Brings a schema that was restored from a backup forward to the present end of the topics. First the effects of the
 * service's own events are restored; then the events it consumed but did not answer are decided. Both steps are
 * idempotent, so a run that died is simply started again. Nothing else may write to the schema meanwhile.
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { database, log, own, from, logger, clock, signal, instance, replayed = [] } = options;
  let at = from;
  const subscriptions = options.subscriptions(() => at);
  const consumed = [...subscriptions, ...replayed].flatMap(({ handles }) => handles.map((type) => EVENTS[type].topic));
  const topics = [...new Set([...own.types.map((type) => EVENTS[type].topic), ...consumed])].sort();

  const groups = [...new Set([own.group, ...[...subscriptions, ...replayed].map(({ group }) => group)])];
  await checkBeginning(options, groups, topics);
  await checkNotBehind(options, [...subscriptions, ...replayed]);
  const ranges: readonly RecordRange[] = await log.ranges(topics, from);
  const id = await startRecovery(database, { group: own.group, from, instance, ranges, now: new Date(clock.now()) });
  const stopIfTold = async () => {
    if (signal.aborted) throw new StaleBatchError('the service is stopping');
    await options.mayGoOn();
  };
  const fence: RecoveryFence = (tx) => expectStillRunning(tx, id);
  const step = { ...options, id, ranges, mayGoOn: stopIfTold };

  try {
    const records = ranges.reduce((sum, range) => sum + Number(range.to - range.from), 0);
    logger.info({ recovery: id, from: from.toISOString(), records }, 'recovery: own events first');
    await noteStep(database, id, 'own events', new Date(clock.now()));
    const facts = await applyOwnFacts(step);
    await stopIfTold();
    if (own.afterFacts) await noteStep(database, id, 'what jobs had done', new Date(clock.now()));
    await own.afterFacts?.(signal, fence);
    await noteStep(database, id, 'open events', new Date(clock.now()));
    logger.info({ recovery: id, facts }, 'recovery: own events are applied; now what was heard and not answered');
    const setNow = (time: Date) => {
      at = time;
    };
    const result = { facts, ...(await decideOpenEvents(step, subscriptions, setNow)) };
    await stopIfTold();
    await own.atEnd?.(signal, fence);
    await stopIfTold();
    await database.transaction(async (tx) => {
      const now = new Date(clock.now());
      await finishRecovery(tx, id, now);
      await requestReplays(tx, replayed, { from, instance, ranges, now });
    });
    logger.info({ recovery: id, ...result }, 'recovery is done');
    return result;
  } catch (error) {
    // A run interrupted by an outage or a stop is closed by the run that begins again.
    const isFinal = classify(error) === 'poison' && !(error instanceof StaleBatchError);
    if (isFinal) await failRecovery(database, id, new Date(clock.now()), describe(error));
    if (error instanceof FactsIncompleteError) throw new RecoveryError(error.message, { cause: error });
    throw error;
  }
}

/** Refuses a recovery that would leave a gap, before anything is changed. */
async function checkBeginning(
  options: RecoveryOptions,
  groups: readonly string[],
  topics: readonly string[],
): Promise<void> {
  const { database, log, from, acceptGaps, logger, clock } = options;
  if (from.getTime() > clock.now()) throw new RecoveryError(`RECOVERY_FROM ${from.toISOString()} is in the future`);
  const existing = new Set(await log.topics());
  const missing = topics.filter((topic) => !existing.has(topic));
  if (missing.length > 0) throw new RecoveryError(`there are no topics ${missing.join(', ')} to recover from`);

  const latest = await latestInboxTime(database, groups);
  if (latest && latest < from) {
    throw new RecoveryError(
      `RECOVERY_FROM ${from.toISOString()} is after the last event that this schema has handled (${latest.toISOString()}): ` +
        'it must be before the backup was taken, and an earlier time does no harm',
    );
  }
  const gone = [...(await log.goneSince(topics, from)), ...(await madeAnew(options, groups, topics))];
  if (gone.length === 0) return;
  const words = `the topics do not hold all since ${from.toISOString()}: ${gone.join('; ')}`;
  if (!acceptGaps) throw new RecoveryError(`${words}. RECOVERY_ACCEPT_GAPS=on recovers what there is`);
  logger.error({ gone }, `recovery goes on although ${words}`);
}

/**
 * Refuses a beginning after events that a group had not handled when the backup was taken: they are neither in its
 * inbox nor in what the recovery reads, and its committed offsets have passed them since.
 */
async function checkNotBehind(options: RecoveryOptions, groups: readonly ReplayedGroup[]): Promise<void> {
  const { from, acceptGaps, logger } = options;
  const behind = await groupsBehind(options, groups);
  if (behind.length === 0) return;
  const words =
    `before RECOVERY_FROM ${from.toISOString()} there are events that this schema has not handled ` +
    `(${behind.slice(0, 3).join('; ')}): the group was behind when the backup was taken`;
  if (!acceptGaps)
    throw new RecoveryError(`${words}. Take an earlier time; RECOVERY_ACCEPT_GAPS=on gives up what was sent before`);
  logger.error({ behind }, `recovery goes on although ${words}`);
}

/**
 * Topics from whose beginning nothing was cut hold at least what the schema has handled in their retention. If not,
 * they were deleted and made anew: they look whole, and the facts since the backup are not on them.
 */
async function madeAnew(
  { database, log, clock }: RecoveryOptions,
  groups: readonly string[],
  topics: readonly string[],
): Promise<string[]> {
  const ranges = await log.ranges(topics);
  if (ranges.some(({ low }) => low > 0n)) return [];
  const held = ranges.reduce((sum, { from, to }) => sum + Number(to - from), 0);
  const since = clock.now() - Number(TOPIC_SETTINGS['retention.ms']);
  const applied = await countApplied(database, groups, { since, most: held + 1 });
  if (applied <= held) return [];
  return [
    `they hold ${held} events, and this schema has handled more: they were made anew (docs/runbooks/lost-log.md)`,
  ];
}
