import type { Database, Transaction } from '@shop/chassis';
import { type Clock, type Pauses, pauseAfter, systemClock } from '../clock.ts';
import { type Codec, isForOthers, readMessage } from '../codec/index.ts';
import { type Failpoint, parks, REPETITIONS, type Subscription } from '../consumer/index.ts';
import type { EventType } from '../contracts/index.ts';
import { describe, UndecodableError } from '../errors.ts';
import { classify } from '../failure.ts';
import { type EventLogger, silentLogger } from '../log.ts';
import { type EventMetrics, noMetrics } from '../metrics.ts';
import { createRepeats, type Repeats } from '../repeats.ts';
import { letterIdOf, type MessagingStore } from '../store/index.ts';
import { processTraced } from '../tracing.ts';
import {
  claimDiscarded,
  findTargets,
  freeKey,
  frontLetter,
  type Letter,
  lockKey,
  markDead,
  markRedriven,
  type RedriveTarget,
} from './redrive-store.ts';

/** Pauses between looks, ms: `last` is the longest an operator waits for the start of a redrive. */
const PAUSES = { first: 500, last: 2_000 };
/** The resolution of a letter whose event is in the inbox. */
const APPLIED_BEFORE = 'duplicate: was applied before';

export interface RedriverOptions {
  readonly database: Database;
  readonly store: Pick<MessagingStore<Transaction>, 'claim' | 'applied'>;
  readonly codec: Pick<Codec, 'decode'>;
  /** The subscriptions of this service, read at each look. */
  readonly subscriptions: () => readonly Subscription<Transaction, EventType>[];
  readonly logger?: EventLogger;
  readonly metrics?: EventMetrics;
  readonly failpoint?: Failpoint | undefined;
  readonly clock?: Clock;
  /** Times between two looks; default 500 to 2,000 ms. */
  readonly pauses?: Pauses;
}

export interface Redriver {
  stop(): Promise<void>;
}

/** The outcome for the first letter of a queue. */
type Step = 'more' | 'done' | 'blocked';

/** The state of one redriver. */
interface Work extends Required<RedriverOptions> {
  readonly stopping: AbortSignal;
  /** Keeps what lasts from filling the log. */
  readonly repeats: Repeats;
  /** Number of looks in a row that moved nothing. */
  inVain: number;
}

/**
 * Carries out redrives: applies a dead letter again and then all letters parked behind it, in order, one transaction
 * each, and stops at the first failure. Every instance may run it beside live consumers: all of them lock the
 * `parked_key` row first, so a message is either parked before the key is freed, or handled after.
 */
