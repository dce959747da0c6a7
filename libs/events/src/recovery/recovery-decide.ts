import type { IncomingRecord } from '../broker.ts';
import { isForOthers } from '../codec/index.ts';
import { EVENTS, type EventType } from '../contracts/index.ts';
import type { Applied } from '../metrics.ts';
import { createReplayApplier, readSetAside } from '../replay/index.ts';
import type { RecoveryFence, RecoveryStep, RecoverySubscription } from './recovery-options.ts';
import { expectStillRunning, noteRecovery } from './recovery-store.ts';

/** Most events in one transaction that are decided singly: a larger transaction would only hold locks longer. */
const MAX_TOGETHER = 200;

interface Decided {
  readonly decided: number;
  readonly parked: number;
  readonly dead: number;
}

/**
 * Decides the events that each subscription consumed but did not answer: those that its inbox does not hold. A
 * compensating event (`takesBack`) is decided before the other events of its key. A cancellation that arrived before
 * its trigger left a VOID row: deciding the trigger first would reserve something that was never reserved.
 */
export async function decideOpenEvents(
  step: RecoveryStep,
  subscriptions: readonly RecoverySubscription[],
  setNow: (time: Date) => void,
): Promise<Decided> {
  let total: Decided = { decided: 0, parked: 0, dead: 0 };
  const fence: RecoveryFence = (tx) => expectStillRunning(tx, step.id);
  for (const subscription of subscriptions) {
    await subscription.before?.(fence);
    const timed: RecoverySubscription = {
      ...subscription,
      async handle(tx, events) {
        if (subscription.takesMany) return await subscription.handle(tx, events);
        for (const event of events) {
          setNow(event.time);
          await subscription.handle(tx, [event]);
        }
      },
    };
    for (const types of inTurn(subscription.handles)) {
      await decideTypes({ ...step, fence }, timed, types, (outcome) => {
        total = {
          decided: total.decided + outcome.applied,
          parked: total.parked + outcome.parked,
          dead: total.dead + outcome.deadLettered,
        };
      });
    }
  }
  return total;
}

function inTurn(handles: readonly EventType[]): EventType[][] {
  const isFirst = (type: EventType) => EVENTS[type].takesBack === true;
  return [handles.filter(isFirst), handles.filter((type) => !isFirst(type))].filter((types) => types.length > 0);
}

async function decideTypes(
  step: RecoveryStep & { readonly fence: RecoveryFence },
  subscription: RecoverySubscription,
  types: readonly EventType[],
  count: (outcome: Applied) => void,
): Promise<void> {
  const { database, store, codec, log, id, ranges, batch, clock, logger, signal, failpoint, mayGoOn, fence } = step;
  const { group, wants, takesMany } = subscription;
  const interest = { handles: new Set<string>(types), wants };
  const topics = new Set(types.map((type) => EVENTS[type].topic));
  const applier = createReplayApplier({ store, subscription, codec, clock, logger, signal, failpoint, fence });

  async function decide(records: readonly IncomingRecord[]): Promise<void> {
    await mayGoOn();
    const wanted = records.filter((record) => !isForOthers(record, interest));
    // A dead letter in the backup stays one until an operator decides. A record without any type is dead-lettered
    // again.
    const setAside = await applier.persist(() => readSetAside(database, group, wanted));
    const messages = await applier.decode(wanted.filter((record) => !setAside.has(record.offset)));
    if (messages.length === 0) return;
    count(await applier.apply(messages, (tx, outcome) => noteRecovery(tx, id, outcome, new Date(clock.now()))));
  }

  const size = Math.min(batch, takesMany ? batch : MAX_TOGETHER, subscription.maxBatch ?? batch);
  await log.readRuns(
    ranges.filter((range) => topics.has(range.topic)),
    async (records) => {
      for (let i = 0; i < records.length; i += size) await decide(records.slice(i, i + size));
    },
  );
}
