import { DomainError } from '@shop/service';

export interface AdmissionOptions {
  /** Whether this process can publish and hear events yet. */
  readonly ready: () => boolean;
  readonly deadlineMs: number;
  /** The share of the deadline (0 … 1) that the oldest order may have used up before new ones are refused. */
  readonly share: number;
  readonly clock: () => Date;
}

/** Whether orders are taken: while the saga lags, more of them would only be cancelled by their deadline. */
export interface Admission {
  /** When the oldest PENDING order was created, null when none is; to be told every now and then. */
  measured(oldest: Date | null): void;
  /** @throws {DomainError} SERVICE_UNAVAILABLE before the process is ready */
  checkReady(): void;
  /** @throws {DomainError} SERVICE_UNAVAILABLE before the process is ready, and while the oldest order nears its deadline */
  check(): void;
  /** Age of the oldest PENDING order when last measured, ms. */
  readonly oldestMs: number;
}

export function createAdmission({ ready, deadlineMs, share, clock }: AdmissionOptions): Admission {
  const limitMs = deadlineMs * share;
  let oldestMs = 0;

  function checkReady(): void {
    if (!ready()) throw new DomainError('SERVICE_UNAVAILABLE', 'The service is starting.');
  }

  return {
    checkReady,
    measured(oldest) {
      oldestMs = oldest ? Math.max(0, clock().getTime() - oldest.getTime()) : 0;
    },
    check() {
      checkReady();
      if (oldestMs <= limitMs) return;
      // It is over at the latest when those orders are: the deadline ends them.
      const retryAfterSeconds = Math.min(Math.ceil((deadlineMs - Math.min(oldestMs, deadlineMs)) / 1000) + 1, 10);
      throw new DomainError('SERVICE_UNAVAILABLE', 'Orders take too long at the moment; none was placed.', {
        retryAfterSeconds,
      });
    },
    get oldestMs() {
      return oldestMs;
    },
  };
}
