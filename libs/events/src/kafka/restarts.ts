import { type Clock, createBackoff } from '../clock.ts';
import { describe } from '../errors.ts';
import type { EventLogger } from '../log.ts';
import type { EventMetrics } from '../metrics.ts';
import { createRepeats } from '../repeats.ts';

/** A membership that lasts this long has recovered: whatever ends it later is a new matter, ms. */
export const SETTLED_MS = 10_000;
/** A membership that lasts this long has outlived what ends one only after a while, such as commits in vain, ms. */
export const LASTING_MS = 120_000;
/** So many short memberships in a row mean that starting again does not help. */
const IN_VAIN = 3;
/** So many starts in a row without joining (the broker is away, or answers with errors), at one a second. */
const NOT_JOINED = 30;

interface RestartsOptions {
  readonly groupId: string;
  readonly logger: EventLogger;
  readonly metrics: EventMetrics;
  readonly clock: Clock;
}

export type Restarts = ReturnType<typeof createRestarts>;

/** Paces and reports the restarts of a group's client. */
export function createRestarts({ groupId, logger, metrics, clock }: RestartsOptions) {
  // A broker that was away is back within seconds, so a client that cannot join tries often. One that joins and ends at
  // once meets something that does not pass by itself, such as a record that it cannot read.
  const joining = createBackoff(100, 1_000);
  const ending = createBackoff(100, 15_000);
  const repeats = createRepeats(() => clock.now());
  let short = 0;
  let failed = 0;
  /** Ends in a row for one reason, however long the memberships were. */
  let alike = { reason: '', ends: 0 };
  const isInVain = () => short >= IN_VAIN || failed >= NOT_JOINED || alike.ends >= IN_VAIN;

  return {
    /** @returns how long to wait before the next start, ms */
    ended(error: unknown, joined: boolean): number {
      if (joined) short += 1;
      else failed += 1;
      const reason = describe(error);
      const kind = reason.replace(/\d+/g, '#');
      if (joined) alike = { reason: kind, ends: kind === alike.reason ? alike.ends + 1 : 1 };
      metrics.consumerRestarted(groupId);
      const inVain = isInVain();
      metrics.consumerRestarting(groupId, inVain);
      const left = repeats.due(kind);
      if (left !== undefined) {
        const details = { groupId, error: reason, restarts: short + failed, ...(left > 0 && { leftOut: left }) };
        if (inVain) logger.error(details, 'consumer ends again and again: starting it again does not help');
        else logger.warn(details, 'consumer ended, starting it again');
      }
      return joined ? ending.next() : joining.next();
    },

    /** The client is a member again. */
    joined(): void {
      failed = 0;
      joining.reset();
      metrics.consumerRestarting(groupId, isInVain());
    },

    /** The membership has lasted. */
    settled(): void {
      if (short > 0) logger.info({ groupId, restarts: short }, 'consumer runs again');
      short = 0;
      ending.reset();
      metrics.consumerRestarting(groupId, isInVain());
    },

    /** The membership has lasted for LASTING_MS. */
    lasted(): void {
      alike = { reason: '', ends: 0 };
      metrics.consumerRestarting(groupId, false);
    },
  };
}
