import { DomainError } from '../errors/index.ts';
import type { Client } from '../http/index.ts';
import type { Metrics } from '../process/index.ts';

/** Why a batcher refuses an item. */
export type Reason = 'stopping' | 'full' | 'busy' | 'late' | 'gone';

const WORDS: Readonly<Record<Reason, string>> = {
  stopping: 'The service is stopping.',
  full: 'Too many requests are waiting.',
  busy: 'Too many requests are waiting.',
  late: 'The request waited for too long; nothing was done.',
  gone: 'The time for the answer was over; nothing was done.',
};

interface Options {
  readonly name: string;
  readonly metrics: Metrics | undefined;
  /** 0 … 1, spreads Retry-After. */
  readonly random: () => number;
}

/** @returns a function that makes and counts the error of a refused item */
export function createRefusals({ name, metrics, random }: Options): (reason: Reason) => DomainError {
  const refusals = metrics?.counter(
    'batch_refused_total',
    'Items refused before any work: full or busy at once, late after waiting, gone with their client',
    ['batcher', 'reason'],
  );
  return (reason) => {
    refusals?.inc({ batcher: name, reason });
    return new DomainError('SERVICE_UNAVAILABLE', WORDS[reason], { retryAfterSeconds: 1 + Math.floor(random() * 3) });
  };
}

/** True when the client no longer waits for the answer. */
export function isLost(client: Client | undefined): boolean {
  return client !== undefined && (client.gone || client.timeLeftMs <= 0);
}