export function startRedriver(options: RedriverOptions): Redriver {
  const { failpoint, pauses = PAUSES } = options;
  const { logger = silentLogger, metrics = noMetrics, clock = systemClock } = options;
  const stopping = new AbortController();
  const defaults = { failpoint, pauses, logger, metrics, clock };
  const ended = run({ ...options, ...defaults, stopping: stopping.signal, repeats: createRepeats(), inVain: 0 });
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

/** Looks until it stops, less often after looks that moved nothing. Never rejects. */
async function run(work: Work): Promise<void> {
  const { metrics, clock, pauses, stopping, repeats } = work;
  while (!stopping.aborted) {
    const startedAt = clock.now();
    const looked = (succeeded: boolean) => metrics.looked('redrive', succeeded, (clock.now() - startedAt) / 1_000);
    try {
      work.inVain = (await look(work)) ? 0 : work.inVain + 1;
      looked(true);
      repeats.forget('looks');
    } catch (error) {
      looked(false);
      work.inVain += 1;
      const away = classify(error) === 'outage';
      const text = away ? 'something is away' : 'the dead letters cannot be found';
      say(work, away ? 'warn' : 'error', 'looks', { error: describe(error) }, `redriving is put off: ${text}`);
    }
    await clock.sleep(pauseAfter(work.inVain, pauses), stopping);
  }
}

/** Says it, unless it was said a short while ago. */
function say({ logger, repeats }: Work, level: 'warn' | 'error', kind: string, details: object, text: string): void {
  const leftOut = repeats.due(kind);
  if (leftOut !== undefined) logger[level]({ ...details, ...(leftOut > 0 && { leftOut }) }, text);
}

/** @returns whether anything moved */
async function look(work: Work): Promise<boolean> {
  const { database, subscriptions } = work;
  const byGroup = new Map(subscriptions().map((subscription) => [subscription.group, subscription]));
  if (byGroup.size === 0) return false;
  const parking = (group: string) => parks(byGroup.get(group) ?? {});
  const targets = await findTargets(database, [...byGroup.keys()], parking);
  let moved = false;
  for (const target of targets) {
    const subscription = byGroup.get(target.group);
    if (subscription && (await redrive(work, subscription, target))) moved = true;
  }
  return moved;
}

/**
 * Never rejects: a failing target is tried again at the next look and does not delay the other targets.
 * @returns whether a letter was redriven or a key freed
 */
async function redrive(
  work: Work,
  subscription: Subscription<Transaction, EventType>,
  target: RedriveTarget,
): Promise<boolean> {
  const { group, key } = target;
  let moved = false;
  try {
    while (!work.stopping.aborted) {
      const reached = await step(work, subscription, target);
      if (reached !== 'blocked') moved = true;
      if (reached !== 'more') break;
    }
  } catch (error) {
    const details = { group, key, error: describe(error) };
    const kind = classify(error);
    // Many letters may wait for the same, and each is tried at every look.
    if (kind === 'outage') say(work, 'warn', `${group} ${kind}`, details, 'a redrive is put off: something is away');
    else if (kind === 'conflict')
      say(work, 'warn', `${group} ${kind}`, details, 'a redrive is put off: it lost a race for its locks');
    else {
      const text = 'a redrive is put off: its dead letters cannot be handled';
      say(work, 'error', `${group} ${key} ${kind}`, details, text);
    }
  }
  return moved;
}

/** Handles the first letter of a queue, in one transaction: at once again while its handler loses races for a row. */
async function step(
  work: Work,
  subscription: Subscription<Transaction, EventType>,
  target: RedriveTarget,
  repetitions = REPETITIONS,
): Promise<Step> {
  const { database, clock } = work;
  let current: Letter | undefined;
  try {
    return await database.transaction(async (tx) => {
      await lockKey(tx, target);
      await claimDiscarded(tx, target, new Date(clock.now()));
      current = await frontLetter(tx, target);
      if (current?.status === 'DEAD') return 'blocked';
      if (current) await apply(work, tx, subscription, current);
      return (await freeKey(tx, target)) ? 'done' : 'more';
    });
  } catch (error) {
    const kind = classify(error);
    if (!current || kind === 'outage' || kind === 'conflict') throw error;
    if (kind === 'duplicate' && repetitions > 0) return step(work, subscription, target, repetitions - 1);
    await bury(work, target, current, error);
    return 'blocked';
  }
}

async function apply(
  work: Work,
  tx: Transaction,
  subscription: Subscription<Transaction, EventType>,
  letter: Letter,
): Promise<void> {
  const { store, codec, failpoint, logger, metrics, clock } = work;
  const now = new Date(clock.now());
  if (isForOthers(letter.record, { handles: new Set(subscription.handles) })) {
    return markRedriven(tx, letter.id, 'skipped: not for this group any more', now);
  }
  const message = await readMessage(letter.record, codec);
  if (!message.event) {
    const id = letterIdOf(letter.record);
    // A copy of an applied event is dropped, whatever its bytes are.
    const applied = id !== null && (await store.applied(tx, subscription.group, [id])).has(id);
    if (!applied) throw new UndecodableError(message.error);
    return markRedriven(tx, letter.id, APPLIED_BEFORE, now);
  }
  const { event } = message;
  const claimed = await store.claim(tx, subscription.group, [event.id], now);
  if (claimed.has(event.id)) {
    failpoint?.(subscription.group, event);
    await processTraced(subscription.group, [message], async (traced) => {
      await subscription.handle(
        tx,
        traced.flatMap(({ event }) => event ?? []),
      );
    });
  }
  await markRedriven(tx, letter.id, claimed.has(event.id) ? 'applied' : APPLIED_BEFORE, now);
  metrics.redriven(subscription.group, 'applied');
  logger.info({ group: subscription.group, key: event.key, eventId: event.id, type: event.type }, 'redriven');
}

async function bury(work: Work, target: RedriveTarget, letter: Letter, error: unknown): Promise<void> {
  const { database, logger, metrics, clock } = work;
  await database.transaction(async (tx) => {
    await lockKey(tx, target);
    const reason = error instanceof UndecodableError ? 'UNDECODABLE' : 'HANDLER_ERROR';
    await markDead(tx, letter, { reason, error: describe(error) }, new Date(clock.now()));
  });
  metrics.redriven(target.group, 'failed');
  logger.error({ group: target.group, key: target.key, id: letter.id, error: describe(error) }, 'a redrive failed');
}
