import type { Clock } from '../clock.ts';
import { HandlerBrokenError } from '../errors.ts';
import type { SetAsidePermit } from '../store/index.ts';
import type { BatchQueue } from './batch-queue.ts';
import { type DeadLetterRate, MAX_DEAD_LETTERS_A_MINUTE } from './isolate.ts';
import { type Share, schemaFaults, unreadable } from './pending.ts';
import type { Reporter } from './report.ts';
import type { SchemaFaults } from './schema-faults.ts';

interface HaltUnknownSchemas {
  readonly rate: DeadLetterRate;
  readonly faults: SchemaFaults;
  readonly clock: Clock;
  readonly report: Reporter;
  readonly queue: BatchQueue;
  /** The operator's permit to set messages of the share's partition aside. */
  readonly findPermit: (share: Share) => Promise<SetAsidePermit | undefined>;
  /** Counts the share's unreadable messages that have neither a letter yet nor were applied. */
  readonly countNew: (share: Share) => Promise<number>;
}

/**
 * Halts partitions where many messages have schemas that the registry does not know, or knows as another event's. One
 * such message is rubbish; many mean that the registry has lost its schemas or was made anew, and dead-lettering would
 * then set everything aside, unless an operator permits it. A message that was set aside before, and comes again since
 * its offset was not committed, needs no permit. @returns the shares that may be applied.
 */
export async function haltUnknownSchemas(
  { rate, faults, clock, report, queue, findPermit, countNew }: HaltUnknownSchemas,
  taken: readonly Share[],
): Promise<Share[]> {
  const shares: Share[] = [];
  let before = rate.count(clock.now());
  const inARow = faults.tooMany(taken.flatMap(({ messages }) => messages));
  for (const share of taken) {
    const wrong = schemaFaults(share);
    if (wrong === 0 || (before + wrong <= MAX_DEAD_LETTERS_A_MINUTE && !inARow)) {
      before += wrong;
      shares.push(share);
      continue;
    }
    try {
      const permit = await findPermit(share);
      const left = permit?.left ?? 0;
      if (left < unreadable(share).length && left < (await countNew(share))) throw faultError(wrong, share, permit);
      shares.push({ ...share, ...(permit ? { permit } : { comesAgain: true }) });
    } catch (error) {
      if (error instanceof HandlerBrokenError) {
        report.halt(share.pending.batch, error);
        // Halted partitions come again one by one: a short share must not pass for rubbish then.
        faults.note(share.messages);
      }
      queue.giveBack(share.pending, error);
    }
  }
  return shares;
}

function faultError(wrong: number, { messages }: Share, permit: SetAsidePermit | undefined): HandlerBrokenError {
  const short = permit ? `; the permit of an operator has ${permit.left} left` : '';
  const last = messages.findLast((message) => !message.event);
  return new HandlerBrokenError(
    `the schema registry does not know the schemas of ${wrong} messages, or knows others${short}; last: ${last?.error}`,
  );
}
