import type { EachBatchPayload } from 'kafkajs';
import type { Clock } from '../clock.ts';
import { isLostMembership } from './settings.ts';

/** A session's membership in the group: the last sign of life from KafkaJS, and whether it must rejoin. */
export interface Membership {
  /** The coordinator's answer that ended the membership; undefined while it stands. */
  lostBy(): Error | undefined;
  /** The group has been joined, possibly again. */
  joined(): void;
  /** KafkaJS has received the coordinator's answer, and will rejoin by itself. */
  handedOver(): void;
  heartbeat(payload: EachBatchPayload): Promise<void>;
  signOfLife(): void;
  /** Time since the last sign of life, ms. */
  silentFor(): number;
}

export function createMembership(clock: Clock): Membership {
  let rebalance: Error | undefined;
  let lastSign = clock.now();

  return {
    lostBy: () => rebalance,
    joined() {
      lastSign = clock.now();
      rebalance = undefined;
    },
    handedOver() {
      rebalance = undefined;
    },
    async heartbeat(payload) {
      try {
        await payload.heartbeat();
      } catch (error) {
        // Anything else, a lost connection say, does not end the membership; time may, and the next heartbeat tells.
        if (error instanceof Error && isLostMembership(error)) rebalance = error;
        throw error;
      }
    },
    signOfLife() {
      lastSign = clock.now();
    },
    silentFor: () => clock.now() - lastSign,
  };
}
